//! Chains put together from a checkpoint and pages.

use super::*;
use crate::cmaf::TrackKind;
use crate::log::{Begin, Entry, Independence, Marker, PartMeta, SessionId, Shape, rebuild};
use crate::time::{Timescale, WallMs};

/// A chain of 266 segments of two parts, with a gap, and an encoder that starts over.
fn whole() -> Chain {
    let timescale = Timescale::new(1000).unwrap();
    let begin = Begin {
        kind: TrackKind::Video,
        session: SessionId::parse("s1").unwrap(),
        start_ticks: 5000,
        timescale,
        period: 0,
        part_target_ticks: 1000,
        first_msn: 1,
    };
    let shape = Shape {
        target_duration_s: 2,
        segment_ms: 2000,
        part_ms: 1000,
        whole_segments: false,
        window_ms: 20_000,
    };
    let mut chain = Chain::new(begin, shape);
    let mut wall = WallMs(1_800_000_000_000);
    while chain.next_msn < 267 {
        let starts = chain.open.as_ref().is_none_or(|open| open.parts.len() == 2);
        wall = wall.plus_ms(1000);
        let part = PartMeta {
            duration_ticks: 1000,
            offset_ticks: 80,
            samples: 25,
            independence: if starts { Independence::Start } else { Independence::No },
            frame_bytes: 0,
            wall,
            hash: chain.next_ticks,
        };
        chain.absorb(&Entry::Part(part), 1000).unwrap();
        let session = SessionId::parse("s2").unwrap();
        let marker = match chain.next_ticks {
            100_000 => Marker::GapUntil(107_500),
            300_500 => Marker::Continues { session, start_ticks: 7, timescale, period: 1 },
            _ => continue,
        };
        chain.absorb(&Entry::Marker(marker), 0).unwrap();
    }
    assert!(chain.past.len() == 1 && chain.closed.iter().any(Segment::is_gap));
    chain
}

/// What is stored of a chain: its checkpoint, and pages of all that the checkpoint has forgotten.
fn stored(whole: &Chain) -> (Chain, Vec<Page>) {
    let json = rebuild::checkpoint(whole).to_json();
    let cold = Checkpoint::from_json(json.as_bytes()).unwrap().chain;
    let pages = cold.forgotten_pages().map(|page| {
        let json = Page::complete(whole, page).unwrap().to_json();
        Page::from_json(json.as_bytes()).unwrap()
    });
    let pages = pages.collect();
    (cold, pages)
}

#[test]
fn a_checkpoint_and_its_pages_are_the_whole_chain() {
    let whole = whole();
    let (mut cold, pages) = stored(&whole);
    assert!(pages.len() >= 3 && cold.closed.len() < 200, "{} {}", pages.len(), cold.closed.len());
    assert!(cold.recall(pages));
    assert_eq!(cold, whole);
    assert_eq!(cold.forgotten_pages(), 0..0);
    assert!(cold.recall(Vec::new()));
    assert_eq!(cold, whole);
}

#[test]
fn pages_that_are_not_those_of_the_chain_are_refused() {
    type Change = fn(&mut Vec<Page>);
    let changes: [Change; 8] = [
        |pages| drop(pages.remove(0)),
        |pages| drop(pages.pop()),
        |pages| pages.swap(0, 1),
        |pages| drop(pages[1].segments.pop()),
        |pages| pages[1].segments[3].duration_ticks += 1,
        |pages| pages[1].segments[3].parts[1].start_ticks += 1,
        |pages| {
            pages[1].segments[3].parts.pop();
        },
        |pages| pages[0].segments[0].run.start_ticks += 1,
    ];
    for (nth, change) in changes.into_iter().enumerate() {
        let (mut cold, mut pages) = stored(&whole());
        let before = cold.clone();
        change(&mut pages);
        assert!(!cold.recall(pages), "{nth}");
        assert_eq!(cold, before, "{nth}");
    }
    // What both know must be the same.
    let (mut cold, mut pages) = stored(&whole());
    let last = pages.last_mut().and_then(|page| page.segments.last_mut()).unwrap();
    assert!(cold.segment(last.msn).is_some(), "the last page and the checkpoint overlap");
    last.parts[0].bytes += 1;
    assert!(!cold.recall(pages));
}
