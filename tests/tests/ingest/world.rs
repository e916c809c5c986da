//! A bucket, and ingests that write to it.

use bytes::Bytes;
use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::cmaf::{Sample, TrackKind, chunk};
use packager_core::ingest::{PushPath, Receiver, Recovery, Refusal, Settings, UploadId};
use packager_core::log::{BroadcastLog, BroadcastName, Chain, Freshness, Generation, Segment, TrackName};
use packager_core::time::{Timescale, WallMs};
use rimcast_tests::puts::assert_passes;
use rimcast_tests::store::Store;

const RATE: u32 = 1_000;

/// A bucket, some ingests, and a clock.
pub(super) struct World {
    pub(super) now: WallMs,
    pub(super) store: Store,
    pub(super) ingests: Vec<Receiver>,
    settings: Settings,
}

impl World {
    pub(super) fn new(ingests: usize) -> Self {
        let settings = Settings::default();
        let mut world =
            Self { now: WallMs(1_800_000_000_000), store: Store::default(), ingests: Vec::new(), settings };
        for nth in 0..ingests {
            let ingest = world.recovery().finish(nth as u64);
            world.ingests.push(ingest);
        }
        world
    }

    pub(super) fn names() -> (BroadcastName, Generation) {
        (BroadcastName::parse("show").unwrap(), Generation::parse("g").unwrap())
    }

    pub(super) fn recovery(&self) -> Recovery {
        let (name, generation) = Self::names();
        let mut recovery = Recovery::new(&name, &generation, self.settings);
        loop {
            let reads = recovery.wants();
            if reads.is_empty() {
                return recovery;
            }
            for read in reads {
                let found = self.store.find(&recovery.key(&read), read.kind());
                recovery.absorb(&read, &found, self.now);
            }
        }
    }

    /// What held the broadcast so far is gone.
    pub(super) fn restart(&mut self, at: usize) {
        self.ingests[at] = self.recovery().finish(77);
    }

    pub(super) fn wait(&mut self, ms: i64) {
        for _ in 0..ms / 10 {
            self.now = self.now.plus_ms(10);
            for at in 0..self.ingests.len() {
                self.ingests[at].tick(self.now);
                self.settle(at);
            }
        }
    }

    pub(super) fn settle(&mut self, at: usize) {
        loop {
            while let Some(put) = self.ingests[at].next_put() {
                assert_passes(&put, |key| self.store.get(key).map(|object| object.body.clone()));
                let outcome = self.store.carry_out(&put);
                self.ingests[at].stored(put.id, &outcome, self.now);
            }
            if !self.ingests[at].needs_reload() {
                return;
            }
            let recovery = self.recovery();
            self.ingests[at].reload(recovery);
            self.ingests[at].tick(self.now);
        }
    }

    /// A request that brings these bytes.
    pub(super) fn put(&mut self, at: usize, track: &str, bytes: Bytes) -> Request {
        let request = self.open(at, track, bytes);
        self.ingests[at].finish(request.id, true, self.now);
        self.settle(at);
        request
    }

    /// A request that brings these bytes, and may bring more.
    pub(super) fn open(&mut self, at: usize, track: &str, bytes: Bytes) -> Request {
        let path = format!("show/{track}.cmfv");
        let resource = PushPath::parse(&path).unwrap().resource;
        let id = self.ingests[at].open(&path, &resource).unwrap();
        let request = Request { at, id };
        self.more(request, bytes);
        request
    }

    /// More bytes of an open request.
    pub(super) fn more(&mut self, request: Request, bytes: Bytes) {
        let _ = self.ingests[request.at].push(request.id, bytes, self.now);
        self.settle(request.at);
    }

    pub(super) fn answer(&mut self, request: Request) -> Option<Result<(), Refusal>> {
        self.ingests[request.at].settled(request.id)
    }

    pub(super) fn header(&mut self, at: usize, track: &str) -> Request {
        self.header_of(at, track, 640, 0)
    }

    pub(super) fn header_of(&mut self, at: usize, track: &str, width: u16, edit_ticks: u32) -> Request {
        self.put(at, track, header(track, width, edit_ticks))
    }

    /// Half a second of the encoder's nth run from `start_ms` on.
    pub(super) fn media(&mut self, at: usize, track: &str, run: u8, start_ms: u64) -> Request {
        self.put(at, track, half_a_second(track, run, start_ms, [0; 5]))
    }

    /// The media of all these tracks from one time to another, as it is captured.
    pub(super) fn play(&mut self, at: usize, tracks: &[&str], run: u8, from_ms: u64, to_ms: u64) {
        for start_ms in (from_ms..to_ms).step_by(500) {
            self.wait(500);
            for track in tracks {
                self.media(at, track, run, start_ms);
            }
        }
    }

    pub(super) fn log(&self, with_checkpoints: bool) -> BroadcastLog {
        let (name, generation) = Self::names();
        let mut log = BroadcastLog::new(&name, &generation, 100);
        loop {
            let reads = log.wants(Freshness { chains_since: self.now, tracks_since: self.now });
            if reads.is_empty() {
                return log;
            }
            for read in reads {
                let key = read.target().key(&log.keys);
                let is_hidden = key.ends_with("head.json") && !with_checkpoints;
                let found = self.store.find(if is_hidden { "nothing" } else { &key }, read.kind());
                log.absorb(&read, &found, self.now);
            }
        }
    }

    pub(super) fn chain(&self, track: &str) -> Chain {
        self.log(false).track(&TrackName::parse(track).unwrap()).unwrap().chain().unwrap().clone()
    }

    pub(super) fn segments(&self, track: &str) -> Vec<Segment> {
        let chain = self.chain(track);
        chain.closed.into_iter().chain(chain.open).collect()
    }

    /// The runs that a track's samples are of, in order, without repetition.
    pub(super) fn runs(&self, track: &str) -> Vec<u8> {
        let mut runs = Vec::new();
        for segment in self.segments(track) {
            for part in &segment.parts {
                let key = format!("show/g/{track}/{}/{:020}.m4s", segment.run.session, part.start_ticks);
                runs.extend_from_slice(self.store.get(&key).unwrap().body.last_chunk::<1>().unwrap());
            }
        }
        runs.dedup();
        runs
    }

    /// A reader that begins with the checkpoints comes to the same chains.
    pub(super) fn assert_checkpoints_agree(&self) {
        let (cold, warm) = (self.log(false), self.log(true));
        for (name, track) in cold.tracks() {
            assert_eq!(track.chain(), warm.track(name).unwrap().chain(), "{name}");
        }
    }

    /// No segment of any track is dated before the one before it.
    pub(super) fn assert_dates_go_on(&self) {
        let log = self.log(false);
        for (name, track) in log.tracks() {
            let chain = track.chain().unwrap();
            let mut last = WallMs(i64::MIN);
            for segment in chain.closed.iter().chain(&chain.open) {
                let anchor = log.periods()[segment.run.period as usize].anchor;
                let date = anchor.wall_at(segment.start_ticks, segment.offset_ticks(), segment.run.timescale);
                assert!(date >= last, "{name}: segment {} is dated {} ms back", segment.msn, last.0 - date.0);
                last = date;
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    at: usize,
    id: UploadId,
}

pub(super) fn kind(track: &str) -> TrackKind {
    match track {
        _ if track.starts_with("video") => TrackKind::Video,
        _ if track.starts_with("text") => TrackKind::Text,
        _ => TrackKind::Audio,
    }
}

pub(super) fn header(track: &str, width: u16, edit_ticks: u32) -> Bytes {
    let media = match kind(track) {
        TrackKind::Video => SyntheticMedia::Avc { width, height: 360 },
        TrackKind::Text => SyntheticMedia::Wvtt,
        _ => SyntheticMedia::Aac { sample_rate: 48_000, channels: 2 },
    };
    let mut header = SyntheticHeader::new(1, Timescale::new(RATE).unwrap(), media);
    header.edit_media_time_ticks = edit_ticks;
    header.write()
}

/// Five samples of 100 ms; of pictures the first of every second is a keyframe.
pub(super) fn half_a_second(track: &str, run: u8, start_ms: u64, compositions: [i32; 5]) -> Bytes {
    let is_video = kind(track) == TrackKind::Video;
    let samples: Vec<_> = (0..5)
        .map(|nth| Sample {
            duration_ticks: 100,
            bytes: 10,
            sync: !is_video || (start_ms + nth * 100).is_multiple_of(1_000),
            composition_ticks: compositions[nth as usize],
        })
        .collect();
    let payload: Vec<u8> = (0..5)
        .flat_map(|nth| {
            let mut sample = [run; 10];
            sample[..8].copy_from_slice(&(start_ms + nth * 100).to_be_bytes());
            sample
        })
        .collect();
    chunk::write(1, 1, start_ms, &samples, payload.into()).concat().into()
}
