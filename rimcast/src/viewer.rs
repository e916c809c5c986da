//! Viewers' requests: the loop that drives the packager's edge, and the bodies it decides on.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use ingest_lambda::store::{Store, StoreError, find, write};
use ingest_lambda::{Native, Runtime as _};
use packager_core::edge::{self, Asked, Cursor, Fetch, Grow, HOLD_MS, Method, PartObject, Ranged, Request};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::body::{BrokenOff, Outgoing};
use crate::host::Host;
use crate::hub::{Next, NextParts};
use crate::respond::{Accepts, head, said, sentence, with_text, without_body};

/// A viewer's request, as far as it matters while it is held.
pub(crate) struct ViewerRequest {
    /// The method.
    pub(crate) method: http::Method,
    /// It comes from an operator, for what viewers may not see.
    pub(crate) is_operators: bool,
    /// Path and query.
    pub(crate) target: Box<str>,
    /// What the viewer takes.
    pub(crate) accepts: Accepts,
}

/// Answers a viewer.
pub(crate) async fn answer(host: Arc<Host>, request: ViewerRequest) -> Response<Outgoing> {
    let response = match decide(&host, &request).await {
        // In boxes, here and below, is what a request that is held does not need yet, or any more.
        Ok(decided) => Box::pin(send(&host, *decided, &request)).await,
        Err(unavailable) => *unavailable,
    };
    if request.method == http::Method::HEAD { without_body(response) } else { response }
}

/// Does what the edge says until it has an answer.
async fn decide(
    host: &Arc<Host>,
    request: &ViewerRequest,
) -> Result<Box<edge::Response>, Box<Response<Outgoing>>> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let method = match request.method {
        http::Method::GET if request.is_operators => Method::Operator,
        http::Method::GET => Method::Get,
        http::Method::HEAD => Method::Head,
        http::Method::OPTIONS => Method::Options,
        _ => Method::Other,
    };
    let query = Request { method, path, query };
    let started = Native::now();
    let mut asked = Asked::at(started);
    loop {
        match host.hub.handle(&query, asked) {
            Next::Respond(decided) => return Ok(Box::new(decided)),
            Next::Sleep(sleep) => {
                sleep.sleep().await;
                asked = asked.woken(Native::now());
            }
            Next::Fetch(_) => Box::pin(catch_up(host, &query, asked)).await?,
            Next::Write(due) => {
                let written = Box::pin(write(&host.store, &due)).await;
                host.hub.wrote(&due, &written);
            }
        }
        if host.is_stopping() {
            let why = "the server is stopping; ask again";
            return Err(Box::new(sentence(StatusCode::SERVICE_UNAVAILABLE, why)));
        }
        if Native::now().since_ms(started) > HOLD_MS + 1_000 {
            // The edge answers at its deadline; reads that take longer than this help nobody.
            let why = "storage is too slow; ask again";
            return Err(Box::new(sentence(StatusCode::SERVICE_UNAVAILABLE, why)));
        }
    }
}

/// Reads what is wanted for a request: one at a time does, and whoever comes next finds most of it
/// known.
async fn catch_up(
    host: &Arc<Host>,
    query: &Request<'_>,
    asked: Asked,
) -> Result<(), Box<Response<Outgoing>>> {
    let _reading = host.hub.reading.lock().await;
    if let Next::Fetch(fetches) = host.hub.handle(query, asked) {
        read(host, fetches).await.map_err(|why| Box::new(unavailable(&why)))?;
    }
    Ok(())
}

/// Reads what the edge wants to know, all at once, and tells it.
async fn read(host: &Arc<Host>, fetches: Vec<Fetch>) -> Result<(), StoreError> {
    let asked = Native::now();
    let mut reads = JoinSet::new();
    for fetch in fetches {
        let store = host.store.clone();
        reads.spawn(async move {
            let found = find(&store, &fetch.key, fetch.kind).await?;
            Ok::<_, StoreError>((fetch, found))
        });
    }
    let mut found = Vec::new();
    while let Some(read) = reads.join_next().await {
        match read {
            Ok(read) => found.push(read?),
            Err(stopped) => {
                return Err(StoreError::Unavailable { key: String::new(), why: stopped.to_string() });
            }
        }
    }
    host.hub.absorb(&found, asked);
    Ok(())
}

fn unavailable(why: &StoreError) -> Response<Outgoing> {
    tracing::error!("{why}");
    said(&edge::Response::unavailable())
}

/// Gives the decided response its body.
async fn send(host: &Arc<Host>, decided: edge::Response, request: &ViewerRequest) -> Response<Outgoing> {
    let range = request.accepts.range.as_deref();
    match decided.body {
        edge::Body::Empty => head(&decided),
        edge::Body::Text(ref text) => with_text(head(&decided), text, &request.accepts),
        edge::Body::Page => with_text(head(&decided), &host.pages.player, &request.accepts),
        edge::Body::Bytes(bytes) => whole(decided, Bytes::from_static(bytes), range),
        edge::Body::Object { ref key, .. } => match object(host, key).await {
            Ok(None) => said(&decided.absent()),
            Ok(Some(body)) => whole(decided, body, range),
            Err(why) => unavailable(&why),
        },
        edge::Body::Segment { ref parts, more: None } => {
            let parts = parts.clone();
            let total = parts.iter().fold(0, |sum: u64, part| sum.saturating_add(part.bytes));
            let (decided, ranged) = decided.ranged(range, total);
            let wanted = match ranged {
                Ranged::Whole => 0..total,
                Ranged::Part { first, last } => first..last.saturating_add(1),
                Ranged::Outside => return said(&decided),
            };
            let mut response = head(&decided);
            let rest_bytes = Some(wanted.end.saturating_sub(wanted.start));
            let (to, pieces) = mpsc::channel(1);
            if request.method != http::Method::HEAD {
                tokio::spawn(send_closed(Arc::clone(host), parts, wanted, to));
            }
            *response.body_mut() = Outgoing::Pieces { pieces, rest_bytes };
            response
        }
        edge::Body::Segment { ref parts, more: Some(ref cursor) } => {
            let (parts, cursor) = (parts.clone(), cursor.clone());
            let mut response = head(&decided);
            let (to, pieces) = mpsc::channel(1);
            if request.method != http::Method::HEAD {
                tokio::spawn(send_growing(Arc::clone(host), parts, cursor, to));
            }
            *response.body_mut() = Outgoing::Pieces { pieces, rest_bytes: None };
            response
        }
    }
}

/// A body that is at hand, or the range of it that was asked for.
fn whole(decided: edge::Response, body: Bytes, range: Option<&str>) -> Response<Outgoing> {
    let (decided, ranged) = decided.ranged(range, size(&body));
    let body = match ranged {
        Ranged::Whole => body,
        Ranged::Part { first, last } => slice(&body, first..last.saturating_add(1)),
        Ranged::Outside => return said(&decided),
    };
    let mut response = head(&decided);
    *response.body_mut() = Outgoing::Whole(body);
    response
}

/// A stored body that is not empty, from memory or the disk.
async fn object(host: &Host, key: &str) -> Result<Option<Bytes>, StoreError> {
    if let Some(body) = host.hub.recent(key) {
        return Ok(Some(body));
    }
    let read = async {
        let object = host.store.get(key).await?;
        Ok(object.map(|object| object.body).filter(|body| !body.is_empty()))
    };
    host.hub.read_once(key, read).await
}

type Pieces = mpsc::Sender<Result<Bytes, BrokenOff>>;

/// Sends a range of a closed segment. When the receiver is gone, so is the viewer.
async fn send_closed(host: Arc<Host>, parts: Vec<PartObject>, wanted: Range<u64>, to: Pieces) {
    let mut start = 0_u64;
    for part in parts {
        let end = start.saturating_add(part.bytes);
        let (from, until) = (wanted.start.max(start), wanted.end.min(end));
        if from < until {
            let piece = match whole_part(&host, &part).await {
                Ok(body) => Ok(slice(&body, from - start..until - start)),
                Err(broken) => Err(broken),
            };
            let is_broken = piece.is_err();
            if to.send(piece).await.is_err() || is_broken {
                return;
            }
        }
        start = end;
    }
}

/// Sends an open segment part by part, as they land, until it is closed.
async fn send_growing(host: Arc<Host>, parts: Vec<PartObject>, cursor: Cursor, to: Pieces) {
    let (mut parts, mut cursor) = (parts, cursor);
    let is_whole = loop {
        for part in parts {
            let piece = whole_part(&host, &part).await;
            let is_broken = piece.is_err();
            if to.send(piece).await.is_err() || is_broken {
                return;
            }
        }
        (parts, cursor) = match host.hub.grow(&cursor) {
            NextParts::Now(Grow::Parts(parts, cursor)) => (parts, cursor),
            NextParts::Now(Grow::Fetch(fetches)) => match read(&host, fetches).await {
                Ok(()) => (Vec::new(), cursor),
                Err(why) => {
                    tracing::error!("{why}");
                    break false;
                }
            },
            NextParts::Now(Grow::End) => break true,
            NextParts::Now(Grow::Abort | Grow::Wait(_)) => break false,
            NextParts::Sleep(sleep) => {
                tokio::select! {
                    () = sleep.sleep() => {}
                    () = to.closed() => return,
                }
                (Vec::new(), cursor.woken(Native::now()))
            }
        };
        if host.is_stopping() {
            break false;
        }
    };
    if !is_whole {
        let _ = to.send(Err(BrokenOff)).await;
    }
}

/// A part of a segment, of the size that the log says.
async fn whole_part(host: &Host, part: &PartObject) -> Result<Bytes, BrokenOff> {
    match object(host, &part.key).await {
        Ok(Some(body)) if size(&body) == part.bytes => Ok(body),
        Ok(_) => {
            tracing::error!("what is stored at {} is not what the log says it is", part.key);
            Err(BrokenOff)
        }
        Err(why) => {
            tracing::error!("{why}");
            Err(BrokenOff)
        }
    }
}

fn size(body: &Bytes) -> u64 {
    u64::try_from(body.len()).unwrap_or(u64::MAX)
}

/// A range of a body, cut to what there is.
fn slice(body: &Bytes, range: Range<u64>) -> Bytes {
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(body.len());
    let end = at(range.end);
    body.slice(at(range.start).min(end)..end)
}
