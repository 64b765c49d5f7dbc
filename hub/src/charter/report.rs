//! `hub charter check`: a summary for people, or every broken rule with its line.

use std::{io::Write, path::Path};

use unicode_width::UnicodeWidthStr as _;

use super::Charter;

/// Checks a charter file. Writes a summary and returns true, or writes every broken rule, one a
/// line as `file:line: path: rule (hint)`, and returns false.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check_command(path: &Path, out: &mut dyn Write) -> anyhow::Result<bool> {
    match Charter::read(path) {
        Ok(charter) => {
            write_summary(&charter, out)?;
            Ok(true)
        }
        Err(errors) => {
            writeln!(out, "{errors}")?;
            let count = errors.errors.len();
            let noun = if count == 1 { "rule" } else { "rules" };
            writeln!(
                out,
                "{count} {noun} broken; this charter cannot be set in force"
            )?;
            Ok(false)
        }
    }
}

/// Writes what a sound charter holds.
fn write_summary(charter: &Charter, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(
        out,
        "{} ({}), {}, issued {}: every rule holds",
        charter.province(),
        charter.province_en(),
        charter.document_number(),
        charter.issued_on()
    )?;
    let sha256: String = charter
        .sha256()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    writeln!(out, "sha256 {sha256}\n")?;
    let mut rows =
        vec![["mechanism", "name", "members", "lead", "new members need"].map(String::from)];
    rows.extend(charter.mechanisms().iter().map(|mechanism| {
        [
            mechanism.id().to_string(),
            mechanism.name().to_owned(),
            mechanism.members().len().to_string(),
            mechanism.lead().to_string(),
            mechanism.membership_addition().source.clone(),
        ]
    }));
    write_table(&rows, out)?;
    writeln!(out)?;
    let mut rows = vec![["has", "count"].map(String::from)];
    rows.extend(
        [
            ("agencies", charter.agencies().len()),
            ("roles", charter.roles().len()),
            ("channels", charter.channels().len()),
            ("categories", charter.categories().len()),
            ("alert indicators", charter.alert_indicators().len()),
            ("legal bases", charter.legal_bases().len()),
            ("deadlines", charter.deadlines().len()),
        ]
        .map(|(what, count)| [what.to_owned(), count.to_string()]),
    );
    write_table(&rows, out)
}

/// Writes rows in columns; a Chinese character takes two places.
fn write_table<const N: usize>(rows: &[[String; N]], out: &mut dyn Write) -> anyhow::Result<()> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - cell.width() + 2));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
