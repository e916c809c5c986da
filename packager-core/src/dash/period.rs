//! Which Periods there are (ISO/IEC 23009-1 §5.3.2): a new one at each discontinuity, and where a track
//! goes on under another header.

use crate::log::{Anchor, Part, PeriodRecord, Rendition, Run, Segment, SessionId};
use crate::order::in_order;
use crate::time::{Timescale, WallMs};

/// What is listed of a rendition.
#[derive(Debug, Clone)]
pub(super) struct Listed<'a> {
    pub(super) rendition: &'a Rendition<'a>,
    /// Oldest first.
    pub(super) segments: Vec<&'a Segment>,
    /// The newest of them may still grow: it is known up to this decode time.
    pub(super) open_until: Option<u64>,
    /// Decode time of the chain's next entry.
    pub(super) next_ticks: u64,
}

impl<'a> Listed<'a> {
    /// What is listed now.
    pub(super) fn now(rendition: &'a Rendition<'a>) -> Self {
        let chain = rendition.chain;
        let first = chain.closed.len().saturating_sub(chain.listed());
        // What is open of a track without parts comes as a whole.
        let open = chain.open.as_ref().filter(|_| chain.has_parts());
        let segments = chain.closed.iter().skip(first).chain(open).collect();
        let next_ticks = chain.next_ticks;
        Self { rendition, segments, open_until: open.map(|_| next_ticks), next_ticks }
    }

    /// All parts of what is listed.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        let newest = self.segments.last().map(|newest| newest.msn);
        self.segments.iter().flat_map(move |segment| {
            let until = self.open_until.filter(|_| newest == Some(segment.msn));
            segment.parts.iter().filter(move |part| until.is_none_or(|until| part.start_ticks < until))
        })
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
    /// Nothing comes after it yet.
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
    pub(super) fn wall_of(&self, segment: &Segment) -> WallMs {
        let timescale = segment.run.timescale;
        self.record.anchor.wall_at(segment.start_ticks, segment.offset_ticks(), timescale)
    }

    /// When a segment of it has been shown.
    pub(super) fn end_of(&self, segment: &Segment) -> WallMs {
        let timescale = segment.run.timescale;
        self.record.anchor.wall_at(segment.end_ticks(), segment.offset_ticks(), timescale)
    }
}

/// The session that a run changes to within its period; `None` of one that is there from the start.
fn changed_to<'a>(run: &'a Run, record: &PeriodRecord) -> Option<&'a SessionId> {
    (run.session != record.session).then_some(&run.session)
}

/// The Periods in which something is listed, in order. Where tracks change to the same session, that is one
/// Period, which begins with the first of them.
pub(super) fn periods<'a>(records: &'a [PeriodRecord], listed: &[Listed<'a>]) -> Vec<Period<'a>> {
    let mut found: Vec<Period<'a>> = Vec::new();
    for listed in listed {
        let mut last: Option<&Run> = None;
        for segment in listed.segments.iter().filter(|segment| !segment.is_gap()) {
            let run = &segment.run;
            if last == Some(run) {
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
            let same = found.iter_mut().find(|known| known.number == run.period && known.session == session);
            match same {
                Some(known) => known.wall = known.wall.min(wall),
                None => found.push(Period { record, number: run.period, session, wall, is_last: false }),
            }
        }
    }
    let mut found = in_order(found, |period| (period.number, period.session.is_some(), period.wall));
    if let Some(last) = found.last_mut() {
        last.is_last = true;
    }
    found
}

/// A rendition's segments in one Period: of one run, and so under one header.
#[derive(Debug, Clone)]
pub(super) struct Stretch<'a> {
    pub(super) rendition: &'a Rendition<'a>,
    pub(super) run: &'a Run,
    pub(super) segments: Vec<&'a Segment>,
    /// The newest of them may still grow: it is known up to this decode time.
    pub(super) open_until: Option<u64>,
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
        .filter(|segment| !segment.is_gap())
        .map(|segment| &segment.run)
        .find(|run| home(run).is_some_and(|home| home <= index))?;
    let is_in = |segment: &&&'a Segment| {
        segment.run == *run
            && period.end_of(segment) > period.wall
            && next.is_none_or(|next| period.wall_of(segment) < next.wall)
    };
    let segments: Vec<&'a Segment> = listed.segments.iter().filter(is_in).copied().collect();
    let newest = segments.last()?;
    if segments.iter().all(|segment| segment.is_gap()) {
        return None;
    }
    let is_newest = listed.segments.last().is_some_and(|last| last.msn == newest.msn);
    let open_until = listed.open_until.filter(|_| is_newest);
    Some(Stretch { rendition: listed.rendition, run, segments, open_until })
}
