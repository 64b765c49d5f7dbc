//! Reads Rust sources as far as the rules need: what is code, what is test, and what is imported.

/// A file of the project.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Path from the project's folder, with `/`.
    pub(crate) path: String,
    /// The text.
    pub(crate) text: String,
}

impl Source {
    /// A file for a rule to look at.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }

    /// The code outside tests, line by line as in the text: comments, strings and items under
    /// `#[cfg(test)]` are blanked.
    pub(crate) fn code(&self) -> String {
        without_tests(&without_words(&self.text))
    }

    /// Modules that exist under `#[cfg(test)]` only, as the paths they may have.
    pub(crate) fn test_modules(&self) -> Vec<String> {
        let code = without_words(&self.text);
        let folder = self.path.trim_end_matches(".rs");
        let folder = folder
            .strip_suffix("/lib")
            .or(folder.strip_suffix("/main"))
            .unwrap_or(folder);
        code.split(TEST_ATTRIBUTE)
            .skip(1)
            .filter_map(|rest| {
                let item = rest.split([';', '{']).next()?;
                let name = item.rsplit_once("mod ")?.1.trim();
                rest[item.len()..]
                    .starts_with(';')
                    .then(|| format!("{folder}/{name}"))
            })
            .collect()
    }

    /// The module path within its crate: `hub/src/a/b.rs` is `["a", "b"]`.
    pub(crate) fn module(&self) -> Vec<&str> {
        let path = self.path.split_once("/src/").map_or("", |(_, path)| path);
        let path = path.trim_end_matches(".rs");
        match path {
            "lib" | "main" => vec![],
            _ => path.split('/').collect(),
        }
    }

    /// Every path of this crate that the code names, without the leading `crate::`.
    pub(crate) fn crate_paths(&self) -> Vec<String> {
        let code = self.code();
        let module = self.module();
        let mut found = vec![];
        for root in ["crate::", "super::"] {
            for (at, _) in code.match_indices(root) {
                // `pub(in crate::x)` grants, it does not import.
                let before = &code[..at];
                let is_inner = before.ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
                if is_inner || before.ends_with("(in ") {
                    continue;
                }
                let mut rest = &code[at..];
                let mut base: Vec<&str> = vec![];
                if let Some(after) = rest.strip_prefix("crate::") {
                    rest = after;
                } else {
                    base = module.clone();
                    while let Some(after) = rest.strip_prefix("super::") {
                        base.pop();
                        rest = after;
                    }
                }
                let prefix: Vec<String> = base.iter().map(ToString::to_string).collect();
                tree(&mut rest.chars().peekable(), &prefix, &mut found);
            }
        }
        found
    }
}

const TEST_ATTRIBUTE: &str = "#[cfg(test)]";

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Reads a use tree, or as much of a path as there is.
fn tree(rest: &mut Chars<'_>, prefix: &[String], found: &mut Vec<String>) {
    while rest.next_if(|c| c.is_whitespace()).is_some() {}
    if rest.next_if_eq(&'{').is_some() {
        loop {
            tree(rest, prefix, found);
            // What an alias leaves.
            while rest.next_if(|c| !",}".contains(*c)).is_some() {}
            if rest.next() != Some(',') {
                return;
            }
            while rest.next_if(|c| c.is_whitespace()).is_some() {}
            if rest.next_if_eq(&'}').is_some() {
                return;
            }
        }
    }
    let mut segment = String::new();
    while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || "_*".contains(*c)) {
        segment.push(c);
    }
    let mut path = prefix.to_vec();
    path.push(segment);
    if rest.next_if_eq(&':').is_some() && rest.next_if_eq(&':').is_some() {
        tree(rest, &path, found);
    } else {
        found.push(path.join("::"));
    }
}

/// Blanks comments and what is inside string and character literals; lines stay.
pub(crate) fn without_words(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(&bytes, at);
        if end == at {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let blank = |c: &char| if *c == '\n' { '\n' } else { ' ' };
        out.extend(bytes[at..end].iter().map(blank));
        at = end;
    }
    out
}

/// Where the comment or literal ends that begins here; here, if none does.
fn literal_end(text: &[char], at: usize) -> usize {
    let rest = &text[at..];
    let find = |from: usize, end: &[char]| {
        let found = (from..rest.len()).find(|start| rest[*start..].starts_with(end));
        found.map_or(text.len(), |start| at + start + end.len())
    };
    let is_word = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_');
    match rest {
        ['/', '/', ..] => find(2, &['\n']).saturating_sub(1).max(at + 2),
        ['/', '*', ..] => find(2, &['*', '/']),
        ['r', '#' | '"', ..] if !is_word => {
            let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
            if rest.get(1 + hashes) != Some(&'"') {
                return at;
            }
            let mut end = vec!['"'];
            end.extend(std::iter::repeat_n('#', hashes));
            find(2 + hashes, &end)
        }
        ['"', ..] => at + quoted_len(rest, '"'),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => at + quoted_len(rest, '\''),
        _ => at,
    }
}

fn quoted_len(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Blanks every item under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once(TEST_ATTRIBUTE) {
        out.push_str(before);
        let end = item_len(after);
        out.extend(after[..end].chars().filter(|c| *c == '\n'));
        rest = &after[end..];
    }
    out + rest
}

/// Length of an item: to its first semicolon, or to the end of its first block.
fn item_len(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn the_scan_tells_code_from_words_and_tests() {
    let text = r##"
use crate::{a::{self, B as C}, d::*};
// crate::comment::is_not
const S: &str = "crate::string \" // no"; const R: &str = r#"crate::raw "quoted""#;
const C: char = '"'; fn f<'a>(x: &'a str) { super::near::go(x); crate::e::F.unwrap() }
pub(in crate::hidden) fn g() {}
#[cfg(test)]
mod helper;
#[cfg(test)]
mod tests { use crate::test_only; fn t() { x.unwrap() } }
fn after() { crate::z() }
"##;
    let source = Source::new("hub/src/m/n.rs", text);
    assert_eq!(
        source.crate_paths(),
        ["a::self", "a::B", "d::*", "e::F", "z", "m::near::go"]
    );
    assert_eq!(source.test_modules(), ["hub/src/m/n/helper"]);
    assert_eq!(source.code().matches("unwrap").count(), 1);
    assert_eq!(source.code().lines().count(), text.lines().count());
    assert_eq!(
        Source::new("hub/src/lib.rs", "#[cfg(test)]\nmod x;").test_modules(),
        ["hub/src/x"]
    );
}
