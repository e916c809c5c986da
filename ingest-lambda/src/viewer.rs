//! Answering viewers out of a store that tells nobody of writes: what is waited for is looked for again and again.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::stream::{Stream, try_unfold};
use packager_core::edge::{Asked, Cursor, Edge, Fetch, Grow, PartObject, Request, Response, Step, Wait};
use packager_core::log::Found;

use crate::runtime::Runtime;
use crate::store::{Store, StoreError, find, write};

/// What viewers are answered from. Clones share it.
#[derive(Debug)]
pub struct Viewers<S, R> {
    shared: Arc<Shared<S>>,
    runtime: PhantomData<R>,
}

#[derive(Debug)]
struct Shared<S> {
    store: S,
    edge: Mutex<Edge>,
}

impl<S, R> Clone for Viewers<S, R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), runtime: PhantomData }
    }
}

/// Why a response that has begun does not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BrokenOff {
    /// What should follow did not come in time.
    #[error("the segment was not closed in time")]
    NotClosed,
    /// A part is not what the log says.
    #[error("what is stored at {0} is not what the log says it is")]
    Damaged(String),
    /// Storage does not answer.
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl<S: Store, R: Runtime> Viewers<S, R> {
    /// Answers out of `store`.
    pub fn new(store: S) -> Self {
        let shared = Shared { store, edge: Mutex::new(Edge::new(false)) };
        Self { shared: Arc::new(shared), runtime: PhantomData }
    }

    fn edge(&self) -> MutexGuard<'_, Edge> {
        self.shared.edge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a request that comes now, held for as long as requests are.
    ///
    /// # Errors
    ///
    /// The store could not be asked, or holds what cannot be read.
    pub async fn answer(&self, request: &Request<'_>) -> Result<Response, StoreError> {
        let mut asked = Asked::at(R::now());
        loop {
            let step = self.edge().handle(request, asked, R::now());
            match step {
                Step::Respond(response) => return Ok(response),
                Step::Fetch(fetches) => self.read(fetches).await?,
                Step::Write(due) => {
                    // In a box: what is seldom awaited is not part of every answer.
                    let written = Box::pin(write(&self.shared.store, &due)).await;
                    self.edge().wrote(&due, &written, R::now());
                }
                Step::Wait(wait) => {
                    self.wait(&wait).await?;
                    asked = asked.woken(R::now());
                }
            }
        }
    }

    /// A stored object's bytes; `None` where there is nothing, or a marker.
    ///
    /// # Errors
    ///
    /// The store could not be asked, or holds what cannot be read.
    pub async fn object(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let found = self.shared.store.get(key).await?;
        Ok(found.map(|object| object.body).filter(|body| !body.is_empty()))
    }

    /// The parts of a segment, one after the other; of one that grows, as they come.
    pub fn segment(
        &self,
        parts: Vec<PartObject>,
        more: Option<Cursor>,
    ) -> impl Stream<Item = Result<Bytes, BrokenOff>> + use<S, R> {
        let state = (self.clone(), VecDeque::from(parts), more);
        try_unfold(state, async |(viewers, mut parts, mut more)| {
            let part = loop {
                if let Some(part) = parts.pop_front() {
                    break part;
                }
                let Some(cursor) = more.take() else { return Ok(None) };
                more = viewers.grow(cursor, &mut parts).await?;
            };
            let bytes = viewers.object(&part.key).await?;
            let is_whole = |bytes: &Bytes| u64::try_from(bytes.len()).is_ok_and(|bytes| bytes == part.bytes);
            match bytes.filter(is_whole) {
                Some(bytes) => Ok(Some((bytes, (viewers, parts, more)))),
                None => Err(BrokenOff::Damaged(part.key)),
            }
        })
    }

    /// Finds out what follows in a segment; what it goes on with after that, if it does.
    async fn grow(
        &self,
        cursor: Cursor,
        parts: &mut VecDeque<PartObject>,
    ) -> Result<Option<Cursor>, BrokenOff> {
        let step = self.edge().grow(&cursor, R::now());
        match step {
            Grow::Parts(more, next) => {
                parts.extend(more);
                Ok(Some(next))
            }
            Grow::Fetch(fetches) => {
                self.read(fetches).await?;
                Ok(Some(cursor))
            }
            Grow::Wait(wait) => {
                self.wait(&wait).await?;
                Ok(Some(cursor.woken(R::now())))
            }
            Grow::End => Ok(None),
            Grow::Abort => Err(BrokenOff::NotClosed),
        }
    }

    /// Reads all at once.
    async fn read(&self, fetches: Vec<Fetch>) -> Result<(), StoreError> {
        let asked = R::now();
        let reads = fetches.iter().map(|fetch| find(&self.shared.store, &fetch.key, fetch.kind));
        let found = try_join_all(reads).await?;
        let mut edge = self.edge();
        for (fetch, found) in fetches.iter().zip(&found) {
            edge.absorb(fetch, found, asked);
        }
        Ok(())
    }

    /// Looks for what is waited for until it is there, or for as long as may be waited.
    async fn wait(&self, wait: &Wait) -> Result<(), StoreError> {
        let mut now = R::now();
        while now < wait.until {
            R::sleep(wait.next_poll(now).since_ms(now).max(1).unsigned_abs()).await;
            now = R::now();
            let found = find(&self.shared.store, &wait.poll.key, wait.poll.kind).await?;
            if !matches!(found, Found::Missing) {
                self.edge().absorb(&wait.poll, &found, now);
                return Ok(());
            }
        }
        Ok(())
    }
}
