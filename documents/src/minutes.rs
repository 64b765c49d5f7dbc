//! Meeting minutes as the caller gives them: plain structures that serialise to and from the JSON
//! form described in `documents/README.md`. Nothing here is checked; [`Minutes::check`] does that.
//!
//! [`Minutes::check`]: crate::Minutes::check

use serde::{Deserialize, Serialize};

/// Issued minutes (会议纪要). Every text is one line: no line breaks, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minutes {
    /// The red mark at the head of the first page, such as 山西省社会组织联合执法机制会议纪要.
    pub mark: String,
    /// Number of this document, such as 晋社管组发〔2021〕2号.
    pub document_number: String,
    /// Number of the document that this one corrects and replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Title.
    pub title: String,
    /// The meeting.
    pub meeting: Meeting,
    /// Paragraph that opens the text.
    pub opening: String,
    /// Topics in the order of the agenda. May be empty.
    #[serde(default)]
    pub topics: Vec<Topic>,
    /// What was agreed. Minutes without an agreed item are refused (JE-073).
    pub agreed: Vec<AgreedItem>,
    /// Who was there, by unit, under the unit's name on the day of the meeting (FS-011).
    pub attendance: Attendance,
    /// The body that issues the minutes.
    pub issuer: String,
    /// Day of issue, `yyyy-mm-dd`.
    pub issued_on: String,
    /// Bodies to which the minutes are addressed (主送).
    #[serde(default)]
    pub main_to: Vec<String>,
    /// Bodies that get a copy (抄送).
    #[serde(default)]
    pub copies_to: Vec<String>,
    /// The office that prints and sends (印发机关).
    pub printing_office: String,
    /// Names of what is attached.
    #[serde(default)]
    pub attachments: Vec<String>,
    /// Where the text can be verified. Shown only on an audit page, never in the form itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
}

/// The meeting that was held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meeting {
    /// Kind as it is to be read, such as 成员单位工作协调会议.
    pub kind: String,
    /// Day of the meeting, `yyyy-mm-dd`.
    pub held_on: String,
    /// Where it was held; left out of a meeting by correspondence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Who was in the chair, with the post; left out of a meeting by correspondence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chair: String,
}

/// A topic and what was said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Title, without a number.
    pub title: String,
    /// Paragraphs of the discussion.
    #[serde(default)]
    pub discussion: Vec<String>,
}

/// Something that was agreed (议定事项).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreedItem {
    /// The item, without a number.
    pub text: String,
    /// Units that carry it out, at least one.
    pub responsible: Vec<String>,
    /// Units that assist.
    #[serde(default)]
    pub assisting: Vec<String>,
    /// Day by which it is to be done, `yyyy-mm-dd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<String>,
}

/// Attendance of the meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attendance {
    /// 出席: attending units, at least one; none of a meeting by correspondence.
    #[serde(default)]
    pub present: Vec<Delegation>,
    /// 征求意见: units that were consulted. Only of a meeting by correspondence, which nobody attends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consulted: Vec<Delegation>,
    /// 请假: excused units.
    #[serde(default)]
    pub excused: Vec<Delegation>,
    /// 列席: units and guests that sat in.
    #[serde(default)]
    pub observers: Vec<Delegation>,
}

/// A unit and the officers who came for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// The unit's name on the day of the meeting.
    pub unit: String,
    /// Its officers. May be empty, as with an excused unit.
    #[serde(default)]
    pub officers: Vec<Officer>,
}

/// An officer of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officer {
    /// Name.
    pub name: String,
    /// Post, where the minutes are to show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
}

/// Where the issued text can be verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Version of the text to which every attending unit consented, from 1.
    pub consent_version: u64,
    /// SHA-256 of the issued text, 64 lower-case hexadecimal digits.
    pub text_sha256: String,
    /// Index of the entry of issue in the hub's ledger.
    pub ledger_index: u64,
    /// Name of the hub whose ledger it is.
    pub hub: String,
}
