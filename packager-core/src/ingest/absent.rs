//! Tracks that fall behind the others: their playlists must not stand still.

use super::notice::Notice;
use super::receiver::Receiver;
use super::track::Track;
use super::upload::Gate;
use crate::cmaf::TrackKind;
use crate::log::{Chain, Marker, TrackName};
use crate::time::WallMs;

/// Behind by more than this many target durations, a track gets a gap.
const TARGET_DURATIONS: u64 = 3;

impl Receiver {
    /// A segment of `name` was closed: every track of its period, or an earlier one, that is more
    /// than three target durations behind gets `gap until now`.
    pub(super) fn gap_the_absent(&mut self, name: &TrackName, now: WallMs) {
        let Some(chain) = self.tracks.get(name).and_then(|track| track.chain.as_ref()) else { return };
        let (timescale, period, end) = (chain.run.timescale, chain.run.period, chain.boundary_ticks());
        if chain.next_ticks == end && chain.open.is_none() {
            // It was a gap of its own that closed the segment; what comes next says how far "now" is.
            return;
        }
        let limit = chain.target_ticks().saturating_mul(TARGET_DURATIONS);
        let began = self
            .periods
            .get(usize::try_from(period).unwrap_or(usize::MAX))
            .map_or(0, |record| record.anchor.time_in(timescale));
        let mut absent = Vec::new();
        for (other, track) in self.tracks.iter() {
            let Some(theirs) = track.chain.as_ref().filter(|chain| !chain.ended) else { continue };
            // Text is sparse by nature.
            if other == name || track.kind == TrackKind::Text || track.poisoned {
                continue;
            }
            let their_end = if theirs.run.period == period {
                track.end_in(timescale)
            } else if theirs.run.period < period {
                began
            } else {
                continue;
            };
            let behind = end.saturating_sub(their_end);
            if behind > limit {
                absent.push((other.clone(), timescale.ms_from_ticks(behind)));
            }
        }
        for (other, behind_ms) in absent {
            self.notices.push(Notice::Absent { track: other.clone(), behind_ms });
            if self.tracks.get(&other).and_then(Track::period) < Some(period) {
                self.leave_for_period(&other, period, now);
                self.enter_period(&other, period, now);
            }
            self.changing(&other, now, |track| {
                track.flush(now)?;
                let own = track.chain.as_ref().map_or(timescale, |chain| chain.run.timescale);
                let until = timescale.convert_ticks(end, own);
                if track.end_ticks() < until { track.plan_marker(Marker::GapUntil(until)) } else { Ok(()) }
            });
        }
    }

    /// Ends what is pending and takes the track up to the period before `period`: one it has nothing
    /// in is one GAP segment.
    pub(super) fn leave_for_period(&mut self, name: &TrackName, period: u32, now: WallMs) {
        self.changing(name, now, |track| track.flush(now));
        let Some(own) = self.tracks.get(name).and_then(Track::period) else { return };
        for between in own.saturating_add(1)..period {
            self.enter_period(name, between, now);
            self.changing(name, now, |track| {
                let target = track.chain.as_ref().map_or(0, Chain::target_ticks);
                track.plan_marker(Marker::GapUntil(track.end_ticks().saturating_add(target)))
            });
        }
    }

    /// Leads the chain to where the period began, on the period's own session.
    fn enter_period(&mut self, name: &TrackName, period: u32, now: WallMs) {
        let Some(record) = usize::try_from(period).ok().and_then(|n| self.periods.get(n)).cloned() else {
            return;
        };
        // It may have gone on for longer than whoever began the period knew.
        let from = self.dated_until(name).unwrap_or(record.anchor.wall);
        self.changing(name, now, |track| {
            let Some(timescale) = track.chain.as_ref().map(|chain| chain.run.timescale) else {
                return Ok(());
            };
            track.plan_marker(Marker::Continues {
                session: record.session,
                start_ticks: record.anchor.time_at(from, timescale),
                timescale,
                period,
            })?;
            track.begin_run();
            Ok(())
        });
    }

    /// Whether others of the track's period start over as well.
    pub(super) fn others(&self, name: &TrackName, since: Option<WallMs>, now: WallMs) -> Others {
        let own = self.tracks.get(name);
        let Some(period) = own.and_then(Track::period) else { return Others::StartOverToo };
        let patience_ms = self.patience_ms(Gate::StartOver);
        let starts_over = |track: &Track| {
            self.uploads
                .values()
                .any(|upload| upload.track.as_ref() == Some(&track.name) && upload.waits_to(Gate::StartOver))
        };
        let mut going_on = self.tracks.values().filter(|track| {
            track.name != *name
                && track.period() == Some(period)
                && now.since_ms(self.heard_since.unwrap_or(now).max(track.last_media)) < patience_ms
                && !starts_over(track)
        });
        // Chunks of other tracks end elsewhere: what was captured before the times started over may
        // come after the first chunk that did.
        let is_past_it = |track: &Track| {
            let Some((own, chain)) = own.and_then(|own| Some((own, own.chain.as_ref()?))) else {
                return true;
            };
            let timescale = chain.run.timescale;
            let chunk = timescale.ticks_from_ms(own.longest_chunk_ms);
            track.end_in(timescale) > own.end_ticks().saturating_add(chunk)
        };
        let went_on = |track: &Track| {
            since.is_some_and(|since| {
                track.last_media > since && (is_past_it(track) || now.since_ms(since) >= patience_ms)
            })
        };
        match going_on.next() {
            None => Others::StartOverToo,
            Some(first) if went_on(first) || going_on.any(went_on) => Others::GoOn,
            Some(_) => Others::Unknown,
        }
    }
}

/// What the other tracks of a period do when one starts over.
pub(super) enum Others {
    /// The same, or nothing at all for a while.
    StartOverToo,
    /// It cannot be told yet.
    Unknown,
    /// They go on as before.
    GoOn,
}
