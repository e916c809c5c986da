//! Requests are read, and objects held to what is said of them.

use bytes::Bytes;

use super::*;
use crate::cmaf::cutter::CutPart;
use crate::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use crate::cmaf::{Chunk, Header, Sample, chunk};
use crate::log::{
    Anchor, Begin, BroadcastRecord, Checkpoint, Generation, Independence, Marker, PartMeta, PeriodRecord,
    SessionId, Shape, TrackDescription, record,
};
use crate::time::{Timescale, WallMs};

const PART: &str = "show/-/g/video/s/00000000000000004000.m4s";
const INIT: &str = "show/-/g/video/s/init.mp4";
const HEAD: &str = "show/-/g/video/index/head.json";
const RECORD: &str = "show/-/broadcast.json";

fn header() -> (Bytes, Header) {
    let media = SyntheticMedia::Avc { width: 640, height: 360 };
    let mut header = SyntheticHeader::new(1, Timescale::new(1_000).unwrap(), media);
    header.edit_media_time_ticks = 30;
    let bytes = header.write();
    let header = Header::parse(&bytes).unwrap();
    (bytes, header)
}

/// Five frames of 100 ms from here on, the first of them a keyframe or not.
fn frames(start_ticks: u64, sync: bool) -> Bytes {
    let sample = |nth: i32| Sample {
        duration_ticks: 100,
        bytes: 10,
        sync: sync && nth == 0,
        composition_ticks: 50 * (nth % 2),
    };
    let samples: Vec<_> = (0..5).map(sample).collect();
    chunk::write(1, 1, start_ticks, &samples, Bytes::from(vec![7; 50])).concat().into()
}

fn meta_of(body: &Bytes) -> PartMeta {
    let (_, header) = header();
    let chunks =
        body.chunks(body.len() / 2).map(|half| Chunk::parse(&Bytes::copy_from_slice(half), &header).unwrap());
    let part = CutPart::of(&chunks.collect::<Vec<_>>()).unwrap();
    part.meta(header.kind, header.presentation_shift_ticks, WallMs(5))
}

/// A second in two chunks, with what is said of it.
fn part() -> (Bytes, PartMeta) {
    let body = Bytes::from([frames(4_000, true), frames(4_500, false)].concat());
    let meta = meta_of(&body);
    (body, meta)
}

fn put(path: &str, condition: &str, meta: &str) -> Result<Write, Wrong> {
    let meta = Some(meta).filter(|meta| !meta.is_empty());
    match Request::parse("PUT", path, &Headers { condition: Some(condition), meta })? {
        Request::Put(write) => Ok(*write),
        other => panic!("{other:?}"),
    }
}

fn checked(path: &str, meta: &str, body: &[u8]) -> Result<(), Wrong> {
    put(path, "none", meta)?.check(&Bytes::copy_from_slice(body), Some(&header().1))
}

fn wrong(what: Result<(), Wrong>) -> String {
    let wrong = what.expect_err("it is refused");
    assert_eq!(Answer::from(wrong.clone()).status, 400);
    wrong.to_string()
}

#[test]
fn requests_are_what_their_method_and_path_say() {
    let parse = |method, path| Request::parse(method, path, &Headers::default());
    let key = Key::parse("show/g/video/s/init.mp4").unwrap();
    assert_eq!(parse("GET", INIT), Ok(Request::Get(key.clone())));
    assert_eq!(parse("HEAD", INIT), Ok(Request::Head(key)));
    for (path, prefix) in [
        ("show/-/", "show/"),
        ("show/-/g/", "show/g/"),
        ("show/-/g/periods/", "show/g/periods/"),
        ("show/-/g/video/s/", "show/g/video/s/"),
    ] {
        assert_eq!(parse("GET", path), Ok(Request::List(prefix.to_owned())));
    }
    for path in
        ["show/-/../", "show/-//", "show/-/g//", "Show/-/", "-/-/", "show/-/g/a/b/c/", "show/-/x.json"]
    {
        assert!(matches!(parse("GET", path), Err(Wrong::NoKey { .. })), "{path}");
    }
    assert!(matches!(parse("HEAD", "show/-/g/"), Err(Wrong::NoKey { .. })));
    assert_eq!(parse("PUT", INIT), Err(Wrong::NoCondition));
}

#[test]
fn an_ordinary_encoder_is_told_what_to_run() {
    for (method, path) in [
        ("PUT", "show/init-stream0.m4s"),
        ("POST", "show/video.cmfv"),
        ("PUT", "show/-"),
        ("POST", PART),
        ("DELETE", "show/-/broadcast.json"),
        ("PUT", "show"),
    ] {
        let why = Request::parse(method, path, &Headers::default()).unwrap_err().to_string();
        assert!(
            why.contains("`rimcast push`") && why.contains("https://HOST/ingest/show --key KEY"),
            "{why}"
        );
    }
    let why = Request::parse("PUT", "", &Headers::default()).unwrap_err().to_string();
    assert!(why.contains("/ingest/NAME "), "{why}");
}

#[test]
fn a_part_is_what_is_said_of_it() {
    let (body, meta) = part();
    let said = |meta: PartMeta| Entry::Part(meta).to_meta();
    assert_eq!((meta.duration_ticks, meta.offset_ticks, meta.samples), (1_000, -30, 10));
    assert_eq!(checked(PART, &said(meta), &body), Ok(()));
    for (what, meta) in [
        ("duration", PartMeta { duration_ticks: 999, ..meta }),
        ("offset", PartMeta { offset_ticks: 0, ..meta }),
        ("number of samples", PartMeta { samples: 11, ..meta }),
        ("independence", PartMeta { independence: Independence::Inside, ..meta }),
        ("end of the first frame in bytes", PartMeta { frame_bytes: meta.frame_bytes ^ 1, ..meta }),
        ("hash", PartMeta { hash: meta.hash ^ 1, ..meta }),
    ] {
        let why = wrong(checked(PART, &said(meta), &body));
        assert!(why.starts_with(&format!("the part's {what}")), "{why}");
    }
    let elsewhere = PART.replace("4000", "4500");
    assert!(wrong(checked(&elsewhere, &said(meta), &body)).contains("start is 4000, and not 4500"));
    // When its last byte arrived is for push to say.
    assert_eq!(checked(PART, &said(PartMeta { wall: WallMs(1 << 50), ..meta }), &body), Ok(()));
}

#[test]
fn a_part_is_whole_chunks_one_behind_the_other() {
    let (body, meta) = part();
    let said = Entry::Part(meta).to_meta();
    let (first, second) = (frames(4_000, true), frames(4_500, false));
    let free = [&8_u32.to_be_bytes()[..], b"free"].concat();
    for bad in [
        Vec::new(),
        body[..body.len() - 1].to_vec(),
        body[..first.len() + 20].to_vec(),
        [&body[..], &free].concat(),
        [&free, &body[..]].concat(),
        [&body[..], b"x"].concat(),
        [&header().0[..], &body].concat(),
        [&second[..], &first].concat(),
        [&first[..], &frames(4_501, false)].concat(),
        b"<html>not media</html>".to_vec(),
    ] {
        wrong(checked(PART, &said, &bad));
    }
    // What has to be read before it can be shown is written anew by push, and came in as no part.
    let timeless = chunk::write(1, 1, 4_000, &[], Bytes::new()).concat();
    assert_eq!(checked(PART, &said, &timeless), Err(Wrong::NotChunks));
    let other = chunk::write(
        1,
        2,
        4_000,
        &[Sample { duration_ticks: 1, bytes: 1, sync: true, composition_ticks: 0 }],
        Bytes::from_static(b"x"),
    );
    assert!(matches!(checked(PART, &said, &other.concat()), Err(Wrong::Chunk(_))));
}

#[test]
fn a_part_needs_its_session_s_header_and_a_marker_none() {
    let said = Entry::Part(part().1).to_meta();
    assert_eq!(put(PART, "none", &said).unwrap().needs(), Key::parse("show/g/video/s/init.mp4"));
    let gap = Entry::Marker(Marker::GapUntil(4_500)).to_meta();
    assert_eq!(put(PART, "none", &gap).unwrap().needs(), None);
    assert_eq!(put(INIT, "none", "").unwrap().needs(), None);
    assert_eq!(checked(PART, &gap, b""), Ok(()));
    assert_eq!(checked(PART, &gap, b"x"), Err(Wrong::MarkerWithBody));
    let back = Entry::Marker(Marker::GapUntil(4_000)).to_meta();
    assert_eq!(checked(PART, &back, b""), Err(Wrong::GapEndsBefore));
    assert_eq!(checked(PART, &Entry::Marker(Marker::Ended).to_meta(), b""), Ok(()));
}

#[test]
fn metadata_goes_with_parts_and_conditions_with_what_changes() {
    for meta in ["", "{}", "null", "{\"part\":{}}", "\u{0}"] {
        assert!(matches!(put(PART, "none", meta), Err(Wrong::Meta(_))), "{meta}");
    }
    assert!(matches!(put(INIT, "none", "x"), Err(Wrong::Meta(_))));
    let long = format!("{}{}", " ".repeat(2_000), Entry::Marker(Marker::Ended).to_meta());
    assert!(matches!(put(PART, "none", &long), Err(Wrong::Meta(_))));
    let said = Entry::Part(part().1).to_meta();
    for (path, meta) in [(PART, said.as_str()), (INIT, ""), ("show/-/g/video/begin.json", "")] {
        assert_eq!(put(path, "\"tag\"", meta), Err(Wrong::NotReplaced));
    }
    for path in [HEAD, RECORD] {
        assert_eq!(put(path, "\"tag\"", "").unwrap().mode, PutMode::Swap(Some("\"tag\"".to_owned())));
        assert_eq!(put(path, "none", "").unwrap().mode, PutMode::Create);
    }
}

#[test]
fn headers_and_records_are_read() {
    assert_eq!(checked(INIT, "", &header().0), Ok(()));
    for bad in [&b""[..], b"moov", &frames(0, true), &[0; 1 << 21]] {
        wrong(checked(INIT, "", bad));
    }
    let timescale = Timescale::new(1_000).unwrap();
    let anchor = Anchor { wall: WallMs(0), time_ticks: 0, timescale, is_produced: false };
    let session = SessionId::parse("s").unwrap();
    let shape = Shape {
        target_duration_s: 2,
        segment_ms: 2_000,
        part_ms: 500,
        whole_segments: false,
        window_ms: 60_000,
    };
    let period = |shape| record::to_json(&PeriodRecord { session: session.clone(), anchor, shape });
    let zero = Shape { target_duration_s: 0, ..shape };
    for (n, shape, is_good) in [
        (0, Some(shape), true),
        (0, None, false),
        (0, Some(zero), false),
        (1, None, true),
        (1, Some(shape), false),
    ] {
        let path = format!("show/-/g/periods/{n:06}.json");
        assert_eq!(checked(&path, "", period(shape).as_bytes()).is_ok(), is_good, "{n} {shape:?}");
    }
    let begin = Begin {
        kind: crate::cmaf::TrackKind::Video,
        session: session.clone(),
        start_ticks: 0,
        timescale,
        period: 0,
        part_target_ticks: 500,
        first_msn: 1,
    };
    let path = "show/-/g/video/begin.json";
    assert_eq!(checked(path, "", record::to_json(&begin).as_bytes()), Ok(()));
    wrong(checked(path, "", record::to_json(&Begin { first_msn: 0, ..begin.clone() }).as_bytes()));
    let chain = crate::log::Chain::new(begin, shape);
    assert_eq!(checked(HEAD, "", Checkpoint::of(&chain, 0).to_json().as_bytes()), Ok(()));
    wrong(checked(HEAD, "", b"{}"));
    wrong(checked("show/-/g/video/index/00000000.json", "", b"{\"segments\":[]}"));
}

#[test]
fn encoders_say_what_tracks_are_and_operators_how_they_are_shown() {
    let there = BroadcastRecord::new(Generation::parse("g").unwrap());
    let bytes = |record: &BroadcastRecord| record::to_json(record).into_bytes();
    assert_eq!(checked(RECORD, "", &bytes(&there)), Ok(()));
    let mut set: BroadcastRecord = record::from_json(br#"{"generation":"g","captions":"none"}"#).unwrap();
    assert_eq!(checked(RECORD, "", &bytes(&set)), Err(Wrong::HasSettings));

    let swap = put(RECORD, "\"1\"", "").unwrap();
    assert_eq!(swap.learned(&bytes(&there), &there), Ok(None));
    assert_eq!(swap.learned(&bytes(&set), &there), Err(Wrong::HasSettings));
    let english: TrackDescription = record::from_json(br#"{"language":"en"}"#).unwrap();
    let said: crate::order::SortedMap<_, _> =
        [(crate::log::TrackName::parse("audio-1").unwrap(), english)].into_iter().collect();
    let mut saying = there.clone();
    saying.learn(&said);
    // What is written is what was there, with what is new: the operator's settings stay.
    set.learn(&said);
    let before = BroadcastRecord { described: Default::default(), ..set.clone() };
    assert_eq!(swap.learned(&bytes(&saying), &before), Ok(Some(record::to_json(&set))));
    assert_eq!(swap.learned(&bytes(&there), &set), Ok(None), "nothing is taken away");
    let another = BroadcastRecord { generation: Generation::parse("h").unwrap(), ..saying.clone() };
    assert!(matches!(swap.learned(&bytes(&another), &there), Err(Wrong::Record { .. })));

    // When it is and who may push is the operator's, too. Who pushes is not shown the keys, and so cannot say them.
    let hash = "0".repeat(64);
    let event = format!(
        r#"{{"generation":"g","title":"Cup","keys":[{{"id":"1","sha256":"{hash}","created":"2026-11-22T20:00:00Z"}}]}}"#
    );
    let event: BroadcastRecord = record::from_json(event.as_bytes()).unwrap();
    assert_eq!(checked(RECORD, "", &bytes(&event)), Err(Wrong::HasSettings));
    let Content::Json(shown) = Answer::record(event.clone(), "\"1\"").content else { panic!("it is JSON") };
    assert_eq!(std::str::from_utf8(&shown), Ok(r#"{"generation":"g","title":"Cup"}"#));
    assert_eq!(swap.learned(&shown, &event), Ok(None));
    let mut learned = event.clone();
    learned.learn(&said);
    assert_eq!(swap.learned(&bytes(&saying), &event), Ok(Some(record::to_json(&learned))));
    let renamed = String::from_utf8_lossy(&shown).replace("Cup", "Final");
    assert_eq!(swap.learned(renamed.as_bytes(), &event), Err(Wrong::HasSettings));
}

#[test]
fn what_is_pushed_belongs_to_a_broadcast_that_is_open() {
    let now = WallMs(1_800_000_000_000);
    let record = |json: &str| record::from_json::<BroadcastRecord>(json.as_bytes()).unwrap();
    let there = record(r#"{"generation":"g"}"#);
    let ended = record(r#"{"generation":"g","ended":{"at":"2026-11-22T20:00:00Z"}}"#);
    let anew = record(r#"{"generation":"h"}"#);
    let admit = |request: &Request, there: Option<&BroadcastRecord>| {
        request.admit(&Pusher::Any, there, now).map_err(|denied| denied.status())
    };
    let headers = Headers { condition: Some("none"), meta: None };
    let [init, created] = [INIT, RECORD].map(|path| Request::parse("PUT", path, &headers).unwrap());
    let [get, list] = [INIT, "show/-/g/"].map(|path| Request::parse("GET", path, &headers).unwrap());
    for request in [&init, &created, &get, &list] {
        assert_eq!(request.broadcast().unwrap().as_str(), "show");
        assert_eq!(admit(request, Some(&there)), Ok(()));
        assert_eq!(admit(request, Some(&ended)), Err(409));
        let own = Pusher::Own(crate::ingest::KeyHash::of(b"x"));
        assert_eq!(request.admit(&own, None, now), Err(Denied::Unknown));
        assert_eq!(request.admit(&own, Some(&there), now), Err(Denied::WrongKey));
    }
    assert_eq!((admit(&created, None), admit(&list, None), admit(&init, None)), (Ok(()), Ok(()), Err(404)));
    assert_eq!((admit(&init, Some(&anew)), admit(&get, Some(&anew))), (Err(409), Ok(())));
    assert!(Answer::denied(&Denied::Unknown).headers().contains(&(DENIED, "1".into())));
    assert!(!Answer::not_found().headers().iter().any(|(name, _)| *name == DENIED));
}

#[test]
fn the_same_again_is_fine_and_another_is_not() {
    let (body, meta) = part();
    let said = Entry::Part(meta).to_meta();
    let write = put(PART, "none", &said).unwrap();
    let there = |meta: &Entry| {
        let meta = meta.to_meta();
        write.exists(&body, Stored { meta: &meta, body: b"", tag: "\"1\"" })
    };
    let later = Entry::Part(PartMeta { wall: WallMs(900), ..meta });
    let again = there(&later);
    assert_eq!((again.status, again.meta, again.tag.as_deref()), (200, Some(later.to_meta()), Some("\"1\"")));
    for (other, says) in [
        (Entry::Marker(Marker::GapUntil(5_000)), "a gap until 5000"),
        (Entry::Marker(Marker::Ended), "has ended"),
        (Entry::Part(PartMeta { hash: 1, ..meta }), "another part"),
    ] {
        let answer = there(&other);
        assert_eq!((answer.status, answer.meta.clone()), (409, Some(other.to_meta())));
        let Content::Text(text) = answer.content else { panic!("it says why") };
        assert!(text.contains(says), "{text}");
    }
    let init = put(INIT, "none", "").unwrap();
    let stored = Stored { meta: "", body: b"abc", tag: "\"2\"" };
    assert_eq!((init.exists(b"abc", stored).status, init.exists(b"abd", stored).status), (200, 409));
}

#[test]
fn a_bucket_cannot_write_headers() {
    let key = Key::parse("show/g/video/s/00000000000000004000.m4s").unwrap();
    let answer = Answer::object(&key, "a\r\nset-cookie: b", Bytes::new(), "\"1\"");
    assert!(answer.headers().iter().all(|(_, value)| !value.contains('\n')));
    assert!(answer.headers().contains(&("rimcast-tag", "\"1\"".into())));
    let head = Answer::head(&key, "{}", 12, "\"1\"");
    assert!(head.headers().contains(&("rimcast-size", "12".into())));
    assert!(Answer::unavailable("x").headers().contains(&("retry-after", "1".into())));
    let Content::Text(text) = Answer::too_large(4_400_000).content else { panic!("it says so") };
    assert!(text.contains("4.4 MB"), "{text}");
}
