//! `stsd`: how a track's samples are coded (ISO/IEC 14496-12 §8.5.2).

use super::{BoxRef, Fields, FourCc, Malformed, avc, mp4a};

/// A sample entry that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleEntry {
    /// The codec for CODECS and `@codecs` (RFC 6381).
    pub codec: String,
    /// What its samples are.
    pub media: Media,
}

/// What kind of media samples are, with what only their sample entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Pictures.
    Video {
        /// Coded width in pixels.
        width: u32,
        /// Coded height in pixels.
        height: u32,
    },
    /// Sound.
    Audio {
        /// Samples per second that come out of the decoder; 0 when nothing says.
        sample_rate: u32,
        /// Channels that come out of the decoder; 0 when nothing says.
        channels: u32,
    },
    /// Subtitles or captions.
    Text,
}

/// The first sample entry of an `stsd`, as a box.
///
/// Further entries are other configurations of the same track; a chunk says which one it uses.
///
/// # Errors
///
/// The box is cut short or has no entry.
pub fn first_entry<'a>(stsd: &BoxRef<'a>) -> Result<BoxRef<'a>, Malformed> {
    let mut fields = stsd.fields();
    fields.version_and_flags()?;
    fields.skip(4)?; // entry_count: the boxes themselves say how many they are
    fields.children().next().unwrap_or_else(|| Err(stsd.malformed("has no sample entry")))
}

/// Reads a sample entry; `None` when its codec is not one that is understood.
///
/// # Errors
///
/// The entry, or the decoder configuration in it, is malformed.
pub fn parse_entry(entry: &BoxRef<'_>) -> Result<Option<SampleEntry>, Malformed> {
    match &entry.kind.0 {
        b"avc1" | b"avc3" => avc::parse(entry).map(Some),
        b"mp4a" => mp4a::parse(entry),
        _ => Ok(None),
    }
}

/// Reads the fields of a VisualSampleEntry (§12.1.3): size in pixels, and the boxes behind them.
pub(super) fn visual<'a>(entry: &BoxRef<'a>) -> Result<(Media, Fields<'a>), Malformed> {
    let mut fields = entry.fields();
    fields.skip(8 + 16)?;
    let media = Media::Video { width: u32::from(fields.u16()?), height: u32::from(fields.u16()?) };
    fields.skip(4 + 4 + 4 + 2 + 32 + 2 + 2)?;
    Ok((media, fields))
}

/// What an AudioSampleEntry says (§12.2.3).
pub(super) struct Audio<'a> {
    pub(super) channels: u32,
    /// 0 when it does not fit the field's 16 bits.
    pub(super) sample_rate: u32,
    /// The boxes behind the fields.
    pub(super) fields: Fields<'a>,
}

/// Reads the fields of an AudioSampleEntry.
pub(super) fn audio<'a>(entry: &BoxRef<'a>) -> Result<Audio<'a>, Malformed> {
    let mut fields = entry.fields();
    fields.skip(8 + 8)?;
    let channels = u32::from(fields.u16()?);
    fields.skip(2 + 2 + 2)?;
    let sample_rate = fields.u32()? >> 16;
    Ok(Audio { channels, sample_rate, fields })
}

/// The configuration box of this type among the boxes of a sample entry.
pub(super) fn configuration<'a>(
    entry: &BoxRef<'_>,
    fields: Fields<'a>,
    kind: &[u8; 4],
    missing: &'static str,
) -> Result<BoxRef<'a>, Malformed> {
    super::boxes::find(fields.children(), kind)?.ok_or_else(|| entry.malformed(missing))
}

/// The handler types (`hdlr`) that go with a kind of media.
pub fn handled_by(media: &Media, handler: FourCc) -> bool {
    match media {
        Media::Video { .. } => handler.0 == *b"vide",
        Media::Audio { .. } => handler.0 == *b"soun",
        Media::Text => matches!(&handler.0, b"text" | b"subt" | b"sbtl"),
    }
}
