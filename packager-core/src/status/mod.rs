//! How a broadcast is doing, for who runs it: what comes from the encoder, and in words what is wrong with it.
//!
//! Read off the log, like everything: whichever host is asked, and whoever pushes, the answer is the same.

#[cfg(test)]
mod tests;
mod warning;

use serde::Serialize;

use crate::cmaf::TrackKind;
use crate::dash::iso_date;
use crate::log::{
    BroadcastLog, BroadcastName, BroadcastRecord, Chain, Clip, Generation, Independence, Part, Segment,
    Title, TrackLog, TrackName,
};
use crate::time::{Date, WallMs, scale};

/// Nothing came for this long, in target durations: the encoder is away.
const AWAY_TARGETS: i64 = 3;

/// What is measured of a track is measured over its newest segments that are kept, at most this many.
const SEGMENTS: usize = 30;

/// Where a broadcast is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing can be watched yet.
    Waiting,
    /// Media comes.
    Live,
    /// No media has come for a while.
    Away,
    /// It is over.
    Ended,
    /// It is a range of another broadcast.
    Clip,
}

/// How a broadcast is doing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Of which broadcast,
    pub broadcast: BroadcastName,
    /// and which of all that had this name.
    pub generation: Generation,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// When it is to start,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Date>,
    /// and to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Date>,
    /// When this was true.
    pub now: String,
    /// Where it is in its life.
    pub state: State,
    /// Who pushes, or did last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Encoder>,
    /// By name.
    pub tracks: Vec<Track>,
    /// What is wrong, in words, each with what to do about it.
    pub warnings: Vec<String>,
    /// Of what it is a clip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
}

/// One run of one encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Encoder {
    /// Its session.
    pub session: String,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_since: Option<String>,
    /// How long ago anything came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_part_ms: Option<i64>,
}

/// What comes of one track. Rates and lengths are of its newest segments, about a minute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Track {
    /// Its name.
    pub name: String,
    /// What it carries.
    pub kind: TrackKind,
    /// RFC 6381.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<(u32, u32)>,
    /// BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Bits per second.
    pub bit_rate_bps: u64,
    /// Frames in a thousand seconds; of video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_rate_mhz: Option<u64>,
    /// From one frame that a player can start with to the next; of video, where there were two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyframe_interval_ms: Option<u64>,
    /// How much later its parts arrive than they did `drift_over_ms` ago: the encoder's clock, or its network, falls
    /// behind. Negative: earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_ms: Option<i64>,
    /// See there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_over_ms: Option<i64>,
    /// How long ago its newest part arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_part_ms: Option<i64>,
    /// How far its media is behind that of the track that is furthest.
    pub behind_ms: i64,
    /// Segments closed so far.
    pub segments: u64,
    /// Of the newest segments, those that nothing came for.
    pub gaps: usize,
    /// It is over.
    pub ended: bool,
}

impl Status {
    /// The state of things at `now`, as far as the log is known.
    pub fn of(broadcast: &BroadcastName, record: &BroadcastRecord, log: &BroadcastLog, now: WallMs) -> Self {
        let known: Vec<_> =
            log.tracks().filter_map(|(name, of)| Some(Known::of(name, of, of.chain()?, log))).collect();
        let furthest = known.iter().filter_map(|track| track.end).max();
        let newest = known.iter().filter_map(Known::last_part).max();
        let target_ms =
            log.shape().map_or(2_000, |shape| i64::from(shape.target_duration_s).saturating_mul(1_000));
        let is_silent =
            newest.is_none_or(|newest| now.since_ms(newest) > target_ms.saturating_mul(AWAY_TARGETS));
        let state = match log.shape() {
            _ if record.event.ended.is_some() => State::Ended,
            None => State::Waiting,
            Some(_) if !known.is_empty() && known.iter().all(|track| track.chain.ended) => State::Ended,
            Some(_) if is_silent => State::Away,
            Some(_) => State::Live,
        };
        let session = known.iter().map(|track| &track.chain.run.session).max();
        let encoder = session.map(|session| Encoder {
            session: session.to_string(),
            connected_since: session.minted_at().map(iso_date),
            last_part_ms: newest.map(|newest| now.since_ms(newest)),
        });
        let tracks: Vec<_> = known.iter().map(|track| track.at(furthest, now)).collect();
        let warnings = warning::all(state, log, &tracks);
        Self {
            broadcast: broadcast.clone(),
            generation: record.generation.clone(),
            title: record.event.title.clone(),
            start: record.event.start,
            end: record.event.end,
            now: iso_date(now),
            state,
            encoder,
            tracks,
            warnings,
            clip: None,
        }
    }

    /// Of a clip, to which nothing comes.
    pub fn of_clip(
        name: &BroadcastName,
        clip: &Clip,
        record: &BroadcastRecord,
        warnings: Vec<String>,
        now: WallMs,
    ) -> Self {
        Self {
            broadcast: name.clone(),
            generation: record.generation.clone(),
            title: record.event.title.clone(),
            start: None,
            end: None,
            now: iso_date(now),
            state: State::Clip,
            encoder: None,
            tracks: Vec::new(),
            warnings,
            clip: Some(clip.clone()),
        }
    }
}

/// A track whose chain is known.
struct Known<'a> {
    name: &'a TrackName,
    log: &'a TrackLog,
    chain: &'a Chain,
    /// The newest segments of its run, oldest first.
    newest: Vec<&'a Segment>,
    /// When what was last taken in of it is shown.
    end: Option<WallMs>,
    /// When its parts are due, by the period's anchor: its oldest and newest part that are looked at, and by how much they
    /// came after that.
    lateness: Option<(i64, i64, i64)>,
}

impl<'a> Known<'a> {
    fn of(name: &'a TrackName, track: &'a TrackLog, chain: &'a Chain, log: &'a BroadcastLog) -> Self {
        let of_run =
            chain.closed.iter().chain(&chain.open).rev().take_while(|segment| segment.run == chain.run);
        let mut newest: Vec<_> = of_run.take(SEGMENTS).collect();
        newest.reverse();
        let anchor = usize::try_from(chain.run.period).ok().and_then(|n| log.periods().get(n));
        let wall_at = |ticks| anchor.map(|record| record.anchor.wall_at(ticks, 0, chain.run.timescale));
        // The least of a segment's: one part that was held up says nothing of a clock.
        let late = |segment: &Segment| {
            let of_part = |part: &Part| {
                let due = wall_at(part.start_ticks.saturating_add(part.meta.duration_ticks))?;
                Some(part.meta.wall.since_ms(due))
            };
            Some((wall_at(segment.start_ticks)?.0, segment.parts.iter().filter_map(of_part).min()?))
        };
        let lates: Vec<_> = newest.iter().filter_map(|segment| late(segment)).collect();
        let lateness = match (lates.first(), lates.last()) {
            (Some((from, first)), Some((until, last))) if until > from => {
                Some((until.saturating_sub(*from), *first, *last))
            }
            _ => None,
        };
        Self { name, log: track, chain, newest, end: wall_at(chain.next_ticks), lateness }
    }

    fn last_part(&self) -> Option<WallMs> {
        let parts = self.newest.iter().rev().flat_map(|segment| segment.parts.iter().rev());
        parts.map(|part| part.meta.wall).next()
    }

    fn at(&self, furthest: Option<WallMs>, now: WallMs) -> Track {
        let header = self.log.header();
        let kind = self.chain.begin.kind;
        let is_video = kind == TrackKind::Video;
        let closed = self.newest.iter().filter(|segment| !segment.is_gap() && !self.is_open(segment));
        let (mut bits, mut length_us, mut frames) = (0_u64, 0_u64, 0_u64);
        for segment in closed {
            bits = bits.saturating_add(segment.bytes().saturating_mul(8));
            length_us = length_us.saturating_add(segment.duration_us());
            let samples = segment.parts.iter().map(|part| u64::from(part.meta.samples));
            frames = samples.fold(frames, u64::saturating_add);
        }
        let (drift_over_ms, drift_ms) = match self.lateness {
            Some((over, first, last)) => (Some(over), Some(last.saturating_sub(first))),
            None => (None, None),
        };
        let behind = furthest.zip(self.end).map(|(furthest, end)| furthest.since_ms(end));
        Track {
            name: self.name.to_string(),
            kind,
            codec: header.map(|header| header.codec.clone()),
            resolution: header.filter(|_| is_video).map(|header| (header.width, header.height)),
            language: header.and_then(|header| header.language.clone()),
            bit_rate_bps: scale(bits, 1_000_000, length_us),
            frame_rate_mhz: (is_video && length_us > 0).then(|| scale(frames, 1_000_000_000, length_us)),
            keyframe_interval_ms: if is_video { self.keyframe_interval_ms() } else { None },
            drift_ms,
            drift_over_ms,
            last_part_ms: self.last_part().map(|at| now.since_ms(at)),
            behind_ms: behind.unwrap_or(0),
            segments: self
                .chain
                .last_closed_msn()
                .map_or(0, |last| last.saturating_add(1).saturating_sub(self.chain.begin.first_msn.max(1))),
            gaps: self.newest.iter().filter(|segment| segment.is_gap()).count(),
            ended: self.chain.ended,
        }
    }

    fn is_open(&self, segment: &Segment) -> bool {
        self.chain.open.as_ref().is_some_and(|open| open.msn == segment.msn)
    }

    /// To within a part, for a part says only that there is a keyframe in it.
    fn keyframe_interval_ms(&self) -> Option<u64> {
        let parts = self.newest.iter().flat_map(|segment| &segment.parts);
        let keyed = parts.filter(|part| part.meta.independence != Independence::No);
        let starts: Vec<u64> = keyed.map(|part| part.start_ticks).collect();
        let length_ticks = starts.last()?.saturating_sub(*starts.first()?);
        let intervals = u64::try_from(starts.len()).ok()?.checked_sub(1)?;
        Some(self.chain.run.timescale.ms_from_ticks(length_ticks.checked_div(intervals)?))
    }
}
