//! The media playlist (HLS §4.4.3–4.4.5), full or as a delta update.

use std::ops::Range;

use super::attribute::{Dates, push_integer, push_ms, push_seconds, push_seconds_up};
use super::directives::Skip;
use crate::log::{
    Chain, First, Independence, PeriodRecord, Reference, Segment, SessionId, TrackName, Within, key,
};

/// EXT-X-RENDITION-REPORT of another track (HLS §4.4.5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The other track.
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

/// Whether, and how, a playlist changes (EXT-X-PLAYLIST-TYPE, HLS §4.4.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// Segments come, and go: no type.
    Sliding,
    /// Segments come, and none go.
    Event,
    /// It is complete.
    Complete,
}

/// What a playlist lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Number of its first segment.
    pub from: u64,
    /// The number after its last one's, where that is not the newest: everything up to there is closed.
    pub until: Option<u64>,
    /// How it changes.
    pub growth: Growth,
    /// Nothing will be added (EXT-X-ENDLIST).
    pub is_over: bool,
    /// It says nothing of how live is followed: parts, holds, delta updates.
    pub is_plain: bool,
    /// It lists the frames that segments start with (EXT-X-I-FRAMES-ONLY, HLS §4.4.3.6).
    pub of_frames: bool,
}

impl Extent {
    /// What a live playlist lists. One that slides gets its ENDLIST, but never a type.
    pub fn live(chain: &Chain) -> Self {
        let growth = if chain.shape.is_whole() { Growth::Event } else { Growth::Sliding };
        Self {
            from: chain.listed_from(),
            until: None,
            growth,
            is_over: chain.ended,
            is_plain: false,
            of_frames: false,
        }
    }

    /// What was broadcast in a range: it grows while more may come, and is complete then.
    pub fn within(Within { from, until }: Within, chain: &Chain) -> Self {
        let growth = if until.is_some() { Growth::Complete } else { Growth::Event };
        Self { from, until, growth, is_over: until.is_some(), ..Self::live(chain) }
    }

    /// What was live when everything before `until` had been shown, up to where a window began.
    pub fn delayed(Within { from, until }: Within, chain: &Chain) -> Self {
        let until = until.unwrap_or(chain.next_msn);
        let is_over = chain.ended && chain.last_closed_msn().is_none_or(|last| last < until);
        Self { from, until: Some(until), is_over, is_plain: true, ..Self::live(chain) }
    }

    /// Nothing is listed.
    pub fn is_empty(&self, chain: &Chain) -> bool {
        let open =
            chain.open.as_ref().filter(|_| chain.has_parts() && self.until.is_none() && !self.of_frames);
        let closed = chain.last_closed_msn().map_or(0, |last| last.saturating_add(1));
        self.from >= self.until.map_or(closed, |until| until.min(closed)) && open.is_none()
    }
}

/// What a playlist says of parts.
fn shows_parts(chain: &Chain, extent: &Extent) -> bool {
    chain.has_parts() && !extent.is_plain && !extent.of_frames
}

impl Extent {
    fn shows_open(&self, chain: &Chain) -> bool {
        shows_parts(chain, self) && self.until.is_none()
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
    /// What is listed.
    pub extent: Extent,
    /// What the URLs of playlists that list the same of other tracks end with.
    pub file: &'a str,
}

impl MediaPlaylist<'_> {
    /// Writes the playlist; `skip` asks for a delta update where one would skip anything.
    ///
    /// A delta update needs only what is recent of the chain; anything else all that is listed.
    pub fn render(&self, skip: Option<Skip>) -> String {
        self.render_after(skip, None).0
    }

    /// The same, with what of it will not change: of an earlier playlist of the same URL that is copied.
    pub fn render_after(&self, skip: Option<Skip>, before: Option<(&[u8], &Settled)>) -> (String, Settled) {
        let (chain, extent) = (self.chain, &self.extent);
        // What is open of a track without parts has nothing to show yet.
        let open = chain.open.as_ref().filter(|_| extent.shows_open(chain));
        let kept_from = skip.filter(|_| !extent.is_over && !extent.is_plain).map_or(0, |_| self.kept_from());
        let listed_from = extent.from.max(kept_from.min(self.end()));
        let skipped = listed_from.saturating_sub(extent.from);
        let segments = usize::try_from(self.end().saturating_sub(listed_from)).unwrap_or(usize::MAX);
        let expected = segments.saturating_mul(130).saturating_add(4096);
        let mut text = String::with_capacity(expected.min(MOST_RESERVED));

        self.header(&mut text, open.is_some(), skipped);
        let mut writer = SegmentWriter { periods: self.periods, last_session: None, dates: Dates::default() };
        let parts_from = if extent.shows_open(chain) { self.parts_from_msn() } else { u64::MAX };
        // Closed segments that list no parts any more stay as they are.
        let settled_until = parts_from.clamp(listed_from, self.end().max(listed_from));
        let (begin, mut next, periods) = (text.len(), listed_from, self.periods.len());
        let known = before.filter(|(_, known)| {
            let fits = known.from == listed_from && known.until <= settled_until;
            fits && known.periods == periods && skipped == 0
        });
        let copied = known
            .and_then(|(old, known)| Some((std::str::from_utf8(old.get(known.bytes.clone())?).ok()?, known)));
        if let Some((copied, known)) = copied {
            text.push_str(copied);
            next = known.until;
            writer.last_session.clone_from(&known.session);
        }
        writer.segments(&mut text, self, (next, settled_until), u64::MAX);
        let session = writer.last_session.clone();
        let settled =
            Settled { from: listed_from, until: settled_until, periods, bytes: begin..text.len(), session };
        writer.segments(&mut text, self, (settled_until, self.end()), parts_from);
        if let Some(open) = open {
            writer.head(&mut text, &open.reference(), false);
            writer.parts(&mut text, Some(open));
        }
        if extent.is_over {
            text.push_str("#EXT-X-ENDLIST\n");
        } else if extent.shows_open(chain) {
            text.push_str("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"");
            key::push_part_path(&mut text, &chain.run.session, chain.next_ticks);
            text.push_str("\"\n");
        }
        for report in self.reports {
            text.push_str("#EXT-X-RENDITION-REPORT:URI=\"../");
            text.push_str(report.track.as_str());
            text.push('/');
            text.push_str(self.file);
            text.push_str("\",LAST-MSN=");
            push_integer(&mut text, report.last_msn);
            if let Some(part) = report.last_part {
                text.push_str(",LAST-PART=");
                push_integer(&mut text, part);
            }
            text.push('\n');
        }
        (text, settled)
    }

    /// The number after the last closed segment that is listed.
    fn end(&self) -> u64 {
        let closed = self.chain.last_closed_msn().map_or(self.chain.next_msn, |last| last.saturating_add(1));
        self.extent.until.unwrap_or(closed)
    }

    /// What the head says of the first segment, and whether all start with independent frames.
    fn first(&self) -> (Option<First>, bool) {
        let live = self.extent.from == self.chain.listed_from() && self.extent.until.is_none();
        if live {
            return (self.chain.first_listed(), self.chain.is_listed_independent());
        }
        let mut listed = self.chain.references(self.extent.from, self.end());
        let first = listed.clone().next().map(|first| First {
            msn: first.msn,
            period: first.run.period,
            discontinuity: first.discontinuity,
        });
        (first, listed.all(|reference| reference.is_gap || reference.is_independent))
    }

    fn header(&self, text: &mut String, shows_open: bool, skipped: u64) {
        let chain = self.chain;
        let target_s = u64::from(chain.shape.target_duration_s);
        let (first, are_independent) = self.first();
        text.push_str("#EXTM3U\n");
        // EXT-X-MAP needs 6, EXT-X-SKIP 9; low-latency tags force none (HLS §8). With `v2` and no
        // date ranges to drop, a delta is the same as with `YES`.
        text.push_str(if skipped > 0 { "#EXT-X-VERSION:9\n" } else { "#EXT-X-VERSION:6\n" });
        let open = chain.open.as_ref().filter(|_| shows_open);
        if are_independent && open.is_none_or(|open| open.is_gap() || open.is_independent()) {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        text.push_str("#EXT-X-TARGETDURATION:");
        push_integer(text, target_s);
        text.push_str(match self.extent.growth {
            Growth::Sliding => "",
            Growth::Event => "\n#EXT-X-PLAYLIST-TYPE:EVENT",
            Growth::Complete => "\n#EXT-X-PLAYLIST-TYPE:VOD",
        });
        if self.extent.of_frames {
            text.push_str("\n#EXT-X-I-FRAMES-ONLY");
        }
        if !self.extent.is_plain {
            self.server_control(text);
        }
        if shows_parts(chain, &self.extent) {
            text.push_str("\n#EXT-X-PART-INF:PART-TARGET=");
            push_seconds_up(text, chain.begin.part_target_ticks, chain.begin.timescale);
        }
        text.push_str("\n#EXT-X-MEDIA-SEQUENCE:");
        let next = chain.open.as_ref().map_or(chain.next_msn, |open| open.msn);
        push_integer(text, first.map_or(next, |first| first.msn));
        // A segment's discontinuity sequence number is its period (HLS §4.4.3.3): a tag that is
        // still listed is not counted yet.
        let first = first.or(open.map(|open| First {
            msn: open.msn,
            period: open.run.period,
            discontinuity: open.discontinuity,
        }));
        let period = first.map_or(chain.run.period, |first| first.period);
        let tagged = u32::from(first.is_some_and(|first| first.discontinuity));
        text.push_str("\n#EXT-X-DISCONTINUITY-SEQUENCE:");
        push_integer(text, u64::from(period.saturating_sub(tagged)));
        text.push('\n');
        if skipped > 0 {
            text.push_str("#EXT-X-SKIP:SKIPPED-SEGMENTS=");
            push_integer(text, skipped);
            text.push('\n');
        }
    }

    /// Made of record 0 alone, so that it is the same in every rendition (Apple's authoring rules).
    fn server_control(&self, text: &mut String) {
        let target_s = u64::from(self.chain.shape.target_duration_s);
        text.push_str("\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=");
        push_ms(text, target_s.saturating_mul(6000));
        text.push_str(",HOLD-BACK=");
        push_ms(text, target_s.saturating_mul(3000));
        if let Some(hold_back_ms) = self.chain.shape.part_hold_back_ms() {
            text.push_str(",PART-HOLD-BACK=");
            push_ms(text, hold_back_ms);
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

    /// Number of the first segment that ends after the skip boundary: CAN-SKIP-UNTIL, six target durations,
    /// from the end of the last segment (HLS §4.4.5.2).
    fn kept_from(&self) -> u64 {
        let boundary_us = self.target_us().saturating_mul(6);
        let kept = self.chain.closed.iter().rev().scan(0_u64, |after_us, segment| {
            let is_after = *after_us < boundary_us;
            *after_us = after_us.saturating_add(segment.duration_us());
            is_after.then_some(segment.msn)
        });
        kept.last().unwrap_or(0)
    }

    fn target_us(&self) -> u64 {
        u64::from(self.chain.shape.target_duration_s).saturating_mul(1_000_000)
    }
}

/// Most that is reserved for a playlist before it is written.
const MOST_RESERVED: usize = 8 << 20;

/// What of a playlist's text will not change while it begins with the same segment.
#[derive(Debug, Clone)]
pub struct Settled {
    from: u64,
    until: u64,
    /// How many period records were known.
    periods: usize,
    /// Where it stands.
    bytes: Range<usize>,
    /// Of the last EXT-X-MAP in it.
    session: Option<SessionId>,
}

/// Writes segments one after the other.
struct SegmentWriter<'a> {
    periods: &'a [PeriodRecord],
    last_session: Option<SessionId>,
    dates: Dates,
}

impl SegmentWriter<'_> {
    /// Closed segments, those from a number on with their parts.
    fn segments(
        &mut self,
        text: &mut String,
        of: &MediaPlaylist<'_>,
        (from, until): (u64, u64),
        parts_from: u64,
    ) {
        for reference in of.chain.references(from, until) {
            self.head(text, &reference, of.extent.of_frames);
            if of.extent.of_frames {
                Self::frame(text, &reference);
            } else {
                self.parts(text, of.chain.segment(reference.msn).filter(|_| reference.msn >= parts_from));
                Self::end(text, &reference);
            }
        }
    }

    /// What comes before a segment's parts.
    fn head(&mut self, text: &mut String, of: &Reference<'_>, is_frame: bool) {
        let is_gap = of.is_gap || (is_frame && of.frame_bytes == 0);
        if of.discontinuity {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        // A gap has no bytes for a header to apply to, and its session may never have had one.
        if !is_gap && self.last_session.as_ref() != Some(&of.run.session) {
            self.last_session = Some(of.run.session.clone());
            text.push_str("#EXT-X-MAP:URI=\"");
            text.push_str(of.run.session.as_str());
            text.push_str("/init.mp4\"\n");
        }
        let record = usize::try_from(of.run.period).ok().and_then(|n| self.periods.get(n));
        if let Some(record) = record {
            text.push_str("#EXT-X-PROGRAM-DATE-TIME:");
            let wall = record.anchor.wall_at(of.start_ticks, of.offset_ticks, of.run.timescale);
            self.dates.push(text, wall);
            text.push('\n');
        }
        if is_gap {
            text.push_str("#EXT-X-GAP\n");
        }
    }

    /// The frame that a closed segment starts with: a range of its first part, from the `moof` (HLS §4.4.3.6). It is shown
    /// until the next one is.
    fn frame(text: &mut String, of: &Reference<'_>) {
        text.push_str("#EXTINF:");
        push_seconds(text, of.duration_ticks, of.run.timescale);
        text.push_str(",\n");
        if of.frame_bytes == 0 {
            key::push_segment_path(text, &of.run.session, of.msn);
        } else {
            text.push_str("#EXT-X-BYTERANGE:");
            push_integer(text, u64::from(of.frame_bytes));
            text.push_str("@0\n");
            key::push_part_path(text, &of.run.session, of.start_ticks);
        }
        text.push('\n');
    }

    /// Its parts, where they are listed.
    fn parts(&self, text: &mut String, segment: Option<&Segment>) {
        let Some(segment) = segment else { return };
        for part in &segment.parts {
            text.push_str("#EXT-X-PART:DURATION=");
            push_seconds(text, part.meta.duration_ticks, segment.run.timescale);
            text.push_str(",URI=\"");
            key::push_part_path(text, &segment.run.session, part.start_ticks);
            // Every part that holds an independent frame says so (HLS §4.4.4.9).
            text.push_str(match part.meta.independence {
                Independence::No => "\"\n",
                Independence::Start | Independence::Inside => "\",INDEPENDENT=YES\n",
            });
        }
    }

    /// The end of a closed segment.
    fn end(text: &mut String, of: &Reference<'_>) {
        text.push_str("#EXTINF:");
        push_seconds(text, of.duration_ticks, of.run.timescale);
        text.push_str(",\n");
        key::push_segment_path(text, &of.run.session, of.msn);
        text.push('\n');
    }
}
