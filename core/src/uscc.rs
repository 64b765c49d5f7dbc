//! Unified social credit codes (统一社会信用代码), GB 32100-2015.
//!
//! A [`Uscc`] always has 18 characters of the standard's alphabet, digits in its division code, and
//! a right outer check character. The inner one (GB 11714, the ninth character of the organisation
//! code) is told apart: codes in use break it now and then, so by itself it is a warning.

use std::{fmt, str::FromStr};

/// Length of a code in characters.
pub const USCC_CHARS: usize = 18;

/// The alphabet: no I, O, S, V, Z. The place of a character is its value.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Weights of positions 1 to 17: 3^i mod 31.
const OUTER_WEIGHTS: [u32; 17] = [
    1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
];

/// Weights of positions 9 to 16 in the organisation code.
const INNER_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// Why a text is no code. Each variant is one rule of the standard.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[non_exhaustive]
pub enum UsccError {
    /// Not 18 characters.
    #[error("must be 18 characters, not {chars}")]
    Length {
        /// How many there are.
        chars: usize,
    },
    /// A character that may not stand where it stands.
    #[error("character {position} must be {allowed}, not {found:?}")]
    Character {
        /// Position, from 1.
        position: usize,
        /// The character.
        found: char,
        /// What may stand there.
        allowed: &'static str,
    },
    /// The last character does not fit the others.
    #[error("check character 18 must be {expected} for this code, not {found}: a typing error")]
    OuterCheck {
        /// What the standard asks for.
        expected: char,
        /// What is there.
        found: char,
    },
    /// The organisation code's own check character does not fit (GB 11714).
    #[error(
        "check character 17 (of the organization code) must be {expected} for this code, not {found}"
    )]
    InnerCheck {
        /// What the standard asks for.
        expected: char,
        /// What is there.
        found: char,
    },
}

/// A code with a right outer check character.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uscc([u8; USCC_CHARS]);

/// A code, and what is odd about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The code.
    pub uscc: Uscc,
    /// Rules it breaks without being refused; today only [`UsccError::InnerCheck`].
    pub warnings: Vec<UsccError>,
}

/// Reads a code and tells a wrong inner check character as a warning.
///
/// # Errors
/// The first rule that the text breaks, except [`UsccError::InnerCheck`].
pub fn check(text: &str) -> Result<Checked, UsccError> {
    let uscc: Uscc = text.parse()?;
    let warnings = uscc.with_inner_check().err().into_iter().collect();
    Ok(Checked { uscc, warnings })
}

impl Uscc {
    /// The 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in, so the default is never taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The registering authority's division code, positions 3 to 8 (GB/T 2260).
    #[must_use]
    pub fn division_code(&self) -> &str {
        self.as_str().get(2..8).unwrap_or_default()
    }

    /// The organisation code, positions 9 to 17 (GB 11714).
    #[must_use]
    pub fn organization_code(&self) -> &str {
        self.as_str().get(8..17).unwrap_or_default()
    }

    /// Whether the inner check character is right too.
    #[must_use]
    pub fn inner_check_is_valid(&self) -> bool {
        self.with_inner_check().is_ok()
    }

    /// The code itself if both check characters are right.
    ///
    /// # Errors
    /// [`UsccError::InnerCheck`] otherwise.
    pub fn with_inner_check(self) -> Result<Self, UsccError> {
        let code = self.organization_code();
        let found = code.chars().next_back().unwrap_or_default();
        let sum: u32 = code
            .chars()
            .zip(INNER_WEIGHTS)
            .map(|(c, weight)| c.to_digit(36).unwrap_or(0) * weight)
            .sum();
        let expected = match 11 - sum % 11 {
            10 => 'X',
            11 => '0',
            digit => char::from_digit(digit, 10).unwrap_or('0'),
        };
        if found == expected {
            Ok(self)
        } else {
            Err(UsccError::InnerCheck { expected, found })
        }
    }
}

/// The value of a character of the alphabet.
fn value(byte: u8) -> Option<u32> {
    ALPHABET
        .iter()
        .position(|letter| *letter == byte)
        .and_then(|place| u32::try_from(place).ok())
}

/// The check character that belongs to the first 17.
fn outer_check(bytes: &[u8; USCC_CHARS]) -> char {
    let sum: u32 = bytes
        .iter()
        .zip(OUTER_WEIGHTS)
        .map(|(byte, weight)| value(*byte).unwrap_or(0) * weight)
        .sum();
    // The outer `% 31` matters: a sum that 31 divides gives 31, which is written 0.
    let place = (31 - sum % 31) % 31;
    usize::try_from(place)
        .ok()
        .and_then(|place| ALPHABET.get(place))
        .map_or('0', |byte| char::from(*byte))
}

impl FromStr for Uscc {
    type Err = UsccError;

    fn from_str(text: &str) -> Result<Self, UsccError> {
        let chars = text.chars().count();
        if chars != USCC_CHARS {
            return Err(UsccError::Length { chars });
        }
        let mut bytes = [0; USCC_CHARS];
        for ((slot, found), position) in bytes.iter_mut().zip(text.chars()).zip(1..) {
            let (is_allowed, allowed) = if (3..=8).contains(&position) {
                (found.is_ascii_digit(), "a digit of the division code")
            } else {
                let byte = u8::try_from(found).ok();
                (
                    byte.and_then(value).is_some(),
                    "a digit or a capital letter other than I, O, S, V and Z",
                )
            };
            match u8::try_from(found) {
                Ok(byte) if is_allowed => *slot = byte,
                _ => {
                    return Err(UsccError::Character {
                        position,
                        found,
                        allowed,
                    });
                }
            }
        }
        let expected = outer_check(&bytes);
        let found = bytes.last().map_or('0', |byte| char::from(*byte));
        if found == expected {
            Ok(Self(bytes))
        } else {
            Err(UsccError::OuterCheck { expected, found })
        }
    }
}

impl fmt::Display for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uscc({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the vector file: code, whether it is valid, note.
    fn vectors() -> Vec<(&'static str, bool, &'static str)> {
        include_str!("../testdata/uscc-vectors.csv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .skip(1)
            .map(|line| {
                let mut columns = line.splitn(3, ',');
                let code = columns.next().unwrap();
                let expected = columns.next().unwrap();
                assert!(matches!(expected, "valid" | "invalid"), "{line}");
                (code, expected == "valid", columns.next().unwrap())
            })
            .collect()
    }

    fn valid() -> Vec<&'static str> {
        vectors()
            .into_iter()
            .filter(|row| row.1)
            .map(|row| row.0)
            .collect()
    }

    #[test]
    fn every_vector_is_judged_as_expected() {
        let rows = vectors();
        assert_eq!(rows.len(), 20);
        assert_eq!(rows.iter().filter(|row| row.1).count(), 10);
        for (code, is_valid, note) in rows {
            let parsed = code.parse::<Uscc>();
            assert_eq!(parsed.is_ok(), is_valid, "{code} ({note}): {parsed:?}");
            if let Ok(uscc) = parsed {
                assert_eq!(uscc.to_string(), code);
            }
        }
    }

    #[test]
    fn the_error_names_the_rule() {
        let error = |code: &str| code.parse::<Uscc>().unwrap_err();
        assert_eq!(
            error("51140700500058006Y0"),
            UsccError::Length { chars: 19 }
        );
        assert!(matches!(
            error("521407259O7764615Q"),
            UsccError::Character {
                position: 10,
                found: 'O',
                ..
            }
        ));
        assert!(matches!(
            error("511A0000500008957Y"),
            UsccError::Character { position: 4, .. }
        ));
        assert!(matches!(
            error("52140100MJA7－56XG9"),
            UsccError::Character { found: '－', .. }
        ));
        assert!(matches!(
            error("52140000500025183f"),
            UsccError::Character { position: 18, .. }
        ));
        assert!(matches!(
            error("51140000500015065A"),
            UsccError::OuterCheck { found: 'A', .. }
        ));
    }

    #[test]
    fn a_wrong_inner_check_is_a_warning() {
        // Change the inner check character, then make the outer one fit again.
        let mut bytes: [u8; USCC_CHARS] = valid()[0].as_bytes().try_into().unwrap();
        assert_ne!(bytes[16], b'8');
        bytes[16] = b'8';
        bytes[17] = u8::try_from(outer_check(&bytes)).unwrap();
        let checked = check(std::str::from_utf8(&bytes).unwrap()).unwrap();
        assert!(!checked.uscc.inner_check_is_valid());
        assert_eq!(
            checked.warnings,
            [UsccError::InnerCheck {
                expected: '7',
                found: '8'
            }]
        );
        assert!(checked.uscc.with_inner_check().is_err());
    }

    #[test]
    fn codes_without_fault_give_no_warning() {
        for code in valid() {
            assert_eq!(check(code).unwrap().warnings, [], "{code}");
        }
        let uscc: Uscc = "52140100MJA756XG9P".parse().unwrap();
        assert_eq!(uscc.division_code(), "140100");
        assert_eq!(uscc.organization_code(), "MJA756XG9");
    }

    #[test]
    fn letters_may_stand_first_and_the_check_may_be_zero() {
        // Two faults of other validators: digits demanded in position 1, check 0 refused.
        let mut zeroes = 0;
        for first in b"1359ANY" {
            for last in 0..100 {
                let text = format!("{}2140000{:09}0", char::from(*first), 500_000_000 + last);
                let mut bytes: [u8; USCC_CHARS] = text.as_bytes().try_into().unwrap();
                bytes[17] = u8::try_from(outer_check(&bytes)).unwrap();
                let code = std::str::from_utf8(&bytes).unwrap();
                assert!(code.parse::<Uscc>().is_ok(), "{code}");
                // The standard's rule in another form: all 18 values, weighted with the powers of
                // 3 and the last with 1, make a multiple of 31.
                let sum = (0..17).fold(0, |sum, place| {
                    sum + value(bytes[place]).unwrap()
                        * (3_u32.pow(u32::try_from(place).unwrap()) % 31)
                });
                assert_eq!((sum + value(bytes[17]).unwrap()) % 31, 0, "{code}");
                zeroes += usize::from(bytes[17] == b'0');
            }
        }
        assert!(zeroes > 0);
    }

    /// 31 is prime, all weights differ from 0 and neighbours differ from each other mod 31: the
    /// outer check catches not most but all of these.
    #[test]
    fn every_single_change_and_adjacent_transposition_is_caught() {
        for code in valid() {
            let bytes: [u8; USCC_CHARS] = code.as_bytes().try_into().unwrap();
            for place in 0..USCC_CHARS {
                for letter in ALPHABET.iter().filter(|letter| **letter != bytes[place]) {
                    let mut changed = bytes;
                    changed[place] = *letter;
                    let text = std::str::from_utf8(&changed).unwrap();
                    assert!(text.parse::<Uscc>().is_err(), "{code} -> {text}");
                }
            }
            for place in (0..USCC_CHARS - 1).filter(|place| bytes[*place] != bytes[place + 1]) {
                let mut swapped = bytes;
                swapped.swap(place, place + 1);
                let text = std::str::from_utf8(&swapped).unwrap();
                assert!(text.parse::<Uscc>().is_err(), "{code} -> {text}");
            }
        }
    }
}
