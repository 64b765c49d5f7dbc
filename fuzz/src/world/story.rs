//! What has taken place in a world: the acts of a scene of the end-to-end tests, recorded once by
//! `cargo run -p hub-fuzz --example seeds` and committed.

use hub::wire::rpc::RPCS;
use jiff::Timestamp;

use super::instant;
use crate::tape::{Tape, put_piece};

/// The verifier key of the ledger where the story was recorded.
pub const LEDGER_KEY: &str = include_str!("../../world/ledger.vkey");

/// The authority of the nodes there.
pub const AUTHORITY: &str = include_str!("../../world/authority.pem");

const STORY: &[u8] = include_bytes!("../../world/story.bin");

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Full path of its method.
    pub method: &'static str,
    /// Agency, officer and role.
    pub caller: [String; 3],
    /// Microseconds after the act before.
    pub after_us: i64,
    /// The message; of an upload its messages, each a piece of a tape.
    pub bytes: Vec<u8>,
}

/// Acts in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// When it begins.
    pub began_at: Timestamp,
    /// What happens.
    pub acts: Vec<Act>,
}

impl Story {
    /// The committed one.
    #[must_use]
    pub fn committed() -> Self {
        Self::read(STORY)
    }

    fn read(bytes: &[u8]) -> Self {
        let mut tape = Tape::new(bytes);
        let began_at = instant(number(&mut tape));
        let mut acts = vec![];
        while !tape.is_empty() {
            let method = String::from_utf8_lossy(tape.piece()).into_owned();
            let rpc = RPCS.iter().find(|rpc| rpc.method == method);
            let mut text = || String::from_utf8_lossy(tape.piece()).into_owned();
            let caller = [text(), text(), text()];
            acts.push(Act {
                method: rpc.expect("the story is of this hub").method,
                caller,
                after_us: number(&mut tape),
                bytes: tape.piece().to_vec(),
            });
        }
        Self { began_at, acts }
    }

    /// The bytes to commit.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = self.began_at.as_microsecond().to_le_bytes().to_vec();
        for act in &self.acts {
            put_piece(&mut bytes, act.method.as_bytes());
            for part in &act.caller {
                put_piece(&mut bytes, part.as_bytes());
            }
            bytes.extend(act.after_us.to_le_bytes());
            put_piece(&mut bytes, &act.bytes);
        }
        bytes
    }
}

fn number(tape: &mut Tape<'_>) -> i64 {
    i64::from_le_bytes(tape.long().to_le_bytes())
}
