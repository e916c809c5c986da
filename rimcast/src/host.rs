//! One server: what it holds, and who answers which request.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::HOST;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use ingest_lambda::store::FolderStore;
use tokio::sync::watch;

use crate::auth::PushAccess;
use crate::body::Outgoing;
use crate::hub::Hub;
use crate::page::Pages;
use crate::push;
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
    /// Who may push.
    pub(crate) access: PushAccess,
    /// Takes what is pushed.
    pub(crate) ingest: push::Ingest,
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

    /// Answers a request.
    pub(crate) async fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> Response<Outgoing> {
        let path = request.uri().path();
        if let Some(rest) = path.strip_prefix("/ingest/") {
            let rest = rest.to_owned();
            // In a box: pushes are few, and every held viewer would pay for the size of this.
            return Box::pin(push::answer(self, peer, rest, request)).await;
        }
        let is_head = request.method() == Method::HEAD;
        let reads = is_head || request.method() == Method::GET;
        let page = match path {
            "/" if reads => {
                let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
                let host = host.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
                Some(Pages::index(self.scheme, host))
            }
            "/healthz" if reads => Some(Pages::health(self.is_stopping())),
            _ if reads => path
                .strip_prefix("/-/player/")
                .map(|file| self.pages.asset(file, &Accepts::new(request.headers()))),
            _ => None,
        };
        if let Some(page) = page {
            return if is_head { without_body(page) } else { page };
        }
        let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let viewer = ViewerRequest {
            method: request.method().clone(),
            target: Box::from(target),
            accepts: Accepts::new(request.headers()),
        };
        // Its head, and the buffer it was read into, are not kept while it is held.
        drop(request);
        viewer::answer(&self, viewer).await
    }
}
