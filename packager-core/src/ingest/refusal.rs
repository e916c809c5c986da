//! Why an encoder's request is refused, in a sentence that says what to change.

use crate::cmaf::{ChunkError, HeaderError};
use crate::isobmff::Malformed;
use crate::log::{NameError, SessionId};

/// A refusal (DASH-IF Live Media Ingest §5.4).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The URL does not name a broadcast.
    #[error("the broadcast's name cannot be used: {0}; push to /ingest/{{broadcast}}/{{file}}")]
    BadName(#[from] NameError),
    /// The URL does not name a track's file.
    #[error("{0}")]
    BadPath(&'static str),
    /// A box is not what it says.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The header cannot be used.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A header without parameter sets, and media without them.
    #[error(
        "the header has an empty avcC and the media behind it does not begin with parameter sets, so \
         players have nothing to begin with (with ffmpeg -f tee add -flags +global_header)"
    )]
    NoParameterSets,
    /// A chunk cannot be used.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// Media came before its header: the source resends it.
    #[error("media came before its header (ftyp and moov); send the header first, then go on")]
    HeaderMissing,
    /// A chunk without any duration.
    #[error("the samples of a chunk last no time; give them durations")]
    NoDuration,
    /// Another run of the encoder has taken over.
    #[error("session {0} has taken over this track; this push is of an earlier run of the encoder")]
    Superseded(SessionId),
    /// One track starts over while others go on.
    #[error(
        "the times of track {0} start over while other tracks of the same encoder go on; restart all of \
         them, or let this one go on where it was"
    )]
    StartsOverAlone(String),
    /// Media after the last.
    #[error(
        "track {0} has ended: its encoder marked a segment as the last (lmsg), or its operator ended the broadcast; \
         create another broadcast to go on"
    )]
    Ended(String),
    /// Nothing before it can be decoded, so nor can this.
    #[error(
        "this media cannot be decoded, as what comes before it is missing; the next keyframe will be taken"
    )]
    NoKeyframe,
    /// Media for a place where a gap was declared or another's media is.
    #[error("this media came too late: its place was already given to something else")]
    TooLate,
    /// The body ended in the middle of a box.
    #[error("the body ended before it was whole")]
    CutShort,
    /// More uploads at once than an encoder needs.
    #[error("too many uploads of one broadcast are open at once")]
    TooManyUploads,
    /// More held back than memory allows.
    #[error("too much media is waiting for what should come before it")]
    TooMuchWaiting,
    /// More tracks than a broadcast may have.
    #[error("the broadcast has too many tracks")]
    TooManyTracks,
    /// Who pushes may not, or not now.
    #[error(transparent)]
    Denied(#[from] super::Denied),
    /// Storage did not take it.
    #[error("storage did not take the media: {0}")]
    Storage(String),
}

impl Refusal {
    /// The HTTP status it is answered with.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Denied(denied) => denied.status(),
            Refusal::BadName(_) | Refusal::BadPath(_) => 403,
            Refusal::Header(HeaderError::UnsupportedCodec(_)) => 415,
            Refusal::HeaderMissing => 412,
            Refusal::Superseded(_)
            | Refusal::StartsOverAlone(_)
            | Refusal::Ended(_)
            | Refusal::NoKeyframe
            | Refusal::TooLate => 409,
            Refusal::Malformed(_)
            | Refusal::Header(_)
            | Refusal::Chunk(_)
            | Refusal::NoParameterSets
            | Refusal::NoDuration
            | Refusal::TooManyTracks
            | Refusal::CutShort => 400,
            Refusal::TooManyUploads | Refusal::TooMuchWaiting | Refusal::Storage(_) => 503,
        }
    }

    /// The rest of the body cannot be used either; otherwise only this chunk is refused, and later
    /// ones may fit again.
    pub(super) fn ends_upload(&self) -> bool {
        self.status() != 409
    }
}
