//! One track that is being pushed: its headers, its chain as planned, its cutter.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::plan::{Plan, Planned};
use super::upload::UploadId;
use crate::cmaf::cutter::{CutPart, Cutter, SegmentBounds};
use crate::cmaf::{Chunk, Header, TrackKind};
use crate::limits;
use crate::log::reader::Target;
use crate::log::{Anchor, Chain, ChainError, Entry, Marker, PartMeta, SessionId, TrackName};
use crate::time::{Timescale, WallMs};

/// A header as it was pushed.
#[derive(Debug, Clone)]
pub(super) struct PushedHeader {
    pub(super) header: Header,
    pub(super) bytes: Bytes,
}

#[derive(Debug)]
pub(super) struct Track {
    pub(super) name: TrackName,
    pub(super) kind: TrackKind,
    pub(super) headers: BTreeMap<SessionId, PushedHeader>,
    /// As planned: what is in the plan is in it already.
    pub(super) chain: Option<Chain>,
    pub(super) cutter: Option<Cutter>,
    /// The upload whose media is pending in the cutter.
    pub(super) pending_from: Option<UploadId>,
    pub(super) plan: Plan,
    /// When media of it was last taken.
    pub(super) last_media: WallMs,
    /// Media that cannot be decoded is dropped until a keyframe comes.
    pub(super) needs_sync: bool,
    /// A hole was declared a gap, but nothing to end it with has come yet.
    pub(super) hole_decided: bool,
    /// The very same header came again: what comes next tells a retry from a restart.
    pub(super) header_came_again: bool,
    /// Payload hashes of the last chunks taken: a retry is known by them.
    recent: VecDeque<u64>,
    /// Where record 0 would be anchored, if this track made it.
    pub(super) anchor: Option<Anchor>,
    /// Decode time of the newest sync sample, for keyframe distances.
    pub(super) last_sync: Option<u64>,
    pub(super) first_sync: Option<u64>,
    pub(super) warned_interval_ms: u64,
    /// Tag of the checkpoint as this process last wrote it.
    pub(super) checkpoint_tag: Option<String>,
    pub(super) checkpoint_at: WallMs,
    /// Another writer's object stands where ours should: the chain must be read again.
    pub(super) poisoned: bool,
}

impl Track {
    pub(super) fn new(name: TrackName, kind: TrackKind) -> Self {
        Self {
            name,
            kind,
            headers: BTreeMap::new(),
            chain: None,
            cutter: None,
            pending_from: None,
            plan: Plan::default(),
            last_media: WallMs(i64::MIN),
            needs_sync: false,
            hole_decided: false,
            header_came_again: false,
            recent: VecDeque::new(),
            anchor: None,
            last_sync: None,
            first_sync: None,
            warned_interval_ms: 0,
            checkpoint_tag: None,
            checkpoint_at: WallMs(i64::MIN),
            poisoned: false,
        }
    }

    /// Takes up a chain that was read from storage. What goes on exactly where it ends may go on
    /// anyhow; anything else begins with a keyframe.
    pub(super) fn resume(&mut self, chain: Chain) {
        self.anchor = chain.closed.front().or(chain.open.as_ref()).and_then(|segment| {
            let part = segment.parts.first()?;
            let before_ms = segment.run.timescale.ms_from_ticks(part.meta.duration_ticks);
            Some(Anchor {
                wall: part.meta.wall.plus_ms(i64::try_from(before_ms).unwrap_or(0).saturating_neg()),
                time_ticks: part.start_ticks,
                timescale: segment.run.timescale,
            })
        });
        self.cutter = Some(Cutter::new(self.kind, chain.part_target_ticks()));
        self.pending_from = None;
        self.needs_sync = false;
        self.hole_decided = false;
        self.chain = Some(chain);
        self.plan = Plan::default();
        self.poisoned = false;
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

    pub(super) fn period(&self) -> Option<u32> {
        self.chain.as_ref().map(|chain| chain.run.period)
    }

    /// A chunk that was taken lately comes again, by itself: a restarted encoder whose source is a
    /// file sends the very same media too, but its header first.
    pub(super) fn remembers(&self, chunk: &Chunk) -> bool {
        if self.header_came_again {
            return false;
        }
        let hash = xxhash_rust::xxh3::xxh3_64(chunk.payload());
        self.recent.contains(&hash)
    }

    /// Hands a contiguous chunk to the cutter.
    pub(super) fn cut(&mut self, chunk: Chunk, upload: UploadId, now: WallMs) {
        if self.recent.len() >= limits::CHUNKS_REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(xxhash_rust::xxh3::xxh3_64(chunk.payload()));
        self.last_media = now;
        self.hole_decided = false;
        self.needs_sync = false;
        self.header_came_again = false;
        self.pending_from = Some(upload);
        if let Some(cutter) = &mut self.cutter {
            cutter.push(chunk);
        }
    }

    /// The next whole part, given where the open segment began.
    pub(super) fn next_part(&mut self) -> Option<CutPart> {
        let chain = self.chain.as_ref()?;
        let bounds = SegmentBounds {
            start_ticks: chain.boundary_ticks(),
            shortest_ticks: chain.shortest_segment_ticks(),
        };
        self.cutter.as_mut()?.next_part(bounds)
    }

    /// Plans a part.
    pub(super) fn plan_part(
        &mut self,
        part: CutPart,
        upload: Option<UploadId>,
        now: WallMs,
    ) -> Result<(), ChainError> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let shift =
            self.headers.get(&chain.run.session).map_or(0, |pushed| pushed.header.presentation_shift_ticks);
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        let mut bytes = 0_u64;
        for piece in &part.body {
            hash.update(piece);
            bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
        let meta = PartMeta {
            duration_ticks: part.duration_ticks,
            offset_ticks: part.composition_ticks.saturating_sub(shift),
            samples: part.samples,
            independence: part.independence,
            wall: now,
            hash: hash.digest(),
        };
        let entry = Entry::Part(meta);
        let target = Target::Part(self.name.clone(), chain.run.session.clone(), chain.next_ticks);
        chain.absorb(&entry, bytes)?;
        let mut planned = Planned::create(target, entry.to_meta(), part.body);
        planned.upload = upload;
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

    /// Ends the part that is pending, however short: its segment ends here.
    pub(super) fn flush(&mut self, now: WallMs) -> Result<(), ChainError> {
        let from = self.pending_from.take();
        match self.cutter.as_mut().and_then(Cutter::flush) {
            Some(part) => self.plan_part(part, from, now),
            None => Ok(()),
        }
    }

    /// A new cutter, for the run that begins.
    pub(super) fn begin_run(&mut self) {
        self.cutter = self.chain.as_ref().map(|chain| Cutter::new(self.kind, chain.part_target_ticks()));
        self.pending_from = None;
        self.last_sync = None;
    }
}

/// The chunk from its first sync sample on; `None` when it has none.
pub(super) fn from_sync(chunk: &Chunk) -> Option<Chunk> {
    let first = chunk.samples().iter().position(|sample| sample.sync)?;
    chunk.slice(first..chunk.samples().len())
}
