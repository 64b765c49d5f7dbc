//! What the hub tells the two sides of a request. A notice names the request and the step, and quotes
//! nothing of either: whoever reads an inbox need not be one who may read requests.

use hub_core::names::{AgencyId, InformationRequestName, Recipient};
use hub_proto::{
    channels::{Attachment, Classification, Notification, RequestedAction},
    requests::DueDay,
};
use jiff::Timestamp;

use crate::{
    charter::requests::REQUEST_CATEGORY,
    domain::{
        Context,
        channels::{Issue, asks},
    },
};

/// A notice about a request.
pub(super) struct Notice<'a> {
    /// About which.
    pub(super) request: InformationRequestName,
    /// To whom.
    pub(super) to: &'a AgencyId,
    /// What happened, in a few words.
    pub(super) step: &'a str,
    /// Who did it.
    pub(super) by: &'a AgencyId,
    /// What is to be done, or empty.
    pub(super) wanted: &'a str,
    /// By when it is to be done.
    pub(super) due: Option<&'a DueDay>,
    /// Files that go with the step.
    pub(super) documents: &'a [Attachment],
}

impl<'a> Notice<'a> {
    /// One that asks nothing.
    pub(super) fn new(
        request: InformationRequestName,
        to: &'a AgencyId,
        by: &'a AgencyId,
        step: &'a str,
    ) -> Self {
        Self {
            request,
            to,
            step,
            by,
            wanted: "",
            due: None,
            documents: &[],
        }
    }

    /// What the hub writes, with what it asks.
    pub(super) fn issue(&self, context: &Context<'_>) -> Issue {
        let by = context.charter.agency(self.by);
        let by = by.map_or("联合监管平台", |agency| {
            agency.name_on(context.today())
        });
        let due = self.due.map(day_of).unwrap_or_default();
        let lines = [
            ("申请", self.request.to_string()),
            ("单位", by.to_owned()),
            ("进展", self.step.to_owned()),
            ("办理要求", self.wanted.to_owned()),
            ("时限", due),
        ];
        let body: String = lines
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(label, text)| format!("{label}：{text}\n"))
            .collect();
        let notification = Notification {
            category: REQUEST_CATEGORY.into(),
            title: format!("信息共享申请：{}", self.step),
            body: body.into_bytes().into(),
            media_type: "text/plain; charset=utf-8".into(),
            classification: Classification::Internal.into(),
            resource: self.request.to_string(),
            attachments: self.documents.to_vec(),
            ..Notification::default()
        };
        let to = [Recipient::Agency(self.to.clone())];
        let ask = self.due.and_then(|due| {
            let due_at = Timestamp::from_microsecond(due.due_us).ok()?;
            asks::ask(
                context.charter.follow_up(),
                &to,
                RequestedAction::AnswerRequest,
                due_at,
                context.now,
            )
        });
        let mut issue = Issue::new(to, notification);
        issue.ask = ask;
        issue
    }
}

/// A computed day in words.
pub(super) fn day_of(due: &DueDay) -> String {
    let Some(on) = &due.due_on else {
        return String::new();
    };
    let mark = if due.is_provisional {
        "（暂定）"
    } else {
        ""
    };
    format!("{:04}-{:02}-{:02}{mark}", on.year, on.month, on.day)
}
