//! Writing boxes.

/// Writes big-endian fields and nested boxes into one buffer.
///
/// A box's size is filled in when the box is closed. Sizes are 32 bits: what is written here are
/// headers and `moof`s, whose lengths [`crate::limits`] keeps far below that.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty buffer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity) }
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes have been written.
    pub fn position(&self) -> usize {
        self.bytes.len()
    }

    /// A box whose body `body` writes.
    pub fn boxed(&mut self, kind: &[u8; 4], body: impl FnOnce(&mut Self)) {
        let start = self.position();
        self.u32(0);
        self.put(kind);
        body(self);
        let size = self.position().saturating_sub(start);
        self.overwrite_u32(start, u32::try_from(size).unwrap_or(u32::MAX));
    }

    /// A full box (ISO/IEC 14496-12 §4.2.2); `flags` has 24 bits.
    pub fn full_boxed(&mut self, kind: &[u8; 4], version: u8, flags: u32, body: impl FnOnce(&mut Self)) {
        self.boxed(kind, |w| {
            w.u32(u32::from(version) << 24 | flags & 0xff_ffff);
            body(w);
        });
    }

    /// Bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// `count` zero bytes.
    pub fn zeros(&mut self, count: usize) {
        self.bytes.resize(self.bytes.len().saturating_add(count), 0);
    }

    /// An 8-bit field.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// A 16-bit field.
    pub fn u16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }

    /// A 32-bit unsigned field.
    pub fn u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    /// A 32-bit signed field.
    pub fn i32(&mut self, value: i32) {
        self.put(&value.to_be_bytes());
    }

    /// A 64-bit unsigned field.
    pub fn u64(&mut self, value: u64) {
        self.put(&value.to_be_bytes());
    }

    /// A 64-bit signed field.
    pub fn i64(&mut self, value: i64) {
        self.put(&value.to_be_bytes());
    }

    /// Replaces the four bytes at `position`, which were written before.
    pub fn overwrite_u32(&mut self, position: usize, value: u32) {
        let field = self.bytes.get_mut(position..).and_then(|rest| rest.first_chunk_mut::<4>());
        if let Some(field) = field {
            *field = value.to_be_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_filled_in_from_the_inside_out() {
        let mut writer = Writer::default();
        writer.boxed(b"moof", |w| w.full_boxed(b"mfhd", 0, 0, |w| w.u32(7)));
        assert_eq!(writer.finish(), b"\0\0\0\x18moof\0\0\0\x10mfhd\0\0\0\0\0\0\0\x07");
    }
}
