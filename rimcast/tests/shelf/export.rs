//! `rimcast export`.

use std::path::Path;
use std::process::Command;

use packager_core::ingest::Settings;
use packager_core::log::Page;
use rimcast_tests::long::{Long, Plan};
use serde_json::Value;

use super::recorded::{AUDIO, Keep, Pushing, Recorded, VIDEO, over_folder_and_bucket, printed};

over_folder_and_bucket! {
    #[ignore = "needs ffmpeg: cargo xtask test"]
    a_recording_becomes_one_ordinary_movie
    #[ignore = "needs ffmpeg: cargo xtask test"]
    gaps_and_encoders_that_start_over_leave_sound_and_pictures_together
    #[ignore = "needs ffmpeg: cargo xtask test"]
    a_range_begins_at_the_keyframe_before_it
    #[ignore = "needs ffmpeg: cargo xtask test"]
    a_folder_of_hls_plays_and_is_completed
    what_cannot_be_exported_says_what_to_do
}

/// What ffprobe says of a stream of a file: its packets' presentation times in seconds, in order, and how long it is.
struct Probed {
    times: Vec<f64>,
    duration: f64,
    begins: f64,
}

fn probe(file: &Path, stream: &str) -> Probed {
    let args = ["-v", "error", "-select_streams", stream, "-of", "json", "-show_entries"];
    let entries = ["packet=pts_time,flags:stream=duration,start_time"];
    let (text, complaints) = printed("ffprobe", &[&args[..], &entries].concat(), file);
    assert_eq!(complaints, "", "{}", file.display());
    let json: Value = serde_json::from_str(&text).expect("ffprobe speaks JSON");
    let number = |value: &Value| value.as_str().expect("a number").parse::<f64>().expect("a number");
    let is_shown = |packet: &&Value| !packet["flags"].as_str().unwrap_or("").contains('D');
    let packets = json["packets"].as_array().expect("packets");
    let mut times: Vec<f64> =
        packets.iter().filter(is_shown).map(|packet| number(&packet["pts_time"])).collect();
    times.sort_by(f64::total_cmp);
    let stream = &json["streams"][0];
    Probed { times, duration: number(&stream["duration"]), begins: number(&stream["start_time"]) }
}

/// Decodes all of a file, and gives how many pictures there were.
fn decode(file: &Path) -> usize {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-i"])
        .arg(file)
        .args(["-map", "0", "-f", "null", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let count = ["-v", "error", "-count_frames", "-select_streams", "v:0", "-of", "csv=p=0"];
    let entries = ["-show_entries", "stream=nb_read_frames"];
    let (text, _) = printed("ffprobe", &[&count[..], &entries].concat(), file);
    // Of HLS, it is told of the variant and of the whole.
    text.split([',', '\n']).find_map(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// How long the recorded sound lasts: 376 access units of 1024 samples.
const SOUND_S: f64 = 376.0 * 1024.0 / 48_000.0;

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1.0 / 60.0
}

fn export(recorded: &Recorded, args: &[&str]) -> String {
    let said = recorded.rimcast("export", &[&["--to", "out"], args].concat());
    assert!(said.succeeded, "{said:?}");
    said.out
}

fn a_recording_becomes_one_ordinary_movie(keep: Keep) {
    let mut pushing = Pushing::new();
    pushing.run(&[VIDEO, AUDIO], |_, _| false);
    let recorded = keep(&pushing);
    let out = export(&recorded, &[]);
    let movie = recorded.beside("out/show-video.mp4");
    assert!(out.contains("video + audio"), "{out}");
    assert_eq!(decode(&movie), 240);
    let (video, audio) = (probe(&movie, "v:0"), probe(&movie, "a:0"));
    assert!(is_near(video.duration, 8.0) && is_near(video.begins, 0.0), "{}", video.duration);
    assert!(is_near(audio.duration, SOUND_S) && is_near(audio.begins, 0.0), "{}", audio.duration);
    let steps = video.times.windows(2).all(|pair| is_near(pair[1] - pair[0], 1.0 / 30.0));
    assert!(steps && video.times.len() == 240, "{:?}", video.times);

    // It is not written again; one that was cut short by a kill is.
    let written = std::fs::metadata(&movie).unwrap().modified().unwrap();
    assert!(export(&recorded, &[]).contains("was there already"));
    assert_eq!(std::fs::metadata(&movie).unwrap().modified().unwrap(), written);
    let whole = std::fs::read(&movie).unwrap();
    std::fs::remove_file(&movie).unwrap();
    std::fs::write(recorded.beside("out/.show-video.mp4.unfinished"), &whole[..whole.len() / 2]).unwrap();
    export(&recorded, &[]);
    assert_eq!(std::fs::read(&movie).unwrap(), whole);
    assert!(!recorded.beside("out/.show-video.mp4.unfinished").exists());
}

fn gaps_and_encoders_that_start_over_leave_sound_and_pictures_together(keep: Keep) {
    let mut pushing = Pushing::new();
    // Two seconds of pictures are lost, and in another run the sound begins a second late.
    pushing.run(&[VIDEO, AUDIO], |track, chunk| track == "video" && (4..8).contains(&chunk));
    pushing.run(&[VIDEO, AUDIO], |track, chunk| track == "audio" && chunk < 2);
    let recorded = keep(&pushing);
    export(&recorded, &[]);
    let movie = recorded.beside("out/show-video.mp4");
    assert_eq!(decode(&movie), 180 + 240);
    let (video, audio) = (probe(&movie, "v:0"), probe(&movie, "a:0"));
    let has = |of: &Probed, time: f64| of.times.iter().any(|at| is_near(*at, time));
    assert!(!has(&video, 2.5) && has(&video, 1.9) && has(&video, 4.0), "{:?}", video.times);
    // The second run begins when both are through with the first.
    assert!(has(&video, SOUND_S) && !has(&video, 8.0), "{:?}", video.times);
    let second = audio.times.iter().copied().find(|at| *at > SOUND_S).expect("sound of the second run");
    let units_lost = 48.0 * 1024.0 / 48_000.0;
    assert!((second - SOUND_S - units_lost).abs() < 0.001, "{second}");
    assert!(is_near(video.duration, SOUND_S + 8.0), "{}", video.duration);
}

fn a_range_begins_at_the_keyframe_before_it(keep: Keep) {
    let mut pushing = Pushing::new();
    pushing.run(&[VIDEO, AUDIO], |_, _| false);
    let recorded = keep(&pushing);
    export(&recorded, &["--from", "3", "--until", "00:05.5"]);
    let movie = recorded.beside("out/show-video.mp4");
    assert_eq!(decode(&movie), 120);
    let (video, audio) = (probe(&movie, "v:0"), probe(&movie, "a:0"));
    assert!(is_near(video.begins, 0.0) && is_near(video.duration, 4.0), "{}", video.duration);
    assert!((audio.duration - 4.0).abs() < 0.025, "{}", audio.duration);
    let said = recorded.rimcast("export", &["--to", "out", "--from", "60"]);
    assert!(!said.succeeded && said.err.contains("nothing was recorded between"), "{said:?}");
}

fn a_folder_of_hls_plays_and_is_completed(keep: Keep) {
    let mut pushing = Pushing::new();
    pushing.run(&[VIDEO, AUDIO], |_, _| false);
    pushing.run(&[VIDEO, AUDIO], |_, _| false);
    pushing.world.end_track("video");
    pushing.world.end_track("audio");
    let recorded = keep(&pushing);
    export(&recorded, &["--format", "hls"]);
    // It opens and decodes; ffmpeg's own reader of HLS passes over some frames where times start over.
    decode(&recorded.beside("out/index.m3u8"));
    let playlist = std::fs::read_to_string(recorded.beside("out/g/video/index.m3u8")).unwrap();
    assert!(
        playlist.contains("#EXT-X-PLAYLIST-TYPE:VOD") && playlist.ends_with("#EXT-X-ENDLIST\n"),
        "{playlist}"
    );
    assert_eq!(playlist.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{playlist}");
    let mut frames = 0;
    for run in playlist.split("#EXT-X-DISCONTINUITY\n") {
        let files = run.lines().filter_map(|line| match line.strip_prefix("#EXT-X-MAP:URI=\"") {
            Some(header) => header.strip_suffix('"'),
            None => (!line.is_empty() && !line.starts_with('#')).then_some(line),
        });
        let read = |file: &str| std::fs::read(recorded.beside("out/g/video").join(file)).unwrap();
        let joined = recorded.beside("joined.mp4");
        std::fs::write(&joined, files.flat_map(read).collect::<Vec<u8>>()).unwrap();
        frames += decode(&joined);
    }
    assert_eq!(frames, 480);
    let lines = playlist.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    let sum: f64 = lines.map(|line| line.trim_end_matches(',').parse::<f64>().unwrap()).sum();
    assert!(is_near(sum, 16.0), "{playlist}");

    let lost = std::fs::read_dir(recorded.beside("out/g/video")).unwrap().map(|entry| entry.unwrap().path());
    let lost: Vec<_> = lost.filter(|path| path.extension().is_some_and(|name| name == "m4s")).collect();
    let (lost, kept) = (&lost[0], &lost[1]);
    let before = (std::fs::read(lost).unwrap(), std::fs::metadata(kept).unwrap().modified().unwrap());
    std::fs::remove_file(lost).unwrap();
    export(&recorded, &["--format", "hls"]);
    assert_eq!((std::fs::read(lost).unwrap(), std::fs::metadata(kept).unwrap().modified().unwrap()), before);
}

fn what_cannot_be_exported_says_what_to_do(keep: Keep) {
    let mut pushing = Pushing::new();
    pushing.run(&[VIDEO, AUDIO], |_, _| false);
    let recorded = keep(&pushing);
    let said = recorded.rimcast("export", &["--to", "out", "--track", "video-9"]);
    assert!(
        !said.succeeded && said.err.contains("there is no track video-9; there are audio, video"),
        "{said:?}"
    );
    // A part that is damaged stops it, unless it may be left out.
    let key = recorded.damage_a_part("video");
    let said = recorded.rimcast("export", &["--to", "out"]);
    assert!(!said.succeeded && said.err.contains(&key) && said.err.contains("--skip-damaged"), "{said:?}");
    assert!(!recorded.beside("out/show-video.mp4").exists());
    let said = recorded.rimcast("export", &["--to", "out", "--skip-damaged"]);
    assert!(
        !said.succeeded && said.out.contains(&key) && said.err.contains("1 parts were left out"),
        "{said:?}"
    );
    assert!(recorded.beside("out/show-video.mp4").exists());
}

#[test]
fn a_folder_that_is_not_there_is_told_of() {
    let recorded = Recorded::in_folder(&Pushing::new());
    let said = recorded.rimcast("export", &["--to", "out", "--data", "nowhere"]);
    assert!(!said.succeeded && said.err.contains("there is no folder nowhere"), "{said:?}");
}

/// A movie, and how often which kind of read was needed for it.
fn movie(recorded: &Recorded, to: &str) -> (Vec<u8>, [u64; 3]) {
    let said = recorded.rimcast("export", &["--to", to, "--json"]);
    assert!(said.succeeded, "{said:?}");
    let told: Value = serde_json::from_str(said.out.lines().last().expect("a line")).expect("JSON");
    let reads = ["get", "head", "list"].map(|kind| told["reads"][kind].as_u64().expect("a number"));
    let movie = std::fs::read(recorded.beside(to).join("show-video.mp4")).expect("it was written");
    (movie, reads)
}

#[test]
fn a_recording_is_read_by_its_pages_and_entry_by_entry_only_without_them() {
    const SECONDS: u64 = 15 * 60;
    let plan = Plan { seconds: SECONDS, settings: Settings::default(), start_s: 0, has_sound: false };
    let parts = SECONDS * 2;
    let page = "show/g/video/index/00000003.json";
    let recorded = || Recorded::of(&Long::new(&plan).store);
    let (whole, [gets, heads, lists]) = movie(&recorded(), "out");
    // Beside the media: two documents, the checkpoint, the header and the pages; and what is behind the checkpoint.
    assert!(gets - parts <= 4 + SECONDS / 2 / 64, "{gets}");
    assert!(heads <= 10 && lists <= 2, "{heads} {lists}");
    for breaks in [
        |recorded: &Recorded, page: &str| recorded.remove(page),
        |recorded: &Recorded, page: &str| recorded.change(page, |_| b"{}".to_vec()),
        |recorded: &Recorded, page: &str| {
            recorded.change(page, |bytes| {
                let mut page = Page::from_json(&bytes).expect("a page");
                page.segments[7].parts[1].start_ticks += 1;
                page.to_json().into()
            })
        },
        |recorded: &Recorded, _: &str| recorded.remove("show/g/video/index/head.json"),
    ] {
        let recorded = recorded();
        breaks(&recorded, page);
        let (read, [_, heads, _]) = movie(&recorded, "out");
        assert!(read == whole && heads >= parts, "{heads}");
    }
}
