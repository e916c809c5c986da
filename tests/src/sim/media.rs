//! Media whose every sample says what it is, so that what viewers get can be held against what was
//! sent.

use bytes::Bytes;
use packager_core::cmaf::chunk;
use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::cmaf::{Sample, TrackKind};
use packager_core::log::TrackName;
use packager_core::time::Timescale;

/// Bytes of a sample: track, run, number, and whether it is a sync sample.
const SAMPLE_BYTES: usize = 16;

/// Which of them says how the sample is coded.
const CODED_BY: usize = 4;

/// How the times of a track are other than those of a steady clock that counts from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// How long samples last in turn, where the frame rate varies.
    pub durations: Vec<u32>,
    /// Frames per second, as a fraction, of times that are rounded to milliseconds. What a sample
    /// says that it lasts is not: times fit each other by less than half a frame only.
    pub rounded_fps: Option<(u64, u64)>,
    /// The sample before which times jump ahead, and by how many ticks.
    pub jump: Option<(u64, u64)>,
    /// How much longer the encoder's seconds are than those of the wall clock, in millionths.
    pub drift_ppm: i64,
    /// They are written with 32 bits, and begin again at 0 when those are used up.
    pub short: bool,
}

/// A track that an encoder sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackSpec {
    /// Where it is pushed: `0` of `chunk-stream0-00012.m4s`.
    pub stream: String,
    /// Pictures, sound, or text.
    pub kind: TrackKind,
    /// Ticks per second.
    pub timescale: u32,
    /// Ticks from one sample to the next.
    pub frame_ticks: u32,
    /// Samples from one sync sample to the next.
    pub gop_frames: u64,
    /// Samples in a chunk.
    pub chunk_frames: u64,
    /// Chunks in a body, where a body is a segment.
    pub segment_chunks: u64,
    /// `media_time` of the edit list.
    pub edit_ticks: u32,
    /// Composition offset of every third sample; the others have less, as with B-frames.
    pub composition_ticks: i32,
    /// Distinguishes one header of the track from another.
    pub width: u16,
    /// Sample times differ from the exact ones by up to this much, as RTMP's milliseconds do.
    pub jitter_ticks: u32,
    /// B-frames are shown before they are decoded, by the times: composition offsets are negative.
    pub negative_offsets: bool,
    /// What else is odd about its times.
    pub times: Times,
}

impl TrackSpec {
    /// Video with chunks of about half a second and a body for each segment.
    pub fn video(stream: &str, timescale: u32, frame_ticks: u32, gop_frames: u64) -> Self {
        let per_half_second = u64::from(timescale / 2 / frame_ticks).max(1);
        Self {
            stream: stream.to_owned(),
            kind: TrackKind::Video,
            timescale,
            frame_ticks,
            gop_frames,
            chunk_frames: per_half_second,
            segment_chunks: gop_frames.div_ceil(per_half_second),
            edit_ticks: 0,
            composition_ticks: 0,
            width: 640,
            jitter_ticks: 0,
            negative_offsets: false,
            times: Times::default(),
        }
    }

    /// Video whose frames last differently long, in turn.
    pub fn varying(stream: &str, timescale: u32, durations: &[u32], gop_frames: u64) -> Self {
        let mean = durations.iter().sum::<u32>() / u32::try_from(durations.len()).expect("a few");
        Self {
            frame_ticks: *durations.iter().min().expect("some durations"),
            times: Times { durations: durations.to_vec(), ..Times::default() },
            ..Self::video(stream, timescale, mean, gop_frames)
        }
    }

    /// WebVTT in milliseconds: cues of this length, so many to a body.
    pub fn text(stream: &str, cue_ms: u32, cues: u64) -> Self {
        Self {
            kind: TrackKind::Text,
            chunk_frames: cues,
            segment_chunks: 1,
            width: 0,
            ..Self::video(stream, 1_000, cue_ms, 1)
        }
    }

    /// AAC: 1024 samples of sound to an access unit.
    pub fn audio(stream: &str, sample_rate: u32) -> Self {
        let per_half_second = u64::from(sample_rate / 2 / 1024);
        Self {
            kind: TrackKind::Audio,
            gop_frames: 1,
            chunk_frames: per_half_second,
            segment_chunks: 4,
            width: 0,
            ..Self::video(stream, sample_rate, 1024, 1)
        }
    }

    /// The track's name in keys and URLs.
    pub fn name(&self) -> TrackName {
        let name = format!("{}-{}", self.kind, self.stream);
        TrackName::parse(if self.stream.starts_with(self.kind.as_str()) { &self.stream } else { &name })
            .expect("streams of scenarios are names")
    }

    /// Its timescale.
    pub fn timescale(&self) -> Timescale {
        Timescale::new(self.timescale).expect("timescales of scenarios are not zero")
    }

    /// Its CMAF header.
    pub fn header(&self, track_id: u32) -> Bytes {
        let media = match self.kind {
            TrackKind::Video => SyntheticMedia::Avc { width: self.width, height: 360 },
            TrackKind::Text => SyntheticMedia::Wvtt,
            TrackKind::Audio => SyntheticMedia::Aac { sample_rate: self.timescale, channels: 2 },
        };
        let mut header = SyntheticHeader::new(track_id, self.timescale(), media);
        header.edit_media_time_ticks = self.edit_ticks;
        header.write()
    }

    /// Decode time of a sample, from the start of its run.
    pub fn time_ticks(&self, number: u64) -> u64 {
        let jumped = self.times.jump.filter(|(from, _)| number >= *from).map_or(0, |(_, ticks)| ticks);
        self.steady_ticks(number) + jumped
    }

    /// The same without the jump.
    fn steady_ticks(&self, number: u64) -> u64 {
        let exact = self.exact_ticks(number);
        if self.jitter_ticks == 0 || number == 0 {
            return exact;
        }
        // A fixed pattern, so that a resent chunk has the times it had.
        let spread = u64::from(self.jitter_ticks) * 2 + 1;
        exact + number.wrapping_mul(0x9E37_79B9) % spread - u64::from(self.jitter_ticks)
    }

    /// The same without what is off.
    fn exact_ticks(&self, number: u64) -> u64 {
        if let Some((frames, seconds)) = self.times.rounded_fps {
            let ms = (number * seconds * 1000 + frames / 2) / frames;
            return self.timescale().ticks_from_ms(ms);
        }
        let durations = &self.times.durations;
        if durations.is_empty() {
            return number * u64::from(self.frame_ticks);
        }
        let all = durations.iter().copied().map(u64::from).sum::<u64>();
        let count = durations.len() as u64;
        let rest = usize::try_from(number % count).expect("a few durations");
        number / count * all + durations[..rest].iter().copied().map(u64::from).sum::<u64>()
    }

    /// What a sample says that it lasts.
    pub fn duration_ticks(&self, number: u64) -> u32 {
        if self.times.rounded_fps.is_some() {
            return self.frame_ticks;
        }
        let ticks = self.steady_ticks(number + 1) - self.steady_ticks(number);
        u32::try_from(ticks).expect("frames are short")
    }

    /// How many samples begin up to a time, without the first.
    pub fn samples_until(&self, ticks: u64) -> u64 {
        let mut below = 0;
        let mut above = ticks + 1;
        while above - below > 1 {
            let middle = below.midpoint(above);
            if self.exact_ticks(middle) <= ticks { below = middle } else { above = middle }
        }
        below
    }

    /// How long after the start of its run a sample has been captured, in milliseconds.
    pub fn captured_ms(&self, samples: u64) -> u64 {
        let ms = (self.exact_ticks(samples) * 1000).div_ceil(u64::from(self.timescale));
        let millionths = 1_000_000_u64.saturating_add_signed(self.times.drift_ppm);
        (ms * millionths).div_ceil(1_000_000)
    }

    /// Whether decoding can begin at a sample.
    pub fn is_sync(&self, number: u64) -> bool {
        number.is_multiple_of(self.gop_frames)
    }

    /// Composition offset of a sample.
    pub fn composition_of(&self, number: u64) -> i32 {
        if self.negative_offsets {
            // I P B B P B B, and what is left of the GOP is not reordered.
            let frame = i32::try_from(self.frame_ticks).expect("frames are short");
            return match number % self.gop_frames {
                0 => 0,
                in_gop if (in_gop - 1) / 3 >= (self.gop_frames - 1) / 3 => 0,
                in_gop if in_gop % 3 == 1 => 2 * frame,
                _ => -frame,
            };
        }
        if number.is_multiple_of(3) { self.composition_ticks } else { self.composition_ticks / 2 }
    }

    /// The bytes of a chunk of samples `from..to`.
    pub fn chunk(&self, track_id: u32, run: u16, origin_ticks: u64, from: u64, to: u64) -> Bytes {
        let samples: Vec<_> = (from..to)
            .map(|number| Sample {
                duration_ticks: self.duration_ticks(number),
                bytes: SAMPLE_BYTES as u32,
                sync: self.is_sync(number),
                composition_ticks: self.composition_of(number),
            })
            .collect();
        let mut payload = Vec::with_capacity(samples.len() * SAMPLE_BYTES);
        for number in from..to {
            let id = SampleId { track: track_id, run, number };
            payload.extend_from_slice(&id.to_bytes(self.is_sync(number)));
        }
        let sequence = u32::try_from(from).unwrap_or(0);
        let start = origin_ticks + self.time_ticks(from);
        let mut bytes = chunk::write(sequence, track_id, start, &samples, payload.into()).concat();
        if self.times.short {
            shorten_time(&mut bytes);
        }
        bytes.into()
    }
}

/// Takes the upper half of a chunk's decode time away, and what follows from that.
fn shorten_time(bytes: &mut Vec<u8>) {
    const HALF: usize = 4;
    let find = |bytes: &[u8], kind: &[u8; 4]| {
        bytes.windows(4).position(|window| window == kind).expect("the chunk has the box") - 4
    };
    for kind in [b"moof", b"traf", b"tfdt"] {
        let at = find(bytes, kind);
        reduce(&mut bytes[at..], HALF);
    }
    let version = find(bytes, b"tfdt") + 8;
    bytes[version] = 0;
    bytes.drain(version + 4..version + 4 + HALF);
    let data_offset = find(bytes, b"trun") + 16;
    reduce(&mut bytes[data_offset..], HALF);
}

/// Makes the big-endian number at the start of some bytes smaller.
fn reduce(bytes: &mut [u8], by: usize) {
    let number = u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"));
    let less = number - u32::try_from(by).expect("a few bytes");
    bytes[..4].copy_from_slice(&less.to_be_bytes());
}

/// The same samples as another encoder codes them: with other bytes.
pub(crate) fn again_by_another(chunk: &[u8]) -> Bytes {
    let mdat = chunk.windows(4).position(|window| window == b"mdat").expect("a chunk has one") + 4;
    let mut bytes = chunk.to_vec();
    for sample in bytes[mdat..].chunks_mut(SAMPLE_BYTES) {
        sample[CODED_BY] = 1;
    }
    bytes.into()
}

/// Which sample of what run of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SampleId {
    /// `track_ID`, which is the track's place in the scenario and one.
    pub track: u32,
    /// Run of the encoder.
    pub run: u16,
    /// Counted from the start of the run.
    pub number: u64,
}

impl SampleId {
    fn to_bytes(self, sync: bool) -> [u8; SAMPLE_BYTES] {
        let mut bytes = [0; SAMPLE_BYTES];
        bytes[0] = u8::from(sync);
        bytes[1] = self.track.to_be_bytes()[3];
        bytes[2..4].copy_from_slice(&self.run.to_be_bytes());
        bytes[8..].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    /// Reads back the samples of a payload; `None` when it is not one of ours.
    pub(crate) fn read_all(payload: &[u8]) -> Option<Vec<(SampleId, bool)>> {
        if !payload.len().is_multiple_of(SAMPLE_BYTES) {
            return None;
        }
        let read = |bytes: &[u8]| {
            let id = SampleId {
                track: u32::from(bytes[1]),
                run: u16::from_be_bytes([bytes[2], bytes[3]]),
                number: u64::from_be_bytes(bytes[8..].try_into().ok()?),
            };
            Some((id, bytes[0] == 1))
        };
        payload.chunks(SAMPLE_BYTES).map(read).collect()
    }
}
