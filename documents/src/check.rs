//! Checks minutes against their limits. What passes is a [`CheckedMinutes`], which is what every
//! document is made from; an error names the field and the rule.

use std::fmt;

use jiff::civil::Date;

use crate::{
    minutes::{Audit, Delegation, Minutes},
    number,
    sheet::Sheet,
};

/// Longest mark at the head of the first page, in characters. It stands on one line.
pub const MARK_CHARS_MAX: usize = 24;

/// Longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 200;

/// Longest name of a unit, body, office or hub, in characters.
pub const NAME_CHARS_MAX: usize = 100;

/// Longest name of a person, in characters.
pub const PERSON_CHARS_MAX: usize = 100;

/// Longest post, place, chair or kind of meeting, in characters.
pub const PHRASE_CHARS_MAX: usize = 200;

/// Longest paragraph, agreed item or name of an attachment, in characters.
pub const PARAGRAPH_CHARS_MAX: usize = 5_000;

/// Most topics.
pub const TOPICS_MAX: usize = 60;

/// Most paragraphs on one topic.
pub const PARAGRAPHS_MAX: usize = 100;

/// Most agreed items.
pub const AGREED_MAX: usize = 100;

/// Most units in one list: responsible, assisting, present, excused, observing or addressed.
pub const UNITS_MAX: usize = 100;

/// Longest text of `main_to` and `copies_to` together, in characters. The imprint is not torn apart, so
/// it must fit on one page.
pub const ADDRESSEES_CHARS_MAX: usize = 600;

/// Most officers of one unit.
pub const OFFICERS_MAX: usize = 50;

/// Most attachments.
pub const ATTACHMENTS_MAX: usize = 50;

/// Longest text of all fields together, in characters: about 320 pages.
pub const TEXT_CHARS_MAX: usize = 200_000;

/// Most errors that are listed; the rest is counted.
pub const ERRORS_MAX: usize = 20;

/// Whether the document ends with a page on where its text can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditPage {
    /// The form alone.
    #[default]
    Omitted,
    /// A page after the form, which is no part of it.
    Appended,
}

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where, such as `agreed[2].due_on`. Counts from 0, as JSON does.
    pub field: String,
    /// What the field must be: "must …".
    pub rule: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)
    }
}

/// Minutes that break rules. Holds at least one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidMinutes {
    /// The first [`ERRORS_MAX`] errors, in the order of the fields.
    pub errors: Vec<FieldError>,
    /// How many more there are.
    pub more: usize,
}

impl fmt::Display for InvalidMinutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.errors.iter().enumerate() {
            write!(f, "{}{error}", if place == 0 { "" } else { "; " })?;
        }
        if self.more > 0 {
            write!(f, "; and {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidMinutes {}

/// Minutes that keep every rule, ready to be made into documents.
#[derive(Debug, Clone)]
pub struct CheckedMinutes {
    pub(crate) sheet: Sheet,
    pub(crate) issued_on: Date,
}

impl Minutes {
    /// Checks every field.
    ///
    /// # Errors
    ///
    /// Every field that breaks a rule, with the rule.
    pub fn check(&self, audit_page: AuditPage) -> Result<CheckedMinutes, InvalidMinutes> {
        let mut check = Check::default();
        check.head(self);
        let held_on = check.date("meeting.held_on", &self.meeting.held_on);
        let issued_on = check.date("issued_on", &self.issued_on);
        if held_on
            .zip(issued_on)
            .is_some_and(|(held, issued)| issued < held)
        {
            check.broken("issued_on", "must not be before meeting.held_on");
        }
        check.topics(self);
        let due = check.agreed(self);
        check.attendance(self);
        check.back(self);
        let audit = match (audit_page, &self.audit) {
            (AuditPage::Omitted, _) => None,
            (AuditPage::Appended, Some(audit)) => Some(audit),
            (AuditPage::Appended, None) => {
                check.broken("audit", "must be given for an audit page");
                None
            }
        };
        // Also checked where it is not shown: wrong data is wrong wherever it lies.
        if let Some(audit) = &self.audit {
            check.audit(audit);
        }
        if check.chars > TEXT_CHARS_MAX {
            let rule = format!("must have at most {TEXT_CHARS_MAX} characters in all");
            check.broken("minutes", rule);
        }
        match (held_on, issued_on) {
            (Some(held_on), Some(issued_on)) if check.errors.is_empty() => Ok(CheckedMinutes {
                sheet: Sheet::new(self, held_on, issued_on, &due, audit),
                issued_on,
            }),
            _ => Err(check.invalid()),
        }
    }
}

/// Gathers what is wrong.
#[derive(Default)]
struct Check {
    errors: Vec<FieldError>,
    /// Characters of all texts so far.
    chars: usize,
}

impl Check {
    fn broken(&mut self, field: impl Into<String>, rule: impl Into<String>) {
        self.errors.push(FieldError {
            field: field.into(),
            rule: rule.into(),
        });
    }

    fn invalid(mut self) -> InvalidMinutes {
        let more = self.errors.len().saturating_sub(ERRORS_MAX);
        self.errors.truncate(ERRORS_MAX);
        InvalidMinutes {
            errors: self.errors,
            more,
        }
    }

    /// One line of text.
    fn text(&mut self, field: impl Into<String>, text: &str, chars_max: usize) {
        let chars = text.chars().count();
        self.chars = self.chars.saturating_add(chars);
        if text.is_empty() {
            self.broken(field, "must not be empty");
        } else if chars > chars_max {
            self.broken(field, format!("must have at most {chars_max} characters"));
        } else if text.trim() != text {
            self.broken(field, "must not begin or end with a space");
        } else if let Some(c) = text.chars().find(|c| is_unprintable(*c)) {
            let rule = format!(
                "must be one line of printable text, without U+{:04X}",
                u32::from(c)
            );
            self.broken(field, rule);
        }
    }

    fn count(&mut self, field: &str, count: usize, min: usize, max: usize) {
        if count < min {
            self.broken(field, format!("must have at least {min}"));
        } else if count > max {
            self.broken(field, format!("must have at most {max}"));
        }
    }

    fn names(&mut self, field: &str, names: &[String], min: usize) {
        self.count(field, names.len(), min, UNITS_MAX);
        for (place, name) in names.iter().enumerate() {
            self.text(format!("{field}[{place}]"), name, NAME_CHARS_MAX);
        }
    }

    fn date(&mut self, field: &str, text: &str) -> Option<Date> {
        // The parser alone would take a time as well, which nothing here has.
        let date = Some(text).filter(|text| text.len() == "yyyy-mm-dd".len());
        let date = date.and_then(|text| text.parse::<Date>().ok());
        let date = date.filter(|date| (1900..2100).contains(&date.year()));
        if date.is_none() {
            let rule = "must be a date of the years 1900 to 2099 such as 2026-03-05";
            self.broken(field, rule);
        }
        date
    }

    fn number(&mut self, field: &str, text: &str) {
        if let Some(rule) = number::broken_rule(text) {
            self.broken(field, rule);
        }
    }

    fn head(&mut self, minutes: &Minutes) {
        self.text("mark", &minutes.mark, MARK_CHARS_MAX);
        self.number("document_number", &minutes.document_number);
        if let Some(replaces) = &minutes.replaces {
            self.number("replaces", replaces);
            if *replaces == minutes.document_number {
                self.broken("replaces", "must be the number of another document");
            }
        }
        self.text("title", &minutes.title, TITLE_CHARS_MAX);
        let meeting = &minutes.meeting;
        self.text("meeting.kind", &meeting.kind, PHRASE_CHARS_MAX);
        let is_by_correspondence = !minutes.attendance.consulted.is_empty();
        for (field, text) in [
            ("meeting.place", &meeting.place),
            ("meeting.chair", &meeting.chair),
        ] {
            // A meeting by correspondence has neither.
            if !(is_by_correspondence && text.is_empty()) {
                self.text(field, text, PHRASE_CHARS_MAX);
            }
        }
        self.text("opening", &minutes.opening, PARAGRAPH_CHARS_MAX);
        self.text("issuer", &minutes.issuer, NAME_CHARS_MAX);
    }

    fn topics(&mut self, minutes: &Minutes) {
        self.count("topics", minutes.topics.len(), 0, TOPICS_MAX);
        for (place, topic) in minutes.topics.iter().enumerate() {
            let field = format!("topics[{place}]");
            self.text(format!("{field}.title"), &topic.title, TITLE_CHARS_MAX);
            let paragraphs = format!("{field}.discussion");
            self.count(&paragraphs, topic.discussion.len(), 0, PARAGRAPHS_MAX);
            for (place, text) in topic.discussion.iter().enumerate() {
                self.text(format!("{paragraphs}[{place}]"), text, PARAGRAPH_CHARS_MAX);
            }
        }
    }

    /// Checks the agreed items, and returns the day each is due. A day before the meeting is no mistake of
    /// the form: minutes may record what should have been done by then.
    fn agreed(&mut self, minutes: &Minutes) -> Vec<Option<Date>> {
        self.count("agreed", minutes.agreed.len(), 1, AGREED_MAX);
        let mut due = vec![];
        for (place, item) in minutes.agreed.iter().enumerate() {
            let field = format!("agreed[{place}]");
            self.text(format!("{field}.text"), &item.text, PARAGRAPH_CHARS_MAX);
            self.names(&format!("{field}.responsible"), &item.responsible, 1);
            self.names(&format!("{field}.assisting"), &item.assisting, 0);
            let field = format!("{field}.due_on");
            let day = item.due_on.as_ref();
            let day = day.and_then(|text| self.date(&field, text));
            due.push(day);
        }
        due
    }

    fn attendance(&mut self, minutes: &Minutes) {
        let attendance = &minutes.attendance;
        let is_by_correspondence = !attendance.consulted.is_empty();
        let present_min = usize::from(!is_by_correspondence);
        self.delegations("attendance.present", &attendance.present, present_min);
        if is_by_correspondence && !attendance.present.is_empty() {
            let rule = "must be empty: nobody attends a meeting by correspondence";
            self.broken("attendance.present", rule);
        }
        self.delegations("attendance.consulted", &attendance.consulted, 0);
        self.delegations("attendance.excused", &attendance.excused, 0);
        self.delegations("attendance.observers", &attendance.observers, 0);
    }

    fn delegations(&mut self, field: &str, delegations: &[Delegation], min: usize) {
        self.count(field, delegations.len(), min, UNITS_MAX);
        for (place, delegation) in delegations.iter().enumerate() {
            let field = format!("{field}[{place}]");
            self.text(format!("{field}.unit"), &delegation.unit, NAME_CHARS_MAX);
            let field = format!("{field}.officers");
            self.count(&field, delegation.officers.len(), 0, OFFICERS_MAX);
            for (place, officer) in delegation.officers.iter().enumerate() {
                let name = format!("{field}[{place}].name");
                self.text(name, &officer.name, PERSON_CHARS_MAX);
                if let Some(post) = &officer.post {
                    self.text(format!("{field}[{place}].post"), post, PHRASE_CHARS_MAX);
                }
            }
        }
    }

    fn back(&mut self, minutes: &Minutes) {
        self.names("main_to", &minutes.main_to, 0);
        self.names("copies_to", &minutes.copies_to, 0);
        let addressees = minutes.main_to.iter().chain(&minutes.copies_to);
        // Each name is followed by a comma or a full stop.
        let chars: usize = addressees.map(|name| name.chars().count() + 1).sum();
        if chars > ADDRESSEES_CHARS_MAX {
            let rule = format!(
                "must have at most {ADDRESSEES_CHARS_MAX} characters together with main_to"
            );
            self.broken("copies_to", rule);
        }
        self.text("printing_office", &minutes.printing_office, NAME_CHARS_MAX);
        self.count("attachments", minutes.attachments.len(), 0, ATTACHMENTS_MAX);
        for (place, name) in minutes.attachments.iter().enumerate() {
            self.text(format!("attachments[{place}]"), name, PARAGRAPH_CHARS_MAX);
        }
    }

    fn audit(&mut self, audit: &Audit) {
        if audit.consent_version == 0 {
            self.broken("audit.consent_version", "must be at least 1");
        }
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if audit.text_sha256.len() != 64 || !audit.text_sha256.bytes().all(is_digit) {
            let rule = "must be 64 lower-case hexadecimal digits";
            self.broken("audit.text_sha256", rule);
        }
        self.text("audit.hub", &audit.hub, NAME_CHARS_MAX);
    }
}

/// Characters that show nothing or change how their neighbours are shown: controls, line breaks,
/// marks of direction, characters of no width, and code points that are no characters. A document
/// must read as the text that was agreed.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{FDD0}'..='\u{FDEF}' | '\u{E0000}'..='\u{E007F}')
        || (u32::from(c) & 0xFFFE) == 0xFFFE
}

#[cfg(test)]
mod tests;
