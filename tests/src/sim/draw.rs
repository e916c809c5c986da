//! Scenarios drawn from a seed: everything at once.

use packager_core::cmaf::TrackKind;
use packager_core::ingest::Settings;
use packager_core::log::Shape;

use super::media::TrackSpec;
use super::rng::Rng;
use super::scenario::{Fault, PushStyle, Scenario, Twin};

/// The scenario that belongs to a seed.
pub fn draw(seed: u64) -> Scenario {
    let mut rng = Rng::new(seed);
    let mut tracks = tracks(&mut rng);
    make_irregular(&mut tracks, &mut Rng::new(!seed));
    let ingests = if rng.chance(300) { 2 } else { 1 };
    let local_edge = ingests == 1 && rng.chance(700);
    let often = |rng: &mut Rng, permille: u64, most: u64| {
        if rng.chance(permille) { rng.between((1, most)) } else { 0 }
    };
    let mut scenario = Scenario {
        duration_ms: rng.between((25_000, 70_000)),
        settings: Settings {
            segment_ms: *rng.pick(&[2_000, 2_000, 2_000, 4_000, 1_000]),
            part_ms: *rng.pick(&[500, 500, 333, 1_000]),
            window_ms: *rng.pick(&[60_000, 20_000, Shape::WHOLE_WINDOW_MS]),
            ..Settings::default()
        },
        late_tracks: if tracks.len() > 1 && rng.chance(150) { vec![tracks.len() - 1] } else { Vec::new() },
        style: *rng.pick(&[PushStyle::Segments, PushStyle::LongPost, PushStyle::Chunks]),
        origin_ms: *rng.pick(&[0, 0, 1_000, 40_000, 3_600_000]),
        network_ms: (1, rng.between((5, 150))),
        reorder_ms: often(&mut rng, 300, 700),
        lost_permille: often(&mut rng, 300, 60),
        doubled_permille: often(&mut rng, 400, 300),
        retries: rng.chance(600),
        resends_header: rng.chance(600),
        put_ms: (2, rng.between((10, 120))),
        get_ms: (1, rng.between((5, 60))),
        slow_permille: often(&mut rng, 300, 50),
        failed_permille: often(&mut rng, 200, 15),
        stale_heads_permille: often(&mut rng, 400, 600),
        ingests,
        edges: 2,
        local_edge,
        viewers: 2,
        cold_every_ms: rng.between((900, 4_000)),
        tracks,
        ..Scenario::calm("drawn", seed)
    };
    let mut faults = Vec::new();
    for _ in 0..rng.between((0, 5)) {
        let at = rng.between((500, scenario.duration_ms));
        faults.push((at, fault(&mut rng, &scenario)));
    }
    for _ in 0..rng.between((0, 4)) {
        let at = rng.between((3_000, scenario.duration_ms));
        faults.push((at, Fault::ReplaceEdge { edge: rng.between((0, 2)) as usize }));
    }
    for track in &scenario.late_tracks {
        faults.push((rng.between((1_000, scenario.duration_ms)), Fault::JoinTrack { track: *track }));
    }
    add_twin(&mut scenario, &mut faults, &mut Rng::new(seed.rotate_left(32)));
    faults.sort_by_key(|(at, _)| *at);
    scenario = scenario.with(&faults);
    scenario
}

/// Now and then there is a second encoder of the same media, at the same ingest.
fn add_twin(scenario: &mut Scenario, faults: &mut Vec<(u64, Fault)>, rng: &mut Rng) {
    if scenario.ingests > 1 || !rng.chance(250) {
        return;
    }
    let (lag_ms, codes_otherwise) = (*rng.pick(&[0, 100, 700, 2_500]), rng.chance(500));
    scenario.twin = Some(Twin { lag_ms, ingest: 0, codes_otherwise });
    // A track that changes in one of two encoders alone is not the same media any more.
    faults.retain(|(_, fault)| !matches!(fault, Fault::RestartTrack { .. } | Fault::ChangeHeader { .. }));
    for _ in 0..rng.between((0, 3)) {
        let at = rng.between((3_000, scenario.duration_ms));
        let (encoder, pause_ms) = (rng.between((0, 1)) as usize, *rng.pick(&[3_000, 8_000, 20_000]));
        faults.push((at, Fault::KillTwin { encoder, pause_ms }));
    }
}

fn tracks(rng: &mut Rng) -> Vec<TrackSpec> {
    let mut tracks = Vec::new();
    let (timescale, frame) = *rng.pick(&[(12_800, 512), (90_000, 3_600), (90_000, 3_000), (30_000, 1_001)]);
    let fps = u64::from(timescale / frame) + u64::from(frame == 1_001);
    let gop = *rng.pick(&[fps * 7 / 10, fps, fps * 2, fps * 2, fps * 5 / 2, 250]);
    let videos = *rng.pick(&[1, 1, 1, 2, 0]);
    for nth in 0..videos {
        let mut video = TrackSpec::video(&format!("v{nth}"), timescale, frame, gop);
        video.width = 640 * (nth + 1);
        let per_second = u64::from(timescale / frame);
        video.chunk_frames = *rng.pick(&[per_second / 2, per_second / 2, 1, per_second / 5, per_second, gop]);
        video.segment_chunks = gop.div_ceil(video.chunk_frames);
        if rng.chance(300) {
            video.composition_ticks = i32::try_from(frame * 2).expect("a few frames");
            video.edit_ticks = frame * 2;
        }
        if rng.chance(150) {
            video.jitter_ticks = frame / 5;
        }
        tracks.push(video);
    }
    let sounds = if videos == 0 { 1 } else { *rng.pick(&[1, 1, 2, 0]) };
    for nth in 0..sounds {
        let rate = *rng.pick(&[48_000, 44_100]);
        let mut audio = TrackSpec::audio(&format!("a{nth}"), rate);
        audio.chunk_frames = *rng.pick(&[23, 23, 21, 5, 1, 94]);
        audio.segment_chunks = 94_u64.div_ceil(audio.chunk_frames);
        if rng.chance(300) {
            audio.edit_ticks = 1024;
        }
        tracks.push(audio);
    }
    tracks
}

/// Some of what real encoders do.
fn make_irregular(tracks: &mut Vec<TrackSpec>, rng: &mut Rng) {
    if rng.chance(600) {
        return;
    }
    let drift_ppm = *rng.pick(&[0, 0, 300, -300]);
    for track in tracks.iter_mut() {
        track.times.drift_ppm = drift_ppm;
        if track.kind == TrackKind::Video {
            make_video_irregular(track, rng);
        }
    }
    if rng.chance(400) {
        let (cue_ms, cues) = *rng.pick(&[(2_000, 1), (500, 4), (6_000, 1), (1_500, 4)]);
        tracks.push(TrackSpec::text("t0", cue_ms, cues));
    }
}

fn make_video_irregular(track: &mut TrackSpec, rng: &mut Rng) {
    let frame = track.frame_ticks;
    let oddity = rng.between((0, 5));
    if oddity <= 2 {
        // It has other pictures than those that the B-frames were drawn for.
        (track.composition_ticks, track.edit_ticks) = (0, 0);
    }
    match oddity {
        0 => track.gop_frames = 1,
        1 => track.negative_offsets = true,
        2 => {
            // Each is longer than half of the next: one that is lost is missed.
            let half = frame.div_ceil(2);
            track.times.durations = vec![frame, frame, frame * 2, half];
            (track.frame_ticks, track.jitter_ticks) = (half, 0);
        }
        3 => {
            track.times.rounded_fps = Some((u64::from(track.timescale), u64::from(frame)));
            track.jitter_ticks = 0;
        }
        _ => {}
    }
}

fn fault(rng: &mut Rng, scenario: &Scenario) -> Fault {
    let track = usize::try_from(rng.between((0, scenario.tracks.len() as u64 - 1))).expect("few tracks");
    let ingest = usize::try_from(rng.between((0, scenario.ingests as u64 - 1))).expect("few ingests");
    let pause_ms = *rng.pick(&[50, 500, 3_000, 10_000, 30_000]);
    match rng.between((0, 13)) {
        0 | 1 => Fault::RestartEncoder { pause_ms, racing: rng.chance(500) },
        2 => Fault::KillEncoder { pause_ms },
        3 => Fault::RestartTrack { track },
        4 => Fault::StallTrack { track, for_ms: pause_ms },
        5 => Fault::LeaveTrack { track },
        6 => Fault::ChangeHeader { track },
        7 | 8 => Fault::KillIngest { ingest, pause_ms: pause_ms.min(3_000) },
        9 | 10 => Fault::FailOver { ingest, overlap_ms: rng.between((0, 3_000)) },
        11 => Fault::LoseCheckpoints { for_ms: pause_ms },
        12 => Fault::Recreate,
        _ => Fault::StallTrack { track, for_ms: 1_500 },
    }
}
