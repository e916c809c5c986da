//! What the packager decided, as the platform's responses.

use js_sys::Uint8Array;
use packager_core::edge::{Body, Response as Decided};
use web_sys::{Headers, ReadableStream, Response, ResponseInit};
use worker::Result;

/// Status and headers.
pub(crate) fn head(decided: &Decided) -> Result<ResponseInit> {
    let headers = Headers::new()?;
    for (name, value) in decided.headers() {
        headers.set(name, &value)?;
    }
    let init = ResponseInit::new();
    init.set_status(decided.status);
    init.set_headers(&headers);
    Ok(init)
}

/// A response in words.
pub(crate) fn said(decided: &Decided) -> Result<Response> {
    let init = head(decided)?;
    match &decided.body {
        Body::Text(text) if !text.plain.is_empty() && decided.status != 204 => with_bytes(&init, &text.plain),
        _ => empty(&init),
    }
}

/// A response with these bytes.
pub(crate) fn with_bytes(init: &ResponseInit, bytes: &[u8]) -> Result<Response> {
    let array = Uint8Array::from(bytes);
    Ok(Response::new_with_opt_buffer_source_and_init(Some(&array), init)?)
}

/// A response whose body comes by and by.
pub(crate) fn with_stream(init: &ResponseInit, stream: &ReadableStream) -> Result<Response> {
    Ok(Response::new_with_opt_readable_stream_and_init(Some(stream), init)?)
}

/// A response without a body.
pub(crate) fn empty(init: &ResponseInit) -> Result<Response> {
    Ok(Response::new_with_opt_str_and_init(None, init)?)
}
