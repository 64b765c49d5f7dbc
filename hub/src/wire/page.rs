//! Page sizes and page tokens (AIP-158). A token is bound to its caller and its list, and holds a
//! position of that list and nothing else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hub_core::{names::AgencyId, reason::Reason};

use crate::error::{Error, Result};

/// Most bytes that a token holds of its list.
pub const TOKEN_BYTES_MAX: usize = 192;

/// Longest token in characters: base64 of [`TOKEN_BYTES_MAX`] and a checksum.
const TOKEN_CHARACTERS_MAX: usize = (TOKEN_BYTES_MAX + SUM_BYTES).div_ceil(3) * 4;

/// Bytes of the checksum at the end of a token.
const SUM_BYTES: usize = 4;

/// Reads a page size: 0 means the default, more than the maximum is refused.
///
/// # Errors
/// When it is negative or too large.
pub fn size(asked: i32, default: usize, max: usize) -> Result<usize> {
    match usize::try_from(asked) {
        Ok(0) => Ok(default),
        Ok(size) if size <= max => Ok(size),
        _ => Err(Error::field(
            "page_size",
            format!("must be 0 to {max}; 0 means {default}"),
        )),
    }
}

/// Writes a token for the position after which the next page begins.
#[must_use]
pub fn token(agency: &AgencyId, list: &str, position: u64) -> String {
    token_bytes(agency, list, &position.to_be_bytes())
}

/// Writes a token for a list whose place is more than a number: at most [`TOKEN_BYTES_MAX`] bytes.
#[must_use]
pub fn token_bytes(agency: &AgencyId, list: &str, place: &[u8]) -> String {
    let sum = sum(agency, list, place);
    URL_SAFE_NO_PAD.encode([place, &sum.to_be_bytes()].concat())
}

/// Reads a token for a position.
///
/// # Errors
/// [`Reason::CursorInvalid`] when it is damaged, another caller's or another list's.
pub fn position(token: &str, agency: &AgencyId, list: &str) -> Result<Option<u64>> {
    let Some(place) = bytes(token, agency, list)? else {
        return Ok(None);
    };
    let position = place.try_into().map_err(|_| invalid())?;
    Ok(Some(u64::from_be_bytes(position)))
}

/// Reads a token that [`token_bytes`] wrote. What the bytes say is for the caller to check.
///
/// # Errors
/// As [`position`].
pub fn bytes(token: &str, agency: &AgencyId, list: &str) -> Result<Option<Vec<u8>>> {
    if token.is_empty() {
        return Ok(None);
    }
    if token.len() > TOKEN_CHARACTERS_MAX {
        return Err(invalid());
    }
    let mut place = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let at = place.len().checked_sub(SUM_BYTES).ok_or_else(invalid)?;
    let given = place.split_off(at);
    // The limit in characters lets a byte or two more through, which base64 rounds up to.
    let is_long = place.len() > TOKEN_BYTES_MAX;
    if is_long || given != sum(agency, list, &place).to_be_bytes() {
        return Err(invalid());
    }
    Ok(Some(place))
}

/// What a token that is none is answered with.
pub(super) fn invalid() -> Error {
    Error::new(
        Reason::CursorInvalid,
        "page_token: must be one that this hub gave to your agency for the same list, unchanged",
    )
}

fn sum(agency: &AgencyId, list: &str, place: &[u8]) -> u32 {
    let head = crc32c::crc32c(agency.as_str().as_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(head, list.as_bytes()), place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_its_caller_and_list_only() {
        let tax: AgencyId = "tax".parse().unwrap();
        let token = token(&tax, "channels/a", 50);
        assert_eq!(position(&token, &tax, "channels/a"), Ok(Some(50)));
        assert!(position(&token, &tax, "channels/b").is_err());
        assert!(position(&token, &"health".parse().unwrap(), "channels/a").is_err());
        assert!(position("AAAA", &tax, "channels/a").is_err());
        assert_eq!(position("", &tax, "channels/a"), Ok(None));
    }

    #[test]
    fn a_token_holds_any_bytes_up_to_its_size() {
        let tax: AgencyId = "tax".parse().unwrap();
        for count in [0, 1, 12, TOKEN_BYTES_MAX] {
            let place = vec![9; count];
            let token = token_bytes(&tax, "a", &place);
            assert_eq!(bytes(&token, &tax, "a"), Ok(Some(place)));
            assert!(bytes(&token, &tax, "b").is_err());
            assert_eq!(position(&token, &tax, "a").is_ok(), count == 8);
        }
        let long = token_bytes(&tax, "a", &[9; TOKEN_BYTES_MAX + 1]);
        assert!(bytes(&long, &tax, "a").is_err());
        assert!(bytes("AA", &tax, "a").is_err());
    }

    #[test]
    fn a_standing_comes_back_as_it_was_and_no_bit_of_a_token_can_be_changed() {
        let tax: AgencyId = "tax".parse().unwrap();
        for length in [0, 1, 8, 57, TOKEN_BYTES_MAX] {
            let standing: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            let token = token_bytes(&tax, "agencies/tax?outstanding=false", &standing);
            let read = |token: &str| bytes(token, &tax, "agencies/tax?outstanding=false");
            assert_eq!(read(&token), Ok(Some(standing.clone())));
            let sealed = URL_SAFE_NO_PAD.decode(&token).unwrap();
            for bit in 0..sealed.len() * 8 {
                let mut changed = sealed.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let refused = read(&URL_SAFE_NO_PAD.encode(changed)).unwrap_err();
                assert_eq!(refused.reason, Reason::CursorInvalid);
            }
            // The list of what is overdue is another one.
            let other = bytes(&token, &tax, "agencies/tax?outstanding=true");
            assert!(other.is_err());
        }
        let long = "A".repeat(TOKEN_CHARACTERS_MAX + 1);
        assert!(bytes(&long, &tax, "x").is_err());
        // A position's token is none for a list of another kind of standing.
        let short = token_bytes(&tax, "channels/a", &[1]);
        assert!(position(&short, &tax, "channels/a").is_err());
    }

    #[test]
    fn sizes_at_the_limit_and_past_it() {
        assert_eq!(size(0, 50, 500), Ok(50));
        assert_eq!(size(500, 50, 500), Ok(500));
        assert!(size(501, 50, 500).is_err());
        assert!(size(-1, 50, 500).is_err());
    }
}
