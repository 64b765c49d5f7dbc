//! Reads choices and pieces from the bytes of an input, for targets that build what is decoded.

/// The rest of an input. It never runs out: at its end numbers are 0 and pieces are empty.
#[derive(Debug, Clone, Copy)]
pub struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    /// Stands at the beginning.
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Up to so many bytes.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (piece, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        piece
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// The next two bytes.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// The next eight bytes.
    pub fn long(&mut self) -> u64 {
        let mut bytes = [0; 8];
        let piece = self.take(8);
        bytes[..piece.len()].copy_from_slice(piece);
        u64::from_le_bytes(bytes)
    }

    /// A piece with its length, of two bytes, before it.
    pub fn piece(&mut self) -> &'a [u8] {
        let count = usize::from(self.short());
        self.take(count)
    }

    /// All that is left.
    #[must_use]
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// All that is left, as text; what is no UTF-8 becomes the replacement character.
    #[must_use]
    pub fn text(self) -> String {
        String::from_utf8_lossy(self.0).into_owned()
    }
}

/// Appends a piece as [`Tape::piece`] reads it, cut to what its length can tell.
pub fn put_piece(tape: &mut Vec<u8>, piece: &[u8]) {
    let piece = &piece[..piece.len().min(usize::from(u16::MAX))];
    let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
    tape.extend_from_slice(&length.to_le_bytes());
    tape.extend_from_slice(piece);
}
