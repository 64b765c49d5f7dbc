//! Makes the story of the fuzz world and the first corpus, from the scene of the end-to-end tests and the
//! files of this repository: `cargo run -p hub-fuzz --example seeds`.
//!
//! Run it when methods are added or messages change. What libFuzzer has found since stays beside it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program of developers: a failure ends it"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use agency_client::profile;
use hub::{
    domain::request_ids,
    wire::rpc::{Effect, RPCS},
};
use hub_core::crypto::{hex, sha256};
use hub_fuzz::{
    tape::put_piece,
    targets::{
        answers::error_seed,
        identity::{certificate_with, good_claims, good_header, one_uri, signed},
        requests::{IS_FRESH, put_call},
    },
    world::{
        Manner, World as FuzzWorld,
        story::{Act, Story},
    },
};
use hub_tests::{
    Site, World,
    random::Random,
    raw::requests::{
        Scene,
        files::{SCENE_FILE, upload_chunk, upload_start},
    },
};
use prost::Message as _;

/// Calls of a seed of the requests.
const CALLS_OF_A_SEED: usize = 4;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn root(path: &str) -> Vec<u8> {
    fs::read(folder().join("..").join(path)).unwrap()
}

/// Writes seeds of a target, in order.
fn seeds(target: &str, inputs: &[Vec<u8>]) {
    let folder = folder().join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    for (number, input) in inputs.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), input).unwrap();
    }
    println!("{target}: {} seeds", inputs.len());
}

/// An input of a target whose first byte chooses a form.
fn form(choice: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    [&[choice], bytes.as_ref()].concat()
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let story = runtime.block_on(record());
    texts();
    searches_and_proofs();
    identity();
    ledger();
    files();
    answers();
    calls(story.0, story.1);
}

/// A call that can be made: method, and the request of each agency.
type Asked = (&'static str, Box<dyn Fn(&str) -> Vec<u8>>);

/// Sets a scene over the network, and takes down what came onto its ledger.
async fn record() -> (Story, Vec<Asked>) {
    let mut world = World::start().await;
    let scene = Scene::set(&world).await;
    let engine = world.hub().engine();
    let mut acts = vec![];
    let began_at = engine.recorded(0).unwrap().unwrap().recorded_at();
    let mut before_us = began_at.as_microsecond();
    let file = hex(&sha256(&[SCENE_FILE]));
    for index in 0..engine.store().head() {
        let entry = engine.recorded(index).unwrap().unwrap();
        let us = entry.header.recorded_at_us;
        let author = entry.header.author.clone().unwrap_or_default();
        let rpc = RPCS.iter().find(|rpc| rpc.method == entry.header.method);
        let Some(rpc) = rpc.filter(|_| author.agency != "hub") else {
            continue;
        };
        let after_us = us - before_us;
        let caller = [author.agency, author.officer, author.role];
        let request = entry.content.request.to_vec();
        if request
            .windows(file.len())
            .any(|part| part == file.as_bytes())
        {
            acts.push(upload(&caller));
        }
        acts.push(Act {
            method: rpc.method,
            caller,
            after_us,
            bytes: request,
        });
        before_us = us;
    }
    let story = Story { began_at, acts };
    let bytes = story.write();
    println!("{} acts, {} bytes", story.acts.len(), bytes.len());
    let place = folder().join("world");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("story.bin"), bytes).unwrap();
    let key = fs::read(world.site.profile("tax").ledger_key).unwrap();
    fs::write(place.join("ledger.vkey"), key).unwrap();
    let authority = fs::read(world.site.path().join("pki/ca/ca.pem")).unwrap();
    fs::write(place.join("authority.pem"), authority).unwrap();
    bundles(&world, &scene).await;
    certificates(&world.site);
    entries(&world);
    let targets = scene.targets(&world);
    world.stop().await;
    let asked = targets
        .into_iter()
        .map(|target| -> Asked {
            (
                target.method,
                Box::new(move |agency| target.request(agency)),
            )
        })
        .collect();
    (story, asked)
}

/// The upload of the scene's file.
fn upload(caller: &[String; 3]) -> Act {
    let mut bytes = vec![];
    for message in [upload_start(SCENE_FILE, 0), upload_chunk(SCENE_FILE)] {
        put_piece(&mut bytes, &message.encode_to_vec());
    }
    Act {
        method: "/hub.attachments.v1.AttachmentService/UploadAttachment",
        caller: caller.clone(),
        after_us: 0,
        bytes,
    }
}

async fn bundles(world: &World, scene: &Scene) {
    let client = world.clerk("tax");
    let engine = world.hub().engine();
    let is_own = |index: &u64| engine.recorded(*index).unwrap().unwrap().author() == "tax";
    let first = (0..engine.store().head()).find(is_own).unwrap();
    let mut inputs = vec![];
    for index in [first, scene.tax_entry] {
        let bundle = client.ledger().bundle(index, None).await.unwrap();
        inputs.push(serde_json::to_vec(&bundle).unwrap());
    }
    seeds("bundle", &inputs);
    let note = inputs.iter().filter_map(|bundle| {
        let bundle: serde_json::Value = serde_json::from_slice(bundle).ok()?;
        Some(form(1, bundle["checkpoint"].as_str()?))
    });
    let mut notes: Vec<Vec<u8>> = note.collect();
    let key = profile::ledger_key(world.site.profile("tax").ledger_key.as_ref()).unwrap();
    notes.push(form(0, key.to_string()));
    notes.push([&[2][..], &7_u64.to_le_bytes(), &[5]].concat());
    notes.push(
        [
            &[2][..],
            &7_u64.to_le_bytes(),
            "\u{5}— witness.example AAAAAAAA\n".as_bytes(),
        ]
        .concat(),
    );
    seeds("checkpoint", &notes);
}

fn certificates(site: &Site) {
    let der = hub_tests::raw::Node::of_profile(&site.profile("tax"));
    let uri = b"spiffe://hub.fuzz.example/agency/tax/node/node-1";
    let made = certificate_with(&one_uri(uri));
    let authority = site.authority().certificate_der().to_vec();
    seeds(
        "certificate",
        &[
            form(0, der.certificate()),
            form(0, made),
            form(0, authority),
            form(1, one_uri(uri)),
            form(2, uri),
        ],
    );
}

/// Headers and contents of what was recorded: one entry of each method.
fn entries(world: &World) {
    let engine = world.hub().engine();
    let mut by_method = BTreeMap::new();
    for index in 0..engine.store().head() {
        let entry = engine.recorded(index).unwrap().unwrap();
        if entry.content.encoded_len() > 2_048 {
            continue;
        }
        let mut input = vec![0, 0];
        put_piece(&mut input, &entry.header_bytes);
        input.extend(entry.content.encode_to_vec());
        by_method.insert(entry.header.method.clone(), input);
    }
    let inputs: Vec<Vec<u8>> = by_method.into_values().collect();
    seeds("ledger_entry", &inputs);
}

fn texts() {
    let plain = |texts: &[&str]| -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    };
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let names = [
        "tax".to_owned(),
        "channels/all-members".to_owned(),
        "agencies/tax/inbox".to_owned(),
        "mechanisms/joint-enforcement/office/inbox".to_owned(),
        "channels/all-members/notifications/7".to_owned(),
        format!("agencies/tax/notifications/{id}"),
        format!("meetings/{id}/topics/3"),
        format!("meetings/{id}/minutes/1/versions/2"),
        format!("meetings/{id}/agreedItems/9"),
        format!("majorIssues/{id}"),
        format!("alerts/{id}"),
        id.to_uppercase(),
    ];
    seeds("names", &plain(&names.each_ref().map(String::as_str)));
    seeds(
        "document_number",
        &plain(&[
            "晋社管组发〔2021〕2号",
            "国〔1999〕999999号",
            "晋民函[2021]64号",
        ]),
    );
    let codes = [
        "51100000500008957Y",
        "51140000MJ0000018C",
        "51140000MI0000001F",
    ];
    seeds(
        "uscc",
        &codes.map(|code| [&[3, b'7'], code.as_bytes()].concat()),
    );
    seeds(
        "jwk",
        &plain(&[
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k","alg":"EdDSA","use":"sig"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"1"}"#,
        ]),
    );
}

fn searches_and_proofs() {
    let searches = [
        ("关于开展2021年度检查的通知", "年度检查"),
        ("晋民函〔2021〕64号 关于ABC公司", "ａｂｃ　64号"),
        ("葛\u{E0100}城 À É ß", "\" OR NEAR(查) *"),
    ];
    seeds(
        "search_query",
        &searches.map(|(title, asked)| {
            let mut input = vec![];
            put_piece(&mut input, title.as_bytes());
            [input, asked.as_bytes().to_vec()].concat()
        }),
    );
    seeds(
        "merkle_proof",
        &[
            vec![1, 34, 7, 4],
            vec![1, 63, 12, 0, 2, 7, 3, 1, 2],
            [
                &[0][..],
                &3_u64.to_le_bytes(),
                &7_u64.to_le_bytes(),
                &[1, 2, 2],
                &[9; 64],
            ]
            .concat(),
            [
                &[0][..],
                &0_u64.to_le_bytes(),
                &1_u64.to_le_bytes(),
                &[1, 1, 0],
            ]
            .concat(),
        ],
    );
}

fn identity() {
    let (header, claims) = (good_header(), good_claims());
    let token = signed(header.as_bytes(), claims.as_bytes());
    seeds(
        "token",
        &[token.clone().into_bytes(), b"e30.e30.AA".to_vec()],
    );
    let mut own_header = vec![1];
    put_piece(&mut own_header, header.as_bytes());
    own_header.extend(claims.as_bytes());
    seeds("token_claims", &[form(0, &claims), own_header]);
    let call = |choice: u8, rpc: u8, head: &str, body: &[u8]| {
        let mut input = vec![choice, rpc];
        put_piece(&mut input, head.as_bytes());
        [input, body.to_vec()].concat()
    };
    let bearer = format!(
        "authorization: Bearer {token}\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    );
    seeds(
        "call_headers",
        &[
            call(0, 4, &bearer, b"\0\0\0\0\0"),
            call(3, 5, "grpc-timeout: 10S", b"\0\0\0\0\x02\x0a\0"),
            call(
                1,
                5,
                "author-salt-bin: AAAAAAAAAAAAAAAAAAAAAA\nauthor-signature-bin: AAAA",
                b"\0\0\0\0\0",
            ),
            call(3, 6, "", b"\x01\0\0\0\x02\x0a\0"),
        ],
    );
    let mut cursor = hub::domain::channels::cursor::Cursor::default();
    cursor.set("channels/all-members".parse().unwrap(), 7);
    cursor.set("agencies/tax/inbox".parse().unwrap(), 0);
    let text = cursor.encode(&"tax".parse().unwrap());
    let inner = base64_of(&text);
    seeds(
        "cursor",
        &[form(0, &text), form(1, &inner[..inner.len() - 4])],
    );
    let token = hub::wire::page::token(&"tax".parse().unwrap(), "channels/all-members", 50);
    seeds(
        "page_token",
        &[
            [&[0, 0], token.as_bytes()].concat(),
            [&[1, 1], &[9; 12][..]].concat(),
        ],
    );
}

fn answers() {
    use hub_proto::{
        channels::{Notification, PublishNotificationResponse},
        common::Receipt,
    };
    let raw = hub::error::Error::field("title", "must be one line");
    let raw = hub::wire::status::status(&raw);
    let mut details = vec![0, 3];
    put_piece(&mut details, raw.message().as_bytes());
    details.extend(raw.details());
    seeds(
        "hub_error",
        &[
            details,
            error_seed(14, "later", "UNAVAILABLE", 5, ""),
            error_seed(8, "too many", "LIMIT_EXCEEDED", i64::MAX, "requests"),
            error_seed(16, "no", "TOKEN_EXPIRED", -1, ""),
            [&[0, 14, 15, 0][..], b"transport error"].concat(),
        ],
    );
    let published = PublishNotificationResponse {
        notification: Some(Notification {
            name: "channels/all-members/notifications/7".into(),
            ..Notification::default()
        }),
        receipt: Some(Receipt {
            entry_index: 7,
            ..Receipt::default()
        }),
    };
    let published = published.encode_to_vec();
    let id = b"\x12\x0401-2\x0a\x03\x0a\x01x";
    seeds(
        "hub_answer",
        &[
            [&[0, 0][..], &published].concat(),
            [&[0, 9][..], &published].concat(),
            [&[1, 0][..], id].concat(),
        ],
    );
    seeds(
        "gateway_headers",
        &[
            b"grpc-timeout: 3S\ntraceparent: 00-1-2-01\nauthorization: Bearer x\n".to_vec(),
            b"hub-purpose-bin: 5qC45p+l\ntracestate: a=b\ngrpc-timeout: 99999999H\n".to_vec(),
        ],
    );
    seeds("tls_files", &hub_fuzz::targets::tls::seeds());
    let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}"#;
    seeds(
        "token_key_set",
        &[
            format!(r#"{{"keys":[{key}]}}"#).into_bytes(),
            format!(r#"{{"keys":[{key},{{}}],"more":1}}"#).into_bytes(),
            br#"{"keys":[]}"#.to_vec(),
        ],
    );
}

fn base64_of(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .unwrap()
}

fn ledger() {
    let segments = "tests/golden/data-0.1/segments/ledger";
    let log = root(&format!("{segments}/segment-00000000000000000000.log"));
    let index = root(&format!("{segments}/segment-00000000000000000000.idx"));
    seeds(
        "ledger_index",
        &[form(0, &index), form(1, &index[12..index.len() - 4])],
    );
    // After the header: the anchor and some entries.
    let records = &log[56..log.len().min(4_000)];
    let mut framed = vec![1, 1];
    put_piece(&mut framed, &[&3_u32.to_le_bytes()[..], b"abcdef"].concat());
    framed.push(2);
    put_piece(&mut framed, b"hub.fuzz.example\n1\n");
    seeds("ledger_records", &[form(0, records), framed]);
    let entry = |script: &mut Vec<u8>, kind: u8, header: &[u8], content: &[u8]| {
        script.extend([0, kind]);
        put_piece(script, header);
        put_piece(script, content);
    };
    let mut good = vec![1];
    entry(&mut good, 1, b"header", b"content");
    good.push(3);
    entry(&mut good, 0, b"sealed", b"");
    entry(&mut good, 1, b"", b"more");
    good.push(3);
    let mut damaged = good.clone();
    damaged.push(7);
    put_piece(&mut damaged, b"\x10\0\0\0\0\0\0\0\x01damage");
    entry(&mut damaged, 1, b"lost", b"lost");
    damaged.push(3);
    damaged.push(5);
    damaged.extend(9_u64.to_le_bytes());
    damaged.push(1);
    seeds(
        "ledger_segment",
        &[form(0, &log[..log.len().min(8_000)]), good, damaged],
    );
}

fn files() {
    let charter = String::from_utf8(root("charters/shanxi.toml")).unwrap();
    seeds(
        "charter",
        &[
            charter.into_bytes(),
            root("tests/golden/data-0.1/charter.toml"),
        ],
    );
    let site = Site::new();
    let config = fs::read_to_string(site.config_file()).unwrap();
    let more = "\n[limits]\nconnections_max = 10\n[metrics]\nlisten = \"127.0.0.1:9\"\n[traces]\notlp_endpoint = \"http://127.0.0.1:4317\"\nsample_ratio = 0.5\n[calendar]\nfile = \"c.csv\"\n";
    seeds(
        "config",
        &[config.clone().into_bytes(), (config + more).into_bytes()],
    );
    let next = "2027-01-01,holiday,元旦,2026-11-05\n2027-05-01,holiday,劳动节,2026-11-05\n2027-10-01,holiday,国庆节,2026-11-05\n2027-10-09,workday,国庆节,2026-11-05\n";
    seeds(
        "calendar",
        &[next.into(), b"date,kind,name,known_from\n# none\n".to_vec()],
    );
    let profile = toml::to_string(&site.profile("tax")).unwrap();
    // Paths of this machine are none of a corpus.
    let profile = profile.replace(&*site.path().to_string_lossy(), "/agency");
    seeds("profile", &[profile.into_bytes()]);
    let document = String::from_utf8(root("docs/ALERT_FILES.md")).unwrap();
    for (target, fence) in [("alert_csv", "```csv\n"), ("alert_json_lines", "```json\n")] {
        let (_, rest) = document.split_once(fence).unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        seeds(
            target,
            &[
                example.as_bytes().to_vec(),
                format!("\u{feff}{example}").into_bytes(),
            ],
        );
    }
}

/// A call of every method and kind of resource, by whoever it succeeds for.
fn calls(story: Story, asked: Vec<Asked>) {
    let mut world = FuzzWorld::of(story);
    println!("the story came to {} entries", world.head());
    println!("refused of it: {:?}", world.refused());
    let callers = world.named_callers();
    let agencies = Site::new().agencies();
    let mut random = Random::new(7);
    let mut calls: Vec<Vec<u8>> = vec![];
    let mut tried: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (method, build) in asked {
        let rpc = RPCS.iter().find(|rpc| rpc.method == method).unwrap();
        let (seen, good) = tried.entry(method).or_default();
        *seen += 1;
        // One good one of each, and one more of what has many.
        if *good >= 2 {
            continue;
        }
        let mut best = None;
        for (caller, agency) in &callers {
            if !agencies.contains(agency) {
                continue;
            }
            let mut bytes = with_past_ids(rpc.method, build(agency), &mut random);
            if rpc.effect == Effect::Upload {
                let mut pieces = vec![];
                put_piece(&mut pieces, &bytes);
                put_piece(&mut pieces, &upload_chunk(SCENE_FILE).encode_to_vec());
                bytes = pieces;
            }
            let manner = Manner {
                is_fresh: true,
                ..Manner::default()
            };
            let code = world.call(rpc, *caller, manner, &bytes);
            let is_good = matches!(code, Some(0) | None);
            if best.is_none() || is_good {
                let mut call = vec![];
                put_call(&mut call, rpc, *caller, IS_FRESH, &bytes);
                best = Some(call);
            }
            if is_good {
                *good += 1;
                if rpc.effect == Effect::Mutate {
                    world.renew();
                }
                break;
            }
        }
        calls.extend(best);
    }
    for (method, (seen, good)) in &tried {
        if *good == 0 {
            println!("none of {seen} succeeds: {method}");
        }
    }
    let inputs: Vec<Vec<u8>> = calls.chunks(CALLS_OF_A_SEED).map(<[_]>::concat).collect();
    seeds("requests", &inputs);
}

/// The request with other ids than those from the future, which every hub refuses.
fn with_past_ids(method: &str, mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let Some((_, read)) = request_ids::READERS
        .iter()
        .find(|(name, _)| *name == method)
    else {
        return bytes;
    };
    for id in read(&bytes) {
        let other = random.uuid(1_772_442_000_000);
        if let Some(at) = bytes.windows(36).rposition(|part| part == id.as_bytes()) {
            bytes[at..at + 36].copy_from_slice(other.as_bytes());
        }
    }
    bytes
}
