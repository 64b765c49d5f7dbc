//! The authorization matrix: every agency under every role calls every method on every kind of
//! resource, over mTLS, and the outcome is held against `golden/authz-matrix.txt`.
//!
//! `HUB_UPDATE_GOLDEN=1` writes the file anew; the difference is for people to judge.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::{collections::BTreeMap, fmt::Write as _, path::Path, sync::Arc};

use bytes::Bytes;
use hub::wire::rpc::RPCS;
use hub_proto::{
    channels::{ListChannelsResponse, ListDeliveryReceiptsResponse, PublishNotificationResponse},
    ledger::{GetEntryRequest, GetEntryResponse},
};
use hub_tests::{
    World, channels, ledger,
    raw::{
        Session, reason,
        requests::{
            CHANNELS, Scene, Target, is_let_through, liaison_of, publish, publish_as, request_id,
            to_addressees, to_channel,
        },
    },
    tokens::Token,
};
use prost::Message as _;
use tonic::Status;

const LEGEND: &str = "\
# Who may do what: the outcome of real calls to a hub with charters/shanxi.toml.
# Made by tests/tests/authz_matrix.rs; HUB_UPDATE_GOLDEN=1 writes it anew. Review every change.
#
# Under a method and a resource: roles, then one cell an agency, in the charter's order.
#   +  permitted          (a mutating call got as far as its request id, which was from the future)
#   *  permitted, and sees every recipient's receipt
#   -  PERMISSION_DENIED
#   0  NOT_FOUND, as if there were no such thing
#   x  INVALID_ARGUMENT: the certificate is another agency's, or the caller, who may see the
#      notification, is not among its recipients
#   .  ROLE_NOT_GRANTED: the charter does not give the role to the agency
# `liaison` is the officer who has been appointed; `liaison?` holds the role in a token only.
";

/// One officer's row: the role as it is shown, and the cell of every target.
type Row = (String, Vec<char>);

#[tokio::test(flavor = "multi_thread")]
async fn every_agency_role_method_and_channel_as_the_golden_file_says() {
    let world = Arc::new(World::start().await);
    let scene = Scene::set(&world).await;
    let targets = Arc::new(scene.targets(&world));
    let head = world.hub().engine().store().head();
    let agencies = world.site.agencies();
    let mut columns: Vec<tokio::task::JoinHandle<Vec<Row>>> = vec![];
    for agency in agencies.clone() {
        let (world, targets) = (Arc::clone(&world), Arc::clone(&targets));
        columns.push(tokio::spawn(async move {
            column(&world, &targets, &agency).await
        }));
    }
    let mut matrix = vec![];
    for column in columns {
        matrix.push(column.await.unwrap());
    }
    let acts = hub_tests::acts_since(world.hub().engine(), head);
    assert_eq!(acts, [] as [&str; 0], "asking changed nothing");
    for rpc in RPCS {
        assert!(
            targets.iter().any(|target| target.method == rpc.method),
            "{} has no row in the matrix",
            rpc.method
        );
    }
    compare(&draw(&targets, &agencies, &matrix));
}

/// Every officer of one agency.
async fn column(world: &World, targets: &[Target], agency: &str) -> Vec<Row> {
    let session = Session::new(world, agency, "nobody", &["clerk"]);
    let profile = world.site.profile(agency);
    let mut officers: Vec<(String, String, String)> = vec![];
    for role in world.site.charter().roles() {
        let role = role.id().to_string();
        let officer = if role == "liaison" {
            liaison_of(agency)
        } else {
            format!("{agency}-{role}-1")
        };
        officers.push((role.clone(), officer, role));
    }
    officers.push(("liaison?".into(), "somebody-else".into(), "liaison".into()));
    let mut rows = vec![];
    for (shown, officer, role) in officers {
        let token = Token::new(&profile, &officer, &[&role]).mint();
        let officer = session.with_token(token);
        let mut cells = vec![];
        for target in targets {
            let request = Bytes::from(target.request(agency));
            let outcome = officer.first(target.method, request).await;
            cells.push(cell(target, outcome));
        }
        rows.push((shown, cells));
    }
    rows
}

fn cell(target: &Target, outcome: Result<Bytes, Status>) -> char {
    let status = match outcome {
        Ok(answer) => return permitted(target, &answer),
        Err(status) => status,
    };
    match reason(&status).as_str() {
        "INVALID_ARGUMENT" if is_let_through(&status) => '+',
        "PERMISSION_DENIED" => '-',
        "NOT_FOUND" => '0',
        "ROLE_NOT_GRANTED" => '.',
        "INVALID_ARGUMENT" if is_for_another(&status) => 'x',
        _ => panic!("{target:?}: {status:?}"),
    }
}

fn is_for_another(status: &Status) -> bool {
    let rules = ["certificate: must name", "is not among the recipients"];
    rules.iter().any(|rule| status.message().contains(rule))
}

/// A permitted call; some answers tell more.
fn permitted(target: &Target, answer: &Bytes) -> char {
    let sees_all = target.method == channels!("ListDeliveryReceipts")
        && ListDeliveryReceiptsResponse::decode(answer.clone())
            .unwrap()
            .delivery_receipts
            .len()
            > own_rows_max(target);
    if sees_all { '*' } else { '+' }
}

/// Rows of its own that an agency can have in a notification's receipts. An addressed one has one
/// recipient, whose own row is all there is.
fn own_rows_max(target: &Target) -> usize {
    if target.what.starts_with("addressed") {
        usize::MAX
    } else {
        1
    }
}

fn draw(targets: &[Target], agencies: &[String], matrix: &[Vec<Row>]) -> String {
    let mut text = LEGEND.to_owned();
    for (number, agency) in agencies.iter().enumerate() {
        writeln!(text, "# column {:2}: {agency}", number + 1).unwrap();
    }
    let mut method = "";
    for (at, target) in targets.iter().enumerate() {
        if target.method != method {
            method = target.method;
            writeln!(text, "\n{method}").unwrap();
        }
        if !target.what.is_empty() {
            writeln!(text, "  {}", target.what).unwrap();
        }
        for (cells, roles) in by_outcome(at, matrix) {
            writeln!(text, "    {cells}  {}", roles.join(" ")).unwrap();
        }
    }
    text
}

/// Roles with the same outcome in every agency share a line; lines come in order of first role.
fn by_outcome(at: usize, matrix: &[Vec<Row>]) -> Vec<(String, Vec<String>)> {
    let mut lines: Vec<(String, Vec<String>)> = vec![];
    let rows = matrix[0].iter().enumerate();
    for (row, (role, _)) in rows {
        let cells: String = matrix.iter().map(|column| column[row].1[at]).collect();
        match lines.iter_mut().find(|(known, _)| *known == cells) {
            Some((_, roles)) => roles.push(role.clone()),
            None => lines.push((cells, vec![role.clone()])),
        }
    }
    lines
}

fn compare(drawn: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/authz-matrix.txt");
    if std::env::var_os("HUB_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, drawn).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((line, (was, is))) = golden
        .lines()
        .chain(std::iter::repeat("(end)"))
        .zip(drawn.lines().chain(["(end)"]))
        .enumerate()
        .find(|(_, (was, is))| was != is)
    {
        panic!(
            "{}:{}: the matrix differs\n  golden: {was}\n  now:    {is}\n\
             judge the change; HUB_UPDATE_GOLDEN=1 writes the file anew",
            path.display(),
            line + 1
        );
    }
    assert_eq!(golden, drawn, "the rest of the file differs");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_channels_shows_what_the_matrix_permits() {
    let world = World::start().await;
    let scene = Scene::set(&world).await;
    let targets = scene.targets(&world);
    for agency in world.site.agencies() {
        let session = Session::new(&world, &agency, &format!("{agency}-clerk-1"), &["clerk"]);
        let mut shown = BTreeMap::new();
        let answer: ListChannelsResponse = session
            .ask(
                channels!("ListChannels"),
                &hub_proto::channels::ListChannelsRequest {},
            )
            .await
            .unwrap();
        for channel in answer.channels {
            shown.insert(channel.name, channel.is_publishable);
        }
        for id in CHANNELS {
            let name = format!("channels/{id}");
            let outcome = async |method: &str, what: String| {
                let target = targets
                    .iter()
                    .find(|one| one.method == method && one.what == what)
                    .unwrap();
                let request = Bytes::from(target.request(&agency));
                cell(target, session.first(target.method, request).await)
            };
            let is_readable = outcome(channels!("ListNotifications"), name.clone()).await == '+';
            assert_eq!(shown.contains_key(&name), is_readable, "{agency} {name}");
            if id != "all-members" {
                let what = format!("coordination to {name}");
                let may_publish = outcome(channels!("PublishNotification"), what).await == '+';
                let is_shown = shown.get(&name).copied().unwrap_or_default();
                assert_eq!(is_shown, may_publish, "{agency} {name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_with_several_roles_acts_under_the_one_that_allows_it() {
    let world = World::start().await;
    let office = Session::new(&world, "civil-affairs", "a", &["clerk", "office"]);
    let request = publish(to_channel("work_notice", "all-members"), request_id());
    let answer: PublishNotificationResponse = office
        .ask(channels!("PublishNotification"), &request)
        .await
        .unwrap();
    assert_eq!(answer.notification.unwrap().author_role, "office");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_gives_no_role_what_the_sent_log_keeps_from_it() {
    let world = World::start().await;
    let sent = to_addressees("coordination", &["agencies/health"]);
    let (_, entry_index) = publish_as(&world, "tax", "clerk", sent).await;
    let request = GetEntryRequest { entry_index };
    let read = async |agency: &str, officer: &str, role: &str| {
        let session = Session::new(&world, agency, officer, &[role]);
        session
            .ask::<GetEntryResponse>(ledger!("GetEntry"), &request)
            .await
            .map(drop)
            .map_err(|status| reason(&status))
    };
    let hidden = Err("NOT_FOUND".to_owned());
    assert_eq!(read("tax", "tax-clerk-2", "clerk").await, Ok(()));
    assert_eq!(
        read("tax", "tax-clerk-1", "node-admin").await,
        Ok(()),
        "its own act"
    );
    assert_eq!(read("tax", "tax-admin", "node-admin").await, hidden);
    assert_eq!(
        read("health", "health-clerk-1", "clerk").await,
        Ok(()),
        "the addressee, who can see all of it"
    );
    assert_eq!(
        read("health", "health-admin", "node-admin").await,
        hidden,
        "an officer of the addressee's who may not read the inbox"
    );
    assert_eq!(read("finance", "tax-clerk-1", "clerk").await, hidden);
    assert_eq!(read("leading-group-office", "a", "auditor").await, hidden);
}
