//! The packager: behind the cache, which joins requests for one URL into one.
//!
//! What is there already is read and answered here. What has to be waited for goes to a waiting object:
//! outside of one, requests must not wait for each other's promises.

use std::cell::OnceCell;
use std::rc::Rc;

use ingest_lambda::Runtime as _;
use packager_core::edge::{Asked, Body, Method, Response as Decided, Step};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Request, Response};
use worker::{Env, Result};

use crate::callee::Callee;
use crate::edge::{EdgeHost, SharedEdge, ViewerRequest, unavailable};
use crate::isolate::Isolate;
use crate::respond::said;
use crate::store::R2Store;

thread_local! {
    /// What this isolate knows. Nothing in it is of one request.
    static EDGE: OnceCell<SharedEdge> = const { OnceCell::new() };
}

/// The entry point; its class is in `entry.js`.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "JavaScript is who calls it")]
pub async fn packager(request: Request, env: Env) -> std::result::Result<Response, JsValue> {
    match answer(&request, &env).await {
        Ok(response) => Ok(response),
        Err(why) => {
            tracing::error!("{why}");
            Ok(said(&Decided::error(500, "the server failed; ask again"))?)
        }
    }
}

async fn answer(request: &Request, env: &Env) -> Result<Response> {
    let edge = edge(env)?;
    let viewer = ViewerRequest::new(request)?;
    let asked = Asked::at(Isolate::now());
    loop {
        let step = edge.handle(&viewer.as_core(), asked);
        match step {
            Step::Respond(Decided { body: Body::Segment { more: Some(_), .. }, .. }) | Step::Wait(_) => break,
            Step::Fetch(_) if viewer.as_core().may_block() => break,
            Step::Write(due) => edge.write(&due).await,
            Step::Respond(decided) => return edge.send(decided, &viewer, env).await,
            Step::Fetch(fetches) => {
                if let Err(why) = edge.read(fetches).await {
                    return unavailable(&why);
                }
            }
        }
    }
    let Some(place) = viewer.as_core().place() else { return said(&Decided::unavailable()) };
    let url = request.url();
    let region = region(&url);
    let object: Callee = env.durable_object("WAITING")?.get_by_name(&format!("{place}@{region}"))?.into_rpc();
    match object.pass(request).await {
        Ok(response) => Ok(response),
        Err(why) => {
            // It was restarted, or moved.
            tracing::warn!("who waits at {place} is told to ask again: {why}");
            said(&Decided::error(503, "waiting was interrupted; ask again"))
        }
    }
}

/// Answers an operator, who is before the cache, and whom nobody keeps waiting.
pub(crate) async fn status(request: &Request, env: &Env) -> Result<Response> {
    let edge = edge(env)?;
    let viewer = ViewerRequest { method: Method::Operator, ..ViewerRequest::new(request)? };
    let asked = Asked::at(Isolate::now());
    loop {
        match edge.handle(&viewer.as_core(), asked) {
            Step::Respond(decided) => return edge.send(decided, &viewer, env).await,
            Step::Wait(_) => return said(&Decided::unavailable()),
            Step::Write(due) => edge.write(&due).await,
            Step::Fetch(fetches) => {
                if let Err(why) = edge.read(fetches).await {
                    return unavailable(&why);
                }
            }
        }
    }
}

/// Which part of the world a request comes from, as the gateway has it: the host of the URL.
fn region(url: &str) -> &str {
    url.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default()
}

fn edge(env: &Env) -> Result<SharedEdge> {
    EDGE.with(|known| match known.get() {
        Some(edge) => Ok(Rc::clone(edge)),
        None => {
            let edge = Rc::new(EdgeHost::new(R2Store::of(env)?));
            Ok(Rc::clone(known.get_or_init(|| edge)))
        }
    })
}
