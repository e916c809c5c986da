//! Whatever can be sent a request: another entry point, an object. Called directly, since the requests
//! and responses that pass through here need not be looked at.

use wasm_bindgen::prelude::*;
use web_sys::{Request, RequestInit, Response};

#[wasm_bindgen]
extern "C" {
    /// A stub.
    pub(crate) type Callee;

    #[wasm_bindgen(method, catch)]
    async fn fetch(this: &Callee, request: &Request) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, js_name = fetch)]
    async fn fetch_url(this: &Callee, url: &str, init: &RequestInit) -> Result<JsValue, JsValue>;
}

impl Callee {
    /// Sends a request on as it is.
    pub(crate) async fn pass(&self, request: &Request) -> worker::Result<Response> {
        Ok(self.fetch(request).await?.unchecked_into())
    }

    /// Sends another request.
    pub(crate) async fn call(&self, url: &str, init: &RequestInit) -> worker::Result<Response> {
        Ok(self.fetch_url(url, init).await?.unchecked_into())
    }
}
