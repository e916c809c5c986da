//! Operators' requests: `/api/…`.

use ingest_lambda::{Asked, Operator};
use packager_core::operator::{self, Answer, BODY_BYTES, Deployment, Problem, RANDOM_BYTES};
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Request, Response};
use worker::{Env, Result};

use crate::access::Shown;
use crate::ingest::settings;
use crate::isolate::Isolate;
use crate::respond::Head;
use crate::store::R2Store;

/// Batches of objects deleted for one request: two requests to R2 each, of a thousand that there may be.
const BATCHES: usize = 400;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_randomly(bytes: &mut [u8]);
}

/// Answers an operator; `target` is what follows `/api/`, with the query, and `origin` what comes before that.
pub(crate) async fn answer(request: &Request, origin: &str, target: &str, env: &Env) -> Result<Response> {
    let answer = match decide(request, origin, target, env).await? {
        Ok(answer) => answer,
        Err(problem) => problem.into(),
    };
    respond(&answer)
}

/// An answer, as a response.
pub(crate) fn respond(answer: &Answer) -> Result<Response> {
    let mut head = Head::of(answer.status);
    for (name, value) in answer.headers() {
        head = head.with(name, value);
    }
    head.with_bytes(answer.body.as_bytes())
}

async fn decide(
    request: &Request,
    origin: &str,
    target: &str,
    env: &Env,
) -> Result<std::result::Result<Answer, Problem>> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let asked = operator::Request::parse(&request.method(), path, query);
    if asked != Ok(operator::Request::Document)
        && let Err(problem) = Shown::new(&request.headers())?.operator(env)
    {
        tracing::warn!(path, status = problem.status, "not done: {}", problem.detail);
        return Ok(Err(problem));
    }
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => return Ok(Err(problem)),
    };
    let too_long = || Ok(Err(Problem::new(413, format!("the body is longer than {BODY_BYTES} bytes"))));
    let said = request.headers().get("content-length")?.and_then(|length| length.parse::<usize>().ok());
    if said.is_some_and(|bytes| bytes > BODY_BYTES) {
        return too_long();
    }
    let body = worker::Request::from(request.clone()?).bytes().await?;
    if body.len() > BODY_BYTES {
        return too_long();
    }
    let mut random = [0; RANDOM_BYTES];
    fill_randomly(&mut random);
    let settings = settings(env);
    let if_match = request.headers().get("if-match")?;
    let asked = Asked {
        request: asked,
        if_match: if_match.as_deref(),
        body: &body,
        random,
        deployment: Deployment::new(origin, &settings),
    };
    let operator: Operator<R2Store, (), Isolate> = Operator::new(R2Store::of(env)?, (), settings, BATCHES);
    Ok(Ok(operator.answer(&asked).await))
}
