//! The schema, time, the model, and the segments it gives.

use super::*;

#[test]
fn the_schema_accepts_what_is_valid() {
    let examples: Vec<String> =
        ["example_G20.mpd", "example_G21_patch_base.mpd", "example_G22.mpd"].map(example).to_vec();
    let mut all: Vec<&str> = examples.iter().map(String::as_str).collect();
    all.extend([CHUNKS, SEQUENCES, ENDED]);
    assert_eq!(validate_all(&all), Ok(()));
    assert_eq!(validate_all_patches(&[&example("example_G21_patch.mpp")]), Ok(()));
}

#[test]
fn the_schema_rejects_what_is_not_and_says_where() {
    let no_profiles = changed(SEQUENCES, "profiles=", "about=");
    let no_date = changed(CHUNKS, "publishTime=\"2027-01-15T08:01:00.500Z\"", "publishTime=\"today\"");
    let why = validate_all(&[CHUNKS, &no_profiles, ENDED, &no_date, "<MPD>"]).unwrap_err();
    assert!(!why.contains("document 0") && !why.contains("document 2"), "{why}");
    assert!(why.contains("document 1") && why.contains("'about' is not allowed"), "{why}");
    assert!(why.contains("document 3") && why.contains("'today' is not a valid value"), "{why}");
    assert!(why.contains("document 4"), "{why}");
    // A patch is no MPD, and an MPD no patch.
    let patch = example("example_G21_patch.mpp");
    assert!(validate(&patch).is_err());
    assert!(validate_patch(CHUNKS).is_err());
    let unknown =
        changed(&patch, "<replace sel=\"/MPD/@publishTime\">", "<replace select=\"/MPD/@publishTime\">");
    assert!(validate_patch(&unknown).unwrap_err().contains("'select' is not allowed"));
    // Later than the 5th edition.
    let k = changed(CHUNKS, "duration=\"180000\" media", "duration=\"180000\" k=\"4\" media");
    assert!(validate(&k).is_err());
}

#[test]
fn dates_are_exact() {
    let date = |text: &str| Seconds::date(text);
    assert_eq!(date("1970-01-01T00:00:00Z"), Some(Seconds::ZERO));
    assert_eq!(date("2027-01-15T08:00:00.250Z"), Some(Seconds::ms(1_800_000_000_250)));
    assert_eq!(date("2027-01-15T10:30:00+02:30"), Some(Seconds::ms(1_800_000_000_000)));
    assert_eq!(date("2027-01-15T07:59:00.0-00:01"), Some(Seconds::ms(1_800_000_000_000)));
    assert_eq!(date("2028-02-29T00:00:00Z").map(Seconds::floor_ms), Some(1_835_395_200_000));
    assert_eq!(date("1969-12-31T23:59:59.9Z"), Some(Seconds::ms(-100)));
    for wrong in [
        "2027-02-29T00:00:00Z",
        "2027-01-15T08:00:00",
        "2027-01-15 08:00:00Z",
        "2027-13-15T08:00:00Z",
        "2027-01-15T24:00:00Z",
        "2027-01-15T08:00:60Z",
        "2027-1-15T08:00:00Z",
        "",
    ] {
        assert_eq!(date(wrong), None, "{wrong}");
    }
}

#[test]
fn durations_are_exact() {
    let duration = Seconds::duration;
    assert_eq!(duration("PT0S"), Some(Seconds::ZERO));
    assert_eq!(duration("P1DT2H3M4.5S"), Some(Seconds::ms(93_784_500)));
    assert_eq!(duration("PT95725984.571S"), Some(Seconds::ms(95_725_984_571)));
    assert_eq!(duration("PT1.001S"), Some(Seconds::ticks(30_030, 30_000)));
    for wrong in ["", "P", "PT", "1S", "PT1", "PT1S2M", "P1Y", "P1M", "PT1.5M", "-PT1S", "PT-1S", "PT.5S"] {
        assert_eq!(duration(wrong), None, "{wrong}");
    }
    assert!(Seconds::ticks(1001, 30_000) < Seconds::ticks(1002, 30_000));
    assert_eq!(Seconds::ticks(-1, 3).floor_ticks(1), -1);
    assert_eq!(Seconds::ticks(-1, 3).ceil_ticks(1), 0);
    assert_eq!(Seconds::ticks(1, 3).ceil_ticks(1), 1);
    assert_eq!(Seconds::ticks(4, 3).to_string(), "1.333333 s");
}

#[test]
fn an_mpd_is_read() {
    let mpd = read(CHUNKS);
    assert!(mpd.dynamic);
    assert_eq!(mpd.profiles.len(), 2);
    assert_eq!(mpd.patch_locations[0].url, "/show/manifest.mpp?publishTime=2027-01-15T08%3A01%3A00.500Z");
    assert_eq!(mpd.service_descriptions[0].latency_ms, [Some(2000), Some(1000), Some(6000)]);
    assert_eq!(mpd.periods[0].end, Some(Seconds::ms(40_500)));
    assert_eq!(mpd.periods[1].end, None);
    let [video, audio, text] = &mpd.periods[1].adaptation_sets[..] else { panic!("three sets") };
    assert_eq!(
        (video.representations[1].size, video.content_type.as_deref()),
        (Some((640, 360)), Some("video"))
    );
    assert_eq!(video.producer_reference_times[0].presentation_time, Some(0));
    assert_eq!(audio.labels, [(Some("en".to_owned()), "English".to_owned())]);
    assert_eq!(audio.roles[0].value.as_deref(), Some("main"));
    assert_eq!(text.lang.as_deref(), Some("fr-CA"));
    // The inner SegmentTemplate overrides two attributes, and inherits the rest.
    let inner = audio.representations[1].template.as_ref().unwrap();
    assert_eq!(
        (inner.timescale, inner.presentation_time_offset, inner.start_number),
        (Some(24_000), 512, Some(12))
    );
    assert_eq!(inner.timeline.as_ref().map(Vec::len), Some(2));
    assert_eq!(
        mpd.representation_ids(),
        ["video-1080p", "video-360p", "audio-en", "audio-en-64k", "text-fr"]
    );
    // Static: it ends where the presentation does.
    assert_eq!(read(ENDED).periods[0].end, Some(Seconds::ms(49_500)));
}

#[test]
fn what_is_no_mpd_is_an_error() {
    for (from, to) in [
        ("urn:mpeg:dash:schema:mpd:2011", "urn:other"),
        ("type=\"dynamic\"", "type=\"live\""),
        ("PT2S", "2"),
        ("<S t=\"180000\" d=\"180000\"", "<S t=\"180000\""),
        ("timescale=\"90000\"", "timescale=\"0\""),
        ("startNumber=\"7\"", "startNumber=\"-7\""),
        (" id=\"video\"", ""),
        ("</MPD>", ""),
    ] {
        assert!(Mpd::parse(&changed(SEQUENCES, from, to), AT).is_err(), "{from} -> {to}");
    }
}

#[test]
fn a_timeline_is_told_segment_by_segment() {
    let mpd = read(CHUNKS);
    let segments = mpd.segments("audio-en", Seconds::ZERO).unwrap();
    let told: Vec<_> = segments.iter().map(|s| (s.number, s.start_ticks, s.duration_ticks)).collect();
    assert_eq!(
        told,
        [(12, 1024, 96_256), (13, 97_280, 95_232), (14, 192_512, 95_232), (15, 287_744, 96_768)]
    );
    assert_eq!(segments[1].urls, ["/show/g1/audio-en/13.m4s"]);
    assert_eq!(segments[1].init_url.as_deref(), Some("/show/g1/audio-en/s2/init.mp4"));
    assert_eq!((segments[0].period.as_str(), segments[0].timescale), ("1", 48_000));
    assert_eq!(segments[0].starts, Seconds::date("2027-01-15T08:00:40.500Z").unwrap());
    assert_eq!(segments[0].ends, segments[1].starts);
    assert_eq!(segments[1].starts - segments[0].starts, Seconds::ticks(96_256, 48_000));
    // The same moments, in ticks half as long.
    let half = mpd.segments("audio-en-64k", Seconds::ZERO).unwrap();
    assert!(
        half.iter().zip(&segments).all(|(a, b)| a.starts == b.starts && a.start_ticks * 2 == b.start_ticks)
    );
    // At an absolute URL, all are absolute.
    let elsewhere = Mpd::parse(CHUNKS, "https://cdn.example/show/manifest.mpd").unwrap();
    let url = elsewhere.segments("audio-en", Seconds::ZERO).unwrap().remove(0).urls.remove(0);
    assert_eq!(url, "https://cdn.example/show/g1/audio-en/12.m4s");
}

#[test]
fn sequences_are_told_with_their_sub_numbers() {
    let segments = read(SEQUENCES).segments("video", Seconds::ZERO).unwrap();
    let counts: Vec<_> = segments.iter().map(|s| (s.number, s.start_ticks, s.urls.len())).collect();
    assert_eq!(counts, [(7, 180_000, 4), (8, 360_000, 4), (9, 540_000, 2)]);
    assert_eq!(segments[2].urls, ["/show/g1/video/009_0.m4s", "/show/g1/video/009_1.m4s"]);
}

#[test]
fn a_duration_gives_what_can_be_asked_for_now() {
    let mpd = read(CHUNKS);
    let at = |time: &str| Seconds::date(&format!("2027-01-15T{time}Z")).unwrap();
    let numbers = |id: &str, time: &str| -> Vec<u64> {
        mpd.segments(id, at(time)).unwrap().iter().map(|segment| segment.number).collect()
    };
    // Period 0 has 40.5 s: twenty segments and a last one that is cut off; 0 to 2 s is gone 60 s after 4 s.
    assert_eq!(numbers("video-1080p", "08:00:40.750"), (1..=20).collect::<Vec<_>>());
    assert_eq!(numbers("video-1080p", "08:00:40.999"), (1..=20).collect::<Vec<_>>());
    // A segment can be asked for when its first part is there.
    assert_eq!(numbers("video-360p", "08:00:40.999"), [] as [u64; 0]);
    assert_eq!(numbers("video-360p", "08:00:41.000"), [22]);
    assert_eq!(numbers("video-360p", "08:00:42.999"), [22]);
    assert_eq!(numbers("video-360p", "08:00:43.000"), [22, 23]);
    assert_eq!(numbers("video-1080p", "08:00:43.000"), (1..=23).collect::<Vec<_>>());
    // Text has no parts.
    assert_eq!(numbers("text-fr", "08:00:42.499"), [] as [u64; 0]);
    assert_eq!(numbers("text-fr", "08:00:42.500"), [1]);
    // The oldest go when they have been in the window for as long as it is, and once more.
    assert_eq!(numbers("video-1080p", "08:01:03.999").first(), Some(&1));
    assert_eq!(numbers("video-1080p", "08:01:04").first(), Some(&2));
    assert_eq!(numbers("video-360p", "08:02:00").first(), Some(&30));
    let segments = mpd.segments("video-1080p", at("08:00:43")).unwrap();
    assert_eq!((segments[1].start_ticks, segments[1].duration_ticks), (1_080_000, 180_000));
    assert_eq!(segments[1].starts, at("08:00:02"));
    assert_eq!(segments[22].starts, at("08:00:42.5"));
    assert_eq!((segments[22].period.as_str(), segments[22].start_ticks), ("1", 180_000));
    // Static: up to the end.
    let whole = changed(ENDED, " endNumber=\"26\"", " duration=\"180000\"");
    let whole = whole.replace("<SegmentTimeline>", "<!--").replace("</SegmentTimeline>", "-->");
    let segments = read(&whole).segments("video-1080p", Seconds::ZERO).unwrap();
    assert_eq!(segments.iter().map(|s| s.number).collect::<Vec<_>>(), [22, 23, 24, 25, 26]);
}

#[test]
fn open_repeats_go_on_to_what_ends_them() {
    let mpd = read(&changed(ENDED, "r=\"3\"", "r=\"-1\""));
    assert!(mpd.segments("video-1080p", Seconds::ZERO).unwrap_err().contains("unknown"));
    let mpd = read(&changed(ENDED, "r=\"3\"/>\n          <S d", "r=\"-1\"/><S t=\"720000\" d"));
    assert_eq!(mpd.segments("video-1080p", Seconds::ZERO).unwrap().len(), 5);
    let mpd = read(&changed(ENDED, "r=\"3\"/>\n          <S d=\"90000\"/>", "r=\"-1\"/>"));
    assert_eq!(mpd.segments("video-1080p", Seconds::ZERO).unwrap().len(), 5);
    let endless = changed(ENDED, "r=\"3\"", "r=\"100000\"");
    assert!(read(&endless).segments("video-1080p", Seconds::ZERO).unwrap_err().contains("more than"));
}

#[test]
fn the_examples_of_the_standard_are_read() {
    let mpd = read(&example("example_G22.mpd"));
    assert_eq!(mpd.periods[0].start, None);
    assert!(mpd.segments("A", Seconds::ZERO).unwrap_err().contains("no start"));
    let mpd = read(&example("example_G21_patch_base.mpd"));
    let segments = mpd.segments("audio-0", Seconds::ZERO).unwrap();
    assert_eq!(segments.len(), 9);
    assert_eq!(segments[8].urls, ["/show/live-stream/audio-0/5494660288.m4s"]);
    let now = Seconds::date("2020-02-19T11:01:42.688Z").unwrap();
    let segments = read(&example("example_G20.mpd")).segments("0", now).unwrap();
    // 1180.004 s since the start, 7.5 s early, in segments of 8 s; no window.
    assert_eq!(segments.len(), 148);
    assert_eq!(segments[147].urls, ["/show/chunk-stream0-00148.m4s"]);
}
