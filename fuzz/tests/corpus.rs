//! Every target over its committed corpus and some mutations of it: what libFuzzer has found once is looked
//! at with every change. `HUB_FUZZ_ROUNDS` multiplies the mutations, `HUB_TEST_SEED` repeats them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here is a failed test; seeds are printed"
)]

use std::{
    alloc::System,
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use hub::wire::rpc::RPCS;
use hub_core::crypto::hex;
use hub_fuzz::{TARGETS, Target, guard, mutate, targets::requests::code, world::World};
use hub_tests::random::Random;
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait as _};

#[global_allocator]
static MEMORY: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Most files of a corpus, and most bytes: it is read by people and run by every change.
const CORPUS_FILES_MAX: usize = 64;
const CORPUS_BYTES_MAX: u64 = 96 * 1024;

/// Panics and memory are of the whole process, so these tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files of a target's corpus, in order.
fn corpus_files(target: &str) -> Vec<PathBuf> {
    let folder = folder().join("corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} is missing", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let files = corpus_files(target);
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// What is wrong with a target on an input.
fn fault(target: &Target, input: &[u8]) -> Option<String> {
    MEMORY.reset_peak_memory();
    let outcome = guard::run(target.run, input);
    let (held, may) = (MEMORY.get_peak_memory(), target.memory_max(input.len()));
    match outcome {
        Err(panic) => Some(panic),
        Ok(()) if held > may => Some(format!("held {held} bytes and may hold {may}")),
        Ok(()) => None,
    }
}

/// Tries inputs and so many mutations of them; what is wrong first, with the input.
fn trial(
    target: &Target,
    inputs: &[Vec<u8>],
    seed: u64,
    mutations: usize,
) -> Option<(String, Vec<u8>)> {
    // What is made once for all inputs is not held against one.
    drop(guard::run(target.run, &[]));
    for input in inputs {
        if let Some(fault) = fault(target, input) {
            return Some((fault, input.clone()));
        }
    }
    let mut random = Random::new(seed);
    for _ in 0..mutations {
        let of = random.pick(inputs).clone();
        let input = mutate::mutated(
            &mut random,
            &of,
            inputs,
            target.dictionary,
            target.input_bytes_max,
        );
        if let Some(fault) = fault(target, &input) {
            return Some((fault, input));
        }
    }
    None
}

#[test]
fn every_target_holds_on_its_corpus_and_on_mutations_of_it() {
    let _alone = alone();
    let seed = hub_tests::seed();
    println!("HUB_TEST_SEED={seed}");
    let rounds = std::env::var("HUB_FUZZ_ROUNDS").map_or(1, |text| text.parse().unwrap());
    let mut broken = vec![];
    for target in TARGETS {
        let inputs = corpus(target.name);
        let found = trial(target, &inputs, seed, target.mutations * rounds);
        if let Some((fault, input)) = found {
            broken.push(format!(
                "{}: {fault}\n  input: {}",
                target.name,
                hex(&input)
            ));
        }
    }
    assert!(broken.is_empty(), "seed {seed}\n{}", broken.join("\n"));
}

const PLANTED: Target = Target {
    name: "planted",
    run: |_| {},
    input_bytes_max: 64,
    memory_bytes: 1 << 20,
    memory_per_byte: 64,
    mutations: 0,
    dictionary: &["open sesame"],
    is_wide: false,
};

#[test]
fn a_fault_behind_a_word_is_found_and_a_panic_is_seen_on_every_thread() {
    let _alone = alone();
    fn holds_word(input: &[u8]) -> bool {
        input.windows(11).any(|part| part == b"open sesame")
    }
    let here: fn(&[u8]) = |input| assert!(!holds_word(input), "planted here");
    let there: fn(&[u8]) = |input| {
        let input = input.to_vec();
        // Who joins it does not look, as a server does not.
        drop(std::thread::spawn(move || assert!(!holds_word(&input), "planted there")).join());
    };
    for (run, word) in [(here, "planted here"), (there, "planted there")] {
        let target = Target { run, ..PLANTED };
        assert_eq!(trial(&target, &[b"nothing".to_vec()], 1, 0), None);
        let found = trial(&target, &[b"nothing".to_vec()], 1, 500);
        let (fault, input) = found.expect("a planted fault is found");
        assert!(fault.contains(word), "{fault}");
        assert!(holds_word(&input));
    }
}

#[test]
fn memory_beyond_what_an_input_may_take_is_noticed() {
    let _alone = alone();
    // As a decoder that trusts a length does.
    let greedy: fn(&[u8]) = |input| {
        let claimed = input.first().map_or(0, |length| usize::from(*length) << 16);
        std::hint::black_box(Vec::<u8>::with_capacity(claimed));
    };
    let target = Target {
        run: greedy,
        ..PLANTED
    };
    assert_eq!(fault(&target, &[1]), None);
    let found = fault(&target, &[200]).expect("13 MiB for a byte are too much");
    assert!(found.starts_with("held "), "{found}");
    let (fault, _) = trial(&target, &[vec![0]], 1, 500).expect("mutations find it");
    assert!(fault.starts_with("held "), "{fault}");
}

#[test]
fn the_story_of_the_world_takes_place() {
    let _alone = alone();
    let mut world = World::new();
    assert_eq!(world.refused(), []);
    let head = world.head();
    assert!(head > 50, "{head}");
    // It is the same in every world.
    world.renew();
    let rpc = RPCS
        .iter()
        .find(|rpc| rpc.method.ends_with("/WhoAmI"))
        .unwrap();
    assert_eq!(world.call(rpc, 0, Default::default(), &[]), Some(0));
    assert_eq!(world.head(), head);
}

#[test]
fn every_method_has_a_code_of_its_own() {
    let codes: BTreeSet<u16> = RPCS.iter().map(code).collect();
    assert_eq!(codes.len(), RPCS.len());
}

#[test]
fn every_target_has_a_small_corpus_and_a_row_in_the_document() {
    let document = fs::read_to_string(folder().join("../docs/FUZZING.md")).unwrap();
    let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names.len(), TARGETS.len());
    for name in &names {
        assert!(document.contains(&format!("\n| `{name}` |")), "{name}");
        let files = corpus_files(name);
        let bytes: u64 = files
            .iter()
            .map(|file| fs::metadata(file).unwrap().len())
            .sum();
        assert!(
            files.len() <= CORPUS_FILES_MAX,
            "{name}: {} files",
            files.len()
        );
        assert!(bytes <= CORPUS_BYTES_MAX, "{name}: {bytes} bytes");
    }
    let there = fs::read_dir(folder().join("corpus")).unwrap();
    let there: Vec<String> = there
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        there.iter().all(|name| names.contains(name.as_str())),
        "{there:?}"
    );
}
