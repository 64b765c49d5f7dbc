//! What those concerned are told of minutes and agreed items: plain Chinese text, one notice for each
//! group of addressees.

use hub_core::date;
use hub_proto::channels::{Attachment, Notification};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::Case;
use crate::domain::{channels::notification, meetings::notices as told};

/// Characters of an agreed item that a notice repeats; the minutes have all of it.
const ITEM_CHARACTERS_MAX: usize = 500;

impl Case<'_> {
    /// A notice of the hub's about a resource of the meeting.
    pub(super) fn notice(&self, resource: String, title: String, body: String) -> Notification {
        let title = title.chars().take(notification::TITLE_CHARACTERS_MAX);
        Notification {
            body: body.into_bytes().into(),
            occurred_on: Some(date::to_wire(self.context.today())),
            ..told::notice(&resource, &title.collect::<String>(), &[])
        }
    }

    /// The same with files.
    pub(super) fn notice_with(
        &self,
        resource: String,
        title: String,
        body: String,
        attachments: &[Attachment],
    ) -> Notification {
        Notification {
            attachments: attachments.to_vec(),
            ..self.notice(resource, title, body)
        }
    }

    /// The meeting's title in quotation marks, shortened.
    pub(super) fn quoted(&self) -> String {
        told::quoted(self.subject)
    }

    /// An instant as people of the province write it.
    pub(super) fn instant(&self, at: Timestamp) -> String {
        let zone = self.context.charter.zone().clone();
        at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// The beginning of an agreed item.
pub(super) fn item(text: &str) -> String {
    let mut start: String = text.chars().take(ITEM_CHARACTERS_MAX).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// The last second of a day in the province: what is due on a day can be done all day.
#[must_use]
pub fn end_of_day(day: Date, zone: &TimeZone) -> Timestamp {
    let last = day.at(23, 59, 59, 0).to_zoned(zone.clone());
    last.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}
