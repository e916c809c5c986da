//! What may be wrong with a recording: what it is, what it means for viewers, and what to do about it.

use packager_core::log::TrackName;
use serde::Serialize;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// `None`: it is the broadcast's.
    pub(crate) track: Option<TrackName>,
    pub(crate) what: What,
    /// The object.
    pub(crate) key: String,
    /// In a sentence.
    pub(crate) why: String,
}

/// Its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// A period record is missing, cannot be read, or is before the one before it.
    Period,
    /// A folder of a track without where it begins.
    Begin,
    /// A session's header is missing or cannot be used.
    Header,
    /// An entry of the chain cannot be read, or cannot be where it is.
    Entry,
    /// The chain ends where nothing is stored, and more is stored behind it.
    Hole,
    /// A part that a marker leads past, or that lies behind the end.
    Unreached,
    /// A part is not what its key and metadata say.
    Part,
    /// The checkpoint is missing, cannot be read, or says something else than the chain.
    Checkpoint,
    /// A page is missing, cannot be read, or says something else than the chain.
    Page,
}

impl What {
    /// What it means for viewers.
    pub(crate) fn means(self) -> &'static str {
        match self {
            Self::Period => "nothing of that period, and of those after it, is shown with its right time",
            Self::Begin => "viewers are not told of the track",
            Self::Header => "nothing that was recorded in that session plays",
            Self::Entry => "the track ends there for viewers",
            Self::Hole => "the track ends there for viewers, though more is stored",
            Self::Unreached => "nobody is shown it, which does no harm",
            Self::Part => "players stall or show artefacts there, or get an error",
            Self::Checkpoint => {
                "readers that come anew read the whole log first, or are told of other segments than others"
            }
            Self::Page => "old segments cannot be listed or fetched, or are others than were shown live",
        }
    }

    /// What to do.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Period | Self::Begin | Self::Header | Self::Entry => {
                "put the object back from a copy of the bucket; nothing that is stored says what it was"
            }
            Self::Hole => {
                "if the broadcast is going on, wait a moment and verify again; else put the missing object back from a copy, or \
                 close the track where it stops with `rimcast repair --end`"
            }
            Self::Unreached => "nothing; it may be deleted",
            Self::Part => {
                "put it back from a copy of the bucket; `rimcast export --skip-damaged` exports what is around it"
            }
            Self::Checkpoint => "`rimcast repair` writes it anew",
            Self::Page => {
                "`rimcast repair` writes a missing one; one that is wrong has to be deleted first, and CDNs purged of it"
            }
        }
    }

    /// Whether viewers notice nothing of it.
    pub(crate) fn is_harmless(self) -> bool {
        self == Self::Unreached
    }
}
