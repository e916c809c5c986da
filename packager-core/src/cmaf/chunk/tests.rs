//! Properties of chunks: what is written is read back, cuts add up, nothing panics.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use crate::cmaf::{Header, Scheme};
use crate::isobmff::Writer;
use crate::limits;
use crate::time::Timescale;

const TRACK_ID: u32 = 7;

fn header(media: SyntheticMedia) -> Header {
    let timescale = Timescale::new(90_000).unwrap();
    Header::parse(&SyntheticHeader::new(TRACK_ID, timescale, media).write()).unwrap()
}

fn video() -> Header {
    header(SyntheticMedia::Avc { width: 1280, height: 720 })
}

fn sample(duration_ticks: u32, bytes: u32) -> Sample {
    Sample { duration_ticks, bytes, sync: false, composition_ticks: 0 }
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let one = (any::<u32>(), 0..200u32, any::<bool>(), any::<i32>()).prop_map(
        |(duration_ticks, bytes, sync, composition_ticks)| Sample {
            duration_ticks,
            bytes,
            sync,
            composition_ticks,
        },
    );
    vec(one, 1..40)
}

fn payload(samples: &[Sample]) -> Bytes {
    (0..bytes_of(samples)).map(|byte| byte as u8).collect()
}

fn joined(pieces: &[Bytes]) -> Bytes {
    pieces.concat().into()
}

fn chunk(start_ticks: u64, samples: &[Sample]) -> Chunk {
    let bytes = joined(&write(3, TRACK_ID, start_ticks, samples, payload(samples)));
    Chunk::parse(&bytes, &video()).unwrap()
}

/// A `prft` of version 1 that says 1970 plus one second, at media time 5.
fn prft() -> Vec<u8> {
    let mut writer = Writer::default();
    writer.full_boxed(b"prft", 1, 24, |w| {
        w.u32(TRACK_ID);
        w.u64(2_208_988_801 << 32);
        w.u64(5);
    });
    writer.finish()
}

fn reparsed(chunk: &Chunk) -> Chunk {
    Chunk::parse(&joined(&chunk.body()), &video()).unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(start_ticks: u64, samples in samples()) {
        let chunk = chunk(start_ticks, &samples);
        prop_assert_eq!(chunk.start_ticks(), start_ticks);
        prop_assert_eq!(chunk.samples(), samples.as_slice());
        prop_assert_eq!(chunk.payload(), &payload(&samples));
        prop_assert_eq!(chunk.sequence(), 3);
    }

    #[test]
    fn slices_add_up_to_the_whole(samples in samples(), cut: prop::sample::Index) {
        let whole = chunk(1000, &samples);
        let cut = cut.index(samples.len());
        let halves: Vec<Chunk> = [0..cut, cut..samples.len()]
            .into_iter()
            .filter_map(|range| whole.slice(range))
            .collect();
        let mut next_ticks = whole.start_ticks();
        let mut found = Vec::new();
        let mut data = Vec::new();
        for half in &halves {
            let half = reparsed(half);
            prop_assert_eq!(half.start_ticks(), next_ticks);
            next_ticks = half.end_ticks();
            found.extend_from_slice(half.samples());
            data.extend_from_slice(half.payload());
        }
        prop_assert_eq!(next_ticks, whole.end_ticks());
        prop_assert_eq!(found, samples);
        prop_assert_eq!(data.as_slice(), &whole.payload()[..]);
    }

    #[test]
    fn a_move_leaves_the_end(
        durations in vec(1000..5000u32, 1..20),
        by in -900i64..900,
    ) {
        let samples: Vec<Sample> = durations.iter().map(|ticks| sample(*ticks, 10)).collect();
        let before = chunk(10_000, &samples);
        let mut after = before.clone();
        after.retime(10_000u64.saturating_add_signed(by));
        let read = reparsed(&after);
        prop_assert_eq!(read.start_ticks(), after.start_ticks());
        prop_assert_eq!(read.samples(), after.samples());
        prop_assert_eq!(read.end_ticks(), before.end_ticks());
        prop_assert_eq!(read.payload(), before.payload());
        prop_assert_eq!(&read.samples()[1..], &before.samples()[1..]);
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200), at: prop::sample::Index) {
        let _ = Chunk::parse(&Bytes::from(bytes.clone()), &video());
        let _ = Header::parse(&bytes);
        // A valid chunk with a few bytes overwritten gets further.
        let mut near = joined(&chunk(0, &[sample(1, 30); 3]).body()).to_vec();
        let at = at.index(near.len());
        for (old, new) in near[at..].iter_mut().zip(bytes.iter().take(4)) {
            *old = *new;
        }
        if let Ok(mut parsed) = Chunk::parse(&near.into(), &video()) {
            let _ = parsed.slice(1..2).map(|part| part.body());
            parsed.retime(parsed.start_ticks() ^ 0xff);
        }
    }
}

#[test]
fn a_chunk_cut_off_anywhere_is_an_error() {
    let mut whole = prft();
    whole.extend(joined(&chunk(5, &[sample(10, 20), sample(10, 30)]).body()));
    let whole = Bytes::from(whole);
    assert!(Chunk::parse(&whole, &video()).is_ok());
    for cut in 0..whole.len() {
        assert!(Chunk::parse(&whole.slice(..cut), &video()).is_err(), "{cut}");
    }
}

#[test]
fn what_nobody_changed_goes_out_as_it_came() {
    let sent = joined(&chunk(5, &[sample(10, 20)]).body());
    let mut all = b"\0\0\0\x10styplmsg\0\0\0\0\0\0\0\x08free".to_vec();
    all.extend(prft());
    all.extend_from_slice(&sent);
    let parsed = Chunk::parse(&all.clone().into(), &video()).unwrap();
    assert_eq!(joined(&parsed.body()), all[24..], "styp and free are gone");
    assert_eq!(parsed.body_bytes(), (all.len() - 24) as u64);
    assert_eq!(parsed.producer_wall(), Some(WallMs(1000)));
    assert_eq!(parsed.producer().unwrap().media_ticks, 5);

    let mut same = parsed.clone();
    same.retime(5);
    assert_eq!(same, parsed);
    assert_eq!(parsed.slice(0..1).unwrap(), parsed);
}

#[test]
fn side_boxes_go_with_the_first_sample() {
    let mut bytes = prft();
    bytes.extend(joined(&chunk(5, &[sample(10, 20); 2]).body()));
    let parsed = Chunk::parse(&bytes.into(), &video()).unwrap();
    let first = reparsed(&parsed.slice(0..1).unwrap());
    let second = reparsed(&parsed.slice(1..2).unwrap());
    assert_eq!(first.producer_wall(), Some(WallMs(1000)));
    assert_eq!(second.producer_wall(), None);
    assert_eq!(second.start_ticks(), 15);
    assert_eq!(parsed.slice(1..1), None);
    assert_eq!(parsed.slice(1..3), None);
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = parsed.slice(2..1);
    assert_eq!(reversed, None);
}

#[test]
fn media_is_shared_and_not_copied() {
    let parsed = chunk(0, &[sample(10, 20); 4]);
    let mut part = parsed.slice(1..3).unwrap();
    part.retime(9);
    let data = part.body().pop().unwrap();
    assert_eq!(data.as_ptr(), parsed.payload()[20..].as_ptr());
}

#[test]
fn a_move_takes_from_the_following_what_the_first_cannot_give() {
    let mut moved = chunk(100, &[sample(10, 1), sample(1, 1), sample(10, 1)]);
    moved.retime(112);
    let durations: Vec<u32> = moved.samples().iter().map(|s| s.duration_ticks).collect();
    assert_eq!(durations, [1, 1, 7]);
    assert_eq!(moved.end_ticks(), 121);
    // More than all of them have: the start is what was asked, the end moves.
    moved.retime(500);
    assert_eq!((moved.start_ticks(), moved.end_ticks()), (500, 503));
    // As far back as it goes.
    let mut early = chunk(u64::MAX / 2, &[sample(10, 1)]);
    early.retime(0);
    assert_eq!(early.end_ticks(), u64::from(u32::MAX));
}

#[test]
fn a_chunk_without_samples_is_empty() {
    let mut empty = chunk(40, &[]);
    assert!(empty.is_empty() && !empty.starts_with_sync() && !empty.holds_sync());
    assert_eq!((empty.duration_ticks(), empty.end_ticks()), (0, 40));
    assert_eq!(empty.slice(0..0), None);
    empty.retime(50);
    assert_eq!(reparsed(&empty).start_ticks(), 50);
}

/// A fragment written by hand: `traf` writes what follows `tfhd`, with the moof's length.
fn fragment(tfhd_flags: u32, mdat: &[u8], traf: impl Fn(&mut Writer, i32)) -> Bytes {
    let build = |moof_bytes: i32| {
        let mut writer = Writer::default();
        writer.boxed(b"moof", |w| {
            crate::isobmff::mfhd::write(w, 1);
            w.boxed(b"traf", |w| {
                w.full_boxed(b"tfhd", 0, tfhd_flags, |w| {
                    w.u32(TRACK_ID);
                    for bit in [0x1, 0x8, 0x10, 0x20] {
                        match tfhd_flags & bit {
                            0x1 => w.u64(0),
                            0x8 => w.u32(3000),
                            0x10 => w.u32(2),
                            0x20 => w.u32(0x0101_0000),
                            _ => {}
                        }
                    }
                });
                traf(w, moof_bytes);
            });
        });
        let moof_bytes = writer.position();
        writer.boxed(b"mdat", |w| w.put(mdat));
        (writer.finish(), i32::try_from(moof_bytes).unwrap())
    };
    let (_, moof_bytes) = build(0);
    build(moof_bytes).0.into()
}

fn tfdt(w: &mut Writer) {
    crate::isobmff::tfdt::write(w, 90);
}

fn trun(w: &mut Writer, count: u32, data_offset: Option<i32>) {
    let flags = if data_offset.is_some() { 0x1 } else { 0 };
    w.full_boxed(b"trun", 0, flags, |w| {
        w.u32(count);
        if let Some(offset) = data_offset {
            w.i32(offset);
        }
    });
}

#[test]
fn several_runs_follow_each_other() {
    let bytes = fragment(0x2_0038, b"--abcdefghij", |w, moof| {
        tfdt(w);
        trun(w, 2, Some(moof + 10));
        trun(w, 1, None);
        trun(w, 1, Some(moof + 16));
    });
    let parsed = Chunk::parse(&bytes, &video()).unwrap();
    assert_eq!(&parsed.payload()[..], b"abcdefgh");
    assert_eq!(parsed.samples(), [sample(3000, 2); 4]);
    let part = reparsed(&parsed.slice(2..4).unwrap());
    assert_eq!(&part.payload()[..], b"efgh");

    let hole = fragment(0x2_0038, b"--abcdefghij", |w, moof| {
        tfdt(w);
        trun(w, 2, Some(moof + 10));
        trun(w, 1, Some(moof + 15));
    });
    let gathered = Chunk::parse(&hole, &video()).unwrap();
    assert_eq!(&gathered.payload()[..], b"abcdfg");
    assert_eq!(reparsed(&gathered).payload(), gathered.payload());

    let overlapping = fragment(0x2_0038, b"--abcdefghij", |w, moof| {
        tfdt(w);
        (0..40).for_each(|_| trun(w, 5, Some(moof + 10)));
    });
    assert_eq!(Chunk::parse(&overlapping, &video()), Err(ChunkError::NotContiguous));
}

#[test]
fn samples_outside_the_mdat_are_refused() {
    for offset in [i32::MIN, -1, 0, 7, 11, i32::MAX] {
        let bytes = fragment(0x38, b"abcd", |w, moof| {
            tfdt(w);
            trun(w, 1, Some(moof.saturating_add(offset)));
        });
        let error = Chunk::parse(&bytes, &video()).unwrap_err();
        assert!(matches!(error, ChunkError::OutsideMdat { .. }), "{error}");
    }
    let no_offset = fragment(0x38, b"abcd", |w, _| {
        tfdt(w);
        trun(w, 1, None);
    });
    assert!(Chunk::parse(&no_offset, &video()).is_err());
}

#[test]
fn fragments_that_cannot_be_packaged_say_why() {
    let parse = |bytes: Bytes| Chunk::parse(&bytes, &video()).unwrap_err();
    let file_offset = fragment(0x1, b"", |w, _| tfdt(w));
    assert_eq!(parse(file_offset), ChunkError::FileOffset);
    let no_time = fragment(0x38, b"ab", |w, moof| trun(w, 1, Some(moof + 8)));
    assert_eq!(parse(no_time), ChunkError::NoDecodeTime);
    let many = fragment(0x38, b"ab", |w, moof| {
        tfdt(w);
        trun(w, 5, Some(moof + 8));
        trun(w, u32::MAX, None);
    });
    assert!(matches!(parse(many), ChunkError::TooManySamples { .. }));
    assert_eq!(limits::SAMPLES_PER_CHUNK, 65_536);
    let other = joined(&write(1, TRACK_ID + 1, 0, &[], Bytes::new()));
    assert_eq!(parse(other), ChunkError::OtherTrack { expected: TRACK_ID, found: TRACK_ID + 1 });
}

#[test]
fn a_sample_across_a_division_is_in_both_halves() {
    let whole = chunk(100, &[sample(10, 2), sample(20, 3), sample(10, 1)]);
    let (head, rest) = whole.divide(115).unwrap();
    let shown = |half: &Chunk| {
        let half = reparsed(half);
        let samples: Vec<_> = half.samples().iter().map(|s| (s.duration_ticks, s.bytes)).collect();
        (half.start_ticks(), samples, half.payload().clone())
    };
    assert_eq!(shown(&head), (100, vec![(10, 2), (5, 3)], whole.payload().slice(..5)));
    assert_eq!(shown(&rest), (115, vec![(15, 3), (10, 1)], whole.payload().slice(2..)));
    let (head, rest) = whole.divide(110).unwrap();
    assert_eq!((head.samples().len(), rest.samples().len()), (1, 2));
    assert_eq!((whole.divide(100), whole.divide(140)), (None, None));
}

#[test]
fn priming_before_the_time_0_is_kept() {
    let bytes = fragment(0x38, b"abcd", |w, moof| {
        w.full_boxed(b"tfdt", 1, 0, |w| w.u64(4000_u64.wrapping_neg()));
        trun(w, 2, Some(moof + 8));
    });
    let chunk = reparsed(&Chunk::parse(&bytes, &video()).unwrap());
    let durations: Vec<_> = chunk.samples().iter().map(|sample| sample.duration_ticks).collect();
    assert_eq!((chunk.start_ticks(), &durations[..]), (0, &[1, 1999][..]));
    assert_eq!(&chunk.payload()[..], b"abcd");
}

#[test]
fn a_time_that_begins_again_at_0_goes_on() {
    let turn = 1_u64 << 32;
    let at = |start_ticks: u32, expected_ticks| {
        let bytes = fragment(0x38, b"ab", |w, moof| {
            w.full_boxed(b"tfdt", 0, 0, |w| w.u32(start_ticks));
            trun(w, 1, Some(moof + 8));
        });
        let mut chunk = Chunk::parse(&bytes, &video()).unwrap();
        chunk.unwrap_start(expected_ticks);
        let again = Chunk::parse(&joined(&chunk.body()), &video()).unwrap();
        assert_eq!(again.start_ticks(), chunk.start_ticks());
        chunk.start_ticks()
    };
    assert_eq!(at(5, turn - 5), turn + 5);
    assert_eq!(at(5, 3 * turn), 3 * turn + 5);
    assert_eq!(at(u32::MAX, turn + 5), turn - 1);
    assert_eq!(at(5, 1000), 5);
    assert_eq!(at(1000, 0), 1000);
}

#[test]
fn audio_is_sync_whatever_its_flags_say() {
    let bytes = fragment(0x2_0038, b"abcd", |w, moof| {
        tfdt(w);
        trun(w, 2, Some(moof + 8));
    });
    let audio = header(SyntheticMedia::Aac { sample_rate: 48_000, channels: 2 });
    assert!(!Chunk::parse(&bytes, &video()).unwrap().holds_sync());
    assert!(Chunk::parse(&bytes, &audio).unwrap().starts_with_sync());
}

#[test]
fn other_boxes_of_the_traf_survive_a_move() {
    let bytes = fragment(0x2_0038, b"abcd", |w, moof| {
        tfdt(w);
        trun(w, 2, Some(moof + 8));
        w.boxed(b"sbgp", |w| w.put(b"rap "));
        w.boxed(b"saio", |w| w.put(b"1234"));
    });
    let mut parsed = Chunk::parse(&bytes, &video()).unwrap();
    for start_ticks in [91, 92] {
        parsed.retime(start_ticks);
        let body = joined(&parsed.body());
        assert!(body.windows(8).any(|found| found == b"sbgprap "));
        assert!(!body.windows(4).any(|found| found == b"saio"));
        assert_eq!(&reparsed(&parsed).payload()[..], b"abcd");
    }
}

#[test]
fn what_decrypts_a_sample_goes_with_it() {
    let bytes = fragment(0x2_0038, b"abcdef", |w, moof| {
        tfdt(w);
        trun(w, 3, Some(moof + 8));
        w.full_boxed(b"saiz", 0, 0, |w| w.put(&[0, 0, 0, 0, 3, 4, 5, 6]));
        w.full_boxed(b"saio", 0, 0, |w| w.put(b"\0\0\0\x01wher"));
        w.full_boxed(b"senc", 0, 2, |w| w.put(b"\0\0\0\x03aaaabbbbbcccccc"));
    });
    let mut made = SyntheticHeader::new(
        TRACK_ID,
        Timescale::new(90_000).unwrap(),
        SyntheticMedia::Avc { width: 16, height: 16 },
    );
    made.protection = Some(Scheme::Cenc);
    let encrypted = Header::parse(&made.write()).unwrap();

    let whole = Chunk::parse(&bytes, &encrypted).unwrap();
    let cut = whole.slice(1..3).unwrap();
    let cut_again = cut.slice(1..2).unwrap();
    let mut moved = whole.clone();
    moved.retime(91);
    for (part, entries) in [(cut, &b"bbbbbcccccc"[..]), (cut_again, b"cccccc"), (moved, b"aaaabbbbbcccccc")] {
        let written = joined(&part.body());
        assert_eq!(Chunk::parse(&written, &encrypted).unwrap().samples(), part.samples());
        let box_after = |kind: &[u8; 4], skip: usize| {
            written.windows(4).position(|found| found == kind).unwrap() + 4 + skip
        };
        let at = box_after(b"senc", 8);
        assert_eq!(&written[at..at + entries.len()], entries);
        let offset = box_after(b"saio", 8);
        assert_eq!(written[offset..offset + 4], u32::try_from(at).unwrap().to_be_bytes());
    }

    let mut lost = bytes.to_vec();
    let saiz = lost.windows(4).position(|found| found == b"saiz").unwrap();
    lost[saiz..saiz + 4].copy_from_slice(b"free");
    let lost = Bytes::from(lost);
    let error = Chunk::parse(&lost, &encrypted).unwrap_err().to_string();
    assert!(error.contains("saiz"), "{error}");
}
