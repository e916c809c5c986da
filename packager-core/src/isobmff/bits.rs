//! A bounded reader of bits: what decoder configurations and parameter sets are packed in.

/// Reads bits from the highest to the lowest; at the end of the bytes every read gives `None`.
#[derive(Debug, Clone)]
pub(super) struct Bits<'a> {
    rest: &'a [u8],
    byte: u8,
    /// Bits of `byte` that have not been read.
    left: u32,
    /// In a NAL unit: how many zero bytes came last. Elsewhere bytes are as they are.
    zeros: Option<u8>,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, byte: 0, left: 0, zeros: None }
    }

    /// The payload of a NAL unit, in which a 3 behind two zeros only prevents a start code
    /// (ISO/IEC 14496-10 §7.4.1).
    pub(super) fn in_nal_unit(bytes: &'a [u8]) -> Self {
        Self { zeros: Some(0), ..Self::new(bytes) }
    }

    fn next_byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        match &mut self.zeros {
            Some(zeros) if *zeros >= 2 && *byte == 3 => {
                *zeros = 0;
                self.next_byte()
            }
            Some(zeros) => {
                *zeros = if *byte == 0 { zeros.saturating_add(1) } else { 0 };
                Some(*byte)
            }
            None => Some(*byte),
        }
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        if self.left == 0 {
            self.byte = self.next_byte()?;
            self.left = 8;
        }
        self.left = self.left.saturating_sub(1);
        Some(self.byte >> self.left & 1 == 1)
    }

    /// The next `count` bits, at most 32.
    pub(super) fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0_u32;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }

    /// Passes over `count` bits.
    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        for _ in 0..count {
            self.flag()?;
        }
        Some(())
    }

    /// `ue(v)`, an Exp-Golomb code (ISO/IEC 14496-10 §9.1); also AV1's `uvlc()`.
    pub(super) fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0_u32;
        while !self.flag()? {
            zeros = zeros.saturating_add(1);
        }
        if zeros >= 32 {
            return None;
        }
        let rest = self.read(zeros)?;
        1_u32.checked_shl(zeros)?.saturating_sub(1).checked_add(rest)
    }

    /// `se(v)`: the same for signed values (§9.1.1).
    pub(super) fn signed_exp_golomb(&mut self) -> Option<i32> {
        let code = self.exp_golomb()?;
        let magnitude = i32::try_from(code.div_ceil(2)).ok()?;
        Some(if code % 2 == 1 { magnitude } else { magnitude.saturating_neg() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_from_the_highest_and_end_with_the_bytes() {
        let mut bits = Bits::new(&[0b1010_0000, 0xff]);
        assert_eq!((bits.read(3), bits.read(6), bits.skip(6)), (Some(5), Some(1), Some(())));
        assert_eq!((bits.read(1), bits.read(1)), (Some(1), None));
        assert_eq!(Bits::new(&[0xff; 4]).read(32), Some(u32::MAX));
    }

    #[test]
    fn codes_of_variable_length() {
        // 1, 010, 011, 00100, 00101
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut bits = Bits::new(&bytes);
        let codes: Vec<_> = (0..5).map(|_| bits.exp_golomb().unwrap()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        let mut bits = Bits::new(&bytes);
        let codes: Vec<_> = (0..5).map(|_| bits.signed_exp_golomb().unwrap()).collect();
        assert_eq!(codes, [0, 1, -1, 2, -2]);
        assert_eq!(Bits::new(&[0; 16]).exp_golomb(), None);
        assert_eq!(Bits::new(&[0, 0, 0, 0, 0x80, 0, 0, 0, 0]).exp_golomb(), None);
    }

    #[test]
    fn bytes_that_prevent_start_codes_are_passed_over() {
        let mut bits = Bits::in_nal_unit(&[0, 0, 3, 1, 0, 0, 3, 0, 0, 3]);
        assert_eq!(bits.read(32), Some(0x0000_0100));
        assert_eq!((bits.read(24), bits.read(8)), (Some(0), None));
        assert_eq!(Bits::new(&[0, 0, 3]).read(24), Some(3));
    }
}
