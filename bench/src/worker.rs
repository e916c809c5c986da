//! The Cloudflare Worker in workerd, as it was built last (`cargo xtask bench worker` builds it): its size, its start,
//! what a playlist costs, and how late a part is.

mod cost;
mod start;

pub(crate) use cost::ask_again_and_again;

use std::path::PathBuf;
use std::sync::Arc;

use rimcast_tests::live::{Workerd, root};
use serde_json::json;

use crate::load::{Viewer, encode, watch};
use crate::measure::{heading, ms, quantile};
use crate::serve::{WARM_UP, report_latency, rimcast, runtime, sent, yardstick_latency};

/// As many wait for one part.
const VIEWERS: usize = 100;

/// Of media, in the simulated bucket.
const STORED_TIMES: u32 = 200;

pub(crate) fn run() {
    start::size();
    start::start();
    cost::run();
}

/// What the Worker is made of, as it was built; its main module first.
fn rimcast_modules() -> Vec<PathBuf> {
    let folder = root().join("edge-worker");
    ["entry.js", "build/index.js", "build/bucket.js", "build/index_bg.wasm"]
        .map(|file| folder.join(file))
        .into()
}

fn rust_hello_modules() -> Vec<PathBuf> {
    let folder = root().join("bench/hello-worker/build");
    ["index.js", "index_bg.wasm"].map(|file| folder.join(file)).into()
}

fn js_hello_modules() -> Vec<PathBuf> {
    vec![root().join("bench/hello-worker/hello.js")]
}

fn js_hop_modules() -> Vec<PathBuf> {
    let folder = root().join("bench/hello-worker");
    ["hop.js", "hello.js"].map(|file| folder.join(file)).into()
}

/// Last byte of a part in to blocked playlist out, [`VIEWERS`] on one URL, with nothing before the Worker.
pub(crate) fn latency() {
    heading("the Worker: last byte of a part in, blocked playlist out, over the simulated R2");
    let parts = WARM_UP + 40;
    let worker = Workerd::start(&json!({ "bare": true, "bucket": true }));
    let ours = runtime().block_on(async {
        let sent = sent(parts);
        // Only the entry before the Worker tells it that an encoder is on this machine.
        let pushing =
            tokio::spawn(encode(worker.port(), "/ingest/bench/video.cmfv", parts, Arc::clone(&sent)));
        let stage = rimcast(worker.direct_port("rimcast")).await;
        let seen = watch(&stage, VIEWERS, WARM_UP..parts, false, &sent).await;
        pushing.await.expect("it pushes").expect("the push is taken");
        seen
    });
    report_latency(VIEWERS, "Worker in workerd", &ours);
    for (what, key) in [("put", "yardstick/"), ("head", "yardstick/0")] {
        let mut times: Vec<_> = runtime().block_on(async {
            let mut bucket = Viewer::connect(worker.direct_port("bucket")).await.expect("it listens");
            let mut times = Vec::new();
            for _ in 0..STORED_TIMES {
                let begun = std::time::Instant::now();
                bucket.get(&format!("/{what}/1/{key}")).await.expect("it answers");
                times.push(begun.elapsed());
            }
            times
        });
        times.sort();
        let (median, p99) = (quantile(&times, 0.5), quantile(&times, 0.99));
        println!("     simulated R2, {what} and the request for it: median {}, p99 {}", ms(median), ms(p99));
    }
    report_latency(VIEWERS, "bare hyper (yardstick)", &yardstick_latency(VIEWERS));
    println!("(aim: median at most 25 ms, p99 at most 100 ms)");
}
