//! Sealing: what retention erases, and what stays in its place.
//!
//! The order to seal is a fact like any other: an entry of the hub's own, durable before a byte is
//! erased. What stays of a sealed entry is its header and a residue: the events, from which state is
//! replayed, and the request ids, by which a repeated call is known. The text is in neither.

use bytes::Bytes;
use hub_core::reason::Reason;
use hub_proto::{
    channels::channels_event,
    ledger::{ContentsSealed, EntryContent, EntryHeader, Event, EventList, event},
    referrals::referrals_event,
};
use jiff::Timestamp;
use prost::Message as _;

use super::{
    Context, Decision, EntryMeta,
    channels::{asks, attachment},
    funds, request_ids,
};
use crate::{
    authz::Permit,
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, View as _},
    },
};

/// Under which the order is recorded.
pub const METHOD: &str = "/hub.system.v1/SealContents";

/// Methods of the hub's own acts begin with this; no call can bear such a name.
const HUB_METHODS: &str = "/hub.system.v1/";

/// Most entries of one order.
pub const ENTRIES_MAX: usize = 4_096;

/// Calls that publish notifications, whose text is in the request.
const PUBLISHING: &[&str] = &[
    "/hub.channels.v1.ChannelService/PublishNotification",
    "/hub.channels.v1.ChannelService/BatchPublishNotifications",
    "/hub.channels.v1.ChannelService/CorrectNotification",
    "/hub.channels.v1.ChannelService/RetractNotification",
];

/// Acts on referrals, whose texts are in their requests.
const OF_REFERRALS: &str = "/hub.referrals.v1.ReferralService/";

/// To erase the contents of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Indexes of the entries.
    pub entries: Vec<u64>,
    /// The rule of the charter that demands it.
    pub rule: String,
    /// What was recorded before this instant was due.
    pub cutoff: Timestamp,
}

/// Decides an order. Entries that are ordered already are passed over; when all are, the answer is the
/// order of the first.
pub(super) fn decide(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Command,
) -> Result<Decision> {
    if !permit.is_hub() {
        let message = "only the hub itself seals contents, when their period is over";
        return Err(Error::new(Reason::PermissionDenied, message));
    }
    let mut entries = command.entries.clone();
    entries.sort_unstable();
    entries.dedup();
    if entries.is_empty() || entries.len() > ENTRIES_MAX {
        let rule = format!("must be 1 to {ENTRIES_MAX} entries");
        return Err(Error::field("entries", rule));
    }
    if let Some(beyond) = entries.iter().find(|index| **index >= context.index) {
        let rule = format!("entry {beyond} is not on the ledger yet");
        return Err(Error::field("entries", rule));
    }
    let mut ordered_by = None;
    let mut due = Vec::with_capacity(entries.len());
    for &index in &entries {
        match order_of(view.row(&keys::sealed(index))?)? {
            Some(order) => ordered_by = ordered_by.or(Some(order)),
            None => {
                funds::sealed::check(view, index, command.cutoff, &entries)?;
                due.push(index);
            }
        }
    }
    match ordered_by {
        Some(order) if due.is_empty() => Ok(Decision::Already(order)),
        _ => Ok(Decision::Record(vec![Event {
            kind: Some(event::Kind::ContentsSealed(ContentsSealed {
                entry_indexes: due,
                rule: command.rule.clone(),
                cutoff_us: command.cutoff.as_microsecond(),
            })),
        }])),
    }
}

/// Remembers an order: by entry, that reads and replays know; by order, that an erasure which a crash
/// cut short is found again without a search. What is sealed asks nothing any more, and holds no
/// attachment; an alert that is sealed says no more whom it was about.
///
/// Invariant: rows that were made from what a residue lacks go here, with the order. The ledger is
/// replayed from residues afterwards, and must give the same state.
pub(super) fn apply(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &ContentsSealed,
) -> Result<()> {
    let order = Bytes::copy_from_slice(&entry.index.to_be_bytes());
    for index in &event.entry_indexes {
        rows.put(keys::sealed(*index), order.clone());
        asks::withdraw_all(rows, *index)?;
        attachment::forget(rows, *index)?;
        funds::sealed::apply(rows, *index)?;
        rows.remove(keys::ended_referrals().number(*index).build());
    }
    let count = u64::try_from(event.entry_indexes.len()).unwrap_or(u64::MAX);
    rows.put(keys::seal_order(entry.index), count.to_be_bytes().to_vec());
    Ok(())
}

/// The order's index in a row of [`keys::sealed`].
///
/// # Errors
/// When the row is damaged.
pub fn order_of(row: Option<Bytes>) -> Result<Option<u64>> {
    let read = |row: Bytes| <[u8; 8]>::try_from(&*row).map(u64::from_be_bytes);
    row.map(read)
        .transpose()
        .map_err(|_| Error::internal("a row of a sealing is damaged"))
}

/// The entries that events order to be sealed.
pub fn ordered(events: &[Event]) -> impl Iterator<Item = u64> + '_ {
    events
        .iter()
        .filter_map(|event| match &event.kind {
            Some(event::Kind::ContentsSealed(event)) => Some(&event.entry_indexes),
            _ => None,
        })
        .flatten()
        .copied()
}

/// Whether an entry has texts that retention may erase: calls that publish, acts on fund alerts and on
/// referrals, and notices of the hub's own. What other entries say, such as who is whose liaison, is not for
/// a time.
#[must_use]
pub fn is_sealable(header: &EntryHeader, events: &[Event]) -> bool {
    let is_hub = header.method.starts_with(HUB_METHODS);
    PUBLISHING.contains(&header.method.as_str())
        || header.method.starts_with(OF_REFERRALS)
        || (is_hub && events.iter().any(is_issued))
        || funds::sealed::is_entry_of_alert(&header.method, events)
}

fn channels_event(event: &Event) -> Option<&channels_event::Kind> {
    match &event.kind {
        Some(event::Kind::Channels(event)) => event.kind.as_ref(),
        _ => None,
    }
}

fn is_issued(event: &Event) -> bool {
    matches!(
        channels_event(event),
        Some(channels_event::Kind::NotificationIssued(_))
    )
}

/// Whether an event says something that goes with the text: the text of a notice of the hub's own, or
/// the hashes of attachments or of an organisation, which would confirm a guess.
fn is_telling(event: &Event) -> bool {
    is_issued(event)
        || funds::sealed::is_telling(event)
        || matches!(
            channels_event(event),
            Some(channels_event::Kind::NotificationPublished(event)) if !event.attachments.is_empty()
        )
        || referral_files(&mut event.clone()).is_some_and(|files| !files.is_empty())
}

/// The hashes of attachments in an event of a referral.
fn referral_files(event: &mut Event) -> Option<&mut Vec<Bytes>> {
    let Some(event::Kind::Referrals(event)) = &mut event.kind else {
        return None;
    };
    match &mut event.kind {
        Some(referrals_event::Kind::ReferralSent(event)) => Some(&mut event.attachments),
        Some(referrals_event::Kind::ReferralCorrected(event)) => Some(&mut event.attachments),
        Some(referrals_event::Kind::ResultFedBack(event)) => Some(&mut event.attachments),
        _ => None,
    }
}

/// What stays of an entry's content once the entry `order` has ordered it: an encoded
/// [`EntryContent`] without salt and request of the author. Text inside events is taken out, and then
/// their salt too, so that the header's hash does not betray a text that can be guessed; else they stay
/// as they are and can be verified as ever.
#[must_use]
pub fn residue(
    header: &EntryHeader,
    content: &EntryContent,
    events: &[Event],
    order: u64,
) -> Bytes {
    let (event_salt, events) = if events.iter().any(is_telling) {
        let events = events.iter().map(without_text).collect();
        (Bytes::new(), EventList { events }.encode_to_vec().into())
    } else {
        (content.event_salt.clone(), content.events.clone())
    };
    let ids = request_ids::of(&header.method, &content.request);
    let residue = EntryContent {
        event_salt,
        events,
        request_ids: ids
            .iter()
            .map(|id| Bytes::copy_from_slice(id.as_bytes()))
            .collect(),
        sealed_by: order.saturating_add(1),
        ..EntryContent::default()
    };
    residue.encode_to_vec().into()
}

/// The number of attachments stays, each as nothing.
fn without_text(event: &Event) -> Event {
    let mut event = event.clone();
    if let Some(raised) = funds::sealed::telling(&mut event) {
        raised.organization_sha256 = Bytes::new();
    }
    if let Some(files) = referral_files(&mut event) {
        files.fill(Bytes::new());
    }
    if let Some(event::Kind::Channels(event)) = &mut event.kind {
        match &mut event.kind {
            Some(channels_event::Kind::NotificationIssued(issued)) => {
                issued.notification = Bytes::new();
            }
            Some(channels_event::Kind::NotificationPublished(published)) => {
                published.attachments.fill(Bytes::new());
            }
            _ => {}
        }
    }
    event
}

/// What is wrong with a residue.
#[must_use]
pub fn contradictions(content: &EntryContent, events: &[Event]) -> Vec<&'static str> {
    let is_redacted = events.iter().any(is_telling);
    let rules = [
        (
            content.author_salt.is_empty() && content.request.is_empty(),
            "it is sealed, but its request or the salt of its commitment is still there",
        ),
        (
            content.sealed_by > 0,
            "it is sealed, but does not say which entry ordered it",
        ),
        (
            content.request_ids.iter().all(|id| id.len() == 16),
            "it is sealed, and a request id that stayed is not 16 bytes",
        ),
        (
            content.event_salt.is_empty() == is_redacted,
            "it is sealed, and the salt of its events went or stayed against the rule",
        ),
        (
            events.iter().all(|event| without_text(event) == *event),
            "it is sealed, but the text of a notification is still in its events",
        ),
    ];
    let broken = rules.into_iter().filter(|(is_kept, _)| !is_kept);
    broken.map(|(_, what)| what).collect()
}

#[cfg(test)]
mod tests {
    use hub_proto::channels::{
        NotificationIssued, NotificationPublished, PublishNotificationRequest,
    };

    use super::*;
    use crate::domain;

    const ID: &str = "0190a5c0-0000-7000-8000-000000000001";

    fn content(events: &[Event]) -> EntryContent {
        let request = PublishNotificationRequest {
            request_id: ID.into(),
            ..PublishNotificationRequest::default()
        };
        let events = EventList {
            events: events.to_vec(),
        };
        EntryContent {
            author_salt: vec![1; 16].into(),
            request: request.encode_to_vec().into(),
            event_salt: vec![2; 16].into(),
            events: events.encode_to_vec().into(),
            ..EntryContent::default()
        }
    }

    fn published(attachments: Vec<Bytes>) -> Event {
        domain::channels_event(channels_event::Kind::NotificationPublished(
            NotificationPublished {
                category: "coordination".into(),
                attachments,
                ..NotificationPublished::default()
            },
        ))
    }

    fn issued(text: &'static str) -> Event {
        domain::channels_event(channels_event::Kind::NotificationIssued(
            NotificationIssued {
                recipients: vec!["agencies/tax".into()],
                notification: text.into(),
                ..NotificationIssued::default()
            },
        ))
    }

    fn raised() -> Event {
        let raised = hub_proto::funds::AlertRaised {
            agency: "pboc-branch".into(),
            organization_sha256: vec![9; 32].into(),
            ..hub_proto::funds::AlertRaised::default()
        };
        let kind = Some(hub_proto::funds::funds_event::Kind::AlertRaised(raised));
        Event {
            kind: Some(event::Kind::Funds(hub_proto::funds::FundsEvent { kind })),
        }
    }

    #[test]
    fn the_hash_of_an_organisation_goes_and_who_raised_the_alert_stays() {
        let before = [raised()];
        let (residue, events) = sealed(&before);
        assert!(residue.event_salt.is_empty());
        assert!(!residue.events.windows(32).any(|window| window == [9; 32]));
        assert!(
            residue
                .events
                .windows(11)
                .any(|window| window == b"pboc-branch")
        );
        assert_eq!(contradictions(&residue, &events), Vec::<&str>::new());
        assert_eq!(contradictions(&residue, &before).len(), 1, "it is back");
    }

    fn sealed(events: &[Event]) -> (EntryContent, Vec<Event>) {
        let header = EntryHeader {
            method: PUBLISHING[0].into(),
            ..EntryHeader::default()
        };
        let residue = residue(&header, &content(events), events, 7);
        let residue = EntryContent::decode(residue).unwrap();
        let events = EventList::decode(residue.events.clone()).unwrap().events;
        (residue, events)
    }

    #[test]
    fn events_without_text_stay_with_their_salt_and_the_request_goes_but_for_its_ids() {
        let before = [published(vec![])];
        let (residue, events) = sealed(&before);
        let id: hub_core::names::RequestId = ID.parse().unwrap();
        assert_eq!(residue.request_ids, [Bytes::copy_from_slice(id.as_bytes())]);
        assert_eq!(residue.events, content(&before).events, "byte for byte");
        assert_eq!(residue.event_salt, content(&before).event_salt);
        assert!(residue.author_salt.is_empty() && residue.request.is_empty());
        assert_eq!((residue.sealed_by, events), (8, before.to_vec()));
        assert_eq!(contradictions(&residue, &before), Vec::<&str>::new());
    }

    #[test]
    fn text_and_hashes_of_attachments_go_from_events_and_the_salt_with_them() {
        let hash = Bytes::from(vec![9; 32]);
        for before in [
            [issued("text"), published(vec![])],
            [issued("text"), published(vec![hash])],
        ] {
            let (residue, events) = sealed(&before);
            assert!(residue.event_salt.is_empty());
            assert!(!residue.events.windows(4).any(|window| window == b"text"));
            assert!(!residue.events.windows(32).any(|window| window == [9; 32]));
            assert_eq!(contradictions(&residue, &events), Vec::<&str>::new());
            let Some(channels_event::Kind::NotificationIssued(issued)) = channels_event(&events[0])
            else {
                panic!("{events:?}");
            };
            assert_eq!(issued.recipients, ["agencies/tax"], "who was told stays");
            assert_eq!(
                contradictions(&residue, &before).len(),
                1,
                "the text is back"
            );
        }
    }

    #[test]
    fn each_contradiction_of_a_residue_is_named() {
        let before = [published(vec![])];
        let (residue, events) = sealed(&before);
        let wrong = |change: fn(&mut EntryContent)| {
            let mut changed = residue.clone();
            change(&mut changed);
            contradictions(&changed, &events).len()
        };
        assert_eq!(wrong(|_| {}), 0);
        assert_eq!(wrong(|residue| residue.request = "r".into()), 1);
        assert_eq!(wrong(|residue| residue.author_salt = "s".into()), 1);
        assert_eq!(wrong(|residue| residue.sealed_by = 0), 1);
        assert_eq!(
            wrong(|residue| residue.request_ids = vec!["short".into()]),
            1
        );
        assert_eq!(wrong(|residue| residue.event_salt.clear()), 1);
    }

    #[test]
    fn only_what_publishes_is_for_a_time() {
        let header = |method: &str| EntryHeader {
            method: method.into(),
            ..EntryHeader::default()
        };
        let liaison = "/hub.members.v1.MembersService/AppointLiaison";
        for method in PUBLISHING {
            assert!(is_sealable(&header(method), &[]));
        }
        assert!(is_sealable(&header("/hub.system.v1/X"), &[issued("t")]));
        let acknowledge = "/hub.funds.v1.AlertService/AcknowledgeAlert";
        assert!(is_sealable(&header(acknowledge), &[raised()]));
        assert!(!is_sealable(&header(acknowledge), &[issued("t")]));
        assert!(!is_sealable(&header(liaison), &[raised()]));
        assert!(!is_sealable(&header(METHOD), &[]));
        assert!(!is_sealable(&header(liaison), &[issued("t")]));
    }
}
