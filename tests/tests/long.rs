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

/// Half an hour, of which a minute is listed, and which has ended.
fn ended() -> &'static Long {
    static ENDED: OnceLock<Long> = OnceLock::new();
    ENDED.get_or_init(|| {
        let plan = Plan { seconds: 1800, settings: Settings::default(), start_s: 9, has_sound: true };
        let mut long = Long::new(&plan);
        long.end();
        long
    })
}

fn get(long: &Long, target: &str) -> String {
    text(&ask(&mut Edge::new(false), &long.store, target, long.now).0)
}

/// The URL of a track's playlist in a multivariant playlist.
fn playlist_of<'a>(multivariant: &'a str, track: &str) -> &'a str {
    let mut quoted = multivariant.split(['"', '\n']);
    quoted.find(|text| text.starts_with(&format!("g/{track}/"))).expect("it is listed")
}

#[test]
fn a_day_that_has_ended_is_a_recording_at_the_same_url() {
    let settings = Settings { window_ms: 60_000, ..Settings::default() };
    let mut long =
        Long::new(&Plan { seconds: 24 * HOUR_S + 333, settings, start_s: 12 * HOUR_S, has_sound: false });
    let live = get(&long, PLAYLIST);
    long.end();
    let multivariant = get(&long, "/show/index.m3u8");
    let url = format!("/show/{}", playlist_of(&multivariant, "video"));
    let (recording, cold, warm) = cold_and_warm(&long, &url);
    assert_eq!(violations(&recording), [] as [String; 0]);
    let read = Media::parse(&recording).unwrap();
    assert_eq!((read.playlist_type.as_deref(), read.ended, read.media_sequence), (Some("VOD"), true, 1));
    let length_s = read.segments.iter().filter_map(|segment| segment.duration).sum::<u64>() / 100_000;
    assert_eq!(length_s, 24 * HOUR_S + 333);
    assert!(cold.gets <= 10 + 7 + 8 + 3 && warm.gets == 0, "{cold:?} {warm:?}");
    // What was live has its end, and neither a type nor a number that goes back.
    let after = get(&long, PLAYLIST);
    assert_eq!(violations(&after), [] as [String; 0]);
    let (before, after) = (Media::parse(&live).unwrap(), Media::parse(&after).unwrap());
    assert!(after.ended && after.playlist_type.is_none() && after.media_sequence >= before.media_sequence);
    // The manifest is static, and has as much.
    let (manifest, ..) = cold_and_warm(&long, "/show/sequence.mpd");
    let read = Mpd::parse(&manifest, "/show/sequence.mpd").unwrap();
    assert_eq!(mpd::check(&read), [] as [String; 0]);
    assert!(!read.dynamic && read.duration.is_some_and(|length| length.floor_ms() / 1000 == length_s.into()));
    println!("a recording of a day: {} bytes, {cold:?}; its manifest: {}", recording.len(), manifest.len());
}

#[test]
fn what_a_range_lists_is_part_of_the_whole_in_hls_and_in_dash() {
    let multivariant = get(ended(), "/show/index.m3u8");
    let mut url_of_range = std::collections::BTreeSet::new();
    for track in ["video", "audio"] {
        let whole = get(ended(), &format!("/show/{}", playlist_of(&multivariant, track)));
        let whole = Media::parse(&whole).unwrap();
        let begins_ms = whole.segments[0].date_ms.unwrap();
        for (from_ms, length_ms) in
            [(0, 2000), (1, 1), (61_234, 300_000), (900_000, 7_777), (1_799_000, 99_000)]
        {
            let (start, end) = (begins_ms + from_ms, begins_ms + from_ms + length_ms);
            let query = format!("start={}&end={}", iso(start), iso(end));
            let of_range = get(ended(), &format!("/show/index.m3u8?{query}"));
            let url = playlist_of(&of_range, track);
            url_of_range.insert(url.rsplit('/').next().unwrap().to_owned());
            let listed = get(ended(), &format!("/show/{url}"));
            assert_eq!(violations(&listed), [] as [String; 0]);
            let listed = Media::parse(&listed).unwrap();
            assert!(listed.ended && listed.playlist_type.as_deref() == Some("VOD"));
            for segment in &listed.segments {
                let other = whole.segment(segment.msn).unwrap();
                assert_eq!((&segment.uri, segment.date_ms), (&other.uri, other.date_ms));
            }
            // All that lies in it, and nothing else but what the grid adds.
            let lies_in = whole.segments.iter().filter(|segment| {
                let (date, length) = (segment.date_ms.unwrap(), segment.duration.unwrap() as i64 / 100);
                date < end && date + length > start
            });
            let numbers: Vec<u64> = listed.segments.iter().map(|segment| segment.msn).collect();
            assert!(lies_in.clone().all(|segment| numbers.contains(&segment.msn)), "{query}: {numbers:?}");
            assert!(numbers.len() <= lies_in.count() + 4, "{query}: {numbers:?}");
            let manifest = get(ended(), &format!("/show/sequence.mpd?{query}"));
            let read = Mpd::parse(&manifest, "/show/sequence.mpd").unwrap();
            assert_eq!(mpd::check(&read), [] as [String; 0], "{manifest}");
            let told = read.segments(track, mpd::Seconds::ms(ended().now.0)).unwrap();
            assert_eq!(told.iter().map(|of| of.number).collect::<Vec<_>>(), numbers, "{query} {track}");
        }
    }
    assert_eq!(url_of_range.len(), 4, "tracks agree on what a range is called: {url_of_range:?}");
}

#[test]
fn about_the_same_moment_is_the_same_url() {
    let ask_ago = |seconds: u32| get(ended(), &format!("/show/index.m3u8?start={seconds}"));
    assert_eq!(ask_ago(599), ask_ago(600));
    assert_ne!(ask_ago(604), ask_ago(600));
    let now = iso(ended().now.0 - 600_000);
    assert_eq!(get(ended(), &format!("/show/index.m3u8?start={now}")), ask_ago(600));
}

fn iso(ms: i64) -> String {
    packager_core::dash::iso_date(packager_core::time::WallMs(ms))
}

/// Many starts are asked for of one edge: what it answers does not depend on what it has read before.
#[test]
fn ranges_are_the_same_for_every_edge() {
    let mut warm = Edge::new(false);
    for ago in [30, 1700, 60, 1200, 300, 1799, 2, 900] {
        let multivariant = get(ended(), &format!("/show/index.m3u8?start={ago}"));
        for track in ["video", "audio"] {
            let url = format!("/show/{}", playlist_of(&multivariant, track));
            let (again, _) = ask(&mut warm, &ended().store, &url, ended().now);
            assert_eq!(text(&again), get(ended(), &url), "{url}");
        }
    }
}

/// A log without checkpoints, pages and listings is read by its chain.
#[test]
fn a_recording_is_read_without_any_index() {
    let mut bare = ended().store.clone();
    assert!(bare.expire(|key| key.contains("/index/")) > 30);
    let multivariant = get(ended(), "/show/index.m3u8");
    let url = format!("/show/{}", playlist_of(&multivariant, "video"));
    let (response, reads) = ask(&mut Edge::new(false), &bare, &url, ended().now);
    assert_eq!(text(&response), get(ended(), &url));
    assert!(reads.heads > 3_600, "{reads:?}");
}

/// What was written before is copied where it has not changed: an edge that has followed says what a new one says.
#[test]
fn a_playlist_that_grows_is_written_as_a_new_one() {
    for window_ms in [Shape::WHOLE_WINDOW_MS, 300_000] {
        let settings = Settings { window_ms, ..Settings::default() };
        let mut long = Long::new(&Plan { seconds: 700, settings, start_s: 3, has_sound: false });
        let mut warm = Edge::new(false);
        for step in 0..90 {
            for target in [PLAYLIST, "/show/g/video/frames.m3u8", "/show/g/video/from-1800000100000.m3u8"] {
                let (response, _) = ask(&mut warm, &long.store, target, long.now);
                assert_eq!(text(&response), get(&long, target), "{target}, step {step}");
            }
            long.go_on(3);
        }
    }
}

/// Whoever takes a broadcast up goes on with its listings, also with those that another has begun.
#[test]
fn listings_are_written_by_one_ingest_after_another() {
    let settings = Settings { window_ms: Shape::WHOLE_WINDOW_MS, ..Settings::default() };
    let mut long = Long::new(&Plan { seconds: 2471, settings, start_s: 3, has_sound: true });
    for seconds in [1, 130, 1733, 64, 2900, 999, 1444] {
        long.restart_ingest();
        long.go_on(seconds);
    }
    for track in ["video", "audio"] {
        let is_there = |name: &str| long.store.get(&format!("show/g/{track}/index/{name}.json")).is_some();
        assert!(is_there("00000000-4096"), "{track}");
        assert!((0..9).all(|number| is_there(&format!("{number:08}-512"))), "{track}");
        assert!((0..74).all(|number| is_there(&format!("{number:08}"))), "{track}");
    }
    // What is read of them is what the chain says.
    let mut bare = long.store.clone();
    bare.expire(|key| key.contains("/index/"));
    for target in [PLAYLIST, "/show/g/audio/index.m3u8", "/show/g/video/frames.m3u8", "/show/sequence.mpd"] {
        let (by_chain, reads) = ask(&mut Edge::new(false), &bare, target, long.now);
        assert_eq!(text(&by_chain), get(&long, target), "{target}");
        assert!(reads.heads > 9_000);
    }
}
