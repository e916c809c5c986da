//! `senc`, `saiz`, `saio`: what decrypts each sample of a fragment (ISO/IEC 23001-7 §7.2, 14496-12
//! §8.7.8, §8.7.9).

use std::ops::Range;

use super::{BoxRef, Malformed, Writer};

/// `saiz` names the kind of information it is about.
const AUX_INFO_TYPE: u32 = 0x1;

/// The entries of a `senc`: initialisation vectors, and where samples are encrypted.
///
/// How long each one is, only `saiz` says without knowing the keys; both boxes are copied, and
/// `saio` is made anew, for it points to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleEncryption<'a> {
    flags: u32,
    entries: &'a [u8],
    sizes: Sizes<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sizes<'a> {
    Same { bytes: u8, samples: usize },
    Each(&'a [u8]),
}

impl Sizes<'_> {
    fn samples(&self) -> usize {
        match self {
            Sizes::Same { samples, .. } => *samples,
            Sizes::Each(sizes) => sizes.len(),
        }
    }

    /// Bytes of the entries of the first so many samples.
    fn bytes_before(&self, index: usize) -> usize {
        match self {
            Sizes::Same { bytes, .. } => usize::from(*bytes).saturating_mul(index),
            Sizes::Each(sizes) => sizes.iter().take(index).map(|size| usize::from(*size)).sum(),
        }
    }
}

impl<'a> SampleEncryption<'a> {
    /// Reads it from a `traf`; `None` when that has none, as with one constant vector.
    ///
    /// # Errors
    ///
    /// A box is cut short, or one is there without the other, or they are not about as many samples
    /// as there are.
    pub fn find(traf: &BoxRef<'a>, samples: usize) -> Result<Option<Self>, Malformed> {
        let (senc, saiz) = match (traf.child(b"senc")?, traf.child(b"saiz")?) {
            (None, None) => return Ok(None),
            (Some(senc), Some(saiz)) => (senc, saiz),
            (Some(senc), None) => return Err(senc.malformed("comes without a saiz, so it cannot be cut")),
            (None, Some(saiz)) => {
                return Err(saiz.malformed("is about encryption that is not in a senc beside it"));
            }
        };
        let mut fields = senc.fields();
        let (_, flags) = fields.version_and_flags()?;
        let count = fields.u32()?;
        let entries = fields.rest();
        let sizes = parse_sizes(&saiz)?;
        if usize::try_from(count).ok() != Some(samples) || sizes.samples() != samples {
            return Err(senc.malformed("is not about as many samples as there are"));
        }
        if sizes.bytes_before(samples) != entries.len() {
            return Err(senc.malformed("is not as long as its saiz says"));
        }
        Ok(Some(Self { flags, entries, sizes }))
    }

    /// What is about the samples of `range`; `None` when they are not all there.
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        let sizes = match self.sizes {
            Sizes::Same { bytes, samples } => {
                let within = range.end <= samples;
                Sizes::Same { bytes, samples: within.then(|| range.len())? }
            }
            Sizes::Each(sizes) => Sizes::Each(sizes.get(range.clone())?),
        };
        let bytes = self.sizes.bytes_before(range.start)..self.sizes.bytes_before(range.end);
        Some(Self { flags: self.flags, entries: self.entries.get(bytes)?, sizes })
    }

    /// Writes the three boxes, in a `traf` whose `moof` is the first thing that was written.
    pub fn write(&self, writer: &mut Writer) {
        let samples = u32::try_from(self.sizes.samples()).unwrap_or(u32::MAX);
        let (same, each) = match self.sizes {
            Sizes::Same { bytes, .. } => (bytes, &[][..]),
            Sizes::Each(sizes) => (0, sizes),
        };
        writer.full_boxed(b"saiz", 0, 0, |w| {
            w.u8(same);
            w.u32(samples);
            w.put(each);
        });
        let mut offset_at = 0;
        writer.full_boxed(b"saio", 0, 0, |w| {
            w.u32(1);
            offset_at = w.position();
            w.u32(0);
        });
        let mut entries_at = 0;
        writer.full_boxed(b"senc", 0, self.flags, |w| {
            w.u32(samples);
            entries_at = w.position();
            w.put(self.entries);
        });
        writer.overwrite_u32(offset_at, u32::try_from(entries_at).unwrap_or(u32::MAX));
    }
}

fn parse_sizes<'a>(saiz: &BoxRef<'a>) -> Result<Sizes<'a>, Malformed> {
    let mut fields = saiz.fields();
    let (_, flags) = fields.version_and_flags()?;
    if flags & AUX_INFO_TYPE != 0 {
        fields.skip(4 + 4)?;
    }
    let same = fields.u8()?;
    let samples = usize::try_from(fields.u32()?).unwrap_or(usize::MAX);
    match same {
        0 => fields.take(samples).map(Sizes::Each),
        bytes => Ok(Sizes::Same { bytes, samples }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::testing::{cut_anywhere, entry};

    fn traf(encryption: &SampleEncryption<'_>) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.boxed(b"traf", |w| encryption.write(w));
        writer.finish()
    }

    const EACH: SampleEncryption<'static> =
        SampleEncryption { flags: 2, entries: b"abbccc", sizes: Sizes::Each(&[1, 2, 3]) };
    const SAME: SampleEncryption<'static> =
        SampleEncryption { flags: 0, entries: b"aabbcc", sizes: Sizes::Same { bytes: 2, samples: 3 } };

    #[test]
    fn what_is_written_is_read_back_and_pointed_to() {
        for encryption in [EACH, SAME] {
            let bytes = traf(&encryption);
            assert_eq!(SampleEncryption::find(&entry(&bytes), 3), Ok(Some(encryption)));
            let saio = bytes.windows(4).position(|found| found == b"saio").unwrap();
            let offset = u32::from_be_bytes(bytes[saio + 12..saio + 16].try_into().unwrap()) as usize;
            assert_eq!(&bytes[offset..offset + 6], encryption.entries);
        }
    }

    #[test]
    fn slices_are_about_their_samples() {
        assert_eq!(EACH.slice(1..3).unwrap().entries, b"bbccc");
        assert_eq!(EACH.slice(1..2).unwrap().sizes, Sizes::Each(&[2]));
        assert_eq!(SAME.slice(2..3).unwrap().entries, b"cc");
        assert_eq!((EACH.slice(1..4), SAME.slice(1..4)), (None, None));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let bytes = traf(&EACH);
        assert!(SampleEncryption::find(&entry(&bytes), 2).is_err());
        for (kept, cut) in cut_anywhere(&bytes, b"senc") {
            assert!(SampleEncryption::find(&entry(&cut), 3).is_err(), "{kept}");
        }
        for kind in [b"senc", b"saiz"] {
            let mut without = bytes.clone();
            let at = without.windows(4).position(|found| found == kind).unwrap();
            without[at..at + 4].copy_from_slice(b"free");
            assert!(SampleEncryption::find(&entry(&without), 3).is_err());
        }
        assert_eq!(SampleEncryption::find(&entry(b"\0\0\0\x08traf"), 3), Ok(None));
    }
}
