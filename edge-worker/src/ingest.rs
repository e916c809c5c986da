//! Ingest: one object for each broadcast that is pushed to.
//!
//! Its state is what the cutter holds in memory, and all of that can be read back from R2: it may be
//! evicted, restarted and moved at any moment.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use ingest_lambda::{Ingest, Settings, Upload};
use packager_core::edge::Response as Decided;
use packager_core::ingest::{Refusal, split_key};
use packager_core::log::Shape;
use worker::{ByteStream, DurableObject, Env, Request, Response, Result, State, durable_object};

use crate::access::Shown;
use crate::isolate::{Isolate, random};
use crate::respond::said;
use crate::store::R2Store;

type Receiving = Ingest<R2Store, (), Isolate>;

/// Receives one broadcast.
#[durable_object(fetch)]
pub struct IngestObject {
    ingest: Result<Rc<Receiving>>,
    env: Env,
}

impl DurableObject for IngestObject {
    fn new(_: State, env: Env) -> Self {
        let ingest = R2Store::of(&env).map(|store| Rc::new(Ingest::new(store, (), settings(&env), random)));
        Self { ingest, env }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let ingest = match &self.ingest {
            Ok(ingest) => Rc::clone(ingest),
            Err(why) => return Err(why.to_string().into()),
        };
        let path = request.path();
        let path = path.strip_prefix("/ingest/").unwrap_or(&path);
        // The gateway has let it pass. What it may do here is asked again while it goes on.
        let pusher = match Shown::new(&request.headers().0)?.pusher(path, &self.env) {
            Ok(pusher) => pusher,
            Err(denied) => return Ok(said(&Decided::error(denied.status(), &denied.to_string()))?.into()),
        };
        let path = split_key(path).1.to_owned();
        // A request without a body has no stream; to encoders that is an empty body.
        let body = request.stream().ok();
        // Encoders do not wait for answers: ffmpeg closes the connection the moment a body ends. What
        // came is stored all the same, whatever becomes of the request.
        let (answer, answered) = tokio::sync::oneshot::channel();
        wasm_bindgen_futures::spawn_local(async move {
            let received = match ingest.open(&path, &pusher).await {
                Ok(upload) => receive(upload, body).await,
                Err(refusal) => Err(refusal),
            };
            if let Err(refusal) = &received {
                tracing::warn!(path, status = refusal.status(), "push refused: {refusal}");
            }
            let _ = answer.send(received);
        });
        let received = answered.await.map_err(|_| "receiving stopped")?;
        Ok(said(&match received {
            Ok(()) => Decided::error(200, "stored"),
            Err(refusal) => Decided::error(refusal.status(), &refusal.to_string()),
        })?
        .into())
    }
}

/// Hands a body on piece by piece, as it comes in.
async fn receive(mut upload: Upload, body: Option<ByteStream>) -> std::result::Result<(), Refusal> {
    let mut is_whole = true;
    if let Some(mut body) = body {
        while let Some(piece) = body.next().await {
            match piece {
                Ok(bytes) => upload.push(Bytes::from(bytes)).await?,
                Err(_) => {
                    is_whole = false;
                    break;
                }
            }
        }
    }
    upload.finish(is_whole).await
}

/// How media is cut: variables of `wrangler.toml`; where one is not set, or no number, as usual.
pub(crate) fn settings(env: &Env) -> Settings {
    let number = |name: &str| env.var(name).ok().and_then(|value| value.to_string().parse::<u32>().ok());
    let usual = Settings::default();
    Settings {
        segment_ms: number("SEGMENT_MS").unwrap_or(usual.segment_ms),
        part_ms: number("PART_MS").unwrap_or(usual.part_ms),
        window_ms: match env.var("WINDOW_S") {
            Ok(window) if window.to_string() == "all" => Shape::WHOLE_WINDOW_MS,
            _ => number("WINDOW_S").map_or(usual.window_ms, |seconds| seconds.saturating_mul(1000)),
        },
        gap_ms: number("GAP_MS").unwrap_or(usual.gap_ms),
        ..usual
    }
}
