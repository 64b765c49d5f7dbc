//! What a read of restricted records is for, as its reader says.

/// Metadata in which a caller says what a read is for, as UTF-8 bytes.
pub const PURPOSE_HEADER: &str = "hub-purpose-bin";

/// Longest purpose in characters.
pub const PURPOSE_CHARACTERS_MAX: usize = 200;

/// The rule that a purpose keeps.
pub const PURPOSE_RULE: &str =
    "must be UTF-8 text of at most 200 characters without control characters";

/// Whether a text can be a purpose.
#[must_use]
pub fn is_purpose(text: &str) -> bool {
    text.chars().count() <= PURPOSE_CHARACTERS_MAX && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_one_line_of_a_bounded_length_and_the_rule_says_so() {
        assert!(is_purpose("") && is_purpose(&"核".repeat(PURPOSE_CHARACTERS_MAX)));
        assert!(!is_purpose(&"核".repeat(PURPOSE_CHARACTERS_MAX + 1)));
        assert!(!is_purpose("a\nb"));
        assert!(PURPOSE_RULE.contains(&PURPOSE_CHARACTERS_MAX.to_string()));
    }
}
