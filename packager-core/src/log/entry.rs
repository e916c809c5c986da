//! What stands at a key of a chain: a part or a marker, described by the object's metadata alone,
//! so that one HEAD is enough to list it.

use serde::{Deserialize, Serialize};

use super::name::SessionId;
use crate::time::{Timescale, WallMs};

/// One object of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// Media.
    Part(PartMeta),
    /// A decision, in an empty object.
    Marker(Marker),
}

/// A part, as its metadata tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartMeta {
    /// Sum of its samples' durations; the next key is the start plus this.
    #[serde(rename = "d")]
    pub duration_ticks: u64,
    /// Least composition time less first decode time, less the edit list's shift: decode time is not
    /// presentation time (B-frames, AAC priming), and dates are of presentation.
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    pub offset_ticks: i64,
    /// How many samples it has.
    #[serde(rename = "n")]
    pub samples: u32,
    /// Whether and where it holds an independent frame.
    #[serde(rename = "i")]
    pub independence: Independence,
    /// Of video that starts with an independent frame: where that frame's sample ends, in bytes. Up to there it can be
    /// decoded (EXT-X-I-FRAMES-ONLY, HLS §4.4.3.6). 0: it starts with none.
    #[serde(rename = "f", default, skip_serializing_if = "is_none")]
    pub frame_bytes: u32,
    /// When its last byte arrived.
    #[serde(rename = "w")]
    pub wall: WallMs,
    /// XXH3 of its bytes: tells a retry from a conflict.
    #[serde(rename = "h")]
    pub hash: u64,
}

pub(super) fn is_zero(value: &i64) -> bool {
    *value == 0
}

fn is_none(value: &u32) -> bool {
    *value == 0
}

/// Independent frames in a part (HLS §4.4.4.9, INDEPENDENT).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Independence {
    /// Its first sample is one: a segment may begin here.
    Start,
    /// A later sample is one.
    Inside,
    /// None.
    No,
}

/// What will never be a part. To viewers a marker is a 404.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marker {
    /// Nothing from here until that decode time.
    GapUntil(u64),
    /// The chain goes on elsewhere.
    Continues {
        /// Under this session,
        session: SessionId,
        /// at this decode time,
        start_ticks: u64,
        /// in this timescale,
        timescale: Timescale,
        /// and, where it differs from the current one, in this new period.
        period: u32,
    },
    /// The track is complete.
    Ended,
}

impl Entry {
    pub(super) fn part_mut(&mut self) -> Option<&mut PartMeta> {
        match self {
            Entry::Part(meta) => Some(meta),
            Entry::Marker(_) => None,
        }
    }

    /// The object's metadata.
    pub fn to_meta(&self) -> String {
        super::record::to_json(self)
    }

    /// Reads an object's metadata.
    pub fn from_meta(meta: &str) -> Result<Self, String> {
        super::record::from_json(meta.as_bytes())
    }
}
