//! `mdhd` and `elng`: a track's clock and language (ISO/IEC 14496-12 §8.4.2, §8.4.6).

use super::{BoxRef, Malformed, Writer};
use crate::time::Timescale;

/// What a media header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaHeader {
    /// Ticks per second of the track.
    pub timescale: Timescale,
    /// The language's code in ISO 639-2/T, in lower case; `None` when the field holds no code.
    pub language: Option<[u8; 3]>,
}

/// Reads a media header.
///
/// # Errors
///
/// The box is cut short, or its timescale is 0.
pub fn parse(found: &BoxRef<'_>) -> Result<MediaHeader, Malformed> {
    let mut fields = found.fields();
    let (version, _) = fields.version_and_flags()?;
    fields.skip(if version == 0 { 8 } else { 16 })?;
    let timescale = Timescale::new(fields.u32()?)
        .ok_or_else(|| found.malformed("has timescale 0, so its times mean nothing"))?;
    fields.skip(if version == 0 { 4 } else { 8 })?;
    Ok(MediaHeader { timescale, language: unpack(fields.u16()?) })
}

/// Three letters of five bits each, counted from `a` = 1. Other values are QuickTime's own codes,
/// or nothing.
fn unpack(packed: u16) -> Option<[u8; 3]> {
    let letter = |shift: u32| {
        let five = u8::try_from(packed >> shift & 0x1f).ok()?;
        (1..=26).contains(&five).then_some(five | 0x60)
    };
    Some([letter(10)?, letter(5)?, letter(0)?])
}

/// The extended language of an `elng` box: a BCP 47 tag that overrides the media header's code;
/// `None` when it is not one, for it ends up in playlists.
///
/// # Errors
///
/// The box is cut short.
pub fn extended_language(found: &BoxRef<'_>) -> Result<Option<String>, Malformed> {
    let mut fields = found.fields();
    fields.version_and_flags()?;
    let text = fields.rest().split(|byte| *byte == 0).next().unwrap_or(&[]);
    let plausible = (2..=35).contains(&text.len())
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    Ok(std::str::from_utf8(text).ok().filter(|_| plausible).map(str::to_owned))
}

/// Writes a media header without a duration; `language` is three lower-case letters, `und` if not.
pub fn write(writer: &mut Writer, timescale: Timescale, language: &str) {
    let letters: [u8; 3] = language.as_bytes().try_into().unwrap_or(*b"und");
    let packed = letters.iter().fold(0u16, |packed, letter| packed << 5 | u16::from(letter & 0x1f));
    writer.full_boxed(b"mdhd", 0, 0, |w| {
        w.zeros(8);
        w.u32(timescale.ticks_per_second());
        w.u32(0);
        w.u16(packed);
        w.u16(0);
    });
}

/// Writes an extended language.
pub fn write_extended_language(writer: &mut Writer, tag: &str) {
    writer.full_boxed(b"elng", 0, 0, |w| {
        w.put(tag.as_bytes());
        w.u8(0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_codes_unpack() {
        assert_eq!(unpack(0x55c4), Some(*b"und"));
        assert_eq!(unpack(0x15c7), Some(*b"eng"));
        assert_eq!(unpack(0), None, "QuickTime's code for English");
        assert_eq!(unpack(0x7fff), None);
    }
}
