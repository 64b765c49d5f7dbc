//! Two worlds with the same open dealings; in one of them two agencies also handle referrals with each
//! other (FS-036, X-006).

use std::sync::Arc;

use hub::identity::Caller;
use hub_proto::{
    attachments::{DownloadAttachmentRequest, attachment_service_server::AttachmentService as _},
    referrals::{
        AcknowledgeReferralRequest, AddInformationRequest, AskForInformationRequest,
        CloseReferralRequest, CorrectReferralRequest, DeclineReferralRequest,
        FeedBackResultRequest, GetReferralRequest, ListReferralsRequest, Referral,
        ReferralAwaiting, ReferralResult, ReturnReferralRequest, SendReferralRequest,
        TakeUpReferralRequest, WithdrawReferralRequest,
        referral_service_server::ReferralService as _,
    },
};
use hub_tests::direct::call;

use super::*;
use crate::{
    probe::{Observations, Probe, blank},
    story::SECRET_USCC,
};

fn draft(to: &str) -> Referral {
    Referral {
        addressee: format!("agencies/{to}"),
        ..hub_tests::referrals::draft(to)
    }
}

impl Story<'_> {
    /// Three referrals: one with its result, one that waits for it with a question open, one taken
    /// back. A silent one takes its time and its randomness, and happens not.
    #[allow(clippy::too_many_lines, reason = "one story, told in order")]
    async fn refer(&mut self, from: &str, to: &str, is_silent: bool) {
        let ids: Vec<String> = (0..14).map(|_| self.step()).collect();
        for id in &ids[..3] {
            self.told.referrals.push(format!("referrals/{id}"));
            self.told.ids.push(id.clone());
        }
        let step = || self.direct.clock.advance_us(1_000_000);
        let api = &self.direct.services;
        let (sender, addressee) = (self.officer(from), self.officer(to));
        // Lists of both sides show open referrals too, whose own sides may know of it: in both worlds.
        let list = async |caller| {
            let request = ListReferralsRequest::default();
            api.list_referrals(call(caller, request)).await.unwrap();
        };
        if is_silent {
            ids[..10].iter().for_each(|_| step());
            for caller in [&sender, &addressee] {
                step();
                list(caller).await;
            }
            ids[12..].iter().for_each(|_| step());
            return;
        }
        let [first, second, third] =
            [&ids[0], &ids[1], &ids[2]].map(|id| format!("referrals/{id}"));
        for id in &ids[..3] {
            step();
            let request = SendReferralRequest {
                referral: Some(draft(to)),
                request_id: id.clone(),
            };
            api.send_referral(call(&sender, request)).await.unwrap();
        }
        for (name, id) in [(&first, &ids[3]), (&second, &ids[4])] {
            step();
            let request = AcknowledgeReferralRequest {
                name: name.clone(),
                revision: 1,
                request_id: id.clone(),
            };
            api.acknowledge_referral(call(&addressee, request))
                .await
                .unwrap();
        }
        for (name, id) in [(&first, &ids[5]), (&second, &ids[6])] {
            step();
            let request = TakeUpReferralRequest {
                name: name.clone(),
                request_id: id.clone(),
                ..TakeUpReferralRequest::default()
            };
            api.take_up_referral(call(&addressee, request))
                .await
                .unwrap();
        }
        step();
        let request = FeedBackResultRequest {
            name: first.clone(),
            result: Some(ReferralResult {
                text: "结果".into(),
                is_final: true,
                ..ReferralResult::default()
            }),
            request_id: ids[7].clone(),
        };
        api.feed_back_result(call(&addressee, request))
            .await
            .unwrap();
        step();
        let request = AskForInformationRequest {
            name: second,
            text: "问".into(),
            request_id: ids[8].clone(),
        };
        api.ask_for_information(call(&addressee, request))
            .await
            .unwrap();
        step();
        let request = WithdrawReferralRequest {
            name: third,
            reason: "误".into(),
            request_id: ids[9].clone(),
        };
        api.withdraw_referral(call(&sender, request)).await.unwrap();
        // Reads of both sides are on the record, and tell nobody.
        for caller in [&sender, &addressee] {
            step();
            list(caller).await;
        }
        step();
        let request = GetReferralRequest {
            name: first,
            revision: 0,
        };
        api.get_referral(call(&addressee, request)).await.unwrap();
        step();
    }
}

async fn tell_referrals(
    site: &Site,
    direct: &Direct,
    pair: (&'static str, &'static str),
    is_told: bool,
) -> story::Told {
    let mut story = Story::new(site, direct, pair, is_told);
    let first = story.notice("一").await;
    // Those whom the pair deals with have referrals of their own in both worlds.
    story.refer("culture-tourism", pair.1, false).await;
    story.refer(pair.0, pair.1, !is_told).await;
    story.refer(pair.0, "education", false).await;
    story.refer("finance", "state-security", false).await;
    story.notice("二").await;
    // Whoever was asked is reminded a day before it is late: second by second, so that no two reminders
    // are of one instant.
    direct.clock.advance_us((144 * 3_600 - 200) * 1_000_000);
    for _ in 0..260 {
        direct.clock.advance_us(1_000_000);
        hub::reminders::run(&direct.services.engine).await.unwrap();
    }
    story.told.names.push(first);
    story.told
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_036_no_third_agency_can_tell_that_two_others_handle_a_referral() {
    let site = Site::new();
    let start = Timestamp::now();
    for pair in [("pboc-branch", "public-security"), ("civil-affairs", "tax")] {
        let mut with = world(&site, start).await;
        let mut without = world(&site, start).await;
        let told = tell_referrals(&site, &with.direct, pair, true).await;
        let silent = tell_referrals(&site, &without.direct, pair, false).await;
        assert_eq!(
            told.referrals, silent.referrals,
            "the probes ask for the same"
        );
        assert!(with.store.head() > without.store.head() + 12);
        for _ in 0..2 {
            let seen = observe(&site, &with.direct, &[pair.0, pair.1], &told).await;
            let unseen = observe(&site, &without.direct, &[pair.0, pair.1], &told).await;
            compare(pair, &seen, &unseen);
            let own = seen
                .iter()
                .filter(|one| one.asked.contains("referrals ") && one.answer.contains("某某协会"));
            assert!(own.count() > 10, "others see their own");
            // Again after a restart, with the index lost.
            for world in [&mut with, &mut without] {
                world.direct.stop();
                world.store.drop_rows();
                let store = Arc::clone(&world.store) as Arc<dyn Store>;
                let clock = world.direct.clock.clone();
                world.direct = direct(&site, &world.files, store, clock).await;
            }
        }
        // A test that cannot fail is none: the addressee sees the difference.
        let differs = differences(&site, (&with, &without), pair.1, &told).await;
        for part in ["referrals ", "get_referral ", "outstanding ", "list "] {
            assert!(differs.iter().any(|asked| asked.contains(part)), "{part}");
        }
        with.direct.stop();
        without.direct.stop();
    }
}

impl Probe<'_> {
    /// Everything about referrals, by every name.
    pub(crate) async fn referrals(&self, notes: &mut Observations) {
        self.referral_lists(notes).await;
        for name in &self.told.referrals {
            self.referral_acts(notes, name).await;
        }
    }

    async fn referral_lists(&self, notes: &mut Observations) {
        let (api, caller) = (&self.direct.services, &self.caller);
        for organization in ["", SECRET_USCC] {
            for awaiting in [ReferralAwaiting::Unspecified, ReferralAwaiting::Any] {
                for page_size in [0, 1] {
                    let asked = ListReferralsRequest {
                        awaiting: awaiting.into(),
                        organization: organization.into(),
                        page_size,
                        ..ListReferralsRequest::default()
                    };
                    let question = format!("referrals {asked:?}");
                    let answer = api.list_referrals(call(caller, asked)).await;
                    self.note(notes, question, answer, |answer| {
                        // It holds the index of an entry; that there is one is compared.
                        if !answer.next_page_token.is_empty() {
                            answer.next_page_token = "token".into();
                        }
                    });
                }
            }
        }
    }

    #[allow(clippy::too_many_lines, reason = "one question after the other")]
    async fn referral_acts(&self, notes: &mut Observations, name: &str) {
        let (api, caller): (_, &Arc<Caller>) = (&self.direct.services, &self.caller);
        macro_rules! ask {
            ($method:ident, $request:expr) => {
                let answer = api.$method(call(caller, $request)).await;
                let asked = format!("{} {name}", stringify!($method));
                self.note(notes, asked, answer, |_| ());
            };
        }
        // Refused for its id at the latest, so that asking changes nothing.
        let request_id = String::from("x");
        let name_of = || name.to_owned();
        let text = || String::from("情况");
        for revision in [0, 1, 2] {
            ask!(
                get_referral,
                GetReferralRequest {
                    name: name_of(),
                    revision,
                }
            );
        }
        ask!(
            acknowledge_referral,
            AcknowledgeReferralRequest {
                name: name_of(),
                revision: 1,
                request_id: request_id.clone(),
            }
        );
        ask!(
            take_up_referral,
            TakeUpReferralRequest {
                name: name_of(),
                request_id: request_id.clone(),
                ..TakeUpReferralRequest::default()
            }
        );
        ask!(
            decline_referral,
            DeclineReferralRequest {
                name: name_of(),
                reason: text(),
                request_id: request_id.clone(),
            }
        );
        ask!(
            return_referral,
            ReturnReferralRequest {
                name: name_of(),
                reason: text(),
                competent_unit_hint: String::new(),
                request_id: request_id.clone(),
            }
        );
        ask!(
            ask_for_information,
            AskForInformationRequest {
                name: name_of(),
                text: text(),
                request_id: request_id.clone(),
            }
        );
        ask!(
            add_information,
            AddInformationRequest {
                name: name_of(),
                text: text(),
                request_id: request_id.clone(),
            }
        );
        ask!(
            feed_back_result,
            FeedBackResultRequest {
                name: name_of(),
                result: Some(ReferralResult {
                    text: text(),
                    ..ReferralResult::default()
                }),
                request_id: request_id.clone(),
            }
        );
        ask!(
            correct_referral,
            CorrectReferralRequest {
                name: name_of(),
                revision: 1,
                referral: Some(Referral {
                    addressee: String::new(),
                    ..draft("tax")
                }),
                reason: text(),
                request_id: request_id.clone(),
            }
        );
        ask!(
            close_referral,
            CloseReferralRequest {
                name: name_of(),
                note: text(),
                request_id: request_id.clone(),
            }
        );
        ask!(
            withdraw_referral,
            WithdrawReferralRequest {
                name: name_of(),
                reason: text(),
                request_id,
            }
        );
        let asked = DownloadAttachmentRequest {
            notification: name_of(),
            sha256: "0".repeat(64),
            offset: 0,
        };
        let answer = api.download_attachment(call(caller, asked)).await;
        let answer = answer.map(|_| tonic::Response::new(()));
        self.note(notes, format!("download {name}"), answer, |()| ());
        let asked = SendReferralRequest {
            referral: Some(draft("tax")),
            request_id: self.id(&format!("send {name}")),
        };
        if self.is_thorough {
            // The own sending tells nothing of others'. It is recorded in both worlds.
            let answer = api.send_referral(call(caller, asked)).await;
            self.note(notes, format!("send beside {name}"), answer, |answer| {
                blank(&mut answer.receipt);
            });
        }
    }
}
