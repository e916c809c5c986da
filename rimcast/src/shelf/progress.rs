//! How far something is: a bar for people, lines of JSON for programs.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

/// How often programs are told.
const EVERY: Duration = Duration::from_secs(1);

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Bytes of media.
    Bytes,
    /// Stored objects.
    Objects,
}

pub(super) struct Progress {
    bar: ProgressBar,
    as_json: bool,
    unit: Unit,
    told: Instant,
}

impl Progress {
    pub(super) fn new(what: &str, unit: Unit, total: u64, as_json: bool) -> Self {
        let template = match unit {
            Unit::Bytes => "{msg} [{bar:30}] {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}",
            Unit::Objects => "{msg} [{bar:30}] {pos}/{len} {per_sec} {eta}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        // Hidden by itself where nobody looks.
        let bar = if as_json { ProgressBar::hidden() } else { ProgressBar::new(total) };
        bar.set_length(total);
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(what.to_owned());
        Self { bar, as_json, unit, told: Instant::now() }
    }

    /// So much more is done.
    pub(super) fn add(&mut self, done: u64) {
        self.bar.inc(done);
        if self.as_json && self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            let unit = if self.unit == Unit::Bytes { "bytes" } else { "objects" };
            let (done, total) = (self.bar.position(), self.bar.length());
            say!("{}", json!({ "doing": self.bar.message(), "unit": unit, "done": done, "of": total }));
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
