//! Everything there is in a simulation, and the loop that makes time pass in it.

use std::collections::{BTreeMap, VecDeque};

use packager_core::edge::{Fetch, FetchKind};
use packager_core::log::{BroadcastName, BroadcastRecord, Found, Generation, Read, key, record};
use packager_core::time::WallMs;

use super::check::{Ledger, Summary, Violation};
use super::edge::{EdgeSlot, Task};
use super::encoder::Encoder;
use super::ingest::Ingest;
use super::queue::{BatchId, Event, Queue, TaskId};
use super::rng::Rng;
use super::scenario::{Fault, Scenario};
use super::store::{Store, found};
use super::viewer::Viewer;

/// Lines of the event log that a failure shows.
const TAIL: usize = 120;

/// The wall clock when a simulation begins.
const START: WallMs = WallMs(1_790_000_000_000);

/// Reads under way together.
#[derive(Debug)]
pub(crate) struct Batch {
    owner: BatchOwner,
    reads: Vec<(String, FetchKind)>,
    found: Vec<Option<Found>>,
    asked: u64,
}

#[derive(Debug)]
pub(crate) enum BatchOwner {
    Recovery { ingest: usize, epoch: u32, reads: Vec<Read> },
    Task { task: TaskId, fetches: Vec<Fetch> },
}

/// The simulated world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) now: u64,
    pub(crate) start: WallMs,
    pub(crate) rng: Rng,
    pub(crate) queue: Queue,
    pub(crate) store: Store,
    pub(crate) name: BroadcastName,
    pub(crate) generation: Generation,
    pub(crate) encoder: Encoder,
    pub(crate) ingests: Vec<Ingest>,
    pub(crate) edges: Vec<EdgeSlot>,
    pub(crate) viewers: Vec<Viewer>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    pub(crate) last_task: TaskId,
    batches: BTreeMap<BatchId, Batch>,
    last_batch: BatchId,
    pub(crate) heads_lost_until: u64,
    /// The part that was stored last.
    pub(crate) last_part: Option<String>,
    pub(crate) ledger: Ledger,
    pub(crate) summary: Summary,
    tail: VecDeque<String>,
    verbose: bool,
    fingerprint: u64,
}

impl World {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut rng = Rng::new(scenario.seed ^ 0x5eed_51ee_d51e_ed51);
        let generation = Generation::mint(START, rng.next());
        let mut world = Self {
            scenario: scenario.clone(),
            now: 0,
            start: START,
            queue: Queue::default(),
            store: Store::default(),
            name: BroadcastName::parse("live").expect("a name"),
            generation: generation.clone(),
            encoder: Encoder::default(),
            ingests: Vec::new(),
            edges: Vec::new(),
            viewers: Vec::new(),
            tasks: BTreeMap::new(),
            last_task: 0,
            batches: BTreeMap::new(),
            last_batch: 0,
            heads_lost_until: 0,
            last_part: None,
            ledger: Ledger::new(),
            summary: Summary::default(),
            tail: VecDeque::new(),
            verbose: std::env::var_os("SIM_VERBOSE").is_some(),
            fingerprint: 0,
            rng,
        };
        world.create_broadcast(generation);
        world.populate();
        world
    }

    fn populate(&mut self) {
        for _ in 0..self.scenario.ingests {
            self.ingests.push(Ingest::started(0));
        }
        if self.scenario.local_edge {
            self.edges.push(EdgeSlot::new(true));
        }
        for _ in 0..self.scenario.edges {
            self.edges.push(EdgeSlot::new(false));
        }
        for edge in 0..self.edges.len() {
            for nth in 0..self.scenario.viewers {
                self.viewers.push(Viewer::new(edge, nth));
                let viewer = self.viewers.len() - 1;
                let at = self.rng.between((0, 8_000));
                self.queue.at(at, Event::View { viewer });
            }
        }
        self.queue.at(0, Event::StartRun { racing: false });
        self.queue.at(self.scenario.cold_every_ms, Event::ColdCheck);
        for (at, fault) in self.scenario.faults.clone() {
            self.queue.at(at, Event::Fault(fault));
        }
    }

    /// The time, as hosts see it.
    pub(crate) fn clock(&self) -> WallMs {
        self.start.plus_ms(i64::try_from(self.now).expect("simulations are short"))
    }

    /// Notes something for the event log.
    pub(crate) fn log(&mut self, line: &str) {
        let line = format!("{:>9} {line}", self.now);
        if self.verbose {
            eprintln!("{line}");
        }
        self.fingerprint = xxhash_rust::xxh3::xxh3_64_with_seed(line.as_bytes(), self.fingerprint);
        if self.tail.len() >= TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    /// What the run came to.
    pub(crate) fn summary(&self) -> Summary {
        Summary { fingerprint: self.fingerprint, ..self.summary.clone() }
    }

    /// The end of the event log.
    pub(crate) fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }

    /// Runs to the end of the scenario, and until what is then under way is done.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        let stop = self.scenario.duration_ms;
        let end = stop + 12_000;
        let mut stopped = false;
        while let Some((at, event)) = self.queue.next() {
            if at > end {
                break;
            }
            if at >= stop && !stopped {
                stopped = true;
                self.now = stop;
                self.stop_encoder(false);
            }
            self.now = at;
            self.handle(event);
            if let Some(violation) = self.ledger.take_violation() {
                return Err(violation);
            }
        }
        self.check_end();
        self.ledger.take_violation().map_or(Ok(()), Err)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Encode { run, track } => self.encode(run, track),
            Event::Arrive { ingest, epoch, body, message } => self.arrive(ingest, epoch, body, message),
            Event::Answered { body, answer } => self.answered(body, answer),
            Event::Send { body } => self.send_again(body),
            Event::PutLands { ingest, epoch, put } => self.put_lands(ingest, epoch, put),
            Event::PutDone { ingest, epoch, put, outcome } => self.put_done(ingest, epoch, &put, &outcome),
            Event::Tick { ingest, epoch } => self.tick(ingest, epoch),
            Event::IngestStarts { ingest } => self.ingests[ingest].alive = true,
            Event::ReadLands { batch, index } => self.read_lands(batch, index),
            Event::ReadsDone { batch } => self.reads_done(batch),
            Event::Poll { task } => self.poll(task),
            Event::Wake { edge } => self.wake(edge),
            Event::View { viewer } => self.view(viewer),
            Event::Fault(fault) => self.fault(&fault),
            Event::StartRun { racing } if self.now < self.scenario.duration_ms => self.start_run(racing),
            Event::StartRun { .. } => {}
            Event::TwinStarts { encoder } => {
                if self.now < self.scenario.duration_ms {
                    self.start_twin(encoder);
                }
            }
            Event::Resume { run, track } => self.resume_track(run, track),
            Event::Reroute { track, ingest } => self.reroute(track, ingest),
            Event::ColdCheck => {
                self.cold_check();
                self.queue.at(self.now + self.scenario.cold_every_ms, Event::ColdCheck);
            }
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.log(&format!("{fault:?}"));
        match *fault {
            Fault::RestartEncoder { pause_ms, racing } => {
                self.stop_encoder(false);
                self.queue.at(self.now + pause_ms, Event::StartRun { racing });
            }
            Fault::KillEncoder { pause_ms } => {
                self.stop_encoder(true);
                self.queue.at(self.now + pause_ms, Event::StartRun { racing: false });
            }
            Fault::KillTwin { encoder, pause_ms } => self.kill_twin(encoder, pause_ms),
            Fault::RestartTrack { track } => self.restart_track(track),
            Fault::StallTrack { track, for_ms } => self.stall_track(track, Some(for_ms)),
            Fault::LeaveTrack { track } => self.stall_track(track, None),
            Fault::JoinTrack { track } => self.join_track(track),
            Fault::ChangeHeader { track } => self.change_header(track),
            Fault::KillIngest { ingest, pause_ms } => self.kill_ingest(ingest, pause_ms),
            Fault::FailOver { ingest, overlap_ms } => {
                for track in 0..self.scenario.tracks.len() {
                    let at = self.now + self.rng.between((0, overlap_ms));
                    self.queue.at(at, Event::Reroute { track, ingest });
                }
            }
            Fault::ReplaceEdge { edge } => self.replace_edge(edge % self.edges.len()),
            Fault::LoseCheckpoints { for_ms } => self.heads_lost_until = self.now + for_ms,
            Fault::Recreate => self.recreate(),
        }
    }

    fn recreate(&mut self) {
        self.stop_encoder(true);
        let random = self.rng.next();
        let generation = Generation::mint(self.clock(), random);
        let old = format!("{}/{}/", self.name, self.generation);
        if self.rng.chance(500) {
            self.store.remove_under(&old);
            self.ledger.deleted(&old);
        }
        self.ledger.recreated();
        self.drop_receivers();
        self.create_broadcast(generation);
        self.queue.at(self.now + 2_000, Event::StartRun { racing: false });
    }

    fn create_broadcast(&mut self, generation: Generation) {
        self.log(&format!("broadcast created, generation {generation}"));
        self.generation = generation.clone();
        let record = record::to_json(&BroadcastRecord::new(generation));
        self.store.put_anyway(&key::broadcast(&self.name), record.into());
        self.broadcast_observed();
    }

    /// Sends reads to the store, each on its own way.
    pub(crate) fn read(&mut self, owner: BatchOwner, reads: Vec<(String, FetchKind)>) {
        self.last_batch += 1;
        let batch = self.last_batch;
        for index in 0..reads.len() {
            let latency = self.rng.between(self.scenario.get_ms);
            self.queue.at(self.now + latency, Event::ReadLands { batch, index });
        }
        let found = vec![None; reads.len()];
        self.batches.insert(batch, Batch { owner, reads, found, asked: self.now });
    }

    fn read_lands(&mut self, id: BatchId, index: usize) {
        let Some(batch) = self.batches.get_mut(&id) else { return };
        let (key, kind) = &batch.reads[index];
        let mut result = self.store.read(key, *kind);
        let is_head = key.ends_with("/index/head.json");
        if is_head && self.rng.chance(self.scenario.stale_heads_permille) {
            let older = self.store.replaced.get(key).map(|older| self.rng.pick(older));
            result = older.map_or(Found::Missing, |older| found(older, *kind));
        }
        let batch = self.batches.get_mut(&id).expect("it was there");
        batch.found[index] = Some(result);
        if batch.found.iter().all(Option::is_some) {
            let latency = self.rng.between(self.scenario.get_ms);
            self.queue.at(self.now + latency, Event::ReadsDone { batch: id });
        }
    }

    fn reads_done(&mut self, id: BatchId) {
        let Some(batch) = self.batches.remove(&id) else { return };
        let found: Vec<_> = batch.found.into_iter().flatten().collect();
        match batch.owner {
            BatchOwner::Recovery { ingest, epoch, reads } => {
                self.recovery_reads(ingest, epoch, &reads, &found, batch.asked);
            }
            BatchOwner::Task { task, fetches } => self.task_reads(task, &fetches, &found, batch.asked),
        }
    }
}
