//! Broadcasts of hours and days: taken in by the real receiver, from an encoder that is made up as time goes by.

use bytes::Bytes;
use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::cmaf::{Sample, chunk};
use packager_core::edge::{Asked, Edge, FetchKind, Method, Request, Response, Step};
use packager_core::ingest::{PushPath, Receiver, Recovery, Settings, UploadId};
use packager_core::log::{
    BroadcastName, BroadcastRecord, Entry, Generation, Keys, Marker, SessionId, TrackName, record,
};
use packager_core::time::{Timescale, WallMs};

use crate::store::Store;
use crate::world::BEGINS;

/// What is broadcast.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// For how long.
    pub seconds: u64,
    /// How it is cut and listed.
    pub settings: Settings,
    /// Decode time of the first sample.
    pub start_s: u64,
    /// Whether there is sound beside the pictures.
    pub has_sound: bool,
}

/// A broadcast called `show`, of generation `g`: pictures of 90 kHz with a keyframe every two seconds, and sound.
pub struct Long {
    /// The bucket.
    pub store: Store,
    /// What was taken in last was, then.
    pub now: WallMs,
    settings: Settings,
    receiver: Receiver,
    tracks: Vec<Track>,
}

struct Track {
    path: &'static str,
    header: Bytes,
    upload: UploadId,
    timescale: Timescale,
    /// Decode time of the next chunk.
    next_ticks: u64,
    begins_ticks: u64,
    /// Ticks of a frame, frames in a chunk, and chunks between keyframes.
    frame: (u32, usize, u32),
    chunks: u32,
}

impl Long {
    /// Takes in a broadcast. It does not end: see [`end`](Self::end).
    ///
    /// # Panics
    ///
    /// The receiver refuses some of it.
    pub fn new(plan: &Plan) -> Self {
        let (name, generation) = (BroadcastName::parse("show").unwrap(), Generation::parse("g").unwrap());
        let mut long = Self {
            store: Store::default(),
            now: BEGINS,
            settings: plan.settings,
            receiver: Receiver::new(&name, &generation, plan.settings, 1),
            tracks: Vec::new(),
        };
        let record = BroadcastRecord::new(generation);
        long.store.put("show/broadcast.json", "", record::to_json(&record).into());
        let picture = SyntheticMedia::Avc { width: 1280, height: 720 };
        long.open("show/video.cmfv", picture, 90_000, (3000, 15, 4), plan.start_s);
        if plan.has_sound {
            let sound = SyntheticMedia::Aac { sample_rate: 48_000, channels: 2 };
            long.open("show/audio.cmfa", sound, 48_000, (1024, 24, 1), plan.start_s);
        }
        long.go_on(plan.seconds);
        long
    }

    /// How long it has gone on, in hours.
    pub fn hours(&self) -> i64 {
        self.now.since_ms(BEGINS) / 3_600_000
    }

    fn open(
        &mut self,
        path: &'static str,
        media: SyntheticMedia,
        per_second: u32,
        frame: (u32, usize, u32),
        start_s: u64,
    ) {
        let timescale = Timescale::new(per_second).unwrap();
        let resource = PushPath::parse(path).unwrap().resource;
        let upload = self.receiver.open(path, &resource).unwrap();
        let begins_ticks = start_s * u64::from(per_second);
        let header = SyntheticHeader::new(1, timescale, media).write();
        self.receiver.push(upload, header.clone(), self.now).unwrap();
        let next_ticks = begins_ticks;
        self.tracks.push(Track {
            path,
            header,
            upload,
            timescale,
            next_ticks,
            begins_ticks,
            frame,
            chunks: 0,
        });
    }

    /// Ingest dies, and another takes up what is stored; the encoder sends its headers again and goes on.
    ///
    /// # Panics
    ///
    /// It reads without end, or refuses what goes on.
    pub fn restart_ingest(&mut self) {
        let (name, generation) = (BroadcastName::parse("show").unwrap(), Generation::parse("g").unwrap());
        let mut recovery = Recovery::new(&name, &generation, self.settings);
        for round in 0.. {
            let reads = recovery.wants();
            if reads.is_empty() {
                break;
            }
            assert!(round < 1000, "recovery asks without end");
            for read in reads {
                let found = self.store.find(&recovery.key(&read), read.kind());
                recovery.absorb(&read, &found, self.now);
            }
        }
        self.receiver = recovery.finish(u64::try_from(self.now.0).unwrap());
        for track in &mut self.tracks {
            let resource = PushPath::parse(track.path).unwrap().resource;
            track.upload = self.receiver.open(track.path, &resource).unwrap();
            self.receiver.push(track.upload, track.header.clone(), self.now).unwrap();
        }
        self.settle();
    }

    /// Takes in so many seconds more.
    ///
    /// # Panics
    ///
    /// As for [`new`](Self::new).
    pub fn go_on(&mut self, seconds: u64) {
        let until = self.now.plus_ms(i64::try_from(seconds * 1000).unwrap());
        while let Some((arrival, track)) = self.next_chunk(until) {
            let (upload, bytes) = (track.upload, track.chunk());
            self.now = arrival;
            self.receiver.push(upload, bytes, arrival).unwrap();
            self.receiver.tick(arrival);
            self.settle();
        }
        self.now = until;
    }

    /// The track whose next chunk is over first, and when it is.
    fn next_chunk(&mut self, until: WallMs) -> Option<(WallMs, &mut Track)> {
        let arrivals = self.tracks.iter_mut().map(|track| {
            let (frame, frames, _) = track.frame;
            let after = track.next_ticks - track.begins_ticks + u64::from(frame) * frames as u64;
            (BEGINS.plus_ms(i64::try_from(track.timescale.ms_from_ticks(after)).unwrap()), track)
        });
        arrivals.min_by_key(|(arrival, _)| *arrival).filter(|(arrival, _)| *arrival <= until)
    }

    fn settle(&mut self) {
        while let Some(put) = self.receiver.next_put() {
            let outcome = self.store.carry_out(&put);
            self.receiver.stored(put.id, &outcome, self.now);
        }
        assert!(!self.receiver.needs_reload(), "nobody else writes");
        drop(self.receiver.take_notices());
    }

    /// Declares all tracks complete, as the operator's tool does.
    ///
    /// # Panics
    ///
    /// It cannot be read.
    pub fn end(&mut self) {
        let keys = Keys::new(&BroadcastName::parse("show").unwrap(), &Generation::parse("g").unwrap());
        for track in ["video", "audio"].into_iter().take(self.tracks.len()) {
            let name = TrackName::parse(track).unwrap();
            let (session, next_ticks) = self.next_of(&keys, &name);
            let key = keys.part(&name, &session, next_ticks);
            self.store.put(&key, &Entry::Marker(Marker::Ended).to_meta(), Bytes::new());
        }
    }

    fn next_of(&self, keys: &Keys, track: &TrackName) -> (SessionId, u64) {
        let head = self.store.get(&keys.head(track)).expect("it has a checkpoint");
        let mut chain = packager_core::log::Checkpoint::from_json(&head.body).unwrap().chain;
        while let Some(object) = self.store.get(&keys.part(track, &chain.run.session, chain.next_ticks)) {
            chain.absorb(&Entry::from_meta(&object.meta).unwrap(), object.body.len() as u64).unwrap();
        }
        (chain.run.session, chain.next_ticks)
    }
}

impl Track {
    /// The next chunk, as it is sent.
    fn chunk(&mut self) -> Bytes {
        let (duration_ticks, frames, chunks_per_key) = self.frame;
        let is_key = self.chunks.is_multiple_of(chunks_per_key);
        let samples: Vec<Sample> = (0..frames)
            .map(|index| Sample {
                duration_ticks,
                bytes: if index == 0 && is_key { 40 } else { 2 },
                sync: chunks_per_key == 1 || (index == 0 && is_key),
                composition_ticks: 0,
            })
            .collect();
        let bytes: u32 = samples.iter().map(|sample| sample.bytes).sum();
        // No two chunks hold the same bytes, as no two of an encoder do.
        let payload: Vec<u8> =
            self.next_ticks.to_be_bytes().into_iter().cycle().take(bytes as usize).collect();
        self.chunks += 1;
        let pieces = chunk::write(self.chunks, 1, self.next_ticks, &samples, payload.into());
        self.next_ticks += u64::from(duration_ticks) * frames as u64;
        pieces.concat().into()
    }
}

/// What it took to answer a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reads {
    /// Objects read, and listings of names.
    pub gets: usize,
    /// Objects of which only the metadata was read: the next keys of chains.
    pub heads: usize,
    /// Times that some were read together.
    pub rounds: usize,
    /// Bytes of all bodies.
    pub bytes: usize,
}

/// Asks an edge, which is never to be held; gives what it says, and what it had to read.
///
/// # Panics
///
/// It would be held, or does not come to an end.
pub fn ask(edge: &mut Edge, store: &Store, target: &str, now: WallMs) -> (Response, Reads) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request { method: Method::Get, path, query };
    let mut reads = Reads::default();
    for _ in 0..200_000 {
        match edge.handle(&request, Asked::at(now), now) {
            Step::Respond(response) => return (response, reads),
            Step::Wait(wait) => panic!("{target} waits for {}", wait.poll.key),
            Step::Write(due) => panic!("{target} writes {}", due.key),
            Step::Fetch(fetches) => {
                reads.rounds += 1;
                for fetch in fetches {
                    let found = store.find(&fetch.key, fetch.kind);
                    match (&found, fetch.kind) {
                        (_, FetchKind::Stat) => reads.heads += 1,
                        (packager_core::log::Found::Object { body, .. }, _) => {
                            reads.gets += 1;
                            reads.bytes += body.len();
                        }
                        _ => reads.gets += 1,
                    }
                    edge.absorb(&fetch, &found, now);
                }
            }
        }
    }
    panic!("{target} is never answered");
}

/// The text of a response.
///
/// # Panics
///
/// It has none, or is none that was asked for.
pub fn text(response: &Response) -> String {
    match &response.body {
        packager_core::edge::Body::Text(rendered) => String::from_utf8(rendered.plain.to_vec()).unwrap(),
        other => panic!("{} {other:?}", response.status),
    }
}
