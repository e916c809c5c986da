//! The running server: how late a part is, how many viewers a core serves, what each costs.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rimcast_tests::live::{Server, free_port, wait_for};

use crate::load::{PARTS_PER_SEGMENT, Seen, SentAt, Stage, Viewer, encode, tick, watch};
use crate::measure::{heading, ms, quantile};

/// Parts that pass before anything is measured.
pub(crate) const WARM_UP: usize = 12;

pub(crate) fn sent(parts: usize) -> SentAt {
    Arc::new((0..parts).map(|_| OnceLock::new()).collect())
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

/// Keeps a process (0: this one) on one core, so that the other is the server's alone.
fn pin(pid: u32, core: u32) {
    let pinned = Command::new("taskset")
        .args(["-a", "-c", "-p", &core.to_string(), &pid.to_string()])
        .stdout(Stdio::null())
        .status();
    assert!(pinned.is_ok_and(|status| status.success()), "taskset (util-linux) pins a process to a core");
}

/// Rimcast with one broadcast, `bench`, of one track.
pub(crate) async fn rimcast(port: u16) -> Stage {
    let mut viewer = Viewer::connect(port).await.expect("it listens");
    let media = loop {
        let (status, body) = viewer.get("/bench/index.m3u8").await.expect("it answers");
        let text = String::from_utf8_lossy(&body).into_owned();
        if status == 200 {
            break text.lines().find(|line| line.ends_with(".m3u8")).expect("a variant").to_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let folder = format!("/bench/{}", media.trim_end_matches("index.m3u8"));
    let playlist = {
        let folder = folder.clone();
        move |part: usize| {
            let (msn, part) = (1 + part / PARTS_PER_SEGMENT, part % PARTS_PER_SEGMENT);
            format!("{folder}index.m3u8?_HLS_msn={msn}&_HLS_part={part}")
        }
    };
    let part = move |playlist: &[u8]| {
        let text = String::from_utf8_lossy(playlist);
        let line = text.lines().rev().find(|line| line.starts_with("#EXT-X-PART:")).unwrap_or_default();
        format!("{folder}{}", line.split('"').nth(1).unwrap_or_default())
    };
    Stage { port, playlist: Arc::new(playlist), part: Arc::new(part) }
}

fn bare(port: u16) -> Stage {
    Stage { port, playlist: Arc::new(|part| format!("/wait/{part}")), part: Arc::new(|_| "/part".to_owned()) }
}

/// The yardstick, in a process of its own.
struct Bare {
    child: Child,
    port: u16,
}

impl Bare {
    fn start() -> Self {
        let port = free_port();
        let own = std::env::current_exe().expect("a program has a path");
        let child = Command::new(own).args(["--yardstick", &port.to_string()]).spawn().expect("it starts");
        wait_for("the yardstick listens", Duration::from_secs(5), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { child, port }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Last byte of a part in to blocked playlist out.
pub(crate) fn latency() {
    heading("added latency on loopback: last byte of a part in, blocked playlist out");
    for viewers in [1, 200] {
        let parts = WARM_UP + 40;
        let folder = tempfile::tempdir().expect("there is room");
        let server = Server::serve(folder.path(), &[]);
        let ours = runtime().block_on(async {
            let sent = sent(parts);
            let port = server.port();
            let pushing = tokio::spawn(encode(port, "/ingest/bench/video.cmfv", parts, Arc::clone(&sent)));
            let stage = rimcast(port).await;
            let seen = watch(&stage, viewers, WARM_UP..parts, false, &sent).await;
            pushing.await.expect("it pushes").expect("the push is taken");
            seen
        });
        drop(server);
        report_latency(viewers, "rimcast", &ours);
        report_latency(viewers, "bare hyper (yardstick)", &yardstick_latency(viewers));
    }
    println!("(aim: median at most 3 ms with 1 and with 200, p99 at most 15 ms)");
}

/// The same, of the least that a server can do.
pub(crate) fn yardstick_latency(viewers: usize) -> Seen {
    let parts = WARM_UP + 40;
    let yardstick = Bare::start();
    runtime().block_on(async {
        let sent = sent(parts);
        let ticking = tokio::spawn(tick(yardstick.port, parts, Arc::clone(&sent)));
        let seen = watch(&bare(yardstick.port), viewers, WARM_UP..parts, false, &sent).await;
        ticking.await.expect("it ticks").expect("ticks are taken");
        seen
    })
}

pub(crate) fn report_latency(viewers: usize, name: &str, seen: &Seen) {
    println!(
        "{viewers:>4} viewers  {name:<24} median {:>9}  p99 {:>9}  errors {}",
        ms(quantile(&seen.playlists, 0.5)),
        ms(quantile(&seen.playlists, 0.99)),
        seen.errors,
    );
}

/// Viewers at 300 kbit/s, playlist and part each, that one core serves.
pub(crate) fn fan_out() {
    heading("fan-out at 300 kbit/s: blocking playlist and part, keep-alive, server on one core");
    pin(std::process::id(), 1);
    let parts = WARM_UP + 24;
    for viewers in [500, 1000, 1500, 2000, 2500] {
        let folder = tempfile::tempdir().expect("there is room");
        let server = Server::serve(folder.path(), &[]);
        pin(server.pid(), 0);
        report("rimcast", server.pid(), viewers, |runtime, sent| {
            let port = server.port();
            runtime.spawn(encode(port, "/ingest/bench/video.cmfv", parts, Arc::clone(sent)));
            runtime.block_on(rimcast(port))
        });
        drop(server);
        let yardstick = Bare::start();
        pin(yardstick.child.id(), 0);
        report("bare hyper (yardstick)", yardstick.child.id(), viewers, |runtime, sent| {
            runtime.spawn(tick(yardstick.port, parts, Arc::clone(sent)));
            bare(yardstick.port)
        });
    }
    println!(
        "(aim: 1500 with both p99 under 100 ms; 30 µs of CPU a playlist; 20 MB with one broadcast, 10 kB a viewer)"
    );
}

fn report(
    name: &str,
    pid: u32,
    viewers: usize,
    begin: impl FnOnce(&tokio::runtime::Runtime, &SentAt) -> Stage,
) {
    let parts = WARM_UP + 24;
    let sent = sent(parts);
    let runtime = runtime();
    let stage = begin(&runtime, &sent);
    let memory_before = resident_kb(pid);
    // First playlists alone, which tells what one costs, then playlists and parts.
    let middle = WARM_UP + 8;
    let cpu_before = cpu(pid);
    let alone = runtime.block_on(watch(&stage, viewers, WARM_UP..middle, false, &sent));
    let cpu_alone = cpu(pid).saturating_sub(cpu_before);
    let seen = runtime.block_on(watch(&stage, viewers, middle..parts, true, &sent));
    let memory = resident_kb(pid);
    println!(
        "{viewers:>5} viewers  {name:<24} playlist p50 {:>9} p99 {:>9}  part p99 {:>9}  errors {:<3} {:>4.0} µs CPU/playlist  {:>5.1} MB + {:.1} kB/viewer",
        ms(quantile(&seen.playlists, 0.5)),
        ms(quantile(&seen.playlists, 0.99)),
        ms(quantile(&seen.parts, 0.99)),
        seen.errors + alone.errors,
        cpu_alone.as_secs_f64() * 1e6 / (alone.playlists.len().max(1) as f64),
        memory_before as f64 / 1000.0,
        memory.saturating_sub(memory_before) as f64 / viewers as f64,
    );
}

/// CPU time a process has used.
pub(crate) fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    // USER_HZ is 100 on every Linux that Rust runs on.
    Duration::from_millis(ticks * 10)
}

fn resident_kb(pid: u32) -> u64 {
    memory_kb(pid, "VmRSS:")
}

/// A line of a process's status that is a size.
pub(crate) fn memory_kb(pid: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
