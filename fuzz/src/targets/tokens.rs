//! What the hub hands out and reads again: cursors and page tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hub::{
    domain::channels::cursor::{CURSOR_CHARACTERS_MAX, CURSOR_LOGS_MAX, Cursor},
    wire::page,
};
use hub_core::names::AgencyId;

use crate::tape::Tape;

/// Words of cursors.
pub const CURSOR_WORDS: &[&str] = &[
    "tax",
    "channels/all-members",
    "agencies/tax/inbox",
    "agencies/tax/sent",
    "mechanisms/joint-enforcement/office/inbox",
];

fn tax() -> AgencyId {
    "tax".parse().unwrap()
}

/// A cursor as a subscriber brings it back: text, or its inner bytes under a right checksum. What is taken
/// is written again within the documented length and read as the same; no other agency can use it.
pub fn cursor(input: &[u8]) {
    let mut tape = Tape::new(input);
    let text = match tape.byte() % 2 {
        0 => tape.text(),
        _ => sealed(tape.rest(), crc32c::crc32c(tape.rest())),
    };
    let Ok(cursor) = Cursor::decode(&text, &tax()) else {
        return;
    };
    assert!(cursor.positions().count() <= CURSOR_LOGS_MAX);
    assert!(cursor.positions().all(|(_, position)| *position >= 0));
    let again = cursor.encode(&tax());
    assert!(again.len() <= CURSOR_CHARACTERS_MAX);
    assert_eq!(Cursor::decode(&again, &tax()), Ok(cursor));
    assert!(Cursor::decode(&text, &"health".parse().unwrap()).is_err());
}

/// Inner bytes with a checksum, as text.
#[must_use]
pub fn sealed(bytes: &[u8], sum: u32) -> String {
    URL_SAFE_NO_PAD.encode([bytes, &sum.to_be_bytes()].concat())
}

/// A page token as a caller brings it back: text, or a place under a right checksum. There is one way to
/// write a place: what is taken is the very text that the hub writes, and is of no use to another agency or
/// for another list.
pub fn page_token(input: &[u8]) {
    let mut tape = Tape::new(input);
    let list = ["channels/all-members", "agencies/tax?outstanding=true"];
    let list = list[usize::from(tape.byte() % 2)];
    let text = match tape.byte() % 2 {
        0 => tape.text(),
        _ => page::token_bytes(&tax(), list, tape.rest()),
    };
    let Ok(Some(place)) = page::bytes(&text, &tax(), list) else {
        return;
    };
    assert!(place.len() <= page::TOKEN_BYTES_MAX);
    assert_eq!(page::token_bytes(&tax(), list, &place), text);
    assert!(page::bytes(&text, &"health".parse().unwrap(), list).is_err());
    assert!(page::bytes(&text, &tax(), "channels/other").is_err());
    let position = page::position(&text, &tax(), list);
    assert_eq!(position.is_ok(), place.len() == 8);
    if let Ok(Some(position)) = position {
        assert_eq!(page::token(&tax(), list, position), text);
    }
}
