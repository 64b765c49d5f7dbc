//! The `agency` command line of an officer against a hub, as people and scripts use it.

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::{
    World,
    process::{agency_binary, output_of},
};

/// One agency's command line against a hub.
#[derive(Debug)]
pub struct Desk {
    /// Its profile, with the hub's present endpoint.
    pub profile: PathBuf,
    /// Arguments of every command.
    common: Vec<String>,
}

impl Desk {
    /// The desk of an officer. The profile is a copy with the hub's present endpoint.
    #[must_use]
    pub fn new(world: &World, agency: &str, officer: &str, roles: &[&str]) -> Self {
        Self::at(world, &world.endpoint(), agency, officer, roles)
    }

    /// As [`Self::new`], with another endpoint.
    #[must_use]
    pub fn at(world: &World, endpoint: &str, agency: &str, officer: &str, roles: &[&str]) -> Self {
        let folder = world.site.path().join("pki/profiles").join(agency);
        let text = std::fs::read_to_string(folder.join("profile.toml")).unwrap();
        let lines = text.lines().map(|line| {
            if line.starts_with("endpoint") {
                format!("endpoint = \"{endpoint}\"")
            } else {
                line.to_owned()
            }
        });
        let profile = folder.join("desk.toml");
        std::fs::write(&profile, lines.collect::<Vec<_>>().join("\n")).unwrap();
        Self::of_profile(&profile, officer, roles)
    }

    /// Another officer's desk with a desk's profile.
    #[must_use]
    pub fn of_profile(profile: &std::path::Path, officer: &str, roles: &[&str]) -> Self {
        let profile = profile.to_owned();
        let mut common = vec!["--officer".to_owned(), officer.to_owned()];
        for role in roles {
            common.extend(["--role".to_owned(), (*role).to_owned()]);
        }
        Self { profile, common }
    }

    /// The same desk, whose reads are for a purpose.
    #[must_use]
    pub fn reading_for(mut self, purpose: &str) -> Self {
        self.common
            .extend(["--purpose".to_owned(), purpose.to_owned()]);
        self
    }

    /// A clerk's desk.
    #[must_use]
    pub fn clerk(world: &World, agency: &str) -> Self {
        Self::new(world, agency, &format!("{agency}-clerk-1"), &["clerk"])
    }

    /// A command of this desk, not started yet.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(&[]);
        command
            .arg("--profile")
            .arg(&self.profile)
            .args(&self.common)
            .args(arguments);
        command
    }

    /// Runs a command, whatever comes of it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        output_of(command.spawn().unwrap())
    }

    /// Runs a command that must do its work.
    pub fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", err(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must do its work, for its JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        serde_json::from_str(&self.text(&all)).unwrap()
    }

    /// Publishes a notification; answers its name.
    pub fn publish(&self, title: &str) -> String {
        let answer = self.json(&[
            "notify",
            "publish",
            "--channel",
            "joint-enforcement",
            "--category",
            "coordination",
            "--classification",
            "internal",
            "--title",
            title,
            "--body",
            "正文",
        ]);
        answer["notification"]["name"].as_str().unwrap().to_owned()
    }
}

/// A command of the binary, away from this test's own language and colours.
#[must_use]
pub fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(agency_binary());
    for name in [
        "LC_ALL",
        "LC_MESSAGES",
        "LANG",
        "NO_COLOR",
        "AGENCY_PROFILE",
    ] {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The exit code.
#[must_use]
pub fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

/// What went to stderr.
#[must_use]
pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs blocking work of a test beside the hub in the same process.
pub async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
