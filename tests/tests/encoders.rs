//! Real encoders, in every way they push and every codec they have. Run by `cargo xtask test`.

use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use packager_core::cmaf::TrackKind;
use rimcast_tests::encoders::{CASES, Case, PLAIN, Proof, document, try_all};
use rimcast_tests::live::{
    Encoder, Host as _, Server, Way, decodes, get, put, root, strict, wait_for, watch, watch_in_background,
};
use rimcast_tests::recordings::recordings;

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
    let cases = CASES.into_iter().enumerate().filter(|(number, _)| only.is_none_or(|only| only == *number));
    let browser = Mutex::new(());
    try_all(&cases.collect::<Vec<_>>(), |_, case| tried(case, &browser));
}

fn tried(case: &Case, browser: &Mutex<()>) {
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
        // What plays wants most of the machine for itself.
        let _alone = browser.lock();
        let watched = watch(&server.url("/show/"), 6, &[]);
        println!("   {:?} s behind live, {} stalls", watched.latency_median_s, watched.stalls);
        assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
    }
    strict(&url, LEGAL);
    decodes(&url, 10);
}

/// Decodes a stream of what is at a place, and gives one hash of all that comes out.
fn decoded(input: &str, kind: TrackKind) -> String {
    let output = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-xerror",
            "-i",
            input,
            "-map",
            if kind == TrackKind::Video { "0:v:0" } else { "0:a:0" },
        ])
        .args(["-vsync", "passthrough", "-f", "hash", "-"])
        .output()
        .expect("ffmpeg is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{input}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "needs ffmpeg: cargo xtask test"]
fn every_recording_is_decoded_as_it_was_recorded() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let data = folder.path().join("data");
    let server = Server::serve(&data, &[]);
    let tried = recordings().into_iter().filter(|it| it.is_decodable() && it.makes_a_broadcast());
    for (number, recording) in tried.enumerate() {
        let file = folder.path().join("recording.mp4");
        std::fs::write(&file, recording.joined()).expect("it can be written");
        // The last chunk says that it is: what is read then has an end.
        let mut bodies = recording.bodies();
        let last = bodies.pop().expect("it has chunks");
        let body = [&bodies.concat()[..], b"\0\0\0\x14styplmsg\0\0\0\0lmsg", &last].concat();
        let broadcast = format!("recording-{number}");
        let answer = put(&server.url(&format!("/ingest/{broadcast}/track.cmfv")), &body).expect("an answer");
        assert_eq!(answer.status, 200, "{}: {}", recording.name, answer.text());
        let url = server.url(&format!("/{broadcast}/index.m3u8"));
        let codec = recording.header.codec.clone();
        wait_for("the broadcast can be watched", Duration::from_secs(20), || {
            get(&url).ok().filter(|answer| answer.status == 200 && answer.text().contains(&codec))
        });
        let kind = recording.header.kind;
        let (was, is) = (decoded(file.to_str().expect("a path"), kind), decoded(&url, kind));
        println!("{number}: {} {codec}, {}", recording.name, is.trim());
        assert_eq!(was, is, "{}", recording.name);
    }
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn either_of_two_encoders_may_die() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let clip = folder.path().join("clip.mp4");
    Encoder::record(&clip, 90, &PLAIN);
    let server = Server::serve(&folder.path().join("data"), &["--gap-ms", "3000"]);
    let begun = Instant::now();
    let first = Encoder::replay(&server, "show", &clip, 0);
    let second = Encoder::replay(&server, "show", &clip, 0);
    let multivariant = server.url("/show/index.m3u8");
    wait_for("the broadcast can be watched", Duration::from_secs(40), || {
        get(&multivariant).ok().filter(|answer| answer.status == 200)
    });
    let watching = watch_in_background(&server.url("/show/"), 24, &[]);
    // Their clock is the wall clock: so far is the other when one dies, or comes back.
    let at_s = |seconds: u64| {
        std::thread::sleep(Duration::from_secs(seconds).saturating_sub(begun.elapsed()));
    };
    let now_s = begun.elapsed().as_secs() / 2 * 2;
    at_s(now_s + 8);
    first.kill();
    at_s(now_s + 14);
    let _again = Encoder::replay(&server, "show", &clip, now_s + 14);
    at_s(now_s + 20);
    second.kill();
    let watched = watching.report();
    assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{watched:?}");
    assert_eq!(watched.discontinuities, 0);
    let text = get(&multivariant).expect("an answer").text();
    let uri =
        text.lines().find(|line| line.ends_with("/index.m3u8") && !line.starts_with('#')).expect("a variant");
    let playlist = get(&server.url(&format!("/show/{uri}"))).expect("an answer").text();
    assert!(!playlist.contains("EXT-X-GAP") && !playlist.contains("EXT-X-DISCONTINUITY\n"), "{playlist}");
    let listed = playlist.lines().filter(|line| line.starts_with("#EXTINF")).count();
    assert!(listed >= 12, "it goes on: {playlist}");
}

#[test]
#[ignore = "needs ffmpeg and Chromium: cargo xtask test"]
fn sound_alone_pictures_alone_and_several_languages_play() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let settings = folder.path().join("rimcast.toml");
    let said = "[broadcasts.languages.tracks.audio-1]\nname = \"English\"\nlanguage = \"en\"\n\
                [broadcasts.languages.tracks.audio-2]\nname = \"Français\"\nlanguage = \"fr\"\ndefault = true\n\
                [broadcasts.languages.tracks.audio-3]\nhidden = true\n";
    std::fs::write(&settings, said).expect("there is room");
    let data = folder.path().join("data");
    let server = Server::serve(&data, &["--settings", settings.to_str().expect("a path")]);
    let push = |broadcast: &str, options: &str| {
        let options = format!("-re {options} -pix_fmt yuv420p {}", Way::Dash.options());
        Encoder::run(&options, &server.url(&format!("/ingest/{broadcast}/manifest.mpd")))
    };
    let (video, audio) = (PLAIN.video, PLAIN.audio);
    let picture = |rate: &str| format!("-f lavfi -i testsrc2=size=320x180:rate={rate}");
    let tone = |hertz: u32, rate: u32| format!("-f lavfi -i sine=frequency={hertz}:sample_rate={rate}");
    let watched = |broadcast: &str, expected: &[&str], extra: &[&str]| {
        let url = server.url(&format!("/{broadcast}/index.m3u8"));
        wait_for("the broadcast can be watched with all that is expected", Duration::from_secs(40), || {
            let text = get(&url).ok().filter(|answer| answer.status == 200)?.text();
            expected.iter().all(|expected| text.contains(expected)).then_some(())
        });
        let watched = watch(&server.url(&format!("/{broadcast}/")), 8, extra);
        assert!(watched.ok && watched.stalls == 0 && watched.errors.is_empty(), "{broadcast}: {watched:?}");
        strict(&url, LEGAL);
        get(&url).expect("an answer").text()
    };
    {
        let _encoder = push("sound", &format!("{} {audio}", tone(330, 44_100)));
        let text = watched("sound", &["CODECS=\"mp4a.40.2\""], &["--sound"]);
        assert!(!text.contains("RESOLUTION") && !text.contains("EXT-X-MEDIA:"), "{text}");
    }
    for (broadcast, rate, frame_rate) in
        [("ntsc", "30000/1001", "FRAME-RATE=29.970"), ("film", "24000/1001", "FRAME-RATE=23.976")]
    {
        let _encoder = push(broadcast, &format!("{} {video} -g 60 -keyint_min 60", picture(rate)));
        let text = watched(broadcast, &["CODECS=\"avc1.42c00d\"", frame_rate], &[]);
        assert!(!text.contains("AUDIO"), "{text}");
    }
    {
        let inputs = format!("{} {} {}", picture("30"), tone(330, 48_000), tone(440, 48_000));
        let maps = "-map 0:v -map 1:a -map 2:a -map 1:a";
        let _encoder = push("languages", &format!("{inputs} {maps} {video} -g 60 -keyint_min 60 {audio}"));
        let english = "NAME=\"English\",LANGUAGE=\"en\",DEFAULT=NO,AUTOSELECT=YES";
        let french = "NAME=\"Français\",LANGUAGE=\"fr\",DEFAULT=YES,AUTOSELECT=YES";
        let text = watched("languages", &[english, french], &[]);
        assert!(!text.contains("audio-3"), "{text}");
    }
}
