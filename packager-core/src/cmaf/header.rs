//! A CMAF header: `ftyp` and `moov`, without which a track's chunks mean nothing (§7.3.1).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::language;
use crate::isobmff::stsd::Media;
use crate::isobmff::trex::SampleDefaults;
use crate::isobmff::{
    BoxRef, FourCc, Malformed, boxes, elst, hdlr, mdhd, mvhd, stsd, stsz, tkhd, trex,
};
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
    /// Samples per second of the audio; 0 for other kinds.
    pub sample_rate: u32,
    /// Channels of the audio; 0 for other kinds, and when only the stream itself says.
    pub channels: u32,
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
        "The codec of sample entry {0} is not supported; encode video as H.264 and audio as AAC."
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

fn parse_trak(
    trak: &BoxRef<'_>,
    mvex: &BoxRef<'_>,
    movie_timescale: u32,
) -> Result<Header, HeaderError> {
    let tkhd = tkhd::parse(&trak.require(b"tkhd", "has no tkhd")?)?;
    let mdia = trak.require(b"mdia", "has no mdia")?;
    let mdhd = mdhd::parse(&mdia.require(b"mdhd", "has no mdhd")?)?;
    let hdlr = mdia.require(b"hdlr", "has no hdlr")?;
    let stbl = mdia
        .require(b"minf", "has no minf")?
        .require(b"stbl", "has no stbl")?;
    for kind in [b"stsz", b"stz2"] {
        if let Some(sizes) = stbl.child(kind)?
            && stsz::sample_count(&sizes)? > 0
        {
            return Err(HeaderError::HoldsSamples);
        }
    }

    let entry = stsd::first_entry(&stbl.require(b"stsd", "has no stsd")?)?;
    let sample_entry =
        stsd::parse_entry(&entry)?.ok_or(HeaderError::UnsupportedCodec(entry.kind))?;
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
    let defaults = trex::find(mvex, tkhd.track_id)?
        .ok_or_else(|| mvex.malformed("has no trex for the track"))?;

    let mut header = Header {
        kind: TrackKind::Text,
        track_id: tkhd.track_id,
        timescale: mdhd.timescale,
        codec: sample_entry.codec,
        width: 0,
        height: 0,
        sample_rate: 0,
        channels: 0,
        language: extended.or_else(|| language::tag(mdhd.language?)),
        presentation_shift_ticks,
        defaults,
    };
    match sample_entry.media {
        Media::Video { width, height } => {
            header.kind = TrackKind::Video;
            // RESOLUTION is the size to show (RFC 8216bis §4.4.6.2), which differs from the coded
            // one where pixels are not square.
            let shown = tkhd.width > 0 && tkhd.height > 0;
            header.width = if shown { tkhd.width } else { width };
            header.height = if shown { tkhd.height } else { height };
        }
        Media::Audio {
            sample_rate,
            channels,
        } => {
            header.kind = TrackKind::Audio;
            header.sample_rate = if sample_rate > 0 {
                sample_rate
            } else {
                ticks_per_second
            };
            header.channels = channels;
        }
        Media::Text => {}
    }
    Ok(header)
}
