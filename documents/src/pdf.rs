//! Minutes as PDF, laid out to GB/T 9704-2012, clause 10.3.
//!
//! The template stands in `pdf/minutes.typ`. The text of the minutes reaches it as a JSON file that
//! it reads, never as source: nothing in a text is a command. The typesetter sees that file, its
//! template and the fonts, no folder, no network and no clock.

mod fonts;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::civil::Date;
use serde::Serialize;
use typst::{
    Library, LibraryExt as _, World,
    diag::{FileError, FileResult, SourceDiagnostic},
    foundations::{Bytes, Datetime, Duration, Smart},
    layout::{Abs, Frame, FrameItem, Point},
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook, TextItem},
    utils::LazyHash,
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, Timestamp};

use crate::{check::CheckedMinutes, sheet::Sheet};
pub use fonts::{
    FONT_FILE_BYTES_MAX, FONT_FILES_MAX, FONT_FOLDER_DEPTH_MAX, FontError, FontFamilies, FontRole,
    Fonts, font_folders,
};

const TEMPLATE: &str = include_str!("pdf/minutes.typ");

/// How far a line may reach over the edge of the type area in points, for rounding and closing
/// punctuation.
const OVERHANG_POINTS: f64 = 8.0;

/// Most missing characters that an error lists.
pub const MISSING_LISTED_MAX: usize = 20;

/// Why no PDF was made.
#[derive(Debug)]
pub enum PdfError {
    /// No font that was found has these characters, in order of their code points.
    MissingCharacters(Vec<char>),
    /// This text reaches over the edge of the type area.
    Overflow(String),
    /// The typesetter refused the template or its data. A defect of this crate.
    Typesetting(String),
}

impl fmt::Display for PdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingCharacters(characters) => {
                let listed = characters.iter().take(MISSING_LISTED_MAX);
                let listed: Vec<String> = listed
                    .map(|c| format!("{c} (U+{:04X})", u32::from(*c)))
                    .collect();
                write!(f, "no font has these characters: {}", listed.join(", "))?;
                let more = characters.len().saturating_sub(MISSING_LISTED_MAX);
                if more > 0 {
                    write!(f, " and {more} more")?;
                }
                f.write_str("; add a font that has them, such as package fonts-hanazono")
            }
            Self::Overflow(text) => {
                write!(f, "this text does not fit on its page, shorten it: {text}")
            }
            Self::Typesetting(message) => write!(f, "the form could not be set: {message}"),
        }
    }
}

impl std::error::Error for PdfError {}

/// Sets the minutes as PDF. The same minutes with the same fonts give the same bytes.
///
/// # Errors
///
/// When a character is in no font, or a text does not fit on its page.
pub fn pdf(minutes: &CheckedMinutes, fonts: &Fonts) -> Result<Vec<u8>, PdfError> {
    let document = typeset(minutes, fonts)?;
    let missing = missing_characters(&document);
    if !missing.is_empty() {
        return Err(PdfError::MissingCharacters(missing.into_iter().collect()));
    }
    if let Some(text) = overflow(&document) {
        return Err(PdfError::Overflow(text));
    }
    let options = PdfOptions {
        ident: Smart::Custom(minutes.sheet.number.clone()),
        creator: Smart::Custom(None),
        timestamp: issued_at(minutes.issued_on).map(Timestamp::new_utc),
        ..PdfOptions::default()
    };
    let bytes = typst_pdf::pdf(&document, &options).map_err(|errors| refused(&errors));
    // The typesetter remembers earlier work for a text that is edited; here each is set once.
    typst::comemo::evict(0);
    bytes
}

fn typeset(minutes: &CheckedMinutes, fonts: &Fonts) -> Result<PagedDocument, PdfError> {
    let desk = Desk::new(minutes, fonts)?;
    let set = typst::compile::<PagedDocument>(&desk);
    set.output.map_err(|errors| refused(&errors))
}

fn refused(errors: &[SourceDiagnostic]) -> PdfError {
    let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    PdfError::Typesetting(messages.join("; "))
}

/// The start of the day of issue: when the file was made is no part of the document.
fn issued_at(day: Date) -> Option<Datetime> {
    let month = u8::try_from(day.month()).ok()?;
    let day_of_month = u8::try_from(day.day()).ok()?;
    Datetime::from_ymd_hms(day.year().into(), month, day_of_month, 0, 0, 0)
}

/// What the template reads.
#[derive(Serialize)]
struct Data<'a> {
    sheet: &'a Sheet,
    mark_size: usize,
    fonts: BTreeMap<&'static str, &'a [String]>,
}

/// All that the typesetter can see.
struct Desk<'a> {
    library: LazyHash<Library>,
    fonts: &'a Fonts,
    template: Source,
    data_id: FileId,
    data: Bytes,
}

impl<'a> Desk<'a> {
    fn new(minutes: &'a CheckedMinutes, fonts: &'a Fonts) -> Result<Self, PdfError> {
        let data = Data {
            sheet: &minutes.sheet,
            mark_size: minutes.sheet.mark_size(),
            fonts: fonts.stacks(),
        };
        let data = serde_json::to_vec(&data);
        let data = data.map_err(|error| PdfError::Typesetting(error.to_string()))?;
        Ok(Self {
            library: LazyHash::new(Library::default()),
            fonts,
            template: Source::new(file_id("minutes.typ")?, TEMPLATE.to_owned()),
            data_id: file_id("minutes.json")?,
            data: Bytes::new(data),
        })
    }
}

fn file_id(name: &str) -> Result<FileId, PdfError> {
    let path = VirtualPath::new(name);
    let path = path.map_err(|_| PdfError::Typesetting(format!("{name} is no path")))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

impl World for Desk<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.fonts.book()
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() {
            Ok(self.template.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.data_id {
            Ok(self.data.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.font(index)
    }

    /// A document says when it was issued, never when it was made.
    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

/// The first text that does not stand within the type area's width and the page's height. Nothing is
/// cut off unseen.
fn overflow(document: &PagedDocument) -> Option<String> {
    let left = Abs::mm(28.0) - Abs::pt(OVERHANG_POINTS);
    let right = Abs::mm(210.0 - 26.0) + Abs::pt(OVERHANG_POINTS);
    let mut first = None;
    for page in document.pages() {
        // Page numbers stand lowest, with their middle 7 mm below the type area.
        let lowest = Abs::mm(297.0 - 35.0 + 7.0) + Abs::pt(14.0);
        each_text(&page.frame, Point::zero(), &mut |at, item| {
            let is_within = left <= at.x && at.x + item.width() <= right;
            if !(is_within && at.y <= lowest) && first.is_none() {
                first = Some(item.text.to_string());
            }
        });
    }
    first
}

/// Characters that were set as the glyph that stands for none.
fn missing_characters(document: &PagedDocument) -> BTreeSet<char> {
    let mut missing = BTreeSet::new();
    for page in document.pages() {
        each_text(&page.frame, Point::zero(), &mut |_, item| {
            for glyph in item.glyphs.iter().filter(|glyph| glyph.id == 0) {
                missing.extend(item.text.get(glyph.range()).unwrap_or_default().chars());
            }
        });
    }
    missing
}

/// Visits every text with the place of its baseline on the page.
fn each_text(frame: &Frame, at: Point, visit: &mut impl FnMut(Point, &TextItem)) {
    for (place, item) in frame.items() {
        let at = at + *place;
        match item {
            // The template neither turns nor scales anything.
            FrameItem::Group(group) => each_text(&group.frame, at, visit),
            FrameItem::Text(text) => visit(at, text),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
