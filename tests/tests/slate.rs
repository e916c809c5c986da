//! The slate: before the encoder comes, and while it is away.

use packager_core::log::{Segment, SlateSettings, TrackName};
use rimcast_tests::golden::{self, Case, CaseSettings, Line, Outcome, Query};
use rimcast_tests::media::{Origin, Synthetic};
use rimcast_tests::watch::manifests::Manifests;
use rimcast_tests::watch::{Watch, follow};
use rimcast_tests::world::World;

const TRACKS: [&str; 2] = ["video-0", "audio-1"];

/// Pictures and sound of half an hour, as ffmpeg pushes them: a request for each second.
fn case(script: Vec<Line>, watched: &[(i64, i64)]) -> Case {
    let source = |audio| Synthetic {
        audio,
        seconds: 90,
        gop: 50,
        chunk_frames: 5,
        fps: (25, 1),
        ..Synthetic::default()
    };
    let tracks = [("video-0", false), ("audio-1", true)];
    let tracks = tracks.map(|(name, audio)| (name.to_owned(), Origin::Synthetic(source(audio)))).into();
    let mut requests = Vec::new();
    for (from, until) in watched {
        for at_ms in (*from..*until).step_by(450) {
            for path in [
                "/show/index.m3u8",
                "/show/manifest.mpd",
                "/show/g/video-0/index.m3u8",
                "/show/g/audio-1/index.m3u8",
            ] {
                let (name, method) = (format!("{at_ms} {path}"), "GET".to_owned());
                requests.push(Query { at_ms, name, method, path: path.to_owned() });
            }
        }
    }
    Case { about: String::new(), settings: CaseSettings::default(), tracks, script, requests }
}

fn announced() -> Line {
    Line { at_ms: 0, slate: Some(SlateSettings::default()), ..Line::default() }
}

/// Both tracks from one chunk on, for so many: pictures of 200 ms, sound of 5 frames.
fn push(at_ms: i64, from_s: usize, seconds: usize, with_header: bool) -> Vec<Line> {
    let line = |track: &str, per_second: f64| Line {
        at_ms,
        push: Some(track.to_owned()),
        chunks: Some((
            (from_s as f64 * per_second) as usize,
            ((from_s + seconds) as f64 * per_second) as usize,
        )),
        chunks_per_request: Some(10),
        without_header: !with_header,
        ..Line::default()
    };
    vec![line("video-0", 5.0), line("audio-1", 48_000.0 / 1024.0 / 5.0)]
}

/// Plays a case while all rules of HLS and DASH are watched.
fn play(case: &Case) -> Outcome {
    let mut watch = Watch::default();
    watch.manifests = Some(Manifests::default());
    let outcome = golden::play(case, &mut |world: &mut World| watch.look(world)).unwrap();
    let journal = golden::files(&outcome).swap_remove(0).1;
    let few: Vec<_> = watch.violations.iter().take(12).collect();
    assert!(few.is_empty(), "{few:#?}\n{journal}\n{}", watch.last_playlists());
    outcome
}

/// Which runs a track has, and whether they are the slate's, each with how long its media lasts.
fn runs(outcome: &Outcome, track: &str) -> Vec<(bool, u64)> {
    let (name, log) = (TrackName::parse(track).unwrap(), outcome.world.read_log());
    let chain = log.track(&name).unwrap().chain().unwrap();
    let mut runs: Vec<(bool, u64)> = Vec::new();
    let segments: Vec<&Segment> = chain.closed.iter().chain(&chain.open).collect();
    let mut before = None;
    for segment in segments {
        assert!(!segment.is_gap(), "{track}: {segment:?}");
        if before != Some(&segment.run) {
            runs.push((segment.run.session.is_slate(), 0));
        }
        before = Some(&segment.run);
        if let Some(last) = runs.last_mut() {
            last.1 += segment.duration_us() / 1000;
        }
    }
    runs
}

fn is_about(ms: u64, expected: u64) -> bool {
    ms.abs_diff(expected) <= 1_000
}

/// Who shows the slate may have been faster: then the body that an encoder came with is refused, and told so, once for
/// each track and time that it comes.
fn ingest_refused_few(outcome: &Outcome, times: usize) {
    let refused = outcome.world.journal.iter().filter(|(_, what)| what.contains("was answered"));
    let refused: Vec<_> = refused.collect();
    assert!(
        refused.len() <= TRACKS.len() * times,
        "{refused:#?}\n{}",
        golden::files(outcome).swap_remove(0).1
    );
}

#[test]
fn the_first_viewer_is_shown_the_slate_at_once_and_the_encoder_follows_on_it() {
    let script = [vec![announced()], push(9_000, 0, 16, true)].concat();
    let outcome = play(&case(script, &[(100, 24_000)]));
    let first = &outcome.exchanges[0].answer;
    assert_eq!((first.status, first.after_ms), (200, 0), "{first}");
    ingest_refused_few(&outcome, 1);
    for track in TRACKS {
        let runs = runs(&outcome, track);
        assert!(matches!(runs[..], [(true, _), (false, live_ms)] if live_ms >= 14_500), "{track}: {runs:?}");
        // It ran until the encoder came, less the lag.
        assert!(is_about(runs[0].1, 6_000 + 9_000 - 100), "{track}: {runs:?}");
    }
}

#[test]
fn it_fills_in_while_the_encoder_is_away_and_gives_way_when_it_comes_back() {
    for with_header in [true, false] {
        let script =
            [vec![announced()], push(3_000, 0, 12, true), push(45_000, 42, 15, with_header)].concat();
        let outcome = play(&case(script, &[(100, 62_000)]));
        ingest_refused_few(&outcome, 2);
        for track in TRACKS {
            let runs = runs(&outcome, track);
            assert_eq!(
                runs.iter().map(|run| run.0).collect::<Vec<_>>(),
                [true, false, true, false],
                "{track}: {runs:?}"
            );
            assert!(runs[1].1 >= 10_500 && runs[3].1 >= 13_500, "{track}: {runs:?}");
            assert!((23_000..31_000).contains(&runs[2].1), "{track}: {runs:?}");
        }
    }
}

#[test]
fn what_nobody_watches_is_not_written() {
    let script = [vec![announced()], push(200_000, 0, 12, true)].concat();
    let outcome = play(&case(script, &[(100, 5_000), (100_000, 104_000), (201_000, 212_000)]));
    ingest_refused_few(&outcome, 1);
    let written = outcome.world.store.objects().filter(|(key, _)| key.contains("slate/")).count();
    // Four parts in two seconds, of each track, for some twenty seconds.
    assert!((80..140).contains(&written), "{written}");
    for track in TRACKS {
        let runs = runs(&outcome, track);
        assert_eq!(
            runs.iter().map(|run| run.0).collect::<Vec<_>>(),
            [true, true, false],
            "{track}: {runs:?}"
        );
    }
}

#[test]
fn without_viewers_there_is_none_and_without_a_slate_nobody_writes() {
    let mut log_only = Watch::default();
    let script = [vec![announced()], push(3_000, 0, 12, true)].concat();
    let outcome = golden::play(&case(script, &[]), &mut |world: &mut World| log_only.look(world)).unwrap();
    let mut log = outcome.world.read_log();
    follow(&mut log, &outcome.world);
    assert!(log.periods().iter().all(|record| !record.session.is_slate()));
    for track in TRACKS {
        assert!(matches!(runs(&outcome, track)[..], [(false, _)]));
    }
    let outcome = play(&case(push(3_000, 0, 12, true), &[(4_000, 40_000)]));
    assert!(outcome.world.store.objects().all(|(key, _)| !key.contains("slate/")));
}
