//! A plain model of notifications and the roster, written from the documentation of the protos and
//! the charter's tables, not from the hub's code. It keeps everything in lists and looks through
//! them; it knows nothing of ledgers, rows or cursors.

mod asks;
pub mod files;
pub mod retention;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hub_core::reason::Reason;
use hub_proto::channels::{Attachment, DeliveryReceipt, Notification, OutstandingAction};
use jiff::civil::Date;

/// The mechanisms of the charter.
pub const MECHANISMS: [&str; 2] = ["joint-enforcement", "fund-supervision"];
/// Host of both offices.
pub const OFFICE_HOST: &str = "civil-affairs";

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Officer {
    /// Agency.
    pub agency: String,
    /// Officer id.
    pub id: String,
    /// The one role of the token.
    pub role: String,
}

/// A notification that was recorded.
#[derive(Debug, Clone)]
pub struct Published {
    /// As the hub returned it to its author.
    pub seen: Notification,
    /// The day on which it was recorded.
    pub on: Date,
    /// Of whom something was asked when it was recorded; they stay its recipients.
    pub asked: Option<Vec<String>>,
    /// Whether the hub wrote it as part of another act.
    pub is_issued: bool,
    /// The number of the first notification that was published in the same call.
    pub call: usize,
    /// The title and the files that it had when it was recorded.
    pub title: String,
    /// See `title`.
    pub files: Vec<Attachment>,
}

/// A member: agency and first day.
pub type Member = (String, Date);

/// Everything that is known.
#[derive(Debug, Default)]
pub struct Model {
    /// Agencies in the charter's order.
    pub agencies: Vec<String>,
    /// Members of each mechanism in force.
    pub members: HashMap<String, Vec<Member>>,
    /// Liaison of a unit in a mechanism.
    pub liaisons: HashMap<(String, String), String>,
    /// Agencies whose only node was revoked.
    pub cut_off: Vec<String>,
    /// Notifications in the order in which they were recorded.
    pub published: Vec<Published>,
    /// Which of them stand in a log, in order; position 1 is the first.
    pub logs: BTreeMap<String, Vec<usize>>,
    /// What a recipient did with one, and what it still owes.
    pub receipts: HashMap<(usize, String), DeliveryReceipt>,
    /// The replies of a recipient to one that stand, the first one first; each with when and by whom.
    pub replies: HashMap<(usize, String), BTreeMap<usize, Replied>>,
    /// What one answers: which, for whom, and by which reply first.
    pub answers: HashMap<usize, Vec<(usize, String, usize)>>,
    /// What a recipient was asked to reply and has replied.
    pub answered: HashMap<(usize, String), Vec<OutstandingAction>>,
    /// Where a consumer of an agency stands in each log that it has read.
    pub consumers: BTreeMap<(String, String), BTreeMap<String, usize>>,
    /// What an agency has sent of a file, by its SHA-256.
    pub uploads: BTreeMap<(String, String), files::Upload>,
    /// Contents that are stored, by their SHA-256.
    pub stored: BTreeSet<String>,
}

/// When a reply was given, and by whom.
pub type Replied = (Option<prost_types::Timestamp>, String);

/// What a role may do at all, as the charter's table says.
fn grants(role: &str, what: &str) -> bool {
    let roles: &[&str] = match what {
        "read channels" => &[
            "clerk",
            "liaison",
            "leader",
            "office",
            "analyst",
            "publisher",
        ],
        "address" => &["clerk", "liaison", "office", "analyst", "publisher"],
        "read inbox" => &["clerk", "liaison", "leader", "analyst", "publisher"],
        "open" => &["clerk", "liaison", "leader", "office", "analyst"],
        "sign" => &["liaison", "leader"],
        "acknowledge" => &["clerk", "liaison", "office", "analyst", "publisher"],
        "publish" => &["clerk", "liaison", "office", "publisher"],
        "refer" => &["liaison", "leader", "analyst"],
        "office" => &["office"],
        "appoint" => &["leader"],
        other => panic!("{other}"),
    };
    roles.contains(&role)
}

/// The channel's mechanism, if it has one.
fn mechanism_of(channel: &str) -> Option<&str> {
    let id = channel.strip_prefix("channels/").unwrap_or(channel);
    MECHANISMS.into_iter().find(|one| *one == id)
}

impl Model {
    /// Whether an agency is a member on a day.
    #[must_use]
    pub fn is_member(&self, agency: &str, mechanism: &str, on: Date) -> bool {
        self.members[mechanism]
            .iter()
            .any(|(one, from_on)| one == agency && *from_on <= on)
    }

    /// Why an officer is told nothing of what it may not see: there is no such thing for it, unless
    /// no role of it is in force at all, which it is told.
    #[must_use]
    pub fn unseen(&self, officer: &Officer, on: Date) -> Reason {
        if self.is_in_force(officer, on) {
            Reason::NotFound
        } else {
            Reason::PermissionDenied
        }
    }

    /// Whether an officer may do something under a role that is in force.
    #[must_use]
    pub fn may(&self, officer: &Officer, what: &str, on: Date) -> bool {
        self.is_in_force(officer, on) && grants(&officer.role, what)
    }

    /// Whether an officer's role is in force (JE-028).
    fn is_in_force(&self, officer: &Officer, on: Date) -> bool {
        officer.role != "liaison"
            || MECHANISMS.iter().any(|mechanism| {
                let unit = ((*mechanism).to_owned(), officer.agency.clone());
                self.is_member(&officer.agency, mechanism, on)
                    && self.liaisons.get(&unit) == Some(&officer.id)
            })
    }

    fn is_audience(&self, agency: &str, channel: &str, on: Date) -> bool {
        mechanism_of(channel).is_none_or(|mechanism| self.is_member(agency, mechanism, on))
    }

    /// Whether an officer may read a log.
    #[must_use]
    pub fn reads(&self, officer: &Officer, log: &str, on: Date) -> bool {
        if log.starts_with("channels/") {
            // Joint enforcement has no analysts among its readers, whoever is a member.
            let is_analyst = officer.role == "analyst" && log.ends_with("/joint-enforcement");
            return !is_analyst
                && self.may(officer, "read channels", on)
                && self.is_audience(&officer.agency, log, on);
        }
        if log.starts_with("mechanisms/") {
            return officer.agency == OFFICE_HOST && self.may(officer, "office", on);
        }
        if log == format!("agencies/{}/sent", officer.agency) {
            return self.reads_sent(officer, on);
        }
        let own = format!("agencies/{}/", officer.agency);
        log.starts_with(&own) && self.may(officer, "read inbox", on)
    }

    /// What an agency sent is read by whoever reads its inbox, and by its office.
    fn reads_sent(&self, officer: &Officer, on: Date) -> bool {
        self.may(officer, "read inbox", on) || self.may(officer, "office", on)
    }

    /// The logs of an officer's stream that names none. Where one notification stands in several of
    /// them, it comes in this order; offices go by id.
    #[must_use]
    pub fn readable(&self, officer: &Officer, on: Date) -> Vec<String> {
        let mut logs = vec!["channels/all-members".to_owned()];
        logs.extend(MECHANISMS.map(|one| format!("channels/{one}")));
        logs.push(format!("agencies/{}/inbox", officer.agency));
        let offices = MECHANISMS.iter().rev();
        logs.extend(offices.map(|one| format!("mechanisms/{one}/office/inbox")));
        logs.retain(|log| self.reads(officer, log, on));
        logs
    }

    /// Where a draft goes by the charter's routes, or why not.
    fn destination(draft: &Notification) -> Result<Vec<String>, Reason> {
        let (is_channel, is_addressed) = (!draft.channel.is_empty(), !draft.addressees.is_empty());
        if is_channel && is_addressed {
            return Err(Reason::InvalidArgument);
        }
        let fixed: Option<&str> = match draft.category.as_str() {
            "case_result_fund" => Some("mechanisms/joint-enforcement/office"),
            "supervision_info" => Some("mechanisms/fund-supervision/office"),
            "fund_referral" => Some("agencies/public-security"),
            "non_member_action" => Some("agencies/leading-group-office"),
            _ => None,
        };
        if let Some(fixed) = fixed {
            let is_right = draft.addressees.iter().all(|one| one == fixed) && !is_channel;
            return is_right
                .then(|| vec![fixed.to_owned()])
                .ok_or(Reason::InvalidArgument);
        }
        let takes = match draft.category.as_str() {
            "coordination" => mechanism_of(&draft.channel).is_some(),
            _ => true,
        };
        match (is_channel, is_addressed) {
            (true, _) if takes => Ok(vec![draft.channel.clone()]),
            (false, true) => Ok(draft.addressees.clone()),
            _ => Err(Reason::InvalidArgument),
        }
    }

    fn admits_sender(&self, officer: &Officer, category: &str, on: Date) -> bool {
        let agency = officer.agency.as_str();
        match category {
            "case_result_fund" => self.is_member(agency, "joint-enforcement", on),
            "supervision_info" => self.is_member(agency, "fund-supervision", on),
            "fund_referral" => agency == "pboc-branch",
            "non_member_action" => {
                agency != "leading-group-office" && !self.is_member(agency, "joint-enforcement", on)
            }
            // An office's, so under its role.
            "work_notice" => agency == OFFICE_HOST && officer.role == "office",
            _ => true,
        }
    }

    /// Where a draft of an officer goes, or the reason for which it is refused.
    ///
    /// # Errors
    /// The reason.
    pub fn check(
        &self,
        officer: &Officer,
        draft: &Notification,
        on: Date,
    ) -> Result<Vec<String>, Reason> {
        if !self.is_in_force(officer, on) {
            return Err(Reason::PermissionDenied);
        }
        let to = Self::destination(draft)?;
        self.permits(officer, &to, &draft.category, on)?;
        self.sees_what_it_answers(officer, draft, on)?;
        Ok(to)
    }

    /// Whether an officer may send a category somewhere.
    fn permits(
        &self,
        officer: &Officer,
        to: &[String],
        category: &str,
        on: Date,
    ) -> Result<(), Reason> {
        if to[0].starts_with("channels/") {
            if !self.reads(officer, &to[0], on) {
                return Err(self.unseen(officer, on));
            }
            let is_offices = mechanism_of(&to[0]).is_none();
            let right = if is_offices { "office" } else { "publish" };
            if !self.may(officer, right, on) {
                return Err(Reason::PermissionDenied);
            }
        } else if !self.may(officer, "address", on) {
            return Err(Reason::PermissionDenied);
        }
        if !self.admits_sender(officer, category, on) {
            return Err(Reason::PermissionDenied);
        }
        Ok(())
    }

    /// A notification was recorded: it stands next in the logs that it goes to. Nobody sent what the
    /// hub issued. Gives its number.
    pub fn record(&mut self, seen: Notification, on: Date, to: &[String], is_sent: bool) -> usize {
        let number = self.published.len();
        let author = seen.author.clone();
        if let (true, Some(agency)) = (is_sent, author.strip_prefix("agencies/")) {
            self.settle_files(agency, &seen.attachments);
        }
        self.published.push(Published {
            on,
            asked: None,
            is_issued: !is_sent,
            call: number,
            title: seen.title.clone(),
            files: seen.attachments.clone(),
            seen,
        });
        for one in to {
            let log = if one.starts_with("channels/") {
                one.clone()
            } else {
                format!("{one}/inbox")
            };
            self.logs.entry(log).or_default().push(number);
        }
        if is_sent {
            self.logs
                .entry(format!("{author}/sent"))
                .or_default()
                .push(number);
        }
        number
    }

    /// Position that the next notification of a channel gets.
    #[must_use]
    pub fn head(&self, log: &str) -> usize {
        self.logs.get(log).map_or(0, Vec::len)
    }

    /// Notifications of a log.
    #[must_use]
    pub fn log(&self, log: &str) -> Vec<&Notification> {
        let numbers = self.logs.get(log).into_iter().flatten();
        numbers
            .map(|number| &self.published[*number].seen)
            .collect()
    }

    /// Whether an officer may see a notification.
    #[must_use]
    pub fn sees(&self, officer: &Officer, number: usize, on: Date) -> bool {
        let seen = &self.published[number].seen;
        let own = format!("agencies/{}", officer.agency);
        let is_author = seen.author == own && self.reads_sent(officer, on);
        if !seen.channel.is_empty() {
            return is_author || self.reads(officer, &seen.channel, on);
        }
        let mut inboxes = seen.addressees.iter().map(|one| format!("{one}/inbox"));
        is_author || inboxes.any(|inbox| self.reads(officer, &inbox, on))
    }

    /// Who is asked to receive a notification.
    #[must_use]
    pub fn recipients(&self, number: usize) -> Vec<String> {
        let Published {
            seen, on, asked, ..
        } = &self.published[number];
        if let Some(asked) = asked {
            return asked.clone();
        }
        if seen.channel.is_empty() {
            return seen.addressees.clone();
        }
        let readers = self.agencies.iter();
        readers
            .filter(|agency| self.is_audience(agency, &seen.channel, *on))
            .map(|agency| format!("agencies/{agency}"))
            .filter(|agency| *agency != seen.author)
            .collect()
    }

    /// Why an officer may not open or sign for a notification in a recipient's name.
    #[must_use]
    pub fn act(
        &self,
        officer: &Officer,
        number: usize,
        recipient: &str,
        is_sign: bool,
        on: Date,
    ) -> Option<Reason> {
        if !self.sees(officer, number, on) {
            return Some(self.unseen(officer, on));
        }
        let may = if recipient.starts_with("mechanisms/") {
            officer.agency == OFFICE_HOST && self.may(officer, "office", on)
        } else {
            recipient == format!("agencies/{}", officer.agency)
                && self.may(officer, if is_sign { "sign" } else { "open" }, on)
        };
        if !may {
            return Some(Reason::PermissionDenied);
        }
        let is_recipient = self.recipients(number).iter().any(|one| one == recipient);
        (!is_recipient).then_some(Reason::InvalidArgument)
    }

    /// The row of a recipient, empty at first.
    pub fn row(&mut self, number: usize, recipient: &str) -> &mut DeliveryReceipt {
        let key = (number, recipient.to_owned());
        self.receipts.entry(key).or_insert_with(|| DeliveryReceipt {
            recipient: recipient.to_owned(),
            ..DeliveryReceipt::default()
        })
    }

    /// The rows that an officer sees of a notification that it sees.
    #[must_use]
    pub fn rows(&self, officer: &Officer, number: usize, on: Date) -> Vec<DeliveryReceipt> {
        let seen = &self.published[number].seen;
        let own = format!("agencies/{}", officer.agency);
        let is_office = officer.agency == OFFICE_HOST
            && self.may(officer, "office", on)
            && !seen.channel.is_empty();
        let sees_all = seen.author == own || is_office;
        let is_own = |one: &String| {
            *one == own || (one.starts_with("mechanisms/") && officer.agency == OFFICE_HOST)
        };
        let recipients = self.recipients(number).into_iter();
        recipients
            .filter(|one| sees_all || is_own(one))
            .map(|recipient| self.row_as_seen(officer, number, &recipient, on))
            .collect()
    }

    /// The row of a recipient as an officer sees it, who may not see the reply.
    #[must_use]
    pub fn row_as_seen(
        &self,
        officer: &Officer,
        number: usize,
        recipient: &str,
        on: Date,
    ) -> DeliveryReceipt {
        let key = (number, recipient.to_owned());
        let row = self.receipts.get(&key).cloned();
        let mut row = row.unwrap_or_else(|| DeliveryReceipt {
            recipient: recipient.to_owned(),
            ..DeliveryReceipt::default()
        });
        if let Some((reply, (at, by))) = self.replies.get(&key).and_then(BTreeMap::first_key_value)
        {
            row.replied_at = *at;
            row.replied_by.clone_from(by);
            if self.sees(officer, *reply, on) {
                row.reply.clone_from(&self.published[*reply].seen.name);
            }
        }
        row
    }

    /// What waits for a reader that stands at certain positions: log, position, notification, in the
    /// order in which they were recorded.
    #[must_use]
    pub fn waiting(
        &self,
        logs: &[String],
        at: &BTreeMap<String, usize>,
    ) -> Vec<(String, usize, usize)> {
        let mut waiting: Vec<(String, usize, usize)> = vec![];
        for log in logs {
            let after = at.get(log).copied().unwrap_or_default();
            let numbers = self.logs.get(log).into_iter().flatten();
            for (index, number) in numbers.enumerate().skip(after) {
                waiting.push((log.clone(), index + 1, *number));
            }
        }
        waiting.sort_by_key(|(_, _, number)| *number);
        waiting
    }

    /// A consumer acknowledged: what it passed for the first time is delivered.
    pub fn acknowledge(
        &mut self,
        officer: &Officer,
        consumer: &str,
        to: &BTreeMap<String, usize>,
        at: Option<prost_types::Timestamp>,
    ) {
        let key = (officer.agency.clone(), consumer.to_owned());
        for (log, position) in to {
            let numbers = self.logs.get(log).cloned().unwrap_or_default();
            for number in numbers.into_iter().take(*position) {
                let recipient = match log.strip_suffix("/inbox") {
                    Some(recipient) => recipient.to_owned(),
                    None => format!("agencies/{}", officer.agency),
                };
                let row = self.row(number, &recipient);
                if row.delivered_at.is_none() {
                    row.delivered_at = at;
                    row.delivered_to = consumer.to_owned();
                }
            }
        }
        let stands = self.consumers.entry(key).or_default();
        for (log, position) in to {
            stands.insert(log.clone(), *position);
        }
    }
}
