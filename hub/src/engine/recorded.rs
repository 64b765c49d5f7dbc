//! An entry as it was recorded, decoded once and shared by all who read it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hub_core::{crypto::Digest, date, merkle, names::RequestId};
use hub_proto::{
    channels::{Notification, NotificationIssued, NotificationPublished, channels_event},
    common::Receipt,
    funds::funds_event,
    ledger::{EntryContent, EntryHeader, Event, EventList, event},
    meetings::meetings_event,
    referrals::referrals_event,
    requests::requests_event,
};
use jiff::Timestamp;
use prost::Message as _;

use crate::{
    domain::{
        channels::{log::NotificationPlace, notification},
        request_ids,
    },
    error::{Error, Result},
    ledger::{INSTALL_NEWER, StoredEntry},
};

/// The format of entries that this release writes, and the newest that it reads.
pub const ENTRY_FORMAT: u32 = 1;

/// An entry.
#[derive(Debug)]
pub struct Recorded {
    /// The decoded header.
    pub header: EntryHeader,
    /// The exact header bytes.
    pub header_bytes: Bytes,
    /// RFC 6962 leaf hash of the header.
    pub leaf_hash: Digest,
    /// The decoded content; once sealed, what stays of it: no salt of the author and no request.
    pub content: EntryContent,
    /// The decoded events.
    pub events: Vec<Event>,
    is_sealed: bool,
    notifications: OnceLock<Vec<(u32, Arc<Notification>)>>,
}

impl Recorded {
    /// Decodes header and content.
    ///
    /// # Errors
    /// When they are none: the ledger holds what this hub cannot read.
    pub fn decode(header_bytes: Bytes, content: &Bytes) -> Result<Self> {
        let damaged = |error| Error::internal(format!("an entry cannot be read: {error}"));
        let header = EntryHeader::decode(header_bytes.clone()).map_err(damaged)?;
        if header.format > ENTRY_FORMAT {
            // Fields of a format that is not known here might say what this release would miss.
            return Err(Error::internal(format!(
                "entry {} has format {}, this release reads format {ENTRY_FORMAT}: a newer \
                 release wrote it. {INSTALL_NEWER}",
                header.index, header.format
            )));
        }
        let content = EntryContent::decode(content.clone()).map_err(damaged)?;
        let events = EventList::decode(content.events.clone())
            .map_err(damaged)?
            .events;
        Ok(Self::new(header, header_bytes, content, events))
    }

    /// An entry of its parts, which must be what [`Recorded::decode`] would read from their bytes.
    pub(super) fn new(
        header: EntryHeader,
        header_bytes: Bytes,
        content: EntryContent,
        events: Vec<Event>,
    ) -> Self {
        Self {
            leaf_hash: merkle::leaf_hash(&header_bytes),
            header,
            header_bytes,
            content,
            events,
            is_sealed: false,
            notifications: OnceLock::new(),
        }
    }

    /// Decodes a stored entry.
    ///
    /// # Errors
    /// As [`Recorded::decode`].
    pub fn from_stored(stored: &StoredEntry) -> Result<Self> {
        let entry = Self::decode(stored.header.clone(), &stored.content)?;
        Ok(Self {
            is_sealed: stored.is_sealed,
            ..entry
        })
    }

    /// Whether retention has erased the content. Its notifications are tombstones then: who told whom
    /// and when, without the text.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// The ids that the request carried, the call's own first; also once the request is erased.
    #[must_use]
    pub fn request_ids(&self) -> Vec<RequestId> {
        if self.is_sealed {
            let ids = self.content.request_ids.iter();
            return ids
                .filter_map(|id| RequestId::from_bytes(<[u8; 16]>::try_from(&**id).ok()?))
                .collect();
        }
        request_ids::of(&self.header.method, &self.content.request)
    }

    /// When it was recorded.
    #[must_use]
    pub fn recorded_at(&self) -> Timestamp {
        Timestamp::from_microsecond(self.header.recorded_at_us).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Agency of the author.
    #[must_use]
    pub fn author(&self) -> &str {
        self.header
            .author
            .as_ref()
            .map_or("", |author| &author.agency)
    }

    /// Officer of the author; empty for the hub.
    #[must_use]
    pub fn officer(&self) -> &str {
        self.header
            .author
            .as_ref()
            .map_or("", |author| &author.officer)
    }

    /// The notification of an item.
    #[must_use]
    pub fn notification(&self, item: u32) -> Option<Arc<Notification>> {
        let all = self.notifications();
        // Published ones count up from 0 and come first.
        let at = usize::try_from(item).ok().and_then(|at| all.get(at));
        at.filter(|(number, _)| *number == item)
            .or_else(|| all.iter().find(|(number, _)| *number == item))
            .map(|(_, notification)| Arc::clone(notification))
    }

    /// Every notification of the entry with its item number.
    #[must_use]
    pub fn notifications(&self) -> &[(u32, Arc<Notification>)] {
        self.notifications
            .get_or_init(|| self.decode_notifications())
    }

    /// The same decoded anew, for one reader's own.
    pub(crate) fn decode_notifications(&self) -> Vec<(u32, Arc<Notification>)> {
        if self.is_sealed {
            return notification::tombstones(&self.header, &self.events);
        }
        notification::all(&self.header, &self.content, &self.events)
    }

    /// What it reminds somebody of, if it does.
    pub fn reminds_of(&self) -> Option<NotificationPlace> {
        self.channels_events().find_map(|event| match event {
            channels_event::Kind::RecipientReminded(event) => {
                event.notification.as_ref().map(NotificationPlace::from)
            }
            _ => None,
        })
    }

    fn channels_events(&self) -> impl Iterator<Item = &channels_event::Kind> {
        self.events.iter().filter_map(|event| match &event.kind {
            Some(event::Kind::Channels(event)) => event.kind.as_ref(),
            _ => None,
        })
    }

    /// What it records of meetings.
    pub fn meetings_events(&self) -> impl Iterator<Item = &meetings_event::Kind> {
        self.events.iter().filter_map(|event| match &event.kind {
            Some(event::Kind::Meetings(event)) => event.kind.as_ref(),
            _ => None,
        })
    }

    /// What it records of fund alerts.
    pub fn funds_events(&self) -> impl Iterator<Item = &funds_event::Kind> {
        self.events.iter().filter_map(|event| match &event.kind {
            Some(event::Kind::Funds(event)) => event.kind.as_ref(),
            _ => None,
        })
    }

    /// What it records of referrals.
    pub fn referrals_events(&self) -> impl Iterator<Item = &referrals_event::Kind> {
        self.events.iter().filter_map(|event| match &event.kind {
            Some(event::Kind::Referrals(event)) => event.kind.as_ref(),
            _ => None,
        })
    }

    /// What it records of information requests.
    pub fn requests_events(&self) -> impl Iterator<Item = &requests_event::Kind> {
        self.events.iter().filter_map(|event| match &event.kind {
            Some(event::Kind::Requests(event)) => event.kind.as_ref(),
            _ => None,
        })
    }

    /// What it records of the notifications that it published.
    pub fn published(&self) -> impl Iterator<Item = &NotificationPublished> {
        self.channels_events().filter_map(|event| match event {
            channels_event::Kind::NotificationPublished(event) => Some(event),
            _ => None,
        })
    }

    /// What it records of the notifications that the hub wrote with it.
    pub fn issued(&self) -> impl Iterator<Item = &NotificationIssued> {
        self.channels_events().filter_map(|event| match event {
            channels_event::Kind::NotificationIssued(event) => Some(event),
            _ => None,
        })
    }

    /// The receipt of the entry.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        Receipt {
            entry_index: self.header.index,
            leaf_hash: Bytes::copy_from_slice(&self.leaf_hash),
            recorded_at: Some(date::timestamp(self.recorded_at())),
            header: self.header_bytes.clone(),
        }
    }

    /// About how much memory it takes.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        const OVERHEAD_BYTES: usize = 1_024;
        let content = &self.content;
        OVERHEAD_BYTES
            .saturating_add(self.header_bytes.len())
            .saturating_add(content.request.len().saturating_mul(2))
            .saturating_add(content.events.len().saturating_mul(2))
    }
}
