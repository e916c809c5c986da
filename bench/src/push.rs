//! `rimcast push`: how soon what it has cut is stored, and what it costs, for a ladder that is not encoded again.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ingest_lambda::store::{FolderStore, Store as _};
use rimcast_tests::live::{Host as _, Pusher, Server};

use crate::measure::{heading, ms, quantile};
use crate::serve::{cpu, runtime};

/// Bit rates of the ladder, with the sound twenty megabits a second.
const LADDER: [&str; 4] = ["9M", "6M", "3M", "1800k"];

/// How long it is looked at.
const SECONDS: u64 = 30;

/// Part in to acknowledgement, and CPU, beside what the store takes for such a part, and what ffmpeg takes to copy the same.
pub(crate) fn run() {
    heading("push: four renditions and sound, 20 Mbit/s together, not encoded; into `serve` on this machine");
    let folder = tempfile::tempdir().expect("there is room");
    let clip = folder.path().join("ladder.mp4");
    record(clip.to_str().expect("a path"));
    let server = Server::serve(&folder.path().join("data"), &[]);
    let mut encoder = replay(clip.to_str().expect("a path"));
    let media = Stdio::from(encoder.stdout.take().expect("it was asked for"));
    let pusher = Pusher::start_with(&["--to", &server.url("/ingest/bench")], media);
    pusher.until("it pushes", |progress| progress.parts >= 40);
    let cpus = || (cpu(pusher.pid()), cpu(encoder.id()));
    let (began, before, (own, theirs)) = (Instant::now(), pusher.progress(), cpus());
    let mut delays = Vec::new();
    while began.elapsed() < Duration::from_secs(SECONDS) {
        // It tells how long the newest part took, once a second.
        std::thread::sleep(Duration::from_secs(1));
        delays.extend(pusher.progress().delay_ms.map(Duration::from_millis));
    }
    let took = began.elapsed().as_secs_f64();
    let (own, theirs) = (cpus().0 - own, cpus().1 - theirs);
    let after = pusher.progress();
    drop(pusher);
    let _ = encoder.kill();
    let _ = encoder.wait();
    delays.sort();
    println!(
        "part whole to acknowledged  median {:>9}  worst {:>9}  of {} of {} parts, {:.1} Mbit/s",
        ms(quantile(&delays, 0.5)),
        ms(quantile(&delays, 1.0)),
        delays.len(),
        after.parts - before.parts,
        (after.bytes - before.bytes) as f64 * 8.0 / took / 1e6,
    );
    let part_bytes = (after.bytes - before.bytes) / (after.parts - before.parts).max(1);
    let stored = stored(&folder.path().join("store"), part_bytes as usize);
    println!("the store alone (yardstick) median {:>9}  for parts of {} kB", ms(stored), part_bytes / 1000);
    println!("CPU                         {:>5.1} % of a core", own.as_secs_f64() / took * 100.0);
    println!("ffmpeg, which copies the same (yardstick) {:>5.1} %", theirs.as_secs_f64() / took * 100.0);
    println!("(aim: median at most 10 ms above the store's own; 5 % of a core)");
}

/// Writes a clip whose bit rates are what they should be, whatever is in the pictures.
fn record(path: &str) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"]);
    ffmpeg.args(["-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "20"]);
    ffmpeg.args(["-map", "0:v", "-map", "0:v", "-map", "0:v", "-map", "0:v", "-map", "1:a"]);
    ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-sc_threshold", "0", "-bf", "0"]);
    ffmpeg.args(["-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "128k"]);
    for (stream, rate) in LADDER.iter().enumerate() {
        for option in ["b", "minrate", "maxrate", "bufsize"] {
            ffmpeg.args([format!("-{option}:v:{stream}"), (*rate).to_owned()]);
        }
    }
    let done = ffmpeg.args(["-y", path]).stdin(Stdio::null()).status();
    assert!(done.is_ok_and(|status| status.success()), "ffmpeg writes a clip");
}

/// Sends it again and again, in real time, as an encoder would that writes fragmented MP4.
fn replay(path: &str) -> Child {
    Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-re",
            "-stream_loop",
            "-1",
            "-i",
            path,
            "-map",
            "0",
            "-c",
            "copy",
            "-f",
            "mp4",
        ])
        .args(["-movflags", "+frag_keyframe+delay_moov+default_base_moof", "-frag_duration", "20000", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed")
}

/// The median time in which a folder takes a part of this size.
fn stored(folder: &std::path::Path, part_bytes: usize) -> Duration {
    let store = FolderStore::open(folder).expect("there is room for a folder");
    let body = [Bytes::from(vec![0x5a; part_bytes])];
    let mut all: Vec<_> = (0..100)
        .map(|part| {
            let begun = Instant::now();
            let created = runtime().block_on(store.create(&format!("bench/{part:020}.m4s"), "{}", &body));
            created.expect("it takes parts");
            begun.elapsed()
        })
        .collect();
    all.sort();
    quantile(&all, 0.5)
}
