//! The packager in Lambda@Edge. JavaScript reads and waits (`handler.mjs`); what it should read, wait for and answer
//! is decided by the packager, and here it is put so that JavaScript can see it.

use packager_core::edge::{
    Asked, Body, Edge, Fetch, FetchKind, Method, Request, Response, Step, Wait, Write, Written,
};
use packager_core::log::Found;
use packager_core::time::WallMs;
use wasm_bindgen::prelude::wasm_bindgen;

/// What one sandbox knows of all broadcasts.
#[wasm_bindgen]
pub struct Packager {
    edge: Edge,
}

/// What to do next about a request.
#[wasm_bindgen]
pub struct Next {
    what: What,
}

enum What {
    Read(Vec<Fetch>),
    Wait(Box<Wait>),
    Write(Box<Write>),
    Answer(Box<Response>),
}

/// Milliseconds since the epoch, as JavaScript has them.
fn wall(ms: f64) -> WallMs {
    WallMs(ms as i64)
}

#[wasm_bindgen]
impl Packager {
    /// Knows nothing.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript has no defaults")]
    pub fn new() -> Self {
        Self { edge: Edge::new(false) }
    }

    /// What to do about a request that came at `asked_ms`, whose last wait ended at `since_ms`.
    pub fn next(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        asked_ms: f64,
        since_ms: f64,
        now_ms: f64,
    ) -> Next {
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "OPTIONS" => Method::Options,
            _ => Method::Other,
        };
        let asked = Asked { at: wall(asked_ms), since: wall(since_ms) };
        let what = match self.edge.handle(&Request { method, path, query }, asked, wall(now_ms)) {
            Step::Fetch(fetches) => What::Read(fetches),
            Step::Wait(wait) => What::Wait(Box::new(wait)),
            Step::Write(due) => What::Write(due),
            Step::Respond(response) => What::Answer(Box::new(response)),
        };
        Next { what }
    }

    /// An object was found by the read with this index, begun at `asked_ms`. Its body, if that was asked for.
    pub fn found(
        &mut self,
        next: &Next,
        index: usize,
        meta: String,
        size: f64,
        body: Vec<u8>,
        asked_ms: f64,
    ) {
        self.absorb(
            next,
            index,
            &Found::Object { meta, size_bytes: size as u64, body: body.into() },
            asked_ms,
        );
    }

    /// There are these names under the prefix of the read with this index.
    pub fn listed(&mut self, next: &Next, index: usize, names: Vec<String>, asked_ms: f64) {
        self.absorb(next, index, &Found::Names(names), asked_ms);
    }

    /// There is nothing where the read with this index has looked.
    pub fn missing(&mut self, next: &Next, index: usize, asked_ms: f64) {
        self.absorb(next, index, &Found::Missing, asked_ms);
    }

    /// What was to be written is there now.
    pub fn wrote(&mut self, next: &Next, now_ms: f64) {
        self.written(next, &Written::New, now_ms);
    }

    /// Something is there already, with this metadata and body.
    pub fn exists(&mut self, next: &Next, meta: String, size: f64, body: Vec<u8>, now_ms: f64) {
        let found = Found::Object { meta, size_bytes: size as u64, body: body.into() };
        self.written(next, &Written::Exists(found), now_ms);
    }

    /// It cannot be written.
    #[wasm_bindgen(js_name = notWritten)]
    pub fn not_written(&mut self, next: &Next, now_ms: f64) {
        self.written(next, &Written::Failed, now_ms);
    }

    fn written(&mut self, next: &Next, written: &Written, now_ms: f64) {
        if let What::Write(due) = &next.what {
            self.edge.wrote(due, written, wall(now_ms));
        }
    }

    fn absorb(&mut self, next: &Next, index: usize, found: &Found, asked_ms: f64) {
        if let Some(fetch) = next.fetches().get(index) {
            self.edge.absorb(fetch, found, wall(asked_ms));
        }
    }
}

impl Next {
    fn fetches(&self) -> &[Fetch] {
        match &self.what {
            What::Read(fetches) => fetches,
            What::Wait(wait) => std::slice::from_ref(&wait.poll),
            What::Write(_) | What::Answer(_) => &[],
        }
    }

    fn response(&self) -> Option<&Response> {
        if let What::Answer(response) = &self.what { Some(response) } else { None }
    }
}

#[wasm_bindgen]
impl Next {
    /// `read` these at once; `wait`: read this one again and again; `write` this, where nothing is; `answer`; `page`: answer with the player page;
    /// `object`: let storage answer, if the object is there; `segment`: which others send.
    #[wasm_bindgen(getter)]
    pub fn kind(&self) -> String {
        let kind = match &self.what {
            What::Read(_) => "read",
            What::Wait(_) => "wait",
            What::Write(_) => "write",
            What::Answer(response) => match &response.body {
                Body::Object { .. } => "object",
                Body::Segment { .. } => "segment",
                Body::Page => "page",
                Body::Empty | Body::Text(_) | Body::Bytes(_) => "answer",
            },
        };
        kind.to_owned()
    }

    /// What to read: `get`, `head` or `list`, and a key or prefix, by turns.
    #[wasm_bindgen(getter)]
    pub fn reads(&self) -> Vec<String> {
        let how = |fetch: &Fetch| match fetch.kind {
            FetchKind::Get => "get",
            FetchKind::Stat => "head",
            FetchKind::List => "list",
        };
        self.fetches().iter().flat_map(|fetch| [how(fetch).to_owned(), fetch.key.clone()]).collect()
    }

    /// What to write: its metadata.
    #[wasm_bindgen(getter)]
    pub fn meta(&self) -> String {
        if let What::Write(due) = &self.what { due.meta.clone() } else { String::new() }
    }

    /// When to look again for what is waited for, if it was not there at `now_ms`.
    #[wasm_bindgen(js_name = pollAt)]
    pub fn poll_at(&self, now_ms: f64) -> f64 {
        if let What::Wait(wait) = &self.what { wait.next_poll(wall(now_ms)).0 as f64 } else { now_ms }
    }

    /// When to ask again, whatever was found.
    #[wasm_bindgen(getter)]
    pub fn until(&self) -> f64 {
        if let What::Wait(wait) = &self.what { wait.until.0 as f64 } else { 0.0 }
    }

    /// The HTTP status.
    #[wasm_bindgen(getter)]
    pub fn status(&self) -> u16 {
        self.response().map_or(500, |response| response.status)
    }

    /// Headers, names and values by turns.
    #[wasm_bindgen(getter)]
    pub fn headers(&self) -> Vec<String> {
        let headers = self.response().map(Response::headers).into_iter().flatten();
        headers.flat_map(|(name, value)| [name.to_owned(), value.into_owned()]).collect()
    }

    /// The body of an answer.
    #[wasm_bindgen(getter)]
    pub fn body(&self) -> Vec<u8> {
        match self.response().map(|response| &response.body) {
            Some(Body::Text(text)) => text.plain.to_vec(),
            Some(Body::Bytes(bytes)) => bytes.to_vec(),
            _ => match &self.what {
                What::Write(due) => due.body.concat(),
                _ => Vec::new(),
            },
        }
    }

    /// The key of the object that is to be sent, or written.
    #[wasm_bindgen(getter)]
    pub fn key(&self) -> Option<String> {
        if let What::Write(due) = &self.what {
            return Some(due.key.clone());
        }
        match self.response().map(|response| &response.body) {
            Some(Body::Object { key, .. }) => Some(key.clone()),
            _ => None,
        }
    }

    /// What is answered instead, when there is no such object, or only a marker.
    pub fn absent(&self) -> Next {
        let absent = self.response().map_or_else(Response::unavailable, Response::absent);
        Next { what: What::Answer(Box::new(absent)) }
    }
}

/// What is answered when storage cannot be read.
#[wasm_bindgen]
pub fn unavailable() -> Next {
    Next { what: What::Answer(Box::new(Response::unavailable())) }
}

/// What is answered when the handler itself cannot go on.
#[wasm_bindgen]
pub fn failed(status: u16, why: &str) -> Next {
    Next { what: What::Answer(Box::new(Response::error(status, why))) }
}
