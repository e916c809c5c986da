//! Growing segments: each is followed once and read once, for all who are sent it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use ingest_lambda::Runtime as _;
use js_sys::Promise;
use packager_core::edge::{Cursor, Grow, PartObject};
use tokio::sync::Notify;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};
use web_sys::{ReadableStream, WritableStream};

use super::Place;
use crate::edge::{BROKEN_OFF, pipe_part};
use crate::isolate::Isolate;
use crate::store::R2Store;

/// Bytes of parts that are held for those who are still to be sent them: some seconds of the best video, and little of
/// what an isolate may have. Who is further behind reads from storage.
const ROOM_BYTES: u64 = 8 << 20;

#[wasm_bindgen(module = "/src/waiting/growing.js")]
extern "C" {
    fn read(stream: ReadableStream) -> Promise;
    fn send(bytes: &Promise, to: &WritableStream) -> Promise;
}

/// The growing segments of one track that somebody is sent, and their parts in memory.
#[derive(Default)]
pub(super) struct GrowingSegments {
    /// By path. Whoever is sent one keeps it.
    segments: RefCell<Vec<(String, Weak<Segment>)>>,
    /// Oldest first.
    held: RefCell<VecDeque<Weak<Part>>>,
}

/// A growing segment.
#[derive(Default)]
pub(super) struct Segment {
    parts: RefCell<Vec<Rc<Part>>>,
    /// Whether it was closed, when nothing more comes.
    closed: Cell<Option<bool>>,
    changed: Notify,
}

struct Part {
    object: PartObject,
    bytes: RefCell<Bytes>,
}

/// Of a part.
enum Bytes {
    /// Nobody has asked for them.
    Unread,
    /// Read, or about to be.
    Held(Promise),
    /// Not in memory any more.
    LetGo,
}

impl GrowingSegments {
    /// A part's bytes, read once; `None`: they were let go.
    fn bytes(&self, part: &Rc<Part>, store: &R2Store) -> Option<Promise> {
        match &*part.bytes.borrow() {
            Bytes::Held(bytes) => return Some(bytes.clone()),
            Bytes::LetGo => return None,
            Bytes::Unread => {}
        }
        let (read_part, store) = (Rc::clone(part), store.clone());
        let bytes = future_to_promise(async move {
            let PartObject { key, bytes } = &read_part.object;
            let why = match store.stream(key, None).await {
                Ok(Some((stream, size))) if size == *bytes => return JsFuture::from(read(stream)).await,
                Ok(_) => format!("what is stored at {key} is not what the log says it is"),
                Err(why) => why.to_string(),
            };
            tracing::error!("{why}");
            // Whoever comes next tries by himself.
            read_part.bytes.replace(Bytes::LetGo);
            Err(JsValue::NULL)
        });
        part.bytes.replace(Bytes::Held(bytes.clone()));
        self.make_room(part);
        Some(bytes)
    }

    /// Lets the oldest go, where there is too much with this part.
    fn make_room(&self, part: &Rc<Part>) {
        let mut held = self.held.borrow_mut();
        held.push_back(Rc::downgrade(part));
        let mut room = ROOM_BYTES;
        let mut all = std::mem::take(&mut *held);
        while let Some(part) = all.pop_back() {
            let Some(part) = part.upgrade() else { continue };
            match room.checked_sub(part.object.bytes) {
                Some(rest) => {
                    room = rest;
                    held.push_front(Rc::downgrade(&part));
                }
                None => drop(part.bytes.replace(Bytes::LetGo)),
            }
        }
    }
}

impl Place {
    /// The segment at a path, which is open, with these parts and what follows.
    pub(super) fn growing(self: &Rc<Self>, path: &str, parts: &[PartObject], cursor: &Cursor) -> Rc<Segment> {
        let mut segments = self.growing.segments.borrow_mut();
        let mut known = None;
        segments.retain(|(of, segment)| match segment.upgrade() {
            Some(segment) if of == path && segment.closed.get().is_some() => false,
            Some(segment) => {
                if of == path {
                    known = Some(segment);
                }
                true
            }
            None => false,
        });
        known.unwrap_or_else(|| {
            let segment = Rc::<Segment>::default();
            segments.push((path.to_owned(), Rc::downgrade(&segment)));
            segment.add(parts.to_vec());
            spawn_local(Rc::clone(self).follow(Rc::downgrade(&segment), cursor.clone()));
            segment
        })
    }

    /// Finds out what follows in a segment, while anybody is sent it.
    async fn follow(self: Rc<Self>, segment: Weak<Segment>, mut cursor: Cursor) {
        while let Some(segment) = segment.upgrade() {
            let closed = match self.edge.grow(&cursor) {
                Grow::Parts(parts, next) => {
                    segment.add(parts);
                    cursor = next;
                    continue;
                }
                Grow::Fetch(_) => {
                    let _reading = self.reading.lock().await;
                    // Another may have read it meanwhile.
                    let Grow::Fetch(fetches) = self.edge.grow(&cursor) else { continue };
                    let Err(why) = self.edge.read(fetches).await else { continue };
                    tracing::error!("{why}");
                    false
                }
                Grow::Wait(wait) => {
                    drop(segment);
                    self.wait(wait).await;
                    cursor = cursor.woken(Isolate::now());
                    continue;
                }
                Grow::End => true,
                Grow::Abort => false,
            };
            segment.closed.set(Some(closed));
            segment.changed.notify_waiters();
            return;
        }
    }

    /// Sends a growing segment part by part, as they land, until it is closed.
    pub(super) async fn send_growing(self: Rc<Self>, segment: Rc<Segment>, to: WritableStream) {
        for index in 0.. {
            let Some(part) = segment.part(index).await else { break };
            let is_sent = match self.growing.bytes(&part, &self.edge.store) {
                Some(bytes) => JsFuture::from(send(&bytes, &to)).await.is_ok(),
                None => pipe_part(&self.edge.store, &part.object, 0..part.object.bytes, &to).await,
            };
            if !is_sent {
                // It cannot be read, or the viewer has gone.
                let _ = JsFuture::from(to.abort_with_reason(&BROKEN_OFF.into())).await;
                return;
            }
        }
        let _ = match segment.closed.get() {
            Some(true) => JsFuture::from(to.close()).await,
            // Not ended but broken off, so that no cache keeps half of it.
            _ => JsFuture::from(to.abort_with_reason(&BROKEN_OFF.into())).await,
        };
    }
}

impl Segment {
    fn add(&self, parts: Vec<PartObject>) {
        let parts =
            parts.into_iter().map(|object| Rc::new(Part { object, bytes: RefCell::new(Bytes::Unread) }));
        self.parts.borrow_mut().extend(parts);
        self.changed.notify_waiters();
    }

    /// A part, once it is there; `None`: there are no more.
    async fn part(&self, index: usize) -> Option<Rc<Part>> {
        loop {
            let changed = self.changed.notified();
            let part = self.parts.borrow().get(index).map(Rc::clone);
            if part.is_some() || self.closed.get().is_some() {
                return part;
            }
            changed.await;
        }
    }
}
