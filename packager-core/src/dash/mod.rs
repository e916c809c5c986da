//! DASH (ISO/IEC 23009-1:2022): the manifest, and the patch that brings an older one up to date, as
//! functions of a snapshot.
//!
//! Media has the URLs that it has in HLS: a segment is `{track}/{session}-{number}.m4s`, its number is its
//! media sequence number. What HLS lists as a gap is a segment without samples here, so that numbers go on.

mod adaptation;
mod date;
mod manifest;
mod patch;
mod period;
mod template;
mod timeline;
mod xml;

pub use date::iso_date;
pub use manifest::{Manifest, Stretch};
pub use patch::{Outdated, PatchRequest};

/// Content type of a manifest (ISO/IEC 23009-1 annex C).
pub const CONTENT_TYPE: &str = "application/dash+xml";

/// Content type of a patch (ISO/IEC 23009-1 annex C).
pub const PATCH_CONTENT_TYPE: &str = "application/dash-patch+xml";

/// How low latency is had: there is a manifest for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// `manifest.mpd`: a segment that is still open is sent part by part, as they land
    /// (`@availabilityTimeComplete="false"`).
    Chunked,
    /// `sequence.mpd`: each part is a resource of its own (segment sequences, `S@k`), for hosts that cannot
    /// stream.
    Sequence,
}

impl Form {
    /// What the URL of its manifest ends with.
    pub fn file(self) -> &'static str {
        match self {
            Form::Chunked => "manifest.mpd",
            Form::Sequence => "sequence.mpd",
        }
    }

    /// What the URL of a patch of its manifest ends with.
    pub fn patch_file(self) -> &'static str {
        match self {
            Form::Chunked => "manifest.mpp",
            Form::Sequence => "sequence.mpp",
        }
    }
}

/// What stands in for a segment whose media was never received: a segment type box (ISO/IEC 14496-12
/// §8.16.2), and no samples.
pub const EMPTY_SEGMENT: &[u8] = b"\0\0\0\x18styp\
msdh\0\0\0\0msdhcmfs";
