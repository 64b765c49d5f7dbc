//! The report for people, or as one JSON object. Data goes to stdout, progress to stderr.

use std::io::Write;

use super::{Finding, Report, Severity, fsck};
use crate::config::Config;

/// Runs the check and writes the report. Answers whether there were no errors.
///
/// # Errors
/// When the check cannot be made, or nothing can be written.
pub fn command(
    config: &Config,
    is_json: bool,
    out: &mut dyn Write,
    progress: &mut dyn Write,
) -> anyhow::Result<bool> {
    let report = fsck(config, &mut |entries| {
        // The check goes on when nobody hears how far it is.
        drop(writeln!(progress, "hub fsck: {entries} entries checked"));
    })?;
    if is_json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        text(&report, out)?;
    }
    Ok(report.is_sound())
}

fn text(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}", report.folder.display())?;
    writeln!(
        out,
        "  {} entries in {} segments, {} of them checked",
        report.entries, report.segments, report.entries_checked
    )?;
    write!(out, "  {} signed checkpoints", report.checkpoints)?;
    match &report.newest {
        Some(newest) => writeln!(
            out,
            "; newest: {} entries, root {}",
            newest.size, newest.root
        )?,
        None => writeln!(out)?,
    }
    writeln!(
        out,
        "  {} author signatures and {} of the hub verified",
        report.author_signatures, report.hub_signatures
    )?;
    if report.sealed > 0 {
        writeln!(
            out,
            "  {} entries are sealed: header and signature were verified, the text is erased",
            report.sealed
        )?;
    }
    writeln!(
        out,
        "  {} rows of the state index compared, as of {} entries",
        report.rows_compared, report.state_applied
    )?;
    for finding in &report.findings {
        show(finding, out)?;
    }
    let shown = u64::try_from(report.findings.len()).unwrap_or(u64::MAX);
    if report.findings_total > shown {
        writeln!(out, "{} further findings", report.findings_total - shown)?;
    }
    let warnings = report.findings_total.saturating_sub(report.errors_total);
    match (report.errors_total, warnings) {
        (0, 0) => writeln!(out, "Everything is in order."),
        (0, warnings) => writeln!(
            out,
            "Nothing that was acknowledged is touched; {warnings} warnings."
        ),
        (errors, warnings) => writeln!(out, "{errors} errors, {warnings} warnings."),
    }
}

fn show(finding: &Finding, out: &mut dyn Write) -> std::io::Result<()> {
    let severity = match finding.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    write!(out, "{severity}: {}", finding.file.display())?;
    if let Some(offset) = finding.offset {
        write!(out, ", byte {offset}")?;
    }
    writeln!(out, ": {}. {}", finding.what, finding.remedy)
}
