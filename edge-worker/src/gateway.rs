//! The gateway: every request, before any cache.
//!
//! It decides who may push, and gives viewers' requests their one spelling, without anything of the
//! viewer: what passes is the same for all, so that one answer can be kept for all.

use packager_core::edge::{Response as Decided, canonical};
use packager_core::ingest::gate::of_push;
use packager_core::ingest::{Credentials, Denied, PushAccess, PushPath, split_key};
use packager_core::log::BroadcastName;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Headers, Request, RequestInit, RequestRedirect, Response};
use worker::{Context, Env, Result, event};

use crate::callee::Callee;
use crate::edge::target;
use crate::gate;
use crate::respond::said;

/// The push key, a secret. Without one, only the machine that runs `wrangler dev` may push.
const PUSH_KEY: &str = "PUSH_KEY";

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
    match target.split('?').next().unwrap_or(target) {
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
    let key = env.secret(PUSH_KEY).ok().map(|key| key.to_string());
    let access = key.as_deref().map_or(PushAccess::Loopback, PushAccess::Key);
    let authorization = request.headers().get("authorization")?;
    let key_shown = request.headers().get(Credentials::KEY)?;
    let shown = Credentials {
        authorization: authorization.as_deref(),
        key: key_shown.as_deref(),
        from_loopback: request.headers().get("cf-connecting-ip")?.is_some_and(|ip| is_loopback(&ip)),
        relayed: Credentials::RELAYED.iter().any(|name| has(request, name)),
    };
    let path_without_key = split_key(path).1;
    if let Err(denied) = access.check(path, &shown) {
        tracing::warn!(path = path_without_key, status = denied.status(), "push refused: {denied}");
        let response = said(&Decided::error(denied.status(), &denied.to_string()))?;
        if denied == Denied::NoKey {
            response.headers().set("www-authenticate", Denied::CHALLENGE)?;
        }
        return Ok(response);
    }
    if of_push(path_without_key) {
        return gate::answer(request, path_without_key, env).await;
    }
    match request.method().as_str() {
        "PUT" | "POST" => {}
        // Encoders tidy up what they believe is a folder. Nothing that was published goes away.
        "DELETE" => return said(&Decided::error(200, "nothing needs to be deleted")),
        _ => return said(&Decided::error(405, "push with PUT or POST")),
    }
    match PushPath::parse(path_without_key) {
        Ok(PushPath { broadcast, .. }) => object(env, &broadcast)?.pass(request).await,
        Err(refusal) => said(&Decided::error(refusal.status(), &refusal.to_string())),
    }
}

fn object(env: &Env, broadcast: &BroadcastName) -> Result<Callee> {
    Ok(env.durable_object("INGEST")?.get_by_name(broadcast.as_str())?.into_rpc())
}

fn has(request: &Request, name: &str) -> bool {
    request.headers().has(name).unwrap_or(false)
}

fn is_loopback(ip: &str) -> bool {
    ip.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The continent. It travels as the host's name, which is no part of what the cache keys by.
fn region(request: &Request) -> Option<String> {
    let cf: JsValue = js_sys::Reflect::get(request, &"cf".into()).ok()?;
    js_sys::Reflect::get(&cf, &"continent".into()).ok()?.as_string()
}
