//! Meetings over the years: names of the day, and years without an annual meeting.

use std::sync::Arc;

use hub::{
    annual,
    clock::{Clock as _, ManualClock, SystemClock},
    engine::entropy::SystemEntropy,
    identity::Caller,
    server,
    state::memory::MemoryStore,
};
use hub_core::date::{timestamp, to_wire};
use hub_proto::channels::{ListNotificationsRequest, channel_service_server::ChannelService as _};
use hub_proto::meetings::{
    ConfirmTopicsRequest, ConveneMeetingRequest, CreateMeetingRequest, DecideTopicRequest,
    ListMeetingWarningsRequest, Meeting, MeetingKind, MeetingNotice, MeetingUnit,
    OpenTopicsRequest, ProposeTopicRequest, RecordMeetingHeldRequest, Topic, TopicState,
    meeting_service_server::MeetingService as _,
};
use hub_tests::{
    Site, TRUST_DOMAIN, World, charter_file,
    direct::{Direct, call},
    meetings::{self, FUND, JOINT, attendee},
};
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, date},
};

/// A hub on a clock, without network.
struct Years {
    site: Site,
    hub: Direct,
    clock: ManualClock,
    count: u16,
}

impl Years {
    async fn start() -> Self {
        let site = Site::new();
        let clock = ManualClock::at(Timestamp::now());
        let key = Arc::new(server::ledger_key(&site.config()).unwrap());
        let store = Arc::new(MemoryStore::new(TRUST_DOMAIN, key).unwrap());
        let hub = Direct::start(&site, store, clock.clone(), Box::new(SystemEntropy)).await;
        Self {
            site,
            hub,
            clock,
            count: 0,
        }
    }

    /// Moves the clock on to an instant of a year, in UTC.
    fn move_to(&self, year: i16, rest: &str) {
        let at: Timestamp = format!("{year}-{rest}").parse().unwrap();
        self.clock
            .advance_us(at.as_microsecond() - self.now().as_microsecond());
    }

    fn office(&self) -> Arc<Caller> {
        self.hub
            .caller(&self.site, "civil-affairs", "office-1", &["office"])
    }

    fn id(&mut self) -> String {
        self.count += 1;
        let mut random = [0; 10];
        random[8..].copy_from_slice(&self.count.to_be_bytes());
        let id = uuid::Builder::from_unix_timestamp_millis(self.hub.unix_ms(), &random);
        id.into_uuid().to_string()
    }

    async fn create(&mut self, kind: MeetingKind, mechanism: &str) -> Meeting {
        let today = hub_core::date::on(self.now(), self.site.charter().zone());
        let request = CreateMeetingRequest {
            meeting: Some(Meeting {
                kind: kind.into(),
                mechanisms: vec![mechanism.into()],
                title: "会议".into(),
                planned_on: Some(to_wire(today)),
                ..Meeting::default()
            }),
            office: format!("{mechanism}/office"),
            request_id: self.id(),
        };
        let made = self
            .hub
            .services
            .create_meeting(call(&self.office(), request))
            .await;
        made.unwrap().into_inner().meeting.unwrap()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn hold(&mut self, kind: MeetingKind, mechanism: &str) -> Meeting {
        let (services, office) = (self.hub.services.clone(), self.office());
        let made = self.create(kind, mechanism).await;
        let name = made.name.clone();
        let request = OpenTopicsRequest {
            name: name.clone(),
            request_id: self.id(),
            ..OpenTopicsRequest::default()
        };
        services.open_topics(call(&office, request)).await.unwrap();
        let request = ProposeTopicRequest {
            parent: name.clone(),
            topic: Some(Topic {
                title: "议题".into(),
                ..Topic::default()
            }),
            proposer: format!("{mechanism}/office"),
            request_id: self.id(),
        };
        services
            .propose_topic(call(&office, request))
            .await
            .unwrap();
        let request = DecideTopicRequest {
            name: format!("{name}/topics/1"),
            decision: TopicState::Accepted.into(),
            request_id: self.id(),
            ..DecideTopicRequest::default()
        };
        services.decide_topic(call(&office, request)).await.unwrap();
        let request = ConfirmTopicsRequest {
            name: name.clone(),
            request_id: self.id(),
            ..ConfirmTopicsRequest::default()
        };
        services
            .confirm_topics(call(&office, request))
            .await
            .unwrap();
        let request = ConveneMeetingRequest {
            name: name.clone(),
            notice: Some(MeetingNotice {
                starts_at: Some(timestamp(self.now() + SignedDuration::from_mins(1))),
                place: "会议室".into(),
                ..MeetingNotice::default()
            }),
            request_id: self.id(),
            ..ConveneMeetingRequest::default()
        };
        services
            .convene_meeting(call(&office, request))
            .await
            .unwrap();
        let units = made.units.iter().map(|unit| MeetingUnit {
            agency: unit.agency.clone(),
            attendance: hub_proto::meetings::Attendance::Present.into(),
            attendees: vec![attendee("甲")],
            ..MeetingUnit::default()
        });
        let request = RecordMeetingHeldRequest {
            name: name.clone(),
            held_at: Some(timestamp(self.now())),
            chair: "某厅领导".into(),
            units: units.collect(),
            request_id: self.id(),
            ..RecordMeetingHeldRequest::default()
        };
        let held = services.record_meeting_held(call(&office, request)).await;
        held.unwrap().into_inner().meeting.unwrap()
    }

    /// What the office of a mechanism was told of years: title and resource.
    async fn told(&self, mechanism: &str) -> Vec<(String, String)> {
        let request = ListNotificationsRequest {
            parent: format!("{mechanism}/office/inbox"),
            page_size: 500,
            ..ListNotificationsRequest::default()
        };
        let services = &self.hub.services;
        let listed = services
            .list_notifications(call(&self.office(), request))
            .await;
        let told = listed.unwrap().into_inner().notifications.into_iter();
        let told = told.filter(|one| one.title.starts_with("提醒："));
        told.map(|one| (one.title, one.resource)).collect()
    }

    async fn warnings(&self, mechanism: &str) -> Vec<(i32, String)> {
        let request = ListMeetingWarningsRequest {
            parent: mechanism.into(),
        };
        let listed = self
            .hub
            .services
            .list_meeting_warnings(call(&self.office(), request))
            .await;
        let warnings = listed.unwrap().into_inner().warnings;
        warnings
            .into_iter()
            .map(|one| (one.year, one.requirement))
            .collect()
    }
}

fn branch(meeting: &Meeting) -> &str {
    let mut units = meeting.units.iter();
    let unit = units.find(|unit| unit.agency == "agencies/pboc-branch");
    &unit.unwrap().display_name
}

/// The real change was in 2023, and meetings are not made for days that have gone by: here the branch
/// is renamed in some years' time.
#[tokio::test]
async fn fs_011_a_unit_bears_the_name_of_the_meetings_day() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("charter.toml");
    let text = std::fs::read_to_string(charter_file()).unwrap();
    std::fs::write(&file, text.replace("2023-08-18", "2040-08-18")).unwrap();
    let site = Site::with_charter(&file, "");
    let world = World::start_on(site, Arc::new(SystemClock)).await;
    let office = meetings::office(&world);
    let of = |day: Date| Meeting {
        planned_on: Some(to_wire(day)),
        ..meetings::draft(&world, MeetingKind::Annual, &[FUND], &[])
    };
    let before = meetings::create(&office, of(date(2040, 8, 17)))
        .await
        .unwrap();
    let after = meetings::create(&office, of(date(2040, 8, 18)))
        .await
        .unwrap();
    assert_eq!(branch(&before), "中国人民银行太原中心支行");
    assert_eq!(branch(&after), "中国人民银行山西省分行");
    let ids = |meeting: &Meeting| -> Vec<String> {
        meeting
            .units
            .iter()
            .map(|unit| unit.agency.clone())
            .collect()
    };
    assert_eq!(ids(&before), ids(&after), "one unit, renamed");
}

#[tokio::test]
async fn je_070_fs_060_a_year_without_its_annual_meeting_is_warned_of_and_blocks_nothing() {
    let mut years = Years::start().await;
    let zone = years.site.charter().zone().clone();
    let year = hub_core::date::on(years.now(), &zone).year();
    // Two in a year are allowed; an extraordinary one is none of them.
    years.hold(MeetingKind::Annual, FUND).await;
    years.hold(MeetingKind::Annual, FUND).await;
    years.hold(MeetingKind::Extraordinary, JOINT).await;
    assert_eq!(years.warnings(FUND).await, []);
    assert_eq!(years.warnings(JOINT).await, [], "the year is not over");
    let source = |year: i16, source: &str| (i32::from(year), source.to_owned());
    // Midnight in the charter's time zone, eight hours ahead.
    years.move_to(year, "12-31T15:59:59Z");
    assert_eq!(years.warnings(JOINT).await, []);
    years.move_to(year, "12-31T16:00:00Z");
    assert_eq!(years.warnings(JOINT).await, [source(year, "JE-070")]);
    assert_eq!(years.warnings(FUND).await, []);
    // Nothing waits for what was left out.
    years.hold(MeetingKind::Annual, JOINT).await;
    years.move_to(year + 3, "01-03T02:00:00Z");
    let expected = [source(year + 2, "FS-060"), source(year + 1, "FS-060")];
    assert_eq!(years.warnings(FUND).await, expected);
    let expected = [source(year + 2, "JE-070"), source(year, "JE-070")];
    assert_eq!(years.warnings(JOINT).await, expected);
    years.hub.stop();
}

/// Nobody has to look: the office is told by the channels, once of each year.
#[tokio::test]
async fn je_070_fs_060_the_office_is_told_of_a_year_without_its_annual_meeting() {
    let mut years = Years::start().await;
    let zone = years.site.charter().zone().clone();
    let year = hub_core::date::on(years.now(), &zone).year();
    years.hold(MeetingKind::Annual, FUND).await;
    years.hold(MeetingKind::Extraordinary, JOINT).await;
    let engine = Arc::clone(&years.hub.services.engine);
    years.move_to(year, "12-31T15:59:59Z");
    assert_eq!(
        annual::run(&engine).await.unwrap(),
        0,
        "the year is not over"
    );
    years.move_to(year, "12-31T16:00:00Z");
    assert_eq!(annual::run(&engine).await.unwrap(), 1);
    assert_eq!(annual::run(&engine).await.unwrap(), 0, "once");
    let title = format!("提醒：{year}年未记录召开成员单位工作协调会议（原则上每年一次）");
    let told = (title, JOINT.to_owned());
    assert_eq!(years.told(JOINT).await, std::slice::from_ref(&told));
    assert_eq!(years.told(FUND).await, []);
    // It blocks nothing; and a year later both are told of that one.
    years.hold(MeetingKind::Extraordinary, JOINT).await;
    years.move_to(year + 2, "01-03T02:00:00Z");
    assert_eq!(annual::run(&engine).await.unwrap(), 2);
    assert_eq!(years.told(JOINT).await.len(), 2);
    assert_eq!(years.told(FUND).await.len(), 1);
    years.hub.stop();
}
