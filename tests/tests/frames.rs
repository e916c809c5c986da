//! Lists of I-frames, by what ffmpeg decodes: each range is one picture, with the header and nothing else. Run by
//! `cargo xtask test`, which installs ffmpeg.

use std::fs;
use std::process::Command;

use packager_core::cmaf::TrackKind;
use packager_core::edge::Edge;
use packager_core::ingest::Settings;
use rimcast_tests::long::{ask, text};
use rimcast_tests::recordings::recordings;
use rimcast_tests::rules::{self, Context, playlist::Media};
use rimcast_tests::world::{BEGINS, World};

/// The pictures of a file: what each is decoded to, as a hash.
fn pictures(file: &str) -> Vec<String> {
    let mut ffmpeg = Command::new("ffmpeg");
    // The samples after the range are not there: it says so, and goes on.
    ffmpeg.args(["-v", "error", "-i", file, "-map", "0:v", "-fps_mode", "passthrough"]);
    let done = ffmpeg.args(["-f", "framemd5", "-"]).output().expect("ffmpeg runs");
    assert!(done.status.success(), "{file}: {}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let lines = said.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
#[ignore = "needs ffmpeg: cargo xtask test"]
fn every_listed_frame_is_one_picture() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (alone, whole) = (at("alone.mp4"), at("whole.mp4"));
    let (mut tracks, mut frames) = (0, 0);
    for recording in recordings() {
        // What is encrypted needs a key, and is cut like the rest.
        if recording.header.kind != TrackKind::Video || recording.header.protection.is_some() {
            continue;
        }
        for part_ms in [500, 200] {
            let mut world = World::new(Settings { part_ms, ..Settings::default() }, 1);
            let upload = world.open("show/track.cmfv").unwrap();
            for body in recording.bodies() {
                world.push(upload, body).unwrap();
            }
            world.finish(upload, true);
            world.advance_to(20_000);
            if world.store.get("show/g/periods/000000.json").is_none() {
                // It ends before its second keyframe, and so before anything is listed.
                continue;
            }
            let now = BEGINS.plus_ms(world.now_ms());
            let get = |target: &str| text(&ask(&mut Edge::new(false), &world.store, target, now).0);
            let multivariant = get("/show/index.m3u8");
            let of_frames = multivariant.lines().find(|line| line.starts_with("#EXT-X-I-FRAME-STREAM-INF"));
            let url = of_frames.and_then(|line| line.split("URI=\"").nth(1)).expect("frames are listed");
            let folder = format!("show/{}", url.trim_end_matches("frames.m3u8\""));
            let playlist = get(&format!("/{folder}frames.m3u8"));
            assert_eq!(rules::check(&playlist, &Context::default()), [], "{playlist}");
            let stored = |uri: &str| world.store.get(&format!("{folder}{uri}")).unwrap().body.clone();
            tracks += 1;
            for listed in Media::parse(&playlist).unwrap().segments.iter().filter(|listed| !listed.gap) {
                let (header, part) =
                    (stored(listed.map.as_deref().unwrap()), stored(listed.uri.as_deref().unwrap()));
                let (length, offset) = listed.range.unwrap();
                let range = usize::try_from(offset).unwrap()..usize::try_from(offset + length).unwrap();
                fs::write(&alone, [&header[..], &part[range]].concat()).unwrap();
                fs::write(&whole, [&header[..], &part[..]].concat()).unwrap();
                let pictures = (pictures(&alone), pictures(&whole));
                assert_eq!(pictures.0.len(), 1, "{}, {:?}", recording.name, listed.uri);
                assert!(pictures.1.contains(&pictures.0[0]), "{}, {:?}", recording.name, listed.uri);
                frames += 1;
            }
        }
    }
    println!("{frames} frames of {tracks} tracks");
    assert!(tracks >= 14 && frames >= 2 * tracks, "{frames} frames of {tracks} tracks");
}
