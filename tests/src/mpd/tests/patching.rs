//! Patches, and what makes two documents the same.

use super::*;

/// A patch for [`CHUNKS`] with operations of one's own.
fn patch(operations: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Patch xmlns="urn:mpeg:dash:schema:mpd-patch:2020" mpdId="show-g1" originalPublishTime="2027-01-15T08:01:00.500Z" publishTime="2027-01-15T08:01:02.500Z">
  <replace sel="/MPD/@publishTime">2027-01-15T08:01:02.500Z</replace>
  {operations}
</Patch>"#
    )
}

fn patched(operations: &str) -> Result<String, String> {
    let patch = patch(operations);
    assert_eq!(validate_patch(&patch), Ok(()), "{patch}");
    apply(&patch, CHUNKS)
}

const AUDIO: &str =
    "/MPD/Period[@id='1']/AdaptationSet[@id='2']/Representation[@id='audio-en']/SegmentTemplate";

#[test]
fn each_operation_does_what_it_says() {
    let s = r#"<S d="95232" r="1"/>"#;
    let timeline = format!("{AUDIO}/SegmentTimeline");
    let label = "<Label lang=\"en\">English</Label>";
    let set = "/MPD/Period[@id=\"1\"]/AdaptationSet[@id=\"2\"]";
    for (operation, from, to) in [
        (format!("<add sel=\"{timeline}\"><S d=\"96000\"/></add>"), "<S d=\"96768\"/>", "<S d=\"96768\"/><S d=\"96000\"/>"),
        (
            format!("<add sel=\"{timeline}\" pos=\"prepend\"><S t=\"1\" d=\"1\"/><S t=\"3\" d=\"1\"/></add>"),
            "<S t=\"1024\"",
            "<S t=\"1\" d=\"1\"/><S t=\"3\" d=\"1\"/><S t=\"1024\"",
        ),
        (format!("<add sel=\"{timeline}/S[2]\" pos=\"before\"><S d=\"7\"/></add>"), s, r#"<S d="7"/><S d="95232" r="1"/>"#),
        (format!("<add sel=\"{timeline}/S[2]\" pos=\"after\"><S d=\"7\"/></add>"), s, r#"<S d="95232" r="1"/><S d="7"/>"#),
        (format!("<add sel=\"{timeline}/S[2]\" type=\"@t\">97280</add>"), s, r#"<S t="97280" d="95232" r="1"/>"#),
        (format!("<replace sel=\"{timeline}/S[2]\"><S d=\"7\"/></replace>"), s, r#"<S d="7"/>"#),
        (format!("<replace sel=\"{timeline}/S[2]/@r\">2</replace>"), s, r#"<S d="95232" r="2"/>"#),
        (format!("<replace sel=\"{timeline}/S[@d='95232'][1]/@r\">2</replace>"), s, r#"<S d="95232" r="2"/>"#),
        (format!("<remove sel=\"{timeline}/S[1]\"/>"), "<S t=\"1024\" d=\"96256\"/>", ""),
        (format!("<remove sel=\"{timeline}/S[2]/@r\"/>"), s, r#"<S d="95232"/>"#),
        (format!("<replace sel='{set}/Label/text()'>Original &amp; sound</replace>"), ">English<", ">Original &amp; sound<"),
        (format!("<replace sel='{set}/Label/text()'></replace>"), ">English<", "><"),
        (format!("<remove sel='{set}/Label/text()'/>"), ">English<", "><"),
        (format!("<add sel='{set}/Label'> too</add>"), ">English<", ">English too<"),
        (format!("<add sel='{set}/Label' pos='before'><Label xmlns='urn:mpeg:dash:schema:mpd:2011'>x</Label></add>"), label, &format!("<Label>x</Label>{label}")),
        ("<remove sel=\"/MPD/Period[1]\" ws=\"after\"/><add sel=\"/MPD/Period\" type=\"@duration\">PT9S</add>".into(), "", ""),
    ] {
        let new = patched(&operation).unwrap_or_else(|why| panic!("{operation}: {why}"));
        let mut expected = changed(CHUNKS, from, to);
        if from.is_empty() {
            let (before, rest) = CHUNKS.split_once("<Period").unwrap();
            let (_, after) = rest.split_once("</Period>").unwrap();
            expected = format!("{before}{after}").replace("start=\"PT40.5S\"", "start=\"PT40.5S\" duration=\"PT9S\"");
        }
        let expected =
            changed(&expected, "publishTime=\"2027-01-15T08:01:00.500Z\"", "publishTime=\"2027-01-15T08:01:02.500Z\"");
        assert_eq!(same(&new, &expected), Ok(()), "{operation}: {new}");
    }
}

#[test]
fn what_a_patch_gives_is_an_mpd() {
    let new = patched(&format!("<add sel=\"{AUDIO}/SegmentTimeline\"><S d=\"95232\"/></add>")).unwrap();
    assert_eq!(validate(&new), Ok(()), "{new}");
    assert_eq!(check(&read(&new)), [] as [String; 0]);
    assert_eq!(read(&new).segments("audio-en", Seconds::ZERO).unwrap().len(), 5);
}

#[test]
fn a_patch_is_strict() {
    let timeline = format!("{AUDIO}/SegmentTimeline");
    for (operation, expected) in [
        (format!("<add sel=\"{timeline}\"/>"), "adds nothing"),
        (format!("<add sel=\"{timeline}/S[4]\"><S d=\"1\"/></add>"), "selects 0 nodes"),
        (format!("<add sel=\"{timeline}/S\"><S d=\"1\"/></add>"), "selects 3 nodes"),
        (format!("<add sel=\"{timeline}/S[0]\"><S d=\"1\"/></add>"), "selects 0 nodes"),
        (format!("<add sel=\"{timeline}/S[1]/@t\">1</add>"), "to an element only"),
        (format!("<add sel=\"{timeline}/S[1]\" type=\"@t\">1</add>"), "@t is there already"),
        (
            format!("<add sel=\"{timeline}/S[1]\" type=\"@k\" pos=\"after\">1</add>"),
            "attributes have no @pos",
        ),
        (format!("<add sel=\"{timeline}/S[1]\" type=\"namespace::x\">1</add>"), "@type names no attribute"),
        (format!("<add sel=\"{timeline}/S[1]\" type=\"@k\"><S d=\"1\"/></add>"), "more than text"),
        (format!("<replace sel=\"{timeline}/S[1]\">text</replace>"), "replaced with one element"),
        (format!("<replace sel=\"{timeline}/S[1]\"/>"), "replaced with one element"),
        (format!("<replace sel=\"{timeline}/S[1]/@k\">1</replace>"), "selects 0 nodes"),
        (format!("<replace sel=\"{timeline}/S[1]/@t\"><S d=\"1\"/></replace>"), "more than text"),
        (format!("<replace sel=\"{timeline}/text()\">1</replace>"), "selects 0 nodes"),
        (format!("<remove sel=\"{timeline}/S[1]/@k\"/>"), "selects 0 nodes"),
        ("<remove sel=\"/MPD/Period[@id='2']\"/>".into(), "selects 0 nodes"),
        ("<remove sel=\"/MPD/Period\"/>".into(), "selects 2 nodes"),
        ("<remove sel=\"/MPD\"/>".into(), "the root"),
        ("<replace sel=\"/MPD\"><MPD/></replace>".into(), "the root"),
        ("<add sel=\"/MPD\" pos=\"after\"><MPD/></add>".into(), "the root"),
        ("<remove sel=\"/mpd/Period[1]\"/>".into(), "selects 0 nodes"),
        ("<remove sel=\"Period[1]\"/>".into(), "no path from the root"),
        ("<remove sel=\"//Period[1]\"/>".into(), "is no name"),
        ("<remove sel=\"/MPD/*[1]\"/>".into(), "is no name"),
        ("<remove sel=\"/MPD/mpd:Period[1]\"/>".into(), "is no name"),
        ("<remove sel=\"/MPD/Period[last()]\"/>".into(), "no condition"),
        ("<remove sel=\"/MPD/Period[@id=1]\"/>".into(), "no condition"),
        ("<remove sel=\"/MPD/Period[@id='1'\"/>".into(), "no condition"),
        ("<remove sel=\"/MPD/Period[1]x\"/>".into(), "no path"),
        ("<replace sel=\"/MPD/@publishTime\">2027-01-15T08:01:03Z</replace>".into(), "MPD@publishTime is"),
        ("<replace sel=\"/MPD/@id\">other</replace>".into(), "MPD@id is"),
        ("text".into(), "text between operations"),
    ] {
        let why = apply(&patch(&operation), CHUNKS).unwrap_err();
        assert!(why.contains(expected), "{operation}: {why}");
    }
    let fitting = patch("");
    assert!(apply(&fitting, CHUNKS).is_ok());
    for (from, to, expected) in [
        ("mpdId=\"show-g1\"", "mpdId=\"show-g2\"", "MPD@id is"),
        (
            "originalPublishTime=\"2027-01-15T08:01:00.500Z\"",
            "originalPublishTime=\"2027-01-15T08:01:00.5Z\"",
            "MPD@publishTime is",
        ),
        (" publishTime=\"2027-01-15T08:01:02.500Z\"", " publishTime=\"2027-01-15T08:01:00.500Z\"", "back to"),
        (" publishTime=\"2027-01-15T08:01:02.500Z\"", "", "the patch has no publishTime"),
        ("mpd-patch:2020", "mpd-patch:2021", "is no patch"),
        ("<replace sel", "<replace xmlns=\"urn:x\" sel", "it is of \"urn:x\""),
        ("<replace sel", "<replace a=\"b\" sel", "it has @a"),
        ("<replace sel", "<replace a", "it has @a"),
        ("</replace>", "", "the patch: it is not XML"),
    ] {
        let why = apply(&changed(&fitting, from, to), CHUNKS).unwrap_err();
        assert!(why.contains(expected), "{from} to {to}: {why}");
    }
    let (before, rest) = fitting.split_once("  <replace").unwrap();
    let (_, after) = rest.split_once("</replace>").unwrap();
    assert_eq!(apply(&format!("{before}{after}"), CHUNKS).unwrap_err(), "the patch changes nothing");
    let unknown = patch("<move sel=\"/MPD/Period[1]\"/>");
    assert!(apply(&unknown, CHUNKS).unwrap_err().contains("no such operation"));
    let full = patch("<remove sel=\"/MPD/Period[1]\">x</remove>");
    assert!(apply(&full, CHUNKS).unwrap_err().contains("it has content"));
}

#[test]
fn the_example_of_the_standard_is_applied_but_for_its_mistakes() {
    let base = example("example_G21_patch_base.mpd");
    let patch = example("example_G21_patch.mpp");
    assert!(apply(&patch, &base).unwrap_err().contains("PatchLocation[0]: it selects 0 nodes"));
    let patch = changed(&patch, "PatchLocation[0]", "PatchLocation[1]");
    let new = apply(&patch, &base).unwrap();
    assert_eq!(validate(&new), Ok(()), "{new}");
    let segments = read(&new).segments("video-0", Seconds::ZERO).unwrap();
    assert_eq!(segments.len(), 9 + 7);
    assert_eq!(
        read(&new).patch_locations[0].url,
        "/show/live-stream/patch.mpd?publishTime=2020-05-13T05%3A34%3A28.601Z"
    );
    // What it adds begins one segment too early.
    assert!(check(&read(&new)).iter().any(|what| what.starts_with("D2: video-0: S 2: it starts before")));
}

#[test]
fn layout_does_not_matter_and_all_else_does() {
    let one_line: String = CHUNKS.lines().map(str::trim_start).collect();
    assert_eq!(same(CHUNKS, &one_line), Ok(()));
    for (a, b) in [
        ("<a b=\"1\" c=\"2\"/>", "<a c='2' b='1'></a>"),
        ("<a>\n  <b/>\n</a>", "<a><b/><!-- c --></a>"),
        ("<a> x </a>", "<a>x</a>"),
        ("<p:a xmlns:p=\"urn:n\" p:b=\"1\"/>", "<a xmlns=\"urn:n\" xmlns:q=\"urn:n\" q:b=\"1\"/>"),
        ("<a>&lt;&#65;</a>", "<a><![CDATA[<A]]></a>"),
    ] {
        assert_eq!(same(a, b), Ok(()), "{a} {b}");
    }
    for (a, b, expected) in [
        ("<a b=\"1\"/>", "<a b=\"2\"/>", "/a/@b: \"1\" and \"2\""),
        ("<a b=\"1\"/>", "<a/>", "/a/@b: \"1\" and absent"),
        ("<a/>", "<a b=\"1\"/>", "/a/@b: absent and \"1\""),
        ("<a/>", "<b/>", "/a: a of \"\" and b of \"\""),
        ("<a/>", "<a xmlns=\"urn:n\"/>", "/a: a of \"\" and a of \"urn:n\""),
        ("<a><b/><c/><b d=\"1\"/></a>", "<a><b/><c/><b d=\"2\"/></a>", "/a/b[2]/@d: \"1\" and \"2\""),
        ("<a><b/><c/></a>", "<a><c/><b/></a>", "/a/b[1]: b of \"\" and c of \"\""),
        ("<a><b/></a>", "<a><b/><c d=\"1\"/></a>", "/a, child 2: nothing and <c d=\"1\">"),
        ("<a>x</a>", "<a>y</a>", "/a, child 1: the text \"x\" and the text \"y\""),
        ("<a>x</a>", "<a/>", "/a, child 1: the text \"x\" and nothing"),
    ] {
        assert_eq!(same(a, b), Err(expected.to_owned()), "{a} {b}");
    }
    assert!(same("<a>", "<a/>").unwrap_err().starts_with("the first: it is not XML"));
    assert!(same("<a/>", "").unwrap_err().starts_with("the second: it is not XML"));
}

#[test]
fn what_is_written_is_read_again() {
    let text = "<a xmlns=\"urn:a\" xmlns:p=\"urn:p\" p:x=\"&amp;&lt;&quot;&#10;&#9;\" xml:lang=\"en\"><p:b><c xmlns=\"\"/>1 &lt; 2 &amp; 3</p:b></a>";
    let tree = tree::Element::parse(text).unwrap();
    assert_eq!(tree::Element::parse(&tree.write()), Ok(tree));
    for text in [CHUNKS, SEQUENCES, ENDED] {
        assert_eq!(same(text, &tree::Element::parse(text).unwrap().write()), Ok(()));
    }
}
