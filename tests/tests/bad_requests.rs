//! Requests that nobody makes who read a manifest or playlist of ours, or makes too early or too late: each gets
//! the status that tells players what to do, the same from every edge, and no cache keeps it past a second.

use packager_core::edge::Method;
use packager_core::ingest::Settings;
use rimcast_tests::media::{Origin, Source, Synthetic};
use rimcast_tests::world::{Answer, World};

/// A request; its status; and of what is held, that it is.
type Expected = (&'static str, u16, Hold);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Answered at once.
    No,
    /// It is for what should come any moment: held, and as nothing comes, answered after nine seconds.
    Full,
}

use Hold::{Full, No};

/// Pictures of 21 seconds in segments of two, of which the sixth was lost and the eleventh is open, with two parts;
/// and subtitles.
fn live() -> World {
    let mut world = World::new(Settings::default(), 1);
    let source = Source::synthetic(&Synthetic { seconds: 21, frame_bytes: 20, ..Synthetic::default() });
    let video = world.open("show/video.cmfv").unwrap();
    world.push(video, source.header.clone()).unwrap();
    let text = Source::new(&Origin::Recorded("text_wvtt/text".to_owned()));
    let subtitles = world.open("show/text.cmft").unwrap();
    world.push(subtitles, text.header.clone()).unwrap();
    for chunk in &text.chunks[..4] {
        world.push(subtitles, chunk.body().concat().into()).unwrap();
    }
    for (index, chunk) in source.chunks.iter().enumerate() {
        world.advance_to(i64::try_from(index).unwrap() * 500 + 500);
        if !(20..24).contains(&index) {
            world.push(video, chunk.body().concat().into()).unwrap();
        }
    }
    world.advance_to(21_300);
    world
}

/// Asks, and waits for as long as any request may be held.
fn ask(world: &mut World, target: &str) -> Answer {
    let asked = world.ask(Method::Get, target);
    if world.answer(asked).is_none() {
        world.advance_to(world.now_ms() + 10_000);
    }
    let answer = world.answer(asked).unwrap_or_else(|| panic!("{target} is never answered"));
    answer.unwrap_or_else(|why| panic!("{target}: {why}")).clone()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.sent.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
}

fn check(world: &mut World, table: &[Expected]) {
    for (target, status, hold) in table {
        let answer = ask(world, target);
        assert_eq!(answer.status, *status, "{target}: {answer}");
        let is_held = (9_000..=9_100).contains(&answer.after_ms);
        assert!(if *hold == Full { is_held } else { answer.after_ms == 0 }, "{target}: {answer}");
        let cached = header(&answer, "cache-control").expect("every answer has a cache policy");
        let is_brief = ["no-store", "max-age=1"].contains(&cached);
        assert!(is_brief || *status == 200, "{target} is kept: {cached}");
        let retry = header(&answer, "retry-after");
        let asks_again = matches!(status, 425 | 503);
        assert_eq!(retry, asks_again.then_some("1"), "{target}");
        assert_eq!(header(&answer, "access-control-allow-origin"), Some("*"), "{target}");
    }
}

#[test]
fn numbers_that_are_none_are_told_from_those_to_come() {
    check(
        &mut live(),
        &[
            // Segments.
            ("/show/g/video/0mywpiww0trp35-1.m4s", 200, No),
            ("/show/g/video/0mywpiww0trp35-6.m4s", 200, No),
            ("/show/g/video/0mywpiww0trp35-0.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-13.m4s", 404, No),
            // A year ahead.
            ("/show/g/video/0mywpiww0trp35-15768012.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-18446744073709551614.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-18446744073709551615.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-18446744073709551616.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35--1.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-1e3.m4s", 404, No),
            // Parts of a closed segment,
            ("/show/g/video/0mywpiww0trp35-5_3.m4s", 200, No),
            ("/show/g/video/0mywpiww0trp35-5_4.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-5_4096.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-5_18446744073709551615.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-5_18446744073709551616.m4s", 404, No),
            // of a gap, which is told as one,
            ("/show/g/video/0mywpiww0trp35-6_0.m4s", 200, No),
            ("/show/g/video/0mywpiww0trp35-6_1.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-6_18446744073709551615.m4s", 404, No),
            // of one that grows,
            ("/show/g/video/0mywpiww0trp35-11_1.m4s", 200, No),
            ("/show/g/video/0mywpiww0trp35-11_3.m4s", 425, No),
            ("/show/g/video/0mywpiww0trp35-11_4095.m4s", 425, No),
            ("/show/g/video/0mywpiww0trp35-11_4096.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-11_18446744073709551615.m4s", 404, No),
            // of the one after it,
            ("/show/g/video/0mywpiww0trp35-12_1.m4s", 425, No),
            ("/show/g/video/0mywpiww0trp35-12_4096.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-12_18446744073709551615.m4s", 404, No),
            // and of none.
            ("/show/g/video/0mywpiww0trp35-0_0.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-13_0.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-18446744073709551615_18446744073709551615.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-5_.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-5_-1.m4s", 404, No),
            ("/show/g/video/0mywpiww0trp35-5_0_0.m4s", 404, No),
            // Text has no parts that anybody is told of: what is stored is its segments.
            ("/show/g/text/0mywpiww0trp35-1_0.m4s", 200, No),
            ("/show/g/text/0mywpiww0trp35-1_1.m4s", 404, No),
            ("/show/g/text/0mywpiww0trp35-1_18446744073709551615.m4s", 404, No),
            ("/show/g/text/0mywpiww0trp35-999.m4s", 404, No),
        ],
    );
}

#[test]
fn what_is_due_is_held_and_then_given_up() {
    for target in [
        "/show/g/video/0mywpiww0trp35-11_2.m4s",
        "/show/g/video/0mywpiww0trp35-12.m4s",
        "/show/g/video/0mywpiww0trp35-12_0.m4s",
    ] {
        check(&mut live(), &[(target, 503, Full)]);
    }
}

#[test]
fn names_and_queries_that_are_none_are_refused() {
    check(
        &mut live(),
        &[
            ("/show/manifest.mpd", 200, No),
            ("/show/sequence.mpd?from=x&at=y&of=z", 200, No),
            ("/show/other.mpd", 404, No),
            ("/other/manifest.mpd", 404, No),
            ("/other/manifest.mpp?from=2027-01-15T08:00:00Z&at=1&of=1", 404, No),
            ("/show/g/audio/0mywpiww0trp35-1.m4s", 404, No),
            ("/show/g/audio/0mywpiww0trp35-1_0.m4s", 404, No),
            ("/show/h/video/0mywpiww0trp35-1.m4s", 404, No),
            ("/show/g/video/0000000000nope-1.m4s", 404, No),
            ("/show/g/video/1.m4s", 404, No),
            ("/show/h/video/0mywpiww0trp35-1_0.m4s", 404, No),
            ("/show/g/VIDEO/0mywpiww0trp35-1_0.m4s", 404, No),
            // The time is told whatever is asked with it, and is nobody's to keep.
            ("/show/event.json", 200, No),
            ("/show/event.json?start=x&%00%ff", 200, No),
            ("/show/event.json/", 404, No),
            ("/show/g/event.json", 404, No),
            ("/other/event.json", 404, No),
            ("/show/time", 200, No),
            ("/show/time?2027-01-15T08:00:00Z", 200, No),
            ("/show/time?%00%ff&&==&t=18446744073709551616", 200, No),
            ("/show/time/", 404, No),
            ("/show/time/now", 404, No),
            ("/show/times", 404, No),
            // Patches: whoever has a manifest knows how to ask.
            ("/show/manifest.mpp", 400, No),
            ("/show/manifest.mpp?", 400, No),
            ("/show/manifest.mpp?&&==", 400, No),
            ("/show/manifest.mpp?from=2027-01-15T08:00:00Z", 400, No),
            ("/show/manifest.mpp?at=1&of=1", 400, No),
            ("/show/manifest.mpp?from=x&of=1", 400, No),
            ("/show/manifest.mpp?from=x&at=1", 400, No),
            ("/show/manifest.mpp?from=x&at=&of=1", 400, No),
            ("/show/manifest.mpp?from=x&at=1..2&of=1", 400, No),
            ("/show/manifest.mpp?from=x&at=-1.2&of=1", 400, No),
            ("/show/manifest.mpp?from=x&at=18446744073709551616.2&of=1", 400, No),
            ("/show/manifest.mpp?from=x&at=1.2&of=", 400, No),
            ("/show/manifest.mpp?from=x&at=1.2&of=xyz", 400, No),
            ("/show/manifest.mpp?from=x&at=1.2&of=10000000000000000", 400, No),
            ("/show/sequence.mpp?from=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx&at=1.2&of=1", 400, No),
            ("/show/sequence.mpp?FROM=x&AT=1.2&OF=1", 400, No),
        ],
    );
    let answer = ask(&mut live(), "/show/time?x");
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
}

/// Three minutes, of which playlists list the last twelve seconds: what is older is told of by pages.
fn three_minutes() -> World {
    let mut world = World::new(Settings { window_ms: 12_000, ..Settings::default() }, 1);
    let (fps, gop, chunk_frames) = ((10, 1), 20, 5);
    let spec = Synthetic { seconds: 180, fps, gop, chunk_frames, frame_bytes: 20, ..Synthetic::default() };
    let source = Source::synthetic(&spec);
    let upload = world.open("show/video.cmfv").unwrap();
    world.push(upload, source.header.clone()).unwrap();
    for (index, chunk) in source.chunks.iter().enumerate() {
        world.advance_to(i64::try_from(index).unwrap() * 500 + 500);
        world.push(upload, chunk.body().concat().into()).unwrap();
    }
    world
}

#[test]
fn what_was_there_and_is_not_kept_is_gone() {
    let mut world = three_minutes();
    check(
        &mut world,
        &[
            ("/show/g/video/0mywpiww0trp35-2.m4s", 200, No),
            ("/show/g/video/0mywpiww0trp35-2_3.m4s", 200, No),
            ("/show/g/video/0mywpiww0trp35-2_4.m4s", 404, No),
        ],
    );
    // The media may be deleted first,
    assert_eq!(world.store.expire(|key| key.ends_with("/00000000000000180000.m4s")), 1);
    check(
        &mut world,
        &[
            ("/show/g/video/0mywpiww0trp35-2_0.m4s", 410, No),
            ("/show/g/video/0mywpiww0trp35-2_1.m4s", 200, No),
        ],
    );
    // or what tells of it.
    let mut world = three_minutes();
    assert!(world.store.expire(|key| key.contains("/video/index/0")) > 0);
    check(
        &mut world,
        &[
            ("/show/g/video/0mywpiww0trp35-2.m4s", 410, No),
            ("/show/g/video/0mywpiww0trp35-2_0.m4s", 410, No),
            ("/show/g/video/0mywpiww0trp35-2_18446744073709551615.m4s", 410, No),
            ("/show/g/video/0mywpiww0trp35-88.m4s", 200, No),
        ],
    );
}
