//! The index by itself: entries made by hand, the rows that come of them, and what queries find.

mod random;

use std::sync::{Arc, atomic::AtomicBool};

use bytes::Bytes;
use hub_proto::{
    channels::{
        BatchPublishNotificationsRequest, ChannelsEvent, LogPosition, Notification,
        NotificationIssued, NotificationKind, NotificationPublished, NotificationRef,
        NotificationState, PublishNotificationRequest, SubjectOrganization, Succession,
        channels_event,
    },
    ledger::{Author, ContentsSealed, EntryContent, EntryHeader, Event, EventList, event},
};
use prost::Message as _;
use rusqlite::Connection;

use super::{
    Query, Term, TitleQuery,
    cursor::{Effort, PIECES_MAX, STATEMENTS},
    hits::{Hit, Hits, PERIOD_STATEMENTS},
    index, posting, rows,
};
use crate::{
    domain::channels::log::{ISSUED_ITEM, NotificationPlace},
    engine::recorded::Recorded,
};

/// A draft with its logs and addressees, and what it takes the place of or answers.
#[derive(Debug, Clone, Default)]
struct Draft {
    notification: Notification,
    logs: Vec<&'static str>,
    recipients: Vec<&'static str>,
    succession: Option<(u64, NotificationKind)>,
    reply_to: Option<u64>,
}

fn draft(category: &str, title: &str, logs: &[&'static str]) -> Draft {
    Draft {
        notification: Notification {
            category: category.into(),
            title: title.into(),
            ..Notification::default()
        },
        logs: logs.to_vec(),
        ..Draft::default()
    }
}

fn recorded(
    (index, at_us): (u64, i64),
    author: &str,
    request: Vec<u8>,
    events: Vec<event::Kind>,
) -> Recorded {
    let header = EntryHeader {
        index,
        recorded_at_us: at_us,
        author: Some(Author {
            agency: author.into(),
            ..Author::default()
        }),
        method: "/hub.channels.v1.ChannelService/BatchPublishNotifications".into(),
        ..EntryHeader::default()
    };
    let events = events
        .into_iter()
        .map(|kind| Event { kind: Some(kind) })
        .collect();
    let content = EntryContent {
        request: request.into(),
        events: EventList { events }.encode_to_vec().into(),
        ..EntryContent::default()
    };
    let content = Bytes::from(content.encode_to_vec());
    Recorded::decode(header.encode_to_vec().into(), &content).unwrap()
}

fn of_channels(kind: channels_event::Kind) -> event::Kind {
    event::Kind::Channels(ChannelsEvent { kind: Some(kind) })
}

fn positions(logs: &[&str]) -> Vec<LogPosition> {
    let position = |log: &&str| LogPosition {
        log: (*log).into(),
        position: 1,
    };
    logs.iter().map(position).collect()
}

fn reference(entry_index: u64) -> NotificationRef {
    NotificationRef {
        entry_index,
        item: 0,
    }
}

/// An entry that published drafts. Without texts it is what retention leaves of it.
fn entry(at: (u64, i64), author: &str, drafts: &[Draft], has_texts: bool) -> Recorded {
    let requests = drafts
        .iter()
        .map(|draft| PublishNotificationRequest {
            notification: Some(draft.notification.clone()),
            ..PublishNotificationRequest::default()
        })
        .collect();
    let batch = BatchPublishNotificationsRequest {
        requests,
        ..BatchPublishNotificationsRequest::default()
    };
    let events = drafts.iter().zip(0..).map(|(draft, item)| {
        of_channels(channels_event::Kind::NotificationPublished(
            NotificationPublished {
                item,
                request_id: request_id(at.0, item).into(),
                positions: positions(&draft.logs),
                recipients: draft.recipients.iter().map(ToString::to_string).collect(),
                category: draft.notification.category.clone(),
                succession: draft.succession.map(|(entry, kind)| Succession {
                    predecessor: Some(reference(entry)),
                    kind: kind.into(),
                    ..Succession::default()
                }),
                in_reply_to: draft.reply_to.map(reference),
                ..NotificationPublished::default()
            },
        ))
    });
    let request = if has_texts {
        batch.encode_to_vec()
    } else {
        vec![]
    };
    recorded(at, author, request, events.collect())
}

fn request_id(entry: u64, item: u32) -> Vec<u8> {
    [
        entry.to_be_bytes().as_slice(),
        &u64::from(item).to_be_bytes(),
    ]
    .concat()
}

fn sealing(at: (u64, i64), entry_indexes: &[u64]) -> Recorded {
    let order = ContentsSealed {
        entry_indexes: entry_indexes.to_vec(),
        ..ContentsSealed::default()
    };
    recorded(at, "hub", vec![], vec![event::Kind::ContentsSealed(order)])
}

struct File {
    dir: tempfile::TempDir,
    writer: Connection,
}

impl File {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let writer = index::open_writer(dir.path()).unwrap();
        Self { dir, writer }
    }

    fn apply(&self, entry: &Recorded) -> bool {
        let transaction = self.writer.unchecked_transaction().unwrap();
        let is_erased = rows::write(&transaction, &rows::changes(entry)).unwrap();
        transaction.commit().unwrap();
        is_erased
    }

    fn find(&self, query: Query) -> Vec<(u64, u32)> {
        self.read(query, PIECES_MAX).0
    }

    /// What is found, and whether all was.
    fn read(&self, query: Query, pieces: u32) -> (Vec<(u64, u32)>, bool) {
        let reader = index::open_reader(self.dir.path()).unwrap();
        let effort = Effort::new(pieces, Arc::new(AtomicBool::new(false)));
        let mut hits = Hits::new(&reader, effort, query).unwrap();
        let mut found = vec![];
        loop {
            match hits.read_next().unwrap() {
                Hit::Place(place) => found.push((place.entry_index, place.item)),
                Hit::End => return (found, true),
                Hit::TooFar => return (found, false),
            }
        }
    }

    /// Every byte of the files.
    fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    fn holds(&self, text: &str) -> bool {
        let bytes = self.bytes();
        bytes.windows(text.len()).any(|one| one == text.as_bytes())
    }
}

fn within(logs: &[&str]) -> Query {
    Query {
        logs: logs.iter().map(|log| Term::log(log)).collect(),
        ..Query::default()
    }
}

fn titled(words: &str) -> Query {
    Query {
        title: Some(TitleQuery::new(words).unwrap()),
        ..within(&["channels/a"])
    }
}

#[test]
fn words_are_found_as_they_are_written() {
    let file = File::new();
    let titles = [
        "晋民函〔2021〕64号 关于开展年度检查的通知",
        "Annual Inspection 2021",
        "𠮷林省社会组织",
        "检验与查处",
        "ＡＢＣ基金会 年检",
        "\"OR\" NEAR(text:x)*",
    ];
    for (index, title) in (0..).zip(titles) {
        file.apply(&entry(
            (index, 1),
            "tax",
            &[draft("c", title, &["channels/a"])],
            true,
        ));
    }
    for (words, found) in [
        ("年度检查", vec![0]),
        ("检查", vec![0]),
        ("检", vec![4, 3, 0]),
        ("年", vec![4, 0]),
        ("知", vec![0]),
        ("查的通知", vec![0]),
        ("检 查", vec![3, 0]),
        ("度年", vec![]),
        ("检查通知", vec![]),
        ("民函2021", vec![0]),
        ("晋民函〔2021〕64号", vec![0]),
        ("晋民函(２０２１)64号", vec![0]),
        ("64号", vec![0]),
        ("4号", vec![]),
        ("annual INSPECTION", vec![1]),
        ("annu", vec![]),
        ("2021", vec![1, 0]),
        ("𠮷", vec![2]),
        ("𠮷林", vec![2]),
        ("林", vec![2]),
        ("abc基金", vec![4]),
        ("abc 年检", vec![4]),
        ("bc", vec![]),
        ("or near", vec![5]),
        ("text:x", vec![5]),
        ("年 OR annual", vec![]),
        ("\" OR \"", vec![5]),
    ] {
        let found: Vec<(u64, u32)> = found.into_iter().map(|index| (index, 0)).collect();
        assert_eq!(file.find(titled(words)), found, "{words}");
    }
}

#[test]
fn a_successor_moves_its_predecessor_to_another_state() {
    let file = File::new();
    let a = draft("c", "甲", &["channels/a"]);
    for index in 0..3 {
        file.apply(&entry((index, 1), "tax", std::slice::from_ref(&a), true));
    }
    let kinds = [
        (0, NotificationKind::Correction),
        (2, NotificationKind::Retraction),
    ];
    for (index, succession) in (3..).zip(kinds) {
        let successor = Draft {
            succession: Some(succession),
            ..a.clone()
        };
        file.apply(&entry((index, 1), "tax", &[successor], true));
    }
    let with = |term| {
        file.find(Query {
            terms: vec![term],
            ..within(&["channels/a"])
        })
    };
    let state = |state: NotificationState| Term::state(state.into());
    let kind = |kind: NotificationKind| Term::kind(kind.into());
    assert_eq!(
        with(state(NotificationState::Current)),
        [(4, 0), (3, 0), (1, 0)]
    );
    assert_eq!(with(state(NotificationState::Corrected)), [(0, 0)]);
    assert_eq!(with(state(NotificationState::Retracted)), [(2, 0)]);
    assert_eq!(
        with(kind(NotificationKind::Original)),
        [(2, 0), (1, 0), (0, 0)]
    );
    assert_eq!(with(kind(NotificationKind::Correction)), [(3, 0)]);
    assert_eq!(with(kind(NotificationKind::Retraction)), [(4, 0)]);
}

#[test]
fn what_the_hub_issues_is_found_with_its_kind() {
    let file = File::new();
    let notification = Notification {
        category: "liaison_change".into(),
        title: "联络员变更".into(),
        kind: NotificationKind::Reminder.into(),
        ..Notification::default()
    };
    let issued = NotificationIssued {
        ask: None,
        number: 0,
        positions: positions(&["agencies/tax/inbox"]),
        recipients: vec!["agencies/tax".into()],
        request_id: request_id(0, 0).into(),
        notification: notification.encode_to_vec().into(),
    };
    let kind = of_channels(channels_event::Kind::NotificationIssued(issued));
    file.apply(&recorded((0, 1), "hub", vec![], vec![kind]));
    let terms = [
        Term::author("agencies/hub"),
        Term::addressee("agencies/tax"),
        Term::category("liaison_change"),
        Term::kind(NotificationKind::Reminder.into()),
    ];
    let query = Query {
        terms: terms.to_vec(),
        request_id: request_id(0, 0).try_into().ok(),
        title: TitleQuery::new("联络员"),
        ..within(&["agencies/tax/inbox"])
    };
    assert_eq!(file.find(query), [(0, ISSUED_ITEM)]);
}

/// A notification with everything that sealing takes out.
fn telling() -> Draft {
    let mut draft = draft("case", "秘密标题甲乙丙 zanzibar", &["channels/a"]);
    draft.notification.document_number = "晋民函〔2021〕64号".into();
    draft.notification.subjects = vec![SubjectOrganization {
        uscc: "51100000500008957Y".into(),
        ..SubjectOrganization::default()
    }];
    draft
}

fn by_text() -> Vec<Query> {
    let with = |term| Query {
        terms: vec![term],
        ..within(&["channels/a"])
    };
    vec![
        titled("秘密标题"),
        titled("标"),
        titled("zanzibar"),
        with(Term::subject("51100000500008957Y")),
        with(Term::document("晋民函〔2021〕64号")),
        with(Term::unsealed("case")),
    ]
}

#[test]
fn a_sealed_text_is_found_no_more_and_gone_from_the_disk() {
    let file = File::new();
    file.apply(&entry((0, 1), "tax", &[telling(), telling()], true));
    file.apply(&entry(
        (1, 2),
        "tax",
        &[draft("case", "其他", &["channels/a"])],
        true,
    ));
    for (number, query) in by_text().into_iter().enumerate() {
        let found = file.find(query);
        assert!(found.ends_with(&[(0, 1), (0, 0)]), "query {number}");
    }
    assert!(file.holds("zanzibar") && file.holds("秘密"));
    assert!(file.apply(&sealing((2, 3), &[0])));
    assert!(index::truncate_log(&file.writer).unwrap());
    for (number, query) in by_text().into_iter().enumerate() {
        let found = file.find(query);
        assert!(found.iter().all(|(entry, _)| *entry == 1), "query {number}");
    }
    for text in ["zanzibar", "anziba", "秘密", "标题", "甲乙", "乙丙"] {
        assert!(!file.holds(text), "{text} is still on the disk");
    }
    // What is left says that there was something, whose and where.
    for term in [Term::author("agencies/tax"), Term::category("case")] {
        let query = Query {
            terms: vec![term],
            ..within(&["channels/a"])
        };
        assert_eq!(file.find(query), [(1, 0), (0, 1), (0, 0)]);
    }
    assert_eq!(file.find(titled("其他")), [(1, 0)]);
    assert!(
        !file.apply(&sealing((3, 4), &[0])),
        "sealing again finds nothing"
    );
}

/// Everything in the tables that answers come from.
fn contents(file: &File) -> Vec<String> {
    let mut all = vec![];
    for (statement, columns) in [
        ("SELECT * FROM notification ORDER BY place", 7),
        ("SELECT * FROM posting ORDER BY term, first", 3),
        ("SELECT * FROM request ORDER BY id, place", 2),
    ] {
        let mut statement = file.writer.prepare(statement).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values = (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap()));
            all.push(values.collect::<Vec<_>>().join("|"));
        }
    }
    all
}

#[test]
fn an_index_made_after_the_sealing_is_the_one_that_saw_it() {
    let live = File::new();
    let later = File::new();
    let reply = Draft {
        reply_to: Some(0),
        recipients: vec!["agencies/health"],
        ..telling()
    };
    for (index, draft) in [(0, telling()), (1, reply)] {
        let draft = std::slice::from_ref(&draft);
        live.apply(&entry((index, 1), "tax", draft, true));
        later.apply(&entry((index, 1), "tax", draft, false));
    }
    for file in [&live, &later] {
        file.apply(&sealing((2, 3), &[0, 1]));
    }
    assert!(contents(&live).len() > 10);
    assert_eq!(contents(&live), contents(&later));
}

#[test]
fn replies_are_found_by_what_they_answer() {
    let file = File::new();
    let a = draft("c", "甲", &["channels/a"]);
    let answering = |reply_to| Draft {
        reply_to,
        ..a.clone()
    };
    for (index, reply_to) in (0..).zip([None, Some(0), None, Some(0), Some(1)]) {
        let draft = answering(reply_to);
        file.apply(&entry(
            (index, 1),
            "tax",
            std::slice::from_ref(&draft),
            true,
        ));
    }
    for (entry_index, found) in [(0, vec![(3, 0), (1, 0)]), (1, vec![(4, 0)]), (2, vec![])] {
        let place = NotificationPlace {
            entry_index,
            item: 0,
        };
        let query = Query {
            terms: vec![Term::reply_to(place)],
            ..within(&["channels/a"])
        };
        assert_eq!(file.find(query), found, "replies to entry {entry_index}");
    }
}

#[test]
fn every_statement_is_a_range_of_an_index() {
    let file = File::new();
    let plan = |statement: &str| -> Vec<String> {
        let mut explained = file
            .writer
            .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
            .unwrap();
        let values = vec!["1"; explained.parameter_count()];
        let rows = explained
            .query_map(rusqlite::params_from_iter(values), |row| row.get(3))
            .unwrap();
        rows.map(|row| row.unwrap()).collect()
    };
    let [requests_back, requests_on, titles_back, titles_on] = STATEMENTS;
    let [terms_back, terms_on] = posting::STATEMENTS;
    for (statement, ranges) in [
        (
            requests_back,
            &["SEARCH request USING PRIMARY KEY (id=? AND place<?)"][..],
        ),
        (
            requests_on,
            &["SEARCH request USING PRIMARY KEY (id=? AND place>?)"],
        ),
        (
            terms_back,
            &["SEARCH posting USING PRIMARY KEY (term=? AND first<?)"],
        ),
        (
            terms_on,
            &[
                "SEARCH posting USING PRIMARY KEY (term=? AND first>?)",
                "SCALAR SUBQUERY 1",
                "SEARCH posting USING PRIMARY KEY (term=? AND first<?)",
            ],
        ),
    ] {
        assert_eq!(plan(statement), ranges, "{statement}");
    }
    for statement in [titles_back, titles_on] {
        let plan = plan(statement);
        assert!(
            plan.len() == 1 && plan[0].starts_with("SCAN title VIRTUAL TABLE INDEX"),
            "no sorting and no other table: {plan:?}"
        );
        assert!(
            plan[0].contains('M') && plan[0].contains(['<', '>']),
            "{plan:?}"
        );
    }
    for statement in PERIOD_STATEMENTS {
        let plan = plan(statement);
        assert!(
            plan.len() == 1
                && plan[0].starts_with("SEARCH notification USING INTEGER PRIMARY KEY (rowid"),
            "{plan:?}"
        );
    }
}

/// Entries in which `common` is everywhere and `rare` is at one end.
fn skewed(count: u64) -> File {
    let file = File::new();
    let transaction = file.writer.unchecked_transaction().unwrap();
    for index in 0..count {
        let title = if index % 2 == 0 {
            "年度检查"
        } else {
            "年度报告"
        };
        let category = if index == 3 { "rare" } else { "common" };
        let author = if index % 2 == 0 { "tax" } else { "health" };
        let at = (index, i64::try_from(index).unwrap());
        let entry = entry(at, author, &[draft(category, title, &["channels/a"])], true);
        rows::write(&transaction, &rows::changes(&entry)).unwrap();
    }
    transaction.commit().unwrap();
    file
}

#[test]
fn a_page_of_any_filter_reads_pieces_in_proportion_to_the_page() {
    const COUNT: u64 = 20_000;
    let file = skewed(COUNT);
    let category = |id: &str| Term::category(id);
    let tax = Term::author("agencies/tax");
    let health = Term::author("agencies/health");
    let all = || within(&["channels/a", "agencies/tax/inbox"]);
    let with = |terms: &[Term]| Query {
        terms: terms.to_vec(),
        ..all()
    };
    let words = |words: &str, terms: &[Term]| Query {
        title: TitleQuery::new(words),
        ..with(terms)
    };
    // Enough for the first page of what is there, and for the whole of what is rare or not there.
    const FEW: u32 = 12;
    for (name, query, least) in [
        ("no filter", all(), 50),
        ("a common category", with(&[category("common")]), 50),
        ("a rare category", with(&[category("rare")]), 1),
        ("rare and common", with(&[category("rare"), health]), 1),
        ("common and rare", with(&[health, category("rare")]), 1),
        ("rare and not there", with(&[category("rare"), tax]), 0),
        ("not there", with(&[category("none"), tax]), 0),
        ("common words", words("年度", &[]), 50),
        (
            "words and a rare category",
            words("年度", &[category("rare")]),
            1,
        ),
        ("words and an author", words("检查", &[tax]), 50),
        ("words that are not there", words("没有", &[tax]), 0),
    ] {
        for is_oldest_first in [false, true] {
            let query = Query {
                is_oldest_first,
                ..query.clone()
            };
            let (found, is_all) = file.read(query, FEW);
            assert!(found.len() >= least, "{name}: {} found", found.len());
            assert!(is_all || least >= 50, "{name}: it read too much");
        }
    }
    // A period in the middle is gone to, not read up to.
    let middle = Query {
        from_us: Some(10_000),
        before_us: Some(10_003),
        ..all()
    };
    assert_eq!(
        file.read(middle, FEW),
        (vec![(10_002, 0), (10_001, 0), (10_000, 0)], true)
    );
    // Two long lists with nothing in common are the worst there is; even they end.
    let (found, is_all) = file.read(words("检查", &[health]), PIECES_MAX);
    assert!(found.is_empty() && is_all);
    let (found, is_all) = file.read(words("检查", &[health]), FEW);
    assert!(found.is_empty() && !is_all, "the limit of pieces holds");
}
