//! A cache before the Worker, as Cloudflare's is: Varnish joins those who wait and keeps what may be kept. Run by
//! `cargo xtask test`, which installs it and builds the Worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rimcast_tests::live::{
    Feed, Host as _, Probe, Received, Server, Varnish, Wire, Worker, Workerd, get, segment_url, wait_for,
};
use rimcast_tests::media::{Source, Synthetic};
use serde_json::json;

/// Half seconds of 300 kbit/s.
fn source(seconds: u32) -> Source {
    Source::synthetic(&Synthetic { frame_bytes: 1_100, seconds, ..Synthetic::default() })
}

/// The folder of the broadcast's only track, once it can be watched: `/show/{generation}/{track}`.
fn track(cached: &Varnish) -> String {
    track_at(&cached.url(""))
}

fn track_at(host: &str) -> String {
    let multivariant = wait_for("the broadcast can be watched", Duration::from_secs(30), || {
        let answer = get(&format!("{host}/show/index.m3u8")).ok()?;
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

/// Chunks, which are parts, in a segment.
const PARTS: usize = 4;

/// Segments, counted from 1, that are watched as they grow, at most: a machine may have something else to do, but not
/// for so long.
const WATCHED: std::ops::Range<usize> = 3..13;

/// A viewer who asks for each segment before it has begun.
struct Viewer {
    what: &'static str,
    host: String,
    wire: Option<Wire>,
    /// How long after its publication each part was on the wire.
    delays: Vec<Duration>,
}

impl Viewer {
    fn new(what: &'static str, host: String) -> Self {
        Self { what, host, wire: None, delays: Vec::new() }
    }

    /// Of the last two segments all parts but one were there within 50 ms.
    fn is_prompt(&self) -> bool {
        let last = self.delays.iter().rev().take(2 * PARTS);
        last.filter(|delay| **delay <= Duration::from_millis(50)).count() >= 2 * PARTS - 1
    }
}

/// Pushes in real time until all viewers had two segments in a row as they grew. `published` says when each chunk was
/// published, given when it was sent.
fn watch_it_grow(port: u16, mut viewers: Vec<Viewer>, published: impl Fn(&[SystemTime]) -> Vec<SystemTime>) {
    let mut feed = Feed::open(port, "/ingest/show/video.cmfv", source(30));
    let media: Vec<Vec<u8>> = feed.source.chunks.iter().map(|chunk| chunk.body().concat()).collect();
    // What comes before is sent at once.
    let before = PARTS * (WATCHED.start - 1) - 1;
    let start = Instant::now();
    let (mut begun, mut sent) = (Vec::new(), Vec::new());
    let mut send = |chunk: usize| {
        let due = Duration::from_millis(500) * u32::try_from(chunk.saturating_sub(before)).unwrap();
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        begun.push(SystemTime::now());
        feed.send(chunk..chunk + 1);
        sent.push(SystemTime::now());
        (*begun.last().unwrap(), sent.clone())
    };
    (0..before).for_each(|chunk| drop(send(chunk)));
    let host = viewers[0].host.clone();
    let playlist = format!("{host}{}/index.m3u8", track_at(&host));
    let ask = |viewers: &mut [Viewer], msn: usize| {
        let path = segment_url(&playlist, u64::try_from(msn).unwrap()).replacen(&host, "", 1);
        for viewer in viewers {
            viewer.wire = Some(Wire::get(&format!("{}{path}", viewer.host)));
        }
    };
    send(before);
    ask(&mut viewers, WATCHED.start);
    send(before + 1);
    for msn in WATCHED {
        let chunks = PARTS * (msn - 1)..PARTS * msn;
        for chunk in chunks.start + 1..chunks.end {
            send(chunk);
        }
        let segments: Vec<Wire> = viewers.iter_mut().filter_map(|viewer| viewer.wire.take()).collect();
        ask(&mut viewers, msn + 1);
        let (closed, sent) = send(chunks.end);
        let segments: Vec<Received> = segments.into_iter().map(Wire::ended).collect();
        let published = published(&sent);
        for (viewer, segment) in viewers.iter_mut().zip(segments) {
            let got = format!("segment {msn} from {}: {} bytes", viewer.what, segment.body.len());
            assert!(segment.body == media[chunks.clone()].concat(), "{got}\n{}", segment.head);
            let ended = segment.ended.unwrap_or_else(|| panic!("{got}, broken off"));
            assert!(ended >= closed, "{got}, ended before another had begun");
            let mut bytes = 0;
            for chunk in chunks.clone() {
                bytes += media[chunk].len();
                let delay = segment.had(bytes).duration_since(published[chunk]);
                viewer.delays.push(delay.unwrap_or_default());
            }
        }
        if msn > WATCHED.start && viewers.iter().all(Viewer::is_prompt) {
            break;
        }
    }
    for viewer in &viewers {
        println!("parts of growing segments, from {}: {:?}", viewer.what, viewer.delays);
        assert!(viewer.is_prompt(), "{} keeps parts to itself", viewer.what);
    }
    assert_eq!(feed.finish(), 200);
}

#[test]
#[ignore = "needs the Worker and Varnish: cargo xtask test"]
fn parts_of_a_growing_segment_are_sent_as_they_are_published() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[]);
    let viewer = Viewer::new("rimcast serve", server.url(""));
    watch_it_grow(server.port(), vec![viewer], <[SystemTime]>::to_vec);
    drop(server);

    let worker = Worker::start();
    let cached = Varnish::before(worker.port());
    let viewers =
        vec![Viewer::new("the Worker", worker.url("")), Viewer::new("Varnish before it", cached.url(""))];
    watch_it_grow(worker.port(), viewers, |_| {
        let stored = worker.inside(usize::MAX).stored.into_iter();
        let mut parts: Vec<u64> = stored.filter(|(key, _)| key.ends_with(".m4s")).map(|(_, at)| at).collect();
        parts.sort_unstable();
        parts.into_iter().map(|at| UNIX_EPOCH + Duration::from_millis(at)).collect()
    });
}
