//! The office document is opened and read part by part.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
};

use quick_xml::{Reader, events::BytesStart};
use zip::ZipArchive;

use super::*;
use crate::{
    AuditPage, Minutes,
    test_support::{MARKUP, long_sample, sample},
};

/// The parts by name.
fn parts(minutes: &Minutes) -> BTreeMap<String, String> {
    let bytes = docx(&minutes.check(AuditPage::Omitted).unwrap()).unwrap();
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut parts = BTreeMap::new();
    for place in 0..zip.len() {
        let mut file = zip.by_index(place).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        parts.insert(file.name().unwrap().into_owned(), text);
    }
    parts
}

/// Calls `visit` with every element that opens. Fails on text that is no XML.
fn elements(xml: &str, mut visit: impl FnMut(&str, BTreeMap<String, String>)) {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let attributes = |element: &BytesStart<'_>| {
        let attributes = element.attributes().map(Result::unwrap);
        attributes
            .map(|attribute| {
                let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                (key, String::from_utf8(attribute.value.to_vec()).unwrap())
            })
            .collect()
    };
    let mut open = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) => {
                open += 1;
                let name = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
                visit(&name, attributes(&element));
            }
            Event::Empty(element) => {
                let name = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
                visit(&name, attributes(&element));
            }
            Event::End(_) => open -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open, 0);
}

/// Values of an attribute of an element, in their order.
fn values(xml: &str, element: &str, attribute: &str) -> Vec<String> {
    let mut found = vec![];
    elements(xml, |name, attributes| {
        if name == element {
            found.extend(attributes.get(attribute).cloned());
        }
    });
    found
}

/// The text of each paragraph.
fn paragraphs(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let mut paragraphs = vec![];
    let mut in_text = false;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) => match element.name().as_ref() {
                b"w:p" => paragraphs.push(String::new()),
                b"w:t" => in_text = true,
                _ => {}
            },
            Event::End(element) if element.name().as_ref() == b"w:t" => in_text = false,
            Event::Text(text) if in_text => {
                paragraphs
                    .last_mut()
                    .unwrap()
                    .push_str(&text.decode().unwrap());
            }
            Event::GeneralRef(name) if in_text => {
                let c = match name.decode().unwrap().as_ref() {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "quot" => '"',
                    "apos" => '\'',
                    other => panic!("&{other};"),
                };
                paragraphs.last_mut().unwrap().push(c);
            }
            Event::Eof => return paragraphs,
            _ => {}
        }
    }
}

#[test]
fn every_part_is_xml_and_is_named_where_it_must_be() {
    let parts = parts(&long_sample());
    for xml in parts.values() {
        elements(xml, |_, _| {});
    }
    let types = &parts["[Content_Types].xml"];
    for part in values(types, "Override", "PartName") {
        assert!(parts.contains_key(part.trim_start_matches('/')), "{part}");
    }
    let mut ids = BTreeSet::new();
    for (relations, folder) in [
        ("_rels/.rels", ""),
        ("word/_rels/document.xml.rels", "word/"),
    ] {
        for target in values(&parts[relations], "Relationship", "Target") {
            assert!(parts.contains_key(&format!("{folder}{target}")), "{target}");
        }
        ids.extend(values(&parts[relations], "Relationship", "Id"));
    }
    let document = &parts["word/document.xml"];
    for id in values(document, "w:footerReference", "r:id") {
        assert!(ids.contains(&id), "{id}");
    }
}

#[test]
fn every_style_that_is_used_is_there() {
    let parts = parts(&long_sample());
    let styles: BTreeSet<_> = values(&parts["word/styles.xml"], "w:style", "w:styleId")
        .into_iter()
        .collect();
    for (part, element) in [
        ("word/document.xml", "w:pStyle"),
        ("word/document.xml", "w:rStyle"),
        ("word/footer_odd.xml", "w:pStyle"),
        ("word/footer_even.xml", "w:pStyle"),
        ("word/styles.xml", "w:basedOn"),
    ] {
        let used = values(&parts[part], element, "w:val");
        assert!(!used.is_empty(), "{part} {element}");
        for style in used {
            assert!(styles.contains(&style), "{style}");
        }
    }
}

#[test]
fn the_page_is_that_of_the_standard() {
    let parts = parts(&sample());
    let document = &parts["word/document.xml"];
    // Twentieths of a point, to the nearest: A4; 37, 28, 26 and 35 mm.
    let twips = |mm: f64| format!("{}", (mm / 25.4 * 1440.0).round());
    assert_eq!(values(document, "w:pgSz", "w:w"), [twips(210.0)]);
    assert_eq!(values(document, "w:pgSz", "w:h"), [twips(297.0)]);
    assert_eq!(values(document, "w:pgMar", "w:top"), [twips(37.0)]);
    assert_eq!(values(document, "w:pgMar", "w:left"), [twips(28.0)]);
    assert_eq!(values(document, "w:pgMar", "w:right"), [twips(26.0)]);
    assert_eq!(values(document, "w:pgMar", "w:bottom"), [twips(35.0)]);
    assert!(parts["word/settings.xml"].contains("<w:evenAndOddHeaders/>"));
    assert_eq!(
        values(&parts["word/footer_odd.xml"], "w:jc", "w:val"),
        ["right"]
    );
    assert_eq!(
        values(&parts["word/footer_even.xml"], "w:jc", "w:val"),
        ["left"]
    );
}

#[test]
fn the_faces_of_the_standard_are_named_first_and_have_a_substitute() {
    let parts = parts(&sample());
    let used: BTreeSet<_> = values(&parts["word/styles.xml"], "w:rFonts", "w:eastAsia")
        .into_iter()
        .collect();
    let faces = [
        "仿宋_GB2312",
        "宋体",
        "方正小标宋简体",
        "楷体_GB2312",
        "黑体",
    ];
    assert_eq!(used, faces.map(str::to_owned).into());
    let table = &parts["word/fontTable.xml"];
    assert_eq!(values(table, "w:font", "w:name").len(), faces.len());
    assert_eq!(values(table, "w:altName", "w:val").len(), faces.len());
    for face in faces {
        assert!(
            values(table, "w:font", "w:name").contains(&face.to_owned()),
            "{face}"
        );
    }
}

#[test]
fn the_text_is_that_of_the_minutes() {
    let text = paragraphs(&parts(&long_sample())["word/document.xml"]);
    let minutes = long_sample();
    assert_eq!(text[0], minutes.mark);
    assert_eq!(text[1], minutes.document_number);
    assert_eq!(text[2], "联合执法机制办公室2026年5月20日");
    assert_eq!(text[3], minutes.title);
    assert_eq!(text[4], "（更正并代替晋社执纪〔2026〕2号）");
    for expected in [
        "一、会议议题",
        "（一）2025年度联合执法工作情况",
        "二、议定事项",
        "附件：1.两机制成员单位职责分工表",
        "请假：太原市民政局",
        "列席：省社会组织综合党委　某寅、某卯；省法学会专家组　某堃璟（教授）",
        "主送：各成员单位。",
    ] {
        assert!(text.iter().any(|text| text == expected), "{expected}");
    }
    let present = text.iter().find(|text| text.starts_with("出席：")).unwrap();
    assert_eq!(present.matches('；').count(), 14);
}

#[test]
fn markup_in_a_text_is_text() {
    let mut minutes = sample();
    minutes.opening = MARKUP.to_owned();
    minutes.title = MARKUP.to_owned();
    minutes.issuer = "<w:b/>&".to_owned();
    let parts = parts(&minutes);
    let text = paragraphs(&parts["word/document.xml"]);
    assert_eq!(text.iter().filter(|text| *text == MARKUP).count(), 2);
    for xml in parts.values() {
        elements(xml, |name, _| assert_ne!(name, "w:b"));
    }
}

#[test]
fn turned_lines_of_the_attendance_begin_after_the_colon() {
    let parts = parts(&sample());
    let styles = &parts["word/styles.xml"];
    let start = styles.find("w:styleId=\"Labelled\"").unwrap();
    let style = &styles[start..start + styles[start..].find("</w:style>").unwrap()];
    // Five characters in, of which the first line hangs out three: 出席：
    let character = 316;
    let hanging = format!(
        "w:left=\"{}\" w:hanging=\"{}\"",
        5 * character,
        3 * character
    );
    assert!(style.contains(&hanging), "{style}");
}

#[test]
fn je_071_a_meeting_by_correspondence_lists_who_was_consulted() {
    let mut minutes = sample();
    minutes.attendance.consulted = std::mem::take(&mut minutes.attendance.present);
    minutes.meeting.place.clear();
    let parts = parts(&minutes);
    let text = paragraphs(&parts["word/document.xml"]).join("\n");
    assert!(
        text.contains("征求意见：") && !text.contains("出席"),
        "{text}"
    );
    assert!(!text.contains("地点"), "{text}");
    let style = values(&parts["word/document.xml"], "w:pStyle", "w:val");
    assert!(style.contains(&"FirstWideLabelled".to_owned()), "{style:?}");
}

#[test]
fn the_same_minutes_give_the_same_bytes() {
    let make = || docx(&long_sample().check(AuditPage::Appended).unwrap()).unwrap();
    let first = make();
    assert_eq!(first, make());
    let mut zip = ZipArchive::new(Cursor::new(first)).unwrap();
    for place in 0..zip.len() {
        let time = zip.by_index(place).unwrap().last_modified().unwrap();
        assert_eq!(time, DateTime::default());
    }
}
