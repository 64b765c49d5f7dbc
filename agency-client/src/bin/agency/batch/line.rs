//! The lines of a batch file.

use agency_client::channels::NotificationDraft;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;

use crate::args::notify::ClassificationArg;

/// A notification and where in the file it stands.
#[derive(Debug)]
pub(super) struct Item {
    /// Number of the line, from 1.
    pub(super) number: usize,
    /// Length of the line.
    pub(super) size_bytes: usize,
    pub(super) draft: NotificationDraft,
}

/// Reads the whole file before anything is sent, so that a bad line sends nothing.
pub(super) fn read(text: &str) -> Result<Vec<Item>, String> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, text)| {
            let number = at + 1;
            let line: Line =
                serde_json::from_str(text).map_err(|error| format!("line {number}: {error}"))?;
            Ok(Item {
                number,
                size_bytes: text.len(),
                draft: line
                    .draft()
                    .map_err(|rule| format!("line {number}: {rule}"))?,
            })
        })
        .collect()
}

/// One line of a batch file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Line {
    channel: Option<String>,
    to: Vec<String>,
    category: String,
    title: String,
    body: String,
    media_type: Option<String>,
    subjects: Vec<Subject>,
    document_number: String,
    classification: Option<ClassificationArg>,
    legal_bases: Vec<String>,
    remedy: String,
    #[serde(deserialize_with = "parsed")]
    sign_by: Option<Timestamp>,
    #[serde(deserialize_with = "parsed")]
    reply_by: Option<Timestamp>,
    #[serde(deserialize_with = "parsed")]
    occurred_on: Option<Date>,
    #[serde(alias = "reply_to")]
    in_reply_to: String,
    request_id: Option<String>,
}

/// A text field that is parsed as something else.
fn parsed<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    Option::<String>::deserialize(from)?
        .map(|text| text.parse().map_err(serde::de::Error::custom))
        .transpose()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    uscc: String,
    display_name: String,
}

impl Line {
    fn draft(self) -> Result<NotificationDraft, &'static str> {
        let draft = match (self.channel, self.to.is_empty()) {
            (Some(_), false) => return Err("has both channel and to"),
            (Some(channel), true) => NotificationDraft::to_channel(&channel),
            (None, false) => NotificationDraft::to(&self.to),
            (None, true) if self.category.is_empty() => {
                return Err("has neither channel, to nor category");
            }
            (None, true) => NotificationDraft::by_route(&self.category),
        };
        let media_type = self
            .media_type
            .unwrap_or_else(|| "text/plain; charset=utf-8".into());
        let mut draft = draft
            .category(self.category)
            .title(self.title)
            .body(self.body.into_bytes(), media_type)
            .document_number(self.document_number)
            .remedy(self.remedy)
            .in_reply_to(self.in_reply_to);
        for subject in self.subjects {
            draft = draft.subject(subject.uscc, subject.display_name);
        }
        for basis in self.legal_bases {
            draft = draft.legal_basis(basis);
        }
        if let Some(classification) = self.classification {
            draft = draft.classification(classification.into());
        }
        if let Some(at) = self.sign_by {
            draft = draft.sign_by(at);
        }
        if let Some(at) = self.reply_by {
            draft = draft.reply_by(at);
        }
        if let Some(on) = self.occurred_on {
            draft = draft.occurred_on(on);
        }
        if let Some(id) = self.request_id {
            draft = draft.request_id(id);
        }
        Ok(draft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named() {
        let good = r#"{"channel": "all-members", "title": "t", "classification": "internal"}"#;
        let unknown = format!("{good}\n\n{{\"titel\": \"t\"}}\n");
        let error = read(&unknown).unwrap_err();
        assert!(
            error.starts_with("line 3: unknown field `titel`"),
            "{error}"
        );
        let both = r#"{"channel": "a", "to": ["b"]}"#;
        assert_eq!(read(both).unwrap_err(), "line 1: has both channel and to");
        assert!(read("{}").unwrap_err().contains("neither"));
    }
}
