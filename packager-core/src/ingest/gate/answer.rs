//! What a request for an object is answered.

use std::borrow::Cow;

use bytes::Bytes;

use super::{DENIED, META, SIZE, TAG, Write, Wrong};
use crate::ingest::access::Denied;
use crate::ingest::plan::is_same;
use crate::log::reader::Target;
use crate::log::{BroadcastRecord, Entry, Key, Marker, record};

/// An object that is stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its metadata; empty where there is none.
    pub meta: &'a str,
    /// Its bytes; of a part they need not be read.
    pub body: &'a [u8],
    /// Names this version.
    pub tag: &'a str,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A sentence.
    Text(String),
    /// JSON.
    Json(Bytes),
    /// Media, or nothing at all in the place of media.
    Media(Bytes),
}

impl Content {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Json(bytes) | Self::Media(bytes) => bytes.len(),
        }
    }

    /// There is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes.
    pub fn bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into(),
            Self::Json(bytes) | Self::Media(bytes) => bytes,
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The metadata of the object that is there.
    pub meta: Option<String>,
    /// The tag of the object that is there.
    pub tag: Option<String>,
    /// Its size, where its bytes are not in the answer.
    pub size_bytes: Option<u64>,
    /// Who pushes may not push to this broadcast, or not now: the status says nothing of the object.
    pub is_denied: bool,
    /// The body.
    pub content: Content,
}

impl Answer {
    fn new(status: u16, content: Content) -> Self {
        Self { status, meta: None, tag: None, size_bytes: None, is_denied: false, content }
    }

    fn sentence(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, Content::Text(text.into()))
    }

    fn of(mut self, meta: &str, tag: Option<&str>) -> Self {
        self.meta = Some(meta).filter(|meta| !meta.is_empty()).map(str::to_owned);
        self.tag = tag.map(str::to_owned);
        self
    }

    /// To a GET: the object.
    pub fn object(key: &Key, meta: &str, body: Bytes, tag: &str) -> Self {
        Self::new(200, content(key, body)).of(meta, Some(tag))
    }

    /// To a GET: a broadcast's record, as far as it is for who pushes to see.
    pub fn record(record: BroadcastRecord, tag: &str) -> Self {
        let shown = record::to_json(&record.without_keys());
        Self::new(200, Content::Json(shown.into())).of("", Some(tag))
    }

    /// To a HEAD: what is known of the object.
    pub fn head(key: &Key, meta: &str, size_bytes: u64, tag: &str) -> Self {
        let answer = Self::new(200, content(key, Bytes::new())).of(meta, Some(tag));
        Self { size_bytes: Some(size_bytes), ..answer }
    }

    /// To a GET or HEAD: there is none.
    pub fn not_found() -> Self {
        Self::sentence(404, "there is no such object")
    }

    /// The names under a prefix.
    pub fn names(names: &[String]) -> Self {
        Self::new(200, Content::Json(record::to_json(&names).into()))
    }

    /// The object is stored, as this version.
    pub fn written(tag: &str) -> Self {
        Self::sentence(201, "stored").of("", Some(tag))
    }

    /// There is nothing to be added to what is there.
    pub fn known(tag: &str) -> Self {
        Self::sentence(200, "this is known already").of("", Some(tag))
    }

    /// The object is not written because its part's session has no header, without which nothing can be read.
    pub fn header_missing() -> Self {
        Self::sentence(412, "the header of this part's session is not stored; send its init.mp4 first")
    }

    /// The object is not written, because what it replaces is not what is there.
    pub fn changed(tag: Option<&str>) -> Self {
        Self::sentence(412, "this has changed since it was read; read it again").of("", tag)
    }

    /// A body larger than the host can be sent.
    pub fn too_large(most_bytes: usize) -> Self {
        let most_mb = most_bytes / 100_000;
        Self::sentence(
            413,
            format!(
                "the body is larger than this host can be sent, {}.{} MB; make parts shorter or the bit rate lower",
                most_mb / 10,
                most_mb % 10
            ),
        )
    }

    /// An object larger than the host can send.
    pub fn too_large_to_send() -> Self {
        Self::sentence(413, "the object is larger than this host can send; read it from storage itself")
    }

    /// Storage is busy or away: the same request may succeed in a moment.
    pub fn unavailable(why: &str) -> Self {
        Self::sentence(503, why)
    }

    /// Who asks may not.
    pub fn denied(denied: &Denied) -> Self {
        Self { is_denied: true, ..Self::sentence(denied.status(), denied.to_string()) }
    }

    /// All headers, in lower case, each once; but for the length.
    pub fn headers(&self) -> Vec<(&'static str, Cow<'_, str>)> {
        let mut headers = vec![
            ("cache-control", Cow::Borrowed("no-store")),
            (
                "content-type",
                Cow::Borrowed(match self.content {
                    Content::Text(_) => "text/plain; charset=utf-8",
                    Content::Json(_) => "application/json",
                    Content::Media(_) => "video/mp4",
                }),
            ),
        ];
        // Whatever a bucket holds must not become a header of its own.
        let is_plain = |value: &&String| value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        for (name, value) in [(META, &self.meta), (TAG, &self.tag)] {
            if let Some(value) = value.as_ref().filter(is_plain) {
                headers.push((name, Cow::Borrowed(value)));
            }
        }
        if let Some(size) = self.size_bytes {
            headers.push((SIZE, Cow::Owned(size.to_string())));
        }
        if self.is_denied {
            headers.push((DENIED, Cow::Borrowed("1")));
        }
        match self.status {
            401 => headers.push(("www-authenticate", Cow::Borrowed(Denied::CHALLENGE))),
            503 => headers.push(("retry-after", Cow::Borrowed("1"))),
            _ => {}
        }
        headers
    }
}

impl From<Wrong> for Answer {
    fn from(wrong: Wrong) -> Self {
        Self::sentence(400, wrong.to_string())
    }
}

fn content(key: &Key, body: Bytes) -> Content {
    match key {
        Key::Object(_, _, Target::Init(..) | Target::Part(..)) => Content::Media(body),
        _ => Content::Json(body),
    }
}

impl Write {
    /// There was something already: this very object, or another.
    pub fn exists(&self, body: &[u8], there: Stored<'_>) -> Answer {
        let answer = match &self.key {
            Key::Object(_, _, target) if is_same(target, (&self.meta, body), (there.meta, there.body)) => {
                Answer::sentence(200, "this is stored already")
            }
            Key::Record(_) if body == there.body => Answer::sentence(200, "this is stored already"),
            key => Answer::sentence(409, conflict(key, there.meta)),
        };
        answer.of(there.meta, Some(there.tag))
    }
}

fn conflict(key: &Key, meta: &str) -> String {
    let target = match key {
        Key::Record(_) => return "there is such a broadcast already".to_owned(),
        Key::Object(_, _, target) => target,
    };
    match target {
        Target::Part(..) => match Entry::from_meta(meta) {
            Ok(Entry::Part(part)) => {
                format!(
                    "another part is stored here, of {} ticks and {} samples",
                    part.duration_ticks, part.samples
                )
            }
            Ok(Entry::Marker(Marker::GapUntil(until))) => {
                format!("this place was given up: a gap until {until} is stored here")
            }
            Ok(Entry::Marker(Marker::Continues { session, start_ticks, .. })) => {
                format!("it is stored here that the track goes on in session {session} at {start_ticks}")
            }
            Ok(Entry::Marker(Marker::Ended)) => "it is stored here that the track has ended".to_owned(),
            Err(_) => "something is stored here that is neither a part nor a marker".to_owned(),
        },
        _ => "another is stored here".to_owned(),
    }
}
