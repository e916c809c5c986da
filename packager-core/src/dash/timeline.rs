//! `SegmentTimeline` (ISO/IEC 23009-1 §5.3.9.6): segments with their true times.

use super::Form;
use super::period::Stretch;
use crate::log::Chain;

/// An `S`: one segment, or several of one length that follow on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// `@t`: when the first of them begins to be shown, in media time.
    pub(super) start_ticks: u64,
    /// `@d`.
    pub(super) duration_ticks: u64,
    /// `@r`: how many follow the first.
    pub(super) repeat: u64,
    /// `@k`: of how many parts each is made.
    pub(super) parts: u64,
}

impl Entry {
    /// Whether a segment begins then, and which: none before it, or some.
    pub(super) fn index_of(&self, start_ticks: u64) -> Option<u64> {
        let after = start_ticks.checked_sub(self.start_ticks)?;
        let index = after.checked_div(self.duration_ticks)?;
        let is_start = index.checked_mul(self.duration_ticks) == Some(after) && index <= self.repeat;
        is_start.then_some(index)
    }
}

/// How long an open segment that has come to so much is expected to become.
fn expected_ticks(chain: &Chain, so_far_ticks: u64) -> u64 {
    let expected = chain.pace.expected_ticks();
    // One that outgrows what was expected of it may get as long as any.
    if so_far_ticks <= expected { expected } else { chain.segment_limit_ticks().max(so_far_ticks) }
}

/// The segments of a stretch, equal ones merged.
pub(super) fn entries(stretch: &Stretch<'_>, form: Form) -> Vec<Entry> {
    let chain = stretch.rendition.chain;
    let mut entries: Vec<Entry> = Vec::new();
    let newest = stretch.segments.last().map(|newest| newest.msn);
    for segment in &stretch.segments {
        let start_ticks = segment.shown_ticks();
        let so_far = stretch.open_until.filter(|_| newest == Some(segment.msn));
        let so_far = so_far.map(|until| until.saturating_sub(segment.start_ticks));
        let length = so_far.map_or(segment.duration_ticks, |so_far| expected_ticks(chain, so_far));
        // Pictures that are reordered otherwise than before make a segment begin a little sooner or later.
        let next = chain.reference(segment.msn.saturating_add(1)).filter(|next| stretch.knows(next));
        let until_next = next.and_then(|next| next.shown_ticks().checked_sub(start_ticks));
        // When a gap is listed what follows it may still be unknown: it keeps its length, unless that begins sooner.
        let until_next = until_next.filter(|ticks| *ticks > 0 && (!segment.is_gap || *ticks < length));
        let parts = match so_far {
            None => u64::try_from(segment.parts).unwrap_or(u64::MAX).max(1),
            Some(_) => length.div_ceil(chain.part_target_ticks().max(1)),
        };
        let entry = Entry {
            start_ticks,
            duration_ticks: until_next.unwrap_or(length).max(1),
            repeat: 0,
            parts: if form == Form::Sequence && chain.has_parts() { parts } else { 1 },
        };
        match entries.last_mut() {
            Some(last)
                if (last.duration_ticks, last.parts) == (entry.duration_ticks, entry.parts)
                    && end_ticks(last) == start_ticks =>
            {
                last.repeat = last.repeat.saturating_add(1);
            }
            _ => entries.push(entry),
        }
    }
    entries
}

fn end_ticks(entry: &Entry) -> u64 {
    let count = entry.repeat.saturating_add(1);
    entry.start_ticks.saturating_add(entry.duration_ticks.saturating_mul(count))
}
