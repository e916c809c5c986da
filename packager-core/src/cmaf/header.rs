//! A CMAF header: `ftyp` and `moov`, without which a track's chunks mean nothing (§7.3.1).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::language;
use crate::isobmff::colr::{Colour, VideoRange};
use crate::isobmff::sinf::Protection;
use crate::isobmff::stsd::Media;
use crate::isobmff::trex::SampleDefaults;
use crate::isobmff::{BoxRef, FourCc, Malformed, boxes, elst, hdlr, mdhd, mvhd, stsd, stsz, tkhd, trex};
use crate::time::Timescale;

/// What a track is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Subtitles or captions.
    Text,
}

impl TrackKind {
    /// `video`, `audio` or `text`.
    pub fn as_str(self) -> &'static str {
        match self {
            TrackKind::Video => "video",
            TrackKind::Audio => "audio",
            TrackKind::Text => "text",
        }
    }
}

impl fmt::Display for TrackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a CMAF header says of its one track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What the track is for.
    pub kind: TrackKind,
    /// `tkhd.track_ID`; every chunk names it.
    pub track_id: u32,
    /// Ticks per second of the track (`mdhd`).
    pub timescale: Timescale,
    /// For CODECS and `@codecs` (RFC 6381).
    pub codec: String,
    /// Width to show the video at, in pixels; 0 for other kinds.
    pub width: u32,
    /// Height to show the video at, in pixels; 0 for other kinds.
    pub height: u32,
    /// For VIDEO-RANGE; `None` for other kinds, and when nothing says.
    pub video_range: Option<VideoRange>,
    /// Samples per second of the audio; 0 for other kinds.
    pub sample_rate: u32,
    /// Channels of the audio; 0 for other kinds, and when only the stream itself says.
    pub channels: u32,
    /// `complexity_index_type_a` of Joint Object Coding (Dolby Atmos); `None` without objects.
    pub joc_complexity: Option<u8>,
    /// How the samples are encrypted; `None` when they are not.
    pub protection: Option<Protection>,
    /// A BCP 47 tag (`elng`, else `mdhd`); `None` when the language is not known.
    pub language: Option<String>,
    /// What the edit list subtracts from a composition time to make it a presentation time:
    /// `media_time` of the first edit that is not empty, less the empty edits before it.
    pub presentation_shift_ticks: i64,
    /// What samples are where their chunk does not say (`trex`).
    pub defaults: SampleDefaults,
}

/// Why a header cannot be used. All of it is the encoder's to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A box is not what it says.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Nothing here can package this codec; HTTP 415.
    #[error(
        "The codec of sample entry {0} is not supported; encode video as H.264, H.265, AV1 or VP9, audio \
         as AAC, MP3, Opus, AC-3, E-AC-3 or FLAC, and text as WebVTT or TTML."
    )]
    UnsupportedCodec(FourCc),
    /// Several tracks in one header.
    #[error(
        "The header holds {tracks} tracks; push one track per request, as ffmpeg does with -f dash \
         (or map each track to an output of its own)."
    )]
    Muxed {
        /// How many tracks there are.
        tracks: usize,
    },
    /// There is a `moov`, but no `mvex` in it.
    #[error(
        "The file is not fragmented (its moov has no mvex); write fragmented MP4, with ffmpeg \
         -movflags +cmaf+empty_moov+frag_keyframe."
    )]
    NotFragmented,
    /// The `moov` describes samples itself.
    #[error(
        "The header describes samples, which only chunks may; with ffmpeg add empty_moov to \
         -movflags."
    )]
    HoldsSamples,
    /// The `moov` has no `trak`.
    #[error(
        "The header holds no track; with ffmpeg map at least one stream and add delay_moov to \
         -movflags."
    )]
    NoTrack,
    /// The bytes are not a header.
    #[error("The header lacks its {0} box; send ftyp and moov before any media.")]
    Incomplete(FourCc),
}

impl Header {
    /// Reads a whole header: `ftyp` and `moov`; other boxes beside them are passed over.
    ///
    /// # Errors
    ///
    /// The bytes are not a header of one fragmented track whose codec is supported.
    pub fn parse(bytes: &[u8]) -> Result<Header, HeaderError> {
        let mut ftyp = None;
        let mut moov = None;
        for found in boxes(bytes) {
            let found = found?;
            match &found.kind.0 {
                b"ftyp" => ftyp = Some(found),
                b"moov" if moov.is_some() => {
                    return Err(found.malformed("is the second in one header").into());
                }
                b"moov" => moov = Some(found),
                b"moof" | b"mdat" => {
                    return Err(found.malformed("does not belong in a header").into());
                }
                _ => {}
            }
        }
        if ftyp.is_none() {
            return Err(HeaderError::Incomplete(FourCc(*b"ftyp")));
        }
        parse_moov(&moov.ok_or(HeaderError::Incomplete(FourCc(*b"moov")))?)
    }
}

fn parse_moov(moov: &BoxRef<'_>) -> Result<Header, HeaderError> {
    let mut movie_timescale = 0;
    let mut trak = None;
    let mut tracks = 0usize;
    let mut mvex = None;
    for child in moov.children() {
        let child = child?;
        match &child.kind.0 {
            b"mvhd" => movie_timescale = mvhd::timescale(&child)?,
            b"trak" => {
                tracks = tracks.saturating_add(1);
                trak = Some(child);
            }
            b"mvex" => mvex = Some(child),
            _ => {}
        }
    }
    let trak = trak.ok_or(HeaderError::NoTrack)?;
    let mvex = mvex.ok_or(HeaderError::NotFragmented)?;
    if tracks > 1 {
        return Err(HeaderError::Muxed { tracks });
    }
    parse_trak(&trak, &mvex, movie_timescale)
}

fn parse_trak(trak: &BoxRef<'_>, mvex: &BoxRef<'_>, movie_timescale: u32) -> Result<Header, HeaderError> {
    let tkhd = tkhd::parse(&trak.require(b"tkhd", "has no tkhd")?)?;
    let mdia = trak.require(b"mdia", "has no mdia")?;
    let mdhd = mdhd::parse(&mdia.require(b"mdhd", "has no mdhd")?)?;
    let hdlr = mdia.require(b"hdlr", "has no hdlr")?;
    let stbl = mdia.require(b"minf", "has no minf")?.require(b"stbl", "has no stbl")?;
    for kind in [b"stsz", b"stz2"] {
        if let Some(sizes) = stbl.child(kind)?
            && stsz::sample_count(&sizes)? > 0
        {
            return Err(HeaderError::HoldsSamples);
        }
    }

    let entry = stsd::first_entry(&stbl.require(b"stsd", "has no stsd")?)?;
    let Some(sample_entry) = stsd::parse_entry(&entry)? else {
        return Err(HeaderError::UnsupportedCodec(stsd::format(&entry)?));
    };
    if !stsd::handled_by(&sample_entry.media, hdlr::handler_type(&hdlr)?) {
        let what = "names another kind of media than the track's sample entry";
        return Err(hdlr.malformed(what).into());
    }

    let extended = match mdia.child(b"elng")? {
        Some(elng) => mdhd::extended_language(&elng)?,
        None => None,
    };
    let elst = match trak.child(b"edts")? {
        Some(edts) => edts.child(b"elst")?,
        None => None,
    };
    let ticks_per_second = mdhd.timescale.ticks_per_second();
    let presentation_shift_ticks = match elst {
        Some(elst) => elst::presentation_shift_ticks(&elst, movie_timescale, ticks_per_second)?,
        None => 0,
    };
    let defaults =
        trex::find(mvex, tkhd.track_id)?.ok_or_else(|| mvex.malformed("has no trex for the track"))?;

    let mut header = Header {
        kind: TrackKind::Text,
        track_id: tkhd.track_id,
        timescale: mdhd.timescale,
        codec: sample_entry.codec,
        width: 0,
        height: 0,
        video_range: None,
        sample_rate: 0,
        channels: 0,
        joc_complexity: None,
        protection: sample_entry.protection,
        language: extended.or_else(|| language::tag(mdhd.language?)),
        presentation_shift_ticks,
        defaults,
    };
    match sample_entry.media {
        Media::Video { width, height, colour } => {
            header.kind = TrackKind::Video;
            header.video_range = colour.and_then(Colour::video_range);
            // RESOLUTION is the size to show (RFC 8216bis §4.4.6.2), which differs from the coded
            // one where pixels are not square.
            let shown = tkhd.width > 0 && tkhd.height > 0;
            header.width = if shown { tkhd.width } else { width };
            header.height = if shown { tkhd.height } else { height };
        }
        Media::Audio { sample_rate, channels, joc_complexity } => {
            header.kind = TrackKind::Audio;
            header.joc_complexity = joc_complexity;
            header.sample_rate = if sample_rate > 0 { sample_rate } else { ticks_per_second };
            header.channels = channels;
        }
        Media::Text => {}
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};

    fn avc() -> SyntheticHeader {
        SyntheticHeader::new(
            1,
            Timescale::new(90_000).unwrap(),
            SyntheticMedia::Avc { width: 1920, height: 1080 },
        )
    }

    /// The position of a box's type in a header.
    fn position(bytes: &[u8], kind: &[u8; 4]) -> usize {
        bytes.windows(4).position(|found| found == kind).unwrap()
    }

    /// A header with the type of one box overwritten.
    fn renamed(kind: &[u8; 4], other: &[u8; 4]) -> Result<Header, HeaderError> {
        let mut bytes = avc().write().to_vec();
        let at = position(&bytes, kind);
        bytes[at..at + 4].copy_from_slice(other);
        Header::parse(&bytes)
    }

    #[test]
    fn video_is_read() {
        let mut made = avc();
        made.language = Some("fre".into());
        made.edit_media_time_ticks = 6000;
        made.defaults.duration_ticks = 3000;
        made.defaults.flags = 0x0101_0000;
        let header = Header::parse(&made.write()).unwrap();
        assert_eq!(header.kind, made.kind());
        assert_eq!(header.codec, "avc1.64001f");
        assert_eq!((header.width, header.height), (1920, 1080));
        assert_eq!((header.sample_rate, header.channels), (0, 0));
        assert_eq!(header.language.as_deref(), Some("fr"));
        assert_eq!(header.presentation_shift_ticks, 6000);
        assert_eq!(header.defaults, made.defaults);
    }

    #[test]
    fn audio_is_read() {
        let media = SyntheticMedia::Aac { sample_rate: 96_000, channels: 6 };
        let mut made = SyntheticHeader::new(9, Timescale::new(48_000).unwrap(), media);
        made.language = Some("pt-BR".into());
        made.edit_media_time_ticks = 1024;
        made.empty_edit_ms = 100;
        let header = Header::parse(&made.write()).unwrap();
        assert_eq!(header.kind, TrackKind::Audio);
        assert_eq!(header.codec, "mp4a.40.2");
        assert_eq!((header.sample_rate, header.channels), (96_000, 6));
        assert_eq!(header.language.as_deref(), Some("pt-BR"));
        assert_eq!(header.presentation_shift_ticks, 1024 - 4800);
        assert_eq!(header.track_id, 9);
    }

    #[test]
    fn a_language_that_is_no_tag_is_left_out() {
        let mut made = avc();
        made.language = Some("e\"\n,X=Y".into());
        assert_eq!(Header::parse(&made.write()).unwrap().language, None);
        made.language = None;
        assert_eq!(Header::parse(&made.write()).unwrap().language, None);
    }

    #[test]
    fn what_cannot_be_packaged_says_why() {
        let unsupported = renamed(b"avc1", b"vvc1").unwrap_err();
        assert_eq!(unsupported, HeaderError::UnsupportedCodec(FourCc(*b"vvc1")));
        assert_eq!(renamed(b"mvex", b"free"), Err(HeaderError::NotFragmented));
        assert_eq!(renamed(b"trak", b"free"), Err(HeaderError::NoTrack));
        for kind in [b"ftyp", b"moov"] {
            let missing = renamed(kind, b"free");
            assert_eq!(missing, Err(HeaderError::Incomplete(FourCc(*kind))));
        }
        for kind in [b"tkhd", b"mdia", b"mdhd", b"hdlr", b"minf", b"stbl", b"stsd", b"avcC", b"trex"] {
            let missing = renamed(kind, b"free");
            assert!(matches!(missing, Err(HeaderError::Malformed(_))), "{missing:?}");
        }
        assert!(renamed(b"vide", b"soun").is_err());

        let mut samples = avc().write().to_vec();
        let count_end = position(&samples, b"stsz") + 16;
        samples[count_end - 1] = 1;
        assert_eq!(Header::parse(&samples), Err(HeaderError::HoldsSamples));
    }

    #[test]
    fn several_tracks_are_refused() {
        let bytes = avc().write();
        let moov = position(&bytes, b"moov") - 4;
        let trak = position(&bytes, b"trak") - 4;
        let mvex = position(&bytes, b"mvex") - 4;
        let mut muxed = bytes[..mvex].to_vec();
        muxed.extend_from_slice(&bytes[trak..mvex]);
        muxed.extend_from_slice(&bytes[mvex..]);
        let size = u32::try_from(muxed.len() - moov).unwrap();
        muxed[moov..moov + 4].copy_from_slice(&size.to_be_bytes());
        let error = Header::parse(&muxed).unwrap_err();
        assert_eq!(error, HeaderError::Muxed { tracks: 2 });
        assert!(error.to_string().contains("one track per request"));
    }

    #[test]
    fn a_header_cut_off_anywhere_is_an_error() {
        let bytes = avc().write();
        for cut in 0..bytes.len() {
            assert!(Header::parse(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn kinds_are_spelled_in_lower_case() {
        let kinds = [TrackKind::Video, TrackKind::Audio, TrackKind::Text];
        let json = serde_json::to_string(&kinds).unwrap();
        assert_eq!(json, r#"["video","audio","text"]"#);
        assert_eq!(kinds.map(|kind| kind.to_string()).join(" "), "video audio text");
    }
}
