//! Which closed segments a live playlist lists: a part of the fold, so that MEDIA-SEQUENCE is known without them.
//!
//! A short window is that many of the newest segments, and every reader keeps those. A long one begins with a
//! page: of each page in it no more is kept than how long it lasts and what the head of a playlist says of its first
//! segment, so that a checkpoint is as small after a day as after a minute.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::checkpoint::PAGE_SEGMENTS;
use super::record::Shape;
use super::segment::Segment;

/// The pages that a long window lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Oldest first. The last one may be unfinished. A window that is the whole broadcast has only one.
    #[serde(rename = "pages")]
    marks: VecDeque<Mark>,
    /// The one that was listed last before those: earlier manifests had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<Mark>,
}

/// A page, or what of it is listed: the number of its first segment, its length in microseconds, the period of its
/// first segment, and flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark(u64, u64, u32, u8);

/// Flags of a page: its first segment begins a period,
const DISCONTINUITY: u8 = 1;
/// some segment does not start with an independent frame,
const DEPENDENT: u8 = 2;
/// some segment is not a gap.
const MEDIA: u8 = 4;

/// What the head of a playlist says of the first segment that is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct First {
    /// Its number.
    pub msn: u64,
    /// Its period.
    pub period: u32,
    /// It begins its period.
    pub discontinuity: bool,
}

impl Window {
    /// No more than can be.
    pub(super) fn is_sound(&self, next_msn: u64) -> bool {
        let numbers = self.left.iter().chain(&self.marks).map(|mark| mark.0);
        let ascending = numbers.clone().zip(numbers.clone().skip(1)).all(|(a, b)| a < b);
        ascending && numbers.clone().all(|msn| (1..next_msn).contains(&msn))
    }

    /// Counts a segment that was closed.
    pub(super) fn count(&mut self, segment: &Segment, shape: &Shape) {
        if !shape.is_long() {
            return;
        }
        let begins_page = !shape.is_whole() && segment.msn.is_multiple_of(PAGE_SEGMENTS);
        if self.marks.is_empty() || begins_page {
            let discontinuity = if segment.discontinuity { DISCONTINUITY } else { 0 };
            self.marks.push_back(Mark(segment.msn, 0, segment.run.period, discontinuity));
        }
        if let Some(Mark(_, us, _, flags)) = self.marks.back_mut() {
            *us = us.saturating_add(segment.duration_us());
            *flags |= match (segment.is_gap(), segment.is_independent()) {
                (true, _) => 0,
                (false, true) => MEDIA,
                (false, false) => MEDIA | DEPENDENT,
            };
        }
        let mut total_us = self.marks.iter().map(|mark| mark.1).fold(0, u64::saturating_add);
        while let Some(first) = self.marks.front().filter(|_| self.marks.len() > 1).copied() {
            total_us = total_us.saturating_sub(first.1);
            if total_us < shape.least_listed_us() {
                break;
            }
            self.left = self.marks.pop_front();
        }
    }

    /// Of a long window, its first segment.
    pub(super) fn first(&self) -> Option<First> {
        let Mark(msn, _, period, flags) = *self.marks.front()?;
        Some(First { msn, period, discontinuity: flags & DISCONTINUITY != 0 })
    }

    /// The number that it began with before it last moved on.
    pub fn left_from(&self) -> Option<u64> {
        self.left.map(|mark| mark.0)
    }

    /// All its segments start with independent frames, or are gaps.
    pub(super) fn is_independent(&self) -> bool {
        self.marks.iter().all(|mark| mark.3 & DEPENDENT == 0)
    }

    /// Some of its segments are not gaps.
    pub(super) fn has_media(&self) -> bool {
        self.marks.iter().any(|mark| mark.3 & MEDIA != 0)
    }
}

impl Shape {
    /// The window that is the whole broadcast, whatever its length.
    pub const WHOLE_WINDOW_MS: u32 = u32::MAX;

    /// Playlists list all there was (EXT-X-PLAYLIST-TYPE:EVENT, HLS §4.4.3.5).
    pub fn is_whole(&self) -> bool {
        self.window_ms == Self::WHOLE_WINDOW_MS
    }

    /// The window is of more segments than a page has, and moves on by pages.
    pub fn is_long(&self) -> bool {
        let page_ms = u64::from(self.segment_ms).saturating_mul(PAGE_SEGMENTS);
        u64::from(self.window_ms) > page_ms
    }

    /// How much a long window lists at the least.
    pub(super) fn least_listed_us(&self) -> u64 {
        let target_us = u64::from(self.target_duration_s).saturating_mul(1_000_000);
        u64::from(self.window_ms).saturating_mul(1000).max(target_us.saturating_mul(3))
    }
}
