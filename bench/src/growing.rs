//! What readers of one growing segment cost in memory: whether they share its bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rimcast_tests::live::{Feed, Host as _, Server, get, segment_url, wait_for};
use rimcast_tests::media::{Source, Synthetic};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::measure::heading;
use crate::serve::{cpu, memory_kb};

const READERS: usize = 1000;

/// Chunks, which are parts, in a segment.
const PARTS: usize = 4;

/// Large, so that what connections cost is little beside it: a megabyte a part.
const FRAME_BYTES: u32 = 64_000;

/// Memory at its highest while a segment grows, with many readers above one, in copies of the segment's bytes.
pub(crate) fn run() {
    heading("memory while 1000 are sent one growing segment, above that with one, in copies of its bytes");
    let cases = [
        (true, "8", "who read as it comes"),
        (false, "8", "who do not read"),
        (true, "0", "who read, nothing cached"),
        (false, "0", "who do not, nothing cached"),
    ];
    for (does_read, cache_mib, what) in cases {
        let (one, segment_kb) = grown_kb(1, does_read, cache_mib);
        let (many, _) = grown_kb(READERS, does_read, cache_mib);
        println!(
            "{READERS} readers {what:<26} {:>6.2} copies of {:.1} MB (grown by {:.1} MB with one, {:.1} MB with all)",
            many.saturating_sub(one) as f64 / segment_kb as f64,
            segment_kb as f64 / 1000.0,
            one as f64 / 1000.0,
            many as f64 / 1000.0,
        );
    }
    println!("(aim: at most 1 copy, beside 10 kB a reader)");
}

/// By how much the server's memory grew, at its highest, from when all readers waited for the segment to when all of it was
/// sent, and the segment's size.
fn grown_kb(readers: usize, does_read: bool, cache_mib: &str) -> (u64, u64) {
    let folder = tempfile::tempdir().expect("there is room");
    let server = Server::serve(folder.path(), &["--cache-mib", cache_mib]);
    let media = Synthetic { frame_bytes: FRAME_BYTES, seconds: 8, ..Synthetic::default() };
    let mut feed = Feed::open(server.port(), "/ingest/bench/video.cmfv", Source::synthetic(&media));
    feed.send(0..2 * PARTS);
    let base = server.url("/bench/");
    let playlist = wait_for("it can be watched", Duration::from_secs(10), || {
        let text = get(&format!("{base}index.m3u8")).ok().filter(|answer| answer.status == 200)?.text();
        text.lines().find(|line| line.ends_with(".m3u8")).map(|uri| format!("{base}{uri}"))
    });
    let path = segment_url(&playlist, 3).replacen(&server.url(""), "", 1);
    let bytes: usize =
        feed.source.chunks[2 * PARTS..3 * PARTS].iter().map(|chunk| chunk.body().concat().len()).sum();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let done = Arc::new(AtomicUsize::new(0));
    let port = server.port();
    let sockets: Vec<TcpStream> = runtime.block_on(async {
        let mut sockets = Vec::new();
        for _ in 0..readers {
            let mut socket = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
            let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
            socket.write_all(request.as_bytes()).await.expect("it reads");
            sockets.push(socket);
        }
        sockets
    });
    until_idle(server.pid());
    let before = memory_kb(server.pid(), "VmRSS:");
    // VmHWM counts from here (proc_pid_clear_refs(5)).
    std::fs::write(format!("/proc/{}/clear_refs", server.pid()), "5").expect("it is ours");
    let mut unread = Vec::new();
    for mut socket in sockets {
        if !does_read {
            unread.push(socket);
            continue;
        }
        let done = Arc::clone(&done);
        runtime.spawn(async move {
            let (mut piece, mut had) = (vec![0; 64 << 10], 0);
            while let Ok(more @ 1..) = socket.read(&mut piece).await {
                let had_before = had;
                had += more;
                if had_before < bytes && had >= bytes {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    for chunk in 2 * PARTS..3 * PARTS {
        feed.send(chunk..chunk + 1);
        until_idle(server.pid());
    }
    if does_read {
        wait_for("all have it", Duration::from_secs(60), || {
            (done.load(Ordering::Relaxed) == readers).then_some(())
        });
    }
    let grown = memory_kb(server.pid(), "VmHWM:").saturating_sub(before);
    drop(unread);
    assert_eq!(feed.finish(), 200);
    (grown, bytes as u64 / 1000)
}

/// Waits until a process has nothing to do.
fn until_idle(pid: u32) {
    let mut last = cpu(pid);
    wait_for("the server is idle", Duration::from_secs(60), || {
        std::thread::sleep(Duration::from_millis(300));
        let before = std::mem::replace(&mut last, cpu(pid));
        (before == last).then_some(())
    });
}
