//! The packager's edge over R2: what both the packager and the waiting objects drive.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use futures_util::future::try_join_all;
use ingest_lambda::Runtime as _;
use ingest_lambda::store::{StoreError, find, write};
use packager_core::edge::{
    Asked, Body, Cursor, Edge, Fetch, Grow, Method, PartObject, Ranged, Request, Response as Decided, Step,
    Write,
};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Response, StreamPipeOptions, WritableStream};
use worker::worker_sys::FixedLengthStream;
use worker::{Env, Result};

use crate::isolate::Isolate;
use crate::respond::{Head, said};
use crate::store::R2Store;

/// What one edge knows, and where it reads.
pub(crate) struct EdgeHost {
    pub(crate) store: R2Store,
    edge: RefCell<Edge>,
}

/// A viewer's request, taken apart.
pub(crate) struct ViewerRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    /// `Range`, but not beside an `If-Range`.
    pub(crate) range: Option<String>,
}

impl ViewerRequest {
    pub(crate) fn new(request: &web_sys::Request) -> Result<Self> {
        let url = request.url();
        let (path, query) = target(&url).split_once('?').unwrap_or((target(&url), ""));
        let method = match request.method().as_str() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "OPTIONS" => Method::Options,
            _ => Method::Other,
        };
        let range = request.headers().get("range")?;
        Ok(Self { method, path: path.to_owned(), query: query.to_owned(), range })
    }

    pub(crate) fn as_core(&self) -> Request<'_> {
        Request { method: self.method, path: &self.path, query: &self.query }
    }
}

/// Path and query of a URL; the runtime has parsed it already.
pub(crate) fn target(url: &str) -> &str {
    let from_host = url.split_once("://").map_or(url, |(_, rest)| rest);
    from_host.find('/').and_then(|slash| from_host.get(slash..)).unwrap_or("/")
}

impl EdgeHost {
    pub(crate) fn new(store: R2Store) -> Self {
        Self { store, edge: RefCell::new(Edge::new(false)) }
    }

    pub(crate) fn handle(&self, request: &Request<'_>, asked: Asked) -> Step {
        self.edge.borrow_mut().handle(request, asked, Isolate::now())
    }

    pub(crate) fn grow(&self, cursor: &Cursor) -> Grow {
        self.edge.borrow_mut().grow(cursor, Isolate::now())
    }

    /// Reads all at once, and tells the edge.
    pub(crate) async fn read(&self, fetches: Vec<Fetch>) -> std::result::Result<(), StoreError> {
        let asked = Isolate::now();
        let reads = fetches.iter().map(|fetch| find(&self.store, &fetch.key, fetch.kind));
        let found = try_join_all(reads).await?;
        let mut edge = self.edge.borrow_mut();
        for (fetch, found) in fetches.iter().zip(&found) {
            edge.absorb(fetch, found, asked);
        }
        Ok(())
    }

    /// Writes what is due, and tells the edge.
    pub(crate) async fn write(&self, due: &Write) {
        let written = write(&self.store, due).await;
        self.edge.borrow_mut().wrote(due, &written, Isolate::now());
    }

    /// Reads one thing; tells the edge if something is there.
    pub(crate) async fn poll(&self, fetch: &Fetch) -> std::result::Result<bool, StoreError> {
        let asked = Isolate::now();
        let found = find(&self.store, &fetch.key, fetch.kind).await?;
        let is_there = !matches!(found, packager_core::log::Found::Missing);
        if is_there {
            self.edge.borrow_mut().absorb(fetch, &found, asked);
        }
        Ok(is_there)
    }

    /// Gives a decided response its body. One that grows is the caller's.
    pub(crate) async fn send(
        &self,
        decided: Decided,
        request: &ViewerRequest,
        env: &Env,
    ) -> Result<Response> {
        let is_head = request.method == Method::Head;
        let range = request.range.as_deref();
        match &decided.body {
            Body::Empty => Head::new(&decided).empty(),
            Body::Text(text) if is_head => sized(&decided, text.plain.len() as u64),
            Body::Text(text) => Head::new(&decided).with_bytes(&text.plain),
            Body::Page => page(&decided, env).await,
            Body::Bytes(bytes) => {
                let bytes: &[u8] = bytes;
                match decided.ranged(range, bytes.len() as u64) {
                    (decided, Ranged::Outside) => said(&decided),
                    (decided, _) if is_head => sized(&decided, bytes.len() as u64),
                    (decided, Ranged::Whole) => Head::new(&decided).with_bytes(bytes),
                    (decided, Ranged::Part { first, last }) => {
                        let (first, last) = (first as usize, last as usize);
                        Head::new(&decided).with_bytes(bytes.get(first..=last).unwrap_or_default())
                    }
                }
            }
            Body::Object { key, .. } => {
                let object = match self.store.stream(key, None).await {
                    Ok(Some(object)) => object,
                    Ok(None) => return said(&decided.absent()),
                    Err(why) => return unavailable(&why),
                };
                let key = key.clone();
                let (stream, size) = object;
                match decided.ranged(range, size) {
                    (decided, Ranged::Outside) => said(&decided),
                    (decided, _) if is_head => sized(&decided, size),
                    (decided, Ranged::Whole) => Head::new(&decided).with_stream(stream),
                    (decided, Ranged::Part { first, last }) => {
                        let part = PartObject { key, bytes: size };
                        self.joined(&decided, vec![part], first..last.saturating_add(1))
                    }
                }
            }
            Body::Segment { parts, .. } => {
                let parts = parts.clone();
                let size = parts.iter().fold(0, |sum: u64, part| sum.saturating_add(part.bytes));
                match decided.ranged(range, size) {
                    (decided, Ranged::Outside) => said(&decided),
                    (decided, _) if is_head => sized(&decided, size),
                    (decided, Ranged::Whole) => self.joined(&decided, parts, 0..size),
                    (decided, Ranged::Part { first, last }) => {
                        self.joined(&decided, parts, first..last.saturating_add(1))
                    }
                }
            }
        }
    }

    /// A response of parts one after the other, piped by the runtime. It is broken off where one is not
    /// what the log says.
    fn joined(&self, decided: &Decided, parts: Vec<PartObject>, wanted: Range<u64>) -> Result<Response> {
        let bytes = wanted.end.saturating_sub(wanted.start);
        let pipe = FixedLengthStream::new_big_int(js_sys::BigInt::from(bytes))?;
        let (store, writable) = (self.store.clone(), pipe.writable());
        wasm_bindgen_futures::spawn_local(async move {
            let mut start = 0_u64;
            for part in &parts {
                let end = start.saturating_add(part.bytes);
                let (from, until) = (wanted.start.max(start), wanted.end.min(end));
                if from < until && !pipe_part(&store, part, from - start..until - start, &writable).await {
                    return;
                }
                start = end;
            }
            let _ = JsFuture::from(writable.close()).await;
        });
        Head::new(decided).with_stream(pipe.readable())
    }
}

/// What is told of a response that does not come to its end.
pub(crate) const BROKEN_OFF: &str = "the response was broken off: what should follow did not come";

/// Sends a range of a part on; false when that has failed, and the response is broken off.
pub(crate) async fn pipe_part(
    store: &R2Store,
    part: &PartObject,
    range: Range<u64>,
    to: &WritableStream,
) -> bool {
    let range = (range != (0..part.bytes)).then_some(range);
    let why = match store.stream(&part.key, range).await {
        Ok(Some((stream, size))) if size == part.bytes => {
            let options = StreamPipeOptions::new();
            options.set_prevent_close(true);
            match JsFuture::from(stream.pipe_to_with_options(to, &options)).await {
                Ok(_) => return true,
                // The viewer has gone.
                Err(_) => return false,
            }
        }
        Ok(_) => format!("what is stored at {} is not what the log says it is", part.key),
        Err(why) => why.to_string(),
    };
    tracing::error!("{why}");
    let _ = JsFuture::from(to.abort_with_reason(&BROKEN_OFF.into())).await;
    false
}

/// The answer to HEAD.
fn sized(decided: &Decided, bytes: u64) -> Result<Response> {
    Head::new(decided).with("content-length", &bytes.to_string()).empty()
}

/// The player page, which is among the static assets.
async fn page(decided: &Decided, env: &Env) -> Result<Response> {
    let mut page = env.assets("ASSETS")?.fetch("https://assets/-/player/index.html", None).await?;
    Head::new(decided).with_bytes(&page.bytes().await?)
}

/// Storage does not answer.
pub(crate) fn unavailable(why: &StoreError) -> Result<Response> {
    tracing::error!("{why}");
    said(&Decided::unavailable())
}

/// One edge, shared.
pub(crate) type SharedEdge = Rc<EdgeHost>;
