//! Two worlds with the same open alerts; in one of them the bank's branch also raises alerts that go to a
//! named few. That there are such is nobody else's knowledge: not the office's, not the leading
//! group's.

use hub::clock::Clock as _;
use hub_core::{
    crypto::{hex, sha256},
    date::{on, to_wire},
};
use hub_proto::{
    attachments::{DownloadAttachmentRequest, attachment_service_server::AttachmentService as _},
    channels::{GetNotificationRequest, ListNotificationsRequest, SubjectOrganization},
    funds::{
        AcknowledgeAlertRequest, Alert, AlertAction, AlertKind, AlertState, CloseAlertRequest,
        CorrectAlertRequest, DraftJointNoticeRequest, Finding, FindingKind, GetAlertRequest,
        IssueJointNoticeRequest, JointNotice, ListAlertsRequest, Measure,
        ProvideInformationRequest, RaiseAlertRequest, RecordFindingRequest, ReportMeasureRequest,
        RetractAlertRequest, ReviewMeasureRequest, Severity, SignJointNoticeRequest,
        TakeMeasureRequest, alert_service_server::AlertService as _,
    },
};
use hub_tests::{
    alerts::{self, BANK},
    direct::call,
    raw::requests::USCC,
};
use jiff::{SignedDuration, ToSpan as _};

use super::*;
use crate::{
    follow_up::blank_token,
    probe::{Observations, Probe, is_last},
    story::{SECRET_FILE, SECRET_USCC, attached},
};

/// Whom the secret alerts go to.
const NAMED: [&str; 2] = ["public-security", "tax"];

/// Who knows.
const INSIDERS: [&str; 3] = [BANK, "public-security", "tax"];

/// Acts on the secret alerts.
const ACTS: usize = 19;

/// A charter under which an alert to which there was nothing is kept for two months.
fn site() -> Site {
    let text = fs::read_to_string(charter_file()).unwrap();
    let months = "unsubstantiated_retention_months = 24";
    assert!(text.contains(months));
    let text = text.replace(months, "unsubstantiated_retention_months = 2");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("charter.toml");
    fs::write(&file, text).unwrap();
    Site::with_charter(&file, "")
}

/// Acts one after the other, each a second after the one before.
macro_rules! act {
    ($story:expr, $ids:expr, $who:expr, $method:ident, $request:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        $story.direct.clock.advance_us(1_000_000);
        let request_id = $ids.next().unwrap();
        let request = $request { request_id, $($field: $value,)* };
        let answer = $story.direct.services.$method(call(&$who, request)).await;
        answer.unwrap_or_else(|status| panic!("{}: {status:?}", stringify!($method)));
    }};
}

fn joint_notice(units: &[&str]) -> Option<JointNotice> {
    Some(JointNotice {
        text: "联合通报".into(),
        units: units
            .iter()
            .map(|unit| format!("agencies/{unit}"))
            .collect(),
        ..JointNotice::default()
    })
}

fn finding(kind: FindingKind) -> Option<Finding> {
    Some(Finding {
        kind: kind.into(),
        reason: "经核查".into(),
        ..Finding::default()
    })
}

impl Story<'_> {
    fn alert(&self, uscc: &str, to: &[&str]) -> Option<Alert> {
        let today = on(self.direct.clock.now(), self.site.charter().zone());
        Some(Alert {
            organization: Some(SubjectOrganization {
                uscc: uscc.into(),
                display_name: "某某基金会".into(),
            }),
            circulated_to: to.iter().map(|unit| format!("agencies/{unit}")).collect(),
            ..alerts::draft_on(today)
        })
    }

    fn analyst(&self) -> Arc<hub::identity::Caller> {
        let roles = ["analyst"];
        self.direct.caller(self.site, BANK, "pboc-analyst", &roles)
    }

    /// In both worlds: an alert to all on the organisation of the secret ones, with a joint notice, and one to
    /// a few others.
    #[allow(clippy::too_many_lines, reason = "one story, told in order")]
    async fn warn_openly(&mut self) {
        let ids: Vec<String> = (0..9).map(|_| self.step()).collect();
        let names = [&ids[0], &ids[1]].map(|id| format!("alerts/{id}"));
        self.told.alerts.extend(names.clone());
        let [to_all, to_few] = names;
        let mut ids = ids.into_iter();
        let (bank, office) = (self.analyst(), self.officer("civil-affairs"));
        let (finance, state) = (self.officer("finance"), self.officer("state-security"));
        for to in [&[][..], &["finance", "state-security"]] {
            let alert = self.alert(SECRET_USCC, to);
            act!(
                self,
                ids,
                bank,
                raise_alert,
                RaiseAlertRequest { alert: alert }
            );
        }
        for (name, action) in [
            (&to_all, AlertAction::Checks),
            (&to_few, AlertAction::NoAction),
        ] {
            act!(
                self,
                ids,
                finance,
                acknowledge_alert,
                AcknowledgeAlertRequest {
                    name: name.clone(),
                    revision: 1,
                    action: action.into(),
                    text: "经研究".into(),
                }
            );
        }
        act!(
            self,
            ids,
            office,
            draft_joint_notice,
            DraftJointNoticeRequest {
                name: to_all.clone(),
                joint_notice: joint_notice(&["finance", "state-security"]),
            }
        );
        for unit in [&finance, &state] {
            act!(
                self,
                ids,
                unit,
                sign_joint_notice,
                SignJointNoticeRequest {
                    name: to_all.clone(),
                    joint_notice: 1,
                    declines: false,
                    reason: String::new(),
                }
            );
        }
        act!(
            self,
            ids,
            office,
            issue_joint_notice,
            IssueJointNoticeRequest {
                name: to_all.clone(),
                joint_notice: 1,
            }
        );
        act!(
            self,
            ids,
            finance,
            record_finding,
            RecordFindingRequest {
                name: to_all,
                finding: finding(FindingKind::Unsubstantiated),
            }
        );
        assert_eq!(ids.next(), None);
    }

    /// Three alerts to a few: one with all that can be done about one, one that nobody acknowledges, one taken
    /// back. Silent ones take their time and their randomness, and happen not.
    #[allow(clippy::too_many_lines, reason = "one story, told in order")]
    async fn warn(&mut self, is_silent: bool) {
        let ids: Vec<String> = (0..ACTS).map(|_| self.step()).collect();
        let names: Vec<String> = ids[..3].iter().map(|id| format!("alerts/{id}")).collect();
        self.told.alerts.extend(names.clone());
        self.told.ids.extend_from_slice(&ids[..4]);
        self.told.files.push(hex(&sha256(&[SECRET_FILE])));
        if is_silent {
            for _ in 0..ACTS {
                self.direct.clock.advance_us(1_000_000);
            }
            return;
        }
        let mut ids = ids.into_iter();
        let [first, _, third] = <[String; 3]>::try_from(names).unwrap();
        let bank = self.analyst();
        let (police, tax) = (self.officer("public-security"), self.officer("tax"));
        self.upload(BANK, SECRET_FILE).await;
        for number in 0..3 {
            let mut alert = self.alert(SECRET_USCC, &NAMED).unwrap();
            if number == 0 {
                alert.attachments = vec![attached(SECRET_FILE)];
            }
            act!(
                self,
                ids,
                bank,
                raise_alert,
                RaiseAlertRequest { alert: Some(alert) }
            );
        }
        for (unit, action) in [
            (&tax, AlertAction::Checks),
            (&police, AlertAction::NeedsInformation),
        ] {
            act!(
                self,
                ids,
                unit,
                acknowledge_alert,
                AcknowledgeAlertRequest {
                    name: first.clone(),
                    revision: 1,
                    action: action.into(),
                    text: "秘密说明".into(),
                }
            );
        }
        act!(
            self,
            ids,
            bank,
            provide_information,
            ProvideInformationRequest {
                name: first.clone(),
                text: "秘密补充".into(),
            }
        );
        act!(
            self,
            ids,
            tax,
            record_finding,
            RecordFindingRequest {
                name: first.clone(),
                finding: finding(FindingKind::Substantiated),
            }
        );
        let today = on(self.direct.clock.now(), self.site.charter().zone());
        let measure = Measure {
            text: "秘密措施".into(),
            due_on: Some(to_wire(today.checked_add(3.days()).unwrap())),
            ..Measure::default()
        };
        for _ in 0..2 {
            act!(
                self,
                ids,
                tax,
                take_measure,
                TakeMeasureRequest {
                    name: first.clone(),
                    measure: Some(measure.clone()),
                }
            );
        }
        act!(
            self,
            ids,
            tax,
            report_measure,
            ReportMeasureRequest {
                name: first.clone(),
                measure: 1,
                text: "已落实".into(),
            }
        );
        act!(
            self,
            ids,
            bank,
            draft_joint_notice,
            DraftJointNoticeRequest {
                name: first.clone(),
                joint_notice: joint_notice(&NAMED),
            }
        );
        for unit in [&tax, &police] {
            act!(
                self,
                ids,
                unit,
                sign_joint_notice,
                SignJointNoticeRequest {
                    name: first.clone(),
                    joint_notice: 1,
                    declines: false,
                    reason: String::new(),
                }
            );
        }
        act!(
            self,
            ids,
            bank,
            issue_joint_notice,
            IssueJointNoticeRequest {
                name: first.clone(),
                joint_notice: 1,
            }
        );
        let mut corrected = self.alert(SECRET_USCC, &[]).unwrap();
        corrected.severity = Severity::Major.into();
        act!(
            self,
            ids,
            bank,
            correct_alert,
            CorrectAlertRequest {
                name: first.clone(),
                revision: 1,
                alert: Some(corrected),
                reason: "有误".into(),
            }
        );
        act!(
            self,
            ids,
            tax,
            acknowledge_alert,
            AcknowledgeAlertRequest {
                name: first.clone(),
                revision: 2,
                action: AlertAction::Checks.into(),
                text: String::new(),
            }
        );
        act!(
            self,
            ids,
            tax,
            review_measure,
            ReviewMeasureRequest {
                name: first.clone(),
                measure: 2,
                lifts: true,
                reason: "经复核".into(),
            }
        );
        act!(
            self,
            ids,
            bank,
            retract_alert,
            RetractAlertRequest {
                name: third.clone(),
                reason: "误报".into(),
            }
        );
        act!(
            self,
            ids,
            tax,
            acknowledge_alert,
            AcknowledgeAlertRequest {
                name: third,
                revision: 2,
                action: AlertAction::Noted.into(),
                text: String::new(),
            }
        );
        assert_eq!(ids.next(), None);
        self.read_by_name(&first).await;
    }

    /// Reads of the secret alone: they are on the record, and tell nobody.
    async fn read_by_name(&self, alert: &str) {
        let api = &self.direct.services;
        for caller in [self.officer("tax"), self.officer("public-security")] {
            let request = GetAlertRequest {
                name: alert.to_owned(),
                revision: 1,
            };
            let seen = api.get_alert(call(&caller, request)).await.unwrap();
            let seen = seen.into_inner().alert.unwrap();
            assert!(seen.possible_duplicates.len() > 1, "{seen:?}");
            let name = seen.notification;
            let request = DownloadAttachmentRequest {
                notification: name.clone(),
                sha256: hex(&sha256(&[SECRET_FILE])),
                offset: 0,
            };
            let file = api.download_attachment(call(&caller, request)).await;
            drop(file.unwrap());
            let request = GetNotificationRequest { name };
            api.get_notification(call(&caller, request)).await.unwrap();
        }
    }

    /// In both worlds insiders read what they can, which in one of them is more.
    async fn read_all(&self) {
        let api = &self.direct.services;
        for unit in INSIDERS {
            self.direct.clock.advance_us(1_000_000);
            let caller = match unit {
                BANK => self.analyst(),
                unit => self.officer(unit),
            };
            let request = ListAlertsRequest::default();
            let listed = api.list_alerts(call(&caller, request)).await.unwrap();
            assert!(!listed.into_inner().alerts.is_empty());
            if unit != BANK {
                let request = ListNotificationsRequest {
                    parent: format!("agencies/{unit}/inbox"),
                    page_size: 500,
                    ..ListNotificationsRequest::default()
                };
                let listed = api.list_notifications(call(&caller, request)).await;
                assert!(!listed.unwrap().into_inner().notifications.is_empty());
            }
        }
    }

    /// Whoever has not acknowledged or signed is reminded: second by second, so that no two reminders are of
    /// one instant.
    async fn remind_of_alerts(&self) {
        let start = self.direct.clock.now();
        for hours in [24, 48, 120] {
            let before = start + SignedDuration::from_hours(hours) - SignedDuration::from_secs(120);
            let us = before.as_microsecond() - self.direct.clock.now().as_microsecond();
            self.direct.clock.advance_us(us);
            for _ in 0..130 {
                self.direct.clock.advance_us(1_000_000);
                let engine = &self.direct.services.engine;
                hub::reminders::run(engine).await.unwrap();
            }
        }
    }
}

async fn tell_of_alerts(site: &Site, direct: &Direct, is_told: bool) -> story::Told {
    let mut story = Story::new(site, direct, PAIRS[0], is_told);
    story.told.are_all_reads_compared = true;
    let first = story.notice("一").await;
    story.warn_openly().await;
    let hidden = story.told.alerts.len();
    // Whoever would be told of them has others to read of.
    story.warn(!is_told).await;
    assert_eq!(story.told.alerts.len(), hidden + 3);
    story.read_all().await;
    story.notice("二").await;
    story.remind_of_alerts().await;
    story.read_all().await;
    let absent = format!("alerts/{}", story.step());
    story.told.alerts.push(absent);
    story.told.names.push(first);
    story.told
}

/// Names of all notifications of a world.
fn names(world: &World) -> HashSet<String> {
    let engine = &world.direct.services.engine;
    let entries = (0..world.store.head()).map(|index| engine.recorded(index).unwrap().unwrap());
    entries
        .flat_map(|entry| {
            let notices = entry.notifications();
            let names = notices.iter().map(|(_, one)| one.name.clone());
            names.collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn x_006_no_other_agency_can_tell_that_an_alert_went_to_a_few() {
    let site = site();
    let start = Timestamp::now();
    let mut with = world(&site, start).await;
    let mut without = world(&site, start).await;
    let mut told = tell_of_alerts(&site, &with.direct, true).await;
    let silent = tell_of_alerts(&site, &without.direct, false).await;
    assert_eq!(told.alerts, silent.alerts, "the probes ask for the same");
    assert!(with.store.head() > without.store.head() + 2 * 19);
    let (all, open) = (names(&with), names(&without));
    assert!(open.is_subset(&all));
    let mut hidden: Vec<String> = all.difference(&open).cloned().collect();
    hidden.sort();
    // A notice or two of each act, and reminders.
    assert!(hidden.len() > 19 + 6, "{hidden:?}");
    // They are of four authors, in turn; some of each are enough.
    told.names.extend(hidden.into_iter().step_by(3));
    let seen = observe(&site, &with.direct, &INSIDERS, &told).await;
    let unseen = observe(&site, &without.direct, &INSIDERS, &told).await;
    compare("alerts", &seen, &unseen);
    let lists = |agency: &str| {
        seen.iter()
            .filter(|one| one.asked.starts_with(agency) && one.asked.contains("alerts "))
            .filter(|one| one.answer.contains("某某基金会"))
            .count()
    };
    for agency in ["finance", "state-security", "civil-affairs"] {
        assert!(lists(agency) > 5, "{agency} sees the open ones");
    }
    let audited = seen.iter().filter(|one| {
        one.asked.starts_with("leading-group-office") && one.asked.contains("accesses ")
    });
    let audited = audited.filter(|one| one.answer.contains("agencies/tax"));
    assert!(audited.count() > 2, "reads of open alerts are audited");
    // Again after a restart, with the index lost, and when what was taken back is sealed.
    for world in [&mut with, &mut without] {
        world.direct.stop();
        world.store.drop_rows();
        let store = Arc::clone(&world.store) as Arc<dyn Store>;
        let clock = world.direct.clock.clone();
        world.direct = direct(&site, &world.files, store, clock).await;
    }
    let (sealed, _) = seal(&with.direct).await;
    let (openly, _) = seal(&without.direct).await;
    assert!(sealed >= openly + 3, "{sealed} and {openly}");
    let seen = observe(&site, &with.direct, &INSIDERS, &told).await;
    let unseen = observe(&site, &without.direct, &INSIDERS, &told).await;
    compare("sealed alerts", &seen, &unseen);
    // A test that cannot fail is none: a unit that the alerts went to sees the difference.
    let differs = differences(&site, (&with, &without), "tax", &told).await;
    for part in [
        "alerts ",
        "get_alert ",
        "acknowledge_alert ",
        "list ",
        "outstanding ",
        "accesses ",
        "search ",
        "download ",
    ] {
        assert!(differs.iter().any(|asked| asked.contains(part)), "{part}");
    }
    with.direct.stop();
    without.direct.stop();
}

impl Probe<'_> {
    /// Everything about alerts, by every name.
    pub(crate) async fn alerts(&self, notes: &mut Observations) {
        if self.told.alerts.is_empty() {
            return;
        }
        self.alert_lists(notes).await;
        for name in &self.told.alerts {
            self.alert_answers(notes, name).await;
            self.alert_acts(notes, name).await;
        }
    }

    async fn alert_lists(&self, notes: &mut Observations) {
        let all = ListAlertsRequest::default;
        let mut asked = vec![];
        for organization in ["", SECRET_USCC, USCC] {
            for page_size in [0, 1] {
                let organization = organization.to_owned();
                asked.push(ListAlertsRequest {
                    organization,
                    page_size,
                    ..all()
                });
            }
        }
        for unit in ["tax", "finance", "public-security"] {
            let unacknowledged_by = format!("agencies/{unit}");
            asked.push(ListAlertsRequest {
                unacknowledged_by,
                ..all()
            });
        }
        for state in [
            AlertState::Circulated,
            AlertState::Found,
            AlertState::Retracted,
        ] {
            let state = state.into();
            asked.push(ListAlertsRequest { state, ..all() });
        }
        for severity in [Severity::Routine, Severity::Major] {
            let severity = severity.into();
            asked.push(ListAlertsRequest { severity, ..all() });
        }
        let (kind, indicator) = (
            AlertKind::AbnormalMovement.into(),
            "flow_out_of_line".into(),
        );
        asked.push(ListAlertsRequest {
            kind,
            indicator,
            ..all()
        });
        for mut asked in asked {
            for page in 0.. {
                let api = &self.direct.services;
                let answer = api.list_alerts(call(&self.caller, asked.clone())).await;
                let next = answer.as_ref().ok();
                let next = next.map(|page| page.get_ref().next_page_token.clone());
                let token = std::mem::take(&mut asked.page_token);
                let question = format!("alerts {asked:?} page {page}");
                asked.page_token = token;
                self.note(notes, question, answer, |answer| {
                    // It holds the index of an entry; that there is one is compared.
                    blank_token(&mut answer.next_page_token);
                });
                if is_last(&mut asked.page_token, next) {
                    break;
                }
            }
        }
    }

    async fn alert_answers(&self, notes: &mut Observations, name: &str) {
        let (api, caller) = (&self.direct.services, &self.caller);
        for revision in [0, 1, 2, 9] {
            let asked = GetAlertRequest {
                name: name.to_owned(),
                revision,
            };
            let answer = api.get_alert(call(caller, asked)).await;
            self.note(
                notes,
                format!("get_alert {name} {revision}"),
                answer,
                |_| (),
            );
        }
        let asked = DownloadAttachmentRequest {
            notification: name.to_owned(),
            sha256: hex(&sha256(&[SECRET_FILE])),
            offset: 0,
        };
        let answer = api.download_attachment(call(caller, asked)).await;
        let answer = answer.map(|_| tonic::Response::new(()));
        self.note(notes, format!("file of {name}"), answer, |()| ());
        // Only the bank's branch raises, under whatever id.
        let asked = RaiseAlertRequest {
            alert: Some(alerts::draft_on(self.today())),
            request_id: name.trim_start_matches("alerts/").to_owned(),
        };
        let answer = api.raise_alert(call(caller, asked)).await;
        self.note(notes, format!("raise_alert {name}"), answer, |_| ());
    }

    fn today(&self) -> jiff::civil::Date {
        on(self.direct.clock.now(), self.site.charter().zone())
    }

    #[allow(clippy::too_many_lines, reason = "one question after the other")]
    async fn alert_acts(&self, notes: &mut Observations, name: &str) {
        let (api, caller) = (&self.direct.services, &self.caller);
        macro_rules! ask {
            ($method:ident, $request:ident { $($field:ident: $value:expr),* $(,)? }) => {{
                // Refused for its id at the latest, so that asking changes nothing.
                let asked = format!("{} {name}", stringify!($method));
                let (name, request_id) = (name.to_owned(), String::from("x"));
                let request = $request { name, request_id, $($field: $value,)* };
                let answer = api.$method(call(caller, request)).await;
                self.note(notes, asked, answer, |_| ());
            }};
        }
        let text = || String::from("情况");
        for revision in [1, 2] {
            for action in [AlertAction::Checks, AlertAction::Noted] {
                let action = action.into();
                ask!(
                    acknowledge_alert,
                    AcknowledgeAlertRequest {
                        revision: revision,
                        action: action,
                        text: text()
                    }
                );
            }
        }
        ask!(
            provide_information,
            ProvideInformationRequest { text: text() }
        );
        let units = ["finance", "tax"];
        ask!(
            draft_joint_notice,
            DraftJointNoticeRequest {
                joint_notice: joint_notice(&units)
            }
        );
        for joint_notice in [1, 2] {
            ask!(
                sign_joint_notice,
                SignJointNoticeRequest {
                    joint_notice: joint_notice,
                    declines: false,
                    reason: text()
                }
            );
            ask!(
                issue_joint_notice,
                IssueJointNoticeRequest {
                    joint_notice: joint_notice
                }
            );
        }
        ask!(
            record_finding,
            RecordFindingRequest {
                finding: finding(FindingKind::Substantiated)
            }
        );
        let measure = Measure {
            text: text(),
            due_on: Some(to_wire(self.today())),
            ..Measure::default()
        };
        ask!(
            take_measure,
            TakeMeasureRequest {
                measure: Some(measure)
            }
        );
        for measure in [1, 2] {
            ask!(
                report_measure,
                ReportMeasureRequest {
                    measure: measure,
                    text: text()
                }
            );
            ask!(
                review_measure,
                ReviewMeasureRequest {
                    measure: measure,
                    lifts: false,
                    reason: text()
                }
            );
        }
        ask!(
            close_alert,
            CloseAlertRequest {
                closing: Some(alerts::closing())
            }
        );
        let alert = Some(alerts::draft_on(self.today()));
        ask!(
            correct_alert,
            CorrectAlertRequest {
                revision: 1,
                alert: alert,
                reason: text()
            }
        );
        ask!(retract_alert, RetractAlertRequest { reason: text() });
    }
}
