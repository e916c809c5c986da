//! What all tracks share: periods, TARGETDURATION, the timeline they have in common.

use super::notice::Notice;
use super::offer::Offered;
use super::plan::{Planned, PutMode};
use super::receiver::Receiver;
use super::track::Track;
use super::{LONGEST_GAP_MS, LONGEST_KEYFRAME_WAIT_S};
use crate::cmaf::{Chunk, TrackKind};
use crate::log::checkpoint::page_of;
use crate::log::index::SPANS;
use crate::log::reader::Target;
use crate::log::{Anchor, Checkpoint, Listing, Page, PeriodRecord, SessionId, Shape, TrackName, record};
use crate::time::{Timescale, WallMs};

/// Least time between two checkpoints of a track: R2 takes one write a second to a key.
const CHECKPOINT_MS: i64 = 1_000;

impl Receiver {
    /// The shape, or the one assumed until it is fixed: wide enough that nothing is cut for length
    /// that will not be cut for length later.
    pub(super) fn shape(&self) -> Shape {
        let fixed = self.periods.first().and_then(|record| record.shape);
        fixed.unwrap_or(self.settings.assumed_shape())
    }

    /// What record 0 fixes.
    fn shape_with(&self, target_duration_s: u32) -> Shape {
        let whole_segments = self.sends_whole_segments();
        Shape { target_duration_s, whole_segments, ..self.settings.assumed_shape() }
    }

    /// Whether more media comes at once than makes a part or two, and half a segment.
    fn sends_whole_segments(&self) -> bool {
        let longest_ms = u64::from(self.settings.part_ms.saturating_mul(2).max(self.settings.segment_ms / 2));
        let mut tracks = self.tracks.values().filter(|track| track.kind != TrackKind::Text);
        tracks.any(|track| track.longest_chunk_ms > longest_ms)
    }

    pub(super) fn target_duration_s(&self) -> u32 {
        let fixed = self.periods.first().and_then(|record| record.shape);
        fixed.map_or(self.settings.target_duration_s(0), |shape| shape.target_duration_s)
    }

    pub(super) fn current_period(&self) -> u32 {
        u32::try_from(self.periods.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    pub(super) fn period_of(&self, session: &SessionId) -> Option<u32> {
        let index = self.periods.iter().position(|record| record.session == *session)?;
        u32::try_from(index).ok()
    }

    /// The other tracks are in a later period than this one.
    pub(super) fn is_left_behind(&self, track: &Track) -> bool {
        track.period().is_some_and(|period| period < self.current_period())
    }

    /// Whether a track's first media is on the timeline that the tracks of the current period share.
    pub(super) fn fits_timeline(&self, offered: &impl TimedSession) -> bool {
        let current = self.current_period();
        if self.period_of(offered.session()) == Some(current) {
            return true;
        }
        let longest = offered.timescale().ticks_from_ms(LONGEST_GAP_MS);
        let mut ends = self
            .tracks
            .values()
            .filter(|track| track.period() == Some(current))
            .map(|track| track.end_in(offered.timescale()))
            .peekable();
        ends.peek().is_none() && self.periods.is_empty()
            || ends.any(|end| end.abs_diff(offered.start_ticks()) <= longest)
    }

    /// About where a track's next media is expected, in ticks of `timescale`: where it ends, or, when
    /// it has none yet, where the others of the period do.
    pub(super) fn expected_ticks(&self, track: &Track, timescale: Timescale) -> u64 {
        if track.chain.is_some() {
            return track.end_in(timescale);
        }
        let current = self.current_period();
        let others = self.tracks.values().filter(|track| track.period() == Some(current));
        others.map(|track| track.end_in(timescale)).max().unwrap_or(0)
    }

    /// The number of the segment that other tracks of the period have at this time, so that
    /// renditions with aligned keyframes come out with equal numbers.
    pub(super) fn aligned_msn(&self, start_ticks: u64, timescale: Timescale, period: u32) -> u64 {
        let other = self
            .tracks
            .values()
            .filter_map(|track| track.chain.as_ref())
            .find(|chain| chain.run.period == period);
        let Some(chain) = other else { return 1 };
        let time = timescale.convert_ticks(start_ticks, chain.run.timescale);
        let mut segments = chain.open.iter().chain(chain.closed.iter().rev());
        segments
            .find(|segment| segment.run.period == period && segment.start_ticks <= time)
            .map_or(chain.begin.first_msn, |segment| segment.msn)
            .max(1)
    }

    /// Plans the record of the next period, which begins with this chunk.
    pub(super) fn begin_period(&mut self, offered: &Offered<'_>, chunk: &Chunk) -> u32 {
        if self.periods.is_empty() && self.tracks.values().any(|track| track.chain.is_some()) {
            self.fix_target(self.settings.target_duration_s(0), offered.now);
        }
        let anchor = self.anchor_after_all(offered, chunk);
        let shape = self.periods.is_empty().then(|| self.shape_with(self.settings.target_duration_s(0)));
        self.plan_period(PeriodRecord { session: offered.session.clone(), anchor, shape });
        self.current_period()
    }

    fn plan_period(&mut self, record: PeriodRecord) {
        let n = u32::try_from(self.periods.len()).unwrap_or(u32::MAX);
        self.period_plan.push(Planned::json(Target::Period(n), record::to_json(&record)));
        self.periods.push(record);
    }

    /// Watches how far apart keyframes are, to fix TARGETDURATION and to warn.
    pub(super) fn watch_keyframes(&mut self, name: &TrackName, chunk: &Chunk) {
        let settings = self.settings;
        let Some(track) = self.tracks.get_mut(name).filter(|track| track.kind == TrackKind::Video) else {
            return;
        };
        let Some(timescale) = track.chain.as_ref().map(|chain| chain.run.timescale) else { return };
        let mut interval_ms = None;
        let mut time = chunk.start_ticks();
        for sample in chunk.samples() {
            if sample.sync {
                let last = track.last_sync.replace(time);
                interval_ms =
                    last.map(|last| timescale.ms_from_ticks(time.saturating_sub(last))).or(interval_ms);
                track.first_sync.get_or_insert(time);
            }
            time = time.saturating_add(u64::from(sample.duration_ticks));
        }
        if let Some(interval_ms) = interval_ms {
            let too_far = interval_ms > u64::from(settings.segment_ms).saturating_mul(5) / 4;
            if too_far && track.warned_interval_ms < interval_ms {
                track.warned_interval_ms = interval_ms;
                let segment_ms = settings.segment_ms;
                self.notices.push(Notice::KeyframesFarApart { track: name.clone(), interval_ms, segment_ms });
            }
            if self.periods.is_empty() {
                self.pending_target = Some(settings.target_duration_s(interval_ms));
            }
        }
    }

    /// Fixes TARGETDURATION when it can be told: at the first video track's second keyframe, after
    /// long enough without one, or, with sound alone, once a segment of it is closed.
    pub(super) fn maybe_fix_target(&mut self, name: &TrackName, now: WallMs) {
        if !self.periods.is_empty() {
            return;
        }
        if let Some(target_s) = self.pending_target.take() {
            self.fix_target(target_s, now);
            return;
        }
        let Some(track) = self.tracks.get(name) else { return };
        let Some(chain) = &track.chain else { return };
        if let Some(first) = track.first_sync {
            let waited_ms = chain.run.timescale.ms_from_ticks(track.end_ticks().saturating_sub(first));
            if waited_ms >= u64::from(LONGEST_KEYFRAME_WAIT_S).saturating_mul(1000) {
                let seconds = LONGEST_KEYFRAME_WAIT_S;
                self.notices.push(Notice::NoSecondKeyframe { track: name.clone(), seconds });
                self.fix_target(seconds, now);
            }
            return;
        }
        let is_alone = !self.tracks.values().any(|track| track.kind == TrackKind::Video);
        if is_alone && !chain.closed.is_empty() {
            self.fix_target(self.settings.target_duration_s(0), now);
        }
    }

    fn fix_target(&mut self, target_duration_s: u32, now: WallMs) {
        let shape = self.shape_with(target_duration_s);
        let anchors = self.tracks.values().filter_map(|track| {
            let chain = track.chain.as_ref()?;
            // Of a track that has no media any more it is known where it would have begun.
            let assumed = || {
                let begin = &chain.begin;
                let lasts_ms =
                    begin.timescale.ms_from_ticks(track.end_ticks().saturating_sub(begin.start_ticks));
                let wall = now.plus_ms(i64::try_from(lasts_ms).unwrap_or(0).saturating_neg());
                Anchor { wall, time_ticks: begin.start_ticks, timescale: begin.timescale, is_produced: false }
            };
            // Text may be sent long before it is shown.
            let is_text = track.kind == TrackKind::Text;
            Some((is_text, track.anchor.unwrap_or_else(assumed), chain.begin.session.clone()))
        });
        let first = anchors.min_by_key(|(is_text, anchor, _)| (*is_text, anchor.wall));
        let Some((_, anchor, session)) = first else { return };
        self.plan_period(PeriodRecord { session, anchor, shape: Some(shape) });
        self.notices.push(Notice::TargetDuration { seconds: target_duration_s });
        // All of them first: what follows from one may be a gap in another.
        self.tracks.values_mut().for_each(|track| track.settle(Some(shape)));
        let names: Vec<_> = self.tracks.keys().cloned().collect();
        for name in names {
            self.segment_closed(&name, None, now);
        }
    }

    /// A track closed one or more segments.
    pub(super) fn segment_closed(&mut self, name: &TrackName, closed_before: Option<u64>, now: WallMs) {
        self.checkpoint(name, closed_before, now);
        self.gap_the_absent(name, now);
    }

    /// Plans a checkpoint, and the pages that are whole since the last one.
    fn checkpoint(&mut self, name: &TrackName, mut closed_before: Option<u64>, now: WallMs) {
        if self.periods.is_empty() {
            return;
        }
        let Some(track) = self.tracks.get_mut(name) else { return };
        let Some(chain) = track.chain.as_mut() else { return };
        let Some(last) = chain.last_closed_msn() else { return };
        if std::mem::take(&mut track.pages_unsure) {
            // Who wrote the chain so far may have died before it wrote the last page.
            closed_before = None;
        }
        let first = closed_before.map_or(chain.known_from(), |before| before.saturating_add(1));
        for page in page_of(first)..page_of(last.saturating_add(1)) {
            if let Some(whole) = Page::complete(chain, page) {
                track.plan.push(Planned::json(Target::Page(name.clone(), page), whole.to_json()));
            }
        }
        let number_of = |msn: u64, span: u64| msn.checked_div(span).unwrap_or(0);
        for span in SPANS {
            for number in number_of(first, span)..number_of(last.saturating_add(1), span) {
                if let Some(whole) = Listing::complete(chain, span, number) {
                    let target = Target::Listing(name.clone(), span, number);
                    track.plan.push(Planned::json(target, whole.to_json()));
                }
            }
        }
        if now.since_ms(track.checkpoint_at) >= CHECKPOINT_MS && !track.plan.holds_checkpoint() {
            track.checkpoint_at = now;
            let json = Checkpoint::of(chain, track.paged_until).to_json();
            let mut planned = Planned::json(Target::Head(name.clone()), json);
            // The tag is filled in when it goes out: it may change until then.
            planned.mode = PutMode::Swap(None);
            planned.after_period = Some(0);
            track.plan.push(planned);
        }
        // Unpaged segments stay, so that the next page has them all, and what the next listings have.
        chain.trim_before(track.paged_until);
        chain.forget_before(listing_from(last));
    }
}

/// From which number on listings may not be there yet, when this is the last number that is closed.
pub(super) fn listing_from(last_closed_msn: u64) -> u64 {
    let longest = SPANS.into_iter().fold(1, u64::max);
    // The newest of those that should be there may just be written.
    let begins = |msn: u64| msn.checked_div(longest).unwrap_or(0).saturating_mul(longest);
    begins(last_closed_msn.saturating_sub(crate::log::checkpoint::PAGE_SEGMENTS))
}

/// What [`Receiver::fits_timeline`] asks of a chunk.
pub(super) trait TimedSession {
    fn session(&self) -> &SessionId;
    fn timescale(&self) -> Timescale;
    fn start_ticks(&self) -> u64;
}
