//! What is going to happen, in order of time, then of having been planned.

use std::collections::BTreeMap;

use bytes::Bytes;
use packager_core::ingest::{Outcome, Put};

use super::scenario::Fault;

/// Names a body that an encoder sends.
pub(crate) type BodyId = usize;
/// Names a batch of reads.
pub(crate) type BatchId = usize;
/// Names a viewer's request.
pub(crate) type TaskId = usize;

/// A piece of a request that reaches an ingest.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// The request's head.
    Open,
    /// Bytes of its body.
    Data(Bytes),
    /// The end of it: whole, or broken off.
    End(bool),
}

/// Something that happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// A track of an encoder has captured its next chunk.
    Encode { run: u16, track: usize },
    /// A piece of a request arrives.
    Arrive { ingest: usize, epoch: u32, body: BodyId, message: Message },
    /// The encoder learns what became of a request.
    Answered { body: BodyId, answer: Answer },
    /// A body is sent (again).
    Send { body: BodyId },
    /// A write reaches the store.
    PutLands { ingest: usize, epoch: u32, put: Box<Put> },
    /// Its outcome reaches the ingest.
    PutDone { ingest: usize, epoch: u32, put: Box<Put>, outcome: Outcome },
    /// An ingest asked to be called.
    Tick { ingest: usize, epoch: u32 },
    /// A process that was killed starts again.
    IngestStarts { ingest: usize },
    /// A read reaches the store.
    ReadLands { batch: BatchId, index: usize },
    /// All reads of a batch are answered.
    ReadsDone { batch: BatchId },
    /// A viewer's request that waits looks again.
    Poll { task: TaskId },
    /// Something was stored that an edge sees.
    Wake { edge: usize },
    /// A viewer does what it does next.
    View { viewer: usize },
    /// A fault of the scenario's.
    Fault(Fault),
    /// A run of the encoder begins.
    StartRun { racing: bool },
    /// One of two encoders starts again.
    TwinStarts { encoder: usize },
    /// A track that stalled goes on.
    Resume { run: u16, track: usize },
    /// A track's requests go to another ingest.
    Reroute { track: usize, ingest: usize },
    /// New readers read everything.
    ColdCheck,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 2xx.
    Accepted,
    /// 4xx.
    Refused,
    /// 5xx.
    Failed,
    /// 412: the header is wanted.
    HeaderWanted,
    /// The connection broke.
    Lost,
}

/// The events to come.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: BTreeMap<(u64, u64), Event>,
    planned: u64,
}

impl Queue {
    /// Plans an event.
    pub(crate) fn at(&mut self, ms: u64, event: Event) {
        self.planned += 1;
        self.events.insert((ms, self.planned), event);
    }

    /// The next event and its time.
    pub(crate) fn next(&mut self) -> Option<(u64, Event)> {
        self.events.pop_first().map(|((ms, _), event)| (ms, event))
    }
}
