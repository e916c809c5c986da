//! Ingest: upload bytes in, objects to write out.
//!
//! A [`Receiver`] holds what is known of one broadcast that is being pushed to. The host feeds it
//! bodies as they arrive, carries out the [`Put`]s it asks for, reports how they went, and answers
//! an encoder when its [`Upload`](UploadId) is settled. Whatever the receiver holds can be read
//! back from storage, so it may be dropped at any moment.

mod absent;
mod access;
mod chunks;
mod date;
pub mod gate;
mod header;
mod manifest;
mod notice;
mod offer;
mod path;
mod period;
mod plan;
mod receiver;
mod recovery;
mod refusal;
mod route;
mod slate;
mod start_over;
mod stored;
mod track;
mod upload;

pub use access::{
    Credentials, Denied, KeyHash, PushAccess, Pusher, RECORD_TRUST_MS, UnusableKey, check_push_key,
};
pub(crate) use access::{hex, shown_key};
pub use notice::{Notice, Severity};
pub use path::{PushPath, Resource, split_key};
pub(crate) use plan::is_same;
pub use plan::{Outcome, Put, PutId, PutMode};
pub use receiver::Receiver;
pub use recovery::Recovery;
pub use refusal::Refusal;
pub use upload::UploadId;

use crate::log::{Cut, Shape, Window};

/// What the operator may set about how media is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Shortest segment that ends at a keyframe, nominally.
    pub segment_ms: u32,
    /// Nominal length of a part.
    pub part_ms: u32,
    /// How much a live playlist lists.
    pub window_ms: u32,
    /// How long media that is missing may come late before the hole is declared a gap.
    pub gap_ms: u32,
    /// How many parts of a track may be on their way to storage at once. With more than one, where the way is
    /// long, what is acknowledged may lie beyond a part that never arrives.
    pub parts_in_flight: usize,
    /// How much may wait to be stored before no more is taken in.
    pub unstored_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_ms: 2_000,
            part_ms: 500,
            window_ms: 60_000,
            gap_ms: 1_000,
            parts_in_flight: 1,
            unstored_bytes: 32 << 20,
        }
    }
}

impl Settings {
    /// For a broadcast whose document says this: what it does not say is as it is here, as far as that goes with
    /// what it says.
    #[must_use]
    pub fn of(&self, cut: &Cut) -> Self {
        let part_ms = cut.part_ms.unwrap_or(self.part_ms);
        let segment_ms = cut.segment_ms.unwrap_or(self.segment_ms.max(part_ms.saturating_mul(2)));
        let window_ms = cut.window.map_or(self.window_ms, Window::ms);
        Self {
            segment_ms,
            part_ms: part_ms.min(segment_ms / 2),
            window_ms: window_ms.max(segment_ms.saturating_mul(3)),
            ..*self
        }
    }

    /// TARGETDURATION for keyframes this far apart (0: unknown): what a segment lasts that ends at
    /// a keyframe, to the nearest second.
    pub(crate) fn target_duration_s(&self, keyframe_interval_ms: u64) -> u32 {
        let segment_ms = u64::from(self.segment_ms);
        let shortest_ms = segment_ms.saturating_sub(u64::from(self.part_ms / 2));
        let keyframes = shortest_ms.checked_div(keyframe_interval_ms).map_or(0, |whole| {
            let exact = whole.saturating_mul(keyframe_interval_ms) == shortest_ms;
            if exact { whole.max(1) } else { whole.saturating_add(1) }
        });
        let longest_ms = keyframes.saturating_mul(keyframe_interval_ms).max(segment_ms);
        let seconds = longest_ms.saturating_add(500) / 1000;
        u32::try_from(seconds).unwrap_or(LONGEST_KEYFRAME_WAIT_S).clamp(1, LONGEST_KEYFRAME_WAIT_S)
    }

    /// The shape of a broadcast whose TARGETDURATION is not fixed yet: the longest there can be.
    pub(crate) fn assumed_shape(&self) -> Shape {
        Shape {
            target_duration_s: LONGEST_KEYFRAME_WAIT_S,
            segment_ms: self.segment_ms,
            part_ms: self.part_ms,
            whole_segments: false,
            window_ms: self.window_ms,
        }
    }
}

/// Media further ahead than this is a new start, not a gap.
const LONGEST_GAP_MS: u64 = 60_000;

/// Without a second keyframe for this long, TARGETDURATION is fixed all the same.
const LONGEST_KEYFRAME_WAIT_S: u32 = 12;

/// A track's last media waits this long for more before it becomes a short part, where a segment
/// should end: its upload has ended and must be answered, and what is answered must be stored.
/// Elsewhere a short part is against the rules (HLS §4.4.4.9), and it waits as for a late body.
const TAIL_MS: i64 = 250;
