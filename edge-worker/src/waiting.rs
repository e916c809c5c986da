//! Waiting: one object for each broadcast, region and track, where everyone waits together.
//!
//! While anyone waits, it polls the one key that they wait for, from when it is due. Every wait has a
//! deadline: viewers that leave are not seen to.

mod growing;

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, select};
use futures_util::lock::Mutex;
use ingest_lambda::Runtime as _;
use js_sys::Promise;
use packager_core::edge::{Asked, Body, HOLD_MS, Method, Response as Decided, Step, Wait};
use packager_core::time::WallMs;
use tokio::sync::Notify;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};
use web_sys::TransformStream;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use self::growing::GrowingSegments;
use crate::edge::{EdgeHost, ViewerRequest, unavailable};
use crate::isolate::Isolate;
use crate::respond::{Head, said};
use crate::store::R2Store;

/// Deadlines within so many milliseconds are kept together, so that a crowd that came one by one is not
/// woken for each of its deadlines.
const DEADLINE_STEP_MS: i64 = 100;

/// Nobody waits for longer than this, whatever happens: a second more than the longest hold.
const LIMIT_MS: i64 = HOLD_MS + 1_000;

async fn limit() {
    let end = Isolate::now().plus_ms(LIMIT_MS);
    // A timer may be early by the clock.
    while let rest_ms @ 1.. = end.since_ms(Isolate::now()) {
        Isolate::sleep(rest_ms.unsigned_abs()).await;
    }
}

/// Holds requests of one place.
#[durable_object(fetch)]
pub struct WaitingObject {
    env: Env,
    place: Result<Rc<Place>>,
}

struct Place {
    edge: EdgeHost,
    /// Who waits for a key, by key.
    waiters: RefCell<Vec<(String, Arc<Notify>)>>,
    /// Held by whoever reads the log, so that a crowd reads it once.
    reading: Mutex<()>,
    growing: GrowingSegments,
}

impl DurableObject for WaitingObject {
    fn new(_: State, env: Env) -> Self {
        let place = R2Store::of(&env).map(|store| {
            Rc::new(Place {
                edge: EdgeHost::new(store),
                waiters: RefCell::default(),
                reading: Mutex::default(),
                growing: GrowingSegments::default(),
            })
        });
        Self { env, place }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let answer = JsFuture::from(self.hold(request.inner().clone()?)).await?;
        Ok(answer.unchecked_into::<web_sys::Response>().into())
    }
}

#[wasm_bindgen]
impl WaitingObject {
    /// What `entry.js` calls in place of `fetch`, whose response would be taken apart and made anew.
    pub fn hold(&self, request: web_sys::Request) -> Promise {
        let place = self.place.as_ref().map(Rc::clone).map_err(ToString::to_string);
        let env = self.env.clone();
        future_to_promise(async move {
            let answer = async { place?.answer(&ViewerRequest::new(&request)?, &env).await };
            let answer: Result<web_sys::Response> = match select(pin!(answer), pin!(limit())).await {
                Either::Left((answer, _)) => answer,
                // The packager ends holds before, unless storage keeps it waiting.
                Either::Right(_) => said(&Decided::unavailable()),
            };
            Ok(answer?.into())
        })
    }
}

impl Place {
    async fn answer(self: &Rc<Self>, viewer: &ViewerRequest, env: &Env) -> Result<web_sys::Response> {
        let request = viewer.as_core();
        let mut asked = Asked::at(Isolate::now());
        let decided = loop {
            match self.edge.handle(&request, asked) {
                Step::Respond(decided) => break decided,
                Step::Wait(wait) => {
                    self.wait(wait).await;
                    asked = asked.woken(Isolate::now());
                }
                Step::Write(due) => self.edge.write(&due).await,
                Step::Fetch(_) => {
                    let _reading = self.reading.lock().await;
                    // Whoever comes next finds most of it known.
                    if let Step::Fetch(fetches) = self.edge.handle(&request, asked)
                        && let Err(why) = self.edge.read(fetches).await
                    {
                        return unavailable(&why);
                    }
                }
            }
        };
        match decided.body {
            Body::Segment { ref parts, more: Some(ref cursor) } => {
                let head = Head::new(&decided);
                if viewer.method == Method::Head {
                    return head.empty();
                }
                let pipe = TransformStream::new()?;
                let segment = self.growing(&viewer.path, parts, cursor);
                spawn_local(Rc::clone(self).send_growing(segment, pipe.writable()));
                head.with_stream(pipe.readable())
            }
            _ => self.edge.send(decided, viewer, env).await,
        }
    }

    /// Returns when what is waited for may be there, or at the deadline.
    async fn wait(self: &Rc<Self>, wait: Wait) {
        let (waiter, is_first) = {
            let mut waiters = self.waiters.borrow_mut();
            let known =
                waiters.iter().find(|(key, _)| *key == wait.poll.key).map(|(_, notify)| Arc::clone(notify));
            let is_first = known.is_none();
            let notify = known.unwrap_or_default();
            if is_first {
                waiters.push((wait.poll.key.clone(), Arc::clone(&notify)));
            }
            (notify.notified_owned(), is_first)
        };
        if is_first {
            spawn_local(Rc::clone(self).poll(wait));
        }
        waiter.await;
    }

    /// Looks again and again, for everyone.
    async fn poll(self: Rc<Self>, wait: Wait) {
        let until = WallMs(wait.until.0.saturating_add(DEADLINE_STEP_MS));
        loop {
            let now = Isolate::now();
            let next = if now >= wait.until { until } else { wait.next_poll(now) };
            let pause_ms = next.since_ms(now).max(1).unsigned_abs();
            Isolate::sleep(pause_ms).await;
            if Isolate::now() >= until {
                break;
            }
            match self.edge.poll(&wait.poll).await {
                Ok(true) => break,
                Ok(false) => {}
                Err(why) => tracing::warn!("{why}"),
            }
        }
        self.waiters.borrow_mut().retain(|(key, notify)| {
            let is_it = *key == wait.poll.key;
            if is_it {
                notify.notify_waiters();
            }
            !is_it
        });
    }
}
