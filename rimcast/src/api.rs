//! Operators' requests: `/api/…`.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{HOST, IF_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use ingest_lambda::store::FolderStore;
use ingest_lambda::{Asked, Native};
use packager_core::operator::{self, AdminAccess, Answer, BODY_BYTES, Deployment, Problem};

use crate::auth::credentials;
use crate::body::Outgoing;
use crate::host::Host;
use crate::ingest::Told;

/// Does what operators ask.
pub(crate) type Operator = ingest_lambda::Operator<FolderStore, Told, Native>;

/// Answers an operator; `path` is what follows `/api/`.
pub(crate) async fn answer(
    host: Arc<Host>,
    peer: SocketAddr,
    path: String,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let answer = match decide(&host, peer, &path, request).await {
        Ok(answer) => answer,
        Err(problem) => {
            if matches!(problem.status, 401 | 403) {
                tracing::warn!(%peer, path, status = problem.status, "not done: {}", problem.detail);
            }
            problem.into()
        }
    };
    respond(answer)
}

async fn decide(
    host: &Host,
    peer: SocketAddr,
    path: &str,
    request: Request<Incoming>,
) -> Result<Answer, Problem> {
    let query = request.uri().query().unwrap_or_default();
    let asked = operator::Request::parse(request.method().as_str(), path, query);
    if asked != Ok(operator::Request::Document) {
        admit(host, peer, request.headers())?;
    }
    let asked = asked?;
    let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let authority = header(HOST).or(authority).unwrap_or_default();
    let deployment = Deployment::new(&format!("{}://{authority}", host.scheme), &host.settings);
    let if_match = header(IF_MATCH).map(str::to_owned);
    let body = Limited::new(request.into_body(), BODY_BYTES).collect().await;
    let body = body
        .map_err(|_| Problem::new(413, format!("the body is longer than {BODY_BYTES} bytes")))?
        .to_bytes();
    let asked = Asked {
        request: asked,
        if_match: if_match.as_deref(),
        body: &body,
        random: rand::random(),
        deployment,
    };
    Ok(host.operator.answer(&asked).await)
}

/// Whether a request is an operator's.
pub(crate) fn admit(host: &Host, peer: SocketAddr, headers: &HeaderMap) -> Result<(), Problem> {
    let access = host.admin_token.as_deref().map_or(AdminAccess::Loopback, AdminAccess::Token);
    access.check(&credentials(peer.ip(), headers))
}

pub(crate) fn respond(answer: Answer) -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::EMPTY);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response.map(|_| Outgoing::Whole(answer.body.into()))
}
