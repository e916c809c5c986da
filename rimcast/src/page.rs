//! What is not media: the player, the index page, the health check.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use packager_core::edge::Rendered;

use crate::body::Outgoing;
use crate::respond::{Accepts, sentence, with_text};

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

    /// `/`: how to push and how to watch.
    pub(crate) fn index(scheme: &str, host: Option<&str>) -> Response<Outgoing> {
        // What a client says of itself goes into the text only if it looks like a host and port.
        let is_host = |host: &&str| {
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
        };
        let base = format!("{scheme}://{}", host.filter(is_host).unwrap_or("HOST:PORT"));
        let text = format!(
            "Rimcast {version}\n\n\
             Push to   {base}/ingest/NAME/manifest.mpd   (ffmpeg -f dash -method PUT, see `rimcast serve --help`)\n\
             Watch at  {base}/NAME/\n\
             HLS       {base}/NAME/index.m3u8\n\n\
             A name is made of a-z, 0-9 and '-'.\n",
            version = env!("CARGO_PKG_VERSION"),
        );
        let mut response = plain("text/plain; charset=utf-8", "no-store");
        *response.body_mut() = Outgoing::Whole(Bytes::from(text));
        response
    }

    /// `/healthz`.
    pub(crate) fn health(is_stopping: bool) -> Response<Outgoing> {
        let status = if is_stopping { "stopping" } else { "ok" };
        let text = format!("{{\"status\":\"{status}\",\"version\":\"{}\"}}\n", env!("CARGO_PKG_VERSION"));
        let mut response = plain("application/json", "no-store");
        if is_stopping {
            // So that a load balancer looks elsewhere.
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        *response.body_mut() = Outgoing::Whole(Bytes::from(text));
        response
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
