//! What playlists and manifests say of a segment: all but its parts.
//!
//! The word is that of `sidx` (ISO/IEC 14496-12 §8.16.3), whose references say the same: a size, a duration, whether
//! decoding can begin there.

use super::segment::{Run, Segment};
use crate::time::{Timescale, WallMs, scale};

/// A segment, open or closed, as it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Media sequence number.
    pub msn: u64,
    /// Session, timescale and period of its parts.
    pub run: &'a Run,
    /// Decode time of its first sample.
    pub start_ticks: u64,
    /// Sum of its parts, or the length of the gap.
    pub duration_ticks: u64,
    /// Presentation time of its first sample less its decode time.
    pub offset_ticks: i64,
    /// When the newest part up to its end was stored.
    pub newest: WallMs,
    /// Size of its media.
    pub bytes: u64,
    /// How many parts it has.
    pub parts: usize,
    /// Where the independent frame that it starts with ends in its first part, in bytes; 0: nobody says.
    pub frame_bytes: u32,
    /// Its period is not that of the segment before it (EXT-X-DISCONTINUITY).
    pub discontinuity: bool,
    /// Nothing is stored for it (EXT-X-GAP).
    pub is_gap: bool,
    /// It starts with an independent frame.
    pub is_independent: bool,
}

impl Reference<'_> {
    /// Decode time of its end.
    pub fn end_ticks(&self) -> u64 {
        self.start_ticks.saturating_add(self.duration_ticks)
    }

    /// When it begins to be shown, in media time.
    pub fn shown_ticks(&self) -> u64 {
        self.start_ticks.saturating_add_signed(self.offset_ticks)
    }

    /// Length in microseconds: comparable across timescales.
    pub fn duration_us(&self) -> u64 {
        us(self.duration_ticks, self.run.timescale)
    }
}

/// Ticks as microseconds.
pub(super) fn us(ticks: u64, timescale: Timescale) -> u64 {
    scale(ticks, 1_000_000, u64::from(timescale.ticks_per_second()))
}

impl Segment {
    /// As it is listed.
    pub fn reference(&self) -> Reference<'_> {
        Reference {
            msn: self.msn,
            run: &self.run,
            start_ticks: self.start_ticks,
            duration_ticks: self.duration_ticks,
            offset_ticks: self.offset_ticks(),
            newest: self.newest(),
            bytes: self.bytes(),
            parts: self.parts.len(),
            frame_bytes: self.parts.first().map_or(0, |part| part.meta.frame_bytes),
            discontinuity: self.discontinuity,
            is_gap: self.is_gap(),
            is_independent: self.is_independent(),
        }
    }
}
