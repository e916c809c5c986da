//! Headers made up rather than recorded, for simulations, goldens and tests. They name a track as
//! a real header does, but nothing can decode what they announce.

use bytes::Bytes;

use super::header::TrackKind;
use crate::isobmff::tkhd::TrackHeader;
use crate::isobmff::trex::SampleDefaults;
use crate::isobmff::{Writer, avc, elst, ftyp, hdlr, mdhd, mp4a, mvhd, stsz, tkhd, trex};
use crate::time::Timescale;

/// Ticks per second of the synthetic movies.
const MOVIE_TICKS_PER_SECOND: u32 = 1000;

/// A header to make up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntheticHeader {
    /// `track_ID`.
    pub track_id: u32,
    /// Ticks per second of the track.
    pub timescale: Timescale,
    /// What is coded.
    pub media: SyntheticMedia,
    /// A BCP 47 tag or a code of ISO 639-2; `None` writes `und`.
    pub language: Option<String>,
    /// `media_time` of the edit list's one edit; 0 writes no edit list.
    pub edit_media_time_ticks: u32,
    /// Length of an empty edit before it, in milliseconds.
    pub empty_edit_ms: u32,
    /// What samples are where their chunk does not say.
    pub defaults: SampleDefaults,
}

/// What a made-up track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyntheticMedia {
    /// H.264 High at level 3.1: `avc1.64001f`.
    Avc {
        /// In pixels.
        width: u16,
        /// In pixels.
        height: u16,
    },
    /// AAC-LC: `mp4a.40.2`.
    Aac {
        /// Samples per second.
        sample_rate: u32,
        /// At most 7.
        channels: u16,
    },
}

impl SyntheticHeader {
    /// A header without language, edits and defaults.
    pub fn new(track_id: u32, timescale: Timescale, media: SyntheticMedia) -> Self {
        Self {
            track_id,
            timescale,
            media,
            language: None,
            edit_media_time_ticks: 0,
            empty_edit_ms: 0,
            defaults: SampleDefaults { track_id, ..SampleDefaults::default() },
        }
    }

    /// What the header says the track is for.
    pub fn kind(&self) -> TrackKind {
        match self.media {
            SyntheticMedia::Avc { .. } => TrackKind::Video,
            SyntheticMedia::Aac { .. } => TrackKind::Audio,
        }
    }

    /// The header's bytes: `ftyp` and `moov`.
    pub fn write(&self) -> Bytes {
        let mut writer = Writer::default();
        ftyp::write(&mut writer, b"iso6", &[b"iso6", b"cmfc"]);
        writer.boxed(b"moov", |w| {
            mvhd::write(w, MOVIE_TICKS_PER_SECOND, self.track_id.saturating_add(1));
            w.boxed(b"trak", |w| self.write_trak(w));
            trex::write_mvex(w, &self.defaults);
        });
        writer.finish().into()
    }

    fn write_trak(&self, w: &mut Writer) {
        let (width, height) = match self.media {
            SyntheticMedia::Avc { width, height } => (width, height),
            SyntheticMedia::Aac { .. } => (0, 0),
        };
        tkhd::write(
            w,
            &TrackHeader { track_id: self.track_id, width: u32::from(width), height: u32::from(height) },
        );
        if self.edit_media_time_ticks > 0 || self.empty_edit_ms > 0 {
            w.boxed(b"edts", |w| {
                elst::write(w, u64::from(self.empty_edit_ms), i64::from(self.edit_media_time_ticks));
            });
        }
        w.boxed(b"mdia", |w| {
            let language = self.language.as_deref().unwrap_or("und");
            mdhd::write(w, self.timescale, language);
            hdlr::write(
                w,
                match self.media {
                    SyntheticMedia::Avc { .. } => b"vide",
                    SyntheticMedia::Aac { .. } => b"soun",
                },
            );
            if language.len() != 3 {
                mdhd::write_extended_language(w, language);
            }
            w.boxed(b"minf", |w| self.write_minf(w));
        });
    }

    fn write_minf(&self, w: &mut Writer) {
        match self.media {
            SyntheticMedia::Avc { .. } => w.full_boxed(b"vmhd", 0, 1, |w| w.zeros(8)),
            SyntheticMedia::Aac { .. } => w.full_boxed(b"smhd", 0, 0, |w| w.zeros(4)),
        }
        w.boxed(b"dinf", |w| {
            w.full_boxed(b"dref", 0, 0, |w| {
                w.u32(1);
                w.full_boxed(b"url ", 0, 1, |_| {});
            });
        });
        w.boxed(b"stbl", |w| {
            w.full_boxed(b"stsd", 0, 0, |w| {
                w.u32(1);
                match self.media {
                    SyntheticMedia::Avc { width, height } => {
                        avc::write(w, width, height, [0x64, 0x00, 0x1f]);
                    }
                    SyntheticMedia::Aac { sample_rate, channels } => {
                        let config = aac_lc(sample_rate, channels);
                        mp4a::write(w, sample_rate, channels, &config);
                    }
                }
            });
            stsz::write_empty_tables(w);
        });
    }
}

/// An AudioSpecificConfig for AAC-LC whose sample rate is given in 24 bits.
fn aac_lc(sample_rate: u32, channels: u16) -> [u8; 5] {
    // 5 bits object type 2, 4 bits 15 (rate follows), 24 bits rate, 4 bits channels, 3 bits zero.
    let bits =
        2u64 << 35 | 15u64 << 31 | u64::from(sample_rate & 0xff_ffff) << 7 | u64::from(channels & 7) << 3;
    let [_, _, _, config @ ..] = bits.to_be_bytes();
    config
}
