//! Drafting a request.

use agency_client::{
    Client,
    requests::{AccountDraft, RequestDraft},
};
use hub_proto::requests::{ApprovalLevel, SharingAttribute};

use super::act;
use crate::{
    Context,
    args::request::{CommonDraftArgs, DraftAccountArgs, DraftArgs},
    attach,
    correct::tell_id,
    output::{Done, Failure},
    people::Units,
};

pub(super) async fn data(context: &Context, args: DraftArgs) -> Done {
    let client = context.client()?;
    let provider = Units::fetch(&client).await?.named(&args.common.provider)?;
    let mut draft = RequestDraft::data(&provider, SharingAttribute::from(args.sharing))
        .case_reference(args.reference);
    for organization in &args.organization {
        let (uscc, name) = organization_of(organization)?;
        draft = draft.organization(uscc, name);
    }
    send(context, &client, draft, args.common).await
}

pub(super) async fn account(context: &Context, args: DraftAccountArgs) -> Done {
    let client = context.client()?;
    let provider = Units::fetch(&client).await?.named(&args.common.provider)?;
    let (uscc, name) = organization_of(&args.organization)?;
    let level = ApprovalLevel::from(args.approved_by);
    let mut inquiry = AccountDraft::in_case(args.case, args.case_opened)
        .case_names(args.case_names)
        .instrument(args.instrument)
        .officers(args.officers)
        .approved(level, args.approval_reference, args.approved_on);
    if args.charity {
        inquiry = inquiry.charity();
    }
    let draft = RequestDraft::account_information(&provider, uscc, name, inquiry);
    send(context, &client, draft, args.common).await
}

/// Adds what every request says, and drafts it.
async fn send(
    context: &Context,
    client: &Client,
    draft: RequestDraft,
    args: CommonDraftArgs,
) -> Done {
    let id = args.once.id();
    let mut draft = draft
        .purpose(args.use_for)
        .scope(args.scope)
        .use_scene(args.use_scene)
        .legal_basis(args.basis, args.instrument_basis)
        .valid_until(args.valid_until)
        .approver(args.approver)
        .request_id(id.clone());
    if let (Some(from), Some(until)) = (args.period_from, args.period_until) {
        draft = draft.period(from, until);
    }
    for attachment in attach::upload(context.out, client, &args.attach).await? {
        draft = draft.attach(attachment);
    }
    let answer = tell_id(context, &id, client.requests().draft(draft).await)?.response;
    let receipt = answer.receipt.as_ref();
    act::print(context, answer.information_request, receipt, &id)
}

fn organization_of(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=').ok_or_else(|| {
        Failure::usage(
            format!("--organization {text}: must be USCC=NAME"),
            format!("--organization {text}：须为 统一社会信用代码=名称"),
        )
    })
}
