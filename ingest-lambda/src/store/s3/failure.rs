//! What S3's errors mean.

use std::error::Error as _;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::store::StoreError;

/// Why a request did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such object.
    Missing,
    /// What is there is not what was expected.
    NotAsExpected,
    /// Anything else.
    Error(StoreError),
}

impl Failure {
    /// The answer to a read.
    pub(super) fn none_or_error<T>(self, key: &str) -> Result<Option<T>, StoreError> {
        match self {
            Self::Missing => Ok(None),
            Self::Error(why) => Err(why),
            Self::NotAsExpected => Err(StoreError::Unavailable {
                key: key.to_owned(),
                why: "it answered a read as if there had been a condition".to_owned(),
            }),
        }
    }
}

/// 409: two conditional writes met (S3). 429: too many writes of one object (R2).
fn is_busy(status: u16) -> bool {
    matches!(status, 409 | 429)
}

/// Tries again what the service was only too busy for, which the SDK takes for the caller's fault.
#[derive(Debug)]
pub(super) struct AsBusy;

impl ClassifyRetry for AsBusy {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response() {
            Some(response) if is_busy(response.status().as_u16()) => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "busy"
    }
}

/// What an error says. Nothing of the request is told, which has credentials in it.
pub(super) fn failed<E>(key: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let key = key.to_owned();
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    Failure::Error(match (status, code) {
        (Some(404), code) if code != "NoSuchBucket" => return Failure::Missing,
        (Some(412), _) => return Failure::NotAsExpected,
        (_, "SlowDown" | "RequestLimitExceeded") => StoreError::Busy { key },
        (Some(status), _) if is_busy(status) => StoreError::Busy { key },
        (Some(401 | 403), _) | (_, "ExpiredToken" | "InvalidToken") => StoreError::Forbidden { key },
        (Some(507), _) => StoreError::Full { key },
        (Some(status), code) => {
            let said = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default();
            StoreError::Unavailable {
                key,
                why: format!("it answered {status} {code} {said}").trim_end().to_owned(),
            }
        }
        (None, _) => {
            let mut why = error.to_string();
            let mut source = error.source();
            // The innermost is what happened: a refused connection, a name that is not known.
            while let Some(inner) = source {
                why = format!("{error}: {inner}");
                source = inner.source();
            }
            StoreError::Unavailable { key, why }
        }
    })
}
