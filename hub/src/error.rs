//! One error type for what a caller is told.
//!
//! `message` is for outside: it names the field and the rule. `context` is for the log: it never
//! leaves the hub, and never holds tokens, keys or bodies.

use std::{fmt, time::Duration};

use hub_core::reason::Reason;

/// One field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, such as `notification.subjects[2].uscc`.
    pub field: String,
    /// The rule, such as "must be 18 characters".
    pub rule: String,
}

/// An error with what caused it, for the log: what was tried on which file, and what the system said.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The reason, with a help page.
    pub reason: Reason,
    /// What the caller is told.
    pub message: String,
    /// Fields at fault.
    pub violations: Vec<Violation>,
    /// When a retry may succeed.
    pub retry_after: Option<Duration>,
    /// What only the log is told.
    pub context: Option<String>,
}

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a message for the caller.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            violations: vec![],
            retry_after: None,
            context: None,
        }
    }

    /// One field that breaks a rule.
    #[must_use]
    pub fn field(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::fields(vec![Violation {
            field: field.into(),
            rule: rule.into(),
        }])
    }

    /// Fields that break rules.
    #[must_use]
    pub fn fields(violations: Vec<Violation>) -> Self {
        let message = violations
            .iter()
            .map(|violation| format!("{}: {}", violation.field, violation.rule))
            .collect::<Vec<_>>()
            .join("; ");
        Self {
            violations,
            ..Self::new(Reason::InvalidArgument, message)
        }
    }

    /// There is no such resource, or the caller may not see it: the two are never told apart.
    #[must_use]
    pub fn not_found(name: &str) -> Self {
        Self::new(Reason::NotFound, format!("{name}: not found"))
    }

    /// A limit is reached.
    #[must_use]
    pub fn limit(message: impl Into<String>, retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(Reason::LimitExceeded, message)
        }
    }

    /// There is no room on the hub's disk; nothing was recorded.
    #[must_use]
    pub fn storage_full(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                Reason::StorageFull,
                "the hub's disk is full; nothing was recorded, and reads go on",
            )
        }
    }

    /// The hub's storage failed, and it must be started again.
    #[must_use]
    pub fn storage_failed() -> Self {
        Self::unavailable(
            "the hub's storage failed; nothing is recorded until its operator has started it again",
            Duration::from_secs(30),
        )
    }

    /// The hub cannot answer now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>, retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(Reason::Unavailable, message)
        }
    }

    /// The hub failed; the context goes to the log only.
    #[must_use]
    pub fn internal(context: impl fmt::Display) -> Self {
        Self {
            context: Some(context.to_string()),
            ..Self::new(
                Reason::Internal,
                "the hub failed; its operator finds the cause in the log",
            )
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl std::error::Error for Error {}
