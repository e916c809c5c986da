//! One server: what it holds, and who answers which request.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::HOST;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use ingest_lambda::store::FolderStore;
use packager_core::edge;
use tokio::sync::watch;

use crate::api;
use crate::body::Outgoing;
use crate::hub::Hub;
use crate::ingest;
use crate::page::Pages;
use crate::respond::{Accepts, without_body};
use crate::viewer::{self, ViewerRequest};

/// One server.
pub(crate) struct Host {
    /// Where the broadcasts are.
    pub(crate) store: FolderStore,
    /// What everyone shares.
    pub(crate) hub: Arc<Hub>,
    /// The pages that are built in.
    pub(crate) pages: Pages,
    /// What encoders must show; without one, only this machine may push.
    pub(crate) push_key: Option<String>,
    /// What operators must show; without one, only this machine may manage broadcasts.
    pub(crate) admin_token: Option<String>,
    /// Does what operators ask.
    pub(crate) operator: api::Operator,
    /// How media is cut where a broadcast says nothing of it.
    pub(crate) settings: ingest_lambda::Settings,
    /// Takes what is pushed.
    pub(crate) ingest: ingest::Ingest,
    /// Takes what `rimcast push` has cut.
    pub(crate) gate: ingest::Gate,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// Whether the process was asked to stop.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Host {
    /// Whether the process was asked to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Answers a request. What is returned is as small as can be: of those that are held, there are
    /// thousands.
    pub(crate) fn answer(self: Arc<Self>, peer: SocketAddr, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        if let Some(rest) = path.strip_prefix("/ingest/") {
            let rest = rest.to_owned();
            return Answer::Later(Box::pin(ingest::answer(self, peer, rest, request)));
        }
        if let Some(rest) = path.strip_prefix("/api/") {
            let rest = rest.to_owned();
            return Answer::Later(Box::pin(api::answer(self, peer, rest, request)));
        }
        let is_operators = edge::status_of(path).is_some();
        if is_operators && let Err(problem) = api::admit(&self, peer, request.headers()) {
            return Answer::Now(Some(Box::new(api::respond(problem.into()))));
        }
        let is_head = request.method() == Method::HEAD;
        if let Some(page) = self.page(&request).filter(|_| is_head || request.method() == Method::GET) {
            return Answer::Now(Some(Box::new(if is_head { without_body(page) } else { page })));
        }
        let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let viewer = ViewerRequest {
            method: request.method().clone(),
            is_operators,
            target: Box::from(target),
            accepts: Accepts::new(request.headers()),
        };
        // The request's head, and the buffer it was read into, are not kept while it is held.
        Answer::Later(Box::pin(viewer::answer(self, viewer)))
    }

    /// What is not a broadcast's.
    fn page(&self, request: &Request<Incoming>) -> Option<Response<Outgoing>> {
        match request.uri().path() {
            "/" => {
                let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
                let host = host.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
                Some(Pages::index(self.scheme, host))
            }
            "/healthz" => Some(Pages::health(self.is_stopping())),
            path => {
                let file = path.strip_prefix("/-/player/")?;
                Some(self.pages.asset(file, &Accepts::new(request.headers())))
            }
        }
    }
}

/// A response, now or later.
pub(crate) enum Answer {
    /// Now.
    Now(Option<Box<Response<Outgoing>>>),
    /// Later.
    Later(Pin<Box<dyn Future<Output = Response<Outgoing>> + Send>>),
}

impl Future for Answer {
    type Output = Result<Response<Outgoing>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Now(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(*response)),
                None => Poll::Pending,
            },
            Self::Later(response) => response.as_mut().poll(cx).map(Ok),
        }
    }
}
