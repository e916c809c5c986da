//! What holds of every broadcast, whatever encoders, viewers and the bucket do.

use bytes::Bytes;
use packager_core::cmaf::{Chunk, Header, Sample};
use packager_core::edge::{Asked, Edge, Method, Request, Step};
use packager_core::ingest::Settings;
use packager_core::log::Found;
use proptest::prelude::*;
use rimcast_tests::golden;
use rimcast_tests::media::{Origin, Source, Synthetic};
use rimcast_tests::random::{case, config};
use rimcast_tests::rules::{self, Context};
use rimcast_tests::watch::manifests::Manifests;
use rimcast_tests::watch::{Watch, chunks};
use rimcast_tests::world::{BEGINS, World};

/// Every sample of a track as it is stored, with the bytes of all of them.
fn stored_samples(world: &World, track: &str) -> (Vec<Sample>, Vec<u8>) {
    let prefix = format!("show/g/{track}/");
    let objects = || world.store.objects().filter(|(key, _)| key.starts_with(&prefix));
    let (_, header) = objects().find(|(key, _)| key.ends_with("/init.mp4")).expect("a header is stored");
    let header = Header::parse(&header.body).unwrap();
    // Keys sort by time, and there is one session.
    let parts = objects().filter(|(key, object)| key.ends_with(".m4s") && !object.body.is_empty());
    let (mut samples, mut data) = (Vec::new(), Vec::new());
    for chunk in parts.flat_map(|(_, part)| chunks(&part.body, &header)) {
        samples.extend_from_slice(chunk.samples());
        data.extend_from_slice(chunk.payload());
    }
    (samples, data)
}

fn sent_samples(chunks: &[Chunk]) -> (Vec<Sample>, Vec<u8>) {
    let samples = chunks.iter().flat_map(Chunk::samples).copied().collect();
    (samples, chunks.iter().map(Chunk::payload).cloned().collect::<Vec<Bytes>>().concat())
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn every_playlist_of_a_random_broadcast_keeps_the_rules(case in case(true)) {
        let mut watch = Watch::default();
        watch.manifests = Some(Manifests::default());
        let outcome = golden::play(&case, &mut |world: &mut World| watch.look(world)).map_err(TestCaseError::fail)?;
        // A request that ends in the middle of a part, with nothing behind it for longer than it
        // lasted, is answered, and what is answered is stored: as a part that is too short (H4). The
        // golden cases hold H4 where encoders go on.
        let violations: Vec<_> = watch.violations.iter().filter(|found| !found.contains("H4: part ")).collect();
        prop_assert!(
            violations.is_empty(),
            "{:#?}\n{}\n{}",
            violations,
            journal(&outcome),
            watch.last_playlists()
        );
        for exchange in &outcome.exchanges {
            let answer = &exchange.answer;
            prop_assert!(answer.after_ms <= 9_000 || answer.body.contains("ms:"), "{exchange:?}");
            if let Some(text) = answer.playlist() {
                let found = rules::check(text, &Context::default());
                prop_assert!(found.is_empty(), "{found:?}\n{text}");
            }
        }
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn what_an_encoder_sends_is_what_viewers_get(case in case(false)) {
        let outcome = golden::play(&case, &mut |_: &mut World| {}).map_err(TestCaseError::fail)?;
        let world = &outcome.world;
        for track in ["video", "audio"] {
            let (samples, data) = stored_samples(world, track);
            let source = Source::new(&case.tracks[track]);
            let line = case.script.iter().find(|line| line.push.as_deref() == Some(track)).unwrap();
            let (first, end) = line.chunks.unwrap();
            let (sent, sent_data) = sent_samples(&source.chunks[first..end.min(source.chunks.len())]);
            prop_assert_eq!(samples.len(), sent.len(), "{}: {}", track, journal(&outcome));
            prop_assert_eq!(samples, sent);
            prop_assert!(data == sent_data, "the bytes of {track}'s samples changed");
        }
    }
}

fn journal(outcome: &golden::Outcome) -> String {
    golden::files(outcome).swap_remove(0).1
}

#[test]
fn recorded_captures_come_out_as_they_went_in() {
    for track in [
        "h264_bframes_aac/video",
        "h264_bframes_aac/audio",
        "h264_2rend_nob_aac/video_hi",
        "h264_2rend_nob_aac/video_lo",
        "h264_2rend_nob_aac/audio",
        "h264_ntsc_2997/video",
        "audio_only_aac_441/audio",
    ] {
        let source = Source::new(&Origin::Recorded(track.to_owned()));
        for (part_ms, piece) in [(500, usize::MAX), (333, 1460), (170, 100), (1000, 7919)] {
            let mut world = World::new(Settings { part_ms, ..Settings::default() }, 1);
            let body: Vec<Bytes> = std::iter::once(source.header.clone())
                .chain(source.chunks.iter().map(|chunk| chunk.body().concat().into()))
                .collect();
            let upload = world.open("show/main.cmfv").unwrap();
            for bytes in body.concat().chunks(piece.min(1 << 20)) {
                world.push(upload, Bytes::copy_from_slice(bytes)).unwrap();
            }
            world.finish(upload, true);
            world.advance_to(10_000);
            let name = format!("{}-main", source.described.kind);
            let (samples, data) = stored_samples(&world, &name);
            let (sent, sent_data) = sent_samples(&source.chunks);
            assert_eq!(samples, sent, "{track} in parts of {part_ms} ms");
            assert!(data == sent_data, "{track} in parts of {part_ms} ms");
        }
    }
}

/// A broadcast of half a minute, for requests.
fn half_a_minute() -> World {
    let mut world = World::new(Settings::default(), 1);
    for (path, audio) in [("show/video.cmfv", false), ("show/audio.cmfa", true)] {
        let source =
            Source::synthetic(&Synthetic { audio, seconds: 30, frame_bytes: 20, ..Synthetic::default() });
        let upload = world.open(path).unwrap();
        world.push(upload, source.header.clone()).unwrap();
        for chunk in &source.chunks {
            world.push(upload, chunk.body().concat().into()).unwrap();
        }
    }
    world.advance_to(30_500);
    world
}

#[test]
fn query_parameters_mean_the_same_in_any_order() {
    let mut world = half_a_minute();
    for parameters in [
        ["_HLS_msn=14", "_HLS_part=1", "_HLS_skip=YES", "CMCD=br%3D100"],
        ["_HLS_msn=2", "_HLS_skip=v2", "a", "b=%20"],
        ["_HLS_part=1", "_HLS_skip=YES", "x=1", ""],
        ["_HLS_msn=99", "_HLS_part=0", "_HLS_skip=no", "z"],
    ] {
        let mut answers = Vec::new();
        for order in permutations(parameters) {
            let target = format!("/show/g/video/index.m3u8?{}", order.join("&"));
            answers.push(world.ask_now(&target).expect("it is answered at once").expect("alike"));
        }
        assert_eq!(answers.len(), 24);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{parameters:?}");
    }
}

fn permutations(items: [&str; 4]) -> Vec<Vec<&str>> {
    let mut all: Vec<Vec<usize>> = vec![vec![]];
    for _ in 0..4 {
        let longer = |order: &Vec<usize>| {
            let order = order.clone();
            (0..4).filter(move |next| !order.contains(next)).collect::<Vec<_>>()
        };
        all = all
            .iter()
            .flat_map(|order| longer(order).into_iter().map(|n| [&order[..], &[n]].concat()))
            .collect();
    }
    all.into_iter().map(|order| order.into_iter().map(|index| items[index]).collect()).collect()
}

#[test]
fn a_head_is_a_get_without_its_body() {
    let mut world = half_a_minute();
    for target in [
        "/show/index.m3u8",
        "/show/g/video/index.m3u8?_HLS_msn=3",
        "/show/g/video/0mywpiww0trp35-2.m4s",
        "/show/",
        "/x",
    ] {
        let get = world.ask(Method::Get, target);
        let head = world.ask(Method::Head, target);
        let (get, head) = (world.answer(get).unwrap().unwrap(), world.answer(head).unwrap().unwrap());
        assert_eq!((get.status, &get.headers), (head.status, &head.headers), "{target}");
        assert!(head.body.is_empty() && !get.body.is_empty(), "{target}");
    }
}

#[test]
fn headers_that_are_gone_make_no_empty_playlist() {
    let world = half_a_minute();
    let now = BEGINS.plus_ms(world.now_ms());
    let mut edge = Edge::new(false);
    let request = Request { method: Method::Get, path: "/show/index.m3u8", query: "" };
    for _ in 0..100_000 {
        match edge.handle(&request, Asked::at(now), now) {
            Step::Respond(response) => return assert_eq!(response.status, 503),
            Step::Wait(wait) => panic!("the edge waits for {}", wait.poll.key),
            Step::Write(due) => panic!("the edge writes {}", due.key),
            Step::Fetch(fetches) => {
                for fetch in &fetches {
                    let is_gone = fetch.key.ends_with("/init.mp4");
                    let found = world.store.find(&fetch.key, fetch.kind);
                    edge.absorb(fetch, if is_gone { &Found::Missing } else { &found }, now);
                }
            }
        }
    }
    panic!("the edge asks without end");
}
