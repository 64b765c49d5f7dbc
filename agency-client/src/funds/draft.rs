//! An alert on its way to being raised, or to taking the place of one.

use hub_core::date::to_wire;
use hub_proto::{
    channels::{Attachment, Classification, SubjectOrganization},
    funds::{Alert, AlertAsk, AlertKind, Direction, RaiseAlertRequest, Severity},
};
use jiff::civil::Date;

use super::{agency_name, rules};
use crate::{
    client::{checked_request_id, request_id},
    error::Result,
};

/// Builds an alert. The request id is minted when the draft is made, so that a draft that is sent
/// twice is recorded once; it is also the last part of the alert's name.
///
/// ```
/// use agency_client::{
///     funds::AlertDraft,
///     proto::{
///         channels::Classification,
///         funds::{AlertKind, Direction, Severity},
///     },
/// };
/// use jiff::civil::date;
///
/// let draft = AlertDraft::on("51140000MJ0000001F", "某某协会")
///     .kind(AlertKind::AbnormalMovement)
///     .indicator("flow_out_of_line")
///     .period(date(2026, 1, 1), date(2026, 6, 30))
///     .amount("1m_10m", "CNY")
///     .direction(Direction::Out)
///     .severity(Severity::Major, "Several payments in a short time")
///     .grounds("Outflows do not fit the programme that the annual report describes.")
///     .source_note("Analysis of the second quarter")
///     .ask("tax", "Check the receipts of the period")
///     .legal_basis("反洗钱法（2024年修订）第七条")
///     .classification(Classification::Internal);
/// // What breaks a rule shows before anything is sent.
/// assert!(draft.check(date(2026, 7, 1)).iter().all(|broken| broken.field.contains("uscc")));
/// ```
#[derive(Debug, Clone)]
pub struct AlertDraft {
    alert: Alert,
    request_id: String,
}

impl AlertDraft {
    /// An alert on an organisation: unified social credit code and registered name. It goes to every
    /// member of the mechanism unless [`Self::circulate_to`] names a few.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn on(uscc: impl Into<String>, display_name: impl Into<String>) -> Self {
        let alert = Alert {
            organization: Some(SubjectOrganization {
                uscc: uscc.into(),
                display_name: display_name.into(),
            }),
            ..Alert::default()
        };
        Self {
            alert,
            request_id: request_id(),
        }
    }

    /// With the content of an existing alert: to correct it, or to raise it anew. What only the hub
    /// sets does not come along.
    ///
    /// ```
    /// use agency_client::{funds::AlertDraft, proto::funds::Alert};
    ///
    /// let old = Alert { grounds: "…".into(), ..Alert::default() };
    /// let draft = AlertDraft::like(&old).amount("10m_100m", "CNY");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn like(alert: &Alert) -> Self {
        let old = alert.clone();
        Self {
            alert: Alert {
                organization: old.organization,
                kind: old.kind,
                indicator: old.indicator,
                start_on: old.start_on,
                end_on: old.end_on,
                amount_band: old.amount_band,
                currency: old.currency,
                direction: old.direction,
                severity: old.severity,
                severity_reason: old.severity_reason,
                grounds: old.grounds,
                source_note: old.source_note,
                asks: old.asks,
                legal_basis: old.legal_basis,
                attachments: old.attachments,
                circulated_to: old.circulated_to,
                classification: old.classification,
                ..Alert::default()
            },
            request_id: request_id(),
        }
    }

    /// The organisation's registered name.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").organization_name("某某行业协会");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn organization_name(mut self, display_name: impl Into<String>) -> Self {
        let organization = self.alert.organization.get_or_insert_default();
        organization.display_name = display_name.into();
        self
    }

    /// Which series it belongs to; must be the indicator's (FS-054).
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    /// use agency_client::proto::funds::AlertKind;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").kind(AlertKind::OverseasDonation);
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn kind(mut self, kind: AlertKind) -> Self {
        self.alert.kind = kind.into();
        self
    }

    /// Id of an indicator of the charter.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").indicator("flow_out_of_line");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn indicator(mut self, indicator: impl Into<String>) -> Self {
        self.alert.indicator = indicator.into();
        self
    }

    /// First and last day of the period that it speaks of; the last not in the future and at most 10
    /// years after the first.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    /// use jiff::civil::date;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").period(date(2026, 1, 1), date(2026, 6, 30));
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn period(mut self, start_on: Date, end_on: Date) -> Self {
        self.alert.start_on = Some(to_wire(start_on));
        self.alert.end_on = Some(to_wire(end_on));
        self
    }

    /// Id of an amount band of the charter, and its currency (ISO 4217).
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").amount("1m_10m", "CNY");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn amount(mut self, band: impl Into<String>, currency: impl Into<String>) -> Self {
        self.alert.amount_band = band.into();
        self.alert.currency = currency.into();
        self
    }

    /// Which way the money went.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    /// use agency_client::proto::funds::Direction;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").direction(Direction::Out);
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn direction(mut self, direction: Direction) -> Self {
        self.alert.direction = direction.into();
        self
    }

    /// How severe it is, and why, 1 to 1,000 characters.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    /// use agency_client::proto::funds::Severity;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").severity(Severity::Routine, "首次出现");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn severity(mut self, severity: Severity, reason: impl Into<String>) -> Self {
        self.alert.severity = severity.into();
        self.alert.severity_reason = reason.into();
        self
    }

    /// The grounds in words, 1 to 4,000 characters: no account, transaction or counterparty (FS-051).
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").grounds("流出与项目不符。");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn grounds(mut self, grounds: impl Into<String>) -> Self {
        self.alert.grounds = grounds.into();
        self
    }

    /// Where it comes from, 1 to 500 characters.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").source_note("二季度分析");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn source_note(mut self, note: impl Into<String>) -> Self {
        self.alert.source_note = note.into();
        self
    }

    /// What is asked of a unit, 1 to 500 characters: its id, or `agencies/{agency}`. At most
    /// [`super::ASKS_MAX`].
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").ask("tax", "核对票据");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn ask(mut self, unit: &str, text: impl Into<String>) -> Self {
        self.alert.asks.push(AlertAsk {
            unit: agency_name(unit),
            text: text.into(),
        });
        self
    }

    /// Forgets what was asked of whom: for a correction that asks something else.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").ask("tax", "核对票据").without_asks();
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn without_asks(mut self) -> Self {
        self.alert.asks.clear();
        self
    }

    /// Its legal basis, 1 to 500 characters.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").legal_basis("反洗钱法（2024年修订）第七条");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn legal_basis(mut self, basis: impl Into<String>) -> Self {
        self.alert.legal_basis = basis.into();
        self
    }

    /// How confidential it is: internal, and never assumed. Secrets are refused (X-005).
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    /// use agency_client::proto::channels::Classification;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").classification(Classification::Internal);
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn classification(mut self, classification: Classification) -> Self {
        self.alert.classification = classification.into();
        self
    }

    /// A document that was uploaded before; at most [`super::DOCUMENTS_MAX`].
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::funds::AlertDraft;
    ///
    /// let file = client.attachments().upload("analysis.pdf", |_| {}).await?;
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").attach(file);
    /// # drop(draft);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn attach(mut self, document: Attachment) -> Self {
        self.alert.attachments.push(document);
        self
    }

    /// Only to these units, where the charter allows it and never for an emergency (FS-023): ids, or
    /// `agencies/{agency}`. Left out when the draft corrects an alert: that goes to whom it went.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").circulate_to(["tax", "finance"]);
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn circulate_to<U: AsRef<str>>(mut self, units: impl IntoIterator<Item = U>) -> Self {
        let units = units.into_iter().map(|unit| agency_name(unit.as_ref()));
        self.alert.circulated_to = units.collect();
        self
    }

    /// A request id of the caller's own, a UUIDv7; also the new alert's id.
    ///
    /// ```
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会").request_id("0190a5c0-0000-7000-8000-000000000001");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = id.into();
        self
    }

    /// The request id. Store it before raising, to be able to repeat the call after a crash.
    ///
    /// ```
    /// let draft = agency_client::funds::AlertDraft::on("51140000MJ0000018C", "某某协会");
    /// assert_eq!(draft.id().len(), 36);
    /// ```
    #[must_use]
    pub fn id(&self) -> &str {
        &self.request_id
    }

    /// The rules that the draft breaks, as far as they need no charter; `today` is the day where the
    /// charter applies. The hub checks them again, and its charter's.
    ///
    /// ```
    /// let draft = agency_client::funds::AlertDraft::on("51140000MJ0000018C", "某某协会");
    /// let broken = draft.check(jiff::civil::date(2026, 7, 1));
    /// assert!(broken.iter().any(|one| one.field == "grounds"));
    /// ```
    #[must_use]
    pub fn check(&self, today: Date) -> Vec<rules::Broken> {
        rules::check(&self.alert, today)
    }

    /// The alert as it would be sent.
    ///
    /// ```
    /// let draft = agency_client::funds::AlertDraft::on("51140000MJ0000018C", "某某协会");
    /// assert_eq!(draft.alert().grounds, "");
    /// ```
    #[must_use]
    pub fn alert(&self) -> &Alert {
        &self.alert
    }

    /// Alert and request id, unchecked.
    pub(crate) fn into_parts(self) -> (Alert, String) {
        (self.alert, self.request_id)
    }

    pub(crate) fn into_request(self) -> Result<RaiseAlertRequest> {
        Ok(RaiseAlertRequest {
            alert: Some(self.alert),
            request_id: checked_request_id(self.request_id)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use hub_proto::funds::{AlertState, UnitHandling};

    use super::*;

    #[test]
    fn ids_become_resource_names() {
        let draft = AlertDraft::on("x", "y")
            .ask("tax", "a")
            .ask("agencies/finance", "b")
            .circulate_to(["tax", "agencies/finance"]);
        let alert = draft.into_request().unwrap().alert.unwrap();
        let asked: Vec<&str> = alert.asks.iter().map(|ask| ask.unit.as_str()).collect();
        assert_eq!(asked, ["agencies/tax", "agencies/finance"]);
        assert_eq!(alert.circulated_to, asked);
    }

    #[test]
    fn a_draft_like_another_leaves_out_what_the_hub_sets() {
        let old = Alert {
            name: "alerts/1".into(),
            grounds: "g".into(),
            state: AlertState::Closed.into(),
            revision: 3,
            author: "agencies/pboc-branch".into(),
            units: vec![UnitHandling::default()],
            possible_duplicates: vec!["alerts/2".into()],
            is_sealed: true,
            is_named: true,
            notification: "n".into(),
            ..Alert::default()
        };
        let (new, _) = AlertDraft::like(&old).into_parts();
        let expected = Alert {
            grounds: "g".into(),
            ..Alert::default()
        };
        assert_eq!(new, expected);
    }

    #[test]
    fn a_draft_keeps_its_request_id_and_refuses_one_that_is_none() {
        let draft = AlertDraft::on("x", "y");
        let id = draft.id().to_owned();
        assert_eq!(draft.clone().into_request().unwrap().request_id, id);
        assert!(draft.request_id("1").into_request().is_err());
    }
}
