//! What a request takes decoded is counted before it is decoded: for every mutating method, whose readers
//! there are, lists of empty messages in every place hold no more memory than was counted.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failure here is a failed test; seeds are printed"
)]

use std::alloc::System;

use hub::{domain::request_ids::READERS, identity::weight::decoded_bytes};
use hub_tests::random::Random;
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait as _};

#[global_allocator]
static MEMORY: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Fields of a message that are tried.
const FIELDS_MAX: u32 = 32;

/// Items of a list: enough that they outweigh everything else.
const ITEMS: usize = 1_000;

/// What a reader holds beside the request.
const BESIDE_BYTES: usize = 4_096;

/// A field of bytes.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    varint(&mut bytes, u64::from(number << 3 | 2));
    varint(&mut bytes, content.len().try_into().unwrap());
    bytes.extend_from_slice(content);
    bytes
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
}

#[test]
fn no_request_holds_more_than_was_counted() {
    let seed = hub_tests::seed();
    println!("HUB_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let mut heaviest = 0;
    for (method, read) in READERS {
        let mut check = |message: &[u8]| {
            let counted = decoded_bytes(method, message) + message.len() + BESIDE_BYTES;
            MEMORY.reset_peak_memory();
            drop(read(message));
            let held = MEMORY.get_peak_memory();
            assert!(
                held <= counted,
                "{method}: {held} bytes held, {counted} counted"
            );
            heaviest = heaviest.max(held / message.len().max(1));
        };
        for number in 1..=FIELDS_MAX {
            let items = field(number, &[]).repeat(ITEMS);
            check(&items);
            for outer in 1..=FIELDS_MAX {
                check(&field(outer, &items));
            }
        }
        // Deeper, and several lists in one, as they come.
        for _ in 0..500 {
            let mut message = vec![];
            for _ in 0..=random.below(3) {
                let mut numbers = || u32::try_from(random.below(24) + 1).unwrap();
                let mut list = field(numbers(), &[]).repeat(ITEMS);
                for _ in 0..2 {
                    list = field(numbers(), &list);
                }
                message.extend(list);
            }
            check(&message);
        }
    }
    // Some list there is whose items take many times what they are sent as.
    assert!(heaviest > 100, "{heaviest}");
}
