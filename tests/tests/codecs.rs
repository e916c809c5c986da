//! Codec strings against those of shaka-packager, which reads the same recordings. Run by
//! `cargo xtask test`, which installs it.

use std::fs;
use std::process::Command;

use packager_core::cmaf::{Header, Scheme, TrackKind};
use packager_core::ingest::Settings;
use rimcast_tests::live::shaka;
use rimcast_tests::media::media_folder;
use rimcast_tests::recordings::{Recording, recordings};
use rimcast_tests::world::World;

/// The key that the encrypted recordings are encrypted with, and its id.
const KEY: &str = "000102030405060708090a0b0c0d0e0f";

/// What a manifest says in the quotes behind `attribute=`.
fn quoted(manifest: &str, attribute: &str) -> String {
    let found = manifest.split(&format!("{attribute}=\"")).nth(1).and_then(|rest| rest.split('"').next());
    found.unwrap_or_else(|| panic!("no {attribute} in {manifest}")).to_owned()
}

/// The recording of this name.
fn recording(name: &str) -> Recording {
    recordings().into_iter().find(|recording| recording.name == name).expect("it is there")
}

fn run(command: &mut Command, what: &str) {
    let done = command.output().expect("shaka-packager runs");
    assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The codec with what it may leave out: shaka-packager never leaves it out in VP9, and in AV1 only
/// where no colour is known.
fn in_full(codec: &str) -> String {
    let usual = match (codec.split('.').next(), codec.split('.').count()) {
        (Some("av01"), 4) => ".0.110.01.01.01.0",
        (Some("vp09"), 4) => ".01.01.01.01.00",
        // The name of the sample entry is the codec (FLAC in ISOBMFF §3.3.1); Apple writes it so too.
        (Some("flac"), 1) => return "fLaC".to_owned(),
        _ => "",
    };
    format!("{codec}{usual}")
}

#[test]
#[ignore = "needs shaka-packager: cargo xtask test"]
fn codecs_of_all_recordings_are_those_of_shaka_packager() {
    let folder = tempfile::tempdir().unwrap();
    let (file, manifest) = (folder.path().join("in.mp4"), folder.path().join("out.mpd"));
    let mut compared = 0;
    for recording in recordings().iter().filter(|recording| recording.is_read_by_shaka_packager()) {
        let (name, header) = (&recording.name, &recording.header);
        fs::write(&file, recording.joined()).unwrap();
        let stream = format!(
            "in={},stream={},output={}",
            file.display(),
            header.kind,
            folder.path().join("out.mp4").display()
        );
        let mut packager = shaka("packager");
        packager.arg(stream).arg("--mpd_output").arg(&manifest);
        if header.protection.is_some() {
            // Without the keys it says nothing of encrypted media.
            packager.args(["--enable_raw_key_decryption", "--keys", &format!("key_id={KEY}:key={KEY}")]);
        }
        run(&mut packager, name);
        let theirs = quoted(&fs::read_to_string(&manifest).unwrap(), "codecs");
        println!("{name}: {}, shaka-packager {theirs}", header.codec);
        assert_eq!(in_full(&header.codec), in_full(&theirs), "{name}");
        compared += 1;
    }
    assert!(compared >= 25, "{compared} recordings were compared");
}

/// It reads no text from MP4, but writes some: what it writes is read here.
#[test]
#[ignore = "needs shaka-packager: cargo xtask test"]
fn codecs_of_text_are_those_of_shaka_packager() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let video = at("video.mp4");
    fs::write(&video, recording("h264_bframes_aac/video").joined()).unwrap();
    let source = media_folder().join("text_wvtt/source.vtt");
    let (mpd, playlist) = (at("out.mpd"), at("out.m3u8"));
    for format in ["vtt+mp4", "ttml+mp4"] {
        let text = format!(
            "in={},stream=text,format={format},init_segment={},segment_template={}",
            source.display(),
            at("init.mp4"),
            at("$Number$.m4s")
        );
        // A multivariant playlist needs something to show.
        let shown = format!(
            "in={video},stream=video,init_segment={},segment_template={}",
            at("video-init.mp4"),
            at("video-$Number$.m4s")
        );
        let mut packager = shaka("packager");
        packager.args([&text, &shown, "--mpd_output", &mpd, "--hls_master_playlist_output", &playlist]);
        run(&mut packager, format);
        let header = Header::parse(&fs::read(at("init.mp4")).unwrap()).unwrap();
        assert_eq!(header.kind, TrackKind::Text);
        // Its MPD leaves out the profile of TTML, its playlist leaves out WebVTT.
        let theirs = match format {
            "vtt+mp4" => {
                let mpd = fs::read_to_string(&mpd).unwrap();
                let of_text = mpd.split("<AdaptationSet").find(|set| set.contains("contentType=\"text\""));
                quoted(of_text.unwrap_or(""), "codecs")
            }
            _ => {
                let playlist = fs::read_to_string(&playlist).unwrap();
                quoted(&playlist, "CODECS").split(',').next_back().unwrap().to_owned()
            }
        };
        assert_eq!(header.codec, theirs);
    }
}

#[test]
#[ignore = "needs shaka-packager: cargo xtask test"]
fn what_shaka_packager_encrypts_has_the_codec_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    // AV1 and VP9 too; what it cannot encrypt is text and MP3, which it does not read.
    let is_clear = |recording: &Recording| {
        recording.is_read_by_shaka_packager() && recording.header.protection.is_none()
    };
    for recording in recordings().into_iter().filter(is_clear) {
        let (name, clear) = (&recording.name, &recording.header);
        fs::write(at("in.mp4"), recording.joined()).unwrap();
        for (scheme, scheme_name) in [(Scheme::Cenc, "cenc"), (Scheme::Cbcs, "cbcs")] {
            let stream = format!(
                "in={},stream={},init_segment={},segment_template={}",
                at("in.mp4"),
                clear.kind,
                at("init.mp4"),
                at("$Number$.m4s")
            );
            let mut packager = shaka("packager");
            packager.args([&stream, "--enable_raw_key_encryption", "--clear_lead", "0"]);
            packager.args(["--keys", &format!("key_id={KEY}:key={KEY}"), "--protection_scheme", scheme_name]);
            run(&mut packager, name);
            let header = Header::parse(&fs::read(at("init.mp4")).unwrap()).unwrap();
            assert_eq!(header.protection.map(|protection| protection.scheme), Some(scheme), "{name}");
            assert_eq!(header.codec, clear.codec, "{name}, {scheme_name}");
        }
    }
}

/// What decodes to what: pictures or sound of a file, as one hash.
fn decoded(file: &str, key: Option<&str>) -> String {
    let mut ffmpeg = shaka("ffmpeg");
    ffmpeg.args(["-v", "error", "-xerror"]);
    if let Some(key) = key {
        ffmpeg.args(["-decryption_key", key]);
    }
    ffmpeg.args(["-i", file, "-map", "0", "-fps_mode", "passthrough", "-f", "hash", "-"]);
    let done = ffmpeg.output().expect("ffmpeg runs");
    assert!(done.status.success(), "{file}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// A key opens what is stored as it opens what was sent, however it was cut: nothing that a player
/// needs for that was lost.
#[test]
#[ignore = "needs the ffmpeg of shaka-packager's package: cargo xtask test"]
fn encrypted_media_is_decrypted_as_what_was_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (sent, stored) = (at("sent.mp4"), at("stored.mp4"));
    let encrypted = |recording: &Recording| recording.header.protection.is_some();
    let mut compared = 0;
    for recording in recordings().into_iter().filter(encrypted) {
        fs::write(&sent, recording.joined()).unwrap();
        let clear = decoded(&sent, Some(KEY));
        for part_ms in [500, 200, 100] {
            let mut world = World::new(Settings { part_ms, ..Settings::default() }, 1);
            let upload = world.open("show/track.cmfv").unwrap();
            for body in recording.bodies() {
                world.push(upload, body).unwrap();
            }
            world.finish(upload, true);
            world.advance_to(20_000);
            // The header, then the parts by their times.
            let is_media = |key: &str| key.ends_with("/init.mp4") || key.ends_with(".m4s");
            let mut objects: Vec<_> = world.store.objects().filter(|(key, _)| is_media(key)).collect();
            objects.sort_by_key(|(key, _)| (!key.ends_with("/init.mp4"), key.to_owned()));
            let bodies = objects.iter().map(|(_, object)| &object.body[..]).collect::<Vec<_>>();
            fs::write(&stored, bodies.concat()).unwrap();
            assert!(bodies.len() > 2, "{}: {:?}", recording.name, world.journal);
            assert_eq!(decoded(&stored, Some(KEY)), clear, "{} in parts of {part_ms} ms", recording.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 9);
}
