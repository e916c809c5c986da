//! Scanning and cutting fMP4, against copying the same bytes once.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use packager_core::cmaf::chunk::{self, Sample};
use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::ingest::{Outcome, Receiver, Resource, Settings};
use packager_core::log::{BroadcastName, Generation};
use packager_core::time::{Timescale, WallMs};

use crate::measure::heading;

/// What a socket gives at once.
const PIECE_BYTES: usize = 16 << 10;
const SEGMENTS: u64 = 100;
const FRAME_BYTES: u32 = 33_333;

pub(crate) fn run() {
    heading("scanning and cutting 8 Mbit/s video, on one core");
    for (what, chunk_frames) in
        [("0.5 s chunks (passed through)", 15), ("2 s segments (split)", 60), ("frames (merged)", 1)]
    {
        let body = body(chunk_frames);
        let mut times: Vec<(Duration, Duration)> = (0..5).map(|_| (receive(&body), copy(&body))).collect();
        times.sort();
        let (ours, copied) = times[times.len() / 2];
        let bytes: usize = body.iter().map(Bytes::len).sum();
        let rate = |time: Duration| bytes as f64 / time.as_secs_f64() / 1e9;
        println!(
            "{what:<32} {:>5.2} GB/s   yardstick, one copy: {:>5.2} GB/s   {:.2} of it (aim: 1 GB/s)",
            rate(ours),
            rate(copied),
            rate(ours) / rate(copied),
        );
    }
}

fn body(chunk_frames: u64) -> Vec<Bytes> {
    let mut whole = BytesMut::new();
    for index in 0..SEGMENTS * 60 / chunk_frames {
        let first = index * chunk_frames;
        let samples: Vec<_> = (first..first + chunk_frames)
            .map(|frame| Sample {
                duration_ticks: 512,
                bytes: FRAME_BYTES,
                sync: frame % 60 == 0,
                composition_ticks: 0,
            })
            .collect();
        let payload = Bytes::from(vec![0x5a; FRAME_BYTES as usize * samples.len()]);
        for piece in chunk::write(index as u32, 1, first * 512, &samples, payload) {
            whole.extend_from_slice(&piece);
        }
    }
    let whole = whole.freeze();
    (0..whole.len())
        .step_by(PIECE_BYTES)
        .map(|at| whole.slice(at..whole.len().min(at + PIECE_BYTES)))
        .collect()
}

/// From the socket's pieces to parts ready to be stored, hashes and all.
fn receive(body: &[Bytes]) -> Duration {
    let name = BroadcastName::parse("bench").expect("a name");
    let generation = Generation::mint(WallMs(1), 1);
    let mut receiver = Receiver::new(&name, &generation, Settings::default(), 1);
    let now = WallMs(1_795_000_000_000);
    let media = SyntheticMedia::Avc { width: 1280, height: 720 };
    let header = SyntheticHeader::new(1, Timescale::new(15_360).expect("not zero"), media).write();
    let upload =
        receiver.open("bench/video.cmfv", &Resource::Stream("video".to_owned())).expect("there is room");
    receiver.push(upload, header, now).expect("the header is sound");
    let begun = Instant::now();
    let mut parts = 0;
    for piece in body {
        receiver.push(upload, piece.clone(), now).expect("the media is sound");
        while let Some(put) = receiver.next_put() {
            parts += usize::from(!put.meta.is_empty());
            black_box(&put.body);
            receiver.stored(put.id, &Outcome::Stored(None), now);
        }
    }
    assert!(parts >= SEGMENTS as usize * 4 - 1, "only {parts} parts came out");
    begun.elapsed()
}

fn copy(body: &[Bytes]) -> Duration {
    let begun = Instant::now();
    let mut segment = Vec::with_capacity(4 << 20);
    for piece in body {
        if segment.len() + piece.len() > segment.capacity() {
            segment = Vec::with_capacity(4 << 20);
        }
        segment.extend_from_slice(piece);
        black_box(segment.as_slice());
    }
    begun.elapsed()
}
