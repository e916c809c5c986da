//! What an MPD must keep of those before it.

use super::*;

const LATER: &str = "publishTime=\"2027-01-15T08:01:02.500Z\"";

fn later(text: &str) -> String {
    let (before, rest) = text.split_once("publishTime=\"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    format!("{before}{LATER}{after}")
}

/// What is said of the last of several MPDs, the others being without fault.
fn said(texts: &[&str]) -> Vec<String> {
    let mut history = History::default();
    let mut found = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        assert_eq!(found, [] as [String; 0], "MPD {at}");
        let now = Seconds::date("2027-01-15T08:01:00Z").unwrap() + Seconds::ms(at as i64 * 2000);
        found = history.add(text, &read(text), now);
    }
    found
}

/// An MPD, and what is wrong with another that follows it.
fn each_is_found(text: &str, cases: &[(&str, &str, &str)]) {
    assert_eq!(said(&[text, text, &later(text)]), [] as [String; 0]);
    for (from, to, expected) in cases {
        let new = changed(&later(text), from, to);
        let found = said(&[text, &new]);
        assert!(
            found.iter().any(|what| what.starts_with(expected)),
            "{from:?} to {to:?}: {expected:?} is not among {found:#?}"
        );
    }
}

#[test]
fn what_was_said_stays() {
    each_is_found(
        CHUNKS,
        &[
            (
                LATER,
                "publishTime=\"2027-01-15T08:01:00.500Z\" maxSubsegmentDuration=\"PT1S\"",
                "D1: it has changed, but",
            ),
            (LATER, "publishTime=\"2027-01-15T08:01:00Z\"", "D1: it has changed, but publishTime"),
            (
                "availabilityStartTime=\"2027-01-15T08:00:00Z\"",
                "availabilityStartTime=\"2027-01-15T08:00:01Z\"",
                "D1: availabilityStartTime",
            ),
            (" timeShiftBufferDepth=\"PT1M\"", "", "D1: timeShiftBufferDepth was"),
            ("id=\"show-g1\"", "id=\"show-g2\"", "D9: MPD@id was"),
            ("start=\"PT40.5S\"", "start=\"PT41S\"", "D12: Period 1 started"),
            ("<Period id=\"0\"", "<Period id=\"9\"", "D12: the Periods were"),
            (
                "presentationTimeOffset=\"1024\"",
                "presentationTimeOffset=\"0\"",
                "D12: audio-en in Period 1 was",
            ),
            ("timescale=\"48000\"", "timescale=\"44100\"", "D12: audio-en in Period 1 was"),
            ("<AdaptationSet id=\"2\"", "<AdaptationSet id=\"4\"", "D12: audio-en in Period 1 was"),
            (
                "$RepresentationID$/s2/init.mp4",
                "$RepresentationID$/s3/init.mp4",
                "D12: video-1080p in Period 1 was",
            ),
            ("<BaseURL>g1/", "<BaseURL>g2/", "D2: segment 1 of video-1080p was"),
            (
                "startNumber=\"12\"",
                "startNumber=\"11\"",
                "D2: audio-en in Period 1 was (12, 15), and is (11, 14)",
            ),
            ("startNumber=\"12\"", "startNumber=\"13\"", "D2: segment 13 of audio-en started"),
            (
                "<S t=\"1024\" d=\"96256\"/>",
                "<S t=\"1025\" d=\"96256\"/>",
                "D2: segment 12 of audio-en started",
            ),
            (
                "<S t=\"1024\" d=\"96256\"/>",
                "<S t=\"1024\" d=\"96255\"/><!-- -->",
                "D2: segment 12 of audio-en was 2.005",
            ),
            ("<S d=\"96768\"/>", "", "D2: audio-en in Period 1 was (12, 15), and is (12, 14)"),
            (
                "startNumber=\"22\" duration=\"180000\"",
                "startNumber=\"22\" duration=\"90000\"",
                "D2: segment 22 of video-1080p was 2.0",
            ),
            (
                "startNumber=\"22\"",
                "startNumber=\"20\"",
                "D12: segment 20 of video-1080p was in Period 0, and is in 1",
            ),
            (
                "$Number$.m4s\" initialization=\"$RepresentationID$/s1",
                "8.m4s\" initialization=\"$RepresentationID$/s1",
                "D2: /show/g1/video-1080p/8.m4s was segment 8",
            ),
        ],
    );
    assert_eq!(
        said(&[ENDED, CHUNKS]).iter().filter(|what| *what == "D12: it had ended, and goes on").count(),
        1
    );
}

#[test]
fn the_last_segment_may_grow_and_others_follow() {
    // It turns out longer, then it is closed, and one follows.
    let longer = changed(&later(CHUNKS), "<S d=\"96768\"/>", "<S d=\"97792\"/>");
    let followed = changed(&later(CHUNKS), "<S d=\"96768\"/>", "<S d=\"97792\"/><S d=\"96000\"/>")
        .replace(LATER, "publishTime=\"2027-01-15T08:01:03Z\"");
    assert_eq!(said(&[CHUNKS, &longer, &followed]), [] as [String; 0]);
    let last = "publishTime=\"2027-01-15T08:01:04Z\"";
    let shrunk = followed.replace("97792", "96768").replace("publishTime=\"2027-01-15T08:01:03Z\"", last);
    let found = said(&[CHUNKS, &longer, &followed, &shrunk]);
    assert!(
        found.iter().any(|what| what.starts_with("D2: segment 15 of audio-en was 2.037333 s, and is")),
        "{found:?}"
    );
    // The first ones leave.
    let left = changed(&longer, "startNumber=\"12\"", "startNumber=\"13\"");
    let left = changed(&left, "<S t=\"1024\" d=\"96256\"/>\n            <S d", "<S t=\"97280\" d");
    let left = changed(&left, "<S t=\"512\" d=\"48128\"/>\n            <S d", "<S t=\"48640\" d");
    assert_eq!(said(&[CHUNKS, &left]), [] as [String; 0]);
    let found = said(&[CHUNKS, &left, &longer.replace(LATER, last)]);
    assert!(
        found.contains(&"D2: audio-en in Period 1 was (13, 15), and is (12, 15)".to_owned()),
        "{found:?}"
    );
}

#[test]
fn periods_go_at_the_front_and_come_at_the_end() {
    let (before, rest) = CHUNKS.split_once("  <Period id=\"0\"").unwrap();
    let (_, after) = rest.split_once("</Period>\n").unwrap();
    let second = later(&format!("{before}{after}"));
    assert_eq!(said(&[CHUNKS, &second]), [] as [String; 0]);
    let back =
        CHUNKS.replace("publishTime=\"2027-01-15T08:01:00.500Z\"", "publishTime=\"2027-01-15T08:01:04Z\"");
    let found = said(&[CHUNKS, &second, &back]);
    assert!(found.contains(&"D12: the Periods were [\"1\"], and are [\"0\", \"1\"]".to_owned()), "{found:?}");
    let third = changed(&second, "  <UTCTiming", "  <Period id=\"2\" start=\"PT62S\"/><UTCTiming");
    assert_eq!(said(&[CHUNKS, &third]), [] as [String; 0]);
    // The Period before is closed then, for what is in the next.
    let (_, set) = CHUNKS.split_once("<AdaptationSet id=\"2\"").unwrap();
    let (set, _) = set.split_once("</AdaptationSet>").unwrap();
    let set = set.replace("startNumber=\"12\"", "startNumber=\"112\"");
    let third = changed(
        &third,
        "<Period id=\"2\" start=\"PT62S\"/>",
        &format!("<Period id=\"2\" start=\"PT62S\"><AdaptationSet id=\"2\"{set}</AdaptationSet></Period>"),
    );
    let grown = third.replace("96768", "97792").replace(LATER, "publishTime=\"2027-01-15T08:01:04Z\"");
    let found = said(&[CHUNKS, &third, &grown]);
    assert!(found.iter().any(|what| what.starts_with("D2: segment 15 of audio-en was")), "{found:?}");
}

#[test]
fn sequences_keep_their_urls() {
    let grown = changed(&later(SEQUENCES), "<S d=\"90000\" k=\"2\"/>", "<S d=\"135000\" k=\"3\"/>");
    assert_eq!(said(&[SEQUENCES, &grown]), [] as [String; 0]);
    let other = changed(&later(SEQUENCES), "r=\"1\" k=\"4\"", "r=\"1\" k=\"5\"");
    let found = said(&[SEQUENCES, &other]);
    assert!(found.iter().any(|what| what.starts_with("D2: segment 7 of video was")), "{found:?}");
}

#[test]
fn durations_become_timelines_where_they_agree() {
    let exact = |start: u64| {
        let template = "startNumber=\"22\" duration=\"180000\"";
        let text = changed(&later(CHUNKS), template, "startNumber=\"22\"");
        let timeline = format!(
            "<SegmentTimeline><S t=\"{start}\" d=\"180000\" r=\"9\"/></SegmentTimeline></SegmentTemplate>"
        );
        let end = "availabilityTimeOffset=\"1.5\" availabilityTimeComplete=\"false\"/>";
        changed(
            &text,
            end,
            &format!("availabilityTimeOffset=\"1.5\" availabilityTimeComplete=\"false\">{timeline}"),
        )
    };
    assert_eq!(said(&[CHUNKS, &exact(90_000)]), [] as [String; 0]);
    let found = said(&[CHUNKS, &exact(90_001)]);
    let expected = "D2: segment 22 of video-1080p is 1.000011 s from where @duration has it";
    assert!(found.contains(&expected.to_owned()), "{found:?}");
}

#[test]
fn an_end_follows_and_stays() {
    let live = later(ENDED)
        .replace(" mediaPresentationDuration=\"PT49.5S\"", " minimumUpdatePeriod=\"PT1S\"")
        .replace("type=\"static\"", "type=\"dynamic\"")
        .replace(" endNumber=\"26\"", "");
    assert_eq!(said(&[&live, ENDED, ENDED]), [] as [String; 0]);
    // It may show more of what is kept, but not less.
    let shorter = live
        .replace("startNumber=\"22\"", "startNumber=\"24\"")
        .replace("<S t=\"0\" d=\"180000\" r=\"3\"/>", "<S t=\"360000\" d=\"180000\" r=\"1\"/>");
    assert_eq!(said(&[&shorter, ENDED]), [] as [String; 0]);
    let found = said(&[&live, &changed(&changed(ENDED, "<S d=\"90000\"/>", ""), "PT49.5S", "PT48.5S")]);
    assert!(
        found.contains(&"D2: video-1080p in Period 1 was (22, 26), and is (22, 25)".to_owned()),
        "{found:?}"
    );
}
