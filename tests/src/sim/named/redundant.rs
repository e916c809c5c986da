//! Two encoders that send the same media: what comes first is kept, and either may die.

use packager_core::ingest::Settings;

use super::{audio, calm, video_25, video_2997};
use crate::sim::scenario::{Fault, PushStyle, Scenario, Twin};

/// The first dies and comes back, then the second.
const EITHER_DIES: [(u64, Fault); 2] = [
    (14_300, Fault::KillTwin { encoder: 0, pause_ms: 8_000 }),
    (33_700, Fault::KillTwin { encoder: 1, pause_ms: 8_000 }),
];

/// Nothing may be missing, although encoders die.
fn redundant(name: &str, style: PushStyle, twin: Twin) -> Scenario {
    let tracks = vec![video_25(), audio(48_000)];
    let faults = EITHER_DIES.to_vec();
    Scenario { style, faults, duration_ms: 52_000, twin: Some(twin), ..calm(name, tracks) }
}

/// All of them.
pub(super) fn redundant_encoders() -> Vec<Scenario> {
    let twin = |lag_ms| Twin { lag_ms, ingest: 0, codes_otherwise: false };
    let other = |lag_ms| Twin { codes_otherwise: true, ..twin(lag_ms) };
    // What comes late is waited for by so much.
    let patient = |scenario: Scenario, gap_ms| Scenario {
        settings: Settings { gap_ms, ..Settings::default() },
        ..scenario
    };
    // Whoever is later than that loses media when the other dies, and no more than that.
    let too_late = |scenario| Scenario { is_calm: false, ..scenario };
    let each_its_own = |scenario: Scenario| Scenario {
        ingests: 2,
        local_edge: false,
        twin: scenario.twin.map(|twin| Twin { ingest: 1, ..twin }),
        is_calm: false,
        ..scenario
    };
    let killed = |name: &str, tracks| {
        let faults = (0..6).map(|nth| (9_100 + nth * 3_300, Fault::KillIngest { ingest: 0, pause_ms: 50 }));
        let faults = faults.collect();
        Scenario { tracks, faults, ..too_late(redundant(name, PushStyle::LongPost, other(100))) }
    };
    let (segments, post, chunks) = (PushStyle::Segments, PushStyle::LongPost, PushStyle::Chunks);
    vec![
        redundant("two encoders", segments, twin(0)),
        redundant("two encoders, one request a track", post, twin(30)),
        redundant("two encoders, one request a chunk", chunks, twin(200)),
        redundant("two encoders, one of them late", segments, twin(800)),
        redundant("two encoders, one of them late, one request a track", post, twin(800)),
        patient(redundant("two encoders, one of them very late", segments, twin(3_000)), 3_500),
        too_late(redundant("two encoders, one of them too late", segments, twin(4_000))),
        redundant("two encoders that code otherwise", segments, other(100)),
        redundant("two encoders that code otherwise, one request a track", post, other(100)),
        redundant("two encoders that code otherwise, one of them late", chunks, other(800)),
        too_late(redundant("two encoders that code otherwise, one of them too late", segments, other(2_500))),
        killed("two encoders that code otherwise, ingest killed", vec![audio(44_100)]),
        killed(
            "two encoders that code otherwise, ingest killed, sound and pictures",
            vec![video_25(), audio(44_100)],
        ),
        each_its_own(redundant("two encoders, each with an ingest", segments, twin(50))),
        each_its_own(redundant("two encoders, each with an ingest, one request a track", post, twin(50))),
        each_its_own(redundant(
            "two encoders that code otherwise, each with an ingest",
            segments,
            other(100),
        )),
        Scenario {
            tracks: vec![video_2997(60), audio(44_100)],
            origin_ms: 1_790_000_000_000,
            ..redundant("two encoders at 29.97, on the clock of the wall", segments, twin(300))
        },
    ]
}
