//! A recording as one presentation: its periods one after the other, whose tracks stay together.
//!
//! Each period has a timeline of its own, which all its tracks share. In a file there is one, on which a period begins
//! when all tracks are through with the one before. Time in which nothing was sent at all between two periods is left
//! out, as it is in playlists; gaps within a period are not.

use std::ops::Range;

use super::segment::{Part, Run, Segment};
use crate::order::SortedMap;
use crate::time::Timescale;

const NS_PER_SECOND: i128 = 1_000_000_000;

/// Where each period lies on the recording's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// What is added to a time of the period to get the recording's, in nanoseconds.
    offsets_ns: SortedMap<u32, i128>,
}

fn ns(ticks: i128, timescale: Timescale) -> i128 {
    let ticks_per_second = i128::from(timescale.ticks_per_second());
    ticks.saturating_mul(NS_PER_SECOND).checked_div_euclid(ticks_per_second).unwrap_or(0)
}

fn shown(start_ticks: u64, offset_ticks: i64) -> i128 {
    i128::from(start_ticks).saturating_add(i128::from(offset_ticks))
}

impl Timeline {
    /// The timeline of what these segments show, of all tracks. What an edit list hides before the first of them begins
    /// lies before 0.
    pub fn of<'a>(segments: impl IntoIterator<Item = &'a Segment>) -> Self {
        let mut periods: SortedMap<u32, (i128, i128)> = SortedMap::new();
        for segment in segments.into_iter().filter(|segment| !segment.is_gap()) {
            let timescale = segment.run.timescale;
            let begins = shown(segment.start_ticks, segment.offset_ticks());
            let ends = begins.saturating_add(i128::from(segment.duration_ticks));
            let (begins, ends) = (ns(begins, timescale), ns(ends, timescale));
            let bounds = periods.get_or_insert_with(segment.run.period, || (begins, ends));
            *bounds = (bounds.0.min(begins), bounds.1.max(ends));
        }
        let mut offsets_ns = SortedMap::new();
        let mut reached: Option<i128> = None;
        for (period, (begins, ends)) in periods.iter() {
            let offset = match reached {
                Some(reached) => reached.saturating_sub(*begins),
                None => 0_i128.saturating_sub((*begins).max(0)),
            };
            offsets_ns.insert(*period, offset);
            reached = Some(ends.saturating_add(offset));
        }
        Self { offsets_ns }
    }

    /// The same, but the recording begins so many microseconds later.
    #[must_use]
    pub fn beginning_at(mut self, us: i64) -> Self {
        let ns = i128::from(us).saturating_mul(1000);
        self.offsets_ns.values_mut().for_each(|offset| *offset = offset.saturating_sub(ns));
        self
    }

    fn offset_ns(&self, run: &Run) -> i128 {
        self.offsets_ns.get(&run.period).copied().unwrap_or(0)
    }

    /// What is added to a decode time of a run, less what its edit list takes off, to get the recording's time: in the
    /// run's ticks, to nearest.
    pub fn offset_ticks(&self, run: &Run) -> i128 {
        let ticks_per_second = i128::from(run.timescale.ticks_per_second());
        let doubled = self.offset_ns(run).saturating_mul(ticks_per_second).saturating_mul(2);
        doubled.saturating_add(NS_PER_SECOND).checked_div_euclid(NS_PER_SECOND.saturating_mul(2)).unwrap_or(0)
    }

    fn us(&self, run: &Run, ticks: i128) -> i64 {
        let ns = ns(ticks, run.timescale).saturating_add(self.offset_ns(run));
        // To nearest: what begins together is said to, whatever its timescale.
        let us = ns.saturating_add(500).checked_div_euclid(1000).unwrap_or(0);
        i64::try_from(us).unwrap_or(i64::MAX)
    }

    /// When a segment is shown: from, until, in microseconds of the recording.
    pub fn shows(&self, segment: &Segment) -> (i64, i64) {
        let begins = shown(segment.start_ticks, segment.offset_ticks());
        let ends = begins.saturating_add(i128::from(segment.duration_ticks));
        (self.us(&segment.run, begins), self.us(&segment.run, ends))
    }

    /// When a part is shown.
    pub fn shows_part(&self, run: &Run, part: &Part) -> (i64, i64) {
        let begins = shown(part.start_ticks, part.meta.offset_ticks);
        let ends = begins.saturating_add(i128::from(part.meta.duration_ticks));
        (self.us(run, begins), self.us(run, ends))
    }

    /// Which of a track's segments to take to show what lies between two times, in microseconds of the recording: all
    /// that lie in it in part, from one on that a player can begin with.
    pub fn selected(&self, segments: &[&Segment], from_us: i64, until_us: i64) -> Range<usize> {
        let is_media = |segment: &Segment| !segment.is_gap();
        let mut chosen = segments.iter().enumerate().filter(|(_, segment)| {
            let (begins, ends) = self.shows(segment);
            is_media(segment) && ends > from_us && begins < until_us
        });
        let Some((first, _)) = chosen.next() else { return 0..0 };
        let last = chosen.next_back().map_or(first, |(last, _)| last);
        let before = segments.iter().take(first.saturating_add(1));
        let can_begin = before.enumerate().rev().find(|(_, segment)| segment.is_independent());
        can_begin.map_or(first, |(index, _)| index)..last.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmaf::TrackKind;
    use crate::log::{Begin, Chain, Entry, SessionId, Shape};

    /// The segments of a chain of parts of two seconds that starts here.
    fn segments(
        timescale: u32,
        period: u32,
        start_ticks: u64,
        offset_ticks: i64,
        parts: &[&str],
    ) -> Vec<Segment> {
        let timescale = Timescale::new(timescale).unwrap();
        let duration = u64::from(timescale.ticks_per_second()) * 2;
        let begin = Begin {
            kind: TrackKind::Video,
            session: SessionId::parse("s").unwrap(),
            start_ticks,
            timescale,
            period,
            part_target_ticks: duration,
            first_msn: 1,
        };
        let shape = Shape {
            target_duration_s: 2,
            segment_ms: 2000,
            part_ms: 500,
            whole_segments: false,
            window_ms: 60_000,
        };
        let mut chain = Chain::new(begin, shape);
        for independence in parts {
            let meta = format!(
                r#"{{"part":{{"d":{duration},"o":{offset_ticks},"n":1,"i":"{independence}","w":0,"h":0}}}}"#
            );
            chain.absorb(&Entry::from_meta(&meta).unwrap(), 1).unwrap();
        }
        chain.closed.into_iter().chain(chain.open).collect()
    }

    fn segment(timescale: u32, period: u32, start_ticks: u64, offset_ticks: i64) -> Segment {
        segments(timescale, period, start_ticks, offset_ticks, &["start"]).remove(0)
    }

    #[test]
    fn periods_follow_one_another_and_tracks_stay_together() {
        let video = [segment(90_000, 0, 900_000, 0), segment(90_000, 1, 0, 0)];
        // Sound begins half a second later, and goes on for longer.
        let audio = [segment(48_000, 0, 504_000, 0), segment(48_000, 1, 0, -1024)];
        let timeline = Timeline::of(video.iter().chain(&audio));
        let shown: Vec<_> = video.iter().chain(&audio).map(|segment| timeline.shows(segment)).collect();
        let primed = 2_500_000 + 21_333;
        assert_eq!(
            shown,
            [(0, 2_000_000), (primed, primed + 2_000_000), (500_000, 2_500_000), (2_500_000, 4_500_000)]
        );
        assert_eq!(timeline.offset_ticks(&video[0].run), -900_000);
        assert_eq!(timeline.offset_ticks(&audio[0].run), -480_000);
    }

    #[test]
    fn what_an_edit_list_hides_lies_before_the_beginning() {
        let audio = [segment(48_000, 0, 0, -1024)];
        assert_eq!(Timeline::of(&audio).shows(&audio[0]), (-21_333, 1_978_667));
    }

    #[test]
    fn a_range_begins_where_players_can() {
        let segments = segments(1000, 0, 0, 0, &["start", "start", "no", "start", "start"]);
        let timeline = Timeline::of(&segments);
        let segments: Vec<_> = segments.iter().collect();
        let selected = |from, until| timeline.selected(&segments, from, until);
        assert_eq!(selected(i64::MIN, i64::MAX), 0..5);
        assert_eq!(selected(2_000_000, 4_000_000), 1..2);
        assert_eq!(selected(4_500_000, 6_000_001), 1..4);
        assert_eq!(selected(10_000_000, i64::MAX), 0..0);
    }
}
