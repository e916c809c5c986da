//! Keys of the log in object storage.

use std::fmt::Write as _;

use super::name::{BroadcastName, Generation, SessionId, TrackName};

/// Decimal digits of a start in a part's key: enough for any `u64`, so that keys sort by time.
pub const START_DIGITS: usize = 20;

/// `{broadcast}/broadcast.json`: the operator's record, which names the generation.
pub fn broadcast(broadcast: &BroadcastName) -> String {
    format!("{broadcast}/broadcast.json")
}

/// Keys of one generation of one broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    root: String,
}

impl Keys {
    /// Keys under `{broadcast}/{generation}/`.
    pub fn new(broadcast: &BroadcastName, generation: &Generation) -> Self {
        Self { root: format!("{broadcast}/{generation}") }
    }

    /// What is listed to find the tracks: the children of `{broadcast}/{generation}/`.
    pub fn root(&self) -> String {
        format!("{}/", self.root)
    }

    /// `periods/{n}.json`.
    pub fn period(&self, n: u32) -> String {
        format!("{}/periods/{n:06}.json", self.root)
    }

    /// What is listed to find the sessions a track has headers for.
    pub fn track(&self, track: &TrackName) -> String {
        format!("{}/{track}/", self.root)
    }

    /// `{track}/begin.json`.
    pub fn begin(&self, track: &TrackName) -> String {
        format!("{}/{track}/begin.json", self.root)
    }

    /// `{track}/{session}/init.mp4`, a CMAF header.
    pub fn init(&self, track: &TrackName, session: &SessionId) -> String {
        format!("{}/{track}/{session}/init.mp4", self.root)
    }

    /// `{track}/{session}/{start}.m4s`, a part or a marker.
    pub fn part(&self, track: &TrackName, session: &SessionId, start_ticks: u64) -> String {
        let mut key = format!("{}/{track}/", self.root);
        push_part_path(&mut key, session, start_ticks);
        key
    }

    /// `{track}/index/head.json`, the checkpoint.
    pub fn head(&self, track: &TrackName) -> String {
        format!("{}/{track}/index/head.json", self.root)
    }

    /// `{track}/index/{page}.json`, an immutable page of closed segments.
    pub fn page(&self, track: &TrackName, page: u64) -> String {
        format!("{}/{track}/index/{page:08}.json", self.root)
    }
}

/// Appends `{session}/{start}.m4s`: the end of a part's key, and its URL relative to its playlist.
pub fn push_part_path(to: &mut String, session: &SessionId, start_ticks: u64) {
    to.push_str(session.as_str());
    let _ = write!(to, "/{start_ticks:020}.m4s");
}

/// Appends `{session}-{msn}.m4s`: a segment's URL relative to its playlist. It is not stored, and its number goes on
/// when the encoder starts over: with the session, who still counts by the old timeline is not given the new one.
pub fn push_segment_path(to: &mut String, session: &SessionId, msn: u64) {
    to.push_str(session.as_str());
    to.push('-');
    to.push_str(itoa::Buffer::new().format(msn));
    to.push_str(".m4s");
}

/// Reads a start as [`push_part_path`] spells it; any other spelling is no key of ours.
pub fn parse_start(file: &str) -> Option<u64> {
    let digits = file.strip_suffix(".m4s")?;
    let plain = digits.len() == START_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}
