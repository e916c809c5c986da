//! Closed segments of which the parts were forgotten: a day of them in two megabytes.

use std::collections::VecDeque;

use super::reference::Reference;
use super::segment::Run;
use crate::limits;
use crate::time::WallMs;

/// References of consecutive segments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Number of the first.
    first_msn: u64,
    rows: VecDeque<Row>,
    /// Those that segments here are of, by their first number.
    runs: VecDeque<Run>,
}

/// A [`Reference`] without its number and its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) start_ticks: u64,
    pub(super) duration_ticks: u64,
    pub(super) offset_ticks: i64,
    pub(super) newest: WallMs,
    pub(super) bytes: u32,
    pub(super) frame_bytes: u32,
    pub(super) parts: u16,
    pub(super) flags: u8,
}

/// [`Row::flags`]: nothing is stored for it,
const GAP: u8 = 1;
/// it starts with an independent frame,
const INDEPENDENT: u8 = 2;
/// its period is not that of the segment before it.
const DISCONTINUITY: u8 = 4;

impl From<&Reference<'_>> for Row {
    fn from(of: &Reference<'_>) -> Self {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        Self {
            start_ticks: of.start_ticks,
            duration_ticks: of.duration_ticks,
            offset_ticks: of.offset_ticks,
            newest: of.newest,
            bytes: u32::try_from(of.bytes).unwrap_or(u32::MAX),
            frame_bytes: of.frame_bytes,
            parts: u16::try_from(of.parts).unwrap_or(u16::MAX),
            flags: flag(of.is_gap, GAP)
                | flag(of.is_independent, INDEPENDENT)
                | flag(of.discontinuity, DISCONTINUITY),
        }
    }
}

impl Row {
    fn reference<'a>(&self, msn: u64, run: &'a Run) -> Reference<'a> {
        let has = |flag: u8| self.flags & flag != 0;
        Reference {
            msn,
            run,
            start_ticks: self.start_ticks,
            duration_ticks: self.duration_ticks,
            offset_ticks: self.offset_ticks,
            newest: self.newest,
            bytes: u64::from(self.bytes),
            parts: usize::from(self.parts),
            frame_bytes: self.frame_bytes,
            discontinuity: has(DISCONTINUITY),
            is_gap: has(GAP),
            is_independent: has(INDEPENDENT),
        }
    }
}

impl History {
    /// Number of its first segment.
    pub fn first_msn(&self) -> Option<u64> {
        (!self.rows.is_empty()).then_some(self.first_msn)
    }

    /// The number after its last segment's.
    fn end_msn(&self) -> u64 {
        self.first_msn.saturating_add(u64::try_from(self.rows.len()).unwrap_or(u64::MAX))
    }

    fn run_of(&self, msn: u64) -> Option<&Run> {
        let after = self.runs.partition_point(|run| run.first_msn <= msn);
        self.runs.get(after.checked_sub(1)?)
    }

    /// A segment by its number.
    pub fn get(&self, msn: u64) -> Option<Reference<'_>> {
        let index = usize::try_from(msn.checked_sub(self.first_msn)?).ok()?;
        Some(self.rows.get(index)?.reference(msn, self.run_of(msn)?))
    }

    /// Those from one number up to another, oldest first.
    pub fn iter_up_to(
        &self,
        from: u64,
        until: u64,
    ) -> impl DoubleEndedIterator<Item = Reference<'_>> + Clone {
        let index = |msn: u64| {
            let index = usize::try_from(msn.saturating_sub(self.first_msn)).unwrap_or(usize::MAX);
            index.min(self.rows.len())
        };
        let (skipped, end) = (index(from).min(index(until)), index(until));
        let of = move |(index, row): (usize, &Row)| {
            let msn = self.first_msn.saturating_add(u64::try_from(index).unwrap_or(u64::MAX));
            Some(row.reference(msn, self.run_of(msn)?))
        };
        (skipped..end).zip(self.rows.range(skipped..end)).filter_map(of)
    }

    /// The segment that follows the last one here.
    pub(super) fn push(&mut self, of: &Reference<'_>) {
        if self.rows.is_empty() {
            self.first_msn = of.msn;
            self.runs.clear();
        }
        if self.runs.back() != Some(of.run) {
            self.runs.push_back(of.run.clone());
        }
        self.rows.push_back(of.into());
        let surplus = self.rows.len().saturating_sub(limits::REFERENCES_PER_TRACK);
        self.drop_front(surplus);
    }

    /// Those that come before the first one here, which has the number `end_msn` if there is none.
    pub(super) fn prepend(&mut self, end_msn: u64, older: &History) {
        let first = self.first_msn().unwrap_or(end_msn);
        let Some(wanted) = first.checked_sub(older.first_msn).and_then(|n| usize::try_from(n).ok()) else {
            return;
        };
        let room = limits::REFERENCES_PER_TRACK.saturating_sub(self.rows.len());
        if older.end_msn() < first || wanted == 0 {
            return;
        }
        self.first_msn = first;
        for row in older.rows.range(..wanted.min(older.rows.len())).rev().take(room) {
            self.rows.push_front(*row);
            self.first_msn = self.first_msn.saturating_sub(1);
        }
        let known = self.runs.front().map_or(u64::MAX, |run| run.first_msn);
        let before = older.runs.iter().filter(|run| run.first_msn < known && run.first_msn < first);
        for run in before.rev() {
            self.runs.push_front(run.clone());
        }
    }

    /// Forgets what comes before a number.
    pub(super) fn forget_before(&mut self, msn: u64) {
        let surplus = usize::try_from(msn.saturating_sub(self.first_msn)).unwrap_or(usize::MAX);
        self.drop_front(surplus.min(self.rows.len()));
    }

    fn drop_front(&mut self, surplus: usize) {
        if surplus == 0 {
            return;
        }
        self.rows.drain(..surplus);
        self.first_msn = self.first_msn.saturating_add(u64::try_from(surplus).unwrap_or(u64::MAX));
        while self.runs.get(1).is_some_and(|second| second.first_msn <= self.first_msn) {
            self.runs.pop_front();
        }
    }

    /// Of rows as they are stored.
    pub(super) fn of(first_msn: u64, rows: VecDeque<Row>, runs: VecDeque<Run>) -> Self {
        Self { first_msn, rows, runs }
    }

    /// The rows from a number on, and the runs that they are of.
    pub(super) fn rows_from(&self, msn: u64, count: usize) -> Option<(Vec<Row>, Vec<Run>)> {
        let skipped = usize::try_from(msn.checked_sub(self.first_msn)?).ok()?;
        let end = skipped.checked_add(count).filter(|end| *end <= self.rows.len())?;
        let last = msn.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        let from = self.run_of(msn)?.first_msn;
        let of_rows = |run: &&Run| run.first_msn >= from && run.first_msn < last;
        let runs = self.runs.iter().filter(of_rows).cloned().collect();
        Some((self.rows.range(skipped..end).copied().collect(), runs))
    }
}
