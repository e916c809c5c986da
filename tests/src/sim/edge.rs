//! Edge hosts: the loop around [`Edge`], for the one in an ingest's process, which sees its writes,
//! and for those of a CDN, which read and poll.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use packager_core::edge::{Asked, Body, Cursor, Edge, Fetch, Grow, Method, PartObject, Request, Step, Wait};
use packager_core::ingest::Put;
use packager_core::log::{BroadcastRecord, Found};

use super::check::Rule;
use super::queue::{Event, TaskId};
use super::sabotage::Sabotage;
use super::world::{BatchOwner, World};

/// How often a host without notices looks whether a key is there.
const POLL_MS: u64 = 50;

/// More turns than any request needs: it goes round in circles.
const TURNS: u32 = 2_000;

/// An edge, which may be replaced.
#[derive(Debug)]
pub(crate) struct EdgeSlot {
    edge: Edge,
    observes: bool,
    /// URLs it has listed and that were then fetched from it.
    pub(crate) probed: BTreeSet<String>,
    /// MEDIA-SEQUENCE of its playlists, by URL.
    pub(crate) media_sequences: BTreeMap<String, u64>,
}

impl EdgeSlot {
    pub(crate) fn new(observes: bool) -> Self {
        Self {
            edge: Edge::new(observes),
            observes,
            probed: BTreeSet::new(),
            media_sequences: BTreeMap::new(),
        }
    }
}

/// Why something is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    Multivariant,
    Playlist,
    /// A part that a playlist hinted at.
    Hint,
    /// A segment that a playlist lists, or its open one.
    Segment,
    /// Something that was published, however long ago.
    Published,
    /// Something that never was.
    Junk,
}

/// A viewer's request.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) edge: usize,
    pub(crate) viewer: usize,
    pub(crate) purpose: Purpose,
    pub(crate) path: String,
    pub(crate) query: String,
    asked: Asked,
    waiting: Option<Wait>,
    cursor: Option<Cursor>,
    parts: Vec<PartObject>,
    turns: u32,
}

/// What a viewer gets.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Text(u16, String),
    Media(Bytes),
    Missing,
    BrokenOff,
}

impl World {
    /// Sends a viewer's request to its edge.
    pub(crate) fn request(&mut self, viewer: usize, purpose: Purpose, path: String, query: String) {
        let edge = self.viewers[viewer].edge;
        self.last_task += 1;
        let task = Task {
            edge,
            viewer,
            purpose,
            path,
            query,
            asked: Asked::at(self.clock()),
            waiting: None,
            cursor: None,
            parts: Vec::new(),
            turns: 0,
        };
        self.tasks.insert(self.last_task, task);
        self.advance(self.last_task);
    }

    /// Asks the edge what to do next, until there is something to wait for.
    fn advance(&mut self, id: TaskId) {
        let now = self.clock();
        loop {
            let Some(task) = self.tasks.get_mut(&id) else { return };
            task.waiting = None;
            task.turns += 1;
            if task.turns > TURNS {
                let what = format!("{}?{} at edge {} never gets an answer", task.path, task.query, task.edge);
                self.ledger.report(Rule::Progress, what);
                return;
            }
            let slot = &mut self.edges[task.edge];
            let step = match &task.cursor {
                Some(cursor) => match slot.edge.grow(cursor, now) {
                    Grow::Parts(parts, cursor) => {
                        task.parts.extend(parts);
                        task.cursor = Some(cursor);
                        continue;
                    }
                    Grow::Wait(wait) => Step::Wait(wait),
                    Grow::Fetch(fetches) => Step::Fetch(fetches),
                    Grow::End => {
                        let reply = self.concatenated(id);
                        return self.reply(id, reply);
                    }
                    Grow::Abort => return self.reply(id, Reply::BrokenOff),
                },
                None => {
                    let request = Request { method: Method::Get, path: &task.path, query: &task.query };
                    slot.edge.handle(&request, task.asked, now)
                }
            };
            match step {
                Step::Fetch(fetches) => {
                    let reads = fetches.iter().map(|fetch| (fetch.key.clone(), fetch.kind)).collect();
                    return self.read(BatchOwner::Task { task: id, fetches }, reads);
                }
                Step::Write(due) => panic!("no broadcast here has a slate, and {} is written", due.key),
                Step::Wait(wait) => {
                    if self.scenario.sabotage == Sabotage::AnswerHintEarly
                        && self.tasks[&id].purpose == Purpose::Hint
                    {
                        let reply = self.object(id, &wait.poll.key);
                        return self.reply(id, reply);
                    }
                    return self.wait(id, wait);
                }
                Step::Respond(response) => {
                    let reply = match response.body {
                        Body::Text(rendered) => {
                            let text = String::from_utf8(rendered.plain.to_vec());
                            Reply::Text(response.status, text.expect("playlists are UTF-8"))
                        }
                        Body::Bytes(bytes) => Reply::Media(Bytes::from_static(bytes)),
                        Body::Object { key, .. } => self.object(id, &key),
                        Body::Segment { parts, more } => {
                            let task = self.tasks.get_mut(&id).expect("it is under way");
                            task.parts = parts;
                            if more.is_some() {
                                task.cursor = more;
                                continue;
                            }
                            self.concatenated(id)
                        }
                        Body::Empty | Body::Page => Reply::Missing,
                    };
                    return self.reply(id, reply);
                }
            }
        }
    }

    fn wait(&mut self, id: TaskId, wait: Wait) {
        let until = u64::try_from(wait.until.since_ms(self.start)).expect("after the start");
        let task = self.tasks.get_mut(&id).expect("it is under way");
        let observes = self.edges[task.edge].observes;
        task.waiting = Some(wait);
        let at = if observes { until } else { until.min(self.now + POLL_MS) };
        self.queue.at(at.max(self.now), Event::Poll { task: id });
    }

    /// A host without notices looks for the key; every host asks again at the deadline.
    pub(crate) fn poll(&mut self, id: TaskId) {
        let now = self.clock();
        let Some(task) = self.tasks.get(&id) else { return };
        let Some(wait) = &task.waiting else { return };
        // Listings cost more: they are asked for less often.
        let is_list = wait.poll.key.ends_with('/') && (self.now / POLL_MS).is_multiple_of(10);
        if now >= wait.until || is_list || self.store.get(&wait.poll.key).is_some() {
            self.woken(id);
        } else if !self.edges[task.edge].observes {
            let until = u64::try_from(wait.until.since_ms(self.start)).expect("after the start");
            self.queue.at(until.min(self.now + POLL_MS), Event::Poll { task: id });
        }
    }

    fn woken(&mut self, id: TaskId) {
        let now = self.clock();
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.asked = task.asked.woken(now);
        task.cursor = task.cursor.as_ref().map(|cursor| cursor.woken(now));
        self.advance(id);
    }

    /// Something was stored that this edge has seen: all who wait there ask again.
    pub(crate) fn wake(&mut self, edge: usize) {
        let waiting: Vec<_> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.edge == edge && task.waiting.is_some())
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            self.woken(id);
        }
    }

    /// The reads of a request are answered.
    pub(crate) fn task_reads(&mut self, id: TaskId, fetches: &[Fetch], found: &[Found], asked: u64) {
        let asked = self.start.plus_ms(i64::try_from(asked).expect("small"));
        let Some(task) = self.tasks.get(&id) else { return };
        let edge = task.edge;
        for (fetch, found) in fetches.iter().zip(found) {
            let tampered = self.tampered(edge, fetch, found);
            self.edges[edge].edge.absorb(fetch, tampered.as_ref().unwrap_or(found), asked);
        }
        self.advance(id);
    }

    /// What one edge reads otherwise, as long as that break is planted.
    fn tampered(&self, edge: usize, fetch: &Fetch, found: &Found) -> Option<Found> {
        let is_victim = self.scenario.sabotage == Sabotage::FoldOtherwise && edge == 1;
        let Found::Object { meta, body, .. } = found else { return None };
        if !is_victim || !fetch.key.ends_with("/periods/000000.json") {
            return None;
        }
        let text = String::from_utf8(body.to_vec()).ok()?;
        let body = Bytes::from(text.replace("\"segment_ms\":2000", "\"segment_ms\":1000"));
        Some(Found::Object { meta: meta.clone(), size_bytes: body.len() as u64, body })
    }

    /// A stored object as a host sends it: a marker is not there.
    fn object(&mut self, id: TaskId, key: &str) -> Reply {
        let is_hint = self.tasks.get(&id).is_some_and(|task| task.purpose == Purpose::Hint);
        match self.store.get(key) {
            Some(object) if !object.body.is_empty() => Reply::Media(object.body.clone()),
            Some(_) => Reply::Missing,
            None => {
                let gone = self.ledger.is_deleted(key);
                if is_hint && !gone {
                    self.ledger.report(Rule::Inv7, format!("{key} was answered before it was stored"));
                }
                Reply::Missing
            }
        }
    }

    fn concatenated(&mut self, id: TaskId) -> Reply {
        let task = &self.tasks[&id];
        let mut bytes = Vec::new();
        let mut absent = None;
        for part in &task.parts {
            match self.store.get(&part.key) {
                Some(object) if !object.body.is_empty() => {
                    if object.body.len() as u64 != part.bytes {
                        let what =
                            format!("{} has {} bytes, not {}", part.key, object.body.len(), part.bytes);
                        self.ledger.report(Rule::Inv4, what);
                    }
                    bytes.extend_from_slice(&object.body);
                }
                _ => absent = Some(part.key.clone()),
            }
        }
        match absent {
            Some(key) if self.ledger.is_deleted(&key) => Reply::Missing,
            Some(key) => {
                let what = format!("{} was sent with {key}, which is not stored", task.path);
                self.ledger.report(Rule::Inv7, what);
                Reply::Missing
            }
            None => Reply::Media(bytes.into()),
        }
    }

    /// Asks an edge for something and gives it what it reads at once: `None` when it would wait.
    pub(crate) fn probe(&mut self, edge: usize, path: &str, query: &str) -> Option<Reply> {
        let now = self.clock();
        let asked = Asked::at(now);
        for _ in 0..TURNS {
            let request = Request { method: Method::Get, path, query };
            match self.edges[edge].edge.handle(&request, asked, now) {
                Step::Wait(_) | Step::Write(_) => return None,
                Step::Fetch(fetches) => {
                    for fetch in &fetches {
                        let found = self.store.read(&fetch.key, fetch.kind);
                        let tampered = self.tampered(edge, fetch, &found);
                        self.edges[edge].edge.absorb(fetch, tampered.as_ref().unwrap_or(&found), now);
                    }
                }
                Step::Respond(response) => {
                    return Some(match response.body {
                        Body::Text(rendered) => {
                            let text = String::from_utf8(rendered.plain.to_vec());
                            Reply::Text(response.status, text.expect("playlists are UTF-8"))
                        }
                        Body::Bytes(bytes) => Reply::Media(Bytes::from_static(bytes)),
                        Body::Object { key, .. } => match self.store.get(&key) {
                            Some(object) if !object.body.is_empty() => Reply::Media(object.body.clone()),
                            _ => Reply::Missing,
                        },
                        Body::Segment { parts, .. } => {
                            let bodies: Option<Vec<_>> = parts
                                .iter()
                                .map(|part| Some(self.store.get(&part.key)?.body.clone()))
                                .collect();
                            bodies.map_or(Reply::Missing, |bodies| Reply::Media(bodies.concat().into()))
                        }
                        Body::Empty | Body::Page => Reply::Missing,
                    });
                }
            }
        }
        self.ledger.report(Rule::Progress, format!("{path} at edge {edge} never gets an answer"));
        None
    }

    /// Something was stored by the process that the first edge is in.
    pub(crate) fn observe(&mut self, ingest: usize, put: &Put, meta: &str, body: &Bytes) {
        if ingest != 0 || !self.scenario.local_edge {
            return;
        }
        let (name, generation) = (self.name.clone(), self.generation.clone());
        let size = body.len() as u64;
        self.edges[0].edge.observe(&name, &generation, &put.target, meta, size, body);
        self.queue.at(self.now, Event::Wake { edge: 0 });
    }

    /// The operator's write is seen by the edge in the first ingest's process.
    pub(crate) fn broadcast_observed(&mut self) {
        let now = self.clock();
        if let Some(slot) = self.edges.first_mut().filter(|slot| slot.observes) {
            slot.edge.observe_broadcast(&self.name, &BroadcastRecord::new(self.generation.clone()), now);
        }
    }

    /// The process of an ingest is gone, or knows anew what is stored; so does its edge.
    pub(crate) fn replace_local_edge(&mut self, ingest: usize) {
        if ingest == 0 && self.scenario.local_edge {
            self.replace_edge(0);
        }
    }

    /// Throws an edge away; its requests break off.
    pub(crate) fn replace_edge(&mut self, at: usize) {
        let observes = self.edges[at].observes;
        self.edges[at] = EdgeSlot::new(observes);
        let gone: Vec<_> = self.tasks.iter().filter(|(_, task)| task.edge == at).map(|(id, _)| *id).collect();
        for id in gone {
            self.reply(id, Reply::BrokenOff);
        }
    }
}
