//! Every key of the state index. A key is a kind byte and its parts; text parts end with a zero
//! byte, which no identifier contains, and numbers are big-endian, so that order is meaning.

use hub_core::{
    crypto::Digest,
    names::{AgencyId, ConsumerId, LogName, MechanismId, RequestId},
};

/// A key under construction.
#[derive(Debug, Clone)]
pub struct Key(Vec<u8>);

/// Kinds of rows. The numbers are stored: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Entries applied, and the digest; not part of the digest itself.
    Meta = 0x01,
    /// How far an agency's answered request ids are.
    RequestIdHead = 0x02,
    /// A run of an agency's answered request ids.
    RequestIdChunk = 0x03,
    /// Members added to a mechanism.
    Membership = 0x10,
    /// Liaisons of a unit in a mechanism.
    Liaison = 0x11,
    /// A certificate.
    Node = 0x12,
    /// A token key.
    TokenKey = 0x13,
    /// A charter that was adopted.
    Charter = 0x14,
    /// Head of a log.
    LogHead = 0x20,
    /// A run of positions of a log.
    LogChunk = 0x21,
    /// An addressed notification by author and id.
    Addressed = 0x22,
    /// What a recipient did with a notification.
    Receipt = 0x23,
    /// A durable consumer.
    Consumer = 0x24,
    /// How far a log had been delivered to an agency, when, and to which consumer.
    Delivered = 0x25,
    /// What took the place of a notification.
    Successor = 0x26,
    /// What somebody was asked and has not done, on a board.
    Outstanding = 0x27,
    /// A reminder that is to come.
    Reminder = 0x29,
    /// A reply that stands, by what it answers and for whom.
    Reply = 0x2a,
    /// What a notification answers.
    Answers = 0x2b,
    /// A notification that names an attachment.
    Attachment = 0x2c,
    /// The attachments of a notification.
    AttachmentsOf = 0x2d,
    /// Which entry ordered that an entry's content be erased.
    Sealed = 0x28,
    /// An entry that ordered erasures.
    SealOrder = 0x2f,
    /// A meeting.
    Meeting = 0x40,
    /// A topic of a meeting.
    Topic = 0x41,
    /// Minutes of a meeting.
    Minutes = 0x42,
    /// An agreed item of a meeting.
    AgreedItem = 0x43,
    /// A meeting that somebody may see, in the order of their making.
    MeetingOf = 0x44,
    /// How far a series of document numbers has come in a year.
    Series = 0x45,
    /// A major issue.
    MajorIssue = 0x46,
    /// A major issue that somebody may see, in the order of their flagging.
    MajorIssueOf = 0x47,
    /// An escalation.
    Escalation = 0x48,
    /// An escalation that somebody may see, in the order of their drafting.
    EscalationOf = 0x49,
    /// An agreed item that somebody may see, in the order of its day.
    AgreedItemOf = 0x4a,
    /// Meetings held, by mechanism and instant.
    MeetingHeld = 0x4b,
    /// A year of a mechanism of which its office was told.
    YearMissed = 0x4c,
    /// A fund alert.
    Alert = 0x50,
    /// A fund alert that somebody may see, in the order of their raising.
    AlertOf = 0x51,
    /// The same by the organisation that it is about; not of sealed ones.
    AlertOn = 0x52,
    /// An entry of a fund alert.
    AlertEntry = 0x53,
    /// A fund alert that is to be sealed, in the order of its end; not of sealed ones.
    AlertEnded = 0x54,
    /// The fund alert that an entry raised.
    AlertRaised = 0x55,
    /// A referral.
    Referral = 0x60,
    /// A referral of an agency, in the order of their sending.
    ReferralOf = 0x61,
    /// The same, while answer or result are awaited.
    ReferralOpen = 0x62,
    /// A referral that is over and not sealed, by the entry that ended it.
    ReferralEnded = 0x63,
    /// An information request.
    InformationRequest = 0x68,
    /// An information request that an agency may see, in the order of the entries that brought it.
    InformationRequestOf = 0x69,
    /// A case that an agency declared in a request for account information, by its digest.
    RequestCase = 0x6a,
    /// An information request that has a deadline which runs.
    RunningDeadlines = 0x6b,
    /// An access that an agency's auditors may list, in the order of entries.
    AccessOf = 0x78,
    /// The same by the record that was read.
    AccessTo = 0x79,
}

impl Key {
    /// Starts a key.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self(vec![kind as u8])
    }

    /// Adds a text part.
    #[must_use]
    pub fn text(mut self, part: &str) -> Self {
        self.0.extend_from_slice(part.as_bytes());
        self.0.push(0);
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, part: u64) -> Self {
        self.0.extend_from_slice(&part.to_be_bytes());
        self
    }

    /// Adds bytes of a fixed length.
    #[must_use]
    pub fn bytes(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(part);
        self
    }

    /// The finished key.
    #[must_use]
    pub fn build(self) -> Vec<u8> {
        self.0
    }

    /// The finished key as a range of all keys that begin with it.
    #[must_use]
    pub fn range(self) -> (Vec<u8>, Vec<u8>) {
        let end = after_prefix(&self.0);
        (self.0, end)
    }
}

/// The smallest key greater than every key that begins with this one. Kinds end below 0xff, so
/// there always is one.
fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    end
}

/// How much of the ledger has been applied.
#[must_use]
pub fn meta() -> Vec<u8> {
    Key::new(Kind::Meta).build()
}

/// Terms of an added member.
#[must_use]
pub fn membership(mechanism: &MechanismId, agency: &AgencyId) -> Vec<u8> {
    Key::new(Kind::Membership)
        .text(mechanism.as_str())
        .text(agency.as_str())
        .build()
}

/// Terms of the liaisons of a unit.
#[must_use]
pub fn liaison(mechanism: &MechanismId, agency: &AgencyId) -> Vec<u8> {
    Key::new(Kind::Liaison)
        .text(mechanism.as_str())
        .text(agency.as_str())
        .build()
}

/// A certificate by its fingerprint.
#[must_use]
pub fn node(fingerprint: &Digest) -> Vec<u8> {
    Key::new(Kind::Node).bytes(fingerprint).build()
}

/// A token key.
#[must_use]
pub fn token_key(agency: &AgencyId, kid: &str) -> Vec<u8> {
    Key::new(Kind::TokenKey)
        .text(agency.as_str())
        .text(kid)
        .build()
}

/// A charter by the entry that adopted it.
#[must_use]
pub fn charter(entry_index: u64) -> Vec<u8> {
    Key::new(Kind::Charter).number(entry_index).build()
}

/// Head of a log.
#[must_use]
pub fn log_head(log: &LogName) -> Vec<u8> {
    Key::new(Kind::LogHead).text(&log.to_string()).build()
}

/// How far an agency's answered request ids are.
#[must_use]
pub fn request_id_head(agency: &str) -> Vec<u8> {
    Key::new(Kind::RequestIdHead).text(agency).build()
}

/// A run of an agency's answered request ids.
#[must_use]
pub fn request_id_chunk(agency: &str, chunk: u64) -> Vec<u8> {
    Key::new(Kind::RequestIdChunk)
        .text(agency)
        .number(chunk)
        .build()
}

/// A run of positions of a log.
#[must_use]
pub fn log_chunk(log: &LogName, chunk: u64) -> Vec<u8> {
    Key::new(Kind::LogChunk)
        .text(&log.to_string())
        .number(chunk)
        .build()
}

/// An addressed notification.
#[must_use]
pub fn addressed(author: &AgencyId, id: &RequestId) -> Vec<u8> {
    Key::new(Kind::Addressed)
        .text(author.as_str())
        .bytes(id.as_bytes())
        .build()
}

/// What a recipient did with a notification.
#[must_use]
pub fn receipt(entry_index: u64, item: u32, recipient: &str) -> Vec<u8> {
    Key::new(Kind::Receipt)
        .number(entry_index)
        .number(u64::from(item))
        .text(recipient)
        .build()
}

/// A durable consumer.
#[must_use]
pub fn consumer(agency: &AgencyId, consumer: &ConsumerId) -> Vec<u8> {
    Key::new(Kind::Consumer)
        .text(agency.as_str())
        .text(consumer.as_str())
        .build()
}

/// How far a log had been delivered to an agency.
#[must_use]
pub fn delivered(log: &LogName, agency: &AgencyId, position: u64) -> Vec<u8> {
    delivered_prefix(log, agency).number(position).build()
}

/// All of [`delivered`] for a log and an agency.
#[must_use]
pub fn delivered_prefix(log: &LogName, agency: &AgencyId) -> Key {
    Key::new(Kind::Delivered)
        .text(&log.to_string())
        .text(agency.as_str())
}

/// What took the place of a notification.
#[must_use]
pub fn successor(entry_index: u64, item: u32) -> Vec<u8> {
    Key::new(Kind::Successor)
        .number(entry_index)
        .number(u64::from(item))
        .build()
}

/// All receipts.
#[must_use]
pub fn all_receipts() -> Key {
    Key::new(Kind::Receipt)
}

/// All receipts of the notifications of an entry.
#[must_use]
pub fn receipts(entry_index: u64) -> Key {
    all_receipts().number(entry_index)
}

/// Everything outstanding on a board.
#[must_use]
pub fn outstanding(board: &str) -> Key {
    Key::new(Kind::Outstanding).text(board)
}

/// Reminders in the order of their time, from the beginning.
#[must_use]
pub fn reminders() -> Key {
    Key::new(Kind::Reminder)
}

/// The replies of a recipient to a notification that stand. Place of the reply follows.
#[must_use]
pub fn replies(entry_index: u64, item: u32, recipient: &str) -> Key {
    Key::new(Kind::Reply)
        .number(entry_index)
        .number(u64::from(item))
        .text(recipient)
}

/// What a notification answers.
#[must_use]
pub fn answers(entry_index: u64, item: u32) -> Vec<u8> {
    Key::new(Kind::Answers)
        .number(entry_index)
        .number(u64::from(item))
        .build()
}

/// All notifications that name an attachment.
#[must_use]
pub fn attachment(sha256: &Digest) -> Key {
    Key::new(Kind::Attachment).bytes(sha256)
}

/// The attachments of the notifications of an entry.
#[must_use]
pub fn attachments_of(entry_index: u64) -> Key {
    Key::new(Kind::AttachmentsOf).number(entry_index)
}

/// The order to erase an entry's content.
#[must_use]
pub fn sealed(entry_index: u64) -> Vec<u8> {
    Key::new(Kind::Sealed).number(entry_index).build()
}

/// An entry that ordered erasures.
#[must_use]
pub fn seal_order(entry_index: u64) -> Vec<u8> {
    Key::new(Kind::SealOrder).number(entry_index).build()
}

/// A meeting, by its id.
#[must_use]
pub fn meeting(id: &[u8]) -> Vec<u8> {
    Key::new(Kind::Meeting).bytes(id).build()
}

/// A topic of a meeting.
#[must_use]
pub fn topic(meeting: &[u8], number: u32) -> Vec<u8> {
    topics(meeting).number(u64::from(number)).build()
}

/// All topics of a meeting.
#[must_use]
pub fn topics(meeting: &[u8]) -> Key {
    Key::new(Kind::Topic).bytes(meeting)
}

/// A minutes document of a meeting.
#[must_use]
pub fn minutes(meeting: &[u8], document: u32) -> Vec<u8> {
    Key::new(Kind::Minutes)
        .bytes(meeting)
        .number(u64::from(document))
        .build()
}

/// An agreed item of a meeting.
#[must_use]
pub fn agreed_item(meeting: &[u8], item: u32) -> Vec<u8> {
    agreed_items(meeting).number(u64::from(item)).build()
}

/// All agreed items of a meeting.
#[must_use]
pub fn agreed_items(meeting: &[u8]) -> Key {
    Key::new(Kind::AgreedItem).bytes(meeting)
}

/// What a viewer may see of a kind, in the order of the entries that brought it: `viewer` is a resource
/// name of an agency or an office.
#[must_use]
pub fn seen_by(kind: Kind, viewer: &str) -> Key {
    Key::new(kind).text(viewer)
}

/// A referral, by its id.
#[must_use]
pub fn referral(id: &[u8]) -> Vec<u8> {
    Key::new(Kind::Referral).bytes(id).build()
}

/// Referrals that are over and not sealed, in the order of their ending; the index of the entry that
/// ended each follows.
#[must_use]
pub fn ended_referrals() -> Key {
    Key::new(Kind::ReferralEnded)
}

/// Accesses to a record that a viewer may list, or that all may who may list its accesses at all; the
/// index of the entry follows.
#[must_use]
pub fn accesses_to(viewer: &str, record: &str) -> Key {
    Key::new(Kind::AccessTo).text(viewer).text(record)
}

/// Meetings of a mechanism that were held, in the order of their beginning; microseconds before 1970
/// count as 0.
#[must_use]
pub fn meetings_held(mechanism: &str, held_at_us: i64) -> Key {
    Key::new(Kind::MeetingHeld)
        .text(mechanism)
        .number(u64::try_from(held_at_us).unwrap_or(0))
}

/// A year without its annual meeting, of which the office of the mechanism was told.
#[must_use]
pub fn year_missed(mechanism: &str, year: u16) -> Vec<u8> {
    Key::new(Kind::YearMissed)
        .text(mechanism)
        .number(u64::from(year))
        .build()
}

/// How far a series of document numbers has come in a year.
#[must_use]
pub fn series(document_word: &str, year: u16) -> Vec<u8> {
    Key::new(Kind::Series)
        .text(document_word)
        .number(u64::from(year))
        .build()
}

/// A major issue, by its id.
#[must_use]
pub fn major_issue(id: &[u8]) -> Vec<u8> {
    Key::new(Kind::MajorIssue).bytes(id).build()
}

/// An escalation, by its id.
#[must_use]
pub fn escalation(id: &[u8]) -> Vec<u8> {
    Key::new(Kind::Escalation).bytes(id).build()
}

/// An information request, by its id.
#[must_use]
pub fn information_request(id: &[u8]) -> Vec<u8> {
    Key::new(Kind::InformationRequest).bytes(id).build()
}

/// A case, by its digest.
#[must_use]
pub fn request_case(case_sha256: &[u8]) -> Vec<u8> {
    Key::new(Kind::RequestCase).bytes(case_sha256).build()
}

/// That an information request has a deadline which runs.
#[must_use]
pub fn running_deadlines(id: &[u8]) -> Vec<u8> {
    Key::new(Kind::RunningDeadlines).bytes(id).build()
}

/// A fund alert, by its id.
#[must_use]
pub fn alert(id: &[u8]) -> Vec<u8> {
    Key::new(Kind::Alert).bytes(id).build()
}

/// Fund alerts on an organisation that a viewer may see, by the SHA-256 of its code; the entry that raised
/// each follows.
#[must_use]
pub fn alerts_on(viewer: &str, organization_sha256: &[u8]) -> Key {
    Key::new(Kind::AlertOn)
        .text(viewer)
        .bytes(organization_sha256)
}

/// The entries of a fund alert.
#[must_use]
pub fn alert_entries(id: &[u8]) -> Key {
    Key::new(Kind::AlertEntry).bytes(id)
}

/// Fund alerts that are to be sealed, by when they ended: microseconds before 1970 count as 0. The id
/// follows.
#[must_use]
pub fn alerts_ended(ended_at_us: i64) -> Key {
    Key::new(Kind::AlertEnded).number(u64::try_from(ended_at_us).unwrap_or(0))
}

/// The fund alert that an entry raised.
#[must_use]
pub fn alert_raised(entry_index: u64) -> Vec<u8> {
    Key::new(Kind::AlertRaised).number(entry_index).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_exactly_the_keys_with_its_prefix() {
        let agency: AgencyId = "tax".parse().unwrap();
        let longer: AgencyId = "tax-two".parse().unwrap();
        let (from, to) = Key::new(Kind::TokenKey).text(agency.as_str()).range();
        let inside = token_key(&agency, "k1");
        let outside = token_key(&longer, "k1");
        assert!(from <= inside && inside < to);
        assert!(!(from <= outside && outside < to));
    }

    #[test]
    fn positions_sort_as_numbers() {
        let log: LogName = "channels/c".parse().unwrap();
        assert!(log_chunk(&log, 9) < log_chunk(&log, 10));
        assert!(log_chunk(&log, 255) < log_chunk(&log, 256));
    }

    #[test]
    fn the_key_after_a_prefix_carries() {
        assert_eq!(after_prefix(&[1, 0xff]), [2]);
        assert_eq!(after_prefix(&[1, 2]), [1, 3]);
    }
}
