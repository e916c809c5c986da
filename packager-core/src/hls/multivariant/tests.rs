//! Which tracks make which groups. What players get of real tracks is in the golden cases.

use super::*;
use crate::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use crate::log::record::from_json;
use crate::log::{Begin, BitRate, Chain, SessionId, Shape, TrackName};
use crate::time::Timescale;

/// A track that was pushed.
struct Track {
    name: TrackName,
    header: Header,
    chain: Chain,
}

fn track(kind: TrackKind, name: &str, codec: &str, bps: u64) -> Track {
    let media = SyntheticMedia::Aac { sample_rate: 48_000, channels: 2 };
    let timescale = Timescale::new(48_000).unwrap();
    let mut header = Header::parse(&SyntheticHeader::new(1, timescale, media).write()).unwrap();
    header.kind = kind;
    header.codec = codec.to_owned();
    header.channels = 0;
    if kind == TrackKind::Video {
        (header.width, header.height) = (640, 360);
    }
    let begin = Begin {
        kind,
        session: SessionId::parse("s").unwrap(),
        start_ticks: 0,
        timescale,
        period: 0,
        part_target_ticks: 24_000,
        first_msn: 1,
    };
    let shape = Shape {
        target_duration_s: 2,
        segment_ms: 2000,
        part_ms: 500,
        whole_segments: false,
        window_ms: 60_000,
    };
    let mut chain = Chain::new(begin, shape);
    let frames = if kind == TrackKind::Video { 25 } else { 0 };
    chain.rate = BitRate {
        peak_bps: bps + 1,
        bits: bps,
        duration_us: 1_000_000,
        frames,
        frames_us: 1_000_000,
        ..BitRate::default()
    };
    Track { name: TrackName::parse(name).unwrap(), header, chain }
}

fn video(name: &str, bps: u64) -> Track {
    track(TrackKind::Video, name, "avc1.64001f", bps)
}

fn text(name: &str, codec: &str, language: &str) -> Track {
    let mut track = track(TrackKind::Text, name, codec, 10);
    track.header.language = Some(language.to_owned());
    track
}

fn audio(name: &str, codec: &str, channels: u32, language: &str, bps: u64) -> Track {
    let mut track = track(TrackKind::Audio, name, codec, bps);
    track.header.channels = channels;
    track.header.language = Some(language.to_owned()).filter(|language| !language.is_empty());
    track
}

/// The lines of the playlist of these tracks, with what the operator says of them, as JSON.
fn rendered(tracks: &[Track], settings: &str) -> Vec<String> {
    let settings: BroadcastSettings = from_json(settings.as_bytes()).unwrap();
    let renditions: Vec<_> = tracks
        .iter()
        .map(|Track { name, header, chain }| Rendition {
            track: name,
            header,
            chain,
            settings: settings.track(name),
        })
        .collect();
    let text = Multivariant {
        root: "g",
        settings: &settings,
        renditions: &renditions,
        file: "index.m3u8",
        frames_file: Some("frames.m3u8"),
        is_live: true,
    }
    .render();
    text.lines().skip(2).map(str::to_owned).collect()
}

/// An attribute of a tag, without quotes.
fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(",{name}="))?;
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split(',').next(),
    }
}

/// `group: name track, …` of each group, in order.
fn groups(lines: &[String]) -> Vec<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for line in lines.iter().filter(|line| line.starts_with("#EXT-X-MEDIA")) {
        let of = |name| attribute(line, name).unwrap_or("-");
        let track = of("URI").split('/').nth(1).unwrap();
        let member = format!("{} {track}", of("NAME"));
        match groups.last_mut().filter(|(id, _)| id == of("GROUP-ID")) {
            Some((_, members)) => members.push(member),
            None => groups.push((of("GROUP-ID").to_owned(), vec![member])),
        }
    }
    groups.into_iter().map(|(id, members)| format!("{id}: {}", members.join(", "))).collect()
}

/// `track codecs group text bandwidth` of each variant, in order.
fn variants(lines: &[String]) -> Vec<String> {
    let pairs = lines.windows(2).filter(|pair| pair[0].starts_with("#EXT-X-STREAM-INF"));
    pairs
        .map(|pair| {
            let of = |name| attribute(&pair[0], name).unwrap_or("-");
            let bandwidth = pair[0].split(['=', ',']).nth(1).unwrap();
            let track = pair[1].split('/').nth(1).unwrap();
            format!("{track} {} {} {} {bandwidth}", of("CODECS"), of("AUDIO"), of("SUBTITLES"))
        })
        .collect()
}

fn of_member<'a>(lines: &'a [String], member: &str, name: &str) -> Vec<Option<&'a str>> {
    let is_it = |line: &&String| attribute(line, "NAME") == Some(member);
    lines.iter().filter(is_it).map(|line| attribute(line, name)).collect()
}

#[test]
fn each_codec_and_layout_is_a_group_of_all_languages() {
    let tracks = [
        video("v", 1000),
        audio("a1", "mp4a.40.2", 2, "en", 100),
        audio("a2", "mp4a.40.2", 2, "fr", 110),
        audio("a3", "ac-3", 6, "en", 400),
        audio("a4", "mp4a.40.2", 6, "FR", 300),
    ];
    let lines = rendered(&tracks, "{}");
    assert_eq!(
        groups(&lines),
        [
            "audio-mp4a.40.2-2ch: en a1, fr a2",
            "audio-mp4a.40.2-6ch: en a1, fr a4",
            "audio-ac-3: en a3, fr a2",
        ]
    );
    assert_eq!(
        variants(&lines),
        [
            "v avc1.64001f,mp4a.40.2 audio-mp4a.40.2-2ch - 1112",
            "v avc1.64001f,mp4a.40.2 audio-mp4a.40.2-6ch - 1302",
            "v avc1.64001f,ac-3,mp4a.40.2 audio-ac-3 - 1402",
        ]
    );
    // A member is the same in every group, but for its URI and CHANNELS.
    assert_eq!(of_member(&lines, "fr", "LANGUAGE"), [Some("fr"); 3]);
    assert_eq!(of_member(&lines, "fr", "CHANNELS"), [Some("2"), Some("6"), Some("2")]);
    assert_eq!(of_member(&lines, "en", "DEFAULT"), [Some("YES"); 3]);
    assert_eq!(of_member(&lines, "fr", "DEFAULT"), [Some("NO"); 3]);
}

#[test]
fn what_is_not_there_in_the_common_codec_is_left_out_and_said_to_be() {
    let mut tracks = vec![
        video("v", 1000),
        audio("a1", "mp4a.40.2", 2, "en", 100),
        audio("a2", "ec-3", 6, "en", 400),
        audio("a3", "ec-3", 6, "fr", 400),
    ];
    let lines = rendered(&tracks, "{}");
    assert!(lines[0].starts_with("# a3 is left out"), "{lines:#?}");
    assert_eq!(groups(&lines), ["audio-mp4a.40.2: en a1", "audio-ec-3: en a2"]);
    // Where nothing commoner is there at all, it is what there is.
    tracks.remove(1);
    assert_eq!(groups(&rendered(&tracks, "{}")), ["audio-ec-3: en a2, fr a3"]);
    // Browsers have Opus, but no other codec of these.
    let tracks = [audio("a1", "ac-3", 2, "en", 1), audio("a2", "opus", 2, "en", 1), video("v", 1)];
    assert_eq!(groups(&rendered(&tracks, "{}")), ["audio-opus: en a2", "audio-ac-3: en a1"]);
}

#[test]
fn tracks_without_a_language_are_told_apart_by_their_names() {
    let tracks = [
        video("v", 1000),
        audio("a1", "mp4a.40.2", 2, "", 100),
        audio("a2", "mp4a.40.2", 2, "", 50),
        audio("a3", "ac-3", 6, "", 400),
        audio("a4", "ac-3", 6, "", 400),
    ];
    let lines = rendered(&tracks, "{}");
    assert_eq!(groups(&lines), ["audio-mp4a.40.2: a1 a1, a2 a2", "audio-ac-3: a1 a3, a2 a4"]);
    assert_eq!(of_member(&lines, "a1", "LANGUAGE"), [None, None]);
    // Nothing tells them apart by which a player could choose: only the default is chosen unasked.
    assert_eq!(of_member(&lines, "a1", "AUTOSELECT"), [Some("YES"); 2]);
    assert_eq!(of_member(&lines, "a2", "AUTOSELECT"), [Some("NO"); 2]);
}

#[test]
fn what_the_operator_names_alike_is_one_thing_and_what_not_is_not() {
    let tracks = [
        video("v", 1000),
        audio("a1", "mp4a.40.2", 2, "en", 100),
        audio("a2", "mp4a.40.2", 2, "en", 110),
        audio("a3", "mp4a.40.2", 2, "en", 50),
        audio("a4", "ac-3", 6, "", 400),
        audio("a5", "ac-3", 6, "en", 300),
    ];
    let settings = r#"{"tracks": {
        "a1": {"name": "Stadium", "order": 3},
        "a2": {"name": "Commentary", "role": "commentary", "order": 1},
        "a4": {"name": "Stadium", "language": "en", "default": true}
    }}"#;
    let lines = rendered(&tracks, settings);
    assert_eq!(
        groups(&lines),
        [
            "audio-mp4a.40.2: Commentary a2, Stadium a1",
            "audio-mp4a.40.2-2: Commentary a2, Stadium a3",
            "audio-ac-3: Commentary a2, Stadium a4",
            "audio-ac-3-2: Commentary a2, Stadium a5",
        ]
    );
    assert_eq!(of_member(&lines, "Stadium", "DEFAULT"), [Some("YES"); 4]);
    assert_eq!(of_member(&lines, "Commentary", "AUTOSELECT"), [Some("NO"); 4]);
}

#[test]
fn names_are_unique_whatever_is_said() {
    let settings = r#"{"tracks": {
        "a1": {"name": "a2"}, "a2": {"name": "a3"}, "a3": {"name": "a2", "language": "fr"}, "a5": {"name": "fr"}
    }}"#;
    let tracks: Vec<_> = (1..=5)
        .map(|n| audio(&format!("a{n}"), "mp4a.40.2", 2, if n == 4 { "fr" } else { "en" }, 1))
        .chain([video("v", 1)])
        .collect();
    let lines = rendered(&tracks, settings);
    // a4 says nothing, so it is another encoding of the first in its language.
    assert_eq!(
        groups(&lines),
        [
            "audio-mp4a.40.2: a2 a1, a3 a2, a3 (2) a3, fr a5",
            "audio-mp4a.40.2-2: a2 a1, a3 a2, a3 (2) a4, fr a5",
        ]
    );
}

#[test]
fn a_description_is_no_default_and_says_what_it_is() {
    let tracks =
        [video("v", 1000), audio("a1", "mp4a.40.2", 2, "en", 100), audio("a2", "mp4a.40.2", 2, "en", 100)];
    let lines = rendered(&tracks, r#"{"tracks": {"a1": {"role": "description"}}}"#);
    assert_eq!(groups(&lines), ["audio-mp4a.40.2: en (description) a1, en a2"]);
    assert_eq!(of_member(&lines, "en", "DEFAULT"), [Some("YES")]);
    let description = "en (description)";
    let describes = Some("public.accessibility.describes-video");
    assert_eq!(of_member(&lines, description, "CHARACTERISTICS"), [describes]);
    assert_eq!(of_member(&lines, description, "AUTOSELECT"), [Some("YES")]);
}

#[test]
fn text_is_one_group_that_every_variant_names() {
    let mut tracks = vec![
        video("v1", 1000),
        video("v2", 2000),
        text("t1", "wvtt", "en"),
        text("t2", "stpp.ttml.im1t", "en"),
        text("t3", "wvtt", "fr"),
    ];
    // Also while there is no sound.
    let lines = rendered(&tracks, "{}");
    assert_eq!(groups(&lines), ["text: en t1, t2 t2, fr t3"]);
    assert_eq!(
        variants(&lines),
        ["v2 avc1.64001f,wvtt,stpp.ttml.im1t - text 2012", "v1 avc1.64001f,wvtt,stpp.ttml.im1t - text 1012",]
    );
    assert!(lines[0].starts_with("#EXT-X-MEDIA:TYPE=SUBTITLES,"), "{}", lines[0]);
    for name in ["en", "t2", "fr"] {
        // Nobody who did not ask for text gets any.
        assert_eq!(of_member(&lines, name, "DEFAULT"), [Some("NO")]);
        assert_eq!(of_member(&lines, name, "FORCED"), [None]);
    }
    assert_eq!(of_member(&lines, "t2", "AUTOSELECT"), [Some("NO")]);

    tracks.extend([audio("a1", "mp4a.40.2", 2, "en", 100), audio("a2", "ac-3", 6, "en", 400)]);
    let settings = r#"{"captions": "none", "tracks": {
        "t1": {"default": true}, "t2": {"role": "caption", "order": 0}, "t3": {"role": "forced-subtitle"}
    }}"#;
    let lines = rendered(&tracks, settings);
    assert_eq!(
        groups(&lines),
        [
            "audio-mp4a.40.2: en a1",
            "audio-ac-3: en a2",
            "text: en (caption) t2, en t1, fr (forced-subtitle) t3"
        ]
    );
    assert_eq!(variants(&lines)[0], "v2 avc1.64001f,mp4a.40.2,stpp.ttml.im1t,wvtt audio-mp4a.40.2 text 2113");
    assert_eq!(of_member(&lines, "en", "DEFAULT").last(), Some(&Some("YES")));
    assert_eq!(of_member(&lines, "fr (forced-subtitle)", "FORCED"), [Some("YES")]);
    let transcribes =
        "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound";
    assert_eq!(of_member(&lines, "en (caption)", "CHARACTERISTICS"), [Some(transcribes)]);
    let streams = lines.iter().filter(|line| line.starts_with("#EXT-X-STREAM-INF"));
    assert!(streams.clone().all(|line| line.contains(",CLOSED-CAPTIONS=NONE")) && streams.count() == 4);
}

#[test]
fn sound_alone() {
    let mut tracks = vec![
        audio("a1", "mp4a.40.2", 2, "en", 100),
        audio("a2", "mp4a.40.2", 2, "en", 200),
        audio("a3", "ac-3", 6, "en", 150),
        text("t1", "wvtt", "en"),
    ];
    // One language: nothing to choose but the encoding.
    let lines = rendered(&tracks, "{}");
    assert_eq!(groups(&lines), ["text: en t1"]);
    assert_eq!(
        variants(&lines),
        ["a2 mp4a.40.2,wvtt - text 212", "a3 ac-3,wvtt - text 162", "a1 mp4a.40.2,wvtt - text 112"]
    );
    // Two: the variants' own playlists are the default's.
    tracks.push(audio("a4", "mp4a.40.2", 2, "fr", 120));
    let lines = rendered(&tracks, r#"{"tracks": {"a4": {"default": true}}}"#);
    assert_eq!(
        groups(&lines),
        [
            "audio-mp4a.40.2: en a2, fr a4",
            "audio-mp4a.40.2-2: en a1, fr a4",
            "audio-ac-3: en a3, fr a4",
            "text: en t1",
        ]
    );
    assert_eq!(
        variants(&lines),
        [
            "a4 mp4a.40.2,wvtt audio-mp4a.40.2 text 212",
            "a4 mp4a.40.2,wvtt audio-mp4a.40.2-2 text 132",
            "a4 mp4a.40.2,ac-3,wvtt audio-ac-3 text 162",
        ]
    );
}

#[test]
fn video_is_listed_as_the_operator_says_then_best_first() {
    let tracks = [video("v1", 1), video("v2", 2), video("v3", 3), video("v4", 4)];
    let names = |settings: &str| -> Vec<String> {
        variants(&rendered(&tracks, settings)).iter().map(|variant| variant[..2].to_owned()).collect()
    };
    assert_eq!(names("{}"), ["v4", "v3", "v2", "v1"]);
    let settings = r#"{"tracks": {"v1": {"order": 2}, "v2": {"order": 1}, "v3": {"default": true}}}"#;
    assert_eq!(names(settings), ["v3", "v2", "v1", "v4"]);
}

#[test]
fn as_many_tracks_as_there_may_be_are_listed_without_an_explosion() {
    let languages = (0..16).map(|n| format!("x{}", char::from(b'a' + n)));
    let mut tracks: Vec<_> = languages
        .flat_map(|language| {
            ["mp4a.40.2", "mp4a.40.5", "ac-3"]
                .map(|codec| audio(&format!("{language}-{codec}").replace('.', "-"), codec, 2, &language, 1))
        })
        .collect();
    tracks.extend((0..16).map(|n| video(&format!("v{n}"), 1)));
    assert_eq!(tracks.len(), crate::limits::TRACKS_PER_BROADCAST);
    let lines = rendered(&tracks, "{}");
    assert_eq!(lines.len(), 3 * 16 + 2 * 3 * 16);
}
