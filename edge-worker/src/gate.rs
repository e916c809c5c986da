//! What `rimcast push` sends: each object is a request of its own, checked and written right here, since nothing has to
//! be remembered from one to the next.

use std::cell::OnceCell;
use std::rc::Rc;

use bytes::Bytes;
use ingest_lambda::{Gate, Runtime as _};
use packager_core::ingest::Pusher;
use packager_core::ingest::gate::{Answer, Content, Headers, IF, META, Request as Asked};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};
use worker::{Env, Result};

use crate::isolate::Isolate;
use crate::respond::Head;
use crate::store::R2Store;

/// Largest body: all that runs in an isolate has 128 MB together, and this is half a second at 500 Mbit/s.
const BODY_BYTES: usize = 32 << 20;

thread_local! {
    /// It keeps headers that were seen, which are the same for every request.
    static GATE: OnceCell<Rc<Gate<R2Store>>> = const { OnceCell::new() };
}

fn gate(env: &Env) -> Result<Rc<Gate<R2Store>>> {
    GATE.with(|known| match known.get() {
        Some(gate) => Ok(Rc::clone(gate)),
        None => {
            let gate = Rc::new(Gate::new(R2Store::of(env)?));
            Ok(Rc::clone(known.get_or_init(|| gate)))
        }
    })
}

/// Answers a request that may push; `path` is what follows `/ingest/`, without a key.
pub(crate) async fn answer(request: &Request, path: &str, pusher: &Pusher, env: &Env) -> Result<Response> {
    let method = request.method();
    let answer = decide(request, &method, path, pusher, env).await?;
    if let (Content::Text(why), status @ 400..) = (&answer.content, answer.status)
        && status != 404
    {
        tracing::warn!(method, path, status, "refused: {why}");
    }
    let mut head = Head::of(answer.status);
    for (name, value) in answer.headers() {
        head = head.with(name, &value);
    }
    if method == "HEAD" { head.empty() } else { head.with_bytes(&answer.content.bytes()) }
}

async fn decide(request: &Request, method: &str, path: &str, pusher: &Pusher, env: &Env) -> Result<Answer> {
    let header = |name| request.headers().get(name);
    let (condition, meta) = (header(IF)?, header(META)?);
    let headers = Headers { condition: condition.as_deref(), meta: meta.as_deref() };
    let asked = match Asked::parse(method, path, &headers) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(wrong.into()),
    };
    let gate = gate(env)?;
    if let Err(answer) = gate.admit(&asked, pusher, Isolate::now()).await {
        return Ok(answer);
    }
    let said_bytes = header("content-length")?.and_then(|length| length.parse().ok()).unwrap_or(0_usize);
    if said_bytes > BODY_BYTES {
        return Ok(Answer::too_large(BODY_BYTES));
    }
    let body = JsFuture::from(request.array_buffer()?).await?;
    let body = js_sys::Uint8Array::new(&body);
    if body.length() as usize > BODY_BYTES {
        return Ok(Answer::too_large(BODY_BYTES));
    }
    Ok(gate.answer(asked, Bytes::from(body.to_vec())).await)
}
