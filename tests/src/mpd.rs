//! What judges our DASH manifests, independently of what writes them.
//!
//! [`validate`] asks xmllint about the MPEG schema. [`Mpd`] reads an MPD into plain values and tells each
//! [segment](Mpd::segments) that it describes. [`check`] says which rules of ISO/IEC 23009-1 and of DASH-IF's low-latency mode
//! an MPD breaks, [`History`] what it does not keep of the ones before it. [`apply`] applies an MPD patch as RFC 5261 says,
//! and [`same`] compares two documents.

mod check;
mod history;
pub mod model;
mod patch;
pub mod schema;
pub mod segments;
pub mod time;
pub mod tree;

pub use check::check;
pub use history::History;
pub use model::Mpd;
pub use patch::apply;
pub use schema::{validate, validate_all, validate_all_patches, validate_patch};
pub use segments::Segment;
pub use time::Seconds;
pub use tree::same;

#[cfg(test)]
mod tests;
