//! Receiving: uploads come in, core decides, the store is written.
//!
//! Each broadcast that is pushed to has one task. It owns core's [`Receiver`], carries out the puts
//! it asks for (one at a time for each track, tracks in parallel), and answers uploads once what
//! they brought is stored. Nothing is decided here.

mod records;
mod task;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use packager_core::ingest::{Outcome, PushPath, Pusher, Put, PutMode, Recovery, Refusal, UploadId};
use packager_core::log::{BroadcastName, BroadcastRecord, BroadcastSettings, Target};
use tokio::sync::{mpsc, oneshot};

use crate::observer::Observer;
use crate::runtime::Runtime;
use crate::store::{self, Created, ETag, Store, StoreError, Swapped};

use self::task::Task;

pub use packager_core::ingest::Settings;

/// Messages that may wait for a broadcast's task: more, and bodies are read no further.
const QUEUE: usize = 64;

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
    Open { path: PushPath, file: String, pusher: Pusher, reply: oneshot::Sender<Result<UploadId, Refusal>> },
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
    /// The path names nothing that can be pushed, whoever sends it may not push to it, or storage cannot be read.
    pub async fn open(&self, path: &str, pusher: &Pusher) -> Result<Upload, Refusal> {
        let parsed = PushPath::parse(path)?;
        // A task that is just ending refuses the message; the next one takes it.
        for _ in 0..2 {
            let task = match self.running(&parsed.broadcast) {
                Some(task) => task,
                None => {
                    // Nothing is begun for who may not push.
                    let there = self.shared.record(&parsed.broadcast).await.map_err(|why| {
                        tracing::error!(broadcast = %parsed.broadcast, "cannot receive: {why}");
                        stopped()
                    })?;
                    pusher.admit(there.as_ref().map(|(record, _)| record), R::now())?;
                    self.task(&parsed.broadcast)
                }
            };
            let (reply, answer) = oneshot::channel();
            let (path, file, pusher) = (parsed.clone(), path.to_owned(), pusher.clone());
            let message = Message::Open { path, file, pusher, reply };
            if task.send(message).await.is_ok()
                && let Ok(opened) = answer.await
            {
                return Ok(Upload { id: opened?, task });
            }
        }
        Err(stopped())
    }

    fn running(&self, broadcast: &BroadcastName) -> Option<mpsc::Sender<Message>> {
        let tasks = self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.get(broadcast).filter(|task| !task.is_closed()).cloned()
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

impl<S: Store, O: Observer, R: Runtime> Shared<S, O, R> {
    async fn recover(&self, name: &BroadcastName, record: &BroadcastRecord) -> Result<Recovery, StoreError> {
        let settings = self.settings.of(&record.event.cut);
        let mut recovery = Recovery::new(name, &record.generation, settings);
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
