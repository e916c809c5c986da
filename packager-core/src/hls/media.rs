//! The media playlist (HLS §4.4.3–4.4.5), full or as a delta update.

use super::attribute::{Dates, push_integer, push_ms, push_seconds, push_seconds_up};
use super::directives::Skip;
use crate::log::{Chain, Independence, PeriodRecord, Segment, TrackName, key};

/// EXT-X-RENDITION-REPORT of another track (HLS §4.4.5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The other track; its playlist is `../{track}/index.m3u8`.
    pub track: TrackName,
    /// LAST-MSN: its newest segment, open or closed.
    pub last_msn: u64,
    /// LAST-PART: the newest part of that segment; none when it is a gap.
    pub last_part: Option<u64>,
}

impl Report {
    /// The report of a chain, once it shows anything.
    pub fn of(track: &TrackName, chain: &Chain) -> Option<Self> {
        let newest = chain.open.as_ref().filter(|_| chain.has_parts()).or(chain.closed.back())?;
        if !chain.has_parts() {
            return Some(Self { track: track.clone(), last_msn: newest.msn, last_part: None });
        }
        let parts = u64::try_from(newest.parts.len()).unwrap_or(u64::MAX);
        Some(Self { track: track.clone(), last_msn: newest.msn, last_part: parts.checked_sub(1) })
    }
}

/// Everything a media playlist says.
#[derive(Debug, Clone, Copy)]
pub struct MediaPlaylist<'a> {
    /// The track's chain.
    pub chain: &'a Chain,
    /// The period records, for the dates.
    pub periods: &'a [PeriodRecord],
    /// The other tracks.
    pub reports: &'a [Report],
}

impl MediaPlaylist<'_> {
    /// Writes the playlist; `skip` asks for a delta update where one would skip anything.
    pub fn render(&self, skip: Option<Skip>) -> String {
        let chain = self.chain;
        let first = chain.closed.len().saturating_sub(chain.listed());
        let skipped = skip.filter(|_| !chain.ended).map_or(0, |_| self.skippable(first));
        let listed = || chain.closed.iter().skip(first);
        let segments = listed().count().saturating_sub(skipped);
        let mut text = String::with_capacity(segments.saturating_mul(220).saturating_add(4096));

        // What is open of a track without parts has nothing to show yet.
        let open = chain.open.as_ref().filter(|_| chain.has_parts());
        self.header(&mut text, &listed().chain(open), skipped);
        let mut last_session = None;
        let mut dates = Dates::default();
        let parts_from = if chain.has_parts() { self.parts_from_msn() } else { u64::MAX };
        for segment in listed().skip(skipped).chain(open) {
            self.segment(&mut text, segment, segment.msn >= parts_from, &mut last_session, &mut dates);
        }
        if chain.ended {
            text.push_str("#EXT-X-ENDLIST\n");
        } else if chain.has_parts() {
            text.push_str("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"");
            key::push_part_path(&mut text, &chain.run.session, chain.next_ticks);
            text.push_str("\"\n");
        }
        for report in self.reports {
            text.push_str("#EXT-X-RENDITION-REPORT:URI=\"../");
            text.push_str(report.track.as_str());
            text.push_str("/index.m3u8\",LAST-MSN=");
            push_integer(&mut text, report.last_msn);
            if let Some(part) = report.last_part {
                text.push_str(",LAST-PART=");
                push_integer(&mut text, part);
            }
            text.push('\n');
        }
        text
    }

    fn header<'s>(
        &self,
        text: &mut String,
        listed: &(impl Iterator<Item = &'s Segment> + Clone),
        skipped: usize,
    ) {
        let chain = self.chain;
        let shape = &chain.shape;
        let target_s = u64::from(shape.target_duration_s);
        text.push_str("#EXTM3U\n");
        // EXT-X-MAP needs 6, EXT-X-SKIP 9; low-latency tags force none (HLS §8). With `v2` and no
        // date ranges to drop, a delta is the same as with `YES`.
        text.push_str(if skipped > 0 { "#EXT-X-VERSION:9\n" } else { "#EXT-X-VERSION:6\n" });
        if listed.clone().all(|segment| segment.is_gap() || segment.is_independent()) {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        text.push_str("#EXT-X-TARGETDURATION:");
        push_integer(text, target_s);
        // Made of record 0 alone, so that it is the same in every rendition (Apple's authoring rules).
        text.push_str("\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=");
        push_ms(text, target_s.saturating_mul(6000));
        text.push_str(",HOLD-BACK=");
        push_ms(text, target_s.saturating_mul(3000));
        if let Some(hold_back_ms) = shape.part_hold_back_ms() {
            text.push_str(",PART-HOLD-BACK=");
            push_ms(text, hold_back_ms);
        }
        if chain.has_parts() {
            text.push_str("\n#EXT-X-PART-INF:PART-TARGET=");
            push_seconds_up(text, chain.begin.part_target_ticks, chain.begin.timescale);
        }
        let first = listed.clone().next();
        text.push_str("\n#EXT-X-MEDIA-SEQUENCE:");
        push_integer(text, first.or(chain.open.as_ref()).map_or(chain.next_msn, |segment| segment.msn));
        // A segment's discontinuity sequence number is its period (HLS §4.4.3.3): a tag that is
        // still listed is not counted yet.
        let period = first.map_or(chain.run.period, |segment| segment.run.period);
        let tagged = u32::from(first.is_some_and(|segment| segment.discontinuity));
        text.push_str("\n#EXT-X-DISCONTINUITY-SEQUENCE:");
        push_integer(text, u64::from(period.saturating_sub(tagged)));
        text.push('\n');
        if skipped > 0 {
            text.push_str("#EXT-X-SKIP:SKIPPED-SEGMENTS=");
            push_integer(text, u64::try_from(skipped).unwrap_or(u64::MAX));
            text.push('\n');
        }
    }

    fn segment<'s>(
        &self,
        text: &mut String,
        segment: &'s Segment,
        with_parts: bool,
        last_session: &mut Option<&'s crate::log::SessionId>,
        dates: &mut Dates,
    ) {
        let timescale = segment.run.timescale;
        if segment.discontinuity {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        // A gap has no bytes for a header to apply to, and its session may never have had one.
        if !segment.is_gap() && *last_session != Some(&segment.run.session) {
            *last_session = Some(&segment.run.session);
            text.push_str("#EXT-X-MAP:URI=\"");
            text.push_str(segment.run.session.as_str());
            text.push_str("/init.mp4\"\n");
        }
        let record = usize::try_from(segment.run.period).ok().and_then(|n| self.periods.get(n));
        if let Some(record) = record {
            let offset = segment.offset_ticks();
            text.push_str("#EXT-X-PROGRAM-DATE-TIME:");
            dates.push(text, record.anchor.wall_at(segment.start_ticks, offset, timescale));
            text.push('\n');
        }
        if segment.is_gap() {
            text.push_str("#EXT-X-GAP\n");
        } else if with_parts {
            for part in &segment.parts {
                text.push_str("#EXT-X-PART:DURATION=");
                push_seconds(text, part.meta.duration_ticks, timescale);
                text.push_str(",URI=\"");
                key::push_part_path(text, &segment.run.session, part.start_ticks);
                // Every part that holds an independent frame says so (HLS §4.4.4.9).
                text.push_str(match part.meta.independence {
                    Independence::No => "\"\n",
                    Independence::Start | Independence::Inside => "\",INDEPENDENT=YES\n",
                });
            }
        }
        let is_open = self.chain.open.as_ref().is_some_and(|open| open.msn == segment.msn);
        if !is_open {
            text.push_str("#EXTINF:");
            push_seconds(text, segment.duration_ticks, timescale);
            text.push_str(",\n");
            key::push_segment_path(text, &segment.run.session, segment.msn);
            text.push('\n');
        }
    }

    /// The oldest segment that still lists its parts: they go once the first of them is three target
    /// durations from the end (HLS §6.2.2).
    fn parts_from_msn(&self) -> u64 {
        let limit_us = self.target_us().saturating_mul(3);
        let open_us = self.chain.open.as_ref().map_or(0, Segment::duration_us);
        let kept = self.chain.closed.iter().rev().scan(open_us, |after_us, segment| {
            *after_us = after_us.saturating_add(segment.duration_us());
            (*after_us < limit_us).then_some(segment.msn)
        });
        kept.last().unwrap_or(self.chain.open.as_ref().map_or(self.chain.next_msn, |open| open.msn))
    }

    /// Listed segments that end before the skip boundary: CAN-SKIP-UNTIL, six target durations,
    /// from the end of the last segment (HLS §4.4.5.2).
    fn skippable(&self, first: usize) -> usize {
        let boundary_us = self.target_us().saturating_mul(6);
        let kept = self
            .chain
            .closed
            .iter()
            .rev()
            .scan(0_u64, |after_us, segment| {
                let is_after = *after_us < boundary_us;
                *after_us = after_us.saturating_add(segment.duration_us());
                is_after.then_some(())
            })
            .count();
        self.chain.closed.len().saturating_sub(first).saturating_sub(kept)
    }

    fn target_us(&self) -> u64 {
        u64::from(self.chain.shape.target_duration_s).saturating_mul(1_000_000)
    }
}
