//! Raising, correcting and retracting: parsed, checked, asked of `authz`, recorded.

use hub_core::names::{AlertName, RequestId};
use hub_proto::{
    channels::Attachment,
    funds::{CorrectAlertRequest, RaiseAlertRequest, RetractAlertRequest},
};

use super::{
    Answer,
    act::{REASON_FIELD, revision},
    lookup::{self, Found},
    show,
};
use crate::{
    authz::{Access, Permit},
    domain::funds::{self, Command, Correct, Raise, content, raise, texts::Checks},
    engine::recorded::Recorded,
    error::{Error, Result},
    wire::{Call, Services, parse},
};

/// Longest reason of a correction or a retraction in characters.
const REASON_CHARACTERS_MAX: usize = 1_000;

impl Services {
    pub(super) async fn raise_an_alert(
        &self,
        call: Call,
        access: &Access,
        request: &RaiseAlertRequest,
    ) -> Result<Answer> {
        let permit = access.raise_alert()?;
        let given = request.alert.clone().unwrap_or_default();
        let roster = access.roster();
        let charter = roster.charter();
        let fund = charter.fund();
        let fund = fund.ok_or_else(|| Error::internal("a permit without [fund]"))?;
        let content = content::check(charter, fund, access.day(), &given, Checks::default())?;
        raise::circulation(roster, fund, access.day(), access.agency(), &content)?;
        let id: RequestId = parse("request_id", &request.request_id)?;
        let command = Command::Raise(Box::new(Raise {
            alert: AlertName(id),
            content,
        }));
        let files = &given.attachments;
        let entry = self
            .settle_alert(call, access, permit, id, command, files)
            .await?;
        self.alert_after(access, AlertName(id), &entry)
    }

    pub(super) async fn correct_an_alert(
        &self,
        call: Call,
        access: &Access,
        request: &CorrectAlertRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let permit = access.revise_alert(&found.parties)?;
        let given = request.alert.clone().unwrap_or_default();
        let charter = access.roster().charter();
        let fund = charter.fund();
        let fund =
            fund.ok_or_else(|| Error::internal("an alert under a charter without [fund]"))?;
        let mut checks = Checks::default();
        checks.text(REASON_FIELD, &request.reason, 1, REASON_CHARACTERS_MAX);
        let revision = revision(&mut checks, request.revision);
        let content = content::check(charter, fund, access.day(), &given, checks)?;
        let id: RequestId = parse("request_id", &request.request_id)?;
        let command = Command::Correct(Box::new(Correct {
            alert: found.name,
            revision,
            content,
        }));
        let files = &given.attachments;
        let entry = self
            .settle_alert(call, access, permit, id, command, files)
            .await?;
        self.alert_after(access, found.name, &entry)
    }

    pub(super) async fn retract_an_alert(
        &self,
        call: Call,
        access: &Access,
        request: &RetractAlertRequest,
    ) -> Result<Answer> {
        let found = self.find_alert(access, &request.name)?;
        let permit = access.revise_alert(&found.parties)?;
        let mut checks = Checks::default();
        checks.text(REASON_FIELD, &request.reason, 1, REASON_CHARACTERS_MAX);
        checks.finish()?;
        let what = funds::What::Retract;
        self.do_about(call, access, permit, &request.request_id, (found, what))
            .await
    }

    pub(super) fn find_alert(&self, access: &Access, name: &str) -> Result<Found> {
        lookup::alert(&self.engine, access, parse("name", name)?)
    }

    /// Records a command, and holds the documents of an alert until it is recorded.
    async fn settle_alert(
        &self,
        call: Call,
        access: &Access,
        permit: Permit,
        id: RequestId,
        command: Command,
        files: &[Attachment],
    ) -> Result<std::sync::Arc<Recorded>> {
        let files = files.iter().enumerate();
        let files = files.map(|(number, file)| (format!("alert.attachments[{number}]"), file));
        let pins = self.claim_files(access, files.collect()).await?;
        let entry = self.record(call, permit, vec![id], command).await?;
        self.settle_attachments(access, pins).await;
        Ok(entry)
    }

    /// An alert as it stands now, to whoever has just changed it.
    pub(super) fn alert_after(
        &self,
        access: &Access,
        name: AlertName,
        entry: &Recorded,
    ) -> Result<Answer> {
        let row = funds::alert(self.engine.store(), name)?;
        let found = Found::new(name, row)?;
        let now = self.engine.clock().now();
        let shown = show::alert(&self.engine, access, &found, found.row.revision(), now)?;
        Ok((shown, entry.receipt()))
    }
}
