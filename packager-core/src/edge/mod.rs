//! Answering viewers: a request, what has been read of the log, and the time, to what to do next.
//!
//! A host asks [`Edge::handle`], does what the [`Step`] says (read these keys, wait for that one,
//! or respond) and asks again. Every host is that loop and nothing more; streaming, ranges and
//! compression are the host's.

mod broadcast;
mod clip;
mod due;
mod event;
mod manifest;
mod media;
mod place;
mod playlist;
mod range;
pub mod response;
mod route;
mod status;
mod view;
mod wait;

use std::sync::Arc;

use crate::ingest;
use crate::limits;
use crate::log::reader::Target;
use crate::log::{BroadcastName, BroadcastRecord, Found, Freshness, Generation, Read, TrackName, key};
use crate::order::SortedMap;
use crate::time::WallMs;

pub use crate::log::reader::FetchKind;
use broadcast::Broadcast;
pub use due::{Write, Written};
pub use media::{Cursor, Grow, PartObject};
pub use place::{Place, canonical};
pub use range::Ranged;
pub use response::{Body, CacheFor, Rendered, Response};
use route::Route;
pub use status::status_of;
use view::Wish;
pub use wait::Wait;

/// Longest hold: hls.js gives a playlist request ten seconds.
pub const HOLD_MS: i64 = 9_000;

/// How long `broadcast.json` is trusted.
const BROADCAST_TRUST_MS: i64 = 5_000;

/// How old the list of tracks may be where it only matters to rendition reports.
const TRACKS_TRUST_MS: i64 = 2_000;

/// How old a playlist may be that asks for nothing in particular. Caches keep it for longer, and a crowd
/// that comes past them is answered from few reads.
const PLAYLIST_TRUST_MS: i64 = 100;

/// Methods that mean something to a viewer's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD: as GET; the host leaves the body out.
    Head,
    /// GET, by who was found to be an operator, of what only operators may see.
    Operator,
    /// OPTIONS: a CORS preflight.
    Options,
    /// Anything else: 405.
    Other,
}

/// A viewer's request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The path, starting with `/`, as it came: nothing in our URLs is percent-encoded.
    pub path: &'a str,
    /// What follows `?`, without it.
    pub query: &'a str,
}

/// When a request came, and what it may be answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// When it came: a hold is counted from there.
    pub at: WallMs,
    /// What was looked for before then is looked for again: when the request came, or when its last
    /// wait ended.
    pub since: WallMs,
}

impl Asked {
    /// A request that comes now.
    pub fn at(now: WallMs) -> Self {
        Self { at: now, since: now }
    }

    /// The same request, after a [wait](Step::Wait) that ended at `now`.
    #[must_use]
    pub fn woken(self, now: WallMs) -> Self {
        Self { since: now, ..self }
    }
}

/// What the host does next.
#[derive(Debug, Clone)]
pub enum Step {
    /// Read these (in parallel), [`Edge::absorb`] what was found, and ask again.
    Fetch(Vec<Fetch>),
    /// Nothing to say yet. Ask again, [woken](Asked::woken), when something about it was stored, or at
    /// `until`.
    Wait(Wait),
    /// Create this, tell [how it went](Edge::wrote), and ask again.
    Write(Box<Write>),
    /// Answer.
    Respond(Response),
}

/// One read for the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The key, or the prefix to list.
    pub key: String,
    /// How.
    pub kind: FetchKind,
    slot: Slot,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    Broadcast(BroadcastName),
    Log(BroadcastName, Generation, Read),
    /// The clip of a slate, by its hash.
    Clip(BroadcastName, Generation, String),
}

impl Fetch {
    fn log(broadcast: &Broadcast, read: Read) -> Self {
        let key = read.target().key(&broadcast.log.keys);
        let kind = read.kind();
        Self { key, kind, slot: Slot::Log(broadcast.name.clone(), broadcast.generation.clone(), read) }
    }
}

#[derive(Debug)]
struct Pointer {
    record: Option<Arc<BroadcastRecord>>,
    checked: WallMs,
}

/// What is known of all broadcasts that anyone asked for lately.
#[derive(Debug)]
pub struct Edge {
    observes_writes: bool,
    /// How media is cut where the broadcast does not say it.
    cut: ingest::Settings,
    pointers: SortedMap<BroadcastName, Pointer>,
    broadcasts: SortedMap<(BroadcastName, Generation), Broadcast>,
}

impl Edge {
    /// An edge that knows nothing. `observes_writes`: every object stored is
    /// [observed](Self::observe), so nothing needs to be looked for twice.
    pub fn new(observes_writes: bool) -> Self {
        let cut = ingest::Settings::default();
        Self { observes_writes, cut, pointers: SortedMap::new(), broadcasts: SortedMap::new() }
    }

    /// The same, where ingest cuts media like this.
    #[must_use]
    pub fn cutting(self, cut: ingest::Settings) -> Self {
        Self { cut, ..self }
    }

    /// What to do about a request at the time `now`.
    pub fn handle(&mut self, request: &Request<'_>, asked: Asked, now: WallMs) -> Step {
        match request.method {
            Method::Options => return Step::Respond(Response::preflight()),
            Method::Other => return Step::Respond(Response::method_not_allowed()),
            Method::Operator => return self.status(request.path, asked, now),
            Method::Get | Method::Head => {}
        }
        let route = match Route::parse(request.path) {
            Ok(route) => route,
            Err(response) => return Step::Respond(*response),
        };
        let name = route.broadcast().clone();
        let tells = route.tells().map(Option::<&Generation>::cloned);
        let step = self.follow(route, request.query, asked, now);
        let step = match tells {
            Some(generation) => self.write_first(&name, generation.as_ref(), step, now),
            None => step,
        };
        match step {
            Step::Respond(response) => Step::Respond(Response { broadcast: Some(name), ..response }),
            step => step,
        }
    }

    fn follow(&mut self, route: Route, query: &str, asked: Asked, now: WallMs) -> Step {
        match route {
            // The page itself waits for a broadcast that does not exist yet.
            Route::Page(_) => Step::Respond(Response::page()),
            Route::Multivariant(name) => self.shown(&name, query, now, |broadcast, record, wish| {
                broadcast.multivariant(record, wish, asked, now)
            }),
            Route::Manifest(name, form) => self.shown(&name, query, now, |broadcast, record, wish| {
                broadcast.manifest(form, record, wish, asked, now)
            }),
            Route::Patch(name, form) => self
                .overview(&name, now, |broadcast, record| broadcast.patch(form, query, record, asked, now)),
            Route::Time(_) => Step::Respond(Response::time(now)),
            Route::Event(name) => match self.known(&name, now) {
                Ok(record) => Step::Respond(event::announced(&record, now)),
                Err(step) => *step,
            },
            Route::Media { broadcast: name, generation, track, file } => {
                let broadcast = self.broadcast(&name, &generation);
                let step = broadcast.media_playlist(&track, file, query, asked, now);
                let has_begun = broadcast.log.shape().is_some();
                if matches!(step, Step::Wait(_)) && (!has_begun || self.observes_writes) {
                    // Only a generation that is about to begin, or goes on, is waited for. Who sees all writes but those
                    // of its operator sees by this that it has ended.
                    return match self.record(&name, now) {
                        Ok(Some(current))
                            if current.generation == generation && current.event.clip.is_none() =>
                        {
                            step
                        }
                        Ok(_) => Step::Respond(Response::not_found("no such broadcast")),
                        Err(fetches) => Step::Fetch(fetches),
                    };
                }
                step
            }
            Route::Segment { broadcast, generation, track, segment, part } => {
                let broadcast = self.broadcast(&broadcast, &generation);
                match part {
                    None => broadcast.segment(&track, &segment, asked, now),
                    Some(number) => broadcast.sub_segment(&track, &segment, number, asked, now),
                }
            }
            Route::Part { broadcast, generation, track, session, start_ticks } => {
                let broadcast = self.broadcast(&broadcast, &generation);
                broadcast.part(&track, &session, start_ticks, asked, now)
            }
            Route::Init { broadcast, generation, track, session } => {
                let key = key::Keys::new(&broadcast, &generation).init(&track, &session);
                Step::Respond(Response::object(key, false))
            }
        }
    }

    /// Takes in what a fetch, begun at `asked`, found.
    pub fn absorb(&mut self, fetch: &Fetch, found: &Found, asked: WallMs) {
        match &fetch.slot {
            Slot::Broadcast(name) => {
                let record = match found {
                    Found::Object { body, .. } => BroadcastRecord::read(body).ok().flatten(),
                    _ => None,
                };
                if self.pointers.len() >= limits::BROADCASTS_KNOWN && !self.pointers.contains_key(name) {
                    // Not what was read just now: a clip is answered from two.
                    let oldest = self.pointers.iter().min_by_key(|(_, pointer)| pointer.checked);
                    let oldest = oldest.map(|(name, _)| name.clone());
                    oldest.map(|name| self.pointers.remove(&name));
                }
                self.point(name, record, asked);
            }
            Slot::Clip(name, generation, hash) => {
                self.absorb_clip(&(name.clone(), generation.clone()), hash, found);
            }
            Slot::Log(name, generation, read) => {
                if let Some(broadcast) = self.broadcasts.get_mut(&(name.clone(), generation.clone())) {
                    broadcast.log.absorb(read, found, asked);
                }
            }
        }
    }

    /// Takes in an object that this process has just seen stored.
    pub fn observe(
        &mut self,
        name: &BroadcastName,
        generation: &Generation,
        target: &Target,
        meta: &str,
        size_bytes: u64,
        body: &bytes::Bytes,
    ) {
        if let Some(broadcast) = self.broadcasts.get_mut(&(name.clone(), generation.clone())) {
            broadcast.log.observe(target, meta, size_bytes, body);
        }
    }

    /// Takes in that a broadcast was created, or created anew, or that its settings changed.
    pub fn observe_broadcast(&mut self, name: &BroadcastName, record: &BroadcastRecord, now: WallMs) {
        let record = Some(record.clone()).filter(|record| !record.event.deleted);
        self.point(name, record, now);
    }

    /// A name leads to this broadcast, or to none, and no longer to what it led to before.
    fn point(&mut self, name: &BroadcastName, record: Option<BroadcastRecord>, checked: WallMs) {
        let led_to = self.pointers.get(name).and_then(|pointer| pointer.record.as_ref());
        let led_to = led_to.map(|record| record.generation.clone());
        if let Some(before) =
            led_to.filter(|led_to| record.as_ref().map(|record| &record.generation) != Some(led_to))
        {
            self.broadcasts.remove(&(name.clone(), before));
        }
        let record = record.map(|record| Arc::new(record.shown()));
        self.pointers.insert(name.clone(), Pointer { record: record.clone(), checked });
        if let Some(record) = record {
            let observes_writes = self.observes(name, &record.generation);
            if let Some(known) = self.broadcasts.get_mut(&(name.clone(), record.generation.clone())) {
                known.observes_writes = observes_writes;
            }
        }
    }

    /// Whether everything that is written of a broadcast is observed. Its end is not: the operator writes it, wherever
    /// they are.
    fn observes(&self, name: &BroadcastName, generation: &Generation) -> bool {
        let record = self.pointers.get(name).and_then(|pointer| pointer.record.as_ref());
        let has_ended =
            record.is_some_and(|record| record.generation == *generation && record.event.ended.is_some());
        self.observes_writes && !has_ended
    }

    /// Somebody wrote what this process did not see: it is read again.
    pub fn forget(&mut self, name: &BroadcastName, generation: &Generation) {
        self.broadcasts.remove(&(name.clone(), generation.clone()));
    }

    /// What follows the parts a growing segment's reader has been given.
    ///
    /// A cursor is asked about again after a fetch as it is, and after a wait [woken](Cursor::woken).
    pub fn grow(&mut self, cursor: &Cursor, now: WallMs) -> Grow {
        self.broadcast(&cursor.broadcast, &cursor.generation).grow(cursor, now)
    }

    /// The generation that a broadcast's viewers are sent to, with its settings, or what to read to know
    /// them.
    fn record(&self, name: &BroadcastName, now: WallMs) -> Result<Option<Arc<BroadcastRecord>>, Vec<Fetch>> {
        if let Some(pointer) = self.pointers.get(name) {
            // A broadcast that exists is looked for again by and by; one that does not, each time
            // the last look is older than an answer may be cached.
            let trust_ms = if pointer.record.is_some() { BROADCAST_TRUST_MS } else { 1_000 };
            if now.since_ms(pointer.checked) < trust_ms {
                return Ok(pointer.record.clone());
            }
        }
        let slot = Slot::Broadcast(name.clone());
        Err(vec![Fetch { key: key::broadcast(name), kind: FetchKind::Get, slot }])
    }

    /// Answers with what is of all tracks of a broadcast.
    fn overview(
        &mut self,
        name: &BroadcastName,
        now: WallMs,
        answer: impl FnOnce(&mut Broadcast, &Arc<BroadcastRecord>) -> Step,
    ) -> Step {
        match self.known(name, now) {
            Ok(record) if record.event.clip.is_some() => {
                Step::Respond(Response::not_found("a clip has no such page"))
            }
            Ok(record) => answer(self.broadcast(name, &record.generation), &record),
            Err(step) => *step,
        }
    }

    /// What is said of a broadcast, or what is to be done where that is not known.
    fn known(&self, name: &BroadcastName, now: WallMs) -> Result<Arc<BroadcastRecord>, Box<Step>> {
        let none = "no such broadcast; it starts when an encoder pushes to it";
        match self.record(name, now) {
            Ok(record) => record.ok_or_else(|| Box::new(Step::Respond(Response::not_found(none)))),
            Err(fetches) => Err(Box::new(Step::Fetch(fetches))),
        }
    }

    /// Answers with what is of all tracks of a broadcast, and of the part of it that a query asks for.
    fn shown(
        &mut self,
        name: &BroadcastName,
        query: &str,
        now: WallMs,
        answer: impl FnOnce(&mut Broadcast, &Arc<BroadcastRecord>, Wish) -> Step,
    ) -> Step {
        let wish = match Wish::parse(query) {
            Ok(wish) => wish,
            Err(why) => return Step::Respond(Response::bad_request(why)),
        };
        match self.known(name, now) {
            Ok(record) => match &record.event.clip {
                Some(clip) => self.clipped(clip, wish, now, answer),
                None => answer(self.broadcast(name, &record.generation), &record, wish),
            },
            Err(step) => *step,
        }
    }

    /// The broadcast, known or new. Room is made by forgetting one that shows nothing.
    fn broadcast(&mut self, name: &BroadcastName, generation: &Generation) -> &mut Broadcast {
        let id = (name.clone(), generation.clone());
        if !self.broadcasts.contains_key(&id) && self.broadcasts.len() >= limits::BROADCASTS_KNOWN {
            let idle = self.broadcasts.iter().find(|(_, known)| known.log.shape().is_none());
            let victim = idle.or(self.broadcasts.iter().next()).map(|(id, _)| id.clone());
            victim.map(|victim| self.broadcasts.remove(&victim));
        }
        let observes_writes = self.observes(name, generation);
        self.broadcasts.get_or_insert_with(id, || Broadcast::new(name, generation, observes_writes))
    }
}

/// How fresh the log must be for a request. Rendition reports are part of every media playlist, so
/// all chains count; a new track may show in them a little later than in the multivariant playlist.
fn freshness(observes_writes: bool, track: Option<&TrackName>, since: WallMs, now: WallMs) -> Freshness {
    if observes_writes {
        return Freshness::OBSERVED;
    }
    let trusted_ms = if track.is_some() { TRACKS_TRUST_MS } else { 0 };
    let tracks_since = since.min(now.plus_ms(trusted_ms.saturating_neg()));
    Freshness { chains_since: since, tracks_since }
}
