//! What ingest makes of encoders that start over, send again and overtake themselves, and of other
//! ingests that write the same broadcast.

mod world;

use packager_core::ingest::{Outcome, PushPath, Refusal};
use packager_core::log::{Segment, SessionId};
use rimcast_tests::store::Store;
use world::{World, half_a_second, header};

fn sessions(segments: &[Segment]) -> Vec<(u32, SessionId)> {
    let mut sessions: Vec<_> =
        segments.iter().map(|segment| (segment.run.period, segment.run.session.clone())).collect();
    sessions.dedup();
    sessions
}

const BOTH: [&str; 2] = ["audio", "video"];

fn begun(ingests: usize, until_ms: u64) -> World {
    let mut world = World::new(ingests);
    for track in BOTH {
        world.header(0, track);
    }
    world.play(0, &BOTH, 1, 0, until_ms);
    world
}

#[test]
fn a_gap_shorter_than_frames_are_reordered_is_dated_between_its_neighbours() {
    let mut world = World::new(1);
    world.header_of(0, "video", 640, 200);
    world.play(0, &["video"], 1, 0, 4_000);
    // What follows the gap is shown 400 ms earlier than the segment before it says.
    for (start_ms, composition) in [(4_000, 400), (4_500, 0), (5_000, 0)] {
        world.wait(500);
        world.put(0, "video", half_a_second("video", 1, start_ms, [composition; 5]));
    }
    world.wait(500);
    let around = [5_500, 6_100].map(|start_ms| half_a_second("video", 1, start_ms, [0; 5]));
    world.put(0, "video", around.concat().into());
    world.play(0, &["video"], 1, 7_000, 12_000);
    assert!(world.segments("video").iter().any(|segment| segment.is_gap() && segment.duration_ticks == 100));
    world.assert_dates_go_on();
}

#[test]
fn a_track_that_another_ingest_took_further_enters_the_next_period_later() {
    let mut world = begun(2, 6_000);
    // From now on the sound goes elsewhere, and the pictures start over.
    world.restart(1);
    world.header(0, "video");
    for start_ms in (0..5_000).step_by(500) {
        world.wait(500);
        world.media(0, "video", 2, start_ms);
        world.media(1, "audio", 1, 6_000 + start_ms);
    }
    world.play(0, &["video"], 2, 5_000, 16_000);
    assert_eq!(world.chain("video").run.period, 1);
    assert_eq!(world.chain("audio").run.period, 1);
    world.assert_dates_go_on();
}

#[test]
fn a_period_begins_after_all_that_was_shown_before() {
    let mut world = World::new(1);
    // Sent faster than it is captured: shown 300 ms after it is decoded, then 300 ms before.
    world.header(0, "video");
    for start_ms in (0..4_500).step_by(500) {
        world.wait(10);
        world.put(0, "video", half_a_second("video", 1, start_ms, [300; 5]));
    }
    world.header_of(0, "video", 1280, 300);
    for start_ms in (0..4_000).step_by(500) {
        world.wait(10);
        world.put(0, "video", half_a_second("video", 2, start_ms, [0; 5]));
    }
    world.wait(4_000);
    assert_eq!(world.chain("video").run.period, 1);
    world.assert_dates_go_on();
}

#[test]
fn what_looks_like_an_old_chain_to_an_ingest_that_was_not_told_is_not_acknowledged() {
    let mut world = begun(2, 4_000);
    world.restart(1);
    world.wait(15_000);
    for track in BOTH {
        world.header(0, track);
    }
    world.play(0, &BOTH, 2, 0, 3_500);
    // The other ingest knows of the first run only, and has all of its times.
    let request = world.media(1, "audio", 2, 3_500);
    world.wait(3_000);
    let is_stored = world.chain("audio").next_ticks > 3_500;
    assert!(is_stored || world.answer(request) != Some(Ok(())));
}

#[test]
fn bodies_that_follow_one_that_waits_to_start_over_wait_with_it() {
    let mut world = begun(1, 12_000);
    for track in BOTH {
        world.header(0, track);
    }
    // The pictures come much later than the sound.
    let mut requests = Vec::new();
    for start_ms in (0..2_000).step_by(500) {
        world.wait(500);
        requests.push(world.media(0, "audio", 2, start_ms));
    }
    for start_ms in (0..4_000).step_by(500) {
        requests.push(world.media(0, "video", 2, start_ms));
    }
    world.wait(3_000);
    for request in requests {
        assert_eq!(world.answer(request), Some(Ok(())));
    }
    for (track, end) in [("audio", 2_000), ("video", 4_000)] {
        let chain = world.chain(track);
        assert_eq!((chain.run.period, chain.next_ticks), (1, end), "{track}");
        assert_eq!(world.runs(track), [1, 2]);
    }
}

#[test]
fn a_run_begins_with_the_earliest_of_its_bodies() {
    let mut world = begun(1, 12_000);
    for track in BOTH {
        world.header(0, track);
    }
    world.media(0, "audio", 2, 500);
    world.media(0, "audio", 2, 0);
    world.wait(500);
    world.media(0, "video", 2, 0);
    world.wait(3_000);
    assert_eq!((world.chain("audio").run.period, world.chain("audio").next_ticks), (1, 1_000));
    let first = world.segments("audio").into_iter().find(|segment| segment.run.period == 1);
    assert_eq!(first.map(|segment| segment.start_ticks), Some(0));
}

#[test]
fn what_waits_behind_a_hole_since_before_the_encoder_started_anew_is_refused() {
    let mut world = World::new(1);
    world.header(0, "audio");
    world.play(0, &["audio"], 1, 100_000, 106_000);
    // A run that begins, and is not heard for a while.
    world.header(0, "audio");
    world.media(0, "audio", 2, 0);
    world.wait(3_000);
    world.restart(0);
    let late = world.media(0, "audio", 2, 3_000);
    world.header(0, "audio");
    world.media(0, "audio", 3, 500);
    world.wait(3_000);
    assert_eq!(world.runs("audio"), [1, 2, 3]);
    assert!(matches!(world.answer(late), Some(Err(Refusal::Superseded(_)))));
}

#[test]
fn media_of_the_run_before_that_comes_late_begins_no_period() {
    let mut world = World::new(1);
    world.header(0, "audio");
    world.play(0, &["audio"], 1, 100_000, 106_000);
    world.header(0, "audio");
    world.media(0, "audio", 2, 0);
    world.wait(100);
    let late = world.media(0, "audio", 1, 106_000);
    world.play(0, &["audio"], 2, 500, 4_000);
    assert_eq!(world.runs("audio"), [1, 2]);
    assert_eq!(world.chain("audio").run.period, 1);
    assert!(matches!(world.answer(late), Some(Err(Refusal::Superseded(_)))));
}

#[test]
fn a_cue_is_not_shown_earlier_because_one_before_it_is_missing() {
    let mut world = World::new(1);
    world.header(0, "text");
    world.media(0, "text", 1, 0);
    // Less than half of a cue later, but by more than rounding, and then by rounding.
    world.media(0, "text", 1, 530);
    world.media(0, "text", 1, 1_040);
    world.wait(3_000);
    let starts: Vec<_> = world
        .segments("text")
        .iter()
        .flat_map(|segment| &segment.parts)
        .map(|part| part.start_ticks)
        .collect();
    assert_eq!(starts, [0, 530, 1_030]);
}

#[test]
fn checkpoints_say_what_the_ingest_that_was_first_has_stored() {
    let mut world = begun(2, 4_000);
    world.restart(1);
    for start_ms in (4_000..12_000).step_by(500) {
        for (at, later_ms) in [(0, 250), (1, 250)] {
            for track in BOTH {
                world.media(at, track, 1, start_ms);
            }
            world.wait(later_ms);
        }
    }
    world.play(1, &BOTH, 1, 12_000, 20_000);
    world.assert_checkpoints_agree();
}

#[test]
fn checkpoints_of_all_tracks_are_of_the_shape_that_is_fixed() {
    let mut world = World::new(1);
    for track in BOTH {
        world.header(0, track);
    }
    world.play(0, &BOTH, 1, 0, 500);
    // Without a second keyframe TARGETDURATION is only fixed when a period begins, and then the
    // pictures have been away for long.
    world.play(0, &["audio"], 1, 500, 30_000);
    world.header(0, "audio");
    world.play(0, &["audio"], 2, 0, 500);
    assert!(world.segments("video").iter().any(Segment::is_gap));
    world.assert_checkpoints_agree();
}

#[test]
fn a_broadcast_that_begins_with_a_gap_can_be_watched() {
    let mut world = World::new(1);
    world.header(0, "video");
    // The track has begun, and nothing of it is stored yet.
    let first = half_a_second("video", 1, 0, [0; 5]);
    world.put(0, "video", first.clone());
    world.store = begin_only(&world.store);
    world.restart(0);
    world.play(0, &["video"], 1, 1_000, 6_000);
    assert!(world.segments("video").first().is_some_and(Segment::is_gap));
    world.header(0, "video");
    world.play(0, &["video"], 2, 0, 6_000);
    assert_eq!(world.chain("video").run.period, 1);
    world.assert_dates_go_on();
}

/// A bucket in which the parts were not stored any more.
fn begin_only(store: &Store) -> Store {
    let mut kept = Store::default();
    for (key, object) in store.objects().filter(|(key, _)| !key.ends_with(".m4s")) {
        kept.put(key, &object.meta, object.body.clone());
    }
    kept
}

#[test]
fn nothing_is_acknowledged_unread_while_the_chain_is_read_again() {
    let mut world = begun(1, 4_000);
    let bytes = half_a_second("audio", 1, 4_000, [0; 5]);
    let resource = PushPath::parse("show/audio.cmfv").unwrap().resource;
    let ingest = &mut world.ingests[0];
    let lost = ingest.open("show/audio.cmfv", &resource).unwrap();
    ingest.push(lost, bytes, world.now).unwrap();
    ingest.finish(lost, true, world.now);
    let put = ingest.next_put().unwrap();
    ingest.stored(put.id, &Outcome::Failed("it is down".to_owned()), world.now);
    assert!(ingest.needs_reload());
    // A new connection, before the broadcast has been read.
    let next = ingest.open("show/audio.cmfv", &resource).unwrap();
    ingest.push(next, header("audio", 0, 0), world.now).unwrap();
    ingest.push(next, half_a_second("audio", 1, 4_500, [0; 5]), world.now).unwrap();
    ingest.finish(next, true, world.now);
    assert_eq!(ingest.settled(next), None);
    world.settle(0);
    world.wait(3_000);
    assert_eq!(world.ingests[0].settled(next), Some(Ok(())));
    assert_eq!(world.chain("audio").next_ticks, 5_000);
}

#[test]
fn a_session_that_a_header_changed_in_names_no_later_period() {
    let mut world = begun(1, 4_000);
    world.header_of(0, "video", 1280, 0);
    world.play(0, &BOTH, 1, 4_000, 12_000);
    world.header(0, "audio");
    world.header_of(0, "video", 1280, 0);
    world.play(0, &BOTH, 2, 0, 6_000);
    for track in BOTH {
        let sessions = sessions(&world.segments(track));
        let newest = sessions.last().unwrap();
        assert_eq!(newest.0, 1, "{track}: {sessions:?}");
        let before: Vec<_> = sessions.iter().filter(|(period, _)| *period == 0).collect();
        assert!(before.iter().all(|(_, session)| *session < newest.1), "{track}: {sessions:?}");
        assert_eq!(world.runs(track), [1, 2]);
    }
}

#[test]
fn media_that_overtook_its_new_header_and_is_sent_again_begins_no_period() {
    let mut world = begun(1, 5_000);
    world.restart(0);
    world.header_of(0, "audio", 640, 10);
    let again = world.media(0, "audio", 1, 4_500);
    world.play(0, &BOTH, 1, 5_000, 8_000);
    assert_eq!(world.answer(again), Some(Ok(())));
    let chain = world.chain("audio");
    assert_eq!((chain.run.period, chain.next_ticks), (0, 8_000));
    assert!(!world.segments("audio").iter().any(Segment::is_gap));
}

#[test]
fn media_that_comes_long_after_its_place_was_declared_a_gap_begins_no_period() {
    let mut world = begun(1, 4_000);
    world.play(0, &["audio"], 1, 4_000, 6_000);
    world.play(0, &BOTH, 1, 6_000, 10_500);
    let late = world.media(0, "video", 1, 4_000);
    world.wait(3_000);
    assert_eq!(world.answer(late), Some(Err(Refusal::TooLate)));
    assert_eq!(world.chain("video").run.period, 0);
}

#[test]
fn what_is_sent_again_after_an_ingest_was_restarted_begins_no_period() {
    let mut world = begun(1, 10_000);
    world.restart(0);
    let again = world.media(0, "audio", 1, 3_500);
    world.wait(6_000);
    assert_eq!(world.answer(again), Some(Ok(())));
    assert_eq!(world.chain("audio").run.period, 0);
}

#[test]
fn a_second_encoder_that_is_late_and_codes_otherwise_begins_no_period() {
    let mut world = World::new(1);
    world.header(0, "video");
    world.play(0, &["video"], 1, 0, 6_000);
    let first = world.open(0, "video", half_a_second("video", 1, 6_000, [0; 5]));
    world.header(0, "video");
    let late = world.media(0, "video", 2, 4_000);
    world.wait(3_000);
    assert_eq!(world.answer(late), Some(Err(Refusal::TooLate)));
    assert_eq!(world.chain("video").run.period, 0);
    // Either goes on.
    world.more(first, half_a_second("video", 1, 6_500, [0; 5]));
    world.media(0, "video", 2, 7_000);
    world.wait(1_000);
    assert_eq!((world.runs("video"), world.chain("video").next_ticks), (vec![1, 2], 7_500));
}

#[test]
fn an_ingest_that_was_away_does_not_take_the_other_tracks_for_silent() {
    let mut world = begun(1, 30_000);
    world.wait(5_000);
    world.restart(0);
    world.header(0, "video");
    let alone = world.media(0, "video", 2, 0);
    for start_ms in (30_000..34_000).step_by(500) {
        world.media(0, "audio", 1, start_ms);
        world.wait(500);
    }
    assert!(matches!(world.answer(alone), Some(Err(Refusal::StartsOverAlone(_)))));
    assert_eq!(world.chain("audio").run.period, 0);
}
