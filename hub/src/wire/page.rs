//! Page sizes and page tokens (AIP-158). A token is bound to its caller and its list, and holds a
//! position of that list and nothing else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hub_core::{names::AgencyId, reason::Reason};

use crate::error::{Error, Result};

/// Longest position of a list in bytes.
const STANDING_BYTES_MAX: usize = 192;

/// Longest token in characters.
const TOKEN_CHARACTERS_MAX: usize = (STANDING_BYTES_MAX + 4).div_ceil(3) * 4;

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
    token_of(agency, list, &position.to_be_bytes())
}

/// Writes a token for a standing, the bytes by which a list orders its items.
#[must_use]
pub fn token_of(agency: &AgencyId, list: &str, standing: &[u8]) -> String {
    let sum = sum(agency, list, standing);
    URL_SAFE_NO_PAD.encode([standing, &sum.to_be_bytes()].concat())
}

/// Reads a token for a position.
///
/// # Errors
/// [`Reason::CursorInvalid`] when it is damaged, another caller's or another list's.
pub fn position(token: &str, agency: &AgencyId, list: &str) -> Result<Option<u64>> {
    let Some(standing) = bytes(token, agency, list)? else {
        return Ok(None);
    };
    let position = <[u8; 8]>::try_from(standing).map_err(|_| invalid())?;
    Ok(Some(u64::from_be_bytes(position)))
}

/// Reads a token for a standing.
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
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let (standing, rest) = bytes.split_last_chunk::<4>().ok_or_else(invalid)?;
    if *rest != sum(agency, list, standing).to_be_bytes() {
        return Err(invalid());
    }
    Ok(Some(standing.to_vec()))
}

fn invalid() -> Error {
    Error::new(
        Reason::CursorInvalid,
        "page_token: must be one that this hub gave to your agency for the same list, unchanged",
    )
}

fn sum(agency: &AgencyId, list: &str, standing: &[u8]) -> u32 {
    let head = crc32c::crc32c(agency.as_str().as_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(head, list.as_bytes()), standing)
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
    fn sizes_at_the_limit_and_past_it() {
        assert_eq!(size(0, 50, 500), Ok(50));
        assert_eq!(size(500, 50, 500), Ok(500));
        assert!(size(501, 50, 500).is_err());
        assert!(size(-1, 50, 500).is_err());
    }
}
