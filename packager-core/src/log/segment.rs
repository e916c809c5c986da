//! What a chain is folded into: segments, their parts, and the bit rate of them all.

use serde::{Deserialize, Serialize};

use super::entry::{Independence, PartMeta};
use super::name::SessionId;
use super::reference::us;
use crate::time::{Timescale, WallMs, scale};

/// A stretch of a chain under one session: one CMAF header, one timescale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Names the header and the keys of the parts.
    pub session: SessionId,
    /// Ticks per second of everything in it.
    pub timescale: Timescale,
    /// The period it belongs to.
    pub period: u32,
    /// Decode time at which it begins,
    #[serde(rename = "from")]
    pub start_ticks: u64,
    /// and the number of its first segment.
    #[serde(rename = "msn")]
    pub first_msn: u64,
}

/// A part in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Decode time of its first sample.
    #[serde(rename = "s")]
    pub start_ticks: u64,
    /// Size of the object.
    #[serde(rename = "b")]
    pub bytes: u64,
    /// What its metadata says.
    #[serde(rename = "m")]
    pub meta: PartMeta,
}

/// A segment: the parts from one boundary to the next, or a stretch that never will be any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Media sequence number.
    pub msn: u64,
    /// Session, timescale and period of its parts.
    pub run: Run,
    /// Decode time of its first sample.
    pub start_ticks: u64,
    /// Sum of its parts, or the length of the gap.
    pub duration_ticks: u64,
    /// Its period is not that of the segment before it in this track (EXT-X-DISCONTINUITY).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discontinuity: bool,
    /// Of a gap: what its first sample's presentation time would differ from its decode time by, as
    /// that of the media before it did at the least. What follows a gap is not told to be shown before the gap
    /// has been, which may be shorter than frames are reordered.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(super) least_ticks: Option<i64>,
    /// When the newest part before its own was stored.
    #[serde(rename = "w")]
    pub(super) newest_before: WallMs,
    /// Empty for a gap (EXT-X-GAP).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

impl Segment {
    /// Nothing is stored for it.
    pub fn is_gap(&self) -> bool {
        self.parts.is_empty()
    }

    /// Starts with an independent frame, so that a player may start or switch here.
    pub fn is_independent(&self) -> bool {
        self.parts.first().is_some_and(|part| part.meta.independence == Independence::Start)
    }

    /// Presentation time of its first sample less its decode time.
    pub fn offset_ticks(&self) -> i64 {
        let own = self.parts.first().map(|part| part.meta.offset_ticks);
        own.max(self.least_ticks).unwrap_or(0)
    }

    /// As above, but of that part of it for which it is the least: what follows is shown that early.
    pub(super) fn least_offset_ticks(&self) -> Option<i64> {
        let offsets = self.parts.iter().map(|part| part.meta.offset_ticks);
        offsets.min().or(self.least_ticks)
    }

    /// Size of its media.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Length in microseconds: comparable across timescales.
    pub fn duration_us(&self) -> u64 {
        us(self.duration_ticks, self.run.timescale)
    }

    /// When the newest part up to its end was stored. It is not always the last: clocks differ.
    pub fn newest(&self) -> WallMs {
        self.parts.iter().map(|part| part.meta.wall).fold(self.newest_before, WallMs::max)
    }

    /// As above, of the parts that begin before a decode time.
    pub fn newest_until(&self, ticks: u64) -> WallMs {
        let before = self.parts.iter().filter(|part| part.start_ticks < ticks);
        before.map(|part| part.meta.wall).fold(self.newest_before, WallMs::max)
    }

    /// Decode time of its end.
    pub fn end_ticks(&self) -> u64 {
        self.start_ticks.saturating_add(self.duration_ticks)
    }

    /// Whether it can come behind another: it goes on where that ends, or begins a run.
    pub(super) fn follows(&self, before: &Self) -> bool {
        let goes_on = if self.run == before.run {
            self.start_ticks == before.end_ticks()
        } else {
            self.start_ticks == self.run.start_ticks && self.msn == self.run.first_msn
        };
        goes_on && before.msn.checked_add(1) == Some(self.msn)
    }

    /// Whether its parts lie in a row from its beginning to its end.
    pub(super) fn is_contiguous(&self) -> bool {
        let mut at = self.start_ticks;
        let in_a_row = self.parts.iter().all(|part| {
            let starts =
                std::mem::replace(&mut at, part.start_ticks.saturating_add(part.meta.duration_ticks));
            part.start_ticks == starts
        });
        in_a_row && (self.is_gap() || at == self.end_ticks())
    }
}

/// What BANDWIDTH and AVERAGE-BANDWIDTH are made from (HLS §4.4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BitRate {
    /// Highest of any segment at least half a target duration long, in bits per second.
    pub peak_bps: u64,
    /// Media bits of all closed segments.
    pub bits: u64,
    /// Length of all closed segments that have media, in microseconds.
    pub duration_us: u64,
    /// Highest bit rate of the frames that segments start with, each shown for as long as its segment lasts: BANDWIDTH
    /// of EXT-X-I-FRAME-STREAM-INF (HLS §4.4.6.3).
    #[serde(default, skip_serializing_if = "is_none")]
    pub frame_peak_bps: u64,
    /// Some closed segment that is no gap does not start with an independent frame.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_dependent: bool,
    /// Samples in the closed segments of the current session,
    pub frames: u64,
    /// and the length of those, in microseconds: FRAME-RATE (HLS §4.4.6.2).
    pub frames_us: u64,
    /// The current session has closed no segment yet: these are of the one before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frames_are_old: bool,
}

fn is_none(value: &u64) -> bool {
    *value == 0
}

impl BitRate {
    /// Counts a segment that was closed.
    pub(super) fn count(&mut self, segment: &Segment, target_duration_s: u32) {
        let bits = segment.bytes().saturating_mul(8);
        let duration_us = segment.duration_us();
        self.bits = self.bits.saturating_add(bits);
        self.duration_us = self.duration_us.saturating_add(duration_us);
        if std::mem::take(&mut self.frames_are_old) {
            (self.frames, self.frames_us) = (0, 0);
        }
        self.frames_us = self.frames_us.saturating_add(duration_us);
        let frames = segment.parts.iter().map(|part| u64::from(part.meta.samples));
        self.frames = frames.fold(self.frames, u64::saturating_add);
        self.is_dependent |= !segment.is_independent();
        let frame_bits =
            segment.parts.first().map_or(0, |part| u64::from(part.meta.frame_bytes)).saturating_mul(8);
        self.frame_peak_bps = self.frame_peak_bps.max(scale(frame_bits, 1_000_000, duration_us));
        // "Peak" is over at least half a target duration (HLS §4.4.6.2, BANDWIDTH).
        let half_target_us = u64::from(target_duration_s).saturating_mul(500_000);
        if duration_us >= half_target_us {
            self.peak_bps = self.peak_bps.max(scale(bits, 1_000_000, duration_us));
        }
    }

    /// Bits over duration.
    pub fn average_bps(&self) -> u64 {
        scale(self.bits, 1_000_000, self.duration_us)
    }

    /// The peak, or the average while no segment is long enough to have one.
    pub fn peak_bps(&self) -> u64 {
        self.peak_bps.max(self.average_bps())
    }

    /// Frames in a thousand seconds: a rate with three decimals.
    pub fn millihertz(&self) -> u64 {
        scale(self.frames, 1_000_000_000, self.frames_us)
    }
}
