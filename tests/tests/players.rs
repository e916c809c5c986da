//! The page and its players in headless Chromium, and WebKitGTK's own HLS, on real ffmpeg pushes into the real program. Run
//! by `cargo xtask test`, which installs ffmpeg, Chromium and WebKitGTK.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use packager_core::time::{Date, WallMs};
use rimcast_tests::live::{
    Encoder, Host as _, Operating, Push, Server, Subtitles, Watched, Way, end, get, read_page, wait_for,
    watch, watch_in_background, watch_in_webkit,
};

const PLAYERS: [&str; 2] = ["dash", "shaka"];

/// One rendition of a picture, and a tone.
const PUSH: Push = Push {
    way: Way::Dash,
    video: "-c:v libx264 -preset ultrafast -tune zerolatency -b:v 300k -sc_threshold 0",
    audio: "-c:a aac -b:a 64k",
};

/// The media playlists of what [`PUSH`] sends, by the number of its stream.
fn streams(server: &Server, broadcast: &str) -> BTreeMap<usize, String> {
    let generation = wait_for("the broadcast can be watched", Duration::from_secs(30), || {
        let answer = get(&server.url(&format!("/{broadcast}/index.m3u8"))).ok()?.text();
        let playlist = answer.lines().find(|line| line.ends_with("/index.m3u8"))?;
        playlist.split('/').next().map(str::to_owned)
    });
    let tracks = ["video-0", "audio-1"].into_iter().enumerate();
    let url = |track| server.url(&format!("/{broadcast}/{generation}/{track}/index.m3u8"));
    tracks.map(|(stream, track)| (stream, url(track))).collect()
}

/// A picture, and a tone in each of two languages.
const LANGUAGES: &str = "-re -f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 \
    -f lavfi -i sine=frequency=880:sample_rate=48000 -map 0:v -map 1:a -map 2:a -metadata:s:a:0 language=eng \
    -metadata:s:a:1 language=deu -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g 60 -b:v 300k \
    -c:a aac -f dash -ldash 1 -streaming 1 -seg_duration 2 -frag_type duration -frag_duration 0.5 -use_template 1 \
    -use_timeline 0 -adaptation_sets id=0,streams=0|id=1,streams=1|id=2,streams=2 -method PUT -http_persistent 1";

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn languages_and_subtitles_can_be_chosen_in_dash() {
    let data = tempfile::tempdir().expect("there is room for a folder");
    let server = Server::serve(data.path(), &[]);
    let _encoder = Encoder::run(LANGUAGES, &server.url("/ingest/show/manifest.mpd"));
    let begins = Instant::now();
    let _texts = ["stpp", "wvtt"].map(|codec| Subtitles::push(&server, "show", codec, begins));
    streams(&server, "show");
    let page = server.url("/show/");
    let of_player =
        [("dash", "1", "stpp"), ("dash", "2", "wvtt"), ("shaka", "1", "stpp"), ("shaka", "2", "wvtt")];
    let mut wrong = Vec::new();
    for (player, index, codec) in of_player {
        let args = ["--player", player, "--subtitles", index, "--choose-sound", "1", "--warmup", "1"];
        let watched = watch(&page, 7, &args);
        println!("{player}: {:?}, {:?}", watched.cues, watched.sound);
        let is_chosen = watched.cues.len() >= 2 && watched.cues.iter().all(|cue| cue.starts_with(codec));
        let is_heard = watched
            .sound
            .as_ref()
            .is_some_and(|sound| sound.chosen == 1 && sound.loudest_hz.abs_diff(880) < 20);
        // Playback stands still while another sound is loaded.
        let is_good = watched.errors.is_empty() && watched.failed_requests.is_empty();
        if !(is_good && is_chosen && is_heard) {
            wrong.push(format!("{codec} in {player}: {watched:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn sound_alone_and_pictures_alone_play_in_dash() {
    let data = tempfile::tempdir().expect("there is room for a folder");
    let server = Server::serve(data.path(), &[]);
    let push = |name: &str, options: &str| {
        let options = format!(
            "-re {options} -f dash -ldash 1 -streaming 1 -seg_duration 2 -frag_type duration \
             -frag_duration 0.5 -use_template 1 -use_timeline 0 -method PUT -http_persistent 1"
        );
        Encoder::run(&options, &server.url(&format!("/ingest/{name}/manifest.mpd")))
    };
    let _encoders = [
        push("sound", "-f lavfi -i sine=frequency=440:sample_rate=48000 -c:a aac"),
        push(
            "pictures",
            "-f lavfi -i testsrc2=size=320x180:rate=30 -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g 60 -b:v 300k",
        ),
    ];
    for name in ["sound", "pictures"] {
        wait_for("it can be watched", Duration::from_secs(30), || {
            get(&server.url(&format!("/{name}/manifest.mpd")))
                .ok()
                .filter(|answer| answer.status == 200)
                .map(|_| ())
        });
        for player in PLAYERS {
            let mut args = vec!["--player", player, "--warmup", "2"];
            if name == "sound" {
                args.push("--sound");
            }
            let watched = watch(&server.url(&format!("/{name}/")), 8, &args);
            assert!(good(&watched), "{name} in {player}: {watched:?}");
        }
    }
}

fn good(watched: &Watched) -> bool {
    watched.ok && watched.stalls == 0 && watched.errors.is_empty() && watched.failed_requests.is_empty()
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn dash_plays_close_to_live_through_a_restart_and_to_the_end() {
    let data = tempfile::tempdir().expect("there is room for a folder");
    let server = Server::serve(data.path(), &[]);
    let push = || Encoder::start(Command::new("ffmpeg"), &server, "show", &PUSH);
    let encoder = push();
    streams(&server, "show");
    let page = server.url("/show/");
    for player in PLAYERS {
        let watched = watch(&page, 20, &["--player", player]);
        println!("{player}: {:?} s behind live", watched.latency_median_s);
        assert!(good(&watched), "{player}: {watched:?}");
        assert!(watched.latency_median_s < Some(3.0), "{player}: {watched:?}");
    }
    let watching = PLAYERS.map(|player| {
        let args = ["--player", player, "--through-outage", "--to-the-end"];
        watch_in_background(&page, 50, &args)
    });
    std::thread::sleep(Duration::from_secs(12));
    encoder.kill();
    std::thread::sleep(Duration::from_secs(3));
    let encoder = push();
    std::thread::sleep(Duration::from_secs(20));
    encoder.kill();
    end(&server, "show", &streams(&server, "show"));
    for (player, watching) in PLAYERS.iter().zip(watching) {
        let watched = watching.report();
        assert!(watched.ok, "{player}: {watched:?}");
        // dash.js 5.2 now and then appends the next Period's pictures where its sound belongs, when it leaps over what is
        // missing between the two; the page loads the stream anew.
        let has_mixed_up = |error: &serde_json::Value| {
            error["details"].as_str().is_some_and(|why| why.contains("unexpected video track"))
        };
        let errors: Vec<_> = watched.errors.iter().filter(|error| !has_mixed_up(error)).collect();
        assert!(errors.is_empty(), "{player}: {watched:?}");
        assert!(watched.discontinuities >= 1 || !watched.errors.is_empty(), "{player}: {watched:?}");
        assert!(watched.failed_requests.is_empty(), "{player}: {watched:?}");
    }
}

#[test]
#[ignore = "needs ffmpeg and WebKitGTK: cargo xtask test"]
fn native_hls_plays_in_webkit() {
    let data = tempfile::tempdir().expect("there is room for a folder");
    let server = Server::serve(data.path(), &[]);
    let encoder = Encoder::start(Command::new("ffmpeg"), &server, "show", &PUSH);
    let streams = streams(&server, "show");
    let page = server.url("/show/");
    let live = watch_in_webkit(&page, 10, &["--warmup", "3"]);
    println!("live: {:?} s behind", live.latency_median_s);
    assert!(good(&live), "{live:?}");
    // It reads no parts, and joins up to three segments back, if there are as many yet.
    assert!(live.latency_median_s.is_some_and(|latency| (2.0..12.0).contains(&latency)), "{live:?}");
    encoder.kill();
    end(&server, "show", &streams);
    let recording = watch_in_webkit(&page, 6, &["--warmup", "1"]);
    assert!(good(&recording), "{recording:?}");
}

/// From now, in milliseconds since the epoch.
fn now_plus_ms(ms: i64) -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is set");
    i64::try_from(since.as_millis()).expect("it is not that late") + ms
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn the_page_says_what_is_to_come_and_when_in_the_viewers_own_zone_and_language() {
    let data = tempfile::tempdir().expect("there is room for a folder");
    let server = Server::serve(data.path(), &[]);
    let api = Operating::new(&server);
    // What is left of the last minute is for browsers to start in.
    let start_ms = now_plus_ms((3600 + 2 * 60 + 50) * 1000);
    let start = Date(WallMs(start_ms));
    let body = format!(r#"{{"name":"cup","title":"Cup & <final>","start":"{start}"}}"#);
    api.told("POST", "/api/broadcasts", &body, 201);
    let page = server.url("/cup/");
    for (zone, ahead_min, locale, days) in [
        (
            "Asia/Kolkata",
            330,
            "en-GB",
            ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"],
        ),
        (
            "Asia/Tokyo",
            540,
            "de-DE",
            ["Donnerstag", "Freitag", "Samstag", "Sonntag", "Montag", "Dienstag", "Mittwoch"],
        ),
    ] {
        let said = read_page(&page, "Starts in", zone, locale);
        println!("{said:?}");
        assert_eq!((said.message.as_str(), said.badge.as_str()), ("Starts in 1 h 02 min", "Not started"));
        assert_eq!(
            (said.title.as_str(), said.heading.as_str()),
            ("Cup & <final> · Rimcast", "Cup & <final>")
        );
        let minutes = start_ms / 60_000 + ahead_min;
        let clock = format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60);
        // The epoch began on a Thursday.
        let day = days[usize::try_from(minutes / 1440 % 7).expect("it is a day of a week")];
        assert!(said.text.starts_with(day) && said.text.contains(&clock), "{day} {clock}: {said:?}");
    }
    api.told("POST", "/api/broadcasts", r#"{"name":"some-day","title":"Some day"}"#, 201);
    let said = read_page(&server.url("/some-day/"), "The broadcast has not started yet", "UTC", "en-GB");
    assert!(said.found && said.heading == "Some day" && said.badge == "Not started", "{said:?}");
    let said = read_page(&server.url("/nobody/"), "The broadcast has not started yet", "UTC", "en-GB");
    assert!(said.found && said.heading == "nobody", "{said:?}");
    api.told("POST", "/api/broadcasts/cup/end", "{}", 200);
    let said = read_page(&page, "This broadcast has ended", "UTC", "en-GB");
    assert!(said.found && said.heading == "Cup & <final>" && said.badge == "Ended", "{said:?}");
}
