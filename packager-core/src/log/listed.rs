//! What of a chain is listed, what of it a reader keeps, and how it is told.

use super::chain::Chain;
use super::history::History;
use super::reference::Reference;
use super::segment::Segment;
use super::window::First;

/// How far back earlier manifests are known, at the least: a patch of one is there to be had for a minute.
const RECENT_US: u64 = 66_000_000;

/// As above, in segments: so many at the least,
const RECENT_SEGMENTS: usize = 24;
/// and at the most.
const MOST_RECENT_SEGMENTS: usize = 96;

impl Chain {
    /// The number of the first segment that a live playlist lists; of the next one, when there is none.
    pub fn listed_from(&self) -> u64 {
        self.first_listed().map_or(self.boundary_msn(), |first| first.msn)
    }

    /// Number of the open segment, or of the next.
    pub(super) fn boundary_msn(&self) -> u64 {
        self.open.as_ref().map_or(self.next_msn, |open| open.msn)
    }

    /// The first closed segment that a live playlist lists.
    pub fn first_listed(&self) -> Option<First> {
        if self.shape.is_long() {
            return self.window.first();
        }
        let first = self.closed.get(self.closed.len().saturating_sub(self.listed()))?;
        Some(First { msn: first.msn, period: first.run.period, discontinuity: first.discontinuity })
    }

    /// As [`listed_from`](Self::listed_from), when no more segments were closed than those before a number. `None` where
    /// it is too long ago to be known to every reader.
    pub fn listed_from_when(&self, closed_until: u64) -> Option<u64> {
        let begins = self.begin.first_msn.max(1);
        let (first, moved_from) = if self.shape.is_long() {
            (self.listed_from(), self.window.left_from())
        } else {
            // Since then it has moved on by single segments.
            let known = self.closed.iter().rev().filter(|segment| segment.msn < closed_until);
            let listed = self.shape.listed(known);
            let first = closed_until.saturating_sub(u64::try_from(listed).unwrap_or(u64::MAX));
            return (first >= self.recent_from() || first <= begins).then_some(first);
        };
        let listed_us = self.references(first, closed_until).map(|segment| segment.duration_us());
        // It moves on when what is left is long enough.
        if listed_us.fold(0, u64::saturating_add) >= self.shape.least_listed_us() || first <= begins {
            return Some(first);
        }
        moved_from.filter(|from| *from >= self.known_from())
    }

    /// How many of `closed`, counted from the newest, a live playlist lists.
    pub fn listed(&self) -> usize {
        if self.shape.is_long() {
            let listed = self.closed.iter().rev().take_while(|segment| segment.msn >= self.listed_from());
            return listed.count();
        }
        self.shape.listed(self.closed.iter().rev())
    }

    /// All that is listed starts with independent frames, or is a gap.
    pub fn is_listed_independent(&self) -> bool {
        if self.shape.is_long() {
            return self.window.is_independent();
        }
        let mut listed = self.closed.iter().rev().take(self.listed());
        listed.all(|segment| segment.is_gap() || segment.is_independent())
    }

    /// Nothing that is listed has media.
    pub fn is_listed_gap(&self) -> bool {
        let is_open_media = self.open.as_ref().is_some_and(|open| !open.is_gap());
        if self.shape.is_long() {
            return !is_open_media && !self.window.has_media();
        }
        !is_open_media && self.closed.iter().rev().take(self.listed()).all(Segment::is_gap)
    }

    /// From which number on earlier manifests, and what has just been published, are known to every reader, with all
    /// parts.
    pub fn recent_from(&self) -> u64 {
        let target_us = u64::from(self.shape.target_duration_s).saturating_mul(1_000_000);
        let least_us = RECENT_US.max(target_us.saturating_mul(8));
        // What a short window listed then is known too.
        let now = if self.shape.is_long() { 0 } else { self.listed() };
        let mut after_us = 0_u64;
        let mut before = self.closed.iter().rev().skip(now).take(MOST_RECENT_SEGMENTS).enumerate();
        let kept = before.find(|(count, segment)| {
            after_us = after_us.saturating_add(segment.duration_us());
            after_us >= least_us && count.saturating_add(1) >= RECENT_SEGMENTS
        });
        let most = now.saturating_add(MOST_RECENT_SEGMENTS);
        let count = kept.map_or(most, |(count, _)| now.saturating_add(count).saturating_add(1));
        let last = self.closed.back().map_or(self.boundary_msn(), |last| last.msn.saturating_add(1));
        last.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX)).max(self.begin.first_msn).max(1)
    }

    /// The number of the oldest segment that is known.
    pub fn known_from(&self) -> u64 {
        let closed = self.closed.front().map(|first| first.msn);
        self.history.first_msn().or(closed).unwrap_or(self.boundary_msn())
    }

    /// A known segment as it is listed, open or closed.
    pub fn reference(&self, msn: u64) -> Option<Reference<'_>> {
        self.segment(msn).map(Segment::reference).or_else(|| self.history.get(msn))
    }

    /// Known closed segments from one number up to another's, oldest first.
    pub fn references(
        &self,
        from: u64,
        until: u64,
    ) -> impl DoubleEndedIterator<Item = Reference<'_>> + Clone {
        let first = self.closed.front().map_or(u64::MAX, |first| first.msn);
        let skipped = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let count = usize::try_from(until.saturating_sub(first.max(from))).unwrap_or(usize::MAX);
        let closed = self.closed.iter().skip(skipped).take(count).map(Segment::reference);
        let older = self.history.iter_up_to(from, until.min(first));
        older.chain(closed)
    }

    /// Known closed segments that a live playlist lists.
    pub fn listed_references(&self) -> impl DoubleEndedIterator<Item = Reference<'_>> + Clone {
        self.references(self.listed_from(), u64::MAX)
    }

    /// Forgets the parts of closed segments that are no longer recent, but for the `keep` newest of those. What
    /// was ever listed stays in storage and can be read back from a [`Page`](super::Page).
    pub fn trim(&mut self, keep: usize) {
        let kept = u64::try_from(keep).unwrap_or(u64::MAX);
        self.trim_before(self.recent_from().saturating_sub(kept));
    }

    /// As above, of those before a number.
    pub fn trim_before(&mut self, msn: u64) {
        let until = msn.min(self.recent_from());
        while let Some(first) = self.closed.front().filter(|first| first.msn < until) {
            self.history.push(&first.reference());
            self.closed.pop_front();
        }
    }

    /// Forgets what comes before a number, but for what has its parts.
    pub fn forget_before(&mut self, msn: u64) {
        self.history.forget_before(msn);
    }

    /// Takes in older segments, if they are those before what is known.
    pub(super) fn prepend(&mut self, older: &History) {
        let closed = self.closed.front().map(|first| first.msn);
        self.history.prepend(closed.unwrap_or(self.boundary_msn()), older);
    }

    /// The same without its history, and without segments before a number: what a checkpoint holds.
    pub(super) fn without_history(&self, msn: u64) -> Self {
        let closed = self.closed.iter().filter(|segment| segment.msn >= msn).cloned().collect();
        Self {
            begin: self.begin.clone(),
            shape: self.shape,
            run: self.run.clone(),
            next_ticks: self.next_ticks,
            history: History::default(),
            closed,
            open: self.open.clone(),
            next_msn: self.next_msn,
            discontinuity_next: self.discontinuity_next,
            ended: self.ended,
            rate: self.rate,
            window: self.window.clone(),
            pace: self.pace,
            past: self.past.clone(),
            unsettled: None,
        }
    }
}
