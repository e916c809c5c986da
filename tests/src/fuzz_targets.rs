//! What the fuzz targets do: functions of bytes that must not panic, hang or allocate without bound.
//! libFuzzer calls them (`fuzz/`), and the ordinary tests do, with random bytes and the corpus.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::OnceLock;

use bytes::Bytes;
use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::cmaf::{Chunk, Header};
use packager_core::edge::{Asked, Body, Edge, FetchKind, Grow, Method, Request, Step};
use packager_core::hls::Directives;
use packager_core::ingest::{PushPath, Settings};
use packager_core::log::{Checkpoint, Entry, Found, Page};
use packager_core::time::Timescale;

use crate::media::{Source, Synthetic};
use crate::world::{BEGINS, World};

/// What libFuzzer calls.
pub type Target = fn(&[u8]);

/// The targets, by the names of their folders in `fuzz/corpus`.
pub const ALL: [(&str, Target); 6] = [
    ("header", header),
    ("chunk", chunk),
    ("upload", upload),
    ("manifest", manifest),
    ("request", request),
    ("stored", stored),
];

/// The seeds of a target that are kept with the sources.
///
/// # Panics
///
/// They cannot be read.
pub fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut seeds: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    seeds.sort();
    seeds
}

/// The header that chunks are read with: 90 kHz video, track 1.
pub fn known_header() -> &'static (Bytes, Header) {
    static HEADER: OnceLock<(Bytes, Header)> = OnceLock::new();
    HEADER.get_or_init(|| {
        let media = SyntheticMedia::Avc { width: 640, height: 360 };
        let bytes = SyntheticHeader::new(1, Timescale::new(90_000).unwrap(), media).write();
        let header = Header::parse(&bytes).unwrap();
        (bytes, header)
    })
}

/// A CMAF header.
pub fn header(data: &[u8]) {
    if let Err(why) = Header::parse(data) {
        let _ = why.to_string();
    }
}

/// A chunk: what can be read can be cut anywhere, moved, and read again.
pub fn chunk(data: &[u8]) {
    let (_, header) = known_header();
    let Ok(mut chunk) = Chunk::parse(&Bytes::copy_from_slice(data), header) else { return };
    assert_eq!(chunk.body().iter().map(|piece| piece.len() as u64).sum::<u64>(), chunk.body_bytes());
    let count = chunk.samples().len();
    for cut in [1, count / 2, count.saturating_sub(1)] {
        let (Some(head), Some(tail)) = (chunk.slice(0..cut), chunk.slice(cut..count)) else { continue };
        assert_eq!(head.samples().len() + tail.samples().len(), count);
        let again = Chunk::parse(&head.body().concat().into(), header).expect("what is written can be read");
        assert_eq!(again.samples(), head.samples());
        assert_eq!(again.payload(), head.payload());
    }
    chunk.retime(chunk.start_ticks() ^ 1);
    chunk.shorten_last(1);
    let _ = chunk.end_ticks();
}

/// An upload: the first byte says whether a proper header goes before it, and in what pieces it
/// comes.
pub fn upload(data: &[u8]) {
    let Some((&how, body)) = data.split_first() else { return };
    let mut world = World::new(Settings::default(), 1);
    let Ok(upload) = world.open("show/video.cmfv") else { return };
    if how & 1 == 1 && world.push(upload, known_header().0.clone()).is_err() {
        return;
    }
    let piece = [1 << 16, 1460, 61, 7][usize::from(how >> 1 & 3)];
    for (index, bytes) in body.chunks(piece).enumerate() {
        world.advance_to(index as i64 * 10);
        if world.push(upload, Bytes::copy_from_slice(bytes)).is_err() {
            break;
        }
    }
    world.finish(upload, how & 8 == 0);
    world.advance_to(world.now_ms() + 2_000);
    let log = world.read_log();
    for (name, track) in log.tracks() {
        assert_eq!(track.damage(), None, "{name}");
    }
}

/// A manifest and a playlist that are pushed beside a track, and then media under a name that they may
/// have spoken of.
pub fn manifest(data: &[u8]) {
    let mut world = World::new(Settings::default(), 1);
    for (path, body) in [
        ("show/init-stream0.m4s", known_header().0.clone()),
        ("show/manifest.mpd", Bytes::copy_from_slice(data)),
        ("show/index.m3u8", Bytes::copy_from_slice(data)),
        ("show/index1.m4s", Bytes::new()),
    ] {
        let Ok(upload) = world.open(path) else { continue };
        if world.push(upload, body).is_ok() {
            world.finish(upload, true);
        }
    }
    world.advance_to(2_000);
}

thread_local! {
    /// A broadcast of ten seconds with two tracks.
    static BROADCAST: RefCell<World> = RefCell::new(broadcast());
}

fn broadcast() -> World {
    let mut world = World::new(Settings::default(), 1);
    let video = Source::synthetic(&Synthetic { seconds: 10, frame_bytes: 20, ..Synthetic::default() });
    let audio =
        Source::synthetic(&Synthetic { seconds: 10, audio: true, frame_bytes: 20, ..Synthetic::default() });
    for (path, source) in [("show/video.cmfv", video), ("show/audio.cmfa", audio)] {
        let upload = world.open(path).unwrap();
        world.push(upload, source.header.clone()).unwrap();
        for chunk in &source.chunks {
            world.push(upload, chunk.body().concat().into()).unwrap();
        }
        world.finish(upload, true);
    }
    world.advance_to(11_000);
    world
}

/// A viewer's request: a path, and after `?` a query; `~` stands for `/show/g/video`.
pub fn request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let text = text.replacen('~', "/show/g/video", 1);
    let (path, query) = text.split_once('?').unwrap_or((&text, ""));
    let _ = Directives::parse(query);
    let _ = PushPath::parse(path);
    BROADCAST.with_borrow_mut(|world| {
        let _ = world.ask_now(&text);
        // Whoever would be held is forgotten.
        world.hang_up();
    });
}

/// What a bucket holds: the first byte says where the rest is found, as metadata or as a body;
/// everything else is as in a proper broadcast.
pub fn stored(data: &[u8]) {
    let Some((&place, bytes)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(bytes).into_owned();
    if let Ok(checkpoint) = Checkpoint::from_json(bytes) {
        let _ = checkpoint.to_json();
    }
    let _ = Page::from_json(bytes).map(|page| page.to_json());
    if let Ok(entry) = Entry::from_meta(&text) {
        assert_eq!(Entry::from_meta(&entry.to_meta()), Ok(entry));
    }
    let suffix = [
        "broadcast.json",
        "/000000.json",
        "/begin.json",
        "/head.json",
        "/00000000.json",
        ".m4s",
        "init.mp4",
        "/",
    ];
    let suffix = suffix[usize::from(place & 7)];
    BROADCAST.with_borrow(|world| {
        let find = |key: &str, kind: FetchKind| {
            if !key.ends_with(suffix) {
                return world.store.find(key, kind);
            }
            match kind {
                FetchKind::List => Found::Names(text.split('/').map(str::to_owned).collect()),
                _ => Found::Object {
                    meta: text.clone(),
                    size_bytes: bytes.len() as u64 ^ u64::from(place >> 3).wrapping_mul(u64::MAX / 31),
                    body: Bytes::copy_from_slice(bytes),
                },
            }
        };
        for path in
            ["/show/index.m3u8", "/show/g/video/index.m3u8", "/show/g/video/s-1.m4s", "/show/g/audio/s-3.m4s"]
        {
            for query in ["", "_HLS_msn=4&_HLS_part=1&_HLS_skip=v2"] {
                converse(&Request { method: Method::Get, path, query }, &find);
            }
        }
    });
}

/// Asks a new edge, which is given what `find` finds. A bucket may lie without end, so its answers
/// are counted.
fn converse(request: &Request<'_>, find: &impl Fn(&str, FetchKind) -> Found) {
    let mut edge = Edge::new(false);
    for round in 0..100 {
        let now = BEGINS.plus_ms(round * 10);
        match edge.handle(request, Asked::at(BEGINS), now) {
            Step::Fetch(fetches) => {
                for fetch in fetches {
                    edge.absorb(&fetch, &find(&fetch.key, fetch.kind), BEGINS.plus_ms(1));
                }
            }
            Step::Wait(_) => return,
            Step::Respond(response) => {
                if let Body::Segment { more: Some(cursor), .. } = response.body
                    && let Grow::Fetch(fetches) = edge.grow(&cursor, now)
                {
                    for fetch in fetches {
                        edge.absorb(&fetch, &find(&fetch.key, fetch.kind), now);
                    }
                    let _ = edge.grow(&cursor, now);
                }
                return;
            }
        }
    }
}
