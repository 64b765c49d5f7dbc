//! Search: reads what is asked, looks only where the caller may, and shows what is found.

use std::{str::FromStr, sync::Arc};

use hub_core::{
    crypto::{hex, sha256},
    date,
    document_number::DocumentNumber,
    names::{AgencyId, LogName, NotificationName, Recipient, RequestId},
    uscc::Uscc,
};
use hub_proto::channels::{
    Notification, NotificationKind, NotificationRef, NotificationState, SearchNotificationsRequest,
    SearchNotificationsResponse,
};
use prost::Message as _;

use super::{PAGE_BYTES_MAX, lookup};
use crate::{
    authz::{Access, HUB_AGENCY},
    charter::{Action, category::HUB_CATEGORIES},
    domain::channels::log::{self, NotificationPlace},
    engine::Engine,
    error::{Error, Result, Violation},
    search::{Hit, Hits, Query, Term, TitleQuery},
    state::{keys, view::ViewExt as _},
    wire::{Services, page, reads::shown::Shown},
};

/// Largest page of a search.
pub const SEARCH_PAGE_MAX: usize = 200;
/// Page of a search when none is asked for.
pub const SEARCH_PAGE_DEFAULT: usize = 50;
/// Longest words looked for in titles, in characters.
pub const SEARCH_TITLE_CHARACTERS_MAX: usize = 100;

/// A place where no notification is: nothing is recorded at the last index there could be.
const NOWHERE: NotificationPlace = NotificationPlace {
    entry_index: u64::MAX,
    item: 0,
};

/// Answers a search, and says what the answer shows.
pub(super) async fn search(
    services: &Services,
    access: Access,
    request: &SearchNotificationsRequest,
) -> Result<(SearchNotificationsResponse, Shown)> {
    let mut asked = Asked::default();
    let size = page::size(request.page_size, SEARCH_PAGE_DEFAULT, SEARCH_PAGE_MAX);
    let size = asked.checked(size);
    asked.read(&access, request);
    asked.read_times(request);
    let reply_to = asked.parsed::<NotificationName>("in_reply_to", &request.in_reply_to);
    if !asked.violations.is_empty() {
        return Err(Error::fields(asked.violations));
    }
    let list = list_of(request);
    let mut query = asked.query;
    query.logs = logs(&access, &request.channel)?;
    query.after = after(&request.page_token, access.agency(), &list)?;
    query.is_oldest_first = request.oldest_first;
    if let Some(name) = reply_to {
        // Whether there is such a notification is not told, also not by an answer that waits for no
        // index: what replies to nothing is looked for as what replies to something.
        let place = place_of(&services.engine, &name)?.unwrap_or(NOWHERE);
        query.terms.push(Term::reply_to(place));
    }
    let shown = Page {
        engine: Arc::clone(&services.engine),
        access,
        list,
        size: size.unwrap_or(SEARCH_PAGE_DEFAULT),
    };
    services
        .search
        .find(query, move |hits| shown.read(hits))
        .await
}

/// The logs that the caller may look into: one channel, or all there are.
fn logs(access: &Access, channel: &str) -> Result<Vec<Term>> {
    if !channel.is_empty() {
        let log: LogName = super::parse("channel", channel)?;
        access.read_log(&log)?;
        return Ok(vec![Term::log(channel)]);
    }
    let sent = LogName::Sent(access.agency().clone());
    let mut logs = access.readable_logs();
    if access.read_log(&sent).is_ok() {
        logs.push(sent);
    }
    if logs.is_empty() {
        // Says which roles there are, as every other refusal does.
        access.permit(Action::ChannelsRead)?;
    }
    Ok(logs.iter().map(|log| Term::log(&log.to_string())).collect())
}

/// Names a search, so that a page token is of no use to another.
fn list_of(request: &SearchNotificationsRequest) -> String {
    let request = SearchNotificationsRequest {
        page_size: 0,
        page_token: String::new(),
        ..request.clone()
    };
    format!("search?{}", hex(&sha256(&[&request.encode_to_vec()])))
}

fn token(agency: &AgencyId, list: &str, place: NotificationPlace) -> String {
    let entry = place.entry_index.to_be_bytes();
    let place = [entry.as_slice(), &place.item.to_be_bytes()].concat();
    page::token_bytes(agency, list, &place)
}

fn after(token: &str, agency: &AgencyId, list: &str) -> Result<Option<NotificationPlace>> {
    let Some(bytes) = page::bytes(token, agency, list)? else {
        return Ok(None);
    };
    let place = bytes.split_first_chunk::<8>().and_then(|(entry, item)| {
        Some(NotificationPlace {
            entry_index: u64::from_be_bytes(*entry),
            item: u32::from_be_bytes(item.try_into().ok()?),
        })
    });
    place.map(Some).ok_or_else(page::invalid)
}

/// Where a notification is, whoever asks: what comes of it is filtered like everything else.
fn place_of(engine: &Engine, name: &NotificationName) -> Result<Option<NotificationPlace>> {
    match name {
        NotificationName::InChannel(channel, position) => log::place(
            engine.store(),
            &LogName::Channel(channel.clone()),
            *position,
        ),
        NotificationName::Addressed(author, id) => {
            let found: Option<NotificationRef> =
                engine.store().message(&keys::addressed(author, id))?;
            Ok(found.as_ref().map(NotificationPlace::from))
        }
    }
}

/// What is asked, and what is wrong with it.
#[derive(Debug, Default)]
struct Asked {
    query: Query,
    violations: Vec<Violation>,
}

impl Asked {
    fn broken(&mut self, field: &str, rule: impl Into<String>) {
        self.violations.push(Violation {
            field: field.into(),
            rule: rule.into(),
        });
    }

    fn checked<T>(&mut self, result: Result<T>) -> Option<T> {
        result
            .map_err(|error| self.violations.extend(error.violations))
            .ok()
    }

    /// A field that is set and has its form.
    fn parsed<T: FromStr>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        if text.is_empty() {
            return None;
        }
        text.parse()
            .map_err(|rule: T::Err| self.broken(field, rule.to_string()))
            .ok()
    }

    fn read(&mut self, access: &Access, request: &SearchNotificationsRequest) {
        self.read_title(&request.title);
        if let Some(log) = self.parsed::<LogName>("channel", &request.channel)
            && !matches!(log, LogName::Channel(_))
        {
            self.broken("channel", "must be channels/{channel}");
        }
        let charter = access.roster().charter();
        if !request.category.is_empty() {
            let is_known = HUB_CATEGORIES.contains(&request.category.as_str())
                || charter.category(&request.category).is_some();
            match is_known {
                true => self.query.terms.push(Term::category(&request.category)),
                false => self.broken("category", "must be a category of the charter"),
            }
        }
        if !request.author.is_empty() {
            let agency = request.author.strip_prefix("agencies/");
            let agency: Option<AgencyId> = agency.and_then(|id| id.parse().ok());
            match agency {
                Some(agency)
                    if agency.as_str() == HUB_AGENCY || charter.agency(&agency).is_some() =>
                {
                    self.query.terms.push(Term::author(&request.author));
                }
                _ => self.broken(
                    "author",
                    "must be agencies/{agency}, an agency of the charter, or agencies/hub",
                ),
            }
        }
        if let Some(recipient) = self.parsed::<Recipient>("addressee", &request.addressee) {
            let term = Term::addressee(&recipient.to_string());
            self.query.terms.push(term);
        }
        if let Some(uscc) = self.parsed::<Uscc>("uscc", &request.uscc) {
            self.query.terms.push(Term::subject(uscc.as_str()));
        }
        let number = with_hexagonal_brackets(&request.document_number);
        if let Some(number) = self.parsed::<DocumentNumber>("document_number", &number) {
            self.query.terms.push(Term::document(&number.to_string()));
        }
        if let Some(id) = self.parsed::<RequestId>("request_id", &request.request_id) {
            self.query.request_id = Some(*id.as_bytes());
        }
        self.read_enums(request);
    }

    fn read_title(&mut self, title: &str) {
        if title.is_empty() {
            return;
        }
        if title.chars().count() > SEARCH_TITLE_CHARACTERS_MAX {
            let rule = format!("must be at most {SEARCH_TITLE_CHARACTERS_MAX} characters");
            self.broken("title", rule);
            return;
        }
        self.query.title = TitleQuery::new(title);
        if self.query.title.is_none() {
            self.broken("title", "must hold a letter, a digit or a character");
        }
    }

    fn read_enums(&mut self, request: &SearchNotificationsRequest) {
        match NotificationState::try_from(request.state) {
            Ok(NotificationState::Unspecified) => {}
            Ok(state) => self.query.terms.push(Term::state(state.into())),
            Err(_) => self.broken("state", "must be a state that this hub knows"),
        }
        match NotificationKind::try_from(request.kind) {
            Ok(NotificationKind::Unspecified) => {}
            Ok(kind) => self.query.terms.push(Term::kind(kind.into())),
            Err(_) => self.broken("kind", "must be a kind that this hub knows"),
        }
    }

    fn read_times(&mut self, request: &SearchNotificationsRequest) {
        let mut time = |field: &str, at: &Option<prost_types::Timestamp>| {
            let at = at.as_ref()?;
            match date::from_timestamp(at) {
                // Up, so that an instant between two microseconds is kept to on both sides.
                Some(at) => Some(
                    at.as_nanosecond()
                        .div_euclid(1_000)
                        .saturating_add(i128::from(at.as_nanosecond().rem_euclid(1_000) != 0)),
                ),
                None => {
                    self.broken(field, "must be an instant of the years 1 to 9999");
                    None
                }
            }
        };
        let from = time("published_from", &request.published_from);
        let before = time("published_before", &request.published_before);
        if let (Some(from), Some(before)) = (from, before)
            && from >= before
        {
            self.broken("published_before", "must be after published_from");
        }
        let us = |at: Option<i128>| at.and_then(|at| i64::try_from(at).ok());
        self.query.from_us = us(from);
        self.query.before_us = us(before);
    }
}

/// Who looks for a number may have it with other brackets; who publishes one may not.
fn with_hexagonal_brackets(number: &str) -> String {
    let brackets = |c: char| match c {
        '[' | '(' | '［' | '（' | '【' | '﹝' => '〔',
        ']' | ')' | '］' | '）' | '】' | '﹞' => '〕',
        c => c,
    };
    number.trim().chars().map(brackets).collect()
}

/// A page as it is filled.
struct Page {
    engine: Arc<Engine>,
    access: Access,
    list: String,
    size: usize,
}

impl Page {
    fn read(&self, hits: &mut Hits<'_>) -> Result<(SearchNotificationsResponse, Shown)> {
        let mut notifications: Vec<Notification> = vec![];
        let mut reads = Shown::default();
        let mut last = None;
        let mut bytes = 0_usize;
        let mut entry = None;
        let has_more = loop {
            let place = match hits.read_next()? {
                Hit::Place(place) => place,
                Hit::End => break false,
                Hit::TooFar if !notifications.is_empty() => break true,
                Hit::TooFar => return Err(too_far()),
            };
            if notifications.len() >= self.size || bytes >= PAGE_BYTES_MAX {
                break true;
            }
            let found = lookup::seen_at(&self.engine, &self.access, place, &mut entry)?;
            if let Some(found) = found {
                reads.seen(&self.engine, &self.access, found.read())?;
                let mut shown = found.notification.as_ref().clone();
                shown.body.clear();
                bytes = bytes.saturating_add(shown.encoded_len());
                notifications.push(shown);
                last = Some(place);
            }
        };
        let next_page_token = match last {
            Some(last) if has_more => token(self.access.agency(), &self.list, last),
            _ => String::new(),
        };
        let page = SearchNotificationsResponse {
            notifications,
            next_page_token,
        };
        Ok((page, reads))
    }
}

/// Trying it again would not help, so there is no hint of when.
fn too_far() -> Error {
    Error::new(
        hub_core::reason::Reason::LimitExceeded,
        "this search reads too much before it finds anything; narrow it, such as by a period, an \
         author or a category",
    )
}
