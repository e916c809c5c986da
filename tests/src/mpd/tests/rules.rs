//! Each rule, and an MPD that breaks it.

use super::*;

/// What is changed about a document, and what must be said of that.
type Case = (&'static str, &'static str, &'static str);

fn each_is_found(text: &str, cases: &[Case]) {
    for (from, to, expected) in cases {
        let found = check(&read(&changed(text, from, to)));
        assert!(
            found.iter().any(|what| what.starts_with(expected)),
            "{from:?} to {to:?}: {expected:?} is not among {found:#?}"
        );
    }
}

#[test]
fn what_breaks_no_rule_is_not_complained_of() {
    for text in [CHUNKS, SEQUENCES, ENDED] {
        assert_eq!(check(&read(text)), [] as [String; 0], "{text}");
    }
}

#[test]
fn attributes_fit_the_type() {
    each_is_found(
        CHUNKS,
        &[
            (" availabilityStartTime=\"2027-01-15T08:00:00Z\"", "", "D1: there is no availabilityStartTime"),
            (" publishTime=\"2027-01-15T08:01:00.500Z\"", "", "D1: there is no publishTime"),
            (" minimumUpdatePeriod=\"PT2S\"", "", "D1: there is no minimumUpdatePeriod"),
            (" suggestedPresentationDelay=\"PT2S\"", "", "D1: there is no suggestedPresentationDelay"),
            (" minBufferTime=\"PT1S\"", "", "D1: there is no minBufferTime"),
            (
                " type=\"dynamic\"",
                " type=\"dynamic\" mediaPresentationDuration=\"PT9M\"",
                "D1: it is dynamic, with a",
            ),
            (
                " type=\"dynamic\"",
                " type=\"dynamic\" availabilityEndTime=\"2028-01-15T08:00:00Z\"",
                "D1: it is dynamic, and",
            ),
            (
                "timeShiftBufferDepth=\"PT1M\"",
                "timeShiftBufferDepth=\"PT0S\"",
                "D1: timeShiftBufferDepth is 0",
            ),
            (
                "suggestedPresentationDelay=\"PT2S\"",
                "suggestedPresentationDelay=\"PT0S\"",
                "D1: suggestedPresentationDelay is 0",
            ),
            (
                "suggestedPresentationDelay=\"PT2S\"",
                "suggestedPresentationDelay=\"PT2M\"",
                "D1: suggestedPresentationDelay is longer",
            ),
            ("id=\"show-g1\" ", "", "D9: PatchLocation, and no MPD@id"),
            (
                ">manifest.mpp?publishTime=2027-01-15T08%3A01%3A00.500Z<",
                "><",
                "D9: PatchLocation names nothing",
            ),
            ("ttl=\"60\"", "ttl=\"0\"", "D9: PatchLocation@ttl is 0"),
            (
                "  <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"time\"/>\n",
                "",
                "D7: there is no UTCTiming",
            ),
            (
                "urn:mpeg:dash:utc:http-iso:2014",
                "urn:mpeg:dash:utc:sntp:2014",
                "D7: UTCTiming by urn:mpeg:dash:utc:sntp",
            ),
            (" value=\"time\"", "", "D7: UTCTiming names no clock"),
        ],
    );
    each_is_found(
        ENDED,
        &[
            (" mediaPresentationDuration=\"PT49.5S\"", "", "D12: there is no mediaPresentationDuration"),
            (
                " type=\"static\"",
                " type=\"static\" minimumUpdatePeriod=\"PT2S\"",
                "D12: it is static, with minimumUpdatePeriod",
            ),
            (
                "  <Period",
                "  <PatchLocation>p</PatchLocation><Period",
                "D12: it is static, with minimumUpdatePeriod",
            ),
            (
                " startNumber=\"22\"",
                " startNumber=\"22\" availabilityTimeOffset=\"1\"",
                "D12: video-1080p: it is static, with an",
            ),
            ("PT49.5S", "PT52S", "D12: mediaPresentationDuration is 52"),
            ("PT49.5S", "PT47S", "D12: mediaPresentationDuration is 47"),
            ("PT49.5S", "PT40.5S", "D12: Period 0 starts after"),
        ],
    );
    let empty = read(&format!("{}</MPD>", CHUNKS.split_once("<Period").unwrap().0));
    assert!(check(&empty).contains(&"D1: there is no Period".to_owned()));
}

#[test]
fn periods_follow_each_other() {
    each_is_found(
        CHUNKS,
        &[
            ("<Period id=\"1\"", "<Period id=\"0\"", "D12: two Periods are 0"),
            ("<Period id=\"1\"", "<Period", "D12: Period 1 has no id"),
            (" start=\"PT40.5S\"", "", "D12: Period 1 has no start"),
            ("start=\"PT40.5S\"", "start=\"PT0S\"", "D12: Period 1 starts at 0"),
            (
                "start=\"PT0S\"",
                "start=\"PT0S\" duration=\"PT41S\"",
                "D12: Period 1 starts before the one before it ends",
            ),
        ],
    );
    each_is_found(
        ENDED,
        &[
            ("<S t=\"0\"", "<S t=\"900000\"", "D12: video-1080p: segment 22 is outside of its Period"),
            (
                "startNumber=\"22\"",
                "startNumber=\"22\" presentationTimeOffset=\"180000\"",
                "D12: video-1080p: segment 22 is outside",
            ),
        ],
    );
}

#[test]
fn segments_are_addressed_in_one_way() {
    each_is_found(
        CHUNKS,
        &[
            (" duration=\"180000\"", "", "D2: video-1080p: it has not one of @duration and SegmentTimeline"),
            ("<SegmentTemplate>", "<SegmentTemplate duration=\"96000\">", "D2: audio-en: it has not one of"),
            (" duration=\"180000\"", " duration=\"0\"", "D2: video-1080p: @duration is 0"),
            (
                "$RepresentationID$/$Number$.m4s",
                "$RepresentationID$/a.m4s",
                "D2: video-1080p: @media has not one of",
            ),
            (
                "$RepresentationID$/$Number$.m4s",
                "$Time$/$Number$.m4s",
                "D2: video-1080p: @media has not one of",
            ),
            (
                "$RepresentationID$/$Number$.m4s",
                "$RepresentationID$/$Time$.m4s",
                "D2: video-1080p: $Time$ without",
            ),
            (
                "$RepresentationID$/$Number$.m4s",
                "$Number$.m4s$",
                "D2: video-1080p: \"$Number$.m4s$\" has a $",
            ),
            (
                "$RepresentationID$/$Number$.m4s",
                "$Number%5d$.m4s",
                "D2: video-1080p: \"Number%5d\" is no format",
            ),
            (" initialization=\"$RepresentationID$/s1/init.mp4\"", "", "D2: video-1080p: it has no header"),
            (
                "$RepresentationID$/s1/init.mp4",
                "$Number$.mp4",
                "D2: video-1080p: @initialization names a segment",
            ),
            (
                "timescale=\"90000\" presentationTimeOffset",
                "presentationTimeOffset",
                "D11: video-1080p: it has no timescale",
            ),
            ("maxSegmentDuration=\"PT2.016S\"", "maxSegmentDuration=\"PT2.015S\"", "D2: a segment is 2.016"),
            (
                "<SegmentTemplate timescale=\"1000\" startNumber=\"1\" duration=\"2000\" media=\"$RepresentationID$/$Number$.m4s\" initialization=\"$RepresentationID$/s2/init.mp4\"/>",
                "",
                "D2: text-fr: it has no SegmentTemplate",
            ),
        ],
    );
    // Two Representations, one URL; and two Periods.
    let shared = SEQUENCES.replace("$RepresentationID$/", "").replace(
        "bandwidth=\"5000000\"/>",
        "bandwidth=\"5000000\"/><Representation id=\"other\" codecs=\"avc1.640028\" bandwidth=\"1\"/>",
    );
    assert!(
        check(&read(&shared))
            .iter()
            .any(|what| what.starts_with("D2: /show/g1/007_0.m4s is segment 7 of video"))
    );
    let unknown = SEQUENCES.replace("$RepresentationID$", "$RepresentationId$");
    assert!(check(&read(&unknown)).iter().any(|what| what.contains("@initialization names a segment")));
}

#[test]
fn timelines_are_ordered_and_short() {
    each_is_found(
        CHUNKS,
        &[
            (
                "<S d=\"95232\" r=\"1\"/>",
                "<S t=\"97279\" d=\"95232\" r=\"1\"/>",
                "D2: audio-en: S 2: it starts before",
            ),
            (
                "<S d=\"95232\" r=\"1\"/>",
                "<S d=\"95232\"/><S d=\"95232\"/>",
                "D2: audio-en: S 3: it only repeats",
            ),
            ("<S d=\"95232\" r=\"1\"/>", "<S d=\"0\"/>", "D2: audio-en: S 2: @d is 0"),
            ("<S d=\"96768\"/>", "<S d=\"96768\" r=\"-1\"/>", "D2: audio-en: S 3: @r is negative"),
            ("<S t=\"1024\" d", "<S d", "D2: audio-en: S 1: the first one has no @t"),
            ("<S d=\"96768\"/>", "<S d=\"96768\" k=\"0\"/>", "D4: audio-en: S 3: @k is 0"),
        ],
    );
    each_is_found(
        ENDED,
        &[(
            "endNumber=\"26\"",
            "endNumber=\"25\"",
            "D2: video-1080p: @endNumber is Some(25), the last is 26",
        )],
    );
    // A hole is no fault: what is not there is not listed.
    assert_eq!(
        check(&read(&changed(ENDED, "<S d=\"90000\"/>", "<S t=\"730000\" d=\"90000\"/>"))),
        [] as [String; 0]
    );
}

#[test]
fn alignment_is_claimed_only_where_it_is() {
    each_is_found(
        CHUNKS,
        &[
            (
                "<S t=\"512\" d=\"48128\"/>",
                "<S t=\"512\" d=\"48000\"/>",
                "D11: AdaptationSet Some(\"2\"): segmentAlignment, but",
            ),
            (
                "<Representation id=\"video-360p\" codecs=\"avc1.64001e\" bandwidth=\"800000\" width=\"640\" height=\"360\"/>",
                "<Representation id=\"video-360p\" codecs=\"avc1.64001e\" bandwidth=\"1\"><SegmentTemplate duration=\"90000\"/></Representation>",
                "D11: AdaptationSet Some(\"1\"): segmentAlignment, and durations",
            ),
        ],
    );
    let unclaimed = CHUNKS
        .replace("<S t=\"512\" d=\"48128\"/>", "<S t=\"512\" d=\"48000\"/>")
        .replace(" lang=\"en\" segmentAlignment=\"true\"", " lang=\"en\"");
    assert_eq!(check(&read(&unclaimed)), [] as [String; 0]);
}

#[test]
fn low_latency_is_promised_and_kept() {
    each_is_found(
        CHUNKS,
        &[
            (
                ",http://www.dashif.org/guidelines/low-latency-live-v5",
                "",
                "D1: the low-latency profile is not claimed",
            ),
            (
                " availabilityTimeOffset=\"1.5\"",
                "",
                "D3: video-1080p: availabilityTimeComplete without an offset",
            ),
            (
                " availabilityTimeComplete=\"false\"",
                "",
                "D3: video-1080p: an availabilityTimeOffset promises whole",
            ),
            (
                " availabilityTimeComplete=\"false\"",
                " availabilityTimeComplete=\"true\"",
                "D3: video-1080p: an",
            ),
            (
                " availabilityTimeOffset=\"1.5\"",
                " availabilityTimeOffset=\"2\"",
                "D3: video-1080p: availabilityTimeOffset is 2",
            ),
            (
                " availabilityTimeOffset=\"1.5\"",
                " availabilityTimeOffset=\"0\"",
                "D3: video-1080p: availabilityTimeOffset is 0",
            ),
            ("<Latency target=\"2000\"", "<Latency target=\"7000\"", "D5: Latency is Some(7000)"),
            ("<Latency target=\"2000\" min=\"1000\"", "<Latency min=\"1000\"", "D5: Latency is None"),
            ("max=\"6000\"", "max=\"1500\"", "D5: Latency is Some(2000)"),
            (
                "target=\"2000\" min=\"1000\" max=\"6000\"",
                "target=\"60001\"",
                "D5: Latency@target is longer ago",
            ),
            ("    <PlaybackRate min=\"0.96\" max=\"1.04\"/>\n", "", "D5: PlaybackRate is None"),
            ("min=\"0.96\"", "min=\"1.01\"", "D5: PlaybackRate"),
            ("max=\"1.04\"", "max=\"0.99\"", "D5: PlaybackRate"),
            ("referenceId=\"0\"", "referenceId=\"1\"", "D6: Latency@referenceId is 1"),
            (
                "<ProducerReferenceTime id=\"0\" ",
                "<ProducerReferenceTime ",
                "D6: ProducerReferenceTime has no id",
            ),
            (" wallClockTime=\"2027-01-15T08:00:40.400Z\"", "", "D6: ProducerReferenceTime says no time"),
            ("type=\"encoder\"", "type=\"clock\"", "D6: ProducerReferenceTime@type is clock"),
            (
                "<Resync type=\"0\" dT=\"45000\"/>",
                "<ProducerReferenceTime id=\"0\" wallClockTime=\"2027-01-15T08:00:40Z\" presentationTime=\"0\"/>",
                "D6: two ProducerReferenceTimes are 0",
            ),
            ("<Resync type=\"0\"", "<Resync type=\"4\"", "D8: AdaptationSet 1: Resync@type 4"),
            ("dT=\"45000\"", "dT=\"0\"", "D8: AdaptationSet 1: Resync@dT is 0"),
        ],
    );
    let (before, rest) = CHUNKS.split_once("  <ServiceDescription").unwrap();
    let (_, after) = rest.split_once("</ServiceDescription>\n").unwrap();
    let found = check(&read(&format!("{before}{after}")));
    assert_eq!(found, ["D5: low latency without a ServiceDescription"]);
    let mut whole = CHUNKS.to_owned();
    for offset in ["1.5", "1.504"] {
        let both = format!(" availabilityTimeOffset=\"{offset}\" availabilityTimeComplete=\"false\"");
        whole = changed(&whole, &both, "");
    }
    assert_eq!(check(&read(&whole)), ["D1: the low-latency profile is claimed, and not kept"]);
}

#[test]
fn segment_sequences_are_announced() {
    each_is_found(
        SEQUENCES,
        &[
            (
                "      <EssentialProperty schemeIdUri=\"urn:mpeg:dash:ssr:2023\"/>\n",
                "",
                "D4: video: $SubNumber$ without urn",
            ),
            ("_$SubNumber$", "", "D4: video: S@k, and no $SubNumber$"),
            ("_$SubNumber$", "", "D4: AdaptationSet 1: urn:mpeg:dash:ssr:2023 without $SubNumber$"),
            ("_$SubNumber$", "", "D4: video: S@k for segment 7, and no $SubNumber$"),
            ("$Number%03d$_", "$Time$_", "D4: video: @media has $SubNumber$ without $Number$"),
            ("k=\"2\"", "k=\"90001\"", "D4: video: S 2: @k is 0, or more"),
        ],
    );
    let by_profile =
        changed(SEQUENCES, "      <EssentialProperty schemeIdUri=\"urn:mpeg:dash:ssr:2023\"/>\n", "");
    let by_profile =
        changed(&by_profile, "low-latency-live-v5", "low-latency-live-v5,urn:mpeg:dash:ssr:2023");
    assert_eq!(check(&read(&by_profile)), [] as [String; 0]);
    let (before, rest) = SEQUENCES.split_once("        <SegmentTimeline>").unwrap();
    let (_, after) = rest.split_once("</SegmentTimeline>\n").unwrap();
    let guessed = format!("{before}{after}").replace("startNumber", "duration=\"180000\" startNumber");
    assert!(check(&read(&guessed)).iter().any(|what| what.contains("no SegmentTimeline says how many")));
}

#[test]
fn sets_describe_themselves() {
    each_is_found(
        CHUNKS,
        &[
            ("<AdaptationSet id=\"3\"", "<AdaptationSet id=\"2\"", "D11: Period 1: two AdaptationSets are 2"),
            ("<AdaptationSet id=\"3\"", "<AdaptationSet id=\"c\"", "D11: AdaptationSet@id is \"c\""),
            ("id=\"video-360p\"", "id=\"video-1080p\"", "D11: Period 1: two Representations are video-1080p"),
            ("id=\"video-360p\"", "id=\"video 360p\"", "D11: Representation@id is \"video 360p\""),
            (" contentType=\"video\"", "", "D11: AdaptationSet 1: it has no contentType"),
            (
                " contentType=\"video\"",
                " contentType=\"picture\"",
                "D11: AdaptationSet 1: contentType picture",
            ),
            (" mimeType=\"video/mp4\"", "", "D11: Representation video-1080p: mimeType is \"\""),
            (
                " mimeType=\"video/mp4\"",
                " mimeType=\"audio/mp4\"",
                "D11: Representation video-1080p: mimeType is \"audio/mp4\"",
            ),
            (" codecs=\"avc1.640028\"", "", "D11: Representation video-1080p: codecs is \"\""),
            (
                " codecs=\"avc1.640028\"",
                " codecs=\"avc1.640028, \"",
                "D11: Representation video-1080p: codecs is",
            ),
            ("bandwidth=\"5000000\"", "bandwidth=\"0\"", "D11: Representation video-1080p: bandwidth is 0"),
            (
                "lang=\"fr-CA\"",
                "lang=\"french language\"",
                "D11: AdaptationSet 3: \"french language\" is no language",
            ),
            ("lang=\"fr-CA\"", "lang=\"f\"", "D11: AdaptationSet 3: \"f\" is no language"),
            ("lang=\"fr-CA\"", "lang=\"\"", "D11: AdaptationSet 3: \"\" is no language"),
            ("lang=\"fr-CA\"", "lang=\"fr-\"", "D11: AdaptationSet 3: \"fr-\" is no language"),
            ("<Label lang=\"en\">", "<Label lang=\"e_n\">", "D11: AdaptationSet 2: \"e_n\" is no language"),
            (">English<", "> <", "D11: AdaptationSet 2: Label says nothing"),
            (
                "<Label lang=\"en\">",
                "<Label lang=\"en\">E</Label><Label lang=\"en\">",
                "D11: AdaptationSet 2: two Labels",
            ),
            (
                "value=\"subtitle\"",
                "value=\"subtitles\"",
                "D11: AdaptationSet 3: there is no Role \"subtitles\"",
            ),
            (
                "urn:mpeg:dash:role:2011",
                "urn:mpeg:dash:role",
                "D11: AdaptationSet 2: there is no Role \"main\"",
            ),
        ],
    );
    each_is_found(
        SEQUENCES,
        &[
            (
                "<EssentialProperty",
                "<SupplementalProperty schemeIdUri=\"x y\"/><EssentialProperty",
                "D11: AdaptationSet 1: \"x y\" is no scheme",
            ),
            (
                "      <Representation id=\"video\" codecs=\"avc1.640028\" bandwidth=\"5000000\"/>\n",
                "",
                "D11: AdaptationSet 1: it has no Representation",
            ),
        ],
    );
    for lang in ["de", "zh-Hant-TW", "es-419", "x-klingon", "und", "sgn"] {
        let text = changed(CHUNKS, "lang=\"fr-CA\"", &format!("lang=\"{lang}\""));
        assert_eq!(check(&read(&text)), [] as [String; 0], "{lang}");
    }
}

#[test]
fn events_are_announced() {
    each_is_found(
        CHUNKS,
        &[
            ("urn:scte:scte35:2013:bin", "scte35", "D10: AdaptationSet 1: \"scte35\" is no scheme of events"),
            (
                "urn:scte:scte35:2013:bin",
                "urn:scte:scte35:2014:xml+bin",
                "D10: AdaptationSet 1: SCTE-35 inband is",
            ),
            (
                "<InbandEventStream ",
                "<InbandEventStream schemeIdUri=\"urn:scte:scte35:2013:bin\" value=\"1\"/><InbandEventStream ",
                "D10: AdaptationSet 1: two InbandEventStreams",
            ),
            ("urn:scte:scte35:2014:xml+bin", "urn:scte:scte35:2013:bin", "D10: SCTE-35 in an MPD is"),
            ("urn:scte:scte35:2014:xml+bin", "events", "D10: \"events\" is no scheme of events"),
            (
                "presentationTime=\"2000\" id=\"2\"",
                "presentationTime=\"999\" id=\"2\"",
                "D10: EventStream urn:scte:scte35:2014:xml+bin: its events",
            ),
            (
                "presentationTime=\"2000\" id=\"2\"",
                "presentationTime=\"2000\" id=\"1\"",
                "D10: EventStream urn:scte:scte35:2014:xml+bin: two events are 1",
            ),
            (
                "<EventStream schemeIdUri=\"urn:scte:scte35:2014:xml+bin\" timescale=\"1000\"",
                "<EventStream schemeIdUri=\"urn:a:b\" timescale=\"0\"",
                "D10: EventStream urn:a:b: timescale is 0",
            ),
        ],
    );
}
