//! The receiver of one broadcast: what the host calls.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::notice::Notice;
use super::path::{Resource, track_name};
use super::plan::{Outcome, Plan, Planned, Put, PutId, PutMode};
use super::track::{PushedHeader, Track};
use super::upload::{Gate, Upload, UploadId, Waiting};
use super::{Refusal, Settings};
use crate::cmaf::{Chunk, Header, Item};
use crate::limits;
use crate::log::reader::Target;
use crate::log::{BroadcastName, Entry, Generation, Keys, PeriodRecord, SessionId, TrackName, record};
use crate::time::WallMs;

/// What is known of one broadcast that is being pushed to.
#[derive(Debug)]
pub struct Receiver {
    pub(super) settings: Settings,
    pub(super) keys: Keys,
    pub(super) tracks: BTreeMap<TrackName, Track>,
    /// Period records, stored or planned.
    pub(super) periods: Vec<PeriodRecord>,
    pub(super) periods_stored: u32,
    pub(super) period_plan: Plan,
    pub(super) newest_session: Option<SessionId>,
    pub(super) uploads: BTreeMap<UploadId, Upload>,
    /// TARGETDURATION, when a keyframe interval has just told it.
    pub(super) pending_target: Option<u32>,
    pub(super) notices: Vec<Notice>,
    last_id: u64,
    random: u64,
}

impl Receiver {
    /// A receiver of a broadcast nothing was pushed to yet. `random` seeds the ids it mints.
    pub fn new(name: &BroadcastName, generation: &Generation, settings: Settings, random: u64) -> Self {
        Self {
            settings,
            keys: Keys::new(name, generation),
            tracks: BTreeMap::new(),
            periods: Vec::new(),
            periods_stored: 0,
            period_plan: Plan::default(),
            newest_session: None,
            uploads: BTreeMap::new(),
            pending_target: None,
            notices: Vec::new(),
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
        let stream = match resource {
            Resource::Manifest => None,
            Resource::Stream(stream) => Some(stream.clone()),
        };
        let id = UploadId(self.next_id());
        self.uploads.insert(id, Upload::new(path, stream));
        Ok(id)
    }

    /// Bytes of its body have come.
    ///
    /// # Errors
    ///
    /// Nothing of the body can be used from here on: answer at once. What was whole before stays.
    pub fn push(&mut self, id: UploadId, bytes: Bytes, now: WallMs) -> Result<(), Refusal> {
        let Some(upload) = self.uploads.get_mut(&id) else { return Ok(()) };
        if upload.stream.is_none() {
            return Ok(());
        }
        if upload.waiting.is_some() {
            upload.held_bytes = upload.held_bytes.saturating_add(bytes.len());
            if upload.held_bytes > limits::UPLOAD_HELD_BYTES {
                upload.failed = Some(Refusal::TooMuchWaiting);
            }
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
        if let Some(upload) = self.uploads.get_mut(&id) {
            upload.ended = Some((now, whole));
            if !whole && upload.stream.is_some() {
                self.notices.push(Notice::CutShort { path: upload.path.clone() });
            }
        }
        self.pump(now);
    }

    /// How to answer the request, once everything of it is stored or refused; it is forgotten then.
    pub fn settled(&mut self, id: UploadId) -> Option<Result<(), Refusal>> {
        let upload = self.uploads.get(&id)?;
        if upload.failed.is_none() {
            upload.ended?;
            let track = upload.track.as_ref().and_then(|track| self.tracks.get(track));
            let is_kept_back = upload.waiting.is_some()
                || !upload.ready.is_empty()
                || track.is_some_and(|track| track.pending_from.contains(&id) || track.plan.awaits(id));
            if is_kept_back {
                return None;
            }
        }
        let upload = self.uploads.remove(&id)?;
        let cut_short = upload.ended.is_some_and(|(_, whole)| !whole);
        let refusal = upload.failed.or(upload.refused).or(cut_short.then_some(Refusal::CutShort));
        Some(refusal.map_or(Ok(()), Err))
    }

    /// Time has passed.
    pub fn tick(&mut self, now: WallMs) {
        self.pump(now);
    }

    /// When [`tick`](Self::tick) should be called at the latest.
    pub fn next_deadline(&self) -> Option<WallMs> {
        let gates = self.uploads.values().filter_map(|upload| {
            let waiting = upload.waiting.as_ref()?;
            Some(waiting.since.plus_ms(self.patience_ms(waiting.gate)))
        });
        let tails = self.tracks.values().filter_map(|track| {
            let (ended, _) = self.uploads.get(track.pending_from.last()?)?.ended?;
            Some(ended.plus_ms(track.tail_ms(&self.settings)))
        });
        gates.chain(tails).min()
    }

    pub(super) fn patience_ms(&self, gate: Gate) -> i64 {
        match gate {
            Gate::Hole => i64::from(self.settings.gap_ms),
            Gate::StartOver => i64::from(self.target_duration_s()).saturating_mul(1500),
        }
    }

    /// The next object to write. Several may be under way at once.
    pub fn next_put(&mut self) -> Option<Put> {
        let id = PutId(self.next_id());
        let stored = self.periods_stored;
        let mut plans = std::iter::once(&mut self.period_plan)
            .chain(self.tracks.values_mut().filter(|track| !track.poisoned).map(|track| &mut track.plan));
        let planned = plans.find_map(|plan| plan.take(id, stored))?.clone();
        let mut mode = planned.mode;
        if let (PutMode::Swap(tag), Target::Head(track)) = (&mut mode, &planned.target) {
            *tag = self.tracks.get(track).and_then(|track| track.checkpoint_tag.clone());
        }
        let key = planned.target.key(&self.keys);
        Some(Put { id, key, target: planned.target, meta: planned.meta, body: planned.body, mode })
    }

    /// A put has been carried out. True if what was planned is there now, whoever wrote it.
    pub fn stored(&mut self, id: PutId, outcome: &Outcome, now: WallMs) -> bool {
        let mut is_there = false;
        if let Some((_, planned)) = self.period_plan.in_flight.take_if(|(put, _)| *put == id) {
            is_there = same_object(&planned, outcome);
            if is_there {
                self.periods_stored = self.periods_stored.saturating_add(1);
            } else {
                self.poison_all(&planned, outcome);
            }
        }
        for track in self.tracks.values_mut() {
            if let Some(index) = track.plan.aside.iter().position(|(put, _)| *put == id) {
                let (_, planned) = track.plan.aside.swap_remove(index);
                is_there = matches!(outcome, Outcome::Stored(_));
                if matches!((&planned.target, outcome), (Target::Page(..), Outcome::Failed(_))) {
                    track.pages_unsure = true;
                }
                if matches!(planned.target, Target::Head(_)) {
                    // A write may take its time; the next one comes a second after it at the earliest.
                    track.checkpoint_at = track.checkpoint_at.max(now);
                    match outcome {
                        Outcome::Stored(tag) | Outcome::Changed(tag) => track.checkpoint_tag.clone_from(tag),
                        _ => {}
                    }
                }
            }
            let Some((_, planned)) = track.plan.in_flight.take_if(|(put, _)| *put == id) else { continue };
            is_there = same_object(&planned, outcome);
            if is_there {
                continue;
            }
            track.poisoned = true;
            if let Target::Part(_, session, start_ticks) = &planned.target {
                track.stored_until = Some((session.clone(), *start_ticks));
            }
            let lost = std::mem::take(&mut track.plan.queue);
            let waiting = std::mem::take(&mut track.pending_from);
            let planned_for = lost.iter().chain([&planned]).flat_map(|planned| planned.uploads.clone());
            let uploads = planned_for.chain(waiting);
            let why = match outcome {
                Outcome::Failed(why) => Refusal::Storage(why.clone()),
                _ => Refusal::TooLate,
            };
            for upload in uploads {
                if let Some(upload) = self.uploads.get_mut(&upload) {
                    upload.refused = Some(why.clone());
                }
            }
            self.notices.push(Notice::Conflict { key: planned.target.key(&self.keys) });
        }
        self.pump(now);
        is_there
    }

    fn poison_all(&mut self, planned: &Planned, outcome: &Outcome) {
        let why = match outcome {
            Outcome::Failed(why) => Refusal::Storage(why.clone()),
            _ => Refusal::TooLate,
        };
        self.notices.push(Notice::Conflict { key: planned.target.key(&self.keys) });
        self.period_plan.queue.clear();
        self.periods.truncate(usize::try_from(self.periods_stored).unwrap_or(usize::MAX));
        for track in self.tracks.values_mut() {
            track.poisoned = true;
            track.plan.queue.clear();
            track.pending_from.clear();
        }
        for upload in self.uploads.values_mut() {
            upload.refused = Some(why.clone());
        }
    }

    /// Another writer got in between, or storage failed: read the broadcast again
    /// ([`Recovery`](super::Recovery)) and hand it to [`reload`](Self::reload). Until then nothing
    /// is taken for the tracks concerned.
    pub fn needs_reload(&self) -> bool {
        let settled = |plan: &Plan| plan.in_flight.is_none();
        self.tracks.values().any(|track| track.poisoned)
            && settled(&self.period_plan)
            && self.tracks.values().all(|track| settled(&track.plan))
    }

    /// What to tell the operator.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Nothing is being received, and nothing waits to be written.
    pub fn is_idle(&self) -> bool {
        let empty = |plan: &Plan| plan.in_flight.is_none() && plan.queue.is_empty() && plan.aside.is_empty();
        self.uploads.is_empty()
            && empty(&self.period_plan)
            && self.tracks.values().all(|track| empty(&track.plan))
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
    fn pump(&mut self, now: WallMs) {
        let mut moved = true;
        while moved {
            moved = false;
            // Earlier bodies first: what is missing may be in them.
            let ids: Vec<_> = self.uploads.keys().copied().collect();
            for id in ids {
                while self.step(id, now) {
                    moved = true;
                }
            }
        }
        self.flush_tails(now);
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

    fn refuse(&mut self, id: UploadId, refusal: Refusal) {
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

    /// The next chunk of an upload; headers on the way are taken.
    fn next_chunk(&mut self, id: UploadId, now: WallMs) -> Result<Option<Chunk>, Refusal> {
        loop {
            let Some(upload) = self.uploads.get_mut(&id) else { return Ok(None) };
            if let Some(chunk) = upload.ready.pop_front() {
                if upload.bound.is_none() {
                    self.bind(id)?;
                }
                return Ok(Some(chunk));
            }
            match upload.scanner.next()? {
                None => {
                    if upload.ended.is_some_and(|(_, whole)| whole) {
                        upload.scanner.finish()?;
                    }
                    return Ok(None);
                }
                Some(Item::Header(bytes)) => self.header(id, bytes, now)?,
                Some(Item::Chunk(bytes)) => {
                    let chunk = self.parse_chunk(id, &bytes)?;
                    self.split_long_samples(id, chunk);
                }
            }
        }
    }

    fn parse_chunk(&mut self, id: UploadId, bytes: &Bytes) -> Result<Chunk, Refusal> {
        let (name, session) = self.bind(id)?;
        let track = self.tracks.get(&name).ok_or(Refusal::HeaderMissing)?;
        let pushed = track.headers.get(&session).ok_or(Refusal::HeaderMissing)?;
        let chunk = Chunk::parse(bytes, &pushed.header)?;
        if !chunk.is_empty() && chunk.duration_ticks() == 0 {
            return Err(Refusal::NoDuration);
        }
        Ok(chunk)
    }

    /// A sample longer than PART-TARGET cannot be in any part: it is shown for as long as a part
    /// may be, and what follows comes after a gap.
    fn split_long_samples(&mut self, id: UploadId, chunk: Chunk) {
        let Some(upload) = self.uploads.get_mut(&id) else { return };
        let track = upload.track.as_ref().and_then(|track| self.tracks.get(track));
        let longest = track.and_then(|track| track.chain.as_ref()).map(|chain| {
            let session = upload.bound.as_ref();
            let header = track.and_then(|track| track.headers.get(session?));
            let timescale = header.map_or(chain.run.timescale, |pushed| pushed.header.timescale);
            chain.run.timescale.convert_ticks(chain.part_target_ticks(), timescale)
        });
        let mut rest = Some(chunk).filter(|chunk| !chunk.is_empty());
        while let Some(chunk) = rest.take() {
            let is_long = |duration: u32| longest.is_some_and(|longest| u64::from(duration) > longest);
            let Some(long) = chunk.samples().iter().position(|sample| is_long(sample.duration_ticks)) else {
                upload.ready.push_back(chunk);
                return;
            };
            let after = long.saturating_add(1);
            if let Some(mut head) = chunk.slice(0..after) {
                head.shorten_last(u32::try_from(longest.unwrap_or(0)).unwrap_or(u32::MAX));
                upload.ready.push_back(head);
            }
            rest = chunk.slice(after..chunk.samples().len());
        }
    }

    /// Which track an upload's media belongs to, and which session.
    fn bind(&mut self, id: UploadId) -> Result<(TrackName, SessionId), Refusal> {
        let upload = self.uploads.get(&id).ok_or(Refusal::HeaderMissing)?;
        let name = match (&upload.track, &upload.stream) {
            (Some(name), _) => name.clone(),
            (None, Some(stream)) => self.track_of(stream).ok_or(Refusal::HeaderMissing)?,
            (None, None) => return Err(Refusal::HeaderMissing),
        };
        let session = match &upload.bound {
            Some(session) => session.clone(),
            None => {
                let track = self.tracks.get(&name).ok_or(Refusal::HeaderMissing)?;
                let newest = track.headers.keys().next_back().ok_or(Refusal::HeaderMissing)?;
                let run = track.chain.as_ref().map_or(newest, |chain| &chain.run.session);
                newest.max(run).clone()
            }
        };
        self.copy_header(&name, &session, id)?;
        let upload = self.uploads.get_mut(&id).ok_or(Refusal::HeaderMissing)?;
        upload.track = Some(name.clone());
        upload.bound = Some(session.clone());
        Ok((name, session))
    }

    /// The track that a stream's media belongs to: the one whose header came last, of those that
    /// are named after the stream.
    fn track_of(&self, stream: &str) -> Option<TrackName> {
        use crate::cmaf::TrackKind::{Audio, Text, Video};
        let names = [Video, Audio, Text].into_iter().filter_map(|kind| track_name(stream, kind).ok());
        names
            .filter_map(|name| Some((self.tracks.get(&name)?.headers.keys().next_back()?, name)))
            .max()
            .map(|(_, name)| name)
    }

    /// A header: of a track that the newest session has, it mints the next one, unless it is the
    /// very same; then only its media tells a retry from a restart.
    fn header(&mut self, id: UploadId, bytes: Bytes, now: WallMs) -> Result<(), Refusal> {
        let header = Header::parse(&bytes)?;
        let stream = self.uploads.get(&id).and_then(|upload| upload.stream.clone());
        let name = track_name(stream.as_deref().unwrap_or("main"), header.kind)?;
        if !self.tracks.contains_key(&name) && self.tracks.len() >= limits::TRACKS_PER_BROADCAST {
            return Err(Refusal::TooManyTracks);
        }
        let track = self.tracks.entry(name.clone()).or_insert_with(|| Track::new(name.clone(), header.kind));
        track.header_came = true;
        track.header_from = track.header_from.max(Some(id));
        let newest = self.newest_session.clone();
        let known = newest.as_ref().and_then(|session| track.headers.get(session));
        let is_retry = known.is_some_and(|pushed| pushed.bytes == bytes);
        let session = match newest {
            Some(newest) if known.is_none() || is_retry => newest,
            _ => self.mint_session(now),
        };
        if !is_retry {
            self.put_header(&name, &session, PushedHeader { header, bytes }, id);
        }
        if let Some(upload) = self.uploads.get_mut(&id) {
            upload.track = Some(name);
            upload.bound = None;
            upload.end_ticks = None;
        }
        Ok(())
    }

    pub(super) fn mint_session(&mut self, now: WallMs) -> SessionId {
        let random = self.random();
        let session = match &self.newest_session {
            Some(newest) => newest.mint_after(now, random),
            None => SessionId::mint(now, random),
        };
        self.newest_session = Some(session.clone());
        session
    }

    /// Plans a header; only the newest few are kept.
    fn put_header(&mut self, name: &TrackName, session: &SessionId, pushed: PushedHeader, upload: UploadId) {
        let Some(track) = self.tracks.get_mut(name) else { return };
        let target = Target::Init(name.clone(), session.clone());
        let mut planned = Planned::create(target, String::new(), vec![pushed.bytes.clone()]);
        planned.uploads.push(upload);
        track.plan.push(planned);
        track.headers.insert(session.clone(), pushed);
        while track.headers.len() > limits::HEADERS_PER_TRACK {
            track.headers.pop_first();
        }
    }

    /// Gives a session the track's newest header, where it has none of its own.
    pub(super) fn copy_header(
        &mut self,
        name: &TrackName,
        session: &SessionId,
        upload: UploadId,
    ) -> Result<(), Refusal> {
        let track = self.tracks.get(name).ok_or(Refusal::HeaderMissing)?;
        if track.headers.contains_key(session) {
            return Ok(());
        }
        let pushed = track.headers.values().next_back().ok_or(Refusal::HeaderMissing)?.clone();
        self.put_header(name, session, pushed, upload);
        Ok(())
    }

    fn flush_tails(&mut self, now: WallMs) {
        let settings = self.settings;
        let due = |track: &Track, uploads: &BTreeMap<UploadId, Upload>| {
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

/// What was to be stored is, whoever stored it.
fn same_object(planned: &Planned, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Stored(_) => true,
        Outcome::Exists { meta, body } => match &planned.target {
            Target::Part(..) => match (Entry::from_meta(meta), Entry::from_meta(&planned.meta)) {
                (Ok(Entry::Part(there)), Ok(Entry::Part(ours))) => {
                    there.hash == ours.hash && there.duration_ticks == ours.duration_ticks
                }
                (Ok(there), Ok(ours)) => there == ours,
                _ => false,
            },
            Target::Period(_) => {
                let ours: Vec<u8> = planned.body.concat();
                record::from_json::<PeriodRecord>(body).is_ok_and(|there| {
                    record::from_json::<PeriodRecord>(&ours).is_ok_and(|ours| there == ours)
                })
            }
            _ => planned.body.concat() == *body,
        },
        Outcome::Changed(_) | Outcome::Failed(_) => matches!(planned.mode, PutMode::Swap(_)),
    }
}
