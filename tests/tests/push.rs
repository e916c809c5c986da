//! `rimcast push`, with real encoders, into a real ingest, over a network that fails. Run by `cargo xtask test`.

use std::process::{Command, Stdio};
use std::time::Duration;

use rimcast_tests::live::{
    Host as _, Network, Pusher, RtmpEncoder, Server, free_port, get, push_to_end, wait_for, watch,
    watch_in_background,
};

const KEY: &str = "sesame-of-the-test";

fn serve() -> (tempfile::TempDir, Server) {
    let data = tempfile::tempdir().expect("there is room for a folder");
    let server = Server::serve(data.path(), &["--push-key", KEY]);
    (data, server)
}

/// All media playlists of the broadcast.
fn playlists(server: &Server) -> Vec<String> {
    let text = get(&server.url("/show/index.m3u8")).expect("it answers").text();
    let quoted = text.lines().filter_map(|line| line.split("URI=\"").nth(1)?.split('"').next());
    let plain = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let uris: Vec<&str> = quoted.chain(plain).collect();
    assert_eq!(uris.len(), 2, "{text}");
    uris.iter().map(|uri| get(&server.url(&format!("/show/{uri}"))).expect("it answers").text()).collect()
}

/// An encoder whose media arrives: a few segments of it have.
fn encode(pusher: &Pusher, rtmp: u16) -> RtmpEncoder {
    let before = pusher.progress().parts;
    let mut encoder = RtmpEncoder::start(rtmp);
    wait_for("parts come", Duration::from_secs(40), || {
        // It gives up at once where nobody listens yet.
        if encoder.has_ended() {
            encoder = RtmpEncoder::start(rtmp);
        }
        (pusher.progress().parts >= before + 20).then_some(())
    });
    encoder
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn what_comes_by_rtmp_plays_and_nothing_of_it_is_lost_while_the_network_is_away() {
    let (_data, server) = serve();
    let network = Network::to(server.port());
    let rtmp = free_port();
    let pusher = Pusher::start(&[
        "--to",
        &format!("http://127.0.0.1:{}/ingest/show", network.port()),
        "--key",
        KEY,
        "--input",
        &format!("rtmp://0.0.0.0:{rtmp}/live"),
    ]);
    let _encoder = encode(&pusher, rtmp);
    let page = server.url("/show/");
    let calm = watch(&page, 10, &[]);
    println!("{:?} s behind live", calm.latency_median_s);
    assert!(calm.ok && calm.stalls == 0 && calm.errors.is_empty(), "{calm:?}");
    assert!(calm.latency_median_s.is_some_and(|latency| latency < 4.0), "{calm:?}");

    let through = watch_in_background(&page, 30, &[]);
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
    let again = watch(&page, 10, &[]);
    assert!(again.ok && again.stalls == 0, "{again:?}");
    for playlist in playlists(&server) {
        assert!(
            !playlist.contains("#EXT-X-GAP") && !playlist.contains("#EXT-X-DISCONTINUITY\n"),
            "{playlist}"
        );
    }
}

#[test]
#[ignore = "needs ffmpeg: cargo xtask test"]
fn an_encoder_that_comes_again_is_waited_for() {
    let (_data, server) = serve();
    let rtmp = free_port();
    let pusher = Pusher::start(&[
        "--to",
        &server.url("/ingest/show"),
        "--key",
        KEY,
        "--input",
        &format!("rtmp://0.0.0.0:{rtmp}/live"),
    ]);
    for run in 1..=2 {
        drop(encode(&pusher, rtmp));
        let discontinuities =
            playlists(&server).iter().map(|text| text.matches("#EXT-X-DISCONTINUITY\n").count()).max();
        assert_eq!(discontinuities, Some(run - 1));
    }
}

#[test]
#[ignore = "needs ffmpeg: cargo xtask test"]
fn what_cannot_be_pushed_is_told_in_a_sentence() {
    let (_data, server) = serve();
    let to = server.url("/ingest/show");
    let tone = ["--input-format", "lavfi", "--input", "sine"];
    let nowhere = format!("http://127.0.0.1:{}/ingest/show", free_port());
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let garbage = b"<html>this is no media, whatever it may be called</html>";
    for (to, key, more, bytes, expected) in [
        (to.as_str(), KEY, &["--input", text][..], &b""[..], "is nothing that ffmpeg can read"),
        (&to, KEY, &["--input", "no-such-file.mp4"], b"", "there is no file"),
        (&to, "another-key", &tone, b"", "the push key is wrong; see --key"),
        (&nowhere, KEY, &tone, b"", "is the address right, and the ingest running?"),
        (&server.url("/show"), KEY, &tone, b"", "must be like https://HOST/ingest/NAME"),
        (&to, KEY, &[], garbage, "this cannot be pushed: "),
    ] {
        let arguments = [&["--to", to, "--key", key], more].concat();
        let pushed = push_to_end(&arguments, Stdio::null(), bytes);
        assert!(!pushed.succeeded && pushed.last_line.contains(expected), "{}", pushed.last_line);
    }
}

#[test]
#[ignore = "needs ffmpeg: cargo xtask test"]
fn an_encoder_without_keyframes_is_told_so() {
    let (_data, server) = serve();
    let mut encoder = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "9999", "-sc_threshold", "0", "-f", "mp4"])
        .args(["-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "20000", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let media = Stdio::from(encoder.stdout.take().expect("it was asked for"));
    let pushed = push_to_end(&["--to", &server.url("/ingest/show"), "--key", KEY], media, b"");
    let _ = encoder.kill();
    let _ = encoder.wait();
    let expected = "no keyframe came for 20 s";
    assert!(!pushed.succeeded && pushed.last_line.contains(expected), "{}", pushed.last_line);
}
