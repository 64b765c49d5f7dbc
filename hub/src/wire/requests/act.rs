//! What is done about information requests: parsed, checked, asked of `authz`, recorded. Answers show no
//! texts, so that reading them is always on the record.

use std::sync::Arc;

use hub_core::names::{InformationRequestName, RequestId};
use hub_proto::{
    channels::Attachment,
    common::Receipt,
    requests::{
        AnswerCorrectionRequest, ApproveInformationRequestRequest, AskForMissingRequest,
        CloseCaseRequest, CompleteInformationRequestRequest, ConfirmDisposalRequest,
        ConsentToInformationRequestRequest, DeliverInformationRequest, Disposal,
        DraftInformationRequestRequest, ExtendAnswerTimeRequest, InformationRequest,
        RecordUseRequest, RefuseInformationRequestRequest, RequestCorrectionRequest,
        ResumeUseRequest, SuspendUseRequest, WithdrawInformationRequestRequest,
    },
};

use super::{
    check::{
        self, DATA_MAX, DOCUMENTS_MAX, IN_WORDS, NUMBER_MAX, OUTPUT_ONLY, REASON_MAX,
        REFERENCE_MAX, TEXT_MAX,
    },
    lookup::{self, FoundRequest},
    show::{self, Detail},
};
use crate::{
    authz::{Access, Permit, RequestSight},
    charter::Action,
    domain::requests::{Act, Command, CorrectionAnswer, What},
    engine::recorded::Recorded,
    error::{Error, Result},
    wire::{Call, Services, meetings::fields::Fields, parse},
};

/// What a step answers.
type Done = Result<(InformationRequest, Receipt)>;

/// A step that a caller takes.
struct Step<'a> {
    call: Call,
    access: &'a Access,
    found: FoundRequest,
    permit: Permit,
    request_id: &'a str,
}

impl Services {
    pub(super) async fn draft_request(
        &self,
        call: Call,
        access: &Access,
        request: &DraftInformationRequestRequest,
    ) -> Done {
        let permit = access.permit(Action::RequestsMake)?;
        let id: RequestId = parse("request_id", &request.request_id)?;
        let name = InformationRequestName(id);
        let given = request.information_request.clone().unwrap_or_default();
        let command = Command::Draft(Box::new(check::draft(name, &given)?));
        let documents = ("information_request.attachments", &*given.attachments);
        let entry = self
            .settle_request(call, access, permit, (id, command), documents)
            .await?;
        self.request_after(access, name, &entry)
    }

    pub(super) async fn approve_request(
        &self,
        call: Call,
        access: &Access,
        request: &ApproveInformationRequestRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let side = (RequestSight::Requester, Action::RequestsApprove);
        let step = self.step(call, access, ids, side)?;
        let mut fields = Fields::default();
        let min = usize::from(!request.is_approved);
        fields.text("reason", &request.reason, min, REASON_MAX);
        fields.finish()?;
        let what = if request.is_approved {
            What::Approve(show::drafted(&self.engine, &step.found.row)?.attachments)
        } else {
            What::Reject
        };
        self.take(step, what, ("", &[])).await
    }

    pub(super) async fn withdraw_request(
        &self,
        call: Call,
        access: &Access,
        request: &WithdrawInformationRequestRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let side = (RequestSight::Requester, Action::RequestsMake);
        let step = self.step(call, access, ids, side)?;
        text("reason", &request.reason, REASON_MAX)?;
        self.take(step, What::Withdraw, ("", &[])).await
    }

    pub(super) async fn ask_for_what_is_missing(
        &self,
        call: Call,
        access: &Access,
        request: &AskForMissingRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let step = self.step(call, access, ids, ANSWERS)?;
        text("missing", &request.missing, TEXT_MAX)?;
        self.take(step, What::AskForMissing, ("", &[])).await
    }

    pub(super) async fn complete_request(
        &self,
        call: Call,
        access: &Access,
        request: &CompleteInformationRequestRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let side = (RequestSight::Requester, Action::RequestsMake);
        let step = self.step(call, access, ids, side)?;
        let mut fields = Fields::default();
        fields.text("addition", &request.addition, 1, TEXT_MAX);
        fields.documents("attachments", &request.attachments, DOCUMENTS_MAX);
        fields.finish()?;
        let what = What::Complete(request.attachments.clone());
        self.take(step, what, ("attachments", &request.attachments))
            .await
    }

    pub(super) async fn extend_time(
        &self,
        call: Call,
        access: &Access,
        request: &ExtendAnswerTimeRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let step = self.step(call, access, ids, ANSWERS)?;
        let mut fields = Fields::default();
        fields.text("reason", &request.reason, 1, REASON_MAX);
        let reference = "consent_reference";
        fields.line(reference, &request.consent_reference, 1, REFERENCE_MAX);
        let working_days = u32::try_from(request.working_days).ok();
        fields.require(working_days.is_some(), "working_days", "must be at least 1");
        fields.finish()?;
        let what = What::Extend(working_days.unwrap_or_default());
        self.take(step, what, ("", &[])).await
    }

    pub(super) async fn consent_to_request(
        &self,
        call: Call,
        access: &Access,
        request: &ConsentToInformationRequestRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let step = self.step(call, access, ids, ANSWERS)?;
        let mut fields = Fields::default();
        fields.text("text", &request.text, 0, TEXT_MAX);
        if let Some(delivery) = &request.delivery {
            check::delivery(&mut fields, delivery, step.found.row.is_account());
        }
        fields.finish()?;
        let delivery = request.delivery.as_ref().map(|one| one.attachments.clone());
        let documents = delivery.clone().unwrap_or_default();
        self.take(
            step,
            What::Consent(delivery),
            ("delivery.attachments", &documents),
        )
        .await
    }

    pub(super) async fn deliver_data(
        &self,
        call: Call,
        access: &Access,
        request: &DeliverInformationRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let step = self.step(call, access, ids, ANSWERS)?;
        let delivery = request.delivery.clone().unwrap_or_default();
        let mut fields = Fields::default();
        check::delivery(&mut fields, &delivery, step.found.row.is_account());
        fields.finish()?;
        let what = What::Deliver(delivery.attachments.clone());
        self.take(step, what, ("delivery.attachments", &delivery.attachments))
            .await
    }

    pub(super) async fn refuse_request(
        &self,
        call: Call,
        access: &Access,
        request: &RefuseInformationRequestRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let step = self.step(call, access, ids, ANSWERS)?;
        text("reasons", &request.reasons, TEXT_MAX)?;
        self.take(step, What::Refuse, ("", &[])).await
    }

    pub(super) async fn record_a_use(
        &self,
        call: Call,
        access: &Access,
        request: &RecordUseRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let side = (RequestSight::Requester, Action::RequestsMake);
        let step = self.step(call, access, ids, side)?;
        check::use_record(&request.r#use.clone().unwrap_or_default())?;
        self.take(step, What::RecordUse, ("", &[])).await
    }

    pub(super) async fn ask_for_correction(
        &self,
        call: Call,
        access: &Access,
        request: &RequestCorrectionRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let side = (RequestSight::Requester, Action::RequestsMake);
        let step = self.step(call, access, ids, side)?;
        text("text", &request.text, TEXT_MAX)?;
        self.take(step, What::RequestCorrection, ("", &[])).await
    }

    pub(super) async fn answer_a_correction(
        &self,
        call: Call,
        access: &Access,
        request: &AnswerCorrectionRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let step = self.step(call, access, ids, ANSWERS)?;
        let mut fields = Fields::default();
        let correction = u32::try_from(request.correction).ok();
        fields.require(correction.is_some(), "correction", "must be at least 1");
        fields.text("answer", &request.answer, 1, DATA_MAX);
        fields.documents("attachments", &request.attachments, DOCUMENTS_MAX);
        let has_none = request.attachments.is_empty();
        let rule = "must be empty: nothing was corrected";
        fields.require(request.is_corrected || has_none, "attachments", rule);
        let is_account = step.found.row.is_account();
        fields.require(!is_account || has_none, "attachments", IN_WORDS);
        fields.finish()?;
        let what = What::AnswerCorrection(CorrectionAnswer {
            correction: correction.unwrap_or_default(),
            is_corrected: request.is_corrected,
            documents: request.attachments.clone(),
        });
        self.take(step, what, ("attachments", &request.attachments))
            .await
    }

    pub(super) async fn suspend_the_use(
        &self,
        call: Call,
        access: &Access,
        request: &SuspendUseRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let step = self.step(call, access, ids, ANSWERS)?;
        text("reason", &request.reason, TEXT_MAX)?;
        self.take(step, What::Suspend, ("", &[])).await
    }

    pub(super) async fn resume_the_use(
        &self,
        call: Call,
        access: &Access,
        request: &ResumeUseRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let step = self.step(call, access, ids, ANSWERS)?;
        text("reason", &request.reason, TEXT_MAX)?;
        self.take(step, What::Resume, ("", &[])).await
    }

    pub(super) async fn confirm_the_disposal(
        &self,
        call: Call,
        access: &Access,
        request: &ConfirmDisposalRequest,
    ) -> Done {
        let ids = (&*request.name, &*request.request_id);
        let side = (RequestSight::Requester, Action::RequestsMake);
        let step = self.step(call, access, ids, side)?;
        let given = request.disposal.clone().unwrap_or_default();
        let mut fields = Fields::default();
        let written = Disposal {
            storage: given.storage.clone(),
            destruction: given.destruction.clone(),
            disposed_on: given.disposed_on,
            ..Disposal::default()
        };
        fields.require(written == given, "disposal", OUTPUT_ONLY);
        fields.text("disposal.storage", &given.storage, 1, TEXT_MAX);
        fields.text("disposal.destruction", &given.destruction, 1, TEXT_MAX);
        let day = fields.required_day("disposal.disposed_on", given.disposed_on.as_ref());
        fields.finish()?;
        let day = day.ok_or_else(|| Error::internal("a day that was checked is none"))?;
        self.take(step, What::Dispose(day), ("", &[])).await
    }

    pub(super) async fn close_a_case(
        &self,
        call: Call,
        access: &Access,
        request: &CloseCaseRequest,
    ) -> Result<Receipt> {
        let permit = access.permit(Action::RequestsMake)?;
        let mut fields = Fields::default();
        fields.line("case_number", &request.case_number, 1, NUMBER_MAX);
        fields.text("reason", &request.reason, 1, REASON_MAX);
        fields.finish()?;
        let id: RequestId = parse("request_id", &request.request_id)?;
        let command = Command::CloseCase(request.case_number.clone());
        let entry = self.record(call, permit, vec![id], command).await?;
        Ok(entry.receipt())
    }

    /// Finds the request of a step and asks whether the caller may take it.
    fn step<'a>(
        &self,
        call: Call,
        access: &'a Access,
        (name, request_id): (&str, &'a str),
        (side, action): (RequestSight, Action),
    ) -> Result<Step<'a>> {
        let found = lookup::request(&self.engine, access, parse("name", name)?)?;
        let permit = access.act_on_request(found.sight, side, action)?;
        Ok(Step {
            call,
            access,
            found,
            permit,
            request_id,
        })
    }

    async fn take(&self, step: Step<'_>, what: What, documents: (&str, &[Attachment])) -> Done {
        let id: RequestId = parse("request_id", step.request_id)?;
        let name = step.found.name;
        let command = Command::Act(Box::new(Act {
            request: name,
            what,
        }));
        let entry = self
            .settle_request(
                step.call,
                step.access,
                step.permit,
                (id, command),
                documents,
            )
            .await?;
        self.request_after(step.access, name, &entry)
    }

    /// Records a command, and holds the documents of a message until it is recorded.
    async fn settle_request(
        &self,
        call: Call,
        access: &Access,
        permit: Permit,
        (id, command): (RequestId, Command),
        (path, documents): (&str, &[Attachment]),
    ) -> Result<Arc<Recorded>> {
        let files = documents.iter().enumerate();
        let files = files.map(|(number, file)| (format!("{path}[{number}]"), file));
        let pins = self.claim_files(access, files.collect()).await?;
        let entry = self.record(call, permit, vec![id], command).await?;
        self.settle_attachments(access, pins).await;
        Ok(entry)
    }

    fn request_after(
        &self,
        access: &Access,
        name: InformationRequestName,
        entry: &Recorded,
    ) -> Done {
        // Whoever may draft need not be one who may read: an outline tells it nothing new.
        let row = crate::domain::requests::InformationRequestRow::read(self.engine.store(), name)?;
        let found = FoundRequest {
            name,
            sight: if row.requester == access.agency().as_str() {
                RequestSight::Requester
            } else {
                RequestSight::Provider
            },
            row,
        };
        let shown = show::request(&self.engine, access, &found, Detail::Outline)?;
        Ok((shown, entry.receipt()))
    }
}

/// What the provider does.
const ANSWERS: (RequestSight, Action) = (RequestSight::Provider, Action::RequestsAnswer);

/// A text of a step that must be there.
fn text(field: &str, text: &str, max: usize) -> Result<()> {
    let mut fields = Fields::default();
    fields.text(field, text, 1, max);
    fields.finish()
}
