//! The notice, the units' answers, cancelling.

use hub_core::{
    date,
    names::{AgencyId, OfficerId},
};
use hub_proto::{
    channels::Attachment,
    common::Receipt,
    meetings::{
        AnswerKind, AnswerNoticeRequest, Attendee, CancelMeetingRequest, ChangeMeetingRequest,
        ConveneMeetingRequest, Meeting, MeetingKind, MeetingNotice, UnitAnswer,
    },
};
use jiff::civil::Date;

use super::{
    create::{agencies, units},
    fields::Fields,
    lookup::FoundMeeting,
    topics::REASON_CHARACTERS_MAX,
};
use crate::{
    authz::Access,
    charter::Action,
    domain::meetings::meeting::{Act, Answer, Notice},
    error::{Error, Result},
    wire::{Call, Services},
};

/// Longest place in characters.
const PLACE_CHARACTERS_MAX: usize = 200;
/// Longest text of a notice in characters.
const TEXT_CHARACTERS_MAX: usize = 4_000;
/// Most documents of a notice.
const DOCUMENTS_MAX: usize = 20;
/// Most officers of a unit who come.
pub(super) const ATTENDEES_MAX: usize = 10;
/// Longest name of an officer in characters.
const NAME_CHARACTERS_MAX: usize = 50;
/// Longest post of an officer in characters.
const POST_CHARACTERS_MAX: usize = 100;

impl Services {
    pub(super) async fn convene(
        &self,
        call: Call,
        access: &Access,
        request: &ConveneMeetingRequest,
    ) -> Result<(Meeting, Receipt)> {
        let found = self.find_meeting(access, "name", &request.name)?;
        let permit = access.convene(&found.mechanisms())?;
        let mut fields = Fields::default();
        let given = required(request.notice.as_ref())?;
        let day = begins_on(access, given).unwrap_or(found.row.day());
        let invited = (found.row.kind() == MeetingKind::Partial).then(|| found.units());
        let units = units(
            access.roster(),
            &found.mechanisms(),
            day,
            invited.as_deref(),
            "name",
            &mut fields,
        );
        let notice = notice(given, revision(&found), units, fields)?;
        let pins = self.claim_files(access, files(given)).await?;
        let ids = (&*request.etag, &*request.request_id);
        let act = Act::Convene(Box::new(notice));
        let entry = self.change_meeting(call, permit, &found, ids, act).await?;
        self.settle_attachments(access, pins).await;
        self.shown_meeting(access, found.name, &entry)
    }

    pub(super) async fn change(
        &self,
        call: Call,
        access: &Access,
        request: &ChangeMeetingRequest,
    ) -> Result<(Meeting, Receipt)> {
        let found = self.find_meeting(access, "name", &request.name)?;
        let permit = access.convene(&found.mechanisms())?;
        let given = required(request.notice.as_ref())?;
        let mut fields = Fields::default();
        fields.text("reason", &request.reason, 1, REASON_CHARACTERS_MAX);
        let day = begins_on(access, given).unwrap_or(found.row.day());
        let named = fields.day("planned_on", request.planned_on.as_ref());
        let rule = format!("must be empty or {day}, the day on which the notice lets it begin");
        fields.require(named.is_none_or(|on| on == day), "planned_on", rule);
        let invited = if found.row.kind() == MeetingKind::Partial {
            Some(match request.invited_units.as_slice() {
                [] => found.units(),
                names => agencies(names, "invited_units", &mut fields),
            })
        } else {
            let rule = "must be empty: only a partial meeting has some of the members (JE-071)";
            fields.require(request.invited_units.is_empty(), "invited_units", rule);
            None
        };
        let units = units(
            access.roster(),
            &found.mechanisms(),
            day,
            invited.as_deref(),
            "invited_units",
            &mut fields,
        );
        let notice = notice(given, revision(&found), units, fields)?;
        let pins = self.claim_files(access, files(given)).await?;
        let ids = (&*request.etag, &*request.request_id);
        let act = Act::Change(Box::new(notice), request.reason.clone());
        let entry = self.change_meeting(call, permit, &found, ids, act).await?;
        self.settle_attachments(access, pins).await;
        self.shown_meeting(access, found.name, &entry)
    }

    pub(super) async fn answer(
        &self,
        call: Call,
        access: &Access,
        request: &AnswerNoticeRequest,
    ) -> Result<(Meeting, Receipt)> {
        let found = self.find_meeting(access, "name", &request.name)?;
        let permit = access.act_as_unit(&found.units(), Action::MeetingsParticipate)?;
        let given = request.answer.clone().unwrap_or_default();
        check_answer(&given)?;
        let revision = u32::try_from(request.revision)
            .map_err(|_| Error::field("revision", "must be that of the newest notice"))?;
        let attendees: Vec<String> = given.attendees.iter().map(line).collect();
        let act = Act::Answer(Answer {
            unit: access.agency().clone(),
            kind: given.kind(),
            revision,
            attendees: attendees.join("、"),
            reason: given.reason.clone(),
        });
        let ids = ("", &*request.request_id);
        let entry = self.change_meeting(call, permit, &found, ids, act).await?;
        self.shown_meeting(access, found.name, &entry)
    }

    pub(super) async fn cancel(
        &self,
        call: Call,
        access: &Access,
        request: &CancelMeetingRequest,
    ) -> Result<(Meeting, Receipt)> {
        let found = self.find_meeting(access, "name", &request.name)?;
        let permit = access.convene(&found.mechanisms())?;
        let mut fields = Fields::default();
        fields.text("reason", &request.reason, 1, REASON_CHARACTERS_MAX);
        fields.finish()?;
        let ids = (&*request.etag, &*request.request_id);
        let act = Act::Cancel(request.reason.clone());
        let entry = self.change_meeting(call, permit, &found, ids, act).await?;
        self.shown_meeting(access, found.name, &entry)
    }
}

/// The documents of a notice with the field of each.
fn files(notice: &MeetingNotice) -> Vec<(String, &Attachment)> {
    let documents = notice.documents.iter().enumerate();
    documents
        .map(|(number, file)| (format!("notice.documents[{number}]"), file))
        .collect()
}

/// An officer who comes, for people.
fn line(attendee: &Attendee) -> String {
    match attendee.post.as_str() {
        "" => attendee.display_name.clone(),
        post => format!("{}（{post}）", attendee.display_name),
    }
}

fn required(notice: Option<&MeetingNotice>) -> Result<&MeetingNotice> {
    notice.ok_or_else(|| Error::field("notice", "must be set"))
}

/// The day on which a notice lets the meeting begin: it decides who is called (JE-014).
fn begins_on(access: &Access, given: &MeetingNotice) -> Option<Date> {
    let at = date::from_timestamp(given.starts_at.as_ref()?)?;
    Some(date::on(at, access.roster().charter().zone()))
}

/// The newest notice's revision; 0 before the first one.
fn revision(found: &FoundMeeting) -> u32 {
    let newest = found.row.notice.as_ref();
    newest.map_or(0, |sent| sent.revision)
}

/// Reads a notice. What depends on the moment is looked at when it is recorded.
fn notice(
    given: &MeetingNotice,
    known_revision: u32,
    units: Vec<AgencyId>,
    mut fields: Fields,
) -> Result<Notice> {
    let is_written =
        given.revision == 0 && given.sent_at.is_none() && given.notification.is_empty();
    fields.require(is_written, "notice", "output-only fields must be empty");
    fields.require(given.starts_at.is_some(), "notice.starts_at", "must be set");
    let starts_at = fields.instant("notice.starts_at", given.starts_at.as_ref());
    let answer_by_at = fields.instant("notice.answer_by_at", given.answer_by_at.as_ref());
    fields.line("notice.place", &given.place, 1, PLACE_CHARACTERS_MAX);
    fields.text("notice.text", &given.text, 0, TEXT_CHARACTERS_MAX);
    fields.documents("notice.documents", &given.documents, DOCUMENTS_MAX);
    fields.finish()?;
    Ok(Notice {
        starts_at: starts_at.unwrap_or_default(),
        place: given.place.clone(),
        text: given.text.clone(),
        documents: given.documents.clone(),
        answer_by_at,
        units,
        known_revision,
    })
}

fn check_answer(answer: &UnitAnswer) -> Result<()> {
    let mut fields = Fields::default();
    let is_written = answer.answered_at.is_none() && answer.officer.is_empty();
    fields.require(is_written, "answer", "output-only fields must be empty");
    match answer.kind() {
        AnswerKind::Unspecified => fields.broken("answer.kind", "must be set"),
        AnswerKind::Attends | AnswerKind::Deputy => {
            attendees(&mut fields, "answer.attendees", &answer.attendees, 1);
            let rule = "must be empty unless the unit is excused";
            fields.require(answer.reason.is_empty(), "answer.reason", rule);
        }
        AnswerKind::Excused => {
            let rule = "must be empty when the unit is excused";
            fields.require(answer.attendees.is_empty(), "answer.attendees", rule);
            fields.text("answer.reason", &answer.reason, 1, REASON_CHARACTERS_MAX);
        }
    }
    fields.finish()
}

/// Checks officers who come.
pub(super) fn attendees(fields: &mut Fields, field: &str, attendees: &[Attendee], min: usize) {
    let rule = format!("must be {min} to {ATTENDEES_MAX}");
    fields.require(
        (min..=ATTENDEES_MAX).contains(&attendees.len()),
        field,
        rule,
    );
    for (number, attendee) in attendees.iter().take(ATTENDEES_MAX).enumerate() {
        let field = |name: &str| format!("{field}[{number}].{name}");
        fields.line(
            &field("display_name"),
            &attendee.display_name,
            1,
            NAME_CHARACTERS_MAX,
        );
        fields.line(&field("post"), &attendee.post, 0, POST_CHARACTERS_MAX);
        if !attendee.officer.is_empty() {
            fields.parsed::<OfficerId>(&field("officer"), &attendee.officer);
        }
    }
}
