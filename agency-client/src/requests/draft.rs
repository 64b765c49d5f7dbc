//! A request on its way to being drafted. The hub checks every rule.

use hub_core::date::to_wire;
use hub_proto::{
    channels::{Attachment, SubjectOrganization},
    requests::{
        AccountInquiry, ApprovalLevel, CaseOpened, DraftInformationRequestRequest,
        InformationRequest, RequestKind, SharingAttribute,
    },
};
use jiff::civil::Date;

use crate::{
    client::{checked_request_id, request_id},
    error::Result,
};

/// Builds a request. The request id is minted when the draft is made, so that a draft that is sent twice is
/// recorded once; it is also the last part of the request's name.
///
/// ```
/// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
/// use jiff::civil::date;
///
/// let draft = RequestDraft::data("tax", SharingAttribute::Unconditional)
///     .purpose("To check the annual report of one association")
///     .scope("Its tax registration")
///     .period(date(2025, 1, 1), date(2025, 12, 31))
///     .use_scene("Spot check of 2026")
///     .legal_basis("data-sharing", "")
///     .case_reference("晋民查〔2026〕3号")
///     .valid_until(date(2026, 12, 31))
///     .approver("leader-1");
/// assert!(draft.name().starts_with("informationRequests/"));
/// ```
#[derive(Debug, Clone)]
pub struct RequestDraft {
    request: InformationRequest,
    request_id: String,
}

/// What a request for account information needs besides (FS-053): an open case that names the organisation, the
/// instrument, the officers who act together, and the approval.
///
/// ```
/// use agency_client::{
///     proto::requests::ApprovalLevel,
///     requests::{AccountDraft, RequestDraft},
/// };
/// use jiff::civil::date;
///
/// let account = AccountDraft::in_case("晋公立〔2026〕7号", date(2026, 6, 1))
///     .instrument("晋公查〔2026〕15号")
///     .officers(["officer-1", "officer-2"])
///     .approved(ApprovalLevel::AgencyHead, "晋公批〔2026〕4号", date(2026, 6, 2));
/// let draft = RequestDraft::account_information("pboc-shanxi", "51140000MJ0000001F", "某某协会", account)
///     .purpose("To follow the money of the case")
///     .scope("Accounts and balances on 1 June 2026")
///     .approver("leader-1");
/// # drop(draft);
/// ```
#[derive(Debug, Clone)]
pub struct AccountDraft {
    inquiry: AccountInquiry,
}

impl AccountDraft {
    /// In a case of this agency's own: its number, and the day on which it was opened.
    ///
    /// ```
    /// use agency_client::requests::AccountDraft;
    /// use jiff::civil::date;
    ///
    /// let account = AccountDraft::in_case("某立字〔2026〕1号", date(2026, 3, 2));
    /// # drop(account);
    /// ```
    #[must_use]
    pub fn in_case(case_number: impl Into<String>, opened_on: Date) -> Self {
        let case = CaseOpened {
            case_number: case_number.into(),
            opened_on: Some(to_wire(opened_on)),
            organizations: vec![],
        };
        Self {
            inquiry: AccountInquiry {
                case_opened: Some(case),
                ..AccountInquiry::default()
            },
        }
    }

    /// Organisations that the case names besides the one that is asked about, by unified social credit code.
    ///
    /// ```
    /// use agency_client::requests::AccountDraft;
    /// use jiff::civil::date;
    ///
    /// let account = AccountDraft::in_case("某立字〔2026〕1号", date(2026, 3, 2)).case_names(["51140000MJ0000018C"]);
    /// # drop(account);
    /// ```
    #[must_use]
    pub fn case_names<U: Into<String>>(
        mut self,
        organizations: impl IntoIterator<Item = U>,
    ) -> Self {
        let case = self.inquiry.case_opened.get_or_insert_default();
        case.organizations
            .extend(organizations.into_iter().map(Into::into));
        self
    }

    /// Number of the instrument (查询文书).
    ///
    /// ```
    /// use agency_client::requests::AccountDraft;
    /// use jiff::civil::date;
    ///
    /// let account = AccountDraft::in_case("某立字〔2026〕1号", date(2026, 3, 2)).instrument("某调证字〔2026〕1号");
    /// # drop(account);
    /// ```
    #[must_use]
    pub fn instrument(mut self, number: impl Into<String>) -> Self {
        self.inquiry.instrument_number = number.into();
        self
    }

    /// Officers who act together, as on the instrument: at least two.
    ///
    /// ```
    /// use agency_client::requests::AccountDraft;
    /// use jiff::civil::date;
    ///
    /// let account = AccountDraft::in_case("某立字〔2026〕1号", date(2026, 3, 2)).officers(["officer-1", "officer-2"]);
    /// # drop(account);
    /// ```
    #[must_use]
    pub fn officers<O: Into<String>>(mut self, officers: impl IntoIterator<Item = O>) -> Self {
        self.inquiry.officers = officers.into_iter().map(Into::into).collect();
        self
    }

    /// Who approved the inquiry, under which reference, and on which day.
    ///
    /// ```
    /// use agency_client::requests::AccountDraft;
    /// use jiff::civil::date;
    /// use agency_client::proto::requests::ApprovalLevel;
    ///
    /// let account = AccountDraft::in_case("某立字〔2026〕1号", date(2026, 3, 2)).approved(ApprovalLevel::AsStatute, "某批〔2026〕1号", date(2026, 3, 3));
    /// # drop(account);
    /// ```
    #[must_use]
    pub fn approved(
        mut self,
        level: ApprovalLevel,
        reference: impl Into<String>,
        on: Date,
    ) -> Self {
        self.inquiry.approval_level = level.into();
        self.inquiry.approval_reference = reference.into();
        self.inquiry.approved_on = Some(to_wire(on));
        self
    }

    /// The organisation is a charity: some legal bases are for charities only.
    ///
    /// ```
    /// use agency_client::requests::AccountDraft;
    /// use jiff::civil::date;
    ///
    /// let account = AccountDraft::in_case("某立字〔2026〕1号", date(2026, 3, 2)).charity();
    /// # drop(account);
    /// ```
    #[must_use]
    pub fn charity(mut self) -> Self {
        self.inquiry.is_charity = true;
        self
    }
}

impl RequestDraft {
    fn to(provider: &str, kind: RequestKind, sharing: SharingAttribute) -> Self {
        let id = provider.strip_prefix("agencies/").unwrap_or(provider);
        let request = InformationRequest {
            provider: format!("agencies/{id}"),
            kind: kind.into(),
            sharing: sharing.into(),
            ..InformationRequest::default()
        };
        Self {
            request,
            request_id: request_id(),
        }
    }

    /// Government data of an agency, by its id or resource name.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional);
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn data(provider: &str, sharing: SharingAttribute) -> Self {
        Self::to(provider, RequestKind::Data, sharing)
    }

    /// Account information of one organisation: code and registered name. The case names it, and its number
    /// is the reference of the request.
    ///
    /// ```
    /// use agency_client::requests::{AccountDraft, RequestDraft};
    /// use jiff::civil::date;
    ///
    /// let account = AccountDraft::in_case("某立字〔2026〕1号", date(2026, 3, 2));
    /// let draft =
    ///     RequestDraft::account_information("pboc-branch", "51140000MJ0000018C", "某某协会", account);
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn account_information(
        provider: &str,
        uscc: impl Into<String>,
        display_name: impl Into<String>,
        account: AccountDraft,
    ) -> Self {
        let uscc = uscc.into();
        let mut inquiry = account.inquiry;
        let case = inquiry.case_opened.get_or_insert_default();
        if !case.organizations.contains(&uscc) {
            case.organizations.insert(0, uscc.clone());
        }
        let case_number = case.case_number.clone();
        let kind = RequestKind::AccountInformation;
        let mut draft = Self::to(provider, kind, SharingAttribute::Conditional)
            .organization(uscc, display_name)
            .case_reference(case_number);
        draft.request.account = Some(inquiry);
        draft
    }

    /// What the data is for; its use is limited to that.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).purpose("核实年检材料");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn purpose(mut self, purpose: impl Into<String>) -> Self {
        self.request.purpose = purpose.into();
        self
    }

    /// Which data is asked for.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).scope("纳税申报情况");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.request.scope = scope.into();
        self
    }

    /// An organisation that it is about; call it for each.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).organization("51140000MJ0000018C", "某某协会");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn organization(
        mut self,
        uscc: impl Into<String>,
        display_name: impl Into<String>,
    ) -> Self {
        self.request.organizations.push(SubjectOrganization {
            uscc: uscc.into(),
            display_name: display_name.into(),
        });
        self
    }

    /// First and last day of the period that the data is about.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    /// use jiff::civil::date;
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).period(date(2026, 1, 1), date(2026, 6, 30));
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn period(mut self, start_on: Date, end_on: Date) -> Self {
        self.request.start_on = Some(to_wire(start_on));
        self.request.end_on = Some(to_wire(end_on));
        self
    }

    /// In which business the data is used.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).use_scene("年度检查");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn use_scene(mut self, use_scene: impl Into<String>) -> Self {
        self.request.use_scene = use_scene.into();
        self
    }

    /// Id of a row of the charter's legal bases; and, where that row says so, the statute and article that the
    /// instrument names, else an empty text.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).legal_basis("data_sharing", "");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn legal_basis(
        mut self,
        id: impl Into<String>,
        instrument_basis: impl Into<String>,
    ) -> Self {
        self.request.legal_basis = id.into();
        self.request.instrument_basis = instrument_basis.into();
        self
    }

    /// Reference of the own file or case.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).case_reference("某查字〔2026〕1号");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn case_reference(mut self, reference: impl Into<String>) -> Self {
        self.request.case_reference = reference.into();
        self
    }

    /// Last day on which the data may be used.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    /// use jiff::civil::date;
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).valid_until(date(2026, 12, 31));
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn valid_until(mut self, on: Date) -> Self {
        self.request.valid_until_on = Some(to_wire(on));
        self
    }

    /// Officer of the own agency who is to approve it, and is not its author.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).approver("leader-1");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn approver(mut self, officer: impl Into<String>) -> Self {
        self.request.approver = officer.into();
        self
    }

    /// A document, uploaded before; call it for each.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let file = client.attachments().upload("letter.pdf", |_| {}).await?;
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).attach(file);
    /// # drop(draft);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn attach(mut self, attachment: Attachment) -> Self {
        self.request.attachments.push(attachment);
        self
    }

    /// The request id of an earlier attempt whose answer was lost.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional).request_id("0190a5c0-0000-7000-8000-000000000001");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = id.into();
        self
    }

    /// The name that the request will have.
    ///
    /// ```
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional);
    /// assert!(draft.name().starts_with("informationRequests/"));
    /// ```
    #[must_use]
    pub fn name(&self) -> String {
        format!("informationRequests/{}", self.request_id)
    }

    /// The request of the contract.
    ///
    /// ```
    /// # fn example() -> agency_client::Result<()> {
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    ///
    /// let request = RequestDraft::data("tax", SharingAttribute::Conditional).into_request()?;
    /// # drop(request);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`crate::ClientError::Input`] when the request id is no UUIDv7.
    pub fn into_request(self) -> Result<DraftInformationRequestRequest> {
        Ok(DraftInformationRequestRequest {
            information_request: Some(self.request),
            request_id: checked_request_id(self.request_id)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_draft_for_account_information_carries_its_case() {
        let account = AccountDraft::in_case("晋公立〔2026〕7号", date(2026, 6, 1))
            .case_names(["51140000MJ0000002X"])
            .charity();
        let draft = RequestDraft::account_information("agencies/pboc", "U", "N", account);
        let name = draft.name();
        let request = draft.into_request().unwrap();
        assert_eq!(name, format!("informationRequests/{}", request.request_id));
        let request = request.information_request.unwrap();
        assert_eq!(request.provider, "agencies/pboc");
        assert_eq!(request.case_reference, "晋公立〔2026〕7号");
        assert_eq!(request.sharing(), SharingAttribute::Conditional);
        let account = request.account.unwrap();
        assert!(account.is_charity);
        let case = account.case_opened.unwrap();
        assert_eq!(case.organizations, ["U", "51140000MJ0000002X"]);
        let bad = RequestDraft::data("tax", SharingAttribute::Conditional).request_id("1");
        assert!(bad.into_request().is_err());
    }
}
