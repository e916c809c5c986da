//! HTTP Live Streaming (draft-pantos-hls-rfc8216bis): playlists as functions of a snapshot.

mod attribute;
pub mod directives;
mod groups;
pub mod media;
pub mod multivariant;
mod recording;

pub use directives::{Availability, Directives, Skip, availability};
pub use media::{Extent, Growth, MediaPlaylist, Report, Settled};
pub use multivariant::Multivariant;
pub use recording::recording;

/// Content type of every playlist (HLS §4).
pub const CONTENT_TYPE: &str = "application/vnd.apple.mpegurl";
