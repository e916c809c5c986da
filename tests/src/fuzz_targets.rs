//! What the fuzz targets do: functions of bytes that must not panic, hang or allocate without bound.
//! libFuzzer calls them (`fuzz/`), and the ordinary tests do, with random bytes and the corpus.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::OnceLock;

use bytes::Bytes;
use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::cmaf::{Chunk, Header};
use packager_core::edge::{Asked, Body, Edge, FetchKind, Grow, Method, Request, Step, Written};
use packager_core::hls::Directives;
use packager_core::ingest::{PushPath, Settings, gate};
use packager_core::log::{BroadcastRecord, Checkpoint, Entry, Found, Generation, Listing, Page};
use packager_core::time::Timescale;

use crate::media::{Source, Synthetic};
use crate::mpd::{self, Mpd, tree::Element};
use crate::world::{Answer, BEGINS, World};

/// What libFuzzer calls.
pub type Target = fn(&[u8]);

/// The targets, by the names of their folders in `fuzz/corpus`.
pub const ALL: [(&str, Target); 7] = [
    ("header", header),
    ("chunk", chunk),
    ("upload", upload),
    ("gate", gate),
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

/// A request of `rimcast push`: its method, path, condition and metadata, a line each, and its body.
pub fn gate(data: &[u8]) {
    let mut lines = data.splitn(5, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (method, path, condition, meta) = (line(), line(), line(), line());
    let body = Bytes::copy_from_slice(lines.next().unwrap_or_default());
    let given = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let headers = gate::Headers { condition: given(&condition), meta: given(&meta) };
    let write = match gate::Request::parse(&method, &path, &headers) {
        Ok(gate::Request::Put(write)) => write,
        Ok(_) => return,
        Err(why) => return drop(gate::Answer::from(why).headers()),
    };
    if write.check(&body, Some(&known_header().1)).is_ok() {
        let stored = gate::Stored { meta: &write.meta, body: &body, tag: "" };
        assert_eq!(write.exists(&body, stored).status, 200, "what was stored is known again");
    }
    let record = BroadcastRecord::new(Generation::parse("g").unwrap());
    if let Ok(Some(learned)) = write.learned(&body, &record) {
        assert_eq!(write.learned(learned.as_bytes(), &record), Ok(Some(learned)));
    }
}

/// A manifest and a playlist that are pushed beside a track, and then media under names that they may
/// have spoken of. Whatever they say of it, what viewers are told can be read.
pub fn manifest(data: &[u8]) {
    static SOURCE: OnceLock<(Bytes, Bytes)> = OnceLock::new();
    let (header, media) = SOURCE.get_or_init(|| {
        let source = Source::synthetic(&Synthetic { seconds: 7, frame_bytes: 20, ..Synthetic::default() });
        let chunks = source.chunks.iter().flat_map(Chunk::body);
        (source.header.clone(), chunks.collect::<Vec<_>>().concat().into())
    });
    let mut world = World::new(Settings::default(), 1);
    for (path, body) in [
        ("show/init-stream0.m4s", header.clone()),
        ("show/manifest.mpd", Bytes::copy_from_slice(data)),
        ("show/index.m3u8", Bytes::copy_from_slice(data)),
        ("show/index1.m4s", Bytes::new()),
        ("show/chunk-stream0-00001.m4s", media.clone()),
    ] {
        let Ok(upload) = world.open(path) else { continue };
        if world.push(upload, body).is_ok() {
            world.finish(upload, true);
        }
    }
    world.advance_to(2_000);
    for path in ["/show/manifest.mpd", "/show/sequence.mpd"] {
        let answer = world.ask_now(path).expect("it can be watched").expect("alike");
        let text = answer.manifest().unwrap_or_else(|| panic!("{answer}"));
        let read = Mpd::parse(text, path).unwrap_or_else(|why| panic!("{why}\n{text}"));
        assert_eq!(mpd::check(&read), Vec::<String>::new(), "{text}");
    }
}

/// A broadcast of ten seconds with two tracks, and where its manifests said a second before that patches are.
struct Broadcast {
    world: World,
    patches: [String; 2],
}

thread_local! {
    static BROADCAST: RefCell<Broadcast> = RefCell::new(broadcast());
}

fn broadcast() -> Broadcast {
    let mut world = World::new(Settings::default(), 1);
    let video = Source::synthetic(&Synthetic { seconds: 10, frame_bytes: 20, ..Synthetic::default() });
    let audio =
        Source::synthetic(&Synthetic { seconds: 10, audio: true, frame_bytes: 20, ..Synthetic::default() });
    let mut uploads = [("show/video.cmfv", video), ("show/audio.cmfa", audio)].map(|(path, source)| {
        let upload = world.open(path).unwrap();
        world.push(upload, source.header.clone()).unwrap();
        (upload, source, 0)
    });
    let mut patches = None;
    for ms in (500..=10_000).step_by(500) {
        world.advance_to(ms);
        for (upload, source, pushed) in &mut uploads {
            let come = source.chunks.len() * usize::try_from(ms).unwrap() / 10_000;
            for chunk in &source.chunks[std::mem::replace(pushed, come)..come] {
                world.push(*upload, chunk.body().concat().into()).unwrap();
            }
        }
        if ms == 9_000 {
            patches = Some(["/show/manifest.mpd", "/show/sequence.mpd"].map(|path| {
                let answer = world.ask_now(path).expect("it can be watched").expect("alike");
                Mpd::parse(&answer.body, path).expect("it can be read").patch_locations[0].written.clone()
            }));
        }
    }
    world.advance_to(11_000);
    for (upload, ..) in uploads {
        world.finish(upload, true);
    }
    Broadcast { world, patches: patches.expect("it was asked for").map(|written| format!("/show/{written}")) }
}

/// A viewer's request: a path, and after `?` a query; see [`answer`].
pub fn request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some((target, answer)) = answer(text)
        && answer.status == 200
        && (answer.body.contains("<Patch ") || answer.body.contains("<MPD "))
    {
        Element::parse(&answer.body).unwrap_or_else(|why| panic!("{why}\n{target}\n{answer}"));
    }
}

/// What a request asks for and is answered at once, if it is. `~` stands for `/show/g/video`, `^` and `$` for
/// where a second before the end there was a patch, of either form of the manifest.
pub fn answer(text: &str) -> Option<(String, Answer)> {
    BROADCAST.with_borrow_mut(|Broadcast { world, patches }| {
        let text = text.replacen('~', "/show/g/video", 1);
        let target = text.replacen('^', &patches[0], 1).replacen('$', &patches[1], 1);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let _ = Directives::parse(query);
        let _ = PushPath::parse(path);
        // What differs from edge to edge is what they were told, and they were told the same.
        let answer =
            world.ask_now(&target).map(|answer| answer.unwrap_or_else(|why| panic!("{target}: {why}")));
        // Whoever would be held is forgotten.
        world.hang_up();
        Some((target, answer?))
    })
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
    let _ = Listing::from_json(bytes).map(|listing| (listing.is(512, 1), listing.to_json()));
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
    let suffix = match suffix[usize::from(place & 7)] {
        "/00000000.json" if place & 8 != 0 => "-512.json",
        suffix => suffix,
    };
    BROADCAST.with_borrow(|Broadcast { world, .. }| {
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
        for path in [
            "/show/index.m3u8",
            "/show/event.json",
            "/show/manifest.mpd",
            "/show/sequence.mpd",
            "/show/g/video/index.m3u8",
            "/show/g/video/s-1.m4s",
            "/show/g/audio/s-3.m4s",
            "/show/g/audio/s-3_1.m4s",
        ] {
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
            Step::Write(due) => {
                let written = match find(&due.key, FetchKind::Get) {
                    Found::Missing => Written::New,
                    found => Written::Exists(found),
                };
                edge.wrote(&due, &written, now);
            }
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
