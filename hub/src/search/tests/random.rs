//! Random notifications and random queries, held against a plain filter.

use std::collections::BTreeSet;

use super::{Draft, File, draft, entry, within};
use crate::{
    domain::channels::log::NotificationPlace,
    search::{Query, Term, TitleQuery},
};

/// What the plain model keeps of a notification.
#[derive(Debug, Clone)]
struct Plain {
    at: (u64, u32),
    at_us: i64,
    logs: BTreeSet<&'static str>,
    terms: BTreeSet<&'static str>,
    title: &'static str,
}

/// A small random source; the seed is printed by the test that uses it.
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % count
    }

    fn number<T: TryFrom<usize, Error: std::fmt::Debug>>(&mut self, count: usize) -> T {
        self.below(count).try_into().unwrap()
    }

    fn some(&mut self, of: &[&'static str]) -> Vec<&'static str> {
        of.iter().copied().filter(|_| self.below(3) == 0).collect()
    }

    fn one(&mut self, of: &[&'static str]) -> &'static str {
        of[self.below(of.len())]
    }
}

const ENTRIES: u64 = 400;
const LOGS: [&str; 4] = [
    "channels/a",
    "channels/b",
    "agencies/tax/inbox",
    "agencies/tax/sent",
];
const TITLES: [&str; 6] = [
    "年度检查通知",
    "年检",
    "检查结果",
    "annual 年度",
    "报告",
    "查",
];

/// Publishes at random, into the index and the model.
fn publish_all(random: &mut Random, file: &File) -> Vec<Plain> {
    let mut plain: Vec<Plain> = vec![];
    let mut at_us = 0;
    for index in 0..ENTRIES {
        at_us += random.number::<i64>(2);
        let author = random.one(&["tax", "health"]);
        let mut drafts = vec![];
        for item in 0..1 + random.number::<u32>(3) {
            let category = random.one(&["x", "y", "z"]);
            let title = random.one(&TITLES);
            let logs = random.some(&LOGS);
            let recipients = random.some(&["agencies/tax", "agencies/health"]);
            let terms = recipients.iter().chain([&author, &category]).copied();
            plain.push(Plain {
                at: (index, item),
                at_us,
                logs: logs.iter().copied().collect(),
                terms: terms.collect(),
                title,
            });
            drafts.push(Draft {
                recipients,
                ..draft(category, title, &logs)
            });
        }
        file.apply(&entry((index, at_us), author, &drafts, true));
    }
    plain
}

/// What is asked, in the model's words.
#[derive(Debug)]
struct Asked {
    logs: Vec<&'static str>,
    names: Vec<&'static str>,
    words: Option<&'static str>,
    from_us: Option<i64>,
    before_us: Option<i64>,
    after: Option<(u64, u32)>,
    is_oldest_first: bool,
}

impl Asked {
    fn new(random: &mut Random) -> Self {
        const NAMES: [&str; 6] = ["tax", "health", "x", "y", "agencies/tax", "agencies/health"];
        const WORDS: [&str; 8] = ["年", "检", "检查", "年度", "查", "annual", "通知", "没"];
        let time = |random: &mut Random| (random.below(3) == 0).then(|| random.number(220));
        Self {
            logs: random.some(&LOGS),
            names: (0..random.below(3)).map(|_| random.one(&NAMES)).collect(),
            words: (random.below(2) == 0).then(|| random.one(&WORDS)),
            from_us: time(random),
            before_us: time(random),
            after: (random.below(2) == 0).then(|| (random.number(400), random.number(3))),
            is_oldest_first: random.below(2) == 0,
        }
    }

    fn query(&self) -> Query {
        let term = |name: &&str| match *name {
            "tax" | "health" => Term::author(&format!("agencies/{name}")),
            "x" | "y" => Term::category(name),
            recipient => Term::addressee(recipient),
        };
        Query {
            terms: self.names.iter().map(term).collect(),
            title: self.words.and_then(TitleQuery::new),
            from_us: self.from_us,
            before_us: self.before_us,
            after: self
                .after
                .map(|(entry_index, item)| NotificationPlace { entry_index, item }),
            is_oldest_first: self.is_oldest_first,
            ..within(&self.logs)
        }
    }

    fn matches(&self, one: &Plain) -> bool {
        let is_after = |after| match self.is_oldest_first {
            true => one.at > after,
            false => one.at < after,
        };
        self.logs.iter().any(|log| one.logs.contains(log))
            && self.names.iter().all(|name| one.terms.contains(name))
            && self.words.is_none_or(|words| one.title.contains(words))
            && self.from_us.is_none_or(|from| one.at_us >= from)
            && self.before_us.is_none_or(|before| one.at_us < before)
            && self.after.is_none_or(is_after)
    }
}

#[test]
fn random_queries_find_what_a_plain_filter_finds() {
    let seed = u64::from_be_bytes(hub_core::crypto::random().unwrap());
    println!("seed {seed}");
    let mut random = Random(seed);
    let file = File::new();
    let plain = publish_all(&mut random, &file);
    for _ in 0..400 {
        let asked = Asked::new(&mut random);
        let matching = plain.iter().filter(|one| asked.matches(one));
        let mut expected: Vec<(u64, u32)> = matching.map(|one| one.at).collect();
        if !asked.is_oldest_first {
            expected.reverse();
        }
        assert_eq!(file.find(asked.query()), expected, "seed {seed}: {asked:?}");
    }
}
