//! The receiver of one broadcast: what the host calls.

use bytes::Bytes;

use super::notice::Notice;
use super::path::Resource;
use super::plan::{Plan, Put, PutId, PutMode};
use super::route::Aliases;
use super::track::Track;
use super::upload::{Content, Gate, Upload, UploadId, Waiting};
use super::{Denied, Refusal, Settings};
use crate::cmaf::Chunk;
use crate::isobmff::emsg::EventMessage;
use crate::limits;
use crate::log::reader::Target;
use crate::log::settings::TrackDescription;
use crate::log::{
    BroadcastName, EventStream, Generation, Keys, PeriodRecord, SessionId, SlateSettings, TrackName,
};
use crate::order::SortedMap;
use crate::time::WallMs;

/// What is known of one broadcast that is being pushed to.
#[derive(Debug)]
pub struct Receiver {
    pub(super) settings: Settings,
    pub(super) keys: Keys,
    pub(super) tracks: SortedMap<TrackName, Track>,
    /// Period records, stored or planned.
    pub(super) periods: Vec<PeriodRecord>,
    pub(super) periods_stored: u32,
    pub(super) period_plan: Plan,
    pub(super) newest_session: Option<SessionId>,
    pub(super) uploads: SortedMap<UploadId, Upload>,
    /// Streams of files whose names do not say it.
    pub(super) aliases: Aliases,
    /// What manifests and media say of tracks, and whether the host was told.
    pub(super) described: (SortedMap<TrackName, TrackDescription>, bool),
    /// TARGETDURATION, when a keyframe interval has just told it.
    pub(super) pending_target: Option<u32>,
    pub(super) notices: Vec<Notice>,
    /// The tracks that the slate was told to expect.
    pub(super) expected: Vec<TrackName>,
    /// When anything was received first: before, no track could be heard.
    pub(super) heard_since: Option<WallMs>,
    last_id: u64,
    random: u64,
}

impl Receiver {
    /// A receiver of a broadcast nothing was pushed to yet. `random` seeds the ids it mints.
    pub fn new(name: &BroadcastName, generation: &Generation, settings: Settings, random: u64) -> Self {
        Self {
            settings,
            keys: Keys::new(name, generation),
            tracks: SortedMap::new(),
            periods: Vec::new(),
            periods_stored: 0,
            period_plan: Plan::default(),
            newest_session: None,
            uploads: SortedMap::new(),
            aliases: Aliases::default(),
            described: (SortedMap::new(), true),
            pending_target: None,
            notices: Vec::new(),
            expected: Vec::new(),
            heard_since: None,
            last_id: 0,
            random,
        }
    }

    /// A request has come.
    ///
    /// # Errors
    ///
    /// There are too many at once.
    pub fn open(&mut self, path: &str, resource: &Resource) -> Result<UploadId, Refusal> {
        if self.uploads.len() >= limits::UPLOADS_PER_BROADCAST {
            return Err(Refusal::TooManyUploads);
        }
        let content = match resource {
            Resource::Manifest => Content::Manifest(Vec::new()),
            Resource::Playlist => Content::Playlist(Vec::new()),
            Resource::Stream(stream) => {
                Content::Stream(self.aliases.stream(path).unwrap_or(stream).to_owned())
            }
        };
        Ok(self.insert(Upload::new(path, content)))
    }

    /// Takes in which tracks viewers were shown a slate of: a push that names none goes on with those.
    pub fn expect(&mut self, slate: Option<&SlateSettings>) {
        self.expected = slate.map_or(Vec::new(), |slate| slate.tracks.clone());
    }

    /// Bytes of its body have come.
    ///
    /// # Errors
    ///
    /// Nothing of the body can be used from here on: answer at once. What was whole before stays.
    pub fn push(&mut self, id: UploadId, bytes: Bytes, now: WallMs) -> Result<(), Refusal> {
        let is_held_back = self.is_held_back(id);
        let Some(upload) = self.uploads.get_mut(&id) else { return Ok(()) };
        match &mut upload.content {
            Content::Manifest(text) | Content::Playlist(text) => {
                let room = limits::PLAYLIST_BYTES.saturating_sub(text.len());
                text.extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
                return Ok(());
            }
            Content::Stream(_) => {}
        }
        if is_held_back {
            upload.held_bytes = upload.held_bytes.saturating_add(bytes.len());
            if upload.held_bytes > limits::UPLOAD_HELD_BYTES {
                upload.failed = Some(Refusal::TooMuchWaiting);
            }
        } else {
            upload.held_bytes = 0;
        }
        upload.scanner.push(bytes);
        self.pump(now);
        match self.uploads.get(&id).and_then(|upload| upload.failed.clone()) {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    /// Its body has ended: whole, or broken off.
    pub fn finish(&mut self, id: UploadId, whole: bool, now: WallMs) {
        let Some(upload) = self.uploads.get_mut(&id) else { return };
        upload.ended = Some((now, whole));
        if !whole && upload.stream().is_some() {
            self.notices.push(Notice::CutShort { path: upload.path.clone() });
        }
        for (_, child) in upload.children.clone() {
            if let Some(child) = self.uploads.get_mut(&child) {
                child.ended = Some((now, whole));
            }
        }
        self.read_text(id);
        self.pump(now);
    }

    /// Who sends it may not, or not any more: what was whole before stays.
    pub fn deny(&mut self, id: UploadId, denied: Denied) {
        if let Some(upload) = self.uploads.get_mut(&id) {
            upload.failed.get_or_insert(Refusal::Denied(denied));
        }
    }

    /// The operator has ended the broadcast: every track ends where it is.
    pub fn end(&mut self, now: WallMs) {
        let names: Vec<_> = self.tracks.values().map(|track| track.name.clone()).collect();
        names.iter().for_each(|name| self.end_track(name, now));
    }

    /// How to answer the request, once everything of it is stored or refused; it is forgotten then.
    pub fn settled(&mut self, id: UploadId) -> Option<Result<(), Refusal>> {
        let upload = self.uploads.get(&id)?;
        if upload.failed.is_none() {
            upload.ended?;
            if self.is_kept_back(id) || upload.children.iter().any(|(_, child)| self.is_kept_back(*child)) {
                return None;
            }
        }
        let upload = self.uploads.remove(&id)?;
        let of_children = upload.children.iter().filter_map(|(_, child)| self.uploads.remove(child));
        let of_children = of_children.filter_map(|child| child.failed.or(child.refused)).next();
        let cut_short = upload.ended.is_some_and(|(_, whole)| !whole);
        let refusal =
            upload.failed.or(upload.refused).or(of_children).or(cut_short.then_some(Refusal::CutShort));
        Some(refusal.map_or(Ok(()), Err))
    }

    /// Something of it is neither stored nor refused.
    fn is_kept_back(&self, id: UploadId) -> bool {
        self.uploads.get(&id).filter(|upload| upload.failed.is_none()).is_some_and(|upload| {
            let track = upload.track.as_ref().and_then(|track| self.tracks.get(track));
            // While its chain is read again, nothing of a body is looked at.
            let is_planned =
                |track: &Track| track.poisoned || track.pending_from.contains(&id) || track.plan.awaits(id);
            !upload.is_taken() || track.is_some_and(is_planned)
        })
    }

    /// What comes of its body has to wait in memory.
    fn is_held_back(&self, id: UploadId) -> bool {
        let Some(upload) = self.uploads.get(&id) else { return false };
        let mut children = upload.children.iter().filter_map(|(_, child)| self.uploads.get(child));
        !upload.is_taken() || children.any(|child| !child.is_taken())
    }

    /// Time has passed.
    pub fn tick(&mut self, now: WallMs) {
        self.pump(now);
    }

    /// When [`tick`](Self::tick) should be called at the latest.
    pub fn next_deadline(&self) -> Option<WallMs> {
        let gates = self.uploads.values().filter_map(|upload| {
            let waiting = upload.waiting.as_ref().map(|waiting| (waiting.gate, waiting.since));
            let unplaced = upload.unplaced.as_ref().map(|(_, since)| (Gate::Header, *since));
            let (gate, since) = waiting.or(unplaced)?;
            Some(since.plus_ms(self.patience_ms(gate)))
        });
        let tails = self.tracks.values().filter_map(|track| {
            let (ended, _) = self.uploads.get(track.pending_from.last()?)?.ended?;
            Some(ended.plus_ms(track.tail_ms(&self.settings)))
        });
        gates.chain(tails).min()
    }

    pub(super) fn patience_ms(&self, gate: Gate) -> i64 {
        match gate {
            Gate::Hole | Gate::Header => i64::from(self.settings.gap_ms),
            Gate::StartOver => i64::from(self.target_duration_s()).saturating_mul(1500),
        }
    }

    /// The next object to write. Several may be under way at once.
    pub fn next_put(&mut self) -> Option<Put> {
        let id = PutId(self.next_id());
        let (stored, parts) = (self.periods_stored, self.settings.parts_in_flight.max(1));
        let planned = std::iter::once(&mut self.period_plan)
            .chain(self.tracks.values_mut().filter(|track| !track.poisoned).map(|track| &mut track.plan))
            .find_map(|plan| plan.take(id, stored, parts))?
            .clone();
        let mut mode = planned.mode;
        if let (PutMode::Swap(tag), Target::Head(track)) = (&mut mode, &planned.target) {
            *tag = self.tracks.get(track).and_then(|track| track.checkpoint_tag.clone());
        }
        let key = planned.target.key(&self.keys);
        Some(Put { id, key, target: planned.target, meta: planned.meta, body: planned.body, mode })
    }

    /// Takes in what an encoder says of a track.
    pub(super) fn describe(&mut self, track: &TrackName, said: &TrackDescription) {
        let (described, was_told) = &mut self.described;
        let known = described.get_or_insert_with(track.clone(), TrackDescription::default);
        let before = known.clone();
        known.learn(said);
        *was_told &= *known == before;
    }

    /// Takes in which events come with a track's media.
    pub(super) fn describe_events(&mut self, track: &TrackName, chunk: &Chunk) {
        for EventMessage { scheme, value } in chunk.events() {
            if let Ok(events) = EventStream::parse(format!("{scheme} {value}").trim_end()) {
                self.describe(
                    track,
                    &TrackDescription { events: vec![events], ..TrackDescription::default() },
                );
            }
        }
    }

    /// What encoders say of tracks, when that has changed: for [`BroadcastRecord::described`].
    ///
    /// [`BroadcastRecord::described`]: crate::log::BroadcastRecord::described
    pub fn take_described(&mut self) -> Option<SortedMap<TrackName, TrackDescription>> {
        let (described, was_told) = &mut self.described;
        let is_news = !std::mem::replace(was_told, true);
        is_news.then(|| described.clone())
    }

    /// Size of all that is planned and not stored yet.
    pub fn unstored_bytes(&self) -> usize {
        self.tracks.values().map(|track| track.plan.unstored_bytes()).fold(0, usize::saturating_add)
    }

    /// No more is to be taken in until some of that is stored.
    pub fn is_full(&self) -> bool {
        self.unstored_bytes() >= self.settings.unstored_bytes
    }

    /// What to tell the operator.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Nothing is being received, and nothing waits to be written.
    pub fn is_idle(&self) -> bool {
        let empty = |plan: &Plan| plan.in_flight.is_empty() && plan.queue.is_empty() && plan.aside.is_empty();
        self.uploads.is_empty()
            && empty(&self.period_plan)
            && self.tracks.values().all(|track| empty(&track.plan))
    }

    /// Nothing was ever stored, and nothing is coming in.
    pub fn is_blank(&self) -> bool {
        self.is_idle() && self.tracks.is_empty() && self.periods.is_empty()
    }

    /// Takes in a body, or what stands for one track of one.
    pub(super) fn insert(&mut self, upload: Upload) -> UploadId {
        let id = UploadId(self.next_id());
        self.uploads.insert(id, upload);
        id
    }

    fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }

    /// The next number of a SplitMix64 sequence: ids need to differ, not to be secret.
    pub(super) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Takes everything that can be taken.
    pub(super) fn pump(&mut self, now: WallMs) {
        self.heard_since.get_or_insert(now);
        let mut moved = true;
        while moved {
            moved = false;
            // Earlier bodies first: what is missing may be in them.
            let ids: Vec<_> = self.uploads.keys().copied().collect();
            for id in &ids {
                while self.step(*id, now) {
                    moved = true;
                }
            }
            // A body with several tracks has been taken apart.
            moved |= self.uploads.len() > ids.len();
        }
        self.flush_tails(now);
        self.end_tracks(now);
    }

    /// One item of one upload; false when it has none that can be taken now.
    fn step(&mut self, id: UploadId, now: WallMs) -> bool {
        let Some(upload) = self.uploads.get_mut(&id) else { return false };
        let poisoned =
            upload.track.as_ref().and_then(|track| self.tracks.get(track)).is_some_and(|t| t.poisoned);
        if upload.failed.is_some() || poisoned {
            return false;
        }
        let waited = upload.waiting.take();
        let was_waiting = waited.is_some();
        let (chunk, waited) = match waited {
            Some(waiting) => (waiting.chunk, Some((waiting.gate, waiting.since))),
            None => match self.next_chunk(id, now) {
                Ok(Some(chunk)) => (chunk, None),
                Ok(None) => return false,
                Err(refusal) => {
                    self.refuse(id, refusal);
                    return true;
                }
            },
        };
        let upload = self.uploads.get_mut(&id);
        let track = upload.as_ref().and_then(|upload| self.tracks.get(upload.track.as_ref()?));
        if track.is_some_and(|track| track.poisoned) {
            // Its chain is about to be read again.
            if let Some(upload) = upload {
                upload.ready.push_front(chunk);
            }
            return false;
        }
        match self.offer(id, &chunk, waited, now) {
            Ok(None) => {
                if let Some(upload) = self.uploads.get_mut(&id) {
                    upload.held_bytes = 0;
                }
                self.keep_crossing(id, chunk);
                true
            }
            Ok(Some(gate)) => {
                let since = waited.filter(|(before, _)| *before == gate).map_or(now, |(_, since)| since);
                if let Some(upload) = self.uploads.get_mut(&id) {
                    upload.waiting = Some(Waiting { chunk, gate, since });
                }
                // A new gate may let another upload through.
                !was_waiting
            }
            Err(refusal) => {
                self.refuse(id, refusal);
                true
            }
        }
    }

    pub(super) fn refuse(&mut self, id: UploadId, refusal: Refusal) {
        let Some(upload) = self.uploads.get_mut(&id) else { return };
        if let Some(track) = &upload.track
            && upload.refused.as_ref() != Some(&refusal)
        {
            self.notices.push(Notice::Refused { track: track.clone(), why: refusal.to_string() });
        }
        if refusal.ends_upload() {
            upload.failed = Some(refusal);
        } else {
            upload.refused = Some(refusal);
        }
    }

    fn flush_tails(&mut self, now: WallMs) {
        let settings = self.settings;
        let due = |track: &Track, uploads: &SortedMap<UploadId, Upload>| {
            let Some(from) = track.pending_from.last() else { return false };
            match uploads.get(from) {
                Some(upload) => {
                    upload.ended.is_some_and(|(ended, _)| now.since_ms(ended) >= track.tail_ms(&settings))
                }
                None => true,
            }
        };
        let names: Vec<_> = self
            .tracks
            .values()
            .filter(|track| due(track, &self.uploads))
            .map(|track| track.name.clone())
            .collect();
        for name in names {
            self.changing(&name, now, |track| track.flush(now));
        }
    }
}
