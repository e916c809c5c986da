//! Reading a track's whole log: from where it begins, entry by entry, as every reader does, but many objects ahead, since
//! a listing tells which there will be; or, for who takes its word for it, out of its checkpoint and pages.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use ingest_lambda::store::{Store as _, StoreError, find};
use ingest_lambda::{Native, Runtime as _};
use packager_core::cmaf::Header;
use packager_core::log::{
    BroadcastLog, Chain, FetchKind, Found, Freshness, Keys, Page, SessionId, Target, TrackLog, TrackName, key,
};
use tokio::task::JoinHandle;

use super::Broadcast;
use crate::store::Place;

/// Objects read at once: descriptions, and bodies, each of which is in memory.
const AHEAD: (usize, usize) = (32, 8);

/// What a listing of a track tells.
pub(super) struct Listed {
    /// By session: its header, where it can be used, and the starts of its parts and markers.
    pub(super) sessions: BTreeMap<SessionId, Session>,
}

/// A session of a track.
pub(super) struct Session {
    /// The header as it is stored.
    pub(super) bytes: Option<Bytes>,
    /// What it says.
    pub(super) header: Option<Header>,
    /// Starts of what is stored, in order.
    pub(super) starts: Vec<u64>,
}

impl Listed {
    pub(super) async fn read(broadcast: &Broadcast, track: &TrackName) -> Result<Self, StoreError> {
        let mut sessions = BTreeMap::new();
        let keys = &broadcast.keys;
        let names = broadcast.place.list(&keys.track(track)).await?;
        let folders = names.iter().filter(|name| !matches!(name.as_str(), "begin.json" | "index"));
        for id in folders.filter_map(|name| SessionId::parse(name).ok()) {
            let names = broadcast.place.list(&keys.session(track, &id)).await?;
            let mut starts: Vec<u64> = names.iter().filter_map(|name| key::parse_start(name)).collect();
            starts.sort_unstable();
            let (bytes, header) = read_header(broadcast, track, &id).await?;
            sessions.insert(id, Session { bytes, header, starts });
        }
        Ok(Self { sessions })
    }

    /// How many parts and markers there are.
    pub(super) fn entries(&self) -> u64 {
        self.sessions.values().map(|session| session.starts.len() as u64).sum()
    }

    /// A session's header.
    pub(super) fn header(&self, session: &SessionId) -> Option<&Header> {
        self.sessions.get(session)?.header.as_ref()
    }
}

/// A session's header, as it is stored and what it says.
pub(super) async fn read_header(
    broadcast: &Broadcast,
    track: &TrackName,
    session: &SessionId,
) -> Result<(Option<Bytes>, Option<Header>), StoreError> {
    let Broadcast { place, keys, .. } = broadcast;
    let bytes = place.get(&keys.init(track, session)).await?.map(|object| object.body);
    let header = bytes.as_ref().and_then(|bytes| Header::parse(bytes).ok());
    Ok((bytes, header))
}

/// Something that was read on the way, just before the log takes it in.
pub(super) struct Seen<'a> {
    pub(super) target: &'a Target,
    pub(super) found: &'a Found,
    /// The log without it.
    pub(super) log: &'a BroadcastLog,
}

/// How far a walk came.
pub(super) struct Walked {
    pub(super) log: BroadcastLog,
    /// The chain, where the log has only the end of it.
    recalled: Option<Chain>,
    /// What could not be read, and why; the walk ends before it.
    pub(super) unreadable: Option<(String, String)>,
}

impl Walked {
    /// The track's chain, from its beginning.
    pub(super) fn chain(&self, track: &TrackName) -> Option<&Chain> {
        self.recalled.as_ref().or_else(|| self.log.track(track)?.chain())
    }
}

/// Reads a track from its checkpoint on, and what was before out of its pages: of a day a few hundred objects, where an
/// entry each would be some hundred thousand. `None`: they are not all there, or do not belong together.
pub(super) async fn recall(broadcast: &Broadcast, track: &TrackName) -> Result<Option<Walked>, StoreError> {
    let Broadcast { place, name, record, keys, .. } = broadcast;
    let mut log = BroadcastLog::new(name, &record.generation, usize::MAX);
    let asked = Native::now();
    let mut unreadable = None;
    while unreadable.is_none() {
        let reads = log.wants(Freshness { chains_since: asked, tracks_since: asked });
        if reads.is_empty() {
            break;
        }
        for read in reads {
            let found = match read.target() {
                Target::Tracks => Ok(Found::Names(vec![track.to_string()])),
                target => find(place, &target.key(keys), read.kind()).await,
            };
            match (found, read.target()) {
                // Without a checkpoint there is nothing to go on from.
                (Ok(Found::Missing) | Err(StoreError::Damaged { .. }), Target::Head(_))
                | (_, Target::Begin(_)) => {
                    return Ok(None);
                }
                (Err(StoreError::Damaged { key, why }), _) => unreadable = Some((key, why)),
                (found, _) => log.absorb(&read, &found?, asked),
            }
        }
    }
    let Some(mut chain) = log.track(track).and_then(TrackLog::chain).cloned() else { return Ok(None) };
    let pages = chain.forgotten_pages().map(|page| Target::Page(track.clone(), page).key(keys));
    let pages = pages.map(|key| async move {
        match place.get(&key).await {
            Ok(object) => Ok(object.and_then(|object| Page::from_json(&object.body).ok())),
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(why) => Err(why),
        }
    });
    let pages: Option<Vec<Page>> =
        stream::iter(pages).buffered(AHEAD.0).try_collect::<Vec<_>>().await?.into_iter().collect();
    let is_whole = pages.is_some_and(|pages| chain.recall(pages));
    Ok(is_whole.then_some(Walked { log, recalled: Some(chain), unreadable }))
}

/// Reads a track from where it begins, `with_bodies` of its parts or without.
pub(super) async fn walk(
    broadcast: &Broadcast,
    track: &TrackName,
    listed: &Listed,
    with_bodies: bool,
    mut each: impl FnMut(&Seen<'_>),
) -> Result<Walked, StoreError> {
    let Broadcast { place, name, record, keys, .. } = broadcast;
    let mut log = BroadcastLog::new(name, &record.generation, usize::MAX);
    let mut ahead = Ahead::new(place, keys, track, listed, with_bodies);
    let asked = Native::now();
    loop {
        let reads = log.wants(Freshness { chains_since: asked, tracks_since: asked });
        if reads.is_empty() {
            return Ok(Walked { log, recalled: None, unreadable: None });
        }
        for read in reads {
            let found = match read.target() {
                Target::Tracks => Ok(Found::Names(vec![track.to_string()])),
                // From the beginning, whatever the checkpoint says.
                Target::Head(_) => Ok(Found::Missing),
                Target::Part(_, session, start) => ahead.take(session, *start).await,
                target => find(place, &target.key(keys), read.kind()).await,
            };
            let found = match found {
                Err(StoreError::Damaged { key, why }) => {
                    return Ok(Walked { log, recalled: None, unreadable: Some((key, why)) });
                }
                found => found?,
            };
            each(&Seen { target: read.target(), found: &found, log: &log });
            log.absorb(&read, &found, asked);
        }
    }
}

/// Reads what is stored behind what is asked for.
struct Ahead<'a> {
    place: &'a Place,
    keys: &'a Keys,
    track: &'a TrackName,
    listed: &'a Listed,
    kind: FetchKind,
    most: usize,
    session: Option<SessionId>,
    reading: VecDeque<(u64, JoinHandle<Result<Found, StoreError>>)>,
}

impl<'a> Ahead<'a> {
    fn new(
        place: &'a Place,
        keys: &'a Keys,
        track: &'a TrackName,
        listed: &'a Listed,
        with_bodies: bool,
    ) -> Self {
        let (kind, most) = if with_bodies { (FetchKind::Get, AHEAD.1) } else { (FetchKind::Stat, AHEAD.0) };
        Self { place, keys, track, listed, kind, most, session: None, reading: VecDeque::new() }
    }

    async fn take(&mut self, session: &SessionId, start: u64) -> Result<Found, StoreError> {
        if self.session.as_ref() != Some(session) {
            self.reading.clear();
            self.session = Some(session.clone());
        }
        // What the chain jumped over is not looked at.
        while self.reading.front().is_some_and(|(read, _)| *read < start) {
            self.reading.pop_front();
        }
        self.read_on(session, start);
        match self.reading.pop_front_if(|(read, _)| *read == start) {
            Some((_, read)) => read.await.unwrap_or_else(|why| {
                let key = self.keys.part(self.track, session, start);
                Err(StoreError::Unavailable { key, why: why.to_string() })
            }),
            // It was not there when it was listed.
            None => find(self.place, &self.keys.part(self.track, session, start), self.kind).await,
        }
    }

    fn read_on(&mut self, session: &SessionId, start: u64) {
        let starts = self.listed.sessions.get(session).map_or(&[][..], |session| &session.starts);
        let from = self.reading.back().map_or(start, |(last, _)| last.saturating_add(1));
        let next = starts.partition_point(|at| *at < from);
        let wanted = self.most.saturating_sub(self.reading.len());
        for at in starts.iter().skip(next).take(wanted) {
            let (place, kind) = (self.place.clone(), self.kind);
            let key = self.keys.part(self.track, session, *at);
            self.reading.push_back((*at, tokio::spawn(async move { find(&place, &key, kind).await })));
        }
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.reading.iter().for_each(|(_, read)| read.abort());
    }
}
