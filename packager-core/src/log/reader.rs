//! Following a log: which keys to read next, and what is known once they are read.
//!
//! Both the edge (to render) and ingest (to take up a broadcast after a restart) follow a log like
//! this; the host only fetches what [`BroadcastLog::wants`] names and hands it to
//! [`BroadcastLog::absorb`].

use std::sync::Arc;

use bytes::Bytes;

use super::chain::Chain;
use super::checkpoint::{Checkpoint, PAGE_SEGMENTS, Page};
use super::entry::Entry;
use super::index::{self, Listing};
use super::key::Keys;
use super::name::{BroadcastName, Generation, SessionId, TrackName};
use super::record::{self, Begin, PeriodRecord, Shape};
use super::track::{Progress, TrackLog};
use crate::cmaf::Header;
use crate::limits;
use crate::order::SortedMap;
use crate::time::WallMs;

/// An object, or a listing, of one generation's tree, by what it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// The names under the generation: its tracks.
    Tracks,
    /// The names under a track: its sessions.
    Sessions(TrackName),
    /// A period record.
    Period(u32),
    /// Where a track begins.
    Begin(TrackName),
    /// A track's checkpoint.
    Head(TrackName),
    /// A page of closed segments.
    Page(TrackName, u64),
    /// A listing of closed segments: of how many, and which.
    Listing(TrackName, u64, u64),
    /// A CMAF header.
    Init(TrackName, SessionId),
    /// A part or marker.
    Part(TrackName, SessionId, u64),
}

impl Target {
    /// Its key, or the prefix to list.
    pub fn key(&self, keys: &Keys) -> String {
        match self {
            Target::Tracks => keys.root(),
            Target::Sessions(track) => keys.track(track),
            Target::Period(n) => keys.period(*n),
            Target::Begin(track) => keys.begin(track),
            Target::Head(track) => keys.head(track),
            Target::Page(track, page) => keys.page(track, *page),
            Target::Listing(track, span, number) => keys.listing(track, *span, *number),
            Target::Init(track, session) => keys.init(track, session),
            Target::Part(track, session, start_ticks) => keys.part(track, session, *start_ticks),
        }
    }
}

/// One thing for the host to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Metadata and body.
    Get(Target),
    /// Metadata and size.
    Stat(Target),
    /// The names directly under a prefix.
    List(Target),
}

impl Read {
    /// What is read.
    pub fn target(&self) -> &Target {
        match self {
            Read::Get(target) | Read::Stat(target) | Read::List(target) => target,
        }
    }

    /// How it is read.
    pub fn kind(&self) -> FetchKind {
        match self {
            Read::Get(_) => FetchKind::Get,
            Read::Stat(_) => FetchKind::Stat,
            Read::List(_) => FetchKind::List,
        }
    }
}

/// How a key is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchKind {
    /// Metadata and body.
    Get,
    /// Metadata and size.
    Stat,
    /// The names directly under the prefix.
    List,
}

/// What the host found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// An object: metadata, size, and the body if it was asked for.
    Object {
        /// Metadata; empty where there is none.
        meta: String,
        /// Size of the body.
        size_bytes: u64,
        /// The body.
        body: Bytes,
    },
    /// A listing.
    Names(Vec<String>),
    /// No such object.
    Missing,
}

/// What a reader wants to be sure of.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    /// Every chain's next key was looked for since.
    pub chains_since: WallMs,
    /// The tracks were listed since.
    pub tracks_since: WallMs,
}

impl Freshness {
    /// Whatever was read once is good enough: every write is [observed](BroadcastLog::observe).
    pub const OBSERVED: Self = Self { chains_since: WallMs(i64::MIN), tracks_since: WallMs(i64::MIN) };
}

/// What is known of one generation of one broadcast.
#[derive(Debug, Clone)]
pub struct BroadcastLog {
    /// Its keys.
    pub keys: Keys,
    periods: Vec<PeriodRecord>,
    period_checked: WallMs,
    tracks_checked: Option<WallMs>,
    tracks: SortedMap<TrackName, TrackLog>,
    kept_segments: usize,
    assumed_shape: Option<Shape>,
    version: u64,
}

impl BroadcastLog {
    /// Nothing known yet. Chains keep `kept_segments` more closed segments than a playlist lists.
    pub fn new(broadcast: &BroadcastName, generation: &Generation, kept_segments: usize) -> Self {
        Self {
            keys: Keys::new(broadcast, generation),
            periods: Vec::new(),
            period_checked: WallMs(i64::MIN),
            tracks_checked: None,
            tracks: SortedMap::new(),
            kept_segments,
            assumed_shape: None,
            version: 0,
        }
    }

    /// Follows chains even where record 0 does not exist yet, as ingest must.
    pub fn assume_shape(&mut self, shape: Shape) {
        self.assumed_shape = Some(shape);
    }

    fn shape_to_fold(&self) -> Option<Shape> {
        self.shape().copied().or(self.assumed_shape)
    }

    /// What is fixed for the whole broadcast, once record 0 exists.
    pub fn shape(&self) -> Option<&Shape> {
        self.periods.first()?.shape.as_ref()
    }

    /// The period records, in order.
    pub fn periods(&self) -> &[PeriodRecord] {
        &self.periods
    }

    /// All known tracks, by name.
    pub fn tracks(&self) -> impl Iterator<Item = (&TrackName, &TrackLog)> {
        self.tracks.iter()
    }

    /// One track.
    pub fn track(&self, name: &TrackName) -> Option<&TrackLog> {
        self.tracks.get(name)
    }

    /// Goes up whenever anything becomes known.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What to read next so that everything is as fresh as asked. Empty: nothing.
    pub fn wants(&self, fresh: Freshness) -> Vec<Read> {
        if self.shape().is_none() {
            let asked_lately =
                self.period_checked > WallMs(i64::MIN) && self.period_checked >= fresh.chains_since;
            if !asked_lately {
                return vec![Read::Get(Target::Period(0))];
            }
            if self.assumed_shape.is_none() {
                return Vec::new();
            }
        }
        let mut reads = Vec::new();
        if self.tracks_checked.is_none_or(|at| at < fresh.tracks_since) {
            reads.push(Read::List(Target::Tracks));
        }
        for (name, log) in self.tracks.iter() {
            self.track_wants(name, log, fresh.chains_since, &mut reads);
        }
        reads
    }

    fn track_wants(&self, name: &TrackName, log: &TrackLog, since: WallMs, reads: &mut Vec<Read>) {
        match &log.progress {
            Progress::Unread => reads.push(Read::Get(Target::Head(name.clone()))),
            Progress::NoCheckpoint => reads.push(Read::Get(Target::Begin(name.clone()))),
            Progress::NotBegun if log.checked < since => reads.push(Read::Get(Target::Begin(name.clone()))),
            Progress::NotBegun => {}
            Progress::Following(chain) => {
                let known = u32::try_from(self.periods.len()).unwrap_or(u32::MAX);
                let is_old =
                    self.period_checked == WallMs(i64::MIN) || self.period_checked < since.max(log.checked);
                if chain.run.period >= known && is_old {
                    reads.push(Read::Get(Target::Period(known)));
                }
                let unknown_end = log.checked == WallMs(i64::MIN) || log.checked < since;
                if unknown_end && !chain.ended && log.damage.is_none() {
                    let session = chain.run.session.clone();
                    reads.push(Read::Stat(Target::Part(name.clone(), session, chain.next_ticks)));
                }
            }
        }
    }

    /// Headers that [`TrackLog::header`] lacks.
    pub fn wanted_headers(&self) -> Vec<Read> {
        self.tracks
            .iter()
            .filter(|(_, log)| log.chain().is_some() && !log.header_was_read())
            .filter_map(|(name, log)| {
                let session = log.chain()?.run.session.clone();
                Some(Read::Get(Target::Init(name.clone(), session)))
            })
            .collect()
    }

    /// What to read to know a track's segments from a number on, as far as they are kept: what was not there since
    /// is not read again. Empty: nothing.
    pub fn wanted_history(&self, track: &TrackName, from: u64, since: WallMs) -> Vec<Read> {
        let Some((chain, older)) = self.track(track).and_then(|log| Some((log.chain()?, &log.older))) else {
            return Vec::new();
        };
        let (until, last) = (chain.known_from(), chain.last_closed_msn().unwrap_or(0));
        let most = u64::try_from(limits::REFERENCES_PER_TRACK).unwrap_or(u64::MAX);
        let from = from.max(chain.begin.first_msn).max(last.saturating_sub(most));
        let is_missing = |span, number| older.lacks((span, number), since);
        let objects = index::to_read((from, until), last, limits::LISTINGS_AT_ONCE, is_missing);
        let target = |(span, number)| match span {
            PAGE_SEGMENTS => Target::Page(track.clone(), number),
            _ => Target::Listing(track.clone(), span, number),
        };
        objects.into_iter().map(|object| Read::Get(target(object))).collect()
    }

    /// Keeps a track's segments from a number on, whatever is listed.
    pub fn keep_history(&mut self, track: &TrackName, from: u64) {
        if let Some(log) = self.tracks.get_mut(track) {
            log.older.asked_from = log.older.asked_from.min(from);
        }
    }

    /// Takes in what a read, begun at `asked`, found.
    pub fn absorb(&mut self, read: &Read, found: &Found, asked: WallMs) {
        let missing = matches!(found, Found::Missing);
        match (read.target(), found) {
            (Target::Tracks, _) => {
                self.tracks_checked = Some(asked);
                let Found::Names(names) = found else { return };
                for name in names.iter().take(limits::TRACKS_PER_BROADCAST) {
                    // What is no track name was not written by us, and `periods` is none.
                    if let Some(name) = TrackName::parse(name).ok().filter(|name| name.as_str() != "periods")
                    {
                        self.tracks.get_or_insert_with(name, TrackLog::unread);
                    }
                }
            }
            (Target::Period(n), _) if missing && usize::try_from(*n) == Ok(self.periods.len()) => {
                self.period_checked = asked;
            }
            (target, Found::Object { meta, size_bytes, body }) => {
                self.take_in(target, meta, *size_bytes, body, asked);
                // What follows this part was not looked for yet.
                if let Target::Part(track, ..) = target {
                    self.advance(track, |log| log.checked = WallMs(i64::MIN));
                }
            }
            (Target::Init(track, session), Found::Missing) => self.advance(track, |log| {
                log.header = Some((session.clone(), None));
            }),
            (Target::Page(track, page), Found::Missing) => self.advance(track, |log| {
                log.older.lack((PAGE_SEGMENTS, *page), asked);
            }),
            (Target::Listing(track, span, number), Found::Missing) => self.advance(track, |log| {
                log.older.lack((*span, *number), asked);
            }),
            (Target::Head(track), Found::Missing) => self.advance(track, |log| {
                if matches!(log.progress, Progress::Unread) {
                    log.progress = Progress::NoCheckpoint;
                    // There may be no pages either: all that is read is kept.
                    log.older.asked_from = 0;
                }
            }),
            (Target::Begin(track), Found::Missing) => self.advance(track, |log| {
                if log.chain().is_none() {
                    log.progress = Progress::NotBegun;
                    log.checked = asked;
                }
            }),
            (Target::Part(track, session, start_ticks), Found::Missing) => {
                if let Some(log) = self.tracks.get_mut(track) {
                    let is_next = log.chain().is_some_and(|chain| {
                        chain.next_ticks == *start_ticks && chain.run.session == *session
                    });
                    if is_next {
                        log.checked = log.checked.max(asked);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes in an object that this process has just seen stored.
    pub fn observe(&mut self, target: &Target, meta: &str, size_bytes: u64, body: &Bytes) {
        if let Target::Begin(track) = target {
            self.tracks.get_or_insert_with(track.clone(), TrackLog::unread);
        }
        self.take_in(target, meta, size_bytes, body, WallMs(i64::MIN));
    }

    fn take_in(&mut self, target: &Target, meta: &str, size_bytes: u64, body: &Bytes, asked: WallMs) {
        self.take(target, meta, size_bytes, body, asked);
        if let Target::Part(track, ..) = target {
            let period = self.track(track).and_then(TrackLog::chain).map_or(0, |chain| chain.run.period);
            if usize::try_from(period).is_ok_and(|period| period >= self.periods.len()) {
                // Its record is there by now, whatever was found when it was last looked for.
                self.period_checked = WallMs(i64::MIN);
            }
        }
    }

    fn advance(&mut self, track: &TrackName, change: impl FnOnce(&mut TrackLog)) {
        if let Some(log) = self.tracks.get_mut(track) {
            change(log);
            self.version = self.version.saturating_add(1);
        }
    }

    /// Chains that were followed under an assumed shape are read again under the one that is fixed.
    fn settle(&mut self) {
        let Some(shape) = self.shape().copied() else { return };
        for log in self.tracks.values_mut() {
            let TrackLog { progress: Progress::Following(chain), damage, .. } = log else { continue };
            if let Err(why) = chain.settle(shape) {
                *damage = Some(why.to_string());
            }
        }
    }

    fn take(&mut self, target: &Target, meta: &str, size_bytes: u64, body: &Bytes, asked: WallMs) {
        let kept = self.kept_segments;
        let shape = self.shape_to_fold();
        let is_fixed = self.shape().is_some();
        match target {
            Target::Period(n) => {
                let next = usize::try_from(*n) == Ok(self.periods.len());
                if let Some(record) = record::from_json::<PeriodRecord>(body).ok().filter(|_| next) {
                    let usable = *n > 0 || record.shape.is_some_and(|shape| shape.target_duration_s > 0);
                    if usable {
                        self.periods.push(record);
                        self.version = self.version.saturating_add(1);
                        self.settle();
                    }
                }
            }
            Target::Head(track) => self.advance(track, |log| {
                if !matches!(log.progress, Progress::Unread) {
                    return;
                }
                // A checkpoint that does not parse is as good as none: the chain has it all.
                log.progress = match Checkpoint::from_json(body) {
                    Ok(checkpoint) if Some(checkpoint.chain.shape) == shape => {
                        Progress::Following(Box::new(checkpoint.chain))
                    }
                    _ => Progress::NoCheckpoint,
                };
            }),
            Target::Begin(track) => self.advance(track, |log| {
                let Some(shape) = shape.filter(|_| log.chain().is_none()) else { return };
                match record::from_json::<Begin>(body) {
                    Ok(begin) => {
                        let chain = if is_fixed { Chain::new } else { Chain::assuming };
                        log.progress = Progress::Following(Box::new(chain(begin, shape)));
                    }
                    Err(why) => {
                        log.progress = Progress::NotBegun;
                        log.damage = Some(why);
                    }
                }
            }),
            Target::Part(track, session, start_ticks) => self.advance(track, |log| {
                let TrackLog { progress: Progress::Following(chain), damage, checked, .. } = log else {
                    return;
                };
                if chain.next_ticks != *start_ticks || chain.run.session != *session {
                    // Observed out of turn: look again rather than trust that all was observed.
                    if *start_ticks > chain.next_ticks && chain.run.session == *session {
                        *checked = WallMs(i64::MIN);
                    }
                    return;
                }
                let absorbed = Entry::from_meta(meta)
                    .and_then(|entry| chain.absorb(&entry, size_bytes).map_err(|why| why.to_string()));
                match absorbed {
                    Ok(()) => log.trim(kept),
                    Err(why) => *damage = Some(why),
                }
            }),
            Target::Init(track, session) => self.advance(track, |log| {
                log.header = Some((session.clone(), Header::parse(body).ok().map(Arc::new)));
            }),
            Target::Page(track, page) => self.advance(track, |log| {
                // One that does not hold together is as good as none.
                let Some(read) = Page::from_json(body).ok().filter(|read| read.is(*page)) else {
                    return log.older.lack((PAGE_SEGMENTS, *page), asked);
                };
                log.learn((PAGE_SEGMENTS, *page), read.history(), asked);
                log.pages.retain(|(of, _)| of != page);
                log.pages.truncate(limits::PAGES_PER_TRACK.saturating_sub(1));
                // The newest first: what was asked for longest ago is forgotten.
                log.pages.insert(0, (*page, Arc::new(read)));
            }),
            Target::Listing(track, span, number) => self.advance(track, |log| {
                match Listing::from_json(body).ok().filter(|read| read.is(*span, *number)) {
                    Some(read) => log.learn((*span, *number), read.history(), asked),
                    None => log.older.lack((*span, *number), asked),
                }
            }),
            Target::Tracks | Target::Sessions(_) => {}
        }
    }
}
