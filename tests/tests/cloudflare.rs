//! Real ffmpeg pushes to `wrangler dev`, real players watch. Run by `cargo xtask test`.

use std::time::Duration;

use rimcast_tests::encoders::{CASES, Ffmpeg, try_all};
use rimcast_tests::live::{
    Encoder, Host, Ladder, Pusher, RtmpEncoder, Server, Wrangler, decodes, free_port, get, wait_for, watch,
};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

/// ffmpeg pushes, hls.js watches; how far behind live it was.
///
/// A viewer who comes while there is next to nothing yet may stall before the first second is over, and the
/// page is a second further behind live from then on. That says nothing of the host, so such a run does not
/// count.
fn played(host: &impl Host, seconds: u32) -> f64 {
    let _encoder = Encoder::push(host, "show", &Ladder::default());
    let base = host.url("/show/");
    wait_for("there is a window to start in", Duration::from_secs(60), || {
        let all = get(&format!("{base}index.m3u8")).ok().filter(|answer| answer.status == 200)?.text();
        let first = all.lines().find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let listed = get(&format!("{base}{first}")).ok()?.text();
        (listed.matches("#EXTINF").count() >= SEGMENTS).then_some(())
    });
    for _ in 0..ATTEMPTS {
        let watched = watch(&base, seconds, &[]);
        assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
        if watched.stalls_before == 0 {
            return watched.latency_median_s.expect("it played");
        }
    }
    panic!("playback stalled at its start, {ATTEMPTS} times");
}

/// What a viewer finds who comes to a broadcast that has begun.
const SEGMENTS: usize = 5;

const ATTEMPTS: u32 = 3;

#[test]
#[ignore = "needs ffmpeg, Chromium and wrangler: cargo xtask test"]
fn a_push_to_the_worker_plays_as_close_to_live_as_from_serve() {
    let data = folder();
    let from_worker = played(&Wrangler::dev(data.path()), 60);
    let data = folder();
    let from_serve = played(&Server::serve(data.path(), &[]), 30);
    println!("{from_worker} s behind live from the Worker, {from_serve} s from serve");
    assert!(from_worker < from_serve + 0.3, "{from_worker} s behind live, {from_serve} s from serve");
}

#[test]
#[ignore = "needs ffmpeg and wrangler: cargo xtask test"]
fn every_way_of_pushing_works() {
    let data = folder();
    let wrangler = Wrangler::dev(data.path());
    let cases = CASES.into_iter().enumerate().filter(|(_, case)| case.ffmpeg == Ffmpeg::V5);
    try_all(&cases.collect::<Vec<_>>(), |number, case| {
        let broadcast = format!("way-{number}");
        let _encoder = Encoder::start(case.ffmpeg.command(), &wrangler, &broadcast, &case.push);
        let url = wrangler.url(&format!("/{broadcast}/index.m3u8"));
        wait_for("the broadcast can be watched", Duration::from_secs(40), || {
            get(&url).ok().filter(|answer| answer.status == 200)
        });
        decodes(&url, 10);
    });
}

#[test]
#[ignore = "needs ffmpeg, Chromium and wrangler: cargo xtask test"]
fn what_comes_by_rtmp_is_pushed_to_the_worker_and_plays() {
    let data = folder();
    let key = "sesame-of-the-test";
    let wrangler = Wrangler::dev_with(data.path(), &[("PUSH_KEY", key.to_owned())]);
    let rtmp = free_port();
    let input = format!("rtmp://0.0.0.0:{rtmp}/live");
    let to = wrangler.url("/ingest/show");
    let pusher = Pusher::start(&["--to", &to, "--key", key, "--input", &input]);
    let mut encoder = RtmpEncoder::start(rtmp);
    wait_for("parts are stored", Duration::from_secs(60), || {
        // It gives up at once where nobody listens yet.
        if encoder.has_ended() {
            encoder = RtmpEncoder::start(rtmp);
        }
        (pusher.progress().parts >= 40).then_some(())
    });
    let watched = watch(&wrangler.url("/show/"), 20, &[]);
    println!("{:?} s behind live", watched.latency_median_s);
    assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
    assert!(watched.latency_median_s.is_some_and(|latency| latency < 3.0), "{watched:?}");
}
