//! Media that is not as steady as most: odd frame rates, odd times, text.

use super::{audio, calm, faulty, video_25};
use crate::sim::media::{Times, TrackSpec};
use crate::sim::scenario::{Fault, PushStyle, Scenario};

/// Ticks of a clock of 32 bits.
const TURN: u64 = 1 << 32;

/// 25 frames a second of 90 kHz.
fn video_90k() -> TrackSpec {
    TrackSpec::video("v0", 90_000, 3_600, 50)
}

fn with(track: TrackSpec, times: Times) -> TrackSpec {
    TrackSpec { times, ..track }
}

/// All of them.
pub(super) fn irregular() -> Vec<Scenario> {
    let mut all = rates();
    all.extend(rounded());
    all.extend(jumps());
    all.extend(long_times());
    all.extend(text());
    all
}

/// Frame rates and keyframe distances.
fn rates() -> Vec<Scenario> {
    let film = || TrackSpec::video("v0", 24_000, 1_001, 48);
    let video_5994 = || TrackSpec::video("v0", 60_000, 1_001, 120);
    let all_intra =
        || TrackSpec { chunk_frames: 12, segment_chunks: 4, ..TrackSpec::video("v0", 12_800, 512, 1) };
    // 60 frames a second of which now and then one, two or three are left out.
    let varying = || TrackSpec::varying("v0", 90_000, &[1_500, 1_500, 3_000, 1_500, 4_500, 1_500, 6_000], 70);
    let screen = TrackSpec::varying("v0", 90_000, &[3_000, 3_000, 90_000, 9_000, 150_000, 3_000], 12);
    let b_frames = |gop| TrackSpec { negative_offsets: true, ..TrackSpec::video("v0", 90_000, 3_600, gop) };
    vec![
        calm("59.94 frames a second", vec![video_5994(), audio(48_000)]),
        Scenario {
            style: PushStyle::Chunks,
            ..calm(
                "59.94 frames a second, 59.94 of which are keyframes",
                vec![
                    TrackSpec { chunk_frames: 30, segment_chunks: 4, gop_frames: 1, ..video_5994() },
                    audio(44_100),
                ],
            )
        },
        calm("23.976 frames a second", vec![film(), audio(48_000)]),
        Scenario {
            style: PushStyle::LongPost,
            ..calm(
                "23.976 frames a second, keyframes 2.5 s apart",
                vec![TrackSpec { gop_frames: 60, ..film() }, audio(44_100)],
            )
        },
        calm("every frame a keyframe", vec![all_intra(), audio(48_000)]),
        Scenario {
            style: PushStyle::LongPost,
            ..calm(
                "every frame a keyframe and a chunk",
                vec![TrackSpec { chunk_frames: 1, segment_chunks: 50, ..all_intra() }, audio(48_000)],
            )
        },
        calm("frame rate varies", vec![varying(), audio(48_000)]),
        Scenario {
            style: PushStyle::LongPost,
            ..calm(
                "frame rate varies, a chunk for each frame",
                vec![TrackSpec { chunk_frames: 1, segment_chunks: 70, ..varying() }, audio(48_000)],
            )
        },
        Scenario { is_calm: false, ..calm("frames longer than a part", vec![screen, audio(48_000)]) },
        calm("negative composition offsets", vec![b_frames(49), audio(48_000)]),
        Scenario {
            style: PushStyle::LongPost,
            ..calm("negative composition offsets, keyframes 0.7 s apart", vec![b_frames(18), audio(44_100)])
        },
    ]
}

/// Times in milliseconds, as RTMP has them.
fn rounded() -> Vec<Scenario> {
    let rounded = |track: TrackSpec, fps| with(track, Times { rounded_fps: Some(fps), ..Times::default() });
    let at_90k = |chunk_frames| {
        let track = TrackSpec { chunk_frames, ..TrackSpec::video("v0", 90_000, 3_000, 60) };
        rounded(TrackSpec { segment_chunks: 60_u64.div_ceil(chunk_frames), ..track }, (30, 1))
    };
    let at_1k = || rounded(TrackSpec::video("v0", 1_000, 33, 60), (30_000, 1_001));
    let sound_at_1k = || {
        let track = TrackSpec { timescale: 1_000, frame_ticks: 21, ..audio(48_000) };
        rounded(track, (48_000, 1_024))
    };
    vec![
        calm("milliseconds in 90 kHz", vec![at_90k(7), audio(48_000)]),
        Scenario {
            style: PushStyle::LongPost,
            ..calm("milliseconds in 90 kHz, a chunk for each frame", vec![at_90k(1), audio(48_000)])
        },
        calm("milliseconds", vec![at_1k(), audio(48_000)]),
        calm("milliseconds of pictures and sound", vec![at_1k(), sound_at_1k()]),
        Scenario {
            ingests: 2,
            local_edge: false,
            tracks: vec![at_1k(), sound_at_1k()],
            ..faulty(
                "milliseconds, fail over and back",
                50_000,
                &[
                    (15_000, Fault::FailOver { ingest: 1, overlap_ms: 1_500 }),
                    (30_000, Fault::FailOver { ingest: 0, overlap_ms: 1_500 }),
                ],
            )
        },
    ]
}

/// Times that jump ahead, and times that drift from the wall clock.
fn jumps() -> Vec<Scenario> {
    let jumping = |seconds: u64| {
        let jump = |track: TrackSpec, sample| {
            let ticks = seconds * u64::from(track.timescale);
            with(track, Times { jump: Some((sample, ticks)), ..Times::default() })
        };
        // About eight seconds in, each where one of its bodies begins.
        vec![jump(video_25(), 200), jump(audio(48_000), 368)]
    };
    let drifting = |drift_ppm| {
        let drift = |track| with(track, Times { drift_ppm, ..Times::default() });
        vec![drift(video_25()), drift(audio(48_000))]
    };
    let jump =
        |name: &str, style, seconds| Scenario { style, duration_ms: 40_000, ..calm(name, jumping(seconds)) };
    let drift = |name: &str, drift_ppm| Scenario {
        duration_ms: 300_000,
        cold_every_ms: 20_000,
        ..calm(name, drifting(drift_ppm))
    };
    vec![
        jump("times jump 3 s", PushStyle::Segments, 3),
        jump("times jump 3 s, one request a track", PushStyle::LongPost, 3),
        jump("times jump 59 s", PushStyle::Segments, 59),
        jump("times jump 70 s", PushStyle::Segments, 70),
        jump("times jump 70 s, one request a track", PushStyle::LongPost, 70),
        jump("times jump an hour, one request a chunk", PushStyle::Chunks, 3_600),
        drift("times drift behind", 2_000),
        drift("times drift ahead", -2_000),
    ]
}

/// Times that need more than 32 bits, and more than 63.
fn long_times() -> Vec<Scenario> {
    let short = |track| with(track, Times { short: true, ..Times::default() });
    // What has 32 bits is used up 12 s after the start.
    let turn_ms = TURN / 90 - 12_000;
    let restart = Fault::RestartEncoder { pause_ms: 2_000, racing: false };
    vec![
        Scenario { origin_ms: turn_ms, ..calm("times cross 2^32", vec![video_90k(), audio(48_000)]) },
        Scenario {
            origin_ms: turn_ms,
            ..calm("times of 32 bits begin again", vec![short(video_90k()), audio(48_000)])
        },
        Scenario {
            origin_ms: turn_ms,
            style: PushStyle::LongPost,
            ..calm(
                "times of 32 bits begin again, one request a track",
                vec![short(video_90k()), audio(48_000)],
            )
        },
        Scenario {
            origin_ms: turn_ms,
            tracks: vec![short(video_90k()), audio(48_000)],
            ..faulty(
                "times of 32 bits begin again while ingest is killed",
                50_000,
                &[(11_500, Fault::KillIngest { ingest: 0, pause_ms: 1_000 })],
            )
        },
        Scenario {
            origin_ms: turn_ms,
            tracks: vec![short(video_90k()), audio(48_000)],
            ..faulty(
                "times of 32 bits begin again while the track stalls",
                60_000,
                &[(11_300, Fault::StallTrack { track: 0, for_ms: 5_000 })],
            )
        },
        Scenario {
            origin_ms: turn_ms,
            tracks: vec![video_90k(), short(TrackSpec::video("v1", 90_000, 3_600, 50)), audio(48_000)],
            late_tracks: vec![1],
            ..faulty(
                "a track with times of 32 bits joins after they began again",
                50_000,
                &[(20_700, Fault::JoinTrack { track: 1 })],
            )
        },
        Scenario {
            origin_ms: (1 << 63) / 90 - 10_000,
            ..calm("times cross 2^63", vec![video_90k(), audio(48_000)])
        },
        Scenario {
            origin_ms: (1 << 63) / 90 - 10_000,
            ..faulty("times near 2^63, then from 0", 40_000, &[(15_000, restart)])
        },
    ]
}

/// Text: whole segments, which are divided where they are longer than a segment may be.
fn text() -> Vec<Scenario> {
    let beside = |text: TrackSpec| vec![video_25(), audio(48_000), text];
    let whole = || TrackSpec::text("t2", 2_000, 1);
    let long = || TrackSpec::text("t2", 1_500, 4);
    let restart = |pause_ms| Fault::RestartEncoder { pause_ms, racing: false };
    vec![
        calm("text in segments of 2 s", beside(whole())),
        calm("text in segments of 2 s of four cues", beside(TrackSpec::text("t2", 500, 4))),
        calm("text in segments of 6 s", beside(TrackSpec::text("t2", 6_000, 1))),
        calm("text in segments of 6 s of four cues", beside(long())),
        Scenario {
            tracks: beside(whole()),
            ..faulty("restart with text", 60_000, &[(20_000, restart(2_000)), (35_000, restart(300))])
        },
        Scenario {
            tracks: beside(long()),
            ..faulty("restart with text of 6 s", 60_000, &[(20_000, restart(2_000))])
        },
        Scenario {
            tracks: beside(long()),
            ..faulty(
                "ingest killed with text",
                50_000,
                &[(13_000, Fault::KillIngest { ingest: 0, pause_ms: 1_000 })],
            )
        },
        Scenario {
            tracks: beside(whole()),
            late_tracks: vec![2],
            ..faulty(
                "text joins late and leaves",
                70_000,
                &[(15_700, Fault::JoinTrack { track: 2 }), (40_300, Fault::LeaveTrack { track: 2 })],
            )
        },
        Scenario {
            tracks: beside(whole()),
            late_tracks: vec![1],
            ..faulty(
                "sound joins late, pictures leave",
                70_000,
                &[(15_700, Fault::JoinTrack { track: 1 }), (40_300, Fault::LeaveTrack { track: 0 })],
            )
        },
    ]
}
