//! Checkpoints: the size and root of the ledger's tree, signed by the hub.
//!
//! The form is C2SP tlog-checkpoint inside a C2SP signed-note with an Ed25519 signature, so that
//! any tool for transparency logs can read it. The key's name is the ledger's origin. A
//! [`Checkpoint`] that comes out of [`NoteVerifier::verify`] has a signature that stands;
//! [`parse_unverified`] promises only the form.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use signed_note::{Note, Signature, VerificationError, Verifier, Verifiers, is_key_name_valid};
use tlog_tiles::{checkpoint, tlog::Hash};

use crate::crypto::{CryptoError, Digest, SigningKey, verify_ed25519};

/// Bytes that a note may have; one signature needs about 200, witnesses may add theirs later.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;

/// Bytes that an origin may have.
pub const ORIGIN_BYTES_MAX: usize = 255;

/// C2SP signed-note's number for Ed25519.
const ALGORITHM_ED25519: u8 = 1;

/// What is wrong with a note or a key.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[non_exhaustive]
pub enum NoteError {
    /// The origin cannot name a key.
    #[error(
        "an origin has 1 to {ORIGIN_BYTES_MAX} bytes, no white space, no control character and no +"
    )]
    Origin,
    /// The key is of another algorithm.
    #[error("a checkpoint key is Ed25519")]
    Algorithm,
    /// The text is no verifier key.
    #[error("a verifier key is <name>+<8 hex digits>+<base64>, and its digits hash name and key")]
    VerifierKey,
    /// The text is no signed checkpoint.
    #[error("not a signed checkpoint (C2SP tlog-checkpoint)")]
    Malformed,
    /// The checkpoint is of another ledger.
    #[error("the checkpoint is of another ledger")]
    ForeignOrigin,
    /// The key has not signed it, or has signed something else.
    #[error("the checkpoint bears no valid signature of the ledger's key")]
    Signature,
    /// Signing failed.
    #[error("signing failed")]
    Signing(#[source] CryptoError),
}

/// Size and root of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the ledger.
    pub origin: String,
    /// Leaves in the tree.
    pub size: u64,
    /// Root of the tree.
    pub root: Digest,
}

/// Reads a checkpoint without asking who signed it.
///
/// # Errors
/// [`NoteError::Malformed`] when it has another form, or extension lines, which this ledger never
/// writes.
pub fn parse_unverified(note: &str) -> Result<Checkpoint, NoteError> {
    read(note).map(|(_, checkpoint)| checkpoint)
}

fn read(note: &str) -> Result<(Note, Checkpoint), NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Malformed);
    }
    let note = Note::from_bytes(note.as_bytes()).map_err(|_| NoteError::Malformed)?;
    let body = checkpoint::Checkpoint::from_bytes(note.text()).map_err(|_| NoteError::Malformed)?;
    if !body.extension().is_empty() {
        return Err(NoteError::Malformed);
    }
    let checkpoint = Checkpoint {
        origin: body.origin().to_owned(),
        size: body.size(),
        root: body.hash().0,
    };
    Ok((note, checkpoint))
}

/// Verifies checkpoints of one ledger. As text it is a C2SP verifier key:
/// `<name>+<8 hex digits>+<base64 of 0x01 ‖ public key>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key_id: u32,
    public_key: [u8; 32],
}

impl NoteVerifier {
    /// The verifier of an origin and its Ed25519 public key.
    ///
    /// # Errors
    /// [`NoteError::Origin`] when the origin cannot name a key.
    pub fn new(origin: &str, public_key: [u8; 32]) -> Result<Self, NoteError> {
        let control = origin.chars().any(char::is_control);
        if origin.len() > ORIGIN_BYTES_MAX || control || !is_key_name_valid(origin) {
            return Err(NoteError::Origin);
        }
        let key_id = signed_note::key_id(origin, &typed(&public_key));
        Ok(Self {
            name: origin.to_owned(),
            key_id,
            public_key,
        })
    }

    /// The ledger's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.name
    }

    /// The Ed25519 public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Reads a signed checkpoint and verifies this key's signature on it. Signatures of keys that
    /// are not known here (witnesses) are passed over, as C2SP demands.
    ///
    /// # Errors
    /// [`NoteError`] when it has another form, another origin, or no valid signature of this key.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let (note, checkpoint) = read(note)?;
        if checkpoint.origin != self.name {
            return Err(NoteError::ForeignOrigin);
        }
        Note::verify(&note, self).map_err(|_| NoteError::Signature)?;
        Ok(checkpoint)
    }
}

fn typed(public_key: &[u8; 32]) -> Vec<u8> {
    [&[ALGORITHM_ED25519], public_key.as_slice()].concat()
}

impl fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64_STANDARD.encode(typed(&self.public_key));
        write!(f, "{}+{:08x}+{key}", self.name, self.key_id)
    }
}

impl FromStr for NoteVerifier {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::VerifierKey);
        };
        let key = BASE64_STANDARD
            .decode(key)
            .map_err(|_| NoteError::VerifierKey)?;
        let (algorithm, key) = key.split_first().ok_or(NoteError::VerifierKey)?;
        if *algorithm != ALGORITHM_ED25519 {
            return Err(NoteError::Algorithm);
        }
        let key = key.try_into().map_err(|_| NoteError::VerifierKey)?;
        let verifier = Self::new(name, key)?;
        if id.len() != 8 || u32::from_str_radix(id, 16) != Ok(verifier.key_id) {
            return Err(NoteError::VerifierKey);
        }
        Ok(verifier)
    }
}

impl Verifier for NoteVerifier {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.key_id
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        verify_ed25519(&self.public_key, message, signature).is_ok()
    }
}

impl Verifiers for NoteVerifier {
    fn verifier(&self, name: &str, id: u32) -> Result<&dyn Verifier, VerificationError> {
        if name == self.name && id == self.key_id {
            return Ok(self);
        }
        Err(VerificationError::UnknownKey {
            name: name.to_owned(),
            id,
        })
    }
}

/// Signs checkpoints of one ledger.
#[derive(Debug)]
pub struct NoteSigner<K> {
    verifier: NoteVerifier,
    key: K,
}

impl<K: AsRef<SigningKey>> NoteSigner<K> {
    /// The signer of an origin; the key is Ed25519.
    ///
    /// # Errors
    /// [`NoteError::Origin`] or [`NoteError::Algorithm`].
    pub fn new(origin: &str, key: K) -> Result<Self, NoteError> {
        if !matches!(key.as_ref(), SigningKey::Ed25519(_)) {
            return Err(NoteError::Algorithm);
        }
        let public = key.as_ref().public_key();
        let public = public.try_into().map_err(|_| NoteError::Algorithm)?;
        Ok(Self {
            verifier: NoteVerifier::new(origin, public)?,
            key,
        })
    }

    /// The verifier of what this signs.
    #[must_use]
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// Signs the tree of a size and root; answers the whole note.
    ///
    /// # Errors
    /// [`NoteError::Signing`] when the key cannot sign.
    pub fn sign(&self, size: u64, root: &Digest) -> Result<String, NoteError> {
        let origin = &self.verifier.name;
        let body = checkpoint::Checkpoint::new(origin, size, Hash(*root), "")
            .map_err(|_| NoteError::Origin)?;
        let text = body.to_bytes();
        let signature = self.key.as_ref().sign(&text).map_err(NoteError::Signing)?;
        let signature = Signature::new(origin.clone(), self.verifier.key_id, signature)
            .map_err(|_| NoteError::Origin)?;
        let note = Note::new(&text, &[signature]).map_err(|_| NoteError::Malformed)?;
        String::from_utf8(note.to_bytes()).map_err(|_| NoteError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use signed_note::{StandardVerifier, VerifierList};

    use super::*;
    use crate::crypto::generate_ed25519_pkcs8;

    fn signer(origin: &str) -> NoteSigner<Arc<SigningKey>> {
        let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
        NoteSigner::new(origin, Arc::new(key)).unwrap()
    }

    #[test]
    fn a_signed_checkpoint_reads_back_and_another_implementation_verifies_it() {
        let signer = signer("hub.example/ledger");
        let note = signer.sign(7, &[5; 32]).unwrap();
        let checkpoint = signer.verifier().verify(&note).unwrap();
        assert_eq!(checkpoint.size, 7);
        assert_eq!(checkpoint.root, [5; 32]);
        assert_eq!(parse_unverified(&note), Ok(checkpoint));

        let other = StandardVerifier::new(&signer.verifier().to_string()).unwrap();
        let known = VerifierList::new(vec![Box::new(other)]);
        let parsed = Note::from_bytes(note.as_bytes()).unwrap();
        assert_eq!(parsed.verify(&known).unwrap().0.len(), 1);
    }

    #[test]
    fn a_verifier_key_round_trips_and_its_digits_are_checked() {
        let signer = signer("hub.example/ledger");
        let text = signer.verifier().to_string();
        assert_eq!(text.parse().as_ref(), Ok(signer.verifier()));
        let other = text.replacen("ledger", "lodger", 1);
        assert_eq!(
            other.parse::<NoteVerifier>(),
            Err(NoteError::VerifierKey),
            "the digits hash the name too"
        );
        for bad in ["", "a", "a+b", "a+00000000+", "a+00000000+AA==", "+1+1"] {
            assert!(bad.parse::<NoteVerifier>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_changed_byte_of_a_note_is_refused() {
        let signer = signer("hub.example/ledger");
        let note = signer.sign(1234, &[5; 32]).unwrap();
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                if let Ok(text) = String::from_utf8(bytes) {
                    assert!(signer.verifier().verify(&text).is_err(), "byte {at}");
                }
            }
        }
        for length in 0..note.len() {
            if let Some(text) = note.get(..length) {
                assert!(signer.verifier().verify(text).is_err(), "length {length}");
            }
        }
    }

    #[test]
    fn other_keys_origins_and_oversized_notes_are_refused() {
        let (one, two) = (signer("hub.example/one"), signer("hub.example/two"));
        let note = one.sign(1, &[5; 32]).unwrap();
        assert_eq!(
            two.verifier().verify(&note),
            Err(NoteError::ForeignOrigin),
            "another ledger"
        );
        assert_eq!(
            signer("hub.example/one").verifier().verify(&note),
            Err(NoteError::Signature),
            "another key of one name"
        );
        let long = format!("{note}{}", note.repeat(NOTE_BYTES_MAX / note.len() + 1));
        assert_eq!(one.verifier().verify(&long), Err(NoteError::Malformed));
    }

    #[test]
    fn an_origin_that_cannot_name_a_key_is_refused() {
        for origin in ["", "a b", "a+b", "a\nb", &"x".repeat(ORIGIN_BYTES_MAX + 1)] {
            assert_eq!(
                NoteVerifier::new(origin, [0; 32]),
                Err(NoteError::Origin),
                "{origin:?}"
            );
        }
    }
}
