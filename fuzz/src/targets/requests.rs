//! Calls of every method, from the frame to the answer.

use std::cell::RefCell;

use hub::wire::rpc::{RPCS, Rpc};

use crate::{
    tape::{Tape, put_piece},
    world::{Manner, World},
};

/// Words of requests.
pub const WORDS: &[&str] = &[
    "agencies/tax",
    "agencies/-",
    "agencies/hub",
    "agencies/tax/inbox",
    "agencies/tax/sent",
    "mechanisms/joint-enforcement/office",
    "channels/all-members",
    "channels/joint-enforcement",
    "channels/all-members/notifications/1",
    "coordination",
    "work_notice",
    "text/plain",
    "51100000500008957Y",
    "晋民函〔2021〕64号",
    "\u{8}\u{1}",
    "\u{12}\u{0}",
    "\n\u{0}",
    "\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}",
];

/// Most calls of one input.
const CALLS_MAX: usize = 8;

/// How a method is named in an input: by two bytes of its path's checksum, so that a corpus outlives new
/// methods.
#[must_use]
pub fn code(rpc: &Rpc) -> u16 {
    let [_, _, high, low] = crc32c::crc32c(rpc.method.as_bytes()).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// Bits of the manner of a call.
const IS_RAW: u8 = 1;
/// See [`Manner`].
pub const IS_FRESH: u8 = 2;
const IS_SPLIT: u8 = 4;
const IS_COMPRESSED: u8 = 8;
const HAS_PURPOSE: u8 = 16;

/// Appends a call to an input.
pub fn put_call(tape: &mut Vec<u8>, rpc: &Rpc, caller: usize, manner: u8, bytes: &[u8]) {
    tape.extend(code(rpc).to_le_bytes());
    tape.push(u8::try_from(caller).expect("there are fewer callers"));
    tape.push(manner);
    put_piece(tape, bytes);
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Up to eight calls, each of any method by any caller: a message, or a body with frames and all, through the
/// servers that tonic generates, conversion, authorization, the engine and back. Every call is answered, with
/// a code that gRPC knows.
pub fn requests(input: &[u8]) {
    let mut tape = Tape::new(input);
    WORLD.with_borrow_mut(|world| {
        let world = world.get_or_insert_with(World::new);
        for _ in 0..CALLS_MAX {
            if tape.is_empty() {
                break;
            }
            let named = tape.short();
            let by_code = RPCS.iter().find(|rpc| code(rpc) == named);
            let rpc = by_code.unwrap_or(&RPCS[usize::from(named) % RPCS.len()]);
            let caller = usize::from(tape.byte());
            let bits = tape.byte();
            let is = |bit: u8| bits & bit != 0;
            let purpose = is(HAS_PURPOSE).then(|| tape.piece());
            let manner = Manner {
                is_raw: is(IS_RAW),
                is_fresh: is(IS_FRESH),
                is_split: is(IS_SPLIT),
                is_compressed: is(IS_COMPRESSED),
                purpose,
            };
            let code = world.call(rpc, caller, manner, tape.piece());
            assert!(
                code.is_none_or(|code| code <= 16),
                "{}: {code:?}",
                rpc.method
            );
        }
    });
}
