//! Words of titles, for the index and for queries.
//!
//! Chinese has no spaces, so a run of Chinese characters is stored as its overlapping pairs and its
//! last single character: 年度检查 is `年度 度检 检查 查`. A run that is looked for is the phrase of its
//! pairs, and one character is the beginning of a pair. Other words are stored whole, in lower case.
//! Full-width letters and digits are the half-width ones; everything else separates.
//!
//! What is written into a query is made of letters and digits only, each phrase in quotes: nothing
//! that a caller writes is read as query syntax.

/// What a character is to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Of a script without spaces: Chinese characters, kana, bopomofo.
    Han,
    /// Of a word or a number.
    Word,
    /// Space or punctuation.
    Separator,
}

fn class(c: char) -> Class {
    match c {
        '\u{2E80}'..='\u{2FDF}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3021}'..='\u{3029}'
        | '\u{3038}'..='\u{303B}'
        | '\u{3041}'..='\u{3096}'
        | '\u{309D}'..='\u{309F}'
        | '\u{30A1}'..='\u{30FA}'
        | '\u{30FC}'..='\u{30FF}'
        | '\u{3105}'..='\u{312F}'
        | '\u{31A0}'..='\u{31BF}'
        | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        // Planes 2 and 3 hold ideographs only, of whichever edition of Unicode.
        | '\u{20000}'..='\u{3FFFD}' => Class::Han,
        c if c.is_alphanumeric() => Class::Word,
        _ => Class::Separator,
    }
}

/// Lower case, half width, without variation selectors: 〇 with one is still 〇.
fn fold(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter(|c| !matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}'))
        .map(half_width)
        .flat_map(char::to_lowercase)
}

fn half_width(c: char) -> char {
    const OFFSET: u32 = 0xFEE0;
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c).saturating_sub(OFFSET)).unwrap_or(c),
        c => c,
    }
}

/// Characters of one class that follow each other.
#[derive(Debug)]
struct Run {
    is_han: bool,
    characters: Vec<char>,
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    let mut before = Class::Separator;
    for c in fold(text) {
        let class = class(c);
        match runs.last_mut() {
            Some(run) if class == before && class != Class::Separator => run.characters.push(c),
            _ if class == Class::Separator => {}
            _ => runs.push(Run {
                is_han: class == Class::Han,
                characters: vec![c],
            }),
        }
        before = class;
    }
    runs
}

impl Run {
    /// Its words. An open run may go on after what is written: its last character alone is left out
    /// where a pair holds it.
    fn words(&self, is_open: bool, words: &mut Vec<String>) {
        if !self.is_han {
            words.push(self.characters.iter().collect());
            return;
        }
        words.extend(self.characters.windows(2).map(|pair| pair.iter().collect()));
        if (!is_open || self.characters.len() == 1)
            && let Some(last) = self.characters.last()
        {
            words.push(last.to_string());
        }
    }
}

/// The words of a title, with a space between two.
pub(super) fn index_text(title: &str) -> String {
    let mut words = vec![];
    for run in runs(title) {
        run.words(false, &mut words);
    }
    words.join(" ")
}

/// The query for what a caller looks for: each part between spaces is a phrase, and all of them must
/// be there. `None` when nothing in it can be looked for.
pub(super) fn query(asked: &str) -> Option<String> {
    let phrases: Vec<String> = asked.split_whitespace().filter_map(phrase).collect();
    (!phrases.is_empty()).then(|| phrases.join(" AND "))
}

fn phrase(part: &str) -> Option<String> {
    let runs = runs(part);
    let last = runs.last()?;
    let is_beginning = last.is_han && last.characters.len() == 1;
    let mut words = vec![];
    for (number, run) in runs.iter().enumerate() {
        run.words(number + 1 == runs.len(), &mut words);
    }
    let star = if is_beginning { " *" } else { "" };
    Some(format!("\"{}\"{star}", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_pairs_and_words() {
        assert_eq!(index_text("年度检查"), "年度 度检 检查 查");
        assert_eq!(
            index_text("晋民函〔2021〕64号 关于ABC公司"),
            "晋民 民函 函 2021 64 号 关于 于 abc 公司 司"
        );
        assert_eq!(index_text("查"), "查");
        assert_eq!(index_text(" —《》！ "), "");
        assert_eq!(index_text(""), "");
    }

    #[test]
    fn widths_and_cases_are_one() {
        assert_eq!(index_text("ＡＢｃ１２　ÀÉ"), "abc12 àé");
        assert_eq!(index_text("ABC12 àé"), "abc12 àé");
        assert_eq!(index_text("ａ＊ｂ＂"), "a b");
    }

    #[test]
    fn rare_characters_are_characters() {
        // Extension B, extension G, extension H; one with a variation selector.
        assert_eq!(index_text("𠮷野"), "𠮷野 野");
        assert_eq!(
            index_text("\u{30000}\u{31350}"),
            "\u{30000}\u{31350} \u{31350}"
        );
        assert_eq!(index_text("葛\u{E0100}城"), "葛城 城");
        assert_eq!(query("\u{30001}").as_deref(), Some("\"\u{30001}\" *"));
    }

    #[test]
    fn a_query_is_a_phrase_for_each_part() {
        assert_eq!(query("年度检查").as_deref(), Some("\"年度 度检 检查\""));
        assert_eq!(query("查").as_deref(), Some("\"查\" *"));
        assert_eq!(query("民函2021").as_deref(), Some("\"民函 函 2021\""));
        assert_eq!(query("2021年").as_deref(), Some("\"2021 年\" *"));
        assert_eq!(
            query("Annual　检查  64号").as_deref(),
            Some("\"annual\" AND \"检查\" AND \"64 号\" *")
        );
        assert_eq!(query(" ，。 ").as_deref(), None);
        assert_eq!(query("").as_deref(), None);
    }

    #[test]
    fn nothing_that_is_written_is_syntax() {
        for (asked, made) in [
            ("\" OR 1", "\"or\" AND \"1\""),
            ("a* NOT b", "\"a\" AND \"not\" AND \"b\""),
            ("text:a", "\"text a\""),
            ("NEAR(a b)", "\"near a\" AND \"b\""),
            ("a\"b'c;--", "\"a b c\""),
            ("{x y}:^z + \u{0}w", "\"x\" AND \"y z\" AND \"w\""),
        ] {
            assert_eq!(query(asked).as_deref(), Some(made), "{asked}");
        }
    }
}
