//! Checkpoints: the fold of a chain up to some key, so that a cold reader need not start at `begin`.
//!
//! A checkpoint decides nothing. It is what any reader of the same chain would have computed, it
//! ends where the chain did, and a missing or late one costs a cold start a few more reads.
//!
//! `index/head.json` is replaced (compare-and-swap) when a segment closes. Closed segments move to
//! immutable pages of [`PAGE_SEGMENTS`] by number, so that the page of an old segment is known from
//! its number alone; [listings](super::index) beside them say of many what playlists say.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::history::History;
use super::record;
use super::segment::Segment;

/// Segments in a page, by number: page p holds those of p·64 to p·64 + 63.
pub const PAGE_SEGMENTS: u64 = 64;

/// The page that a segment is, or will be, in.
pub fn page_of(msn: u64) -> u64 {
    msn / PAGE_SEGMENTS
}

/// `index/head.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The chain, with the closed segments that are not in pages yet, and the recent ones.
    pub chain: Chain,
}

/// `index/{page}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// All segments with a number in the page's range, in order.
    pub segments: Vec<Segment>,
}

impl Checkpoint {
    /// The checkpoint of a chain. All segments before the number `paged_until` are in pages that are stored.
    pub fn of(chain: &Chain, paged_until: u64) -> Self {
        Self { chain: chain.without_history(paged_until.min(chain.recent_from())) }
    }

    /// As stored.
    pub fn to_json(&self) -> String {
        record::to_json(self)
    }

    /// Reads a stored one. What does not hold together is refused whole: the chain is still there.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let checkpoint: Self = record::from_json(bytes)?;
        let chain = &checkpoint.chain;
        let numbers = chain.closed.iter().chain(&chain.open).map(|segment| segment.msn);
        let consecutive =
            numbers.clone().zip(numbers.clone().skip(1)).all(|(a, b)| a.checked_add(1) == Some(b));
        let last = chain
            .open
            .as_ref()
            .or(chain.closed.back())
            .map(|segment| segment.msn)
            .and_then(|msn| msn.checked_add(1))
            .unwrap_or(chain.begin.first_msn.max(1));
        if consecutive && last == chain.next_msn && chain.window.is_sound(chain.next_msn) {
            Ok(checkpoint)
        } else {
            Err("its segments are not numbered in order".to_owned())
        }
    }
}

impl Chain {
    /// The pages of the closed segments that are not kept whole: those before `closed`.
    pub fn forgotten_pages(&self) -> Range<u64> {
        let begins = self.begin.first_msn.max(1);
        match self.closed.front().map_or(self.boundary_msn(), |first| first.msn).checked_sub(1) {
            Some(last) if last >= begins => page_of(begins)..page_of(last).saturating_add(1),
            _ => 0..0,
        }
    }

    /// Takes the [forgotten segments](Self::forgotten_pages) back from their pages, in order. `false`, and nothing
    /// is changed, if these are not they: the chain has to be read from its beginning then.
    pub fn recall(&mut self, pages: Vec<Page>) -> bool {
        let numbers = self.forgotten_pages();
        let are_they = pages.len() == numbers.clone().count()
            && pages.iter().zip(numbers).all(|(page, number)| page.is(number));
        let kept_from = self.closed.front().map_or(self.boundary_msn(), |first| first.msn);
        let mut older = VecDeque::new();
        for segment in pages.into_iter().flat_map(|page| page.segments) {
            if segment.msn < kept_from {
                older.push_back(segment);
            } else if self.segment(segment.msn) != Some(&segment) {
                return false;
            }
        }
        let begins = older.front().is_none_or(|first| {
            first.msn == self.begin.first_msn.max(1) && first.start_ticks == first.run.start_ticks
        });
        let all = || older.iter().chain(&self.closed).chain(&self.open);
        let in_order = all().zip(all().skip(1)).all(|(before, after)| after.follows(before));
        if !(are_they && begins && in_order && older.iter().all(Segment::is_contiguous)) {
            return false;
        }
        older.append(&mut self.closed);
        self.closed = older;
        self.history = History::default();
        true
    }
}

impl Page {
    /// The page, once all its segments are closed; `None` before, and when the chain has forgotten
    /// some of them.
    pub fn complete(chain: &Chain, page: u64) -> Option<Self> {
        let is_whole = chain.last_closed_msn().is_some_and(|last| page_of(last.saturating_add(1)) > page);
        let first = page.saturating_mul(PAGE_SEGMENTS).max(chain.begin.first_msn).max(1);
        let segments: Vec<_> =
            chain.closed.iter().filter(|segment| page_of(segment.msn) == page).cloned().collect();
        let starts_first = segments.first().is_some_and(|segment| segment.msn == first);
        (is_whole && starts_first).then_some(Self { segments })
    }

    /// As stored.
    pub fn to_json(&self) -> String {
        record::to_json(self)
    }

    /// Reads a stored one.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        record::from_json(bytes)
    }

    /// Whether its segments are those of that page, in order, up to its last.
    pub fn is(&self, page: u64) -> bool {
        let numbers = self.segments.iter().map(|segment| segment.msn);
        let in_order = numbers.clone().zip(numbers.clone().skip(1)).all(|(a, b)| a.checked_add(1) == Some(b));
        let last = self.segments.last().and_then(|last| last.msn.checked_add(1));
        let end = page.checked_add(1).and_then(|next| next.checked_mul(PAGE_SEGMENTS));
        in_order && last.is_some() && last == end && numbers.clone().all(|msn| page_of(msn) == page)
    }
}

#[cfg(test)]
mod tests;
