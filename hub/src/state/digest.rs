//! A sum over all rows, kept as rows change, that does not depend on their order. A store that
//! lost or altered a row no longer agrees with its sum, and is rebuilt from the ledger.

use hub_core::crypto::sha256;

/// Sum of the hashes of all rows, modulo 2^128.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowDigest(u128);

impl RowDigest {
    /// Reads 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// The 16 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// A row came to be.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_add(row(key, value));
    }

    /// A row ceased to be.
    pub fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_sub(row(key, value));
    }
}

fn row(key: &[u8], value: &[u8]) -> u128 {
    let length = u64::try_from(key.len()).unwrap_or(u64::MAX).to_be_bytes();
    let [hash @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        sha256(&[&length, key, value]);
    u128::from_be_bytes(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_content_does() {
        let mut one = RowDigest::default();
        one.add(b"a", b"1");
        one.add(b"b", b"2");
        let mut other = RowDigest::default();
        other.add(b"b", b"2");
        other.add(b"a", b"0");
        assert_ne!(one, other);
        other.remove(b"a", b"0");
        other.add(b"a", b"1");
        assert_eq!(one, other);
    }

    #[test]
    fn key_and_value_do_not_run_together() {
        let mut one = RowDigest::default();
        one.add(b"ab", b"c");
        let mut other = RowDigest::default();
        other.add(b"a", b"bc");
        assert_ne!(one, other);
    }
}
