//! Dates: what lies between periods may be anything but a step back in time.

use super::offer::Offered;
use super::receiver::Receiver;
use super::track::Track;
use crate::cmaf::Chunk;
use crate::log::{Anchor, TrackName};
use crate::time::WallMs;

/// Media is no longer than this on its way from the encoder; a clock that says so is wrong.
const LONGEST_WAY_MS: i64 = 60_000;

impl Receiver {
    /// Where a period that begins with this chunk is anchored: dates never go back, so not before
    /// what came before it.
    pub(super) fn anchor_after_all(&self, offered: &Offered<'_>, chunk: &Chunk) -> Anchor {
        let mut anchor = self.anchor_of(offered, chunk);
        let least = self.least_offset_ticks(offered, chunk);
        let begins = anchor.wall_at(chunk.start_ticks(), least, anchor.timescale);
        let ends = self.tracks.values().filter_map(|track| {
            let (anchor, offset) = self.dating(track)?;
            Some(anchor.wall_at(track.end_ticks(), offset, track.chain.as_ref()?.run.timescale))
        });
        let previous = self.periods.last().map(|record| record.anchor.wall);
        let late_ms = ends.chain(previous).map(|end| end.since_ms(begins)).fold(0, i64::max);
        anchor.wall = anchor.wall.plus_ms(late_ms);
        anchor.is_produced &= late_ms == 0;
        anchor
    }

    pub(super) fn anchor_of(&self, offered: &Offered<'_>, chunk: &Chunk) -> Anchor {
        let shift = self.shift_ticks(offered);
        let composition = chunk.samples().first().map_or(0, |sample| i64::from(sample.composition_ticks));
        let offset = composition.saturating_sub(shift);
        // What has just arrived whole was captured as long ago as it lasts.
        let before = chunk.duration_ticks().saturating_add_signed(offset);
        let before_ms = i64::try_from(offered.timescale.ms_from_ticks(before)).unwrap_or(0);
        let arrived = Anchor {
            wall: offered.now.plus_ms(before_ms.saturating_neg()),
            time_ticks: chunk.start_ticks(),
            timescale: offered.timescale,
            is_produced: false,
        };
        // The encoder's clock knows better, unless it is plainly wrong: what has arrived cannot have been
        // captured later.
        let Some(producer) = chunk.producer() else { return arrived };
        let produced = Anchor {
            wall: producer.wall,
            time_ticks: producer.media_ticks.saturating_add_signed(shift.saturating_neg()),
            timescale: offered.timescale,
            is_produced: true,
        };
        let earlier_ms = arrived.wall.since_ms(produced.wall_at(arrived.time_ticks, 0, offered.timescale));
        if (0..=LONGEST_WAY_MS).contains(&earlier_ms) { produced } else { arrived }
    }

    /// The date of a track's newest segment: what follows must not be dated before. Another ingest may
    /// have begun the next period before it knew of that segment.
    pub(super) fn dated_until(&self, name: &TrackName) -> Option<WallMs> {
        let track = self.tracks.get(name)?;
        let chain = track.chain.as_ref()?;
        let (anchor, offset) = self.dating(track)?;
        // What is pending may be a segment of its own.
        let pending = (track.end_ticks() > chain.next_ticks).then_some(chain.next_ticks);
        let newest = chain.open.as_ref().or(chain.closed.back()).map(|segment| segment.start_ticks);
        Some(anchor.wall_at(pending.or(newest)?, offset, chain.run.timescale))
    }

    /// The chunk without what a period dates before a moment; `None` when nothing is left.
    pub(super) fn dated_from(
        &self,
        offered: &Offered<'_>,
        anchor: &Anchor,
        from: Option<WallMs>,
    ) -> Option<Chunk> {
        let chunk = offered.chunk;
        let Some(from) = from else { return Some(chunk.clone()) };
        let least = self.least_offset_ticks(offered, chunk);
        let mut time = chunk.start_ticks();
        let early = chunk.samples().iter().take_while(|sample| {
            let begins = anchor.wall_at(time, least, offered.timescale);
            time = time.saturating_add(u64::from(sample.duration_ticks));
            begins < from
        });
        let early = early.count();
        chunk.slice(early..chunk.samples().len())
    }

    /// The map from media time to dates that a track's chain ends with, and its newest segment's offset.
    fn dating(&self, track: &Track) -> Option<(Anchor, i64)> {
        let chain = track.chain.as_ref()?;
        let record = self.periods.get(usize::try_from(chain.run.period).ok()?)?;
        let newest = chain.open.as_ref().or(chain.closed.back()).filter(|segment| segment.run == chain.run);
        Some((record.anchor, newest.map_or(0, crate::log::Segment::offset_ticks)))
    }

    fn least_offset_ticks(&self, offered: &Offered<'_>, chunk: &Chunk) -> i64 {
        let compositions = chunk.samples().iter().map(|sample| i64::from(sample.composition_ticks));
        compositions.min().unwrap_or(0).saturating_sub(self.shift_ticks(offered))
    }

    fn shift_ticks(&self, offered: &Offered<'_>) -> i64 {
        let track = self.tracks.get(offered.name);
        let pushed = track.and_then(|track| track.headers.get(offered.session));
        pushed.map_or(0, |pushed| pushed.header.presentation_shift_ticks)
    }
}
