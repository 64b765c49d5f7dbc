//! `watch --exec`: a program for each delivery.
//!
//! Invariant: [`Program::handle`] answers that a delivery is dealt with only after the program has
//! ended with 0 for it; until then the next one waits.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use hub_proto::channels::Delivery;
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    output::{Failure, Out},
    stop::Stop,
};

/// Wait before the program is run again for the same delivery; it doubles each time.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
/// Longest wait between two runs.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// How long a program that runs may take to end after the user asked to stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(30);

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

    /// Runs the program until it has dealt with a delivery; false when the user stopped it before.
    pub(crate) async fn handle(
        &self,
        out: Out,
        stop: &mut Stop,
        delivery: &Delivery,
        value: &Value,
    ) -> Result<bool, Failure> {
        let mut failed = 0_u32;
        loop {
            let Some(status) = self.run(out, stop, delivery, value).await? else {
                return Ok(false);
            };
            if status.success() {
                return Ok(true);
            }
            if stop.is_asked() {
                return Ok(false);
            }
            failed += 1;
            let wait = backoff(failed);
            self.tell_failed(out, delivery, status, (failed, wait));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.asked() => return Ok(false),
            }
        }
    }

    fn tell_failed(
        &self,
        out: Out,
        delivery: &Delivery,
        status: ExitStatus,
        (failed, wait): (u32, Duration),
    ) {
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
    }

    /// Runs the program once; `None` when it was still running long after the user asked to stop.
    async fn run(
        &self,
        out: Out,
        stop: &mut Stop,
        delivery: &Delivery,
        value: &Value,
    ) -> Result<Option<ExitStatus>, Failure> {
        let mut child = self.command(delivery).spawn().map_err(|error| {
            Failure::usage(
                format!("--exec {}: cannot be run: {error}", self.path),
                format!("--exec {}：无法运行：{error}", self.path),
            )
        })?;
        let stdin = child.stdin.take();
        let feeding = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read its input is as good as one that does.
                drop(stdin.write_all(format!("{value}\n").as_bytes()).await);
            }
            // What it leaves behind may hold its input open; only its own end counts.
            std::future::pending().await
        };
        let ended = async {
            tokio::select! {
                status = child.wait() => status,
                never = feeding => never,
            }
        };
        tokio::pin!(ended);
        tokio::select! {
            status = &mut ended => return Ok(Some(status?)),
            () = stop.asked() => {}
        }
        out.remark(
            format_args!("waiting for {} to end; once more to leave it", self.path),
            format_args!("正在等待 {} 结束；再按一次则不再等待", self.path),
        );
        tokio::select! {
            status = &mut ended => return Ok(Some(status?)),
            () = tokio::time::sleep(STOP_TIME_MAX) => {}
            () = stop.asked_again() => {}
        }
        out.remark(
            format_args!(
                "{} goes on running; its delivery is not acknowledged and will come again",
                self.path
            ),
            format_args!("{} 仍在运行；其通知未确认，将再次送达", self.path),
        );
        Ok(None)
    }

    fn command(&self, delivery: &Delivery) -> Command {
        let notification = delivery.notification.clone().unwrap_or_default();
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            .env("HUB_LOG", &delivery.log)
            .env("HUB_POSITION", delivery.position.to_string())
            .env("HUB_CURSOR", &delivery.cursor)
            .env("HUB_NOTIFICATION", &notification.name)
            .env("HUB_AUTHOR", &notification.author)
            .env("HUB_CATEGORY", &notification.category)
            .env("HUB_TITLE", &notification.title)
            .stdin(Stdio::piped())
            // A terminal sends its interrupt to a whole group; the program may end its work.
            .process_group(0);
        command
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

    const OUT: Out = Out {
        json: false,
        lang: Lang::En,
        look: Look::plain(false),
        paints_errors: false,
    };

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
        let delivery = Delivery {
            notification: Some(Notification {
                name: "channels/x/notifications/1; touch y".into(),
                ..Notification::default()
            }),
            ..Delivery::default()
        };
        let value = serde_json::json!({"event": "delivery"});
        let mut stop = Stop::listen().unwrap();
        let handled = program.handle(OUT, &mut stop, &delivery, &value).await;
        assert!(handled.unwrap());
        let text = std::fs::read_to_string(&seen).unwrap();
        let line = "channels/x/notifications/1; touch y {\"event\":\"delivery\"}\n";
        assert_eq!(text, line.repeat(2));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_ends_the_watch() {
        assert!(Program::new(vec![]).is_none());
        let program = Program::new(vec!["/nonexistent/program".into()]).unwrap();
        let mut stop = Stop::listen().unwrap();
        let failure = program
            .run(OUT, &mut stop, &Delivery::default(), &Value::Null)
            .await
            .unwrap_err();
        assert!(matches!(failure, Failure::Usage { en, .. } if en.contains("cannot be run")));
    }

    #[tokio::test]
    async fn only_the_programs_own_end_counts_not_what_holds_its_input() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        // The program leaves a sleeper behind that has its input and does not read it.
        let script = format!("sleep 1000 <&0 & echo $! > {}", pid.display());
        let program = Program::new(["sh", "-c", &script].map(str::to_owned).to_vec()).unwrap();
        let mut stop = Stop::listen().unwrap();
        let value = Value::String("x".repeat(1 << 20));
        let delivery = Delivery::default();
        let handled = program.handle(OUT, &mut stop, &delivery, &value);
        let handled = tokio::time::timeout(Duration::from_secs(60), handled).await;
        let sleeper = std::fs::read_to_string(&pid).unwrap();
        let killed = std::process::Command::new("kill")
            .arg(sleeper.trim())
            .status();
        assert!(killed.unwrap().success());
        assert!(handled.expect("it ends with its program").unwrap());
    }
}
