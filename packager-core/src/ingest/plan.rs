//! What a receiver wants written, in the order it must appear.

use std::collections::VecDeque;

use bytes::Bytes;

use super::upload::UploadId;
use crate::log::reader::Target;
use crate::log::{Entry, PeriodRecord, record};

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

/// Whether what is stored under a target's key is what was to be: their metadata, and their bytes. A part's metadata
/// has its hash, so that its bytes need not be read.
pub(crate) fn is_same(target: &Target, ours: (&str, &[u8]), there: (&str, &[u8])) -> bool {
    match target {
        Target::Part(..) => match (Entry::from_meta(there.0), Entry::from_meta(ours.0)) {
            (Ok(Entry::Part(there)), Ok(Entry::Part(ours))) => {
                there.hash == ours.hash && there.duration_ticks == ours.duration_ticks
            }
            (Ok(there), Ok(ours)) => there == ours,
            _ => false,
        },
        Target::Period(_) => record::from_json::<PeriodRecord>(there.1)
            .is_ok_and(|there| record::from_json::<PeriodRecord>(ours.1).is_ok_and(|ours| there == ours)),
        _ => ours.1 == there.1,
    }
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
        matches!(self.target, Target::Head(_) | Target::Page(..) | Target::Listing(..))
    }
}

/// A track's plan: one put at a time, in order, or as many parts in a row as the settings say, where it takes
/// long until one is stored.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) queue: VecDeque<Planned>,
    pub(super) in_flight: Vec<(PutId, Planned)>,
    pub(super) aside: Vec<(PutId, Planned)>,
}

impl Plan {
    pub(super) fn push(&mut self, planned: Planned) {
        self.queue.push_back(planned);
    }

    /// Takes the next put that may go out now, if any, when so many parts may be under way.
    pub(super) fn take(&mut self, id: PutId, periods_stored: u32, parts: usize) -> Option<&Planned> {
        loop {
            let next = self.queue.front()?;
            let is_part =
                |planned: &Planned| matches!(planned.target, Target::Part(..)) && !planned.body.is_empty();
            let among_parts = is_part(next) && self.in_flight.iter().all(|(_, planned)| is_part(planned));
            let may_go = among_parts && self.in_flight.len() < parts;
            if !self.in_flight.is_empty() && !may_go {
                return None;
            }
            if next.after_period.is_some_and(|period| period >= periods_stored) {
                return None;
            }
            let next = self.queue.pop_front()?;
            if !next.is_aside() {
                self.in_flight.push((id, next));
                return self.in_flight.last().map(|(_, planned)| planned);
            }
            // One checkpoint at a time; the next one covers what this one would have.
            let busy = self.aside.iter().any(|(_, other)| other.target == next.target);
            if !busy {
                self.aside.push((id, next));
                return self.aside.last().map(|(_, planned)| planned);
            }
        }
    }

    /// Takes out what was under way under this id.
    pub(super) fn landed(&mut self, id: PutId) -> Option<Planned> {
        let index = self.in_flight.iter().position(|(put, _)| *put == id)?;
        Some(self.in_flight.remove(index).1)
    }

    /// Size of all that is not stored yet.
    pub(super) fn unstored_bytes(&self) -> usize {
        let under_way = self.in_flight.iter().chain(&self.aside).map(|(_, planned)| planned);
        let pieces = self.queue.iter().chain(under_way).flat_map(|planned| &planned.body);
        pieces.map(Bytes::len).fold(0, usize::saturating_add)
    }

    /// A checkpoint is on its way, or about to be.
    pub(super) fn holds_checkpoint(&self) -> bool {
        let aside = self.aside.iter().map(|(_, planned)| planned);
        self.queue.iter().chain(aside).any(|planned| matches!(planned.target, Target::Head(_)))
    }

    /// Lets an upload wait for all that is planned.
    pub(super) fn awaits_too(&mut self, upload: UploadId) {
        let in_flight = self.in_flight.last_mut().map(|(_, planned)| planned);
        let last = self.queue.iter_mut().rfind(|planned| !planned.is_aside()).or(in_flight);
        if let Some(last) = last.filter(|last| !last.uploads.contains(&upload)) {
            last.uploads.push(upload);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{SessionId, TrackName};

    fn part(start_ticks: u64, body: &'static [u8]) -> Planned {
        let (track, session) = (TrackName::parse("video").unwrap(), SessionId::parse("s").unwrap());
        let target = Target::Part(track, session, start_ticks);
        Planned::create(
            target,
            String::new(),
            vec![Bytes::from_static(body)].into_iter().filter(|b| !b.is_empty()).collect(),
        )
    }

    fn taken(plan: &mut Plan, id: u64, parts: usize) -> Option<Target> {
        plan.take(PutId(id), 0, parts).map(|planned| planned.target.clone())
    }

    #[test]
    fn only_parts_are_under_way_together() {
        let head = Planned::json(Target::Head(TrackName::parse("video").unwrap()), "{}".to_owned());
        let mut plan = Plan::default();
        for planned in
            [part(0, b"a"), part(1, b"bc"), part(2, b"d"), head.clone(), part(3, b""), part(4, b"e")]
        {
            plan.push(planned);
        }
        assert_eq!(plan.unstored_bytes(), 7);
        assert_eq!(taken(&mut plan, 1, 2), Some(part(0, b"a").target));
        assert_eq!(taken(&mut plan, 2, 1), None, "one at a time");
        assert_eq!(taken(&mut plan, 2, 2), Some(part(1, b"bc").target));
        assert_eq!(taken(&mut plan, 3, 2), None);
        assert!(plan.landed(PutId(2)).is_some() && plan.landed(PutId(2)).is_none());
        assert_eq!(taken(&mut plan, 3, 2), Some(part(2, b"d").target));
        assert!(plan.landed(PutId(1)).is_some());
        // A checkpoint says no more than is stored.
        assert_eq!(taken(&mut plan, 4, 9), None);
        assert!(plan.landed(PutId(3)).is_some());
        assert_eq!(taken(&mut plan, 4, 9), Some(head.target));
        // What follows a marker is of another run, or after a gap.
        assert_eq!(taken(&mut plan, 5, 9), Some(part(3, b"").target));
        assert_eq!(taken(&mut plan, 6, 9), None);
        assert!(plan.landed(PutId(5)).is_some());
        assert_eq!(taken(&mut plan, 6, 9), Some(part(4, b"e").target));
    }
}
