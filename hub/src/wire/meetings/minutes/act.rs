//! What is done about minutes and agreed items: parsed, permitted, recorded.

use std::sync::Arc;

use hub_core::{
    crypto::parse_digest,
    date,
    names::{AgencyId, AgreedItemName, MinutesName, RequestId},
};
use hub_proto::{
    channels::Attachment,
    meetings::{
        CirculateMinutesRequest, CloseAgreedItemRequest, ConsentToMinutesRequest,
        CorrectMinutesRequest, DecideExtensionRequest, DraftMinutesRequest, IssueMinutesRequest,
        ObjectToMinutesRequest, ReportProgressRequest, RequestExtensionRequest, TaskState,
        WithdrawObjectionRequest,
    },
};

use super::lookup::{self, FoundItem, FoundMinutes};
use crate::{
    authz::{Access, Permit},
    charter::Action,
    domain::meetings::{
        self,
        minutes::{self, Act, Draft, content, items, round},
    },
    engine::recorded::Recorded,
    error::{Error, Result},
    wire::{
        Call, Services,
        meetings::{
            fields::Fields,
            lookup::{self as meeting_lookup, FoundMeeting},
        },
        parse,
    },
};

/// Longest reason or note in characters.
const NOTE_CHARACTERS_MAX: usize = 500;
/// Longest objection in characters.
const OBJECTION_CHARACTERS_MAX: usize = 2_000;
/// Longest report in characters.
const REPORT_CHARACTERS_MAX: usize = 1_000;
/// Most files of evidence of a report.
const EVIDENCE_MAX: usize = 10;

/// Reads the number of a version.
fn version(given: i32) -> Result<u32> {
    u32::try_from(given)
        .ok()
        .filter(|version| *version > 0)
        .ok_or_else(|| Error::field("version", "must be the number of a version, from 1"))
}

/// Files with the field of each.
fn files<'a>(field: &str, files: &'a [Attachment]) -> Vec<(String, &'a Attachment)> {
    let files = files.iter().enumerate();
    files
        .map(|(number, file)| (format!("{field}[{number}]"), file))
        .collect()
}

/// A reason or note that may be needed.
fn note(field: &str, text: &str, min: usize, max: usize) -> Result<()> {
    let mut fields = Fields::default();
    fields.text(field, text, min, max);
    fields.finish()
}

impl Services {
    /// Records something done about the minutes of a meeting.
    async fn change_minutes(
        &self,
        call: Call,
        permit: Permit,
        found: &FoundMeeting,
        request_id: &str,
        act: Act,
    ) -> Result<Arc<Recorded>> {
        let request_id: RequestId = parse("request_id", request_id)?;
        let command = minutes::Command {
            meeting: found.name,
            subject: meeting_lookup::draft(&self.engine, &found.row)?.title,
            act,
        };
        let command = meetings::Command::Minutes(command);
        self.record(call, permit, vec![request_id], command).await
    }

    /// Minutes that the caller sees, and a permit for its office.
    fn office_minutes(
        &self,
        access: &Access,
        field: &str,
        name: &str,
    ) -> Result<(FoundMinutes, Permit)> {
        let name: MinutesName = parse(field, name)?;
        let meeting = meeting_lookup::meeting(&self.engine, access, name.meeting)?;
        let permit = access.convene(&meeting.mechanisms())?;
        Ok((lookup::minutes(&self.engine, access, name)?, permit))
    }

    /// Minutes that the caller sees, and a permit for its unit, which attended.
    fn unit_minutes(&self, access: &Access, name: &str) -> Result<(FoundMinutes, Permit)> {
        let found = lookup::minutes(&self.engine, access, parse("name", name)?)?;
        let attending = meeting_lookup::attending(&found.meeting.row);
        let permit = access.act_as_unit(&attending, Action::MinutesConsent)?;
        Ok((found, permit))
    }

    pub(super) async fn draft(
        &self,
        call: Call,
        access: &Access,
        request: &DraftMinutesRequest,
    ) -> Result<(MinutesName, Arc<Recorded>)> {
        let name: MinutesName = parse("parent", &request.parent)?;
        let found = meeting_lookup::meeting(&self.engine, access, name.meeting)?;
        let permit = access.convene(&found.mechanisms())?;
        if name.document != 1 {
            lookup::minutes(&self.engine, access, name)?;
        }
        let Some(said) = &request.content else {
            return Err(Error::field("content", "must be set"));
        };
        let base_version = u32::try_from(request.base_version)
            .map_err(|_| Error::field("base_version", "must be the number of a version, or 0"))?;
        let least = usize::from(base_version > 0);
        note(
            "change_note",
            &request.change_note,
            least,
            NOTE_CHARACTERS_MAX,
        )?;
        let units = found.units();
        let corrected_items = self.corrected_items(&found, name.document)?;
        content::check(
            said,
            &content::Facts {
                units: &units,
                topics_count: found.row.topics_count,
                assigners: access.roster().charter().meetings().assigners(),
                corrected_items: &corrected_items,
            },
        )?;
        let files = files("content.attachments", &said.attachments);
        let pins = self.claim_files(access, files).await?;
        let act = Act::Draft(Draft {
            document: name.document,
            base_version,
            content_sha256: content::hash(said),
            agreed_items_count: u32::try_from(said.agreed_items.len()).unwrap_or(u32::MAX),
            attachments: said.attachments.clone(),
        });
        let entry = self
            .change_minutes(call, permit, &found, &request.request_id, act)
            .await?;
        self.settle_attachments(access, pins).await;
        Ok((name, entry))
    }

    /// The items of the document before, which a correction may continue. They never change.
    fn corrected_items(&self, found: &FoundMeeting, document: u32) -> Result<Vec<u32>> {
        let mut numbers = vec![];
        if document > 1 {
            for number in 1..=found.row.items_count {
                let row = items::item(self.engine.store(), found.name.0.as_bytes(), number)?;
                if row.is_some_and(|row| row.document.checked_add(1) == Some(document)) {
                    numbers.push(number);
                }
            }
        }
        Ok(numbers)
    }

    pub(super) async fn circulate(
        &self,
        call: Call,
        access: &Access,
        request: &CirculateMinutesRequest,
    ) -> Result<(MinutesName, Arc<Recorded>)> {
        let (found, permit) = self.office_minutes(access, "name", &request.name)?;
        let version = version(request.version)?;
        let mut fields = Fields::default();
        let consent_by = fields.instant("consent_by_at", request.consent_by_at.as_ref());
        let now = self.engine.clock().now();
        let latest = now.saturating_add(round::CONSENT_AFTER_MAX);
        let is_near = consent_by.is_none_or(|by| latest.is_ok_and(|latest| by <= latest));
        fields.require(is_near, "consent_by_at", "must be at most a year ahead");
        fields.finish()?;
        let content = lookup::content(&self.engine, &found.row, version)?;
        let act = Act::Circulate {
            document: found.name.document,
            version,
            consent_by,
            attachments: content.attachments,
        };
        let entry = self
            .change_minutes(call, permit, &found.meeting, &request.request_id, act)
            .await?;
        Ok((found.name, entry))
    }

    pub(super) async fn consent(
        &self,
        call: Call,
        access: &Access,
        request: &ConsentToMinutesRequest,
    ) -> Result<(MinutesName, Arc<Recorded>)> {
        let (found, permit) = self.unit_minutes(access, &request.name)?;
        let content_sha256 = parse_digest(&request.content_sha256).ok_or_else(|| {
            Error::field(
                "content_sha256",
                "must be a SHA-256: 64 lower-case hexadecimal digits",
            )
        })?;
        let act = Act::Consent {
            document: found.name.document,
            version: version(request.version)?,
            content_sha256,
        };
        let entry = self
            .change_minutes(call, permit, &found.meeting, &request.request_id, act)
            .await?;
        Ok((found.name, entry))
    }

    pub(super) async fn object(
        &self,
        call: Call,
        access: &Access,
        request: &ObjectToMinutesRequest,
    ) -> Result<(MinutesName, Arc<Recorded>)> {
        let (found, permit) = self.unit_minutes(access, &request.name)?;
        note("reason", &request.reason, 1, OBJECTION_CHARACTERS_MAX)?;
        let act = Act::Object {
            document: found.name.document,
            version: version(request.version)?,
            reason: request.reason.clone(),
        };
        let entry = self
            .change_minutes(call, permit, &found.meeting, &request.request_id, act)
            .await?;
        Ok((found.name, entry))
    }

    pub(super) async fn withdraw(
        &self,
        call: Call,
        access: &Access,
        request: &WithdrawObjectionRequest,
    ) -> Result<(MinutesName, Arc<Recorded>)> {
        let (found, permit) = self.unit_minutes(access, &request.name)?;
        let act = Act::WithdrawObjection {
            document: found.name.document,
            version: version(request.version)?,
        };
        let entry = self
            .change_minutes(call, permit, &found.meeting, &request.request_id, act)
            .await?;
        Ok((found.name, entry))
    }

    pub(super) async fn issue(
        &self,
        call: Call,
        access: &Access,
        request: &IssueMinutesRequest,
    ) -> Result<(MinutesName, Arc<Recorded>)> {
        let (found, permit) = self.office_minutes(access, "name", &request.name)?;
        let version = version(request.version)?;
        let content = lookup::content(&self.engine, &found.row, version)?;
        let act = Act::Issue {
            document: found.name.document,
            version,
            content: Box::new(content),
        };
        let entry = self
            .change_minutes(call, permit, &found.meeting, &request.request_id, act)
            .await?;
        Ok((found.name, entry))
    }

    pub(super) async fn correct_minutes_of(
        &self,
        call: Call,
        access: &Access,
        request: &CorrectMinutesRequest,
    ) -> Result<(MinutesName, Arc<Recorded>)> {
        let (found, permit) = self.office_minutes(access, "name", &request.name)?;
        note("reason", &request.reason, 1, NOTE_CHARACTERS_MAX)?;
        let act = Act::Correct {
            document: found.name.document,
            reason: request.reason.clone(),
        };
        let entry = self
            .change_minutes(call, permit, &found.meeting, &request.request_id, act)
            .await?;
        let next = MinutesName {
            document: found.name.document.saturating_add(1),
            ..found.name
        };
        Ok((next, entry))
    }

    /// An agreed item that the caller sees, and a permit for its unit, which is responsible.
    fn unit_item(&self, access: &Access, name: &str) -> Result<(FoundItem, Permit)> {
        let found = lookup::item(&self.engine, access, parse("name", name)?)?;
        let permit = access.act_as_unit(&found.responsible(), Action::AgreedItemsReport)?;
        Ok((found, permit))
    }

    /// An agreed item that the caller sees, and a permit for its office.
    fn office_item(&self, access: &Access, name: &str) -> Result<(FoundItem, Permit)> {
        let found = lookup::item(&self.engine, access, parse("name", name)?)?;
        let permit = access.convene(&found.meeting.mechanisms())?;
        Ok((found, permit))
    }

    pub(super) async fn report(
        &self,
        call: Call,
        access: &Access,
        request: &ReportProgressRequest,
    ) -> Result<(AgreedItemName, Arc<Recorded>)> {
        let (found, permit) = self.unit_item(access, &request.name)?;
        let Some(report) = &request.report else {
            return Err(Error::field("report", "must be set"));
        };
        let mut fields = Fields::default();
        fields.require(
            matches!(report.state(), TaskState::InProgress | TaskState::Done),
            "report.state",
            "must be TASK_STATE_IN_PROGRESS or TASK_STATE_DONE",
        );
        fields.text("report.text", &report.text, 1, REPORT_CHARACTERS_MAX);
        fields.documents("report.evidence", &report.evidence, EVIDENCE_MAX);
        fields.require(
            report.reported_at.is_none() && report.officer.is_empty(),
            "report",
            "output-only fields must be empty",
        );
        fields.finish()?;
        let files = files("report.evidence", &report.evidence);
        let pins = self.claim_files(access, files).await?;
        let act = Act::Report {
            item: found.name.item,
            state: report.state(),
            evidence: report.evidence.clone(),
        };
        let entry = self
            .change_minutes(call, permit, &found.meeting, &request.request_id, act)
            .await?;
        self.settle_attachments(access, pins).await;
        Ok((found.name, entry))
    }

    pub(super) async fn ask_extension(
        &self,
        call: Call,
        access: &Access,
        request: &RequestExtensionRequest,
    ) -> Result<(AgreedItemName, Arc<Recorded>)> {
        let (found, permit) = self.unit_item(access, &request.name)?;
        let mut fields = Fields::default();
        let due_on = fields.required_day("due_on", request.due_on.as_ref());
        fields.text("reason", &request.reason, 1, NOTE_CHARACTERS_MAX);
        fields.finish()?;
        let act = Act::RequestExtension {
            item: found.name.item,
            due_on: due_on.unwrap_or_default(),
            reason: request.reason.clone(),
        };
        let entry = self
            .change_minutes(call, permit, &found.meeting, &request.request_id, act)
            .await?;
        Ok((found.name, entry))
    }

    pub(super) async fn answer_extension(
        &self,
        call: Call,
        access: &Access,
        request: &DecideExtensionRequest,
    ) -> Result<(AgreedItemName, Arc<Recorded>)> {
        let (found, permit) = self.office_item(access, &request.name)?;
        let unit: AgencyId = crate::wire::parse_name("unit", "agencies", &request.unit)?;
        let due_on = request.due_on.as_ref().and_then(date::from_wire);
        let due_on =
            due_on.ok_or_else(|| Error::field("due_on", "must be the day that was asked for"))?;
        let least = usize::from(!request.is_granted);
        note("reason", &request.reason, least, NOTE_CHARACTERS_MAX)?;
        let act = Act::DecideExtension {
            item: found.name.item,
            unit,
            is_granted: request.is_granted,
            due_on,
            reason: request.reason.clone(),
        };
        let entry = self
            .change_minutes(call, permit, &found.meeting, &request.request_id, act)
            .await?;
        Ok((found.name, entry))
    }

    pub(super) async fn close_item(
        &self,
        call: Call,
        access: &Access,
        request: &CloseAgreedItemRequest,
    ) -> Result<(AgreedItemName, Arc<Recorded>)> {
        let (found, permit) = self.office_item(access, &request.name)?;
        note("note", &request.note, 0, NOTE_CHARACTERS_MAX)?;
        let act = Act::CloseItem {
            item: found.name.item,
            note: request.note.clone(),
        };
        let entry = self
            .change_minutes(call, permit, &found.meeting, &request.request_id, act)
            .await?;
        Ok((found.name, entry))
    }
}
