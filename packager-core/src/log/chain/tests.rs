//! Chains by hand.

use super::*;
use crate::log::SessionId;
use crate::time::{Timescale, WallMs};

fn chain(shape: Shape) -> Chain {
    let begin = Begin {
        kind: TrackKind::Video,
        session: SessionId::parse("s1").unwrap(),
        start_ticks: 0,
        timescale: Timescale::new(1000).unwrap(),
        period: 0,
        part_target_ticks: 500,
        first_msn: 1,
    };
    Chain::new(begin, shape)
}

const SHAPE: Shape =
    Shape { target_duration_s: 2, segment_ms: 2000, part_ms: 500, whole_segments: false, window_ms: 60_000 };

fn part(duration_ticks: u64, independence: Independence) -> Entry {
    Entry::Part(PartMeta {
        duration_ticks,
        offset_ticks: 0,
        samples: 1,
        independence,
        frame_bytes: 0,
        wall: WallMs(0),
        hash: 0,
    })
}

#[test]
fn a_segment_ends_at_the_first_independent_part_that_is_late_enough() {
    let mut chain = chain(SHAPE);
    // GOP 0.7 s: boundaries at 2.1 s, not at 0.7 or 1.4.
    for _ in 0..7 {
        chain.absorb(&part(500, Independence::Start), 10).unwrap();
        chain.absorb(&part(200, Independence::No), 10).unwrap();
    }
    let lengths: Vec<_> = chain.closed.iter().map(|s| s.duration_ticks).collect();
    assert_eq!(lengths, [2100, 2100]);
    assert_eq!(chain.open.as_ref().map(|s| s.msn), Some(3));
}

#[test]
fn a_segment_without_keyframes_is_cut_before_its_extinf_would_round_up() {
    let mut chain = chain(SHAPE);
    for i in 0..12 {
        let independence = if i == 0 { Independence::Start } else { Independence::No };
        chain.absorb(&part(500, independence), 10).unwrap();
    }
    assert!(chain.closed.iter().all(|s| s.duration_ticks == 2000));
    assert!(!chain.closed.back().unwrap().is_independent());
}

#[test]
fn a_segment_nobody_can_start_in_ends_at_the_next_keyframe() {
    let mut chain = chain(SHAPE);
    for i in 0..12 {
        let independence = if i % 10 == 0 { Independence::Start } else { Independence::No };
        chain.absorb(&part(500, independence), 10).unwrap();
    }
    let segments: Vec<_> = chain.closed.iter().map(|s| (s.is_independent(), s.duration_ticks)).collect();
    assert_eq!(segments, [(true, 2000), (false, 2000), (false, 1000)]);
    assert!(chain.open.as_ref().is_some_and(Segment::is_independent));
}

#[test]
fn a_chain_settles_as_if_its_shape_had_been_known() {
    let begin = chain(SHAPE).begin;
    let assumed = Shape { target_duration_s: 12, ..SHAPE };
    let (mut early, mut late) = (Chain::assuming(begin.clone(), assumed), Chain::new(begin, SHAPE));
    for i in 0..10 {
        let independence = if i == 0 { Independence::Start } else { Independence::No };
        let entries = [part(500, independence), Entry::Marker(Marker::GapUntil(5_000 * (i + 1)))];
        for entry in &entries {
            early.absorb(entry, 10).unwrap();
            late.absorb(entry, 10).unwrap();
        }
    }
    assert_ne!(early.closed, late.closed);
    early.settle(SHAPE).unwrap();
    assert_eq!(early, late);
}

#[test]
fn gaps_are_cut_to_the_target_duration_and_periods_count_discontinuities() {
    let mut chain = chain(SHAPE);
    chain.absorb(&part(500, Independence::Start), 10).unwrap();
    chain.absorb(&Entry::Marker(Marker::GapUntil(5_500)), 0).unwrap();
    let lengths: Vec<_> = chain.closed.iter().map(|s| (s.msn, s.is_gap(), s.duration_ticks)).collect();
    assert_eq!(lengths, [(1, false, 500), (2, true, 2000), (3, true, 2000), (4, true, 1000)]);
    let session = SessionId::parse("s2").unwrap();
    let go_on = |period| {
        let timescale = Timescale::new(1000).unwrap();
        Entry::Marker(Marker::Continues { session: session.clone(), start_ticks: 0, timescale, period })
    };
    assert!(chain.clone().absorb(&go_on(2), 0).is_err());
    chain.absorb(&go_on(1), 0).unwrap();
    chain.absorb(&part(500, Independence::Start), 10).unwrap();
    let open = chain.open.as_ref().unwrap();
    assert!(open.discontinuity);
    assert_eq!((open.msn, open.run.session.as_str()), (5, "s2"));
    chain.absorb(&Entry::Marker(Marker::Ended), 0).unwrap();
    assert_eq!(chain.absorb(&part(500, Independence::No), 1), Err(ChainError::Ended));
}

#[test]
fn a_damaged_log_is_refused_where_it_is_damaged() {
    let mut chain = chain(SHAPE);
    assert!(chain.absorb(&part(0, Independence::Start), 1).is_err());
    assert!(chain.absorb(&part(501, Independence::Start), 1).is_err());
    assert!(chain.absorb(&Entry::Marker(Marker::GapUntil(0)), 0).is_err());
    assert!(chain.absorb(&Entry::Marker(Marker::GapUntil(u64::MAX)), 0).is_err());
    assert_eq!(chain.next_msn, 1);
}

#[test]
fn the_window_only_moves_forward() {
    let mut chain = chain(Shape { window_ms: 8000, ..SHAPE });
    let mut first_listed = 0;
    for i in 0..400_u64 {
        let independence = if i % 7 < 4 { Independence::Start } else { Independence::No };
        chain.absorb(&part(100 + (i * 37) % 400, independence), 10).unwrap();
        let first = chain.closed.len() - chain.listed();
        assert!(first >= first_listed);
        first_listed = first;
    }
    assert!(first_listed > 0);
}
