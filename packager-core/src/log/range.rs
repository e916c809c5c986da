//! A stretch of the wall clock's time, and what of a track is in it.
//!
//! Whoever asks for about the same is given the same: ranges begin and end on a grid of `segment_ms`, counted from the
//! broadcast's beginning. All renditions agree on it without being read, and where an encoder keeps its keyframes regular
//! segments begin there. A playlist has every segment that lies in the range, also in part.

use super::chain::Chain;
use super::record::{PeriodRecord, Shape};
use super::reference::Reference;
use crate::time::WallMs;

/// From a moment on; up to another, or without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeRange {
    /// What ends before it is not in it.
    pub start: WallMs,
    /// What begins then or later is not in it.
    pub end: Option<WallMs>,
}

/// What of a track is in a range, by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Within {
    /// The first.
    pub from: u64,
    /// The one after the last, where no more will come.
    pub until: Option<u64>,
}

impl TimeRange {
    /// The range on the grid of a broadcast that began then.
    #[must_use]
    pub fn snapped(self, begins: WallMs, shape: &Shape) -> Self {
        let grid_ms = i64::from(shape.segment_ms).max(1);
        let place = |wall: WallMs, before_ms: i64| {
            let after_ms = wall.since_ms(begins).max(0).saturating_add(before_ms);
            begins.plus_ms(after_ms.saturating_sub(after_ms.checked_rem(grid_ms).unwrap_or(0)))
        };
        let start = place(self.start, 0);
        let end = self.end.map(|end| place(end, grid_ms.saturating_sub(1)));
        Self { start, end: end.map(|end| end.max(start.plus_ms(grid_ms))) }
    }

    /// What of a track is in it, as far as that is known.
    pub fn within(&self, chain: &Chain, periods: &[PeriodRecord]) -> Within {
        let from = chain.first_that(|segment| ends_at(segment, periods) > Some(self.start));
        let after = self.end.map(|end| chain.first_that(|segment| begins_at(segment, periods) >= Some(end)));
        let closed = chain.last_closed_msn().map_or(chain.next_msn, |last| last.saturating_add(1));
        // The open segment began later than all that are closed.
        let boundary = chain.open.as_ref().map(|open| begins_at(&open.reference(), periods));
        let boundary =
            boundary.unwrap_or_else(|| wall_at(chain.run.period, chain.next_ticks, 0, chain, periods));
        let is_over = self.end.is_some_and(|end| boundary >= Some(end));
        match after {
            Some(after) if is_over || after < closed => Within { from, until: Some(after.max(from)) },
            _ if chain.ended => Within { from, until: Some(after.unwrap_or(closed).max(from)) },
            _ => Within { from, until: None },
        }
    }

    /// What of a track has been shown in it, to the end.
    pub fn shown(&self, chain: &Chain, periods: &[PeriodRecord]) -> Within {
        let from = chain.first_that(|segment| ends_at(segment, periods) > Some(self.start));
        let until = chain.first_that(|segment| ends_at(segment, periods) > self.end);
        Within { from: from.min(until), until: Some(until) }
    }

    /// Whether all that a track has in it is known, or how many segments more might be wanted.
    pub fn wants_before(&self, chain: &Chain, periods: &[PeriodRecord]) -> Option<u64> {
        let first = chain.reference(chain.known_from())?;
        let missing_ms = begins_at(&first, periods)?.since_ms(self.start);
        let usual_ms = u64::from(chain.shape.segment_ms).max(1);
        let missing = u64::try_from(missing_ms).ok().filter(|missing_ms| *missing_ms > 0)?;
        // They may be shorter than they should be.
        Some(missing.div_ceil(usual_ms).saturating_mul(9) / 8).map(|count| count.saturating_add(2))
    }
}

impl Chain {
    /// The number of the first known closed segment of which something holds that holds of all after it too; of the one
    /// after the last, when it holds of none.
    fn first_that(&self, holds: impl Fn(&Reference<'_>) -> bool) -> u64 {
        let end = self.last_closed_msn().map_or(self.next_msn, |last| last.saturating_add(1));
        let (mut low, mut high) = (self.known_from().min(end), end);
        while low < high {
            let middle = low.saturating_add(high.saturating_sub(low) / 2);
            match self.reference(middle) {
                Some(segment) if !holds(&segment) => low = middle.saturating_add(1),
                _ => high = middle,
            }
        }
        low
    }
}

fn wall_at(
    period: u32,
    ticks: u64,
    offset_ticks: i64,
    chain: &Chain,
    periods: &[PeriodRecord],
) -> Option<WallMs> {
    let record = periods.get(usize::try_from(period).ok()?)?;
    Some(record.anchor.wall_at(ticks, offset_ticks, chain.run.timescale))
}

/// When a segment begins to be shown; `None` while its period is not known.
pub fn begins_at(of: &Reference<'_>, periods: &[PeriodRecord]) -> Option<WallMs> {
    let record = periods.get(usize::try_from(of.run.period).ok()?)?;
    Some(record.anchor.wall_at(of.start_ticks, of.offset_ticks, of.run.timescale))
}

/// When it has been shown.
pub fn ends_at(of: &Reference<'_>, periods: &[PeriodRecord]) -> Option<WallMs> {
    let record = periods.get(usize::try_from(of.run.period).ok()?)?;
    Some(record.anchor.wall_at(of.end_ticks(), of.offset_ticks, of.run.timescale))
}
