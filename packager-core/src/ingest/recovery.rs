//! Taking up a broadcast from storage: after a restart, or when another writer got in between.

use super::period::listing_from;
use super::receiver::Receiver;
use super::track::{PushedHeader, Track};
use super::{Refusal, Settings};
use crate::cmaf::Header;
use crate::limits;
use crate::log::checkpoint::PAGE_SEGMENTS;
use crate::log::reader::Target;
use crate::log::{
    BroadcastLog, BroadcastName, Chain, Found, Freshness, Generation, Read, SessionId, TrackName,
};
use crate::order::SortedMap;
use crate::time::WallMs;

/// What was not there once is not looked for again.
const EVER: WallMs = WallMs(i64::MIN);

/// Reads a broadcast for ingest: the chains, and every track's newest header.
#[derive(Debug)]
pub struct Recovery {
    name: BroadcastName,
    generation: Generation,
    settings: Settings,
    log: BroadcastLog,
    sessions: SortedMap<TrackName, Vec<SessionId>>,
    headers: SortedMap<(TrackName, SessionId), Option<PushedHeader>>,
    /// When a track's checkpoint was there.
    checkpoints: SortedMap<TrackName, WallMs>,
}

impl Recovery {
    /// Begins to read.
    pub fn new(name: &BroadcastName, generation: &Generation, settings: Settings) -> Self {
        let kept = usize::try_from(PAGE_SEGMENTS).unwrap_or(usize::MAX);
        let mut log = BroadcastLog::new(name, generation, kept);
        log.assume_shape(settings.assumed_shape());
        Self {
            name: name.clone(),
            generation: generation.clone(),
            settings,
            log,
            sessions: SortedMap::new(),
            headers: SortedMap::new(),
            checkpoints: SortedMap::new(),
        }
    }

    /// Its keys.
    pub fn key(&self, read: &Read) -> String {
        read.target().key(&self.log.keys)
    }

    /// What to read next; empty when all is known.
    pub fn wants(&self) -> Vec<Read> {
        let mut reads = self.log.wants(Freshness::OBSERVED);
        for (name, of) in self.log.tracks() {
            // What listings that are still to be written have.
            let last = of.chain().and_then(Chain::last_closed_msn);
            let from = last.map(listing_from);
            reads.extend(from.into_iter().flat_map(|from| self.log.wanted_history(name, from, EVER)));
            match self.sessions.get(name) {
                None => reads.push(Read::List(Target::Sessions(name.clone()))),
                Some(sessions) => {
                    let current =
                        self.log.track(name).and_then(|log| log.chain()).map(|chain| &chain.run.session);
                    // However often the slate came and went, the encoder may go on without a header.
                    let of_encoders = sessions.iter().rev().filter(|session| !session.is_slate());
                    let newest = of_encoders.take(limits::HEADERS_PER_TRACK);
                    for session in newest.chain(current) {
                        let read = Read::Get(Target::Init(name.clone(), session.clone()));
                        if !self.headers.contains_key(&(name.clone(), session.clone()))
                            && !reads.contains(&read)
                        {
                            reads.push(read);
                        }
                    }
                }
            }
        }
        reads
    }

    /// Takes in what was found.
    pub fn absorb(&mut self, read: &Read, found: &Found, asked: WallMs) {
        match (read.target(), found) {
            (Target::Sessions(track), found) => {
                let names: &[String] = if let Found::Names(names) = found { names } else { &[] };
                // Listings are sorted, and sessions sort by the time they were minted.
                let sessions = names.iter().filter(|name| name.as_str() != "index");
                let sessions: Vec<_> = sessions.filter_map(|name| SessionId::parse(name).ok()).collect();
                self.sessions.insert(track.clone(), sessions);
            }
            (Target::Init(track, session), found) => {
                let pushed = match found {
                    Found::Object { body, .. } => {
                        Header::parse(body).ok().map(|header| PushedHeader { header, bytes: body.clone() })
                    }
                    _ => None,
                };
                self.headers.insert((track.clone(), session.clone()), pushed);
            }
            (target, found) => {
                if let (Target::Head(track), Found::Object { .. }) = (target, found) {
                    self.checkpoints.insert(track.clone(), asked);
                }
                self.log.absorb(read, found, asked);
            }
        }
    }

    /// The receiver of what was read.
    pub fn finish(self, random: u64) -> Receiver {
        let mut receiver = Receiver::new(&self.name, &self.generation, self.settings, random);
        self.into_receiver(&mut receiver);
        receiver
    }

    fn into_receiver(self, receiver: &mut Receiver) {
        receiver.periods = self.log.periods().to_vec();
        receiver.periods_stored = u32::try_from(receiver.periods.len()).unwrap_or(u32::MAX);
        for ((name, session), pushed) in self.headers {
            let Some(pushed) = pushed else { continue };
            let kind = pushed.header.kind;
            let track = receiver.tracks.get_or_insert_with(name.clone(), || Track::new(name, kind));
            receiver.newest_session = receiver.newest_session.take().max(Some(session.clone()));
            track.headers.insert(session, pushed);
        }
        for record in &receiver.periods {
            receiver.newest_session = receiver.newest_session.take().max(Some(record.session.clone()));
        }
        for (name, log) in self.log.tracks() {
            let Some(chain) = log.chain() else { continue };
            let kind = chain.begin.kind;
            let track = receiver.tracks.get_or_insert_with(name.clone(), || Track::new(name.clone(), kind));
            track.resume(chain.clone());
            // It may have been written just before it was read.
            track.checkpoint_at = self.checkpoints.get(name).copied().unwrap_or(track.checkpoint_at);
        }
    }
}

impl Receiver {
    /// Takes up the broadcast again as it is stored, keeping the uploads that are under way.
    pub fn reload(&mut self, recovery: Recovery) {
        let before = std::mem::take(&mut self.tracks);
        let planned = std::mem::take(&mut self.periods);
        let planned_stored = self.periods_stored;
        recovery.into_receiver(self);
        let periods_stand = planned.starts_with(&self.periods);
        if periods_stand {
            (self.periods, self.periods_stored) = (planned, planned_stored);
        } else {
            self.period_plan = super::plan::Plan::default();
        }
        let shape = self.periods.first().and_then(|record| record.shape);
        for (name, mut old) in before {
            let read = self.tracks.remove(&name);
            let is_behind = read.as_ref().is_some_and(|read| old.is_behind(read));
            old.settle(shape);
            if old.poisoned && read.as_ref().is_some_and(|read| old.is_ahead(read)) {
                // The broadcast was being read before this went wrong: it is read once more.
                self.tracks.insert(name, old);
                continue;
            }
            if periods_stand && !old.poisoned && !is_behind {
                // Nobody interfered with it: it goes on as planned.
                let headers = read.map(|read| read.headers).unwrap_or_default();
                headers.into_iter().for_each(|(session, pushed)| {
                    old.headers.get_or_insert_with(session, || pushed);
                });
                self.tracks.insert(name, old);
                continue;
            }
            // What was planned is not going to be stored, and must not be acknowledged.
            for id in old.plan.uploads().chain(old.pending_from.iter().copied()) {
                if let Some(upload) = self.uploads.get_mut(&id) {
                    upload.refused.get_or_insert(Refusal::Storage("another writer was there".to_owned()));
                }
            }
            for upload in self.uploads.values_mut().filter(|upload| upload.track.as_ref() == Some(&name)) {
                // It is bound anew by what is stored now.
                upload.bound = None;
                upload.end_ticks = None;
                if let Some(waiting) = upload.waiting.take() {
                    upload.ready.push_front(waiting.chunk);
                }
            }
            if let Some(mut track) = read {
                track.settle(shape);
                track.remember_as(old);
                self.tracks.insert(name, track);
            }
        }
    }
}
