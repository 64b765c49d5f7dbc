//! Runs one input, and tells of a panic on whichever thread it was.
//!
//! A service's work is done on other threads too, where a panic ends in an error status at most. The
//! hook of the process sees them all.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Whether an input is being run.
static IS_RUNNING: AtomicBool = AtomicBool::new(false);

/// The first panic since an input began.
static SEEN: Mutex<Option<String>> = Mutex::new(None);

fn seen() -> std::sync::MutexGuard<'static, Option<String>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on panics are noted while an input is run, and told as before otherwise.
fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IS_RUNNING.load(Ordering::SeqCst) {
                seen().get_or_insert_with(|| info.to_string());
            } else {
                before(info);
            }
        }));
    });
}

/// Runs a target on an input. One at a time: a panic is of whatever runs.
///
/// # Errors
/// With the words of the first panic, on any thread.
pub fn run(target: fn(&[u8]), input: &[u8]) -> Result<(), String> {
    watch();
    seen().take();
    IS_RUNNING.store(true, Ordering::SeqCst);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| target(input)));
    IS_RUNNING.store(false, Ordering::SeqCst);
    match (seen().take(), outcome) {
        (Some(panic), _) => Err(panic),
        (None, Err(_)) => Err("it panicked without a word".into()),
        (None, Ok(())) => Ok(()),
    }
}
