//! What a search finds, one after another.

use std::sync::Arc;

use hub_proto::channels::Notification;

use super::Threads;
use crate::error::Result;

/// What a search finds, as an iterator that fetches a page at a time. Made by
/// [`super::Channels::search_all`]. After an error it can be asked again and goes on where it was;
/// inside an async runtime it answers [`crate::ClientError::AsyncContext`].
///
/// ```no_run
/// use agency_client::{blocking::Client, channels::SearchQuery};
///
/// # fn example(client: Client) -> agency_client::Result<()> {
/// let query = SearchQuery::new().author("tax").oldest_first();
/// let first = client.channels().search_all(query).next().transpose()?;
/// println!("{:?}", first.map(|one| one.title));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SearchResults {
    pub(super) inner: crate::channels::SearchResults,
    pub(super) threads: Arc<Threads>,
}

impl Iterator for SearchResults {
    type Item = Result<Notification>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.threads.run(self.inner.next());
        next.and_then(|found| found).transpose()
    }
}
