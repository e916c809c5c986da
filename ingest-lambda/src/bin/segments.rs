//! The Lambda function `segments`: segments out of a bucket, joined from their parts, and those that still grow as they
//! do. CloudFront's second origin: Lambda@Edge may not send so much, nor piece by piece.

use std::pin::Pin;
use std::process::ExitCode;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use ingest_lambda::function::{Event, log};
use ingest_lambda::store::{S3Settings, S3Store};
use ingest_lambda::{BrokenOff, Native, Viewers};
use lambda_runtime::streaming::Response;
use lambda_runtime::{Error, LambdaEvent, MetadataPrelude, service_fn};
use packager_core::edge::{Body, Method, Request, Response as Decided};

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BrokenOff>> + Send>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log();
    let settings = match S3Settings::from_env(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(why) => {
            tracing::error!("cannot start: {why}");
            return ExitCode::FAILURE;
        }
    };
    let viewers: Viewers<S3Store, Native> = Viewers::new(S3Store::new(&settings));
    let answered = lambda_runtime::run(service_fn(async |event: LambdaEvent<Event>| {
        Ok::<_, Error>(answer(&viewers, &event.payload).await)
    }));
    match answered.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("stopped: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn answer(viewers: &Viewers<S3Store, Native>, event: &Event) -> Response<Pieces> {
    let method = match event.method() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "OPTIONS" => Method::Options,
        _ => Method::Other,
    };
    let request = Request { method, path: event.path(), query: event.query() };
    let decided = viewers.answer(&request).await.unwrap_or_else(|why| {
        tracing::error!(path = event.path(), "{why}");
        Decided::unavailable()
    });
    let pieces: Pieces = match &decided.body {
        _ if method == Method::Head => Box::pin(stream::empty()),
        Body::Segment { parts, more } => {
            let path = event.path().to_owned();
            let pieces = viewers.segment(parts.clone(), more.clone());
            // Lambda tells CloudFront that the response has failed, and it keeps nothing of it.
            Box::pin(pieces.inspect(move |piece| {
                if let Err(why) = piece {
                    tracing::error!(path, "broken off: {why}");
                }
            }))
        }
        Body::Text(text) => whole(text.plain.clone()),
        Body::Bytes(bytes) => whole(Bytes::from_static(bytes)),
        // Playlists, pages and parts are others' to send.
        Body::Object { .. } | Body::Page => {
            let elsewhere = Decided::error(404, "only segments are sent from here");
            let Body::Text(text) = &elsewhere.body else {
                return head(&elsewhere, Box::pin(stream::empty()));
            };
            return head(&elsewhere, whole(text.plain.clone()));
        }
        Body::Empty => Box::pin(stream::empty()),
    };
    head(&decided, pieces)
}

fn whole(bytes: Bytes) -> Pieces {
    Box::pin(stream::iter([Ok(bytes)]))
}

fn head(decided: &Decided, stream: Pieces) -> Response<Pieces> {
    let status_code = decided.status.try_into().unwrap_or_default();
    let mut prelude = MetadataPrelude { status_code, ..MetadataPrelude::default() };
    for (name, value) in decided.headers() {
        if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
            prelude.headers.insert(name, value);
        }
    }
    Response { metadata_prelude: prelude, stream }
}
