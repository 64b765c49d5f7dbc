//! What went wrong, by who is at fault, and what to do next.
//!
//! Invariant: nothing here holds a token, a key or a body.
//!
//! ```no_run
//! # async fn example(client: agency_client::Client) {
//! if let Err(error) = client.members().who_am_i().await {
//!     eprintln!("{}: {error}\n{}", error.reason_text(), error.advice());
//! }
//! # }
//! ```

mod advice;
mod status;

use std::{path::PathBuf, time::Duration};

use hub_core::{crypto::CryptoError, reason::Reason};

pub use advice::Lang;
pub(crate) use status::from_status;

/// Result with [`ClientError`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// client.members().who_am_i().await?;
/// # Ok(())
/// # }
/// ```
pub type Result<T, E = ClientError> = std::result::Result<T, E>;

/// Longest wait before a retry that an answer can ask for (`google.rpc.RetryInfo`). What asks for more counts
/// as this much, so that nobody's word holds back an outbox or a subscription for good.
///
/// ```
/// assert_eq!(agency_client::error::RETRY_AFTER_MAX, std::time::Duration::from_secs(3_600));
/// ```
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// Why a call failed. Each variant says who is at fault; [`ClientError::advice`] says what to do.
///
/// ```no_run
/// use agency_client::{Client, ClientError};
///
/// # async fn example(client: Client) {
/// match client.members().who_am_i().await {
///     Ok(me) => println!("{:?}", me.agency),
///     Err(ClientError::Unreachable { endpoint, .. }) => println!("{endpoint} is away"),
///     Err(error) => println!("{error}\n{}", error.advice()),
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The caller: an argument breaks a rule before anything is sent.
    #[error("{field}: {rule}")]
    Input {
        /// The argument.
        field: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// This machine: a local file cannot be read or written, or does not hold what it must.
    #[error("{}: {problem}", path.display())]
    LocalFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// This machine: its random source or a private key failed.
    #[error("signing failed: {0}")]
    Signing(CryptoError),
    /// The caller: a blocking call was made inside an async runtime.
    #[error("a blocking call was made inside an async runtime")]
    AsyncContext,
    /// The hub refused the call.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The hub's TLS layer refused this node's certificate: unknown, revoked or out of its time.
    #[error("the hub at {endpoint} refused this node's certificate: {detail}")]
    NodeRefused {
        /// The hub.
        endpoint: String,
        /// The TLS alert.
        detail: String,
    },
    /// Whoever answers at the endpoint has no certificate that the profile's CA vouches for.
    #[error("what answers at {endpoint} is not the hub of this profile: {detail}")]
    HubUntrusted {
        /// The endpoint.
        endpoint: String,
        /// What is wrong with its certificate.
        detail: String,
    },
    /// Nobody answers at the endpoint, or the connection broke.
    #[error("cannot reach the hub at {endpoint}: {detail}")]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// The cause.
        detail: String,
    },
    /// The answer did not come in time. A mutating call may or may not have been recorded; the
    /// same `request_id` sent again tells.
    #[error("no answer from the hub at {endpoint} within {} ms", after.as_millis())]
    Deadline {
        /// The endpoint.
        endpoint: String,
        /// How long the caller allowed.
        after: Duration,
    },
    /// The hub: its ledger is not a continuation of the one this node saw before.
    #[error(
        "THE HUB'S HISTORY HAS BEEN REWRITTEN: {detail}. Remembered: {remembered_size} entries, \
         root {remembered_root}; now shown: {shown_size} entries, root {shown_root}"
    )]
    HistoryRewritten {
        /// What does not fit.
        detail: String,
        /// Size of the tree that was verified before.
        remembered_size: u64,
        /// Its root hash, hex.
        remembered_root: String,
        /// Size of the tree that the hub shows now.
        shown_size: u64,
        /// Its root hash, hex.
        shown_root: String,
    },
    /// The hub, or whoever made a bundle: a proof, signature or receipt does not hold.
    #[error("{0}")]
    Verification(String),
    /// The hub: it skipped positions of a log.
    #[error("the hub skipped part of {log}: position {expected} must follow, {received} came")]
    Gap {
        /// The log.
        log: String,
        /// The position that had to come.
        expected: i64,
        /// The position that came.
        received: i64,
    },
    /// The hub: its answer breaks the contract of the protos.
    #[error("the hub's answer breaks the contract: {0}")]
    Protocol(String),
}

/// What the hub said when it refused a call.
///
/// ```no_run
/// use agency_client::ClientError;
///
/// # fn example(error: ClientError) {
/// if let ClientError::Refused(refusal) = error {
///     for one in &refusal.violations {
///         println!("{} {}", one.field, one.rule);
///     }
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, when the hub gave one that this client knows.
    pub reason: Option<Reason>,
    /// The reason's text as it came; empty when the error carries none.
    pub reason_text: String,
    /// The gRPC code.
    pub code: tonic::Code,
    /// The message.
    pub message: String,
    /// Fields at fault.
    pub violations: Vec<Violation>,
    /// When a retry may succeed, [`RETRY_AFTER_MAX`] at most.
    pub retry_after: Option<Duration>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.reason_text.is_empty() {
            write!(f, "gRPC {:?}: {}", self.code, self.message)
        } else {
            write!(f, "{}: {}", self.reason_text, self.message)
        }
    }
}

/// One field that breaks a rule.
///
/// ```
/// use agency_client::error::Violation;
///
/// let violation = Violation { field: "title".into(), rule: "must be one line".into() };
/// assert_eq!(format!("{} {}", violation.field, violation.rule), "title must be one line");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, such as `notification.subjects[2].uscc`.
    pub field: String,
    /// The rule, such as "must be 18 characters".
    pub rule: String,
}

impl ClientError {
    /// An argument that breaks a rule.
    pub(crate) fn input(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Input {
            field: field.into(),
            rule: rule.into(),
        }
    }

    /// A local file at fault.
    pub(crate) fn file(path: impl Into<PathBuf>, problem: impl std::fmt::Display) -> Self {
        Self::LocalFile {
            path: path.into(),
            problem: problem.to_string(),
        }
    }

    /// The hub's reason, when it gave one.
    ///
    /// ```
    /// use agency_client::ClientError;
    ///
    /// let error = ClientError::AsyncContext;
    /// assert_eq!(error.reason(), None, "the hub was not asked");
    /// ```
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused(refusal) => refusal.reason,
            _ => None,
        }
    }

    /// A short name of what happened: the hub's reason, or one of the client's own.
    ///
    /// ```
    /// use agency_client::ClientError;
    ///
    /// let error = ClientError::AsyncContext;
    /// assert_eq!(error.reason_text(), "ASYNC_CONTEXT");
    /// ```
    #[must_use]
    pub fn reason_text(&self) -> &str {
        match self {
            Self::Input { .. } => "INPUT_INVALID",
            Self::LocalFile { .. } => "LOCAL_FILE",
            Self::Signing(_) => "SIGNING_FAILED",
            Self::AsyncContext => "ASYNC_CONTEXT",
            Self::Refused(refusal) if refusal.reason_text.is_empty() => "REFUSED",
            Self::Refused(refusal) => &refusal.reason_text,
            Self::NodeRefused { .. } => "NODE_REFUSED",
            Self::HubUntrusted { .. } => "HUB_UNTRUSTED",
            Self::Unreachable { .. } => "UNREACHABLE",
            Self::Deadline { .. } => "DEADLINE",
            Self::HistoryRewritten { .. } => "HISTORY_REWRITTEN",
            Self::Verification(_) => "VERIFICATION_FAILED",
            Self::Gap { .. } => "GAP",
            Self::Protocol(_) => "PROTOCOL",
        }
    }

    /// The page of the project that explains the hub's reason: `docs/errors/<REASON>.md`.
    ///
    /// ```no_run
    /// # fn example(error: agency_client::ClientError) {
    /// if let Some(page) = error.help_page() {
    ///     println!("see {page}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn help_page(&self) -> Option<String> {
        self.reason()
            .map(|reason| format!("docs/errors/{reason}.md"))
    }

    /// What to do next, in English.
    ///
    /// ```
    /// use agency_client::ClientError;
    ///
    /// let error = ClientError::AsyncContext;
    /// assert!(!error.advice().is_empty());
    /// ```
    #[must_use]
    pub fn advice(&self) -> &'static str {
        self.advice_in(Lang::En)
    }

    /// What to do next, in a language.
    ///
    /// ```
    /// use agency_client::{ClientError, Lang};
    ///
    /// let error = ClientError::AsyncContext;
    /// assert_ne!(error.advice_in(Lang::Zh), error.advice_in(Lang::En));
    /// ```
    #[must_use]
    pub fn advice_in(&self, lang: Lang) -> &'static str {
        advice::advice(self, lang)
    }

    /// Whether a fresh token is all that is missing.
    pub(crate) fn is_token_expired(&self) -> bool {
        self.reason() == Some(Reason::TokenExpired)
    }

    /// Whether the same call may succeed later, and the wait that the hub asks for: it cannot
    /// answer now, a limit passes, or the connection broke.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use agency_client::ClientError;
    ///
    /// let broken = ClientError::Unreachable { endpoint: "https://hub".into(), detail: "cut".into() };
    /// assert_eq!(broken.retryable(), Some(Duration::ZERO));
    /// assert_eq!(ClientError::AsyncContext.retryable(), None);
    /// ```
    #[must_use]
    pub fn retryable(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { .. } => Some(Duration::ZERO),
            Self::Refused(refusal) => match (refusal.reason, refusal.code) {
                (Some(Reason::Unavailable), _) | (None, tonic::Code::Unavailable) => {
                    Some(refusal.retry_after.unwrap_or_default())
                }
                (Some(Reason::LimitExceeded | Reason::StorageFull), _) => refusal.retry_after,
                _ => None,
            },
            _ => None,
        }
    }
}

impl From<CryptoError> for ClientError {
    fn from(error: CryptoError) -> Self {
        Self::Signing(error)
    }
}
