//! Ingest as a Lambda function behind a Function URL, for what `rimcast push` sends.
//!
//! Lambda hands a request over whole, and each to whichever instance is free: so this keeps no state, and any other
//! encoder is told to use `rimcast push`, which does.

mod event;
#[cfg(test)]
mod tests;

use packager_core::ingest::gate::{self, Answer, Headers, Request, Wrong};
use packager_core::ingest::{Credentials, PushAccess, check_push_key, split_key};

pub use self::event::{Event, Reply};
use crate::Gate;
use crate::runtime::{Native, Runtime as _};
use crate::store::{S3Settings, S3Store, SettingError, Store};

/// Logs as JSON, which CloudWatch can search, from the level that the function is set to.
pub fn log() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(level.unwrap_or(tracing::Level::INFO))
        .init();
}

/// Longest body, either way. Lambda's limit is 6 MB of JSON, in which media is base64 and headers take some room.
const BODY_BYTES: usize = 4_400_000;

/// The function.
pub struct Function<S> {
    gate: Gate<S>,
    push_key: String,
}

impl Function<S3Store> {
    /// As environment variables say: `RIMCAST_PUSH_KEY`, and those of the [store](S3Settings::from_env).
    ///
    /// # Errors
    ///
    /// One that is needed is not set, or makes no sense.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let name = "RIMCAST_PUSH_KEY";
        let what = "set it to what `rimcast push` shows as --key; `openssl rand -hex 16` makes a good one";
        let push_key = var(name).filter(|key| !key.is_empty()).ok_or(SettingError::Missing { name, what })?;
        if check_push_key(&push_key).is_err() {
            let what = "it is 6 or more visible ASCII characters without spaces";
            return Err(SettingError::Unusable { name, what });
        }
        Ok(Self::new(S3Store::new(&S3Settings::from_env(var)?), push_key))
    }
}

impl<S: Store> Function<S> {
    /// A function before this store, for who shows this key.
    pub fn new(store: S, push_key: String) -> Self {
        Self { gate: Gate::new(store), push_key }
    }

    /// Answers a request.
    pub async fn answer(&self, event: Event) -> Reply {
        let method = event.method().to_owned();
        let path = event.path().strip_prefix("/ingest/").unwrap_or_default().to_owned();
        let answer = self.decide(event, &path).await;
        // From here on the path is told in logs, and the key must not be.
        let path = split_key(&path).1;
        match (&answer.content, answer.status) {
            (gate::Content::Text(why), status @ 400..) if status != 404 => {
                tracing::warn!(method, path, status, "refused: {why}");
            }
            (_, status) => tracing::debug!(method, path, status, "answered"),
        }
        answer.into()
    }

    async fn decide(&self, event: Event, path: &str) -> Answer {
        let shown = Credentials {
            authorization: event.header("authorization"),
            key: event.header(Credentials::KEY),
            from_loopback: false,
            relayed: true,
        };
        let pusher = match PushAccess::Key(&self.push_key).check(path, &shown) {
            Ok(pusher) => pusher,
            Err(denied) => return Answer::denied(&denied),
        };
        let headers = Headers { condition: event.header(gate::IF), meta: event.header(gate::META) };
        let request = match Request::parse(event.method(), split_key(path).1, &headers) {
            Ok(request) => request,
            Err(wrong) => return wrong.into(),
        };
        if let Err(answer) = self.gate.admit(&request, &pusher, Native::now()).await {
            return answer;
        }
        if event.body_bytes() > BODY_BYTES {
            return Answer::too_large(BODY_BYTES);
        }
        // Bytes that are no text were lost on the way.
        if matches!(&request, Request::Put(write) if write.is_media()) && event.has_text() {
            return Wrong::Text.into();
        }
        let Ok(body) = event.into_body() else { return Wrong::Text.into() };
        let answer = self.gate.answer(request, body).await;
        if answer.content.len() > BODY_BYTES { Answer::too_large_to_send() } else { answer }
    }
}
