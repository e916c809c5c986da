//! The fold: a track's chain of parts and markers, read into segments and numbers.
//!
//! It depends on the log alone, never on a clock or on what one reader happened to see, so that
//! every reader, cold or warm, early or late, comes to the same segments.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Independence, Marker, PartMeta};
use super::name::SessionId;
use super::record::{Begin, Shape};
use crate::limits;
use crate::time::{Timescale, scale};

/// A stretch of a chain under one session: one CMAF header, one timescale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Names the header and the keys of the parts.
    pub session: SessionId,
    /// Ticks per second of everything in it.
    pub timescale: Timescale,
    /// The period it belongs to.
    pub period: u32,
}

/// A part in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Decode time of its first sample.
    #[serde(rename = "s")]
    pub start_ticks: u64,
    /// Size of the object.
    #[serde(rename = "b")]
    pub bytes: u64,
    /// What its metadata says.
    #[serde(flatten)]
    pub meta: PartMeta,
}

/// A segment: the parts from one boundary to the next, or a stretch that never will be any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Media sequence number.
    pub msn: u64,
    /// Session, timescale and period of its parts.
    pub run: Run,
    /// Decode time of its first sample.
    pub start_ticks: u64,
    /// Sum of its parts, or the length of the gap.
    pub duration_ticks: u64,
    /// Its period is not that of the segment before it in this track (EXT-X-DISCONTINUITY).
    #[serde(default, skip_serializing_if = "is_false")]
    pub discontinuity: bool,
    /// Of a gap: what its first sample's presentation time would differ from its decode time by, as
    /// that of the media before it did.
    #[serde(rename = "o", default, skip_serializing_if = "super::entry::is_zero")]
    gap_offset_ticks: i64,
    /// Empty for a gap (EXT-X-GAP).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl Segment {
    /// Nothing is stored for it.
    pub fn is_gap(&self) -> bool {
        self.parts.is_empty()
    }

    /// Starts with an independent frame, so that a player may start or switch here.
    pub fn is_independent(&self) -> bool {
        self.parts.first().is_some_and(|part| part.meta.independence == Independence::Start)
    }

    /// Presentation time of its first sample less its decode time.
    pub fn offset_ticks(&self) -> i64 {
        self.parts.first().map_or(self.gap_offset_ticks, |part| part.meta.offset_ticks)
    }

    /// Size of its media.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Length in microseconds: comparable across timescales.
    pub fn duration_us(&self) -> u64 {
        scale(self.duration_ticks, 1_000_000, u64::from(self.run.timescale.ticks_per_second()))
    }

    /// Decode time of its end.
    pub fn end_ticks(&self) -> u64 {
        self.start_ticks.saturating_add(self.duration_ticks)
    }
}

/// What BANDWIDTH and AVERAGE-BANDWIDTH are made from (HLS §4.4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BitRate {
    /// Highest of any segment at least half a target duration long, in bits per second.
    pub peak_bps: u64,
    /// Media bits of all closed segments.
    pub bits: u64,
    /// Length of all closed segments that have media, in microseconds.
    pub duration_us: u64,
    /// Samples in the closed segments of the current session,
    pub frames: u64,
    /// and the length of those, in microseconds: FRAME-RATE (HLS §4.4.6.2).
    pub frames_us: u64,
    /// The current session has closed no segment yet: these are of the one before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub frames_are_old: bool,
}

impl BitRate {
    /// Bits over duration.
    pub fn average_bps(&self) -> u64 {
        scale(self.bits, 1_000_000, self.duration_us)
    }

    /// The peak, or the average while no segment is long enough to have one.
    pub fn peak_bps(&self) -> u64 {
        self.peak_bps.max(self.average_bps())
    }

    /// Frames in a thousand seconds: a rate with three decimals.
    pub fn millihertz(&self) -> u64 {
        scale(self.frames, 1_000_000_000, self.frames_us)
    }
}

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

/// A track's chain, as far as it was read.
///
/// `closed` may have been [trimmed](Chain::trim) at its front; everything else is as if the chain
/// had been read from its beginning.
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
    /// What was taken in so far, while the shape is assumed: another one may give other segments.
    #[serde(skip)]
    unsettled: Option<Vec<(Entry, u64)>>,
}

impl Chain {
    /// The empty chain of a track that has begun.
    pub fn new(begin: Begin, shape: Shape) -> Self {
        Self {
            run: Run { session: begin.session.clone(), timescale: begin.timescale, period: begin.period },
            next_ticks: begin.start_ticks,
            next_msn: begin.first_msn.max(1),
            closed: VecDeque::new(),
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

    /// Shortest segment that ends at an independent part: `segment_ms` less half a part.
    pub fn shortest_segment_ticks(&self) -> u64 {
        self.run
            .timescale
            .ticks_from_ms(u64::from(self.shape.segment_ms))
            .saturating_sub(self.part_target_ticks() / 2)
            .max(1)
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

    /// Takes in what stands at the next key. `bytes` is the object's size.
    pub fn absorb(&mut self, entry: &Entry, bytes: u64) -> Result<(), ChainError> {
        if self.ended {
            return Err(ChainError::Ended);
        }
        match entry {
            Entry::Part(meta) => self.part(*meta, bytes)?,
            Entry::Marker(Marker::GapUntil(until_ticks)) => self.gap(*until_ticks)?,
            Entry::Marker(Marker::Continues { session, start_ticks, timescale, period }) => {
                let run = Run { session: session.clone(), timescale: *timescale, period: *period };
                self.go_on(run, *start_ticks)?;
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
        self.next_ticks = end_ticks;
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
        let offset_ticks = before.map_or(0, Segment::offset_ticks);
        while self.next_ticks < until_ticks {
            let duration = until_ticks.saturating_sub(self.next_ticks).min(longest);
            let mut segment = self.begin_segment(self.next_ticks, duration);
            segment.gap_offset_ticks = offset_ticks;
            self.next_ticks = self.next_ticks.saturating_add(duration);
            self.closed.push_back(segment);
        }
        Ok(())
    }

    fn go_on(&mut self, run: Run, start_ticks: u64) -> Result<(), ChainError> {
        let step = run.period.checked_sub(self.run.period);
        if !matches!(step, Some(0 | 1)) {
            return Err(ChainError::PeriodOutOfOrder { from: self.run.period, to: run.period });
        }
        self.close();
        // A track that has shown nothing yet has nothing to be discontinuous with.
        let shown = self.next_msn > self.begin.first_msn.max(1);
        self.discontinuity_next |= step == Some(1) && shown;
        self.rate.frames_are_old = true;
        self.run = run;
        self.next_ticks = start_ticks;
        Ok(())
    }

    fn begin_segment(&mut self, start_ticks: u64, duration_ticks: u64) -> Segment {
        let msn = self.next_msn;
        self.next_msn = msn.saturating_add(1);
        Segment {
            msn,
            run: self.run.clone(),
            start_ticks,
            duration_ticks,
            discontinuity: std::mem::take(&mut self.discontinuity_next),
            gap_offset_ticks: 0,
            parts: Vec::new(),
        }
    }

    fn close(&mut self) {
        let Some(segment) = self.open.take() else { return };
        let bits = segment.bytes().saturating_mul(8);
        let duration_us = segment.duration_us();
        self.rate.bits = self.rate.bits.saturating_add(bits);
        self.rate.duration_us = self.rate.duration_us.saturating_add(duration_us);
        if std::mem::take(&mut self.rate.frames_are_old) {
            (self.rate.frames, self.rate.frames_us) = (0, 0);
        }
        self.rate.frames_us = self.rate.frames_us.saturating_add(duration_us);
        let frames = segment.parts.iter().map(|part| u64::from(part.meta.samples));
        self.rate.frames = frames.fold(self.rate.frames, u64::saturating_add);
        // "Peak" is over at least half a target duration (HLS §4.4.6.2, BANDWIDTH).
        let half_target_us = u64::from(self.shape.target_duration_s).saturating_mul(500_000);
        if duration_us >= half_target_us {
            self.rate.peak_bps = self.rate.peak_bps.max(scale(bits, 1_000_000, duration_us));
        }
        self.closed.push_back(segment);
    }

    /// How many of `closed`, counted from the newest, a live playlist lists: as many as fit into
    /// the window, at least six and at least three target durations (HLS §6.2.2, Apple's authoring
    /// rules). It never grows by more than what is added, so MEDIA-SEQUENCE never falls.
    pub fn listed(&self) -> usize {
        let target_us = u64::from(self.shape.target_duration_s).saturating_mul(1_000_000);
        let window_us = u64::from(self.shape.window_ms).saturating_mul(1000);
        let least_us = target_us.saturating_mul(3);
        let mut total_us = 0_u64;
        let mut count = 0_usize;
        for segment in self.closed.iter().rev() {
            let longer_us = total_us.saturating_add(segment.duration_us());
            if longer_us > window_us && count >= 6 && total_us >= least_us {
                break;
            }
            total_us = longer_us;
            count = count.saturating_add(1);
        }
        count
    }

    /// Forgets closed segments that are no longer listed, but for the `keep` newest of those. What
    /// was ever listed stays in storage and can be read back from a [`Page`](super::Page).
    pub fn trim(&mut self, keep: usize) {
        let wanted = self.listed().saturating_add(keep);
        let surplus = self.closed.len().saturating_sub(wanted);
        self.closed.drain(..surplus.min(self.closed.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmaf::TrackKind;
    use crate::time::WallMs;

    fn chain(shape: Shape) -> Chain {
        let begin = Begin {
            kind: TrackKind::Video,
            session: SessionId::parse("s1").unwrap(),
            start_ticks: 0,
            timescale: Timescale::new(1000).unwrap(),
            period: 0,
            part_target_ticks: 500,
            first_msn: 1,
        };
        Chain::new(begin, shape)
    }

    const SHAPE: Shape = Shape { target_duration_s: 2, segment_ms: 2000, part_ms: 500, window_ms: 60_000 };

    fn part(duration_ticks: u64, independence: Independence) -> Entry {
        Entry::Part(PartMeta {
            duration_ticks,
            offset_ticks: 0,
            samples: 1,
            independence,
            wall: WallMs(0),
            hash: 0,
        })
    }

    #[test]
    fn a_segment_ends_at_the_first_independent_part_that_is_late_enough() {
        let mut chain = chain(SHAPE);
        // GOP 0.7 s: boundaries at 2.1 s, not at 0.7 or 1.4.
        for _ in 0..7 {
            chain.absorb(&part(500, Independence::Start), 10).unwrap();
            chain.absorb(&part(200, Independence::No), 10).unwrap();
        }
        let lengths: Vec<_> = chain.closed.iter().map(|s| s.duration_ticks).collect();
        assert_eq!(lengths, [2100, 2100]);
        assert_eq!(chain.open.as_ref().map(|s| s.msn), Some(3));
    }

    #[test]
    fn a_segment_without_keyframes_is_cut_before_its_extinf_would_round_up() {
        let mut chain = chain(SHAPE);
        for i in 0..12 {
            let independence = if i == 0 { Independence::Start } else { Independence::No };
            chain.absorb(&part(500, independence), 10).unwrap();
        }
        assert!(chain.closed.iter().all(|s| s.duration_ticks == 2000));
        assert!(!chain.closed.back().unwrap().is_independent());
    }

    #[test]
    fn a_chain_settles_as_if_its_shape_had_been_known() {
        let begin = chain(SHAPE).begin;
        let assumed = Shape { target_duration_s: 12, ..SHAPE };
        let (mut early, mut late) = (Chain::assuming(begin.clone(), assumed), Chain::new(begin, SHAPE));
        for i in 0..10 {
            let independence = if i == 0 { Independence::Start } else { Independence::No };
            let entries = [part(500, independence), Entry::Marker(Marker::GapUntil(5_000 * (i + 1)))];
            for entry in &entries {
                early.absorb(entry, 10).unwrap();
                late.absorb(entry, 10).unwrap();
            }
        }
        assert_ne!(early.closed, late.closed);
        early.settle(SHAPE).unwrap();
        assert_eq!(early, late);
    }

    #[test]
    fn gaps_are_cut_to_the_target_duration_and_periods_count_discontinuities() {
        let mut chain = chain(SHAPE);
        chain.absorb(&part(500, Independence::Start), 10).unwrap();
        chain.absorb(&Entry::Marker(Marker::GapUntil(5_500)), 0).unwrap();
        let lengths: Vec<_> = chain.closed.iter().map(|s| (s.msn, s.is_gap(), s.duration_ticks)).collect();
        assert_eq!(lengths, [(1, false, 500), (2, true, 2000), (3, true, 2000), (4, true, 1000)]);
        let session = SessionId::parse("s2").unwrap();
        let go_on = |period| {
            let timescale = Timescale::new(1000).unwrap();
            Entry::Marker(Marker::Continues { session: session.clone(), start_ticks: 0, timescale, period })
        };
        assert!(chain.clone().absorb(&go_on(2), 0).is_err());
        chain.absorb(&go_on(1), 0).unwrap();
        chain.absorb(&part(500, Independence::Start), 10).unwrap();
        let open = chain.open.as_ref().unwrap();
        assert!(open.discontinuity);
        assert_eq!((open.msn, open.run.session.as_str()), (5, "s2"));
        chain.absorb(&Entry::Marker(Marker::Ended), 0).unwrap();
        assert_eq!(chain.absorb(&part(500, Independence::No), 1), Err(ChainError::Ended));
    }

    #[test]
    fn a_damaged_log_is_refused_where_it_is_damaged() {
        let mut chain = chain(SHAPE);
        assert!(chain.absorb(&part(0, Independence::Start), 1).is_err());
        assert!(chain.absorb(&part(501, Independence::Start), 1).is_err());
        assert!(chain.absorb(&Entry::Marker(Marker::GapUntil(0)), 0).is_err());
        assert!(chain.absorb(&Entry::Marker(Marker::GapUntil(u64::MAX)), 0).is_err());
        assert_eq!(chain.next_msn, 1);
    }

    #[test]
    fn the_window_only_moves_forward() {
        let mut chain = chain(Shape { window_ms: 8000, ..SHAPE });
        let mut first_listed = 0;
        for i in 0..400_u64 {
            let independence = if i % 7 < 4 { Independence::Start } else { Independence::No };
            chain.absorb(&part(100 + (i * 37) % 400, independence), 10).unwrap();
            let first = chain.closed.len() - chain.listed();
            assert!(first >= first_listed);
            first_listed = first;
        }
        assert!(first_listed > 0);
    }
}
