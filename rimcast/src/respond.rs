//! Responses as HTTP wants them: CORS, compression, ranges, HEAD. What is in them was decided by
//! the packager.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL,
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, IF_RANGE, LOCATION, RANGE,
    RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use packager_core::edge::{self, CacheFor, Rendered};

use crate::body::Outgoing;

/// Text shorter than this is sent as it is.
const GZIP_FROM_BYTES: usize = 256;

/// Of a viewer's request headers, what matters. The rest need not be kept while the request is held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accepts {
    /// `Accept-Encoding` names gzip.
    pub(crate) gzip: bool,
    /// `Range`.
    pub(crate) range: Option<String>,
}

impl Accepts {
    /// Reads the headers.
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        // No validator is ever sent, so whatever `If-Range` names, it is something else.
        let range = text(RANGE).filter(|_| !headers.contains_key(IF_RANGE));
        Self { gzip: text(ACCEPT_ENCODING).is_some_and(accepts_gzip), range: range.map(str::to_owned) }
    }
}

fn accepts_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let refused = |weight: &str| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0);
        is_gzip && !parts.any(|part| part.strip_prefix("q=").is_some_and(refused))
    })
}

/// What of a body to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ranged {
    /// All of it.
    Whole,
    /// From the first to the last of these bytes.
    Part {
        /// First byte.
        first: u64,
        /// Last byte.
        last: u64,
    },
    /// Nothing: the range is past its end (416).
    Outside,
}

impl Ranged {
    /// What a `Range` asks of a body of `size` bytes (RFC 9110 §14.2). Several ranges, or what is
    /// no range, are ignored, as the RFC allows.
    pub(crate) fn of(range: Option<&str>, size: u64) -> Self {
        let Some(spec) = range.and_then(|range| range.trim().strip_prefix("bytes=")) else {
            return Self::Whole;
        };
        let Some((first, last)) = spec.split_once('-') else { return Self::Whole };
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
        };
        match (first.trim(), last.trim()) {
            ("", suffix) => match number(suffix) {
                Some(0) => Self::Outside,
                Some(_) if size == 0 => Self::Outside,
                Some(bytes) => Self::Part { first: size.saturating_sub(bytes), last: size - 1 },
                None => Self::Whole,
            },
            (first, last) => match (number(first), number(last), last.is_empty()) {
                (Some(first), Some(last), _) if first > last => Self::Whole,
                (Some(first), _, true) | (Some(first), Some(_), _) if first >= size => Self::Outside,
                (Some(first), _, true) => Self::Part { first, last: size - 1 },
                (Some(first), Some(last), _) => Self::Part { first, last: last.min(size - 1) },
                _ => Self::Whole,
            },
        }
    }
}

/// Status and headers of a response that the packager decided, without its body.
pub(crate) fn head(decided: &edge::Response) -> Response<Outgoing> {
    let status = StatusCode::from_u16(decided.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Outgoing::EMPTY);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    cross_origin(headers);
    headers.insert(CACHE_CONTROL, cache_control(decided.cache));
    if status == StatusCode::NO_CONTENT {
        // The answer to a preflight (H30: Range and CMCD may be sent).
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, OPTIONS"));
        let allowed = "Range, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status";
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(decided.content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(seconds) = decided.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(priority) = decided.priority {
        headers.insert(HeaderName::from_static("priority"), HeaderValue::from_static(priority));
    }
    if let Some(location) = decided.location.as_deref().and_then(|to| HeaderValue::from_str(to).ok()) {
        headers.insert(LOCATION, location);
    }
    response
}

fn cache_control(cache: CacheFor) -> HeaderValue {
    // It is made of digits and ASCII letters.
    HeaderValue::from_str(&cache.to_string()).unwrap_or(HeaderValue::from_static("no-store"))
}

fn cross_origin(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed = "Age, Content-Length, Content-Range, Date, Retry-After";
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
}

/// A sentence, as text, that a cache may keep for a second.
pub(crate) fn sentence(status: StatusCode, text: &str) -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::Whole(Bytes::from(format!("{text}\n"))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    cross_origin(headers);
    headers.insert(CACHE_CONTROL, cache_control(CacheFor::Seconds(1)));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Gives a response a text, compressed where that is accepted; compressed once for everyone.
pub(crate) fn with_text(
    mut response: Response<Outgoing>,
    text: &Rendered,
    accepts: &Accepts,
) -> Response<Outgoing> {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    let body = if accepts.gzip && text.plain.len() >= GZIP_FROM_BYTES {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        text.gzip.get_or_init(|| gzip(&text.plain)).clone()
    } else {
        text.plain.clone()
    };
    *response.body_mut() = Outgoing::Whole(body);
    response
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::default());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(plain);
    Bytes::from(encoder.finish().unwrap_or_default())
}

/// Makes a response of `size` bytes one of the range that was asked for: status and headers. The
/// body is the caller's, who is told which bytes to send.
pub(crate) fn with_range(response: &mut Response<Outgoing>, range: Option<&str>, size: u64) -> Ranged {
    let ranged = Ranged::of(range, size);
    let of = match ranged {
        Ranged::Whole => {
            response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            return ranged;
        }
        Ranged::Part { first, last } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            format!("bytes {first}-{last}/{size}")
        }
        Ranged::Outside => {
            *response = sentence(StatusCode::RANGE_NOT_SATISFIABLE, "the range is past the end");
            format!("bytes */{size}")
        }
    };
    if let Ok(of) = HeaderValue::from_str(&of) {
        response.headers_mut().insert(CONTENT_RANGE, of);
    }
    ranged
}

/// The answer to HEAD: everything but the body.
pub(crate) fn without_body(mut response: Response<Outgoing>) -> Response<Outgoing> {
    use hyper::body::Body as _;
    if let Some(bytes) = response.body().size_hint().exact()
        && response.status() != StatusCode::NO_CONTENT
    {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    *response.body_mut() = Outgoing::EMPTY;
    response
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn ranges() {
        let part = |first, last| Ranged::Part { first, last };
        for (range, size, expected) in [
            ("bytes=0-0", 10, part(0, 0)),
            ("bytes=2-5", 10, part(2, 5)),
            ("bytes=2-", 10, part(2, 9)),
            ("bytes=-3", 10, part(7, 9)),
            ("bytes=-30", 10, part(0, 9)),
            ("bytes=9-99", 10, part(9, 9)),
            ("bytes= 2 - 5 ", 10, part(2, 5)),
            ("bytes=0-99999999999999999999999", 10, part(0, 9)),
            ("bytes=10-", 10, Ranged::Outside),
            ("bytes=10-12", 10, Ranged::Outside),
            ("bytes=99999999999999999999999-", 10, Ranged::Outside),
            ("bytes=-0", 10, Ranged::Outside),
            ("bytes=0-", 0, Ranged::Outside),
            ("bytes=-1", 0, Ranged::Outside),
            ("bytes=5-2", 10, Ranged::Whole),
            ("bytes=1-2,4-5", 10, Ranged::Whole),
            ("bytes=-", 10, Ranged::Whole),
            ("bytes=a-b", 10, Ranged::Whole),
            ("bytes=+1-2", 10, Ranged::Whole),
            ("bytes=1", 10, Ranged::Whole),
            ("items=1-2", 10, Ranged::Whole),
            ("", 10, Ranged::Whole),
        ] {
            assert_eq!(Ranged::of(Some(range), size), expected, "{range} of {size}");
        }
        assert_eq!(Ranged::of(None, 10), Ranged::Whole);
    }

    #[test]
    fn range_responses() {
        let mut response = Response::new(Outgoing::EMPTY);
        with_range(&mut response, Some("bytes=2-5"), 10);
        assert_eq!(response.status(), 206);
        assert_eq!(response.headers()[CONTENT_RANGE], "bytes 2-5/10");
        with_range(&mut response, Some("bytes=12-"), 10);
        assert_eq!(response.status(), 416);
        assert_eq!(response.headers()[CONTENT_RANGE], "bytes */10");
        assert_eq!(response.headers()[CACHE_CONTROL], "max-age=1");
    }

    #[test]
    fn gzip_is_for_those_who_accept_it() {
        for yes in ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.8", "*", "deflate,gzip;q=0.1"] {
            assert!(accepts_gzip(yes), "{yes}");
        }
        for no in ["", "br", "identity", "gzip;q=0", "gzip; q=0.0", "gzipped"] {
            assert!(!accepts_gzip(no), "{no}");
        }
        let text = Rendered { plain: Bytes::from("#EXTM3U\n".repeat(100)), ..Rendered::default() };
        let accepts = Accepts { gzip: true, range: None };
        let response = with_text(Response::new(Outgoing::EMPTY), &text, &accepts);
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[VARY], "Accept-Encoding");
        let Outgoing::Whole(body) = response.into_body() else { panic!("text is sent whole") };
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut plain).unwrap();
        assert_eq!(plain.as_bytes(), &text.plain[..]);
        let response = with_text(Response::new(Outgoing::EMPTY), &text, &Accepts::default());
        assert_eq!(
            (response.headers().get(CONTENT_ENCODING), &response.headers()[VARY]),
            (None, &"Accept-Encoding".parse().unwrap())
        );
    }

    #[test]
    fn if_range_asks_for_everything() {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, "bytes=1-2".parse().unwrap());
        assert_eq!(Accepts::new(&headers).range.as_deref(), Some("bytes=1-2"));
        headers.insert(IF_RANGE, "\"x\"".parse().unwrap());
        assert_eq!(Accepts::new(&headers).range, None);
    }
}
