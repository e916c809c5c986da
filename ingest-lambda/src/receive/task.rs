//! One broadcast's task.

use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use packager_core::ingest::{
    Denied, Notice, Outcome, Pusher, Put, RECORD_TRUST_MS, Receiver, Refusal, Severity, UploadId,
};
use packager_core::log::{BroadcastName, BroadcastRecord};
use packager_core::time::WallMs;
use tokio::sync::{mpsc, oneshot};

use super::{Message, Shared};
use crate::observer::Observer;
use crate::runtime::Runtime;
use crate::store::{Store, StoreError};

/// A broadcast nobody pushes to is dropped from memory after this long; storage has it all.
const IDLE_MS: u64 = 300_000;

/// How old what is known of `broadcast.json` gets before it is read again, beside what else goes on.
const RECORD_RENEW_MS: i64 = RECORD_TRUST_MS - 1_000;

/// Least time between two writes of `broadcast.json`: R2 takes one a second to a key.
const RECORD_MS: i64 = 1_000;

type Writing = Pin<Box<dyn Future<Output = (Put, Outcome)> + Send>>;
type Reading = Pin<Box<dyn Future<Output = (WallMs, Result<Option<BroadcastRecord>, StoreError>)> + Send>>;

/// One broadcast's task.
pub(super) struct Task<S, O, R> {
    shared: Arc<Shared<S, O, R>>,
    name: BroadcastName,
    record: BroadcastRecord,
    receiver: Receiver,
    /// Who sends the bodies that are open.
    pushers: Vec<(UploadId, Pusher)>,
    finishing: Vec<(UploadId, oneshot::Sender<Result<(), Refusal>>)>,
    puts: FuturesUnordered<Writing>,
    /// When `broadcast.json` was last read.
    checked: WallMs,
    /// It is being read again.
    checking: Option<Reading>,
    /// When it may be written again.
    writable: WallMs,
    /// It was deleted, or is another one by now: nothing is written any more.
    is_gone: bool,
}

impl<S: Store, O: Observer, R: Runtime> Task<S, O, R> {
    pub(super) async fn run(
        shared: Arc<Shared<S, O, R>>,
        name: BroadcastName,
        mut messages: mpsc::Receiver<Message>,
    ) -> Result<(), StoreError> {
        let checked = R::now();
        let record = shared.record_or_new(&name).await?;
        let recovery = shared.recover(&name, &record).await?;
        let mut receiver = recovery.finish((shared.random)());
        receiver.expect(record.event.slate.as_ref());
        let mut task = Self {
            shared,
            name,
            record,
            receiver,
            pushers: Vec::new(),
            finishing: Vec::new(),
            puts: FuturesUnordered::new(),
            checked,
            checking: None,
            // It may have been written just before it was read.
            writable: R::now().plus_ms(RECORD_MS),
            is_gone: false,
        };
        task.close_what_ended();
        loop {
            let deadline =
                task.receiver.next_deadline().map(|at| at.since_ms(R::now()).max(1).unsigned_abs());
            let pause_ms = deadline.unwrap_or(IDLE_MS);
            tokio::select! {
                message = messages.recv(), if !task.receiver.is_full() => {
                    let Some(message) = message else { return Ok(()) };
                    task.renew(&message).await?;
                    task.message(message);
                }
                Some((put, outcome)) = task.puts.next() => task.stored(&put, &outcome),
                (asked, read) = pending(&mut task.checking) => task.read(asked, read)?,
                () = R::sleep(pause_ms) => {
                    if deadline.is_none() && task.receiver.is_idle() {
                        messages.close();
                    }
                    task.receiver.tick(R::now());
                }
            }
            if task.is_gone && task.pushers.is_empty() {
                return Ok(());
            }
            if task.receiver.needs_reload() && !task.is_gone {
                let recovery = task.shared.recover(&task.name, &task.record).await?;
                task.receiver.reload(recovery);
                task.shared.observer.interfered(&task.name, &task.record.generation);
                task.close_what_ended();
                task.receiver.tick(R::now());
            }
            task.settle();
        }
    }

    /// Sees to it that what is known of the broadcast is no older than it may be. Nobody is refused for what was so a
    /// moment ago: a new key is to work at once.
    async fn renew(&mut self, message: &Message) -> Result<(), StoreError> {
        let now = R::now();
        let is_refused = |message: &Message| matches!(message, Message::Open { pusher, .. } if pusher.admit(Some(&self.record), now).is_err());
        let age_ms = if is_refused(message) { RECORD_TRUST_MS } else { now.since_ms(self.checked) };
        if age_ms >= RECORD_RENEW_MS && self.checking.is_none() && !self.is_gone {
            let (shared, name) = (Arc::clone(&self.shared), self.name.clone());
            self.checking = Some(Box::pin(async move {
                let asked = R::now();
                (asked, shared.record(&name).await.map(|there| there.map(|(record, _)| record)))
            }));
        }
        if age_ms < RECORD_TRUST_MS || self.is_gone {
            return Ok(());
        }
        let (asked, read) = pending(&mut self.checking).await;
        self.read(asked, read)
    }

    /// The broadcast's record was read again.
    fn read(
        &mut self,
        asked: WallMs,
        read: Result<Option<BroadcastRecord>, StoreError>,
    ) -> Result<(), StoreError> {
        self.checking = None;
        let there = match read {
            Ok(there) => there,
            Err(why) if why.is_transient() => {
                // Nothing is acknowledged while nothing can be stored, so there is time to try again.
                tracing::warn!(broadcast = %self.name, "cannot see whether it still takes pushes: {why}");
                return Ok(());
            }
            Err(why) => return Err(why),
        };
        self.checked = asked;
        let now = R::now();
        // What is not there any more is created anew by whoever may, with their next request.
        let denied = |pusher: &Pusher| match &there {
            None => Some(Denied::Unknown),
            Some(record) if record.event.deleted => Some(Denied::BeingDeleted),
            Some(record) if record.generation != self.record.generation => Some(Denied::CreatedAnew),
            Some(record) => pusher.admit(Some(record), now).err(),
        };
        for (id, pusher) in &self.pushers {
            if let Some(denied) = denied(pusher) {
                self.receiver.deny(*id, denied);
            }
        }
        let same =
            |record: &BroadcastRecord| record.generation == self.record.generation && !record.event.deleted;
        let Some(record) = there.filter(same) else {
            tracing::warn!(broadcast = %self.name, "the broadcast was deleted, or created anew");
            self.leave();
            return Ok(());
        };
        // How media is cut can change until there is any.
        if record.event.cut != self.record.event.cut && self.receiver.is_blank() {
            self.leave();
        }
        self.receiver.expect(record.event.slate.as_ref());
        self.record = record;
        self.close_what_ended();
        Ok(())
    }

    /// What asks for the broadcast next begins a task of its own.
    fn leave(&mut self) {
        self.is_gone = true;
        self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }

    /// Whoever ended the broadcast has closed the tracks that had begun by then.
    fn close_what_ended(&mut self) {
        if self.record.event.ended.is_some() {
            self.receiver.end(R::now());
        }
    }

    fn message(&mut self, message: Message) {
        // An encoder that has gone needs no answer; what it sent is kept all the same.
        match message {
            // Whoever asks is sent on to the next task.
            Message::Open { .. } if self.is_gone => {}
            Message::Open { path, file, pusher, reply } => {
                let admitted = pusher.admit(Some(&self.record), R::now());
                let opened = admitted.map_err(Refusal::from);
                let opened = opened.and_then(|()| self.receiver.open(&file, &path.resource));
                if let Ok(id) = &opened {
                    self.pushers.push((*id, pusher));
                }
                if let Err(Ok(id)) = reply.send(opened) {
                    self.receiver.finish(id, false, R::now());
                    self.forget(id);
                }
            }
            Message::Push { id, bytes, reply } => {
                let pushed = self.receiver.push(id, bytes, R::now());
                if pushed.is_err() {
                    self.forget(id);
                }
                let _ = reply.send(pushed);
            }
            Message::Finish { id, whole, reply } => {
                self.receiver.finish(id, whole, R::now());
                self.finishing.push((id, reply));
            }
        }
    }

    /// A body has been answered.
    fn forget(&mut self, id: UploadId) {
        let _ = self.receiver.settled(id);
        self.pushers.retain(|(of, _)| *of != id);
    }

    fn stored(&mut self, put: &Put, outcome: &Outcome) {
        if self.receiver.stored(put.id, outcome, R::now()) {
            let Put { target, key, meta, body, .. } = put;
            self.shared.observer.stored(&self.name, &self.record.generation, target, key, meta, body);
        }
    }

    /// Starts what can be written, answers what can be answered, logs what should be known.
    fn settle(&mut self) {
        while let Some(put) = (!self.is_gone).then(|| self.receiver.next_put()).flatten() {
            let shared = Arc::clone(&self.shared);
            self.puts.push(Box::pin(async move {
                let outcome = shared.write(&put).await;
                (put, outcome)
            }));
        }
        if let Some(described) = self.receiver.take_described().filter(|_| !self.is_gone) {
            let (shared, name, generation) =
                (Arc::clone(&self.shared), self.name.clone(), self.record.generation.clone());
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
                Some(answer) => {
                    self.pushers.retain(|(of, _)| *of != id);
                    drop(reply.send(answer));
                }
                None => waiting.push((id, reply)),
            }
        }
        self.finishing = waiting;
        for notice in self.receiver.take_notices() {
            log(&self.name, &notice);
        }
    }
}

/// What is being read, once it is there; never, if nothing is.
async fn pending(reading: &mut Option<Reading>) -> (WallMs, Result<Option<BroadcastRecord>, StoreError>) {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}

fn log(broadcast: &BroadcastName, notice: &Notice) {
    match notice.severity() {
        Severity::Info => tracing::info!(%broadcast, "{notice}"),
        Severity::Warning => tracing::warn!(%broadcast, "{notice}"),
    }
}
