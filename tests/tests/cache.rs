//! A cache before the Worker, as Cloudflare's is: Varnish joins those who wait and keeps what may be kept. Run by
//! `cargo xtask test`, which installs it and builds the Worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rimcast_tests::live::{Feed, Probe, Varnish, Workerd, get, segment_url, wait_for};
use rimcast_tests::media::{Source, Synthetic};
use serde_json::json;

/// Half seconds of 300 kbit/s.
fn source(seconds: u32) -> Source {
    Source::synthetic(&Synthetic { frame_bytes: 1_100, seconds, ..Synthetic::default() })
}

/// The folder of the broadcast's only track, once it can be watched: `/show/{generation}/{track}`.
fn track(cached: &Varnish) -> String {
    let multivariant = wait_for("the broadcast can be watched", Duration::from_secs(30), || {
        let answer = get(&cached.url("/show/index.m3u8")).ok()?;
        (answer.status == 200).then(|| answer.text())
    });
    let uri = multivariant.lines().find_map(|line| line.strip_suffix("/index.m3u8"));
    format!("/show/{}", uri.expect("there is a variant"))
}

#[test]
#[ignore = "needs the Worker and Varnish: cargo xtask test"]
fn a_crowd_costs_one_invocation_a_url() {
    let probe = Probe::built();
    let worker = Workerd::start(&json!({ "count": true }));
    let cached = Varnish::before(worker.port());
    let mut feed = Feed::open(worker.port(), "/ingest/show/video.cmfv", source(120));
    let is_over = Arc::new(AtomicBool::new(false));
    let encoder = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            let begun = Instant::now();
            for chunk in 0..feed.source.chunks.len() {
                let due = Duration::from_millis(500) * u32::try_from(chunk + 1).unwrap();
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                feed.send(chunk..chunk + 1);
            }
        }
    });
    track(&cached);
    let probed = probe.watch(&cached.url("/show/index.m3u8"), 500, 30);
    is_over.store(true, Ordering::Relaxed);
    encoder.join().expect("the encoder pushes to the end");
    println!("500 viewers: {probed:?}");
    assert!(probed.is_good, "{probed:?}");
    let (mut blocking, mut media) = (0, 0);
    for (url, count) in worker.counts() {
        let is_blocking = url.contains("_HLS_msn=");
        if url.starts_with("/ingest/") || !(is_blocking || url.contains("m4s") || url.contains("mp4")) {
            continue;
        }
        // Nothing failed, so nothing may be asked for twice.
        assert_eq!(count.asked, 1, "{url}: {count:?}");
        *(if is_blocking { &mut blocking } else { &mut media }) += 1;
    }
    // Two playlists and two parts a second for everyone.
    assert!(blocking > 45 && media > 45, "{blocking} playlists and {media} parts were published");
    assert!(probed.playlists.ok > 500 * 45 && probed.media.ok > 500 * 45, "{probed:?}");
}

#[test]
#[ignore = "needs the Worker and Varnish: cargo xtask test"]
fn what_grows_is_kept_whole_or_not_at_all() {
    let worker = Workerd::start(&json!({ "count": true }));
    let cached = Varnish::before(worker.port());
    let path = "/ingest/show/video.cmfv";
    // Segments of four parts.
    let mut feed = Feed::open(worker.port(), path, source(30));
    feed.send(0..10);
    let track = track(&cached);
    let asked = |url: &str| worker.counts().get(url).map_or(0, |count| count.asked);
    let reach = |parts: &str| {
        let url = worker.url(&format!("{track}/index.m3u8?{parts}"));
        assert_eq!(get(&url).expect("an answer").status, 200, "{url}");
    };

    // Segment 3 has two parts when two viewers ask for it, and is closed while they get it.
    let segment = |msn| {
        let url = segment_url(&cached.url(&format!("{track}/index.m3u8")), msn);
        url.replacen(&cached.url(""), "", 1)
    };
    let growing = segment(3);
    let viewers: Vec<_> = (0..2)
        .map(|_| {
            let url = cached.url(&growing);
            std::thread::spawn(move || get(&url))
        })
        .collect();
    wait_for("the viewers are there", Duration::from_secs(10), || (asked(&growing) == 1).then_some(()));
    feed.send(10..14);
    reach("_HLS_msn=4&_HLS_part=1");
    let joined = joined(&cached, &track, 3);
    for viewer in viewers {
        let answer = viewer.join().unwrap().expect("it comes to its end");
        assert!(answer.status == 200 && answer.body == joined, "{} bytes", answer.body.len());
    }
    assert_eq!(get(&cached.url(&growing)).expect("an answer").body, joined);
    assert_eq!(asked(&growing), 1, "it was kept");

    // Segment 4 has two parts when the encoder dies.
    let broken = segment(4);
    let source = feed.source.clone();
    drop(feed);
    let viewers: Vec<_> = (0..2)
        .map(|_| {
            let url = cached.url(&broken);
            std::thread::spawn(move || get(&url))
        })
        .collect();
    for viewer in viewers {
        let answer = viewer.join().unwrap();
        assert!(answer.is_err(), "it is broken off, not ended: {:?}", answer.map(|answer| answer.body.len()));
    }
    assert_eq!(asked(&broken), 1);
    // It comes back, and goes on where it was.
    let mut feed = Feed::open(worker.port(), path, source);
    feed.send(14..18);
    reach("_HLS_msn=5&_HLS_part=1");
    let whole = get(&cached.url(&broken)).expect("an answer");
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_eq!(asked(&broken), 2, "what was broken off was not kept");
    assert!(whole.body == self::joined(&cached, &track, 4), "{} bytes", whole.body.len());
    assert_eq!(get(&cached.url(&broken)).expect("an answer").body, whole.body);
    assert_eq!(asked(&broken), 2, "what is whole was");
    assert_eq!(feed.finish(), 200);
}

/// A segment's parts, one after the other, as the playlist lists them.
fn joined(cached: &Varnish, track: &str, msn: u64) -> Vec<u8> {
    let text = get(&cached.url(&format!("{track}/index.m3u8?_HLS_msn={msn}"))).expect("an answer").text();
    let media = rimcast_tests::rules::playlist::Media::parse(&text).expect("a playlist");
    let segment = media.segment(msn).expect("it is listed");
    assert_eq!(segment.parts.len(), 4, "{text}");
    let parts = segment.parts.iter().map(|part| {
        let answer = get(&cached.url(&format!("{track}/{}", part.uri))).expect("an answer");
        assert_eq!(answer.status, 200);
        answer.body
    });
    parts.collect::<Vec<_>>().concat()
}
