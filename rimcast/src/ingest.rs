//! Encoders' requests: `PUT` or `POST` to `/ingest/{broadcast}/{file}`.
//!
//! Encoders do not wait for answers: ffmpeg closes the connection the moment a body ends. So each
//! body is received by a task of its own, which sees to it that what came is stored, whatever
//! becomes of the connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{EXPECT, HeaderName, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use ingest_lambda::store::{FolderStore, OBJECT_BYTES};
use ingest_lambda::{Native, Observer, Runtime as _, Upload};
use packager_core::ingest::{Denied, PushAccess, Pusher, Refusal, gate, split_key};
use packager_core::log::{BroadcastName, BroadcastRecord, Generation, Target};

use crate::auth::credentials;
use crate::body::Outgoing;
use crate::host::Host;
use crate::hub::Hub;
use crate::respond::sentence;

/// What takes in what is pushed.
pub(crate) type Ingest = ingest_lambda::Ingest<FolderStore, Told, Native>;

/// What takes in what `rimcast push` has cut.
pub(crate) type Gate = ingest_lambda::Gate<FolderStore, Told>;

/// Tells the hub of everything that was stored.
pub(crate) struct Told(pub(crate) Arc<Hub>);

impl Observer for Told {
    fn recorded(&self, broadcast: &BroadcastName, record: &BroadcastRecord) {
        self.0.recorded(broadcast, record);
    }

    fn interfered(&self, broadcast: &BroadcastName, generation: &Generation) {
        self.0.interfered(broadcast, generation);
    }

    fn stored(
        &self,
        broadcast: &BroadcastName,
        generation: &Generation,
        target: &Target,
        key: &str,
        meta: &str,
        body: &[Bytes],
    ) {
        self.0.stored(broadcast, generation, target, key, meta, body);
    }
}

/// After a refusal this much of the body is read and forgotten, so that the encoder can read the
/// answer; a connection that is reset takes the answer with it.
const DRAINED_BYTES: usize = 8 << 20;
const DRAINED_FOR: Duration = Duration::from_secs(10);

/// Answers an encoder; `path` is what follows `/ingest/`.
pub(crate) async fn answer(
    host: Arc<Host>,
    peer: SocketAddr,
    path: String,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let access = host.push_key.as_deref().map_or(PushAccess::Loopback, PushAccess::Key);
    let allowed = access.check(&path, &credentials(peer.ip(), request.headers()));
    // From here on the path is told in logs, and the key must not be.
    let path = split_key(&path).1.to_owned();
    let pusher = match allowed {
        Ok(pusher) => pusher,
        Err(denied) => return refused(peer, &path, &denied, &request),
    };
    if gate::of_push(&path) {
        return object(&host, &path, &pusher, request).await;
    }
    match *request.method() {
        Method::PUT | Method::POST => {}
        // Encoders tidy up what they believe is a folder. Nothing that was published goes away.
        Method::DELETE => return sentence(StatusCode::OK, "nothing needs to be deleted"),
        _ => return sentence(StatusCode::METHOD_NOT_ALLOWED, "push with PUT or POST"),
    }
    let body = request.into_body();
    let stopping = host.stopping.clone();
    // Spawned at once: from here on nothing depends on the connection.
    let receiving = tokio::spawn({
        let path = path.clone();
        async move {
            match host.ingest.open(&path, &pusher).await {
                Ok(upload) => receive(&host, upload, body).await,
                Err(refusal) => Err((refusal, Some(body))),
            }
        }
    });
    match receiving.await {
        Ok(Ok(())) => sentence(StatusCode::OK, "stored"),
        Ok(Err((refusal, rest))) => {
            if let Some(rest) = rest {
                tokio::spawn(drain(rest));
            }
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            if *stopping.borrow() {
                tracing::debug!(%peer, path, "push ended by the server: {refusal}");
                return sentence(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping; push again");
            }
            tracing::warn!(%peer, path, status = status.as_u16(), "push refused: {refusal}");
            sentence(status, &refusal.to_string())
        }
        Err(stopped) => {
            tracing::error!(%peer, path, "receiving stopped: {stopped}");
            sentence(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the server failed while receiving this; its log says more",
            )
        }
    }
}

/// Answers who shows nothing that could let them push.
fn refused(peer: SocketAddr, path: &str, denied: &Denied, request: &Request<Incoming>) -> Response<Outgoing> {
    if *denied == Denied::NoKey && request.headers().contains_key(EXPECT) {
        // ffmpeg asks what is wanted before it sends each body, and then shows the key.
        tracing::debug!(%peer, path, "asked for the push key");
    } else {
        tracing::warn!(%peer, path, status = denied.status(), "push refused: {denied}");
    }
    let status = StatusCode::from_u16(denied.status()).unwrap_or(StatusCode::FORBIDDEN);
    let mut response = sentence(status, &denied.to_string());
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(Denied::CHALLENGE));
    }
    response
}

/// Answers `rimcast push`, which sends each object as a request of its own.
async fn object(host: &Host, path: &str, pusher: &Pusher, request: Request<Incoming>) -> Response<Outgoing> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let said = gate::Headers { condition: header(gate::IF), meta: header(gate::META) };
    let answer = match gate::Request::parse(request.method().as_str(), path, &said) {
        Err(wrong) => wrong.into(),
        Ok(asked) => match host.gate.admit(&asked, pusher, Native::now()).await {
            Err(answer) => answer,
            Ok(()) => {
                let most = usize::try_from(OBJECT_BYTES).unwrap_or(usize::MAX);
                match Limited::new(request.into_body(), most).collect().await {
                    Ok(body) => host.gate.answer(asked, body.to_bytes()).await,
                    Err(_) => gate::Answer::too_large(most),
                }
            }
        },
    };
    let mut response = Response::new(Outgoing::EMPTY);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers() {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response.map(|_| Outgoing::Whole(answer.content.bytes()))
}

/// Hands a body on piece by piece. A refusal comes with what is left of the body.
async fn receive(
    host: &Host,
    mut upload: Upload,
    mut body: Incoming,
) -> Result<(), (Refusal, Option<Incoming>)> {
    let mut stopping = host.stopping.clone();
    let is_whole = loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            _ = stopping.wait_for(|stop| *stop) => break false,
        };
        match frame {
            None => break true,
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data()
                    && let Err(refusal) = upload.push(bytes).await
                {
                    return Err((refusal, Some(body)));
                }
            }
            Some(Err(why)) => {
                tracing::debug!("a push broke off: {why}");
                break false;
            }
        }
    };
    upload.finish(is_whole).await.map_err(|refusal| (refusal, None))
}

async fn drain(mut body: Incoming) {
    let drained = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
            if bytes > DRAINED_BYTES {
                break;
            }
        }
    };
    // Whatever is not read by then is not worth reading.
    let _ = tokio::time::timeout(DRAINED_FOR, drained).await;
}
