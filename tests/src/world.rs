//! A broadcast in a box: an ingest, a bucket, edges and viewers, on a clock that is told the time.
//!
//! Every request is asked of four edges at once: one that sees each write and one that polls, both
//! there from the start; and two that begin with the request, knowing nothing. What they answer
//! must not differ by a byte.

mod viewer;

use std::collections::BTreeMap;

use bytes::Bytes;
use packager_core::edge::Edge;
use packager_core::ingest::{Outcome, PushPath, Receiver, Recovery, Refusal, Settings, UploadId};
use packager_core::log::reader::Target;
use packager_core::log::{
    BroadcastLog, BroadcastName, BroadcastRecord, BroadcastSettings, Entry, Freshness, Generation, Marker,
    SlateSettings, TrackName, key, record,
};
use packager_core::time::WallMs;

use crate::puts::assert_passes;
use crate::store::Store;
pub use viewer::{Answer, Asked, Pending, Sent};
use viewer::{Conversation, EDGES};

/// When a world begins: 2027-01-15T08:00:00Z.
pub const BEGINS: WallMs = WallMs(1_800_000_000_000);

/// Names an upload to the world's user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upload(usize);

/// A broadcast called `show`, of generation `g`.
pub struct World {
    name: BroadcastName,
    generation: Generation,
    settings: Settings,
    now: WallMs,
    /// The bucket.
    pub store: Store,
    receiver: Receiver,
    seed: u64,
    uploads: BTreeMap<Upload, UploadId>,
    opened: usize,
    edges: Vec<Edge>,
    conversations: Vec<Conversation>,
    answers: BTreeMap<Asked, Vec<Answer>>,
    asked: usize,
    /// What ingest decided and told, with the time: the operator's view.
    pub journal: Vec<(i64, String)>,
}

impl World {
    /// Nothing was pushed yet.
    pub fn new(settings: Settings, seed: u64) -> Self {
        let name = BroadcastName::parse("show").unwrap();
        let generation = Generation::parse("g").unwrap();
        Self {
            receiver: Receiver::new(&name, &generation, settings, seed),
            settings,
            now: BEGINS,
            store: Store::default(),
            seed,
            uploads: BTreeMap::new(),
            opened: 0,
            edges: EDGES.iter().filter(|edge| edge.is_warm).map(|edge| Edge::new(edge.observes)).collect(),
            conversations: Vec::new(),
            answers: BTreeMap::new(),
            asked: 0,
            journal: Vec::new(),
            name,
            generation,
        }
    }

    /// Milliseconds since the beginning.
    pub fn now_ms(&self) -> i64 {
        self.now.since_ms(BEGINS)
    }

    /// An encoder begins a request.
    ///
    /// # Errors
    ///
    /// The path names no track, or there are too many uploads.
    pub fn open(&mut self, path: &str) -> Result<Upload, Refusal> {
        let parsed = PushPath::parse(path)?;
        if self.store.get("show/broadcast.json").is_none() {
            let record = self.record();
            self.put_record(&record);
            for edge in &mut self.edges {
                edge.observe_broadcast(&self.name, &record, self.now);
            }
        }
        let upload = Upload(self.opened);
        self.opened += 1;
        self.uploads.insert(upload, self.receiver.open(path, &parsed.resource)?);
        Ok(upload)
    }

    /// The operator says how the tracks are shown.
    pub fn configure(&mut self, settings: &BroadcastSettings) {
        self.note(format!("settings: {}", record::to_json(settings)));
        self.put_record(&BroadcastRecord { settings: settings.clone(), ..self.record() });
    }

    /// The operator says what the broadcast is called, and when it is.
    pub fn schedule(&mut self, said: &BroadcastRecord) {
        self.note(format!("event: {}", record::to_json(&said.clone().without_keys())));
        self.put_record(&BroadcastRecord { event: said.event.clone(), ..self.record() });
    }

    /// The operator says what is shown while no encoder is there: the broadcast is there from now on.
    pub fn announce(&mut self, slate: &SlateSettings) {
        let mut record = self.record();
        record.event.slate = Some(slate.clone());
        self.note(format!("slate: {}", record::to_json(slate)));
        self.receiver.expect(Some(slate));
        self.put_record(&record);
    }

    fn put_record(&mut self, record: &BroadcastRecord) {
        let name = self.name.clone();
        self.write_document(&name, record);
    }

    /// The operator writes a broadcast's whole document.
    pub fn put_document(&mut self, name: &BroadcastName, record: &BroadcastRecord) {
        self.note(format!("document of {name}: {}", record::to_json(record)));
        self.write_document(name, record);
    }

    fn write_document(&mut self, name: &BroadcastName, record: &BroadcastRecord) {
        self.store.put(&key::broadcast(name), "", record::to_json(record).into());
        // Those that poll learn of it when what they know is too old.
        let now = self.now;
        for edge in self.observing_edges() {
            edge.observe_broadcast(name, record, now);
        }
    }

    /// The broadcast's record, as it is stored.
    fn record(&self) -> BroadcastRecord {
        let stored = self.store.get("show/broadcast.json");
        let record = stored.and_then(|object| record::from_json(&object.body).ok());
        record.unwrap_or_else(|| BroadcastRecord::new(self.generation.clone()))
    }

    /// How the tracks are shown: by the operator's settings and encoders' manifests.
    pub fn settings(&self) -> BroadcastSettings {
        self.record().shown().settings
    }

    /// Bytes of its body.
    ///
    /// # Errors
    ///
    /// The request was answered with a refusal.
    pub fn push(&mut self, upload: Upload, bytes: Bytes) -> Result<(), Refusal> {
        let Some(id) = self.uploads.get(&upload).copied() else { return Ok(()) };
        let pushed = self.receiver.push(id, bytes, self.now);
        self.settle();
        pushed
    }

    /// The end of its body.
    pub fn finish(&mut self, upload: Upload, whole: bool) {
        if let Some(id) = self.uploads.get(&upload) {
            self.receiver.finish(*id, whole, self.now);
            self.settle();
        }
    }

    /// Ingest is started anew; what it held in memory is lost, and so are its uploads.
    pub fn restart_ingest(&mut self) {
        self.uploads.clear();
        self.seed = self.seed.wrapping_add(1);
        let recovery = self.recovery();
        self.receiver = recovery.finish(self.seed);
        self.receiver.expect(self.record().event.slate.as_ref());
        self.note("ingest was restarted".to_owned());
        self.settle();
    }

    fn recovery(&self) -> Recovery {
        let mut recovery = Recovery::new(&self.name, &self.generation, self.settings);
        for _ in 0..100_000 {
            let reads = recovery.wants();
            if reads.is_empty() {
                return recovery;
            }
            for read in reads {
                let found = self.store.find(&recovery.key(&read), read.kind());
                recovery.absorb(&read, &found, self.now);
            }
        }
        panic!("recovery asks without end");
    }

    /// The track is declared complete, as an operator's tool does: an `ended` marker at its next key.
    ///
    /// # Panics
    ///
    /// The track has not begun.
    pub fn end_track(&mut self, track: &str) {
        let (name, target) = self.next_target(track).expect("the track has not begun");
        self.write(&name, &target, &Entry::Marker(Marker::Ended));
    }

    fn write(&mut self, track: &TrackName, target: &Target, entry: &Entry) {
        let keys = packager_core::log::Keys::new(&self.name, &self.generation);
        let (key, meta) = (target.key(&keys), entry.to_meta());
        self.store.put(&key, &meta, Bytes::new());
        self.note(format!("{track}: {meta}"));
        self.observe(target, &meta, &Bytes::new());
    }

    /// The log as a reader who comes now sees it.
    ///
    /// # Panics
    ///
    /// Reading it does not come to an end.
    pub fn read_log(&self) -> BroadcastLog {
        let mut log = BroadcastLog::new(&self.name, &self.generation, 16);
        for _ in 0..100_000 {
            let mut reads = log.wants(Freshness { chains_since: self.now, tracks_since: self.now });
            if reads.is_empty() {
                reads = log.wanted_headers();
            }
            if reads.is_empty() {
                return log;
            }
            for read in reads {
                let found = self.store.find(&read.target().key(&log.keys), read.kind());
                log.absorb(&read, &found, self.now);
            }
        }
        panic!("a reader asks without end");
    }

    fn next_target(&self, track: &str) -> Option<(TrackName, Target)> {
        let name = TrackName::parse(track).ok()?;
        let log = self.read_log();
        let chain = log.track(&name)?.chain()?;
        Some((name.clone(), Target::Part(name, chain.run.session.clone(), chain.next_ticks)))
    }

    /// Time goes on; deadlines on the way are met.
    pub fn advance_to(&mut self, ms: i64) {
        self.advance(ms, |_| {});
    }

    /// The same; `is_over` is called at the end of each moment, when everyone who waits has looked again.
    pub fn advance(&mut self, ms: i64, mut is_over: impl FnMut(&mut Self)) {
        let to = BEGINS.plus_ms(ms);
        while self.now < to {
            self.wake();
            is_over(self);
            let held = self.conversations.iter().filter_map(Conversation::until);
            let deadlines = self.receiver.next_deadline().into_iter().chain(held);
            // What was due already has been tried, and is tried again a little later.
            match deadlines.map(|due| due.max(self.now.plus_ms(1))).min() {
                Some(next) if next <= to => {
                    self.now = next;
                    self.receiver.tick(self.now);
                    self.settle();
                }
                _ => self.now = to,
            }
        }
    }

    /// Carries out what the receiver wants written, and answers encoders.
    fn settle(&mut self) {
        loop {
            while let Some(put) = self.receiver.next_put() {
                assert_passes(&put, |key| self.store.get(key).map(|object| object.body.clone()));
                let outcome = self.store.carry_out(&put);
                if matches!(outcome, Outcome::Stored(_)) {
                    self.note_put(&put.target, &put.meta, &put.body.concat());
                    self.observe(&put.target, &put.meta, &put.body.concat().into());
                }
                self.receiver.stored(put.id, &outcome, self.now);
            }
            if !self.receiver.needs_reload() {
                break;
            }
            let recovery = self.recovery();
            self.receiver.reload(recovery);
            self.note("ingest read the broadcast again".to_owned());
            self.receiver.tick(self.now);
        }
        if let Some(described) = self.receiver.take_described() {
            let mut record = self.record();
            record.learn(&described);
            self.put_record(&record);
            self.note(format!("described: {}", record::to_json(&record.described)));
        }
        for notice in self.receiver.take_notices() {
            self.note(notice.to_string());
        }
        let uploads: Vec<_> = self.uploads.iter().map(|(upload, id)| (*upload, *id)).collect();
        for (upload, id) in uploads {
            if let Some(answer) = self.receiver.settled(id) {
                self.uploads.remove(&upload);
                if let Err(refusal) = answer {
                    self.note(format!("upload {} was answered {}: {refusal}", upload.0, refusal.status()));
                }
            }
        }
    }

    /// Notes what is stored, but for parts and checkpoints, of which there are many.
    fn note_put(&mut self, target: &Target, meta: &str, body: &[u8]) {
        let text = || String::from_utf8_lossy(body).into_owned();
        match target {
            Target::Begin(track) => self.note(format!("{track} begins: {}", text())),
            Target::Period(n) => self.note(format!("period {n}: {}", text())),
            Target::Init(track, session) => self.note(format!("{track}: header of {session}")),
            Target::Part(track, _, start) if matches!(Entry::from_meta(meta), Ok(Entry::Marker(_))) => {
                self.note(format!("{track} at {start}: {meta}"));
            }
            _ => {}
        }
    }

    fn note(&mut self, what: String) {
        self.journal.push((self.now_ms(), what));
    }

    fn observe(&mut self, target: &Target, meta: &str, body: &Bytes) {
        let (name, generation) = (self.name.clone(), self.generation.clone());
        for edge in self.observing_edges() {
            edge.observe(&name, &generation, target, meta, body.len() as u64, body);
        }
    }

    /// The edges that are told of every write.
    fn observing_edges(&mut self) -> impl Iterator<Item = &mut Edge> {
        let own = self.conversations.iter_mut().filter_map(Conversation::own_edge);
        let edges = self.edges.iter_mut().zip(EDGES.iter().map(|edge| edge.observes)).chain(own);
        edges.filter(|(_, observes)| *observes).map(|(edge, _)| edge)
    }
}
