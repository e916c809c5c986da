//! Receiving: uploads come in, core decides, the store is written.
//!
//! Each broadcast that is pushed to has one task. It owns core's [`Receiver`], carries out the puts
//! it asks for (one at a time for each track, tracks in parallel), and answers uploads once what
//! they brought is stored. Nothing is decided here.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use packager_core::ingest::{
    Notice, Outcome, PushPath, Put, PutMode, Receiver, Recovery, Refusal, Severity, UploadId,
};
use packager_core::log::{
    BroadcastName, BroadcastRecord, BroadcastSettings, Generation, Target, TrackDescription, TrackName, key,
    record,
};
use packager_core::order::SortedMap;
use packager_core::time::WallMs;
use tokio::sync::{mpsc, oneshot};

use crate::observer::Observer;
use crate::runtime::Runtime;
use crate::store::{self, Created, ETag, Store, StoreError, Swapped};

pub use packager_core::ingest::Settings;

/// Messages that may wait for a broadcast's task: more, and bodies are read no further.
const QUEUE: usize = 64;

/// A broadcast nobody pushes to is dropped from memory after this long; storage has it all.
const IDLE_MS: u64 = 300_000;

/// How long `broadcast.json` is trusted.
const GENERATION_TRUST_MS: i64 = 5_000;

/// Least time between two writes of `broadcast.json`: R2 takes one a second to a key.
const RECORD_MS: i64 = 1_000;

/// How often a failing write is tried, with doubling pauses from [`RETRY_PAUSE_MS`].
const TRIES: u32 = 6;
const RETRY_PAUSE_MS: u64 = 50;

/// Receives any number of broadcasts into one store.
pub struct Ingest<S, O, R> {
    shared: Arc<Shared<S, O, R>>,
}

struct Shared<S, O, R> {
    store: S,
    observer: O,
    settings: Settings,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
    tasks: Mutex<HashMap<BroadcastName, mpsc::Sender<Message>>>,
    runtime: PhantomData<R>,
}

enum Message {
    Open { path: PushPath, file: String, reply: oneshot::Sender<Result<UploadId, Refusal>> },
    Push { id: UploadId, bytes: Bytes, reply: oneshot::Sender<Result<(), Refusal>> },
    Finish { id: UploadId, whole: bool, reply: oneshot::Sender<Result<(), Refusal>> },
}

/// One body that is being received.
pub struct Upload {
    id: UploadId,
    task: mpsc::Sender<Message>,
}

fn stopped() -> Refusal {
    Refusal::Storage("the server is stopping, or could not read the broadcast from storage".to_owned())
}

impl<S: Store, O: Observer, R: Runtime> Ingest<S, O, R> {
    /// An ingest that writes to `store`. `random` seeds ids, which need to differ, not to be secret.
    pub fn new(
        store: S,
        observer: O,
        settings: Settings,
        random: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                observer,
                settings,
                random: Box::new(random),
                tasks: Mutex::default(),
                runtime: PhantomData,
            }),
        }
    }

    /// Sets how a broadcast's tracks are shown, in place of what was set before; creates the broadcast
    /// if there is none.
    ///
    /// # Errors
    ///
    /// Storage cannot be read or written, or what it holds is not a broadcast.
    pub async fn configure(
        &self,
        name: &BroadcastName,
        settings: &BroadcastSettings,
    ) -> Result<(), StoreError> {
        self.shared.configure(name, settings).await
    }

    /// A request to `/ingest/{path}` has come.
    ///
    /// # Errors
    ///
    /// The path names nothing that can be pushed, or storage cannot be read.
    pub async fn open(&self, path: &str) -> Result<Upload, Refusal> {
        let parsed = PushPath::parse(path)?;
        // A task that is just ending refuses the message; the next one takes it.
        for _ in 0..2 {
            let task = self.task(&parsed.broadcast);
            let (reply, answer) = oneshot::channel();
            let message = Message::Open { path: parsed.clone(), file: path.to_owned(), reply };
            if task.send(message).await.is_ok()
                && let Ok(opened) = answer.await
            {
                return Ok(Upload { id: opened?, task });
            }
        }
        Err(stopped())
    }

    fn task(&self, broadcast: &BroadcastName) -> mpsc::Sender<Message> {
        let mut tasks = self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = tasks.get(broadcast).filter(|task| !task.is_closed()) {
            return task.clone();
        }
        let (sender, messages) = mpsc::channel(QUEUE);
        tasks.insert(broadcast.clone(), sender.clone());
        let shared = Arc::clone(&self.shared);
        let name = broadcast.clone();
        R::spawn(async move {
            if let Err(why) = Task::run(shared, name.clone(), messages).await {
                tracing::error!(broadcast = %name, "cannot receive: {why}");
            }
        });
        sender
    }
}

impl Upload {
    /// Takes the next bytes of the body.
    ///
    /// # Errors
    ///
    /// Nothing more of the body can be used: answer at once.
    pub async fn push(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        let id = self.id;
        self.ask(|reply| Message::Push { id, bytes, reply }).await
    }

    /// The body has ended. Returns once all of it is stored, or it is clear what is not.
    ///
    /// # Errors
    ///
    /// Some of it was refused, or could not be stored.
    pub async fn finish(self, whole: bool) -> Result<(), Refusal> {
        let id = self.id;
        self.ask(|reply| Message::Finish { id, whole, reply }).await
    }

    async fn ask(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<(), Refusal>>) -> Message,
    ) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        if self.task.send(message(reply)).await.is_err() {
            return Err(stopped());
        }
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

type Writing = Pin<Box<dyn Future<Output = (Put, Outcome)> + Send>>;

/// One broadcast's task.
struct Task<S, O, R> {
    shared: Arc<Shared<S, O, R>>,
    name: BroadcastName,
    generation: Generation,
    receiver: Receiver,
    finishing: Vec<(UploadId, oneshot::Sender<Result<(), Refusal>>)>,
    puts: FuturesUnordered<Writing>,
    /// When `broadcast.json` was last read.
    checked: WallMs,
    /// When it may be written again.
    writable: WallMs,
}

impl<S: Store, O: Observer, R: Runtime> Task<S, O, R> {
    async fn run(
        shared: Arc<Shared<S, O, R>>,
        name: BroadcastName,
        mut messages: mpsc::Receiver<Message>,
    ) -> Result<(), StoreError> {
        let generation = shared.generation(&name).await?;
        let recovery = shared.recover(&name, &generation).await?;
        let receiver = recovery.finish((shared.random)());
        let mut task = Self {
            shared,
            name,
            generation,
            receiver,
            finishing: Vec::new(),
            puts: FuturesUnordered::new(),
            checked: R::now(),
            // It may have been written just before it was read.
            writable: R::now().plus_ms(RECORD_MS),
        };
        loop {
            let deadline =
                task.receiver.next_deadline().map(|at| at.since_ms(R::now()).max(1).unsigned_abs());
            let pause_ms = deadline.unwrap_or(IDLE_MS);
            tokio::select! {
                message = messages.recv(), if !task.receiver.is_full() => {
                    let Some(message) = message else { return Ok(()) };
                    if matches!(message, Message::Open { .. }) && task.was_created_anew().await? {
                        // What asks for it next begins a task for the new one; bodies of the old that
                        // are still coming in are answered as the task's end is.
                        return Ok(());
                    }
                    task.message(message);
                }
                Some((put, outcome)) = task.puts.next() => task.stored(&put, &outcome),
                () = R::sleep(pause_ms) => {
                    if deadline.is_none() && task.receiver.is_idle() {
                        messages.close();
                    }
                    task.receiver.tick(R::now());
                }
            }
            if task.receiver.needs_reload() {
                let recovery = task.shared.recover(&task.name, &task.generation).await?;
                task.receiver.reload(recovery);
                task.receiver.tick(R::now());
            }
            task.settle();
        }
    }

    /// A broadcast that was deleted and created anew is another one.
    async fn was_created_anew(&mut self) -> Result<bool, StoreError> {
        let now = R::now();
        if now.since_ms(self.checked) < GENERATION_TRUST_MS {
            return Ok(false);
        }
        self.checked = now;
        let generation = self.shared.generation(&self.name).await?;
        let is_another = generation != self.generation;
        if is_another {
            tracing::warn!(broadcast = %self.name, %generation, "the broadcast was created anew");
        }
        Ok(is_another)
    }

    fn message(&mut self, message: Message) {
        // An encoder that has gone needs no answer; what it sent is kept all the same.
        match message {
            Message::Open { path, file, reply } => {
                let opened = self.receiver.open(&file, &path.resource);
                if let Err(Ok(id)) = reply.send(opened) {
                    self.receiver.finish(id, false, R::now());
                    let _ = self.receiver.settled(id);
                }
            }
            Message::Push { id, bytes, reply } => {
                let pushed = self.receiver.push(id, bytes, R::now());
                if pushed.is_err() {
                    let _ = self.receiver.settled(id);
                }
                let _ = reply.send(pushed);
            }
            Message::Finish { id, whole, reply } => {
                self.receiver.finish(id, whole, R::now());
                self.finishing.push((id, reply));
            }
        }
    }

    fn stored(&mut self, put: &Put, outcome: &Outcome) {
        if self.receiver.stored(put.id, outcome, R::now()) {
            let Put { target, key, meta, body, .. } = put;
            self.shared.observer.stored(&self.name, &self.generation, target, key, meta, body);
        }
    }

    /// Starts what can be written, answers what can be answered, logs what should be known.
    fn settle(&mut self) {
        while let Some(put) = self.receiver.next_put() {
            let shared = Arc::clone(&self.shared);
            self.puts.push(Box::pin(async move {
                let outcome = shared.write(&put).await;
                (put, outcome)
            }));
        }
        if let Some(described) = self.receiver.take_described() {
            let (shared, name, generation) =
                (Arc::clone(&self.shared), self.name.clone(), self.generation.clone());
            let now = R::now();
            let at = self.writable.max(now);
            self.writable = at.plus_ms(RECORD_MS);
            R::spawn(async move {
                R::sleep(at.since_ms(now).unsigned_abs()).await;
                if let Err(why) = shared.describe(&name, &generation, &described).await {
                    tracing::warn!(broadcast = %name, "cannot keep what the encoder says of the tracks: {why}");
                }
            });
        }
        self.shared.observer.unstored(&self.name, self.receiver.unstored_bytes());
        let receiver = &mut self.receiver;
        let mut waiting = Vec::new();
        for (id, reply) in self.finishing.drain(..) {
            match receiver.settled(id) {
                Some(answer) => drop(reply.send(answer)),
                None => waiting.push((id, reply)),
            }
        }
        self.finishing = waiting;
        for notice in self.receiver.take_notices() {
            log(&self.name, &notice);
        }
    }
}

fn log(broadcast: &BroadcastName, notice: &Notice) {
    match notice.severity() {
        Severity::Info => tracing::info!(%broadcast, "{notice}"),
        Severity::Warning => tracing::warn!(%broadcast, "{notice}"),
    }
}

impl<S: Store, O: Observer, R: Runtime> Shared<S, O, R> {
    /// The broadcast's generation; the first push creates it.
    async fn generation(&self, name: &BroadcastName) -> Result<Generation, StoreError> {
        loop {
            if let Some((record, _)) = self.record(name).await? {
                return Ok(record.generation);
            }
            let record = BroadcastRecord::new(Generation::mint(R::now(), (self.random)()));
            if self.put_record(name, None, &record).await? {
                return Ok(record.generation);
            }
        }
    }

    async fn configure(&self, name: &BroadcastName, settings: &BroadcastSettings) -> Result<(), StoreError> {
        loop {
            let there = self.record(name).await?;
            let expected = there.as_ref().map(|(_, etag)| etag);
            let record = match &there {
                Some((record, _)) if record.settings == *settings => return Ok(()),
                Some((record, _)) => record.clone(),
                None => BroadcastRecord::new(Generation::mint(R::now(), (self.random)())),
            };
            let record = BroadcastRecord { settings: settings.clone(), ..record };
            if self.put_record(name, expected, &record).await? {
                return Ok(());
            }
        }
    }

    /// Keeps what an encoder's manifest says of the tracks.
    async fn describe(
        &self,
        name: &BroadcastName,
        generation: &Generation,
        described: &SortedMap<TrackName, TrackDescription>,
    ) -> Result<(), StoreError> {
        while let Some((there, etag)) =
            self.record(name).await?.filter(|(there, _)| there.generation == *generation)
        {
            let mut record = there.clone();
            record.learn(described);
            if record == there || self.put_record(name, Some(&etag), &record).await? {
                break;
            }
        }
        Ok(())
    }

    async fn record(&self, name: &BroadcastName) -> Result<Option<(BroadcastRecord, ETag)>, StoreError> {
        let key = key::broadcast(name);
        let Some(object) = self.store.get(&key).await? else { return Ok(None) };
        match record::from_json(&object.body) {
            Ok(record) => Ok(Some((record, object.etag))),
            Err(why) => Err(StoreError::Damaged { key, why }),
        }
    }

    /// Writes a record in place of the one expected, if it still is the one there.
    async fn put_record(
        &self,
        name: &BroadcastName,
        expected: Option<&ETag>,
        record: &BroadcastRecord,
    ) -> Result<bool, StoreError> {
        let json = Bytes::from(record::to_json(record));
        if self.store.swap(&key::broadcast(name), expected, "", &[json]).await? == Swapped::Conflict {
            return Ok(false);
        }
        match expected {
            None => tracing::info!(broadcast = %name, generation = %record.generation, "broadcast created"),
            Some(_) => tracing::info!(broadcast = %name, "the broadcast's settings changed"),
        }
        self.observer.recorded(name, record);
        Ok(true)
    }

    async fn recover(&self, name: &BroadcastName, generation: &Generation) -> Result<Recovery, StoreError> {
        let mut recovery = Recovery::new(name, generation, self.settings);
        loop {
            let reads = recovery.wants();
            if reads.is_empty() {
                return Ok(recovery);
            }
            for read in reads {
                let asked = R::now();
                let found = store::find(&self.store, &recovery.key(&read), read.kind()).await?;
                recovery.absorb(&read, &found, asked);
            }
        }
    }

    /// Writes an object, trying again while storage is busy or away.
    async fn write(&self, put: &Put) -> Outcome {
        let mut pause_ms = RETRY_PAUSE_MS;
        for tried in 1.. {
            match self.try_write(put).await {
                Ok(outcome) => return outcome,
                Err(why) if tried >= TRIES || !why.is_transient() => {
                    tracing::error!(key = put.key, "{why}");
                    return Outcome::Failed(why.to_string());
                }
                Err(why) => tracing::warn!(key = put.key, "{why}"),
            }
            R::sleep(pause_ms).await;
            pause_ms *= 2;
        }
        Outcome::Failed("gave up".to_owned())
    }

    async fn try_write(&self, put: &Put) -> Result<Outcome, StoreError> {
        match &put.mode {
            PutMode::Create => match self.store.create(&put.key, &put.meta, &put.body).await? {
                Created::New => Ok(Outcome::Stored(None)),
                // A part's metadata has its hash; anything else is compared by its bytes.
                Created::Exists if matches!(put.target, Target::Part(..)) => {
                    let meta = self.store.stat(&put.key).await?.map_or(String::new(), |stat| stat.meta);
                    Ok(Outcome::Exists { meta, body: Bytes::new() })
                }
                Created::Exists => {
                    let there = self.store.get(&put.key).await?;
                    let (meta, body) =
                        there.map_or_else(Default::default, |object| (object.meta, object.body));
                    Ok(Outcome::Exists { meta, body })
                }
            },
            PutMode::Swap(expected) => {
                let expected = expected.clone().map(ETag);
                match self.store.swap(&put.key, expected.as_ref(), &put.meta, &put.body).await? {
                    Swapped::Done(tag) => Ok(Outcome::Stored(Some(tag.0))),
                    Swapped::Conflict => {
                        Ok(Outcome::Changed(self.store.stat(&put.key).await?.map(|stat| stat.etag.0)))
                    }
                }
            }
        }
    }
}
