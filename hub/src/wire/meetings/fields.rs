//! Checks of the fields of a request: every broken rule is named at once.

use std::{fmt::Display, str::FromStr};

use hub_core::date;
use hub_proto::{channels::Attachment, common};
use jiff::{Timestamp, civil::Date};

use crate::{
    domain::channels::attachment::draft,
    error::{Error, Result, Violation},
};

/// What is wrong with a request so far.
#[derive(Debug, Default)]
pub(in crate::wire) struct Fields(Vec<Violation>);

impl Fields {
    /// Records a broken rule.
    pub(in crate::wire) fn broken(&mut self, field: &str, rule: impl Into<String>) {
        self.0.push(Violation {
            field: field.to_owned(),
            rule: rule.into(),
        });
    }

    /// Records a rule that is not kept.
    pub(in crate::wire) fn require(&mut self, is_kept: bool, field: &str, rule: impl Into<String>) {
        if !is_kept {
            self.broken(field, rule);
        }
    }

    /// A text of one line and so many characters.
    pub(in crate::wire) fn line(&mut self, field: &str, text: &str, min: usize, max: usize) {
        let is_kept = !text.chars().any(char::is_control) && is_between(text, min, max);
        self.require(
            is_kept,
            field,
            format!("must be {min} to {max} characters on one line"),
        );
    }

    /// A text of so many characters, with line breaks.
    pub(in crate::wire) fn text(&mut self, field: &str, text: &str, min: usize, max: usize) {
        let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
        let is_kept = text.chars().all(is_plain) && is_between(text, min, max);
        self.require(
            is_kept,
            field,
            format!("must be {min} to {max} characters without control characters"),
        );
    }

    /// Reads a text into its type.
    pub(in crate::wire) fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(rule) => {
                self.broken(field, rule.to_string());
                None
            }
        }
    }

    /// A day that may be left out.
    pub(in crate::wire) fn day(
        &mut self,
        field: &str,
        wire: Option<&common::Date>,
    ) -> Option<Date> {
        let wire = wire?;
        let day = date::from_wire(wire);
        self.require(day.is_some(), field, "must be a day of the calendar");
        day
    }

    /// A day that must be there.
    pub(in crate::wire) fn required_day(
        &mut self,
        field: &str,
        wire: Option<&common::Date>,
    ) -> Option<Date> {
        if wire.is_none() {
            self.broken(field, "must be set");
        }
        self.day(field, wire)
    }

    /// An instant that may be left out.
    pub(in crate::wire) fn instant(
        &mut self,
        field: &str,
        wire: Option<&prost_types::Timestamp>,
    ) -> Option<Timestamp> {
        let wire = wire?;
        let at = date::from_timestamp(wire);
        self.require(at.is_some(), field, "must be an instant of the calendar");
        at
    }

    /// Documents that were uploaded before.
    pub(in crate::wire) fn documents(&mut self, field: &str, documents: &[Attachment], max: usize) {
        for (field, rule) in draft::broken(field, documents, max) {
            self.broken(&field, rule);
        }
    }

    /// Refuses the request if a rule is broken.
    pub(in crate::wire) fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::fields(self.0))
        }
    }
}

fn is_between(text: &str, min: usize, max: usize) -> bool {
    let count = text.chars().count();
    (min..=max).contains(&count) && (min == 0 || !text.trim().is_empty())
}
