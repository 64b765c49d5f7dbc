//! What the two sides do: parsed, checked, asked of `authz`, recorded. The answer has no contents.

use hub_core::names::{ReferralName, RequestId};
use hub_proto::{
    channels::Attachment,
    common::Receipt,
    referrals::{
        AcknowledgeReferralRequest, AddInformationRequest, Answered, AskForInformationRequest,
        CloseReferralRequest, CorrectReferralRequest, DeclineReferralRequest,
        FeedBackResultRequest, Referral, ReturnReferralRequest, SendReferralRequest,
        TakeUpReferralRequest, WithdrawReferralRequest,
    },
};

use super::{
    check::{self, NOTE_CHARACTERS_MAX, REASON_CHARACTERS_MAX},
    lookup::{self, FoundReferral},
    show,
};
use crate::{
    authz::{Access, Permit},
    charter::Action,
    domain::referrals::{self, Command, Correction, Feedback, Sending},
    error::{Error, Result},
    wire::{Call, Services, meetings::fields::Fields, parse},
};

/// Which side acts.
#[derive(Clone, Copy)]
enum Side {
    Sender,
    Addressee,
}

type Shown = Result<(Referral, Receipt)>;

impl Services {
    pub(super) async fn send_a_referral(
        &self,
        call: Call,
        access: &Access,
        request: &SendReferralRequest,
    ) -> Shown {
        let permit = access.send_referral()?;
        let given = request.referral.clone().unwrap_or_default();
        let addressee = check::referral(&given)?;
        let rule = "must be the unit that is competent, agencies/{agency}";
        let addressee = addressee.ok_or_else(|| Error::field("referral.addressee", rule))?;
        let id: RequestId = parse("request_id", &request.request_id)?;
        let command = Command::Send(Sending {
            referral: ReferralName(id),
            addressee,
            attachments: check::hashes(&given.attachments),
        });
        let files = ("referral", given.attachments.as_slice());
        let name = ReferralName(id);
        self.carry_out(
            call,
            access,
            (permit, name, &request.request_id),
            command,
            files,
        )
        .await
    }

    pub(super) async fn acknowledge_a_referral(
        &self,
        call: Call,
        access: &Access,
        request: &AcknowledgeReferralRequest,
    ) -> Shown {
        let (found, permit) = self.find_for(access, &request.name, Side::Addressee)?;
        let revision = check::revision(request.revision)?;
        let command = Command::Acknowledge(found.name, revision);
        let by = (permit, found.name, &*request.request_id);
        self.carry_out(call, access, by, command, NO_FILES).await
    }

    pub(super) async fn take_up_a_referral(
        &self,
        call: Call,
        access: &Access,
        request: &TakeUpReferralRequest,
    ) -> Shown {
        let (found, permit) = self.find_for(access, &request.name, Side::Addressee)?;
        let mut fields = Fields::default();
        fields.text("note", &request.note, 0, REASON_CHARACTERS_MAX);
        let reference = &request.addressee_reference;
        let max = check::REFERENCE_CHARACTERS_MAX;
        fields.line("addressee_reference", reference, 0, max);
        fields.finish()?;
        let command = Command::Answer(found.name, Answered::TakenUp);
        let by = (permit, found.name, &*request.request_id);
        self.carry_out(call, access, by, command, NO_FILES).await
    }

    pub(super) async fn decline_a_referral(
        &self,
        call: Call,
        access: &Access,
        request: &DeclineReferralRequest,
    ) -> Shown {
        let (found, permit) = self.find_for(access, &request.name, Side::Addressee)?;
        check::text("reason", &request.reason, 1, REASON_CHARACTERS_MAX)?;
        let command = Command::Answer(found.name, Answered::Declined);
        let by = (permit, found.name, &*request.request_id);
        self.carry_out(call, access, by, command, NO_FILES).await
    }

    pub(super) async fn return_a_referral(
        &self,
        call: Call,
        access: &Access,
        request: &ReturnReferralRequest,
    ) -> Shown {
        let (found, permit) = self.find_for(access, &request.name, Side::Addressee)?;
        let mut fields = Fields::default();
        fields.text("reason", &request.reason, 1, REASON_CHARACTERS_MAX);
        let hint = &request.competent_unit_hint;
        fields.text("competent_unit_hint", hint, 0, NOTE_CHARACTERS_MAX);
        fields.finish()?;
        let command = Command::Answer(found.name, Answered::Returned);
        let by = (permit, found.name, &*request.request_id);
        self.carry_out(call, access, by, command, NO_FILES).await
    }

    pub(super) async fn ask_about_a_referral(
        &self,
        call: Call,
        access: &Access,
        request: &AskForInformationRequest,
    ) -> Shown {
        let (found, permit) = self.find_for(access, &request.name, Side::Addressee)?;
        check::text("text", &request.text, 1, check::QUESTION_CHARACTERS_MAX)?;
        let by = (permit, found.name, &*request.request_id);
        self.carry_out(call, access, by, Command::Ask(found.name), NO_FILES)
            .await
    }

    pub(super) async fn add_to_a_referral(
        &self,
        call: Call,
        access: &Access,
        request: &AddInformationRequest,
    ) -> Shown {
        let (found, permit) = self.find_for(access, &request.name, Side::Sender)?;
        check::text("text", &request.text, 1, check::TEXT_CHARACTERS_MAX)?;
        let by = (permit, found.name, &*request.request_id);
        self.carry_out(call, access, by, Command::Add(found.name), NO_FILES)
            .await
    }

    pub(super) async fn feed_a_result_back(
        &self,
        call: Call,
        access: &Access,
        request: &FeedBackResultRequest,
    ) -> Shown {
        let (found, permit) = self.find_for(access, &request.name, Side::Addressee)?;
        let given = request.result.clone().unwrap_or_default();
        check::result(&given)?;
        let command = Command::FeedBack(Feedback {
            referral: found.name,
            is_final: given.is_final,
            attachments: check::hashes(&given.attachments),
        });
        let files = ("result", given.attachments.as_slice());
        let by = (permit, found.name, &*request.request_id);
        self.carry_out(call, access, by, command, files).await
    }

    pub(super) async fn correct_a_referral(
        &self,
        call: Call,
        access: &Access,
        request: &CorrectReferralRequest,
    ) -> Shown {
        let (found, permit) = self.find_for(access, &request.name, Side::Sender)?;
        let revision = check::revision(request.revision)?;
        let given = request.referral.clone().unwrap_or_default();
        let addressee = check::referral(&given)?;
        if addressee.is_some_and(|agency| agency != found.addressee) {
            let rule = "must stay as it is: withdraw a referral that went to a wrong unit";
            return Err(Error::field("referral.addressee", rule));
        }
        check::text("reason", &request.reason, 1, REASON_CHARACTERS_MAX)?;
        let command = Command::Correct(Correction {
            referral: found.name,
            revision,
            attachments: check::hashes(&given.attachments),
        });
        let files = ("referral", given.attachments.as_slice());
        let by = (permit, found.name, &*request.request_id);
        self.carry_out(call, access, by, command, files).await
    }

    pub(super) async fn close_a_referral(
        &self,
        call: Call,
        access: &Access,
        request: &CloseReferralRequest,
    ) -> Shown {
        let (found, permit) = self.find_for(access, &request.name, Side::Sender)?;
        check::text("note", &request.note, 0, REASON_CHARACTERS_MAX)?;
        let by = (permit, found.name, &*request.request_id);
        self.carry_out(call, access, by, Command::Close(found.name), NO_FILES)
            .await
    }

    pub(super) async fn withdraw_a_referral(
        &self,
        call: Call,
        access: &Access,
        request: &WithdrawReferralRequest,
    ) -> Shown {
        let (found, permit) = self.find_for(access, &request.name, Side::Sender)?;
        check::text("reason", &request.reason, 1, REASON_CHARACTERS_MAX)?;
        let by = (permit, found.name, &*request.request_id);
        self.carry_out(call, access, by, Command::Withdraw(found.name), NO_FILES)
            .await
    }

    /// A referral, and a permit to do on it what one of its sides does.
    fn find_for(&self, access: &Access, name: &str, side: Side) -> Result<(FoundReferral, Permit)> {
        let found = lookup::referral(&self.engine, access, parse("name", name)?)?;
        let permit = match side {
            Side::Sender => access.act_on_referral(&found.sender, Action::ReferralsSend)?,
            Side::Addressee => access.act_on_referral(&found.addressee, Action::ReferralsAnswer)?,
        };
        Ok((found, permit))
    }

    /// Records a command, holds its files until it is recorded, and shows where the referral stands.
    async fn carry_out(
        &self,
        call: Call,
        access: &Access,
        (permit, name, request_id): (Permit, ReferralName, &str),
        command: Command,
        (path, files): (&str, &[Attachment]),
    ) -> Shown {
        let id: RequestId = parse("request_id", request_id)?;
        let files = files.iter().enumerate();
        let files = files.map(|(number, file)| (format!("{path}.attachments[{number}]"), file));
        let pins = self.claim_files(access, files.collect()).await?;
        let entry = self.record(call, permit, vec![id], command).await?;
        self.settle_attachments(access, pins).await;
        let row = referrals::referral(self.engine.store(), name)?;
        let now = self.engine.clock().now();
        Ok((
            show::standing(&self.engine, name, &row, now)?,
            entry.receipt(),
        ))
    }
}

/// An act without files.
const NO_FILES: (&str, &[Attachment]) = ("", &[]);
