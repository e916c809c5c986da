//! The fold: a track's chain of parts and markers, read into segments and numbers.
//!
//! It depends on the log alone, never on a clock or on what one reader happened to see, so that
//! every reader, cold or warm, early or late, comes to the same segments.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Independence, Marker, PartMeta};
use super::history::History;
use super::name::SessionId;
use super::pace::Pace;
use super::record::{Begin, Shape};
use super::segment::{BitRate, Part, Run, Segment};
use super::window::Window;
use crate::cmaf::TrackKind;
use crate::limits;
use crate::time::{Timescale, WallMs};

/// An entry that cannot stand where it was found: the log is damaged there, and the chain ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A gap that ends where it begins, or before.
    #[error("the gap marker at {start_ticks} goes back to {until_ticks}")]
    GapGoesBack {
        /// Where the marker is.
        start_ticks: u64,
        /// Where it says the gap ends.
        until_ticks: u64,
    },
    /// A gap longer than any cutter declares.
    #[error(
        "the gap marker at {start_ticks} lasts until {until_ticks}, longer than any gap Rimcast declares"
    )]
    GapTooLong {
        /// Where the marker is.
        start_ticks: u64,
        /// Where it says the gap ends.
        until_ticks: u64,
    },
    /// A marker that leads to an earlier period, or skips one.
    #[error("a marker leads from period {from} to period {to}")]
    PeriodOutOfOrder {
        /// The chain's period.
        from: u32,
        /// The marker's.
        to: u32,
    },
    /// A part that lasts no time, or longer than the broadcast's parts can.
    #[error("the part at {start_ticks} lasts {duration_ticks} ticks, which no part of this track can")]
    PartLength {
        /// Where the part is.
        start_ticks: u64,
        /// What its metadata says.
        duration_ticks: u64,
    },
    /// More parts in a segment than can be.
    #[error("segment {msn} has too many parts")]
    TooManyParts {
        /// The segment.
        msn: u64,
    },
    /// Something follows the end.
    #[error("the track has ended")]
    Ended,
}

/// A run that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRun {
    /// Which.
    pub run: Run,
    /// Decode time of its end.
    #[serde(rename = "until")]
    pub end_ticks: u64,
    /// The number after its last segment's.
    #[serde(rename = "next")]
    pub next_msn: u64,
    /// How regular its segments were.
    pub pace: Pace,
}

/// A track's chain, as far as it was read.
///
/// `closed` may have been [trimmed](Chain::trim) at its front, and `history` may hold less than what was trimmed;
/// everything else is as if the chain had been read from its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Where it began.
    pub begin: Begin,
    /// What is fixed for the whole broadcast.
    pub shape: Shape,
    /// Where the next entry will stand.
    pub run: Run,
    /// Decode time of the next entry: with `run`, the next key.
    pub next_ticks: u64,
    /// The segments before those in `closed`, without their parts, as far as they are known.
    #[serde(skip)]
    pub history: History,
    /// Closed segments, oldest first.
    pub closed: VecDeque<Segment>,
    /// The segment that the next part may belong to. Never a gap.
    pub open: Option<Segment>,
    /// Number of the next segment to be begun.
    pub next_msn: u64,
    /// The next segment begins a period.
    pub discontinuity_next: bool,
    /// An `ended` marker was read.
    pub ended: bool,
    /// Of all closed segments so far.
    pub rate: BitRate,
    /// What a long window lists.
    #[serde(default)]
    pub window: Window,
    /// How regular the segments of the current run are.
    pub pace: Pace,
    /// The runs before, as far as anybody may still ask for them: oldest first.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub past: VecDeque<PastRun>,
    /// What was taken in so far, while the shape is assumed: another one may give other segments.
    #[serde(skip)]
    pub(super) unsettled: Option<Vec<(Entry, u64)>>,
}

impl Chain {
    /// The empty chain of a track that has begun.
    pub fn new(begin: Begin, shape: Shape) -> Self {
        let run = Run {
            session: begin.session.clone(),
            timescale: begin.timescale,
            period: begin.period,
            start_ticks: begin.start_ticks,
            first_msn: begin.first_msn.max(1),
        };
        Self {
            pace: Pace::begin(run.timescale.ticks_from_ms(u64::from(shape.segment_ms)), None),
            past: VecDeque::new(),
            next_ticks: run.start_ticks,
            next_msn: run.first_msn,
            run,
            history: History::default(),
            closed: VecDeque::new(),
            window: Window::default(),
            open: None,
            discontinuity_next: false,
            ended: false,
            rate: BitRate::default(),
            begin,
            shape,
            unsettled: None,
        }
    }

    /// The empty chain of a track that has begun before the broadcast's shape was fixed.
    pub fn assuming(begin: Begin, shape: Shape) -> Self {
        Self { unsettled: Some(Vec::new()), ..Self::new(begin, shape) }
    }

    /// The shape is fixed now: reads all that was taken in again, as every other reader will.
    pub fn settle(&mut self, shape: Shape) -> Result<(), ChainError> {
        let Some(entries) = self.unsettled.take() else { return Ok(()) };
        let mut settled = Self::new(self.begin.clone(), shape);
        for (entry, bytes) in entries {
            settled.absorb(&entry, bytes)?;
        }
        *self = settled;
        Ok(())
    }

    /// PART-TARGET in ticks of the current run.
    pub fn part_target_ticks(&self) -> u64 {
        self.begin.timescale.convert_ticks(self.begin.part_target_ticks, self.run.timescale)
    }

    /// Shortest that the open segment may be when an independent part comes: `segment_ms` less half a
    /// part. One that nobody can start in ends as soon as there is something to start with.
    pub fn shortest_segment_ticks(&self) -> u64 {
        if self.open.as_ref().is_some_and(|open| !open.is_independent()) {
            return 1;
        }
        let timescale = self.run.timescale;
        let part_ticks = if self.is_text() {
            timescale.ticks_from_ms(u64::from(self.shape.part_ms))
        } else {
            self.part_target_ticks()
        };
        timescale.ticks_from_ms(u64::from(self.shape.segment_ms)).saturating_sub(part_ticks / 2).max(1)
    }

    /// Whether viewers are told of parts. Text has none, and where an encoder sends whole segments there
    /// would be several at once and then none for too long (HLS §6.2.1).
    pub fn has_parts(&self) -> bool {
        !self.is_text() && !self.shape.whole_segments
    }

    /// What is stored as a part of text is a segment as soon as it is long enough: its encoders send whole
    /// segments.
    fn is_text(&self) -> bool {
        self.begin.kind == TrackKind::Text
    }

    /// A segment never gets this long: its EXTINF would round above TARGETDURATION (HLS §4.4.3.1).
    pub fn segment_limit_ticks(&self) -> u64 {
        let limit_ms = u64::from(self.shape.target_duration_s).saturating_mul(1000).saturating_add(500);
        self.run.timescale.ticks_from_ms(limit_ms).max(1)
    }

    /// TARGETDURATION in ticks of the current run.
    pub fn target_ticks(&self) -> u64 {
        u64::from(self.run.timescale.ticks_per_second())
            .saturating_mul(u64::from(self.shape.target_duration_s))
            .max(1)
    }

    /// Where the open segment began, or where the next one will.
    pub fn boundary_ticks(&self) -> u64 {
        self.open.as_ref().map_or(self.next_ticks, |open| open.start_ticks)
    }

    /// The newest closed segment's number.
    pub fn last_closed_msn(&self) -> Option<u64> {
        self.closed.back().map(|segment| segment.msn)
    }

    /// A kept segment, open or closed, by its number.
    pub fn segment(&self, msn: u64) -> Option<&Segment> {
        if let Some(open) = self.open.as_ref().filter(|open| open.msn == msn) {
            return Some(open);
        }
        let first = self.closed.front()?.msn;
        let index = usize::try_from(msn.checked_sub(first)?).ok()?;
        self.closed.get(index)
    }

    /// Whether there is media, and no gap, from one decode time of the current run to another, as far
    /// back as is not forgotten.
    pub fn holds_media(&self, from_ticks: u64, until_ticks: u64) -> bool {
        let mut covered_from = self.next_ticks;
        for segment in self.open.iter().chain(self.closed.iter().rev()) {
            if covered_from <= from_ticks {
                return true;
            }
            if segment.run != self.run || (segment.is_gap() && segment.start_ticks < until_ticks) {
                return false;
            }
            covered_from = segment.start_ticks;
        }
        let is_forgotten = self.closed.front().is_some_and(|first| first.msn > self.begin.first_msn.max(1));
        covered_from <= from_ticks || is_forgotten
    }

    /// Whether some of what lies between two decode times of the current run was declared a gap.
    pub fn holds_gap(&self, from_ticks: u64, until_ticks: u64) -> bool {
        let of_run = self.closed.iter().rev().take_while(|segment| segment.run == self.run);
        of_run
            .take_while(|segment| segment.end_ticks() > from_ticks)
            .any(|segment| segment.is_gap() && segment.start_ticks < until_ticks)
    }

    /// A part that was taken in as `planned` is stored as another writer had it: the same media, at
    /// another time.
    pub fn restate(&mut self, planned: &PartMeta, stored: &PartMeta) {
        let segments = self.open.iter_mut().chain(&mut self.closed);
        let parts = segments.flat_map(|segment| segment.parts.iter_mut().map(|part| &mut part.meta));
        let unsettled = self.unsettled.iter_mut().flatten().filter_map(|(entry, _)| entry.part_mut());
        parts.chain(unsettled).filter(|meta| *meta == planned).for_each(|meta| *meta = *stored);
        let mut before = None;
        for segment in self.closed.iter_mut().chain(&mut self.open) {
            segment.newest_before = before.unwrap_or(segment.newest_before);
            before = Some(segment.newest());
        }
    }

    /// Takes in what stands at the next key. `bytes` is the object's size.
    pub fn absorb(&mut self, entry: &Entry, bytes: u64) -> Result<(), ChainError> {
        if self.ended {
            return Err(ChainError::Ended);
        }
        match entry {
            Entry::Part(meta) => self.part(*meta, bytes)?,
            Entry::Marker(Marker::GapUntil(until_ticks)) => self.gap(*until_ticks)?,
            Entry::Marker(Marker::Continues { session, start_ticks, timescale, period }) => {
                self.go_on(session, *timescale, *start_ticks, *period)?;
            }
            Entry::Marker(Marker::Ended) => {
                self.close();
                self.ended = true;
            }
        }
        if let Some(entries) = &mut self.unsettled {
            if entries.len() >= limits::PARTS_PER_SEGMENT {
                return Err(ChainError::TooManyParts { msn: self.next_msn });
            }
            entries.push((entry.clone(), bytes));
        }
        Ok(())
    }

    fn part(&mut self, meta: PartMeta, bytes: u64) -> Result<(), ChainError> {
        let start_ticks = self.next_ticks;
        let Some(end_ticks) = start_ticks
            .checked_add(meta.duration_ticks)
            .filter(|_| (1..=self.part_target_ticks()).contains(&meta.duration_ticks))
        else {
            return Err(ChainError::PartLength { start_ticks, duration_ticks: meta.duration_ticks });
        };
        let open_ticks = self.open.as_ref().map_or(0, |open| open.duration_ticks);
        let long_enough = open_ticks >= self.shortest_segment_ticks();
        let too_long = open_ticks.saturating_add(meta.duration_ticks) >= self.segment_limit_ticks();
        if (meta.independence == Independence::Start && long_enough) || too_long {
            self.close();
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => self.begin_segment(start_ticks, 0),
        };
        let open = self.open.insert(open);
        if open.parts.len() >= limits::PARTS_PER_SEGMENT {
            return Err(ChainError::TooManyParts { msn: open.msn });
        }
        open.parts.push(Part { start_ticks, bytes, meta });
        open.duration_ticks = open.duration_ticks.saturating_add(meta.duration_ticks);
        let open_ticks = open.duration_ticks;
        let is_segment = self.is_text() && open_ticks >= self.shortest_segment_ticks();
        self.next_ticks = end_ticks;
        if is_segment {
            self.close();
        }
        Ok(())
    }

    fn gap(&mut self, until_ticks: u64) -> Result<(), ChainError> {
        let start_ticks = self.next_ticks;
        let Some(length) = until_ticks.checked_sub(start_ticks).filter(|length| *length > 0) else {
            return Err(ChainError::GapGoesBack { start_ticks, until_ticks });
        };
        let longest = self.target_ticks();
        if length.div_ceil(longest) > limits::GAP_SEGMENTS_PER_MARKER {
            return Err(ChainError::GapTooLong { start_ticks, until_ticks });
        }
        self.close();
        let before = self.closed.back().filter(|segment| segment.run == self.run);
        let least_ticks = before.and_then(Segment::least_offset_ticks);
        while self.next_ticks < until_ticks {
            let duration = until_ticks.saturating_sub(self.next_ticks).min(longest);
            let mut segment = self.begin_segment(self.next_ticks, duration);
            segment.least_ticks = least_ticks;
            self.next_ticks = self.next_ticks.saturating_add(duration);
            self.window.count(&segment, &self.shape);
            self.closed.push_back(segment);
        }
        Ok(())
    }

    fn go_on(
        &mut self,
        session: &SessionId,
        timescale: Timescale,
        start_ticks: u64,
        period: u32,
    ) -> Result<(), ChainError> {
        let step = period.checked_sub(self.run.period);
        if !matches!(step, Some(0 | 1)) {
            return Err(ChainError::PeriodOutOfOrder { from: self.run.period, to: period });
        }
        self.close();
        self.past.push_back(self.ending());
        if self.past.len() > limits::PAST_RUNS_PER_TRACK {
            self.past.pop_front();
        }
        let run = Run { session: session.clone(), timescale, period, start_ticks, first_msn: self.next_msn };
        let as_before = self.pace.kept_ticks().map(|kept| self.run.timescale.convert_ticks(kept, timescale));
        self.pace = Pace::begin(timescale.ticks_from_ms(u64::from(self.shape.segment_ms)), as_before);
        // A track that has shown nothing yet has nothing to be discontinuous with.
        let shown = self.next_msn > self.begin.first_msn.max(1);
        self.discontinuity_next |= step == Some(1) && shown;
        self.rate.frames_are_old = true;
        self.run = run;
        self.next_ticks = start_ticks;
        Ok(())
    }

    /// The current run, when it is over.
    pub fn ending(&self) -> PastRun {
        let Self { run, next_ticks: end_ticks, next_msn, pace, .. } = self;
        PastRun { run: run.clone(), end_ticks: *end_ticks, next_msn: *next_msn, pace: *pace }
    }

    /// How regular the segments of a run are, as far as it is remembered.
    pub fn pace_of(&self, run: &Run) -> Option<&Pace> {
        let past = self.past.iter().find(|past| past.run == *run).map(|past| &past.pace);
        past.or((self.run == *run).then_some(&self.pace))
    }

    fn begin_segment(&mut self, start_ticks: u64, duration_ticks: u64) -> Segment {
        let msn = self.next_msn;
        self.next_msn = msn.saturating_add(1);
        let after_gap = self.closed.back().filter(|before| before.is_gap() && before.run == self.run);
        self.pace
            .count(msn.saturating_sub(self.run.first_msn), start_ticks.saturating_sub(self.run.start_ticks));
        Segment {
            msn,
            run: self.run.clone(),
            start_ticks,
            duration_ticks,
            discontinuity: std::mem::take(&mut self.discontinuity_next),
            least_ticks: after_gap.and_then(|gap| gap.least_ticks),
            newest_before: self.closed.back().map_or(WallMs(0), Segment::newest),
            parts: Vec::new(),
        }
    }

    fn close(&mut self) {
        let Some(segment) = self.open.take() else { return };
        self.rate.count(&segment, self.shape.target_duration_s);
        if segment.msn == self.run.first_msn {
            self.pace.adopt(segment.duration_ticks);
        }
        self.window.count(&segment, &self.shape);
        self.closed.push_back(segment);
    }
}

#[cfg(test)]
mod tests;
