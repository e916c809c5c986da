//! Codec strings against those of shaka-packager, which reads the same recordings. Run by
//! `cargo xtask test`, which installs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use packager_core::cmaf::{Header, Scheme, TrackKind};
use rimcast_tests::live::shaka;
use rimcast_tests::media::media_folder;

/// The key that the encrypted recordings are encrypted with, and its id.
const KEY: &str = "000102030405060708090a0b0c0d0e0f";

/// Recordings that shaka-packager cannot read, so that nothing can be compared.
const UNREAD: [&str; 3] = [
    // It writes MP3 into MPEG transport streams only.
    "audio_mp3/audio",
    // It reads text from files of text only; see below.
    "text_stpp/text",
    "text_wvtt/text",
];

/// Folders of `tests/media` that hold a track, by name.
fn recordings() -> Vec<(String, PathBuf)> {
    let folders = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    };
    let tracks = folders(&media_folder()).into_iter().flat_map(|set| folders(&set));
    let named = |path: PathBuf| {
        let name = path.strip_prefix(media_folder()).unwrap().to_string_lossy().into_owned();
        (name, path)
    };
    let mut found: Vec<_> = tracks.filter(|path| path.join("init.mp4").is_file()).map(named).collect();
    found.sort();
    found
}

/// A track as one file: header and chunks.
fn joined(folder: &Path) -> Vec<u8> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // init.mp4 comes before seg….m4s.
    paths.sort();
    paths.iter().flat_map(|path| fs::read(path).unwrap()).collect()
}

/// What a manifest says in the quotes behind `attribute=`.
fn quoted(manifest: &str, attribute: &str) -> String {
    let found = manifest.split(&format!("{attribute}=\"")).nth(1).and_then(|rest| rest.split('"').next());
    found.unwrap_or_else(|| panic!("no {attribute} in {manifest}")).to_owned()
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
    for (name, track) in recordings() {
        if UNREAD.contains(&name.as_str()) {
            continue;
        }
        let header = Header::parse(&fs::read(track.join("init.mp4")).unwrap()).unwrap();
        fs::write(&file, joined(&track)).unwrap();
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
        run(&mut packager, &name);
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
    fs::write(&video, joined(&media_folder().join("h264_bframes_aac/video"))).unwrap();
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
    for (name, track) in recordings() {
        // AV1 and VP9 too; what it cannot encrypt is text and MP3, which it does not read.
        let clear = Header::parse(&fs::read(track.join("init.mp4")).unwrap()).unwrap();
        if UNREAD.contains(&name.as_str()) || clear.protection.is_some() {
            continue;
        }
        fs::write(at("in.mp4"), joined(&track)).unwrap();
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
            run(&mut packager, &name);
            let header = Header::parse(&fs::read(at("init.mp4")).unwrap()).unwrap();
            assert_eq!(header.protection.map(|protection| protection.scheme), Some(scheme), "{name}");
            assert_eq!(header.codec, clear.codec, "{name}, {scheme_name}");
        }
    }
}
