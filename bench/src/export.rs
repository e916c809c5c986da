//! `rimcast export` of a recording in a folder, against copying the same bytes out of the same files.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ingest_lambda::store::{Created, ETag, FolderStore, Store as _, Swapped};
use packager_core::cmaf::chunk::{self, Sample};
use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::ingest::{Outcome, PushPath, PutMode, Receiver, Settings};
use packager_core::log::{BroadcastName, BroadcastRecord, Generation, record};
use packager_core::time::{Timescale, WallMs};
use rimcast_tests::live::program;

use crate::measure::heading;
use crate::serve::runtime;

/// Frames of half a second, with a keyframe every two.
const FRAMES_PER_PART: u64 = 15;
const FRAME_TICKS: u32 = 512;
const SECOND_TICKS: u32 = 15_360;

/// What is copied by one call.
const COPY_BYTES: usize = 1 << 20;

/// Each is done so often, in turn.
const ROUNDS: usize = 5;

/// Megabytes a second, beside the yardstick's, for parts of several sizes.
pub(crate) fn run() {
    heading("export: a movie, and a folder of HLS, out of a folder of parts that were just read");
    for (what, part_bytes, parts) in
        [("60 kB", 60_000, 6000), ("2 MB", 2_000_000, 400), ("36 MB", 36_000_000, 22)]
    {
        let folder = tempfile::tempdir().expect("there is room");
        let data = folder.path().join("data");
        record_parts(&data, part_bytes, parts);
        let files = files(&data);
        let bytes = part_bytes * parts;
        let mut all = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            let out = folder.path().join("out");
            let [movie, hls, copied] = &mut all;
            movie.push(export(&data, &out, "mp4"));
            hls.push(export(&data, &out, "hls"));
            copied.push(copy(&files, &out.join("copy")));
        }
        let [movie, hls, copied] = all.map(|mut times| {
            times.sort();
            bytes as f64 / times[times.len() / 2].as_secs_f64() / 1e6
        });
        println!(
            "parts of {what:<6} mp4 {movie:>6.0} MB/s, {:.2} of the copy   hls {hls:>6.0} MB/s, {:.2} of it   yardstick, a copy: {copied:>6.0} MB/s",
            movie / copied,
            hls / copied,
        );
    }
    println!("(aim: 500 MB/s)");
}

/// Records so many parts of one track, as ingest stores them.
fn record_parts(data: &Path, part_bytes: u64, parts: u64) {
    let store = FolderStore::open(data).expect("there is room for a folder");
    let (name, generation) = (BroadcastName::parse("bench").expect("a name"), Generation::parse("g"));
    let generation = generation.expect("a name");
    let document = Bytes::from(record::to_json(&BroadcastRecord::new(generation.clone())));
    let created = runtime().block_on(store.create("bench/broadcast.json", "", &[document]));
    created.expect("there is room");
    let mut receiver = Receiver::new(&name, &generation, Settings::default(), 1);
    let path = PushPath::parse("bench/video.cmfv").expect("a path");
    let upload = receiver.open("bench/video.cmfv", &path.resource).expect("it takes a track");
    let media = SyntheticMedia::Avc { width: 1920, height: 1080 };
    let header = SyntheticHeader::new(1, Timescale::new(SECOND_TICKS).expect("not zero"), media).write();
    let now = |part: u64| WallMs(1_790_000_000_000 + 500 * part as i64);
    receiver.push(upload, header, now(0)).expect("the header is sound");
    let frame_bytes = u32::try_from(part_bytes / FRAMES_PER_PART).expect("a frame's size");
    // Of which nothing can be made smaller on its way.
    let payload: Bytes = (0..u64::from(frame_bytes) * FRAMES_PER_PART).map(noise).collect::<Vec<u8>>().into();
    for part in 0..parts {
        let samples: Vec<_> = (0..FRAMES_PER_PART)
            .map(|frame| Sample {
                duration_ticks: FRAME_TICKS,
                bytes: frame_bytes,
                sync: part % 4 == 0 && frame == 0,
                composition_ticks: 0,
            })
            .collect();
        let begins = part * FRAMES_PER_PART * u64::from(FRAME_TICKS);
        let body = chunk::write(part as u32, 1, begins, &samples, payload.clone()).concat();
        receiver.push(upload, body.into(), now(part + 1)).expect("the media is sound");
        carry_out(&mut receiver, &store, now(part + 1));
    }
}

fn noise(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

/// Stores what the receiver wants stored.
fn carry_out(receiver: &mut Receiver, store: &FolderStore, now: WallMs) {
    let runtime = runtime();
    while let Some(put) = receiver.next_put() {
        let stored = match &put.mode {
            PutMode::Create => {
                let created = runtime.block_on(store.create(&put.key, &put.meta, &put.body));
                assert_eq!(created.expect("there is room"), Created::New, "{}", put.key);
                None
            }
            PutMode::Swap(expected) => {
                let expected = expected.clone().map(ETag);
                let swapped = store.swap(&put.key, expected.as_ref(), &put.meta, &put.body);
                match runtime.block_on(swapped).expect("there is room") {
                    Swapped::Done(etag) => Some(etag.0),
                    Swapped::Conflict => panic!("nobody else writes"),
                }
            }
        };
        receiver.stored(put.id, &Outcome::Stored(stored), now);
    }
    drop(receiver.take_notices());
}

/// The parts' files, in order.
fn files(data: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("it is there");
        entries.map(|entry| entry.expect("it can be read").path()).collect()
    };
    let sessions = entries(&data.join("bench/g/video")).into_iter().filter(|path| path.is_dir());
    let files = sessions.flat_map(|session| entries(&session));
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|is| is == "m4s")).collect();
    files.sort();
    files
}

/// What the program takes, from its start to its end.
fn export(data: &Path, out: &Path, format: &str) -> Duration {
    let begun = Instant::now();
    let exported = Command::new(program())
        .args(["export", "bench", "--format", format, "--json", "--data"])
        .arg(data)
        .arg("--to")
        .arg(out)
        .stdout(Stdio::null())
        .status();
    let took = begun.elapsed();
    assert!(exported.is_ok_and(|status| status.success()), "it exports");
    std::fs::remove_dir_all(out).expect("it was made");
    took
}

/// Reads each file and writes it to the end of one, through memory as an export has to.
fn copy(files: &[PathBuf], to: &Path) -> Duration {
    let folder = to.parent().expect("a folder");
    std::fs::create_dir_all(folder).expect("there is room");
    let begun = Instant::now();
    let copied = || -> io::Result<()> {
        let mut to = File::create(to)?;
        let mut buffer = vec![0; COPY_BYTES];
        for file in files {
            let mut file = File::open(file)?;
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    bytes => to.write_all(&buffer[..bytes])?,
                }
            }
        }
        Ok(())
    };
    copied().expect("there is room");
    let took = begun.elapsed();
    std::fs::remove_dir_all(folder).expect("it was made");
    took
}
