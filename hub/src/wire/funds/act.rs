//! What is done about an alert: parsed, checked, asked of `authz`, recorded.

use hub_core::{
    date,
    names::{AgencyId, OfficerId, RequestId},
};
use hub_proto::funds::{
    AcknowledgeAlertRequest, AlertAction, CloseAlertRequest, Closing, DraftJointNoticeRequest,
    Finding, FindingKind, IssueJointNoticeRequest, JointNotice, Measure, ProvideInformationRequest,
    RecordFindingRequest, ReportMeasureRequest, ReviewMeasureRequest, SignJointNoticeRequest,
    TakeMeasureRequest,
};

use super::{
    Answer,
    lookup::{self, Found},
};
use crate::{
    authz::{Access, Permit},
    domain::funds::{Act, Command, SIGNERS_MAX, What, content, rows::NoticeRow, texts::Checks},
    error::{Error, Result},
    wire::{Call, Services, parse},
};

/// Longest text of an acknowledgement in characters.
const ACTION_CHARACTERS_MAX: usize = 1_000;
/// Longest answer of the raising agency, or reason of a finding, in characters.
const FINDING_CHARACTERS_MAX: usize = 4_000;
/// Longest joint notice in characters.
const NOTICE_CHARACTERS_MAX: usize = 8_000;
/// Longest reason not to sign in characters.
const DECLINE_CHARACTERS_MAX: usize = 500;
/// Longest measure, report of one, or reason of a closing in characters.
const MEASURE_CHARACTERS_MAX: usize = 2_000;
/// Longest reason of a review in characters.
const REVIEW_CHARACTERS_MAX: usize = 1_000;

/// The field of reasons that stand in the request itself.
pub(super) const REASON_FIELD: &str = "reason";

const OUTPUT_ONLY: &str = "output-only fields must be empty";

/// A number that counts from 1.
pub(super) fn revision(checks: &mut Checks, given: i32) -> u32 {
    counted(checks, "revision", given)
}

fn counted(checks: &mut Checks, field: &str, given: i32) -> u32 {
    let number = u32::try_from(given).ok().filter(|number| *number > 0);
    checks.require(number.is_some(), field, "must count from 1");
    number.unwrap_or_default()
}

impl Services {
    pub(super) async fn acknowledge_an_alert(
        &self,
        call: Call,
        access: &Access,
        request: &AcknowledgeAlertRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let permit = access.handle_alert(&found.parties.units)?;
        let mut checks = Checks::default();
        let action = request.action();
        let must_say = matches!(
            action,
            AlertAction::NoAction | AlertAction::NeedsInformation
        );
        let min = usize::from(must_say);
        checks.text("text", &request.text, min, ACTION_CHARACTERS_MAX);
        let is_action = action != AlertAction::Unspecified;
        checks.require(is_action, "action", "must say what the unit does");
        let revision = revision(&mut checks, request.revision);
        checks.finish()?;
        let what = What::Acknowledge { revision, action };
        self.do_about(call, access, permit, &request.request_id, (found, what))
            .await
    }

    pub(super) async fn inform_of_an_alert(
        &self,
        call: Call,
        access: &Access,
        request: &ProvideInformationRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let permit = access.revise_alert(&found.parties)?;
        let mut checks = Checks::default();
        checks.text("text", &request.text, 1, FINDING_CHARACTERS_MAX);
        checks.finish()?;
        let what = (found, What::Inform);
        self.do_about(call, access, permit, &request.request_id, what)
            .await
    }

    pub(super) async fn draft_a_joint_notice(
        &self,
        call: Call,
        access: &Access,
        request: &DraftJointNoticeRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let (permit, author) = access.draft_joint_notice(&found.parties)?;
        let given = request.joint_notice.clone().unwrap_or_default();
        let mut checks = Checks::default();
        let written = JointNotice {
            text: given.text.clone(),
            units: given.units.clone(),
            ..JointNotice::default()
        };
        checks.require(written == given, "joint_notice", OUTPUT_ONLY);
        checks.text("joint_notice.text", &given.text, 1, NOTICE_CHARACTERS_MAX);
        let field = "joint_notice.units";
        let units = content::agencies(&mut checks, field, &given.units, SIGNERS_MAX);
        checks.finish()?;
        let what = What::Draft { author, units };
        self.do_about(call, access, permit, &request.request_id, (found, what))
            .await
    }

    pub(super) async fn sign_a_joint_notice(
        &self,
        call: Call,
        access: &Access,
        request: &SignJointNoticeRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let number = request.joint_notice;
        let asked: Vec<AgencyId> = match notice(&found, number) {
            Some(notice) => {
                let units = notice.units.iter().map(|unit| unit.parse());
                units.filter_map(Result::ok).collect()
            }
            // Whoever may handle the alert may learn that there is no such notice.
            None => {
                let mut parties = found.parties.units.clone();
                parties.push(found.parties.author.clone());
                parties
            }
        };
        let permit = access.handle_alert(&asked)?;
        let mut checks = Checks::default();
        let min = usize::from(request.declines);
        checks.text(REASON_FIELD, &request.reason, min, DECLINE_CHARACTERS_MAX);
        let notice = counted(&mut checks, "joint_notice", number);
        checks.finish()?;
        let is_signed = !request.declines;
        let what = What::Sign { notice, is_signed };
        self.do_about(call, access, permit, &request.request_id, (found, what))
            .await
    }

    pub(super) async fn issue_a_joint_notice(
        &self,
        call: Call,
        access: &Access,
        request: &IssueJointNoticeRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let row = notice(&found, request.joint_notice);
        let drafted_by = row.map_or("", |row| &row.author);
        let (permit, by) = access.issue_joint_notice(&found.parties, drafted_by)?;
        let mut checks = Checks::default();
        let notice = counted(&mut checks, "joint_notice", request.joint_notice);
        checks.finish()?;
        let text = match row {
            Some(row) => lookup::notice(&self.engine, row)?.text,
            None => String::new(),
        };
        let what = What::Issue { notice, by, text };
        self.do_about(call, access, permit, &request.request_id, (found, what))
            .await
    }

    pub(super) async fn record_a_finding(
        &self,
        call: Call,
        access: &Access,
        request: &RecordFindingRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let permit = access.handle_alert(&found.parties.units)?;
        let given = request.finding.clone().unwrap_or_default();
        let mut checks = Checks::default();
        let written = Finding {
            kind: given.kind,
            reason: given.reason.clone(),
            ..Finding::default()
        };
        checks.require(written == given, "finding", OUTPUT_ONLY);
        let is_kind = given.kind() != FindingKind::Unspecified;
        checks.require(is_kind, "finding.kind", "must be a finding");
        checks.text("finding.reason", &given.reason, 1, FINDING_CHARACTERS_MAX);
        checks.finish()?;
        let what = (found, What::Find(given.kind()));
        self.do_about(call, access, permit, &request.request_id, what)
            .await
    }

    pub(super) async fn take_a_measure(
        &self,
        call: Call,
        access: &Access,
        request: &TakeMeasureRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let permit = access.handle_alert(&found.parties.units)?;
        let given = request.measure.clone().unwrap_or_default();
        let mut checks = Checks::default();
        let written = Measure {
            text: given.text.clone(),
            due_on: given.due_on,
            ..Measure::default()
        };
        checks.require(written == given, "measure", OUTPUT_ONLY);
        checks.text("measure.text", &given.text, 1, MEASURE_CHARACTERS_MAX);
        let due_on = given.due_on.as_ref().and_then(date::from_wire);
        let rule = "must be a day of the calendar";
        checks.require(due_on.is_some(), "measure.due_on", rule);
        checks.finish()?;
        let due_on = due_on.ok_or_else(|| Error::internal("a day that was checked"))?;
        let what = (found, What::Take(due_on));
        self.do_about(call, access, permit, &request.request_id, what)
            .await
    }

    pub(super) async fn report_a_measure(
        &self,
        call: Call,
        access: &Access,
        request: &ReportMeasureRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let permit = access.handle_alert(&found.parties.units)?;
        let mut checks = Checks::default();
        let measure = counted(&mut checks, "measure", request.measure);
        checks.text("text", &request.text, 1, MEASURE_CHARACTERS_MAX);
        checks.finish()?;
        let what = (found, What::Report(measure));
        self.do_about(call, access, permit, &request.request_id, what)
            .await
    }

    pub(super) async fn review_a_measure(
        &self,
        call: Call,
        access: &Access,
        request: &ReviewMeasureRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let permit = access.handle_alert(&found.parties.units)?;
        let mut checks = Checks::default();
        let measure = counted(&mut checks, "measure", request.measure);
        checks.text(REASON_FIELD, &request.reason, 1, REVIEW_CHARACTERS_MAX);
        checks.finish()?;
        let is_lifted = request.lifts;
        let what = What::Review { measure, is_lifted };
        self.do_about(call, access, permit, &request.request_id, (found, what))
            .await
    }

    pub(super) async fn close_an_alert(
        &self,
        call: Call,
        access: &Access,
        request: &CloseAlertRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let (permit, by) = access.coordinate_alert(&found.parties)?;
        let given = request.closing.clone().unwrap_or_default();
        let mut checks = Checks::default();
        let written = Closing {
            reason: given.reason.clone(),
            reviewer_agency: given.reviewer_agency.clone(),
            reviewer: given.reviewer.clone(),
            ..Closing::default()
        };
        checks.require(written == given, "closing", OUTPUT_ONLY);
        checks.text("closing.reason", &given.reason, 1, MEASURE_CHARACTERS_MAX);
        let field = "closing.reviewer_agency";
        let agency = content::agency(&mut checks, field, &given.reviewer_agency);
        let reviewer: Option<OfficerId> = match given.reviewer.parse() {
            Ok(reviewer) => Some(reviewer),
            Err(rule) => {
                checks.broken("closing.reviewer", format!("{rule}"));
                None
            }
        };
        checks.finish()?;
        let both = agency.zip(reviewer);
        let (reviewer_agency, reviewer) =
            both.ok_or_else(|| Error::internal("a reviewer that was checked"))?;
        let what = What::Close {
            by,
            reviewer_agency,
            reviewer,
        };
        self.do_about(call, access, permit, &request.request_id, (found, what))
            .await
    }

    /// Records an act, and answers with the alert as it stands then.
    pub(super) async fn do_about(
        &self,
        call: Call,
        access: &Access,
        permit: Permit,
        request_id: &str,
        (found, what): (Found, What),
    ) -> Result<Answer> {
        let id: RequestId = parse("request_id", request_id)?;
        let command = Command::Act(Box::new(Act {
            alert: found.name,
            organization: found.organization(&self.engine)?,
            what,
        }));
        let entry = self.record(call, permit, vec![id], command).await?;
        self.alert_after(access, found.name, &entry)
    }
}

/// A joint notice of an alert by its number.
fn notice(found: &Found, number: i32) -> Option<&NoticeRow> {
    let at = usize::try_from(number).ok()?.checked_sub(1)?;
    found.row.notices.get(at)
}
