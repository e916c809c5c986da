//! Real ffmpeg pushes into the real program; real players watch. Run by `cargo xtask test`, which
//! installs ffmpeg and Chromium; one at a time, since each wants the machine for itself.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rimcast_tests::live::{
    Encoder, Follower, Host as _, Ladder, Probe, Server, Watched, decodes, get, over_http_2, put, request,
    strict, wait_for, watch, watch_in_background,
};

/// What hls-parser rejects although it is legal: it wants version 8 for EXT-X-GAP, which no text of
/// the standard does, and does not know that an independent part may be short (HLS §4.4.4.9).
const LEGAL: &[&str] = &["EXT-X-GAP", "at least 85% of PART-TARGET"];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

/// Waits until the broadcast can be watched; its multivariant playlist and media playlist URLs.
fn playlists(server: &Server, broadcast: &str) -> (String, Vec<String>) {
    let url = server.url(&format!("/{broadcast}/index.m3u8"));
    let text = wait_for("the broadcast can be watched", Duration::from_secs(30), || {
        get(&url).ok().filter(|answer| answer.status == 200).map(|answer| answer.text())
    });
    let base = url.rsplit_once('/').expect("a URL has a slash").0;
    let sound = text.lines().filter(|line| line.starts_with("#EXT-X-MEDIA:"));
    let quoted = sound.filter_map(|line| line.split("URI=\"").nth(1)?.split('"').next());
    let plain = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let media: Vec<_> = quoted.chain(plain).map(|uri| format!("{base}/{uri}")).collect();
    assert!(!media.is_empty(), "{text}");
    (url, media)
}

/// hls.js plays for 12 s, three times: no stall, no error, and this far behind live (median).
fn plays_live(server: &Server, broadcast: &str, limit_s: f64) {
    let page = server.url(&format!("/{broadcast}/"));
    let runs: Vec<Watched> = (0..3).map(|_| watch(&page, 12, &[])).collect();
    let mut latencies: Vec<f64> = runs.iter().filter_map(|run| run.latency_median_s).collect();
    latencies.sort_by(f64::total_cmp);
    println!("{broadcast}: {latencies:?} s behind live");
    for run in &runs {
        assert!(run.ok && run.stalls == 0 && run.errors.is_empty(), "{run:?}");
    }
    assert_eq!(latencies.len(), 3);
    assert!(latencies[1] < limit_s, "{latencies:?} s behind live");
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn a_low_latency_push_plays_close_to_live_and_third_parties_agree() {
    let data = folder();
    let server = Server::serve(data.path(), &[]);
    let _encoder = Encoder::push(&server, "show", &Ladder::default());
    let (multivariant, media) = playlists(&server, "show");
    assert_eq!(media.len(), 3);
    let mut followers: Vec<Follower> = media.iter().map(|_| Follower::default()).collect();
    for (url, follower) in media.iter().zip(&mut followers) {
        follower.look(url);
    }
    plays_live(&server, "show", 3.0);
    strict(&multivariant, LEGAL);
    assert_eq!(decodes(&multivariant, 20), "");
    for (url, follower) in media.iter().zip(&mut followers) {
        follower.look(url);
        follower.nothing_changed();
    }
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn short_parts_play_closer_to_live() {
    let data = folder();
    let server = Server::serve(data.path(), &["--part-ms", "200"]);
    let _encoder = Encoder::push(&server, "show", &Ladder { fragment_s: Some(0.2), ..Ladder::default() });
    let (multivariant, _) = playlists(&server, "show");
    plays_live(&server, "show", 1.8);
    strict(&multivariant, LEGAL);
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn whole_segments_are_listed_whole_and_play() {
    let data = folder();
    let server = Server::serve(data.path(), &[]);
    let _encoder = Encoder::push(&server, "show", &Ladder { fragment_s: None, ..Ladder::default() });
    let (multivariant, media) = playlists(&server, "show");
    for url in &media {
        let text = get(url).expect("the playlist answers").text();
        assert!(!text.contains("#EXT-X-PART") && text.contains("CAN-BLOCK-RELOAD=YES"), "{text}");
        Follower::default().look(url);
    }
    let watched = watch(&server.url("/show/"), 20, &[]);
    assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
    strict(&multivariant, LEGAL);
}

#[test]
#[ignore = "needs ffmpeg and Node: cargo xtask test"]
fn many_wait_on_one_connection_of_http_2_with_tls_and_without() {
    for args in [&[][..], &["--tls"]] {
        let data = folder();
        let server = Server::serve(data.path(), args);
        let _encoder = Encoder::push(&server, "show", &Ladder::default());
        over_http_2(&server.url(""), "show");
    }
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn subtitles_show() {
    let data = folder();
    let server = Server::serve(data.path(), &[]);
    let _encoder = Encoder::push(&server, "show", &Ladder::default());
    let folder = rimcast_tests::live::root().join("tests/media/text_stpp/text");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // `init.mp4` comes before the segments.
    files.sort();
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let body = std::fs::read(&file).expect("the recording is there");
        let answer = put(&server.url(&format!("/ingest/show/text-en/{name}")), &body).expect("an answer");
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    let (multivariant, _) = playlists(&server, "show");
    let text = get(&multivariant).expect("an answer").text();
    assert!(text.contains("TYPE=SUBTITLES") && text.contains("stpp.ttml.im1t"), "{text}");
    let watched = watch(&server.url("/show/"), 6, &["--subtitles", "1", "--warmup", "1"]);
    assert!(watched.ok && watched.errors.is_empty(), "{watched:?}");
    assert!(watched.cues.iter().any(|cue| cue.contains("three")), "{:?}", watched.cues);
}

/// The encoder dies and comes back with its times at zero; the page goes on.
fn survives_a_restart(pause: Duration) {
    let data = folder();
    let server = Server::serve(data.path(), &[]);
    let encoder = Encoder::push(&server, "show", &Ladder::default());
    let (_, media) = playlists(&server, "show");
    let mut followers: Vec<Follower> = media.iter().map(|_| Follower::default()).collect();
    let look = |followers: &mut Vec<Follower>| {
        for (url, follower) in media.iter().zip(followers) {
            follower.look(url);
        }
    };
    look(&mut followers);
    let seconds = u32::try_from(pause.as_secs()).unwrap() + 25;
    let watching = watch_in_background(&server.url("/show/"), seconds, &["--through-outage"]);
    std::thread::sleep(Duration::from_secs(12));
    look(&mut followers);
    encoder.kill();
    std::thread::sleep(pause);
    let _again = Encoder::push(&server, "show", &Ladder::default());
    let watched = watching.report();
    assert!(watched.ok && watched.discontinuities >= 1, "{watched:?}");
    look(&mut followers);
    for follower in &followers {
        assert_eq!(follower.newest_discontinuity, 1);
        follower.nothing_changed();
    }
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn players_go_on_when_the_encoder_restarts_after_3_s() {
    survives_a_restart(Duration::from_secs(3));
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn players_go_on_when_the_encoder_restarts_after_30_s() {
    survives_a_restart(Duration::from_secs(30));
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn a_killed_server_takes_up_the_broadcast_and_the_same_push() {
    let data = folder();
    let mut server = Server::serve(data.path(), &[]);
    let mut encoder = Encoder::push(&server, "show", &Ladder::default());
    let (_, media) = playlists(&server, "show");
    let mut followers: Vec<Follower> = media.iter().map(|_| Follower::default()).collect();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_secs(2));
        for (url, follower) in media.iter().zip(&mut followers) {
            follower.look(url);
        }
    }
    let before = stored_parts(data.path());
    server.kill_and_restart();
    for (url, follower) in media.iter().zip(&mut followers) {
        let newest = follower.newest;
        // ffmpeg has lost a segment or two; it does not send its header again.
        wait_for("numbers go on", Duration::from_secs(30), || {
            follower.look(url);
            (follower.newest >= newest + 4).then_some(())
        });
        assert_eq!(follower.newest_discontinuity, 0, "times went on, so there is nothing discontinuous");
        follower.nothing_changed();
    }
    assert!(encoder.is_running(), "ffmpeg gave up");
    let after = stored_parts(data.path());
    assert!(before.iter().all(|part| after.contains(part)), "a part is gone");
    let watched = watch(&server.url("/show/"), 10, &[]);
    assert!(watched.ok, "{watched:?}");
}

fn stored_parts(data: &Path) -> Vec<String> {
    let found =
        Command::new("find").arg(data).args(["-name", "*.m4s", "-size", "+0"]).output().expect("find runs");
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs ffmpeg: cargo xtask test"]
fn the_probe_watches_and_tells_good_from_bad() {
    let probe = Probe::built();
    let data = folder();
    let server = Server::serve(data.path(), &[]);
    let encoder = Encoder::push(&server, "show", &Ladder::default());
    let (multivariant, _) = playlists(&server, "show");
    let good = probe.watch(&multivariant, 5, 10);
    println!("{good:?}");
    assert!(good.is_good && good.stalls == 0, "{good:?}");
    // Each viewer has pictures and sound, two parts a second of either.
    assert!(good.playlists.ok > 5 * 2 * 15 && good.media.ok > 5 * 2 * 15, "{good:?}");
    assert!(good.latency.is_some_and(|late| late.parts > 5 * 2 * 12 && late.median_ms < 1000));
    // Nothing comes any more, and what is asked for is refused after a hold.
    encoder.kill();
    let bad = probe.watch(&multivariant, 5, 12);
    assert!(!bad.is_good && bad.playlists.errors.contains_key("503"), "{bad:?}");
    let none = probe.watch(&server.url("/nothing/index.m3u8"), 1, 2);
    assert!(!none.is_good && none.playlists.errors.contains_key("404"), "{none:?}");
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn the_demo_plays_and_ends_cleanly() {
    let server = Server::demo(&[]);
    let (multivariant, media) = playlists(&server, "demo");
    assert_eq!(media.len(), 3);
    strict(&multivariant, LEGAL);
    // Past the seam of the 8 s clip.
    let watched = watch(&server.url("/demo/"), 20, &[]);
    assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn bad_input_is_answered_in_words_and_harms_nothing() {
    let data = folder();
    let server = Server::serve(data.path(), &["--push-key", "secret"]);
    let ladder = Ladder { credentials: "any:secret".to_owned(), ..Ladder::default() };
    let _encoder = Encoder::push(&server, "show", &ladder);
    let (_, media) = playlists(&server, "show");
    let mut follower = Follower::default();
    follower.look(&media[0]);

    let bearer = ("Authorization", "Bearer secret");
    let push = |path: &str, body: &[u8]| {
        request("PUT", &server.url(&format!("/ingest/{path}")), &[bearer], body).expect("an answer")
    };
    let captured = |file: &str| {
        let folder = rimcast_tests::live::root().join("tests/media/live_dash_push");
        std::fs::read(folder.join(file)).expect("the capture is there")
    };
    let header = captured("init-stream0.m4s");
    let segment = captured("chunk-stream0-00001.m4s");
    let long = format!("{}/x.mp4", "n".repeat(300));
    let mut zero_size = segment.clone();
    zero_size[..4].copy_from_slice(&0_u32.to_be_bytes());
    let mut huge = b"\0\0\0\x01mdat".to_vec();
    huge.extend(1_u64.checked_shl(63).unwrap().to_be_bytes());
    let mut gigabyte = vec![0; 1 << 20];
    gigabyte[..8].copy_from_slice(b"\x40\0\0\0mdat");
    for (what, status, path, body) in [
        ("garbage", 400, "bad/a.mp4", &b"GET / HTTP/1.1\r\n\r\n"[..]),
        ("a page", 400, "bad/a.mp4", b"<html><body>no media</body></html>"),
        ("media before its header", 412, "bad/b-00001.m4s", &segment),
        ("a cut header", 400, "bad/c.mp4", &header[..header.len() / 2]),
        ("size 0", 400, "bad/d.mp4", &zero_size),
        ("size 2^63", 400, "bad/e.mp4", &huge),
        ("a gigabyte", 400, "bad/f.mp4", &gigabyte),
        ("a name that climbs", 403, "%2e%2e/x.mp4", b""),
        ("a slash in disguise", 403, "a%2fb/x.mp4", b""),
        ("a long name", 403, &long, b""),
    ] {
        let answer = push(path, body);
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(answer.text().trim().len() > 15, "{what}: no words: {:?}", answer.text());
    }
    let url = server.url("/ingest/show/chunk-stream0-00001.m4s");
    // No key is asked for (ffmpeg shows it only then); a wrong one is refused.
    let basic = ("Authorization", "Basic YTpi");
    for (status, shown) in [(401, &[][..]), (403, &[("Authorization", "Bearer wrong")]), (403, &[basic])] {
        let answer = request("PUT", &url, shown, &segment).expect("an answer");
        assert_eq!(answer.status, status, "{shown:?}");
    }
    // The broadcast that was going on was not harmed.
    let newest = follower.newest;
    wait_for("the broadcast goes on", Duration::from_secs(15), || {
        follower.look(&media[0]);
        (follower.newest >= newest + 2).then_some(())
    });
    follower.nothing_changed();
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn a_body_that_stops_half_way_keeps_what_was_whole() {
    use std::io::Write as _;
    let data = folder();
    let server = Server::serve(data.path(), &[]);
    let folder = rimcast_tests::live::root().join("tests/media/live_dash_push");
    let read = |file: &str| std::fs::read(folder.join(file)).expect("the capture is there");
    let header =
        put(&server.url("/ingest/cut/init-stream0.m4s"), &read("init-stream0.m4s")).expect("an answer");
    assert_eq!(header.status, 200, "{}", header.text());
    let segment = read("chunk-stream0-00001.m4s");
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    let head = "PUT /ingest/cut/chunk-stream0-00001.m4s HTTP/1.1\r\nHost: x\r\nContent-Length: 82855\r\n\r\n";
    socket.write_all(head.as_bytes()).expect("it reads");
    // Two chunks and a half.
    socket.write_all(&segment[..50_000]).expect("it reads");
    drop(socket);
    let stored = || (stored_parts(data.path()).len() == 2).then_some(());
    // Parts are published while the body comes in: each is there once its last byte is.
    wait_for("two whole parts are stored", Duration::from_secs(5), stored);
    assert_eq!(get(&server.url("/healthz")).expect("an answer").status, 200);
}

#[test]
#[ignore = "starts the real server: cargo xtask test"]
fn encoders_are_answered_as_they_expect() {
    let data = folder();
    let server = Server::serve(data.path(), &["--push-key", "sesame-12"]);
    let media = rimcast_tests::live::root().join("tests/media");
    let read = |file: &str| std::fs::read(media.join(file)).expect("the recording is there");
    let send = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let answer =
            request(method, &server.url(&format!("/ingest/{path}")), headers, body).expect("an answer");
        (answer.status, answer.text())
    };
    let (header, segment) =
        (read("live_dash_push/init-stream0.m4s"), read("live_dash_push/chunk-stream0-00001.m4s"));
    let basic = ("Authorization", "Basic YW55OnNlc2FtZS0xMg==");
    let bearer = ("Authorization", "Bearer sesame-12");
    let (init, chunk) = ("show/init-stream0.m4s", "show/chunk-stream0-00001.m4s");

    // Encoders that want to know whether they may push send nothing first, or only the header
    // (DASH-IF Live Media Ingest §6.2).
    assert_eq!(send("POST", init, &[bearer], b"").0, 200);
    // Media before its header: they send the header then, and the media again.
    let (status, why) = send("PUT", chunk, &[bearer], &segment);
    assert!(status == 412 && why.contains("send the header first"), "{status}: {why}");
    // However the key is shown, and POST and PUT alike.
    for (method, headers, path) in [
        ("POST", &[basic][..], init),
        ("PUT", &[bearer], init),
        ("POST", &[], &format!("key=sesame-12/{init}")),
    ] {
        assert_eq!(send(method, path, headers, &header).0, 200, "{method} {path}");
    }
    for method in ["PUT", "POST", "PUT"] {
        assert_eq!(send(method, &format!("key=sesame-12/{chunk}"), &[], &segment).0, 200);
    }
    assert_eq!(stored_parts(data.path()).iter().filter(|path| path.contains("/video-0/")).count(), 4);
    for (key, status) in [("key=sesame-1/", 403), ("", 401)] {
        assert_eq!(send("PUT", &format!("{key}{chunk}"), &[], &segment).0, status, "{key}");
    }

    // What a folder would need does no harm: nothing that was published goes away.
    assert_eq!(send("DELETE", chunk, &[bearer], b"").0, 200);
    assert_eq!(send("DELETE", chunk, &[], b"").0, 401);
    assert_eq!(stored_parts(data.path()).len(), 4);
    assert_eq!(send("PATCH", chunk, &[bearer], b"").0, 405);

    // A codec that no player takes is named.
    let mut unknown = read("hevc/video/init.mp4");
    let entry = unknown.windows(4).position(|four| four == b"hvc1").expect("a sample entry");
    unknown[entry..entry + 4].copy_from_slice(b"vvc1");
    let (status, why) = send("POST", "show/other.cmfv", &[bearer], &unknown);
    assert!(status == 415 && why.contains("vvc1"), "{status}: {why}");
}
