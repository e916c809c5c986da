//! Players in headless Chromium, WebKitGTK's own, hls-parser in strict mode, Node's HTTP/2: third parties that judge.

use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use super::root;

/// What `watch.mjs`, or `webkit.mjs`, saw.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Watched {
    /// It played throughout.
    pub ok: bool,
    /// Why not.
    pub problems: Vec<String>,
    /// Behind live, in the middle of the run.
    pub latency_median_s: Option<f64>,
    /// How often playback stood still.
    pub stalls: u64,
    /// How often it did while it started.
    pub stalls_before: u64,
    /// What hls.js and the page complained of.
    pub errors: Vec<serde_json::Value>,
    /// EXT-X-DISCONTINUITY tags crossed.
    pub discontinuities: u64,
    /// What was answered with an error, or not at all.
    pub failed_requests: Vec<String>,
    /// Frames shown.
    pub decoded_frames: u64,
    /// Where playback was, in seconds of the media element.
    pub current_time_s: Played,
    /// With `--subtitles`: the texts of the cues.
    pub cues: Vec<String>,
    /// With `--choose-sound`: what is heard.
    pub sound: Option<Heard>,
}

/// A stretch that was played.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Played {
    /// Where it was first seen,
    pub first: f64,
    /// and last.
    pub last: f64,
}

/// The sound that is chosen.
#[derive(Debug, Clone, Deserialize)]
pub struct Heard {
    /// Its place in the menu.
    pub chosen: usize,
    /// The loudest frequency.
    pub loudest_hz: u32,
}

/// A browser that is watching.
pub struct Watching {
    child: Child,
}

/// Watches the page at `url` for `seconds`.
pub fn watch(url: &str, seconds: u32, extra: &[&str]) -> Watched {
    watch_in_background(url, seconds, extra).report()
}

/// Starts to watch.
pub fn watch_in_background(url: &str, seconds: u32, extra: &[&str]) -> Watching {
    start("watch.mjs", url, seconds, extra)
}

/// WebKitGTK watches the page at `url` for `seconds`, by the HLS that it plays itself.
pub fn watch_in_webkit(url: &str, seconds: u32, extra: &[&str]) -> Watched {
    start("webkit.mjs", url, seconds, extra).report()
}

fn start(script: &str, url: &str, seconds: u32, extra: &[&str]) -> Watching {
    let child = Command::new("node")
        .arg(script)
        .args(["--json", "--url", url, "--seconds", &seconds.to_string()])
        .args(extra)
        .current_dir(root().join("tests/browser"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is installed");
    Watching { child }
}

impl Watching {
    /// Waits for what it saw.
    pub fn report(self) -> Watched {
        let output = self.child.wait_with_output().expect("node runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|why| panic!("there is no report ({why}): {text}"))
    }
}

/// What a player page says where there is no picture.
#[derive(Debug, Clone, Deserialize)]
pub struct Said {
    /// What was waited for was said.
    pub found: bool,
    /// Of the document.
    pub title: String,
    /// Above the picture.
    pub heading: String,
    /// In place of the picture,
    pub message: String,
    /// and more about it.
    pub text: String,
    /// Beside the heading.
    pub badge: String,
}

/// Reads off the page at `url`, once it has a message that begins with `until`, as it is shown to a viewer in this time
/// zone, of this language.
pub fn read_page(url: &str, until: &str, time_zone: &str, locale: &str) -> Said {
    let output = Command::new("node")
        .args(["read.mjs", "--url", url, "--until", until, "--time-zone", time_zone, "--locale", locale])
        .current_dir(root().join("tests/browser"))
        .stderr(Stdio::inherit())
        .output()
        .expect("node is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("nothing is read ({why}): {text}"))
}

/// Reads the multivariant playlist at `url`, and all it names, with hls-parser in strict mode.
///
/// # Panics
///
/// It does not like one of them.
pub fn strict(url: &str, allow: &[&str]) {
    let mut call = Command::new("node");
    call.arg("strict.mjs").arg("--follow").current_dir(root().join("tests/browser"));
    for complaint in allow {
        call.args(["--allow", complaint]);
    }
    let output = call.arg(url).output().expect("node is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Watches `broadcast` over one HTTP/2 connection, with many requests held at once.
///
/// # Panics
///
/// Something is not as it should be.
pub fn over_http_2(origin: &str, broadcast: &str) {
    let output = Command::new("node")
        .args(["http2.mjs", origin, broadcast])
        .current_dir(root().join("tests/browser"))
        .output()
        .expect("node is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{origin}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// ffprobe, starting from the multivariant playlist at `url`, decodes this many pictures and frames of
/// sound. Gives what it complained of.
///
/// # Panics
///
/// It does not.
pub fn decodes(url: &str, frames: u32) -> String {
    let mut complaints = String::new();
    for stream in ["v:0", "a:0"] {
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-select_streams", stream, "-read_intervals", "%+#30", "-count_frames"])
            .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", url])
            .output()
            .expect("ffprobe is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        let counts = String::from_utf8_lossy(&output.stdout);
        let most = counts.lines().filter_map(|line| line.trim_matches(',').parse::<u32>().ok()).max();
        assert!(output.status.success() && most >= Some(frames), "{stream}: {counts} {said}");
        complaints.push_str(&said);
    }
    complaints
}
