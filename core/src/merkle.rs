//! The Merkle tree of RFC 6962 over entry headers, and the checking of its proofs.
//!
//! A leaf is the hash of an entry's header alone, so erasing content breaks no proof. Proofs are in
//! the order of RFC 6962 §2.1 (from the leaf up). Whatever a peer sends, checking ends with an
//! error and never with a panic, and reads at most [`PROOF_HASHES_MAX`] hashes.

use tlog_tiles::tlog::{Hash, check_record, check_tree};

use crate::crypto::{Digest, sha256};

/// Hashes that a proof may have; a tree of 2^64 leaves needs 65.
pub const PROOF_HASHES_MAX: usize = 65;

/// Root of the empty tree: SHA-256 of nothing (RFC 6962 §2.1).
pub const EMPTY_ROOT: Digest = tlog_tiles::tlog::EMPTY_HASH.0;

/// Why a proof was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[non_exhaustive]
pub enum ProofError {
    /// The index or a size is impossible, whatever the proof.
    #[error("the index is not below the tree size, or the earlier tree is larger than the later")]
    Range,
    /// More hashes than any proof needs.
    #[error("the proof has more than {PROOF_HASHES_MAX} hashes")]
    TooLong,
    /// The proof does not lead to the root.
    #[error("the proof does not lead to the root")]
    Mismatch,
}

/// Hash of a leaf: SHA-256(0x00 ‖ header) (RFC 6962 §2.1).
#[must_use]
pub fn leaf_hash(header: &[u8]) -> Digest {
    sha256(&[&[0], header])
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1).
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    sha256(&[&[1], left, right])
}

/// Checks that the tree of `size` leaves with `root` has `leaf` at `index`.
///
/// # Errors
/// [`ProofError`] when it is not proved.
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let proof = bounded(proof)?;
    check_record(&proof, size, Hash(*root), index, Hash(*leaf)).map_err(|_| ProofError::Mismatch)
}

/// Checks that the tree of `to_size` leaves begins with the tree of `from_size` leaves.
///
/// The empty tree begins every tree; its proof is empty, as is that of two trees of one size.
///
/// # Errors
/// [`ProofError`] when it is not proved.
pub fn verify_consistency(
    from_size: u64,
    from_root: &Digest,
    to_size: u64,
    to_root: &Digest,
    proof: &[Digest],
) -> Result<(), ProofError> {
    if from_size > to_size {
        return Err(ProofError::Range);
    }
    let proof = bounded(proof)?;
    if from_size == 0 {
        let later_root_fits = to_size > 0 || *to_root == EMPTY_ROOT;
        return if proof.is_empty() && *from_root == EMPTY_ROOT && later_root_fits {
            Ok(())
        } else {
            Err(ProofError::Mismatch)
        };
    }
    check_tree(&proof, to_size, Hash(*to_root), from_size, Hash(*from_root))
        .map_err(|_| ProofError::Mismatch)
}

fn bounded(proof: &[Digest]) -> Result<Vec<Hash>, ProofError> {
    if proof.len() > PROOF_HASHES_MAX {
        return Err(ProofError::TooLong);
    }
    Ok(proof.iter().copied().map(Hash).collect())
}

/// The right edge of a tree: the roots of its complete subtrees, largest first. It is all that
/// appending needs, and is never more than 64 hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

impl Frontier {
    /// The frontier of the empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A frontier of known peaks; `None` when their number cannot belong to the size.
    #[must_use]
    pub fn from_peaks(size: u64, peaks: Vec<Digest>) -> Option<Self> {
        (u32::try_from(peaks.len()) == Ok(size.count_ones())).then_some(Self { size, peaks })
    }

    /// Leaves in the tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf, and hands out the hashes that this completes: the leaf, then each subtree
    /// from the bottom up. That is the stored-hash order of tlog-tiles.
    pub fn push(&mut self, leaf: Digest, mut completed: impl FnMut(Digest)) {
        completed(leaf);
        let mut hash = leaf;
        // Each trailing one bit of the size is a complete subtree that this leaf makes a pair of.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
                completed(hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or(EMPTY_ROOT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{hex, unhex};

    /// RFC 6962 §2.1 and §2.1.1–2.1.2 word for word, sharing nothing with the code under test but
    /// the hash function.
    fn naive_root(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => sha256(&[]),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len()));
                sha256(&[&[1], &naive_root(left), &naive_root(right)])
            }
        }
    }

    fn split(n: usize) -> usize {
        let mut k = 1;
        while k * 2 < n {
            k *= 2;
        }
        k
    }

    fn naive_path(m: usize, leaves: &[Digest]) -> Vec<Digest> {
        if leaves.len() == 1 {
            return vec![];
        }
        let k = split(leaves.len());
        let (left, right) = leaves.split_at(k);
        let (mut path, other) = if m < k {
            (naive_path(m, left), naive_root(right))
        } else {
            (naive_path(m - k, right), naive_root(left))
        };
        path.push(other);
        path
    }

    fn naive_subproof(m: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
        if m == leaves.len() {
            return if whole {
                vec![]
            } else {
                vec![naive_root(leaves)]
            };
        }
        let k = split(leaves.len());
        let (left, right) = leaves.split_at(k);
        let (mut proof, other) = if m <= k {
            (naive_subproof(m, left, whole), naive_root(right))
        } else {
            (naive_subproof(m - k, right, false), naive_root(left))
        };
        proof.push(other);
        proof
    }

    fn digest(text: &str) -> Digest {
        unhex(text).unwrap().try_into().unwrap()
    }

    /// The eight leaves of the Certificate Transparency test vectors.
    fn ct_leaves() -> Vec<Digest> {
        [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ]
        .iter()
        .map(|text| leaf_hash(&unhex(text).unwrap()))
        .collect()
    }

    const CT_ROOTS: [&str; 8] = [
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
    fn roots_are_those_of_the_ct_vectors() {
        let mut frontier = Frontier::new();
        assert_eq!(frontier.root(), sha256(&[]));
        for (leaf, root) in ct_leaves().into_iter().zip(CT_ROOTS) {
            frontier.push(leaf, |_| {});
            assert_eq!(hex(&frontier.root()), root);
        }
    }

    #[test]
    fn inclusion_proofs_of_the_ct_vectors_verify() {
        let leaves = ct_leaves();
        let cases: [(usize, usize, &[&str]); 4] = [
            (
                0,
                8,
                &[
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                5,
                8,
                &[
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (
                2,
                3,
                &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
            ),
            (
                1,
                5,
                &[
                    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ];
        for (index, size, proof) in cases {
            let proof: Vec<Digest> = proof.iter().map(|text| digest(text)).collect();
            let root = digest(CT_ROOTS[size - 1]);
            let check = verify_inclusion(&leaves[index], index as u64, size as u64, &proof, &root);
            assert_eq!(check, Ok(()), "{index} of {size}");
        }
    }

    #[test]
    fn consistency_proofs_of_the_ct_vectors_verify() {
        let cases: [(usize, usize, &[&str]); 4] = [
            (1, 1, &[]),
            (
                1,
                8,
                &[
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                6,
                8,
                &[
                    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (
                2,
                5,
                &[
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ];
        for (from, to, proof) in cases {
            let proof: Vec<Digest> = proof.iter().map(|text| digest(text)).collect();
            let (old, new) = (digest(CT_ROOTS[from - 1]), digest(CT_ROOTS[to - 1]));
            let check = verify_consistency(from as u64, &old, to as u64, &new, &proof);
            assert_eq!(check, Ok(()), "{from} to {to}");
        }
    }

    #[test]
    fn checking_agrees_with_the_rfc_word_for_word_and_notices_each_change() {
        let leaves: Vec<Digest> = (0..35_u8).map(|n| leaf_hash(&[n])).collect();
        let mut frontier = Frontier::new();
        for size in 1..=leaves.len() {
            frontier.push(leaves[size - 1], |_| {});
            let tree = &leaves[..size];
            let root = naive_root(tree);
            assert_eq!(frontier.root(), root);
            for index in 0..size {
                let path = naive_path(index, tree);
                let check = |leaf, at: usize, path: &[Digest]| {
                    verify_inclusion(leaf, at as u64, size as u64, path, &root)
                };
                assert_eq!(check(&leaves[index], index, &path), Ok(()));
                assert!(check(&[9; 32], index, &path).is_err());
                assert!(size == 1 || check(&leaves[index], (index + 1) % size, &path).is_err());
                for at in 0..path.len() {
                    let mut bad = path.clone();
                    bad[at][7] ^= 1;
                    assert!(check(&leaves[index], index, &bad).is_err());
                    bad.remove(at);
                    assert!(check(&leaves[index], index, &bad).is_err());
                }
                let earlier = &leaves[..=index];
                let proof = naive_subproof(index + 1, tree, true);
                let from = (index + 1) as u64;
                let old = naive_root(earlier);
                let check = |old: &Digest, proof: &[Digest]| {
                    verify_consistency(from, old, size as u64, &root, proof)
                };
                assert_eq!(check(&old, &proof), Ok(()));
                assert!(check(&[9; 32], &proof).is_err());
                let mut longer = proof.clone();
                longer.push([0; 32]);
                assert!(check(&old, &longer).is_err());
            }
        }
    }

    #[test]
    fn hostile_proofs_are_refused_without_panic() {
        let hash = [3; 32];
        for size in [0, 1, 2, 3, 1 << 63, u64::MAX - 1, u64::MAX] {
            for other in [0, 1, 2, 1 << 62, u64::MAX - 1, u64::MAX] {
                for length in [0, 1, 2, 63, 64, 65, 66, 500] {
                    let proof = vec![hash; length];
                    assert!(
                        length == 0 || {
                            verify_inclusion(&hash, other, size, &proof, &hash).is_err()
                        }
                    );
                    assert!(
                        length == 0 || {
                            verify_consistency(other, &hash, size, &hash, &proof).is_err()
                        }
                    );
                }
            }
        }
        let long = vec![hash; PROOF_HASHES_MAX + 1];
        assert_eq!(
            verify_inclusion(&hash, 0, 9, &long, &hash),
            Err(ProofError::TooLong)
        );
        assert_eq!(
            verify_inclusion(&hash, 9, 9, &[], &hash),
            Err(ProofError::Range)
        );
        assert_eq!(
            verify_consistency(10, &hash, 9, &hash, &[]),
            Err(ProofError::Range)
        );
    }

    #[test]
    fn the_empty_tree_begins_every_tree_with_an_empty_proof() {
        let root = [1; 32];
        assert_eq!(verify_consistency(0, &EMPTY_ROOT, 7, &root, &[]), Ok(()));
        assert!(verify_consistency(0, &root, 7, &root, &[]).is_err());
        assert!(verify_consistency(0, &EMPTY_ROOT, 0, &root, &[]).is_err());
        assert!(verify_consistency(0, &EMPTY_ROOT, 7, &root, &[root]).is_err());
    }

    #[test]
    fn a_frontier_is_rebuilt_only_from_the_right_number_of_peaks() {
        assert!(Frontier::from_peaks(5, vec![[0; 32]; 2]).is_some());
        assert!(Frontier::from_peaks(5, vec![[0; 32]; 3]).is_none());
        assert_eq!(Frontier::from_peaks(0, vec![]), Some(Frontier::new()));
    }
}
