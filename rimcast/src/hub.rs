//! What everyone in this process shares: the edge, who waits for what, and the newest parts.
//!
//! The edge is asked and told under one lock, held for microseconds. Whoever is told to wait is
//! registered before the lock is let go, and whoever tells of something new does so under it, so
//! that no wake-up is lost.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ingest_lambda::store::StoreError;
use ingest_lambda::{Native, Runtime as _, Settings};
use packager_core::edge::{Asked, Cursor, Edge, Fetch, Grow, Request, Response, Step, Wait, Write, Written};
use packager_core::log::reader::Target;
use packager_core::log::{BroadcastName, BroadcastRecord, Found, Generation, TrackName};
use packager_core::time::WallMs;
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, OnceCell};

/// Sets of waiters beyond this are looked through for ones that nobody waits in any more.
const WAITER_SETS: usize = 1024;

/// Bodies beyond this are looked through for ones that are not being sent any more.
const SENDING: usize = 256;

/// A stored body, once it is read; `None`: there is nothing.
type Read = OnceCell<Option<Bytes>>;

/// A body that is there for as long as anyone is sent it.
struct Sent {
    body: Bytes,
    _read: Arc<Read>,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// What everyone shares.
pub(crate) struct Hub {
    shared: Mutex<Shared>,
    recent: Mutex<Recent>,
    /// What is being sent, by key, where it was read from storage.
    sending: Mutex<HashMap<Box<str>, Weak<Read>>>,
    /// Held by whoever reads the log from storage for the edge, so that a crowd that meets a cold
    /// edge reads it once.
    pub(crate) reading: tokio::sync::Mutex<()>,
}

struct Shared {
    edge: Edge,
    waiters: HashMap<BroadcastName, HashMap<Option<TrackName>, Arc<Notify>>>,
}

/// What a viewer's host does next.
pub(crate) enum Next {
    /// Read these.
    Fetch(Vec<Fetch>),
    /// Create this.
    Write(Box<Write>),
    /// Sleep.
    Sleep(Sleep),
    /// Answer.
    Respond(Response),
}

/// What the sender of a growing segment does next.
pub(crate) enum NextParts {
    /// As the edge says; never [`Grow::Wait`].
    Now(Grow),
    /// Sleep.
    Sleep(Sleep),
}

/// Until something is stored, or a deadline.
pub(crate) struct Sleep {
    woken: OwnedNotified,
    deadline: tokio::time::Instant,
}

impl Sleep {
    /// Sleeps.
    pub(crate) async fn sleep(self) {
        // At the deadline the edge says what is to be done, so how it ended does not matter.
        let _ = tokio::time::timeout_at(self.deadline, self.woken).await;
    }
}

impl Hub {
    /// A hub that keeps up to `cache_bytes` of the newest parts in memory, of media that is cut like this.
    pub(crate) fn new(cache_bytes: usize, settings: Settings) -> Self {
        let edge = Edge::new(true).cutting(settings);
        Self {
            shared: Mutex::new(Shared { edge, waiters: HashMap::new() }),
            recent: Mutex::new(Recent { room_bytes: cache_bytes, ..Recent::default() }),
            sending: Mutex::default(),
            reading: tokio::sync::Mutex::new(()),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing is left half done when something panics under the lock: the edge is rebuilt from
        // storage where it does not know enough.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do about a request.
    pub(crate) fn handle(&self, request: &Request<'_>, asked: Asked) -> Next {
        let now = Native::now();
        let mut shared = self.shared();
        match shared.edge.handle(request, asked, now) {
            Step::Fetch(fetches) => Next::Fetch(fetches),
            Step::Write(due) => Next::Write(due),
            Step::Wait(Wait { broadcast, track, until, .. }) => {
                Next::Sleep(shared.register(broadcast, track, until, now))
            }
            Step::Respond(response) => Next::Respond(response),
        }
    }

    /// What follows in a growing segment.
    pub(crate) fn grow(&self, cursor: &Cursor) -> NextParts {
        let now = Native::now();
        let mut shared = self.shared();
        match shared.edge.grow(cursor, now) {
            Grow::Wait(Wait { broadcast, track, until, .. }) => {
                NextParts::Sleep(shared.register(broadcast, track, until, now))
            }
            other => NextParts::Now(other),
        }
    }

    /// Tells the edge what reads, begun at `asked`, found.
    pub(crate) fn absorb(&self, found: &[(Fetch, Found)], asked: WallMs) {
        let mut shared = self.shared();
        for (fetch, found) in found {
            shared.edge.absorb(fetch, found, asked);
        }
    }

    /// An object was stored by this process.
    pub(crate) fn stored(
        &self,
        broadcast: &BroadcastName,
        generation: &Generation,
        target: &Target,
        key: &str,
        meta: &str,
        body: &[Bytes],
    ) {
        let body = joined(body);
        if matches!(target, Target::Part(..) | Target::Init(..)) && !body.is_empty() {
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).insert(key, body.clone());
        }
        let size_bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let mut shared = self.shared();
        shared.edge.observe(broadcast, generation, target, meta, size_bytes, &body);
        shared.wake(broadcast, track_of(target));
    }

    /// What was due was written, or was there already: who waits for it asks again.
    pub(crate) fn wrote(&self, due: &Write, written: &Written) {
        let (broadcast, _, target) = due.target();
        if matches!(target, Target::Part(..) | Target::Init(..)) && *written == Written::New {
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).insert(&due.key, joined(&due.body));
        }
        let mut shared = self.shared();
        shared.edge.wrote(due, written, Native::now());
        shared.wake(broadcast, track_of(target));
    }

    /// A broadcast was created by this process, or its settings changed.
    pub(crate) fn recorded(&self, broadcast: &BroadcastName, record: &BroadcastRecord) {
        let mut shared = self.shared();
        shared.edge.observe_broadcast(broadcast, record, Native::now());
        shared.wake(broadcast, None);
    }

    /// Another process wrote to a broadcast: what is known of it is read again.
    pub(crate) fn interfered(&self, broadcast: &BroadcastName, generation: &Generation) {
        let mut shared = self.shared();
        shared.edge.forget(broadcast, generation);
        shared.wake(broadcast, None);
    }

    /// Wakes everyone: the process is stopping.
    pub(crate) fn wake_all(&self) {
        for (_, tracks) in self.shared().waiters.drain() {
            tracks.values().for_each(|waiters| waiters.notify_waiters());
        }
    }

    /// A part or header that was stored lately.
    pub(crate) fn recent(&self, key: &str) -> Option<Bytes> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).bodies.get(key).cloned()
    }

    /// A stored body, read once for all who are sent it at the same time.
    pub(crate) async fn read_once(
        &self,
        key: &str,
        read: impl Future<Output = Result<Option<Bytes>, StoreError>>,
    ) -> Result<Option<Bytes>, StoreError> {
        let shared = self.sending(key);
        let body = shared.get_or_try_init(|| read).await?.clone();
        Ok(body.map(|body| Bytes::from_owner(Sent { body, _read: shared })))
    }

    fn sending(&self, key: &str) -> Arc<Read> {
        let mut sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sending.get(key).and_then(Weak::upgrade) {
            return known;
        }
        if sending.len() >= SENDING {
            sending.retain(|_, read| read.strong_count() > 0);
        }
        let read = Arc::default();
        sending.insert(Box::from(key), Arc::downgrade(&read));
        read
    }
}

impl Shared {
    fn register(
        &mut self,
        broadcast: BroadcastName,
        track: Option<TrackName>,
        until: WallMs,
        now: WallMs,
    ) -> Sleep {
        if self.waiters.len() >= WAITER_SETS {
            for tracks in self.waiters.values_mut() {
                tracks.retain(|_, waiters| Arc::strong_count(waiters) > 1);
            }
            self.waiters.retain(|_, tracks| !tracks.is_empty());
        }
        let waiters = self.waiters.entry(broadcast).or_default().entry(track).or_default();
        let for_ms = u64::try_from(until.since_ms(now)).unwrap_or(0);
        Sleep {
            woken: Arc::clone(waiters).notified_owned(),
            deadline: tokio::time::Instant::now() + Duration::from_millis(for_ms),
        }
    }

    /// Wakes who waits for a track, or, when what is new is of no one track, for any.
    fn wake(&mut self, broadcast: &BroadcastName, track: Option<&TrackName>) {
        let Some(tracks) = self.waiters.get_mut(broadcast) else { return };
        tracks.retain(|waited, waiters| {
            let is_meant = track.is_none() || waited.is_none() || waited.as_ref() == track;
            if is_meant {
                waiters.notify_waiters();
            }
            !is_meant
        });
        if tracks.is_empty() {
            self.waiters.remove(broadcast);
        }
    }
}

/// The newest bodies, so that those who were woken for a part do not all read it from the disk.
#[derive(Default)]
struct Recent {
    bodies: HashMap<Arc<str>, Bytes>,
    order: VecDeque<Arc<str>>,
    held_bytes: usize,
    room_bytes: usize,
}

impl Recent {
    fn insert(&mut self, key: &str, body: Bytes) {
        if body.len() > self.room_bytes || self.bodies.contains_key(key) {
            return;
        }
        while self.held_bytes + body.len() > self.room_bytes {
            let Some(oldest) = self.order.pop_front() else { break };
            self.held_bytes -= self.bodies.remove(&oldest).map_or(0, |body| body.len());
        }
        let key: Arc<str> = Arc::from(key);
        self.held_bytes += body.len();
        self.order.push_back(Arc::clone(&key));
        self.bodies.insert(key, body);
    }
}

/// The track that an object is of; `None`: of all of them.
fn track_of(target: &Target) -> Option<&TrackName> {
    match target {
        Target::Tracks | Target::Period(_) => None,
        Target::Sessions(track)
        | Target::Begin(track)
        | Target::Head(track)
        | Target::Page(track, _)
        | Target::Listing(track, ..)
        | Target::Init(track, _)
        | Target::Part(track, ..) => Some(track),
    }
}

fn joined(pieces: &[Bytes]) -> Bytes {
    if let [one] = pieces {
        return one.clone();
    }
    let mut joined = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in pieces {
        joined.extend_from_slice(piece);
    }
    joined.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_bodies_are_kept_within_bounds() {
        let mut recent = Recent { room_bytes: 10, ..Recent::default() };
        let body = |bytes: usize| Bytes::from(vec![0; bytes]);
        recent.insert("a", body(4));
        recent.insert("b", body(4));
        recent.insert("b", body(9));
        recent.insert("too large", body(11));
        assert_eq!((recent.bodies.len(), recent.held_bytes), (2, 8));
        recent.insert("c", body(4));
        assert!(!recent.bodies.contains_key("a") && recent.bodies.contains_key("b"));
        recent.insert("d", body(10));
        assert_eq!((recent.bodies.len(), recent.order.len(), recent.held_bytes), (1, 1, 10));
    }

    #[tokio::test]
    async fn a_body_is_read_once_while_anyone_is_sent_it() {
        let hub = Hub::new(0, Settings::default());
        let reads = std::cell::Cell::new(0);
        let read = || {
            hub.read_once("cup/part", async {
                reads.set(reads.get() + 1);
                tokio::task::yield_now().await;
                Ok(Some(Bytes::from(vec![7; 9])))
            })
        };
        let (one, other) = tokio::join!(read(), read());
        let (one, other) = (one.unwrap().unwrap(), other.unwrap().unwrap());
        assert_eq!((reads.get(), &one[..], one.as_ptr()), (1, &[7; 9][..], other.as_ptr()));
        drop(one);
        // A piece of it is enough to keep it.
        let piece = other.slice(1..2);
        drop(other);
        assert_eq!(read().await.unwrap().unwrap().slice(1..2).as_ptr(), piece.as_ptr());
        assert_eq!(reads.get(), 1);
        drop(piece);
        read().await.unwrap();
        assert_eq!(reads.get(), 2, "it was kept for nobody");
        let fails = hub.read_once("cup/other", async { Err(StoreError::Busy { key: String::new() }) });
        assert!(fails.await.is_err());
        assert_eq!(
            hub.read_once("cup/other", async { Ok(None) }).await.unwrap(),
            None,
            "failing is not kept"
        );
    }

    #[tokio::test]
    async fn who_waits_is_woken_and_forgotten() {
        let hub = Hub::new(0, Settings::default());
        let name = BroadcastName::parse("cup").unwrap();
        let track = TrackName::parse("video-0").unwrap();
        let register = |track: Option<&TrackName>| {
            let now = Native::now();
            hub.shared().register(name.clone(), track.cloned(), now.plus_ms(60_000), now)
        };
        let sleeps = [register(Some(&track)), register(None)];
        let other = register(TrackName::parse("audio-1").ok().as_ref());
        // Told before anyone sleeps: not lost all the same.
        hub.shared().wake(&name, Some(&track));
        for sleep in sleeps {
            tokio::time::timeout(Duration::from_secs(5), sleep.sleep()).await.unwrap();
        }
        assert!(tokio::time::timeout(Duration::from_millis(10), other.sleep()).await.is_err());
        assert_eq!(hub.shared().waiters[&name].len(), 1);
        hub.wake_all();
        assert!(hub.shared().waiters.is_empty());
    }
}
