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
    assets: [Arc<Rendered>; ASSETS.len()],
}

/// A file beside `player/index.html`, and one of the scripts that `build.rs` fetches.
macro_rules! asset {
    (page $file:literal) => {
        ($file, include_str!(concat!("../../player/", $file)))
    };
    (script $file:literal) => {
        ($file, include_str!(concat!(env!("OUT_DIR"), "/", $file)))
    };
}

/// What the player page loads, by the name it has there, and the operator's page.
const ASSETS: [(&str, &str); 14] = [
    asset!(page "event.js"),
    asset!(page "player.css"),
    asset!(page "player.js"),
    asset!(page "status.css"),
    asset!(page "status.html"),
    asset!(page "status.js"),
    asset!(page "tracks.js"),
    asset!(page "engines/dash.js"),
    asset!(page "engines/hls.js"),
    asset!(page "engines/native.js"),
    asset!(page "engines/shaka.js"),
    asset!(script "dash.mediaplayer.min.js"),
    asset!(script "hls.min.js"),
    asset!(script "shaka-player.dash-es2021.js"),
];

impl Pages {
    /// The pages.
    pub(crate) fn new() -> Self {
        let text = |text: &'static str| {
            Arc::new(Rendered { plain: Bytes::from_static(text.as_bytes()), ..Rendered::default() })
        };
        Self {
            player: text(include_str!("../../player/index.html")),
            assets: ASSETS.map(|(_, content)| text(content)),
        }
    }

    /// What the player page loads: `/-/player/{file}`.
    pub(crate) fn asset(&self, file: &str, accepts: &Accepts) -> Response<Outgoing> {
        let mut assets = ASSETS.iter().zip(&self.assets);
        let Some((_, text)) = assets.find(|((name, _), _)| *name == file) else {
            return sentence(StatusCode::NOT_FOUND, "no such page");
        };
        let content_type = match file.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("html") => "text/html; charset=utf-8",
            _ => "text/javascript; charset=utf-8",
        };
        // They change with the server, under the same name.
        with_text(plain(content_type, "max-age=300"), text, accepts)
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
