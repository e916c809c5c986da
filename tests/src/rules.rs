//! The rules of HLS (draft-pantos-hls-rfc8216bis), and of Apple's authoring specification (AAS) where
//! it is stricter, as a checker of playlists.
//!
//! [`check`] reads a playlist strictly and says what is wrong with it: by itself, against the
//! [earlier](Context::previous) playlist of the same track, and against the
//! [other](Context::renditions) tracks' at the same moment. [`delta`] says whether a delta update
//! says the same as the full playlist. Each check quotes what it enforces.

pub mod delta;
mod history;
mod media;
mod multivariant;
pub mod playlist;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use playlist::{Lines, Media};

/// A rule that a playlist breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule's number in the project's list: `H3`.
    pub rule: &'static str,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// What is known beside the playlist.
#[derive(Default, Clone, Copy)]
pub struct Context<'a> {
    /// The full playlist that was given for the same URL before.
    pub previous: Option<&'a str>,
    /// The number of the track's first segment; 1 where it is not known.
    pub first_msn: Option<u64>,
    /// The full media playlists of the other tracks at the same moment, by track.
    pub renditions: &'a [(String, String)],
    /// It is no low-latency playlist: live, but delayed.
    pub is_plain: bool,
    /// Bit rates of the tracks, by the URI that the multivariant playlist has for them.
    pub rates: Option<&'a BTreeMap<String, Rate>>,
    /// What the tracks are coded in, likewise.
    pub codecs: Option<&'a BTreeMap<String, String>>,
    /// Whether a URI of the playlist can be fetched at once.
    pub fetchable: Option<&'a dyn Fn(&str) -> bool>,
}

/// What was measured of a track's stored media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Highest bit rate of a segment.
    pub peak_bps: u64,
    /// Bits over duration.
    pub average_bps: u64,
}

/// Everything that is wrong with a playlist.
pub fn check(text: &str, context: &Context<'_>) -> Vec<Violation> {
    let mut found = Violations::default();
    characters(text, &mut found);
    if let Err(error) = m3u8_rs::parse_playlist_res(text.as_bytes()) {
        found.add("H1", format!("m3u8-rs does not read it: {error}"));
    }
    let lines = match Lines::parse(text) {
        Ok(lines) => lines,
        Err(what) => {
            found.add("H1", what);
            return found.0;
        }
    };
    // "an attribute name MUST NOT appear more than once in a given attribute list" (§4.2)
    for tag in lines.tags() {
        if let Some(name) = tag.repeated_attribute() {
            found.add("H21", format!("{} has {name} twice", tag.name));
        }
    }
    if lines.has("EXT-X-STREAM-INF") {
        multivariant::check(&lines, context, &mut found);
        return found.0;
    }
    match Media::read(&lines) {
        Err(what) => found.add("H1", what),
        Ok(playlist) => {
            media::check(&lines, &playlist, context, &mut found);
            history::check(text, &playlist, context, &mut found);
        }
    }
    found.0
}

/// What a media playlist does not keep of the one before, both as a player has them after all delta updates.
pub fn check_after(before: &Media, playlist: &Media) -> Vec<Violation> {
    let mut found = Violations::default();
    history::after(playlist, before, &mut found);
    found.0
}

/// "Playlist files MUST be encoded in UTF-8. They MUST NOT contain any Byte Order Mark; … MUST NOT
/// contain UTF-8 control characters, with the exceptions of CR and LF" (§4)
fn characters(text: &str, found: &mut Violations) {
    if text.starts_with('\u{feff}') {
        found.add("H1", "it begins with a byte order mark".to_owned());
    }
    if let Some(odd) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r')) {
        found.add("H1", format!("it has the control character {odd:?}"));
    }
    // "It MUST be the first line of every Media Playlist and every Multivariant Playlist" (§4.4.1.1)
    if text.trim_start_matches('\u{feff}').lines().next() != Some("#EXTM3U") {
        found.add("H1", "its first line is not #EXTM3U".to_owned());
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Violations(Vec<Violation>);

impl Violations {
    fn add(&mut self, rule: &'static str, what: String) {
        self.0.push(Violation { rule, what });
    }

    fn require(&mut self, holds: bool, rule: &'static str, what: impl FnOnce() -> String) {
        if !holds {
            self.add(rule, what());
        }
    }
}
