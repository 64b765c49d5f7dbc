//! Search: what to look for, and results page after page.

use std::collections::VecDeque;

use hub_core::date;
use hub_proto::channels::{
    Notification, NotificationKind, NotificationState, SearchNotificationsRequest,
};
use jiff::Timestamp;

use super::{Channels, draft::addressee_name};
use crate::error::Result;

/// Builds a search. Everything that is set narrows it; nothing set finds all that the caller may see.
///
/// ```no_run
/// use agency_client::{Client, channels::SearchQuery, proto::channels::NotificationState};
///
/// # async fn example(client: Client) -> Result<(), agency_client::ClientError> {
/// let query = SearchQuery::new()
///     .title("年度检查")
///     .author("civil-affairs")
///     .state(NotificationState::Current);
/// let mut results = client.channels().search_all(query);
/// while let Some(notification) = results.next().await? {
///     println!("{} {}", notification.name, notification.title);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchQuery {
    request: SearchNotificationsRequest,
}

impl SearchQuery {
    /// Finds all that the caller may see, newest first.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new();
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Words of the title, at most 100 characters. What stands between spaces is looked for as it is, and
    /// all of it must be there; there is no query syntax.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().title("年度 检查");
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn title(mut self, words: impl Into<String>) -> Self {
        self.request.title = words.into();
        self
    }

    /// In a channel: its id, or `channels/{channel}`.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().channel("joint-enforcement");
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn channel(mut self, channel: &str) -> Self {
        let channel = channel.strip_prefix("channels/").unwrap_or(channel);
        self.request.channel = format!("channels/{channel}");
        self
    }

    /// Of a category of the charter.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().category("coordination");
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.request.category = category.into();
        self
    }

    /// By an agency: its id, or `agencies/{agency}`; `hub` for what the hub itself issued.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().author("tax");
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn author(mut self, agency: &str) -> Self {
        self.request.author = addressee_name(agency);
        self
    }

    /// To a named addressee: `agencies/{agency}` or `mechanisms/{mechanism}/office`; a bare id means an
    /// agency.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().addressee("mechanisms/joint-enforcement/office");
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn addressee(mut self, addressee: &str) -> Self {
        self.request.addressee = addressee_name(addressee);
        self
    }

    /// About an organisation, by its unified social credit code.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().uscc("51100000500008957Y");
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn uscc(mut self, uscc: impl Into<String>) -> Self {
        self.request.uscc = uscc.into();
        self
    }

    /// With a document number, such as 晋民函〔2021〕64号; brackets of any kind around the year.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().document_number("晋民函〔2021〕64号");
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn document_number(mut self, number: impl Into<String>) -> Self {
        self.request.document_number = number.into();
        self
    }

    /// Published at or after an instant.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().published_from("2026-01-01T00:00:00+08:00".parse()?);
    /// # drop(query);
    /// # Ok::<(), jiff::Error>(())
    /// ```
    #[must_use]
    pub fn published_from(mut self, at: Timestamp) -> Self {
        self.request.published_from = Some(date::timestamp(at));
        self
    }

    /// Published before an instant.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().published_before("2026-01-01T00:00:00+08:00".parse()?);
    /// # drop(query);
    /// # Ok::<(), jiff::Error>(())
    /// ```
    #[must_use]
    pub fn published_before(mut self, at: Timestamp) -> Self {
        self.request.published_before = Some(date::timestamp(at));
        self
    }

    /// In a state: as it stands, corrected or retracted.
    ///
    /// ```
    /// use agency_client::{channels::SearchQuery, proto::channels::NotificationState};
    ///
    /// let query = SearchQuery::new().state(NotificationState::Retracted);
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn state(mut self, state: NotificationState) -> Self {
        self.request.state = state.into();
        self
    }

    /// Of a kind: originals, corrections, retractions or reminders.
    ///
    /// ```
    /// use agency_client::{channels::SearchQuery, proto::channels::NotificationKind};
    ///
    /// let query = SearchQuery::new().kind(NotificationKind::Correction);
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn kind(mut self, kind: NotificationKind) -> Self {
        self.request.kind = kind.into();
        self
    }

    /// Replies to a notification, by its resource name.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().in_reply_to("channels/all-members/notifications/7");
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn in_reply_to(mut self, name: impl Into<String>) -> Self {
        self.request.in_reply_to = name.into();
        self
    }

    /// With the author's own id.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().request_id("01980000-0000-7000-8000-000000000000");
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request.request_id = id.into();
        self
    }

    /// Oldest first instead of newest first.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().oldest_first();
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn oldest_first(mut self) -> Self {
        self.request.oldest_first = true;
        self
    }

    /// At most so many on a page, 1 to 200; 50 when not set.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().page_size(200);
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn page_size(mut self, size: u16) -> Self {
        self.request.page_size = size.into();
        self
    }

    /// Goes on after an earlier page of the same query.
    ///
    /// ```
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().page_token("from an earlier page");
    /// # drop(query);
    /// ```
    #[must_use]
    pub fn page_token(mut self, token: impl Into<String>) -> Self {
        self.request.page_token = token.into();
        self
    }

    pub(super) fn request(&self) -> &SearchNotificationsRequest {
        &self.request
    }
}

/// What a search finds, fetched a page at a time. Made by [`Channels::search_all`].
///
/// ```no_run
/// use agency_client::{Client, channels::SearchQuery};
///
/// # async fn example(client: Client) -> agency_client::Result<()> {
/// let mut results = client.channels().search_all(SearchQuery::new().title("检查"));
/// while let Some(one) = results.next().await? {
///     println!("{}", one.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SearchResults {
    channels: Channels,
    query: SearchQuery,
    page: VecDeque<Notification>,
    is_last: bool,
}

impl SearchResults {
    pub(super) fn new(channels: Channels, query: SearchQuery) -> Self {
        Self {
            channels,
            query,
            page: VecDeque::new(),
            is_last: false,
        }
    }

    /// The next notification, without its body; `None` at the end. After an error it can be called
    /// again and goes on where it was.
    ///
    /// ```no_run
    /// # async fn example(mut results: agency_client::channels::SearchResults) -> agency_client::Result<()> {
    /// while let Some(one) = results.next().await? {
    ///     println!("{}", one.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn next(&mut self) -> Result<Option<Notification>> {
        while self.page.is_empty() && !self.is_last {
            let answer = self.channels.search(&self.query).await?;
            self.page = answer.notifications.into();
            self.is_last = answer.next_page_token.is_empty();
            self.query.request.page_token = answer.next_page_token;
        }
        Ok(self.page.pop_front())
    }
}
