//! What proves something without trust in the hub: checkpoints, Merkle proofs, bundles.

use std::sync::OnceLock;

use agency_client::verify::{Bundle, Outcome};
use hub_core::{
    crypto::Digest,
    merkle::{Frontier, leaf_hash, node_hash, verify_consistency, verify_inclusion},
    note::{NOTE_BYTES_MAX, NoteVerifier, parse_unverified},
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use super::{ORIGIN, signer};
use crate::{tape::Tape, world::story};

/// Words of notes.
pub const NOTE_WORDS: &[&str] = &[
    "hub.fuzz.example\n",
    "\n\n— hub.fuzz.example ",
    "\n\n",
    "— ",
    "18446744073709551615\n",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    "+",
];

/// Words of bundles.
pub const BUNDLE_WORDS: &[&str] = &[
    "\"format\":1",
    "\"entry_index\":",
    "\"tree_size\":",
    "\"inclusion_proof\":[]",
    "\"content\":null",
    "\"is_sealed\":true",
    "\"author_certificate\":",
    "18446744073709551615",
];

/// A signed checkpoint, or a verifier key, as text. What verifies has this ledger's name and, but for
/// further signatures, the one way in which the ledger writes size and root; a key is written again as it
/// was read.
pub fn checkpoint(input: &[u8]) {
    let mut tape = Tape::new(input);
    let choice = tape.byte() % 3;
    let text = tape.text();
    if choice == 0 {
        if let Ok(verifier) = text.parse::<NoteVerifier>() {
            let written = verifier.to_string();
            assert_eq!(written.parse(), Ok(verifier));
        }
        return;
    }
    let note = match choice {
        1 => text,
        // Signed by the right key: most mutants of a note die at the signature.
        _ => signer().sign(tape.long(), &[tape.byte(); 32]).unwrap() + &tape.text(),
    };
    let read = parse_unverified(&note);
    let Ok(checkpoint) = signer().verifier().verify(&note) else {
        return;
    };
    assert!(note.len() <= NOTE_BYTES_MAX);
    assert_eq!(checkpoint.origin, ORIGIN);
    let written = signer().sign(checkpoint.size, &checkpoint.root).unwrap();
    let (body, _) = written.split_once("\n\n").unwrap();
    assert!(
        note.starts_with(body),
        "{note:?} is not how {body:?} is written"
    );
    assert_eq!(read, Ok(checkpoint));
}

/// Most leaves of the trees whose proofs are changed.
const LEAVES_MAX: usize = 64;

/// Proofs of inclusion and consistency: any numbers and hashes, and right ones of small trees with a change.
/// A proof that was changed in what it proves, in its hashes or in their number proves nothing; the right
/// ones hold.
pub fn merkle_proof(input: &[u8]) {
    let mut tape = Tape::new(input);
    if tape.byte().is_multiple_of(2) {
        return any_proof(tape);
    }
    let leaves: Vec<Digest> = (0..=tape.byte() % 64).map(|n| leaf_hash(&[n])).collect();
    assert!(leaves.len() <= LEAVES_MAX);
    let size = leaves.len();
    let index = usize::from(tape.byte()) % size;
    let root = root(&leaves);
    let path = path(index, &leaves);
    let old = &leaves[..=index];
    let subproof = subproof(index + 1, &leaves, true);
    let number = |number: usize| u64::try_from(number).unwrap();
    let is_included = |index: usize, path: &[Digest]| {
        verify_inclusion(&leaves[index], number(index), number(size), path, &root).is_ok()
    };
    let from = self::root(old);
    let is_consistent = |proof: &[Digest]| {
        verify_consistency(number(index + 1), &from, number(size), &root, proof).is_ok()
    };
    assert!(is_included(index, &path) && is_consistent(&subproof));
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.push(*leaf, |_| {}));
    assert_eq!(frontier.root(), root);
    let (changed, other) = (changed(&path, tape), changed(&subproof, tape));
    assert_eq!(is_included(index, &changed), changed == path);
    assert_eq!(is_consistent(&other), other == subproof);
    let elsewhere = usize::from(tape.byte()) % size;
    assert_eq!(is_included(elsewhere, &path), elsewhere == index);
}

fn any_proof(mut tape: Tape<'_>) {
    let numbers = [tape.long(), tape.long()];
    let ends = [[tape.byte(); 32], [tape.byte(); 32]];
    let count = usize::from(tape.byte());
    let mut proof = vec![];
    while proof.len() < count {
        let piece = tape.take(32);
        let mut hash = [0; 32];
        hash[..piece.len()].copy_from_slice(piece);
        proof.push(hash);
    }
    let [leaf, root] = &ends;
    let [one, other] = numbers;
    let included = verify_inclusion(leaf, one, other, &proof, root);
    // Without preimages of SHA-256 only the tree of one leaf can be proved.
    assert!(
        included.is_err() || (other == 1 && leaf == root),
        "{included:?}"
    );
    let consistent = verify_consistency(one, leaf, other, root, &proof);
    assert!(
        consistent.is_err() || (one == other && leaf == root),
        "{consistent:?}"
    );
}

/// A proof with a change, or none.
fn changed(proof: &[Digest], mut tape: Tape<'_>) -> Vec<Digest> {
    let mut proof = proof.to_vec();
    let (what, at, by) = (tape.byte() % 5, usize::from(tape.byte()), tape.byte());
    let count = proof.len();
    match what {
        0 if count > 0 => proof[at % count][usize::from(by) % 32] ^= by,
        1 if count > 0 => drop(proof.remove(at % count)),
        2 => proof.insert(at % (count + 1), [by; 32]),
        3 if count > 0 => proof.swap(0, at % count),
        _ => {}
    }
    proof
}

/// RFC 6962, section 2.1, word for word.
fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The largest power of two below a count of at least 2.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// RFC 6962, section 2.1.1.
fn path(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return vec![];
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut hashes, other) = if index < left.len() {
        (path(index, left), root(right))
    } else {
        (path(index - left.len(), right), root(left))
    };
    hashes.push(other);
    hashes
}

/// RFC 6962, section 2.1.2.
fn subproof(old: usize, leaves: &[Digest], is_whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if is_whole { vec![] } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut hashes, other) = if old <= left.len() {
        (subproof(old, left, is_whole), root(right))
    } else {
        (subproof(old - left.len(), right, false), root(left))
    };
    hashes.push(other);
    hashes
}

/// A bundle, as one member hands it to another, for the key and the authority of a ledger that was real in
/// a test. What verifies proves the entry that its numbers name, and says what it did not check.
pub fn bundle(input: &[u8]) {
    static KEYS: OnceLock<(NoteVerifier, Vec<CertificateDer<'static>>)> = OnceLock::new();
    let (key, authorities) = KEYS.get_or_init(|| {
        let authority = CertificateDer::from_pem_slice(story::AUTHORITY.as_bytes()).unwrap();
        (story::LEDGER_KEY.trim().parse().unwrap(), vec![authority])
    });
    let Ok(bundle) = serde_json::from_slice::<Bundle>(input) else {
        return;
    };
    let written = serde_json::to_vec(&bundle).expect("a bundle can be written");
    assert_eq!(serde_json::from_slice::<Bundle>(&written).unwrap(), bundle);
    for authorities in [None, Some(authorities.as_slice())] {
        let Ok(report) = bundle.verify(key, authorities) else {
            continue;
        };
        assert_eq!(report.header.index, bundle.entry_index);
        assert!(bundle.entry_index < bundle.tree_size);
        assert!(
            report
                .checks
                .iter()
                .any(|check| check.outcome == Outcome::Holds)
        );
    }
}
