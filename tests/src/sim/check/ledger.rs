//! What was sent, answered, written, listed and served so far.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use packager_core::ingest::{Put, PutMode};
use packager_core::log::reader::Target;
use xxhash_rust::xxh3::xxh3_64;

use super::log::Follower;
use super::{Rule, Violation};
use crate::sim::encoder::Body;
use crate::sim::media::SampleId;
use crate::sim::playlist::Segment;
use crate::sim::queue::Answer;
use crate::sim::rng::Rng;

/// Least time between two writes of one key, in milliseconds.
const REWRITE_MS: u64 = 1_000;

/// Samples of one track of one run: whether each was sent, and by which broadcast it was accepted.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// By number: 0 not sent, 1 sent, otherwise one more than the generation it was accepted in.
    pub(super) samples: Vec<u8>,
}

/// What must not change any more.
#[derive(Debug)]
pub(crate) struct Ledger {
    violation: Option<Violation>,
    pub(super) sent: BTreeMap<(u32, u16), Sent>,
    /// Generations so far.
    pub(super) generation: u8,
    attempts: BTreeSet<(usize, u32, String)>,
    rewritten: BTreeMap<String, u64>,
    /// XXH3 of what each media URL gave.
    served: BTreeMap<String, u64>,
    published: Vec<String>,
    is_published: BTreeSet<String>,
    /// Every segment as it was first listed, by playlist URL and number.
    pub(super) segments: BTreeMap<String, BTreeMap<u64, Segment>>,
    /// TARGETDURATION and SERVER-CONTROL of each generation.
    pub(super) constants: BTreeMap<String, (u64, String)>,
    pub(super) part_targets: BTreeMap<String, u64>,
    /// Readers that fold each chain from its beginning, by its prefix.
    pub(super) followers: BTreeMap<String, Follower>,
    deleted: Vec<String>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            violation: None,
            sent: BTreeMap::new(),
            generation: 1,
            attempts: BTreeSet::new(),
            rewritten: BTreeMap::new(),
            served: BTreeMap::new(),
            published: Vec::new(),
            is_published: BTreeSet::new(),
            segments: BTreeMap::new(),
            constants: BTreeMap::new(),
            part_targets: BTreeMap::new(),
            followers: BTreeMap::new(),
            deleted: Vec::new(),
        }
    }

    /// A rule was broken. The first is what counts: others may follow from it.
    pub(crate) fn report(&mut self, rule: Rule, what: String) {
        self.violation.get_or_insert(Violation { rule, what });
    }

    pub(crate) fn take_violation(&mut self) -> Option<Violation> {
        self.violation.take()
    }

    /// A sample was put on its way.
    pub(crate) fn sent(&mut self, id: SampleId) {
        let samples = &mut self.sent.entry((id.track, id.run)).or_default().samples;
        let index = usize::try_from(id.number).expect("few samples");
        if samples.len() <= index {
            samples.resize(index + 1, 0);
        }
        samples[index] = samples[index].max(1);
    }

    /// An upload was answered.
    pub(crate) fn answered(&mut self, body: &Body, answer: Answer) {
        if answer != Answer::Accepted {
            return;
        }
        for id in &body.samples {
            let samples = &mut self.sent.entry((id.track, id.run)).or_default().samples;
            let index = usize::try_from(id.number).expect("few samples");
            if let Some(sample) = samples.get_mut(index) {
                *sample = self.generation + 1;
            }
        }
    }

    /// An ingest wants something written.
    pub(crate) fn issued(&mut self, ingest: usize, epoch: u32, put: &Put) {
        let is_head = matches!(put.target, Target::Head(_));
        if !is_head && !matches!(put.mode, PutMode::Create) {
            self.report(Rule::Inv3, format!("{} is not written create-only", put.key));
        }
        let is_part = matches!(put.target, Target::Part(..));
        if is_part && !self.attempts.insert((ingest, epoch, put.key.clone())) {
            self.report(Rule::Inv3, format!("ingest {ingest} writes {} a second time", put.key));
        }
    }

    /// A write failed, or seemed to: it may be tried again.
    pub(crate) fn failed(&mut self, ingest: usize, epoch: u32, put: &Put) {
        self.attempts.remove(&(ingest, epoch, put.key.clone()));
    }

    /// Something was written.
    pub(crate) fn stored(&mut self, now: u64, key: &str, is_head: bool) {
        let before = self.rewritten.insert(key.to_owned(), now);
        if let Some(before) = before.filter(|before| now - before < REWRITE_MS || !is_head) {
            let what = format!("{key} was rewritten {} ms after it was written", now - before);
            self.report(Rule::Inv3, what);
        }
    }

    /// A media URL gave these bytes.
    pub(crate) fn served(&mut self, path: &str, bytes: &Bytes) {
        let hash = xxh3_64(bytes);
        if *self.served.entry(path.to_owned()).or_insert(hash) != hash {
            self.report(Rule::Inv2, format!("{path} gave other bytes before"));
        }
    }

    /// A URL was listed.
    pub(super) fn listed(&mut self, path: String) {
        if self.is_published.insert(path.clone()) {
            self.published.push(path);
        }
    }

    /// Some URL that was listed, old or new.
    pub(crate) fn some_url(&self, rng: &mut Rng) -> Option<String> {
        if self.published.is_empty() { None } else { Some(rng.pick(&self.published).clone()) }
    }

    /// The operator deleted what is under a prefix, and begins a new generation.
    pub(crate) fn deleted(&mut self, prefix: &str) {
        self.deleted.push(prefix.to_owned());
        self.followers.retain(|key, _| !key.starts_with(prefix));
        self.rewritten.retain(|key, _| !key.starts_with(prefix));
    }

    pub(crate) fn is_deleted(&self, key: &str) -> bool {
        self.deleted.iter().any(|prefix| key.starts_with(prefix))
    }

    /// The broadcast was created again.
    pub(crate) fn recreated(&mut self) {
        self.generation += 1;
    }
}
