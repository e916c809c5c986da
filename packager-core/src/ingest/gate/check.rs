//! Whether an object is what its key and its metadata say.

use bytes::Bytes;
use serde::Deserialize;

use super::{PutMode, Write};
use crate::cmaf::cutter::CutPart;
use crate::cmaf::{Chunk, ChunkError, Header, HeaderError, Item, Scanner};
use crate::isobmff::Malformed;
use crate::limits;
use crate::log::reader::Target;
use crate::log::{
    Begin, BroadcastName, BroadcastRecord, BroadcastSettings, Checkpoint, Entry, Event, Key, Listing, Marker,
    Page, PartMeta, PeriodRecord, record,
};

/// Why a request is refused, in a sentence that says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is an encoder's, or a viewer's.
    #[error(
        "this host takes parts from `rimcast push` and nothing else; on the encoder's machine run: rimcast push \
         --to https://HOST/ingest/{} --key KEY --input rtmp://0.0.0.0:1935/live", shown(.broadcast.as_ref())
    )]
    NotPush {
        /// Whose path it is.
        broadcast: Option<BroadcastName>,
    },
    /// No object has that key.
    #[error("there is no object with the key {shown:?}")]
    NoKey {
        /// The key, cut to its first 200 characters.
        shown: String,
    },
    /// A PUT that does not say what it expects.
    #[error("a PUT says what it expects to be there, in Rimcast-If: `none`, or the tag of what it replaces")]
    NoCondition,
    /// A swap of what never changes.
    #[error("this object is written once and never replaced: say Rimcast-If: none")]
    NotReplaced,
    /// `Rimcast-Meta` cannot be used.
    #[error("Rimcast-Meta cannot be used: {0}")]
    Meta(String),
    /// Media that came as text.
    #[error("the media came as text, and so not whole; send Content-Type: video/mp4")]
    Text,
    /// A marker with a body.
    #[error("a marker has no body")]
    MarkerWithBody,
    /// A marker whose times lie before it.
    #[error("a gap ends after it begins")]
    GapEndsBefore,
    /// A box is not what it says.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The CMAF header cannot be used.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A chunk cannot be used.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// A part that is not whole chunks, one behind the other.
    #[error("a part is whole chunks and nothing else, each of which starts where the one before it ends")]
    NotChunks,
    /// A part without any duration.
    #[error("the part lasts no time")]
    NoDuration,
    /// The key or the metadata of a part say what its media does not.
    #[error("the part's {what} is {found}, and not {said} as is said of it")]
    Untrue {
        /// What of it.
        what: &'static str,
        /// What is said.
        said: String,
        /// What its media says.
        found: String,
    },
    /// Stored JSON that cannot be read.
    #[error("this is no {what}: {why}")]
    Record {
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The operator's settings are the operator's.
    #[error(
        "how tracks are shown, and when a broadcast is, is for its operator to say; send the record without such settings"
    )]
    HasSettings,
}

fn shown(broadcast: Option<&BroadcastName>) -> &str {
    broadcast.map_or("NAME", BroadcastName::as_str)
}

impl Wrong {
    pub(super) fn no_key(key: &str) -> Self {
        Self::NoKey { shown: key.chars().take(200).collect() }
    }

    fn record(what: &'static str, why: impl Into<String>) -> Self {
        Self::Record { what, why: why.into() }
    }
}

impl Write {
    /// Checks the body; `header` is the one that it [needs](Write::needs).
    ///
    /// # Errors
    ///
    /// It is not what its key and its metadata say.
    pub fn check(&self, body: &Bytes, header: Option<&Header>) -> Result<(), Wrong> {
        match &self.key {
            Key::Record(_) => self.check_record(body).map(drop),
            Key::Object(_, _, target) => check_object(target, self.entry.as_ref(), body, header),
        }
    }

    /// What a broadcast's record becomes when this one is sent in place of it: encoders may add what they say of the
    /// tracks, and no more. `None`: what they say is in it.
    ///
    /// # Errors
    ///
    /// It would change something else, or there would be more of it than there may be.
    pub fn learned(&self, body: &[u8], there: &BroadcastRecord) -> Result<Option<String>, Wrong> {
        let said = self.check_record(body)?;
        let shown = there.clone().without_keys();
        let is_said_again = said.settings == shown.settings && said.event == shown.event;
        if !is_said_again && says_anything(&said) {
            return Err(Wrong::HasSettings);
        }
        if said.generation != there.generation {
            return Err(Wrong::record(WHAT_RECORD, "the broadcast's generation never changes"));
        }
        let mut learned = there.clone();
        learned.learn(&said.described);
        if learned.described.len() > limits::TRACKS_PER_BROADCAST {
            return Err(Wrong::record(WHAT_RECORD, TOO_MANY_TRACKS));
        }
        Ok((learned != *there).then(|| record::to_json(&learned)))
    }

    fn check_record(&self, body: &[u8]) -> Result<BroadcastRecord, Wrong> {
        let said: BroadcastRecord = json(WHAT_RECORD, body)?;
        if said.described.len() > limits::TRACKS_PER_BROADCAST {
            return Err(Wrong::record(WHAT_RECORD, TOO_MANY_TRACKS));
        }
        if self.mode == PutMode::Create && says_anything(&said) {
            return Err(Wrong::HasSettings);
        }
        Ok(said)
    }
}

/// Whether a record says what is the operator's to say.
fn says_anything(record: &BroadcastRecord) -> bool {
    record.settings != BroadcastSettings::default() || record.event != Event::default()
}

/// Checks an object of a log, new or stored: whether its body is what its key and its metadata say. `entry` is what the
/// metadata of a part or marker says, `header` the one that a part's session has.
///
/// # Errors
///
/// It is something else.
pub fn check_object(
    target: &Target,
    entry: Option<&Entry>,
    body: &Bytes,
    header: Option<&Header>,
) -> Result<(), Wrong> {
    match (target, entry) {
        (Target::Part(_, _, start_ticks), Some(Entry::Marker(marker))) => {
            check_marker(marker, *start_ticks, body)
        }
        (Target::Part(_, _, start_ticks), Some(Entry::Part(meta))) => {
            let header = header.ok_or(Wrong::Header(HeaderError::NoTrack))?;
            read_part(meta, *start_ticks, body, header).map(drop)
        }
        (Target::Init(..), _) => {
            if body.len() as u64 > limits::HEADER_BYTES {
                return Err(Wrong::record("header", "it is larger than is accepted"));
            }
            Ok(Header::parse(body).map(drop)?)
        }
        (Target::Period(n), _) => check_period(*n, body),
        (Target::Begin(_), _) => check_begin(body),
        (Target::Head(_), _) => {
            Checkpoint::from_json(body).map(drop).map_err(|why| Wrong::record("checkpoint", why))
        }
        (Target::Page(_, page), _) => check_page(*page, body),
        (Target::Listing(_, span, number), _) => check_listing(*span, *number, body),
        // No keys of objects, and no part without metadata: neither is ever parsed.
        (Target::Tracks | Target::Sessions(_) | Target::Part(..), _) => {
            Err(Wrong::NoKey { shown: format!("{target:?}") })
        }
    }
}

const WHAT_RECORD: &str = "broadcast's record";
const TOO_MANY_TRACKS: &str = "it describes more tracks than a broadcast may have";

fn json<T: for<'de> Deserialize<'de>>(what: &'static str, body: &[u8]) -> Result<T, Wrong> {
    record::from_json(body).map_err(|why| Wrong::record(what, why))
}

/// What all tracks share is fixed in record 0, and in no other.
fn check_period(n: u32, body: &[u8]) -> Result<(), Wrong> {
    let said: PeriodRecord = json("period record", body)?;
    match (n, said.shape) {
        (0, Some(shape)) if shape.target_duration_s > 0 => Ok(()),
        (0, _) => Err(Wrong::record("period record", "record 0 fixes TARGETDURATION")),
        (_, None) => Ok(()),
        (_, Some(_)) => Err(Wrong::record("period record", "only record 0 fixes what all tracks share")),
    }
}

fn check_begin(body: &[u8]) -> Result<(), Wrong> {
    let said: Begin = json("begin.json", body)?;
    if said.first_msn == 0 || said.part_target_ticks == 0 {
        return Err(Wrong::record("begin.json", "its first number and its PART-TARGET are more than 0"));
    }
    Ok(())
}

fn check_page(page: u64, body: &[u8]) -> Result<(), Wrong> {
    let said = Page::from_json(body).map_err(|why| Wrong::record("page", why))?;
    if said.is(page) {
        Ok(())
    } else {
        Err(Wrong::record("page", "its segments are those with its numbers, in order"))
    }
}

fn check_listing(span: u64, number: u64, body: &[u8]) -> Result<(), Wrong> {
    let said = Listing::from_json(body).map_err(|why| Wrong::record("listing", why))?;
    let why = "its segments are those with its numbers";
    if said.is(span, number) { Ok(()) } else { Err(Wrong::record("listing", why)) }
}

fn check_marker(marker: &Marker, start_ticks: u64, body: &[u8]) -> Result<(), Wrong> {
    if !body.is_empty() {
        return Err(Wrong::MarkerWithBody);
    }
    match marker {
        Marker::GapUntil(until) if *until <= start_ticks => Err(Wrong::GapEndsBefore),
        _ => Ok(()),
    }
}

/// Reads a part as its viewers will, and makes its metadata anew. Gives its chunks.
///
/// # Errors
///
/// It is not what its key and its metadata say.
pub fn read_part(
    said: &PartMeta,
    start_ticks: u64,
    body: &Bytes,
    header: &Header,
) -> Result<Vec<Chunk>, Wrong> {
    let chunks = chunks(body, header)?;
    let part = CutPart::of(&chunks).ok_or(Wrong::NotChunks)?;
    let found = part.meta(header.kind, header.presentation_shift_ticks, said.wall);
    if found.duration_ticks == 0 {
        return Err(Wrong::NoDuration);
    }
    let independence = |meta: &PartMeta| format!("{:?}", meta.independence).to_lowercase();
    for (what, said, found) in [
        ("start", start_ticks.to_string(), part.start_ticks.to_string()),
        ("duration in ticks", said.duration_ticks.to_string(), found.duration_ticks.to_string()),
        ("offset in ticks", said.offset_ticks.to_string(), found.offset_ticks.to_string()),
        ("number of samples", said.samples.to_string(), found.samples.to_string()),
        ("independence", independence(said), independence(&found)),
        ("end of the first frame in bytes", said.frame_bytes.to_string(), found.frame_bytes.to_string()),
        ("hash", said.hash.to_string(), found.hash.to_string()),
    ] {
        if said != found {
            return Err(Wrong::Untrue { what, said, found });
        }
    }
    Ok(chunks)
}

/// The chunks that a part is, exactly.
fn chunks(body: &Bytes, header: &Header) -> Result<Vec<Chunk>, Wrong> {
    let mut scanner = Scanner::new();
    scanner.push(body.clone());
    let mut chunks: Vec<Chunk> = Vec::new();
    while let Some(item) = scanner.next()? {
        let Item::Chunk(bytes) = item else { return Err(Wrong::NotChunks) };
        let chunk = Chunk::parse(&bytes, header)?;
        let follows = chunks.last().is_none_or(|last| last.end_ticks() == chunk.start_ticks());
        if chunk.is_empty() || !chunk.is_as_sent() || !follows {
            return Err(Wrong::NotChunks);
        }
        chunks.push(chunk);
    }
    scanner.finish()?;
    // What the scanner passes over is no part of a chunk.
    let held = chunks.iter().map(Chunk::body_bytes).fold(0, u64::saturating_add);
    if held == body.len() as u64 { Ok(chunks) } else { Err(Wrong::NotChunks) }
}
