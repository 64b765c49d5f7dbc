//! The calendar of working days in force: what is built in, with what the operator's file adds. It is
//! read at start, and again when the file changes: the State Council's notice for a year comes out in
//! the autumn before, and one was changed in the middle of running periods.
//!
//! Invariant: a file that breaks a rule is never put in force; the last good calendar stays, and the
//! log says what is wrong.

use std::{fs, io::Write, path::Path, sync::Arc};

use anyhow::{Context as _, ensure};
use hub_core::{
    crypto::{Digest, sha256},
    workdays::Calendar,
};

use crate::{config::Config, deadlines, engine::Engine};

/// Largest calendar file, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// The file that is looked at, and what the log was last told of it.
#[derive(Debug, Default)]
pub struct Watched {
    /// Of the text in force; nothing when it is the built-in calendar alone.
    in_force: Option<Digest>,
    reported: Option<String>,
}

/// Reads the calendar that the settings name and puts it in force.
///
/// # Errors
/// With file, line and rule.
pub fn start(engine: &Engine, config: &Config) -> anyhow::Result<Watched> {
    let mut watched = Watched::default();
    if let Some(file) = &config.calendar.file {
        let text = text(file)?;
        put_in_force(engine, file, &text)?;
        watched.in_force = Some(sha256(&[text.as_bytes()]));
    }
    Ok(watched)
}

/// Looks at the file again and again, and moves the deadlines that a new calendar moves. It ends only when
/// dropped, or at once when there is none.
pub async fn watch(engine: Arc<Engine>, config: Config, mut watched: Watched) {
    let Some(file) = config.calendar.file.clone() else {
        return;
    };
    loop {
        tokio::time::sleep(config.reload_interval()).await;
        let read = file.clone();
        let text = tokio::task::spawn_blocking(move || text(&read)).await;
        let text = text.map_err(anyhow::Error::from).flatten();
        if look(&engine, &file, text, &mut watched)
            && let Err(error) = deadlines::run(&engine).await
        {
            tracing::warn!(%error, "deadlines wait for the calendar; the hub tries again");
        }
    }
}

/// Whether another calendar is in force now.
fn look(engine: &Engine, file: &Path, text: anyhow::Result<String>, watched: &mut Watched) -> bool {
    let outcome = text.and_then(|text| {
        let digest = Some(sha256(&[text.as_bytes()]));
        let is_new = digest != watched.in_force;
        if is_new {
            put_in_force(engine, file, &text)?;
            watched.in_force = digest;
        }
        Ok(is_new)
    });
    let error = match outcome {
        Ok(is_new) => {
            watched.reported = None;
            return is_new;
        }
        Err(error) => error,
    };
    let text = format!("{error:#}");
    if watched.reported.as_ref() != Some(&text) {
        tracing::error!(
            error = %text,
            "the calendar changed and cannot be used; the last good one stays in force"
        );
        watched.reported = Some(text);
    }
    false
}

fn put_in_force(engine: &Engine, file: &Path, text: &str) -> anyhow::Result<()> {
    let calendar = parse(file, text)?;
    let until = calendar.years().map(|(_, last)| last).unwrap_or_default();
    engine.roster().set_calendar(calendar);
    tracing::info!(file = %file.display(), until, "the calendar of working days is in force");
    Ok(())
}

/// The built-in calendar with what a file adds.
///
/// # Errors
/// `file:line: calendar: rule (hint)`.
pub fn parse(file: &Path, text: &str) -> anyhow::Result<Calendar> {
    let extended = Calendar::published().and_then(|published| published.extended(text));
    extended.map_err(|error| {
        anyhow::anyhow!(
            "{}:{}: calendar: {} (a line is date,kind,name,known_from, such as \
             2027-10-01,holiday,国庆节,2026-11-05; it adds to what is built in)",
            file.display(),
            error.line,
            error.rule,
        )
    })
}

fn text(file: &Path) -> anyhow::Result<String> {
    let shown = file.display();
    let bytes = fs::metadata(file)
        .with_context(|| format!("{shown}: cannot be read; calendar.file names it"))?
        .len();
    ensure!(
        bytes <= FILE_BYTES_MAX,
        "{shown}: has {bytes} bytes; a calendar has at most {FILE_BYTES_MAX}"
    );
    fs::read_to_string(file).with_context(|| format!("{shown}: cannot be read"))
}

/// `hub calendar check`: writes a summary and returns true, or what is wrong and returns false.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check_command(file: &Path, out: &mut dyn Write) -> anyhow::Result<bool> {
    match text(file).and_then(|text| parse(file, &text)) {
        Ok(calendar) => {
            let (first, last) = calendar.years().unwrap_or_default();
            writeln!(out, "working days of {first} to {last}: every rule holds")?;
            writeln!(out, "{} days listed, with those built in", calendar.len())?;
            for version in calendar.versions() {
                writeln!(out, "something became known on {version}")?;
            }
            Ok(true)
        }
        Err(error) => {
            writeln!(out, "{error:#}")?;
            writeln!(out, "this calendar cannot be set in force")?;
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: &str = "2027-01-01,holiday,元旦,2026-11-05\n\
        2027-05-01,holiday,劳动节,2026-11-05\n\
        2027-10-01,holiday,国庆节,2026-11-05\n";

    fn checked(text: &str) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("workdays.csv");
        fs::write(&file, text).unwrap();
        let mut out = vec![];
        let is_sound = check_command(&file, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        (
            is_sound,
            out.replace(&folder.path().display().to_string(), ""),
        )
    }

    #[test]
    fn a_sound_file_is_summed_up() {
        let (is_sound, out) = checked(NEXT);
        assert!(is_sound, "{out}");
        assert!(
            out.starts_with("working days of 2018 to 2027: every rule holds\n"),
            "{out}"
        );
        assert!(
            out.contains("something became known on 2020-01-27\n"),
            "{out}"
        );
        assert!(
            out.contains("something became known on 2026-11-05\n"),
            "{out}"
        );
    }

    #[test]
    fn a_broken_file_is_refused_with_line_and_rule() {
        let (is_sound, out) = checked(&format!("{NEXT}2027-10-02,free,国庆节,2026-11-05"));
        assert!(!is_sound);
        let expected =
            "/workdays.csv:4: calendar: kind \"free\" must be holiday, workday or usual (";
        assert!(out.starts_with(expected), "{out}");
        assert!(
            out.ends_with("this calendar cannot be set in force\n"),
            "{out}"
        );
        let absent = text(Path::new("no-such-file.csv")).unwrap_err().to_string();
        assert!(
            absent.starts_with("no-such-file.csv: cannot be read; calendar.file"),
            "{absent}"
        );
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read() {
        let fitting = "#".repeat(usize::try_from(FILE_BYTES_MAX).unwrap());
        assert!(checked(&fitting).0);
        let (is_sound, out) = checked(&format!("{fitting}#"));
        assert!(
            !is_sound && out.contains("a calendar has at most 1048576"),
            "{out}"
        );
    }
}
