//! `rimcast push`, with real encoders, into a real ingest. Run by `cargo xtask test`.

use std::process::{Command, Stdio};
use std::time::Duration;

use rimcast_tests::encoders::PLAIN;
use rimcast_tests::live::{
    Encoder, Host as _, Pusher, RtmpEncoder, Server, free_port, media_playlists, push_to_end,
    push_to_end_with, wait_for, watch,
};

const KEY: &str = "sesame-of-the-test";

fn serve() -> (tempfile::TempDir, Server) {
    let data = tempfile::tempdir().expect("there is room for a folder");
    let server = Server::serve(data.path(), &["--push-key", KEY]);
    (data, server)
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
fn what_comes_by_rtmp_plays_and_an_encoder_that_comes_again_is_waited_for() {
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
        let _encoder = encode(&pusher, rtmp);
        let watched = watch(&server.url("/show/"), 6, &[]);
        println!("{:?} s behind live", watched.latency_median_s);
        assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
        assert!(watched.latency_median_s.is_some_and(|latency| latency < 3.0), "{watched:?}");
        let playlists = media_playlists(&server.url("/show/"));
        let discontinuities =
            playlists.iter().map(|text| text.matches("#EXT-X-DISCONTINUITY\n").count()).max();
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
        (&to, "another-key", &tone, b"", "there is no such broadcast, and this key does not create one"),
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

#[test]
#[ignore = "needs ffmpeg: cargo xtask test"]
fn https_is_pushed_to_if_its_certificate_is_trusted() {
    let data = tempfile::tempdir().expect("there is room for a folder");
    let server = Server::serve(data.path(), &["--tls", "--push-key", KEY]);
    let clip = data.path().join("clip.mp4");
    Encoder::record(&clip, 6, &PLAIN);
    let to = server.url("/ingest/show");
    let arguments = ["--to", &to, "--key", KEY, "--input", clip.to_str().expect("a path")];
    let refused = push_to_end(&arguments, Stdio::null(), b"");
    let expected = "its certificate is not trusted";
    assert!(!refused.succeeded && refused.last_line.contains(expected), "{}", refused.last_line);
    let certificate = data.path().join(".tls/cert.pem");
    let pushed = push_to_end_with(&[("SSL_CERT_FILE", &certificate)], &arguments, Stdio::null(), b"");
    assert!(pushed.succeeded, "{}", pushed.last_line);
    let generation = std::fs::read_dir(data.path().join("show")).expect("it is there").count();
    assert_eq!(generation, 2, "a record and what it names");
}
