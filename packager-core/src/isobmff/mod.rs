//! Boxes of ISO/IEC 14496-12: bounded readers and writers, one box family per file. Knows nothing
//! above it.
//!
//! A reader borrows the bytes it reads and allocates nothing but codec strings. Every read is
//! checked against the end of its box; what is wrong is said with the box and its offset.
//!
//! To add a codec, write one file with a `parse` like [`avc`]'s and name its sample entry in
//! [`stsd`].

pub mod aac;
pub mod ac3;
pub mod av1;
mod av1_sequence;
pub mod avc;
mod bits;
mod boxes;
pub mod colr;
pub mod dovi;
pub mod eac3;
pub mod elst;
pub mod emsg;
mod fields;
pub mod flac;
pub mod ftyp;
pub mod hdlr;
pub mod hevc;
mod hevc_sps;
pub mod mdhd;
pub mod mfhd;
pub mod mp4a;
pub mod mvhd;
pub mod opus;
pub mod prft;
pub mod senc;
pub mod sinf;
pub mod stbl;
pub mod stpp;
pub mod stsd;
pub mod stsz;
#[cfg(test)]
mod testing;
pub mod tfdt;
pub mod tfhd;
pub mod tfxd;
pub mod tkhd;
pub mod trex;
pub mod trun;
pub mod vp9;
mod vui;
mod writer;
pub mod wvtt;

use std::fmt;

pub use boxes::{BoxHeader, BoxRef, Boxes, boxes, peek};
pub use fields::Fields;
pub use writer::Writer;

/// A box's type, or another code of four characters (ISO/IEC 14496-12 §4.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

impl FourCc {
    /// Whether all four characters are printable ASCII, as those of every standard code are.
    pub fn is_printable(self) -> bool {
        self.0.iter().all(|byte| (b' '..=b'~').contains(byte))
    }
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_printable() {
            self.0.iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
        } else {
            write!(f, "0x{:08x}", u32::from_be_bytes(self.0))
        }
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes that are not what their box says. The sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The {kind} box at byte {offset} {what}.")]
pub struct Malformed {
    /// The box that is wrong.
    pub kind: FourCc,
    /// Where it was noticed, in bytes from the start of what was read.
    pub offset: u64,
    /// What is wrong, in words that follow "The … box at byte …".
    pub what: &'static str,
}

impl Malformed {
    /// The same, found in bytes that begin `by` bytes into what the sender sent.
    #[must_use]
    pub fn moved(self, by: u64) -> Self {
        Self { offset: self.offset.saturating_add(by), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_prints_as_characters_or_as_hexadecimal() {
        assert_eq!(FourCc(*b"avc1").to_string(), "avc1");
        assert_eq!(FourCc(*b"url ").to_string(), "url ");
        assert_eq!(FourCc([0, 1, 0xfe, 0xff]).to_string(), "0x0001feff");
    }

    #[test]
    fn an_error_is_a_sentence() {
        let error = Malformed { kind: FourCc(*b"trun"), offset: 12, what: "ends before its fields do" };
        assert_eq!(error.moved(100).to_string(), "The trun box at byte 112 ends before its fields do.");
    }
}
