//! What texts of an alert must be: within their limits, without control characters, and at clue level
//! (FS-051, X-006). A run of digits as long as an account number is refused, unless it is part of a
//! unified social credit code or of another word with letters in it.

use hub_core::uscc::Uscc;

use crate::error::{Error, Result, Violation};

/// So many digits in a row read as the number of an account or of a transaction.
pub const DIGITS_MAX: usize = 12;

/// What is wrong with a request so far: every broken rule is told at once.
#[derive(Debug, Default)]
pub struct Checks(Vec<Violation>);

impl Checks {
    /// Records a broken rule.
    pub fn broken(&mut self, field: &str, rule: impl Into<String>) {
        self.0.push(Violation {
            field: field.to_owned(),
            rule: rule.into(),
        });
    }

    /// Records a rule that is not kept.
    pub fn require(&mut self, is_kept: bool, field: &str, rule: impl Into<String>) {
        if !is_kept {
            self.broken(field, rule);
        }
    }

    /// A text of so many characters, with line breaks.
    pub fn text(&mut self, field: &str, text: &str, min: usize, max: usize) {
        let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
        let is_kept = text.chars().all(is_plain) && is_between(text, min, max);
        let rule = format!("must be {min} to {max} characters without control characters");
        self.require(is_kept, field, rule);
        self.clue_level(field, text);
    }

    /// A text of one line and so many characters.
    pub fn line(&mut self, field: &str, text: &str, min: usize, max: usize) {
        let is_kept = !text.chars().any(char::is_control) && is_between(text, min, max);
        let rule = format!("must be {min} to {max} characters on one line");
        self.require(is_kept, field, rule);
        self.clue_level(field, text);
    }

    /// A text without numbers of accounts or transactions.
    pub fn clue_level(&mut self, field: &str, text: &str) {
        let rule = format!(
            "must not have {DIGITS_MAX} or more digits in a row, which read as the number of an \
             account or a transaction: an alert stays at clue level (FS-051)"
        );
        self.require(!has_number(text), field, rule);
    }

    /// Takes in further broken rules.
    pub fn extend(&mut self, further: Vec<Violation>) {
        self.0.extend(further);
    }

    /// Refuses the request if a rule is broken.
    ///
    /// # Errors
    /// Every broken rule.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::fields(self.0))
        }
    }
}

fn is_between(text: &str, min: usize, max: usize) -> bool {
    let count = text.chars().count();
    (min..=max).contains(&count) && (min == 0 || !text.trim().is_empty())
}

/// A digit as people write it, half or full width.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || ('０'..='９').contains(&c)
}

/// Whether some word of a text is nothing but digits, and many of them. Words with letters, such as the
/// number of a case, are left alone, and so are credit codes.
fn has_number(text: &str) -> bool {
    let is_of_word = |c: char| c.is_ascii_alphabetic() || is_digit(c);
    text.split(|c| !is_of_word(c)).any(|word| {
        word.chars().count() >= DIGITS_MAX
            && word.chars().all(is_digit)
            && word.parse::<Uscc>().is_err()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(text: &str) -> bool {
        let mut checks = Checks::default();
        checks.text("grounds", text, 0, 1_000);
        match checks.finish() {
            Ok(()) => false,
            Err(error) => {
                assert!(error.message.contains("FS-051"), "{error}");
                true
            }
        }
    }

    #[test]
    fn fs_051_a_number_as_long_as_an_accounts_is_refused() {
        for text in [
            "123456789012",
            "账户6222021001001234567于本月转出",
            "６２２２０２１００１００１２３４５６７",
            "to 123456789012.",
        ] {
            assert!(is_refused(text), "{text}");
        }
    }

    #[test]
    fn fs_051_what_people_legitimately_write_is_not() {
        for text in [
            "12345678901",
            "2026-01-01至2026-03-31，约1,000,000,000,000元",
            "统一社会信用代码51100000500008957Y",
            "案号A1401000000002026010001",
            "晋社管组发〔2021〕2号，电话0351-1234567",
            "20260101 20260331 20260630",
        ] {
            assert!(!is_refused(text), "{text}");
        }
    }

    #[test]
    fn limits_at_the_edge_and_past_it() {
        let fields = |text: &str, min, max| {
            let mut checks = Checks::default();
            checks.text("text", text, min, max);
            checks.line("line", text, min, max);
            checks
                .0
                .into_iter()
                .map(|one| one.field)
                .collect::<Vec<_>>()
        };
        assert_eq!(fields("社社", 1, 2), [""; 0]);
        assert_eq!(fields("社社社", 1, 2), ["text", "line"]);
        assert_eq!(fields("", 0, 2), [""; 0]);
        assert_eq!(fields("", 1, 2), ["text", "line"]);
        assert_eq!(fields("  ", 1, 2), ["text", "line"]);
        assert_eq!(fields("a\nb", 1, 9), ["line"]);
        assert_eq!(fields("a\u{7}b", 1, 9), ["text", "line"]);
    }
}
