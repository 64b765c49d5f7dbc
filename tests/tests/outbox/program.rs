//! A member's program in a process of its own: it enqueues the same work in every life, under keys,
//! and sends it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use agency_client::{
    Client,
    channels::NotificationDraft,
    outbox::{AttachmentFile, Outbox, OutboxOptions, Outgoing},
    profile,
};
use hub_proto::channels::Classification;
use hub_tests::Site;

/// Streams; each goes somewhere else.
pub(crate) const STREAMS: [&str; 3] = ["joint", "health", "both"];
/// Items of a stream.
pub(crate) const ITEMS: usize = 40;

const FOLDER: &str = "OUTBOX_PROGRAM_FOLDER";
const PROFILE: &str = "OUTBOX_PROGRAM_PROFILE";
const ENDPOINT: &str = "OUTBOX_PROGRAM_ENDPOINT";

/// What an item says.
pub(crate) fn title(stream: &str, number: usize) -> String {
    format!("{stream} {number}")
}

/// The program as a child. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(site: &Site, endpoint: &str, folder: &Path) -> Self {
        let profile = site.path().join("pki/profiles/tax/profile.toml");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "program", "--ignored", "--quiet"])
            .env(FOLDER, folder)
            .env(PROFILE, profile)
            .env(ENDPOINT, endpoint)
            .stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits until it has delivered everything.
    pub(crate) fn finish(mut self) {
        let exit = hub_tests::process::ended(&mut self.0);
        assert!(exit.success(), "the program ends well: {exit}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn draft(stream: &str, number: usize) -> NotificationDraft {
    let draft = match stream {
        "health" => NotificationDraft::to(["health"]),
        "both" if number.is_multiple_of(2) => NotificationDraft::to(["health"]),
        _ => NotificationDraft::to_channel("joint-enforcement"),
    };
    draft
        .category("coordination")
        .title(title(stream, number))
        .text("x".repeat(number * 50))
        .classification(Classification::Internal)
}

/// Whether a file goes with an item.
pub(crate) fn has_file(number: usize) -> bool {
    number.is_multiple_of(5)
}

/// What the file of an item holds.
pub(crate) fn file_content(stream: &str, number: usize) -> String {
    format!("{stream} {number}\n").repeat(500)
}

/// The file of an item, beside the outbox; every life writes the same.
fn file(outbox: &Path, stream: &str, number: usize) -> AttachmentFile {
    let path = outbox.with_extension(format!("{stream}-{number}"));
    std::fs::write(&path, file_content(stream, number)).unwrap();
    AttachmentFile {
        path,
        file_name: "附件.txt".into(),
        media_type: "text/plain".into(),
    }
}

/// A life of the program.
pub(crate) async fn run() {
    let setting = |name| std::env::var_os(name).map(PathBuf::from);
    let Some(folder) = setting(FOLDER) else {
        // Somebody ran the ignored tests: there is nothing to do.
        return;
    };
    let profile = profile::load(&setting(PROFILE).unwrap()).unwrap();
    let client = Client::builder(&profile)
        .endpoint(std::env::var(ENDPOINT).unwrap())
        .build()
        .unwrap();
    let options = OutboxOptions {
        items_max: 20,
        backoff_max: Duration::from_millis(100),
        ..OutboxOptions::default()
    };
    let outbox = Outbox::open(&folder, options).await.unwrap();
    let sender = outbox.sender().unwrap();
    let work = async {
        let mut tickets = vec![];
        for number in 0..ITEMS {
            for stream in STREAMS {
                let mut what = Outgoing::publish(draft(stream, number)).unwrap();
                if has_file(number) {
                    what = what.attach(file(&folder, stream, number));
                }
                let what = what.key(title(stream, number));
                let enqueued = outbox.enqueue_wait(stream, what).await.unwrap();
                tickets.push(enqueued.ticket);
            }
        }
        for ticket in tickets {
            outbox.wait(ticket).await.unwrap();
        }
    };
    tokio::select! {
        ended = sender.run(client, std::future::pending()) => ended.unwrap(),
        () = work => {}
    }
}
