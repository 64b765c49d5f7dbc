//! Runs a target under libFuzzer, and holds its memory against what the table of targets allows.
//!
//! libFuzzer's own limit of single allocations needs a sanitizer; this one needs none, and is of all that an
//! input holds at a time.

use std::{alloc::System, sync::Once};

use hub_fuzz::Target;
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait as _};

#[global_allocator]
static MEMORY: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Runs an input of a target.
///
/// # Panics
/// When the target does, or held more memory than it may for this input.
pub fn run(target: &Target, input: &[u8]) {
    static IS_WARM: Once = Once::new();
    // What is made once for all inputs is not held against one.
    IS_WARM.call_once(|| (target.run)(&[]));
    MEMORY.reset_peak_memory();
    (target.run)(input);
    let (held, may) = (MEMORY.get_peak_memory(), target.memory_max(input.len()));
    assert!(held <= may, "it held {held} bytes and may hold {may}");
}
