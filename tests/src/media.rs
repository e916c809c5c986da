//! Tracks as an encoder sends them: recorded ones from `tests/media`, and made-up ones.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::cmaf::{Chunk, Header, Sample, TrackKind, VideoRange, chunk};
use packager_core::isobmff::Writer;
use packager_core::time::Timescale;
use serde::Deserialize;

/// Where a track's media comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    /// A folder of `tests/media`: `init.mp4` and one file for each chunk.
    Recorded(String),
    /// Made up.
    Synthetic(Synthetic),
}

/// A track to make up. Nothing can decode it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Synthetic {
    /// Sound rather than pictures.
    pub audio: bool,
    /// Frames per second of video, as a fraction.
    pub fps: (u32, u32),
    /// Frames from one keyframe to the next; every audio frame is one.
    pub gop: u32,
    /// Frames in a chunk.
    pub chunk_frames: u32,
    /// Length of the track.
    pub seconds: u32,
    /// Decode time of the first sample.
    pub start_ms: u64,
    /// Two B-frames between P-frames: decode time is not presentation time.
    pub b_frames: bool,
    /// `media_time` of the edit list, in ticks (of 90 kHz for video, or of the frame rate's numerator where
    /// that is no whole number; of the sample rate for audio).
    pub edit_ticks: u32,
    /// Language of the track.
    pub language: Option<String>,
    /// Pixels.
    pub size: (u16, u16),
    /// Samples per second of audio.
    pub sample_rate: u32,
    /// What is coded; unless it is said, H.264 or AAC.
    pub codec: Option<Codec>,
    /// Channels of audio.
    pub channels: u16,
    /// Bytes in a frame that is no keyframe, before they vary.
    pub frame_bytes: u32,
    /// Scheme and value of an event that goes with every fourth chunk.
    pub events: Option<String>,
    /// The wall-clock time of the media time 0, in Unix milliseconds, by the encoder's clock: each chunk says when
    /// it was produced.
    pub produced_from_ms: Option<i64>,
}

/// A codec, and what goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names of codecs")]
pub enum Codec {
    Hevc,
    HevcPq,
    HevcHlg,
    DolbyVision,
    Av1,
    Av1Pq,
    Vp9,
    HeAac,
    Opus,
    Ac3,
    Eac3,
    Atmos,
    Flac,
}

impl Default for Synthetic {
    fn default() -> Self {
        Self {
            audio: false,
            fps: (30, 1),
            gop: 60,
            chunk_frames: 15,
            seconds: 30,
            start_ms: 0,
            b_frames: false,
            edit_ticks: 0,
            language: None,
            size: (1280, 720),
            sample_rate: 48_000,
            codec: None,
            channels: 2,
            frame_bytes: 400,
            events: None,
            produced_from_ms: None,
        }
    }
}

/// A track, ready to be pushed.
#[derive(Debug, Clone)]
pub struct Source {
    /// `ftyp` and `moov`.
    pub header: Bytes,
    /// What the header says.
    pub described: Header,
    /// One `moof` and `mdat` each.
    pub chunks: Vec<Chunk>,
}

impl Source {
    /// Reads or makes the track.
    ///
    /// # Panics
    ///
    /// The recording is not there, or cannot be read.
    pub fn new(origin: &Origin) -> Self {
        match origin {
            Origin::Recorded(folder) => Self::recorded(&media_folder().join(folder)),
            Origin::Synthetic(spec) => Self::synthetic(spec),
        }
    }

    fn recorded(folder: &Path) -> Self {
        let read = |path: &Path| -> Bytes {
            fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
        };
        let header = read(&folder.join("init.mp4"));
        let described = Header::parse(&header).unwrap();
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "m4s"));
        paths.sort();
        let chunks = paths.iter().map(|path| Chunk::parse(&read(path), &described).unwrap()).collect();
        Self { header, described, chunks }
    }

    /// Makes a track up.
    pub fn synthetic(spec: &Synthetic) -> Self {
        let (timescale, frame_ticks) =
            if spec.audio { (spec.sample_rate, spec.audio_frame_ticks()) } else { spec.video_ticks() };
        let timescale = Timescale::new(timescale).unwrap();
        let coded = spec.coded();
        assert_eq!(coded.kind() == TrackKind::Audio, spec.audio, "{coded:?} is of the other kind");
        let mut header = SyntheticHeader::new(1, timescale, coded);
        header.language.clone_from(&spec.language);
        header.edit_media_time_ticks = spec.edit_ticks;
        let header = header.write();
        let described = Header::parse(&header).unwrap();

        let total = spec.seconds * timescale.ticks_per_second() / frame_ticks;
        let mut start_ticks = timescale.ticks_from_ms(spec.start_ms);
        let mut chunks = Vec::new();
        let frames: Vec<u32> = (0..total).collect();
        for (sequence, numbers) in frames.chunks(spec.chunk_frames as usize).enumerate() {
            let samples: Vec<Sample> =
                numbers.iter().map(|number| spec.sample(*number, frame_ticks)).collect();
            let bytes: u32 = samples.iter().map(|sample| sample.bytes).sum();
            // No two chunks hold the same bytes, as no two of an encoder do.
            let mut payload = vec![0_u8; bytes as usize];
            for (at, byte) in payload.iter_mut().enumerate() {
                *byte = (start_ticks as usize).wrapping_add(at * 7).to_le_bytes()[at % 3];
            }
            let mut bytes = spec.beside(sequence, start_ticks, timescale);
            bytes
                .extend(chunk::write(sequence as u32 + 1, 1, start_ticks, &samples, payload.into()).concat());
            let chunk = Chunk::parse(&bytes.into(), &described).unwrap();
            start_ticks = chunk.end_ticks();
            chunks.push(chunk);
        }
        Self { header, described, chunks }
    }

    /// Milliseconds from the start of the first of these chunks to the end of another.
    pub fn arrival_ms(&self, first: usize, chunk: usize) -> i64 {
        let timescale = self.described.timescale;
        let ticks = self.chunks[chunk].end_ticks() - self.chunks[first].start_ticks();
        i64::try_from(timescale.ms_from_ticks(ticks)).unwrap()
    }
}

impl Synthetic {
    fn coded(&self) -> SyntheticMedia {
        use SyntheticMedia as Of;
        let (width, height) = self.size;
        let sample_rate = self.sample_rate;
        let hevc = |range| Of::Hevc { width, height, range };
        let av1 = |range| Of::Av1 { width, height, range };
        match self.codec {
            None if self.audio => Of::Aac { sample_rate, channels: self.channels },
            None => Of::Avc { width, height },
            Some(Codec::Hevc) => hevc(VideoRange::Sdr),
            Some(Codec::HevcPq) => hevc(VideoRange::Pq),
            Some(Codec::HevcHlg) => hevc(VideoRange::Hlg),
            Some(Codec::DolbyVision) => Of::DolbyVision { width, height },
            Some(Codec::Av1) => av1(VideoRange::Sdr),
            Some(Codec::Av1Pq) => av1(VideoRange::Pq),
            Some(Codec::Vp9) => Of::Vp9 { width, height, range: VideoRange::Sdr },
            Some(Codec::HeAac) => Of::HeAac { sample_rate, parametric_stereo: false },
            Some(Codec::Opus) => Of::Opus { channels: 2 },
            Some(Codec::Ac3) => Of::Ac3,
            Some(Codec::Eac3) => Of::Eac3 { joc_complexity: None },
            Some(Codec::Atmos) => Of::Eac3 { joc_complexity: Some(16) },
            Some(Codec::Flac) => Of::Flac { sample_rate, channels: 2 },
        }
    }

    /// The boxes in front of a chunk.
    fn beside(&self, sequence: usize, start_ticks: u64, timescale: Timescale) -> Vec<u8> {
        let mut writer = Writer::with_capacity(128);
        if let Some(from_ms) = self.produced_from_ms {
            let unix_ms = u64::try_from(from_ms).unwrap() + timescale.ms_from_ticks(start_ticks);
            let fraction = ((unix_ms % 1000) << 32) / 1000;
            let ntp = ((unix_ms / 1000 + 2_208_988_800) << 32) | fraction;
            writer.full_boxed(b"prft", 1, 0, |w| {
                w.u32(1);
                w.u64(ntp);
                w.u64(start_ticks);
            });
        }
        if let Some(events) = self.events.as_ref().filter(|_| sequence.is_multiple_of(4)) {
            let (scheme, value) = events.split_once(' ').unwrap_or((events, ""));
            writer.full_boxed(b"emsg", 1, 0, |w| {
                w.u32(timescale.ticks_per_second());
                w.u64(start_ticks);
                w.u64(0);
                w.put(format!("{scheme}\0{value}\0").as_bytes());
            });
        }
        writer.finish()
    }

    /// Ticks per second of video, and ticks to a frame: 90 kHz, unless frames are no whole ticks of that.
    fn video_ticks(&self) -> (u32, u32) {
        let (frames, seconds) = self.fps;
        match 90_000 * seconds {
            ticks if ticks % frames == 0 => (90_000, ticks / frames),
            _ => (frames, seconds),
        }
    }

    /// Samples of sound to an access unit.
    fn audio_frame_ticks(&self) -> u32 {
        match self.codec {
            Some(Codec::HeAac) => 2048,
            Some(Codec::Opus) => 960,
            Some(Codec::Ac3 | Codec::Eac3 | Codec::Atmos) => 1536,
            Some(Codec::Flac) => 4608,
            _ => 1024,
        }
    }

    fn sample(&self, number: u32, frame_ticks: u32) -> Sample {
        let in_gop = number % self.gop;
        let sync = self.audio || in_gop == 0;
        // Decode order I P B B P B B: the reordered picture is shown three frames after it is
        // decoded, its B-frames at once, and what is not reordered one frame after.
        let delay = match in_gop {
            _ if !self.b_frames || self.audio => 0,
            0 => 1,
            _ if (in_gop - 1) / 3 >= (self.gop - 1) / 3 => 1,
            _ if (in_gop - 1).is_multiple_of(3) => 3,
            _ => 0,
        };
        let bytes = if sync && !self.audio { self.frame_bytes * 8 } else { self.frame_bytes };
        Sample {
            duration_ticks: frame_ticks,
            bytes: bytes + number * 37 % 100,
            sync,
            composition_ticks: i32::try_from(delay * frame_ticks).unwrap(),
        }
    }
}

/// `tests/media`.
pub fn media_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("media")
}
