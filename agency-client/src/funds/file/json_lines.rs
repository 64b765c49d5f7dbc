//! JSON lines: an object a line, with the names of the columns.

use std::fmt;

use jiff::civil::Date;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::{
    ROW_BYTES_MAX, ROWS_MAX,
    columns::Column,
    row::{Cells, Problem, Row, Words},
    too_many,
};

/// An object with its fields in order; one that is there twice stays twice.
#[derive(Debug)]
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error> {
                let mut fields = vec![];
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }
        from.deserialize_map(Fields)
    }
}

/// The rows of a text.
pub(super) fn rows(text: &str, today: Date) -> Result<Vec<Row>, Words> {
    let mut rows = vec![];
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        if rows.len() == ROWS_MAX {
            return Err(too_many());
        }
        rows.push(row(rows.len() + 1, at + 1, line, today));
    }
    Ok(rows)
}

fn row(number: usize, line: usize, text: &str, today: Date) -> Row {
    let broken = |words| Row::broken(number, line, Problem::of_row(words));
    if text.len() > ROW_BYTES_MAX {
        return broken(Words::new(
            format!("is longer than {ROW_BYTES_MAX} bytes"),
            format!("超过 {ROW_BYTES_MAX} 字节"),
        ));
    }
    let object: Object = match serde_json::from_str(text) {
        Ok(object) => object,
        Err(error) => {
            return broken(Words::new(
                format!("is no JSON object: {error}"),
                format!("不是 JSON 对象：{error}"),
            ));
        }
    };
    let mut cells = Cells::default();
    for (name, value) in object.0 {
        match Column::find(&name) {
            None => cells.problem(Problem::unknown_field(&name)),
            Some(column) if cells.begin(column) => set(&mut cells, column, value),
            Some(_) => {}
        }
    }
    Row::new(number, line, cells, today)
}

fn set(cells: &mut Cells, column: &'static Column, value: Value) {
    let wrong = |en: &str, zh: &str| Problem::new(column.name, Words::new(en, zh));
    match (column.name, value) {
        (_, Value::Null) => {}
        (_, Value::String(text)) => cells.set(column, text),
        ("asks", Value::Array(items)) => {
            for item in items {
                match ask(&item) {
                    Some((unit, text)) => cells.ask(unit, text),
                    None => cells.problem(wrong(
                        "must be objects {\"unit\", \"text\"}",
                        "各项须为 {\"unit\", \"text\"}",
                    )),
                }
            }
        }
        ("circulated_to", Value::Array(items)) => {
            for item in items {
                match item {
                    Value::String(unit) => cells.circulate_to(&unit),
                    _ => cells.problem(wrong("must be ids of agencies", "须为单位标识")),
                }
            }
        }
        _ => cells.problem(wrong("must be text", "须为文本")),
    }
}

/// `{"unit": …, "text": …}` and nothing else.
fn ask(item: &Value) -> Option<(&str, &str)> {
    let fields = item.as_object().filter(|fields| fields.len() == 2)?;
    Some((fields.get("unit")?.as_str()?, fields.get("text")?.as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = jiff::civil::date(2026, 7, 1);

    fn problems(text: &str) -> Vec<(String, String)> {
        let rows = rows(text, TODAY).unwrap();
        assert_eq!(rows.len(), 1);
        let problems = rows[0].problems().iter();
        problems
            .map(|problem| (problem.field.clone(), problem.words.en.clone()))
            .collect()
    }

    #[test]
    fn lines_that_are_no_objects_are_told_and_the_others_read() {
        let rows = rows("{}\r\n[1]\n\n{\"uscc\": \n{}\n", TODAY).unwrap();
        let lines: Vec<(usize, usize)> =
            rows.iter().map(|row| (row.number(), row.line())).collect();
        assert_eq!(lines, [(1, 1), (2, 2), (3, 4), (4, 5)]);
        assert!(
            rows[1].problems()[0]
                .words
                .en
                .starts_with("is no JSON object")
        );
        assert!(
            rows[2].problems()[0]
                .words
                .en
                .starts_with("is no JSON object")
        );
    }

    #[test]
    fn fs_051_fields_that_are_unknown_twice_or_of_another_kind_are_named() {
        let found = problems(
            r#"{"uscc": 5, "currency": "CNY", "currency": "USD", "account": "1", "asks": [1], "circulated_to": [2]}"#,
        );
        for (field, rule) in [
            ("uscc", "must be text"),
            ("currency", "must not be there twice"),
            ("account", "there is no such column"),
            ("asks", "must be objects"),
            ("circulated_to", "must be ids"),
        ] {
            assert!(
                found
                    .iter()
                    .any(|(at, text)| at == field && text.contains(rule)),
                "{field} {rule} in {found:?}"
            );
        }
    }

    #[test]
    fn a_huge_or_deep_line_is_refused() {
        let long = format!("{{\"grounds\": \"{}\"}}", "x".repeat(ROW_BYTES_MAX));
        assert!(problems(&long)[0].1.contains("is longer than"));
        let deep = format!("{{\"asks\": {}{}}}", "[".repeat(1_000), "]".repeat(1_000));
        assert!(problems(&deep)[0].1.contains("is no JSON object"));
        let control = "{\"grounds\": \"a\u{0}b\"}";
        assert!(problems(control)[0].1.contains("is no JSON object"));
    }
}
