//! Every case of `tests/golden` gives the answers that are written there, from every kind of edge.

use rimcast_tests::live::mpd_parser;
use rimcast_tests::rules::{self, Context};
use rimcast_tests::watch::{Watch, manifests::Manifests};
use rimcast_tests::world::{BEGINS, World};
use rimcast_tests::{golden, mpd};

#[test]
fn every_answer_is_as_written() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let only = std::env::var("GOLDEN_CASE").ok();
    let mut failures = Vec::new();
    let (mut manifests, mut patched) = (Vec::new(), 0);
    for folder in golden::cases() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let mut watch = Watch::default();
        watch.manifests = Some(Manifests::default());
        let played = golden::play(&golden::read(&folder), &mut |world: &mut World| watch.look(world));
        patched += watch.manifests.as_ref().map_or(0, |of_dash| of_dash.patched);
        failures.extend(watch.violations.iter().take(5).map(|what| format!("{name}: {what}")));
        if let Ok(outcome) = &played {
            for exchange in &outcome.exchanges {
                let of_dash = exchange.answer.manifest();
                manifests
                    .extend(of_dash.map(|text| (exchange.name.clone(), exchange.at_ms, text.to_owned())));
                let Some(text) = exchange.answer.playlist() else { continue };
                let is_plain = exchange.line.contains("delay-");
                let found = rules::check(text, &Context { is_plain, ..Context::default() });
                failures.extend(found.iter().map(|what| format!("{name}, {}: {what}", exchange.name)));
            }
        }
        let compared = played.and_then(|outcome| golden::compare(&folder, &golden::files(&outcome), update));
        if let Err(why) = compared {
            failures.push(format!("{name}: {why}"));
        }
    }
    let texts: Vec<&str> = manifests.iter().map(|(.., text)| text.as_str()).collect();
    failures.extend(mpd::validate_all(&texts).err());
    // mpd-parser knows no segment sequences.
    let plain = manifests.iter().filter(|(name, ..)| name == "manifest");
    mpd_parser(&plain.map(|(_, at_ms, text)| (text.as_str(), BEGINS.0 + at_ms)).collect::<Vec<_>>());
    assert!(only.is_some() || patched > 1_000, "only {patched} patches were tried");
    assert!(
        failures.is_empty(),
        "{}\nWhere the new answer is right: cargo xtask golden, and read what changed.",
        failures.join("\n")
    );
}

/// For each rule of the project's list that playlists and their answers are held to, a case in an
/// unusual codec, or at an unusual rate, in which there is something to hold to it: an answer and what
/// stands in it. [`rules`] and [`Watch`] check the rules themselves in every case.
const TRIED: [(&str, &str, &str, &str); 31] = [
    ("H1", "av1-59.94-opus", "01-video.m3u8", "\n#EXTM3U\n#EXT-X-VERSION:6\n"),
    ("H2", "av1-59.94-opus", "11-video-later-delta.m3u8", "#EXT-X-VERSION:9\n"),
    ("H3", "vp9-23.976-flac-slides", "00-video.m3u8", "#EXT-X-TARGETDURATION:3\n"),
    ("H4", "parts-of-200-ms-flac-he-aac", "02-flac.m3u8", "PART-TARGET=0.19200\n"),
    ("H4", "parts-of-200-ms-flac-he-aac", "03-he-aac.m3u8", "#EXT-X-PART:DURATION=0.21333,"),
    ("H5", "parts-of-200-ms-flac-he-aac", "01-video.m3u8", "PART-HOLD-BACK=0.700\n"),
    ("H6", "vp9-all-intra", "02-video.m3u8", "#EXT-X-PART:DURATION=0.48000,"),
    ("H7", "hevc-59.94-ac3-restarts", "03-video-after.m3u8", "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:"),
    ("H8", "av1-59.94-opus", "10-video-later.m3u8", "Z\n#EXTINF:2.00200,\n0mywpiww0trp35-2.m4s\n"),
    ("H9", "hevc-23.976-eac3", "01-video.m3u8", "#EXT-X-PRELOAD-HINT:TYPE=PART,"),
    ("H10", "vp9-23.976-flac-slides", "07-hinted-part.txt", "answered after 221 ms\n\n200\n"),
    ("H10", "vp9-23.976-flac-slides", "09-hint-that-becomes-a-marker.txt", "\n404\n"),
    ("H11", "av1-59.94-opus", "08-video-after-the-gap.m3u8", "#EXT-X-GAP\n"),
    ("H12", "vp9-23.976-flac-slides", "01-part-without-msn.txt", "\n400\n"),
    ("H12", "vp9-23.976-flac-slides", "14-older-than-the-window.m3u8", "after 0 ms\n\n200\n"),
    ("H12", "vp9-23.976-flac-slides", "17-held-too-long.txt", "answered after 9000 ms\n\n503\n"),
    ("H12", "hevc-23.976-eac3", "09-video-ended-held-no-more.m3u8", "after 0 ms\n\n200\n"),
    ("H13", "hevc-59.94-ac3-restarts", "05-video-later-delta.m3u8", "#EXT-X-DISCONTINUITY\n"),
    ("H13", "av1-59.94-opus", "09-video-after-the-gap-delta.m3u8", "#EXT-X-SKIP:SKIPPED-SEGMENTS="),
    ("H14", "hevc-23.976-eac3", "01-video.m3u8", "#EXT-X-RENDITION-REPORT:URI=\"../video-low/index.m3u8\","),
    ("H15", "hevc-59.94-ac3-restarts", "04-audio-after.m3u8", "#EXT-X-PROGRAM-DATE-TIME:"),
    ("H16", "vp9-23.976-flac-slides", "12-video-past-the-tag.m3u8", "#EXT-X-MEDIA-SEQUENCE:8\n"),
    ("H17", "vp9-23.976-flac-slides", "12-video-past-the-tag.m3u8", "#EXT-X-DISCONTINUITY-SEQUENCE:1\n"),
    ("H18", "vp9-23.976-flac-slides", "15-segment-removed-long-ago.txt", "\n200\n"),
    ("H19", "av1-59.94-opus", "07-header.txt", "/init.mp4: "),
    ("H20", "hevc-23.976-eac3", "07-video-ended.m3u8", "\n#EXT-X-ENDLIST\n"),
    ("H21", "vp9-all-intra", "03-audio.m3u8", "#EXTINF:"),
    ("H24", "hevc-59.94-ac3-restarts", "02-multivariant-after.m3u8", "VIDEO-RANGE=HLG,FRAME-RATE=59.940,"),
    ("H25", "hdr-and-atmos", "00-multivariant.m3u8", ",AVERAGE-BANDWIDTH="),
    ("H26", "groups-codecs", "00-multivariant.m3u8", "DEFAULT=YES,AUTOSELECT=YES,"),
    ("H27", "vp9-all-intra", "01-multivariant.m3u8", "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH="),
];

#[test]
fn every_rule_is_tried_in_an_unusual_codec() {
    let rules = (1..=21).chain(24..=27).map(|number| format!("H{number}"));
    for rule in rules {
        assert!(TRIED.iter().any(|(tried, ..)| *tried == rule), "{rule} is not tried");
    }
    for (rule, case, file, text) in TRIED {
        let path = golden::golden_folder().join(case).join(file);
        let answer = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        assert!(answer.contains(text), "{rule}: there is no {text:?} in {case}/{file}");
    }
}
