//! Responses as HTTP wants them: compression, HEAD. What is in them was decided by the packager.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, IF_RANGE, RANGE, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use packager_core::edge::{self, Rendered};

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

/// Status and headers of a response that the packager decided, without its body.
pub(crate) fn head(decided: &edge::Response) -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::EMPTY);
    *response.status_mut() =
        StatusCode::from_u16(decided.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in decided.headers() {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// A sentence, as text, that a cache may keep for a second.
pub(crate) fn sentence(status: StatusCode, text: &str) -> Response<Outgoing> {
    said(&edge::Response::error(status.as_u16(), text))
}

/// A response in words, as the packager has it.
pub(crate) fn said(decided: &edge::Response) -> Response<Outgoing> {
    let mut response = head(decided);
    if let edge::Body::Text(text) = &decided.body {
        *response.body_mut() = Outgoing::Whole(text.plain.clone());
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
