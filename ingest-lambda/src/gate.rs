//! What `rimcast push` sends, object by object, into a store.
//!
//! Nothing of a broadcast is kept here but headers that were seen, which never change, and for five seconds its record:
//! any number of gates may stand before one store, and each request may come to another.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use packager_core::cmaf::Header;
use packager_core::ingest::gate::{Answer, Request, Stored, Write};
use packager_core::ingest::{Pusher, PutMode, RECORD_TRUST_MS};
use packager_core::log::reader::Target;
use packager_core::log::{BroadcastName, BroadcastRecord, Key, key, record};
use packager_core::time::WallMs;

use crate::observer::Observer;
use crate::store::{ETag, Store, StoreError, Swapped};

/// Most headers kept in memory: of every track of a large broadcast those of a few sessions.
const HEADERS: usize = 256;

/// Checks objects and writes them to a store.
#[derive(Debug)]
pub struct Gate<S, O = ()> {
    store: S,
    observer: O,
    headers: Mutex<Headers>,
    records: Mutex<Records>,
}

impl<S: Store> Gate<S> {
    /// A gate before a store.
    pub fn new(store: S) -> Self {
        Self::observed(store, ())
    }
}

impl<S: Store, O: Observer> Gate<S, O> {
    /// A gate that tells `observer` of everything that it writes.
    pub fn observed(store: S, observer: O) -> Self {
        Self { store, observer, headers: Mutex::default(), records: Mutex::default() }
    }

    /// Whether whoever sends a request may, before its body is read.
    ///
    /// # Errors
    ///
    /// What to answer instead.
    pub async fn admit(&self, request: &Request, pusher: &Pusher, now: WallMs) -> Result<(), Answer> {
        let Some(broadcast) = request.broadcast() else { return Ok(()) };
        let mut was_known = self.records().find(&broadcast, now);
        // Nobody is refused for what was so a moment ago: a new key is to work at once.
        if was_known.as_deref().is_some_and(|record| request.admit(pusher, Some(record), now).is_err()) {
            was_known = None;
        }
        let record = match was_known {
            Some(record) => Some(record),
            None => self.read(&broadcast, now).await.map_err(|why| unavailable(&why))?,
        };
        request.admit(pusher, record.as_deref(), now).map_err(|denied| Answer::denied(&denied))
    }

    /// Carries a request out.
    pub async fn answer(&self, request: Request, body: Bytes) -> Answer {
        let answered = match &request {
            Request::Get(key) => self.get(key).await,
            Request::Head(key) => self.head(key).await,
            Request::List(prefix) => self.store.list(prefix).await.map(|names| Answer::names(&names)),
            Request::Put(write) => self.put(write, body).await,
        };
        answered.unwrap_or_else(|why| unavailable(&why))
    }

    /// The broadcast's record, as it is, to be trusted for five seconds.
    async fn read(
        &self,
        broadcast: &BroadcastName,
        now: WallMs,
    ) -> Result<Option<Arc<BroadcastRecord>>, StoreError> {
        let key = key::broadcast(broadcast);
        let Some(there) = self.store.get(&key).await? else { return Ok(None) };
        match record::from_json(&there.body) {
            Ok(record) => Ok(Some(self.records().insert(broadcast, record, now))),
            Err(why) => Err(StoreError::Damaged { key, why }),
        }
    }

    fn records(&self) -> std::sync::MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn get(&self, key: &Key) -> Result<Answer, StoreError> {
        let Some(there) = self.store.get(&key.spell()).await? else { return Ok(Answer::not_found()) };
        if let Key::Record(_) = key {
            return match record::from_json(&there.body) {
                Ok(record) => Ok(Answer::record(record, &there.etag.0)),
                Err(why) => Err(StoreError::Damaged { key: key.spell(), why }),
            };
        }
        Ok(Answer::object(key, &there.meta, there.body, &there.etag.0))
    }

    async fn head(&self, key: &Key) -> Result<Answer, StoreError> {
        let found = self.store.stat(&key.spell()).await?;
        Ok(found.map_or_else(Answer::not_found, |there| {
            Answer::head(key, &there.meta, there.size_bytes, &there.etag.0)
        }))
    }

    async fn put(&self, write: &Write, body: Bytes) -> Result<Answer, StoreError> {
        let header = match write.needs() {
            None => None,
            Some(init) => match self.header(init).await? {
                None => return Ok(Answer::header_missing()),
                header => header,
            },
        };
        if let Err(wrong) = write.check(&body, header.as_deref()) {
            return Ok(wrong.into());
        }
        match &write.mode {
            PutMode::Create => self.create(write, body).await,
            PutMode::Swap(tag) => {
                let expected = ETag(tag.clone().unwrap_or_default());
                match &write.key {
                    Key::Record(_) => self.learn(write, &expected, &body).await,
                    // A checkpoint, which says nothing new.
                    Key::Object(..) => self.swap(&write.key.spell(), &expected, body).await,
                }
            }
        }
    }

    /// Writes what is not there yet, and otherwise looks at what is.
    async fn create(&self, write: &Write, body: Bytes) -> Result<Answer, StoreError> {
        let key = write.key.spell();
        // Twice, should it go away in between.
        for _ in 0..2 {
            let pieces = std::slice::from_ref(&body);
            if let Swapped::Done(tag) = self.store.swap(&key, None, &write.meta, pieces).await? {
                self.keep(&write.key, &body);
                self.tell(write, &key, body);
                return Ok(Answer::written(&tag.0));
            }
            // A part's metadata has its hash.
            let there = match &write.key {
                Key::Object(_, _, Target::Part(..)) => {
                    self.store.stat(&key).await?.map(|stat| (stat.meta, Bytes::new(), stat.etag))
                }
                _ => self.store.get(&key).await?.map(|object| (object.meta, object.body, object.etag)),
            };
            if let Some((meta, there, tag)) = there {
                return Ok(write.exists(&body, Stored { meta: &meta, body: &there, tag: &tag.0 }));
            }
        }
        Err(StoreError::Busy { key })
    }

    async fn swap(&self, key: &str, expected: &ETag, body: Bytes) -> Result<Answer, StoreError> {
        match self.store.swap(key, Some(expected), "", &[body]).await? {
            Swapped::Done(tag) => Ok(Answer::written(&tag.0)),
            Swapped::Conflict => {
                let there = self.store.stat(key).await?;
                Ok(Answer::changed(there.as_ref().map(|stat| stat.etag.0.as_str())))
            }
        }
    }

    /// Adds what encoders say of the tracks to what is there.
    async fn learn(&self, write: &Write, expected: &ETag, body: &[u8]) -> Result<Answer, StoreError> {
        let key = write.key.spell();
        let there = self.store.get(&key).await?;
        let Some(there) = there else { return Ok(Answer::changed(None)) };
        if there.etag != *expected {
            return Ok(Answer::changed(Some(&there.etag.0)));
        }
        let record: BroadcastRecord = match record::from_json(&there.body) {
            Ok(record) => record,
            Err(why) => return Err(StoreError::Damaged { key, why }),
        };
        match write.learned(body, &record) {
            Ok(None) => Ok(Answer::known(&there.etag.0)),
            Ok(Some(learned)) => {
                let body = Bytes::from(learned);
                let answer = self.swap(&key, expected, body.clone()).await?;
                if answer.status == 201 {
                    self.tell(write, &key, body);
                }
                Ok(answer)
            }
            Err(wrong) => Ok(wrong.into()),
        }
    }

    /// Tells of what was written.
    fn tell(&self, write: &Write, key: &str, body: Bytes) {
        match &write.key {
            Key::Object(broadcast, generation, target) => {
                self.observer.stored(broadcast, generation, target, key, &write.meta, &[body]);
            }
            Key::Record(broadcast) => {
                if let Ok(record) = record::from_json(&body) {
                    self.observer.recorded(broadcast, &record);
                }
            }
        }
    }

    /// The header that is stored there.
    async fn header(&self, init: Key) -> Result<Option<Arc<Header>>, StoreError> {
        if let Some(header) = self.headers().find(&init) {
            return Ok(Some(header));
        }
        let key = init.spell();
        let Some(stored) = self.store.get(&key).await? else { return Ok(None) };
        match Header::parse(&stored.body) {
            Ok(header) => Ok(Some(self.headers().insert(init, header))),
            Err(why) => Err(StoreError::Damaged { key, why: why.to_string() }),
        }
    }

    /// Keeps a header that was just stored for the parts that follow it.
    fn keep(&self, key: &Key, body: &[u8]) {
        if let (Key::Object(_, _, Target::Init(..)), Ok(header)) = (key, Header::parse(body)) {
            self.headers().insert(key.clone(), header);
        }
    }

    fn headers(&self) -> std::sync::MutexGuard<'_, Headers> {
        self.headers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(why: &StoreError) -> Answer {
    tracing::error!("{why}");
    // What the store said is for the operator, who reads the log.
    Answer::unavailable(match why {
        StoreError::Forbidden { .. } => {
            "this host has no access to its storage; its operator has to give it the right to read and \
             write there"
        }
        StoreError::Full { .. } => "storage is full; its operator has to make room",
        StoreError::Damaged { .. } => "what is stored there cannot be read; the host's log says more",
        _ => "storage is busy or cannot be reached; try again in a moment",
    })
}

/// The records that were read last.
#[derive(Debug, Default)]
struct Records(Vec<(BroadcastName, Arc<BroadcastRecord>, WallMs)>);

impl Records {
    fn find(&self, broadcast: &BroadcastName, now: WallMs) -> Option<Arc<BroadcastRecord>> {
        let (_, record, read) = self.0.iter().find(|(name, ..)| name == broadcast)?;
        (0..RECORD_TRUST_MS).contains(&now.since_ms(*read)).then(|| Arc::clone(record))
    }

    fn insert(
        &mut self,
        broadcast: &BroadcastName,
        record: BroadcastRecord,
        now: WallMs,
    ) -> Arc<BroadcastRecord> {
        let record = Arc::new(record);
        // Who pushes may name as many broadcasts as they like.
        self.0.retain(|(name, _, read)| name != broadcast && now.since_ms(*read) < RECORD_TRUST_MS);
        self.0.push((broadcast.clone(), Arc::clone(&record), now));
        record
    }
}

/// The headers that were used last, the newest at the end.
#[derive(Debug, Default)]
struct Headers(Vec<(Key, Arc<Header>)>);

impl Headers {
    fn find(&mut self, key: &Key) -> Option<Arc<Header>> {
        let at = self.0.iter().rposition(|(other, _)| other == key)?;
        self.0[at..].rotate_left(1);
        self.0.last().map(|(_, header)| Arc::clone(header))
    }

    fn insert(&mut self, key: Key, header: Header) -> Arc<Header> {
        if let Some(header) = self.find(&key) {
            return header;
        }
        if self.0.len() >= HEADERS {
            self.0.remove(0);
        }
        let header = Arc::new(header);
        self.0.push((key, Arc::clone(&header)));
        header
    }
}
