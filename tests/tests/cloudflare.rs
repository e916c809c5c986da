//! Real ffmpeg pushes to `wrangler dev`, real players watch. Run by `cargo xtask test`.

use std::time::Duration;

use rimcast_tests::encoders::{CASES, Ffmpeg};
use rimcast_tests::live::{Encoder, Host, Ladder, Server, Watched, Wrangler, decodes, get, wait_for, watch};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

/// ffmpeg pushes, hls.js watches.
fn played(host: &impl Host, seconds: u32) -> Watched {
    let _encoder = Encoder::push(host, "show", &Ladder::default());
    wait_for("the broadcast can be watched", Duration::from_secs(40), || {
        get(&host.url("/show/index.m3u8")).ok().filter(|answer| answer.status == 200)
    });
    let watched = watch(&host.url("/show/"), seconds, &[]);
    assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
    watched
}

#[test]
#[ignore = "needs ffmpeg, Chromium and wrangler: cargo xtask test"]
fn a_push_to_the_worker_plays_as_close_to_live_as_from_serve() {
    let data = folder();
    let from_worker = played(&Wrangler::dev(data.path()), 60).latency_median_s.expect("it played");
    let data = folder();
    let from_serve = played(&Server::serve(data.path(), &[]), 30).latency_median_s.expect("it played");
    println!("{from_worker} s behind live from the Worker, {from_serve} s from serve");
    assert!(from_worker < from_serve + 0.3, "{from_worker} s behind live, {from_serve} s from serve");
}

#[test]
#[ignore = "needs ffmpeg and wrangler: cargo xtask test"]
fn every_way_of_pushing_works() {
    let data = folder();
    let wrangler = Wrangler::dev(data.path());
    for (number, case) in CASES.iter().enumerate().filter(|(_, case)| case.ffmpeg == Ffmpeg::V5) {
        let broadcast = format!("way-{number}");
        println!("{}", case.push.way.name());
        let _encoder = Encoder::start(case.ffmpeg.command(), &wrangler, &broadcast, &case.push);
        let url = wrangler.url(&format!("/{broadcast}/index.m3u8"));
        wait_for("the broadcast can be watched", Duration::from_secs(40), || {
            get(&url).ok().filter(|answer| answer.status == 200)
        });
        decodes(&url, 10);
    }
}
