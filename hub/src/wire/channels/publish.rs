//! Publishing, correcting and retracting.

use std::sync::Arc;

use hub_core::{
    names::{NotificationName, Recipient, RequestId},
    reason::Reason,
};
use hub_proto::channels::{
    CorrectNotificationRequest, NotificationKind, PublishNotificationRequest,
    RetractNotificationRequest,
};

use super::lookup::{self, Found};
use crate::{
    authz::{Access, Permit},
    charter::{Action, Destination},
    domain::channels::{
        self, Predecessor, PublishItem, ReplyTo,
        asks::AskDraft,
        log,
        notification::{self, Checked},
    },
    engine::{Engine, recorded::Recorded},
    error::{Error, Result, Violation},
    wire::{Call, Services, parse},
};

impl Services {
    /// Publishes items, all or nothing. `paths` stand in front of each item's fields.
    pub(super) async fn publish(
        &self,
        call: Call,
        access: &Access,
        own_id: Option<&str>,
        requests: &[(String, &PublishNotificationRequest)],
    ) -> Result<Arc<Recorded>> {
        let mut items = Vec::with_capacity(requests.len());
        let mut violations: Vec<Violation> = vec![];
        let mut refused: Vec<Error> = vec![];
        let mut permit: Option<Permit> = None;
        for (path, request) in requests {
            match check_item(&self.engine, access, path, request) {
                Ok((granted, item)) => {
                    let first = permit.get_or_insert_with(|| granted.clone());
                    if first.role() != granted.role() {
                        violations.push(Violation {
                            field: format!("{path}notification"),
                            rule: format!(
                                "is published as {}, earlier ones as {}; send it in a batch of its own",
                                granted.role(),
                                first.role()
                            ),
                        });
                    }
                    items.push(item);
                }
                Err(error) if error.violations.is_empty() => refused.push(error),
                Err(error) => violations.extend(error.violations),
            }
        }
        let batch_id: Option<RequestId> = match own_id.map(str::parse).transpose() {
            Ok(id) => id,
            Err(rule) => {
                violations.push(Violation {
                    field: "request_id".into(),
                    rule: format!("{rule}"),
                });
                None
            }
        };
        refusal(refused, violations)?;
        let permit = permit.ok_or_else(|| Error::internal("nothing was permitted or refused"))?;
        let ids = batch_id
            .into_iter()
            .chain(items.iter().map(|item| item.request_id))
            .collect();
        let drafts = requests
            .iter()
            .filter_map(|(path, request)| Some((path.as_str(), request.notification.as_ref()?)));
        let pins = self.claim_attachments(access, drafts).await?;
        let entry = self
            .record(call, permit, ids, channels::Command::Publish(items))
            .await?;
        self.settle_attachments(access, pins).await;
        Ok(entry)
    }

    /// Corrects a notification of the caller's agency.
    pub(super) async fn correct(
        &self,
        call: Call,
        access: &Access,
        request: &CorrectNotificationRequest,
    ) -> Result<Arc<Recorded>> {
        let (found, destination) = self.own(access, &request.name)?;
        let checked = notification::check_correction(
            access.roster().charter(),
            self.engine.clock().now(),
            request,
            &found.notification.category,
            destination,
        )?;
        let item = item(&self.engine, access, "", checked)?;
        let drafts = request.notification.iter().map(|draft| ("", draft));
        let pins = self.claim_attachments(access, drafts).await?;
        let entry = self
            .supersede(call, access, &found, NotificationKind::Correction, item)
            .await?;
        self.settle_attachments(access, pins).await;
        Ok(entry)
    }

    /// Takes back a notification of the caller's agency.
    pub(super) async fn retract(
        &self,
        call: Call,
        access: &Access,
        request: &RetractNotificationRequest,
    ) -> Result<Arc<Recorded>> {
        let (found, destination) = self.own(access, &request.name)?;
        notification::check_reason(&request.reason)?;
        let item = PublishItem {
            path: String::new(),
            request_id: parse("request_id", &request.request_id)?,
            category: found.notification.category.clone(),
            destination,
            ask: AskDraft::default(),
            reply_to: None,
            attachments: vec![],
        };
        self.supersede(call, access, &found, NotificationKind::Retraction, item)
            .await
    }

    /// A notification that the caller's agency published and that can have a successor, and where it
    /// went.
    fn own(&self, access: &Access, name: &str) -> Result<(Found, Destination)> {
        let parsed: NotificationName = parse("name", name)?;
        let found = lookup::find(&self.engine, access, &parsed)?;
        if found.entry.author() != access.agency().as_str() {
            return Err(Error::new(
                Reason::PermissionDenied,
                format!(
                    "name: {parsed} is not of agencies/{}; only its author's agency may correct or retract it",
                    access.agency()
                ),
            ));
        }
        if log::is_issued(found.place.item) {
            let rule = "was written by the hub as part of another act, whose record it is";
            return Err(Error::field("name", rule));
        }
        if found.notification.kind() == NotificationKind::Retraction {
            let rule = "is a retraction, which stands for good; publish a new notification instead";
            return Err(Error::field("name", rule));
        }
        let destination = match parsed {
            NotificationName::InChannel(channel, _) => Destination::Channel(channel),
            NotificationName::Addressed(..) => {
                Destination::Recipients(lookup::parsed(&found.notification.addressees))
            }
        };
        Ok((found, destination))
    }

    async fn supersede(
        &self,
        call: Call,
        access: &Access,
        found: &Found,
        kind: NotificationKind,
        item: PublishItem,
    ) -> Result<Arc<Recorded>> {
        let charter = access.roster().charter();
        // What the charter no longer lets anybody say can still be taken back.
        let category = charter.category(&item.category);
        let role = &found.notification.author_role;
        let permit = access.supersede(category, &item.destination, role)?;
        let predecessor = Predecessor {
            place: found.place,
            name: found.notification.name.clone(),
            kind,
            got_by: found.got(),
        };
        let ids = vec![item.request_id];
        let command = channels::Command::Supersede(Box::new(predecessor), Box::new(item));
        self.record(call, permit, ids, command).await
    }
}

/// What the domain needs to know of a checked draft.
fn item(engine: &Engine, access: &Access, path: &str, checked: Checked<'_>) -> Result<PublishItem> {
    let reply_to = match &checked.in_reply_to {
        Some(name) => Some(reply_to(engine, access, path, name, &checked.destination)?),
        None => None,
    };
    Ok(PublishItem {
        path: path.to_owned(),
        request_id: checked.request_id,
        category: checked.category.id().to_string(),
        destination: checked.destination,
        ask: checked.ask,
        reply_to,
        attachments: checked.attachments,
    })
}

/// What a notification answers, and for which of its recipients: for none when it does not reach the
/// author of that one, who is still owed an answer then.
fn reply_to(
    engine: &Engine,
    access: &Access,
    path: &str,
    name: &NotificationName,
    destination: &Destination,
) -> Result<ReplyTo> {
    let found = lookup::find(engine, access, name).map_err(|error| match error.reason {
        Reason::NotFound => Error::field(
            format!("{path}notification.in_reply_to"),
            format!("must be a notification that you can see; {name} is none"),
        ),
        _ => error,
    })?;
    let is_ours = |recipient: &Recipient| match recipient {
        Recipient::Agency(agency) => {
            agency == access.agency() && access.is_granted(Action::InboxRead)
        }
        Recipient::Office(mechanism) => {
            access
                .roster()
                .offices_of(access.agency())
                .contains(mechanism)
                && access.is_granted(Action::OfficeInboxRead)
        }
    };
    let mut replies_for = found.recipients(access.roster());
    replies_for.retain(is_ours);
    if !reaches(access, destination, found.entry.author()) {
        replies_for.clear();
    }
    Ok(ReplyTo {
        place: found.place,
        replies_for,
    })
}

/// Whether what goes somewhere today comes to an agency: as an addressee, as the host of an office
/// that is one, or as a reader of the channel.
fn reaches(access: &Access, destination: &Destination, agency: &str) -> bool {
    let roster = access.roster();
    let is_it = |recipient: &Recipient| match recipient {
        Recipient::Agency(one) => one.as_str() == agency,
        Recipient::Office(mechanism) => roster
            .charter()
            .mechanism(mechanism)
            .is_some_and(|mechanism| mechanism.office().host.as_str() == agency),
    };
    match destination {
        Destination::Channel(channel) => roster
            .audience(channel, access.day())
            .iter()
            .any(|one| one.as_str() == agency),
        Destination::Recipients(list) => list.iter().any(is_it),
    }
}

/// One item: every rule that needs no state, then whether the caller may. What is no field's fault
/// names the item too.
fn check_item(
    engine: &Engine,
    access: &Access,
    path: &str,
    request: &PublishNotificationRequest,
) -> Result<(Permit, PublishItem)> {
    let check = || {
        let charter = access.roster().charter();
        let checked = notification::check(charter, engine.clock().now(), path, request)?;
        let permit = access.publish(checked.category, &checked.destination)?;
        Ok((permit, item(engine, access, path, checked)?))
    };
    check().map_err(|mut error: Error| {
        if error.violations.is_empty() && !path.is_empty() {
            let item = path.trim_end_matches('.');
            error.message = match error.message.strip_prefix("notification.") {
                Some(rest) => format!("{path}notification.{rest}"),
                None => format!("{item}: {}", error.message),
            };
        }
        error
    })
}

/// What a publish is refused for, if for anything: a secret before all else, then broken
/// fields, then what is not permitted; every item that is at fault in the same way is named.
fn refusal(refused: Vec<Error>, violations: Vec<Violation>) -> Result<()> {
    let secret = |error: &&Error| error.reason == Reason::ClassificationRefused;
    let first = match refused.iter().find(secret) {
        Some(secret) => secret,
        None if !violations.is_empty() => return Err(Error::fields(violations)),
        None => match refused.first() {
            Some(first) => first,
            None => return Ok(()),
        },
    };
    let alike = refused.iter().filter(|one| one.reason == first.reason);
    let messages: Vec<&str> = alike.map(|one| one.message.as_str()).collect();
    Err(Error {
        message: messages.join("; "),
        ..first.clone()
    })
}
