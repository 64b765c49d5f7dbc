use std::{fs, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::{channels::NotificationDraft, outbox::OutboxOptions};

struct Site {
    dir: TempDir,
}

impl Site {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("outbox")
    }

    fn open(&self) -> Store {
        self.open_with(OutboxOptions::default()).unwrap()
    }

    fn open_with(&self, options: OutboxOptions) -> Result<Store> {
        Store::open(&self.folder(), options)
    }

    fn file(&self, name: &str, content: &[u8]) -> AttachmentFile {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        AttachmentFile {
            path,
            file_name: name.into(),
            media_type: "application/pdf".into(),
        }
    }

    fn blobs(&self) -> usize {
        fs::read_dir(self.folder().join("blobs")).unwrap().count()
    }
}

use crate::outbox::AttachmentFile;

fn outgoing(title: &str) -> Outgoing {
    let draft = NotificationDraft::to_channel("joint-enforcement").title(title);
    Outgoing::publish(draft).unwrap()
}

fn put(store: &Store, what: Outgoing) -> Result<Enqueued> {
    let mut enqueued = store.enqueue(&[("s".into(), what)])?;
    Ok(enqueued.remove(0))
}

fn titles(store: &Store) -> Vec<String> {
    let items = store.list(&ListItems::default()).unwrap();
    items.into_iter().map(|item| item.title).collect()
}

#[test]
fn what_was_enqueued_is_there_after_reopening() {
    let site = Site::new();
    let first = put(&site.open(), outgoing("一")).unwrap();
    let store = site.open();
    let second = put(&store, outgoing("二")).unwrap();
    assert!(second.ticket > first.ticket);
    assert_eq!(titles(&store), ["一", "二"]);
    let item = store.get(first.ticket).unwrap();
    assert_eq!(item.state, State::Queued);
    assert_eq!((item.attempts, item.is_uncertain), (0, false));
    let counts = store.counts().unwrap();
    assert_eq!((counts.queued, counts.refused, counts.delivered), (2, 0, 0));
    assert!(counts.bytes > 0 && counts.oldest_queued_at == Some(item.enqueued_at));
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    let store = site.open();
    let what = outgoing("t").attach(site.file("a.pdf", b"content"));
    put(&store, what).unwrap();
    let mut seen = 0;
    let mut folders = vec![site.folder()];
    while let Some(folder) = folders.pop() {
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::metadata(&path).unwrap();
            if metadata.is_dir() {
                folders.push(path);
                continue;
            }
            let mode = metadata.permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 4, "database, log, marker, locks and a file");
}

#[test]
fn a_key_enqueues_once_and_other_content_is_refused() {
    let site = Site::new();
    let store = site.open();
    let first = put(&store, outgoing("t").key("k")).unwrap();
    assert!(!first.is_repeated);
    // Another draft of the same content has another request id.
    let again = put(&store, outgoing("t").key("k")).unwrap();
    assert_eq!((again.ticket, again.is_repeated), (first.ticket, true));
    let error = put(&store, outgoing("other").key("k")).unwrap_err();
    assert!(matches!(error, OutboxError::KeyReused { ticket, .. } if ticket == first.ticket));
    let other_stream = store.enqueue(&[("z".into(), outgoing("t").key("k"))]);
    assert_eq!(other_stream.unwrap_err().reason_text(), "OUTBOX_KEY_REUSED");
    assert_eq!(titles(&store), ["t"]);
    store.discard(first.ticket).unwrap();
    let anew = put(&store, outgoing("other").key("k")).unwrap();
    assert_eq!(store.find("k").unwrap().unwrap().ticket, anew.ticket);
}

#[test]
fn many_are_enqueued_all_or_none() {
    let site = Site::new();
    let store = site.open();
    put(&store, outgoing("there").key("taken")).unwrap();
    let items = |last: Outgoing| vec![("s".to_owned(), outgoing("a")), ("s".to_owned(), last)];
    store
        .enqueue(&items(outgoing("b").key("taken")))
        .unwrap_err();
    let files = outgoing("b").attach(site.file("missing.pdf", b"x"));
    fs::remove_file(site.dir.path().join("missing.pdf")).unwrap();
    store.enqueue(&items(files)).unwrap_err();
    assert_eq!(titles(&store), ["there"]);
    store.enqueue(&items(outgoing("b"))).unwrap();
    assert_eq!(titles(&store), ["there", "a", "b"]);
}

#[test]
fn a_full_outbox_takes_nothing_and_loses_nothing() {
    let site = Site::new();
    let options = OutboxOptions {
        items_max: 2,
        ..OutboxOptions::default()
    };
    let store = site.open_with(options).unwrap();
    let first = put(&store, outgoing("a").key("a")).unwrap();
    let two = vec![("s".into(), outgoing("b")), ("s".into(), outgoing("c"))];
    let error = store.enqueue(&two).unwrap_err();
    assert!(
        matches!(
            error,
            OutboxError::Full {
                items: 1,
                items_max: 2,
                ..
            }
        ),
        "{error}"
    );
    put(&store, outgoing("b")).unwrap();
    assert_eq!(
        put(&store, outgoing("c")).unwrap_err().reason_text(),
        "OUTBOX_FULL"
    );
    // What is there already needs no room.
    assert!(put(&store, outgoing("a").key("a")).unwrap().is_repeated);
    store.discard(first.ticket).unwrap();
    put(&store, outgoing("c")).unwrap();
}

#[test]
fn bytes_are_bounded_with_files_and_a_file_counts_once() {
    let site = Site::new();
    let options = OutboxOptions {
        bytes_max: 150_000,
        ..OutboxOptions::default()
    };
    let store = site.open_with(options).unwrap();
    let file = site.file("a.pdf", &[7; 100_000]);
    put(&store, outgoing("a").attach(file.clone())).unwrap();
    put(&store, outgoing("b").attach(file)).unwrap();
    assert_eq!(site.blobs(), 1);
    let other = site.file("b.pdf", &[8; 100_000]);
    let error = put(&store, outgoing("c").attach(other)).unwrap_err();
    assert!(matches!(error, OutboxError::Full { .. }), "{error}");
    let huge = site.file("c.pdf", &[9; 150_000]);
    let error = put(&store, outgoing("d").attach(huge)).unwrap_err();
    assert!(matches!(error, OutboxError::TooLarge { .. }), "{error}");
    let body = NotificationDraft::to_channel("x").body(vec![0; 1 << 20], "a/b");
    let error = put(&store, Outgoing::publish(body).unwrap()).unwrap_err();
    assert!(matches!(error, OutboxError::TooLarge { .. }), "{error}");
}

#[test]
fn a_file_is_copied_named_in_the_request_and_swept_when_nobody_needs_it() {
    use hub_proto::channels::PublishNotificationRequest;
    use prost::Message as _;
    let site = Site::new();
    let store = site.open();
    let file = site.file("a.pdf", b"content");
    let ticket = put(&store, outgoing("a").attach(file.clone()).key("k"))
        .unwrap()
        .ticket;
    let again = put(&store, outgoing("a").attach(file.clone()).key("k")).unwrap();
    assert!(again.is_repeated);
    fs::remove_file(&file.path).unwrap();
    let loaded = store.load(ticket).unwrap().unwrap();
    let (path, shown) = &loaded.files[0];
    assert_eq!(fs::read(path).unwrap(), b"content");
    assert_eq!(shown.sha256, hub_core::crypto::hex(&sha256(&[b"content"])));
    let request = PublishNotificationRequest::decode(&loaded.request[..]).unwrap();
    let attachment = &request.notification.unwrap().attachments[0];
    assert_eq!(attachment.sha256, shown.sha256);
    assert_eq!(
        (attachment.size_bytes, &*attachment.file_name),
        (7, "a.pdf")
    );
    assert_eq!(store.prune().unwrap().files, 0);
    store.discard(ticket).unwrap();
    assert_eq!(store.prune().unwrap().files, 1);
    assert_eq!(site.blobs(), 0);
    let incoming = fs::read_dir(site.folder().join("incoming")).unwrap();
    assert_eq!(incoming.count(), 0);
}

#[test]
fn what_was_sent_is_not_discarded() {
    let site = Site::new();
    let store = site.open();
    let ticket = put(&store, outgoing("a")).unwrap().ticket;
    assert!(store.begin(ticket).unwrap());
    let error = store.discard(ticket).unwrap_err();
    assert!(
        matches!(
            error,
            OutboxError::WrongState {
                state: State::Queued,
                ..
            }
        ),
        "{error}"
    );
    let problem = super::super::Problem {
        reason: "INVALID_ARGUMENT".into(),
        message: "m".into(),
    };
    store.park(ticket, Parked::Aside, false, &problem).unwrap();
    store.retry(ticket).unwrap();
    assert_eq!(store.get(ticket).unwrap().state, State::Queued);
    store.park(ticket, Parked::Aside, false, &problem).unwrap();
    store.discard(ticket).unwrap();
    let error = store.retry(ticket).unwrap_err();
    assert!(matches!(error, OutboxError::WrongState { .. }), "{error}");
    let error = store.discard(Ticket(99)).unwrap_err();
    assert!(matches!(error, OutboxError::NoSuchItem(_)), "{error}");
}

#[test]
fn what_certainly_was_not_recorded_is_discarded_while_it_waits() {
    let site = Site::new();
    let store = site.open();
    let first = put(&store, outgoing("a")).unwrap().ticket;
    let second = put(&store, outgoing("b")).unwrap().ticket;
    let problem = super::super::Problem {
        reason: "ROLE_NOT_GRANTED".into(),
        message: "m".into(),
    };
    assert!(store.begin(first).unwrap());
    store.park(first, Parked::Waits, true, &problem).unwrap();
    let error = store.discard(first).unwrap_err();
    assert!(matches!(error, OutboxError::WrongState { .. }), "{error}");
    store.park(first, Parked::Waits, false, &problem).unwrap();
    store.discard(first).unwrap();
    let heads = store.heads().unwrap();
    assert_eq!(heads.first().map(|head| head.ticket), Some(second));
    assert!(!store.begin(first).unwrap(), "it is not sent any more");
}

#[test]
fn a_held_stream_has_no_head() {
    let site = Site::new();
    let store = site.open();
    let first = put(&store, outgoing("a")).unwrap().ticket;
    put(&store, outgoing("b")).unwrap();
    let other = store.enqueue(&[("z".into(), outgoing("c"))]).unwrap()[0].ticket;
    let heads = |store: &Store| -> Vec<i64> {
        let heads = store.heads().unwrap().into_iter();
        heads.map(|head| head.ticket.0).collect()
    };
    assert_eq!(heads(&store), [first.0, other.0]);
    let problem = super::super::Problem {
        reason: "X".into(),
        message: String::new(),
    };
    store.park(first, Parked::Holds, false, &problem).unwrap();
    assert_eq!(heads(&store), [other.0]);
    assert_eq!(store.counts().unwrap().streams_held, 1);
    store.retry(first).unwrap();
    assert_eq!(heads(&store), [first.0, other.0]);
}

#[test]
fn delivered_items_keep_their_receipt_and_go_when_they_are_old() {
    let site = Site::new();
    let keeping = |kept| OutboxOptions {
        delivered_kept: kept,
        ..OutboxOptions::default()
    };
    let store = site.open();
    let ticket = put(&store, outgoing("a")).unwrap().ticket;
    let receipt = hub_proto::common::Receipt {
        entry_index: 9,
        ..hub_proto::common::Receipt::default()
    };
    store
        .delivered(ticket, "channels/x/notifications/1", &receipt)
        .unwrap();
    assert_eq!(store.prune().unwrap().items, 0);
    let delivered = store.get(ticket).unwrap().delivered.unwrap();
    assert_eq!(
        (delivered.receipt, &*delivered.name),
        (receipt, "channels/x/notifications/1")
    );
    let content: Option<Vec<u8>> = store
        .read(|c| c.query_row("SELECT request FROM items", [], |row| row.get(0)))
        .unwrap();
    assert_eq!(content, None);
    drop(store);
    let store = site.open_with(keeping(Duration::ZERO)).unwrap();
    assert_eq!(store.prune().unwrap().items, 1);
    assert!(matches!(store.get(ticket), Err(OutboxError::NoSuchItem(_))));
    let next = put(&store, outgoing("b")).unwrap().ticket;
    assert!(next > ticket, "numbers are not used twice");
}

#[test]
fn a_newer_format_is_refused() {
    let site = Site::new();
    let store = site.open();
    store
        .connection()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    drop(store);
    let error = site.open_with(OutboxOptions::default()).unwrap_err();
    assert!(
        matches!(
            error,
            OutboxError::NewerFormat {
                found: 2,
                known: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn damage_is_told_and_never_passes_for_an_empty_outbox() {
    let site = Site::new();
    let store = site.open();
    put(&store, outgoing("a")).unwrap();
    drop(store);
    let database = open::database(&site.folder());
    let whole = fs::read(&database).unwrap();
    let fails = |what: &str| {
        let error = site
            .open_with(OutboxOptions::default())
            .and_then(|store| store.check_whole())
            .unwrap_err();
        assert!(
            matches!(error, OutboxError::Corrupt { .. }),
            "{what}: {error}"
        );
        assert!(error.advice().contains("do not delete it"), "{what}");
    };
    fs::remove_file(&database).unwrap();
    fails("missing");
    fs::write(&database, b"").unwrap();
    fails("empty");
    fs::write(&database, [b'x'; 8192]).unwrap();
    fails("something else");
    let mut torn = whole.clone();
    torn[4096 * 2..4096 * 3].fill(0xaa);
    fs::write(&database, torn).unwrap();
    fails("a page of rubbish");
    fs::write(&database, whole).unwrap();
    assert_eq!(titles(&site.open()), ["a"]);
}

#[test]
fn a_request_that_rotted_is_not_sent() {
    let site = Site::new();
    let store = site.open();
    let ticket = put(&store, outgoing("a")).unwrap().ticket;
    store
        .connection()
        .execute("UPDATE items SET request = x'00'", [])
        .unwrap();
    let error = store.load(ticket).unwrap_err();
    assert!(matches!(error, OutboxError::Corrupt { .. }), "{error}");
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let site = Site::new();
    let store = site.open();
    put(&store, outgoing("a")).unwrap();
    let limit = |pages: i64| {
        store
            .connection()
            .pragma_update(None, "max_page_count", pages)
            .unwrap();
    };
    // SQLite answers as it does when the file system has no room. It takes no less than there is.
    limit(1);
    let large = NotificationDraft::to_channel("x").body(vec![1; 100_000], "a/b");
    let large = Outgoing::publish(large).unwrap();
    let error = put(&store, large.clone()).unwrap_err();
    assert!(matches!(error, OutboxError::DiskFull { .. }), "{error}");
    assert_eq!(titles(&store), ["a"]);
    limit(1_000_000);
    put(&store, large).unwrap();
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let site = Site::new();
    fs::create_dir(site.folder()).unwrap();
    site.open();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("letter.txt"), "x").unwrap();
    let error = Store::open(other.path(), OutboxOptions::default()).unwrap_err();
    assert!(error.to_string().contains("folder of its own"), "{error}");
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
}

#[test]
fn bad_names_and_options_are_refused_by_field() {
    let site = Site::new();
    let store = site.open();
    for stream in ["", "a/b", "Ä", &"x".repeat(65)] {
        let error = store
            .enqueue(&[(stream.into(), outgoing("a"))])
            .unwrap_err();
        assert!(
            error.to_string().starts_with("stream: "),
            "{stream}: {error}"
        );
    }
    let error = put(&store, outgoing("a").key("")).unwrap_err();
    assert!(error.to_string().starts_with("key: "), "{error}");
    let options = OutboxOptions {
        streams_parallel: 0,
        ..OutboxOptions::default()
    };
    let error = site.open_with(options).unwrap_err();
    assert!(
        error.to_string().starts_with("streams_parallel: "),
        "{error}"
    );
    let sign = Outgoing::request(
        "/hub.channels.v1.ChannelService/SignForNotification",
        &hub_proto::channels::SignForNotificationRequest::default(),
        "t",
    );
    let error = put(&store, sign.unwrap().attach(site.file("a.pdf", b"x"))).unwrap_err();
    assert!(error.to_string().starts_with("attachments: "), "{error}");
}

#[test]
fn lists_page_by_state_and_stream_in_both_directions() {
    let site = Site::new();
    let store = site.open();
    let all: Vec<_> = (0..5)
        .map(|number| {
            let stream = if number % 2 == 0 { "even" } else { "odd" };
            let what = outgoing(&number.to_string());
            store.enqueue(&[(stream.into(), what)]).unwrap()[0].ticket
        })
        .collect();
    let list = |request: ListItems| -> Vec<String> {
        let items = store.list(&request).unwrap().into_iter();
        items.map(|item| item.title).collect()
    };
    let page = |after, newest_first| ListItems {
        after,
        newest_first,
        limit: 2,
        ..ListItems::default()
    };
    assert_eq!(list(page(None, false)), ["0", "1"]);
    assert_eq!(list(page(Some(all[1]), false)), ["2", "3"]);
    assert_eq!(list(page(Some(all[2]), true)), ["1", "0"]);
    let odd = ListItems {
        stream: Some("odd".into()),
        state: Some(State::Queued),
        ..ListItems::default()
    };
    assert_eq!(list(odd), ["1", "3"]);
}
