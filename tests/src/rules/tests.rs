//! Each rule catches a playlist that breaks it, and none finds fault with one that breaks none.

use super::*;

const MEDIA: &str = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000,HOLD-BACK=6.000,PART-HOLD-BACK=1.750
#EXT-X-PART-INF:PART-TARGET=0.50000
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI=\"a/init.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
#EXTINF:2.00000,
1.m4s
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:02.000Z
#EXTINF:2.00000,
2.m4s
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:04.000Z
#EXTINF:2.00000,
3.m4s
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:06.000Z
#EXT-X-GAP
#EXTINF:2.00000,
4.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"b/init.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:09.000Z
#EXT-X-PART:DURATION=0.50000,URI=\"b/0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.50000,URI=\"b/1.m4s\"
#EXT-X-PART:DURATION=0.50000,URI=\"b/2.m4s\"
#EXT-X-PART:DURATION=0.30000,URI=\"b/3.m4s\"
#EXTINF:1.80000,
5.m4s
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:10.800Z
#EXT-X-PART:DURATION=0.50000,URI=\"b/4.m4s\",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"b/5.m4s\"
#EXT-X-RENDITION-REPORT:URI=\"../audio/index.m3u8\",LAST-MSN=2,LAST-PART=0
";

const AUDIO: &str = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000,HOLD-BACK=6.000,PART-HOLD-BACK=1.750
#EXT-X-PART-INF:PART-TARGET=0.51200
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
#EXT-X-GAP
#EXTINF:2.00000,
1.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"b/init.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:09.000Z
#EXT-X-PART:DURATION=0.51200,URI=\"b/0.m4s\",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"b/1.m4s\"
#EXT-X-RENDITION-REPORT:URI=\"../video/index.m3u8\",LAST-MSN=6,LAST-PART=0
";

const MULTIVARIANT: &str = "\
#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
# a comment
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"en\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"g/en/index.m3u8\"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"fr\",LANGUAGE=\"fr\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"g/fr/index.m3u8\"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"ac3\",NAME=\"en\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"6\",URI=\"g/en6/index.m3u8\"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"ac3\",NAME=\"fr\",LANGUAGE=\"fr\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"g/fr/index.m3u8\"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"fr\",LANGUAGE=\"fr\",DEFAULT=NO,AUTOSELECT=YES,URI=\"g/sub/index.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=1310,AVERAGE-BANDWIDTH=1110,CODECS=\"avc1.64001f,mp4a.40.2,wvtt\",RESOLUTION=640x360,FRAME-RATE=30.000,AUDIO=\"aac\",SUBTITLES=\"text\"
g/hi/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1410,AVERAGE-BANDWIDTH=1310,CODECS=\"avc1.64001f,ac-3,mp4a.40.2,wvtt\",RESOLUTION=640x360,FRAME-RATE=30.000,AUDIO=\"ac3\",SUBTITLES=\"text\"
g/hi/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=810,AVERAGE-BANDWIDTH=710,CODECS=\"avc1.64001f,mp4a.40.2,wvtt\",RESOLUTION=320x180,FRAME-RATE=30.000,AUDIO=\"aac\",SUBTITLES=\"text\"
g/lo/index.m3u8
";

const SOUND_ALONE: &str = "\
#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"en\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"g/en/index.m3u8\"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"fr\",LANGUAGE=\"fr\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"g/fr/index.m3u8\"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"fr\",LANGUAGE=\"fr\",DEFAULT=NO,AUTOSELECT=YES,URI=\"g/sub/index.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=310,AVERAGE-BANDWIDTH=210,CODECS=\"mp4a.40.2,wvtt\",AUDIO=\"aac\",SUBTITLES=\"text\"
g/en/index.m3u8
";

/// `text` with one thing changed; what is to be replaced must be there.
fn broken(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not there");
    text.replacen(from, to, 1)
}

fn rules(found: &[Violation]) -> Vec<&'static str> {
    found.iter().map(|violation| violation.rule).collect()
}

fn uri(track: &str) -> String {
    format!("g/{track}/index.m3u8")
}

fn rates() -> BTreeMap<String, Rate> {
    let rate = |track: &str, peak_bps, average_bps| (uri(track), Rate { peak_bps, average_bps });
    [
        rate("hi", 1000, 900),
        rate("lo", 500, 500),
        rate("en", 200, 200),
        rate("fr", 300, 200),
        rate("en6", 400, 400),
        rate("sub", 10, 10),
    ]
    .into()
}

fn codecs() -> BTreeMap<String, String> {
    let coded = |track: &str, codec: &str| (uri(track), codec.to_owned());
    let video = ["hi", "lo"].map(|track| coded(track, "avc1.64001f"));
    let audio = ["en", "fr"].map(|track| coded(track, "mp4a.40.2"));
    video.into_iter().chain(audio).chain([coded("en6", "ac-3"), coded("sub", "wvtt")]).collect()
}

/// What is wrong with a multivariant playlist of these tracks.
fn multivariant(text: &str) -> Vec<Violation> {
    check(text, &Context { rates: Some(&rates()), codecs: Some(&codecs()), ..Context::default() })
}

#[test]
fn a_playlist_that_breaks_no_rule_is_not_found_fault_with() {
    let audio = [("audio".to_owned(), AUDIO.to_owned())];
    let video = [("video".to_owned(), MEDIA.to_owned())];
    let beside = |renditions| Context { renditions, fetchable: Some(&|_| true), ..Context::default() };
    assert_eq!(check(MEDIA, &beside(&audio)), []);
    assert_eq!(check(AUDIO, &beside(&video)), []);
    assert_eq!(check(MEDIA, &Context { previous: Some(MEDIA), ..Context::default() }), []);
    assert_eq!(multivariant(MULTIVARIANT), []);
    assert_eq!(multivariant(SOUND_ALONE), []);
    assert_eq!(check(MULTIVARIANT, &Context::default()), []);
}

#[test]
fn each_rule_of_one_media_playlist_is_checked() {
    let control = "CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000,HOLD-BACK=6.000,PART-HOLD-BACK=1.750";
    let end = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"b/5.m4s\"\n";
    for (rule, from, to) in [
        ("H1", "#EXTM3U\n", ""),
        ("H1", "#EXTM3U\n", "\u{feff}#EXTM3U\n"),
        ("H1", "1.m4s", "1\u{7}.m4s"),
        ("H1", "#EXT-X-PART:DURATION", "#EXT-X-PRAT:DURATION"),
        ("H1", "#EXTINF:2.00000,", "#EXTINF:two,"),
        ("H2", "VERSION:6", "VERSION:7"),
        ("H2", "VERSION:6", "VERSION:9"),
        ("H2", "#EXT-X-MAP", "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXT-X-MAP"),
        ("H3", "#EXTINF:2.00000,", "#EXTINF:2.50000,"),
        ("H3", "TARGETDURATION:2", "TARGETDURATION:0"),
        ("H4", "#EXT-X-PART-INF:PART-TARGET=0.50000\n", ""),
        ("H4", "DURATION=0.50000,URI=\"b/1.m4s\"", "DURATION=0.50001,URI=\"b/1.m4s\""),
        ("H4", "DURATION=0.50000,URI=\"b/1.m4s\"", "DURATION=0.42000,URI=\"b/1.m4s\""),
        ("H5", control, "CAN-SKIP-UNTIL=12.000,HOLD-BACK=6.000,PART-HOLD-BACK=1.750"),
        ("H5", "HOLD-BACK=6.000", "HOLD-BACK=5.999"),
        ("H5", "PART-HOLD-BACK=1.750", "PART-HOLD-BACK=1.499"),
        ("H5", "CAN-SKIP-UNTIL=12.000", "CAN-SKIP-UNTIL=11.000"),
        ("H5", "CAN-SKIP-UNTIL=12.000", "CAN-SKIP-DATERANGES=YES"),
        ("H5", control, &format!("{control},CAN-SKIP-DATERANGES=NO")),
        ("H6", "DURATION=0.30000", "DURATION=0.40000"),
        ("H6", "#EXT-X-DISCONTINUITY\n", "#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n"),
        ("H7", "#EXTINF:1.80000,", "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:09.000Z\n#EXTINF:1.80000,"),
        (
            "H8",
            "#EXTINF:2.00000,\n1.m4s",
            "#EXT-X-PART:DURATION=2.00000,URI=\"a/0.m4s\"\n#EXTINF:2.00000,\n1.m4s",
        ),
        ("H8", "#EXT-X-PART:DURATION=0.50000,URI=\"b/4.m4s\",INDEPENDENT=YES\n", "#EXTINF:2.00000,\n6.m4s\n"),
        ("H9", end, ""),
        ("H9", end, &format!("{end}{end}")),
        ("H9", end, &format!("{end}#EXT-X-ENDLIST\n")),
        ("H9", "URI=\"b/5.m4s\"", "URI=\"b/4.m4s\""),
        ("H13", "CAN-SKIP-UNTIL=12.000,", ""),
        ("H14", "../audio/index.m3u8", "/audio/index.m3u8"),
        ("H14", "LAST-MSN=2,", ""),
        ("H15", "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z\n", ""),
        ("H15", "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:09.000Z\n", ""),
        ("H15", "08:00:02.000Z", "08:00:02.040Z"),
        ("H16", "MEDIA-SEQUENCE:1", "MEDIA-SEQUENCE:0"),
        ("H16", "2.m4s", "1.m4s"),
        ("H17", "#EXT-X-DISCONTINUITY-SEQUENCE:0\n", ""),
        ("H19", "#EXT-X-MAP:URI=\"a/init.mp4\"\n", ""),
        ("H20", "#EXT-X-MEDIA-SEQUENCE:1\n", "#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n"),
        ("H21", "#EXT-X-TARGETDURATION:2\n", "#EXT-X-TARGETDURATION:2\n#EXT-X-TARGETDURATION:2\n"),
        ("H21", "TYPE=PART,", "TYPE=PART,TYPE=PART,"),
        ("H21", "#EXTINF:2.00000,\n2.m4s", "2.m4s"),
        ("H24", "URI=\"b/0.m4s\",INDEPENDENT=YES", "URI=\"b/0.m4s\""),
    ] {
        let mut text = broken(MEDIA, from, to);
        if rule == "H13" {
            text = broken(&text, "#EXT-X-MAP", "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXT-X-MAP");
        }
        let found = check(&text, &Context::default());
        assert!(rules(&found).contains(&rule), "{rule}: {from:?} to {to:?}: {found:?}");
    }
    // What removes segments leaves three target durations.
    let short: String = ["#EXT-X-MEDIA-SEQUENCE:9\n"].into_iter().collect();
    let mut text = broken(MEDIA, "#EXT-X-MEDIA-SEQUENCE:1\n", &short);
    for (n, extinf) in [(1, "2.00000"), (2, "2.00000"), (3, "2.00000"), (4, "2.00000"), (5, "1.80000")] {
        text = text.replace(&format!("#EXTINF:{extinf},\n{n}.m4s"), &format!("#EXTINF:0.50000,\n{n}.m4s"));
    }
    text.push_str("#EXTINF:0.50000,\n6.m4s\n#EXTINF:0.50000,\n7.m4s\n");
    let found = check(&text, &Context::default());
    assert!(rules(&found).contains(&"H18"), "{found:?}");
    let found = check(MEDIA, &Context { fetchable: Some(&|uri| uri != "b/1.m4s"), ..Context::default() });
    assert_eq!(rules(&found), ["H8"]);
}

#[test]
fn each_rule_about_the_playlist_before_is_checked() {
    for (rule, from, to) in [
        ("H3", "TARGETDURATION:2", "TARGETDURATION:3"),
        ("H4", "PART-TARGET=0.50000", "PART-TARGET=0.51000"),
        ("H5", "HOLD-BACK=6.000", "HOLD-BACK=7.000"),
        (
            "H9",
            "b/4.m4s\",INDEPENDENT=YES\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"b/5.m4s\"",
            "b/4.m4s\",INDEPENDENT=YES\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"b/7.m4s\"",
        ),
        ("H15", "2027-01-15T08:00:02.000Z", "2027-01-15T08:00:02.001Z"),
        ("H16", "MEDIA-SEQUENCE:1", "MEDIA-SEQUENCE:2"),
        ("H16", "2.m4s", "x.m4s"),
        ("H16", "\"a/init.mp4\"", "\"c/init.mp4\""),
        ("H16", "\"b/1.m4s\"", "\"b/9.m4s\""),
        ("H16", "#EXT-X-PRELOAD-HINT", "#EXTINF:0.50000,\n6.m4s\n7.m4s\n#EXT-X-PRELOAD-HINT"),
        ("H17", "DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1"),
        ("H17", "#EXT-X-DISCONTINUITY\n", ""),
        ("H20", "#EXT-X-RENDITION-REPORT", "#EXT-X-ENDLIST\n#EXT-X-RENDITION-REPORT"),
    ] {
        let before = broken(MEDIA, from, to);
        let mut now = MEDIA.to_owned();
        if rule == "H9" {
            now = broken(
                &now,
                "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"b/5.m4s\"",
                "#EXT-X-PART:DURATION=0.50000,URI=\"b/5.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"b/6.m4s\"",
            );
        }
        let found = check(&now, &Context { previous: Some(&before), ..Context::default() });
        assert!(rules(&found).contains(&rule), "{rule}: {from:?} to {to:?}: {found:?}");
    }
}

#[test]
fn each_rule_about_the_other_renditions_is_checked() {
    for (rule, from, to) in [
        ("H3", "TARGETDURATION:2", "TARGETDURATION:3"),
        ("H5", "HOLD-BACK=6.000", "HOLD-BACK=7.000"),
        (
            "H14",
            "1.m4s",
            "1.m4s\n#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:02.000Z\n#EXT-X-GAP\n#EXTINF:2.00000,\n2.m4s",
        ),
        ("H17", "#EXT-X-DISCONTINUITY-SEQUENCE:0", "#EXT-X-DISCONTINUITY-SEQUENCE:1"),
    ] {
        let audio = [("audio".to_owned(), broken(AUDIO, from, to))];
        let found = check(MEDIA, &Context { renditions: &audio, ..Context::default() });
        assert!(rules(&found).contains(&rule), "{rule}: {from:?} to {to:?}: {found:?}");
    }
    let more = [("text".to_owned(), AUDIO.to_owned())];
    let found = check(MEDIA, &Context { renditions: &more, ..Context::default() });
    assert_eq!(rules(&found), ["H14"]);
}

#[test]
fn each_rule_of_multivariant_playlists_is_checked() {
    let english = "NAME=\"en\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES";
    for (rule, from, to) in [
        ("H1", "#EXTM3U\n", ""),
        (
            "H21",
            "#EXT-X-INDEPENDENT-SEGMENTS\n",
            "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-INDEPENDENT-SEGMENTS\n",
        ),
        ("H21", "RESOLUTION=640x360", "RESOLUTION=640x360,RESOLUTION=640x360"),
        ("H21", "#EXT-X-INDEPENDENT-SEGMENTS\n", "#EXT-X-TARGETDURATION:2\n"),
        ("H24", "CODECS=\"avc1.64001f,mp4a.40.2,wvtt\",", ""),
        ("H24", "CODECS=\"avc1.64001f,mp4a.40.2,wvtt\",", "CODECS=\"avc1.64001f,wvtt\","),
        ("H24", "CODECS=\"avc1.64001f,mp4a.40.2,wvtt\",", "CODECS=\"avc1.64001f,mp4a.40.2\","),
        ("H24", "CODECS=\"avc1.64001f,mp4a.40.2,wvtt\",", "CODECS=\"mp4a.40.2,wvtt\","),
        ("H24", "avc1.64001f,ac-3,mp4a.40.2", "avc1.64001f,ac-3"),
        ("H24", "avc1.64001f,mp4a.40.2", "avc1.64001f,opus,mp4a.40.2"),
        ("H24", "AVERAGE-BANDWIDTH=1110,", ""),
        ("H24", "RESOLUTION=640x360,", ""),
        ("H24", "FRAME-RATE=30.000", "FRAME-RATE=30"),
        ("H24", "RESOLUTION=640x360", "VIDEO-RANGE=PQ,RESOLUTION=640x360"),
        ("H24", "g/hi/index.m3u8\n", ""),
        ("H24", "LANGUAGE=\"fr\"", "LANGUAGE=\"français\""),
        ("H25", "BANDWIDTH=1310", "BANDWIDTH=1300"),
        ("H25", "AVERAGE-BANDWIDTH=1110", "AVERAGE-BANDWIDTH=1100"),
        ("H25", "BANDWIDTH=1410", "BANDWIDTH=1310"),
        ("H25", "BANDWIDTH=810,AVERAGE", "BANDWIDTH=610,AVERAGE"),
        ("H26", "NAME=\"fr\"", "NAME=\"en\""),
        ("H26", "NAME=\"fr\",", ""),
        ("H26", "TYPE=AUDIO", "TYPE=SOUND"),
        ("H26", "GROUP-ID=\"aac\",", ""),
        ("H26", "DEFAULT=NO", "DEFAULT=YES"),
        ("H26", "DEFAULT=YES,AUTOSELECT=YES", "DEFAULT=YES,AUTOSELECT=NO"),
        ("H26", "LANGUAGE=\"fr\"", "LANGUAGE=\"en\""),
        ("H26", "AUTOSELECT=YES,CHANNELS", "AUTOSELECT=YES,FORCED=YES,CHANNELS"),
        ("H26", ",URI=\"g/sub/index.m3u8\"", ""),
        ("H26", ",AUDIO=\"aac\"", ",AUDIO=\"other\""),
        ("H26", ",AUDIO=\"aac\"", ",AUDIO=\"text\""),
        ("H26", ",AUDIO=\"ac3\"", ",AUDIO=\"aac\""),
        ("H26", ",SUBTITLES=\"text\"", ",SUBTITLES=\"aac\""),
        ("H26", ",AUDIO=\"aac\"", ",AUDIO=\"aac\",CLOSED-CAPTIONS=NONE"),
        // A member is called something else in the other group, or has other attributes, or is missing.
        ("H26", english, "NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES"),
        ("H26", english, "NAME=\"en\",LANGUAGE=\"en-GB\",DEFAULT=YES,AUTOSELECT=YES"),
        ("H26", english, "NAME=\"en\",LANGUAGE=\"en\",DEFAULT=NO,AUTOSELECT=YES"),
        (
            "H26",
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"ac3\",NAME=\"fr\",LANGUAGE=\"fr\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"g/fr/index.m3u8\"\n",
            "",
        ),
    ] {
        let found = multivariant(&broken(MULTIVARIANT, from, to));
        assert!(rules(&found).contains(&rule), "{rule}: {from:?} to {to:?}: {found:?}");
    }
    for (rule, from, to) in [
        ("H25", "BANDWIDTH=310", "BANDWIDTH=510"),
        ("H24", "mp4a.40.2,wvtt", "mp4a.40.2"),
        ("H26", ",SUBTITLES=\"text\"", ""),
    ] {
        let found = multivariant(&broken(SOUND_ALONE, from, to));
        assert!(rules(&found).contains(&rule), "{rule}: {from:?} to {to:?}: {found:?}");
    }
}

/// Thirteen segments of two seconds, a discontinuity before `at`, the first three skipped or not.
fn long(skip: bool, at: u64) -> String {
    let mut text = MEDIA.split("#EXT-X-MAP").next().unwrap().to_owned();
    if skip {
        text = text.replace("VERSION:6", "VERSION:9");
        text.push_str("#EXT-X-SKIP:SKIPPED-SEGMENTS=7\n");
    }
    for msn in 1..=13_u64 {
        if skip && msn <= 7 {
            continue;
        }
        let session = if msn < at { "a" } else { "b" };
        if msn == at {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if msn == 1 || msn == at || (skip && msn == 8) {
            text.push_str(&format!("#EXT-X-MAP:URI=\"{session}/init.mp4\"\n"));
        }
        text.push_str(&format!("#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:{:02}.000Z\n", msn * 2));
        text.push_str(&format!("#EXTINF:2.00000,\n{msn}.m4s\n"));
    }
    text
}

#[test]
fn a_delta_update_must_say_what_the_full_playlist_says() {
    for at in [3, 7, 8, 9, 13] {
        let (full, delta) = (long(false, at), long(true, at));
        assert_eq!(delta::check(&full, &delta, &full), Ok(()), "{at}");
    }
    let (full, good) = (long(false, 8), long(true, 8));
    for (from, to) in [
        ("SKIPPED-SEGMENTS=7", "SKIPPED-SEGMENTS=6"),
        ("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1"),
        ("MEDIA-SEQUENCE:1", "MEDIA-SEQUENCE:8"),
        ("#EXT-X-DISCONTINUITY\n", ""),
        ("#EXT-X-MAP:URI=\"b/init.mp4\"\n", ""),
        ("#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:16.000Z\n", ""),
    ] {
        assert!(delta::check(&full, &broken(&good, from, to), &full).is_err(), "{from:?} to {to:?}");
    }
    // One segment too few is skipped, or one too many.
    for n in [6, 8] {
        let mut other = good.replace("SKIPPED-SEGMENTS=7", &format!("SKIPPED-SEGMENTS={n}"));
        if n == 6 {
            let seventh = "#EXT-X-MAP:URI=\"a/init.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:14.000Z\n#EXTINF:2.00000,\n7.m4s\n";
            other = other.replace("#EXT-X-DISCONTINUITY\n", &format!("{seventh}#EXT-X-DISCONTINUITY\n"));
        } else {
            let (head, tail) = other.split_once("#EXT-X-DISCONTINUITY\n").unwrap();
            let (_, tail) = tail.split_once("8.m4s\n").unwrap();
            other = format!("{head}#EXT-X-MAP:URI=\"b/init.mp4\"\n{tail}");
        }
        assert!(delta::check(&full, &other, &full).is_err(), "{n}");
    }
}
