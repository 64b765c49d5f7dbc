//! The set pages are looked at glyph by glyph: which font each came from, and where it stands.

use std::{collections::BTreeMap, path::Path};

use typst::visualize::{Color, Paint};

use super::*;
use crate::{
    AuditPage, Minutes,
    test_support::{MARKUP, long_sample, sample},
};

/// Common in names and missing from older fonts. The test font of the body lacks them.
const RARE: &str = "璟堃喆祎玥䶮㛃";

/// Points, within which lengths are the same.
const CLOSE: f64 = 0.6;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fonts");

fn families() -> FontFamilies {
    let family = |name: &str| vec![format!("Minutes Test {name}")];
    FontFamilies {
        roles: BTreeMap::from([
            (FontRole::XiaoBiaoSong, family("Song")),
            (FontRole::FangSong, family("Fang")),
            (FontRole::KaiTi, family("Fang")),
            (FontRole::HeiTi, family("Hei")),
            (FontRole::SongTi, family("Song")),
        ]),
        rare: family("Song"),
    }
}

fn fonts() -> Fonts {
    Fonts::find(&[FOLDER.into()], &families()).unwrap()
}

fn set(minutes: &Minutes) -> Vec<Vec<Run>> {
    let minutes = minutes.check(AuditPage::Omitted).unwrap();
    let document = typeset(&minutes, &fonts()).unwrap();
    assert_eq!(missing_characters(&document), BTreeSet::new());
    assert_eq!(overflow(&document), None);
    document
        .pages()
        .iter()
        .map(|page| runs(&page.frame))
        .collect()
}

/// Text of one font that stands together, in points from the page's upper left corner.
#[derive(Debug, Clone)]
struct Run {
    text: String,
    family: String,
    size: f64,
    left: f64,
    right: f64,
    /// Baseline.
    y: f64,
    red: bool,
}

fn runs(frame: &Frame) -> Vec<Run> {
    let mut found = vec![];
    each_text(frame, Point::zero(), &mut |at, item| {
        found.push(Run {
            text: item.text.to_string(),
            family: item.font.font().info().family.clone(),
            size: item.size.to_pt(),
            left: at.x.to_pt(),
            right: (at.x + item.width()).to_pt(),
            y: at.y.to_pt(),
            red: item.fill == Paint::Solid(Color::from_u8(255, 0, 0, 255)),
        });
    });
    found
}

/// The lines of a page: text of the same baseline, from left to right.
fn lines(page: &[Run]) -> Vec<(f64, Vec<&Run>)> {
    let mut lines: Vec<(f64, Vec<&Run>)> = vec![];
    for run in page {
        match lines.iter_mut().find(|(y, _)| (*y - run.y).abs() < 0.1) {
            Some((_, line)) => line.push(run),
            None => lines.push((run.y, vec![run])),
        }
    }
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, line) in &mut lines {
        line.sort_by(|a, b| a.left.total_cmp(&b.left));
    }
    lines
}

fn text(line: &[&Run]) -> String {
    line.iter().map(|run| run.text.as_str()).collect()
}

fn find<'a>(page: &'a [Run], part: &str) -> &'a Run {
    let run = page.iter().find(|run| run.text.contains(part));
    run.unwrap_or_else(|| panic!("{part} is not on the page"))
}

fn mm(length: f64) -> f64 {
    Abs::mm(length).to_pt()
}

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < CLOSE, "{found} for {expected}");
}

#[test]
fn rare_characters_come_from_another_font() {
    let pages = set(&long_sample());
    let runs: Vec<&Run> = pages.iter().flatten().collect();
    for c in RARE.chars() {
        let with: Vec<_> = runs.iter().filter(|run| run.text.contains(c)).collect();
        assert!(!with.is_empty(), "{c} is on no page");
        for run in with {
            assert_eq!(run.family, "Minutes Test Song", "{c}");
        }
    }
    // Their neighbours stay in the face of the body.
    assert!(
        runs.iter()
            .any(|run| run.text.contains('某') && run.family == "Minutes Test Fang")
    );
}

#[test]
fn a_character_that_no_font_has_is_an_error_that_names_it() {
    let mut minutes = sample();
    // Two ideographs beyond the first plane, which the test fonts have been left without.
    minutes.attendance.present[0].officers[0].name = "\u{30EDD}\u{2B8B0}\u{30EDD}".to_owned();
    let minutes = minutes.check(AuditPage::Omitted).unwrap();
    let error = pdf(&minutes, &fonts()).unwrap_err();
    let PdfError::MissingCharacters(missing) = &error else {
        panic!("{error}");
    };
    assert_eq!(missing, &['\u{2B8B0}', '\u{30EDD}']);
    let expected = "no font has these characters: \u{2B8B0} (U+2B8B0), \u{30EDD} (U+30EDD); add";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn missing_faces_are_all_named_with_a_package() {
    let error = Fonts::find(&[FOLDER.into()], &FontFamilies::default()).unwrap_err();
    assert_eq!(error.missing, FontRole::ALL);
    let text = error.to_string();
    for part in [
        "仿宋: FandolFang, package texlive-lang-chinese",
        "楷体: LXGW WenKai, package fonts-lxgw-wenkai",
        "黑体: Noto Sans CJK SC, package fonts-noto-cjk",
        FOLDER,
    ] {
        assert!(text.contains(part), "{text}");
    }
    let mut families = families();
    families.roles.remove(&FontRole::KaiTi);
    let error = Fonts::find(&[FOLDER.into()], &families).unwrap_err();
    assert_eq!(error.missing, [FontRole::KaiTi]);
}

#[test]
fn folders_that_are_not_there_are_passed_over() {
    let folders = font_folders(Some(Path::new(FOLDER)), None);
    assert_eq!(folders[0], Path::new(FOLDER));
    let folders = ["no/such/folder".into(), FOLDER.into(), FOLDER.into()];
    Fonts::find(&folders, &families()).unwrap();
}

#[test]
fn markup_in_a_text_is_text() {
    let mut minutes = sample();
    minutes.opening = MARKUP.to_owned();
    minutes.attendance.present[0].officers[0].name = "#panic()*甲*".to_owned();
    let pages = set(&minutes);
    let all: String = pages
        .iter()
        .flat_map(|page| lines(page))
        .map(|(_, line)| text(&line))
        .collect();
    // Spaces go where lines turn.
    let close = |text: &str| text.replace(' ', "");
    assert!(close(&all).contains(&close(MARKUP)), "{all}");
    assert!(all.contains("#panic()*甲*"), "{all}");
}

#[test]
fn the_typesetter_sees_nothing_but_the_minutes() {
    let minutes = sample().check(AuditPage::Omitted).unwrap();
    let fonts = fonts();
    let desk = Desk::new(&minutes, &fonts).unwrap();
    let other = file_id("other.typ").unwrap();
    assert!(desk.source(other).is_err());
    assert!(desk.file(other).is_err());
    assert!(desk.source(desk.data_id).is_err());
    assert_eq!(desk.today(None), None);
}

#[test]
fn the_head_stands_where_the_standard_puts_it() {
    let pages = set(&sample());
    let page = &pages[0];
    let pitch = mm(225.0) / 22.0;
    let mark = find(page, "山西省社会组织联合执法机制会议纪要");
    assert!(mark.red && mark.family == "Minutes Test Song");
    // Upper edge 35 mm below that of the type area.
    assert_close(mark.y - 0.88 * mark.size, mm(37.0 + 35.0));
    let centre = mm(28.0 + 156.0 / 2.0);
    assert_close((mark.left + mark.right) / 2.0, centre);
    // Two lines below the mark, in 16 pt.
    let number = find(page, "晋社执纪〔2026〕3号");
    let gap = (number.y - 0.88 * 16.0) - (mark.y + 0.12 * mark.size);
    assert!((2.0 * pitch..3.0 * pitch).contains(&gap), "{gap}");
    assert_close((number.left + number.right) / 2.0, centre);
    assert_close(number.size, 16.0);
    let title = find(page, "社会组织联合执法工作协调会议纪要");
    assert_close(title.size, 22.0);
    assert_close((title.left + title.right) / 2.0, centre);
    assert!(!title.red);
}

#[test]
fn a_full_page_has_22_lines_of_28_characters() {
    let mut minutes = sample();
    minutes.topics[0].discussion = vec!["省".repeat(28 * 60)];
    let pages = set(&minutes);
    let body = lines(&pages[2]);
    // The last line is the page number.
    let (body, number) = body.split_at(body.len() - 1);
    assert_eq!(text(&number[0].1), "— 3 —");
    assert_eq!(body.len(), 22);
    let pitch = mm(225.0) / 22.0;
    for (place, (y, line)) in body.iter().enumerate() {
        assert_eq!(text(line).chars().count(), 28);
        assert_close(line[0].left, mm(28.0));
        assert_close(line.last().unwrap().right, mm(28.0 + 156.0));
        assert_close(
            y - body[0].0,
            pitch * f64::from(u32::try_from(place).unwrap()),
        );
    }
    assert_close(body[0].0 - 0.88 * 16.0, mm(37.0));
}

#[test]
fn a_paragraph_begins_two_characters_in() {
    let pages = set(&sample());
    let run = find(&pages[1], "会议指出");
    assert_close(run.left, mm(28.0) + 2.0 * mm(156.0) / 28.0);
    assert_close(run.size, 16.0);
}

#[test]
fn headings_have_the_faces_of_their_levels() {
    let pages = set(&sample());
    assert_eq!(find(&pages[1], "一、会议议题").family, "Minutes Test Hei");
    assert_eq!(find(&pages[1], "出席").family, "Minutes Test Hei");
    assert_eq!(find(&pages[1], "会议指出").family, "Minutes Test Fang");
}

#[test]
fn page_numbers_stand_right_on_odd_pages_and_left_on_even_ones() {
    let pages = set(&long_sample());
    assert_eq!(pages.len(), 4);
    for (place, page) in pages.iter().enumerate() {
        let lines = lines(page);
        let (y, line) = lines.last().unwrap();
        assert_eq!(text(line), format!("— {} —", place + 1));
        assert!(line.iter().all(|run| run.family == "Minutes Test Song"));
        assert_close(line[0].size, 14.0);
        // One character in; the dash runs 7 mm below the type area.
        if place % 2 == 0 {
            assert_close(line.last().unwrap().right, mm(210.0 - 26.0) - 14.0);
        } else {
            assert_close(line[0].left, mm(28.0) + 14.0);
        }
        assert_close(y - 0.38 * 14.0, mm(297.0 - 35.0 + 7.0));
    }
}

#[test]
fn turned_lines_of_the_attendance_begin_after_the_colon() {
    let pages = set(&sample());
    let lines = lines(&pages[1]);
    let at = |word: &str| {
        let place = lines
            .iter()
            .position(|(_, line)| text(line).starts_with(word));
        place.unwrap_or_else(|| panic!("{word}"))
    };
    let (present, excused, observers) = (at("出席："), at("请假："), at("列席："));
    assert!(present + 2 < excused && excused < observers);
    let cell = mm(156.0) / 28.0;
    for (_, line) in &lines[present + 1..excused] {
        assert_close(line[0].left, mm(28.0) + 5.0 * cell);
    }
    for place in [present, excused, observers] {
        assert_close(lines[place].1[0].left, mm(28.0) + 2.0 * cell);
    }
    // One blank line before.
    let gap = lines[present].0 - lines[present - 1].0;
    assert_close(gap, 2.0 * mm(225.0) / 22.0);
}

#[test]
fn je_071_who_was_consulted_stands_after_a_wider_label() {
    let mut minutes = sample();
    minutes.attendance.consulted = std::mem::take(&mut minutes.attendance.present);
    minutes.attendance.excused.clear();
    minutes.attendance.observers.clear();
    let pages = set(&minutes);
    let lines = lines(&pages[1]);
    let place = lines
        .iter()
        .position(|(_, line)| text(line).starts_with("征求意见："))
        .unwrap();
    let cell = mm(156.0) / 28.0;
    assert_close(lines[place].1[0].left, mm(28.0) + 2.0 * cell);
    // Turned lines begin after the colon: five characters further in.
    assert_close(lines[place + 1].1[0].left, mm(28.0) + 7.0 * cell);
}

#[test]
fn no_line_begins_with_closing_punctuation() {
    // Each length shifts where lines turn.
    for length in 0..28 {
        let mut minutes = sample();
        minutes.topics[0].discussion = vec![format!(
            "{}{}",
            "省".repeat(length),
            "省厅（局），部门；会议、事项：单位。".repeat(6)
        )];
        for (_, line) in set(&minutes).iter().flat_map(|page| lines(page)) {
            let text = text(&line);
            let first = text.chars().next().unwrap();
            assert!(
                !"，。；：、）》」』〕！？”’".contains(first),
                "{length}: {text}"
            );
            let last = text.chars().last().unwrap();
            assert!(!"（《「『〔“‘".contains(last), "{length}: {text}");
        }
    }
}

#[test]
fn the_imprint_stands_on_the_lower_edge_of_the_last_page() {
    for minutes in [sample(), long_sample()] {
        let pages = set(&minutes);
        let office = find(pages.last().unwrap(), "山西省民政厅社会组织管理局");
        assert_close(office.size, 14.0);
        assert_close(office.left, mm(28.0) + 14.0);
        let below = mm(297.0 - 35.0) - office.y;
        assert!((0.0..14.0).contains(&below), "{below}");
    }
}

#[test]
fn the_longest_fields_fit() {
    let mut minutes = long_sample();
    minutes.mark = "省".repeat(24);
    minutes.title = "省".repeat(100);
    minutes.meeting.chair = "省".repeat(100);
    minutes.issuer = "省".repeat(60);
    minutes.printing_office = "省".repeat(60);
    minutes.main_to = vec!["省".repeat(59); 5];
    minutes.copies_to = vec!["省".repeat(59); 5];
    minutes.attachments = vec!["省".repeat(500); 12];
    minutes.attendance.present = vec![minutes.attendance.present[0].clone(); 100];
    minutes.attendance.present[50].unit = "省".repeat(60);
    let pages = set(&minutes);
    let last: String = pages
        .last()
        .unwrap()
        .iter()
        .map(|run| run.text.as_str())
        .collect();
    assert!(
        last.contains("主送") && last.contains("抄送") && last.contains("印发"),
        "{last}"
    );
}

#[test]
fn a_long_address_turns() {
    let mut minutes = sample();
    minutes.opening = format!("https://example.cn/{}", "a".repeat(3_000));
    minutes.attendance.present[0].officers[0].name = "b".repeat(40);
    let pages = set(&minutes);
    let all: String = pages
        .iter()
        .flatten()
        .map(|run| run.text.as_str())
        .collect();
    assert_eq!(all.matches('b').count(), 40);
    assert!(pages.len() > 2);
}

#[test]
fn text_that_reaches_over_the_edge_is_an_error() {
    let mut minutes = sample();
    // Spaces at which no line may turn.
    minutes.title = format!("{}W", "W\u{A0}".repeat(49));
    let minutes = minutes.check(AuditPage::Omitted).unwrap();
    let error = pdf(&minutes, &fonts()).unwrap_err();
    assert!(matches!(error, PdfError::Overflow(_)), "{error}");
    assert!(error.to_string().contains("W"), "{error}");
}

#[test]
fn an_audit_page_comes_only_where_asked_for() {
    let count = |audit_page| {
        let minutes = sample().check(audit_page).unwrap();
        typeset(&minutes, &fonts()).unwrap().pages().len()
    };
    assert_eq!(count(AuditPage::Omitted), 2);
    assert_eq!(count(AuditPage::Appended), 3);
    let minutes = sample().check(AuditPage::Appended).unwrap();
    let document = typeset(&minutes, &fonts()).unwrap();
    let hash = sample().audit.unwrap().text_sha256;
    let pages: Vec<_> = document
        .pages()
        .iter()
        .map(|page| runs(&page.frame))
        .collect();
    let run = find(&pages[2], &hash);
    assert!(run.right <= mm(210.0 - 26.0), "{}", run.right);
    assert!(pages[2].iter().all(|run| !run.text.contains('—')));
}

#[test]
fn the_same_minutes_give_the_same_bytes() {
    let make = |minutes: Minutes| {
        let minutes = minutes.check(AuditPage::Appended).unwrap();
        pdf(&minutes, &fonts()).unwrap()
    };
    let first = make(long_sample());
    assert!(first.starts_with(b"%PDF-1.7"));
    assert_eq!(first, make(long_sample()));
    assert_ne!(first, make(sample()));
}

#[test]
fn the_file_says_what_it_is_and_when_it_was_issued() {
    let minutes = sample().check(AuditPage::Omitted).unwrap();
    let bytes = pdf(&minutes, &fonts()).unwrap();
    let contains = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(contains(b"D:20260312000000Z"));
    assert!(contains(b"zh-CN"));
    // The title stands in the metadata, which are plain text.
    assert!(contains("社会组织联合执法工作协调会议纪要".as_bytes()));
    assert!(contains("联合执法机制办公室".as_bytes()));
}
