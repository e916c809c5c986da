//! An ingest host: the loop around [`Receiver`], with the store and the network between.

use std::collections::BTreeMap;

use bytes::Bytes;
use packager_core::ingest::{Outcome, PushPath, Put, PutMode, Receiver, Recovery, UploadId};
use packager_core::log::reader::Target;
use packager_core::log::{Found, Generation, Read};

use super::queue::{Answer, BodyId, Event, Message};
use super::sabotage::Sabotage;
use super::world::{BatchOwner, World};
use crate::puts::assert_passes;

/// One process that receives.
#[derive(Debug, Default)]
pub(crate) struct Ingest {
    pub(crate) alive: bool,
    pub(crate) epoch: u32,
    generation: Option<Generation>,
    receiver: Option<Receiver>,
    recovery: Option<Recovery>,
    uploads: BTreeMap<BodyId, UploadId>,
    /// Bodies that are open, or wait to be answered.
    known: Vec<BodyId>,
    /// What arrived while the broadcast was being read.
    early: Vec<(BodyId, Message)>,
    tick_at: Option<u64>,
}

impl Ingest {
    /// A process that runs and knows nothing.
    pub(crate) fn started(epoch: u32) -> Self {
        Self { alive: true, epoch, ..Self::default() }
    }
}

impl World {
    /// A piece of a request arrives.
    pub(crate) fn arrive(&mut self, at: usize, epoch: u32, body: BodyId, message: Message) {
        let ingest = &mut self.ingests[at];
        if !ingest.alive || ingest.epoch != epoch {
            self.queue.at(self.now + 30, Event::Answered { body, answer: Answer::Lost });
            return;
        }
        if matches!(message, Message::Open) {
            ingest.known.push(body);
        }
        if !ingest.known.contains(&body) {
            // It was answered already; the encoder sends on regardless.
            return;
        }
        if ingest.receiver.is_none() {
            ingest.early.push((body, message));
            if ingest.recovery.is_none() {
                self.recover(at);
            }
            return;
        }
        self.receive(at, body, message);
        self.drive(at);
    }

    fn receive(&mut self, at: usize, body: BodyId, message: Message) {
        let now = self.clock();
        let path = self.encoder.bodies[body].path.clone();
        let ingest = &mut self.ingests[at];
        let Some(receiver) = ingest.receiver.as_mut() else { return };
        let refused = match message {
            Message::Open => {
                let push = PushPath::parse(&path).expect("paths of scenarios can be pushed to");
                match receiver.open(&path, &push.resource) {
                    Ok(id) => {
                        ingest.uploads.insert(body, id);
                        None
                    }
                    Err(refusal) => Some(refusal),
                }
            }
            Message::Data(bytes) => match ingest.uploads.get(&body) {
                Some(id) => receiver.push(*id, bytes, now).err(),
                None => None,
            },
            Message::End(whole) => {
                if let Some(id) = ingest.uploads.get(&body) {
                    receiver.finish(*id, whole, now);
                }
                None
            }
        };
        if let Some(refusal) = refused {
            if let Some(id) = ingest.uploads.remove(&body) {
                let _ = receiver.settled(id);
            }
            ingest.known.retain(|known| *known != body);
            self.log(&format!("ingest {at} refuses {path} (body {body}): {refusal}"));
            self.answer(body, answer_of(refusal.status()));
        }
    }

    fn answer(&mut self, body: BodyId, answer: Answer) {
        let latency = self.rng.between(self.scenario.network_ms);
        self.queue.at(self.now + latency, Event::Answered { body, answer });
    }

    /// Does what the receiver wants done.
    pub(crate) fn drive(&mut self, at: usize) {
        while let Some(put) = self.ingests[at].receiver.as_mut().and_then(Receiver::next_put) {
            self.issue(at, put);
        }
        self.settle(at);
        let ingest = &mut self.ingests[at];
        let Some(receiver) = ingest.receiver.as_mut() else { return };
        let notices = receiver.take_notices();
        let wants_reload = receiver.needs_reload() && ingest.recovery.is_none();
        let deadline =
            receiver.next_deadline().map(|due| u64::try_from(due.since_ms(self.start)).unwrap_or(0));
        let epoch = ingest.epoch;
        for notice in notices {
            self.summary.notice(&notice);
            self.log(&format!("ingest {at}: {notice}"));
        }
        if wants_reload {
            self.recover(at);
        }
        let ingest = &mut self.ingests[at];
        if let Some(due) = deadline {
            let due = due.max(self.now + 1);
            if ingest.tick_at.is_none_or(|planned| planned <= self.now || planned > due) {
                ingest.tick_at = Some(due);
                self.queue.at(due, Event::Tick { ingest: at, epoch });
            }
        }
    }

    fn settle(&mut self, at: usize) {
        let early = self.scenario.sabotage == Sabotage::AnswerEarly;
        let bodies: Vec<_> = self.ingests[at].uploads.iter().map(|(body, id)| (*body, *id)).collect();
        for (body, id) in bodies {
            let ingest = &mut self.ingests[at];
            let Some(settled) = ingest.receiver.as_mut().and_then(|receiver| receiver.settled(id)) else {
                if early && self.encoder.bodies[body].ended {
                    self.ledger.answered(&self.encoder.bodies[body], Answer::Accepted);
                }
                continue;
            };
            ingest.uploads.remove(&body);
            ingest.known.retain(|known| *known != body);
            let answer = match settled {
                Ok(()) => Answer::Accepted,
                Err(refusal) => {
                    let path = self.encoder.bodies[body].path.clone();
                    self.log(&format!("ingest {at} answers {path} (body {body}): {refusal}"));
                    answer_of(refusal.status())
                }
            };
            // What is said counts from when it is said, though the encoder may never hear it.
            self.ledger.answered(&self.encoder.bodies[body], answer);
            self.answer(body, answer);
        }
    }

    fn issue(&mut self, at: usize, put: Put) {
        assert_passes(&put, |key| self.store.get(key).map(|object| object.body.clone()));
        self.ledger.issued(at, self.ingests[at].epoch, &put);
        let latency = self.put_latency();
        let epoch = self.ingests[at].epoch;
        if self.scenario.sabotage == Sabotage::ListEarly {
            self.observe(at, &put, &put.meta, &Bytes::from(put.body.concat()));
        }
        if self.scenario.sabotage == Sabotage::WriteTwice && matches!(put.target, Target::Part(..)) {
            self.ledger.issued(at, epoch, &put);
        }
        self.queue.at(self.now + latency, Event::PutLands { ingest: at, epoch, put: Box::new(put) });
    }

    fn put_latency(&mut self) -> u64 {
        let latency = self.rng.between(self.scenario.put_ms);
        if self.rng.chance(self.scenario.slow_permille) { latency + 1_000 } else { latency }
    }

    /// A write reaches the store; its process may be gone by now, and the write with it.
    pub(crate) fn put_lands(&mut self, at: usize, epoch: u32, put: Box<Put>) {
        let is_orphan = !self.ingests[at].alive || self.ingests[at].epoch != epoch;
        if is_orphan && self.rng.chance(500) {
            return;
        }
        let is_head = matches!(put.target, Target::Head(_));
        let failed = self.rng.chance(self.scenario.failed_permille);
        let applied = if failed { self.rng.chance(500) } else { true };
        let dropped = is_head && self.now < self.heads_lost_until;
        let body = Bytes::from(put.body.concat());
        let mut outcome = Outcome::Failed("timed out".to_owned());
        if applied && !dropped {
            let mode = match &put.mode {
                PutMode::Swap(_) if self.scenario.sabotage == Sabotage::CheckpointTwice => {
                    PutMode::Swap(self.store.get(&put.key).map(|there| there.tag.clone()))
                }
                mode => mode.clone(),
            };
            let stored = self.store.put(self.now, &put.key, &put.meta, body, &mode);
            if matches!(stored, Outcome::Stored(_)) {
                let shown = match put.target {
                    Target::Period(_) | Target::Begin(_) => {
                        String::from_utf8_lossy(&put.body.concat()).into_owned()
                    }
                    _ => put.meta.clone(),
                };
                self.log(&format!("stored {} {shown}", put.key));
                self.ledger.stored(self.now, &put.key, is_head);
                self.sabotage_stored(at, epoch, &put);
            }
            if !failed {
                outcome = stored;
            }
        }
        if !is_orphan {
            let latency = self.put_latency();
            self.queue.at(self.now + latency, Event::PutDone { ingest: at, epoch, put, outcome });
        }
    }

    /// What a planted break does once something was stored.
    fn sabotage_stored(&mut self, at: usize, epoch: u32, put: &Put) {
        match (self.scenario.sabotage, &put.target) {
            (Sabotage::CheckpointTwice, Target::Head(_)) => {
                let again = Box::new(put.clone());
                self.queue.at(self.now + 200, Event::PutLands { ingest: at, epoch, put: again });
            }
            (Sabotage::ChangeParts, Target::Part(..)) => {
                let spoilt = self.last_part.replace(put.key.clone());
                if let Some(key) = spoilt.filter(|_| self.now > 10_000) {
                    self.store.spoil(&key);
                }
            }
            _ => {}
        }
    }

    /// The outcome of a write reaches the ingest.
    pub(crate) fn put_done(&mut self, at: usize, epoch: u32, put: &Put, outcome: &Outcome) {
        if !self.ingests[at].alive || self.ingests[at].epoch != epoch {
            return;
        }
        if matches!(outcome, Outcome::Failed(_)) {
            self.log(&format!("failed {}", put.key));
            self.ledger.failed(at, epoch, put);
        }
        let now = self.clock();
        let Some(receiver) = self.ingests[at].receiver.as_mut() else { return };
        if receiver.stored(put.id, outcome, now) {
            self.observe(at, put, &put.meta, &Bytes::from(put.body.concat()));
        }
        self.drive(at);
    }

    /// Time has passed for a receiver.
    pub(crate) fn tick(&mut self, at: usize, epoch: u32) {
        let now = self.clock();
        let ingest = &mut self.ingests[at];
        if !ingest.alive || ingest.epoch != epoch {
            return;
        }
        if ingest.tick_at.is_some_and(|planned| planned <= self.now) {
            ingest.tick_at = None;
        }
        if let Some(receiver) = ingest.receiver.as_mut() {
            receiver.tick(now);
        }
        self.drive(at);
    }

    /// Reads the broadcast, to begin with it or to go on with it as it is stored.
    fn recover(&mut self, at: usize) {
        self.log(&format!("ingest {at} reads the broadcast"));
        let ingest = &mut self.ingests[at];
        let generation = self.generation.clone();
        ingest.generation = Some(generation.clone());
        ingest.recovery = Some(Recovery::new(&self.name, &generation, self.scenario.settings));
        self.recover_on(at);
    }

    fn recover_on(&mut self, at: usize) {
        let epoch = self.ingests[at].epoch;
        let Some(recovery) = &self.ingests[at].recovery else { return };
        let wanted = recovery.wants();
        if wanted.is_empty() {
            self.recovered(at);
            return;
        }
        let reads = wanted.iter().map(|read| (recovery.key(read), read.kind())).collect();
        self.read(BatchOwner::Recovery { ingest: at, epoch, reads: wanted }, reads);
    }

    /// A batch of its reads is answered.
    pub(crate) fn recovery_reads(
        &mut self,
        at: usize,
        epoch: u32,
        reads: &[Read],
        found: &[Found],
        asked: u64,
    ) {
        let asked = self.start.plus_ms(i64::try_from(asked).expect("small"));
        let ingest = &mut self.ingests[at];
        if !ingest.alive || ingest.epoch != epoch {
            return;
        }
        let Some(recovery) = ingest.recovery.as_mut() else { return };
        for (read, found) in reads.iter().zip(found) {
            recovery.absorb(read, found, asked);
        }
        self.recover_on(at);
    }

    fn recovered(&mut self, at: usize) {
        let random = self.rng.next();
        let ingest = &mut self.ingests[at];
        let Some(recovery) = ingest.recovery.take() else { return };
        match ingest.receiver.as_mut() {
            Some(receiver) => {
                receiver.reload(recovery);
                receiver.tick(self.start.plus_ms(i64::try_from(self.now).expect("small")));
                // Another writer's objects were not seen by the edge of this process.
                self.replace_local_edge(at);
            }
            None => ingest.receiver = Some(recovery.finish(random)),
        }
        self.log(&format!("ingest {at} has read the broadcast"));
        for (body, message) in std::mem::take(&mut self.ingests[at].early) {
            self.receive(at, body, message);
        }
        self.drive(at);
    }

    /// Kills a process: what it held is gone, its connections break.
    pub(crate) fn kill_ingest(&mut self, at: usize, pause_ms: u64) {
        self.log(&format!("ingest {at} is killed"));
        let known = std::mem::take(&mut self.ingests[at].known);
        let epoch = self.ingests[at].epoch + 1;
        self.ingests[at] = Ingest { epoch, ..Ingest::default() };
        for body in known {
            self.queue.at(self.now + 30, Event::Answered { body, answer: Answer::Lost });
        }
        self.replace_local_edge(at);
        self.queue.at(self.now + pause_ms, Event::IngestStarts { ingest: at });
    }

    /// The operator created the broadcast again: what is under way belongs to the old one.
    pub(crate) fn drop_receivers(&mut self) {
        for at in 0..self.ingests.len() {
            let known = std::mem::take(&mut self.ingests[at].known);
            let epoch = self.ingests[at].epoch + 1;
            self.ingests[at] = Ingest::started(epoch);
            for body in known {
                self.queue.at(self.now + 30, Event::Answered { body, answer: Answer::Lost });
            }
        }
    }
}

fn answer_of(status: u16) -> Answer {
    match status {
        412 => Answer::HeaderWanted,
        500.. => Answer::Failed,
        _ => Answer::Refused,
    }
}
