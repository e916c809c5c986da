//! Real encoders, in every way they push and every codec they have. Run by `cargo xtask test`.

use std::process::Command;
use std::time::Duration;

use rimcast_tests::encoders::{CASES, Case, Proof, document};
use rimcast_tests::live::{Encoder, Host as _, Server, get, root, strict, wait_for, watch};

/// What hls-parser rejects although it is legal (see `end_to_end.rs`).
const LEGAL: &[&str] = &["EXT-X-GAP", "at least 85% of PART-TARGET"];

#[test]
fn the_documents_say_what_is_tried() {
    let path = root().join("docs/ENCODERS.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, document()).expect("it can be written");
    }
    let written = std::fs::read_to_string(&path).expect("docs/ENCODERS.md is there");
    assert_eq!(written, document(), "write it anew with UPDATE_DOCS=1");
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn every_encoder_does_what_the_documents_say() {
    let only = std::env::var("ENCODER_CASE").ok().and_then(|number| number.parse::<usize>().ok());
    for (number, case) in CASES.iter().enumerate() {
        if only.is_none_or(|only| only == number) {
            println!("{number}: {} {:?} {}", case.ffmpeg.name(), case.push.way, case.codecs);
            tried(case);
        }
    }
}

fn tried(case: &Case) {
    let data = tempfile::tempdir().expect("there is room for a folder");
    let server = Server::serve(data.path(), &[]);
    let _encoder = Encoder::start(case.ffmpeg.command(), &server, "show", &case.push);
    let url = server.url("/show/index.m3u8");
    let multivariant = wait_for("the broadcast can be watched", Duration::from_secs(40), || {
        get(&url).ok().filter(|answer| answer.status == 200).map(|answer| answer.text())
    });
    for codec in case.codecs.split(',') {
        assert!(multivariant.contains(codec), "no {codec}:\n{multivariant}");
    }
    if case.proof == Proof::Plays {
        let watched = watch(&server.url("/show/"), 10, &[]);
        println!("   {:?} s behind live, {} stalls", watched.latency_median_s, watched.stalls);
        assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
    }
    strict(&url, LEGAL);
    for stream in ["v:0", "a:0"] {
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-select_streams", stream, "-read_intervals", "%+#30", "-count_frames"])
            .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", &url])
            .output()
            .expect("ffprobe is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        let frames = String::from_utf8_lossy(&output.stdout);
        let most = frames.lines().filter_map(|line| line.trim_matches(',').parse::<u32>().ok()).max();
        assert!(output.status.success() && most >= Some(10), "{stream}: {frames} {said}");
    }
}
