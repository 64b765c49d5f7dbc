//! Two worlds; in one of them health asks tax for data, and public-security asks the bank's branch for account
//! information. That they do is nobody else's knowledge: not the offices', not the leading group's.

use std::sync::Arc;

use hub::{clock::Clock as _, identity::Caller};
use hub_core::date::to_wire;
use hub_proto::{
    channels::SubjectOrganization,
    requests::{
        AccountInquiry, AnswerCorrectionRequest, ApprovalLevel, ApproveInformationRequestRequest,
        AskForMissingRequest, CaseOpened, CloseCaseRequest, CompleteInformationRequestRequest,
        ConfirmDisposalRequest, ConsentToInformationRequestRequest, DeliverInformationRequest,
        DeliveredData, Disposal, DraftInformationRequestRequest, ExtendAnswerTimeRequest,
        GetInformationRequestRequest, InformationRequest, ListInformationRequestsRequest,
        RecordUseRequest, RefuseInformationRequestRequest, RequestCorrectionRequest, RequestKind,
        RequestSide, RequestState, ResumeUseRequest, SharingAttribute, SuspendUseRequest,
        UseRecord, WithdrawInformationRequestRequest, request_service_server::RequestService as _,
    },
};
use hub_tests::{direct::call, random::Random};
use jiff::civil::Date;

use super::*;
use crate::{
    probe::{Observations, Probe, blank},
    story::SECRET_USCC,
};

/// Who asks whom.
const DEALINGS: [(&str, &str); 2] = [("health", "tax"), ("public-security", "pboc-branch")];

/// Who knows.
const INSIDERS: [&str; 4] = ["health", "tax", "public-security", "pboc-branch"];

/// Number of the case that only its own agency knows of.
const CASE: &str = "晋公密立〔2026〕7号";

/// Acts of a dealing.
const ACTS: usize = 10;

fn inquiry(today: Date) -> AccountInquiry {
    AccountInquiry {
        case_opened: Some(CaseOpened {
            case_number: CASE.into(),
            opened_on: Some(to_wire(today)),
            organizations: vec![SECRET_USCC.into()],
        }),
        instrument_number: "查询〔2026〕1号".into(),
        officers: vec!["o-1".into(), "o-2".into()],
        approval_level: ApprovalLevel::AsStatute.into(),
        approval_reference: "批〔2026〕1号".into(),
        approved_on: Some(to_wire(today)),
        is_charity: false,
    }
}

fn data() -> Option<DeliveredData> {
    Some(DeliveredData {
        text: "秘密数据".into(),
        attachments: vec![],
    })
}

fn use_record() -> Option<UseRecord> {
    Some(UseRecord {
        scene: "抽查".into(),
        process: "比对".into(),
        effect: "无".into(),
        purpose_fit: "相符".into(),
        ..UseRecord::default()
    })
}

fn disposal(today: Date) -> Option<Disposal> {
    Some(Disposal {
        storage: "本地".into(),
        destruction: "删除".into(),
        disposed_on: Some(to_wire(today)),
        ..Disposal::default()
    })
}

impl Story<'_> {
    fn today(&self) -> Date {
        hub_core::date::on(self.direct.clock.now(), self.site.charter().zone())
    }

    fn request_of(&self, requester: &str, provider: &str) -> InformationRequest {
        let today = self.today();
        let is_account = provider == "pboc-branch";
        let until = today.checked_add(jiff::Span::new().days(30)).unwrap();
        let mut request = InformationRequest {
            provider: format!("agencies/{provider}"),
            kind: RequestKind::Data.into(),
            sharing: SharingAttribute::Conditional.into(),
            purpose: "秘密用途".into(),
            scope: "秘密范围".into(),
            organizations: vec![SubjectOrganization {
                uscc: SECRET_USCC.into(),
                display_name: "某某协会".into(),
            }],
            use_scene: "抽查".into(),
            legal_basis: "data_sharing".into(),
            case_reference: CASE.into(),
            valid_until_on: Some(to_wire(until)),
            approver: format!("{requester}-approver"),
            ..InformationRequest::default()
        };
        if is_account {
            request.kind = RequestKind::AccountInformation.into();
            request.legal_basis = "public_security_case".into();
            request.instrument_basis = "刑事诉讼法第一百四十四条".into();
            request.account = Some(inquiry(today));
        }
        request
    }

    /// The whole life of a request, with reads in between. A silent one takes its time and its
    /// randomness, and happens not.
    #[allow(clippy::too_many_lines, reason = "one story, told in order")]
    async fn deal(&mut self, (requester, provider): (&str, &str), is_silent: bool) -> String {
        let ids: Vec<String> = (0..ACTS).map(|_| self.step()).collect();
        let name = format!("informationRequests/{}", ids[0]);
        if is_silent {
            self.direct
                .clock
                .advance_us(1_000_000 * i64::try_from(ACTS).unwrap());
            return name;
        }
        let mut ids = ids.into_iter();
        let mut id = || {
            self.direct.clock.advance_us(1_000_000);
            ids.next().unwrap()
        };
        let api = &self.direct.services;
        let (asks, answers) = (self.officer(requester), self.officer(provider));
        let approver = format!("{requester}-approver");
        let approver = self
            .direct
            .caller(self.site, requester, &approver, &["leader"]);
        let draft = DraftInformationRequestRequest {
            information_request: Some(self.request_of(requester, provider)),
            request_id: id(),
        };
        api.draft_information_request(call(&asks, draft))
            .await
            .unwrap();
        macro_rules! act {
            ($who:expr, $method:ident, $request:ident { $($field:ident: $value:expr),* }) => {
                let request = $request { name: name.clone(), request_id: id(), $($field: $value,)* };
                api.$method(call($who, request)).await.unwrap();
            };
        }
        act!(
            &approver,
            approve_information_request,
            ApproveInformationRequestRequest {
                is_approved: true,
                reason: String::new()
            }
        );
        act!(
            &answers,
            extend_answer_time,
            ExtendAnswerTimeRequest {
                working_days: 5,
                reason: "原因".into(),
                consent_reference: "文号".into()
            }
        );
        self.read(&answers, &name).await;
        act!(
            &answers,
            consent_to_information_request,
            ConsentToInformationRequestRequest {
                text: String::new(),
                delivery: None
            }
        );
        act!(
            &answers,
            deliver_information,
            DeliverInformationRequest { delivery: data() }
        );
        self.read(&asks, &name).await;
        act!(
            &asks,
            record_use,
            RecordUseRequest {
                r#use: use_record()
            }
        );
        act!(
            &asks,
            request_correction,
            RequestCorrectionRequest {
                text: "有误".into()
            }
        );
        act!(
            &answers,
            answer_correction,
            AnswerCorrectionRequest {
                correction: 1,
                is_corrected: true,
                answer: "已更正".into(),
                attachments: vec![]
            }
        );
        act!(
            &answers,
            suspend_use,
            SuspendUseRequest {
                reason: "理由".into()
            }
        );
        act!(
            &answers,
            resume_use,
            ResumeUseRequest {
                reason: "理由".into()
            }
        );
        name
    }

    async fn read(&self, caller: &Arc<Caller>, name: &str) {
        let api = &self.direct.services;
        let request = GetInformationRequestRequest {
            name: name.to_owned(),
        };
        api.get_information_request(call(caller, request))
            .await
            .unwrap();
        let request = ListInformationRequestsRequest::default();
        let answer = api
            .list_information_requests(call(caller, request))
            .await
            .unwrap();
        assert_eq!(answer.into_inner().information_requests[0].name, name);
    }
}

async fn tell_of_requests(site: &Site, direct: &Direct, is_told: bool) -> story::Told {
    let mut story = Story::new(site, direct, PAIRS[0], is_told);
    for dealing in DEALINGS {
        let name = story.deal(dealing, !is_told).await;
        story.told.resources.push(name);
    }
    let absent = format!("informationRequests/{}", story.step());
    story.told.resources.push(absent);
    story.told
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_053_x_006_no_other_agency_can_tell_that_two_deal_in_information() {
    let site = Site::new();
    let start = Timestamp::now();
    let mut with = world(&site, start).await;
    let mut without = world(&site, start).await;
    let mut told = tell_of_requests(&site, &with.direct, true).await;
    let silent = tell_of_requests(&site, &without.direct, false).await;
    assert_eq!(
        told.resources, silent.resources,
        "probes ask for the same names"
    );
    // Acts, and reads on the record.
    assert!(with.store.head() >= without.store.head() + 2 * 10 + 8);
    // Names of the notices that the insiders got of it.
    for index in without.store.head()..with.store.head() {
        let engine = &with.direct.services.engine;
        let entry = engine.recorded(index).unwrap().unwrap();
        let notices = entry.notifications().iter();
        told.names.extend(notices.map(|(_, one)| one.name.clone()));
    }
    assert!(told.names.len() > 14, "{:?}", told.names);
    for round in 0..2 {
        let seen = observe(&site, &with.direct, &INSIDERS, &told).await;
        let unseen = observe(&site, &without.direct, &INSIDERS, &told).await;
        let asked = seen
            .iter()
            .filter(|one| one.asked.contains("informationRequests/"));
        assert!(asked.count() > 500, "requests were asked for");
        compare(("requests", round), &seen, &unseen);
        // Again after a restart, with the index lost.
        for world in [&mut with, &mut without] {
            world.direct.stop();
            world.store.drop_rows();
            let store = Arc::clone(&world.store) as Arc<dyn Store>;
            let clock = world.direct.clock.clone();
            world.direct = direct(&site, &world.files, store, clock).await;
        }
    }
    // A test that cannot fail is none: a provider sees the difference, in what it can list and ask.
    let others = ["health", "tax", "public-security"];
    let seen = observe(&site, &with.direct, &others, &told).await;
    let unseen = observe(&site, &without.direct, &others, &told).await;
    // It may list more pages, so answers are compared by question.
    let unseen: HashMap<&str, &str> = unseen
        .iter()
        .map(|one| (one.asked.as_str(), one.answer.as_str()))
        .collect();
    let differs = seen
        .iter()
        .filter(|one| unseen.get(one.asked.as_str()) != Some(&one.answer.as_str()));
    let asked: Vec<&str> = differs.map(|one| one.asked.as_str()).collect();
    for part in [
        "requests ",
        "get_information_request ",
        "list ",
        "outstanding ",
        "accesses ",
    ] {
        assert!(asked.iter().any(|asked| asked.contains(part)), "{part}");
    }
    let strangers = asked
        .iter()
        .filter(|asked| !asked.starts_with("pboc-branch"));
    assert_eq!(strangers.collect::<Vec<_>>(), [] as [&&str; 0]);
    with.direct.stop();
    without.direct.stop();
}

impl Probe<'_> {
    /// Everything about requests, by every name of any kind.
    pub(crate) async fn requests(&self, notes: &mut Observations) {
        self.request_lists(notes).await;
        for name in &self.told.resources {
            self.request_answers(notes, name).await;
            self.request_requester_acts(notes, name).await;
        }
        let (api, caller) = (&self.direct.services, &self.caller);
        let close = CloseCaseRequest {
            case_number: CASE.into(),
            reason: "结案".into(),
            request_id: Random::new(7).uuid(self.direct.unix_ms()),
        };
        // Another agency's case is none of the caller's: there is none of that number.
        let answer = api.close_case(call(caller, close)).await;
        self.note(notes, "close_case", answer, |answer| {
            blank(&mut answer.receipt)
        });
    }

    async fn request_lists(&self, notes: &mut Observations) {
        let (api, caller) = (&self.direct.services, &self.caller);
        let all = ListInformationRequestsRequest::default;
        let mut asked = vec![
            all(),
            ListInformationRequestsRequest {
                page_size: 1,
                ..all()
            },
            ListInformationRequestsRequest {
                is_overdue: true,
                ..all()
            },
            ListInformationRequestsRequest {
                page_token: "x".into(),
                ..all()
            },
        ];
        for side in [RequestSide::Requester, RequestSide::Provider] {
            asked.push(ListInformationRequestsRequest {
                side: side.into(),
                ..all()
            });
        }
        for kind in [RequestKind::Data, RequestKind::AccountInformation] {
            asked.push(ListInformationRequestsRequest {
                kind: kind.into(),
                ..all()
            });
        }
        for state in [RequestState::Submitted, RequestState::Delivered] {
            let states = vec![state.into()];
            asked.push(ListInformationRequestsRequest { states, ..all() });
        }
        for (number, request) in asked.into_iter().enumerate() {
            let answer = api.list_information_requests(call(caller, request)).await;
            self.note(notes, format!("requests {number}"), answer, |answer| {
                if !answer.next_page_token.is_empty() {
                    answer.next_page_token = "token".into();
                }
            });
        }
    }

    #[allow(clippy::too_many_lines, reason = "one question after the other")]
    async fn request_answers(&self, notes: &mut Observations, name: &str) {
        let (api, caller) = (&self.direct.services, &self.caller);
        let name = name.to_owned();
        macro_rules! ask {
            ($method:ident, $request:ident { $($field:ident: $value:expr),* }) => {
                // Refused for its id at the latest, so that asking changes nothing.
                let request = $request { name: name.clone(), request_id: "x".into(), $($field: $value,)* };
                let answer = api.$method(call(caller, request)).await;
                self.note(notes, format!("{} {name}", stringify!($method)), answer, |_| ());
            };
        }
        let get = GetInformationRequestRequest { name: name.clone() };
        let answer = api.get_information_request(call(caller, get)).await;
        self.note(
            notes,
            format!("get_information_request {name}"),
            answer,
            |_| (),
        );
        ask!(
            ask_for_missing,
            AskForMissingRequest {
                missing: "全部".into()
            }
        );
        ask!(
            extend_answer_time,
            ExtendAnswerTimeRequest {
                working_days: 1,
                reason: "原因".into(),
                consent_reference: "文号".into()
            }
        );
        ask!(
            consent_to_information_request,
            ConsentToInformationRequestRequest {
                text: String::new(),
                delivery: data()
            }
        );
        ask!(
            deliver_information,
            DeliverInformationRequest { delivery: data() }
        );
        ask!(
            refuse_information_request,
            RefuseInformationRequestRequest {
                reasons: "理由".into()
            }
        );
        ask!(
            answer_correction,
            AnswerCorrectionRequest {
                correction: 1,
                is_corrected: false,
                answer: "理由".into(),
                attachments: vec![]
            }
        );
        ask!(
            suspend_use,
            SuspendUseRequest {
                reason: "理由".into()
            }
        );
        ask!(
            resume_use,
            ResumeUseRequest {
                reason: "理由".into()
            }
        );
    }

    async fn request_requester_acts(&self, notes: &mut Observations, name: &str) {
        let (api, caller) = (&self.direct.services, &self.caller);
        let name = name.to_owned();
        let today = hub_core::date::on(self.direct.clock.now(), self.site.charter().zone());
        macro_rules! ask {
            ($method:ident, $request:ident { $($field:ident: $value:expr),* }) => {
                let request = $request { name: name.clone(), request_id: "x".into(), $($field: $value,)* };
                let answer = api.$method(call(caller, request)).await;
                self.note(notes, format!("{} {name}", stringify!($method)), answer, |_| ());
            };
        }
        for is_approved in [true, false] {
            ask!(
                approve_information_request,
                ApproveInformationRequestRequest {
                    is_approved: is_approved,
                    reason: "理由".into()
                }
            );
        }
        ask!(
            withdraw_information_request,
            WithdrawInformationRequestRequest {
                reason: "原因".into()
            }
        );
        ask!(
            complete_information_request,
            CompleteInformationRequestRequest {
                addition: "补正".into(),
                attachments: vec![]
            }
        );
        ask!(
            record_use,
            RecordUseRequest {
                r#use: use_record()
            }
        );
        ask!(
            request_correction,
            RequestCorrectionRequest {
                text: "有误".into()
            }
        );
        ask!(
            confirm_disposal,
            ConfirmDisposalRequest {
                disposal: disposal(today)
            }
        );
    }
}
