//! A bounded reader of big-endian fields.

use super::{Boxes, FourCc, Malformed};

/// Reads the fields of one box from first to last; every read is checked against the box's end.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    kind: FourCc,
    offset: u64,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// A reader of `bytes`, which lie in a box of type `kind`, `offset` bytes into what was read.
    pub fn new(kind: FourCc, bytes: &'a [u8], offset: u64) -> Self {
        Self { kind, offset, rest: bytes }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The rest, as a row of boxes.
    pub fn children(self) -> Boxes<'a> {
        Boxes::inside(self.kind, self.rest, self.offset)
    }

    /// An error at the place reached.
    pub fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { kind: self.kind, offset: self.offset, what }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    ///
    /// The box ends before; so with every reader below.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                self.offset = self.offset.saturating_add(count as u64);
                Ok(taken)
            }
            None => Err(self.malformed("ends before its fields do")),
        }
    }

    /// Passes over `count` bytes.
    pub fn skip(&mut self, count: usize) -> Result<(), Malformed> {
        self.take(count).map(|_| ())
    }

    /// The next `N` bytes, by value.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                self.offset = self.offset.saturating_add(N as u64);
                Ok(*taken)
            }
            None => Err(self.malformed("ends before its fields do")),
        }
    }

    /// An 8-bit unsigned field.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    /// A 16-bit unsigned field.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// A 32-bit unsigned field.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// A 32-bit signed field.
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    /// A 64-bit unsigned field.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// A 64-bit signed field.
    pub fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    /// A code of four characters.
    pub fn four_cc(&mut self) -> Result<FourCc, Malformed> {
        self.array().map(FourCc)
    }

    /// The version and the 24 bits of flags that a full box begins with (§4.2.2).
    pub fn version_and_flags(&mut self) -> Result<(u8, u32), Malformed> {
        let [version, a, b, c] = self.array()?;
        Ok((version, u32::from_be_bytes([0, a, b, c])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_big_endian_and_end_with_the_box() {
        let bytes = [1, 0, 0, 7, 0xff, 0xff, 0xff, 0xfe, 9];
        let mut fields = Fields::new(FourCc(*b"test"), &bytes, 100);
        assert_eq!(fields.version_and_flags(), Ok((1, 7)));
        assert_eq!(fields.i32(), Ok(-2));
        let error = fields.u16().unwrap_err();
        assert_eq!((error.kind, error.offset), (FourCc(*b"test"), 108));
        assert_eq!(fields.u8(), Ok(9));
        assert!(fields.rest().is_empty());
    }
}
