//! Which Periods there are (ISO/IEC 23009-1 §5.3.2): a new one at each discontinuity, and where a track
//! goes on under another header.

use crate::log::{Anchor, Chain, PeriodRecord, Reference, Rendition, Run, Segment, SessionId, Within};
use crate::order::in_order;
use crate::time::{Timescale, WallMs};

/// What is listed of a rendition.
#[derive(Debug, Clone)]
pub(super) struct Listed<'a> {
    pub(super) rendition: &'a Rendition<'a>,
    /// Oldest first.
    pub(super) segments: Vec<Reference<'a>>,
    /// The newest of them may still grow: it is known up to this decode time.
    pub(super) open_until: Option<u64>,
    /// Decode time of the chain's next entry.
    pub(super) next_ticks: u64,
    /// How far the chain has come: more with each entry.
    pub(super) progress: u64,
    /// When the newest part that is listed, or was, was stored.
    pub(super) newest: Option<WallMs>,
}

/// As many steps as a segment counts for in how far a chain has come: more than most have parts.
const STEPS_PER_SEGMENT: u64 = 64;

/// How far a chain has come whose segment of this number has so many parts, and is open.
pub(super) fn progress_in(run: &Run, msn: u64, parts: usize) -> u64 {
    let parts = u64::try_from(parts).unwrap_or(u64::MAX).min(STEPS_PER_SEGMENT.saturating_sub(4));
    progress_before(run, msn).saturating_add(1).saturating_add(parts)
}

/// How far a chain has come that has nothing open, and goes on with the segment of this number.
pub(super) fn progress_before(run: &Run, msn: u64) -> u64 {
    // Times may start over in another run, and numbers do not.
    msn.saturating_mul(STEPS_PER_SEGMENT).saturating_add(run.period.into())
}

fn progress(chain: &Chain) -> u64 {
    let so_far = match &chain.open {
        Some(open) => progress_in(&chain.run, open.msn, open.parts.len()),
        None => progress_before(&chain.run, chain.next_msn),
    };
    so_far.saturating_add(if chain.ended { 1 } else { 0 })
}

impl<'a> Listed<'a> {
    /// What is listed now.
    pub(super) fn now(rendition: &'a Rendition<'a>) -> Self {
        Self::within(rendition, Within { from: rendition.chain.listed_from(), until: None })
    }

    /// What is there of a part of the past, and what goes on from there.
    pub(super) fn within(rendition: &'a Rendition<'a>, Within { from, until }: Within) -> Self {
        let chain = rendition.chain;
        // What is open of a track without parts comes as a whole.
        let open = chain.open.as_ref().filter(|_| chain.has_parts() && until.is_none());
        let closed = chain.references(from, until.unwrap_or(u64::MAX));
        let segments = closed.chain(open.map(Segment::reference)).collect();
        let newest = open.or(chain.closed.back());
        Self {
            rendition,
            segments,
            open_until: open.map(|_| chain.next_ticks),
            next_ticks: chain.next_ticks,
            progress: progress(chain),
            newest: newest.map(Segment::newest),
        }
    }
}

/// A Period.
#[derive(Debug, Clone)]
pub(super) struct Period<'a> {
    pub(super) record: &'a PeriodRecord,
    /// Number of its record.
    number: u32,
    /// Under which it begins, where that is not the record's.
    session: Option<&'a SessionId>,
    /// When it begins.
    pub(super) wall: WallMs,
    /// It may go on: nothing comes after it yet.
    pub(super) is_last: bool,
}

impl<'a> Period<'a> {
    /// `Period@id`.
    pub(super) fn id(&self) -> String {
        match self.session {
            None => self.number.to_string(),
            Some(session) => format!("{}-{session}", self.number),
        }
    }

    /// It goes on where the Period before it ended, on the same timeline.
    pub(super) fn is_continuous(&self) -> bool {
        self.session.is_some()
    }

    /// `@presentationTimeOffset`: the media time that is shown when the Period begins.
    pub(super) fn offset_ticks(&self, timescale: Timescale) -> u64 {
        let anchor = &self.record.anchor;
        let after_ms = u64::try_from(self.wall.since_ms(anchor.wall)).unwrap_or(0);
        anchor.time_in(timescale).saturating_add(timescale.ticks_from_ms(after_ms))
    }

    /// Its map from media time to the wall clock, where the encoder gave it (`prft`).
    pub(super) fn produced(&self) -> Option<&'a Anchor> {
        Some(&self.record.anchor).filter(|anchor| anchor.is_produced)
    }

    /// When a segment of it begins to be shown.
    pub(super) fn wall_of(&self, segment: &Reference<'_>) -> WallMs {
        let timescale = segment.run.timescale;
        self.record.anchor.wall_at(segment.start_ticks, segment.offset_ticks, timescale)
    }

    /// When a segment of it has been shown.
    pub(super) fn end_of(&self, segment: &Reference<'_>) -> WallMs {
        let timescale = segment.run.timescale;
        self.record.anchor.wall_at(segment.end_ticks(), segment.offset_ticks, timescale)
    }
}

/// Whether two segments of a track are of the same run: each run has a first.
fn is_same(run: &Run, other: &Run) -> bool {
    run.first_msn == other.first_msn
}

/// The session that a run changes to within its period; `None` of one that is there from the start.
fn changed_to<'a>(run: &'a Run, record: &PeriodRecord) -> Option<&'a SessionId> {
    (run.session != record.session).then_some(&run.session)
}

/// The Periods in which something is listed, in order. Where tracks change to the same session, that is one
/// Period, which begins with the first of them. None begins before the presentation does.
pub(super) fn periods<'a>(
    records: &'a [PeriodRecord],
    listed: &[Listed<'a>],
    begins: WallMs,
) -> Vec<Period<'a>> {
    let mut found: Vec<Period<'a>> = Vec::new();
    for listed in listed {
        let mut last: Option<&Run> = None;
        for segment in listed.segments.iter().filter(|segment| !segment.is_gap) {
            let run = segment.run;
            if last.is_some_and(|last| is_same(run, last)) {
                continue;
            }
            last = Some(run);
            let record = usize::try_from(run.period).ok().and_then(|number| records.get(number));
            let Some(record) = record else { continue };
            let session = changed_to(run, record);
            let wall = match session {
                None => record.anchor.wall,
                // Not before the record's, however the track's pictures are reordered.
                Some(_) => record.anchor.wall_at(run.start_ticks, 0, run.timescale).max(record.anchor.wall),
            };
            let wall = wall.max(begins);
            let same = found.iter_mut().find(|known| known.number == run.period && known.session == session);
            match same {
                Some(known) => known.wall = known.wall.min(wall),
                None => found.push(Period { record, number: run.period, session, wall, is_last: false }),
            }
        }
    }
    let mut found = in_order(found, |period| (period.number, period.session.is_some(), period.wall));
    // Where a track has gone on to another, none of the others has more to come in this one.
    let newest = listed.iter().map(|listed| listed.rendition.chain.run.period).max();
    if let Some(last) = found.last_mut() {
        last.is_last = newest == Some(last.number);
    }
    found
}

/// A rendition's segments in one Period: of one run, and so under one header.
#[derive(Debug, Clone)]
pub(super) struct Stretch<'a> {
    pub(super) rendition: &'a Rendition<'a>,
    pub(super) run: &'a Run,
    pub(super) segments: Vec<Reference<'a>>,
    /// The newest of them may still grow: it is known up to this decode time.
    pub(super) open_until: Option<u64>,
    /// Decode time of the chain's next entry.
    next_ticks: u64,
    /// The chain's next entry will be of this run.
    is_newest_run: bool,
}

impl Stretch<'_> {
    /// Whether a segment is of the same run, and was begun already, be it listed or not.
    pub(super) fn knows(&self, segment: &Reference<'_>) -> bool {
        is_same(segment.run, self.run) && (!self.is_newest_run || segment.start_ticks < self.next_ticks)
    }
}

/// What a rendition shows in the Period at `index`; `None` where it shows nothing.
pub(super) fn stretch<'a>(listed: &Listed<'a>, periods: &[Period<'a>], index: usize) -> Option<Stretch<'a>> {
    let period = periods.get(index)?;
    let next = periods.get(index.saturating_add(1)).filter(|next| next.number == period.number);
    // A run is of the Period in which it begins, and of those after it until another takes over.
    let home = |run: &Run| {
        periods
            .iter()
            .position(|home| home.number == run.period && home.session == changed_to(run, home.record))
    };
    let newest = listed.segments.iter().rev().filter(|segment| segment.run.period == period.number);
    let run = newest
        .filter(|segment| !segment.is_gap)
        .map(|segment| segment.run)
        .find(|run| home(run).is_some_and(|home| home <= index))?;
    let of_run = listed.segments.iter().copied().filter(|segment| is_same(segment.run, run));
    let segments: Vec<Reference<'a>> = of_run
        .skip_while(|segment| period.end_of(segment) <= period.wall)
        .take_while(|segment| next.is_none_or(|next| period.wall_of(segment) < next.wall))
        .collect();
    let newest = segments.last()?;
    if segments.iter().all(|segment| segment.is_gap) {
        return None;
    }
    let is_newest = listed.segments.last().is_some_and(|last| last.msn == newest.msn);
    let open_until = listed.open_until.filter(|_| is_newest);
    let is_newest_run = listed.rendition.chain.run == *run;
    Some(Stretch {
        is_newest_run,
        rendition: listed.rendition,
        run,
        segments,
        open_until,
        next_ticks: listed.next_ticks,
    })
}
