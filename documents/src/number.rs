//! Numbers of official documents (发文字号): `^[\p{Han}]+〔(19|20)\d{2}〕[1-9]\d*号$`.

/// Longest agency word (机关代字) of a document number, in characters.
pub const AGENCY_WORD_CHARS_MAX: usize = 30;

/// Most digits of the serial number.
pub const SERIAL_DIGITS_MAX: usize = 6;

/// Brackets that people write in place of 〔〕.
const WRONG_BRACKETS: [char; 12] = [
    '[', ']', '(', ')', '［', '］', '（', '）', '【', '】', '﹝', '﹞',
];

/// The rule that `text` breaks, if it is no document number. It reads as "must …".
pub(crate) fn broken_rule(text: &str) -> Option<&'static str> {
    const FORM: &str =
        "must have the form 晋社管组发〔2021〕2号: agency word, 〔year〕, serial, 号";
    if text.contains(WRONG_BRACKETS) {
        return Some("must have hexagonal brackets 〔〕 (U+3014, U+3015) around the year");
    }
    let Some((word, rest)) = text.split_once('〔') else {
        return Some(FORM);
    };
    let Some((year, rest)) = rest.split_once('〕') else {
        return Some(FORM);
    };
    let Some(serial) = rest.strip_suffix('号') else {
        return Some(FORM);
    };
    if word.is_empty() || !word.chars().all(is_han) {
        return Some("must begin with the agency word in Chinese characters, without spaces");
    }
    if word.chars().count() > AGENCY_WORD_CHARS_MAX {
        return Some("must have an agency word of at most 30 characters");
    }
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if year.len() != 4 || !are_digits(year) || !(year.starts_with("19") || year.starts_with("20")) {
        return Some("must have a year of four digits from 1900 to 2099");
    }
    if serial.is_empty() || !are_digits(serial) {
        return Some(FORM);
    }
    if serial.starts_with('0') {
        return Some("must have a serial number without leading zeros, from 1");
    }
    (serial.len() > SERIAL_DIGITS_MAX).then_some("must have a serial number of at most 6 digits")
}

/// The Han script. Numerals such as 〇 belong to it, brackets and punctuation do not.
fn is_han(c: char) -> bool {
    matches!(c,
        '\u{2E80}'..='\u{2E99}' | '\u{2E9B}'..='\u{2EF3}' | '\u{2F00}'..='\u{2FD5}'
        | '\u{3005}' | '\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303B}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FA6D}' | '\u{FA70}'..='\u{FAD9}'
        | '\u{20000}'..='\u{2EE5D}' | '\u{2F800}'..='\u{2FA1D}' | '\u{30000}'..='\u{323AF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_documents_are_taken() {
        for text in [
            "晋社管组发〔2021〕2号",
            "晋社执纪〔1999〕10号",
            "晋〔2099〕999999号",
        ] {
            assert_eq!(broken_rule(text), None, "{text}");
        }
    }

    #[test]
    fn wrong_brackets_are_named() {
        for text in [
            "晋社管组发[2021]2号",
            "晋社管组发（2021）2号",
            "晋社管组发【2021】2号",
            "晋社管组发〔2021]2号",
        ] {
            assert!(broken_rule(text).unwrap().contains("〔〕"), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "〔2021〕2号",
            "A〔2021〕2号",
            "晋 社〔2021〕2号",
            "晋社〔21〕2号",
            "晋社〔1821〕2号",
            "晋社〔2021〕02号",
            "晋社〔2021〕0号",
            "晋社〔2021〕号",
            "晋社〔2021〕第2号",
            "晋社〔2021〕２号",
            "晋社〔2021〕2",
            "晋社〔2021〕2号 ",
            "晋社〔2021〕1000000号",
            "晋社2021年2号",
        ] {
            assert!(broken_rule(text).is_some(), "{text}");
        }
    }
}
