//! One viewer's HTTP client, over HTTP/2 where the server speaks it (ALPN), else with keep-alive.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

/// hls.js's patience with a playlist,
pub(crate) const PLAYLIST_PATIENCE: Duration = Duration::from_secs(10);

/// and with media.
pub(crate) const MEDIA_PATIENCE: Duration = Duration::from_secs(20);

/// What all viewers' clients have in common: the certificates they trust, which take a while to read.
#[derive(Clone)]
pub(crate) struct Connector(HttpsConnector<HttpConnector>);

impl Connector {
    /// Trusts the system's certificates (or those in `SSL_CERT_FILE`).
    pub(crate) fn new() -> std::io::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let tls = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http();
        Ok(Self(tls.enable_all_versions().wrap_connector(tcp)))
    }
}

/// Connections of one viewer, which no other viewer uses.
pub(crate) struct Client(Pool<HttpsConnector<HttpConnector>, Empty<Bytes>>);

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Cf-Cache-Status`.
    pub(crate) cache_status: Option<String>,
    /// `Age`.
    pub(crate) age_s: Option<u64>,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) fn new(connector: &Connector) -> Self {
        Self(Pool::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector.0.clone()))
    }

    /// GET.
    ///
    /// # Errors
    ///
    /// No whole answer came: a word that says why.
    pub(crate) async fn get(&self, url: &Url, patience: Duration) -> Result<Answer, &'static str> {
        let uri = url.as_str().parse().map_err(|_| "bad URL")?;
        let answer = async {
            let response = self.0.get(uri).await.map_err(|why| match why.is_connect() {
                true => "no connection",
                false => "no answer",
            })?;
            let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
            let cache_status = header("cf-cache-status");
            let age_s = header("age").and_then(|age| age.parse().ok());
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.map_err(|_| "broken off")?.to_bytes();
            Ok(Answer { status, cache_status, age_s, body })
        };
        tokio::time::timeout(patience, answer).await.unwrap_or(Err("timeout"))
    }
}
