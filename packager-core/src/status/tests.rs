//! What is told of broadcasts that do well, and of those that do not.

use super::*;
use crate::log::testing::{BEGINS, World};
use crate::log::{Entry, Marker};

fn of(log: &BroadcastLog, seconds: i64) -> Status {
    let (name, generation) = (BroadcastName::parse("show").unwrap(), Generation::parse("g").unwrap());
    let record = BroadcastRecord::new(generation);
    Status::of(&name, &record, log, BEGINS.plus_ms(seconds * 1_000))
}

fn at(world: &World, seconds: i64) -> Status {
    of(&world.log, seconds)
}

/// A world with sound and pictures, whose keyframes are `interval_ms` apart, until `until_ms`.
fn world(interval_ms: u64, until_ms: u64, late_ms: impl Fn(u64) -> i64) -> World {
    let mut world = World::new();
    for (track, kind) in [("audio", TrackKind::Audio), ("video", TrackKind::Video)] {
        world.begin_empty(track, kind);
    }
    world.media("audio", until_ms);
    world.media_as("video", until_ms, 500, |start_ms| {
        let is_key = start_ms % interval_ms == 0;
        (if is_key { Independence::Start } else { Independence::No }, late_ms(start_ms))
    });
    world
}

#[test]
fn a_broadcast_that_is_well_has_nothing_to_complain_of() {
    let world = world(2_000, 30_000, |_| 0);
    let status = at(&world, 30);
    assert_eq!((status.state, &status.warnings[..]), (State::Live, &[][..]));
    assert_eq!(status.now, iso_date(BEGINS.plus_ms(30_000)));
    let encoder = status.encoder.unwrap();
    assert_eq!(encoder.connected_since, Some(iso_date(BEGINS)));
    assert_eq!(encoder.last_part_ms, Some(0));
    let [audio, video] = &status.tracks[..] else { panic!("two tracks") };
    assert_eq!(
        (audio.kind, audio.keyframe_interval_ms, audio.frame_rate_mhz),
        (TrackKind::Audio, None, None)
    );
    // A thousand bytes each half second.
    assert_eq!(video.bit_rate_bps, 16_000);
    assert_eq!((video.keyframe_interval_ms, video.frame_rate_mhz), (Some(2_000), Some(2_000)));
    assert_eq!((video.drift_ms, video.gaps, video.behind_ms, video.segments), (Some(0), 0, 0, 14));
    assert_eq!(video.last_part_ms, Some(0));
}

#[test]
fn it_is_waited_for_live_away_and_over() {
    let (name, generation) = (BroadcastName::parse("show").unwrap(), Generation::parse("g").unwrap());
    let empty = of(&BroadcastLog::new(&name, &generation, 16), 0);
    assert_eq!((empty.state, empty.encoder, empty.tracks.len()), (State::Waiting, None, 0));
    assert_eq!(empty.warnings, ["no encoder has pushed yet"]);

    let mut world = world(2_000, 10_000, |_| 0);
    assert_eq!(at(&world, 16).state, State::Live);
    let away = at(&world, 17);
    assert_eq!(away.state, State::Away);
    assert_eq!(
        away.warnings,
        ["nothing has come from the encoder for 7 s; is it running, and its network up?"]
    );
    world.append("audio", &Entry::Marker(Marker::Ended));
    assert_eq!(at(&world, 11).state, State::Live);
    world.append("video", &Entry::Marker(Marker::Ended));
    let ended = at(&world, 60);
    assert_eq!((ended.state, &ended.warnings[..]), (State::Ended, &[][..]));
    assert!(ended.tracks.iter().all(|track| track.ended));
}

#[test]
fn what_is_wrong_is_told_in_words() {
    let told = |world: &World, seconds| at(world, seconds).warnings.join("\n");
    let far = told(&world(5_000, 40_000, |_| 0), 40);
    assert!(far.starts_with("keyframes of video are 5000 ms apart") && far.ends_with("to 2000 ms"), "{far}");
    // A second a minute: the network is too slow.
    let slow = told(&world(2_000, 60_000, |start_ms| i64::try_from(start_ms / 60).unwrap()), 61);
    assert!(slow.starts_with("media of video arrives "), "{slow}");
    assert!(slow.contains("later than 5") && slow.contains("too slow for its bit rate"), "{slow}");
    let mut lost = world(2_000, 20_000, |_| 0);
    lost.gap("video", 21_000);
    lost.media("video", 24_000);
    lost.media("audio", 28_000);
    let lost = told(&lost, 28);
    assert!(lost.starts_with("1 of the newest segments of video are gaps: "), "{lost}");
    assert!(
        lost.ends_with("video is 3000 ms behind the other tracks; has the encoder lost that input?"),
        "{lost}"
    );
}

#[test]
fn it_is_written_for_programs() {
    let json = serde_json::to_value(at(&world(2_000, 30_000, |_| 0), 30)).unwrap();
    assert_eq!((&json["state"], &json["tracks"][1]["kind"]), (&"live".into(), &"video".into()));
    assert!(json["tracks"][0].get("keyframe_interval_ms").is_none());
}
