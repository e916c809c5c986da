//! Random broadcasts, for the property tests: what encoders may do, drawn by proptest.

use std::collections::BTreeMap;
use std::str::FromStr;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use crate::golden::{Case, CaseSettings, Line, Query};
use crate::media::{Origin, Synthetic};

/// So many cases, the same in every run; `RANDOM_SEED=n` draws others, `RANDOM_CASES=n` so many.
pub fn config(cases: u32) -> Config {
    let seed = asked("RANDOM_SEED").unwrap_or(1);
    let cases = asked("RANDOM_CASES").unwrap_or(cases);
    Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() }
}

fn asked<N: FromStr>(variable: &str) -> Option<N> {
    std::env::var(variable).ok().and_then(|number| number.parse().ok())
}

/// A video track.
fn video() -> impl Strategy<Value = Synthetic> {
    let fps = prop_oneof![Just((30, 1)), Just((25, 1)), Just((30_000, 1001)), Just((60, 1)), Just((15, 1))];
    (fps, 5_u32..130, 1_u32..30, any::<bool>(), 0_u64..100_000).prop_map(
        |(fps, gop, chunk_frames, b_frames, start_ms)| Synthetic {
            fps,
            gop,
            chunk_frames,
            b_frames,
            edit_ticks: if b_frames { 90_000 * fps.1 / fps.0 } else { 0 },
            start_ms,
            seconds: 40,
            frame_bytes: 12,
            ..Synthetic::default()
        },
    )
}

/// A broadcast of a video and an audio track, for forty seconds at most of each.
pub fn case(faults: bool) -> impl Strategy<Value = Case> {
    let settings = (
        prop_oneof![Just(2000_u32), 2000_u32..4000],
        prop_oneof![Just(500_u32), 200_u32..1000],
        12_000_u32..60_000,
    );
    let sound =
        (prop_oneof![Just(48_000_u32), Just(44_100)], 1_u32..100, prop_oneof![Just(0_u32), Just(1024)]);
    let pushes = proptest::collection::vec(push(), 1..4);
    let asked = proptest::collection::vec((4_000_i64..60_000, 0_usize..6, 0_u64..30, 0_u64..8), 0..6);
    (settings, video(), sound, pushes, asked).prop_map(move |(settings, video, sound, pushes, asked)| {
        let (sample_rate, chunk_frames, edit_ticks) = sound;
        let audio = Synthetic {
            audio: true,
            sample_rate,
            chunk_frames,
            edit_ticks,
            start_ms: video.start_ms,
            seconds: 40,
            frame_bytes: 12,
            ..Synthetic::default()
        };
        let (segment_ms, part_ms, window_ms) = settings;
        let mut video = video;
        if 1000 * video.chunk_frames * video.fps.1 > part_ms * video.fps.0 {
            // Encoders end long chunks at keyframes. Others exist, but where a segment will end can
            // only be guessed for them, and a part may come out shorter than it should.
            video.gop = video.gop.next_multiple_of(video.chunk_frames);
        }
        let script = script(&pushes, &video, &audio, faults);
        let tracks = [("video", video), ("audio", audio)];
        Case {
            about: String::new(),
            settings: CaseSettings {
                segment_ms: Some(segment_ms),
                part_ms: Some(part_ms.min(segment_ms / 2)),
                window_ms: Some(window_ms),
                gap_ms: None,
            },
            tracks: tracks
                .map(|(name, spec)| (name.to_owned(), Origin::Synthetic(spec)))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            script,
            requests: requests(&asked),
        }
    })
}

/// One run of the encoder.
#[derive(Debug, Clone)]
struct Push {
    /// How much of the media.
    seconds: u32,
    /// How long after the run before.
    pause_ms: i64,
    /// A request for each so many chunks.
    chunks_per_request: Option<usize>,
    whole_requests: bool,
    /// Lost chunks of video, in thousandths of the run.
    lost: Vec<u32>,
    broken_off: bool,
    restart_ingest_ms: Option<i64>,
}

fn push() -> impl Strategy<Value = Push> {
    let lost = proptest::collection::vec(0_u32..1000, 0..4);
    let restart = proptest::option::weighted(0.2, 1_000_i64..15_000);
    let per_request = proptest::option::of(1_usize..12);
    let flags = (any::<bool>(), proptest::bool::weighted(0.2));
    (5_u32..20, 100_i64..20_000, per_request, flags, lost, restart).prop_map(
        |(seconds, pause_ms, chunks_per_request, (whole_requests, broken_off), lost, restart_ingest_ms)| {
            Push {
                seconds,
                pause_ms,
                chunks_per_request,
                whole_requests: whole_requests && chunks_per_request.is_some(),
                lost,
                broken_off,
                restart_ingest_ms,
            }
        },
    )
}

fn script(pushes: &[Push], video: &Synthetic, audio: &Synthetic, faults: bool) -> Vec<Line> {
    let mut at_ms = 0;
    let mut script = Vec::new();
    let pushes = if faults { pushes } else { &pushes[..1] };
    for push in pushes {
        for (name, spec) in [("video", video), ("audio", audio)] {
            let frames_ms = if spec.audio {
                1_024_000 / u64::from(spec.sample_rate)
            } else {
                u64::from(1000 * spec.fps.1 / spec.fps.0)
            };
            let chunk_ms = (frames_ms * u64::from(spec.chunk_frames)).max(1);
            // Who comes later than three target durations has lost its place.
            let per_request = usize::try_from(2_000 / chunk_ms).unwrap().max(1);
            let per_request = push.chunks_per_request.map(|chunks| chunks.min(per_request));
            let chunks = usize::try_from(u64::from(push.seconds) * 1000 / chunk_ms).unwrap().max(1);
            let lost = push.lost.iter().map(|thousandth| chunks * *thousandth as usize / 1000);
            // What comes as a whole is lost as a whole.
            let together = per_request.filter(|_| push.whole_requests).unwrap_or(1);
            let lost = lost.flat_map(|chunk| {
                let first = chunk - chunk % together;
                first..first + together
            });
            script.push(Line {
                at_ms,
                push: Some(name.to_owned()),
                chunks: Some((0, chunks)),
                chunks_per_request: per_request,
                whole_requests: push.whole_requests,
                lost: if faults && !spec.audio { lost.collect() } else { Vec::new() },
                broken_off_bytes: if faults && push.broken_off { 5 } else { 0 },
                ..Line::default()
            });
        }
        if let Some(after_ms) = push.restart_ingest_ms.filter(|_| faults) {
            script.push(Line { at_ms: at_ms + after_ms, restart_ingest: true, ..Line::default() });
        }
        at_ms += i64::from(push.seconds) * 1000 + push.pause_ms;
    }
    script
}

fn requests(asked: &[(i64, usize, u64, u64)]) -> Vec<Query> {
    let target = |kind: usize, msn: u64, part: u64| match kind {
        0 => "/show/index.m3u8".to_owned(),
        1 => "/show/g/audio/index.m3u8".to_owned(),
        2 => format!("/show/g/video/index.m3u8?_HLS_msn={msn}&_HLS_part={part}"),
        3 => format!("/show/g/video/index.m3u8?_HLS_skip=YES&_HLS_msn={msn}"),
        4 => format!("/show/g/video/{}.m4s", msn + 1),
        _ => "/{hint video}".to_owned(),
    };
    let query = |(index, (at_ms, kind, msn, part)): (usize, &(i64, usize, u64, u64))| Query {
        at_ms: *at_ms,
        name: format!("request {index}"),
        method: "GET".to_owned(),
        path: target(*kind, *msn, *part),
    };
    asked.iter().enumerate().map(query).collect()
}
