//! Responses, with the cache policy that makes a CDN join and keep them.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::media::{Cursor, PartObject};
use crate::log::{BroadcastName, Shape};
use crate::time::WallMs;

/// How long a cache may keep a response (`Cache-Control`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheFor {
    /// `no-store`: it is of this moment and this host.
    Never,
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
    /// These bytes.
    Bytes(&'static [u8]),
    /// A stored object; if it is not there (or is a marker, which has no bytes), [`Response::absent`].
    Object {
        /// Its key.
        key: String,
        /// It was once there to be had.
        was_published: bool,
    },
    /// A segment: parts to be sent one after the other.
    Segment {
        /// The parts known now.
        parts: Vec<PartObject>,
        /// The segment is open: send more as they land, and end only where [`super::Grow::End`] says.
        more: Option<Cursor>,
    },
}

/// A response, but for what only the host knows (`Date`, `Content-Length`, compression).
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
    /// `Cache-Tag`: by the broadcast, all that caches keep of it can be purged.
    pub broadcast: Option<BroadcastName>,
    /// Ranges may be asked for; `Content-Range`, where one was.
    pub(super) range: Option<Option<String>>,
    /// The body.
    pub body: Body,
}

const TEXT: &str = "text/plain; charset=utf-8";
const MP4: &str = "video/mp4";

/// What scripts of any page may read of a response (hls.js reads `Age`).
const EXPOSED: &str = "Age, Content-Length, Content-Range, Date, Retry-After";

/// What scripts may send: ranges, and what players tell of themselves (CTA-5004).
const ALLOWED: &str = "Range, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status";

impl Response {
    /// An answer in words, of the packager or of a host that could not do as it says.
    pub fn error(status: u16, why: &str) -> Self {
        let rendered = Rendered { plain: Bytes::from(format!("{why}\n")), gzip: OnceLock::new() };
        Self {
            status,
            content_type: TEXT,
            // No error outlives what it says by more than a second, and that second joins a wave.
            cache: CacheFor::Seconds(1),
            retry_after_s: (status == 503).then_some(1),
            priority: None,
            location: None,
            broadcast: None,
            range: None,
            body: Body::Text(Arc::new(rendered)),
        }
    }

    /// What is said instead when the object that should be sent is not there, or is a marker.
    #[must_use]
    pub fn absent(&self) -> Self {
        match self.body {
            Body::Object { was_published: true, .. } => Self::gone("this part is not kept any more"),
            _ => Self::not_found("there is no such part"),
        }
    }

    /// Storage could not be read.
    pub fn unavailable() -> Self {
        Self::error(503, "storage cannot be read; ask again")
    }

    /// All headers that are decided, in lower case, each once.
    pub fn headers(&self) -> Vec<(&'static str, Cow<'_, str>)> {
        let mut headers = Vec::with_capacity(10);
        let mut put = |name, value| headers.push((name, value));
        put("access-control-allow-origin", Cow::Borrowed("*"));
        put("access-control-expose-headers", Cow::Borrowed(EXPOSED));
        put("cache-control", Cow::Owned(self.cache.to_string()));
        if self.status == 204 {
            put("access-control-allow-methods", Cow::Borrowed("GET, HEAD, OPTIONS"));
            put("access-control-allow-headers", Cow::Borrowed(ALLOWED));
            put("access-control-max-age", Cow::Borrowed("86400"));
            return headers;
        }
        put("content-type", Cow::Borrowed(self.content_type));
        put("x-content-type-options", Cow::Borrowed("nosniff"));
        if let Some(seconds) = self.retry_after_s {
            put("retry-after", Cow::Owned(seconds.to_string()));
        }
        if let Some(priority) = self.priority {
            put("priority", Cow::Borrowed(priority));
        }
        if let Some(location) = &self.location {
            put("location", Cow::Borrowed(location));
        }
        if let Some(broadcast) = &self.broadcast {
            put("cache-tag", Cow::Borrowed(broadcast.as_str()));
        }
        match &self.range {
            Some(Some(range)) => put("content-range", Cow::Borrowed(range)),
            Some(None) => put("accept-ranges", Cow::Borrowed("bytes")),
            None => {}
        }
        headers
    }

    pub(super) fn not_found(why: &str) -> Self {
        Self::error(404, why)
    }

    pub(super) fn gone(why: &str) -> Self {
        Self::error(410, why)
    }

    /// What is asked for will be there, but not so soon that it is worth holding the request.
    pub(super) fn too_early() -> Self {
        Self { retry_after_s: Some(1), ..Self::error(425, "this part is not there yet; ask again") }
    }

    /// The time, for players to set their clocks by (ISO/IEC 23009-1 §5.8.5.7).
    pub(super) fn time(now: WallMs) -> Self {
        let rendered = Rendered { plain: Bytes::from(crate::dash::iso_date(now)), gzip: OnceLock::new() };
        Self { cache: CacheFor::Never, body: Body::Text(Arc::new(rendered)), ..Self::error(200, "") }
    }

    pub(super) fn bad_request(why: &str) -> Self {
        Self::error(400, why)
    }

    pub(super) fn held_too_long() -> Self {
        Self::error(503, "nothing new was published in time; ask again")
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::error(405, "viewers use GET and HEAD; encoders push to /ingest/{broadcast}/")
    }

    pub(super) fn preflight() -> Self {
        Self { cache: CacheFor::Seconds(86_400), body: Body::Empty, ..Self::error(204, "") }
    }

    /// `/`: how to push and how to watch; `base` is the server's URL, as the client has it.
    pub fn welcome(base: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let text = format!(
            "Rimcast {version}\n\n\
             Push to   {base}/ingest/NAME/manifest.mpd   (ffmpeg -f dash -method PUT, see the README)\n\
             Watch at  {base}/NAME/\n\
             HLS       {base}/NAME/index.m3u8\n\n\
             A name is made of a-z, 0-9 and '-'."
        );
        Self { cache: CacheFor::Never, ..Self::error(200, &text) }
    }

    /// `/healthz`: 503 while the host is stopping, so that a load balancer looks elsewhere.
    pub fn health(is_stopping: bool) -> Self {
        let (code, status) = if is_stopping { (503, "stopping") } else { (200, "ok") };
        let text = format!("{{\"status\":\"{status}\",\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION"));
        Self { cache: CacheFor::Never, content_type: "application/json", ..Self::error(code, &text) }
    }

    /// JSON that is nobody else's.
    pub(super) fn for_operators(json: String) -> Self {
        Self::json(json, CacheFor::Never)
    }

    /// What all viewers are told of a broadcast. Not kept for long: pages wait for its beginning, and operators change it.
    pub(super) fn event(json: String) -> Self {
        Self::json(json, CacheFor::Seconds(5))
    }

    fn json(json: String, cache: CacheFor) -> Self {
        let rendered = Rendered { plain: json.into(), gzip: OnceLock::new() };
        Self {
            cache,
            content_type: "application/json",
            body: Body::Text(Arc::new(rendered)),
            ..Self::error(200, "")
        }
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
            broadcast: None,
            range: None,
            body: Body::Text(rendered),
        }
    }

    /// A manifest, or a patch of one: both mean "now".
    pub(super) fn manifest(rendered: Arc<Rendered>, shape: &Shape, content_type: &'static str) -> Self {
        Self { content_type, ..Self::playlist(rendered, shape, false) }
    }

    /// What stands in for a segment that nobody sent, at the end of a run. Not for long: an encoder may take its
    /// session up again.
    pub(super) fn missing_segment() -> Self {
        Self { cache: CacheFor::Seconds(2), ..Self::media(Body::Bytes(crate::dash::EMPTY_SEGMENT)) }
    }

    pub(super) fn object(key: String, was_published: bool) -> Self {
        Self::media(Body::Object { key, was_published })
    }

    pub(super) fn media(body: Body) -> Self {
        Self {
            status: 200,
            content_type: MP4,
            cache: CacheFor::Ever,
            retry_after_s: None,
            priority: Some("u=3"),
            location: None,
            broadcast: None,
            range: None,
            body,
        }
    }
}

/// `Cache-Control` as it is written.
impl std::fmt::Display for CacheFor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CacheFor::Never => f.write_str("no-store"),
            CacheFor::Seconds(seconds) => write!(f, "max-age={seconds}"),
            CacheFor::Ever => f.write_str("max-age=31536000, immutable"),
        }
    }
}
