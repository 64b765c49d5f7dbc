//! What is printed, where, and the exit code.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
};

use agency_client::{ClientError, Lang, gateway::GatewayError, outbox::OutboxError};
use hub_core::reason::Reason;
use serde_json::{Value, json};

use crate::{
    args::ColorArg,
    table::{Look, Tone, one_line},
};

/// Where data goes, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    pub(crate) json: bool,
    pub(crate) lang: Lang,
    /// How text on stdout looks.
    pub(crate) look: Look,
    /// Whether stderr has colours.
    pub(crate) paints_errors: bool,
}

impl Out {
    pub(crate) fn new(json: bool, lang: Lang, color: ColorArg) -> Self {
        let paints = |is_terminal: bool| match color {
            ColorArg::Always => true,
            ColorArg::Never => false,
            // https://no-color.org: any value but the empty one.
            ColorArg::Auto => {
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        let is_terminal = io::stdout().is_terminal();
        Self {
            json,
            lang,
            look: Look {
                paints: paints(is_terminal),
                width: is_terminal.then(terminal_width).flatten(),
            },
            paints_errors: paints(io::stderr().is_terminal()),
        }
    }
}

/// Columns of the terminal that stdout is.
fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client library says.
    Client(ClientError),
    /// The command line does not make sense; the text says why, and what would.
    Usage {
        /// In English.
        en: String,
        /// In Chinese.
        zh: String,
    },
    /// The outbox says.
    Outbox(OutboxError),
    /// Stdout is closed or full.
    Output(io::Error),
    /// What was to be said has been said; the exit code is left.
    Said(u8),
}

impl Failure {
    /// A command line that does not make sense.
    pub(crate) fn usage(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::Usage {
            en: en.into(),
            zh: zh.into(),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<OutboxError> for Failure {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Client(error) => Self::Client(error),
            error => Self::Outbox(error),
        }
    }
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Client(error) => Self::Client(error),
            GatewayError::Outbox(error) => error.into(),
            error => Self::Output(io::Error::other(error.to_string())),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

pub(crate) type Done = Result<(), Failure>;

impl Out {
    /// Prints text as data.
    pub(crate) fn text(self, text: impl fmt::Display) -> Done {
        let mut stdout = io::stdout().lock();
        write!(stdout, "{text}")?;
        stdout.flush()?;
        Ok(())
    }

    /// Prints one JSON value as data.
    pub(crate) fn value(self, value: &Value) -> Done {
        self.text(format_args!("{value:#}\n"))
    }

    /// Prints one JSON value on a line of its own.
    pub(crate) fn json_line(self, value: &Value) -> Done {
        self.text(format_args!("{value}\n"))
    }

    /// Prints JSON or text, whichever was asked for.
    pub(crate) fn either(
        self,
        value: impl FnOnce() -> Value,
        text: impl FnOnce() -> String,
    ) -> Done {
        if self.json {
            self.value(&value())
        } else {
            self.text(text())
        }
    }

    /// A remark beside the data.
    pub(crate) fn remark(self, en: impl fmt::Display, zh: impl fmt::Display) {
        let text = match self.lang {
            Lang::En => en.to_string(),
            Lang::Zh => zh.to_string(),
        };
        // Nobody can be told when stderr is closed.
        let _closed = writeln!(io::stderr(), "{}", one_line(&text));
    }

    /// A label.
    pub(crate) fn label<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        self.lang.pick(en, zh)
    }

    /// Tells what went wrong; answers the exit code.
    pub(crate) fn fail(self, failure: &Failure) -> u8 {
        let (code, text) = match failure {
            // The reader of a pipe has seen enough.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return 0,
            Failure::Output(error) => (5, self.plain("OUTPUT", &error.to_string())),
            Failure::Said(code) => return *code,
            Failure::Usage { en, zh } => (2, self.plain("USAGE", self.lang.pick(en, zh))),
            Failure::Outbox(error) => (outbox_exit_code(error), self.about_outbox(error)),
            Failure::Client(error) => (exit_code(error), self.explained(error)),
        };
        let _closed = io::stderr().write_all(text.as_bytes());
        code
    }

    fn plain(self, reason: &str, text: &str) -> String {
        if self.json {
            format!(
                "{}\n",
                json!({"error": {"reason": reason, "message": text}})
            )
        } else {
            format!("{}: {}\n", self.error_label(), one_line(text))
        }
    }

    fn error_label(self) -> String {
        let label = self.label("error", "错误");
        Look::plain(self.paints_errors).paint(label, Tone::Bad)
    }

    fn about_outbox(self, error: &OutboxError) -> String {
        let (reason, advice) = (error.reason_text(), error.advice_in(self.lang));
        if self.json {
            let value = json!({"error": {
                "reason": reason, "message": error.to_string(), "advice": advice,
            }});
            return format!("{value}\n");
        }
        let next = self.label("what to do", "处理办法");
        format!(
            "{}: {reason}: {}\n  {next}: {advice}\n",
            self.error_label(),
            one_line(&error.to_string()),
        )
    }

    /// Reason, message, fields, and what to do next.
    fn explained(self, error: &ClientError) -> String {
        let (violations, retry_after) = match error {
            ClientError::Refused(refusal) => (refusal.violations.as_slice(), refusal.retry_after),
            _ => (&[][..], None),
        };
        if self.json {
            let fields: Vec<Value> = violations
                .iter()
                .map(|violation| json!({"field": violation.field, "rule": violation.rule}))
                .collect();
            let value = json!({"error": {
                "reason": error.reason_text(),
                "message": error.to_string(),
                "fields": fields,
                "retry_after_ms": retry_after
                    .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
                "advice": error.advice_in(self.lang),
                "help_page": error.help_page(),
            }});
            return format!("{value}\n");
        }
        let message = error.to_string();
        let reason = error.reason_text();
        let mut lines = vec![if message.starts_with(reason) {
            message.clone()
        } else {
            format!("{reason}: {message}")
        }];
        for violation in violations {
            let line = format!("{}: {}", violation.field, violation.rule);
            // The hub's message often says it already.
            if !message.contains(&line) {
                lines.push(format!("  {line}"));
            }
        }
        if let Some(after) = retry_after {
            let label = self.label("retry after", "重试间隔");
            lines.push(format!("  {label}: {} ms", after.as_millis()));
        }
        let next = self.label("what to do", "处理办法");
        lines.push(format!("  {next}: {}", error.advice_in(self.lang)));
        if let Some(page) = error.help_page() {
            lines.push(format!("  {}: {page}", self.label("more", "详见")));
        }
        let lines: String = lines
            .iter()
            .map(|line| crate::table::many_lines(line) + "\n")
            .collect();
        format!("{}: {lines}", self.error_label())
    }
}

/// The exit code of an outbox's error.
fn outbox_exit_code(error: &OutboxError) -> u8 {
    match error {
        OutboxError::Client(error) => exit_code(error),
        OutboxError::Refused { .. } => 1,
        OutboxError::NoSuchItem(_)
        | OutboxError::WrongState { .. }
        | OutboxError::KeyReused { .. }
        | OutboxError::TooLarge { .. } => 2,
        _ => 5,
    }
}

/// The exit code of an error, as `--help` lists them.
fn exit_code(error: &ClientError) -> u8 {
    match error {
        ClientError::Input { .. } => 2,
        ClientError::LocalFile { .. } | ClientError::Signing(_) => 5,
        ClientError::Unreachable { .. } | ClientError::Deadline { .. } => 3,
        ClientError::Refused(refusal) => match (refusal.reason, refusal.code) {
            (Some(Reason::Unavailable), _) | (None, tonic::Code::Unavailable) => 3,
            _ => 1,
        },
        ClientError::HistoryRewritten { .. }
        | ClientError::Verification(_)
        | ClientError::Gap { .. }
        | ClientError::HubUntrusted { .. } => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use agency_client::error::{Refusal, Violation};

    use super::*;

    const OUT: Out = Out {
        json: false,
        lang: Lang::En,
        look: Look::plain(false),
        paints_errors: false,
    };

    fn refused() -> ClientError {
        ClientError::Refused(Box::new(Refusal {
            reason: Some(Reason::InvalidArgument),
            reason_text: "INVALID_ARGUMENT".into(),
            code: tonic::Code::InvalidArgument,
            message: "one field breaks a rule".into(),
            violations: vec![Violation {
                field: "notification.title".into(),
                rule: "must be one line".into(),
            }],
            retry_after: None,
        }))
    }

    #[test]
    fn an_error_says_reason_message_field_and_what_to_do() {
        assert_eq!(
            OUT.explained(&refused()),
            "error: INVALID_ARGUMENT: one field breaks a rule\n\
             \x20 notification.title: must be one line\n\
             \x20 what to do: Correct the fields named above and send again.\n\
             \x20 more: docs/errors/INVALID_ARGUMENT.md\n"
        );
        let zh = Out {
            lang: Lang::Zh,
            ..OUT
        };
        assert!(
            zh.explained(&refused())
                .contains("处理办法: 更正上述字段后重新发送。")
        );
        let json = Out { json: true, ..OUT };
        let value: Value = serde_json::from_str(&json.explained(&refused())).unwrap();
        assert_eq!(value["error"]["fields"][0]["field"], "notification.title");
        assert_eq!(value["error"]["reason"], "INVALID_ARGUMENT");
    }

    #[test]
    fn exit_codes_are_those_of_the_help() {
        let endpoint = || "https://hub".to_owned();
        let detail = || "x".to_owned();
        for (error, code) in [
            (refused(), 1),
            (
                ClientError::Input {
                    field: "a".into(),
                    rule: "b".into(),
                },
                2,
            ),
            (
                ClientError::Unreachable {
                    endpoint: endpoint(),
                    detail: detail(),
                },
                3,
            ),
            (
                ClientError::HubUntrusted {
                    endpoint: endpoint(),
                    detail: detail(),
                },
                4,
            ),
            (ClientError::Verification(detail()), 4),
            (
                ClientError::LocalFile {
                    path: "p".into(),
                    problem: detail(),
                },
                5,
            ),
        ] {
            assert_eq!(OUT.fail(&Failure::Client(error)), code);
        }
        assert_eq!(OUT.fail(&Failure::usage("x", "y")), 2);
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(OUT.fail(&Failure::Output(pipe)), 0);
    }
}
