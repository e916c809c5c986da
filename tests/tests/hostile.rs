//! No input, from an encoder, a viewer or the bucket, can panic the packager or make it allocate
//! without bound. The fuzz targets' functions run here over random bytes, over their corpus and
//! over captures that were damaged on purpose.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use packager_core::cmaf::{Sample, chunk};
use packager_core::ingest::Settings;
use proptest::prelude::*;
use rimcast_tests::fuzz_targets::{self, known_header};
use rimcast_tests::media::{Origin, Source, Synthetic};
use rimcast_tests::random::config;
use rimcast_tests::world::{Upload, World};

#[test]
fn every_target_survives_its_corpus() {
    for (name, target) in fuzz_targets::ALL {
        let seeds = fuzz_targets::corpus(name);
        assert!(seeds.len() >= 2, "{name} has no seeds");
        for (path, data) in seeds {
            survives(&path.display().to_string(), target, &data);
        }
    }
}

fn survives(what: &str, target: fn(&[u8]), data: &[u8]) {
    assert!(catch_unwind(|| target(data)).is_ok(), "{what} makes it panic");
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn every_target_survives_random_bytes(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        for (_, target) in fuzz_targets::ALL {
            target(&data);
        }
    }

    /// Seeds with a few bytes changed, cut out or doubled get further than random ones.
    #[test]
    fn every_target_survives_damaged_seeds(
        target in 0..fuzz_targets::ALL.len(),
        seed in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
    ) {
        let (name, target) = fuzz_targets::ALL[target];
        let seeds = fuzz_targets::corpus(name);
        let mut data = seeds[seed.index(seeds.len())].1.clone();
        for (at, value, how) in changes {
            if data.is_empty() {
                break;
            }
            let at = at.index(data.len());
            match how {
                0 => data[at] = value,
                1 => data[at] ^= 1 << (value & 7),
                2 => data.truncate(at),
                _ => {
                    let copied = data[at..(at + usize::from(value)).min(data.len())].to_vec();
                    data.splice(at..at, copied);
                }
            }
        }
        target(&data);
    }

    /// Requests of the characters that mean something in them.
    #[test]
    fn every_request_is_answered(text in "[/~?&=._a-zHLS%0-9]{0,60}") {
        fuzz_targets::request(text.as_bytes());
        fuzz_targets::request(format!("~/index.m3u8?{text}").as_bytes());
        fuzz_targets::request(format!("~/{text}").as_bytes());
    }
}

/// A world with an upload whose header was taken.
fn begun() -> (World, Upload) {
    let mut world = World::new(Settings::default(), 1);
    let upload = world.open("show/video.cmfv").unwrap();
    world.push(upload, known_header().0.clone()).unwrap();
    (world, upload)
}

/// Box starts in a chunk, at every level.
fn box_starts(bytes: &[u8]) -> Vec<usize> {
    const CONTAINERS: [&[u8]; 2] = [b"moof", b"traf"];
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 8 <= bytes.len() {
        starts.push(at);
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        at += if CONTAINERS.contains(&&bytes[at + 4..at + 8]) { 8 } else { size.max(8) };
    }
    starts
}

#[test]
fn a_chunk_cut_or_lying_at_every_box_is_refused_or_read_but_never_a_panic() {
    let source = Source::new(&Origin::Recorded("h264_2rend_nob_aac/video_lo".to_owned()));
    let (good, next) = (source.chunks[0].body().concat(), source.chunks[1].body().concat());
    let starts = box_starts(&good);
    assert!(starts.len() >= 7, "{starts:?}");
    let mut bodies: Vec<(String, Vec<u8>)> = Vec::new();
    for at in starts {
        for cut in [at, at + 1, at + 4, at + 8, at + 12] {
            bodies.push((format!("cut at {cut}"), good[..cut.min(good.len())].to_vec()));
        }
        for size in [0_u32, 1, 7, 8, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let mut body = good.clone();
            body[at..at + 4].copy_from_slice(&size.to_be_bytes());
            bodies.push((format!("box at {at} of size {size}"), body));
        }
        // A size of 1 says that 64 bits of size follow the type.
        for size in [0_u64, 15, 16, 1 << 63, u64::MAX] {
            let mut body = good.clone();
            body[at..at + 4].copy_from_slice(&1_u32.to_be_bytes());
            body.splice(at + 8..at + 8, size.to_be_bytes());
            bodies.push((format!("box at {at} of large size {size}"), body));
        }
    }
    for (what, body) in bodies {
        let tried = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new(Settings::default(), 1);
            let upload = world.open("show/video.cmfv").unwrap();
            world.push(upload, source.header.clone()).unwrap();
            let answer = world.push(upload, body.clone().into());
            let rest = answer.and_then(|()| world.push(upload, next.clone().into()));
            world.finish(upload, true);
            world.advance_to(3_000);
            if let Err(refusal) = rest {
                assert!((400..600).contains(&refusal.status()), "{refusal}");
            }
        }));
        assert!(tried.is_ok(), "{what}");
    }
}

#[test]
fn media_before_its_header_is_412() {
    let source = Source::synthetic(&Synthetic { seconds: 2, ..Synthetic::default() });
    let mut world = World::new(Settings::default(), 1);
    let upload = world.open("show/video.cmfv").unwrap();
    world.push(upload, source.chunks[0].body().concat().into()).unwrap();
    // The header may be on its way, on another connection, for as long as other media may be late.
    world.advance_to(i64::from(Settings::default().gap_ms));
    let refusal = world.push(upload, source.chunks[1].body().concat().into());
    assert_eq!(refusal, Ok(()), "the request was answered before");
    let said = world.journal.iter().any(|(_, what)| what.contains("answered 412"));
    assert!(said, "{:?}", world.journal);
    // The source resends its header, and goes on.
    let again = world.open("show/video.cmfv").unwrap();
    world.push(again, source.header.clone()).unwrap();
    world.push(again, source.chunks[0].body().concat().into()).unwrap();
    assert!(world.store.objects().any(|(key, _)| key.ends_with("00000000000000000000.m4s")));
}

#[test]
fn an_endless_body_takes_no_memory() {
    // Padding without end is passed over; more than memory should hold is refused by its header.
    let (mut world, upload) = begun();
    let mut padding = vec![0_u8; 1 << 17];
    padding[..8].copy_from_slice(&[0, 2, 0, 0, b'f', b'r', b'e', b'e']);
    let padding = Bytes::from(padding);
    for _ in 0..8 << 10 {
        world.push(upload, padding.clone()).unwrap();
    }
    let (mut world, upload) = begun();
    let mut announced = Vec::from((1_u32 << 30).to_be_bytes());
    announced.extend_from_slice(b"mdat");
    assert_eq!(world.push(upload, announced.into()).unwrap_err().status(), 400);
}

#[test]
fn ten_thousand_samples_in_a_chunk_are_taken_and_a_million_refused() {
    for (count, taken) in [(10_000_u32, true), (1_000_000, false)] {
        let (mut world, upload) = begun();
        let sample = |n: u32| Sample {
            duration_ticks: 90,
            bytes: 1,
            sync: n.is_multiple_of(1000),
            composition_ticks: 0,
        };
        let samples: Vec<Sample> = (0..count).map(sample).collect();
        let body = chunk::write(1, 1, 0, &samples, vec![7; count as usize].into()).concat();
        let pushed = world.push(upload, body.into());
        assert_eq!(pushed.is_ok(), taken, "{pushed:?}");
        world.finish(upload, true);
        world.advance_to(2_000);
        let parts = world.store.objects().filter(|(key, _)| key.ends_with(".m4s")).count();
        assert_eq!(parts > 15, taken, "{parts}");
    }
}

#[test]
fn times_at_the_end_of_time_do_no_harm() {
    for start in [u64::MAX, u64::MAX - 1, u64::MAX / 2, 1 << 63, 1 << 62] {
        let (mut world, upload) = begun();
        for n in 0..4_u64 {
            let sample = Sample { duration_ticks: 45_000, bytes: 1, sync: true, composition_ticks: i32::MIN };
            let body =
                chunk::write(1, 1, start.saturating_add(n * 45_000), &[sample], vec![1].into()).concat();
            let _ = world.push(upload, body.into());
        }
        world.finish(upload, true);
        world.advance_to(20_000);
        let _ = world.ask_now("/show/index.m3u8");
        let _ = world.ask_now("/show/g/video/index.m3u8");
    }
}

#[test]
fn the_seeds_of_requests_reach_patches() {
    for (seed, file) in [("^", "manifest.mpp"), ("$", "sequence.mpp"), ("^&CMCD=br%3D1", "manifest.mpp")] {
        let (target, answer) = fuzz_targets::answer(seed).expect("it is answered at once");
        assert!(target.contains(file) && answer.body.contains("<Patch "), "{target}: {answer}");
        // It has something to say.
        assert!(answer.body.contains("/MPD/PatchLocation[1]"), "{answer}");
    }
}
