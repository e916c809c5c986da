//! The log of a broadcast: what is stored, under which key, and what every reader makes of it.
//!
//! `begin.json`, parts, markers and period records are create-only: the first complete one wins,
//! for everyone, for ever. Everything else (segments, numbers, discontinuities) is a [fold](chain)
//! over them, so any two readers who follow a chain agree, whenever and wherever they read it.
//! Keys and stored JSON are spelled here and nowhere else.

pub mod chain;
pub mod checkpoint;
mod clip;
pub mod entry;
pub mod event;
pub mod history;
pub mod index;
pub mod key;
mod listed;
pub mod listing;
pub mod name;
pub mod pace;
pub mod range;
pub mod reader;
pub mod rebuild;
pub mod record;
pub mod reference;
pub mod segment;
pub mod settings;
pub mod slate;
#[cfg(test)]
pub(crate) mod testing;
pub mod timeline;
mod track;
pub mod window;

pub use chain::{Chain, ChainError, PastRun};
pub use checkpoint::{Checkpoint, Page};
pub use clip::Clip;
pub use entry::{Entry, Independence, Marker, PartMeta};
pub use event::{Cut, Ended, Event, Phase, PushKey, Window};
pub use history::History;
pub use index::Listing;
pub use key::{Key, Keys};
pub use listing::{Rendition, listed, listed_and_behind, listed_in};
pub use name::{BroadcastName, Generation, NameError, SessionId, TrackName};
pub use pace::{Grid, Pace};
pub use range::{TimeRange, Within};
pub use reader::{BroadcastLog, FetchKind, Found, Freshness, Read, Target};
pub use record::{Anchor, Begin, BroadcastRecord, PeriodRecord, Shape};
pub use reference::Reference;
pub use segment::{BitRate, Part, Run, Segment};
pub use settings::{
    BroadcastSettings, Captions, DisplayName, EventStream, LanguageTag, Title, TrackDescription, TrackRole,
    TrackSettings,
};
pub use slate::SlateSettings;
pub use timeline::Timeline;
pub use track::TrackLog;
pub use window::First;
