//! Minutes as an office document (WordprocessingML, ISO/IEC 29500), laid out to GB/T 9704-2012.
//!
//! The parts that every document shares stand in `docx/*.xml`: styles, settings, fonts and footers.
//! Text that was given goes only through the XML writer, which escapes it.

use std::io::{self, Cursor, Write as _};

use jiff::civil::Date;
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::{
    check::CheckedMinutes,
    sheet::{Block, Imprint, Labelled, Sheet},
};

/// Parts that do not depend on the minutes.
const SHARED_PARTS: [(&str, &str); 8] = [
    (
        "[Content_Types].xml",
        include_str!("docx/content_types.xml"),
    ),
    ("_rels/.rels", include_str!("docx/package_rels.xml")),
    (
        "word/_rels/document.xml.rels",
        include_str!("docx/document_rels.xml"),
    ),
    ("word/styles.xml", include_str!("docx/styles.xml")),
    ("word/settings.xml", include_str!("docx/settings.xml")),
    ("word/fontTable.xml", include_str!("docx/font_table.xml")),
    ("word/footer_odd.xml", include_str!("docx/footer_odd.xml")),
    ("word/footer_even.xml", include_str!("docx/footer_even.xml")),
];

const WORD: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// Width of the type area in twentieths of a point: 156 mm.
const TYPE_AREA_TWIPS: &str = "8844";

/// Why no office document was made.
#[derive(Debug, thiserror::Error)]
#[error("the office document could not be written")]
pub struct DocxError(#[source] io::Error);

type Xml = Writer<Vec<u8>>;

/// Writes the minutes as an office document. The same minutes give the same bytes.
///
/// # Errors
///
/// When the parts cannot be packed, which memory alone decides.
pub fn docx(minutes: &CheckedMinutes) -> Result<Vec<u8>, DocxError> {
    pack(minutes).map_err(DocxError)
}

fn pack(minutes: &CheckedMinutes) -> io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    // The earliest time that the format knows: when a document was made is no part of it.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let document = document(&minutes.sheet)?;
    let properties = properties(&minutes.sheet, minutes.issued_on)?;
    let shared = SHARED_PARTS.map(|(name, text)| (name, text.as_bytes()));
    let own = [
        ("docProps/core.xml", properties.as_slice()),
        ("word/document.xml", document.as_slice()),
    ];
    for (name, part) in shared.into_iter().chain(own) {
        zip.start_file(name, options)?;
        zip.write_all(part)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// A part of its own, around what `inner` writes.
fn part(
    root: &str,
    spaces: &[(&str, &str)],
    inner: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new(vec![]);
    xml.write_event(Event::Decl(BytesDecl::new(
        "1.0",
        Some("UTF-8"),
        Some("yes"),
    )))?;
    xml.create_element(root)
        .with_attributes(spaces.iter().copied())
        .write_inner_content(inner)?;
    Ok(xml.into_inner())
}

/// Title, author and date, which office programs show beside the file.
fn properties(sheet: &Sheet, issued_on: Date) -> io::Result<Vec<u8>> {
    let spaces = [
        (
            "xmlns:cp",
            "http://schemas.openxmlformats.org/package/2006/metadata/core-properties",
        ),
        ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
        ("xmlns:dcterms", "http://purl.org/dc/terms/"),
        ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
    ];
    part("cp:coreProperties", &spaces, |xml| {
        let texts = [
            ("dc:title", &sheet.title),
            ("dc:creator", &sheet.issuer),
            ("dc:identifier", &sheet.number),
        ];
        for (name, text) in texts {
            xml.create_element(name)
                .write_text_content(BytesText::new(text))?;
        }
        for name in ["dcterms:created", "dcterms:modified"] {
            xml.create_element(name)
                .with_attribute(("xsi:type", "dcterms:W3CDTF"))
                .write_text_content(BytesText::new(&format!("{issued_on}T00:00:00Z")))?;
        }
        Ok(())
    })
}

fn document(sheet: &Sheet) -> io::Result<Vec<u8>> {
    let spaces = [("xmlns:w", WORD), ("xmlns:r", RELATIONS)];
    part("w:document", &spaces, |xml| {
        xml.create_element("w:body").write_inner_content(|xml| {
            head(xml, sheet)?;
            body(xml, sheet)?;
            back(xml, sheet)?;
            section(xml)
        })?;
        Ok(())
    })
}

/// Mark, number, issuer and date over the red rule, title.
fn head(xml: &mut Xml, sheet: &Sheet) -> io::Result<()> {
    let size = (sheet.mark_size() * 2).to_string();
    paragraph(xml, "Mark", |xml| {
        xml.create_element("w:r").write_inner_content(|xml| {
            xml.create_element("w:rPr").write_inner_content(|xml| {
                value(xml, "w:sz", &size)?;
                value(xml, "w:szCs", &size)
            })?;
            text(xml, &sheet.mark)
        })?;
        Ok(())
    })?;
    line(xml, "Number", &sheet.number)?;
    paragraph(xml, "IssueLine", |xml| {
        run(xml, None, &sheet.issuer)?;
        tab(xml)?;
        run(xml, None, &sheet.issued)
    })?;
    line(xml, "Title", &sheet.title)?;
    if let Some(correction) = &sheet.correction {
        line(xml, "Correction", correction)?;
    }
    Ok(())
}

fn body(xml: &mut Xml, sheet: &Sheet) -> io::Result<()> {
    for (place, fact) in sheet.facts.iter().enumerate() {
        let style = if place == 0 {
            "FirstLabelled"
        } else {
            "Labelled"
        };
        labelled(xml, style, fact)?;
    }
    line(xml, "Body", &sheet.opening)?;
    for block in &sheet.blocks {
        match block {
            Block::Section(title) => line(xml, "Section", title)?,
            Block::Topic(title) => line(xml, "Topic", title)?,
            Block::Paragraph(paragraph) => line(xml, "Body", paragraph)?,
        }
    }
    Ok(())
}

/// Attachments, attendance, imprint, and the audit page if there is one.
fn back(xml: &mut Xml, sheet: &Sheet) -> io::Result<()> {
    if let [name] = sheet.attachments.as_slice() {
        line(xml, "Attachment", &format!("附件：{name}"))?;
    } else {
        for (place, name) in sheet.attachments.iter().enumerate() {
            let number = place + 1;
            if place == 0 {
                line(xml, "FirstAttachment", &format!("附件：{number}.{name}"))?;
            } else {
                line(xml, "NextAttachment", &format!("{number}.{name}"))?;
            }
        }
    }
    for (place, list) in sheet.attendance.iter().enumerate() {
        let is_wide = list.label.chars().count() > 2;
        let style = match (place, is_wide) {
            (0, false) => "FirstLabelled",
            (0, true) => "FirstWideLabelled",
            (_, false) => "Labelled",
            (_, true) => "WideLabelled",
        };
        labelled(xml, style, list)?;
    }
    imprint(xml, &sheet.imprint)?;
    for (place, fact) in sheet.audit.iter().enumerate() {
        if place == 0 {
            line(xml, "AuditTitle", "核验信息（不属于纪要正文）")?;
        }
        line(xml, "Audit", &format!("{}：{}", fact.label, fact.text))?;
    }
    Ok(())
}

/// A table that floats to the lower edge of the last page's type area; a program that does not float
/// tables shows it after the text. Its outer rules are thick, the inner one is thin.
fn imprint(xml: &mut Xml, imprint: &Imprint) -> io::Result<()> {
    xml.create_element("w:tbl").write_inner_content(|xml| {
        table_properties(xml)?;
        xml.create_element("w:tblGrid").write_inner_content(|xml| {
            xml.create_element("w:gridCol")
                .with_attribute(("w:w", TYPE_AREA_TWIPS))
                .write_empty()?;
            Ok(())
        })?;
        if !imprint.addressees.is_empty() {
            row(xml, |xml| {
                for list in &imprint.addressees {
                    let text = format!("{}：{}", list.label, list.text);
                    line(xml, "ImprintList", &text)?;
                }
                Ok(())
            })?;
        }
        row(xml, |xml| {
            paragraph(xml, "ImprintLine", |xml| {
                run(xml, None, &imprint.office)?;
                tab(xml)?;
                run(xml, None, &imprint.printed)
            })
        })
    })?;
    // A floating table belongs to the paragraph that follows it.
    paragraph(xml, "Anchor", |_| Ok(()))
}

fn table_properties(xml: &mut Xml) -> io::Result<()> {
    xml.create_element("w:tblPr").write_inner_content(|xml| {
        xml.create_element("w:tblpPr")
            .with_attributes([
                ("w:leftFromText", "0"),
                ("w:rightFromText", "0"),
                ("w:vertAnchor", "margin"),
                ("w:horzAnchor", "margin"),
                ("w:tblpXSpec", "left"),
                ("w:tblpYSpec", "bottom"),
            ])
            .write_empty()?;
        xml.create_element("w:tblW")
            .with_attributes([("w:w", TYPE_AREA_TWIPS), ("w:type", "dxa")])
            .write_empty()?;
        xml.create_element("w:tblBorders")
            .write_inner_content(|xml| {
                // Eighths of a point: 0.35 mm outside, 0.25 mm within.
                for (side, eighths) in [("top", "8"), ("bottom", "8"), ("insideH", "6")] {
                    xml.create_element(format!("w:{side}"))
                        .with_attributes([
                            ("w:val", "single"),
                            ("w:sz", eighths),
                            ("w:space", "0"),
                            ("w:color", "000000"),
                        ])
                        .write_empty()?;
                }
                Ok(())
            })?;
        xml.create_element("w:tblLayout")
            .with_attribute(("w:type", "fixed"))
            .write_empty()?;
        xml.create_element("w:tblCellMar")
            .write_inner_content(|xml| {
                for side in ["left", "right"] {
                    xml.create_element(format!("w:{side}"))
                        .with_attributes([("w:w", "0"), ("w:type", "dxa")])
                        .write_empty()?;
                }
                Ok(())
            })?;
        Ok(())
    })?;
    Ok(())
}

fn row(xml: &mut Xml, cell: impl FnOnce(&mut Xml) -> io::Result<()>) -> io::Result<()> {
    xml.create_element("w:tr").write_inner_content(|xml| {
        xml.create_element("w:trPr").write_inner_content(|xml| {
            xml.create_element("w:cantSplit").write_empty()?;
            Ok(())
        })?;
        xml.create_element("w:tc").write_inner_content(|xml| {
            xml.create_element("w:tcPr").write_inner_content(|xml| {
                xml.create_element("w:tcW")
                    .with_attributes([("w:w", TYPE_AREA_TWIPS), ("w:type", "dxa")])
                    .write_empty()?;
                Ok(())
            })?;
            cell(xml)
        })?;
        Ok(())
    })?;
    Ok(())
}

/// A4, the margins of GB/T 9704, 22 lines of 28 characters.
fn section(xml: &mut Xml) -> io::Result<()> {
    xml.create_element("w:sectPr").write_inner_content(|xml| {
        for (side, id) in [("default", "rId4"), ("even", "rId5")] {
            xml.create_element("w:footerReference")
                .with_attributes([("w:type", side), ("r:id", id)])
                .write_empty()?;
        }
        xml.create_element("w:pgSz")
            .with_attributes([("w:w", "11906"), ("w:h", "16838")])
            .write_empty()?;
        // Twentieths of a point: 37, 26, 35 and 28 mm. The footer's middle lies 7 mm below the text.
        xml.create_element("w:pgMar")
            .with_attributes([
                ("w:top", "2098"),
                ("w:right", "1474"),
                ("w:bottom", "1984"),
                ("w:left", "1587"),
                ("w:header", "851"),
                ("w:footer", "1446"),
                ("w:gutter", "0"),
            ])
            .write_empty()?;
        xml.create_element("w:docGrid")
            .with_attributes([("w:type", "lines"), ("w:linePitch", "579")])
            .write_empty()?;
        Ok(())
    })?;
    Ok(())
}

fn paragraph(
    xml: &mut Xml,
    style: &str,
    inner: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    xml.create_element("w:p").write_inner_content(|xml| {
        xml.create_element("w:pPr")
            .write_inner_content(|xml| value(xml, "w:pStyle", style))?;
        inner(xml)
    })?;
    Ok(())
}

/// A paragraph of one run.
fn line(xml: &mut Xml, style: &str, content: &str) -> io::Result<()> {
    paragraph(xml, style, |xml| run(xml, None, content))
}

fn labelled(xml: &mut Xml, style: &str, line: &Labelled) -> io::Result<()> {
    paragraph(xml, style, |xml| {
        run(xml, Some("Label"), &line.label)?;
        run(xml, None, &format!("：{}", line.text))
    })
}

fn run(xml: &mut Xml, style: Option<&str>, content: &str) -> io::Result<()> {
    xml.create_element("w:r").write_inner_content(|xml| {
        if let Some(style) = style {
            xml.create_element("w:rPr")
                .write_inner_content(|xml| value(xml, "w:rStyle", style))?;
        }
        text(xml, content)
    })?;
    Ok(())
}

fn tab(xml: &mut Xml) -> io::Result<()> {
    xml.create_element("w:r").write_inner_content(|xml| {
        xml.create_element("w:tab").write_empty()?;
        Ok(())
    })?;
    Ok(())
}

fn text(xml: &mut Xml, content: &str) -> io::Result<()> {
    xml.create_element("w:t")
        .with_attribute(("xml:space", "preserve"))
        .write_text_content(BytesText::new(content))?;
    Ok(())
}

fn value(xml: &mut Xml, name: &str, value: &str) -> io::Result<()> {
    xml.create_element(name)
        .with_attribute(("w:val", value))
        .write_empty()?;
    Ok(())
}

#[cfg(test)]
mod tests;
