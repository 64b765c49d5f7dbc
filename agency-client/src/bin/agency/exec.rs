//! `watch --exec`: a program for each delivery.
//!
//! Invariant: [`Program::handle`] answers only after the program has ended with 0 for that delivery;
//! until then the next one waits.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use hub_proto::channels::Delivery;
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::output::{Done, Failure, Out};

/// Wait before the program is run again for the same delivery; it doubles each time.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
/// Longest wait between two runs.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// A program and its arguments.
#[derive(Debug)]
pub(crate) struct Program {
    path: String,
    arguments: Vec<String>,
}

impl Program {
    /// The program of a command line; `None` when it names none.
    pub(crate) fn new(line: Vec<String>) -> Option<Self> {
        let mut line = line.into_iter();
        Some(Self {
            path: line.next()?,
            arguments: line.collect(),
        })
    }

    /// Runs the program until it has dealt with a delivery.
    pub(crate) async fn handle(&self, out: Out, delivery: &Delivery, value: &Value) -> Done {
        let mut failed = 0_u32;
        loop {
            let status = self.run(delivery, value).await?;
            if status.success() {
                return Ok(());
            }
            failed += 1;
            let wait = backoff(failed);
            let name = delivery
                .notification
                .as_ref()
                .map(|notification| notification.name.as_str())
                .unwrap_or_default();
            out.remark(
                format_args!(
                    "{} failed for {name} ({status}), attempt {failed}; again in {} ms",
                    self.path,
                    wait.as_millis()
                ),
                format_args!(
                    "{} 处理 {name} 失败（{status}），第 {failed} 次；{} 毫秒后重试",
                    self.path,
                    wait.as_millis()
                ),
            );
            tokio::time::sleep(wait).await;
        }
    }

    async fn run(&self, delivery: &Delivery, value: &Value) -> Result<ExitStatus, Failure> {
        let notification = delivery.notification.clone().unwrap_or_default();
        let mut child = Command::new(&self.path)
            .args(&self.arguments)
            .env("HUB_LOG", &delivery.log)
            .env("HUB_POSITION", delivery.position.to_string())
            .env("HUB_CURSOR", &delivery.cursor)
            .env("HUB_NOTIFICATION", &notification.name)
            .env("HUB_AUTHOR", &notification.author)
            .env("HUB_CATEGORY", &notification.category)
            .env("HUB_TITLE", &notification.title)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| {
                Failure::usage(
                    format!("--exec {}: cannot be run: {error}", self.path),
                    format!("--exec {}：无法运行：{error}", self.path),
                )
            })?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input is as good as one that does.
            drop(stdin.write_all(format!("{value}\n").as_bytes()).await);
        }
        Ok(child.wait().await?)
    }
}

fn backoff(failed: u32) -> Duration {
    let doublings = failed.saturating_sub(1).min(16);
    BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use agency_client::Lang;
    use hub_proto::channels::Notification;

    use super::*;
    use crate::table::Look;

    #[test]
    fn waits_double_up_to_a_bound() {
        assert_eq!(backoff(1), BACKOFF_MIN);
        assert_eq!(backoff(3), BACKOFF_MIN * 4);
        assert_eq!(backoff(50), BACKOFF_MAX);
    }

    #[tokio::test]
    async fn a_program_is_run_again_until_it_ends_with_0() {
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().join("seen");
        // Fails the first time, and notes what it was given.
        let script = format!(
            "echo \"$HUB_NOTIFICATION $(cat)\" >> {0}; test $(wc -l < {0}) -ge 2",
            seen.display()
        );
        let line = ["sh", "-c", &script].map(str::to_owned).to_vec();
        let program = Program::new(line).unwrap();
        let out = Out {
            json: false,
            lang: Lang::En,
            look: Look::plain(false),
            paints_errors: false,
        };
        let delivery = Delivery {
            notification: Some(Notification {
                name: "channels/x/notifications/1; touch y".into(),
                ..Notification::default()
            }),
            ..Delivery::default()
        };
        let value = serde_json::json!({"event": "delivery"});
        program.handle(out, &delivery, &value).await.unwrap();
        let text = std::fs::read_to_string(&seen).unwrap();
        let line = "channels/x/notifications/1; touch y {\"event\":\"delivery\"}\n";
        assert_eq!(text, line.repeat(2));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_ends_the_watch() {
        assert!(Program::new(vec![]).is_none());
        let program = Program::new(vec!["/nonexistent/program".into()]).unwrap();
        let failure = program
            .run(&Delivery::default(), &Value::Null)
            .await
            .unwrap_err();
        assert!(matches!(failure, Failure::Usage { en, .. } if en.contains("cannot be run")));
    }
}
