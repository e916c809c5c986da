//! One body that an encoder is sending.

use std::collections::VecDeque;

use super::Refusal;
use crate::cmaf::{Chunk, Scanner};
use crate::log::{SessionId, TrackName};
use crate::time::WallMs;

/// Names a body that is being received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(pub(super) u64);

/// Why a chunk cannot be placed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Something should come before it.
    Hole,
    /// Its times start over; the other tracks have not yet.
    StartOver,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) chunk: Chunk,
    pub(super) gate: Gate,
    pub(super) since: WallMs,
}

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) path: String,
    /// `None`: a manifest, read and forgotten.
    pub(super) stream: Option<String>,
    pub(super) track: Option<TrackName>,
    /// The session its media belongs to, from its first chunk on.
    pub(super) bound: Option<SessionId>,
    pub(super) scanner: Scanner,
    /// Chunks taken apart but not offered yet.
    pub(super) ready: VecDeque<Chunk>,
    pub(super) waiting: Option<Waiting>,
    /// Bytes that came while a chunk was waiting.
    pub(super) held_bytes: usize,
    /// End of the last chunk taken from this body, in ticks of `bound`.
    pub(super) end_ticks: Option<u64>,
    /// When the body ended, and whether it was whole.
    pub(super) ended: Option<(WallMs, bool)>,
    /// A chunk was refused; what came before it, and what fits after it, is stored all the same.
    pub(super) refused: Option<Refusal>,
    /// Nothing more of it can be used.
    pub(super) failed: Option<Refusal>,
}

impl Upload {
    pub(super) fn new(path: &str, stream: Option<String>) -> Self {
        Self {
            path: path.to_owned(),
            stream,
            track: None,
            bound: None,
            scanner: Scanner::new(),
            ready: VecDeque::new(),
            waiting: None,
            held_bytes: 0,
            end_ticks: None,
            ended: None,
            refused: None,
            failed: None,
        }
    }

    /// Waits behind this gate.
    pub(super) fn waits_to(&self, gate: Gate) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.gate == gate)
    }
}
