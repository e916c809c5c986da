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

/// A track that an encoder sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackSpec {
    /// Where it is pushed: `0` of `chunk-stream0-00012.m4s`.
    pub stream: String,
    /// Pictures, or sound.
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
            _ => SyntheticMedia::Aac { sample_rate: self.timescale, channels: 2 },
        };
        let mut header = SyntheticHeader::new(track_id, self.timescale(), media);
        header.edit_media_time_ticks = self.edit_ticks;
        header.write()
    }

    /// Decode time of a sample, from the start of its run.
    pub fn time_ticks(&self, number: u64) -> u64 {
        let exact = number * u64::from(self.frame_ticks);
        if self.jitter_ticks == 0 || number == 0 {
            return exact;
        }
        // A fixed pattern, so that a resent chunk has the times it had.
        let spread = u64::from(self.jitter_ticks) * 2 + 1;
        exact + number.wrapping_mul(0x9E37_79B9) % spread - u64::from(self.jitter_ticks)
    }

    /// How long after the start of its run a sample has been captured, in milliseconds.
    pub fn captured_ms(&self, samples: u64) -> u64 {
        (samples * u64::from(self.frame_ticks) * 1000).div_ceil(u64::from(self.timescale))
    }

    /// Whether decoding can begin at a sample.
    pub fn is_sync(&self, number: u64) -> bool {
        number.is_multiple_of(self.gop_frames)
    }

    /// Composition offset of a sample.
    pub fn composition_of(&self, number: u64) -> i32 {
        if number.is_multiple_of(3) { self.composition_ticks } else { self.composition_ticks / 2 }
    }

    /// The bytes of a chunk of samples `from..to`.
    pub fn chunk(&self, track_id: u32, run: u16, origin_ticks: u64, from: u64, to: u64) -> Bytes {
        let samples: Vec<_> = (from..to)
            .map(|number| {
                let duration = self.time_ticks(number + 1) - self.time_ticks(number);
                Sample {
                    duration_ticks: u32::try_from(duration).expect("frames are short"),
                    bytes: SAMPLE_BYTES as u32,
                    sync: self.is_sync(number),
                    composition_ticks: self.composition_of(number),
                }
            })
            .collect();
        let mut payload = Vec::with_capacity(samples.len() * SAMPLE_BYTES);
        for number in from..to {
            let id = SampleId { track: track_id, run, number };
            payload.extend_from_slice(&id.to_bytes(self.is_sync(number)));
        }
        let sequence = u32::try_from(from).unwrap_or(0);
        let start = origin_ticks + self.time_ticks(from);
        chunk::write(sequence, track_id, start, &samples, payload.into()).concat().into()
    }
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
