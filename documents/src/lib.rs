//! Turns issued meeting minutes into documents: Markdown, DOCX, and PDF laid out to
//! GB/T 9704-2012, clause 10.3. It knows no hub and no network; what goes in is [`Minutes`].
//!
//! [`Minutes::check`] holds the minutes against their limits. From the [`CheckedMinutes`] that come
//! out, [`markdown()`], [`docx()`] and [`pdf()`] each make a document; the same minutes give the same
//! bytes, the PDF with the same fonts.
//!
//! The PDF needs fonts that are not part of this crate: [`Fonts::find`] looks for them in folders and
//! says which are missing. Nothing is left blank: a character that no font has is an error.

mod check;
mod docx;
mod markdown;
mod minutes;
mod number;
#[cfg(feature = "pdf")]
mod pdf;
mod sheet;
#[cfg(test)]
mod test_support;

pub use check::{
    ADDRESSEES_CHARS_MAX, AGREED_MAX, ATTACHMENTS_MAX, AuditPage, CheckedMinutes, ERRORS_MAX,
    FieldError, InvalidMinutes, MARK_CHARS_MAX, NAME_CHARS_MAX, OFFICERS_MAX, PARAGRAPH_CHARS_MAX,
    PARAGRAPHS_MAX, PERSON_CHARS_MAX, PHRASE_CHARS_MAX, TEXT_CHARS_MAX, TITLE_CHARS_MAX,
    TOPICS_MAX, UNITS_MAX,
};
pub use docx::{DocxError, docx};
pub use markdown::markdown;
pub use minutes::{AgreedItem, Attendance, Audit, Delegation, Meeting, Minutes, Officer, Topic};
pub use number::{AGENCY_WORD_CHARS_MAX, SERIAL_DIGITS_MAX};
#[cfg(feature = "pdf")]
pub use pdf::{
    FONT_FILE_BYTES_MAX, FONT_FILES_MAX, FONT_FOLDER_DEPTH_MAX, FontError, FontFamilies, FontRole,
    Fonts, MISSING_LISTED_MAX, PdfError, font_folders, pdf,
};
