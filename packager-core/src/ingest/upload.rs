//! One body that an encoder is sending.

use std::collections::VecDeque;

use bytes::Bytes;

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
    /// No header is known for its stream.
    Header,
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
    pub(super) content: Content,
    /// Of a body with several tracks: what stands for each of them, by `track_ID`.
    pub(super) children: Vec<(u32, UploadId)>,
    pub(super) track: Option<TrackName>,
    /// The session its media belongs to, from its first chunk on.
    pub(super) bound: Option<SessionId>,
    pub(super) scanner: Scanner,
    /// Chunks taken apart but not offered yet.
    pub(super) ready: VecDeque<Chunk>,
    pub(super) waiting: Option<Waiting>,
    /// A header that its media has to complete.
    pub(super) incomplete_header: Option<Bytes>,
    /// A chunk as it came, of a stream that has no header yet, and since when it waits.
    pub(super) unplaced: Option<(Bytes, WallMs)>,
    /// Bytes that came while a chunk was waiting.
    pub(super) held_bytes: usize,
    /// End of the last chunk taken from this body, in ticks of `bound`.
    pub(super) end_ticks: Option<u64>,
    /// Its track was ended because it says so (`lmsg`).
    pub(super) has_ended_track: bool,
    /// When the body ended, and whether it was whole.
    pub(super) ended: Option<(WallMs, bool)>,
    /// A chunk was refused; what came before it, and what fits after it, is stored all the same.
    pub(super) refused: Option<Refusal>,
    /// Nothing more of it can be used.
    pub(super) failed: Option<Refusal>,
}

/// What a body is.
#[derive(Debug)]
pub(super) enum Content {
    /// A manifest, as far as it has come.
    Manifest(Vec<u8>),
    /// A playlist, likewise.
    Playlist(Vec<u8>),
    /// Headers and media of the stream with this id.
    Stream(String),
}

impl Upload {
    pub(super) fn new(path: &str, content: Content) -> Self {
        Self {
            path: path.to_owned(),
            content,
            children: Vec::new(),
            track: None,
            bound: None,
            scanner: Scanner::new(),
            ready: VecDeque::new(),
            waiting: None,
            incomplete_header: None,
            unplaced: None,
            held_bytes: 0,
            end_ticks: None,
            has_ended_track: false,
            ended: None,
            refused: None,
            failed: None,
        }
    }

    /// The id of the stream whose headers and media it is.
    pub(super) fn stream(&self) -> Option<&str> {
        match &self.content {
            Content::Stream(id) => Some(id),
            _ => None,
        }
    }

    /// What stands for its track of this `track_ID`.
    pub(super) fn child(&self, track_id: u32) -> Option<UploadId> {
        self.children.iter().find(|(of, _)| *of == track_id).map(|(_, child)| *child)
    }

    /// Waits behind this gate.
    pub(super) fn waits_to(&self, gate: Gate) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.gate == gate)
    }

    /// Nothing that came is left to be taken.
    pub(super) fn is_taken(&self) -> bool {
        self.waiting.is_none() && self.ready.is_empty() && self.unplaced.is_none()
    }
}
