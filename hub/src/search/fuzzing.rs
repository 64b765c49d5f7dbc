//! Words of titles and of what is looked for, for the fuzz targets.

use super::text;

/// What the index holds of a title.
#[must_use]
pub fn index_text(title: &str) -> String {
    text::index_text(title)
}

/// The full-text query for what a caller looks for; `None` when there is nothing to look for in it.
#[must_use]
pub fn query(asked: &str) -> Option<String> {
    text::query(asked)
}
