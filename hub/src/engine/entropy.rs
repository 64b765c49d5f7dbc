//! Random bytes from an injected source, so that a run can be replayed from its seed.

use std::fmt;

use hub_core::crypto::{self, sha256};

use crate::error::{Error, Result};

/// A source of random bytes.
pub trait Entropy: Send + fmt::Debug {
    /// Sixteen of them.
    ///
    /// # Errors
    /// When the source fails.
    fn salt(&mut self) -> Result<[u8; 16]>;
}

/// The operating system's source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn salt(&mut self) -> Result<[u8; 16]> {
        crypto::random().map_err(Error::internal)
    }
}

/// A sequence that follows from a seed, for tests and simulation; never for a real hub.
#[derive(Debug, Clone)]
pub struct SeededEntropy {
    seed: u64,
    count: u64,
}

impl SeededEntropy {
    /// The sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }
}

impl Entropy for SeededEntropy {
    fn salt(&mut self) -> Result<[u8; 16]> {
        self.count = self.count.wrapping_add(1);
        let digest = sha256(&[&self.seed.to_be_bytes(), &self.count.to_be_bytes()]);
        let [salt @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
        Ok(salt)
    }
}
