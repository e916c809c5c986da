//! An ingest, by HTTP, as a store: each object is one request (`packager_core::ingest::gate` is the other end).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ingest_lambda::store::{Created, ETag, OBJECT_BYTES, Object, Stat, Store, StoreError, Swapped};
use packager_core::ingest::Credentials;
use packager_core::ingest::gate::{DENIED, IF, META, SIZE, TAG};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};

use super::figures::Figures;

/// How long one attempt may take, the answer included: this, and longer for what is long to send.
const ATTEMPT: Duration = Duration::from_secs(3);
const SLOWEST_BYTES_PER_S: u32 = 64 << 10;

/// Pauses between attempts: the first, and the longest. Each is drawn from the half to the whole of it.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Of what a store can do, and who pushes may not.
const NOT_OURS: &str = "who pushes deletes nothing: a broadcast is its operator's";

/// After so long without an answer the operator is told.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// Headers kept to be sent again: those of a few sessions of every track.
const HEADERS: usize = 256;

/// An ingest to which objects of one broadcast are sent.
#[derive(Clone)]
pub(super) struct Remote {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// `https://host/ingest/show/-/`
    base: String,
    /// `show/`, with which keys begin.
    prefix: String,
    key: Option<String>,
    figures: Arc<Figures>,
    /// Bodies of headers that were sent, by key.
    headers: Mutex<HashMap<String, Bytes>>,
}

/// What came back.
struct Answer {
    status: StatusCode,
    meta: String,
    tag: Option<String>,
    size: Option<u64>,
    is_denied: bool,
    body: Bytes,
}

impl Answer {
    /// The sentence in it.
    fn sentence(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let line = text.trim().lines().next().unwrap_or_default();
        if line.is_empty() || line.starts_with('<') { self.status.to_string() } else { line.to_owned() }
    }

    fn tag(&self) -> ETag {
        ETag(self.tag.clone().unwrap_or_default())
    }
}

impl Remote {
    /// Sends to `to`, which ends in the broadcast's name, with this push key.
    pub(super) fn new(
        to: &str,
        broadcast: &str,
        key: Option<String>,
        figures: Arc<Figures>,
    ) -> std::io::Result<Self> {
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        let base = format!("{}/-/", to.trim_end_matches('/'));
        let prefix = format!("{broadcast}/");
        let shared = Shared { client, base, prefix, key, figures, headers: Mutex::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Asks once whether this is an ingest that takes objects, and this the key to it.
    pub(super) async fn check(&self) -> Result<(), String> {
        let base = &self.shared.base;
        let to = base.trim_end_matches("/-/");
        let answer = self.attempt(&Method::GET, base, &[], Bytes::new()).await;
        match answer {
            Ok(answer) if answer.status.is_success() && answer.body.starts_with(b"[") => Ok(()),
            Ok(answer) => match answer.status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    Err(format!("{to} does not let us push: {}; see --key", answer.sentence()))
                }
                _ if answer.is_denied => Err(format!("{to} takes nothing now: {}", answer.sentence())),
                status if status.is_server_error() => {
                    Err(format!("{to} is in trouble ({status}): {}", answer.sentence()))
                }
                status => Err(format!(
                    "{to} is no ingest that takes parts ({status}): --to wants what the deployment calls its \
                     ingest URL, and the broadcast's name, as in https://HOST/ingest/NAME"
                )),
            },
            Err(why) if why.contains("certificate") => Err(format!(
                "cannot push to {to}: its certificate is not trusted ({why}); give it one of a public authority, or name \
                 the file of its own in SSL_CERT_FILE"
            )),
            Err(why) => {
                Err(format!("cannot reach {to}: {why}; is the address right, and the ingest running?"))
            }
        }
    }

    fn url(&self, key: &str) -> String {
        let rest = key.strip_prefix(self.shared.prefix.as_str()).unwrap_or(key);
        format!("{}{rest}", self.shared.base)
    }

    /// One attempt. What is wrong with the way there is an error; every answer is an answer.
    async fn attempt(
        &self,
        method: &Method,
        url: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
    ) -> Result<Answer, String> {
        let uri: Uri = url.parse().map_err(|why| format!("{url} is no URL: {why}"))?;
        let mut request = Request::builder().method(method.clone()).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(key) = &self.shared.key {
            request = request.header(Credentials::KEY, key);
        }
        if *method == Method::PUT {
            // CloudFront signs it on to Lambda.
            request = request.header("x-amz-content-sha256", format!("{:x}", Sha256::digest(&body)));
        }
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let attempt = ATTEMPT + Duration::from_secs(1) * length / SLOWEST_BYTES_PER_S;
        let request = request.body(Full::new(body)).map_err(|why| why.to_string())?;
        let exchange = async {
            let response = self.shared.client.request(request).await.map_err(|why| root(&why))?;
            let (head, body) = response.into_parts();
            let limit = usize::try_from(OBJECT_BYTES).unwrap_or(usize::MAX);
            let body = Limited::new(body, limit).collect().await.map_err(|why| why.to_string())?.to_bytes();
            let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
            Ok(Answer {
                status: head.status,
                meta: header(META).unwrap_or_default().to_owned(),
                tag: header(TAG).map(str::to_owned),
                size: header(SIZE).and_then(|size| size.parse().ok()),
                is_denied: header(DENIED).is_some(),
                body,
            })
        };
        match tokio::time::timeout(attempt, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", attempt.as_secs())),
        }
    }

    /// Tries until there is an answer that is no "later". A live encoder has nothing better to do: what comes
    /// meanwhile waits, and when too much does, no more is read from it.
    async fn ask(
        &self,
        method: &Method,
        key: &str,
        headers: &[(&'static str, &str)],
        body: &Bytes,
    ) -> Result<Answer, StoreError> {
        let url = self.url(key);
        let (mut pause, longest) = PAUSE;
        let since = Instant::now();
        loop {
            let began = Instant::now();
            let why = match self.attempt(method, &url, headers, body.clone()).await {
                Ok(answer) if is_later(answer.status) => answer.sentence(),
                Ok(answer) => {
                    self.shared.figures.answered(began.elapsed());
                    return self.understood(key, answer);
                }
                Err(why) => why,
            };
            if since.elapsed() >= WORTH_TELLING {
                self.shared.figures.unreached(since, &why);
            }
            let jitter = rand::rng().random_range(0.5..=1.0);
            tokio::time::sleep(pause.mul_f64(jitter)).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Answers that mean that nothing can be pushed here, as errors.
    fn understood(&self, key: &str, answer: Answer) -> Result<Answer, StoreError> {
        let key = key.to_owned();
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                self.shared.figures.failed(&answer.sentence());
                Err(StoreError::Forbidden { key })
            }
            // It is the broadcast that is not there, or has ended, and not the object.
            _ if answer.is_denied => {
                let why = answer.sentence();
                self.shared.figures.failed(&why);
                Err(StoreError::Refused { key, why })
            }
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                let why = answer.sentence();
                self.shared.figures.failed(&why);
                Err(StoreError::Refused { key, why })
            }
            _ => Ok(answer),
        }
    }

    async fn put(&self, key: &str, condition: &str, meta: &str, body: Bytes) -> Result<Answer, StoreError> {
        let kind = if key.ends_with(".json") { "application/json" } else { "video/mp4" };
        let mut headers = vec![("content-type", kind), (IF, condition)];
        if !meta.is_empty() {
            headers.push((META, meta));
        }
        self.ask(&Method::PUT, key, &headers, &body).await
    }

    /// The key of a part's header.
    fn header_of(key: &str) -> Option<String> {
        Some(format!("{}/init.mp4", key.rsplit_once('/')?.0)).filter(|header| header != key)
    }
}

/// An answer that may well be another in a moment.
fn is_later(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// What lies at the bottom of an error: the layers above it only say that there is one.
fn root(why: &dyn std::error::Error) -> String {
    let mut why = why;
    while let Some(source) = why.source() {
        why = source;
    }
    why.to_string()
}

impl Store for Remote {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let answer = self.ask(&Method::GET, key, &[], &Bytes::new()).await?;
        let etag = answer.tag();
        Ok(answer.status.is_success().then_some(Object { meta: answer.meta, body: answer.body, etag }))
    }

    async fn stat(&self, key: &str) -> Result<Option<Stat>, StoreError> {
        let answer = self.ask(&Method::HEAD, key, &[], &Bytes::new()).await?;
        let etag = answer.tag();
        let size_bytes = answer.size.unwrap_or(0);
        Ok(answer.status.is_success().then_some(Stat { meta: answer.meta, size_bytes, etag }))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let answer = self.ask(&Method::GET, prefix, &[], &Bytes::new()).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|why| StoreError::Damaged { key: prefix.to_owned(), why: why.to_string() })
    }

    async fn create(&self, key: &str, meta: &str, body: &[Bytes]) -> Result<Created, StoreError> {
        let body = Bytes::from(body.concat());
        let mut answer = self.put(key, "none", meta, body.clone()).await?;
        if key.ends_with("/init.mp4") {
            let mut headers = self.shared.headers.lock().unwrap_or_else(PoisonError::into_inner);
            if headers.len() >= HEADERS {
                headers.clear();
            }
            headers.insert(key.to_owned(), body.clone());
        } else if answer.status == StatusCode::PRECONDITION_FAILED {
            // The ingest does not know the header that this part goes with.
            let header = Self::header_of(key).and_then(|header| {
                let headers = self.shared.headers.lock().unwrap_or_else(PoisonError::into_inner);
                Some((headers.get(&header)?.clone(), header))
            });
            let Some((bytes, header)) = header else {
                return Err(StoreError::Refused { key: key.to_owned(), why: answer.sentence() });
            };
            tracing::warn!(header, "the ingest asks for the header again");
            self.put(&header, "none", "", bytes).await?;
            answer = self.put(key, "none", meta, body).await?;
        }
        match answer.status {
            // "The very same is there already" is what a retry is answered.
            StatusCode::CREATED | StatusCode::OK => Ok(Created::New),
            StatusCode::CONFLICT => Ok(Created::Exists),
            _ => Err(StoreError::Refused { key: key.to_owned(), why: answer.sentence() }),
        }
    }

    async fn swap(
        &self,
        key: &str,
        expected: Option<&ETag>,
        meta: &str,
        body: &[Bytes],
    ) -> Result<Swapped, StoreError> {
        let condition = expected.map_or("none", |tag| tag.0.as_str());
        let answer = self.put(key, condition, meta, Bytes::from(body.concat())).await?;
        match answer.status {
            StatusCode::CREATED | StatusCode::OK => Ok(Swapped::Done(answer.tag())),
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Ok(Swapped::Conflict),
            _ => Err(StoreError::Refused { key: key.to_owned(), why: answer.sentence() }),
        }
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        Err(StoreError::Refused { key: prefix.to_owned(), why: NOT_OURS.to_owned() })
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StoreError> {
        let key = keys.first().cloned().unwrap_or_default();
        Err(StoreError::Refused { key, why: NOT_OURS.to_owned() })
    }
}
