//! Numbers of official documents (发文字号), GB/T 9704-2012: agency word, year in hexagonal
//! brackets, serial, 号, such as 晋社管组发〔2021〕2号.

use std::{fmt, str::FromStr, sync::Arc};

/// Longest agency word in characters.
pub const AGENCY_WORD_CHARS_MAX: usize = 30;

/// Greatest serial number.
pub const SERIAL_MAX: u32 = 999_999;

/// Why a text is no document number. It reads as a rule: "must …".
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("must {0}")]
pub struct DocumentNumberError(&'static str);

/// The number of an official document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentNumber {
    agency_word: Arc<str>,
    year: u16,
    serial: u32,
}

impl DocumentNumber {
    /// The issuing agency's word (机关代字), such as 晋社管组发.
    #[must_use]
    pub fn agency_word(&self) -> &str {
        &self.agency_word
    }

    /// Year, 1900 to 2099.
    #[must_use]
    pub fn year(&self) -> u16 {
        self.year
    }

    /// Serial number within the year, from 1.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }
}

impl FromStr for DocumentNumber {
    type Err = DocumentNumberError;

    fn from_str(text: &str) -> Result<Self, DocumentNumberError> {
        const FORM: DocumentNumberError = DocumentNumberError(
            "have the form 晋社管组发〔2021〕2号: agency word, 〔year〕, serial, 号",
        );
        if text.contains([
            '[', ']', '(', ')', '［', '］', '（', '）', '【', '】', '﹝', '﹞',
        ]) {
            return Err(DocumentNumberError(
                "use hexagonal brackets 〔〕 (U+3014, U+3015) around the year",
            ));
        }
        let (word, rest) = text.split_once('〔').ok_or(FORM)?;
        let (year, rest) = rest.split_once('〕').ok_or(FORM)?;
        let serial = rest.strip_suffix('号').ok_or(FORM)?;
        if word.is_empty() || !word.chars().all(is_han) {
            return Err(DocumentNumberError(
                "begin with the agency word in Chinese characters, without spaces",
            ));
        }
        if word.chars().count() > AGENCY_WORD_CHARS_MAX {
            return Err(DocumentNumberError(
                "have an agency word of at most 30 characters",
            ));
        }
        let is_year = year.len() == 4
            && year.bytes().all(|byte| byte.is_ascii_digit())
            && (year.starts_with("19") || year.starts_with("20"));
        if !is_year {
            return Err(DocumentNumberError(
                "have a year of four digits from 1900 to 2099",
            ));
        }
        Ok(Self {
            agency_word: word.into(),
            year: year.parse().map_err(|_| FORM)?,
            serial: serial_number(serial)?,
        })
    }
}

/// Reads a serial: digits without 第 and without leading zero.
fn serial_number(text: &str) -> Result<u32, DocumentNumberError> {
    const RULE: DocumentNumberError = DocumentNumberError(
        "have a serial number from 1 to 999999 in digits, without 第 and without leading zero",
    );
    if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RULE);
    }
    text.parse()
        .ok()
        .filter(|serial| *serial <= SERIAL_MAX)
        .ok_or(RULE)
}

/// True for characters of the script Han (Unicode 16, `Scripts.txt`).
fn is_han(c: char) -> bool {
    matches!(c,
        '\u{2E80}'..='\u{2E99}' | '\u{2E9B}'..='\u{2EF3}' | '\u{2F00}'..='\u{2FD5}'
        | '\u{3005}' | '\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303B}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FA6D}' | '\u{FA70}'..='\u{FAD9}'
        | '\u{16FE2}'..='\u{16FE3}' | '\u{16FF0}'..='\u{16FF1}'
        | '\u{20000}'..='\u{2A6DF}' | '\u{2A700}'..='\u{2B739}' | '\u{2B740}'..='\u{2B81D}'
        | '\u{2B820}'..='\u{2CEA1}' | '\u{2CEB0}'..='\u{2EBE0}' | '\u{2EBF0}'..='\u{2EE5D}'
        | '\u{2F800}'..='\u{2FA1D}' | '\u{30000}'..='\u{3134A}' | '\u{31350}'..='\u{323AF}')
}

impl fmt::Display for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}〔{}〕{}号", self.agency_word, self.year, self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn je_001_the_charters_number_is_read() {
        let number: DocumentNumber = "晋社管组发〔2021〕2号".parse().unwrap();
        assert_eq!(number.agency_word(), "晋社管组发");
        assert_eq!((number.year(), number.serial()), (2021, 2));
    }

    #[test]
    fn numbers_round_trip() {
        for text in [
            "晋社管组发〔2021〕2号",
            "晋民函〔2021〕64号",
            "中办发〔2016〕46号",
            "晋办发〔2017〕61号",
            "国〔1999〕999999号",
        ] {
            let number: DocumentNumber = text.parse().unwrap();
            assert_eq!(number.to_string(), text);
        }
    }

    #[test]
    fn other_brackets_are_refused_and_the_message_says_which_to_use() {
        for text in [
            "晋社管组发[2021]2号",
            "晋社管组发（2021）2号",
            "晋社管组发(2021)2号",
            "晋社管组发［2021］2号",
            "晋社管组发【2021】2号",
            "晋社管组发〔2021]2号",
        ] {
            let message = text.parse::<DocumentNumber>().unwrap_err().to_string();
            assert!(message.contains("〔〕"), "{text}: {message}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "2号",
            "〔2021〕2号",
            "晋社管组发〔2021〕2",
            "晋社管组发〔2021〕第2号",
            "晋社管组发〔2021〕02号",
            "晋社管组发〔2021〕0号",
            "晋社管组发〔2021〕号",
            "晋社管组发〔2021〕+2号",
            "晋社管组发〔2021〕２号",
            "晋社管组发〔2021〕1000000号",
            "晋社管组发〔21〕2号",
            "晋社管组发〔1821〕2号",
            "晋社管组发〔+202〕2号",
            "晋社管组发 〔2021〕2号",
            " 晋社管组发〔2021〕2号",
            "晋社管组发〔2021〕2号\n",
            "Jin〔2021〕2号",
        ] {
            assert!(text.parse::<DocumentNumber>().is_err(), "{text:?}");
        }
        let long = format!("{}〔2021〕2号", "晋".repeat(AGENCY_WORD_CHARS_MAX + 1));
        assert!(long.parse::<DocumentNumber>().is_err());
        let longest = format!("{}〔2021〕2号", "晋".repeat(AGENCY_WORD_CHARS_MAX));
        assert!(longest.parse::<DocumentNumber>().is_ok());
    }
}
