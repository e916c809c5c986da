//! Pushing object by object: what `rimcast push` sends to a host that keeps no state.
//!
//! `rimcast push` runs a [`Receiver`](super::Receiver) beside the encoder. Each object that the receiver wants written
//! is one request, and the host only has to see that the object is what its key says before it writes it: the object
//! of key `{broadcast}/{rest}` is at `/ingest/{broadcast}/-/{rest}`, to be read (GET, HEAD), listed (GET with a slash
//! at the end) and written (PUT). Conditions, tags and metadata have headers of their own, since CDNs have their own
//! ideas about `If-Match` and `ETag`.
//!
//! Here is what a host does not have to know: which request is which ([`Request::parse`]), whether an object is what
//! its key says ([`Write::check`]), and what is [answered](Answer).

mod answer;
mod check;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Content, Stored};
pub use check::{Wrong, check_object, read_part};

use super::plan::PutMode;
use super::{Denied, Pusher};
use crate::limits;
use crate::log::reader::Target;
use crate::log::{BroadcastName, BroadcastRecord, Entry, Generation, Key, NameError, TrackName};
use crate::time::WallMs;

/// Condition of a PUT: `none` (nothing is there yet), or the tag of what is to be replaced.
pub const IF: &str = "rimcast-if";

/// An object's metadata, in requests and answers.
pub const META: &str = "rimcast-meta";

/// Names the version of an object that is there, in answers.
pub const TAG: &str = "rimcast-tag";

/// Size of an object's body in bytes, in answers to HEAD, where gateways say 0 for the length.
pub const SIZE: &str = "rimcast-size";

/// Whether `/ingest/{path}`, where `path` has no push key in it, is of an object.
pub fn of_push(path: &str) -> bool {
    path.split_once('/').is_some_and(|(_, rest)| rest.starts_with("-/"))
}

/// Says that an answer is about who pushes, and not about the object.
pub const DENIED: &str = "rimcast-denied";

/// What a request for an object says of itself beside its method and path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    /// [`IF`].
    pub condition: Option<&'a str>,
    /// [`META`].
    pub meta: Option<&'a str>,
}

/// A request for an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The object.
    Get(Key),
    /// What is known of it.
    Head(Key),
    /// The names directly under this prefix, which ends in a slash.
    List(String),
    /// To write one.
    Put(Box<Write>),
}

/// An object to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where it goes.
    pub key: Key,
    /// Its metadata; empty where there is none.
    pub meta: String,
    /// Condition.
    pub mode: PutMode,
    /// What the metadata says; for parts and markers.
    entry: Option<Entry>,
}

impl Request {
    /// Reads the request of `method` to `/ingest/{path}`, where `path` has no push key in it.
    ///
    /// # Errors
    ///
    /// It is none that is answered here.
    pub fn parse(method: &str, path: &str, headers: &Headers<'_>) -> Result<Self, Wrong> {
        let (broadcast, rest) = path.split_once('/').unwrap_or((path, ""));
        let of_object = rest.strip_prefix("-/").filter(|_| matches!(method, "GET" | "HEAD" | "PUT"));
        let Some(rest) = of_object else {
            return Err(Wrong::NotPush { broadcast: BroadcastName::parse(broadcast).ok() });
        };
        let key = format!("{broadcast}/{rest}");
        if method == "GET" && key.ends_with('/') {
            return if is_prefix(&key) { Ok(Self::List(key)) } else { Err(Wrong::no_key(&key)) };
        }
        let key = Key::parse(&key).ok_or_else(|| Wrong::no_key(&key))?;
        Ok(match method {
            "GET" => Self::Get(key),
            "HEAD" => Self::Head(key),
            _ => Self::Put(Box::new(Write::parse(key, headers)?)),
        })
    }
}

impl Request {
    /// The broadcast that it is of.
    pub fn broadcast(&self) -> Option<BroadcastName> {
        let key = match self {
            Self::Get(key) | Self::Head(key) => key,
            Self::Put(write) => &write.key,
            Self::List(prefix) => return BroadcastName::parse(prefix.split('/').next()?).ok(),
        };
        let (Key::Record(broadcast) | Key::Object(broadcast, ..)) = key;
        Some(broadcast.clone())
    }

    /// Whether it may be carried out for a broadcast with this record.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn admit(
        &self,
        pusher: &Pusher,
        record: Option<&BroadcastRecord>,
        now: WallMs,
    ) -> Result<(), Denied> {
        pusher.admit(record, now)?;
        let Self::Put(write) = self else { return Ok(()) };
        match (&write.key, record) {
            // What belongs to a broadcast that was deleted would be nobody's.
            (Key::Object(..), None) => Err(Denied::Unknown),
            (Key::Object(_, generation, _), Some(record)) if record.generation != *generation => {
                Err(Denied::CreatedAnew)
            }
            _ => Ok(()),
        }
    }
}

/// Whether objects may be under a prefix: `{broadcast}/`, and folders of a generation.
fn is_prefix(prefix: &str) -> bool {
    let mut names = prefix.strip_suffix('/').unwrap_or(prefix).split('/');
    let is = |name: Result<(), NameError>| name.is_ok();
    names.next().is_some_and(|name| is(BroadcastName::parse(name).map(drop)))
        && names.next().is_none_or(|name| is(Generation::parse(name).map(drop)))
        && names.by_ref().take(2).all(|name| is(TrackName::parse(name).map(drop)))
        && names.next().is_none()
}

impl Write {
    fn parse(key: Key, headers: &Headers<'_>) -> Result<Self, Wrong> {
        let mode = match headers.condition {
            None => return Err(Wrong::NoCondition),
            Some("none") => PutMode::Create,
            Some(tag) => PutMode::Swap(Some(tag.to_owned())),
        };
        let is_replaced = matches!(key, Key::Record(_) | Key::Object(_, _, Target::Head(_)));
        if matches!(mode, PutMode::Swap(_)) && !is_replaced {
            return Err(Wrong::NotReplaced);
        }
        let meta = headers.meta.unwrap_or_default();
        if meta.len() > limits::META_BYTES {
            return Err(Wrong::Meta("it is too long".to_owned()));
        }
        let entry = match &key {
            Key::Object(_, _, Target::Part(..)) => Some(Entry::from_meta(meta).map_err(Wrong::Meta)?),
            _ if meta.is_empty() => None,
            _ => return Err(Wrong::Meta("only parts and markers have any".to_owned())),
        };
        Ok(Self { key, meta: meta.to_owned(), mode, entry })
    }

    /// The CMAF header that the body has to be read with: a part's.
    pub fn needs(&self) -> Option<Key> {
        let (Key::Object(broadcast, generation, Target::Part(track, session, _)), Some(Entry::Part(_))) =
            (&self.key, &self.entry)
        else {
            return None;
        };
        let init = Target::Init(track.clone(), session.clone());
        Some(Key::Object(broadcast.clone(), generation.clone(), init))
    }

    /// Whether its body is media, which is no text.
    pub fn is_media(&self) -> bool {
        matches!(self.key, Key::Object(_, _, Target::Part(..) | Target::Init(..)))
    }
}
