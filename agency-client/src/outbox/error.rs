//! What can go wrong with an outbox, and what to do about it.

use std::{path::PathBuf, time::Duration};

use super::{State, Ticket};
use crate::error::{ClientError, Lang};

/// Why an outbox could not do what it was asked. Nothing that was enqueued is lost by any of these.
///
/// ```no_run
/// use agency_client::outbox::{Outbox, OutboxError, Outgoing};
///
/// # async fn example(outbox: Outbox, what: Outgoing) {
/// match outbox.enqueue("oa", what).await {
///     Ok(enqueued) => println!("item {}", enqueued.ticket),
///     Err(OutboxError::Full { items, .. }) => println!("{items} wait; later"),
///     Err(error) => println!("{error}\n{}", error.advice()),
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The caller: an argument breaks a rule; nothing was enqueued.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No room: what waits for the hub has reached a bound of the options.
    #[error(
        "the outbox is full: {items} of {items_max} items and {bytes} of {bytes_max} bytes wait"
    )]
    Full {
        /// Items that wait or are set aside.
        items: u64,
        /// Most items that may.
        items_max: u64,
        /// Their bytes, attachments included.
        bytes: u64,
        /// Most bytes that may.
        bytes_max: u64,
    },
    /// The caller: it can never fit.
    #[error("{what} has {bytes} bytes, at most {bytes_max} are possible")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        bytes_max: u64,
    },
    /// The caller: the key was used for other content.
    #[error("the key {key:?} was used before, for other content: see item {ticket}")]
    KeyReused {
        /// The key.
        key: String,
        /// The item that has it.
        ticket: Ticket,
    },
    /// There is no such item: it was discarded, or delivered so long ago that it was pruned.
    #[error("there is no item {0}")]
    NoSuchItem(Ticket),
    /// The item's state does not allow what was asked.
    #[error("item {ticket} is {state} and cannot be {verb}: {why}")]
    WrongState {
        /// The item.
        ticket: Ticket,
        /// Its state.
        state: State,
        /// What was asked, such as "discarded".
        verb: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// The hub refused the item for good; it is set aside.
    #[error("the hub refused item {ticket}: {reason}: {message}")]
    Refused {
        /// The item.
        ticket: Ticket,
        /// The hub's reason.
        reason: String,
        /// The hub's message.
        message: String,
    },
    /// Another process, or another part of this one, sends from this folder.
    #[error("{}: another sender works on this outbox", folder.display())]
    SenderRuns {
        /// The folder.
        folder: PathBuf,
    },
    /// The outbox belongs to another agency than the client.
    #[error("{}: this outbox sends for {owner}, the client is of {client}", folder.display())]
    OtherAgency {
        /// The folder.
        folder: PathBuf,
        /// The agency that it has sent for.
        owner: String,
        /// The client's agency.
        client: String,
    },
    /// A newer release wrote it.
    #[error("{}: has format {found}, this release knows up to {known}", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that this release knows.
        known: i64,
    },
    /// This machine: the file is damaged.
    #[error("{}: is damaged: {detail}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// This machine: the disk is full; nothing was enqueued, and what was before is safe.
    #[error("{}: the disk is full", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// Another process held the outbox for too long.
    #[error("{}: another process has held it for {} ms", path.display(), waited.as_millis())]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// This machine: a file or folder cannot be read or written.
    #[error("{}: {detail}", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
}

impl OutboxError {
    /// A short name of what happened, for programs.
    ///
    /// ```
    /// use agency_client::outbox::OutboxError;
    ///
    /// let error = OutboxError::Full { items: 9, items_max: 9, bytes: 1, bytes_max: 2 };
    /// assert_eq!(error.reason_text(), "OUTBOX_FULL");
    /// ```
    #[must_use]
    pub fn reason_text(&self) -> &str {
        match self {
            Self::Client(error) => error.reason_text(),
            Self::Full { .. } => "OUTBOX_FULL",
            Self::TooLarge { .. } => "OUTBOX_TOO_LARGE",
            Self::KeyReused { .. } => "OUTBOX_KEY_REUSED",
            Self::NoSuchItem(_) => "OUTBOX_NO_SUCH_ITEM",
            Self::WrongState { .. } => "OUTBOX_WRONG_STATE",
            Self::Refused { reason, .. } => reason,
            Self::SenderRuns { .. } => "OUTBOX_SENDER_RUNS",
            Self::OtherAgency { .. } => "OUTBOX_OTHER_AGENCY",
            Self::NewerFormat { .. } => "OUTBOX_NEWER_FORMAT",
            Self::Corrupt { .. } => "OUTBOX_CORRUPT",
            Self::DiskFull { .. } => "OUTBOX_DISK_FULL",
            Self::Busy { .. } => "OUTBOX_BUSY",
            Self::Storage { .. } => "OUTBOX_STORAGE",
        }
    }

    /// What to do next, in English.
    ///
    /// ```
    /// use agency_client::outbox::OutboxError;
    ///
    /// let error = OutboxError::Full { items: 9, items_max: 9, bytes: 1, bytes_max: 2 };
    /// assert!(!error.advice().is_empty());
    /// ```
    #[must_use]
    pub fn advice(&self) -> &'static str {
        self.advice_in(Lang::En)
    }

    /// What to do next, in a language.
    ///
    /// ```
    /// use agency_client::{Lang, outbox::OutboxError};
    ///
    /// let error = OutboxError::Full { items: 9, items_max: 9, bytes: 1, bytes_max: 2 };
    /// assert_ne!(error.advice_in(Lang::Zh), error.advice());
    /// ```
    #[must_use]
    pub fn advice_in(&self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::Client(error) => return error.advice_in(lang),
            other => of_outbox(other),
        };
        lang.pick(en, zh)
    }
}

fn of_outbox(error: &OutboxError) -> (&'static str, &'static str) {
    match error {
        OutboxError::Full { .. } => (
            "Wait until a sender has delivered some (see that one runs and reaches the hub), deal \
             with refused items, or raise the bound.",
            "等待发送进程投递（确认其正在运行且能连接中枢），处理被拒条目，或调高上限。",
        ),
        OutboxError::TooLarge { .. } => (
            "Send less in one item, or raise the outbox's bound in bytes.",
            "减小单个条目，或调高发件箱的字节上限。",
        ),
        OutboxError::KeyReused { .. } => (
            "Use a new key for new content; use the old one only to repeat the same item.",
            "新内容须用新的键；旧键仅用于重复同一条目。",
        ),
        OutboxError::NoSuchItem(_) => (
            "List the outbox: the item was discarded, or was delivered and has been pruned since.",
            "查看发件箱列表：该条目已被丢弃，或投递后已清理。",
        ),
        OutboxError::WrongState { .. } => (
            "Look at the item's state; what was asked fits another state.",
            "查看条目状态；该操作适用于其他状态。",
        ),
        OutboxError::Refused { .. } => (
            "Look at the reason, then retry the item when the cause is gone, or discard it.",
            "查看原因；消除原因后重试，或丢弃该条目。",
        ),
        OutboxError::SenderRuns { .. } => (
            "One sender is enough: it delivers what any process enqueues. Stop it first to use \
             another.",
            "一个发送进程即可投递所有条目；如需更换，请先停止现有进程。",
        ),
        OutboxError::OtherAgency { .. } => (
            "Use the profile of the agency that the outbox belongs to, or another folder.",
            "使用该发件箱所属单位的配置，或另选目录。",
        ),
        other => of_machine(other),
    }
}

fn of_machine(error: &OutboxError) -> (&'static str, &'static str) {
    match error {
        OutboxError::NewerFormat { .. } => (
            "Use the release that wrote it, or a newer one.",
            "请使用写入该文件的版本或更新版本。",
        ),
        OutboxError::Corrupt { .. } => (
            "Stop everything that uses the folder and copy it away whole; do not delete it. Recover \
             the rows from the copy with the `.recover` command of sqlite3, compare them with the \
             agency's sent log, and enqueue what is missing into a new folder.",
            "停止所有使用该目录的程序并完整备份，切勿删除。用 sqlite3 的 .recover 从备份恢复记录，\
             与本单位发件日志核对，将缺失条目放入新目录。",
        ),
        OutboxError::DiskFull { .. } => (
            "Make room on the disk and try again; what was enqueued before is safe.",
            "清理磁盘后重试；此前已入箱的条目不受影响。",
        ),
        OutboxError::Busy { .. } => (
            "Try again; if it goes on, find the process that holds the outbox's database.",
            "重试；若持续出现，请找出占用发件箱数据库的进程。",
        ),
        _ => (
            "Check that the folder exists on a local disk and that this user may write it.",
            "检查目录是否位于本地磁盘且当前用户可写。",
        ),
    }
}
