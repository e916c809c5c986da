//! Windows of half a day and broadcasts of more than one: what an edge reads for them, and that it says the same of them
//! cold as warm.

use std::sync::OnceLock;

use packager_core::edge::Edge;
use packager_core::ingest::Settings;
use packager_core::log::{Checkpoint, Shape};
use rimcast_tests::long::{Long, Plan, Reads, ask, text};
use rimcast_tests::mpd::{self, Mpd};
use rimcast_tests::rules::{self, Context, playlist::Media};

const HOUR_S: u64 = 3600;

/// 24 hours and a few minutes, which pass 2^32 and 2^33 ticks of 90 kHz, all of it listed.
fn day() -> &'static Long {
    static DAY: OnceLock<Long> = OnceLock::new();
    DAY.get_or_init(|| {
        let settings = Settings { window_ms: Shape::WHOLE_WINDOW_MS, ..Settings::default() };
        let plan = Plan { seconds: 24 * HOUR_S + 333, settings, start_s: 12 * HOUR_S, has_sound: false };
        Long::new(&plan)
    })
}

/// 13 hours of pictures and sound, of which twelve are listed.
fn half_day() -> &'static Long {
    static HALF: OnceLock<Long> = OnceLock::new();
    HALF.get_or_init(|| {
        let window_ms = 12 * 3600 * 1000;
        let settings = Settings { window_ms, ..Settings::default() };
        Long::new(&Plan { seconds: 13 * HOUR_S + 77, settings, start_s: 5 * HOUR_S, has_sound: true })
    })
}

const PLAYLIST: &str = "/show/g/video/index.m3u8";

/// What a cold edge needs, and then the same edge once more.
fn cold_and_warm(long: &Long, target: &str) -> (String, Reads, Reads) {
    let mut edge = Edge::new(false);
    let (response, cold) = ask(&mut edge, &long.store, target, long.now);
    let later = long.now.plus_ms(300);
    let (again, warm) = ask(&mut edge, &long.store, target, later);
    assert_eq!(text(&response), text(&again));
    (text(&response), cold, warm)
}

fn violations(playlist: &str) -> Vec<String> {
    rules::check(playlist, &Context::default()).iter().map(ToString::to_string).collect()
}

#[test]
fn a_day_is_listed_from_its_listings() {
    let (playlist, cold, warm) = cold_and_warm(day(), PLAYLIST);
    let read = Media::parse(&playlist).unwrap();
    assert_eq!(violations(&playlist), [] as [String; 0]);
    assert!(playlist.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"));
    assert_eq!(read.media_sequence, 1);
    assert!(read.segments.len() > 43_200, "{}", read.segments.len());
    // Ten listings of 4,096, some of 512, some pages; and the record, the names of tracks, and the checkpoint.
    assert!(cold.gets <= 10 + 7 + 8 + 3, "{cold:?}");
    assert!(cold.heads <= 6, "{cold:?}");
    assert!(warm.gets == 0 && warm.heads <= 1, "{warm:?}");
    println!("a playlist of a day: {} bytes, {cold:?}", playlist.len());
}

#[test]
fn the_live_edge_of_a_day_is_read_as_that_of_a_minute() {
    let (delta, cold, warm) = cold_and_warm(day(), &format!("{PLAYLIST}?_HLS_skip=YES"));
    assert!(cold.gets <= 5 && cold.heads <= 6, "{cold:?}");
    assert!(warm.gets == 0 && warm.heads <= 1, "{warm:?}");
    assert!(delta.len() < 4096, "{delta}");
    let (full, ..) = cold_and_warm(day(), PLAYLIST);
    rules::delta::check(&full, &delta, &full).unwrap();
    let head = day().store.get("show/g/video/index/head.json").unwrap();
    assert!(head.body.len() < 100_000, "a checkpoint has {} bytes", head.body.len());
    let chain = Checkpoint::from_json(&head.body).unwrap().chain;
    assert!(chain.closed.len() < 100, "a checkpoint has {} segments", chain.closed.len());
    println!(
        "a checkpoint of a day: {} bytes; its live edge: {} bytes, {cold:?}",
        head.body.len(),
        delta.len()
    );
}

#[test]
fn a_window_of_half_a_day_moves_on_by_pages() {
    let (playlist, cold, warm) = cold_and_warm(half_day(), PLAYLIST);
    assert_eq!(violations(&playlist), [] as [String; 0]);
    let read = Media::parse(&playlist).unwrap();
    assert_eq!(read.media_sequence % 64, 0);
    let listed_s = read.segments.iter().filter_map(|segment| segment.duration).sum::<u64>() / 100_000;
    assert!((12 * HOUR_S..=12 * HOUR_S + 130).contains(&listed_s), "{listed_s}");
    assert!(cold.gets <= 6 + 7 + 8 + 4 && warm.gets == 0, "{cold:?} {warm:?}");
    let head = half_day().store.get("show/g/video/index/head.json").unwrap();
    assert!(head.body.len() < 100_000, "a checkpoint has {} bytes", head.body.len());
    let (delta, cold, _) = cold_and_warm(half_day(), &format!("{PLAYLIST}?_HLS_skip=YES"));
    rules::delta::check(&playlist, &delta, &playlist).unwrap();
    assert!(cold.gets <= 6, "two checkpoints: {cold:?}");
    assert!(delta.len() < 4096);
}

#[test]
fn manifests_of_long_windows_are_read_and_checked() {
    for (long, file) in [(half_day(), "manifest"), (half_day(), "sequence"), (day(), "sequence")] {
        let target = format!("/show/{file}.mpd");
        let (manifest, cold, warm) = cold_and_warm(long, &target);
        assert!(cold.gets <= 2 * (10 + 7 + 8) + 6 && warm.gets <= 2, "{cold:?} {warm:?}");
        let read = Mpd::parse(&manifest, &target).unwrap();
        assert_eq!(mpd::check(&read), [] as [String; 0], "{file}");
        println!("{file} of {} hours: {} bytes, {cold:?}", long.hours(), manifest.len());
    }
}

/// Ten minutes are listed: while they move on by a page, every manifest is brought up to date by a patch of a few
/// kilobytes, by warm edges and cold ones alike.
#[test]
fn a_long_manifest_is_patched_while_its_window_moves_on() {
    let settings = Settings { window_ms: 600_000, ..Settings::default() };
    let mut long = Long::new(&Plan { seconds: 1500, settings, start_s: 47_000, has_sound: true });
    let mut warm = Edge::new(false);
    let (mut patched, mut moved) = (0, 0);
    let mut before: Option<(String, String)> = None;
    for _ in 0..70 {
        let (manifest, _) = ask(&mut warm, &long.store, "/show/sequence.mpd", long.now);
        let manifest = text(&manifest);
        if let Some((query, old)) = before {
            let target = format!("/show/sequence.mpp?{query}");
            let (patch, _) = ask(&mut warm, &long.store, &target, long.now);
            let (cold_patch, _) = ask(&mut Edge::new(false), &long.store, &target, long.now);
            let patch = text(&patch);
            assert_eq!(patch, text(&cold_patch));
            moved += usize::from(patch.contains("/@startNumber"));
            assert!(patch.len() < 8192, "{}", patch.len());
            if patch.contains(&format!("originalPublishTime=\"{}\"", published(&old))) {
                patched += 1;
                mpd::same(&mpd::apply(&patch, &old).unwrap(), &manifest).unwrap();
            }
        }
        let read = Mpd::parse(&manifest, "/show/sequence.mpd").unwrap();
        let query = read.patch_locations[0].written.split_once('?').unwrap().1.to_owned();
        before = Some((query, manifest));
        long.go_on(2);
    }
    assert!(patched >= 67 && moved >= 1, "{patched} patches, {moved} of them with what left");
}

fn published(manifest: &str) -> &str {
    manifest.split_once("publishTime=\"").unwrap().1.split_once('"').unwrap().0
}
