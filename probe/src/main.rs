//! `cargo xtask probe URL`: plays the part of viewers against a broadcast, wherever it is, and says what they
//! saw.
//!
//! Viewers do as hls.js in low-latency mode: one variant's pictures and sound, blocking reloads with delta
//! updates, and each part once it is listed. Every playlist is held against the rules of HLS.

mod client;
mod judge;
mod tally;
mod track;
mod viewer;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::task::JoinSet;
use url::Url;

use client::Connector;
use tally::{Report, Tally};
use viewer::Shared;

/// Play the part of viewers against a broadcast, and say what they saw.
///
/// Exits with 1 when an answer was an error, when a playlist broke a rule of HLS, or when no part came.
/// Latency is by the clock of this machine, which should be set by NTP.
#[derive(Parser)]
#[command(name = "probe", bin_name = "cargo xtask probe", max_term_width = 100)]
struct Args {
    /// The multivariant playlist: https://HOST/BROADCAST/index.m3u8
    url: Url,

    /// How many viewers; they come within the first second
    #[arg(long, default_value_t = 50)]
    viewers: usize,

    /// For how long they watch
    #[arg(long, default_value_t = 60)]
    seconds: u64,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(report) => {
            match serde_json::to_string(&report) {
                Ok(json) if args.json => println!("{json}"),
                _ => print!("{report}"),
            }
            if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(why) => {
            eprintln!("probe: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> std::io::Result<Report> {
    // Each viewer has a few connections.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let shared = Arc::new(Shared {
        connector: Connector::new()?,
        judge: judge::Judge::default(),
        tally: Tally::default(),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut watching = JoinSet::new();
        for viewer in 0..args.viewers {
            let (url, shared) = (args.url.clone(), Arc::clone(&shared));
            let comes_after = Duration::from_secs(1).mul_f64(viewer as f64 / args.viewers as f64);
            watching.spawn(async move {
                tokio::time::sleep(comes_after).await;
                viewer::watch(viewer, url, shared).await;
            });
        }
        let everyone = async { while watching.join_next().await.is_some() {} };
        // Who is in the middle of a request then is not heard.
        let _ = tokio::time::timeout(Duration::from_secs(args.seconds), everyone).await;
    });
    Ok(shared.tally.report(args.url.to_string(), args.viewers, args.seconds))
}
