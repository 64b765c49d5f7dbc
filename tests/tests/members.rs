//! The roster through real clients: memberships, liaisons, nodes and token keys, as of a day. Tests
//! bear the ids of the requirements that they prove.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here is a failed test; seeds are printed"
)]

#[path = "members/directory.rs"]
mod directory;

use std::{path::Path, sync::Arc};

use agency_client::{Client, ClientError, profile::Profile, subscribe::SubscribeOptions};
use certs::ca::LeafSpec;
use futures::StreamExt as _;
use hub::{clock::ManualClock, engine::entropy::SystemEntropy, server, state::memory::MemoryStore};
use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8},
    date::to_wire,
    jwk::TokenJwk,
    reason::Reason,
};
use hub_proto::{
    channels::{
        Classification, ListNotificationsRequest, Notification, PublishNotificationRequest,
        SubscribeRequest, channel_service_server::ChannelService as _, subscribe_response,
    },
    common::Receipt,
    members::{
        AddMembershipRequest, AppointLiaisonRequest, Liaison, Membership, Rank,
        add_membership_request::Basis, members_service_server::MembersService as _,
    },
};
use hub_tests::{
    Site, TRUST_DOMAIN, World,
    direct::{Direct, call},
};
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};

const JOINT: &str = "mechanisms/joint-enforcement";
const FUND: &str = "mechanisms/fund-supervision";

fn today(world: &World) -> Date {
    hub_core::date::on(Timestamp::now(), world.site.charter().zone())
}

fn reason<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Reason {
    let error = result.expect_err("it must be refused");
    error.reason().unwrap_or_else(|| panic!("{error}"))
}

fn violation<T: std::fmt::Debug>(result: Result<T, ClientError>) -> String {
    match result.expect_err("it must be refused") {
        ClientError::Refused(refusal) => refusal.violations[0].field.clone(),
        other => panic!("{other}"),
    }
}

fn addition(mechanism: &str, agency: &str, from_on: Date, basis: Basis) -> AddMembershipRequest {
    AddMembershipRequest {
        parent: mechanism.into(),
        agency: format!("agencies/{agency}"),
        from_on: Some(to_wire(from_on)),
        basis: Some(basis),
        ..AddMembershipRequest::default()
    }
}

fn case() -> Basis {
    Basis::CaseReference("晋民执〔2026〕7号案".into())
}

fn decision() -> Basis {
    Basis::LeadingGroupDecision("晋社管组发〔2026〕3号".into())
}

fn appointment(
    mechanism: &str,
    officer: &str,
    from_on: Date,
    replaces: &str,
) -> AppointLiaisonRequest {
    AppointLiaisonRequest {
        parent: mechanism.into(),
        liaison: Some(Liaison {
            officer: officer.into(),
            display_name: format!("联络员 {officer}"),
            rank: Rank::Division.into(),
            from_on: Some(to_wire(from_on)),
            ..Liaison::default()
        }),
        replaces: replaces.into(),
        ..AppointLiaisonRequest::default()
    }
}

fn office(world: &World) -> Client {
    world.client("civil-affairs", "office-1", &["office"])
}

fn leader(world: &World, agency: &str) -> Client {
    world.client(agency, &format!("{agency}-leader-1"), &["leader"])
}

fn admin(world: &World, agency: &str) -> Client {
    world.client(agency, &format!("{agency}-admin-1"), &["node-admin"])
}

async fn members(client: &Client, mechanism: &str, on: Date) -> Vec<Membership> {
    let list = client.members().list_memberships(mechanism, Some(on)).await;
    list.unwrap()
}

fn ids(members: &[Membership]) -> Vec<&str> {
    members
        .iter()
        .map(|one| &one.agency.as_ref().unwrap().name["agencies/".len()..])
        .collect()
}

async fn inbox(client: &Client, log: &str) -> Vec<Notification> {
    let request = ListNotificationsRequest {
        parent: log.into(),
        ..ListNotificationsRequest::default()
    };
    let page = client.channels().list_notifications(&request).await;
    page.unwrap().notifications
}

#[tokio::test(flavor = "multi_thread")]
async fn je_012_fs_010_thirteen_and_six_members_in_official_order() {
    let world = World::start().await;
    let clerk = world.clerk("foreign-affairs");
    let on = today(&world);
    let joint = members(&clerk, JOINT, on).await;
    assert_eq!(
        ids(&joint),
        [
            "civil-affairs",
            "publicity",
            "political-legal",
            "cyberspace",
            "education",
            "public-security",
            "human-resources",
            "culture-tourism",
            "health",
            "market-regulation",
            "foreign-affairs",
            "state-security",
            "tax"
        ]
    );
    let ordinals: Vec<i32> = joint.iter().map(|one| one.ordinal).collect();
    assert_eq!(ordinals, (1..=13).collect::<Vec<_>>());
    let leads: Vec<_> = joint.iter().filter(|one| one.role == 1).collect();
    assert_eq!(leads.len(), 1, "je_011: exactly one lead");
    let fund = members(&clerk, FUND, on).await;
    assert_eq!(
        ids(&fund),
        [
            "civil-affairs",
            "public-security",
            "finance",
            "state-security",
            "tax",
            "pboc-branch"
        ]
    );
    let mechanisms = clerk.members().list_mechanisms(None).await.unwrap();
    let counts: Vec<_> = mechanisms.iter().map(|one| one.member_count).collect();
    assert_eq!(counts, [13, 6]);
    for mechanism in &mechanisms {
        assert_eq!(mechanism.parent_body, "agencies/leading-group-office");
        assert_eq!(mechanism.lead_unit, "agencies/civil-affairs");
    }
    // Before the charter was issued there was no mechanism.
    let before = members(&clerk, JOINT, jiff::civil::date(2021, 2, 22)).await;
    assert_eq!(before, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn je_013_both_names_find_one_agency_and_the_count_stays() {
    let world = World::start().await;
    let clerk = world.clerk("tax");
    for query in ["省委网信办", "省互联网信息办公室", "cyberspace"] {
        let found = clerk.members().find_agency(query, None).await.unwrap();
        assert_eq!(found.name, "agencies/cyberspace", "{query}");
    }
    assert_eq!(members(&clerk, JOINT, today(&world)).await.len(), 13);
    let unknown = clerk.members().find_agency("省气象局", None).await;
    assert_eq!(reason(unknown), Reason::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_011_the_branch_bears_its_name_of_the_day() {
    let world = World::start().await;
    let clerk = world.clerk("finance");
    let old = "中国人民银行太原中心支行";
    let new = "中国人民银行山西省分行";
    for (day, name) in [
        (jiff::civil::date(2022, 6, 1), old),
        (jiff::civil::date(2023, 8, 17), old),
        (jiff::civil::date(2023, 8, 18), new),
        (jiff::civil::date(2024, 6, 1), new),
    ] {
        let api = clerk.members();
        let agency = api.agency("agencies/pboc-branch", Some(day)).await.unwrap();
        assert_eq!(agency.display_name, name, "{day}");
        assert_eq!(agency.names.len(), 2);
        let row = members(&clerk, FUND, day).await;
        let row = row.iter().find(|one| one.name.ends_with("/pboc-branch"));
        let shown = row.unwrap().agency.as_ref().unwrap();
        assert_eq!(shown.display_name, name, "{day}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn je_014_a_fourteenth_member_needs_a_case_and_is_dated() {
    let mut world = World::start().await;
    let on = today(&world);
    let tomorrow = on.tomorrow().unwrap();
    let api = office(&world).members();
    let refused = api
        .add_membership(addition(JOINT, "finance", tomorrow, decision()))
        .await;
    assert_eq!(reason(refused), Reason::MembershipBasisMissing);
    let yesterday = on.yesterday().unwrap();
    let past = api
        .add_membership(addition(JOINT, "finance", yesterday, case()))
        .await;
    assert_eq!(violation(past), "from_on");
    let already = api
        .add_membership(addition(JOINT, "tax", tomorrow, case()))
        .await;
    assert_eq!(reason(already), Reason::MembershipExists);

    let until_on = tomorrow.checked_add(30.days()).unwrap();
    let mut request = addition(JOINT, "finance", tomorrow, case());
    request.until_on = Some(to_wire(until_on));
    let added = api.add_membership(request).await.unwrap();
    let membership = added.response.membership.unwrap();
    assert_eq!((membership.ordinal, membership.role), (14, 2));
    assert_eq!(membership.basis, "晋民执〔2026〕7号案");
    let again = api
        .add_membership(addition(JOINT, "finance", tomorrow, case()))
        .await;
    assert_eq!(reason(again), Reason::MembershipExists);

    for restarted in [false, true] {
        if restarted {
            world.restart().await;
        }
        let clerk = world.clerk("finance");
        assert_eq!(members(&clerk, JOINT, on).await.len(), 13);
        assert_eq!(members(&clerk, JOINT, tomorrow).await.len(), 14);
        assert_eq!(ids(&members(&clerk, JOINT, tomorrow).await)[13], "finance");
        let last = until_on.yesterday().unwrap();
        assert_eq!(members(&clerk, JOINT, last).await.len(), 14);
        assert_eq!(members(&clerk, JOINT, until_on).await.len(), 13);
        // It is a member from its first day on, and not before: the channel is not there yet.
        let who = clerk.members().who_am_i().await.unwrap();
        assert_eq!(who.mechanisms, [FUND]);
    }
    // Only the office of the mechanism adds members.
    let tax = leader(&world, "tax").members();
    let refused = tax
        .add_membership(addition(JOINT, "pboc-branch", tomorrow, case()))
        .await;
    assert_eq!(reason(refused), Reason::PermissionDenied);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn je_014_a_member_added_today_reads_the_channel_today() {
    let world = World::start().await;
    let finance = world.clerk("finance");
    let log = "channels/joint-enforcement";
    let request = ListNotificationsRequest {
        parent: log.into(),
        ..ListNotificationsRequest::default()
    };
    let refused = finance.channels().list_notifications(&request).await;
    assert_eq!(reason(refused), Reason::NotFound);
    let addition = addition(JOINT, "finance", today(&world), case());
    office(&world)
        .members()
        .add_membership(addition)
        .await
        .unwrap();
    assert_eq!(inbox(&finance, log).await, []);
    let channels = finance.channels().list_channels().await.unwrap();
    let names: Vec<_> = channels.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(
        names,
        ["channels/all-members", log, "channels/fund-supervision"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_013_a_seventh_fund_member_needs_a_leading_group_decision() {
    let world = World::start().await;
    let on = today(&world);
    let api = office(&world).members();
    let refused = api
        .add_membership(addition(FUND, "education", on, case()))
        .await;
    assert_eq!(reason(refused), Reason::MembershipBasisMissing);
    let malformed = Basis::LeadingGroupDecision("晋社管组发[2026]3号".into());
    let refused = api
        .add_membership(addition(FUND, "education", on, malformed))
        .await;
    assert_eq!(violation(refused), "leading_group_decision");
    let mut none = addition(FUND, "education", on, case());
    none.basis = None;
    assert_eq!(violation(api.add_membership(none).await), "basis");
    let added = api
        .add_membership(addition(FUND, "education", on, decision()))
        .await
        .unwrap();
    let membership = added.response.membership.unwrap();
    assert_eq!(membership.basis, "晋社管组发〔2026〕3号");
    assert_eq!(members(&world.clerk("tax"), FUND, on).await.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn je_027_one_liaison_of_division_rank_for_each_mechanism() {
    let world = World::start().await;
    let on = today(&world);
    let api = leader(&world, "tax").members();
    let mut other_rank = appointment(JOINT, "tax-1", on, "");
    other_rank.liaison.as_mut().unwrap().rank = Rank::Other.into();
    let refused = api.appoint_liaison(other_rank.clone()).await;
    assert_eq!(violation(refused), "liaison.rank_override_reason");
    let mut unspecified = appointment(JOINT, "tax-1", on, "");
    unspecified.liaison.as_mut().unwrap().rank = 0;
    assert_eq!(
        violation(api.appoint_liaison(unspecified).await),
        "liaison.rank"
    );
    let past = appointment(JOINT, "tax-1", on.yesterday().unwrap(), "");
    assert_eq!(
        violation(api.appoint_liaison(past).await),
        "liaison.from_on"
    );
    let nobody = appointment(JOINT, "tax-1", on, "tax-0");
    assert_eq!(
        reason(api.appoint_liaison(nobody).await),
        Reason::LiaisonMismatch
    );

    let reasoned = other_rank.liaison.as_mut().unwrap();
    reasoned.rank_override_reason = "处级岗位空缺，副处级干部代行".into();
    let appointed = api.appoint_liaison(other_rank).await.unwrap();
    let liaison = appointed.response.membership.unwrap().liaison.unwrap();
    assert_eq!(liaison.officer, "tax-1");
    assert_eq!(liaison.rank_override_reason, "处级岗位空缺，副处级干部代行");

    let second = api
        .appoint_liaison(appointment(JOINT, "tax-2", on, ""))
        .await;
    assert_eq!(reason(second), Reason::LiaisonExists);
    let wrong = api
        .appoint_liaison(appointment(JOINT, "tax-2", on, "tax-9"))
        .await;
    assert_eq!(reason(wrong), Reason::LiaisonMismatch);
    // The other mechanism may have another liaison.
    api.appoint_liaison(appointment(FUND, "tax-2", on, ""))
        .await
        .unwrap();
    let of = async |mechanism| {
        let list = members(&world.clerk("tax"), mechanism, on).await;
        let tax = list.into_iter().find(|one| one.name.ends_with("/tax"));
        tax.unwrap().liaison.unwrap().officer
    };
    assert_eq!(
        (of(JOINT).await, of(FUND).await),
        ("tax-1".into(), "tax-2".into())
    );
    // A unit that is no member names nobody.
    let finance = leader(&world, "finance").members();
    let refused = finance
        .appoint_liaison(appointment(JOINT, "finance-1", on, ""))
        .await;
    assert_eq!(reason(refused), Reason::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn je_027_a_liaison_of_a_later_day_is_shown_from_that_day() {
    let mut world = World::start().await;
    let on = today(&world);
    let later = on.checked_add(10.days()).unwrap();
    let api = leader(&world, "health").members();
    api.appoint_liaison(appointment(JOINT, "health-1", on, ""))
        .await
        .unwrap();
    api.appoint_liaison(appointment(JOINT, "health-2", later, "health-1"))
        .await
        .unwrap();
    world.restart().await;
    let clerk = world.clerk("tax");
    let shown = async |day: Date| {
        let list = members(&clerk, JOINT, day).await;
        let health = list.into_iter().find(|one| one.name.ends_with("/health"));
        health.unwrap().liaison.map(|liaison| liaison.officer)
    };
    assert_eq!(shown(on.yesterday().unwrap()).await, None);
    assert_eq!(shown(on).await.as_deref(), Some("health-1"));
    let eve = later.yesterday().unwrap();
    assert_eq!(shown(eve).await.as_deref(), Some("health-1"));
    assert_eq!(shown(later).await.as_deref(), Some("health-2"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn je_028_the_office_is_told_and_the_old_liaisons_rights_end_at_once() {
    let world = World::start().await;
    let on = today(&world);
    let api = leader(&world, "tax").members();
    let channel = "channels/joint-enforcement";
    let (old, new) = (
        world.client("tax", "tax-1", &["liaison"]),
        world.client("tax", "tax-2", &["liaison"]),
    );
    let list = ListNotificationsRequest {
        parent: channel.into(),
        ..ListNotificationsRequest::default()
    };
    let refused = old.channels().list_notifications(&list).await;
    assert_eq!(
        reason(refused),
        Reason::PermissionDenied,
        "not appointed yet"
    );
    api.appoint_liaison(appointment(JOINT, "tax-1", on, ""))
        .await
        .unwrap();
    old.channels().list_notifications(&list).await.unwrap();
    assert_eq!(old.members().who_am_i().await.unwrap().roles, ["liaison"]);
    let mut stream = old.channels().subscribe(SubscribeOptions {
        logs: vec![channel.into()],
        ..SubscribeOptions::default()
    });
    stream.next().await.unwrap().unwrap();

    let changed = api
        .appoint_liaison(appointment(JOINT, "tax-2", on, "tax-1"))
        .await
        .unwrap();
    let refused = old.channels().list_notifications(&list).await;
    assert_eq!(
        reason(refused),
        Reason::PermissionDenied,
        "the rights ended"
    );
    assert_eq!(
        old.members().who_am_i().await.unwrap().roles,
        [] as [&str; 0]
    );
    let ended = loop {
        match stream.next().await.expect("an error ends the stream") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(ended.reason(), Some(Reason::PermissionDenied), "{ended}");
    new.channels().list_notifications(&list).await.unwrap();

    the_office_is_told(&world, changed.response.receipt.as_ref().unwrap()).await;
}

/// The second change has its notice in the inbox of its own office, and of no other.
async fn the_office_is_told(world: &World, receipt: &Receipt) {
    let notices = inbox(&office(world), "mechanisms/joint-enforcement/office/inbox").await;
    assert_eq!(notices.len(), 2, "one notice for each change");
    let notice = &notices[1];
    assert_eq!(notice.category, "liaison_change_joint_enforcement");
    assert_eq!(notice.author, "agencies/tax");
    assert_eq!(notice.addressees, ["mechanisms/joint-enforcement/office"]);
    let text = String::from_utf8(notice.body.to_vec()).unwrap();
    assert!(text.contains("tax-1") && text.contains("tax-2"), "{text}");
    assert_eq!(notice.published_at, receipt.recorded_at);
    let other = inbox(&office(world), "mechanisms/fund-supervision/office/inbox").await;
    assert_eq!(other, [], "je_029: two offices");
    // The office can sign for it, nobody else can see it.
    let signed = office(world)
        .channels()
        .sign_for(&notice.name, Some("mechanisms/joint-enforcement/office"))
        .await
        .unwrap();
    let row = signed.response.delivery_receipt.unwrap();
    assert_eq!(row.signed_for_by, "office-1");
    let health = world.clerk("health").channels();
    assert_eq!(
        reason(health.notification(&notice.name).await),
        Reason::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn je_020_only_civil_affairs_can_hold_the_office_role() {
    let world = World::start().await;
    let who = office(&world).members().who_am_i().await.unwrap();
    assert_eq!(who.roles, ["office"]);
    for agency in world.site.charter().agencies() {
        let id = agency.id().as_str();
        if id != "civil-affairs" {
            let client = world.client(id, "officer-1", &["office"]);
            let refused = client.members().who_am_i().await;
            assert_eq!(reason(refused), Reason::RoleNotGranted, "{id}");
        }
    }
}

/// A further certificate of an agency that no roster folder holds, as a profile of its own.
fn further_node(world: &World, agency: &str, node: &str) -> (Profile, Vec<u8>) {
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let spec = LeafSpec::node(TRUST_DOMAIN, agency, node, now - hour, now + hour);
    let leaf = world.site.pki().ca().issue(&spec).unwrap();
    let dir = world.site.path().join(format!("further-{agency}-{node}"));
    std::fs::create_dir(&dir).unwrap();
    let mut profile = world.site.profile(agency);
    profile.node = node.into();
    profile.certificate = put(&dir, "node.pem", &leaf.certificate_pem);
    profile.key = put(&dir, "node.key", &leaf.key_pem);
    (profile, leaf.certificate_der)
}

fn put(dir: &Path, name: &str, text: &str) -> String {
    let file = dir.join(name);
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().into()
}

fn client(world: &World, profile: &Profile) -> Client {
    Client::builder(profile)
        .endpoint(world.endpoint())
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_works_after_enrolment_and_stops_with_its_revocation() {
    let mut world = World::start().await;
    let (profile, der) = further_node(&world, "tax", "node-2");
    let refused = client(&world, &profile).members().who_am_i().await;
    assert_eq!(reason(refused), Reason::NodeNotEnrolled);
    // Another agency cannot enrol it.
    let stranger = admin(&world, "health").members();
    assert_eq!(
        violation(stranger.enroll_node(der.clone()).await),
        "certificate"
    );
    let clerk = world.clerk("tax").members();
    assert_eq!(
        reason(clerk.enroll_node(der.clone()).await),
        Reason::PermissionDenied
    );

    let own = admin(&world, "tax").members();
    let node = own.enroll_node(der.clone()).await.unwrap().response.node;
    let node = node.unwrap();
    assert_eq!(&node.certificate[..], &der[..]);
    assert_eq!(reason(own.enroll_node(der).await), Reason::AlreadyEnrolled);
    let second = client(&world, &profile);
    assert_eq!(second.members().who_am_i().await.unwrap().node, "node-2");
    let mut stream = second.channels().subscribe(SubscribeOptions::default());
    stream.next().await.unwrap().unwrap();
    assert_eq!(own.list_nodes(None).await.unwrap().len(), 2);

    assert_eq!(
        reason(stranger.revoke_node(&node.name, "x").await),
        Reason::NotFound
    );
    let revoked = own.revoke_node(&node.name, "设备遗失").await.unwrap();
    let revoked = revoked.response.node.unwrap();
    assert_eq!(revoked.revocation_reason, "设备遗失");
    assert!(revoked.revoked_at.is_some());
    assert_eq!(
        reason(second.members().who_am_i().await),
        Reason::NodeRevoked
    );
    let ended = loop {
        match stream.next().await.expect("an error ends the stream") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(ended.reason(), Some(Reason::NodeRevoked), "{ended}");
    assert_eq!(
        reason(own.revoke_node(&node.name, "again").await),
        Reason::AlreadyRevoked
    );
    world.restart().await;
    let refused = client(&world, &profile).members().who_am_i().await;
    assert_eq!(reason(refused), Reason::NodeRevoked);
    // The first node is untouched.
    world.clerk("tax").members().who_am_i().await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_admin_cuts_off_any_node_and_enrols_none() {
    let world = World::start().await;
    let roster_admin = world
        .client("civil-affairs", "roster-1", &["roster-admin"])
        .members();
    let nodes = roster_admin
        .list_nodes(Some("agencies/health"))
        .await
        .unwrap();
    let health = world.clerk("health").members();
    health.who_am_i().await.unwrap();
    roster_admin
        .revoke_node(&nodes[0].name, "机构请求")
        .await
        .unwrap();
    assert_eq!(reason(health.who_am_i().await), Reason::NodeRevoked);
    let (_, der) = further_node(&world, "civil-affairs", "node-3");
    assert_eq!(
        reason(roster_admin.enroll_node(der).await),
        Reason::PermissionDenied
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_key_works_after_enrolment_and_the_old_one_stops() {
    let world = World::start().await;
    let key = generate_ed25519_pkcs8().unwrap();
    let public = SigningKey::from_pkcs8(&key).unwrap().public_key();
    let jwk = TokenJwk::ed25519(public.try_into().unwrap());
    let old = world.site.profile("tax");
    let mut new = old.clone();
    new.token_kid = jwk.kid().to_owned();
    new.token_key = put(
        world.site.path(),
        "tax-token-2.key",
        &certs::files::pem("PRIVATE KEY", &key),
    );
    let refused = client(&world, &new).members().who_am_i().await;
    assert_eq!(reason(refused), Reason::TokenKeyUnknown);

    let own = admin(&world, "tax").members();
    let text = jwk.to_json().to_string();
    own.enroll_token_key(&text).await.unwrap();
    assert_eq!(
        reason(own.enroll_token_key(&text).await),
        Reason::AlreadyEnrolled
    );
    client(&world, &new).members().who_am_i().await.unwrap();
    let with_old = client(&world, &old);
    with_old.members().who_am_i().await.unwrap();
    let mut stream = with_old.channels().subscribe(SubscribeOptions::default());
    stream.next().await.unwrap().unwrap();

    let name = format!("agencies/tax/tokenKeys/{}", old.token_kid);
    let stranger = admin(&world, "health").members();
    assert_eq!(
        reason(stranger.revoke_token_key(&name, "x").await),
        Reason::NotFound
    );
    own.revoke_token_key(&name, "更换").await.unwrap();
    assert_eq!(
        reason(with_old.members().who_am_i().await),
        Reason::TokenKeyUnknown
    );
    let ended = loop {
        match stream.next().await.expect("an error ends the stream") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(ended.reason(), Some(Reason::TokenKeyUnknown), "{ended}");
    let with_new = client(&world, &new);
    with_new.members().who_am_i().await.unwrap();
    let admin = Client::builder(&new)
        .endpoint(world.endpoint())
        .officer("tax-admin-1")
        .roles(["node-admin"])
        .build()
        .unwrap();
    let keys = admin.members().list_token_keys(None).await.unwrap();
    let revoked: Vec<bool> = keys.iter().map(|key| key.revoked_at.is_some()).collect();
    assert_eq!(revoked, [false, true], "newest first");
    let refused = own.list_token_keys(None).await;
    assert_eq!(reason(refused), Reason::TokenKeyUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn je_028_a_stream_ends_with_the_liaisons_last_day() {
    // On a clock of the test's own: a term ends by date, without any change of the roster.
    let site = Site::new();
    let zone = site.charter().zone().clone();
    let now = Timestamp::now();
    let clock = ManualClock::at(now);
    let key = Arc::new(server::ledger_key(&site.config()).unwrap());
    let store = Arc::new(MemoryStore::new(TRUST_DOMAIN, key).unwrap());
    let entropy = Box::new(SystemEntropy);
    let direct = Direct::start(&site, store, clock.clone(), entropy).await;
    let today = hub_core::date::on(now, &zone);
    let tomorrow = today.tomorrow().unwrap();
    let leader = direct.caller(&site, "tax", "tax-leader", &["leader"]);
    for (officer, from_on, replaces) in [("tax-1", today, ""), ("tax-2", tomorrow, "tax-1")] {
        let mut request = appointment(JOINT, officer, from_on, replaces);
        request.request_id = agency_client::request_id();
        let answer = direct.services.appoint_liaison(call(&leader, request));
        answer.await.unwrap();
    }
    let old = direct.caller(&site, "tax", "tax-1", &["liaison"]);
    let asked = SubscribeRequest::default();
    let stream = direct.services.subscribe(call(&old, asked)).await;
    let mut stream = stream.unwrap().into_inner();
    let first = stream.next().await.unwrap().unwrap();
    assert!(matches!(
        first.event,
        Some(subscribe_response::Event::CaughtUp(_))
    ));

    let midnight = zone.to_timestamp(tomorrow.into()).unwrap();
    clock.advance_us(midnight.as_microsecond() - now.as_microsecond());
    let office = direct.caller(&site, "civil-affairs", "office-1", &["office"]);
    let request = PublishNotificationRequest {
        notification: Some(Notification {
            channel: "channels/all-members".into(),
            category: "work_notice".into(),
            title: "次日".into(),
            media_type: "text/plain".into(),
            classification: Classification::Internal.into(),
            ..Notification::default()
        }),
        request_id: agency_client::request_id(),
    };
    let published = direct.services.publish_notification(call(&office, request));
    published.await.unwrap();
    let ended = stream.next().await.unwrap().unwrap_err();
    assert_eq!(ended.code(), tonic::Code::PermissionDenied, "{ended}");
    let new = direct.caller(&site, "tax", "tax-2", &["liaison"]);
    let asked = SubscribeRequest::default();
    let stream = direct.services.subscribe(call(&new, asked)).await;
    let first = stream.unwrap().into_inner().next().await.unwrap().unwrap();
    assert!(matches!(
        first.event,
        Some(subscribe_response::Event::Delivery(_))
    ));
    direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn je_028_a_slip_in_the_first_day_can_be_mended() {
    let world = World::start().await;
    let on = today(&world);
    let api = leader(&world, "tax").members();
    let days = |days: i64| on.saturating_add(days.days());
    api.appoint_liaison(appointment(JOINT, "tax-1", on, ""))
        .await
        .unwrap();
    let far = appointment(JOINT, "tax-2", days(367), "tax-1");
    let refused = api.appoint_liaison(far).await;
    assert_eq!(reason(refused), Reason::InvalidArgument, "a year is enough");
    let slip = appointment(JOINT, "tax-2", days(366), "tax-1");
    api.appoint_liaison(slip).await.unwrap();
    // The slip is replaced before its term begins; the running term ends at the right day.
    let right = appointment(JOINT, "tax-3", days(2), "tax-2");
    api.appoint_liaison(right).await.unwrap();
    for (day, officer) in [(0, "tax-1"), (1, "tax-1"), (2, "tax-3"), (366, "tax-3")] {
        let members = api.list_memberships(JOINT, Some(days(day))).await.unwrap();
        let tax = members
            .iter()
            .find(|one| one.agency.as_ref().unwrap().name == "agencies/tax")
            .unwrap();
        assert_eq!(tax.liaison.as_ref().unwrap().officer, officer, "day {day}");
    }
}
