//! dash.js and shaka-player in headless Chromium, on real ffmpeg pushes into the real program. Run by `cargo xtask test`,
//! which installs ffmpeg and Chromium.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use rimcast_tests::live::{
    Encoder, Host as _, Push, Server, Watched, Way, end, get, wait_for, watch, watch_in_background,
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
