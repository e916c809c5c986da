//! What the packager decided, as the platform's responses.

use js_sys::Uint8Array;
use packager_core::edge::{Body, Response as Decided};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{ReadableStream, Response};
use worker::Result;

#[wasm_bindgen(module = "/src/respond.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn respond(status: u16, headers: &str, body: JsValue) -> std::result::Result<Response, JsValue>;
}

/// Status and headers of a response.
pub(crate) struct Head {
    status: u16,
    /// Names and values by turns, each on a line: none of ours has a line break in it.
    headers: String,
}

impl Head {
    /// As they were decided.
    pub(crate) fn new(decided: &Decided) -> Self {
        let mut head = Self::of(decided.status);
        for (name, value) in decided.headers() {
            head.push(name, &value);
        }
        head
    }

    /// A status, and no headers yet.
    pub(crate) fn of(status: u16) -> Self {
        Self { status, headers: String::with_capacity(512) }
    }

    /// With one more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.push(name, value);
        self
    }

    fn push(&mut self, name: &str, value: &str) {
        for line in [name, value] {
            self.headers.push_str(line);
            self.headers.push('\n');
        }
    }

    /// A response with these bytes.
    pub(crate) fn with_bytes(self, bytes: &[u8]) -> Result<Response> {
        Ok(respond(self.status, &self.headers, Uint8Array::from(bytes).into())?)
    }

    /// A response whose body comes by and by.
    pub(crate) fn with_stream(self, stream: ReadableStream) -> Result<Response> {
        Ok(respond(self.status, &self.headers, stream.into())?)
    }

    /// A response without a body.
    pub(crate) fn empty(self) -> Result<Response> {
        Ok(respond(self.status, &self.headers, JsValue::NULL)?)
    }
}

/// A response in words.
pub(crate) fn said(decided: &Decided) -> Result<Response> {
    let head = Head::new(decided);
    match &decided.body {
        Body::Text(text) if !text.plain.is_empty() && decided.status != 204 => head.with_bytes(&text.plain),
        _ => head.empty(),
    }
}
