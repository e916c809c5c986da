//! One track that is being pushed: its headers, its chain as planned, its cutter.

use std::collections::VecDeque;

use bytes::Bytes;

use super::plan::{Outcome, Plan, Planned};
use super::upload::UploadId;
use super::{Settings, TAIL_MS};
use crate::cmaf::cutter::{CutPart, Cutter, SegmentBounds};
use crate::cmaf::{Chunk, Header, TrackKind};
use crate::limits;
use crate::log::checkpoint::PAGE_SEGMENTS;
use crate::log::reader::Target;
use crate::log::{Anchor, Chain, ChainError, Entry, Marker, SessionId, Shape, TrackName};
use crate::order::SortedMap;
use crate::time::{Timescale, WallMs};

/// A header as it was pushed.
#[derive(Debug, Clone)]
pub(super) struct PushedHeader {
    pub(super) header: Header,
    pub(super) bytes: Bytes,
}

/// No answer waits longer than this for what follows.
const LONGEST_TAIL_MS: i64 = 3_000;

/// What an encoder sends again comes this soon after its last media.
const RETRY_MS: i64 = 10_000;

#[derive(Debug)]
pub(super) struct Track {
    pub(super) name: TrackName,
    pub(super) kind: TrackKind,
    pub(super) headers: SortedMap<SessionId, PushedHeader>,
    /// As planned: what is in the plan is in it already.
    pub(super) chain: Option<Chain>,
    pub(super) cutter: Option<Cutter>,
    /// The uploads whose media is pending in the cutter, the newest last.
    pub(super) pending_from: Vec<UploadId>,
    pub(super) plan: Plan,
    /// When media of it was last taken.
    pub(super) last_media: WallMs,
    /// Media that cannot be decoded is dropped until a keyframe comes.
    pub(super) needs_sync: bool,
    /// A hole was declared a gap, but nothing to end it with has come yet.
    pub(super) hole_decided: bool,
    /// Start and payload hash of the last chunks taken in this run: a retry is known by them.
    recent: VecDeque<(u64, u64)>,
    /// Where the run before this one ended, in ticks of this one, and when it was left.
    left: Option<(u64, WallMs)>,
    /// The upload that media last came in, and how much came in it: the next one brings as much.
    last_body: Option<(UploadId, u64)>,
    /// The most media that came in one chunk.
    pub(super) longest_chunk_ms: u64,
    /// A header was pushed since media was last taken.
    pub(super) header_came: bool,
    /// The upload that brought the newest header.
    pub(super) header_from: Option<UploadId>,
    /// When that was.
    pub(super) header_at: WallMs,
    /// As above, of the newest header that media came after.
    run_header: Option<(UploadId, WallMs)>,
    /// Where record 0 would be anchored, if this track made it.
    pub(super) anchor: Option<Anchor>,
    /// Decode time of the newest sync sample, for keyframe distances.
    pub(super) last_sync: Option<u64>,
    pub(super) first_sync: Option<u64>,
    pub(super) warned_interval_ms: u64,
    /// Tag of the checkpoint as this process last wrote it.
    pub(super) checkpoint_tag: Option<String>,
    pub(super) checkpoint_at: WallMs,
    /// Whether pages up to now were written was not seen by this process.
    pub(super) pages_unsure: bool,
    /// All segments before this number are in pages that are stored.
    pub(super) paged_until: u64,
    /// What was taken since the marker that leads out of the slate was planned, and until it is stored: whoever shows
    /// the slate may be faster by a part.
    pub(super) crossing: Vec<(UploadId, Chunk)>,
    /// Another writer's object stands where ours should: the chain must be read again.
    pub(super) poisoned: bool,
    /// Where that is: what comes before it is stored.
    pub(super) stored_until: Option<(SessionId, u64)>,
}

impl Track {
    pub(super) fn new(name: TrackName, kind: TrackKind) -> Self {
        Self {
            name,
            kind,
            headers: SortedMap::new(),
            chain: None,
            cutter: None,
            pending_from: Vec::new(),
            plan: Plan::default(),
            last_media: WallMs(i64::MIN),
            needs_sync: false,
            hole_decided: false,
            recent: VecDeque::new(),
            left: None,
            last_body: None,
            longest_chunk_ms: 0,
            header_came: false,
            header_from: None,
            header_at: WallMs(i64::MIN),
            run_header: None,
            anchor: None,
            last_sync: None,
            first_sync: None,
            warned_interval_ms: 0,
            checkpoint_tag: None,
            checkpoint_at: WallMs(i64::MIN),
            pages_unsure: false,
            paged_until: 0,
            crossing: Vec::new(),
            poisoned: false,
            stored_until: None,
        }
    }

    /// Takes up a chain that was read from storage. What goes on exactly where it ends may go on
    /// anyhow; anything else begins with a keyframe.
    pub(super) fn resume(&mut self, chain: Chain) {
        let mut segments = chain.closed.iter().chain(&chain.open);
        // It may begin with a gap.
        self.anchor = segments.find_map(|segment| {
            let part = segment.parts.first()?;
            let before_ms = segment.run.timescale.ms_from_ticks(part.meta.duration_ticks);
            Some(Anchor {
                wall: part.meta.wall.plus_ms(i64::try_from(before_ms).unwrap_or(0).saturating_neg()),
                time_ticks: part.start_ticks,
                timescale: segment.run.timescale,
                is_produced: false,
            })
        });
        let newest = chain.open.as_ref().or(chain.closed.back()).and_then(|segment| segment.parts.last());
        self.last_media = newest.map_or(self.last_media, |part| part.meta.wall);
        self.cutter = Some(Cutter::new(self.kind, chain.part_target_ticks()));
        // A checkpoint leaves out no more than that.
        self.paged_until = chain.closed.front().map_or(0, |first| first.msn);
        self.pending_from.clear();
        self.needs_sync = false;
        self.hole_decided = false;
        self.chain = Some(chain);
        self.plan = Plan::default();
        self.poisoned = false;
        self.pages_unsure = true;
    }

    /// Where the next sample is expected, in ticks of the chain's run.
    pub(super) fn end_ticks(&self) -> u64 {
        let pending = self.cutter.as_ref().map_or(0, Cutter::pending_ticks);
        self.chain.as_ref().map_or(0, |chain| chain.next_ticks.saturating_add(pending))
    }

    /// Where the next sample is expected, in ticks of `timescale`.
    pub(super) fn end_in(&self, timescale: Timescale) -> u64 {
        let own = self.chain.as_ref().map_or(timescale, |chain| chain.run.timescale);
        own.convert_ticks(self.end_ticks(), timescale)
    }

    /// The newest header that an encoder sent, and its session.
    pub(super) fn newest_header(&self) -> Option<(&SessionId, &PushedHeader)> {
        self.headers.iter().rev().find(|(session, _)| !session.is_slate())
    }

    /// Its chain ends with the slate.
    pub(super) fn is_in_slate(&self) -> bool {
        self.chain.as_ref().is_some_and(|chain| chain.run.session.is_slate())
    }

    pub(super) fn period(&self) -> Option<u32> {
        self.chain.as_ref().map(|chain| chain.run.period)
    }

    /// Whether a chunk of the chain's run that starts before the chain's end, `behind_ticks` before
    /// it, is sent again rather than from the start. `reach_ticks`: so far back goes what an encoder
    /// sends again.
    pub(super) fn is_retry(&self, chunk: &Chunk, behind_ticks: u64, reach_ticks: u64, now: WallMs) -> bool {
        let Some(chain) = &self.chain else { return false };
        let start = chunk.start_ticks();
        // Without a header in between, an encoder hardly starts anew.
        let again_ticks = chain.run.timescale.ticks_from_ms(RETRY_MS.unsigned_abs());
        let reach_ticks = if self.header_came { reach_ticks } else { reach_ticks.max(again_ticks) };
        let is_near = behind_ticks <= reach_ticks;
        let is_soon = self.is_soon(now);
        let is_remembered = self.is_remembered(chunk);
        if start >= chain.boundary_ticks() {
            return !self.header_came || is_soon || is_remembered;
        }
        if is_remembered {
            // A file that is played again has the same media as before.
            return !self.header_came || is_near;
        }
        if chain.holds_gap(start, chunk.end_ticks()) {
            // It comes too late for its place.
            return !self.header_came || is_near && is_soon;
        }
        // What came too late was never taken.
        is_near && is_soon && (self.may_be_forgotten(chunk) || !self.header_came)
    }

    /// Whether a chunk starts where the run has media, rather than where it began, as that of an encoder
    /// that starts anew does.
    pub(super) fn is_within_run(&self, chunk: &Chunk) -> bool {
        let before = chunk.start_ticks().checked_sub(1);
        let chain = self.chain.as_ref();
        before.zip(chain).is_some_and(|(before, chain)| chain.holds_media(before, chunk.start_ticks()))
    }

    /// Whether what stands in a chunk's place may be that chunk.
    pub(super) fn may_have_taken(&self, chunk: &Chunk, now: WallMs) -> bool {
        self.is_remembered(chunk) || self.is_soon(now) && self.may_be_forgotten(chunk)
    }

    /// This very chunk was taken lately.
    pub(super) fn is_remembered(&self, chunk: &Chunk) -> bool {
        let hash = xxhash_rust::xxh3::xxh3_64(chunk.payload());
        self.recent.iter().any(|(_, recent)| *recent == hash)
    }

    /// What another process took is not remembered.
    fn may_be_forgotten(&self, chunk: &Chunk) -> bool {
        self.recent.front().is_none_or(|(from, _)| chunk.start_ticks() < *from)
    }

    /// What an encoder sends again comes about now.
    fn is_soon(&self, now: WallMs) -> bool {
        now.since_ms(self.last_media) <= RETRY_MS
    }

    pub(super) fn remember(&mut self, chunk: &Chunk) {
        if self.recent.len() >= limits::CHUNKS_REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back((chunk.start_ticks(), xxhash_rust::xxh3::xxh3_64(chunk.payload())));
    }

    /// The run that begins has times of its own.
    pub(super) fn leave_run(&mut self, timescale: Timescale, now: WallMs) {
        self.left = Some((self.end_in(timescale), now));
    }

    /// Whether a chunk that starts at this time is rather of the run before, and has been overtaken by
    /// this one. `within_ms`: bodies overtake each other by no more.
    pub(super) fn is_overtaken(&self, start_ticks: u64, end_ticks: u64, within_ms: i64, now: WallMs) -> bool {
        self.left.is_some_and(|(left_ticks, left_at)| {
            now.since_ms(left_at) <= within_ms
                && start_ticks.abs_diff(left_ticks) < start_ticks.abs_diff(end_ticks)
        })
    }

    /// Whether a chunk whose times have nothing to do with this run's starts about where the run before
    /// was left, just now: it has been overtaken by this one.
    pub(super) fn goes_on_with_run_before(
        &self,
        start_ticks: u64,
        timescale: Timescale,
        within_ms: i64,
        now: WallMs,
    ) -> bool {
        let reach = timescale.ticks_from_ms(within_ms.unsigned_abs());
        !self.header_came
            && self.left.is_some_and(|(left_ticks, left_at)| {
                now.since_ms(left_at) <= within_ms && start_ticks.abs_diff(left_ticks) <= reach
            })
    }

    /// Whether an upload began before the header that the newest media came after, and what it brings,
    /// since then, is rather of the run before: bodies overtake each other by no more than this.
    pub(super) fn is_of_run_before(&self, id: UploadId, since: WallMs, within_ms: i64, now: WallMs) -> bool {
        self.run_header.is_some_and(|(header, header_at)| {
            id < header && (since < header_at || now.since_ms(header_at) <= within_ms)
        })
    }

    /// An upload whose media is known is answered when what is known of it is stored.
    pub(super) fn awaits_too(&mut self, upload: UploadId) {
        if self.pending_from.is_empty() {
            self.plan.awaits_too(upload);
        } else if !self.pending_from.contains(&upload) {
            // Not the newest: it is not that one's end that flushes a tail.
            self.pending_from.insert(0, upload);
        }
    }

    /// Another writer stored the same media first: what is known of it is what that one said.
    pub(super) fn restate(&mut self, planned: &Planned, outcome: &Outcome) {
        let Outcome::Exists { meta, .. } = outcome else { return };
        let Some(chain) = self.chain.as_mut().filter(|_| *meta != planned.meta) else { return };
        if let (Ok(Entry::Part(stored)), Ok(Entry::Part(planned))) =
            (Entry::from_meta(meta), Entry::from_meta(&planned.meta))
        {
            chain.restate(&planned, &stored);
            // Checkpoints and pages that say otherwise are made anew when the next segment closes.
            self.plan.queue.retain(|planned| !planned.is_aside());
            self.pages_unsure = true;
        }
    }

    /// How it went with a page, or a listing: one that is not there now is written again later.
    pub(super) fn indexed(&mut self, target: &Target, outcome: &Outcome) {
        let is_there = matches!(outcome, Outcome::Stored(_) | Outcome::Exists { .. });
        match target {
            Target::Page(_, page) if is_there && page.saturating_mul(PAGE_SEGMENTS) <= self.paged_until => {
                let end = page.saturating_add(1).saturating_mul(PAGE_SEGMENTS);
                self.paged_until = self.paged_until.max(end);
            }
            Target::Page(..) => self.pages_unsure = true,
            Target::Listing(..) if !is_there => self.pages_unsure = true,
            _ => {}
        }
    }

    /// The shape is fixed, perhaps by another process.
    pub(super) fn settle(&mut self, shape: Option<Shape>) {
        if let Some((shape, chain)) = shape.zip(self.chain.as_mut()) {
            self.poisoned |= chain.settle(shape).is_err();
        }
    }

    /// Less of the chain was read than this process had stored when it went wrong.
    pub(super) fn is_ahead(&self, read: &Track) -> bool {
        let stored = self.stored_until.as_ref();
        stored.zip(read.chain.as_ref()).is_some_and(|((session, start_ticks), chain)| {
            chain.run.session < *session || chain.run.session == *session && chain.next_ticks < *start_ticks
        })
    }

    /// Keeps in mind what was taken before the chain was read again.
    pub(super) fn remember_as(&mut self, before: Track) {
        let run = |track: &Track| track.chain.as_ref().map(|chain| chain.run.session.clone());
        if run(self) == run(&before) {
            self.recent = before.recent;
        }
        self.last_media = self.last_media.max(before.last_media);
        self.header_came = before.header_came;
        self.header_from = before.header_from;
        self.header_at = before.header_at;
        self.run_header = before.run_header;
        self.checkpoint_at = self.checkpoint_at.max(before.checkpoint_at);
        self.checkpoint_tag = before.checkpoint_tag;
        self.warned_interval_ms = before.warned_interval_ms;
        self.first_sync = self.first_sync.or(before.first_sync);
    }

    /// Another process has written more of the chain than this one has planned.
    pub(super) fn is_behind(&self, stored: &Track) -> bool {
        match (&self.chain, &stored.chain) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(theirs)) => {
                own.run.session != theirs.run.session && own.run.session < theirs.run.session
                    || own.run.session == theirs.run.session && own.next_ticks < theirs.next_ticks
            }
        }
    }

    /// Hands a contiguous chunk to the cutter.
    pub(super) fn cut(&mut self, chunk: Chunk, upload: UploadId, now: WallMs) {
        self.remember(&chunk);
        self.last_media = now;
        let lasts_ms =
            self.chain.as_ref().map_or(0, |chain| chain.run.timescale.ms_from_ticks(chunk.duration_ticks()));
        let before_ms =
            self.last_body.filter(|(body, _)| *body == upload).map_or(0, |(_, before_ms)| before_ms);
        self.longest_chunk_ms = self.longest_chunk_ms.max(lasts_ms);
        self.last_body = Some((upload, before_ms.saturating_add(lasts_ms)));
        if self.header_from <= Some(upload) {
            self.run_header = self.header_from.map(|header| (header, self.header_at));
        }
        self.header_came = false;
        self.hole_decided = false;
        self.needs_sync = false;
        self.pending_from.retain(|from| *from != upload);
        self.pending_from.push(upload);
        if let Some(cutter) = &mut self.cutter {
            cutter.push(chunk);
        }
    }

    /// The next whole part, given where the open segment began.
    pub(super) fn next_part(&mut self) -> Option<CutPart> {
        let bounds = self.bounds(self.chain.as_ref()?);
        self.cutter.as_mut()?.next_part(bounds)
    }

    /// Plans a part.
    pub(super) fn plan_part(
        &mut self,
        part: CutPart,
        uploads: Vec<UploadId>,
        now: WallMs,
    ) -> Result<(), ChainError> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let shift =
            self.headers.get(&chain.run.session).map_or(0, |pushed| pushed.header.presentation_shift_ticks);
        let lengths = part.body.iter().map(|piece| u64::try_from(piece.len()).unwrap_or(u64::MAX));
        let bytes = lengths.fold(0, u64::saturating_add);
        let meta = part.meta(self.kind, shift, now);
        let entry = Entry::Part(meta);
        let target = Target::Part(self.name.clone(), chain.run.session.clone(), chain.next_ticks);
        chain.absorb(&entry, bytes)?;
        let mut planned = Planned::create(target, entry.to_meta(), part.body);
        planned.uploads = uploads;
        self.plan.push(planned);
        Ok(())
    }

    /// Plans a marker; one that leads into a period is stored after its record.
    pub(super) fn plan_marker(&mut self, marker: Marker) -> Result<(), ChainError> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let after_period = match &marker {
            Marker::Continues { period, .. } => Some(*period),
            _ => None,
        };
        let target = Target::Part(self.name.clone(), chain.run.session.clone(), chain.next_ticks);
        let entry = Entry::Marker(marker);
        chain.absorb(&entry, 0)?;
        let mut planned = Planned::create(target, entry.to_meta(), Vec::new());
        planned.after_period = after_period;
        self.plan.push(planned);
        Ok(())
    }

    /// How long what is pending waits for more, once its upload has ended.
    pub(super) fn tail_ms(&self, settings: &Settings) -> i64 {
        let may_end = match (&self.chain, &self.cutter) {
            (Some(chain), Some(cutter)) => cutter.may_end(self.bounds(chain)),
            _ => true,
        };
        if may_end {
            return TAIL_MS;
        }
        // The next body brings as much, or comes as much later as a body may.
        let body_ms = self.last_body.map_or(0, |(_, body_ms)| i64::try_from(body_ms).unwrap_or(i64::MAX));
        body_ms.saturating_add(i64::from(settings.gap_ms)).clamp(TAIL_MS, LONGEST_TAIL_MS)
    }

    fn bounds(&self, chain: &Chain) -> SegmentBounds {
        SegmentBounds {
            start_ticks: chain.boundary_ticks(),
            shortest_ticks: chain.shortest_segment_ticks(),
            limit_ticks: chain.segment_limit_ticks(),
        }
    }

    /// Ends the part that is pending, however short: its segment ends here.
    pub(super) fn flush(&mut self, now: WallMs) -> Result<(), ChainError> {
        let from = std::mem::take(&mut self.pending_from);
        match self.cutter.as_mut().and_then(Cutter::flush) {
            Some(part) => self.plan_part(part, from, now),
            None => Ok(()),
        }
    }

    /// A new cutter, for the run that begins.
    pub(super) fn begin_run(&mut self) {
        self.cutter = self.chain.as_ref().map(|chain| Cutter::new(self.kind, chain.part_target_ticks()));
        self.pending_from.clear();
        self.last_sync = None;
        self.recent.clear();
    }
}

/// The chunk from its first sync sample on; `None` when it has none.
pub(super) fn from_sync(chunk: &Chunk) -> Option<Chunk> {
    let first = chunk.samples().iter().position(|sample| sample.sync)?;
    chunk.slice(first..chunk.samples().len())
}
