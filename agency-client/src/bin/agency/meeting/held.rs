//! `meeting held`: who was there, from options, from a sheet, or as the units answered.

use std::{fmt::Write as _, path::Path};

use hub_proto::meetings::{
    AnswerKind, Attendance, Attendee, Meeting, MeetingKind, MeetingUnit, RecordMeetingHeldRequest,
    SpeakerPoint,
};
use jiff::Timestamp;
use serde::Deserialize;

use super::print;
use crate::{
    Context,
    args::meeting::HeldArgs,
    correct::tell_id,
    input_text,
    json::instant,
    names::{ZONE, resource},
    output::{Done, Failure},
    people::{Units, attendee, attendee_text, meeting_name, moment, wire},
};

/// A sheet, as `--template` prints it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sheet {
    /// Who presided.
    chair: String,
    /// When it began.
    held_at: Option<String>,
    /// In attendance (列席).
    observers: Vec<String>,
    /// Major issues that were discussed besides those of the topics.
    discussed_issues: Vec<String>,
    units: Vec<SheetUnit>,
    points: Vec<SheetPoint>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SheetUnit {
    unit: String,
    attendance: SheetAttendance,
    #[serde(default)]
    attendees: Vec<String>,
}

/// Attendance as a person writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SheetAttendance {
    #[serde(alias = "出席")]
    Present,
    #[serde(alias = "请假")]
    Excused,
    #[serde(alias = "缺席")]
    Absent,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SheetPoint {
    unit: String,
    #[serde(default)]
    topic: u32,
    text: String,
}

/// What was recorded of one unit.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    unit: String,
    attendance: Attendance,
    attendees: Vec<Attendee>,
}

pub(super) async fn run(context: &Context, args: HeldArgs) -> Done {
    let client = context.client()?;
    let meeting = client.meetings().get(&meeting_name(&args.meeting)).await?;
    if args.template {
        return context.out.text(template(&meeting, args.chair.as_deref()));
    }
    let units = Units::fetch(&client).await?;
    let id = args.once.id();
    let request = RecordMeetingHeldRequest {
        request_id: id.clone(),
        ..request(&meeting, args, &units)?
    };
    let answer = tell_id(context, &id, client.meetings().record_held(request).await)?.response;
    print(context, answer.meeting, answer.receipt.as_ref(), &id)
}

fn request(
    meeting: &Meeting,
    args: HeldArgs,
    units: &Units,
) -> Result<RecordMeetingHeldRequest, Failure> {
    let sheet = match &args.sheet {
        Some(file) => read(file, &input_text(file)?)?,
        None => Sheet::default(),
    };
    let held_at = match (args.at, &sheet.held_at) {
        (Some(at), _) => Some(at),
        (None, Some(text)) => Some(moment(text).map_err(|rule| {
            Failure::usage(
                format!("held_at {rule}"),
                format!("held_at 格式有误：{rule}"),
            )
        })?),
        (None, None) => starts(meeting),
    };
    let chair = args.chair.clone().unwrap_or(sheet.chair.clone());
    let is_written = meeting.kind() == MeetingKind::Correspondence;
    if chair.is_empty() && !is_written {
        return Err(Failure::usage(
            "say who presided: --chair WHO, or chair in the sheet",
            "请说明主持人：--chair 姓名及职务，或在会议记录表中填写 chair",
        ));
    }
    let rows = rows(meeting, &args, &sheet, units)?;
    let mut observers = sheet.observers;
    observers.extend(args.observer);
    let mut discussed = sheet.discussed_issues;
    discussed.extend(args.discussed);
    let mut points: Vec<(String, u32, String)> = sheet
        .points
        .into_iter()
        .map(|point| (point.unit, point.topic, point.text))
        .collect();
    points.extend(args.point);
    Ok(RecordMeetingHeldRequest {
        name: meeting.name.clone(),
        held_at: held_at.map(wire),
        chair,
        units: rows.into_iter().map(wire_unit).collect(),
        observers,
        speaker_points: points
            .into_iter()
            .map(|(unit, topic, text)| {
                Ok(SpeakerPoint {
                    agency: units.named(&unit)?,
                    topic: i32::try_from(topic).unwrap_or(i32::MAX),
                    text,
                })
            })
            .collect::<Result<_, Failure>>()?,
        discussed_issues: discussed
            .iter()
            .map(|issue| resource("majorIssues", issue))
            .collect(),
        etag: meeting.etag.clone(),
        request_id: String::new(),
    })
}

fn starts(meeting: &Meeting) -> Option<Timestamp> {
    instant(meeting.notice.as_ref()?.starts_at.as_ref())
}

fn wire_unit(row: Row) -> MeetingUnit {
    MeetingUnit {
        agency: row.unit,
        attendance: row.attendance.into(),
        attendees: row.attendees,
        ..MeetingUnit::default()
    }
}

/// A row for every unit of the meeting; each must be named once, or have answered.
fn rows(
    meeting: &Meeting,
    args: &HeldArgs,
    sheet: &Sheet,
    units: &Units,
) -> Result<Vec<Row>, Failure> {
    if meeting.kind() == MeetingKind::Correspondence {
        return Ok(vec![]);
    }
    let mut named = sheet_rows(sheet, units)?;
    let mut add = |unit: &str, attendance, who: Option<&Attendee>| -> Result<(), Failure> {
        let unit = units.named(unit)?;
        let at = named.iter().position(|row| row.unit == unit);
        match at.and_then(|at| named.get_mut(at)) {
            Some(row) if row.attendance == attendance => row.attendees.extend(who.cloned()),
            // An option says what the sheet does not know yet.
            Some(row) => {
                row.attendance = attendance;
                row.attendees = who.into_iter().cloned().collect();
            }
            None => named.push(Row {
                unit,
                attendance,
                attendees: who.into_iter().cloned().collect(),
            }),
        }
        Ok(())
    };
    for (unit, who) in &args.present {
        add(unit, Attendance::Present, who.as_ref())?;
    }
    for unit in &args.excused {
        add(unit, Attendance::Excused, None)?;
    }
    for unit in &args.absent {
        add(unit, Attendance::Absent, None)?;
    }
    complete(meeting, named, args.as_answered)
}

fn sheet_rows(sheet: &Sheet, units: &Units) -> Result<Vec<Row>, Failure> {
    let one = |row: &SheetUnit| {
        let attendees = row.attendees.iter().map(|who| {
            attendee(who).map_err(|rule| {
                let unit = &row.unit;
                Failure::usage(
                    format!("{unit}: an attendee {rule}"),
                    format!("{unit}：参会人员须写作 姓名 或 姓名,职务"),
                )
            })
        });
        Ok(Row {
            unit: units.named(&row.unit)?,
            attendance: match row.attendance {
                SheetAttendance::Present => Attendance::Present,
                SheetAttendance::Excused => Attendance::Excused,
                SheetAttendance::Absent => Attendance::Absent,
            },
            attendees: attendees.collect::<Result<_, _>>()?,
        })
    };
    sheet.units.iter().map(one).collect()
}

/// Fills in units that are not named, if that is wanted, and says which are missing otherwise.
fn complete(
    meeting: &Meeting,
    mut named: Vec<Row>,
    as_answered: bool,
) -> Result<Vec<Row>, Failure> {
    let mut missing = vec![];
    for unit in &meeting.units {
        if named.iter().any(|row| row.unit == unit.agency) {
            continue;
        }
        match answered(unit).filter(|_| as_answered) {
            Some(row) => named.push(row),
            None => missing.push(unit.agency.trim_start_matches("agencies/")),
        }
    }
    if missing.is_empty() {
        return Ok(named);
    }
    let missing = missing.join(" ");
    Err(Failure::usage(
        format!(
            "nothing is said of {missing}: use --present UNIT=WHO, --excused UNIT or --absent UNIT for \
             each; --as-answered records units as they answered the notice; --template prints a \
             sheet to fill in"
        ),
        format!(
            "未说明 {missing} 的出席情况：请逐一用 --present 单位=人员、--excused 单位 或 --absent 单位；\
             --as-answered 按各单位的回复登记；--template 输出可填写的会议记录表"
        ),
    ))
}

/// A unit as it answered; `None` when it did not.
fn answered(unit: &MeetingUnit) -> Option<Row> {
    let answer = unit.answer.as_ref()?;
    let attendance = match answer.kind() {
        AnswerKind::Attends | AnswerKind::Deputy => Attendance::Present,
        AnswerKind::Excused => Attendance::Excused,
        AnswerKind::Unspecified => return None,
    };
    Some(Row {
        unit: unit.agency.clone(),
        attendance,
        attendees: answer.attendees.clone(),
    })
}

/// Reads a sheet; a mistake is named with its line.
fn read(file: &Path, text: &str) -> Result<Sheet, Failure> {
    let is_json = file.extension().is_some_and(|ending| ending == "json");
    let problem = if is_json {
        match serde_json::from_str(text) {
            Ok(sheet) => return Ok(sheet),
            Err(error) => error.to_string(),
        }
    } else {
        match toml::from_str(text) {
            Ok(sheet) => return Ok(sheet),
            Err(error) => {
                let before = error.span().map_or(0, |span| span.start);
                let line = text.bytes().take(before).filter(|b| *b == b'\n').count() + 1;
                format!("line {line}: {}", error.message())
            }
        }
    };
    let file = file.display();
    Err(Failure::usage(
        format!("{file}: {problem}; agency meeting held MEETING --template prints a good one"),
        format!("{file}：{problem}；可用 agency meeting held 会议 --template 输出正确的格式"),
    ))
}

/// A sheet of the meeting, filled in from the answers. A unit that did not answer stands as absent and
/// says so, because silence is no excuse.
fn template(meeting: &Meeting, chair: Option<&str>) -> String {
    let mut text = String::new();
    let starts = starts(meeting).map_or_else(String::new, |at| {
        let zone = jiff::tz::TimeZone::get(ZONE).unwrap_or(jiff::tz::TimeZone::UTC);
        at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string()
    });
    // Writing to a String cannot fail.
    let _infallible = write!(
        text,
        "# {} {}\n# 主持人 / who presided\nchair = {}\n# 召开时间 / when it began\nheld_at = {}\n# 列席 / in \
         attendance\nobservers = []\n# 另行讨论的重大问题 / other major issues that were \
         discussed\ndiscussed_issues = []\n",
        meeting.name,
        crate::table::one_line(&meeting.title),
        quoted(chair.unwrap_or_default()),
        quoted(&starts),
    );
    for unit in &meeting.units {
        let row = answered(unit);
        let remark = if row.is_some() {
            ""
        } else {
            "# 未回复 / did not answer\n"
        };
        let row = row.unwrap_or(Row {
            unit: unit.agency.clone(),
            attendance: Attendance::Absent,
            attendees: vec![],
        });
        let attendance = match row.attendance {
            Attendance::Present => "present",
            Attendance::Excused => "excused",
            _ => "absent",
        };
        let who: Vec<String> = row
            .attendees
            .iter()
            .map(|who| quoted(&attendee_text(who)))
            .collect();
        let _infallible = write!(
            text,
            "\n[[units]] # {}\n{remark}unit = {}\n# present 出席, excused 请假, absent \
             缺席\nattendance = \"{attendance}\"\nattendees = [{}]\n",
            crate::table::one_line(&unit.display_name),
            quoted(row.unit.trim_start_matches("agencies/")),
            who.join(", "),
        );
    }
    text.push_str("\n# [[points]]\n# unit = \"tax\"\n# topic = 1\n# text = \"\"\n");
    text
}

/// A TOML string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use hub_proto::{
        meetings::{MeetingNotice, UnitAnswer},
        members::Agency,
    };

    use super::*;

    fn units() -> Units {
        let agency = |id: &str, name: &str| Agency {
            name: format!("agencies/{id}"),
            display_name: name.into(),
            ..Agency::default()
        };
        Units::of(vec![
            agency("tax", "省税务局"),
            agency("finance", "省财政厅"),
            agency("health", "省卫生健康委"),
        ])
    }

    fn meeting() -> Meeting {
        let unit = |id: &str, kind: AnswerKind, who: &[&str]| MeetingUnit {
            agency: format!("agencies/{id}"),
            display_name: id.into(),
            answer: Some(UnitAnswer {
                kind: kind.into(),
                attendees: who.iter().map(|who| attendee(who).unwrap()).collect(),
                ..UnitAnswer::default()
            }),
            ..MeetingUnit::default()
        };
        Meeting {
            name: "meetings/m".into(),
            title: "会议\u{1b}".into(),
            kind: MeetingKind::Annual.into(),
            units: vec![
                unit("tax", AnswerKind::Attends, &["某甲,处长"]),
                unit("finance", AnswerKind::Excused, &[]),
                unit("health", AnswerKind::Unspecified, &[]),
            ],
            notice: Some(MeetingNotice {
                starts_at: Some(wire("2026-12-20T01:00:00Z".parse().unwrap())),
                ..MeetingNotice::default()
            }),
            ..Meeting::default()
        }
    }

    fn args(line: &str) -> HeldArgs {
        use clap::Parser as _;
        let line = format!("agency meeting held m {line}");
        let cli = crate::args::Cli::try_parse_from(line.split_whitespace()).unwrap();
        match cli.command {
            crate::args::Command::Meeting(command) => match *command {
                crate::args::meeting::MeetingCommand::Held(args) => *args,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_said_is_asked_for_by_name() {
        let error = request(&meeting(), args("--chair 某乙"), &units()).unwrap_err();
        let Failure::Usage { en, .. } = error else {
            panic!("{error:?}")
        };
        assert!(en.contains("tax finance health"), "{en}");
        let error = request(&meeting(), args("--chair 某乙 --as-answered"), &units()).unwrap_err();
        let Failure::Usage { en, .. } = error else {
            panic!("{error:?}")
        };
        assert!(en.starts_with("nothing is said of health:"), "{en}");
    }

    #[test]
    fn options_go_before_answers() {
        let line = "--chair 某乙 --as-answered --absent 省卫生健康委 --present finance=某丙 \
                    --present finance=某丁,科长 --point 省税务局/1=同意";
        let request = request(&meeting(), args(line), &units()).unwrap();
        let shown: Vec<(&str, Attendance, usize)> = request
            .units
            .iter()
            .map(|unit| {
                (
                    unit.agency.as_str(),
                    unit.attendance(),
                    unit.attendees.len(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("agencies/finance", Attendance::Present, 2),
                ("agencies/health", Attendance::Absent, 0),
                ("agencies/tax", Attendance::Present, 1),
            ]
        );
        assert_eq!(request.held_at.unwrap().seconds, 1_797_728_400);
        assert_eq!(request.speaker_points[0].agency, "agencies/tax");
    }

    #[test]
    fn the_template_is_a_sheet() {
        let text = template(&meeting(), Some("某乙,主任"));
        assert!(!text.contains('\u{1b}'));
        let sheet = read(Path::new("sheet.toml"), &text).unwrap();
        assert_eq!(sheet.chair, "某乙,主任");
        assert_eq!(sheet.held_at.as_deref(), Some("2026-12-20 09:00"));
        let rows = sheet_rows(&sheet, &units()).unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0].attendees[0].post, "处长");
        assert_eq!(rows[2].attendance, Attendance::Absent);
    }

    #[test]
    fn a_wrong_sheet_is_named_with_its_line() {
        for (file, text, expected) in [
            (
                "a.toml",
                "chair = \"x\"\nwhere = 1\n",
                "line 2: unknown field `where`",
            ),
            (
                "a.toml",
                "[[units]]\nunit = \"tax\"\nattendance = \"late\"\n",
                "line 3: unknown variant `late`",
            ),
            ("a.json", "{\n\"chair\": 1}", "line 2"),
        ] {
            let Failure::Usage { en, .. } = read(Path::new(file), text).unwrap_err() else {
                panic!()
            };
            assert!(en.contains(expected), "{en}");
        }
        let json = r#"{"chair": "x", "units": [{"unit": "省税务局", "attendance": "出席"}]}"#;
        let sheet = read(Path::new("a.json"), json).unwrap();
        assert_eq!(sheet.units[0].attendance, SheetAttendance::Present);
    }
}
