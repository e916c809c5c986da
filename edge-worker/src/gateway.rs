//! The gateway: every request, before any cache.
//!
//! It decides who may push, and gives viewers' requests their one spelling, without anything of the
//! viewer: what passes is the same for all, so that one answer can be kept for all.

use ingest_lambda::Runtime as _;
use ingest_lambda::store::Store as _;
use packager_core::edge::{Response as Decided, canonical, status_of};
use packager_core::ingest::gate::of_push;
use packager_core::ingest::{Denied, PushPath, Pusher, split_key};
use packager_core::log::{BroadcastName, key, record};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Headers, Request, RequestInit, RequestRedirect, Response};
use worker::{Context, Env, Result, event};

use crate::access::Shown;
use crate::api;
use crate::callee::Callee;
use crate::edge::{target, unavailable};
use crate::gate;
use crate::isolate::Isolate;
use crate::packager::status;
use crate::respond::said;
use crate::store::R2Store;

/// Names a bucket of S3's, which is only read: see `bucket.mjs`.
const READ_ONLY: &str = "S3_BUCKET";

/// Where requests come from, where the platform does not say.
const NOWHERE: &str = "nowhere";

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let url = request.url();
    let target = target(&url);
    if let Some(path) = target.strip_prefix("/ingest/") {
        let path = path.split('?').next().unwrap_or(path);
        return push(&request, path, &env).await;
    }
    let origin = url.strip_suffix(target).unwrap_or(&url);
    if let Some(target) = target.strip_prefix("/api/") {
        return api::answer(&request, origin, target, &env).await;
    }
    let path = target.split('?').next().unwrap_or(target);
    if status_of(path).is_some() {
        return match Shown::new(&request.headers())?.operator(&env) {
            Ok(()) => status(&request, &env).await,
            Err(problem) => api::respond(&problem.into()),
        };
    }
    match path {
        "/" => return said(&Decided::welcome(origin)),
        "/healthz" => return said(&Decided::health(false)),
        _ => {}
    }
    let region = region(&request).unwrap_or_else(|| NOWHERE.to_owned());
    let url = format!("http://{region}{}", canonical(target));
    let packager = packager(&context)?;
    let range = request.headers().get("range")?.filter(|_| !has(&request, "if-range"));
    let method = request.method();
    if range.is_none() && method == "GET" {
        return packager.call(&url, &PLAIN.with(Clone::clone)).await;
    }
    let init = plain();
    init.set_method(&method);
    if let Some(range) = range {
        let headers = Headers::new()?;
        headers.set("range", &range)?;
        init.set_headers(&headers);
    }
    packager.call(&url, &init).await
}

thread_local! {
    /// How nearly all requests are sent on: made once.
    static PLAIN: RequestInit = plain();
}

fn plain() -> RequestInit {
    let init = RequestInit::new();
    // A redirect is for the viewer to follow.
    init.set_redirect(RequestRedirect::Manual);
    init
}

/// The packager's entry point, behind the cache.
fn packager(context: &Context) -> Result<Callee> {
    let exports = js_sys::Reflect::get(context.as_ref(), &"exports".into())?;
    Ok(js_sys::Reflect::get(&exports, &"Packager".into())?.unchecked_into())
}

/// Hands an encoder's request on to its broadcast's object, if it may push.
async fn push(request: &Request, path: &str, env: &Env) -> Result<Response> {
    if env.var(READ_ONLY).is_ok() {
        return said(&Decided::error(
            404,
            "this host only plays; push to the ingest that writes to its bucket",
        ));
    }
    let path_without_key = split_key(path).1;
    let pusher = match Shown::new(&request.headers())?.pusher(path, env) {
        Ok(pusher) => pusher,
        Err(denied) => return refused(path_without_key, &denied),
    };
    if of_push(path_without_key) {
        return gate::answer(request, path_without_key, &pusher, env).await;
    }
    match request.method().as_str() {
        "PUT" | "POST" => {}
        // Encoders tidy up what they believe is a folder. Nothing that was published goes away.
        "DELETE" => return said(&Decided::error(200, "nothing needs to be deleted")),
        _ => return said(&Decided::error(405, "push with PUT or POST")),
    }
    let broadcast = match PushPath::parse(path_without_key) {
        Ok(PushPath { broadcast, .. }) => broadcast,
        Err(refusal) => return said(&Decided::error(refusal.status(), &refusal.to_string())),
    };
    // No object is begun for whoever shows some key.
    if pusher != Pusher::Any {
        let record = match R2Store::of(env)?.get(&key::broadcast(&broadcast)).await {
            Ok(there) => there.and_then(|there| record::from_json(&there.body).ok()),
            Err(why) => return unavailable(&why),
        };
        if let Err(denied) = pusher.admit(record.as_ref(), Isolate::now()) {
            return refused(path_without_key, &denied);
        }
    }
    object(env, &broadcast)?.pass(request).await
}

fn refused(path: &str, denied: &Denied) -> Result<Response> {
    tracing::warn!(path, status = denied.status(), "push refused: {denied}");
    let response = said(&Decided::error(denied.status(), &denied.to_string()))?;
    if *denied == Denied::NoKey {
        response.headers().set("www-authenticate", Denied::CHALLENGE)?;
    }
    Ok(response)
}

fn object(env: &Env, broadcast: &BroadcastName) -> Result<Callee> {
    Ok(env.durable_object("INGEST")?.get_by_name(broadcast.as_str())?.into_rpc())
}

fn has(request: &Request, name: &str) -> bool {
    request.headers().has(name).unwrap_or(false)
}

/// The continent. It travels as the host's name, which is no part of what the cache keys by.
fn region(request: &Request) -> Option<String> {
    let cf: JsValue = js_sys::Reflect::get(request, &"cf".into()).ok()?;
    js_sys::Reflect::get(&cf, &"continent".into()).ok()?.as_string()
}
