//! Playlists and manifests of a day, from an edge that knows nothing and from one that knows all, against m3u8-rs writing
//! a plain playlist of the same segments.

use std::hint::black_box;
use std::time::{Duration, Instant};

use packager_core::edge::Edge;
use packager_core::ingest::Settings;
use packager_core::log::Shape;
use rimcast_tests::long::{Long, Plan, Reads, ask, text};

use crate::measure::{heading, median_of_calls};

const DAY_S: u64 = 24 * 3600;

pub(crate) fn run() {
    heading("24 h of one rendition, 2 s segments, 500 ms parts, all of it listed; reads from memory");
    let settings = Settings { window_ms: Shape::WHOLE_WINDOW_MS, ..Settings::default() };
    let begun = Instant::now();
    let mut long = Long::new(&Plan { seconds: DAY_S + 333, settings, start_s: 0, has_sound: false });
    println!("taken in by the receiver in {:.1?}", begun.elapsed());
    for (what, target) in [
        ("playlist", "/show/g/video/index.m3u8"),
        ("delta update", "/show/g/video/index.m3u8?_HLS_skip=YES"),
        ("manifest.mpd", "/show/manifest.mpd"),
        ("sequence.mpd", "/show/sequence.mpd"),
        ("an hour of it", "/show/g/video/1800036000000-1800039600000.m3u8"),
        ("frames", "/show/g/video/frames.m3u8"),
    ] {
        figures(what, &mut long, target);
    }
    let playlist = figures("playlist", &mut long, "/show/g/video/index.m3u8");
    yardstick(&playlist);
    memory(&long);
}

/// What a request costs; gives what it is answered.
fn figures(what: &str, long: &mut Long, target: &str) -> String {
    let mut reads = Reads::default();
    let mut answer = String::new();
    let mut colds: Vec<Duration> = (0..9)
        .map(|_| {
            let mut edge = Edge::new(false);
            let begun = Instant::now();
            let (response, taken) = ask(&mut edge, &long.store, target, long.now);
            let cold = begun.elapsed();
            (reads, answer) = (taken, text(&response));
            cold
        })
        .collect();
    colds.sort();
    // An edge that knew all until a moment ago.
    let mut edge = Edge::new(false);
    drop(ask(&mut edge, &long.store, target, long.now));
    let mut warms: Vec<Duration> = (0..9)
        .map(|_| {
            long.go_on(1);
            let begun = Instant::now();
            drop(black_box(ask(&mut edge, &long.store, target, long.now)));
            begun.elapsed()
        })
        .collect();
    warms.sort();
    let warm = warms[warms.len() / 2];
    println!(
        "{what:<14} {:>8} bytes  cold {:>9.1?}: {:>2} reads, {} heads in {} rounds, {:>7} bytes read  warm, two parts later {warm:>9.1?}",
        answer.len(),
        colds[colds.len() / 2],
        reads.gets,
        reads.heads,
        reads.rounds,
        reads.bytes
    );
    answer
}

/// m3u8-rs, plain segments: what has to be written at the least.
fn yardstick(playlist: &str) {
    let plain = m3u8_rs::parse_media_playlist_res(playlist.as_bytes()).expect("it is a playlist");
    let plain = m3u8_rs::MediaPlaylist {
        segments: plain
            .segments
            .into_iter()
            .map(|segment| m3u8_rs::MediaSegment {
                uri: segment.uri,
                duration: segment.duration,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    let mut written = Vec::new();
    let time = median_of_calls(|| {
        written.clear();
        plain.write_to(black_box(&mut written)).expect("memory does not fail");
    });
    println!(
        "m3u8-rs        {:>8} bytes  {time:>9.1?}   (yardstick: plain segments, nothing read)",
        written.len()
    );
}

/// What edges that have answered with all of it keep.
fn memory(long: &Long) {
    const EDGES: usize = 20;
    let before = resident_bytes();
    let mut edges = Vec::new();
    for _ in 0..EDGES {
        let mut edge = Edge::new(false);
        drop(ask(&mut edge, &long.store, "/show/manifest.mpd", long.now));
        edges.push(edge);
    }
    let kept = resident_bytes().saturating_sub(before) / EDGES;
    println!("an edge that knows a day of one rendition keeps {:.1} MB", kept as f64 / 1e6);
    drop(edges);
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}
