//! What a run found: a table for people, and lines `ratio <name> <value>` for machines.

use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use crate::{
    load::Window,
    server::Server,
    stats::{Ratio, as_f64, median, median_of},
};

const MIB: f64 = 1024.0 * 1024.0;

/// A line of the table: one system in one comparison.
#[derive(Debug, Clone)]
pub(crate) struct Row(Vec<String>);

const HEADINGS: [&str; 11] = [
    "comparison",
    "system",
    "messages/s",
    "p50 ms",
    "p99 ms",
    "max ms",
    "server µs/msg",
    "client µs/msg",
    "peak MiB",
    "disk B/msg",
    "others' CPU",
];

/// What stands where nothing was measured.
const NOTHING: &str = "-";

impl Row {
    /// Medians over rounds; the longest latency of all of them.
    pub(crate) fn of(
        comparison: &str,
        system: &str,
        rounds: &[Window],
        server: &Server,
    ) -> anyhow::Result<Self> {
        let over = |of: fn(&Window) -> f64| median(&rounds.iter().map(of).collect::<Vec<_>>());
        let time = |of: fn(&Window) -> Duration| median_of(rounds.iter().map(of));
        let longest = rounds.iter().map(|it| it.latencies.max()).max();
        Ok(Self(vec![
            comparison.to_owned(),
            system.to_owned(),
            format!("{:.0}", over(|it| it.throughput)),
            milliseconds(time(|it| it.latencies.p50())),
            milliseconds(time(|it| it.latencies.p99())),
            milliseconds(longest.unwrap_or_default()),
            microseconds(time(|it| it.server_cpu)),
            microseconds(time(|it| it.client_cpu)),
            mebibytes(server.peak_resident_bytes()?),
            format!("{:.0}", over(|it| it.disk_bytes)),
            format!("{:.0} %", over(|it| it.others_cpu_share) * 100.0),
        ]))
    }

    /// A line with latencies and a rate only.
    pub(crate) fn plain(comparison: &str, system: &str, cells: &[(&str, String)]) -> Self {
        let mut row = vec![comparison.to_owned(), system.to_owned()];
        row.extend(HEADINGS.iter().skip(2).map(|heading| {
            let cell = cells.iter().find(|(name, _)| name == heading);
            cell.map_or_else(|| NOTHING.to_owned(), |(_, text)| text.clone())
        }));
        Self(row)
    }
}

/// Three digits after the point.
pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

/// One digit after the point.
pub(crate) fn microseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6)
}

/// Whole mebibytes.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.0}", as_f64(bytes) / MIB)
}

/// Everything that a run found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    rows: Vec<Row>,
    ratios: Vec<(String, Ratio, Option<f64>)>,
    notes: Vec<String>,
}

impl Findings {
    /// One more line of the table.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// A figure over rounds, with the least that is wanted of it.
    pub(crate) fn ratio(&mut self, name: &str, ratio: Ratio, at_least: Option<f64>) {
        self.ratios.push((name.to_owned(), ratio, at_least));
    }

    /// A single figure.
    pub(crate) fn value(&mut self, name: &str, value: f64) {
        let ratio = Ratio {
            median: value,
            least: value,
            most: value,
        };
        self.ratios.push((name.to_owned(), ratio, None));
    }

    /// A single figure of memory, in mebibytes.
    pub(crate) fn mebibytes(&mut self, name: &str, bytes: u64) {
        self.value(name, as_f64(bytes) / MIB);
    }

    /// A sentence beside the figures.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Adds what another part of the run found.
    pub(crate) fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.ratios.extend(other.ratios);
        self.notes.extend(other.notes);
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if !self.rows.is_empty() {
            text.push_str(&table(&self.rows));
            text.push('\n');
        }
        for note in &self.notes {
            line(&mut text, note);
        }
        for (name, ratio, at_least) in &self.ratios {
            if ratio.most > ratio.least {
                let goal = at_least.map_or_else(String::new, |it| format!(", goal at least {it}"));
                line(
                    &mut text,
                    &format!(
                        "{name}: {:.2}, rounds {:.2} to {:.2}{goal}",
                        ratio.median, ratio.least, ratio.most
                    ),
                );
            }
        }
        for (name, ratio, _) in &self.ratios {
            line(&mut text, &format!("ratio {name} {:.3}", ratio.median));
        }
        text
    }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Columns as wide as they must be; words to the left, figures to the right.
fn table(rows: &[Row]) -> String {
    let headings = Row(HEADINGS.map(String::from).to_vec());
    let lines: Vec<&Row> = std::iter::once(&headings).chain(rows).collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|row| row.0.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let mut text = String::new();
    for row in lines {
        let cells = row.0.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| {
            let room = " ".repeat(width.saturating_sub(cell.width()));
            if column < 2 {
                format!("{cell}{room}")
            } else {
                format!("{room}{cell}")
            }
        });
        line(&mut text, cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_their_units() {
        assert_eq!(milliseconds(Duration::from_micros(1_234)), "1.23");
        assert_eq!(microseconds(Duration::from_nanos(71_250)), "71.2");
        assert_eq!(mebibytes(3 * 1024 * 1024), "3");
    }

    #[test]
    fn machines_find_every_ratio_on_a_line_of_its_own() {
        let mut findings = Findings::default();
        let ratio = Ratio::of(&[(3.0, 2.0), (1.0, 2.0), (2.0, 2.0)]);
        findings.ratio("unary_vs_etcd", ratio, Some(1.5));
        findings.value("replay_per_second", 150_000.4);
        findings.note("quiet");
        let text = findings.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "quiet",
                "unary_vs_etcd: 1.00, rounds 0.50 to 1.50, goal at least 1.5",
                "ratio unary_vs_etcd 1.000",
                "ratio replay_per_second 150000.400",
            ]
        );
    }

    #[test]
    fn a_table_stands_in_columns() {
        let row =
            |name: &str, rate: &str| Row::plain("x", name, &[("messages/s", rate.to_owned())]);
        let text = table(&[row("hub", "12345"), row("nats-default", "7")]);
        let ends: Vec<_> = text
            .lines()
            .skip(1)
            .map(|line| line.find(['5', '7']).unwrap())
            .collect();
        assert_eq!(ends[0], ends[1], "{text}");
        assert!(text.lines().nth(1).unwrap().ends_with(NOTHING));
    }
}
