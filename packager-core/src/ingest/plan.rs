//! What a receiver wants written, in the order it must appear.

use std::collections::VecDeque;

use bytes::Bytes;

use super::upload::UploadId;
use crate::log::reader::Target;

/// Names a put that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PutId(pub(super) u64);

/// How an object is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutMode {
    /// If nothing is there (`If-None-Match: *`).
    Create,
    /// If what is there is this (`If-Match`); if nothing is there, when `None`.
    Swap(Option<String>),
}

/// One object for the host to write.
#[derive(Debug, Clone)]
pub struct Put {
    /// To report how it went.
    pub id: PutId,
    /// What it is.
    pub target: Target,
    /// Where it goes.
    pub key: String,
    /// Its metadata; empty for JSON and headers.
    pub meta: String,
    /// Its bytes, in pieces.
    pub body: Vec<Bytes>,
    /// Condition.
    pub mode: PutMode,
}

/// How a put went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Stored; the tag for the next swap, where the store has one.
    Stored(Option<String>),
    /// Create: something is there. What it is, for the receiver to compare.
    Exists {
        /// Its metadata.
        meta: String,
        /// Its body; may be left empty for parts, whose metadata has their hash.
        body: Bytes,
    },
    /// Swap: something else is there, with this tag.
    Changed(Option<String>),
    /// The store failed, after retries.
    Failed(String),
}

/// A planned put.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) target: Target,
    pub(super) meta: String,
    pub(super) body: Vec<Bytes>,
    pub(super) mode: PutMode,
    /// The uploads that may only be answered once this is stored.
    pub(super) uploads: Vec<UploadId>,
    /// The period record that must be stored before.
    pub(super) after_period: Option<u32>,
}

impl Planned {
    pub(super) fn create(target: Target, meta: String, body: Vec<Bytes>) -> Self {
        Self { target, meta, body, mode: PutMode::Create, uploads: Vec::new(), after_period: None }
    }

    pub(super) fn json(target: Target, json: String) -> Self {
        Self::create(target, String::new(), vec![Bytes::from(json)])
    }

    /// Written beside the chain: what follows need not wait for it.
    pub(super) fn is_aside(&self) -> bool {
        matches!(self.target, Target::Head(_) | Target::Page(..))
    }
}

/// A track's plan: one put at a time, in order, so that a chain never has a hole that fills later.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) queue: VecDeque<Planned>,
    pub(super) in_flight: Option<(PutId, Planned)>,
    pub(super) aside: Vec<(PutId, Planned)>,
}

impl Plan {
    pub(super) fn push(&mut self, planned: Planned) {
        self.queue.push_back(planned);
    }

    /// Takes the next put that may go out now, if any.
    pub(super) fn take(&mut self, id: PutId, periods_stored: u32) -> Option<&Planned> {
        loop {
            if self.in_flight.is_some() {
                return None;
            }
            let next = self.queue.front()?;
            if next.after_period.is_some_and(|period| period >= periods_stored) {
                return None;
            }
            let next = self.queue.pop_front()?;
            if !next.is_aside() {
                return Some(&self.in_flight.insert((id, next)).1);
            }
            // One checkpoint at a time; the next one covers what this one would have.
            let busy = self.aside.iter().any(|(_, other)| other.target == next.target);
            if !busy {
                self.aside.push((id, next));
                return self.aside.last().map(|(_, planned)| planned);
            }
        }
    }

    /// A checkpoint is on its way, or about to be.
    pub(super) fn holds_checkpoint(&self) -> bool {
        let aside = self.aside.iter().map(|(_, planned)| planned);
        self.queue.iter().chain(aside).any(|planned| matches!(planned.target, Target::Head(_)))
    }

    /// Lets an upload wait for all that is planned.
    pub(super) fn awaits_too(&mut self, upload: UploadId) {
        let in_flight = self.in_flight.as_mut().map(|(_, planned)| planned);
        let last = self.queue.iter_mut().rfind(|planned| !planned.is_aside()).or(in_flight);
        if let Some(last) = last.filter(|last| !last.uploads.contains(&upload)) {
            last.uploads.push(upload);
        }
    }

    /// Nothing of it is left to be done, but for what is aside.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_none()
    }

    /// All uploads that wait for something in the plan.
    pub(super) fn uploads(&self) -> impl Iterator<Item = UploadId> {
        let in_flight = self.in_flight.iter().map(|(_, planned)| planned);
        self.queue.iter().chain(in_flight).flat_map(|planned| planned.uploads.iter().copied())
    }

    /// Whether an upload waits for something in the plan.
    pub(super) fn awaits(&self, upload: UploadId) -> bool {
        self.uploads().any(|waiting| waiting == upload)
    }
}
