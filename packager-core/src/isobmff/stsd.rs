//! `stsd`: how a track's samples are coded (ISO/IEC 14496-12 §8.5.2).

use super::colr::{self, Colour};
use super::sinf::{self, Protection};
use super::{
    BoxRef, Fields, FourCc, Malformed, Writer, ac3, av1, avc, boxes, dovi, eac3, flac, hevc, mp4a, opus,
    stpp, vp9, wvtt,
};

/// A sample entry that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleEntry {
    /// The codec for CODECS and `@codecs` (RFC 6381).
    pub codec: String,
    /// What its samples are.
    pub media: Media,
    /// How the samples are encrypted, when they are.
    pub protection: Option<Protection>,
}

impl SampleEntry {
    /// An entry whose samples are not encrypted.
    pub(super) fn clear(codec: String, media: Media) -> Self {
        Self { codec, media, protection: None }
    }
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
        /// What their numbers mean as light, when anything says.
        colour: Option<Colour>,
    },
    /// Sound.
    Audio {
        /// Samples per second that come out of the decoder; 0 when nothing says.
        sample_rate: u32,
        /// Channels that come out of the decoder; 0 when nothing says.
        channels: u32,
        /// `complexity_index_type_a` of Joint Object Coding (Dolby Atmos), where there are objects.
        joc_complexity: Option<u8>,
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

/// Reads a sample entry; `None` when its codec is not one that is understood. An encrypted entry
/// says what it would without encryption, and how it is encrypted.
///
/// # Errors
///
/// The entry, or the decoder configuration in it, is malformed.
pub fn parse_entry(entry: &BoxRef<'_>) -> Result<Option<SampleEntry>, Malformed> {
    let Some(protected) = sinf::parse(entry)? else {
        return parse_clear(entry);
    };
    let original = BoxRef { kind: protected.original_format, ..*entry };
    let protection = Some(protected.protection);
    Ok(parse_clear(&original)?.map(|found| SampleEntry { protection, ..found }))
}

/// The format of a sample entry's samples, once they are decrypted.
///
/// # Errors
///
/// The entry is encrypted and malformed.
pub fn format(entry: &BoxRef<'_>) -> Result<FourCc, Malformed> {
    Ok(sinf::parse(entry)?.map_or(entry.kind, |protected| protected.original_format))
}

fn parse_clear(entry: &BoxRef<'_>) -> Result<Option<SampleEntry>, Malformed> {
    match &entry.kind.0 {
        b"avc1" | b"avc3" => avc::parse(entry).map(Some),
        b"hvc1" | b"hev1" => hevc::parse(entry).map(Some),
        b"dvh1" | b"dvhe" => dovi::parse(entry).map(Some),
        b"av01" => av1::parse(entry).map(Some),
        b"vp09" => vp9::parse(entry).map(Some),
        b"mp4a" => mp4a::parse(entry),
        b"Opus" => opus::parse(entry).map(Some),
        b"ac-3" => ac3::parse(entry).map(Some),
        b"ec-3" => eac3::parse(entry).map(Some),
        b"fLaC" => flac::parse(entry).map(Some),
        b"wvtt" => wvtt::parse(entry).map(Some),
        b"stpp" => stpp::parse(entry).map(Some),
        _ => Ok(None),
    }
}

/// What a VisualSampleEntry says (§12.1.3).
pub(super) struct Visual<'a> {
    width: u32,
    height: u32,
    /// The boxes behind the fields.
    pub(super) fields: Fields<'a>,
}

/// Reads the fields of a VisualSampleEntry.
pub(super) fn visual<'a>(entry: &BoxRef<'a>) -> Result<Visual<'a>, Malformed> {
    let mut fields = entry.fields();
    fields.skip(8 + 16)?;
    let (width, height) = (u32::from(fields.u16()?), u32::from(fields.u16()?));
    fields.skip(4 + 4 + 4 + 2 + 32 + 2 + 2)?;
    Ok(Visual { width, height, fields })
}

impl Visual<'_> {
    /// The colour of the entry's `colr`, which overrides what the bitstream says (§12.1.5.1).
    pub(super) fn colour(&self) -> Option<Colour> {
        // A box behind it that is cut short is no reason to know less.
        self.fields
            .clone()
            .children()
            .map_while(Result::ok)
            .filter(|child| child.kind.0 == *b"colr")
            .find_map(|child| colr::parse(&child).ok().flatten())
            .filter(|colour| *colour != Colour::UNSPECIFIED)
    }

    /// The video, whose bitstream has this colour if it says.
    pub(super) fn media(&self, in_stream: Option<Colour>) -> Media {
        Media::Video { width: self.width, height: self.height, colour: self.colour().or(in_stream) }
    }
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
    boxes::find(fields.children(), kind)?.ok_or_else(|| entry.malformed(missing))
}

/// Writes a VisualSampleEntry whose boxes `configuration` writes.
pub(super) fn write_visual(
    writer: &mut Writer,
    kind: &[u8; 4],
    (width, height): (u16, u16),
    configuration: impl FnOnce(&mut Writer),
) {
    writer.boxed(kind, |w| {
        write_base(w);
        w.zeros(16);
        w.u16(width);
        w.u16(height);
        w.u32(0x0048_0000); // 72 dots per inch
        w.u32(0x0048_0000);
        w.u32(0);
        w.u16(1);
        w.zeros(32);
        w.u16(0x0018);
        w.u16(0xffff);
        configuration(w);
    });
}

/// Writes an AudioSampleEntry whose boxes `configuration` writes; a rate that does not fit its
/// field is left out.
pub(super) fn write_audio(
    writer: &mut Writer,
    kind: &[u8; 4],
    sample_rate: u32,
    channels: u16,
    configuration: impl FnOnce(&mut Writer),
) {
    writer.boxed(kind, |w| {
        write_base(w);
        w.zeros(8);
        w.u16(channels);
        w.u16(16);
        w.zeros(4);
        w.u32(if sample_rate < 1 << 16 { sample_rate << 16 } else { 0 });
        configuration(w);
    });
}

/// Writes the fields that every SampleEntry begins with.
pub(super) fn write_base(writer: &mut Writer) {
    writer.zeros(6);
    writer.u16(1); // data_reference_index
}

/// The handler types (`hdlr`) that go with a kind of media.
pub fn handled_by(media: &Media, handler: FourCc) -> bool {
    match media {
        Media::Video { .. } => handler.0 == *b"vide",
        Media::Audio { .. } => handler.0 == *b"soun",
        Media::Text => matches!(&handler.0, b"text" | b"subt" | b"sbtl"),
    }
}
