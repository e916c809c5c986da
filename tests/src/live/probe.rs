//! `cargo xtask probe`, as a user runs it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::server::built;

/// Its report, as far as tests look at it.
#[derive(Debug, Deserialize)]
pub struct Probed {
    /// It exited with 0.
    #[serde(skip)]
    pub is_good: bool,
    /// Answers to requests for playlists.
    pub playlists: Answers,
    /// Answers to requests for headers, parts and segments.
    pub media: Answers,
    /// How late parts were.
    pub latency: Option<Latency>,
    /// Blocking playlists that were late.
    pub stalls: u64,
    /// Breaks of rules, and how often each was seen.
    pub rule_breaks: BTreeMap<String, u64>,
}

/// Answers of one kind.
#[derive(Debug, Deserialize)]
pub struct Answers {
    /// With status 200.
    pub ok: u64,
    /// By status, or by what went wrong instead.
    pub errors: BTreeMap<String, u64>,
    /// Values of `Cf-Cache-Status`.
    pub cache_status: BTreeMap<String, u64>,
}

/// From a part's end to its last byte.
#[derive(Debug, Deserialize)]
pub struct Latency {
    /// Of so many.
    pub parts: u64,
    /// Half are no later.
    pub median_ms: i64,
    /// All but one in a hundred are no later.
    pub p99_ms: i64,
}

/// The program, built.
pub struct Probe(&'static Path);

impl Probe {
    /// Builds it, before there is anything to watch: that takes a while.
    pub fn built() -> Self {
        Self(built("rimcast-probe"))
    }

    /// So many viewers watch for so long.
    ///
    /// # Panics
    ///
    /// There is no report.
    pub fn watch(&self, url: &str, viewers: usize, seconds: u64) -> Probed {
        let output = Command::new(self.0)
            .args(["--json", "--viewers", &viewers.to_string(), "--seconds", &seconds.to_string(), url])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .expect("the probe can be started");
        let text = String::from_utf8_lossy(&output.stdout);
        let report: Probed =
            serde_json::from_str(&text).unwrap_or_else(|why| panic!("no report ({why}): {text}"));
        Probed { is_good: output.status.success(), ..report }
    }
}
