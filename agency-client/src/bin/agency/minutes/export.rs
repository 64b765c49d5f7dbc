//! `minutes export`: issued minutes as a document.
//!
//! Invariant: nothing is put into the document that the hub does not have, but for the red mark, which is
//! the office's to choose. Units bear the names that they had on the day of the meeting (FS-011).

use std::{collections::HashMap, path::Path};

use agency_client::{Client, ClientError};
use hub_core::date::{from_wire, on};
use hub_documents::{
    AgreedItem, Attendance, Audit, AuditPage, CheckedMinutes, Delegation, FontFamilies, Fonts,
    Meeting as MeetingPart, Minutes as Document, Officer, Topic, docx, font_folders, markdown, pdf,
};
use hub_proto::meetings::{
    Attendance as AttendanceKind, Meeting, MeetingKind, MeetingUnit, Minutes, MinutesContent,
    MinutesState,
};
use jiff::{civil::Date, tz::TimeZone};
use serde_json::json;

use super::{file, minutes_name, version_of};
use crate::{
    Context,
    args::minutes::{ExportArgs, FormatArg},
    json::{date, instant},
    names::ZONE,
    output::{Done, Failure},
    table::pairs,
};

/// The mark of a joint meeting, unless another one is given.
const JOINT_MARK: &str = "联席会议纪要";

/// What a document is made of.
struct Source {
    meeting: Meeting,
    minutes: Minutes,
    content: MinutesContent,
    /// Official names on the day of the meeting, by resource name.
    units: HashMap<String, String>,
    /// Names of the meeting's mechanisms and of the office that made it.
    mechanisms: Vec<String>,
    office: String,
    /// Where the hub is, for the audit page.
    hub: String,
}

pub(super) async fn run(context: &Context, args: ExportArgs) -> Done {
    let client = context.client()?;
    let source = fetch(&client, &args.minutes.name).await?;
    let audit_page = if args.audit_page {
        AuditPage::Appended
    } else {
        AuditPage::Omitted
    };
    let document = document(&source, args.mark.clone());
    let checked = document.check(audit_page).map_err(|error| {
        let name = &source.minutes.name;
        Failure::usage(
            format!("{name} does not fit the form: {error}"),
            format!("{name} 不符合公文格式：{error}"),
        )
    })?;
    let bytes = render(&checked, &args)?;
    std::fs::write(&args.out, &bytes).map_err(|error| at_fault(&args.out, error.to_string()))?;
    let out = context.out;
    let file = args.out.display().to_string();
    let format = format!("{:?}", args.format).to_lowercase();
    let number = &source.minutes.document_number;
    out.either(
        || json!({"file": file, "format": format, "bytes": bytes.len(), "document_number": number}),
        || {
            pairs(&[
                (out.label("document number", "文号"), number.clone()),
                (out.label("written", "已写入"), file.clone()),
            ])
        },
    )
}

fn at_fault(path: &Path, problem: String) -> Failure {
    Failure::Client(ClientError::LocalFile {
        path: path.to_owned(),
        problem,
    })
}

fn render(minutes: &CheckedMinutes, args: &ExportArgs) -> Result<Vec<u8>, Failure> {
    match args.format {
        FormatArg::Md => Ok(markdown(minutes).into_bytes()),
        FormatArg::Docx => docx(minutes).map_err(|error| at_fault(&args.out, error.to_string())),
        FormatArg::Pdf => {
            let home = std::env::home_dir();
            let folders = font_folders(args.fonts.as_deref(), home.as_deref());
            let place = args.fonts.as_deref().unwrap_or(Path::new("--fonts"));
            let fonts = Fonts::find(&folders, &FontFamilies::default())
                .map_err(|error| at_fault(place, error.to_string()))?;
            pdf(minutes, &fonts).map_err(|error| at_fault(place, error.to_string()))
        }
    }
}

async fn fetch(client: &Client, minutes: &str) -> Result<Source, Failure> {
    let name = minutes_name(client, minutes).await?;
    let minutes = client.minutes().get(&name).await?;
    if minutes.state() != MinutesState::Issued {
        return Err(Failure::usage(
            format!(
                "{name} is not issued yet: a document has a number, and that comes with the issue; \
                 `agency minutes status {name}` says what is missing"
            ),
            format!("{name} 尚未印发，没有文号；用 agency minutes status {name} 查看会签情况"),
        ));
    }
    let version = version_of(client, &name, minutes.circulated_version).await?;
    let content = version.content.unwrap_or_default();
    let (meeting, _) = name.split_once("/minutes/").unwrap_or((&name, ""));
    let meeting = client.meetings().get(meeting).await?;
    let day = held_on(&meeting).or_else(|| meeting.planned_on.as_ref().and_then(from_wire));
    let members = client.members();
    let agencies = members.list_agencies(day).await?;
    let all = members.list_mechanisms(day).await?;
    let mut units: HashMap<String, String> = agencies
        .into_iter()
        .map(|agency| (agency.name, agency.display_name))
        .collect();
    for unit in &meeting.units {
        units.insert(unit.agency.clone(), unit.display_name.clone());
    }
    let of = |name: &String| all.iter().find(|one| one.name == *name);
    let mechanisms: Vec<_> = meeting.mechanisms.iter().filter_map(of).collect();
    let office = mechanisms.first().map_or_else(String::new, |first| {
        first
            .office_names
            .first()
            .cloned()
            .unwrap_or_else(|| format!("{}办公室", first.display_name))
    });
    Ok(Source {
        mechanisms: mechanisms
            .iter()
            .map(|one| one.display_name.clone())
            .collect(),
        office,
        units,
        content,
        hub: client
            .profile()
            .server_name
            .clone()
            .unwrap_or_else(|| client.endpoint().to_owned()),
        minutes,
        meeting,
    })
}

/// The document of a source.
fn document(source: &Source, mark: Option<String>) -> Document {
    let Source {
        minutes, content, ..
    } = source;
    let mark = mark.unwrap_or_else(|| match source.mechanisms.as_slice() {
        [one] => format!("{one}会议纪要"),
        _ => JOINT_MARK.to_owned(),
    });
    Document {
        mark,
        document_number: minutes.document_number.clone(),
        replaces: Some(minutes.corrects.clone()).filter(|number| !number.is_empty()),
        title: line(&content.title),
        meeting: meeting_part(&source.meeting),
        opening: line(&content.opening),
        topics: content
            .topics
            .iter()
            .map(|topic| Topic {
                title: line(&topic.title),
                discussion: topic.paragraphs.iter().map(|text| line(text)).collect(),
            })
            .collect(),
        agreed: content
            .agreed_items
            .iter()
            .map(|item| AgreedItem {
                text: line(&item.text),
                responsible: source.names(&item.responsible_units),
                assisting: source.names(&item.assisting_units),
                due_on: date(item.due_on.as_ref()),
            })
            .collect(),
        attendance: attendance(&source.meeting),
        issuer: source.office.clone(),
        issued_on: date(minutes.issued_on.as_ref()).unwrap_or_default(),
        main_to: content.main_addressees.iter().map(|to| line(to)).collect(),
        copies_to: content.copy_addressees.iter().map(|to| line(to)).collect(),
        printing_office: source.office.clone(),
        attachments: content
            .attachments
            .iter()
            .map(|file| line(&file.file_name))
            .collect(),
        audit: Some(Audit {
            consent_version: u64::try_from(minutes.circulated_version).unwrap_or_default(),
            text_sha256: minutes.content_sha256.clone(),
            ledger_index: minutes.issued_entry_index,
            hub: source.hub.clone(),
        }),
    }
}

/// A text as the one line that the form has room for.
fn line(text: &str) -> String {
    file::one_line(text)
}

impl Source {
    fn names(&self, units: &[String]) -> Vec<String> {
        let name = |unit: &String| self.units.get(unit).unwrap_or(unit).clone();
        units.iter().map(name).collect()
    }
}

fn meeting_part(meeting: &Meeting) -> MeetingPart {
    let kind = match meeting.kind() {
        MeetingKind::Annual | MeetingKind::Unspecified => "成员单位工作协调会议",
        MeetingKind::Extraordinary => "临时会议",
        MeetingKind::Partial => "部分成员单位会议",
        MeetingKind::Correspondence => "通讯形式会议",
    };
    let kind = if meeting.mechanisms.len() > 1 {
        format!("{kind}（共同召开）")
    } else {
        kind.to_owned()
    };
    let is_by_correspondence = meeting.kind() == MeetingKind::Correspondence;
    let place = meeting.notice.as_ref().map_or("", |notice| &notice.place);
    MeetingPart {
        kind,
        held_on: held_on(meeting)
            .map(|day| day.to_string())
            .or_else(|| date(meeting.planned_on.as_ref()))
            .unwrap_or_default(),
        // A meeting by correspondence takes place nowhere, whatever its notice had to say.
        place: if is_by_correspondence {
            String::new()
        } else {
            line(place)
        },
        chair: line(&meeting.chair),
    }
}

/// The day on which a meeting was held, in the province.
fn held_on(meeting: &Meeting) -> Option<Date> {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    instant(meeting.held_at.as_ref()).map(|at| on(at, &zone))
}

/// 出席, 请假 and 列席; 征求意见 of a meeting by correspondence, which nobody attends. Who was absent without an excuse has no place in the form.
fn attendance(meeting: &Meeting) -> Attendance {
    let of = |kinds: &[AttendanceKind]| -> Vec<Delegation> {
        let units = meeting.units.iter();
        units
            .filter(|unit| kinds.contains(&unit.attendance()))
            .map(delegation)
            .collect()
    };
    Attendance {
        present: of(&[AttendanceKind::Present]),
        consulted: of(&[AttendanceKind::Consulted]),
        excused: of(&[AttendanceKind::Excused]),
        observers: meeting
            .observers
            .iter()
            .map(|who| Delegation {
                unit: line(who),
                officers: vec![],
            })
            .collect(),
    }
}

fn delegation(unit: &MeetingUnit) -> Delegation {
    let officers = unit.attendees.iter().map(|who| Officer {
        name: line(&who.display_name),
        post: Some(line(&who.post)).filter(|post| !post.is_empty()),
    });
    Delegation {
        unit: unit.display_name.clone(),
        officers: officers.collect(),
    }
}

#[cfg(test)]
mod tests {
    use hub_proto::{
        common,
        meetings::{AgreedItemDraft, Attendee, MeetingNotice},
    };

    use super::*;

    fn source() -> Source {
        let day = |day| common::Date {
            year: 2026,
            month: 12,
            day,
        };
        let unit = |id: &str, name: &str, attendance: AttendanceKind| MeetingUnit {
            agency: format!("agencies/{id}"),
            display_name: name.into(),
            attendance: attendance.into(),
            attendees: vec![Attendee {
                display_name: "某甲".into(),
                ..Attendee::default()
            }],
            ..MeetingUnit::default()
        };
        Source {
            meeting: Meeting {
                kind: MeetingKind::Annual.into(),
                mechanisms: vec!["mechanisms/a".into()],
                planned_on: Some(day(20)),
                units: vec![
                    unit("bank", "中国人民银行太原中心支行", AttendanceKind::Present),
                    unit("tax", "省税务局", AttendanceKind::Excused),
                    unit("health", "省卫生健康委", AttendanceKind::Absent),
                ],
                observers: vec!["某列席人员".into()],
                chair: "某主任".into(),
                notice: Some(MeetingNotice {
                    place: "第一会议室".into(),
                    ..MeetingNotice::default()
                }),
                ..Meeting::default()
            },
            minutes: Minutes {
                document_number: "晋社管组办纪〔2026〕3号".into(),
                issued_on: Some(day(25)),
                circulated_version: 2,
                content_sha256: "ab".repeat(32),
                issued_entry_index: 7,
                ..Minutes::default()
            },
            content: MinutesContent {
                title: "会议纪要".into(),
                opening: "会议开始。\n会议结束。".into(),
                agreed_items: vec![AgreedItemDraft {
                    text: "办好此事。".into(),
                    responsible_units: vec!["agencies/bank".into()],
                    due_on: Some(day(1)),
                    ..AgreedItemDraft::default()
                }],
                ..MinutesContent::default()
            },
            units: HashMap::from([("agencies/bank".into(), "中国人民银行太原中心支行".into())]),
            mechanisms: vec!["某省联合执法机制".into()],
            office: "联合执法机制办公室".into(),
            hub: "hub.example".into(),
        }
    }

    #[test]
    fn issued_minutes_keep_the_rules_of_the_form() {
        let document = document(&source(), None);
        document.check(AuditPage::Appended).unwrap();
        assert_eq!(document.mark, "某省联合执法机制会议纪要");
        assert_eq!(document.opening, "会议开始。会议结束。");
        assert_eq!(document.agreed[0].responsible, ["中国人民银行太原中心支行"]);
        assert_eq!(document.agreed[0].due_on.as_deref(), Some("2026-12-01"));
        assert_eq!(document.meeting.held_on, "2026-12-20");
        assert_eq!(document.meeting.place, "第一会议室");
    }

    #[test]
    fn je_071_minutes_of_a_meeting_by_correspondence_claim_no_attendance() {
        let mut source = source();
        source.meeting.kind = MeetingKind::Correspondence.into();
        source.meeting.chair.clear();
        for unit in &mut source.meeting.units {
            unit.attendance = AttendanceKind::Consulted.into();
            unit.attendees.clear();
        }
        let document = document(&source, None);
        let text = markdown(&document.check(AuditPage::Omitted).unwrap());
        let consulted = "**征求意见**：中国人民银行太原中心支行；省税务局；省卫生健康委";
        assert!(text.contains(consulted), "{text}");
        for absent in ["出席", "地点", "主持", "第一会议室"] {
            assert!(!text.contains(absent), "{absent} in\n{text}");
        }
    }

    #[test]
    fn fs_011_the_day_is_the_one_on_which_it_was_held() {
        let mut source = source();
        // Midnight in the province, eight hours ahead.
        let at: jiff::Timestamp = "2026-12-22T16:00:00Z".parse().unwrap();
        source.meeting.held_at = Some(hub_core::date::timestamp(at));
        assert_eq!(document(&source, None).meeting.held_on, "2026-12-23");
    }

    #[test]
    fn fs_011_units_stand_under_their_names_of_the_day_in_three_groups() {
        let attendance = document(&source(), None).attendance;
        let names =
            |of: &[Delegation]| -> Vec<String> { of.iter().map(|one| one.unit.clone()).collect() };
        assert_eq!(names(&attendance.present), ["中国人民银行太原中心支行"]);
        assert_eq!(names(&attendance.excused), ["省税务局"]);
        assert_eq!(names(&attendance.observers), ["某列席人员"]);
    }

    #[test]
    fn the_mark_of_a_joint_meeting_can_be_chosen() {
        let mut joint = source();
        joint.mechanisms.push("某省资金监管机制".into());
        joint.meeting.mechanisms.push("mechanisms/b".into());
        assert_eq!(document(&joint, None).mark, JOINT_MARK);
        assert_eq!(document(&joint, Some("会议纪要".into())).mark, "会议纪要");
        assert!(
            document(&joint, None)
                .meeting
                .kind
                .ends_with("（共同召开）")
        );
    }
}
