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
    layout::{Frame, FrameItem},
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

/// Most missing characters that an error lists.
pub const MISSING_LISTED_MAX: usize = 20;

/// Why no PDF was made.
#[derive(Debug)]
pub enum PdfError {
    /// No font that was found has these characters, in order of their code points.
    MissingCharacters(Vec<char>),
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
            Self::Typesetting(message) => write!(f, "the form could not be set: {message}"),
        }
    }
}

impl std::error::Error for PdfError {}

/// Sets the minutes as PDF. The same minutes with the same fonts give the same bytes.
///
/// # Errors
///
/// When a character is in no font.
pub fn pdf(minutes: &CheckedMinutes, fonts: &Fonts) -> Result<Vec<u8>, PdfError> {
    let document = typeset(minutes, fonts)?;
    let missing = missing_characters(&document);
    if !missing.is_empty() {
        return Err(PdfError::MissingCharacters(missing.into_iter().collect()));
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

/// Characters that were set as the glyph that stands for none.
fn missing_characters(document: &PagedDocument) -> BTreeSet<char> {
    let mut missing = BTreeSet::new();
    for page in document.pages() {
        each_text(&page.frame, &mut |item| {
            for glyph in item.glyphs.iter().filter(|glyph| glyph.id == 0) {
                missing.extend(item.text.get(glyph.range()).unwrap_or_default().chars());
            }
        });
    }
    missing
}

fn each_text(frame: &Frame, visit: &mut impl FnMut(&TextItem)) {
    for (_, item) in frame.items() {
        match item {
            FrameItem::Group(group) => each_text(&group.frame, visit),
            FrameItem::Text(text) => visit(text),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
