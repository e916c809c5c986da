//! Headers made up rather than recorded, for simulations, goldens and tests. They name a track as
//! a real header does, but nothing can decode what they announce.

use bytes::Bytes;

use super::header::TrackKind;
use super::{Scheme, VideoRange};
use crate::isobmff::colr::Colour;
use crate::isobmff::tkhd::TrackHeader;
use crate::isobmff::trex::SampleDefaults;
use crate::isobmff::{
    Writer, aac, ac3, av1, avc, boxes, dovi, eac3, elst, flac, ftyp, hdlr, hevc, mdhd, mp4a, mvhd, opus,
    sinf, stpp, stsz, tkhd, trex, vp9, wvtt,
};
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
    /// How it is encrypted.
    pub protection: Option<Scheme>,
    /// A BCP 47 tag or a code of ISO 639-2; `None` writes `und`.
    pub language: Option<String>,
    /// `media_time` of the edit list's one edit; 0 writes no edit list.
    pub edit_media_time_ticks: u32,
    /// Length of an empty edit before it, in milliseconds.
    pub empty_edit_ms: u32,
    /// What samples are where their chunk does not say.
    pub defaults: SampleDefaults,
}

/// What a made-up track holds. Sizes are in pixels, rates in samples per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "what the fields are is said of each variant, or of all")]
pub enum SyntheticMedia {
    /// H.264 High at level 3.1, which leaves its colours open: `avc1.64001f`.
    Avc { width: u16, height: u16 },
    /// H.265 Main 10 at level 3.1: `hvc1.2.4.L93.90`.
    Hevc { width: u16, height: u16, range: VideoRange },
    /// Dolby Vision, profile 5 at level 6: `dvh1.05.06`.
    DolbyVision { width: u16, height: u16 },
    /// AV1 Main at level 3.1: `av01.0.05M.08`, and in HDR with ten bits and colours.
    Av1 { width: u16, height: u16, range: VideoRange },
    /// VP9 at level 3.1: `vp09.00.31.08`, and in HDR with ten bits and colours.
    Vp9 { width: u16, height: u16, range: VideoRange },
    /// AAC-LC: `mp4a.40.2`; at most 7 channels.
    Aac { sample_rate: u32, channels: u16 },
    /// HE-AAC in stereo, signalled explicitly: `mp4a.40.5`, or `mp4a.40.29` with parametric stereo.
    /// The rate is what comes out, twice that of the core.
    HeAac { sample_rate: u32, parametric_stereo: bool },
    /// MP3 in stereo: `mp4a.6b`.
    Mp3 { sample_rate: u32 },
    /// Opus: `opus`; at most 2 channels.
    Opus { channels: u8 },
    /// AC-3 in 5.1 at 48 kHz: `ac-3`.
    Ac3,
    /// E-AC-3 in 5.1 at 48 kHz: `ec-3`.
    Eac3 {
        /// Of Joint Object Coding, with which it is Dolby Atmos.
        joc_complexity: Option<u8>,
    },
    /// FLAC of 16 bits: `fLaC`; at most 8 channels.
    Flac { sample_rate: u32, channels: u8 },
    /// WebVTT: `wvtt`.
    Wvtt,
    /// TTML, IMSC 1: `stpp.ttml.im1t`, or `stpp.ttml.im1i` of pictures.
    Stpp { is_image: bool },
}

impl SyntheticMedia {
    /// What the track is for.
    pub fn kind(self) -> TrackKind {
        use SyntheticMedia as Of;
        match self {
            Of::Avc { .. } | Of::Hevc { .. } | Of::DolbyVision { .. } | Of::Av1 { .. } | Of::Vp9 { .. } => {
                TrackKind::Video
            }
            Of::Wvtt | Of::Stpp { .. } => TrackKind::Text,
            _ => TrackKind::Audio,
        }
    }

    /// In pixels; nothing of what is not seen.
    fn size(self) -> (u16, u16) {
        match self {
            SyntheticMedia::Avc { width, height }
            | SyntheticMedia::Hevc { width, height, .. }
            | SyntheticMedia::DolbyVision { width, height }
            | SyntheticMedia::Av1 { width, height, .. }
            | SyntheticMedia::Vp9 { width, height, .. } => (width, height),
            _ => (0, 0),
        }
    }

    fn write_entry(self, w: &mut Writer) {
        let size = self.size();
        match self {
            SyntheticMedia::Avc { .. } => avc::write(w, size, [0x64, 0x00, 0x1f]),
            SyntheticMedia::Hevc { range, .. } => {
                hevc::write(w, b"hvc1", size, Colour::usual(range), |_| {});
            }
            SyntheticMedia::DolbyVision { .. } => dovi::write(w, size),
            SyntheticMedia::Av1 { range, .. } => av1::write(w, size, Colour::usual(range)),
            SyntheticMedia::Vp9 { range, .. } => vp9::write(w, size, Colour::usual(range)),
            SyntheticMedia::Aac { sample_rate, channels } => {
                mp4a::write(w, sample_rate, channels, Some(&aac::low_complexity(sample_rate, channels)));
            }
            SyntheticMedia::HeAac { sample_rate, parametric_stereo } => {
                let config = aac::high_efficiency(sample_rate, parametric_stereo);
                mp4a::write(w, sample_rate, 2, Some(&config));
            }
            SyntheticMedia::Mp3 { sample_rate } => mp4a::write(w, sample_rate, 2, None),
            SyntheticMedia::Opus { channels } => opus::write(w, channels),
            SyntheticMedia::Ac3 => ac3::write(w),
            SyntheticMedia::Eac3 { joc_complexity } => eac3::write(w, joc_complexity),
            SyntheticMedia::Flac { sample_rate, channels } => flac::write(w, sample_rate, channels),
            SyntheticMedia::Wvtt => wvtt::write(w),
            SyntheticMedia::Stpp { is_image } => stpp::write(w, is_image),
        }
    }
}

impl SyntheticHeader {
    /// A header without encryption, language, edits and defaults.
    pub fn new(track_id: u32, timescale: Timescale, media: SyntheticMedia) -> Self {
        Self {
            track_id,
            timescale,
            media,
            protection: None,
            language: None,
            edit_media_time_ticks: 0,
            empty_edit_ms: 0,
            defaults: SampleDefaults { track_id, ..SampleDefaults::default() },
        }
    }

    /// What the header says the track is for.
    pub fn kind(&self) -> TrackKind {
        self.media.kind()
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
        let (width, height) = self.media.size();
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
                match (self.kind(), self.media) {
                    (TrackKind::Video, _) => b"vide",
                    (TrackKind::Audio, _) => b"soun",
                    (TrackKind::Text, SyntheticMedia::Wvtt) => b"text",
                    (TrackKind::Text, _) => b"subt",
                },
            );
            if language.len() != 3 {
                mdhd::write_extended_language(w, language);
            }
            w.boxed(b"minf", |w| self.write_minf(w));
        });
    }

    fn write_minf(&self, w: &mut Writer) {
        match (self.kind(), self.media) {
            (TrackKind::Video, _) => w.full_boxed(b"vmhd", 0, 1, |w| w.zeros(8)),
            (TrackKind::Audio, _) => w.full_boxed(b"smhd", 0, 0, |w| w.zeros(4)),
            (TrackKind::Text, SyntheticMedia::Wvtt) => w.full_boxed(b"nmhd", 0, 0, |_| {}),
            (TrackKind::Text, _) => w.full_boxed(b"sthd", 0, 0, |_| {}),
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
                self.write_entry(w);
            });
            stsz::write_empty_tables(w);
        });
    }

    fn write_entry(&self, w: &mut Writer) {
        let Some(scheme) = self.protection else {
            return self.media.write_entry(w);
        };
        let kind = match self.kind() {
            TrackKind::Video => b"encv",
            TrackKind::Audio => b"enca",
            TrackKind::Text => b"enct",
        };
        let mut clear = Writer::default();
        self.media.write_entry(&mut clear);
        let clear = clear.finish();
        for entry in boxes(&clear).flatten() {
            sinf::write_protected(w, kind, &entry, scheme);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmaf::{Header, Protection};

    fn header(media: SyntheticMedia, protection: Option<Scheme>) -> Header {
        let mut made = SyntheticHeader::new(7, Timescale::new(48_000).unwrap(), media);
        made.protection = protection;
        let header = Header::parse(&made.write()).unwrap();
        assert_eq!(header.kind, made.kind());
        assert_eq!(header.protection, protection.map(|scheme| Protection { scheme }));
        header
    }

    fn check(media: SyntheticMedia, codec: &str, says: &str) {
        for protection in [None, Some(Scheme::Cenc), Some(Scheme::Cbcs)] {
            let header = header(media, protection);
            assert_eq!(header.codec, codec);
            let said = match header.kind {
                TrackKind::Video => format!("{}x{} {:?}", header.width, header.height, header.video_range),
                TrackKind::Audio => {
                    format!("{} Hz {} {:?}", header.sample_rate, header.channels, header.joc_complexity)
                }
                TrackKind::Text => String::new(),
            };
            assert_eq!(said, says, "{codec}");
        }
    }

    #[test]
    fn every_codec_is_read_back_encrypted_or_not() {
        use SyntheticMedia as Of;
        use VideoRange::{Hlg, Pq, Sdr};
        let (width, height) = (1280, 720);
        check(Of::Avc { width, height }, "avc1.64001f", "1280x720 None");
        check(Of::Hevc { width, height, range: Hlg }, "hvc1.2.4.L93.90", "1280x720 Some(Hlg)");
        check(Of::DolbyVision { width, height }, "dvh1.05.06", "1280x720 Some(Pq)");
        check(Of::Av1 { width, height, range: Sdr }, "av01.0.05M.08", "1280x720 Some(Sdr)");
        let av1_pq = Of::Av1 { width, height, range: Pq };
        check(av1_pq, "av01.0.05M.10.0.110.09.16.09.0", "1280x720 Some(Pq)");
        check(Of::Vp9 { width, height, range: Sdr }, "vp09.00.31.08", "1280x720 Some(Sdr)");
        let vp9_hlg = Of::Vp9 { width, height, range: Hlg };
        check(vp9_hlg, "vp09.02.31.10.01.09.18.09.00", "1280x720 Some(Hlg)");
        check(Of::Aac { sample_rate: 44_100, channels: 1 }, "mp4a.40.2", "44100 Hz 1 None");
        let he = |parametric_stereo| Of::HeAac { sample_rate: 48_000, parametric_stereo };
        check(he(false), "mp4a.40.5", "48000 Hz 2 None");
        check(he(true), "mp4a.40.29", "48000 Hz 2 None");
        check(Of::Mp3 { sample_rate: 32_000 }, "mp4a.6b", "32000 Hz 2 None");
        check(Of::Opus { channels: 2 }, "opus", "48000 Hz 2 None");
        check(Of::Ac3, "ac-3", "48000 Hz 6 None");
        check(Of::Eac3 { joc_complexity: None }, "ec-3", "48000 Hz 6 None");
        check(Of::Eac3 { joc_complexity: Some(16) }, "ec-3", "48000 Hz 6 Some(16)");
        check(Of::Flac { sample_rate: 96_000, channels: 2 }, "fLaC", "96000 Hz 2 None");
        check(Of::Wvtt, "wvtt", "");
        check(Of::Stpp { is_image: false }, "stpp.ttml.im1t", "");
        check(Of::Stpp { is_image: true }, "stpp.ttml.im1i", "");
    }

    #[test]
    fn a_header_of_any_codec_cut_off_anywhere_is_an_error() {
        for media in [
            SyntheticMedia::Hevc { width: 16, height: 16, range: VideoRange::Pq },
            SyntheticMedia::Eac3 { joc_complexity: Some(16) },
            SyntheticMedia::Stpp { is_image: true },
        ] {
            let mut made = SyntheticHeader::new(1, Timescale::new(1000).unwrap(), media);
            made.protection = Some(Scheme::Cenc);
            let bytes = made.write();
            for cut in 0..bytes.len() {
                assert!(Header::parse(&bytes[..cut]).is_err(), "{cut}");
            }
        }
    }
}
