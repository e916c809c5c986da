//! The Lambda function `ingest`: what `rimcast push` sends goes into a bucket.

use std::process::ExitCode;

use ingest_lambda::function::{Event, Function, log};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log();
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
