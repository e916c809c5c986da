//! Commands on documents.

use super::*;
use crate::ingest::{Denied, Pusher};
use crate::time::parse_date;

const RANDOM: [u8; RANDOM_BYTES] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31,
];

fn at(text: &str) -> WallMs {
    parse_date(text).unwrap()
}

fn now() -> WallMs {
    at("2026-11-25T12:00:00Z")
}

fn created(fields: &str) -> Result<(BroadcastName, Changed), Problem> {
    create(format!(r#"{{"name":"cup"{fields}}}"#).as_bytes(), now(), &RANDOM)
}

fn document(fields: &str) -> BroadcastRecord {
    created(fields).unwrap().1.record
}

fn opens(record: &BroadcastRecord, secret: &str, now: WallMs) -> Result<(), Denied> {
    Pusher::Own(KeyHash::of(secret.as_bytes())).admit(Some(record), now)
}

#[test]
fn what_is_created_is_stored_without_its_key() {
    let (name, Changed { record, key }) = created(
        r#","title":"Cup final","start":"2026-11-25T13:00:00+01:00","window_s":"all","retention_days":30"#,
    )
    .unwrap();
    let key = key.unwrap();
    assert_eq!(
        (name.as_str(), key.secret.as_str(), key.id.as_str()),
        ("cup", "08090a0b0c0d0e0f1011121314151617", "18191a1b")
    );
    assert!(record.generation.as_str().starts_with(Generation::mint(now(), 0x0001_0203_0405_0607).as_str()));
    let stored = record::to_json(&record);
    assert!(!stored.contains(&key.secret), "{stored}");
    assert!(
        stored.contains(r#""start":"2026-11-25T12:00:00Z","window_s":"all","retention_days":30"#),
        "{stored}"
    );
    assert_eq!(record::from_json::<BroadcastRecord>(stored.as_bytes()), Ok(record.clone()));
    assert_eq!(opens(&record, &key.secret, now()), Ok(()));
    let other = create(br#"{"name":"cup"}"#, now(), &[7; RANDOM_BYTES]).unwrap().1;
    assert_ne!((other.record.generation, other.key), (record.generation, Some(key)));
}

#[test]
fn what_cannot_be_used_is_refused_by_its_name() {
    for (fields, detail) in [
        (r#","segment_ms":499"#, "segment_ms: segment_ms is 499, but must be between 500 and 10000"),
        (r#","segment_ms":"2000""#, r#"segment_ms: invalid type: string "2000", expected u32"#),
        (r#","part_ms":2001"#, "part_ms: part_ms is 2001, but must be between 100 and 2000"),
        (
            r#","segment_ms":900,"part_ms":500"#,
            "part_ms is 500, but must be at most half of segment_ms, which is 900",
        ),
        (
            r#","segment_ms":2000,"window_s":5"#,
            "window_s is 5, but must be at least three segments, which is 6",
        ),
        (
            r#","window_s":"some""#,
            r#"window_s: invalid value: string "some", expected a number of seconds, or "all""#,
        ),
        (r#","window_s":99999999999"#, "window_s: window_s is 4294967295, but must be between 2 and 604800"),
        (r#","retention_days":0"#, "retention_days: retention_days is 0, but must be between 1 and 36500"),
        (r#","early_s":-1"#, "early_s: invalid value: integer `-1`, expected u32"),
        (r#","title":"""#, r#"title: "" is not 1 to 200 characters in one line, without spaces at the ends"#),
        (
            r#","start":"2026-11-25 12:00""#,
            r#"start: "2026-11-25 12:00" is no date with time and zone, such as 2026-11-22T20:00:00Z or 2026-11-22T21:00:00+01:00"#,
        ),
        (
            r#","start":"2026-11-25T12:00:00Z","end":"2026-11-25T12:00:00Z""#,
            "end is 2026-11-25T12:00:00Z, but must be after start, which is 2026-11-25T12:00:00Z",
        ),
        (r#","recording":1"#, "recording: invalid type: integer `1`, expected a boolean"),
        (
            r#","tracks":{"Audio":{}}"#,
            "tracks: a name is 1 to 63 characters of a-z, 0-9 and '-', and starts with a letter or digit; got \"Audio\"",
        ),
        (
            r#","tracks":{"audio-1":{"nmae":"English"}}"#,
            "tracks.audio-1.nmae: there is nothing of that name to be said; there is name, language, order, hidden, default, role",
        ),
        (
            r#","keys":[]"#,
            &format!("keys: there is nothing of that name to be said; there is {}", FIELDS.join(", ")),
        ),
    ] {
        let problem = created(fields).unwrap_err();
        assert_eq!((problem.status, problem.detail.as_str()), (422, detail));
    }
    for (body, status) in [
        ("", 422),
        ("{}", 422),
        (r#"{"name":"Cup"}"#, 422),
        (r#"{"name":"api"}"#, 422),
        ("[]", 400),
        ("{", 400),
    ] {
        assert_eq!(create(body.as_bytes(), now(), &RANDOM).unwrap_err().status, status, "{body}");
    }
    // A value out of bounds is refused wherever it is read.
    assert!(BroadcastRecord::read(br#"{"generation":"g","part_ms":1}"#).is_err());
    assert!(
        BroadcastRecord::read(
            br#"{"generation":"g","keys":[{"id":"1","sha256":"ab","created":"2026-11-25T12:00:00Z"}]}"#
        )
        .is_err()
    );
}

#[test]
fn an_update_changes_what_it_says_and_nothing_else() {
    let there = document(r#","title":"Cup","segment_ms":4000,"early_s":60"#);
    let update = |body: &str, has_begun| update(&there, body.as_bytes(), has_begun);
    let changed =
        update(r#"{"title":"Final","early_s":null,"tracks":{"audio-1":{"name":"English"}}}"#, true).unwrap();
    let mut expected = there.clone();
    expected.event.title = Title::parse("Final").ok();
    expected.event.early_s = None;
    assert_eq!(changed.record.event, expected.event);
    assert_eq!((changed.record.generation, changed.key), (there.generation.clone(), None));
    assert_eq!(changed.record.settings.tracks.len(), 1);
    assert_eq!(update("{}", true).unwrap().record, there);
    // Cut is fixed once there is media; to say it again is not to change it.
    assert_eq!(update(r#"{"segment_ms":2000}"#, false).unwrap().record.event.cut.segment_ms, Some(2000));
    assert_eq!(update(r#"{"segment_ms":4000}"#, true).unwrap().record, there);
    for fixed in [r#"{"segment_ms":2000}"#, r#"{"part_ms":250}"#, r#"{"window_s":"all"}"#] {
        let problem = update(fixed, true).unwrap_err();
        assert!(problem.status == 409 && problem.detail.contains("was fixed when"), "{}", problem.detail);
    }
    for field in ["name", "generation", "ended", "deleted", "described"] {
        assert_eq!(update(&format!(r#"{{"{field}":"x"}}"#), false).unwrap_err().status, 422, "{field}");
    }
}

#[test]
fn two_keys_are_valid_while_one_takes_the_others_place() {
    let (_, Changed { record, key }) = created("").unwrap();
    let first = key.unwrap().secret;
    let rotate = |record: &BroadcastRecord, body: &str, now, seed| {
        let Changed { record, key } =
            rotate_key(record, body.as_bytes(), now, &[seed; RANDOM_BYTES]).unwrap();
        (record, key.unwrap().secret)
    };
    let (two, second) = rotate(&record, r#"{"grace_s":60}"#, now(), 1);
    assert_eq!(two.event.keys.len(), 2);
    assert_eq!((opens(&two, &first, now()), opens(&two, &second, now())), (Ok(()), Ok(())));
    let later = now().plus_ms(60_000);
    assert_eq!((opens(&two, &first, later), opens(&two, &second, later)), (Err(Denied::WrongKey), Ok(())));
    // Once more: two are valid, never three, and a day is what is usual.
    let (again, third) = rotate(&two, "", now(), 2);
    assert_eq!(opens(&again, &first, now()), Err(Denied::WrongKey));
    let day = now().plus_ms(GRACE_S * 1000);
    assert_eq!(
        (opens(&again, &second, day.plus_ms(-1)), opens(&again, &second, day)),
        (Ok(()), Err(Denied::WrongKey))
    );
    // A key that is known to others is done with at once.
    let (only, fourth) = rotate(&again, r#"{"grace_s":0}"#, now(), 3);
    assert_eq!(
        (only.event.keys.len(), opens(&only, &third, now()), opens(&only, &fourth, now())),
        (1, Err(Denied::WrongKey), Ok(()))
    );
    for body in [r#"{"grace_s":-1}"#, r#"{"grace_s":2592001}"#, r#"{"grace_s":"1"}"#, r#"{"key":"mine"}"#] {
        assert_eq!(rotate_key(&only, body.as_bytes(), now(), &RANDOM).unwrap_err().status, 422, "{body}");
    }
}

#[test]
fn what_has_ended_stays_ended_for_the_reason_that_was_first() {
    let there = document("");
    let ended = end(&there, br#"{"reason":"rain"}"#, now()).unwrap().record;
    let denied = Pusher::Any.admit(Some(&ended), now()).unwrap_err();
    assert!(matches!(&denied, Denied::Ended { reason: Some(reason), .. } if reason == "rain"), "{denied}");
    assert_eq!(end(&ended, b"", now().plus_ms(5)).unwrap().record, ended);
    assert_eq!(rotate_key(&ended, b"", now(), &RANDOM).unwrap_err().status, 409);
    for body in [r#"{"reason":1}"#, r#"{"reason":"a\nb"}"#, r#"{"because":"x"}"#] {
        assert_eq!(end(&there, body.as_bytes(), now()).unwrap_err().status, 422, "{body}");
    }
}

#[test]
fn what_is_being_deleted_is_there_for_nobody() {
    let gone = delete(&document(r#","title":"Cup""#), now());
    let stored = record::to_json(&gone);
    assert_eq!(BroadcastRecord::read(stored.as_bytes()), Ok(None));
    assert_eq!(Pusher::Any.admit(Some(&gone), now()), Err(Denied::BeingDeleted));
    assert!(!stored.contains("Cup") && gone.event.keys.is_empty(), "{stored}");
    // Whoever pushes finds out within five seconds; what ended before that is not pushed to.
    assert_eq!([4_999, 5_000].map(|ms| may_be_written_to(&gone, now().plus_ms(ms))), [true, false]);
    let ended = end(&document(""), b"", now()).unwrap().record;
    let later = now().plus_ms(5_000);
    assert!(!may_be_written_to(&delete(&ended, later), later));
}

#[test]
fn a_broadcast_expires_some_days_after_its_end() {
    let scheduled = r#","start":"2026-11-25T18:00:00Z","end":"2026-11-25T20:00:00Z""#;
    let ended = |fields: &str| end(&document(fields), b"", at("2026-11-25T19:00:00Z")).unwrap().record;
    for (record, expires) in [
        // What has no retention, or no end, is kept.
        (document(""), None),
        (document(scheduled), None),
        (ended(scheduled), None),
        (document(r#","retention_days":1"#), None),
        (document(r#","retention_days":1,"start":"2020-01-01T00:00:00Z""#), None),
        // An hour after its end it may still be pushed to, unless something else is said.
        (document(&format!(r#","retention_days":1{scheduled}"#)), Some("2026-11-26T21:00:00Z")),
        (document(&format!(r#","retention_days":30,"late_s":60{scheduled}"#)), Some("2026-12-25T20:01:00Z")),
        // It was ended before, or without a schedule.
        (ended(&format!(r#","retention_days":1{scheduled}"#)), Some("2026-11-26T19:00:00Z")),
        (ended(r#","retention_days":36500"#), Some("2126-11-01T19:00:00Z")),
    ] {
        assert_eq!(record.event.expires().map(|date| date.0), expires.map(at), "{record:?}");
        let Some(expires) = expires.map(at) else {
            assert!(!record.event.has_expired(WallMs(i64::MAX)), "{record:?}");
            continue;
        };
        let before = expires.plus_ms(-1);
        assert!(!record.event.has_expired(before) && record.event.has_expired(expires));
        // Whose deletion was broken off is found again, unless it was the operator who deleted it before its time.
        assert_eq!(delete(&record, expires).event.expires().map(|date| date.0), Some(expires));
        assert_eq!(delete(&record, before).event.expires(), None);
    }
}
