//! All of AWS that can be had here, from an encoder to a player: RTMP, `rimcast push`, Lambda as cargo-lambda plays it, a
//! real S3 server, the handler of Lambda@Edge, and Varnish in CloudFront's place; and the Worker, where that reads the same
//! bucket. Run by `cargo xtask test`.

use std::time::Duration;

use rimcast_tests::live::{
    Host as _, Lambda, Network, Pusher, RtmpEncoder, SeaweedFs, Varnish, Worker, Wrangler, free_port,
    function, get, media_playlists, wait_for, watch, watch_in_background,
};

const KEY: &str = "sesame-of-the-test";

#[test]
#[ignore = "needs SeaweedFS, cargo-lambda, Varnish, ffmpeg and Chromium: cargo xtask test"]
fn what_comes_by_rtmp_is_watched_through_lambda_s3_and_lambda_at_edge() {
    let bucket = SeaweedFs::start();
    let mut environment = bucket.environment();
    environment.push(("RIMCAST_PUSH_KEY", KEY.to_owned()));
    let ingest = Lambda::start(function("ingest"), &environment, 4);
    // One answers one request at a time.
    let segments = Lambda::start(function("segments"), &bucket.environment(), 4);
    let edge = Worker::cloudfront(&bucket, Some(&segments));
    let cloudfront = Varnish::before(edge.port());
    let rtmp = free_port();
    let network = Network::to(ingest.port());
    let to = network.through(&ingest.url("/ingest/show"));
    let input = format!("rtmp://0.0.0.0:{rtmp}/live");
    let pusher = Pusher::start(&["--to", &to, "--key", KEY, "--input", &input]);
    let mut encoder = RtmpEncoder::start(rtmp);
    wait_for("the broadcast can be watched", Duration::from_secs(60), || {
        // It gives up at once where nobody listens yet.
        if encoder.has_ended() {
            encoder = RtmpEncoder::start(rtmp);
        }
        get(&cloudfront.url("/show/index.m3u8")).ok().filter(|answer| answer.status == 200)
    });
    pusher.until("a few segments are there", |progress| progress.parts >= 40);
    let watched = watch(&cloudfront.url("/show/"), 60, &[]);
    println!("{:?} s behind live; {:?}", watched.latency_median_s, pusher.progress());
    assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
    assert!(watched.failed_requests.is_empty(), "{watched:?}");
    assert!(watched.latency_median_s.is_some_and(|latency| latency < 4.0), "{watched:?}");
    // What only the second origin has: a segment, joined from its parts.
    let text = get(&cloudfront.url("/show/index.m3u8")).expect("it answers").text();
    let playlist =
        text.lines().find(|line| line.ends_with("index.m3u8") && !line.starts_with('#')).expect("a variant");
    let text = get(&cloudfront.url(&format!("/show/{playlist}"))).expect("it answers").text();
    let segment =
        text.lines().find(|line| line.ends_with(".m4s") && !line.starts_with('#')).expect("a segment");
    let folder = playlist.strip_suffix("index.m3u8").expect("it ends so");
    let segment = get(&cloudfront.url(&format!("/show/{folder}{segment}"))).expect("it answers");
    assert_eq!(segment.status, 200);
    assert_eq!(segment.headers.get("content-type").map(String::as_str), Some("video/mp4"));
    assert!(segment.body.len() > 50_000 && segment.body[4..8] == *b"moof", "{} bytes", segment.body.len());

    let through = watch_in_background(&cloudfront.url("/show/"), 30, &[]);
    let before = pusher.progress();
    pusher.until("the viewer is watching", |progress| progress.parts >= before.parts + 10);
    network.cut();
    pusher.until("it says so", |progress| progress.away.as_ref().is_some_and(|(seconds, _)| *seconds >= 9));
    assert!(pusher.progress().backlog_bytes > 0);
    network.mend();
    pusher.until("all is sent", |progress| progress.away.is_none() && progress.backlog_bytes < 100_000);
    let through = through.report();
    println!("through the cut: {} frames, {} stalls", through.decoded_frames, through.stalls);
    // Ten of its thirty seconds were silent, and some pass until it plays.
    assert!(through.decoded_frames > 360, "{through:?}");
    for playlist in media_playlists(&cloudfront.url("/show/")) {
        let is_whole = !playlist.contains("#EXT-X-GAP") && !playlist.contains("#EXT-X-DISCONTINUITY\n");
        assert!(is_whole && playlist.contains("#EXTINF"), "{playlist}");
    }

    for player in ["dash", "shaka"] {
        let watched = watch(&cloudfront.url("/show/"), 10, &["--player", player]);
        println!("{player}: {:?} s behind live", watched.latency_median_s);
        assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
        assert!(watched.latency_median_s.is_some_and(|latency| latency < 4.0), "{watched:?}");
    }

    let data = tempfile::tempdir().expect("there is room for a folder");
    let worker = Wrangler::dev_with(data.path(), &bucket.worker_variables());
    let watched = watch(&worker.url("/show/"), 15, &[]);
    println!("{:?} s behind live from the Worker", watched.latency_median_s);
    assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
    assert!(watched.latency_median_s.is_some_and(|latency| latency < 4.0), "{watched:?}");
}
