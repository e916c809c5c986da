//! `SegmentTemplate` (ISO/IEC 23009-1 §5.3.9.4): how segments are told, and when they can be had.

use super::period::{Period, Stretch};
use super::timeline::{self, Entry};
use super::xml::{Document, Tag};
use super::{Form, date};
use crate::cmaf::TrackKind;
use crate::log::{Reference, SessionId, Shape};
use crate::time::Timescale;

/// How the segments of a rendition in a Period are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template<'a> {
    session: &'a SessionId,
    timescale: Timescale,
    offset_ticks: u64,
    /// `@startNumber`.
    pub(super) start_number: u64,
    /// `@endNumber`: of what is told by the clock, and is over.
    end_number: Option<u64>,
    /// Players may be told of parts.
    has_parts: bool,
    /// By how much sooner than its end a segment can be asked for.
    lead_ticks: Option<u64>,
    pub(super) addressing: Addressing,
}

/// The two ways of telling where segments are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Addressing {
    /// `@duration`: each about this long.
    Duration(u64),
    /// `SegmentTimeline`.
    Timeline(Vec<Entry>),
}

/// What is written of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All.
    Whole,
    /// All but what a patch can bring up to date.
    Outline,
}

impl<'a> Template<'a> {
    pub(super) fn of(stretch: &Stretch<'a>, period: &Period<'_>, form: Form, is_dynamic: bool) -> Self {
        let timescale = stretch.run.timescale;
        let offset_ticks = period.offset_ticks(timescale);
        let is_growing = is_dynamic && period.is_last;
        // When a Period is over, it is told as it was: shaka-player cannot change from one way to the other.
        let regular = if form == Form::Chunked { regular(stretch, period, offset_ticks) } else { None };
        let (start_number, addressing) = match regular {
            Some((duration_ticks, start_number)) => (start_number, Addressing::Duration(duration_ticks)),
            None => {
                let first = stretch.segments.first().map_or(stretch.run.first_msn, |segment| segment.msn);
                (first, Addressing::Timeline(timeline::entries(stretch, form)))
            }
        };
        let is_over = !is_growing && matches!(addressing, Addressing::Duration(_));
        let chain = stretch.rendition.chain;
        let expected_ticks = match &addressing {
            Addressing::Duration(ticks) => Some(*ticks),
            Addressing::Timeline(_) => is_growing.then(|| chain.pace.expected_ticks()),
        };
        let lead_ticks = match expected_ticks.filter(|_| chain.has_parts()) {
            Some(expected) => expected.saturating_sub(chain.part_target_ticks()),
            // Nobody is told of a segment before it is there. But shaka-player goes by the least lead in a
            // manifest: it would leave low latency at the first subtitle, or the second Period.
            None => {
                let Shape { segment_ms, part_ms, .. } = chain.shape;
                timescale.ticks_from_ms(u64::from(segment_ms.saturating_sub(part_ms)))
            }
        };
        let has_lead = is_dynamic && !chain.shape.whole_segments && lead_ticks > 0;
        Self {
            session: &stretch.run.session,
            timescale,
            offset_ticks,
            start_number,
            end_number: stretch.segments.last().map(|last| last.msn).filter(|_| is_over),
            has_parts: chain.has_parts(),
            lead_ticks: has_lead.then_some(lead_ticks),
            addressing,
        }
    }

    /// Whether it says the same of its segments as another does of its own, so that players may go from one
    /// to the other at any (`@segmentAlignment`).
    pub(super) fn is_aligned(&self, other: &Self) -> bool {
        (self.timescale, self.offset_ticks, &self.addressing)
            == (other.timescale, other.offset_ticks, &other.addressing)
    }

    /// How long its longest segment is, or may become, in tenths of a second, rounded up.
    pub(super) fn longest_tenths(&self, stretch: &Stretch<'_>) -> u64 {
        let told = match &self.addressing {
            Addressing::Duration(ticks) => Some(*ticks),
            Addressing::Timeline(entries) => entries.iter().map(|entry| entry.duration_ticks).max(),
        };
        let ticks = stretch.segments.iter().map(|segment| segment.duration_ticks).chain(told).max();
        let tenths = ticks.unwrap_or(0).saturating_mul(10);
        tenths.div_ceil(u64::from(self.timescale.ticks_per_second()))
    }

    /// How many entries its timeline has.
    pub(super) fn entries(&self) -> usize {
        match &self.addressing {
            Addressing::Duration(_) => 0,
            Addressing::Timeline(entries) => entries.len(),
        }
    }

    /// Whether segments can be asked for before they are whole.
    pub(super) fn is_early(&self, form: Form) -> bool {
        self.lead_ticks.is_some() || (self.has_parts && form == Form::Sequence)
    }

    pub(super) fn write(&self, to: &mut Document, root: &str, form: Form, extent: Extent) {
        let number =
            if self.has_parts && form == Form::Sequence { "$Number$_$SubNumber$" } else { "$Number$" };
        let media = format!("{root}/$RepresentationID$/{}-{number}.m4s", self.session);
        let initialization = format!("{root}/$RepresentationID$/{}/init.mp4", self.session);
        let lead = self.lead_ticks.map(|ticks| date::seconds(ticks, self.timescale));
        let tag = Tag::new("SegmentTemplate")
            .with("timescale", self.timescale.ticks_per_second())
            .with_some("presentationTimeOffset", Some(self.offset_ticks).filter(|ticks| *ticks > 0))
            .with_some("availabilityTimeOffset", lead.as_ref())
            .with_some("availabilityTimeComplete", lead.is_some().then_some("false"));
        let tag = match &self.addressing {
            Addressing::Duration(ticks) => tag.with("duration", *ticks),
            Addressing::Timeline(_) => tag,
        };
        let is_told = extent == Extent::Whole || matches!(self.addressing, Addressing::Duration(_));
        let tag = tag
            .with_some("startNumber", is_told.then_some(self.start_number))
            .with_some("endNumber", self.end_number)
            .with("media", &media)
            .with("initialization", &initialization);
        let Addressing::Timeline(entries) = &self.addressing else { return to.empty(tag) };
        to.open(tag);
        to.open(Tag::new("SegmentTimeline"));
        if extent == Extent::Whole {
            Entry::write_all(entries, to);
        }
        to.close();
        to.close();
    }
}

impl Entry {
    /// Each as an `S`.
    pub(super) fn write_all(entries: &[Self], to: &mut Document) {
        to.empties("S", entries, |tag, entry| {
            tag.with("t", entry.start_ticks)
                .with("d", entry.duration_ticks)
                .with_some("r", Some(entry.repeat).filter(|repeat| *repeat > 0))
                .with_some("k", Some(entry.parts).filter(|parts| *parts > 1))
        });
    }
}

/// The duration and the number of the Period's first segment by which all segments of the stretch are told
/// to within half of one, of those that were and, as far as can be known, of those to come.
fn regular(stretch: &Stretch<'_>, period: &Period<'_>, offset_ticks: u64) -> Option<(u64, u64)> {
    let chain = stretch.rendition.chain;
    let is_sparse = chain.begin.kind == TrackKind::Text;
    let run = stretch.run;
    if is_sparse {
        return None;
    }
    let shown_after = stretch.segments.first()?.offset_ticks;
    let begins_after = i128::from(run.start_ticks)
        .saturating_add(i128::from(shown_after))
        .saturating_sub(i128::from(offset_ticks));
    let told = chain.pace_of(run)?.grids().filter_map(|grid| {
        let duration = i128::from(grid.duration_ticks).max(1);
        // The Period may have begun before the run, or in the middle of it.
        let index = begins_after.saturating_add(duration / 2).div_euclid(duration);
        let rest = begins_after.saturating_sub(index.saturating_mul(duration));
        let latest = rest.saturating_add(i128::from(grid.late_ticks));
        let earliest = rest.saturating_sub(i128::from(grid.early_ticks));
        let off = latest.max(earliest.saturating_neg());
        let start_number = u64::try_from(i128::from(run.first_msn).saturating_sub(index)).ok()?;
        // The numbers before a run's are of segments in another Period, unless it is the track's first.
        let is_first = run.first_msn <= chain.begin.first_msn.max(1);
        if start_number < run.first_msn && !is_first {
            return None;
        }
        let half_ms = run.timescale.ms_from_ticks(grid.duration_ticks) / 2;
        let is_regular = off.saturating_mul(2) <= duration && is_on_time(&stretch.segments, period, half_ms);
        is_regular.then_some((off, grid.duration_ticks, start_number))
    });
    told.min_by_key(|(off, ..)| *off).map(|(_, duration_ticks, start_number)| (duration_ticks, start_number))
}

/// Whether segments are stored about when the wall clock says, which is all that players go by. An encoder's
/// clock may run away from it.
fn is_on_time(segments: &[Reference<'_>], period: &Period<'_>, tolerance_ms: u64) -> bool {
    let lately = segments.iter().rev().take(LATENESS_SEGMENTS).filter(|segment| !segment.is_gap);
    let lateness = lately.map(|segment| segment.newest.since_ms(period.end_of(segment)));
    // What was late only once was held up on its way.
    lateness.min().is_none_or(|ms| ms.unsigned_abs() <= tolerance_ms)
}

/// Segments that tell how late an encoder is.
const LATENESS_SEGMENTS: usize = 16;
