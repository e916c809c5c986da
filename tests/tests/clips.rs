//! A clip of a real broadcast, made on the command line while it is live, in real players. Run by `cargo xtask test`, which
//! installs ffmpeg and Chromium.

use std::process::Command;
use std::time::Duration;

use rimcast_tests::live::{
    Encoder, Host as _, Ladder, Server, decodes, get, program, strict, wait_for, watch,
};

/// What hls-parser rejects although it is legal: an independent part may be short (HLS §4.4.4.9).
const LEGAL: &[&str] = &["at least 85% of PART-TARGET"];

const LIMIT: Duration = Duration::from_secs(60);

/// From when to when the clip is, in seconds of the recording.
const RANGE: (u32, u32) = (4, 12);

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn a_clip_plays_from_its_beginning_to_its_end() {
    let data = tempfile::tempdir().expect("there is room for a folder");
    let server = Server::serve(data.path(), &[]);
    let encoder = Encoder::push(&server, "show", &Ladder::default());
    let is_there = |path: &str, is_so: &dyn Fn(&str) -> bool| {
        let answer = get(&server.url(path)).ok().filter(|answer| answer.status == 200);
        answer.map(|answer| answer.text()).filter(|text| is_so(text))
    };
    let all_there = |text: &str| text.lines().filter(|line| line.ends_with("/index.m3u8")).count() == 2;
    wait_for("all of it is live", LIMIT, || is_there("/show/index.m3u8", &all_there));
    let (from, until) = (RANGE.0.to_string(), format!("0:{}", RANGE.1));
    // By now its beginning has come, and its end may not have.
    let made = wait_for("its beginning has come", LIMIT, || {
        let made = Command::new(program())
            .args([
                "clip", "goal", "--of", "show", "--from", &from, "--to", &until, "--title", "The goal",
                "--json",
            ])
            .arg("--data")
            .arg(data.path())
            .args(["--url", &server.url("")])
            .output()
            .expect("rimcast can be started");
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(
            made.status.success()
                || said.contains("kept from that time")
                || said.contains("lies in the future"),
            "{said}"
        );
        made.status.success().then_some(made.stdout)
    });
    let made: serde_json::Value = serde_json::from_slice(&made).expect("it prints JSON");
    let playlist = made["watch"]["hls"].as_str().expect("it is told where to watch");
    wait_for("it is complete", LIMIT, || {
        is_there("/goal/manifest.mpd", &|text| text.contains(r#"type="static""#))
    });
    let stored: Vec<_> = std::fs::read_dir(data.path().join("goal")).expect("it is stored").collect();
    assert_eq!(stored.len(), 1, "nothing but its document");

    // While its original is live, and once the encoder has gone.
    strict(playlist, LEGAL);
    assert_eq!(decodes(playlist, 20), "");
    let page = server.url("/goal/");
    let play = |player| (player, watch(&page, 14, &["--player", player, "--warmup", "0", "--recorded"]));
    let mut watched = vec![play("hls")];
    encoder.kill();
    watched.extend(["dash", "shaka"].map(play));
    let length_s = f64::from(RANGE.1 - RANGE.0);
    for (player, watched) in watched {
        let (first, last) = (watched.current_time_s.first, watched.current_time_s.last);
        println!("{player}: from {first:.2} s to {last:.2} s");
        assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{player}: {watched:?}");
        assert!(watched.failed_requests.is_empty(), "{player}: {watched:?}");
        // Ranges are of whole segments, which are two seconds long.
        assert!(last >= length_s && last < length_s + 4.5, "{player}: {watched:?}");
    }
}
