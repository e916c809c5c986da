//! What is to be written before a viewer is answered: who shows a broadcast is the first to find that its end is due, or
//! a part of its slate.

use std::sync::Arc;

use bytes::Bytes;

use super::broadcast::Broadcast;
use super::{Edge, Fetch, Slot, Step};
use crate::ingest::is_same;
use crate::log::reader::Target;
use crate::log::{
    Begin, BroadcastLog, BroadcastName, BroadcastRecord, Chain, Entry, Event, FetchKind, Found, Generation,
    Marker, Phase, Read, SessionId, SlateSettings, key, record, slate as slate_settings,
};
use crate::slate::{self, Beginning, Clip, Due, Headers, Object, Slate};
use crate::time::WallMs;

/// How long one who was told to write is trusted to do so, before another is.
const CLAIM_MS: i64 = 1_000;

/// How long nothing is written after that has failed, or an encoder was found to have come.
const PAUSE_MS: i64 = 5_000;

/// A broadcast is over by everyone's clock so long after it closes.
const END_MARGIN_MS: i64 = 5_000;

/// An object that the host is to create: only if nothing is there.
#[derive(Debug, Clone)]
pub struct Write {
    /// Its key.
    pub key: String,
    /// Its metadata; empty for JSON and headers.
    pub meta: String,
    /// Its bytes, in pieces.
    pub body: Vec<Bytes>,
    broadcast: BroadcastName,
    generation: Generation,
    target: Target,
}

impl Write {
    /// What it is, for who is told of writes.
    pub fn target(&self) -> (&BroadcastName, &Generation, &Target) {
        (&self.broadcast, &self.generation, &self.target)
    }
}

/// How that went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is there.
    New,
    /// Something was there already: this. Its body may be left out if it has metadata.
    Exists(Found),
    /// It cannot be written here, or not now.
    Failed,
}

/// What an edge knows of what it writes of a broadcast.
#[derive(Debug, Default)]
pub(super) struct Writing {
    /// Somebody writes until then.
    claimed_until: WallMs,
    /// Nothing is to be written until then.
    paused_until: WallMs,
    beginning: Option<Beginning>,
    headers: Headers,
    /// The broadcaster's own clip, by its hash; `None` inside where it cannot be used.
    clip: Option<(String, Option<Arc<Clip>>)>,
}

impl Edge {
    /// What comes before a step that was decided: a write that is due, or less time to wait until one is.
    pub(super) fn write_first(
        &mut self,
        name: &BroadcastName,
        generation: Option<&Generation>,
        step: Step,
        now: WallMs,
    ) -> Step {
        if matches!(step, Step::Fetch(_) | Step::Write(_)) {
            return step;
        }
        let pointed = self.pointers.get(name).and_then(|pointer| pointer.record.as_deref());
        if pointed.is_some_and(|record| !may_write(&record.event)) {
            return step;
        }
        let Some(generation) = generation.or(pointed.map(|record| &record.generation)).cloned() else {
            return step;
        };
        let id = (name.clone(), generation);
        let Some(quiet_from) = self.broadcasts.get(&id).and_then(|broadcast| quiet_from(&broadcast.log))
        else {
            return step;
        };
        if now < quiet_from {
            return sooner(step, quiet_from);
        }
        let record = match self.record(name, now) {
            Ok(Some(record)) if record.generation == id.1 && may_write(&record.event) => record,
            Ok(_) => return step,
            Err(fetches) => return Step::Fetch(fetches),
        };
        let cut = self.cut.of(&record.event.cut);
        let Some(broadcast) = self.broadcasts.get_mut(&id) else { return step };
        if now < broadcast.writing.paused_until {
            return step;
        }
        let clip = match broadcast.clip(record.event.slate.as_ref()) {
            Ok(clip) => clip,
            Err(fetch) => return Step::Fetch(vec![fetch]),
        };
        let settings = record.event.slate.as_ref().zip(clip.as_deref());
        let slate = settings.map(|(settings, clip)| Slate { settings, cut: &cut, clip });
        match broadcast.due(&record, slate.as_ref(), now) {
            Due::Nothing => step,
            Due::At(at) => sooner(step, at),
            Due::Now(_) if now < broadcast.writing.claimed_until => {
                sooner(step, broadcast.writing.claimed_until)
            }
            Due::Now(Object { target, meta, body }) => {
                broadcast.writing.claimed_until = now.plus_ms(CLAIM_MS);
                let (broadcast, generation) = id;
                let key = target.key(&key::Keys::new(&broadcast, &generation));
                Step::Write(Box::new(Write { key, meta, body, broadcast, generation, target }))
            }
        }
    }

    /// Takes in how a [write](Step::Write) went.
    pub fn wrote(&mut self, write: &Write, written: &Written, now: WallMs) {
        let id = (write.broadcast.clone(), write.generation.clone());
        let Some(broadcast) = self.broadcasts.get_mut(&id) else { return };
        let body = Bytes::from(write.body.concat());
        let stored = match written {
            Written::New => true,
            Written::Exists(Found::Object { meta, body: there, .. }) => {
                is_same(&write.target, (&write.meta, &body), (meta, there))
            }
            Written::Exists(_) | Written::Failed => false,
        };
        broadcast.writing.claimed_until = WallMs::default();
        match (written, &write.target) {
            _ if stored => {
                let size_bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
                broadcast.log.observe(&write.target, &write.meta, size_bytes, &body);
                if let Target::Init(track, session) = &write.target {
                    broadcast.writing.headers.insert((track.clone(), session.clone()), ());
                }
                if let Some(beginning) = &mut broadcast.writing.beginning {
                    beginning.done = beginning.done.saturating_add(1);
                }
            }
            (Written::Exists(Found::Object { body, .. }), Target::Begin(_)) => {
                let there = record::from_json::<Begin>(body).ok().map(|begin| begin.session);
                match there.filter(SessionId::is_slate) {
                    Some(session) => broadcast.writing.beginning = Some(Beginning::of(session)),
                    // An encoder has come.
                    None => broadcast.writing.paused_until = now.plus_ms(PAUSE_MS),
                }
            }
            (Written::Exists(found @ Found::Object { .. }), target) => {
                broadcast.log.absorb(&Read::Get(target.clone()), found, now);
            }
            (Written::New | Written::Exists(_) | Written::Failed, _) => {
                broadcast.writing.paused_until = now.plus_ms(PAUSE_MS);
            }
        }
    }

    /// Takes in a clip of the broadcaster's own.
    pub(super) fn absorb_clip(&mut self, id: &(BroadcastName, Generation), hash: &str, found: &Found) {
        let Some(broadcast) = self.broadcasts.get_mut(id) else { return };
        let clip = match found {
            Found::Object { body, .. } => {
                Clip::parse(body.clone()).ok().map(|clip| Arc::new(clip.completed()))
            }
            _ => None,
        };
        broadcast.writing.clip = Some((hash.to_owned(), clip));
    }
}

impl Broadcast {
    /// What the slate shows: what is built in where the broadcaster's own cannot be used; `None`: there is no slate.
    fn clip(&self, settings: Option<&SlateSettings>) -> Result<Option<Arc<Clip>>, Fetch> {
        let Some(settings) = settings else { return Ok(None) };
        let Some(hash) = &settings.clip else { return Ok(Clip::built_in()) };
        match &self.writing.clip {
            Some((of, clip)) if of == hash => Ok(clip.clone().or_else(Clip::built_in)),
            _ => Err(Fetch {
                key: key::slate_clip(&self.name, hash),
                kind: FetchKind::Get,
                slot: Slot::Clip(self.name.clone(), self.generation.clone(), hash.clone()),
            }),
        }
    }

    fn due(&mut self, record: &BroadcastRecord, slate: Option<&Slate<'_>>, now: WallMs) -> Due {
        let is_over = match record.event.phase(now) {
            Phase::Early | Phase::Open | Phase::Clip => false,
            Phase::Ended => true,
            Phase::Over => record.event.closes().is_some_and(|end| now.since_ms(end.0) >= END_MARGIN_MS),
        };
        let is_open = matches!(record.event.phase(now), Phase::Early | Phase::Open);
        let slate = slate.filter(|_| is_open);
        if self.log.shape().is_some() {
            return match slate {
                _ if is_over => end(&self.log),
                Some(slate) => slate::due(slate, &self.log, &self.writing.headers, now),
                None => Due::Nothing,
            };
        }
        let Some(slate) = slate else { return Due::Nothing };
        let beginning = self.writing.beginning.get_or_insert_with(|| Beginning::now(slate, now));
        slate::begin(slate, beginning).map_or(Due::Nothing, Due::Now)
    }
}

/// Whether anything but an encoder writes of a broadcast.
fn may_write(event: &Event) -> bool {
    event.slate.is_some() || event.end.is_some() || event.ended.is_some()
}

/// From when on something may be due: not while an encoder sends. `None`: never again.
fn quiet_from(log: &BroadcastLog) -> Option<WallMs> {
    let mut chains = log.tracks().filter_map(|(_, of)| of.chain()).peekable();
    if log.shape().is_none() || chains.peek().is_none() || slate::is_on(log) {
        return Some(WallMs(i64::MIN));
    }
    let least_ms = i64::from(*slate_settings::AWAY_S.start()).saturating_mul(1000);
    chains.any(|chain| !chain.ended).then(|| slate::last_media(log).plus_ms(least_ms))
}

/// The end of the first track that has none, where it is over.
fn end(log: &BroadcastLog) -> Due {
    let mut chains = log.tracks().filter_map(|(track, of)| Some((track, of.chain()?)));
    let ended = |(track, chain): (_, &Chain)| Object {
        target: Target::Part(track, chain.run.session.clone(), chain.next_ticks),
        meta: Entry::Marker(Marker::Ended).to_meta(),
        body: Vec::new(),
    };
    let next = chains.find(|(_, chain)| !chain.ended);
    next.map_or(Due::Nothing, |(track, chain)| Due::Now(ended((track.clone(), chain))))
}

/// The same step, but nobody waits for longer than until then.
fn sooner(step: Step, at: WallMs) -> Step {
    match step {
        Step::Wait(mut wait) => {
            wait.until = wait.until.min(at);
            Step::Wait(wait)
        }
        step => step,
    }
}
