//! The Lambda function `ingest`: what `rimcast push` sends goes into a bucket.

use std::process::ExitCode;

use ingest_lambda::function::{Event, Function};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(level.unwrap_or(tracing::Level::INFO))
        .init();
    let function = match Function::from_env(|name| std::env::var(name).ok()) {
        Ok(function) => function,
        Err(why) => {
            tracing::error!("cannot start: {why}");
            return ExitCode::FAILURE;
        }
    };
    let answered = lambda_runtime::run(service_fn(async |event: LambdaEvent<Event>| {
        Ok::<_, Error>(function.answer(event.payload).await)
    }));
    match answered.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("stopped: {why}");
            ExitCode::FAILURE
        }
    }
}
