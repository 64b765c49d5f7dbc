//! What is done about issues and escalations: parsed, checked, asked of `authz`, recorded.

use hub_core::{
    document_number::DocumentNumber,
    names::{AgencyId, EscalationName, MajorIssueName, MechanismId, MeetingName, RequestId},
};
use hub_proto::{
    channels::Attachment,
    common::Receipt,
    meetings::{
        CoSignEscalationRequest, DisposeMajorIssueRequest, Disposition, DispositionKind,
        DraftEscalationRequest, Escalation, EscalationReply, FlagMajorIssueRequest, MajorIssue,
        ReplyToEscalationRequest, SendEscalationRequest, WithdrawEscalationRequest,
    },
};

use super::{
    lookup::{self, FoundEscalation},
    show,
};
use crate::{
    authz::{Access, Permit},
    charter::Action,
    domain::meetings::{
        self,
        issues::{Agenda, Answer, Command, Dispose, Draft, Flag, Reply, Report},
    },
    engine::recorded::Recorded,
    error::{Error, Result},
    wire::{
        Call, Services,
        meetings::{create::TITLE_CHARACTERS_MAX, fields::Fields, lookup as of_meetings},
        parse,
    },
};

/// Longest text of an issue in characters.
const TEXT_CHARACTERS_MAX: usize = 8_000;
/// Longest reason why an issue is major, or of a disposition, in characters.
const REASON_CHARACTERS_MAX: usize = 1_000;
/// Longest report or reply in characters.
const REPORT_CHARACTERS_MAX: usize = 16_000;
/// Longest reason not to sign in characters.
const DECLINE_CHARACTERS_MAX: usize = 500;
/// Most documents of an issue, a report or a reply.
const DOCUMENTS_MAX: usize = 10;

const OUTPUT_ONLY: &str = "output-only fields must be empty";

impl Services {
    pub(super) async fn flag(
        &self,
        call: Call,
        access: &Access,
        request: &FlagMajorIssueRequest,
    ) -> Result<(MajorIssue, Receipt)> {
        let given = request.major_issue.clone().unwrap_or_default();
        let mechanism = check_issue(&given)?;
        let roster = access.roster();
        if roster.charter().mechanism(&mechanism).is_none() {
            return Err(Error::not_found(&given.mechanism));
        }
        let members = roster.members(&mechanism, access.day()).into_iter();
        let members: Vec<AgencyId> = members.map(|member| member.agency).collect();
        let permit = access.act_as_unit(&members, Action::MajorIssuesFlag)?;
        let id: RequestId = parse("request_id", &request.request_id)?;
        let command = Command::Flag(Box::new(Flag {
            issue: MajorIssueName(id),
            mechanism,
            title: given.title.clone(),
            text: given.text.clone(),
            reason: given.reason.clone(),
            documents: given.documents.clone(),
        }));
        let documents = ("major_issue", &*given.documents);
        let entry = self
            .settle(call, access, permit, id, command, documents)
            .await?;
        self.issue_after(access, MajorIssueName(id), &entry)
    }

    pub(super) async fn dispose(
        &self,
        call: Call,
        access: &Access,
        request: &DisposeMajorIssueRequest,
    ) -> Result<(MajorIssue, Receipt)> {
        let name: MajorIssueName = parse("name", &request.name)?;
        let found = lookup::issue(&self.engine, access, name)?;
        let permit = access.convene(&[found.mechanism()?])?;
        let given = request.disposition.clone().unwrap_or_default();
        let agenda = check_disposition(&given)?;
        let agenda = match agenda {
            Some(meeting) => Some(self.agenda(access, meeting)?),
            None => None,
        };
        let id: RequestId = parse("request_id", &request.request_id)?;
        let written = show::flagged(&self.engine, &found.row)?;
        let command = Command::Dispose(Box::new(Dispose {
            issue: name,
            title: written.title,
            documents: written.documents,
            kind: given.kind(),
            reason: given.reason,
            agenda,
        }));
        let entry = self
            .settle(call, access, permit, id, command, ("", &[]))
            .await?;
        self.issue_after(access, name, &entry)
    }

    /// The meeting on whose agenda an issue is to go: one of the office's own.
    fn agenda(&self, access: &Access, meeting: MeetingName) -> Result<Agenda> {
        let found = of_meetings::meeting(&self.engine, access, meeting)?;
        access.convene(&found.mechanisms())?;
        let title = of_meetings::draft(&self.engine, &found.row)?.title;
        Ok(Agenda { meeting, title })
    }

    pub(super) async fn draft_an_escalation(
        &self,
        call: Call,
        access: &Access,
        request: &DraftEscalationRequest,
    ) -> Result<(Escalation, Receipt)> {
        let given = request.escalation.clone().unwrap_or_default();
        let (issue, meeting, co_units) = check_escalation(&given)?;
        let found = lookup::issue(&self.engine, access, issue)?;
        let mechanism = found.mechanism()?;
        let roster = access.roster();
        let lead = roster.charter().mechanism(&mechanism);
        let lead: Vec<AgencyId> = lead.map(|of| of.lead().clone()).into_iter().collect();
        let permit = access.act_as_unit(&lead, Action::EscalationsSend)?;
        for (number, unit) in co_units.iter().enumerate() {
            if !roster.is_member(unit, &mechanism, access.day()) {
                let rule = format!("must be a member of mechanisms/{mechanism} (JE-075)");
                let field = format!("escalation.co_units[{number}]");
                return Err(Error::field(field, rule));
            }
        }
        let id: RequestId = parse("request_id", &request.request_id)?;
        let name = EscalationName(id);
        let command = Command::Draft(Box::new(Draft {
            report: report(name, &given),
            issue,
            meeting,
            co_units,
        }));
        let documents = ("escalation", &*given.documents);
        let entry = self
            .settle(call, access, permit, id, command, documents)
            .await?;
        self.escalation_after(name, &entry)
    }

    pub(super) async fn co_sign(
        &self,
        call: Call,
        access: &Access,
        request: &CoSignEscalationRequest,
    ) -> Result<(Escalation, Receipt)> {
        let found = self.find_escalation(access, &request.name)?;
        let permit = access.act_as_unit(&found.co_units(), Action::EscalationsCoSign)?;
        let mut fields = Fields::default();
        let min = usize::from(request.declines);
        fields.text("reason", &request.reason, min, DECLINE_CHARACTERS_MAX);
        fields.finish()?;
        let id: RequestId = parse("request_id", &request.request_id)?;
        let command = Command::CoSign(Answer {
            escalation: found.name,
            title: show::drafted(&self.engine, &found.row)?.title,
            is_signed: !request.declines,
            reason: request.reason.clone(),
        });
        let entry = self
            .settle(call, access, permit, id, command, ("", &[]))
            .await?;
        self.escalation_after(found.name, &entry)
    }

    pub(super) async fn send(
        &self,
        call: Call,
        access: &Access,
        request: &SendEscalationRequest,
    ) -> Result<(Escalation, Receipt)> {
        let found = self.find_escalation(access, &request.name)?;
        let permit = access.act_as_unit(&found.lead(), Action::EscalationsSend)?;
        let id: RequestId = parse("request_id", &request.request_id)?;
        let written = show::drafted(&self.engine, &found.row)?;
        let command = Command::Send(Box::new(report(found.name, &written)));
        let entry = self
            .settle(call, access, permit, id, command, ("", &[]))
            .await?;
        self.escalation_after(found.name, &entry)
    }

    pub(super) async fn withdraw_a_draft(
        &self,
        call: Call,
        access: &Access,
        request: &WithdrawEscalationRequest,
    ) -> Result<(Escalation, Receipt)> {
        let found = self.find_escalation(access, &request.name)?;
        let permit = access.act_as_unit(&found.lead(), Action::EscalationsSend)?;
        let id: RequestId = parse("request_id", &request.request_id)?;
        let written = show::drafted(&self.engine, &found.row)?;
        let command = Command::Withdraw(Box::new(report(found.name, &written)));
        let entry = self
            .settle(call, access, permit, id, command, ("", &[]))
            .await?;
        self.escalation_after(found.name, &entry)
    }

    pub(super) async fn reply(
        &self,
        call: Call,
        access: &Access,
        request: &ReplyToEscalationRequest,
    ) -> Result<(Escalation, Receipt)> {
        let found = self.find_escalation(access, &request.name)?;
        let permit = access.act_as_unit(&found.addressee(), Action::EscalationsReply)?;
        let given = request.reply.clone().unwrap_or_default();
        check_reply(&given)?;
        let id: RequestId = parse("request_id", &request.request_id)?;
        let issue = lookup::id(&found.row.major_issue).map(MajorIssueName);
        let issue = issue.ok_or_else(|| Error::internal("an escalation of no issue"))?;
        let issue = meetings::issues::issue(self.engine.store(), issue)?;
        let command = Command::Reply(Box::new(Reply {
            escalation: found.name,
            title: show::drafted(&self.engine, &found.row)?.title,
            issue_title: show::flagged(&self.engine, &issue)?.title,
            text: given.text.clone(),
            document_number: given.document_number.clone(),
            documents: given.documents.clone(),
        }));
        let documents = ("reply", &*given.documents);
        let entry = self
            .settle(call, access, permit, id, command, documents)
            .await?;
        self.escalation_after(found.name, &entry)
    }

    pub(super) fn find_escalation(&self, access: &Access, name: &str) -> Result<FoundEscalation> {
        lookup::escalation(&self.engine, access, parse("name", name)?)
    }

    /// Records a command, and holds the documents of a message until it is recorded.
    async fn settle(
        &self,
        call: Call,
        access: &Access,
        permit: Permit,
        id: RequestId,
        command: Command,
        (path, documents): (&str, &[Attachment]),
    ) -> Result<std::sync::Arc<Recorded>> {
        let files = documents.iter().enumerate();
        let files = files.map(|(number, file)| (format!("{path}.documents[{number}]"), file));
        let pins = self.claim_files(access, files.collect()).await?;
        let command = meetings::Command::Issues(command);
        let entry = self.record(call, permit, vec![id], command).await?;
        self.settle_attachments(access, pins).await;
        Ok(entry)
    }

    fn issue_after(
        &self,
        access: &Access,
        name: MajorIssueName,
        entry: &Recorded,
    ) -> Result<(MajorIssue, Receipt)> {
        // Whoever may flag need not be one who may read: it knows what it wrote.
        let row = meetings::issues::issue(self.engine.store(), name)?;
        let found = lookup::FoundIssue {
            sees_meetings: false,
            name,
            row,
        };
        let found = match lookup::issue(&self.engine, access, name) {
            Ok(seen) => seen,
            Err(_) => found,
        };
        let shown = show::issue(&self.engine, access, &found, true)?;
        Ok((shown, entry.receipt()))
    }

    fn escalation_after(
        &self,
        name: EscalationName,
        entry: &Recorded,
    ) -> Result<(Escalation, Receipt)> {
        let row = meetings::issues::escalation(self.engine.store(), name)?;
        let shown = show::escalation(&self.engine, &FoundEscalation { name, row }, true)?;
        Ok((shown, entry.receipt()))
    }
}

fn report(escalation: EscalationName, written: &Escalation) -> Report {
    Report {
        escalation,
        title: written.title.clone(),
        text: written.text.clone(),
        documents: written.documents.clone(),
    }
}

fn check_issue(given: &MajorIssue) -> Result<MechanismId> {
    let mut fields = Fields::default();
    let written = MajorIssue {
        mechanism: given.mechanism.clone(),
        title: given.title.clone(),
        text: given.text.clone(),
        reason: given.reason.clone(),
        documents: given.documents.clone(),
        ..MajorIssue::default()
    };
    fields.require(written == *given, "major_issue", OUTPUT_ONLY);
    let title = "major_issue.title";
    fields.line(title, &given.title, 1, TITLE_CHARACTERS_MAX);
    fields.text("major_issue.text", &given.text, 1, TEXT_CHARACTERS_MAX);
    let reason = "major_issue.reason";
    fields.text(reason, &given.reason, 1, REASON_CHARACTERS_MAX);
    let documents = "major_issue.documents";
    fields.documents(documents, &given.documents, DOCUMENTS_MAX);
    let mechanism = given.mechanism.strip_prefix("mechanisms/");
    let mechanism = mechanism.and_then(|id| id.parse().ok());
    let rule = "must be mechanisms/{mechanism}";
    fields.require(mechanism.is_some(), "major_issue.mechanism", rule);
    fields.finish()?;
    mechanism.ok_or_else(|| Error::internal("a mechanism that was checked is none"))
}

/// Checks a disposition; answers the meeting of one for an agenda.
fn check_disposition(given: &Disposition) -> Result<Option<MeetingName>> {
    let mut fields = Fields::default();
    let written = Disposition {
        kind: given.kind,
        reason: given.reason.clone(),
        meeting: given.meeting.clone(),
        ..Disposition::default()
    };
    fields.require(written == *given, "disposition", OUTPUT_ONLY);
    let rule = "must be DISPOSITION_KIND_AGENDA, DISPOSITION_KIND_ESCALATE or \
                DISPOSITION_KIND_CLOSE";
    let is_known = given.kind() != DispositionKind::Unspecified;
    fields.require(is_known, "disposition.kind", rule);
    let min = usize::from(given.kind() == DispositionKind::Close);
    let reason = "disposition.reason";
    fields.text(reason, &given.reason, min, REASON_CHARACTERS_MAX);
    let field = "disposition.meeting";
    let mut meeting = None;
    if given.kind() == DispositionKind::Agenda {
        meeting = fields.parsed(field, &given.meeting);
    } else {
        let rule = "must be empty unless the issue goes on an agenda";
        fields.require(given.meeting.is_empty(), field, rule);
    }
    fields.finish()?;
    Ok(meeting)
}

fn check_escalation(given: &Escalation) -> Result<(MajorIssueName, MeetingName, Vec<AgencyId>)> {
    let mut fields = Fields::default();
    let written = Escalation {
        major_issue: given.major_issue.clone(),
        meeting: given.meeting.clone(),
        co_units: given.co_units.clone(),
        title: given.title.clone(),
        text: given.text.clone(),
        documents: given.documents.clone(),
        ..Escalation::default()
    };
    fields.require(written == *given, "escalation", OUTPUT_ONLY);
    let issue = fields.parsed("escalation.major_issue", &given.major_issue);
    let meeting = fields.parsed("escalation.meeting", &given.meeting);
    let title = "escalation.title";
    fields.line(title, &given.title, 1, TITLE_CHARACTERS_MAX);
    fields.text("escalation.text", &given.text, 1, REPORT_CHARACTERS_MAX);
    let documents = "escalation.documents";
    fields.documents(documents, &given.documents, DOCUMENTS_MAX);
    let max = meetings::issues::CO_UNITS_MAX;
    let rule = format!("must be 1 to {max} members (JE-075)");
    let count = given.co_units.len();
    fields.require((1..=max).contains(&count), "escalation.co_units", rule);
    let mut co_units = vec![];
    for (number, unit) in given.co_units.iter().take(max).enumerate() {
        let id = unit.strip_prefix("agencies/");
        match id.and_then(|id| id.parse().ok()) {
            Some(unit) => co_units.push(unit),
            None => {
                let field = format!("escalation.co_units[{number}]");
                fields.broken(&field, "must be agencies/{agency}");
            }
        }
    }
    fields.finish()?;
    let names = issue.zip(meeting);
    let (issue, meeting) = names.ok_or_else(|| Error::internal("names that were checked"))?;
    Ok((issue, meeting, co_units))
}

fn check_reply(given: &EscalationReply) -> Result<()> {
    let mut fields = Fields::default();
    let written = EscalationReply {
        text: given.text.clone(),
        document_number: given.document_number.clone(),
        documents: given.documents.clone(),
        ..EscalationReply::default()
    };
    fields.require(written == *given, "reply", OUTPUT_ONLY);
    fields.text("reply.text", &given.text, 1, REPORT_CHARACTERS_MAX);
    if !given.document_number.is_empty() {
        fields.parsed::<DocumentNumber>("reply.document_number", &given.document_number);
    }
    fields.documents("reply.documents", &given.documents, DOCUMENTS_MAX);
    fields.finish()
}
