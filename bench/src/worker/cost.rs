//! What a playlist costs workerd in CPU, against Workers that always say the same.
//!
//! The broadcast has ended, so that a media playlist is answered from what the isolate knows: storage is read once
//! in two seconds (are there new tracks?). Of a live one every request that no cache answers looks for the next
//! part, and the simulated R2, which runs in the same workerd, costs many times what the Worker does.

use std::process::Command;
use std::time::Duration;

use rimcast_tests::live::{Feed, Workerd, get, wait_for};
use rimcast_tests::media::{Source, Synthetic};
use serde_json::json;

use super::{js_hello_modules, js_hop_modules, rust_hello_modules};
use crate::load::Viewer;
use crate::measure::heading;
use crate::serve::{cpu, runtime};

/// Requests in a round, and rounds, which take turns.
const REQUESTS: usize = 5_000;
const ROUNDS: usize = 5;

/// Keep-alive connections that share the requests.
const CONNECTIONS: usize = 8;

/// Something to ask for.
struct Asked {
    name: &'static str,
    port: u16,
    path: String,
    requests: usize,
    /// CPU for each request, by round.
    rounds: Vec<Duration>,
    bytes: usize,
}

pub(super) fn run() {
    heading("CPU of workerd for a playlist; median of rounds that take turns");
    let worker = Workerd::start(&json!({
        "bare": true,
        "bucket": true,
        "workers": [
            { "name": "js", "modules": js_hello_modules() },
            { "name": "hop", "modules": js_hop_modules() },
            { "name": "rust", "modules": rust_hello_modules() },
        ],
    }));
    let ended = broadcast(&worker, "ended", true);
    let live = broadcast(&worker, "live", false);
    let packager = worker.direct_port("rimcast.Packager");
    let gateway = worker.direct_port("rimcast");
    let asked = |name, port, path: &str, requests| {
        let path = path.to_owned();
        Asked { name, port, path, requests, rounds: Vec::new(), bytes: 0 }
    };
    let (js, rust, bucket) =
        (worker.direct_port("js"), worker.direct_port("rust"), worker.direct_port("bucket"));
    let mut all = [
        asked("JavaScript hello (yardstick)", js, "/", REQUESTS),
        asked("Rust hello (yardstick)", rust, "/", REQUESTS),
        asked("packager, nothing to read", packager, &ended, REQUESTS),
        asked("JavaScript before it (yardstick)", worker.direct_port("hop"), "/", REQUESTS),
        asked("gateway and packager, nothing to read", gateway, &ended, REQUESTS),
        asked("packager, live: R2 read ten times a second", packager, &live, REQUESTS),
        asked("ten HEADs of the simulated R2", bucket, "/head/10/nothing", REQUESTS / 64),
    ];
    for asked in &mut all {
        asked.bytes = load(asked.port, &asked.path, 200);
    }
    for _ in 0..ROUNDS {
        for asked in &mut all {
            let before = cpu(worker.pid());
            load(asked.port, &asked.path, asked.requests);
            let used = cpu(worker.pid()).saturating_sub(before);
            asked.rounds.push(used / u32::try_from(asked.requests).expect("it is a number of requests"));
        }
    }
    let median = |asked: &mut Asked| {
        asked.rounds.sort();
        asked.rounds[asked.rounds.len() / 2].as_secs_f64() * 1e6
    };
    let costs = all.each_mut().map(median);
    for (asked, cost) in all.iter().zip(costs) {
        println!("{:<40} {cost:>7.1} µs  {:>6} bytes", asked.name, asked.bytes);
    }
    let [js, rust, packager, hop, gateway, ..] = costs;
    println!("packager / JavaScript hello      {:.2} times (aim: 1.6)", packager / js);
    println!("packager - Rust hello            {:.1} µs (aim: 20)", packager - rust);
    println!(
        "gateway before it                {:.1} µs more, in JavaScript {:.1}",
        gateway - packager,
        hop - js
    );
}

/// A broadcast of a full window and one track; the path of its media playlist.
fn broadcast(worker: &Workerd, name: &str, has_ended: bool) -> String {
    let source = Source::synthetic(&Synthetic { seconds: 70, ..Synthetic::default() });
    let chunks = source.chunks.len();
    let mut feed = Feed::open(worker.port(), &format!("/ingest/{name}/video.cmfv"), source);
    feed.send(0..chunks - 1);
    if has_ended {
        // A segment type with the brand `lmsg`: what follows is the last.
        feed.write(b"\0\0\0\x14stypmsdh\0\0\0\0lmsg");
    }
    feed.send(chunks - 1..chunks);
    assert_eq!(feed.finish(), 200);
    let multivariant = get(&worker.url(&format!("/{name}/index.m3u8"))).expect("it answers").text();
    let uri = multivariant.lines().find(|line| line.ends_with(".m3u8")).expect("there is a variant");
    let path = format!("/{name}/{uri}");
    wait_for("the broadcast is whole", Duration::from_secs(10), || {
        let text = get(&worker.url(&path)).ok()?.text();
        (text.contains("#EXT-X-ENDLIST") == has_ended).then_some(())
    });
    path
}

/// Has another process ask for something so often; bytes in an answer.
fn load(port: u16, path: &str, requests: usize) -> usize {
    let own = std::env::current_exe().expect("a program has a path");
    let args = [port.to_string(), path.to_owned(), requests.to_string()];
    let done = Command::new(own).arg("--load").args(args).output().expect("it starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().parse().expect("it prints a number")
}

/// That process.
pub(crate) fn ask_again_and_again(port: u16, path: &str, requests: usize) {
    let each = requests.div_ceil(CONNECTIONS);
    let bytes = runtime().block_on(async {
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let path = path.to_owned();
            asking.spawn(async move {
                let mut viewer = Viewer::connect(port).await.expect("it listens");
                let mut bytes = 0;
                for _ in 0..each {
                    let (status, body) = viewer.get(&path).await.expect("it answers");
                    assert_eq!(status, 200, "{path}");
                    bytes = body.len();
                }
                bytes
            });
        }
        asking.join_all().await.pop().unwrap_or(0)
    });
    println!("{bytes}");
}
