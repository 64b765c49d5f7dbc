//! Parts the rows that may be raised from the others, and points out rows that may be about the same.

use std::collections::HashMap;

use agency_client::funds::file::{Problem, Row, Words};
use hub_core::crypto::Digest;

use super::report::{Outcome, Place, Refused, Warning};

/// How many alerts on the same organisation and indicator a row is compared with.
const COMPARED_MAX: usize = 100;

/// Rows that may be raised. What is wrong with the others, and which say the same, goes to the outcome.
pub(super) fn sort_out(rows: Vec<Row>, outcome: &mut Outcome) -> Vec<Row> {
    let mut good = vec![];
    let mut first: HashMap<Digest, usize> = HashMap::new();
    let mut alike = Alike::default();
    for row in rows {
        let mut refuse = |problem: Problem| {
            outcome.refused.push(Refused {
                place: Place::of(&row),
                problem,
            });
        };
        if !row.problems().is_empty() {
            row.problems().iter().cloned().for_each(refuse);
            continue;
        }
        if let Some(before) = first.get(row.digest()) {
            refuse(Problem::of_row(Words::new(
                format!("says the same as row {before} and is not raised twice"),
                format!("与第 {before} 行内容相同，不重复发起"),
            )));
            continue;
        }
        first.insert(*row.digest(), row.number());
        if let Some(other) = alike.find(&row) {
            outcome.warnings.push(Warning {
                place: Place::of(&row),
                other,
            });
        }
        good.push(row);
    }
    good
}

/// Rows on the same organisation and indicator.
#[derive(Debug, Default)]
struct Alike(HashMap<(String, String), Vec<(Period, usize)>>);

/// First and last day.
type Period = [(i32, i32, i32); 2];

impl Alike {
    /// An earlier row with an overlapping period; this one is remembered.
    fn find(&mut self, row: &Row) -> Option<usize> {
        let day = |on: Option<&hub_proto::common::Date>| {
            on.map_or((0, 0, 0), |on| (on.year, on.month, on.day))
        };
        let alert = row.alert();
        let organization = alert.organization.clone().unwrap_or_default();
        let [start, end] = [day(alert.start_on.as_ref()), day(alert.end_on.as_ref())];
        let key = (organization.uscc, alert.indicator.clone());
        let others = self.0.entry(key).or_default();
        let found = others
            .iter()
            .rev()
            .take(COMPARED_MAX)
            .find(|([from, until], _)| *from <= end && start <= *until)
            .map(|(_, number)| *number);
        others.push(([start, end], row.number()));
        found
    }
}

#[cfg(test)]
mod tests {
    use agency_client::funds::file::{self, Format};
    use serde_json::{Value, json};

    use super::*;
    use crate::args::alert::FormatArg;

    fn line(change: &[(&str, &str)]) -> String {
        let mut row = json!({
            "uscc": "51140000MJ0000018C",
            "organization": "某某协会",
            "kind": "资金异动",
            "indicator": "flow_out_of_line",
            "start_on": "2026-01-01",
            "end_on": "2026-06-30",
            "amount_band": "1m_10m",
            "currency": "CNY",
            "direction": "out",
            "severity": "重大",
            "severity_reason": "理由",
            "grounds": "依据",
            "source_note": "来源",
            "legal_basis": "法律依据",
            "classification": "内部",
        });
        for (name, text) in change {
            row[*name] = Value::from(*text);
        }
        format!("{row}\n")
    }

    #[test]
    fn rows_that_say_the_same_are_pointed_out_and_those_that_overlap_too() {
        let text = [
            line(&[]),
            line(&[("reference", "again")]),
            line(&[("grounds", "另一依据"), ("start_on", "2026-06-30")]),
            line(&[
                ("grounds", "更早"),
                ("start_on", "2025-01-01"),
                ("end_on", "2025-12-31"),
            ]),
            line(&[("uscc", "x")]),
        ]
        .concat();
        let today = jiff::civil::date(2026, 7, 1);
        let rows = file::read(text.as_bytes(), Format::JsonLines, today).unwrap();
        let mut outcome = Outcome::new("f.csv".as_ref(), FormatArg::Csv, &rows);
        let good = sort_out(rows, &mut outcome);
        let numbers: Vec<usize> = good.iter().map(Row::number).collect();
        assert_eq!(numbers, [1, 3, 4]);
        let refused: Vec<usize> = outcome.refused.iter().map(|one| one.place.row).collect();
        assert_eq!(refused, [2, 5]);
        let same = &outcome.refused[0].problem.words.en;
        assert!(same.contains("says the same as row 1"), "{same}");
        let overlaps: Vec<(usize, usize)> = outcome
            .warnings
            .iter()
            .map(|one| (one.place.row, one.other))
            .collect();
        assert_eq!(overlaps, [(3, 1)]);
    }
}
