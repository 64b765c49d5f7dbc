//! `referral`: matters handed to the competent unit (移送), from sending to the result.

mod show;

use agency_client::referrals::as_written;
use hub_proto::{
    channels::SubjectOrganization,
    common::Receipt,
    referrals::{
        AcknowledgeReferralRequest, AddInformationRequest, AskForInformationRequest,
        CloseReferralRequest, CorrectReferralRequest, DeclineReferralRequest,
        FeedBackResultRequest, ListReferralsRequest, Referral, ReferralAwaiting, ReferralDirection,
        ReferralResult, ReferralState, ReturnReferralRequest, SendReferralRequest,
        TakeUpReferralRequest, WithdrawReferralRequest,
    },
};
use serde_json::{Value, json};

use crate::{
    Context,
    args::referral::{CorrectArgs, ListArgs, ReferralCommand, SendArgs},
    attach,
    correct::tell_id,
    json::{self, referrals as form},
    meeting::{act_rows, more, text_of},
    names::{Names, resource},
    output::{Done, Failure},
    people::Units,
    publish::subject_of,
    table::{many_lines, pairs},
};

/// Sends an act, and shows where the referral stands then.
macro_rules! act {
    ($context:ident, $once:ident, $method:ident, $request:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let id = $once.id();
        let request = $request {
            $($field: $value,)*
            request_id: id.clone(),
        };
        let answer = $context.client()?.referrals().$method(request).await;
        let answer = tell_id($context, &id, answer)?.response;
        print($context, answer.referral, answer.receipt.as_ref(), &id)
    }};
}

pub(crate) async fn run(context: &Context, command: ReferralCommand) -> Done {
    match command {
        ReferralCommand::Send(args) => send(context, *args).await,
        ReferralCommand::List(args) => list(context, args).await,
        ReferralCommand::Show { referral, revision } => show(context, &referral, revision).await,
        ReferralCommand::Acknowledge {
            referral,
            revision,
            once,
        } => act!(
            context,
            once,
            acknowledge,
            AcknowledgeReferralRequest {
                name: name_of(&referral),
                revision: revision,
            }
        ),
        ReferralCommand::TakeUp {
            referral,
            note,
            reference,
            once,
        } => act!(
            context,
            once,
            take_up,
            TakeUpReferralRequest {
                name: name_of(&referral),
                note: note,
                addressee_reference: reference,
            }
        ),
        ReferralCommand::Decline {
            referral,
            reason,
            once,
        } => act!(
            context,
            once,
            decline,
            DeclineReferralRequest {
                name: name_of(&referral),
                reason: reason,
            }
        ),
        ReferralCommand::Return {
            referral,
            reason,
            competent,
            once,
        } => act!(
            context,
            once,
            return_to_sender,
            ReturnReferralRequest {
                name: name_of(&referral),
                reason: reason,
                competent_unit_hint: competent,
            }
        ),
        other => run_further(context, other).await,
    }
}

/// What comes after the answer, and what the sender does.
async fn run_further(context: &Context, command: ReferralCommand) -> Done {
    match command {
        ReferralCommand::Ask {
            referral,
            text,
            once,
        } => act!(
            context,
            once,
            ask,
            AskForInformationRequest {
                name: name_of(&referral),
                text: text_of(text)?,
            }
        ),
        ReferralCommand::Inform {
            referral,
            text,
            once,
        } => act!(
            context,
            once,
            inform,
            AddInformationRequest {
                name: name_of(&referral),
                text: text_of(text)?,
            }
        ),
        ReferralCommand::Result {
            referral,
            text,
            is_final,
            attach,
            once,
        } => {
            let client = context.client()?;
            let result = ReferralResult {
                text: text_of(text)?,
                is_final,
                attachments: attach::upload(context.out, &client, &attach).await?,
                ..ReferralResult::default()
            };
            act!(
                context,
                once,
                feed_back,
                FeedBackResultRequest {
                    name: name_of(&referral),
                    result: Some(result),
                }
            )
        }
        ReferralCommand::Correct(args) => correct(context, *args).await,
        other => end(context, other).await,
    }
}

/// How the sender ends it.
async fn end(context: &Context, command: ReferralCommand) -> Done {
    match command {
        ReferralCommand::Close {
            referral,
            note,
            once,
        } => act!(
            context,
            once,
            close,
            CloseReferralRequest {
                name: name_of(&referral),
                note: note,
            }
        ),
        ReferralCommand::Withdraw {
            referral,
            reason,
            once,
        } => act!(
            context,
            once,
            withdraw,
            WithdrawReferralRequest {
                name: name_of(&referral),
                reason: reason,
            }
        ),
        _ => Ok(()),
    }
}

/// Full name of a referral.
fn name_of(text: &str) -> String {
    resource("referrals", text)
}

fn organizations(texts: &[String]) -> Result<Vec<SubjectOrganization>, Failure> {
    let mut found = vec![];
    for text in texts {
        let (uscc, display_name) = subject_of(text)?;
        found.push(SubjectOrganization {
            uscc: uscc.to_owned(),
            display_name: display_name.to_owned(),
        });
    }
    Ok(found)
}

async fn send(context: &Context, args: SendArgs) -> Done {
    let client = context.client()?;
    let once = args.once;
    let referral = Referral {
        addressee: Units::fetch(&client).await?.named(&args.to)?,
        organizations: organizations(&args.organization)?,
        title: args.title,
        text: text_of(args.text)?,
        legal_basis: args.legal_basis,
        source_note: args.source,
        requested_action: args.asks,
        sender_reference: args.reference,
        attachments: attach::upload(context.out, &client, &args.attach).await?,
        ..Referral::default()
    };
    act!(
        context,
        once,
        send,
        SendReferralRequest {
            referral: Some(referral),
        }
    )
}

async fn correct(context: &Context, args: CorrectArgs) -> Done {
    let client = context.client()?;
    let name = name_of(&args.referral);
    let (once, reason) = (args.once, args.reason);
    let read = client.referrals().get(&name).await?;
    let revision = read.revision;
    let mut referral = as_written(read);
    if !args.organization.is_empty() {
        referral.organizations = organizations(&args.organization)?;
    }
    let text = text_of(args.text)?;
    for (field, given) in [
        (&mut referral.title, args.title),
        (
            &mut referral.text,
            Some(text).filter(|text| !text.is_empty()),
        ),
        (&mut referral.legal_basis, args.legal_basis),
        (&mut referral.source_note, args.source),
        (&mut referral.requested_action, args.asks),
    ] {
        if let Some(given) = given {
            *field = given;
        }
    }
    act!(
        context,
        once,
        correct,
        CorrectReferralRequest {
            name: name,
            revision: revision,
            referral: Some(referral),
            reason: reason,
        }
    )
}

async fn list(context: &Context, args: ListArgs) -> Done {
    let client = context.client()?;
    let mut request = ListReferralsRequest {
        direction: args
            .direction
            .map_or(0, |arg| ReferralDirection::from(arg).into()),
        awaiting: args
            .awaiting
            .map_or(0, |arg| ReferralAwaiting::from(arg).into()),
        state: args.state.map_or(0, |arg| ReferralState::from(arg).into()),
        organization: args.organization,
        page_size: args.page.page_size,
        page_token: args.page.page_token,
    };
    let mut referrals = vec![];
    loop {
        let page = client.referrals().list(&request).await?;
        referrals.extend(page.referrals);
        request.page_token = page.next_page_token;
        if !args.page.all || request.page_token.is_empty() {
            break;
        }
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = referrals.iter().map(form::referral).collect();
        return out.value(&json!({
            "referrals": values,
            "next_page_token": request.page_token,
        }));
    }
    if referrals.is_empty() {
        out.remark("no referrals", "没有移送事项");
        return Ok(());
    }
    let names = Names::fetch(&client).await;
    out.text(show::table(out, &referrals, &names))?;
    more(out, &request.page_token);
    Ok(())
}

async fn show(context: &Context, referral: &str, revision: i32) -> Done {
    let client = context.client()?;
    let name = name_of(referral);
    let referral = client.referrals().revision(&name, revision).await?;
    let out = context.out;
    if out.json {
        return out.value(&json!({ "referral": form::referral(&referral) }));
    }
    let names = Names::fetch(&client).await;
    let mut text = pairs(&show::rows(out, &referral, &names));
    if !referral.text.is_empty() {
        text.push_str(&format!("\n{}\n", many_lines(&referral.text)));
    }
    text.push_str(&show::history(out, &referral));
    out.text(text)
}

fn print(
    context: &Context,
    referral: Option<Referral>,
    receipt: Option<&Receipt>,
    id: &str,
) -> Done {
    let referral = referral.unwrap_or_default();
    let out = context.out;
    out.either(
        || json!({"referral": form::referral(&referral), "receipt": json::receipt(receipt)}),
        || {
            let mut rows = show::rows(out, &referral, &Names::default());
            rows.extend(act_rows(out, receipt, id));
            pairs(&rows)
        },
    )
}
