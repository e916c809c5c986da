//! Listings: what playlists say of closed segments, for many of them in one object.
//!
//! A [`Page`](super::Page) has all parts of its 64 segments, which is what a request for one of them needs. A playlist of
//! a day would have to read hundreds. So there are immutable listings beside the pages, of [`SPANS`] segments each, that
//! leave the parts out.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::checkpoint::{PAGE_SEGMENTS, Page};
use super::history::{History, Row};
use super::record;
use super::segment::Run;
use crate::time::WallMs;

/// Segments in a listing, by number, from the fewest to the most: number n of a span has those of n·span to n·span +
/// span - 1. Each is several of the one before, so that with the pages a day takes some twenty reads.
pub const SPANS: [u64; 2] = [512, 4096];

/// `index/{number}-{span}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Number of the first segment.
    first: u64,
    /// Decode time of its first sample. Segments follow on each other, but where a run begins.
    start: u64,
    /// When the newest part before its own was stored, or thereabouts: what the first row counts from.
    wall: WallMs,
    /// The runs that the segments are of, by their first number.
    runs: Vec<Run>,
    /// A segment each.
    segments: Vec<Entry>,
}

/// Duration and presentation offset in ticks, milliseconds from the newest part before to the newest part in it, bytes,
/// bytes of the first frame, number of parts, flags.
type Entry = (u64, i64, i64, u32, u32, u16, u8);

impl Listing {
    /// The listing, if all of its segments are closed, and known.
    pub fn complete(chain: &Chain, span: u64, number: u64) -> Option<Self> {
        let (first, end) = Self::range(chain.begin.first_msn, span, number)?;
        let last = chain.last_closed_msn()?;
        if last < end.checked_sub(1)? || chain.known_from() > first {
            return None;
        }
        let mut history = History::default();
        for reference in chain.references(first, end) {
            history.push(&reference);
        }
        let count = usize::try_from(end.saturating_sub(first)).ok()?;
        let (rows, runs) = history.rows_from(first, count)?;
        let (start, wall) = rows.first().map(|row| (row.start_ticks, row.newest))?;
        let mut before = wall;
        let segments = rows.iter().map(|row| {
            let later_ms = row.newest.since_ms(std::mem::replace(&mut before, row.newest));
            let Row { duration_ticks, offset_ticks, bytes, frame_bytes, parts, flags, .. } = *row;
            (duration_ticks, offset_ticks, later_ms, bytes, frame_bytes, parts, flags)
        });
        Some(Self { first, start, wall, segments: segments.collect(), runs })
    }

    /// The numbers of a listing's first segment, and of the one after its last, in a track whose first segment has
    /// that number.
    pub(super) fn range(first_msn: u64, span: u64, number: u64) -> Option<(u64, u64)> {
        let from = number.checked_mul(span)?;
        Some((from.max(first_msn).max(1), from.checked_add(span)?))
    }

    /// Whether it is one of that span and number.
    pub fn is(&self, span: u64, number: u64) -> bool {
        let numbers = self.numbers();
        let (Some(from), true) = (number.checked_mul(span), SPANS.contains(&span)) else { return false };
        let ascending =
            self.runs.iter().zip(self.runs.iter().skip(1)).all(|(a, b)| a.first_msn < b.first_msn);
        let begins = self.runs.first().is_some_and(|run| run.first_msn <= self.first);
        let is_whole = from.checked_add(span) == Some(numbers.end) && self.first >= from;
        is_whole && !numbers.is_empty() && ascending && begins
    }

    /// Numbers of its segments.
    pub fn numbers(&self) -> std::ops::Range<u64> {
        let count = u64::try_from(self.segments.len()).unwrap_or(u64::MAX);
        self.first..self.first.saturating_add(count)
    }

    /// As stored.
    pub fn to_json(&self) -> String {
        record::to_json(self)
    }

    /// Reads a stored one.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        record::from_json(bytes)
    }

    /// The segments.
    pub(super) fn history(&self) -> History {
        let mut runs = self.runs.iter().skip(1).peekable();
        let (mut next_ticks, mut before) = (self.start, self.wall);
        let rows = (self.first..).zip(&self.segments).map(|(msn, segment)| {
            let (duration_ticks, offset_ticks, later_ms, bytes, frame_bytes, parts, flags) = *segment;
            if let Some(run) = runs.next_if(|run| run.first_msn == msn) {
                next_ticks = run.start_ticks;
            }
            let start_ticks = next_ticks;
            next_ticks = start_ticks.saturating_add(duration_ticks);
            before = before.plus_ms(later_ms);
            Row {
                start_ticks,
                duration_ticks,
                offset_ticks,
                newest: before,
                bytes,
                frame_bytes,
                parts,
                flags,
            }
        });
        let rows: VecDeque<Row> = rows.collect();
        History::of(self.first, rows, self.runs.iter().cloned().collect())
    }
}

impl Page {
    /// The segments, without their parts.
    pub(super) fn history(&self) -> History {
        let mut history = History::default();
        self.segments.iter().for_each(|segment| history.push(&segment.reference()));
        history
    }
}

/// What to read of a track to know its segments from one number up to another's: the fewest objects, among those that
/// can be there when all up to `last_closed_msn` are closed. An object of 64 segments is a page.
pub(super) fn to_read(
    (from, until): (u64, u64),
    last_closed_msn: u64,
    most: usize,
    is_missing: impl Fn(u64, u64) -> bool,
) -> Vec<(u64, u64)> {
    let mut wanted = Vec::new();
    let mut until = until;
    let closed = last_closed_msn.saturating_add(1);
    while until > from && wanted.len() < most {
        let last = until.saturating_sub(1);
        let spans = SPANS.iter().rev().copied().chain([PAGE_SEGMENTS]);
        let object = spans.map(|span| (span, last.checked_div(span).unwrap_or(0))).find(|(span, number)| {
            let end = number.saturating_add(1).saturating_mul(*span);
            // One that is small enough for what is asked is as good, and sooner read.
            let begins = number.saturating_mul(*span);
            let is_useful = *span == PAGE_SEGMENTS || until.saturating_sub(from.max(begins)) > *span / 8;
            end <= closed && is_useful && !is_missing(*span, *number)
        });
        // What is not there any more is where it ends.
        let Some((span, number)) = object else { break };
        wanted.push((span, number));
        until = number.saturating_mul(span);
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_in_some_twenty_objects() {
        let all = |from, until, last| to_read((from, until), last, 64, |_, _| false);
        let day = all(1, 43_150, 43_199);
        assert_eq!(day.first(), Some(&(64, 674)));
        assert_eq!(day.last(), Some(&(4096, 0)));
        assert!(day.len() <= 10 + 7 + 7, "{day:?}");
        // The newest listings may not be there yet.
        assert_eq!(all(1, 100, 128), [(64, 1), (64, 0)]);
        assert_eq!(all(1, 512, 511), [(512, 0)]);
        assert_eq!(all(1, 448, 510), [(64, 6), (64, 5), (64, 4), (64, 3), (64, 2), (64, 1), (64, 0)]);
        assert_eq!(all(500, 512, 600), [(64, 7)]);
    }

    #[test]
    fn what_is_missing_is_read_in_pieces_or_is_the_end() {
        let without = |missing: &[(u64, u64)]| {
            to_read((1, 1024), 2000, 64, |span, number| missing.contains(&(span, number)))
        };
        assert_eq!(without(&[]), [(512, 1), (512, 0)]);
        assert_eq!(without(&[(512, 1)]).len(), 9);
        assert_eq!(without(&[(512, 0), (64, 3)]), [(512, 1), (64, 7), (64, 6), (64, 5), (64, 4)]);
    }
}
