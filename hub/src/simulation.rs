//! Engine, ledger and feed in a deterministic simulation: clock, disk and randomness are injected and
//! the writer is stepped, so a seed is a run. Every answer is held against a plain model.
//!
//! A run is a random row of steps: acts that wait for the writer together (among them acts that were
//! asked before, and ids with other content), reads by subscriptions from random cursors, erasures,
//! jumps of the clock in both directions, disks that are full or fail, processes that are killed within a
//! call, power that goes, and an index that is kept, rolled back, lost or damaged.
//!
//! `HUB_SIMULATION_RUNS` sets the number of runs, `HUB_SIMULATION_STEPS` their length,
//! `HUB_TEST_SEED` the first seed; a run that fails prints them, so that it alone is run again.
//! `scripts/simulate.sh` runs many.

mod acts;
mod checks;
mod machine;
mod model;

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use hub_core::{crypto::Digest, names::LogName, reason::Reason};
use jiff::Timestamp;

use self::{
    acts::{AGENCIES, Acts, logs_of, submission},
    machine::{Fate, Kind, Machine},
    model::{Act, Expected, Model},
};
use crate::{
    charter::Charter,
    clock::{Clock as _, ManualClock},
    dev::site::CHARTER,
    domain::channels::cursor::Cursor,
    engine::{Options, Writes, entropy::SeededEntropy, recorded::Recorded, stepped::Stepped},
    error::Result,
    feed::Subscription,
    ledger::testing::{Call, Failure, Fault, Random},
};

/// Runs unless `HUB_SIMULATION_RUNS` says otherwise.
const RUNS: u64 = 200;

/// One run in so many is over sled.
const SLED_PART: u64 = 20;

/// Steps of a run unless `HUB_SIMULATION_STEPS` says otherwise.
const STEPS: u64 = 40;

/// Lines of a run that are shown when it fails.
const TRACE_LINES: usize = 60;

/// Most readers at once.
const READERS_MAX: usize = 6;

type Answer = Pin<Box<dyn Future<Output = Result<Arc<Recorded>>>>>;

/// A reader, and its cursor as it would be stored.
struct Reader {
    logs: Vec<LogName>,
    cursor: BTreeMap<LogName, i64>,
    subscription: Option<Subscription>,
}

struct Simulation {
    seed: u64,
    random: Random,
    clock: ManualClock,
    charter: Arc<Charter>,
    machine: Machine,
    hub: Option<Stepped>,
    acts: Acts,
    model: Model,
    /// The model with what was under way when the hub failed or died.
    under_way: Option<Model>,
    readers: Vec<Reader>,
    /// Checkpoints that members remember.
    remembered: Vec<(u64, Digest)>,
    /// Whether a call has failed since the hub started.
    is_disk_suspect: bool,
    /// Whether the hub has said that it records nothing until it has started again.
    is_failed: bool,
    starts: u64,
    trace: Vec<String>,
    tally: Tally,
}

/// What has happened.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Tally {
    recorded: u64,
    repeated: u64,
    refused: u64,
    full: u64,
    failed: u64,
    killed: u64,
    power_cuts: u64,
    rescued: u64,
    delivered: u64,
    sealed: u64,
}

impl Drop for Simulation {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let skipped = self.trace.len().saturating_sub(TRACE_LINES);
        for line in &self.trace[skipped..] {
            println!("{line}");
        }
        let seed = self.seed;
        let steps = setting("HUB_SIMULATION_STEPS").unwrap_or(STEPS);
        println!(
            "the run above is HUB_TEST_SEED={seed} HUB_SIMULATION_RUNS=1 HUB_SIMULATION_STEPS={steps}"
        );
    }
}

impl Simulation {
    fn new(seed: u64, kind: Kind) -> Self {
        let mut random = Random::new(seed);
        let segment_bytes_max = 2_000 + random.below(40_000);
        let began_at: Timestamp = "2026-01-05T01:00:00Z".parse().unwrap();
        Self {
            seed,
            clock: ManualClock::at(began_at),
            charter: Arc::new(Charter::parse(CHARTER, "shanxi.toml").unwrap()),
            machine: Machine::new(kind, random.bits(), segment_bytes_max),
            hub: None,
            acts: Acts::new(Random::new(random.bits())),
            random,
            model: Model::default(),
            under_way: None,
            readers: vec![],
            remembered: vec![],
            is_disk_suspect: false,
            is_failed: false,
            starts: 0,
            trace: vec![],
            tally: Tally::default(),
        }
    }

    fn run(&mut self) {
        self.start();
        for _ in 0..setting("HUB_SIMULATION_STEPS").unwrap_or(STEPS) {
            self.step();
        }
        self.machine.disk.set_fault(None);
        self.restart(false, Fate::Kept);
        self.read_all();
        // The newest life is one without faults: everything can be recorded.
        self.submit();
        self.erase();
        self.check();
        self.end();
        let report = self.machine.fsck();
        assert!(report.is_clean(), "{:?}", report.findings);
    }

    fn say(&mut self, line: impl Into<String>) {
        // Runs are compared, and each has a folder of its own.
        let line = line.into().replace(&self.machine.folder(), "");
        self.trace.push(line);
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..=46 => self.submit(),
            47..=59 => self.read(),
            60..=65 => self.subscribe(),
            66..=71 => self.move_clock(),
            72..=75 => self.seal(),
            76..=80 => self.check(),
            81..=84 => {
                self.say("the index is saved");
                self.machine.save_index();
            }
            85..=92 => self.break_disk(),
            93..=95 => self.crash(false),
            _ => self.crash(true),
        }
    }

    fn hub(&self) -> &Stepped {
        self.hub.as_ref().expect("the hub runs")
    }

    /// Starts the hub; on a disk that works it must start.
    fn start(&mut self) {
        if self.random.percent(10) {
            self.start_badly();
        }
        self.machine.disk.set_fault(None);
        self.machine.disk.take_fired();
        let hub = self.try_start().unwrap_or_else(|error| panic!("{error}"));
        self.is_disk_suspect = false;
        self.is_failed = false;
        self.adopt(hub);
        self.settle_erased();
        self.check();
    }

    fn try_start(&mut self) -> Result<Stepped, String> {
        self.starts += 1;
        let store = self.machine.open().map_err(|error| error.to_string())?;
        Stepped::start(Options {
            store,
            charter: Arc::clone(&self.charter),
            clock: Arc::new(self.clock.clone()),
            entropy: Box::new(SeededEntropy::new(self.seed ^ (self.starts << 40))),
            key: machine::key(self.seed),
            metrics: Arc::default(),
        })
        .map_err(|error| format!("{error} {:?}", error.context))
    }

    /// A start that may fail, be killed, or lose its power.
    fn start_badly(&mut self) {
        let fault = self.fault();
        self.say(format!("starts on a bad disk: {fault:?}"));
        self.machine.disk.set_fault(Some(fault));
        let started = self.try_start();
        let has_failed = !self.machine.disk.take_fired().is_empty();
        match started {
            // What it would have shown to readers must stay.
            Ok(hub) => self.adopt(hub),
            Err(error) => assert!(has_failed, "{error}"),
        }
        self.end();
        if self.random.percent(40) {
            self.say("and the power goes");
            self.machine.disk.cut_power();
        }
    }

    /// The hub has started: what it has is what was answered, and what was under way whole or not at
    /// all.
    fn adopt(&mut self, hub: Stepped) {
        let engine = Arc::clone(&hub.engine);
        self.hub = Some(hub);
        let head = engine.store().head();
        let acknowledged = self.model.head();
        if let Some(under_way) = self.under_way.take()
            && head != acknowledged
        {
            assert_eq!(head, under_way.head(), "half of a batch is there");
            self.tally.rescued += head - acknowledged;
            self.model = under_way;
        }
        assert_eq!(
            head,
            self.model.head(),
            "what was answered is there, and nothing else"
        );
        for index in acknowledged..head {
            let entry = engine.recorded(index).unwrap().expect("below the head");
            self.learn(&entry);
        }
        self.say(format!("start {}: {head} entries", self.starts));
    }

    fn learn(&mut self, entry: &Recorded) {
        let at = usize::try_from(entry.header.index).unwrap();
        self.model.facts[at].recorded_at_us = entry.header.recorded_at_us;
    }

    /// The instant that the next entry carries: the clock's, or that of the entry before.
    fn hub_now(&self) -> Timestamp {
        let last = self.model.facts.last();
        let last = last.map_or(Timestamp::UNIX_EPOCH, |last| {
            Timestamp::from_microsecond(last.recorded_at_us).unwrap()
        });
        self.clock.now().max(last)
    }

    fn submit(&mut self) {
        let us = i64::try_from(self.random.below(400_000)).unwrap();
        self.clock.advance_us(us);
        let acts = self.acts.batch(&self.model, self.clock.now());
        self.submit_all(&acts);
    }

    /// Lets acts wait together, lets the writer work once, and holds the answers against the model.
    fn submit_all(&mut self, acts: &[Act]) {
        let engine = Arc::clone(&self.hub().engine);
        let mut answers: Vec<Answer> = vec![];
        for act in acts {
            let (engine, submission) = (Arc::clone(&engine), submission(act));
            let mut answer: Answer = Box::pin(async move { engine.submit(submission).await });
            assert!(
                poll(&mut answer).is_none(),
                "nothing is answered before it is flushed"
            );
            answers.push(answer);
        }
        let mut after = self.model.clone();
        let now = self.hub_now();
        let expected: Vec<Expected> = acts.iter().map(|act| after.take(act, now)).collect();
        self.hub.as_mut().unwrap().step();
        let answers: Vec<_> = answers
            .iter_mut()
            .map(|answer| poll(answer).expect("the writer has worked"))
            .collect();
        let fired = self.machine.disk.take_fired();
        self.is_disk_suspect |= !fired.is_empty();
        self.say(format!("{expected:?}, failed calls {fired:?}"));
        let is_new = |one: &Expected| matches!(one, Expected::New(_));
        let is_commit_due = expected.iter().any(is_new);
        match verdict(&answers) {
            Some(Reason::Unavailable) => {
                assert!(self.is_disk_suspect, "the hub failed on a disk that works");
                let all = answers
                    .iter()
                    .all(|one| reason(one) == Some(Reason::Unavailable));
                assert!(all, "a failed hub answers nothing: {answers:?}");
                if !self.is_failed {
                    self.tally.failed += 1;
                    self.is_failed = true;
                    self.under_way = is_commit_due.then_some(after);
                }
                assert_eq!(self.hub().engine.writes(), Writes::Failed);
            }
            Some(Reason::StorageFull) => {
                assert!(!fired.is_empty() && is_commit_due, "the disk has room");
                self.check_full(acts, &expected, &answers);
            }
            _ => {
                assert!(!self.is_failed, "a failed hub answers: {answers:?}");
                let failed_sync =
                    |(call, file): &(Call, String)| *call == Call::Sync && file.ends_with(".log");
                assert!(
                    !(is_commit_due && fired.iter().any(failed_sync)),
                    "answered though the sync of the segment failed"
                );
                for ((act, expected), answer) in acts.iter().zip(&expected).zip(&answers) {
                    self.check_answer(act, *expected, answer);
                }
                self.model = after;
                for answer in answers.iter().flatten() {
                    self.learn(answer);
                }
            }
        }
    }

    /// A full disk refuses everything but what was recorded before, and leaves nothing.
    fn check_full(
        &mut self,
        acts: &[Act],
        expected: &[Expected],
        answers: &[Result<Arc<Recorded>>],
    ) {
        self.tally.full += 1;
        let head = self.model.head();
        for ((act, expected), answer) in acts.iter().zip(expected).zip(answers) {
            match expected {
                Expected::Earlier(index) if *index < head => {
                    self.check_answer(act, *expected, answer);
                }
                // An act whose repetition cannot be compared any more.
                Expected::Refused(Reason::RequestIdReused | Reason::ContentSealed) => {}
                _ => assert_eq!(reason(answer), Some(Reason::StorageFull)),
            }
        }
        assert_eq!(self.hub().engine.store().head(), head);
    }

    fn check_answer(&mut self, act: &Act, expected: Expected, answer: &Result<Arc<Recorded>>) {
        match (expected, answer) {
            (Expected::Refused(expected), Err(error)) => {
                assert_eq!(error.reason, expected, "{act:?}: {error}");
                self.tally.refused += 1;
            }
            (Expected::New(index), Ok(entry)) => {
                assert_eq!(entry.header.index, index, "{act:?}");
                assert_eq!(entry.content.request, act.request);
                assert_eq!(entry.author(), act.agency);
                assert_eq!(entry.recorded_at(), self.hub_now());
                self.tally.recorded += 1;
            }
            (Expected::Earlier(index), Ok(entry)) => {
                assert_eq!(entry.header.index, index, "{act:?}");
                self.tally.repeated += 1;
            }
            (expected, answer) => panic!("{expected:?} was expected, not {answer:?}, of {act:?}"),
        }
    }

    fn move_clock(&mut self) {
        const HOUR_US: i64 = 3_600_000_000;
        let us = i64::try_from(self.random.below(6)).unwrap() * HOUR_US;
        let us = match self.random.below(4) {
            0 => -us,
            1 => us,
            _ => i64::try_from(self.random.below(3_000_000)).unwrap(),
        };
        self.say(format!("the clock moves by {us} us"));
        self.clock.advance_us(us);
    }

    fn fault(&mut self) -> Fault {
        let failure = *self.random.pick(&[
            Failure::Broken,
            Failure::Full,
            Failure::Full,
            Failure::Killed,
        ]);
        Fault {
            after: self.random.below(12),
            count: *self.random.pick(&[1, 1, 2, 3, 1_000]),
            failure,
        }
    }

    /// A fault that strikes in one of the next calls of the disk, and is over some time.
    fn break_disk(&mut self) {
        let fault = self.fault();
        self.say(format!("the disk: {fault:?}"));
        self.machine.disk.set_fault(Some(fault));
        for _ in 0..1 + self.random.below(4) {
            self.submit();
            if self.random.percent(30) {
                self.seal();
            }
            if self.random.percent(20) {
                self.move_clock();
            }
        }
        let is_killed = fault.failure == Failure::Killed;
        if is_killed && self.is_disk_suspect {
            self.tally.killed += 1;
            return self.crash(false);
        }
        self.say("the disk works again");
        self.machine.disk.set_fault(None);
        if self.is_failed {
            // Reads go on, acts do not, until it has started again.
            self.read_all();
            self.submit();
            self.crash(false);
        }
    }

    /// The hub ends in an instant, and perhaps the power goes with it.
    fn crash(&mut self, is_power_lost: bool) {
        let is_power_lost = is_power_lost || self.random.percent(30);
        let fates = [Fate::Kept, Fate::RolledBack, Fate::Lost, Fate::Damaged];
        let fate = *self.random.pick(&fates);
        self.restart(is_power_lost, fate);
    }

    fn restart(&mut self, is_power_lost: bool, fate: Fate) {
        self.say(format!(
            "the hub ends, power lost {is_power_lost}, index {fate:?}"
        ));
        self.end();
        if is_power_lost {
            self.tally.power_cuts += 1;
            self.machine.disk.cut_power();
        }
        self.machine.end(fate, &mut self.random);
        self.start();
    }

    /// Everything that holds the store goes.
    fn end(&mut self) {
        for reader in &mut self.readers {
            reader.subscription = None;
        }
        self.hub = None;
    }

    fn seal(&mut self) {
        let now = self.clock.now();
        let Some(act) = self.acts.seal(&self.model, now) else {
            return;
        };
        self.submit_all(std::slice::from_ref(&act));
        if self.random.percent(70) {
            self.erase();
        }
    }

    /// Carries out what is ordered.
    fn erase(&mut self) {
        let done = self.hub().engine.finish_seals();
        let fired = self.machine.disk.take_fired();
        self.is_disk_suspect |= !fired.is_empty();
        self.say(format!("erases: {done:?}, failed calls {fired:?}"));
        match done {
            Ok(report) => {
                self.tally.sealed += report.sealed;
                let ordered: Vec<u64> = self.model.ordered.keys().copied().collect();
                self.model.erased.extend(&ordered);
                if let Some(under_way) = &mut self.under_way {
                    under_way.erased.extend(&ordered);
                }
            }
            Err(error) => assert!(self.is_disk_suspect, "{error}"),
        }
        self.settle_erased();
    }

    /// An erasure that failed half way has erased some; what the ledger says counts.
    fn settle_erased(&mut self) {
        let engine = Arc::clone(&self.hub().engine);
        for index in self.model.ordered.keys().copied().collect::<Vec<_>>() {
            let entry = engine.store().entry(index).unwrap().unwrap();
            assert!(entry.is_sealed || !self.model.erased.contains(&index));
            if entry.is_sealed {
                self.model.erased.insert(index);
            }
        }
    }
}

/// What a reader does.
impl Simulation {
    /// One more reader, from anywhere.
    fn subscribe(&mut self) {
        let agency = *self.random.pick(&AGENCIES);
        let mut logs = logs_of(agency);
        logs.retain(|_| self.random.percent(70));
        if logs.is_empty() {
            return;
        }
        let mut cursor = BTreeMap::new();
        for log in &logs {
            let length = usize::try_from(self.model.length(log)).unwrap();
            let at = match self.random.below(3) {
                0 => 0,
                1 => length,
                _ => self.random.index(length + 1),
            };
            cursor.insert(log.clone(), i64::try_from(at).unwrap());
        }
        if self.readers.len() == READERS_MAX {
            let gone = self.random.index(READERS_MAX);
            self.readers.remove(gone);
        }
        self.say(format!("{agency} reads from {cursor:?}"));
        self.readers.push(Reader {
            logs,
            cursor,
            subscription: None,
        });
    }

    fn read(&mut self) {
        if self.readers.is_empty() {
            return;
        }
        let number = self.random.index(self.readers.len());
        let most = 1 + self.random.below(20);
        self.read_some(number, most);
    }

    fn read_all(&mut self) {
        for number in 0..self.readers.len() {
            self.read_some(number, u64::MAX);
        }
    }

    /// Reads on; a reader that was cut off goes on from its cursor.
    fn read_some(&mut self, number: usize, most: u64) {
        let engine = Arc::clone(&self.hub().engine);
        let reader = &mut self.readers[number];
        if self.random.percent(20) {
            reader.subscription = None;
        }
        let subscription = reader.subscription.get_or_insert_with(|| {
            let mut cursor = Cursor::default();
            for (log, at) in &reader.cursor {
                cursor.set(log.clone(), *at);
            }
            Subscription::new(engine, reader.logs.clone(), cursor)
        });
        let mut last = None;
        for _ in 0..most {
            let Some(delivered) = subscription.read_next().unwrap() else {
                for log in &reader.logs {
                    let read = reader.cursor[log];
                    assert_eq!(read, self.model.length(log), "{log} is read to its end");
                }
                return;
            };
            let at = reader.cursor.get_mut(&delivered.log).unwrap();
            *at += 1;
            assert_eq!(
                delivered.position, *at,
                "{}: no gap, no repeat",
                delivered.log
            );
            let place = self.model.logs[&delivered.log][usize::try_from(*at - 1).unwrap()];
            assert_eq!(delivered.place, place, "{} {at}", delivered.log);
            assert!(last.is_none_or(|last| last <= place), "the ledger's order");
            last = Some(place);
            let note = &self.model.notes[&place];
            assert_eq!(delivered.notification.name, note.name);
            if !delivered.notification.is_sealed {
                assert_eq!(delivered.notification.title, note.title);
            }
            let may_be_sealed = self.model.ordered.contains_key(&place.entry_index);
            assert!(may_be_sealed || !delivered.notification.is_sealed);
            self.tally.delivered += 1;
        }
    }
}

fn poll(answer: &mut Answer) -> Option<Result<Arc<Recorded>>> {
    let mut context = Context::from_waker(Waker::noop());
    match answer.as_mut().poll(&mut context) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

fn reason(answer: &Result<Arc<Recorded>>) -> Option<Reason> {
    answer.as_ref().err().map(|error| error.reason)
}

/// What the storage has said to a batch, if it has.
fn verdict(answers: &[Result<Arc<Recorded>>]) -> Option<Reason> {
    let storage = [Reason::Unavailable, Reason::StorageFull];
    answers
        .iter()
        .filter_map(reason)
        .find(|reason| storage.contains(reason))
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn runs_of(kind: Kind, runs: u64, first: u64) -> Tally {
    let mut tally = Tally::default();
    for number in 0..runs {
        let mut simulation = Simulation::new(first.wrapping_add(number), kind);
        simulation.run();
        tally.add(&simulation.tally);
        if number % 500 == 499 {
            println!("{} of {runs} runs over {kind:?}: {tally:?}", number + 1);
        }
    }
    tally
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.recorded += other.recorded;
        self.repeated += other.repeated;
        self.refused += other.refused;
        self.full += other.full;
        self.failed += other.failed;
        self.killed += other.killed;
        self.power_cuts += other.power_cuts;
        self.rescued += other.rescued;
        self.delivered += other.delivered;
        self.sealed += other.sealed;
    }
}

fn first_seed() -> u64 {
    let fresh = || u64::from_be_bytes(hub_core::crypto::random().unwrap());
    setting("HUB_TEST_SEED").unwrap_or_else(fresh)
}

#[test]
fn seeded_runs_agree_with_the_model() {
    let runs = setting("HUB_SIMULATION_RUNS").unwrap_or(RUNS);
    let first = first_seed();
    println!("HUB_TEST_SEED={first} HUB_SIMULATION_RUNS={runs}");
    let tally = runs_of(Kind::Memory, runs, first);
    println!("{runs} runs: {tally:?}");
    if runs >= RUNS {
        // What the runs are about happens.
        let counts = [
            tally.recorded,
            tally.repeated,
            tally.refused,
            tally.full,
            tally.failed,
            tally.killed,
            tally.power_cuts,
            tally.rescued,
            tally.delivered,
            tally.sealed,
        ];
        assert!(counts.iter().all(|count| *count > runs / 20), "{tally:?}");
    }
}

#[test]
fn seeded_runs_over_sled_agree_with_the_model() {
    let runs = setting("HUB_SIMULATION_RUNS")
        .unwrap_or(RUNS)
        .div_ceil(SLED_PART);
    let first = first_seed();
    println!("HUB_TEST_SEED={first} HUB_SIMULATION_RUNS={runs}");
    let tally = runs_of(Kind::Sled, runs, first);
    println!("{runs} runs over sled: {tally:?}");
}

#[test]
fn a_seed_is_a_run() {
    for seed in [1, 2, 3] {
        let [one, other] = [(), ()].map(|()| {
            let mut simulation = Simulation::new(seed, Kind::Memory);
            simulation.run();
            std::mem::take(&mut simulation.trace)
        });
        assert_eq!(one, other);
    }
}

/// Each call of the disk fails in turn while contents of several segments are erased. What the ledger
/// has erased by then must not be read from memory.
#[test]
fn what_was_erased_before_the_disk_failed_is_in_no_memory() {
    let mut half_done = 0;
    for after in 0.. {
        let mut simulation = Simulation::new(1, Kind::Memory);
        simulation.start();
        for _ in 0..30 {
            simulation.submit();
        }
        let now = simulation.clock.now();
        let order = simulation.acts.seal(&simulation.model, now).unwrap();
        simulation.submit_all(std::slice::from_ref(&order));
        simulation.machine.disk.set_fault(Some(Fault {
            after,
            count: 1,
            failure: Failure::Broken,
        }));
        simulation.erase();
        simulation.machine.disk.set_fault(None);
        let (ordered, erased) = (
            simulation.model.ordered.len(),
            simulation.model.erased.len(),
        );
        half_done += u32::from(0 < erased && erased < ordered);
        simulation.check();
        simulation.end();
        if !simulation.is_disk_suspect {
            assert_eq!(ordered, erased, "no call failed");
            break;
        }
    }
    assert!(half_done > 0, "several segments are rewritten");
}
