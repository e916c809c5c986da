//! Scenarios that are always run: each thing that goes wrong, alone.

mod irregular;
mod redundant;

use packager_core::ingest::Settings;
use packager_core::log::Shape;

use super::media::TrackSpec;
use super::scenario::{Fault, PushStyle, Scenario};

/// 25 frames a second and 48 kHz, with a keyframe every two seconds.
fn video_25() -> TrackSpec {
    TrackSpec::video("v0", 12_800, 512, 50)
}

/// 30 000/1001 frames a second.
fn video_2997(gop_frames: u64) -> TrackSpec {
    TrackSpec::video("v0", 30_000, 1001, gop_frames)
}

fn audio(sample_rate: u32) -> TrackSpec {
    TrackSpec::audio("a1", sample_rate)
}

/// All of them.
pub fn named() -> Vec<Scenario> {
    let mut all = media();
    all.extend(encoders());
    all.extend(ingests());
    all.extend(surroundings());
    all.extend(irregular::irregular());
    all.extend(redundant::redundant_encoders());
    for (seed, scenario) in all.iter_mut().enumerate() {
        scenario.seed = seed as u64;
    }
    all
}

fn calm(name: &str, tracks: Vec<TrackSpec>) -> Scenario {
    Scenario { tracks, ..Scenario::calm(name, 0) }
}

fn faulty(name: &str, duration_ms: u64, faults: &[(u64, Fault)]) -> Scenario {
    Scenario { duration_ms, ..Scenario::calm(name, 0) }.with(faults)
}

/// Frame rates, keyframe distances, timescales, edit lists, ways to push.
fn media() -> Vec<Scenario> {
    let two_videos = vec![
        video_25(),
        TrackSpec { width: 1280, ..TrackSpec::video("v2", 12_800, 512, 50) },
        audio(48_000),
        TrackSpec::audio("a3", 44_100),
    ];
    let shifted = vec![
        TrackSpec { composition_ticks: 1024, edit_ticks: 1024, ..video_25() },
        TrackSpec { edit_ticks: 1024, ..audio(48_000) },
    ];
    let whole_segments = vec![
        TrackSpec { chunk_frames: 50, segment_chunks: 1, ..video_25() },
        TrackSpec { chunk_frames: 94, segment_chunks: 1, ..audio(48_000) },
    ];
    let frame_by_frame = vec![
        TrackSpec { chunk_frames: 1, segment_chunks: 50, ..video_25() },
        TrackSpec { chunk_frames: 2, segment_chunks: 47, ..audio(48_000) },
    ];
    let jittered = vec![TrackSpec { jitter_ticks: 200, ..video_25() }, audio(48_000)];
    vec![
        calm("25 frames a second, keyframes 2 s apart", vec![video_25(), audio(48_000)]),
        calm("keyframes 0.7 s apart", vec![TrackSpec::video("v0", 15_360, 512, 21), audio(44_100)]),
        calm("keyframes 2.5 s apart", vec![TrackSpec::video("v0", 90_000, 3_000, 75), audio(48_000)]),
        Scenario {
            duration_ms: 60_000,
            ..calm(
                "keyframes 250 frames apart",
                vec![TrackSpec::video("v0", 90_000, 3_000, 250), audio(48_000)],
            )
        },
        calm("29.97 frames a second", vec![video_2997(60), audio(44_100)]),
        calm("two renditions of each", two_videos),
        calm("edit lists and B-frames", shifted),
        calm("sound alone", vec![audio(48_000)]),
        calm("pictures alone", vec![video_25()]),
        Scenario { is_calm: false, ..calm("whole segments", whole_segments) },
        Scenario {
            style: PushStyle::LongPost,
            ..calm("one request a track", vec![video_25(), audio(48_000)])
        },
        Scenario { style: PushStyle::Chunks, ..calm("one request a chunk", vec![video_25(), audio(48_000)]) },
        Scenario { style: PushStyle::LongPost, ..calm("a chunk for each frame", frame_by_frame) },
        calm("times a little off", jittered),
        two_hours(),
    ]
}

/// 29.97 frames a second do not drift apart from 44.1 kHz.
fn two_hours() -> Scenario {
    Scenario {
        duration_ms: 7_200_000,
        edges: 1,
        viewers: 1,
        local_edge: false,
        cold_every_ms: 1_200_000,
        is_calm: false,
        ..calm("two hours", vec![video_2997(60), audio(44_100)])
    }
}

fn encoders() -> Vec<Scenario> {
    let restart = |pause_ms| Fault::RestartEncoder { pause_ms, racing: false };
    let race = |pause_ms| Fault::RestartEncoder { pause_ms, racing: true };
    let three = || vec![video_25(), audio(48_000), TrackSpec::video("v2", 30_000, 1001, 60)];
    vec![
        faulty("restart after 3 s", 50_000, &[(20_000, restart(3_000))]),
        faulty("restart after 30 s", 90_000, &[(20_000, restart(30_000))]),
        faulty("restart before the first keyframe interval", 40_000, &[(1_200, restart(500))]),
        Scenario {
            tracks: three(),
            ..faulty("racing restart", 60_000, &[(20_000, race(1_000)), (40_000, race(100))])
        },
        Scenario {
            style: PushStyle::LongPost,
            tracks: three(),
            ..faulty(
                "racing restart, one request a track",
                60_000,
                &[(20_000, race(1_000)), (41_500, race(100))],
            )
        },
        Scenario {
            origin_ms: 50_000,
            ..faulty(
                "restart at an earlier time",
                60_000,
                &[(20_000, restart(2_000)), (30_000, restart(300))],
            )
        },
        Scenario {
            style: PushStyle::LongPost,
            ..faulty(
                "killed in the middle of a chunk",
                50_000,
                &[(15_300, Fault::KillEncoder { pause_ms: 4_000 })],
            )
        },
        faulty(
            "one track starts over, then all",
            70_000,
            &[(15_000, Fault::RestartTrack { track: 1 }), (40_000, restart(2_000))],
        ),
        faulty(
            "one track stalls for 5 s",
            60_000,
            &[(12_300, Fault::StallTrack { track: 1, for_ms: 5_000 })],
        ),
        faulty(
            "one track stalls for 30 s",
            80_000,
            &[(12_300, Fault::StallTrack { track: 0, for_ms: 30_000 })],
        ),
        faulty("one track leaves", 50_000, &[(15_700, Fault::LeaveTrack { track: 1 })]),
        Scenario {
            tracks: three(),
            late_tracks: vec![2],
            ..faulty("one track joins late", 60_000, &[(15_700, Fault::JoinTrack { track: 2 })])
        },
        Scenario {
            tracks: three(),
            late_tracks: vec![1],
            ..faulty(
                "one track joins after a restart",
                70_000,
                &[(15_000, restart(2_000)), (30_700, Fault::JoinTrack { track: 1 })],
            )
        },
        faulty(
            "a header changes",
            50_000,
            &[(15_100, Fault::ChangeHeader { track: 0 }), (30_900, Fault::ChangeHeader { track: 0 })],
        ),
        Scenario {
            reorder_ms: 600,
            doubled_permille: 200,
            style: PushStyle::Chunks,
            ..faulty("out of order and twice", 40_000, &[])
        },
        Scenario {
            lost_permille: 80,
            retries: false,
            style: PushStyle::Chunks,
            ..faulty("lost chunks", 60_000, &[])
        },
        Scenario { lost_permille: 150, retries: false, ..faulty("lost segments", 60_000, &[]) },
    ]
}

fn ingests() -> Vec<Scenario> {
    let kill = |at| (at, Fault::KillIngest { ingest: 0, pause_ms: 1_000 });
    let over = |at, ingest| (at, Fault::FailOver { ingest, overlap_ms: 1_500 });
    let killed = [kill(9_000), kill(20_300), kill(31_700)];
    let flapping = [over(10_000, 1), over(20_000, 0), over(30_000, 1), over(31_000, 0)];
    vec![
        faulty("ingest killed", 50_000, &killed),
        Scenario {
            resends_header: false,
            style: PushStyle::LongPost,
            ..faulty("ingest killed, no header again", 50_000, &killed)
        },
        Scenario { retries: false, ..faulty("ingest killed, nothing sent again", 50_000, &killed) },
        Scenario { slow_permille: 100, ..faulty("ingest killed, slow storage", 50_000, &killed) },
        faulty("ingest killed before the first segment", 40_000, &[kill(1_700), kill(4_100)]),
        faulty(
            "ingest killed while the encoder restarts",
            60_000,
            &[(20_000, Fault::RestartEncoder { pause_ms: 2_000, racing: true }), kill(22_700)],
        ),
        Scenario { ingests: 2, local_edge: false, ..faulty("fail over and back", 50_000, &flapping) },
        Scenario {
            ingests: 2,
            local_edge: false,
            style: PushStyle::LongPost,
            ..faulty("fail over and back, one request a track", 50_000, &flapping)
        },
        Scenario {
            ingests: 2,
            local_edge: false,
            ..faulty(
                "restart during a fail over",
                60_000,
                &[
                    over(20_000, 1),
                    (20_500, Fault::RestartEncoder { pause_ms: 500, racing: true }),
                    over(35_000, 0),
                ],
            )
        },
    ]
}

/// Segments of a second, of which pages are full in a minute: a window that moves on by pages, while edges come and go,
/// an ingest dies, and an encoder starts over.
fn long_window(replace: &[(u64, Fault)]) -> Scenario {
    let mut faults = replace.to_vec();
    faults.push((100_000, Fault::KillIngest { ingest: 0, pause_ms: 1_000 }));
    faults.push((150_000, Fault::RestartEncoder { pause_ms: 500, racing: false }));
    faults.extend((0..40).map(|nth| (60_000 + nth * 5_100, Fault::ReplaceEdge { edge: nth as usize })));
    Scenario {
        tracks: vec![TrackSpec::video("v0", 12_800, 512, 25), audio(48_000)],
        settings: Settings { segment_ms: 1_000, part_ms: 250, window_ms: 70_000, ..Settings::default() },
        cold_every_ms: 7_300,
        ..faulty("a long window", 280_000, &faults)
    }
}

fn surroundings() -> Vec<Scenario> {
    let replace: Vec<_> =
        (0..12).map(|nth| (6_000 + nth * 3_300, Fault::ReplaceEdge { edge: nth as usize })).collect();
    vec![
        faulty("edges come and go", 50_000, &replace),
        Scenario { stale_heads_permille: 500, ..faulty("late checkpoints", 50_000, &replace) },
        faulty(
            "lost checkpoints",
            60_000,
            &[(8_000, Fault::LoseCheckpoints { for_ms: 30_000 }), (25_000, Fault::ReplaceEdge { edge: 1 })],
        ),
        Scenario { failed_permille: 20, ..faulty("storage fails", 60_000, &replace) },
        Scenario { slow_permille: 100, ..faulty("storage is slow", 60_000, &replace) },
        long_window(&replace),
        Scenario {
            settings: Settings { window_ms: Shape::WHOLE_WINDOW_MS, ..Settings::default() },
            ..faulty("all is listed", 60_000, &replace)
        },
        faulty("created again", 70_000, &[(20_000, Fault::Recreate), (45_000, Fault::Recreate)]),
    ]
}
