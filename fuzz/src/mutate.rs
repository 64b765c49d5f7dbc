//! Mutations of inputs that follow from a seed, for the tests: libFuzzer has its own.

use hub_tests::random::Random;

/// Numbers at which things break.
const NUMBERS: [u64; 10] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Longest piece that is copied or taken out at a time.
const PIECE_BYTES_MAX: usize = 64;

/// Changes an input a few times. `others` are further inputs to take pieces of.
#[must_use]
pub fn mutated(
    random: &mut Random,
    input: &[u8],
    others: &[Vec<u8>],
    dictionary: &[&str],
    bytes_max: usize,
) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        change(random, &mut bytes, others, dictionary);
    }
    bytes.truncate(bytes_max);
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>], dictionary: &[&str]) {
    let at = random.below(bytes.len() + 1);
    let piece = at..(at + random.below(PIECE_BYTES_MAX)).min(bytes.len());
    match random.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = byte(random),
        2 => bytes.insert(at, byte(random)),
        3 => drop(bytes.drain(piece)),
        4 => {
            let copy = bytes[piece].to_vec();
            let to = random.below(bytes.len() + 1);
            drop(bytes.splice(to..to, copy));
        }
        5 if !dictionary.is_empty() => {
            let word = random.pick(dictionary).as_bytes();
            drop(bytes.splice(at..at, word.iter().copied()));
        }
        6 if !dictionary.is_empty() => {
            let word = random.pick(dictionary).as_bytes();
            let end = (at + word.len()).min(bytes.len());
            drop(bytes.splice(at..end, word.iter().copied()));
        }
        7 if !others.is_empty() => {
            let other = random.pick(others);
            let from = random.below(other.len() + 1);
            let end = (from + random.below(PIECE_BYTES_MAX)).min(other.len());
            drop(bytes.splice(piece, other[from..end].iter().copied()));
        }
        _ => number(random, bytes, at),
    }
}

/// Puts a number over what is there: as text where digits stand, else in either order of bytes.
fn number(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    let number = *random.pick(&NUMBERS);
    let digits = bytes[at..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    if digits > 0 {
        drop(bytes.splice(at..at + digits, number.to_string().into_bytes()));
        return;
    }
    let width = 1 << random.below(4);
    let mut written = number.to_le_bytes()[..width].to_vec();
    if random.percent(50) {
        written.reverse();
    }
    let end = (at + width).min(bytes.len());
    drop(bytes.splice(at..end, written));
}

fn byte(random: &mut Random) -> u8 {
    random.bits().to_le_bytes()[0]
}
