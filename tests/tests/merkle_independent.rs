//! The hub's Merkle proofs, checked by code that shares nothing with the hub's.
//!
//! The reference here is RFC 6962 section 2.1 written down as it reads: recursive, over whole
//! lists, and slow. The verifiers work the other way round, from the definition of what a proof
//! lists. Only the wire types and SHA-256 itself come from elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use agency_client::{Client, channels::NotificationDraft};
use aws_lc_rs::digest;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hub_proto::{
    channels::Classification,
    ledger::{EntryHeader, ListEntryHeadersRequest},
};
use hub_tests::World;
use prost::Message as _;

type Hash = [u8; 32];

fn sha256(bytes: &[u8]) -> Hash {
    digest::digest(&digest::SHA256, bytes)
        .as_ref()
        .try_into()
        .unwrap()
}

fn leaf(data: &[u8]) -> Hash {
    sha256(&[&[0x00], data].concat())
}

fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[0x01], left.as_slice(), right.as_slice()].concat())
}

/// The largest power of two smaller than `n`.
fn split(n: usize) -> usize {
    assert!(n > 1);
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// MTH of RFC 6962 section 2.1, over leaf hashes.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(b""),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// PATH of RFC 6962 section 2.1.1.
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return vec![];
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if m < k {
        (path(m, left), root(right))
    } else {
        (path(m - k, right), root(left))
    };
    path.push(sibling);
    path
}

/// PROOF of RFC 6962 section 2.1.2.
fn proof(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(m, leaves, true)
}

fn subproof(m: usize, leaves: &[Hash], is_whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if is_whole { vec![] } else { vec![root(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, sibling) = if m <= k {
        (subproof(m, left, is_whole), root(right))
    } else {
        (subproof(m - k, right, false), root(left))
    };
    proof.push(sibling);
    proof
}

/// The root that an audit path leads to; the path is taken apart from its end, as PATH built it.
fn root_from_path(leaf: Hash, m: usize, n: usize, path: &[Hash]) -> Option<Hash> {
    if n == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (sibling, rest) = path.split_last()?;
    let k = split(n);
    Some(if m < k {
        node(&root_from_path(leaf, m, k, rest)?, sibling)
    } else {
        node(sibling, &root_from_path(leaf, m - k, n - k, rest)?)
    })
}

/// The older and the newer root that a consistency proof leads to, taken apart as SUBPROOF built
/// it. `old` is the older tree's root while the older tree is a whole subtree, which the proof
/// leaves out.
fn roots_from_proof(m: usize, n: usize, proof: &[Hash], old: Option<Hash>) -> Option<(Hash, Hash)> {
    if m == n {
        let own = match (old, proof) {
            (Some(old), []) => old,
            (None, [one]) => *one,
            _ => return None,
        };
        return Some((own, own));
    }
    let (sibling, rest) = proof.split_last()?;
    let k = split(n);
    if m <= k {
        let (before, after) = roots_from_proof(m, k, rest, old)?;
        Some((before, node(&after, sibling)))
    } else {
        let (before, after) = roots_from_proof(m - k, n - k, rest, None)?;
        Some((node(sibling, &before), node(sibling, &after)))
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn hash(text: &str) -> Hash {
    unhex(text).try_into().unwrap()
}

/// The leaves of the known vectors, from the certificate-transparency reference code.
const VECTOR_LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

/// The roots of the first 1 to 8 of them.
const VECTOR_ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn the_reference_gives_the_known_vectors() {
    let leaves: Vec<Hash> = VECTOR_LEAVES
        .iter()
        .map(|text| leaf(&unhex(text)))
        .collect();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(root(&[]), hash(empty));
    for (size, known) in (1..).zip(VECTOR_ROOTS) {
        assert_eq!(root(&leaves[..size]), hash(known), "{size} leaves");
    }
    let sixth_of_eight = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(path(5, &leaves), sixth_of_eight.map(hash));
    let six_to_eight = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(proof(6, &leaves), six_to_eight.map(hash));
}

#[test]
fn the_reference_proves_every_pair_of_small_trees_and_nothing_else() {
    let leaves: Vec<Hash> = (0_u8..20).map(|data| leaf(&[data])).collect();
    for n in 1..=leaves.len() {
        let tree = &leaves[..n];
        for m in 0..n {
            let own = path(m, tree);
            assert_eq!(root_from_path(tree[m], m, n, &own), Some(root(tree)));
            let wrong = leaf(b"wrong");
            assert_ne!(root_from_path(wrong, m, n, &own), Some(root(tree)));
        }
        for m in 1..=n {
            let own = proof(m, tree);
            let roots = roots_from_proof(m, n, &own, Some(root(&leaves[..m])));
            assert_eq!(roots, Some((root(&leaves[..m]), root(tree))), "{m} of {n}");
        }
    }
}

/// Size and root of a checkpoint, read without the hub's parser.
fn checkpoint(note: &str) -> (usize, Hash) {
    let lines: Vec<&str> = note.lines().collect();
    assert_eq!(lines[0], hub_tests::TRUST_DOMAIN);
    let root = BASE64_STANDARD.decode(lines[2]).unwrap();
    (lines[1].parse().unwrap(), root.try_into().unwrap())
}

fn hashes(wire: &[impl AsRef<[u8]>]) -> Vec<Hash> {
    wire.iter()
        .map(|hash| hash.as_ref().try_into().unwrap())
        .collect()
}

fn index(number: usize) -> u64 {
    u64::try_from(number).unwrap()
}

/// Every header, in pages that do not divide the whole.
async fn headers(auditor: &Client) -> Vec<Vec<u8>> {
    let mut all = vec![];
    let mut request = ListEntryHeadersRequest {
        page_size: 7,
        ..ListEntryHeadersRequest::default()
    };
    loop {
        let page = auditor.ledger().entry_headers(&request).await.unwrap();
        all.extend(page.headers.iter().map(|header| header.to_vec()));
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

/// Publishes notices, some in batches.
async fn publish(world: &World, count: usize) {
    let office = world.client("civil-affairs", "office-1", &["office"]);
    let draft = |number: usize| {
        NotificationDraft::to_channel("all-members")
            .category("work_notice")
            .title(format!("通知{number}"))
            .body("正文", "text/plain; charset=utf-8")
            .classification(Classification::Internal)
    };
    for number in 0..count {
        if number % 5 == 4 {
            let batch = vec![draft(number), draft(number)];
            office.channels().publish_batch(batch).await.unwrap();
        } else {
            office.channels().publish(draft(number)).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_proof_of_a_running_hub_holds_by_foreign_code() {
    let mut world = World::start().await;
    let auditor = |world: &World| world.client("leading-group-office", "auditor-1", &["auditor"]);
    let mut seen = vec![];
    for round in 0..3 {
        publish(&world, 9).await;
        if round == 1 {
            world.restart().await;
        }
        let client = auditor(&world);
        let newest = index(headers(&client).await.len()) - 1;
        let covering = client.ledger().checkpoint_covering(newest).await.unwrap();
        seen.push(checkpoint(&covering.note));
    }
    let client = auditor(&world);
    let headers = headers(&client).await;
    let leaves: Vec<Hash> = headers.iter().map(|header| leaf(header)).collect();
    assert!(leaves.len() > 40, "{} entries", leaves.len());
    for (number, header) in headers.iter().enumerate() {
        let header = EntryHeader::decode(&header[..]).unwrap();
        assert_eq!(header.index, index(number));
    }
    for (size, signed) in &seen {
        assert_eq!(*signed, root(&leaves[..*size]), "checkpoint of {size}");
    }
    inclusion(&client, &leaves).await;
    consistency(&client, &leaves).await;
    world.stop().await;
}

/// Every entry in the newest tree, and in the smallest tree that has it.
async fn inclusion(client: &Client, leaves: &[Hash]) {
    let ledger = client.ledger();
    for (m, own) in leaves.iter().enumerate() {
        for n in [m + 1, leaves.len()] {
            let answer = ledger.inclusion_proof(index(m), index(n)).await.unwrap();
            assert_eq!(answer.leaf_hash[..], own[..], "leaf {m}");
            assert_eq!(answer.tree_size, index(n));
            let shown = hashes(&answer.hashes);
            assert_eq!(shown, path(m, &leaves[..n]), "{m} in {n}");
            assert_eq!(
                root_from_path(*own, m, n, &shown),
                Some(root(&leaves[..n])),
                "{m} in {n}"
            );
        }
    }
}

/// Every older tree against the newest, and every pair of small ones.
async fn consistency(client: &Client, leaves: &[Hash]) {
    let ledger = client.ledger();
    let newest = (1..=leaves.len()).map(|m| (m, leaves.len()));
    let small = (1..=12).flat_map(|n| (1..=n).map(move |m| (m, n)));
    for (m, n) in newest.chain(small) {
        let answer = ledger.consistency_proof(index(m), index(n)).await.unwrap();
        assert_eq!(answer.to_size, index(n));
        let shown = hashes(&answer.hashes);
        assert_eq!(shown, proof(m, &leaves[..n]), "{m} of {n}");
        let old = root(&leaves[..m]);
        assert_eq!(
            roots_from_proof(m, n, &shown, Some(old)),
            Some((old, root(&leaves[..n]))),
            "{m} of {n}"
        );
    }
}
