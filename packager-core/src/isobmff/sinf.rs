//! `encv`, `enca`, `enct`, `sinf`: encrypted media (ISO/IEC 14496-12 §8.12, 23001-7 §4).

use super::{BoxRef, FourCc, Malformed, Writer, boxes, stpp, stsd};

/// How samples are encrypted: one of the two schemes that CMAF has (ISO/IEC 23000-19 §8.2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// AES-CTR, whole samples or subsamples.
    Cenc,
    /// AES-CBC with a pattern, which is all that Apple's players take.
    Cbcs,
}

impl Scheme {
    /// `schm.scheme_type`.
    pub fn four_cc(self) -> FourCc {
        match self {
            Scheme::Cenc => FourCc(*b"cenc"),
            Scheme::Cbcs => FourCc(*b"cbcs"),
        }
    }
}

/// That a track is encrypted, and how. What players need to get at the keys is in the header's
/// boxes, which go out as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Protection {
    /// `schm.scheme_type`.
    pub scheme: Scheme,
}

/// What an encrypted sample entry says of itself.
pub(super) struct Protected {
    /// `frma.data_format`: what the entry's type would be without encryption.
    pub(super) original_format: FourCc,
    pub(super) protection: Protection,
}

/// Reads the `sinf` of an encrypted sample entry; `None` when the entry is not encrypted.
///
/// # Errors
///
/// The entry is cut short, or lacks one of the boxes, or has a scheme that CMAF does not.
pub(super) fn parse(entry: &BoxRef<'_>) -> Result<Option<Protected>, Malformed> {
    let sinf = match &entry.kind.0 {
        b"encv" => boxes::find(stsd::visual(entry)?.fields.children(), b"sinf")?,
        b"enca" => boxes::find(stsd::audio(entry)?.fields.children(), b"sinf")?,
        b"enct" => sinf_of_text(entry)?,
        _ => return Ok(None),
    };
    let sinf = sinf.ok_or_else(|| entry.malformed("has no sinf, so nothing says what is encrypted"))?;
    let original_format = sinf.require(b"frma", "has no frma")?.fields().four_cc()?;
    let schm = sinf.require(b"schm", "has no schm")?;
    let mut fields = schm.fields();
    fields.version_and_flags()?;
    let scheme = match &fields.four_cc()?.0 {
        b"cenc" => Scheme::Cenc,
        b"cbcs" => Scheme::Cbcs,
        _ => return Err(schm.malformed("names a scheme that CMAF does not have; encrypt with cenc or cbcs")),
    };
    Ok(Some(Protected { original_format, protection: Protection { scheme } }))
}

/// The boxes of `wvtt` follow at once, those of `stpp` after three strings; which it was, only the
/// `sinf` says.
fn sinf_of_text<'a>(entry: &BoxRef<'a>) -> Result<Option<BoxRef<'a>>, Malformed> {
    let mut fields = entry.fields();
    fields.skip(8)?;
    if let Ok(Some(sinf)) = boxes::find(fields.clone().children(), b"sinf") {
        return Ok(Some(sinf));
    }
    for _ in 0..3 {
        stpp::string(&mut fields)?;
    }
    boxes::find(fields.children(), b"sinf")
}

/// Writes what this sample entry becomes when its samples are encrypted, with a key id of zeros.
pub fn write_protected(writer: &mut Writer, kind: &[u8; 4], entry: &BoxRef<'_>, scheme: Scheme) {
    writer.boxed(kind, |w| {
        w.put(entry.body);
        w.boxed(b"sinf", |w| {
            w.boxed(b"frma", |w| w.put(&entry.kind.0));
            w.full_boxed(b"schm", 0, 0, |w| {
                w.put(&scheme.four_cc().0);
                w.u32(0x0001_0000);
            });
            w.boxed(b"schi", |w| {
                // Every sample, with an initialisation vector of 8 bytes of its own.
                w.full_boxed(b"tenc", 0, 0, |w| {
                    w.put(&[0, 0, 1, 8]);
                    w.zeros(16);
                });
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::testing::{cut_anywhere, entry};
    use crate::isobmff::{avc, opus, wvtt};

    fn protected(kind: &[u8; 4], scheme: Scheme, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::default();
        write(&mut writer);
        let clear = writer.finish();
        let mut writer = Writer::default();
        write_protected(&mut writer, kind, &entry(&clear), scheme);
        writer.finish()
    }

    #[test]
    fn codecs_are_those_of_what_is_encrypted() {
        let video = protected(b"encv", Scheme::Cbcs, |w| avc::write(w, (16, 16), [0x64, 0, 31]));
        let audio = protected(b"enca", Scheme::Cenc, |w| opus::write(w, 2));
        let cues = protected(b"enct", Scheme::Cenc, wvtt::write);
        let ttml = protected(b"enct", Scheme::Cbcs, |w| stpp::write(w, false));
        for (bytes, codec, scheme) in [
            (&video, "avc1.64001f", Scheme::Cbcs),
            (&audio, "opus", Scheme::Cenc),
            (&cues, "wvtt", Scheme::Cenc),
            (&ttml, "stpp.ttml.im1t", Scheme::Cbcs),
        ] {
            let found = stsd::parse_entry(&entry(bytes)).unwrap().unwrap();
            assert_eq!((found.codec.as_str(), found.protection), (codec, Some(Protection { scheme })));
            for (kept, bytes) in cut_anywhere(bytes, b"sinf").into_iter().take(32) {
                assert!(stsd::parse_entry(&entry(&bytes)).is_err(), "{codec} {kept}");
            }
        }
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        let whole = protected(b"encv", Scheme::Cbcs, |w| avc::write(w, (16, 16), [0x64, 0, 31]));
        for (kind, other) in [(b"sinf", b"free"), (b"frma", b"free"), (b"schm", b"free"), (b"cbcs", b"piff")]
        {
            let mut bytes = whole.clone();
            let at = bytes.windows(4).position(|found| found == kind).unwrap();
            bytes[at..at + 4].copy_from_slice(other);
            assert!(stsd::parse_entry(&entry(&bytes)).is_err());
        }
        // Of an unknown format that is named, and of encrypted encryption.
        for format in [b"vp08", b"encv"] {
            let mut bytes = whole.clone();
            let at = bytes.windows(4).position(|found| found == b"avc1").unwrap();
            bytes[at..at + 4].copy_from_slice(format);
            assert_eq!(stsd::parse_entry(&entry(&bytes)), Ok(None));
            assert_eq!(stsd::format(&entry(&bytes)), Ok(FourCc(*format)));
        }
    }
}
