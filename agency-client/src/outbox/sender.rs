//! The one process that sends.

use super::{Outbox, OutboxError, Result};
use crate::Client;

/// Sends what an outbox holds. Made by [`Outbox::sender`]; it holds the folder's sender lock as
/// long as it lives.
#[derive(Debug)]
pub struct OutboxSender {
    outbox: Outbox,
}

impl OutboxSender {
    pub(super) fn start(outbox: &Outbox) -> Result<Self> {
        Ok(Self {
            outbox: outbox.clone(),
        })
    }

    /// Sends until `shutdown` completes; what is under way then is brought to its end first,
    /// within the client's deadline. A hub that is away, also at the start, is waited for.
    ///
    /// What the hub refuses for good is set aside or holds its stream, as the options say. Trouble
    /// that is not the item's, such as an expired certificate or a full disk of the hub, sets
    /// nothing aside: the sender tries again, for ever.
    ///
    /// # Errors
    /// [`OutboxError`] when the outbox itself cannot be read or written, or belongs to another
    /// agency. What waits is kept; run another sender when the cause is gone.
    pub async fn run(
        self,
        client: Client,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        drop(client);
        shutdown.await;
        Err(OutboxError::Storage {
            path: self.outbox.folder().to_owned(),
            detail: "this part is being written".into(),
        })
    }
}
