//! What a receiver writes of a broadcast, object by object, as `rimcast push` sends it.

use std::collections::BTreeMap;

use bytes::Bytes;
use packager_core::cmaf::Header;
use packager_core::ingest::gate::{Headers, Request};
use packager_core::ingest::{Outcome, PushPath, Put, PutMode, Receiver, Settings, UploadId};
use packager_core::log::{BroadcastName, Generation, Key};
use packager_core::time::WallMs;

use crate::media::{Source, Synthetic};
use crate::store::Store;
use crate::world::BEGINS;

/// The broadcast that [`puts`] are of, and its record.
pub const BROADCAST: (&str, &str) = ("show", r#"{"generation":"g"}"#);

/// Every put of a broadcast with pictures and sound, in which frames go missing and the encoder is started anew, in
/// the order in which they are asked for.
///
/// # Panics
///
/// The receiver refuses the media.
pub fn puts(seconds: u32) -> Vec<Put> {
    let name = BroadcastName::parse(BROADCAST.0).unwrap();
    let generation = Generation::parse("g").unwrap();
    let mut writing = Writing {
        receiver: Receiver::new(&name, &generation, Settings::default(), 1),
        store: Store::default(),
        puts: Vec::new(),
    };
    let video = Synthetic { seconds, b_frames: true, edit_ticks: 3_000, ..Synthetic::default() };
    let audio = Synthetic { seconds, audio: true, ..Synthetic::default() };
    for run in 0..2_i64 {
        let begins = BEGINS.plus_ms(run * (i64::from(seconds) + 5) * 1_000);
        let tracks = [("show/video.cmfv", &video), ("show/audio.cmfa", &audio)]
            .map(|(path, spec)| (writing.open(path), Source::synthetic(spec)));
        for (upload, source) in &tracks {
            writing.push(*upload, source.header.clone(), begins);
        }
        let mut arrivals: Vec<_> = tracks
            .iter()
            .flat_map(|(upload, source)| {
                let chunks = source.chunks.iter().enumerate();
                chunks.map(move |(nth, chunk)| (source.arrival_ms(0, nth), *upload, chunk.body().concat()))
            })
            .collect();
        arrivals.sort_by_key(|(ms, ..)| *ms);
        for (nth, (ms, upload, body)) in arrivals.into_iter().enumerate() {
            // A chunk that never comes is a gap within its body.
            if nth != 21 {
                writing.push(upload, body.into(), begins.plus_ms(ms));
            }
        }
        let ends = begins.plus_ms(i64::from(seconds) * 1_000);
        for (upload, _) in tracks {
            writing.receiver.finish(upload, true, ends);
        }
        for ms in (0..4_000).step_by(100) {
            writing.receiver.tick(ends.plus_ms(ms));
            writing.settle(ends.plus_ms(ms));
        }
    }
    writing.puts
}

struct Writing {
    receiver: Receiver,
    store: Store,
    puts: Vec<Put>,
}

impl Writing {
    fn open(&mut self, path: &str) -> UploadId {
        self.receiver.open(path, &PushPath::parse(path).unwrap().resource).unwrap()
    }

    fn push(&mut self, upload: UploadId, bytes: Bytes, now: WallMs) {
        self.receiver.push(upload, bytes, now).unwrap();
        self.receiver.tick(now);
        self.settle(now);
    }

    fn settle(&mut self, now: WallMs) {
        while let Some(put) = self.receiver.next_put() {
            assert_passes(&put, |key| self.store.get(key).map(|object| object.body.clone()));
            let outcome = self.store.carry_out(&put);
            assert!(matches!(outcome, Outcome::Stored(_)), "{}: {outcome:?}", put.key);
            self.receiver.stored(put.id, &outcome, now);
            self.puts.push(put);
        }
        assert!(!self.receiver.needs_reload());
    }
}

/// What a receiver writes passes a host that keeps no state, whatever was pushed; `stored` gives what is stored under
/// a key.
///
/// # Panics
///
/// It does not.
pub fn assert_passes(put: &Put, stored: impl Fn(&str) -> Option<Bytes>) {
    let headers = Headers {
        condition: Some(match &put.mode {
            PutMode::Swap(Some(tag)) => tag,
            _ => "none",
        }),
        meta: Some(put.meta.as_str()).filter(|meta| !meta.is_empty()),
    };
    let path = path(&put.key);
    let request = Request::parse("PUT", path.trim_start_matches("/ingest/"), &headers);
    let Ok(Request::Put(write)) = request else { panic!("{path}: {request:?}") };
    let header = write.needs().map(|key| {
        let header = stored(&key.spell()).unwrap_or_else(|| panic!("{path} is written before its header"));
        Header::parse(&header).unwrap()
    });
    let checked = write.check(&put.body.concat().into(), header.as_ref());
    assert_eq!(checked, Ok(()), "{path} {}", put.meta);
}

/// A put as a request.
#[derive(Debug, Clone)]
pub struct PutRequest {
    /// What follows the host.
    pub path: String,
    /// `Rimcast-If`.
    pub condition: String,
    /// `Rimcast-Meta`; empty where there is none.
    pub meta: String,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

/// The versions of what is swapped, by key: each host names its own.
#[derive(Debug, Default)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// The request that a put is.
    pub fn request(&self, put: &Put) -> PutRequest {
        let condition = match &put.mode {
            PutMode::Swap(Some(_)) => self.0.get(&put.key).cloned().unwrap_or_default(),
            _ => "none".to_owned(),
        };
        PutRequest {
            path: path(&put.key),
            condition,
            meta: put.meta.clone(),
            content_type: if put.key.ends_with(".json") { "application/json" } else { "video/mp4" },
            body: put.body.concat().into(),
        }
    }

    /// A host has told an object's version.
    pub fn learn(&mut self, put: &Put, tag: Option<&str>) {
        if let Some(tag) = tag {
            self.0.insert(put.key.clone(), tag.to_owned());
        }
    }
}

/// Where an object is on a host that keeps no state.
///
/// # Panics
///
/// It is no key.
pub fn path(key: &str) -> String {
    assert!(Key::parse(key).is_some(), "{key}");
    let (broadcast, rest) = key.split_once('/').expect("every key has a broadcast");
    format!("/ingest/{broadcast}/-/{rest}")
}
