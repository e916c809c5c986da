//! What is not media: the player, the index page, the health check.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use packager_core::edge::{self, Rendered};

use crate::body::Outgoing;
use crate::respond::{Accepts, said, sentence, with_text};

/// The pages that are built in.
pub(crate) struct Pages {
    /// The player, which a broadcast's own URL shows.
    pub(crate) player: Arc<Rendered>,
    assets: [(&'static str, &'static str, Arc<Rendered>); 4],
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

impl Pages {
    /// The pages.
    pub(crate) fn new() -> Self {
        let text = |text: &'static str| {
            Arc::new(Rendered { plain: Bytes::from_static(text.as_bytes()), ..Rendered::default() })
        };
        Self {
            player: text(include_str!("../../player/index.html")),
            assets: [
                ("player.js", JAVASCRIPT, text(include_str!("../../player/player.js"))),
                ("tracks.js", JAVASCRIPT, text(include_str!("../../player/tracks.js"))),
                ("player.css", "text/css; charset=utf-8", text(include_str!("../../player/player.css"))),
                ("hls.min.js", JAVASCRIPT, text(include_str!(concat!(env!("OUT_DIR"), "/hls.min.js")))),
            ],
        }
    }

    /// What the player page loads: `/-/player/{file}`.
    pub(crate) fn asset(&self, file: &str, accepts: &Accepts) -> Response<Outgoing> {
        match self.assets.iter().find(|(name, ..)| *name == file) {
            // They change with the server, under the same name.
            Some((_, content_type, text)) => with_text(plain(content_type, "max-age=300"), text, accepts),
            None => sentence(StatusCode::NOT_FOUND, "no such page"),
        }
    }

    /// `/`.
    pub(crate) fn index(scheme: &str, host: Option<&str>) -> Response<Outgoing> {
        // What a client says of itself goes into the text only if it looks like a host and port.
        let is_host = |host: &&str| {
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
        };
        said(&edge::Response::welcome(&format!("{scheme}://{}", host.filter(is_host).unwrap_or("HOST:PORT"))))
    }

    /// `/healthz`.
    pub(crate) fn health(is_stopping: bool) -> Response<Outgoing> {
        said(&edge::Response::health(is_stopping))
    }
}

fn plain(content_type: &'static str, cache_control: &'static str) -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::EMPTY);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
