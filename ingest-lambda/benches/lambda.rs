//! `cargo xtask bench lambda`: what the function costs, beside what it costs to write the same to S3 without it.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ingest_lambda::store::{S3Settings, S3Store, Store as _};
use packager_core::cmaf::cutter::CutPart;
use packager_core::cmaf::{Chunk, Sample, chunk};
use packager_core::log::Entry;
use packager_core::time::WallMs;
use rimcast_tests::fuzz_targets::known_header;
use rimcast_tests::live::{Host as _, Lambda, SeaweedFs, request};

const KEY: &str = "sesame-of-push";

/// Half a second at 1.6 Mbit/s.
const PART_BYTES: u32 = 100_000;

const PARTS: u64 = 1_000;
const STARTS: usize = 20;

fn main() {
    println!("\n== lambda: the function `ingest`");
    let program = Path::new(env!("CARGO_BIN_EXE_ingest"));
    let bucket = SeaweedFs::start();
    let mut environment = bucket.environment();
    environment.push(("RIMCAST_PUSH_KEY", KEY.to_owned()));
    let mut starts: Vec<Duration> = (0..STARTS).map(|_| start(program, &environment)).collect();
    starts.sort();
    println!(
        "from its start to its first poll: median {:.1} ms, longest {:.1} ms",
        ms(starts[STARTS / 2]),
        ms(starts[STARTS - 1])
    );

    let lambda = Lambda::start(program, &environment, 1);
    let function = lambda.pids()[0];
    let send = |rest: &str, meta: Option<&str>, body: &[u8]| {
        let mut headers = vec![("rimcast-key", KEY), ("rimcast-if", "none"), ("content-type", "video/mp4")];
        headers.extend(meta.map(|meta| ("rimcast-meta", meta)));
        let answer = request("PUT", &lambda.url(&format!("/ingest/show/-/{rest}")), &headers, body).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
    };
    send("g/video/s/init.mp4", None, &known_header().0);
    let parts: Vec<_> = (0..PARTS).map(part).collect();
    let (first, rest) = parts.split_first().unwrap();
    send(&first.0, Some(&first.1), &first.2);
    let before = cpu(function);
    for (key, meta, body) in rest {
        send(key, Some(meta), body);
    }
    let through = (cpu(function) - before) / u32::try_from(rest.len()).unwrap();

    let direct = write_to(&bucket, &parts);
    println!("CPU for a part of {} kB through the function: {:.2} ms", PART_BYTES / 1000, ms(through));
    println!("CPU for the PUT alone, by the same client:   {:.2} ms", ms(direct));
    println!("above the PUT:                               {:.2} ms", ms(through.saturating_sub(direct)));
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// From the start of the process until it asks for its first event.
fn start(program: &Path, environment: &[(&str, String)]) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let begun = Instant::now();
    let mut function = Command::new(program)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (*name, value)))
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "ingest")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let (mut poll, _) = listener.accept().unwrap();
    let mut asked = [0; 64];
    let length = poll.read(&mut asked).unwrap();
    let took = begun.elapsed();
    let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
    assert!(asked.starts_with("GET /2018-06-01/runtime/invocation/next"), "{asked}");
    function.kill().unwrap();
    function.wait().unwrap();
    took
}

/// Writes the same bytes without a function, in this process.
fn write_to(bucket: &SeaweedFs, parts: &[(String, String, Bytes)]) -> Duration {
    let environment = bucket.environment();
    let settings = S3Settings::from_env(|name| {
        environment.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone())
    });
    let store = S3Store::new(&settings.unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (first, rest) = parts.split_first().unwrap();
        let write = async |(key, meta, body): &(String, String, Bytes)| {
            let key = format!("direct/{key}");
            store.create(&key, meta, std::slice::from_ref(body)).await.unwrap();
        };
        write(first).await;
        let before = cpu(std::process::id());
        for part in rest {
            write(part).await;
        }
        (cpu(std::process::id()) - before) / u32::try_from(rest.len()).unwrap()
    })
}

/// CPU time that all threads of a process have taken.
fn cpu(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    threads
        .map(|thread| {
            let spent = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
            Duration::from_nanos(spent.split(' ').next().unwrap().parse().unwrap())
        })
        .sum()
}

/// The nth part: its key, what is said of it, and its bytes.
fn part(nth: u64) -> (String, String, Bytes) {
    let start_ticks = nth * 45_000;
    let samples: Vec<_> = (0..15)
        .map(|frame| Sample {
            duration_ticks: 3_000,
            bytes: PART_BYTES / 15,
            sync: frame == 0 && nth.is_multiple_of(4),
            composition_ticks: 0,
        })
        .collect();
    let bytes: u32 = samples.iter().map(|sample| sample.bytes).sum();
    let payload: Vec<u8> = (0..u64::from(bytes)).map(|at| (at * (nth + 7) % 251).to_le_bytes()[0]).collect();
    let body: Bytes = chunk::write(1, 1, start_ticks, &samples, payload.into()).concat().into();
    let (_, header) = known_header();
    let part = CutPart::of(&[Chunk::parse(&body, header).unwrap()]).unwrap();
    let meta =
        Entry::Part(part.meta(header.kind, header.presentation_shift_ticks, WallMs(1_800_000_000_000)))
            .to_meta();
    (format!("g/video/s/{start_ticks:020}.m4s"), meta, body)
}
