//! What the attachments of a draft must be.

use std::collections::BTreeSet;

use hub_core::crypto::parse_digest;
use hub_proto::channels::Attachment;

use crate::domain::channels::notification::{is_line, is_media_type};

/// Most attachments of a notification.
pub const ATTACHMENTS_MAX: usize = 20;
/// Longest file name in characters.
pub const FILE_NAME_CHARACTERS_MAX: usize = 200;
/// Largest attachment in bytes (100 MiB).
pub const FILE_BYTES_MAX: i64 = 104_857_600;

/// Every broken rule of a list of at most `count_max`: the field, under `path`, and the rule.
#[must_use]
pub fn broken(path: &str, attachments: &[Attachment], count_max: usize) -> Vec<(String, String)> {
    let mut broken = vec![];
    if attachments.len() > count_max {
        broken.push((path.to_owned(), format!("must be at most {count_max}")));
    }
    let mut seen = BTreeSet::new();
    for (number, attachment) in attachments.iter().take(count_max).enumerate() {
        let rules = [
            (
                parse_digest(&attachment.sha256).is_some(),
                "sha256",
                "must be a SHA-256: 64 lower-case hexadecimal digits".to_owned(),
            ),
            (
                seen.insert(&attachment.sha256),
                "sha256",
                "must not be named twice".to_owned(),
            ),
            (
                is_file_name(&attachment.file_name),
                "file_name",
                format!(
                    "must be 1 to {FILE_NAME_CHARACTERS_MAX} characters on one line, without / and \\"
                ),
            ),
            (
                is_media_type(&attachment.media_type),
                "media_type",
                "must be a media type such as application/pdf, at most 127 characters".to_owned(),
            ),
            (
                (1..=FILE_BYTES_MAX).contains(&attachment.size_bytes),
                "size_bytes",
                format!("must be 1 to {FILE_BYTES_MAX} (100 MiB)"),
            ),
        ];
        let failed = rules.into_iter().filter(|(is_kept, ..)| !is_kept);
        broken.extend(failed.map(|(_, field, rule)| {
            let path = format!("{path}[{number}].{field}");
            (path, rule)
        }));
    }
    broken
}

/// A name that a recipient can use in a folder of its own without ending up elsewhere.
fn is_file_name(name: &str) -> bool {
    is_line(name, FILE_NAME_CHARACTERS_MAX)
        && !name.trim().is_empty()
        && !name.contains(['/', '\\'])
        && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use hub_core::crypto::hex;

    use super::*;

    fn broken(attachments: &[Attachment]) -> Vec<(String, String)> {
        super::broken("notification.attachments", attachments, ATTACHMENTS_MAX)
    }

    fn one(number: u8) -> Attachment {
        Attachment {
            sha256: hex(&[number; 32]),
            file_name: "核查报告.pdf".into(),
            media_type: "application/pdf".into(),
            size_bytes: 1,
        }
    }

    fn fields(change: impl FnOnce(&mut Attachment)) -> Vec<String> {
        let mut attachment = one(1);
        change(&mut attachment);
        let broken = broken(&[attachment]);
        broken.into_iter().map(|(field, _)| field).collect()
    }

    fn assert_edge(
        field: &str,
        kept: impl FnOnce(&mut Attachment),
        past: impl FnOnce(&mut Attachment),
    ) {
        assert_eq!(fields(kept), [""; 0], "{field}");
        assert_eq!(
            fields(past),
            [format!("notification.attachments[0].{field}")]
        );
    }

    #[test]
    fn every_limit_at_the_edge_and_past_it() {
        assert_edge(
            "file_name",
            |one| one.file_name = "社".repeat(200),
            |one| one.file_name = "社".repeat(201),
        );
        assert_edge(
            "size_bytes",
            |one| one.size_bytes = 104_857_600,
            |one| one.size_bytes = 104_857_601,
        );
        assert_edge("size_bytes", |_| {}, |one| one.size_bytes = 0);
        assert_edge(
            "media_type",
            |one| one.media_type = format!("text/{}", "p".repeat(122)),
            |one| one.media_type = format!("text/{}", "p".repeat(123)),
        );
        let many = |count: u8| (0..count).map(one).collect::<Vec<_>>();
        assert_eq!(broken(&many(20)), []);
        assert_eq!(broken(&many(21))[0].0, "notification.attachments");
        assert_eq!(broken(&many(21)).len(), 1);
    }

    #[test]
    fn a_name_stays_in_its_folder() {
        for wrong in ["", " ", ".", "..", "a/b", "a\\b", "a\nb", "a\0"] {
            assert_eq!(
                fields(|one| one.file_name = wrong.into()),
                ["notification.attachments[0].file_name"],
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_content_is_named_once_by_lower_case_digits() {
        let twice = broken(&[one(1), one(2), one(1)]);
        assert_eq!(twice.len(), 1);
        assert_eq!(twice[0].0, "notification.attachments[2].sha256");
        for wrong in ["", "AB", &"A".repeat(64), &"g".repeat(64), &"a".repeat(63)] {
            assert_eq!(
                fields(|one| one.sha256 = wrong.into()),
                ["notification.attachments[0].sha256"],
                "{wrong}"
            );
        }
    }
}
