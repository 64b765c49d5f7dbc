//! Random acts of agencies, whole as the wire hands them to the engine.

use bytes::Bytes;
use hub_core::{
    crypto::sha256,
    names::{LogName, Recipient, RequestId},
};
use hub_proto::channels::{
    AcknowledgeDeliveryRequest, BatchPublishNotificationsRequest, Classification,
    CorrectNotificationRequest, Notification, NotificationKind, OpenNotificationRequest,
    PublishNotificationRequest, RetractNotificationRequest, SignForNotificationRequest,
};
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;

use super::model::{Act, Item, Model, To, What};
use crate::{
    authz::Permit,
    charter::{Action, Destination},
    domain::{
        Command,
        channels::{
            self, Predecessor, PublishItem, asks::AskDraft, audience::Got, cursor::Cursor,
            log::NotificationPlace,
        },
        sealing,
    },
    engine::Submission,
    identity::Authored,
    ledger::testing::Random,
};

/// Who takes part; all are members of the joint-enforcement mechanism.
pub(super) const AGENCIES: [&str; 4] = ["tax", "health", "education", "market-regulation"];

/// Channels that notifications go to.
pub(super) const CHANNELS: [&str; 2] = ["joint-enforcement", "all-members"];

const CATEGORY: &str = "coordination";

/// Makes acts.
pub(super) struct Acts {
    random: Random,
    /// Ids that were made.
    count: u64,
    /// Acts of before, to be asked again.
    pub(super) asked: Vec<Act>,
}

impl Acts {
    pub(super) fn new(random: Random) -> Self {
        Self {
            random,
            count: 0,
            asked: vec![],
        }
    }

    /// Acts that wait for the writer together.
    pub(super) fn batch(&mut self, model: &Model, now: Timestamp) -> Vec<Act> {
        let count = match self.random.below(10) {
            0..=4 => 1,
            5..=8 => 2 + self.random.below(4),
            _ => 6 + self.random.below(20),
        };
        let mut acts: Vec<Act> = vec![];
        for _ in 0..count {
            let act = match self.random.below(100) {
                0..=5 if !acts.is_empty() => self.random.pick(&acts).clone(),
                0..=12 if !self.asked.is_empty() => self.random.pick(&self.asked).clone(),
                13..=15 if !self.asked.is_empty() => self.reused(),
                _ => self.act(model, now),
            };
            acts.push(act);
        }
        self.asked.extend(acts.iter().cloned());
        let surplus = self.asked.len().saturating_sub(64);
        self.asked.drain(..surplus);
        acts
    }

    fn act(&mut self, model: &Model, now: Timestamp) -> Act {
        let agency = (*self.random.pick(&AGENCIES)).to_owned();
        match self.random.below(100) {
            0..=44 => self.publish(agency, now),
            45..=59 => self.publish_batch(agency, now),
            60..=71 if !model.notes.is_empty() => self.supersede(model, now),
            72..=83 if !model.notes.is_empty() => self.receipt(agency, model, now),
            _ => self.acknowledge(agency, model, now),
        }
    }

    fn id(&mut self, at: Timestamp) -> RequestId {
        self.count += 1;
        let ms = u64::try_from(at.as_millisecond()).unwrap();
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
        bytes[6] = 0x70;
        bytes[8..].copy_from_slice(&self.count.to_be_bytes());
        bytes[8] = 0x80;
        RequestId::from_bytes(bytes).unwrap()
    }

    /// An id that was used, with another act.
    fn reused(&mut self) -> Act {
        let mut act = self.random.pick(&self.asked).clone();
        let id = act.ids.first().copied();
        act = self.publish(act.agency, Timestamp::UNIX_EPOCH);
        if let (Some(id), What::Publish(items)) = (id, &mut act.what) {
            let item = Item {
                id,
                ..items[0].clone()
            };
            return self.single(act.agency, item);
        }
        act
    }

    fn item(&mut self, now: Timestamp) -> Item {
        let id = self.id(now);
        let to = if self.random.percent(55) {
            To::Channel((*self.random.pick(&CHANNELS)).to_owned())
        } else {
            let mut agencies: Vec<String> = AGENCIES.map(str::to_owned).to_vec();
            let kept = 1 + self.random.index(2);
            while agencies.len() > kept {
                agencies.remove(self.random.index(agencies.len()));
            }
            To::Agencies(agencies)
        };
        Item {
            id,
            title: format!("第{}号", self.count),
            to,
        }
    }

    fn publish(&mut self, agency: String, now: Timestamp) -> Act {
        let mut item = self.item(now);
        if self.random.percent(3) {
            // Minted by a clock that is far ahead.
            item.id = self.id(now + SignedDuration::from_hours(72));
        }
        self.single(agency, item)
    }

    fn single(&mut self, agency: String, item: Item) -> Act {
        let asks = self.random.percent(20);
        Act {
            agency,
            method: "/hub.channels.v1.ChannelService/PublishNotification",
            request: self.request(&item).encode_to_vec().into(),
            ids: vec![item.id],
            command: channels::Command::Publish(vec![publish_item(&item, asks)]).into(),
            what: What::Publish(vec![item]),
        }
    }

    fn publish_batch(&mut self, agency: String, now: Timestamp) -> Act {
        // A large one now and then, so that logs fill more than one row.
        let count = match self.random.below(16) {
            0 => 60 + self.random.below(80),
            _ => 1 + self.random.below(5),
        };
        let mut items: Vec<Item> = (0..count).map(|_| self.item(now)).collect();
        if items.len() > 1 && self.random.percent(6) {
            items[1].id = items[0].id;
        }
        let own = self.id(now);
        let request = BatchPublishNotificationsRequest {
            requests: items.iter().map(|item| self.request(item)).collect(),
            request_id: own.to_string(),
        };
        let ids = std::iter::once(own).chain(items.iter().map(|item| item.id));
        let publish = items.iter().map(|item| publish_item(item, false));
        Act {
            agency,
            method: "/hub.channels.v1.ChannelService/BatchPublishNotifications",
            request: request.encode_to_vec().into(),
            ids: ids.collect(),
            command: channels::Command::Publish(publish.collect()).into(),
            what: What::Publish(items),
        }
    }

    fn request(&mut self, item: &Item) -> PublishNotificationRequest {
        let mut notification = Notification {
            category: CATEGORY.into(),
            title: item.title.clone(),
            body: self.body(),
            media_type: "text/plain".into(),
            classification: Classification::Internal.into(),
            ..Notification::default()
        };
        match &item.to {
            To::Channel(channel) => notification.channel = format!("channels/{channel}"),
            To::Agencies(agencies) => {
                let names = agencies.iter().map(|agency| format!("agencies/{agency}"));
                notification.addressees = names.collect();
            }
        }
        PublishNotificationRequest {
            notification: Some(notification),
            request_id: item.id.to_string(),
        }
    }

    /// Some have many sectors, some none; some are nothing but zeros.
    fn body(&mut self) -> Bytes {
        let length = match self.random.below(4) {
            0 => 0,
            1 => self.random.index(3_000),
            _ => self.random.index(300),
        };
        let fill = u8::try_from(self.random.below(3)).unwrap();
        vec![fill; length].into()
    }

    fn supersede(&mut self, model: &Model, now: Timestamp) -> Act {
        let places: Vec<_> = model.notes.keys().copied().collect();
        let place = *self.random.pick(&places);
        let note = &model.notes[&place];
        let item = Item {
            to: note.to.clone(),
            ..self.item(now)
        };
        let is_correction = self.random.percent(70);
        let (method, request, kind) = if is_correction {
            let mut request = self.request(&item);
            let draft = request.notification.as_mut().unwrap();
            draft.channel.clear();
            draft.addressees.clear();
            let request = CorrectNotificationRequest {
                name: note.name.clone(),
                notification: request.notification,
                reason: "改".into(),
                request_id: request.request_id,
            };
            let method = "/hub.channels.v1.ChannelService/CorrectNotification";
            (
                method,
                request.encode_to_vec(),
                NotificationKind::Correction,
            )
        } else {
            let request = RetractNotificationRequest {
                name: note.name.clone(),
                reason: item.title.clone(),
                request_id: item.id.to_string(),
            };
            let method = "/hub.channels.v1.ChannelService/RetractNotification";
            (
                method,
                request.encode_to_vec(),
                NotificationKind::Retraction,
            )
        };
        let recorded_at_us =
            model.facts[usize::try_from(place.entry_index).unwrap()].recorded_at_us;
        let predecessor = Predecessor {
            place,
            name: note.name.clone(),
            kind,
            got_by: match &note.to {
                To::Channel(channel) => Got::Audience(
                    channel.parse().unwrap(),
                    Timestamp::from_microsecond(recorded_at_us).unwrap(),
                ),
                To::Agencies(agencies) => Got::Named(recipients(agencies)),
            },
        };
        let item_command = publish_item(&item, false);
        let command = channels::Command::Supersede(Box::new(predecessor), Box::new(item_command));
        Act {
            agency: note.author.clone(),
            method,
            request: request.into(),
            ids: vec![item.id],
            command: command.into(),
            what: What::Supersede(place, item),
        }
    }

    fn receipt(&mut self, agency: String, model: &Model, now: Timestamp) -> Act {
        let places: Vec<_> = model.notes.keys().copied().collect();
        let of = *self.random.pick(&places);
        let name = model.notes[&of].name.clone();
        let id = self.id(now);
        let recipient: Recipient = format!("agencies/{agency}").parse().unwrap();
        let is_signed = self.random.percent(50);
        let (method, request, command) = if is_signed {
            let request = SignForNotificationRequest {
                name,
                request_id: id.to_string(),
                ..SignForNotificationRequest::default()
            };
            (
                "/hub.channels.v1.ChannelService/SignForNotification",
                request.encode_to_vec(),
                channels::Command::SignFor(of, recipient),
            )
        } else {
            let request = OpenNotificationRequest {
                name,
                request_id: id.to_string(),
                ..OpenNotificationRequest::default()
            };
            (
                "/hub.channels.v1.ChannelService/OpenNotification",
                request.encode_to_vec(),
                channels::Command::Open(of, recipient),
            )
        };
        Act {
            what: What::Receipt {
                of,
                recipient: agency.clone(),
                is_signed,
            },
            agency,
            method,
            request: request.into(),
            ids: vec![id],
            command: command.into(),
        }
    }

    fn acknowledge(&mut self, agency: String, model: &Model, now: Timestamp) -> Act {
        let id = self.id(now);
        let consumer = (*self.random.pick(&["oa", "archive"])).to_owned();
        let mut positions = std::collections::BTreeMap::new();
        for log in logs_of(&agency) {
            if self.random.percent(40) {
                continue;
            }
            let length = model.length(&log);
            let at = match self.random.below(12) {
                0 => length + 1,
                1..=3 => {
                    i64::try_from(self.random.index(usize::try_from(length).unwrap() + 1)).unwrap()
                }
                _ => length,
            };
            positions.insert(log, at);
        }
        let mut cursor = Cursor::default();
        for (log, at) in &positions {
            cursor.set(log.clone(), *at);
        }
        let request = AcknowledgeDeliveryRequest {
            consumer: consumer.clone(),
            cursor: cursor.encode(&agency.parse().unwrap()),
            request_id: id.to_string(),
        };
        let command = channels::Command::Acknowledge(consumer.parse().unwrap(), cursor);
        Act {
            agency,
            method: "/hub.channels.v1.ChannelService/AcknowledgeDelivery",
            request: request.encode_to_vec().into(),
            ids: vec![id],
            command: command.into(),
            what: What::Acknowledge {
                consumer,
                positions,
            },
        }
    }

    /// The hub orders that some contents be erased.
    pub(super) fn seal(&mut self, model: &Model, now: Timestamp) -> Option<Act> {
        let notes: Vec<NotificationPlace> = model.notes.keys().copied().collect();
        if notes.is_empty() {
            return None;
        }
        let count = 1 + self.random.below(4);
        let mut entries: Vec<u64> = (0..count)
            .map(|_| self.random.pick(&notes).entry_index)
            .collect();
        entries.sort_unstable();
        entries.dedup();
        let command = Command::Seal(sealing::Command {
            entries: entries.clone(),
            rule: "retention.default".into(),
            cutoff: now,
        });
        Some(Act {
            agency: "hub".into(),
            method: sealing::METHOD,
            request: Bytes::new(),
            ids: vec![],
            command,
            what: What::Seal(entries),
        })
    }
}

/// The logs that an agency reads.
pub(super) fn logs_of(agency: &str) -> Vec<LogName> {
    let mut logs = vec![
        format!("agencies/{agency}/inbox"),
        format!("agencies/{agency}/sent"),
    ];
    logs.extend(CHANNELS.map(|channel| format!("channels/{channel}")));
    logs.iter().map(|log| log.parse().unwrap()).collect()
}

fn recipients(agencies: &[String]) -> Vec<Recipient> {
    let names = agencies.iter().map(|agency| format!("agencies/{agency}"));
    names.map(|name| name.parse().unwrap()).collect()
}

fn publish_item(item: &Item, asks: bool) -> PublishItem {
    PublishItem {
        path: String::new(),
        request_id: item.id,
        category: CATEGORY.into(),
        destination: match &item.to {
            To::Channel(channel) => Destination::Channel(channel.parse().unwrap()),
            To::Agencies(agencies) => Destination::Recipients(recipients(agencies)),
        },
        ask: AskDraft {
            sign_by_at: asks.then(|| "2030-01-01T00:00:00Z".parse().unwrap()),
            reply_by_at: None,
        },
        reply_to: None,
        attachments: vec![],
    }
}

/// What the wire would hand to the engine. Author signatures are looked at before, so they say
/// nothing here.
pub(super) fn submission(act: &Act) -> Submission {
    let is_hub = act.agency == "hub";
    let permit = if is_hub {
        Permit::hub().unwrap()
    } else {
        Permit::testing(&act.agency, "clerk", Action::ChannelsPublish)
    };
    let authored = Authored {
        salt: [3; 16],
        commitment: sha256(&[&act.request]),
        signature: vec![5; 64],
        request: act.request.clone(),
    };
    Submission {
        permit,
        peer: None,
        authored: (!is_hub).then(|| authored.into()),
        method: act.method,
        request_ids: act.ids.clone(),
        command: act.command.clone(),
    }
}
