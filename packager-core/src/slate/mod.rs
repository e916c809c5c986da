//! The slate: what viewers see before the encoder comes, and while it is away.
//!
//! It is an encoder that nobody runs. Whoever answers a viewer and finds that a part of it is due writes that part, as an
//! encoder's would be: create-only, at the chain's next key, the same bytes and metadata whoever does it. So the log
//! alone says what viewers saw, and nothing downstream tells it from other media. What nobody watches is not
//! written.
//!
//! A run of it is a period with a session of [its own](SessionId::of_slate). The encoder's first media begins the next
//! period, whatever its times are.

mod before;
mod clip;
mod fill;

use bytes::Bytes;

pub use before::{Beginning, begin};
pub use clip::{Clip, ClipError, Loop};
pub use fill::{due, last_media};

use crate::ingest;
use crate::log::reader::Target;
use crate::log::{BroadcastLog, SessionId, SlateSettings, TrackName};
use crate::order::SortedMap;
use crate::time::WallMs;

/// A part is written when its end is this old, by the clock of whoever writes it: so much may clocks differ, and so long
/// may it take an encoder that comes to begin its period, without what was written since being dated after it.
const LAG_MS: i64 = 2_000;

/// A run that nobody watched for so long is not gone on with: the next begins another.
const UNWATCHED_MS: i64 = 20_000;

/// What a slate is made of.
#[derive(Debug, Clone, Copy)]
pub struct Slate<'a> {
    /// What the operator says of it.
    pub settings: &'a SlateSettings,
    /// How the broadcast's media is cut.
    pub cut: &'a ingest::Settings,
    /// What it shows.
    pub clip: &'a Clip,
}

/// Headers that are known to be stored, by whose they are.
pub type Headers = SortedMap<(TrackName, SessionId), ()>;

/// An object to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub target: Target,
    /// Its metadata; empty for JSON and headers.
    pub meta: String,
    /// Its bytes, in pieces.
    pub body: Vec<Bytes>,
}

impl Object {
    fn json(target: Target, json: String) -> Self {
        Self { target, meta: String::new(), body: vec![Bytes::from(json)] }
    }

    fn header(track: &TrackName, session: &SessionId, of: &Loop) -> Self {
        let target = Target::Init(track.clone(), session.clone());
        Self { target, meta: String::new(), body: vec![of.header_bytes.clone()] }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Nothing, whatever the time.
    Nothing,
    /// Nothing before then.
    At(WallMs),
    /// This is to be created now.
    Now(Object),
}

/// Whether the newest period is the slate's.
pub fn is_on(log: &BroadcastLog) -> bool {
    log.periods().last().is_some_and(|newest| newest.session.is_slate())
}

/// How much of it can be seen as soon as it begins.
fn head_start_ms(cut: &ingest::Settings, segments: i64) -> i64 {
    i64::from(cut.segment_ms).saturating_mul(segments)
}
