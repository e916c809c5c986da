//! What the operator says of the slate: part of `broadcast.json`.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::name::TrackName;
use crate::cmaf::TrackKind;

/// After how many seconds without an encoder the slate is shown.
pub const AWAY_S: RangeInclusive<u32> = 3..=3600;

/// Where nothing is said of it: longer than a network usually fails for, shorter than viewers stay.
const USUAL_AWAY_S: u32 = 10;

/// Most tracks that have a slate before the encoder comes.
const MOST_TRACKS: usize = 16;

/// What is shown before the encoder comes, and while it is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlateSettings {
    /// The tracks that the encoder will push, of which the slate has one each before it comes: players do not read the
    /// multivariant playlist again.
    #[serde(default = "usual_tracks")]
    pub tracks: Vec<TrackName>,
    /// The encoder is away when nothing came of it for so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away_s: Option<u32>,
    /// Which clip is shown in a loop, by its hash: the broadcaster's own, stored beside the tracks. Without it, the one
    /// that is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<String>,
}

/// What ffmpeg pushes with one stream of pictures and one of sound (`-f dash`).
fn usual_tracks() -> Vec<TrackName> {
    ["video-0", "audio-1"].into_iter().filter_map(|name| TrackName::parse(name).ok()).collect()
}

impl Default for SlateSettings {
    fn default() -> Self {
        Self { tracks: usual_tracks(), away_s: None, clip: None }
    }
}

impl SlateSettings {
    /// For how long nothing may come before the slate is shown, in milliseconds.
    pub fn away_ms(&self) -> i64 {
        i64::from(self.away_s.unwrap_or(USUAL_AWAY_S)).saturating_mul(1000)
    }

    /// The first of its tracks that is of this kind: where a push that names none goes.
    pub fn first_of(&self, kind: TrackKind) -> Option<&TrackName> {
        self.tracks.iter().find(|track| kind_of(track) == Some(kind))
    }

    /// Checks what the types of the values do not.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.tracks.is_empty() || self.tracks.len() > MOST_TRACKS {
            return Err(format!("slate.tracks must name between 1 and {MOST_TRACKS} tracks"));
        }
        if let Some(odd) = self.tracks.iter().find(|track| kind_of(track).is_none()) {
            return Err(format!(
                "slate.tracks has {odd}, but a slate has pictures and sound: their tracks are called video-… and audio-…"
            ));
        }
        if self.away_s.is_some_and(|away_s| !AWAY_S.contains(&away_s)) {
            return Err(format!("slate.away_s must be between {} and {}", AWAY_S.start(), AWAY_S.end()));
        }
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if self.clip.as_ref().is_some_and(|clip| clip.len() != 16 || !clip.bytes().all(is_hex)) {
            return Err(
                "slate.clip is the hash of a clip that was uploaded: 16 hexadecimal digits".to_owned()
            );
        }
        Ok(())
    }
}

/// What a track has, by its name: names begin with it.
pub fn kind_of(track: &TrackName) -> Option<TrackKind> {
    [TrackKind::Video, TrackKind::Audio].into_iter().find(|kind| track.as_str().starts_with(kind.as_str()))
}
