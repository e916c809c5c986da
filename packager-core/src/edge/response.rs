//! Responses, with the cache policy that makes a CDN join and keep them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::media::{Cursor, PartObject};
use crate::log::Shape;

/// How long a cache may keep a response (`Cache-Control`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheFor {
    /// `max-age`, in seconds.
    Seconds(u32),
    /// A year, `immutable`: its URL never names other bytes.
    Ever,
}

/// A rendered playlist, shared by all who get it. The host fills in the compressed form once.
#[derive(Debug, Default)]
pub struct Rendered {
    /// As rendered.
    pub plain: Bytes,
    /// Gzipped by the host, when first asked for.
    pub gzip: OnceLock<Bytes>,
}

/// The body of a response.
#[derive(Debug, Clone)]
pub enum Body {
    /// None.
    Empty,
    /// Text, compressible.
    Text(Arc<Rendered>),
    /// The host's player page.
    Page,
    /// A stored object; if it is not there (or is a marker, which has no bytes), a 404.
    Object {
        /// Its key.
        key: String,
    },
    /// A segment: parts to be sent one after the other.
    Segment {
        /// The parts known now.
        parts: Vec<PartObject>,
        /// The segment is open: send more as they land, and end only where [`super::Grow::End`] says.
        more: Option<Cursor>,
    },
}

/// A response, but for what only the host knows (`Date`, compression, ranges).
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Cache-Control`.
    pub cache: CacheFor,
    /// `Retry-After`, in seconds.
    pub retry_after_s: Option<u32>,
    /// `Priority` (RFC 9218): playlists before media.
    pub priority: Option<&'static str>,
    /// `Location`.
    pub location: Option<String>,
    /// The body.
    pub body: Body,
}

const TEXT: &str = "text/plain; charset=utf-8";
const MP4: &str = "video/mp4";

impl Response {
    fn error(status: u16, why: &str) -> Self {
        let rendered = Rendered { plain: Bytes::from(format!("{why}\n")), gzip: OnceLock::new() };
        Self {
            status,
            content_type: TEXT,
            // No error outlives what it says by more than a second, and that second joins a wave.
            cache: CacheFor::Seconds(1),
            retry_after_s: None,
            priority: None,
            location: None,
            body: Body::Text(Arc::new(rendered)),
        }
    }

    pub(super) fn not_found(why: &str) -> Self {
        Self::error(404, why)
    }

    pub(super) fn bad_request(why: &str) -> Self {
        Self::error(400, why)
    }

    pub(super) fn held_too_long() -> Self {
        let why = "nothing new was published in time; ask again";
        Self { retry_after_s: Some(1), ..Self::error(503, why) }
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::error(405, "viewers use GET and HEAD; encoders push to /ingest/{broadcast}/")
    }

    pub(super) fn preflight() -> Self {
        Self { cache: CacheFor::Seconds(86_400), body: Body::Empty, ..Self::error(204, "") }
    }

    pub(super) fn redirect(location: String) -> Self {
        Self { location: Some(location), ..Self::error(308, "the player page ends with a slash") }
    }

    pub(super) fn page() -> Self {
        Self {
            content_type: "text/html; charset=utf-8",
            cache: CacheFor::Seconds(60),
            body: Body::Page,
            ..Self::error(200, "")
        }
    }

    /// A playlist. A blocking URL names a moment, so it may be kept for six target durations; one
    /// that means "now" for half of one.
    pub(super) fn playlist(rendered: Arc<Rendered>, shape: &Shape, is_blocking: bool) -> Self {
        let target_s = shape.target_duration_s;
        let seconds = if is_blocking { target_s.saturating_mul(6) } else { (target_s / 2).max(1) };
        Self {
            status: 200,
            content_type: crate::hls::CONTENT_TYPE,
            cache: CacheFor::Seconds(seconds),
            retry_after_s: None,
            priority: Some("u=1"),
            location: None,
            body: Body::Text(rendered),
        }
    }

    pub(super) fn object(key: String) -> Self {
        Self::media(Body::Object { key })
    }

    pub(super) fn media(body: Body) -> Self {
        Self {
            status: 200,
            content_type: MP4,
            cache: CacheFor::Ever,
            retry_after_s: None,
            priority: Some("u=3"),
            location: None,
            body,
        }
    }
}

/// `Cache-Control` as it is written.
impl std::fmt::Display for CacheFor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CacheFor::Seconds(seconds) => write!(f, "max-age={seconds}"),
            CacheFor::Ever => f.write_str("max-age=31536000, immutable"),
        }
    }
}
