//! mpd-parser, which is what video.js reads MPDs with.

use std::process::Command;

use serde::Deserialize;

use super::root;

/// What mpd-parser found in an MPD.
#[derive(Debug, Clone, Deserialize)]
pub struct ReadMpd {
    /// Why it was not read.
    pub error: Option<String>,
    /// What mpd-parser warned of.
    pub warnings: Vec<String>,
    /// The presentation's duration in seconds; 0 if it goes on.
    pub duration: f64,
    /// One for each Representation, all Periods joined.
    pub playlists: Vec<ReadPlaylist>,
}

/// What it made of a Representation.
#[derive(Debug, Clone, Deserialize)]
pub struct ReadPlaylist {
    /// Representation@id.
    pub id: String,
    /// "video", "audio" or "text".
    pub kind: String,
    /// @codecs.
    pub codecs: Option<String>,
    /// @bandwidth.
    pub bandwidth: Option<u64>,
    /// AdaptationSet@lang.
    pub language: Option<String>,
    /// Its segments in order.
    pub segments: Vec<ReadSegment>,
}

/// What it made of a segment.
#[derive(Debug, Clone, Deserialize)]
pub struct ReadSegment {
    /// Where it is, as of an MPD at /manifest.mpd.
    pub url: String,
    /// Where its header is.
    pub init: Option<String>,
    /// Seconds since the availability start time.
    pub start: f64,
    /// Seconds.
    pub duration: f64,
    /// It is the first of a Period, but not of the first.
    pub discontinuity: bool,
}

/// Reads MPDs with mpd-parser, each at a time in milliseconds since 1970, which matters where there is a @duration.
///
/// # Panics
///
/// It cannot read one, or finds no segment in it. It knows no segment sequences.
pub fn mpd_parser(texts: &[(&str, i64)]) -> Vec<ReadMpd> {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let mut call = Command::new("node");
    call.arg("mpd.mjs").current_dir(root().join("tests/browser"));
    for (at, (text, now_ms)) in texts.iter().enumerate() {
        let file = folder.path().join(format!("{at}.mpd"));
        std::fs::write(&file, text).expect("an MPD can be written");
        call.args(["--now", &now_ms.to_string()]).arg(file);
    }
    let output = call.output().expect("node is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    let read: Vec<ReadMpd> = serde_json::from_str(&said)
        .unwrap_or_else(|why| panic!("{why}: {said}\n{}", String::from_utf8_lossy(&output.stderr)));
    let wrong: Vec<String> = read
        .iter()
        .enumerate()
        .filter_map(|(at, mpd)| Some(format!("document {at}: {}", mpd.error.as_ref()?)))
        .collect();
    assert!(output.status.success() && read.len() == texts.len(), "{wrong:#?}");
    read
}
