//! Notifications: what a draft must be, and how a recorded one is read back from its entry.

use std::sync::Arc;

use bytes::Bytes;
use hub_core::{
    crypto::Digest,
    document_number::DocumentNumber,
    names::{ChannelId, LogName, NotificationName, Recipient, RequestId},
    reason::Reason,
    uscc,
};
use hub_proto::{
    channels::{
        BatchPublishNotificationsRequest, Classification, CorrectNotificationRequest, LogPosition,
        Notification, NotificationKind, NotificationPublished, NotificationState,
        PublishNotificationRequest, RetractNotificationRequest, channels_event,
    },
    ledger::{EntryContent, EntryHeader, Event, event},
};
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;

use super::{asks::AskDraft, attachment, log::issued_item};
use crate::{
    charter::{Category, Charter, Destination},
    error::{Error, Result, Violation},
};

/// Most named addressees.
pub const ADDRESSEES_MAX: usize = 32;
/// Longest title in characters.
pub const TITLE_CHARACTERS_MAX: usize = 200;
/// Largest body in bytes (256 KiB).
pub const BODY_BYTES_MAX: usize = 262_144;
/// Longest media type in characters.
pub const MEDIA_TYPE_CHARACTERS_MAX: usize = 127;
/// Most organisations that a notification is about.
pub const SUBJECTS_MAX: usize = 50;
/// Most legal bases.
pub const LEGAL_BASES_MAX: usize = 20;
/// Longest legal basis or remedy in characters.
pub const TEXT_CHARACTERS_MAX: usize = 500;
/// How far ahead something can be asked (ten years).
const DUE_AFTER_MAX: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);
/// Most items of a batch.
pub const BATCH_ITEMS_MAX: usize = 256;

/// A draft that keeps every rule, and where it goes.
#[derive(Debug, Clone)]
pub struct Checked<'a> {
    /// Its category.
    pub category: &'a Category,
    /// Where it goes.
    pub destination: Destination,
    /// The author's id for it.
    pub request_id: RequestId,
    /// By when it asks for signatures and replies.
    pub ask: AskDraft,
    /// The notification that it answers.
    pub in_reply_to: Option<NotificationName>,
    /// SHA-256 of each attachment.
    pub attachments: Vec<Digest>,
}

/// Checks a draft against every rule that needs no state. All broken rules are told at once.
///
/// # Errors
/// [`Reason::ClassificationRefused`] for a secret, before anything else is looked at;
/// otherwise the fields that break a rule, with `path` in front of each.
pub fn check<'a>(
    charter: &'a Charter,
    now: Timestamp,
    path: &str,
    request: &PublishNotificationRequest,
) -> Result<Checked<'a>> {
    let draft = request.notification.as_ref();
    checked(charter, now, path, draft, &request.request_id, None)
}

/// Checks the draft of a correction, which keeps the category of what it corrects and goes where
/// that went.
///
/// # Errors
/// As [`check`].
pub fn check_correction<'a>(
    charter: &'a Charter,
    now: Timestamp,
    request: &CorrectNotificationRequest,
    category: &str,
    destination: Destination,
) -> Result<Checked<'a>> {
    let draft = request.notification.as_ref();
    let inherited = Some((category, destination));
    let checked = checked(charter, now, "", draft, &request.request_id, inherited)?;
    check_reason(&request.reason)?;
    Ok(checked)
}

/// Checks why something is corrected or retracted.
///
/// # Errors
/// When it is empty, too long or more than a line.
pub fn check_reason(reason: &str) -> Result<()> {
    if is_line(reason, TITLE_CHARACTERS_MAX) && !reason.trim().is_empty() {
        return Ok(());
    }
    Err(Error::field(
        "reason",
        "must say why in 1 to 200 characters on one line",
    ))
}

fn checked<'a>(
    charter: &'a Charter,
    now: Timestamp,
    path: &str,
    draft: Option<&Notification>,
    request_id: &str,
    inherited: Option<(&str, Destination)>,
) -> Result<Checked<'a>> {
    let mut rules = Rules {
        path,
        violations: vec![],
    };
    let Some(draft) = draft else {
        return Err(Error::field(format!("{path}notification"), "must be set"));
    };
    check_classification(&mut rules, draft)?;
    check_texts(&mut rules, draft);
    check_subjects(&mut rules, draft);
    check_output_only(&mut rules, draft);
    let ask = AskDraft {
        sign_by_at: due(&mut rules, "sign_by_at", draft.sign_by_at.as_ref(), now),
        reply_by_at: due(&mut rules, "reply_by_at", draft.reply_by_at.as_ref(), now),
    };
    let in_reply_to = reply(&mut rules, draft);
    let attachments = attachment::check(&mut rules, &draft.attachments);
    let request_id = rules.parsed("request_id", request_id.parse());
    let category = charter.category(&draft.category);
    if category.is_none() {
        rules.broken("notification.category", category_rule(charter, path));
    }
    if let Some(category) = category.filter(|category| category.is_decision()) {
        check_decision(&mut rules, draft, category);
    }
    let destination = match inherited {
        None => category.and_then(|category| destination(&mut rules, charter, draft, category)),
        Some((category, destination)) => {
            check_inherited(&mut rules, draft, category);
            Some(destination)
        }
    };
    match (category, destination, request_id) {
        (Some(category), Some(destination), Some(request_id)) if rules.violations.is_empty() => {
            Ok(Checked {
                category,
                destination,
                request_id,
                ask,
                in_reply_to,
                attachments,
            })
        }
        _ => Err(Error::fields(rules.violations)),
    }
}

/// A correction goes to everyone who got what it corrects, and to nobody else.
fn check_inherited(rules: &mut Rules<'_>, draft: &Notification, category: &str) {
    rules.require(
        draft.category == category,
        "notification.category",
        format!("must be {category}, the category of what is corrected"),
    );
    let rule = "must be empty: a correction goes to everyone who got what it corrects";
    rules.require(draft.channel.is_empty(), "notification.channel", rule);
    rules.require(draft.addressees.is_empty(), "notification.addressees", rule);
}

/// A time by which something is asked. That it has not passed yet is checked when it is recorded: a
/// replay of what was in time is answered as the first call was.
fn due(
    rules: &mut Rules<'_>,
    field: &str,
    at: Option<&prost_types::Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let field = format!("notification.{field}");
    let Some(due_at) = hub_core::date::from_timestamp(at?) else {
        rules.broken(&field, "must be an instant between the years 1 and 9999");
        return None;
    };
    let latest = now.saturating_add(DUE_AFTER_MAX).unwrap_or(Timestamp::MAX);
    rules.require(due_at <= latest, &field, "must be at most ten years ahead");
    Some(due_at)
}

fn reply(rules: &mut Rules<'_>, draft: &Notification) -> Option<NotificationName> {
    match draft.in_reply_to.as_str() {
        "" => None,
        name => rules.parsed("notification.in_reply_to", name.parse()),
    }
}

/// The categories there are; not for each item of a batch, whose answer has to fit.
fn category_rule(charter: &Charter, path: &str) -> String {
    const RULE: &str = "must be a category of the charter";
    if !path.is_empty() {
        return RULE.into();
    }
    let known = charter
        .categories()
        .iter()
        .map(|category| category.id().as_str());
    format!("{RULE}: {}", known.collect::<Vec<_>>().join(", "))
}

pub(super) struct Rules<'a> {
    path: &'a str,
    violations: Vec<Violation>,
}

impl Rules<'_> {
    pub(super) fn broken(&mut self, field: &str, rule: impl Into<String>) {
        let field = format!("{}{field}", self.path);
        self.violations.push(Violation {
            field,
            rule: rule.into(),
        });
    }

    pub(super) fn require(&mut self, is_kept: bool, field: &str, rule: impl Into<String>) {
        if !is_kept {
            self.broken(field, rule);
        }
    }

    fn parsed<T, E: ToString>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| self.broken(field, error.to_string()))
            .ok()
    }
}

fn check_classification(rules: &mut Rules<'_>, draft: &Notification) -> Result<()> {
    match draft.classification() {
        Classification::WorkSecret | Classification::StateSecret => Err(Error::new(
            Reason::ClassificationRefused,
            "notification.classification: work secrets and state secrets must not enter the hub \
             (X-005); nothing was stored; send it through the channel that its classification demands",
        )),
        Classification::Unspecified => {
            rules.broken(
                "notification.classification",
                "must be CLASSIFICATION_PUBLIC or CLASSIFICATION_INTERNAL; it is never assumed",
            );
            Ok(())
        }
        Classification::Public | Classification::Internal => Ok(()),
    }
}

fn check_texts(rules: &mut Rules<'_>, draft: &Notification) {
    let is_title = is_line(&draft.title, TITLE_CHARACTERS_MAX) && !draft.title.trim().is_empty();
    rules.require(
        is_title,
        "notification.title",
        "must be 1 to 200 characters on one line",
    );
    rules.require(
        draft.body.len() <= BODY_BYTES_MAX,
        "notification.body",
        format!("must be at most {BODY_BYTES_MAX} bytes; split a larger document, or send where it can be had"),
    );
    rules.require(
        is_media_type(&draft.media_type),
        "notification.media_type",
        "must be a media type such as text/plain; charset=utf-8, at most 127 characters",
    );
    if !draft.document_number.is_empty() {
        rules.parsed(
            "notification.document_number",
            draft.document_number.parse::<DocumentNumber>(),
        );
    }
    rules.require(
        draft.legal_bases.len() <= LEGAL_BASES_MAX,
        "notification.legal_bases",
        format!("must be at most {LEGAL_BASES_MAX}"),
    );
    for (number, basis) in draft.legal_bases.iter().enumerate() {
        rules.require(
            is_text(basis) && !basis.trim().is_empty(),
            &format!("notification.legal_bases[{number}]"),
            format!("must be 1 to {TEXT_CHARACTERS_MAX} characters"),
        );
    }
    rules.require(
        is_text(&draft.remedy),
        "notification.remedy",
        format!("must be at most {TEXT_CHARACTERS_MAX} characters"),
    );
    if let Some(on) = &draft.occurred_on {
        rules.require(
            hub_core::date::from_wire(on).is_some(),
            "notification.occurred_on",
            "must be a day of the calendar",
        );
    }
}

fn check_subjects(rules: &mut Rules<'_>, draft: &Notification) {
    rules.require(
        draft.subjects.len() <= SUBJECTS_MAX,
        "notification.subjects",
        format!("must be at most {SUBJECTS_MAX}"),
    );
    for (number, subject) in draft.subjects.iter().take(SUBJECTS_MAX).enumerate() {
        let field = format!("notification.subjects[{number}].uscc");
        if let Some(code) = rules.parsed(&field, subject.uscc.parse::<uscc::Uscc>()) {
            rules.require(
                code.inner_check_is_valid(),
                &field,
                "the organisation code's own check character, position 17, does not match (GB 11714)",
            );
        }
        rules.require(
            is_line(&subject.display_name, TITLE_CHARACTERS_MAX)
                && !subject.display_name.trim().is_empty(),
            &format!("notification.subjects[{number}].display_name"),
            "must be 1 to 200 characters on one line",
        );
    }
}

fn check_output_only(rules: &mut Rules<'_>, draft: &Notification) {
    let filled = [
        ("notification.name", draft.name.is_empty()),
        ("notification.author", draft.author.is_empty()),
        (
            "notification.author_officer",
            draft.author_officer.is_empty(),
        ),
        ("notification.author_role", draft.author_role.is_empty()),
        ("notification.request_id", draft.request_id.is_empty()),
        ("notification.published_at", draft.published_at.is_none()),
        ("notification.state", draft.state == 0),
        ("notification.kind", draft.kind == 0),
        ("notification.about", draft.about.is_empty()),
        ("notification.reason", draft.reason.is_empty()),
        ("notification.superseded_by", draft.superseded_by.is_empty()),
        ("notification.is_sealed", !draft.is_sealed),
        ("notification.resource", draft.resource.is_empty()),
    ];
    for (field, is_empty) in filled {
        rules.require(is_empty, field, "is output only and must be empty");
    }
}

/// JE-041: a decision notice carries its legal basis and the remedy open to the organisation.
fn check_decision(rules: &mut Rules<'_>, draft: &Notification, category: &Category) {
    let sources = category.sources().join(", ");
    rules.require(
        !draft.legal_bases.is_empty(),
        "notification.legal_bases",
        format!("a decision notice must carry its legal basis ({sources})"),
    );
    rules.require(
        !draft.remedy.trim().is_empty(),
        "notification.remedy",
        format!("a decision notice must carry the remedy open to the organisation ({sources})"),
    );
    rules.require(
        !draft.subjects.is_empty(),
        "notification.subjects",
        format!("a decision notice must name the organisation ({sources})"),
    );
}

fn destination(
    rules: &mut Rules<'_>,
    charter: &Charter,
    draft: &Notification,
    category: &Category,
) -> Option<Destination> {
    if draft.addressees.len() > ADDRESSEES_MAX {
        rules.broken(
            "notification.addressees",
            format!("must be at most {ADDRESSEES_MAX}"),
        );
        return None;
    }
    let channel = match draft.channel.as_str() {
        "" => None,
        text => {
            let id: Option<ChannelId> = text
                .strip_prefix("channels/")
                .and_then(|id| id.parse().ok());
            if id.is_none() {
                rules.broken("notification.channel", "must be channels/{channel}");
                return None;
            }
            id
        }
    };
    let mut addressees: Vec<Recipient> = Vec::with_capacity(draft.addressees.len());
    for (number, text) in draft.addressees.iter().enumerate() {
        let field = format!("notification.addressees[{number}]");
        let recipient = rules.parsed(&field, text.parse::<Recipient>())?;
        let is_known = match &recipient {
            Recipient::Agency(agency) => charter.agency(agency).is_some(),
            Recipient::Office(mechanism) => charter.mechanism(mechanism).is_some(),
        };
        rules.require(
            is_known,
            &field,
            "must be an agency or an office of the charter",
        );
        rules.require(
            !addressees.contains(&recipient),
            &field,
            "must not be named twice",
        );
        addressees.push(recipient);
    }
    let route = category.route().resolve(channel.as_ref(), &addressees);
    let field = if channel.is_some() {
        "notification.channel"
    } else {
        "notification.addressees"
    };
    rules.parsed(field, route)
}

pub(super) fn is_line(text: &str, characters_max: usize) -> bool {
    text.chars().count() <= characters_max && !text.chars().any(char::is_control)
}

fn is_text(text: &str) -> bool {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().count() <= TEXT_CHARACTERS_MAX && text.chars().all(is_plain)
}

/// `type/subtype` with optional parameters, printable ASCII (RFC 9110 section 8.3.1).
pub(super) fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.len() <= MEDIA_TYPE_CHARACTERS_MAX
        && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && essence
            .split_once('/')
            .is_some_and(|(kind, sub)| is_token(kind) && is_token(sub))
}

/// Every notification that an entry published, with its item number, as readers see it.
#[must_use]
pub fn all(
    header: &EntryHeader,
    content: &EntryContent,
    events: &[Event],
) -> Vec<(u32, Arc<Notification>)> {
    let mut drafts = drafts(header, content);
    let published = |item: u32| Some(std::mem::take(drafts.get_mut(usize::try_from(item).ok()?)?));
    let issued = |bytes: &Bytes| Notification::decode(bytes.clone()).ok();
    read(header, events, published, issued)
}

/// What is left of the notifications of a sealed entry, with their item numbers: who told whom, when
/// under which id and category, from header and events. Everything else is empty.
#[must_use]
pub fn tombstones(header: &EntryHeader, events: &[Event]) -> Vec<(u32, Arc<Notification>)> {
    let empty = || {
        Some(Notification {
            is_sealed: true,
            ..Notification::default()
        })
    };
    read(header, events, |_| empty(), |_| empty())
}

fn read(
    header: &EntryHeader,
    events: &[Event],
    mut published: impl FnMut(u32) -> Option<Notification>,
    issued: impl Fn(&Bytes) -> Option<Notification>,
) -> Vec<(u32, Arc<Notification>)> {
    events
        .iter()
        .filter_map(|event| match &event.kind {
            Some(event::Kind::Channels(event)) => event.kind.as_ref(),
            _ => None,
        })
        .filter_map(|event| match event {
            channels_event::Kind::NotificationPublished(event) => {
                let draft = published(event.item)?;
                Some((event.item, Arc::new(seen(header, draft, event))))
            }
            channels_event::Kind::NotificationIssued(event) => {
                let draft = issued(&event.notification)?;
                let item = issued_item(event.number);
                let event = NotificationPublished {
                    item,
                    request_id: event.request_id.clone(),
                    positions: event.positions.clone(),
                    recipients: event.recipients.clone(),
                    category: draft.category.clone(),
                    ..NotificationPublished::default()
                };
                Some((item, Arc::new(seen(header, draft, &event))))
            }
            _ => None,
        })
        .collect()
}

fn drafts(header: &EntryHeader, content: &EntryContent) -> Vec<Notification> {
    let request = &content.request;
    match header.method.rsplit('/').next() {
        Some("PublishNotification") => PublishNotificationRequest::decode(request.clone())
            .ok()
            .and_then(|request| request.notification)
            .into_iter()
            .collect(),
        Some("BatchPublishNotifications") => {
            BatchPublishNotificationsRequest::decode(request.clone())
                .map(|batch| batch.requests)
                .unwrap_or_default()
                .into_iter()
                .map(|request| request.notification.unwrap_or_default())
                .collect()
        }
        Some("CorrectNotification") => CorrectNotificationRequest::decode(request.clone())
            .ok()
            .and_then(|request| {
                Some(Notification {
                    reason: request.reason,
                    ..request.notification?
                })
            })
            .into_iter()
            .collect(),
        Some("RetractNotification") => RetractNotificationRequest::decode(request.clone())
            .map(|request| Notification {
                title: request.reason.clone(),
                reason: request.reason,
                media_type: "text/plain; charset=utf-8".into(),
                classification: Classification::Internal.into(),
                ..Notification::default()
            })
            .into_iter()
            .collect(),
        _ => vec![],
    }
}

/// The resource name of a notification of an agency, from its positions and its author's id.
#[must_use]
pub fn name(author: &str, positions: &[LogPosition], request_id: &[u8]) -> String {
    let in_channel = positions
        .iter()
        .find_map(|position| match position.log.parse() {
            Ok(LogName::Channel(channel)) => {
                Some(NotificationName::InChannel(channel, position.position).to_string())
            }
            _ => None,
        });
    in_channel.unwrap_or_else(|| format!("agencies/{author}/notifications/{}", id_text(request_id)))
}

fn id_text(request_id: &[u8]) -> String {
    <[u8; 16]>::try_from(request_id)
        .ok()
        .and_then(RequestId::from_bytes)
        .map(|id| id.to_string())
        .unwrap_or_default()
}

/// Fills in what only the hub knows.
fn seen(
    header: &EntryHeader,
    mut draft: Notification,
    event: &NotificationPublished,
) -> Notification {
    let (agency, officer, role) = match &header.author {
        Some(author) => (&*author.agency, &*author.officer, &*author.role),
        None => ("", "", ""),
    };
    draft.request_id = id_text(&event.request_id);
    draft.name = name(agency, &event.positions, &event.request_id);
    draft.addressees.clone_from(&event.recipients);
    if event.recipients.is_empty() {
        let channel = event
            .positions
            .iter()
            .find(|position| position.log.starts_with("channels/"));
        draft.channel = channel
            .map(|position| position.log.clone())
            .unwrap_or_default();
    }
    if draft.category.is_empty() {
        draft.category.clone_from(&event.category);
    }
    if let Some(succession) = &event.succession {
        draft.kind = succession.kind;
        draft.about.clone_from(&succession.predecessor_name);
    } else if draft.kind == 0 {
        draft.kind = NotificationKind::Original.into();
    }
    draft.state = NotificationState::Current.into();
    draft.author = format!("agencies/{agency}");
    draft.author_officer = officer.to_owned();
    draft.author_role = role.to_owned();
    let published_at =
        Timestamp::from_microsecond(header.recorded_at_us).unwrap_or(Timestamp::UNIX_EPOCH);
    draft.published_at = Some(hub_core::date::timestamp(published_at));
    draft
}
