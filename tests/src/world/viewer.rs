//! Viewers: the loop that every host runs around an edge, and what they are answered.

use std::fmt::{self, Write as _};

use packager_core::edge::{
    self, Body, CacheFor, Cursor, Edge, Fetch, Grow, Method, PartObject, Request, Response, Step, Wait,
};
use packager_core::log::Entry;
use packager_core::time::WallMs;
use xxhash_rust::xxh3::xxh3_64;

use super::World;
use crate::store::Store;

/// One of the edges that each request is asked of.
pub(super) struct EdgeKind {
    name: &'static str,
    pub(super) observes: bool,
    /// There since the world began.
    pub(super) is_warm: bool,
}

pub(super) const EDGES: [EdgeKind; 4] = [
    EdgeKind { name: "an edge that sees all writes", observes: true, is_warm: true },
    EdgeKind { name: "an edge that polls", observes: false, is_warm: true },
    EdgeKind { name: "a new edge that sees all writes", observes: true, is_warm: false },
    EdgeKind { name: "a new edge that polls", observes: false, is_warm: false },
];

/// Names a request to the world's user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked(usize);

/// What a viewer got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How long the request was held.
    pub after_ms: i64,
    /// HTTP status.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<(&'static str, String)>,
    /// The text, or what would be sent.
    pub body: String,
    /// What a host sends.
    pub sent: Sent,
}

/// A response, byte for byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// All headers that are decided.
    pub headers: Vec<(&'static str, String)>,
    /// The body, as far as it was sent.
    pub body: Vec<u8>,
    /// It was broken off there.
    pub is_broken_off: bool,
}

/// A request under way.
#[derive(Debug, Clone, Copy)]
pub struct Pending<'a> {
    /// What is polled for it.
    pub poll: &'a str,
    /// What was sent already, where the body is a growing segment.
    pub begun: Option<&'a Answer>,
}

impl Answer {
    /// The playlist, if it is one.
    pub fn playlist(&self) -> Option<&str> {
        (self.status == 200 && self.body.starts_with("#EXTM3U")).then_some(&self.body)
    }

    /// The body, if it is a manifest.
    pub fn manifest(&self) -> Option<&str> {
        (self.status == 200 && self.body.contains("<MPD ")).then_some(&self.body)
    }
}

/// As in a golden file, below its request.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "answered after {} ms\n\n{}", self.after_ms, self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", self.body)
    }
}

/// A request under way at one edge.
pub(super) struct Conversation {
    asked: Asked,
    viewer: usize,
    own: Option<Edge>,
    method: Method,
    path: String,
    query: String,
    when: edge::Asked,
    state: State,
}

enum State {
    Asking,
    Waiting(Wait),
    /// The body is a growing segment.
    Growing(Box<(Answer, Cursor, Option<Wait>)>),
    Done(Answer),
}

impl Conversation {
    pub(super) fn until(&self) -> Option<WallMs> {
        Some(self.wait()?.until)
    }

    fn wait(&self) -> Option<&Wait> {
        match &self.state {
            State::Waiting(wait) => Some(wait),
            State::Growing(growing) => growing.2.as_ref(),
            State::Asking | State::Done(_) => None,
        }
    }

    pub(super) fn own_edge(&mut self) -> Option<(&mut Edge, bool)> {
        Some((self.own.as_mut()?, EDGES[self.viewer].observes))
    }
}

impl World {
    /// A viewer asks; `target` is a path with its query.
    pub fn ask(&mut self, method: Method, target: &str) -> Asked {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let asked = Asked(self.asked);
        self.asked += 1;
        for (viewer, kind) in EDGES.iter().enumerate() {
            self.conversations.push(Conversation {
                asked,
                viewer,
                own: (!kind.is_warm).then(|| Edge::new(kind.observes)),
                method,
                path: path.to_owned(),
                query: query.to_owned(),
                when: edge::Asked::at(self.now),
                state: State::Asking,
            });
        }
        self.wake_new();
        asked
    }

    /// What a request was answered, once all edges have; their answers must be the same.
    ///
    /// # Errors
    ///
    /// They are not; says how they differ.
    pub fn answer(&self, asked: Asked) -> Option<Result<&Answer, String>> {
        let answers = self.answers.get(&asked)?;
        let (first, rest) = answers.split_first()?;
        for (kind, other) in EDGES.iter().skip(1).zip(rest) {
            if other != first {
                let (ours, theirs) = (first.to_string(), other.to_string());
                let differs = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b);
                return Some(Err(format!(
                    "{} and {} answer differently, first in {differs:#?}",
                    EDGES[0].name, kind.name
                )));
            }
        }
        Some(Ok(first))
    }

    /// What the edge that polls does about a request that it has not answered yet.
    pub fn pending(&self, asked: Asked) -> Option<Pending<'_>> {
        let is_it =
            |c: &&Conversation| c.asked == asked && EDGES[c.viewer].is_warm && !EDGES[c.viewer].observes;
        let conversation = self.conversations.iter().find(is_it)?;
        let begun = match &conversation.state {
            State::Growing(growing) => Some(&growing.0),
            _ => None,
        };
        Some(Pending { poll: &conversation.wait()?.poll.key, begun })
    }

    /// Asks and takes the answer that is given at once, if one is.
    pub fn ask_now(&mut self, target: &str) -> Option<Result<Answer, String>> {
        let asked = self.ask(Method::Get, target);
        self.answer(asked).map(Result::<&Answer, String>::cloned)
    }

    /// All who wait go away.
    pub fn hang_up(&mut self) {
        self.conversations.clear();
        self.answers.clear();
    }

    /// The moment is over: everyone who waits looks again. Not sooner, for of two writes at one moment
    /// an edge that is told of each could answer between them, and one that polls could not.
    pub fn wake(&mut self) {
        self.wake_those(|_| true);
    }

    /// Whoever has just come is answered at once, if an answer is there.
    fn wake_new(&mut self) {
        self.wake_those(|conversation| matches!(conversation.state, State::Asking));
    }

    fn wake_those(&mut self, is_woken: impl Fn(&Conversation) -> bool) {
        let mut conversations = std::mem::take(&mut self.conversations);
        for conversation in &mut conversations {
            if !is_woken(conversation) {
                continue;
            }
            let mut own = conversation.own.take();
            let edge = own.as_mut().unwrap_or_else(|| &mut self.edges[conversation.viewer]);
            conversation.go_on(edge, &mut self.store, self.now);
            conversation.own = own;
        }
        self.conversations = conversations;
        self.collect();
    }

    /// Takes out the requests that all edges have answered.
    fn collect(&mut self) {
        let open: Vec<Asked> = self
            .conversations
            .iter()
            .filter(|c| !c.is_done())
            .map(|conversation| conversation.asked)
            .collect();
        let (open, done): (Vec<_>, Vec<_>) = std::mem::take(&mut self.conversations)
            .into_iter()
            .partition(|conversation| open.contains(&conversation.asked));
        self.conversations = open;
        for conversation in done {
            if let State::Done(answer) = conversation.state {
                self.answers.entry(conversation.asked).or_default().push(answer);
            }
        }
    }
}

impl Conversation {
    fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    fn go_on(&mut self, edge: &mut Edge, store: &mut Store, now: WallMs) {
        if let Some(wait) = self.wait().filter(|_| !EDGES[self.viewer].observes) {
            // What a host without notices does: look whether something is there, and only then ask.
            if now < wait.until && !wait.poll.key.ends_with('/') && store.get(&wait.poll.key).is_none() {
                return;
            }
            self.when = self.when.woken(now);
            if let State::Growing(growing) = &mut self.state {
                growing.1 = growing.1.woken(now);
            }
        }
        loop {
            match std::mem::replace(&mut self.state, State::Asking) {
                State::Done(answer) => {
                    self.state = State::Done(answer);
                    return;
                }
                State::Asking | State::Waiting(_) => {
                    let request = Request { method: self.method, path: &self.path, query: &self.query };
                    match respond(edge, store, &request, self.when, now) {
                        Err(wait) => {
                            self.state = State::Waiting(*wait);
                            return;
                        }
                        Ok(response) => {
                            let after_ms = now.since_ms(self.when.at);
                            self.state = begin(response, self.method, store, after_ms);
                        }
                    }
                }
                State::Growing(growing) => {
                    let (mut answer, cursor, _) = *growing;
                    let at_ms = now.since_ms(self.when.at);
                    match grow(edge, store, &cursor, now) {
                        Grow::Parts(parts, cursor) => {
                            list_parts(&mut answer, &parts, store, at_ms);
                            self.state = State::Growing(Box::new((answer, cursor, None)));
                        }
                        Grow::Wait(wait) => {
                            self.state = State::Growing(Box::new((answer, cursor, Some(wait))));
                            return;
                        }
                        Grow::End => {
                            let _ = writeln!(answer.body, "+{at_ms} ms: the end");
                            self.state = State::Done(answer);
                        }
                        Grow::Abort | Grow::Fetch(_) => {
                            let _ = writeln!(answer.body, "+{at_ms} ms: broken off");
                            answer.sent.is_broken_off = true;
                            self.state = State::Done(answer);
                        }
                    }
                }
            }
        }
    }
}

/// The host's loop, up to a response or a wait.
fn respond(
    edge: &mut Edge,
    store: &mut Store,
    request: &Request<'_>,
    when: edge::Asked,
    now: WallMs,
) -> Result<Response, Box<Wait>> {
    for _ in 0..100_000 {
        match edge.handle(request, when, now) {
            Step::Respond(response) => return Ok(response),
            Step::Wait(wait) => return Err(Box::new(wait)),
            Step::Fetch(fetches) => carry_out(edge, store, &fetches, now),
            Step::Write(due) => {
                let written = store.write(&due);
                edge.wrote(&due, &written, now);
            }
        }
    }
    panic!("the edge asks without end for {} {}", request.path, request.query);
}

fn grow(edge: &mut Edge, store: &Store, cursor: &Cursor, now: WallMs) -> Grow {
    for _ in 0..100_000 {
        match edge.grow(cursor, now) {
            Grow::Fetch(fetches) => carry_out(edge, store, &fetches, now),
            other => return other,
        }
    }
    panic!("the edge asks without end for a growing segment");
}

fn carry_out(edge: &mut Edge, store: &Store, fetches: &[Fetch], now: WallMs) {
    assert!(!fetches.is_empty(), "nothing to fetch is no step");
    for fetch in fetches {
        edge.absorb(fetch, &store.find(&fetch.key, fetch.kind), now);
    }
}

fn begin(response: Response, method: Method, store: &Store, after_ms: i64) -> State {
    let (status, headers) = (response.status, headers(&response));
    let mut answer = Answer { after_ms, status, headers, body: String::new(), sent: Sent::default() };
    let sent = |response: Response, body: &[u8]| Sent {
        headers: response.headers().into_iter().map(|(name, value)| (name, value.into_owned())).collect(),
        body: body.to_vec(),
        is_broken_off: false,
    };
    match response.body.clone() {
        Body::Empty => answer.sent = sent(response, b""),
        Body::Text(text) => {
            answer.body.push_str(&String::from_utf8_lossy(&text.plain));
            answer.sent = sent(response, if status == 204 { b"" } else { &text.plain });
        }
        Body::Page => {
            answer.body.push_str("(the player page)\n");
            answer.sent = sent(response, include_bytes!("../../../player/index.html"));
        }
        Body::Bytes(bytes) => {
            let _ = writeln!(answer.body, "({} bytes, XXH3 {:016x})", bytes.len(), xxh3_64(bytes));
            answer.sent = sent(response.ranged(None, bytes.len() as u64).0, bytes);
        }
        Body::Object { key, .. } => {
            match store.get(&key).filter(|o| !matches!(Entry::from_meta(&o.meta), Ok(Entry::Marker(_)))) {
                Some(object) => {
                    let hash = xxh3_64(&object.body);
                    let size_bytes = object.body.len();
                    let _ = writeln!(answer.body, "({key}: {size_bytes} bytes, XXH3 {hash:016x})");
                    answer.sent = sent(response.ranged(None, size_bytes as u64).0, &object.body);
                }
                None => {
                    // What every host does where an object that should be sent is not there.
                    let absent = response.absent();
                    answer.status = absent.status;
                    answer.headers = vec![("Cache-Control", CacheFor::Seconds(1).to_string())];
                    let _ = writeln!(answer.body, "(nothing is stored at {key})");
                    if let Body::Text(text) = &absent.body {
                        answer.sent = sent(absent.clone(), &text.plain);
                    }
                }
            }
        }
        Body::Segment { parts, more } => {
            let size_bytes = parts.iter().map(|part| part.bytes).sum();
            let response = if more.is_some() { response } else { response.ranged(None, size_bytes).0 };
            answer.sent = sent(response, b"");
            list_parts(&mut answer, &parts, store, after_ms);
            if let Some(cursor) = more.filter(|_| method == Method::Get) {
                return State::Growing(Box::new((answer, cursor, None)));
            }
            answer.body.push_str("the end\n");
        }
    }
    if method == Method::Head {
        answer.body.clear();
        answer.sent.body.clear();
    }
    State::Done(answer)
}

fn list_parts(answer: &mut Answer, parts: &[PartObject], store: &Store, at_ms: i64) {
    for part in parts {
        let stored = store.get(&part.key).map_or(&[][..], |object| &object.body);
        assert_eq!(stored.len() as u64, part.bytes, "{} is not what is announced", part.key);
        let _ = writeln!(answer.body, "+{at_ms} ms: {}: {} bytes", part.key, part.bytes);
        answer.sent.body.extend_from_slice(stored);
    }
}

fn headers(response: &Response) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("Content-Type", response.content_type.to_owned()),
        ("Cache-Control", response.cache.to_string()),
    ];
    headers.extend(response.retry_after_s.map(|seconds| ("Retry-After", seconds.to_string())));
    headers.extend(response.priority.map(|priority| ("Priority", priority.to_owned())));
    headers.extend(response.location.clone().map(|location| ("Location", location)));
    headers
}
