//! Runs a target under libFuzzer, and holds its memory against what the table of targets allows.
//!
//! libFuzzer's own limit of single allocations needs a sanitizer; this one needs none, and is of all that an
//! input holds at a time.

use std::{alloc::System, sync::OnceLock};

use hub_fuzz::{TARGETS, Target};
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait as _};

#[global_allocator]
static MEMORY: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Runs an input of the target that `FUZZ_TARGET` names.
///
/// # Panics
/// When the target does, or held more memory than it may for this input.
pub fn run(input: &[u8]) {
    static TARGET: OnceLock<&Target> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
        let target = TARGETS.iter().find(|target| target.name == name);
        let target = target.expect("FUZZ_TARGET is in the table");
        // What is made once for all inputs is not held against one.
        (target.run)(&[]);
        target
    });
    MEMORY.reset_peak_memory();
    (target.run)(input);
    let (held, may) = (MEMORY.get_peak_memory(), target.memory_max(input.len()));
    assert!(held <= may, "it held {held} bytes and may hold {may}");
}
