use hub_proto::{common::Date, meetings::AgreedItemKind, members::Agency};

use super::*;

pub(in crate::minutes) fn units() -> Units {
    let agency = |id: &str, name: &str| Agency {
        name: format!("agencies/{id}"),
        display_name: name.into(),
        ..Agency::default()
    };
    Units::of(vec![
        agency("tax", "省税务局"),
        agency("finance", "省财政厅"),
        agency("civil-affairs", "省民政厅"),
    ])
}

const WHOLE: &str = include_str!("sample.md");

fn problems(text: &str) -> Vec<(usize, String)> {
    let problems = parse(text, &units()).unwrap_err();
    problems
        .into_iter()
        .map(|problem| {
            assert!(!problem.zh.is_empty());
            (problem.line, problem.en)
        })
        .collect()
}

#[test]
fn a_whole_file_is_read() {
    let file = parse(WHOLE, &units()).unwrap();
    assert_eq!(file.base_version, Some(1));
    assert_eq!(file.change_note, "按省财政厅意见修改第 1 项");
    assert_eq!(file.files, [PathBuf::from("附表.xlsx")]);
    let content = file.content;
    assert_eq!(content.title, "联合执法机制工作协调会议纪要");
    assert_eq!(
        content.opening,
        "2026 年 12 月 20 日，省民政厅召集会议。现纪要如下。"
    );
    assert_eq!(content.main_addressees, ["各成员单位"]);
    let topics: Vec<(i32, &str, usize)> = content
        .topics
        .iter()
        .map(|topic| (topic.topic, topic.title.as_str(), topic.paragraphs.len()))
        .collect();
    assert_eq!(
        topics,
        [(1, "关于开展年度联合抽查", 2), (0, "关于信息报送", 1)]
    );
    assert_eq!(
        content.topics[0].paragraphs[1],
        "# 会议认为，抽查要突出重点。"
    );
    let first = &content.agreed_items[0];
    assert_eq!(
        first.text,
        "开展年度联合抽查，由税务部门提供名单 within two weeks of the meeting。"
    );
    assert_eq!(
        first.responsible_units,
        ["agencies/civil-affairs", "agencies/tax"]
    );
    assert_eq!(first.assisting_units, ["agencies/finance"]);
    assert_eq!(
        first.due_on,
        Some(Date {
            year: 2027,
            month: 3,
            day: 31
        })
    );
    assert_eq!(first.topic, 1);
    assert_eq!(first.kind(), AgreedItemKind::JointOperation);
    assert_eq!(first.lead_unit, "agencies/civil-affairs");
    let second = &content.agreed_items[1];
    assert_eq!(second.kind(), AgreedItemKind::Priority);
    assert_eq!(second.period_until_on.unwrap().month, 6);
    assert_eq!(second.assigner, "省委");
    assert_eq!(second.continues_item, 2);
    assert_eq!(content.agreed_items[2].kind(), AgreedItemKind::Task);
}

#[test]
fn what_is_written_is_read_back_the_same() {
    let mut content = parse(WHOLE, &units()).unwrap().content;
    content.attachments = vec![Attachment {
        sha256: "ab".repeat(32),
        file_name: "附表.xlsx".into(),
        media_type: "application/octet-stream".into(),
        size_bytes: 7,
    }];
    let written = text(&content, Some(3), "改\"一\"处", &units());
    let again = parse(&written, &units()).unwrap();
    assert_eq!(again.content, content);
    assert_eq!(
        (again.base_version, again.change_note.as_str()),
        (Some(3), "改\"一\"处")
    );
    assert!(
        written.contains("- 责任单位：省民政厅、省税务局"),
        "{written}"
    );
}

#[test]
fn settings_may_be_left_out() {
    let file = parse(
        "# 纪要\n\n## Agreed items\n\n1. Do it\n   - responsible: tax\n",
        &units(),
    );
    let file = file.unwrap();
    assert_eq!(file.base_version, None);
    assert_eq!(
        file.content.agreed_items[0].responsible_units,
        ["agencies/tax"]
    );
}

#[test]
fn every_mistake_is_named_with_its_line() {
    let text = "\
# 纪要
开头一段。

开头二段。

## 会议情况

## 议题 x：无编号

## 议定事项

没有编号的事项

1. 第一项
   - 责任单位：省教育厅
   - 期限：三月底
   - 备注：无
   - 类型：其他

2. 第二项
";
    let found = problems(text);
    let expected = [
        (4, "the opening is one paragraph"),
        (6, "a heading is \"## Topic 1: title\""),
        (8, "a heading is \"## Topic 1: title\""),
        (12, "an agreed item begins with its number"),
        (14, "the item names no responsible unit"),
        (15, "省教育厅: there is no such unit"),
        (16, "a day is written 2026-08-31, not \"三月底\""),
        (17, "a field is \"- NAME: VALUE\" with one of responsible"),
        (18, "the kind is one of task"),
        (20, "the item names no responsible unit"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((line, en), (at, rule)) in found.iter().zip(expected) {
        assert_eq!(*line, at, "{en}");
        assert!(en.starts_with(rule), "{en}");
    }
}

#[test]
fn mistakes_in_the_settings_are_named_with_their_line() {
    let found = problems("+++\nbase_version = 1\ncolour = \"red\"\n+++\n# 纪要\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, 3);
    assert!(found[0].1.contains("unknown field `colour`"), "{found:?}");
    assert_eq!(problems("+++\nbase_version = 1\n# 纪要\n")[0].0, 1);
    let twice =
        "# 纪要\n## 议定事项\n1. 做\n - 期限：2026-01-01\n - due: 2026-01-02\n - 责任单位：tax\n";
    assert_eq!(
        problems(twice),
        [(5, "this field is given twice for one item".into())]
    );
}

#[test]
fn the_title_is_required_once() {
    assert!(problems("正文\n")[0].1.starts_with("the title is missing"));
    assert_eq!(problems("# 一\n# 二\n")[0].0, 2);
}
