//! What the edge keeps of one generation of one broadcast: its log, and what was rendered of it.

use std::sync::Arc;

use super::due::Writing;
use super::response::{Rendered, Response};
use super::view::{PlaylistFile, View};
use super::wait::next_due;
use super::{Asked, Fetch, HOLD_MS, PLAYLIST_TRUST_MS, Step, Wait, freshness};
use crate::dash::{Form, PatchRequest};
use crate::hls::{Settled, Skip};
use crate::log::{
    BroadcastLog, BroadcastName, BroadcastRecord, Chain, Freshness, Generation, Read, Target, TimeRange,
    TrackName,
};
use crate::order::SortedMap;
use crate::time::WallMs;

/// Closed segments kept with their parts beside those that are recent: players ask for them more than for older ones.
const KEPT_SEGMENTS: usize = 64;

/// How long a listing that was not there is not looked for again: what is in it is in pages, or gone.
const MISSING_TRUST_MS: i64 = 60_000;

#[derive(Debug)]
pub(super) struct Broadcast {
    pub(super) name: BroadcastName,
    pub(super) generation: Generation,
    pub(super) log: BroadcastLog,
    pub(super) observes_writes: bool,
    pub(super) writing: Writing,
    /// Playlists by track and what they list, full or delta, with the version of the log they were rendered from.
    rendered: SortedMap<PlaylistId, (u64, Arc<Rendered>, Settled)>,
    /// Likewise what is of all tracks, and with the settings that it was rendered with.
    overviews: Vec<(Overview, u64, Arc<BroadcastRecord>, Arc<Rendered>)>,
}

/// A playlist: of which track, what it lists, and whether it is a delta update.
type PlaylistId = (TrackName, PlaylistFile, bool);

/// What is of all tracks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Overview {
    /// The multivariant playlist, as it stands under this [root](Broadcast::root).
    Multivariant(View, String),
    /// The manifest of DASH, likewise.
    Manifest(Form, View, String),
    /// The patch that makes an earlier manifest the one of now.
    Patch(Form, PatchRequest),
}

/// Most playlists kept of those that are large, or of ranges, of which there are as many as viewers think of: a day's are
/// of four megabytes.
const LARGE_PLAYLISTS: usize = 8;

/// What is large.
const LARGE_BYTES: usize = 256 << 10;

/// Most overviews kept: crowds ask for few.
const OVERVIEWS: usize = 8;

impl Broadcast {
    pub(super) fn new(name: &BroadcastName, generation: &Generation, observes_writes: bool) -> Self {
        Self {
            name: name.clone(),
            generation: generation.clone(),
            log: BroadcastLog::new(name, generation, KEPT_SEGMENTS),
            observes_writes,
            writing: Writing::default(),
            rendered: SortedMap::new(),
            overviews: Vec::new(),
        }
    }

    /// What must be read before a request can be answered; `None`: nothing.
    pub(super) fn unread(&self, track: Option<&TrackName>, asked: Asked, now: WallMs) -> Option<Step> {
        self.unread_since(asked.since, track, asked, now)
    }

    /// As above, for a playlist that asks for nothing in particular: what was read a moment ago will do.
    pub(super) fn unread_lately(&self, track: Option<&TrackName>, asked: Asked, now: WallMs) -> Option<Step> {
        let was_held = asked.since > asked.at;
        let since = if was_held { asked.since } else { now.plus_ms(PLAYLIST_TRUST_MS.saturating_neg()) };
        self.unread_since(since.min(asked.since), track, asked, now)
    }

    fn unread_since(
        &self,
        since: WallMs,
        track: Option<&TrackName>,
        asked: Asked,
        now: WallMs,
    ) -> Option<Step> {
        let fresh: Freshness = freshness(self.observes_writes, track, since, now);
        let step = self.fetch(self.log.wants(fresh))?;
        // However much there is still to read, nobody waits longer than a hold for it.
        let is_late = now.since_ms(asked.at) >= HOLD_MS;
        Some(if is_late { Step::Respond(Response::held_too_long()) } else { step })
    }

    pub(super) fn fetch(&self, reads: Vec<Read>) -> Option<Step> {
        if reads.is_empty() {
            return None;
        }
        Some(Step::Fetch(reads.into_iter().map(|read| Fetch::log(self, read)).collect()))
    }

    /// What must be read to know a track's segments from a number on, as far as they are kept; `None`: nothing.
    pub(super) fn unread_history(
        &self,
        track: &TrackName,
        from: u64,
        asked: Asked,
        now: WallMs,
    ) -> Option<Step> {
        let since = asked.at.plus_ms(MISSING_TRUST_MS.saturating_neg());
        let step = self.fetch(self.log.wanted_history(track, from, since))?;
        let is_late = now.since_ms(asked.at) >= HOLD_MS;
        Some(if is_late { Step::Respond(Response::held_too_long()) } else { step })
    }

    /// What must be read to know what a track has in a range, as far as it is kept; `None`: nothing.
    pub(super) fn unread_range(
        &mut self,
        track: &TrackName,
        range: &TimeRange,
        asked: Asked,
        now: WallMs,
    ) -> Option<Step> {
        let chain = self.log.track(track)?.chain()?;
        let from = match range.wants_before(chain, self.log.periods()) {
            Some(missing) => chain.known_from().saturating_sub(missing),
            None => {
                // What was read for it is kept for whoever asks next.
                let from = range.within(chain, self.log.periods()).from;
                self.log.keep_history(track, from);
                return None;
            }
        };
        self.log.keep_history(track, from);
        self.unread_history(track, from, asked, now)
    }

    /// Hold until something changes, or the deadline, which is then answered with a 503.
    pub(super) fn hold(&self, track: Option<&TrackName>, poll: Read, asked: Asked, now: WallMs) -> Step {
        let until = asked.at.plus_ms(HOLD_MS);
        if now >= until {
            return Step::Respond(Response::held_too_long());
        }
        let chain = track.and_then(|track| self.log.track(track)?.chain());
        let due = chain.and_then(next_due).unwrap_or(now);
        let poll = Fetch::log(self, poll);
        Step::Wait(Wait { broadcast: self.name.clone(), track: track.cloned(), poll, due, until })
    }

    /// Hold until a chain goes on.
    pub(super) fn hold_for_next(&self, track: &TrackName, chain: &Chain, asked: Asked, now: WallMs) -> Step {
        let next = Target::Part(track.clone(), chain.run.session.clone(), chain.next_ticks);
        self.hold(Some(track), Read::Stat(next), asked, now)
    }

    /// The playlist of a track as of now, rendered at most once for each version of the log.
    pub(super) fn media_text(
        &mut self,
        track: &TrackName,
        file: PlaylistFile,
        skip: Option<Skip>,
        render: impl FnOnce(&BroadcastLog, Option<(&[u8], &Settled)>) -> Option<(String, Settled)>,
    ) -> Option<Arc<Rendered>> {
        let version = self.log.version();
        if matches!(file.view, View::Delayed { .. }) {
            // It changes without the log.
            let (text, _) = render(&self.log, None)?;
            return Some(Arc::new(Rendered { plain: text.into(), ..Rendered::default() }));
        }
        // While there are no date ranges, v2 skips what v1 does.
        let slot = (track.clone(), file, skip.is_some());
        let before = self.rendered.get(&slot);
        if let Some((_, rendered, _)) = before.filter(|(of, ..)| *of == version) {
            return Some(Arc::clone(rendered));
        }
        let before = before.map(|(_, rendered, settled)| (&rendered.plain[..], settled));
        let (text, settled) = render(&self.log, before)?;
        let rendered = Arc::new(Rendered { plain: text.into(), ..Rendered::default() });
        self.rendered.remove(&slot);
        self.make_room(file, rendered.plain.len());
        self.rendered.insert(slot, (version, Arc::clone(&rendered), settled));
        Some(rendered)
    }

    /// Forgets playlists of which there may be many, or which are large, before another one is kept.
    fn make_room(&mut self, file: PlaylistFile, bytes: usize) {
        let is_large = |bytes: usize| bytes > LARGE_BYTES;
        let counts = |file: &PlaylistFile, bytes: usize| file.view != View::Live || is_large(bytes);
        if !counts(&file, bytes) {
            return;
        }
        let alike =
            self.rendered.iter().filter(|((_, of, _), (_, rendered, _))| counts(of, rendered.plain.len()));
        let oldest = alike.clone().min_by_key(|(_, (version, ..))| *version).map(|(slot, _)| slot.clone());
        if let Some(oldest) = oldest.filter(|_| alike.count() >= LARGE_PLAYLISTS) {
            self.rendered.remove(&oldest);
        }
    }

    /// An overview as of now, rendered at most once for each version of the log and each change of the
    /// settings.
    pub(super) fn overview(
        &mut self,
        what: Overview,
        record: &Arc<BroadcastRecord>,
        render: impl FnOnce(&Self) -> Option<String>,
    ) -> Option<Arc<Rendered>> {
        if let Some(rendered) = self.known_overview(&what, record) {
            return Some(rendered);
        }
        Some(self.keep_overview(what, record, render(self)?))
    }

    /// An overview that was rendered already.
    pub(super) fn known_overview(
        &self,
        what: &Overview,
        record: &Arc<BroadcastRecord>,
    ) -> Option<Arc<Rendered>> {
        let version = self.log.version();
        let known = self.overviews.iter().find(|(of, ..)| of == what);
        let (.., rendered) = known.filter(|(_, of, with, _)| *of == version && with == record)?;
        Some(Arc::clone(rendered))
    }

    /// Keeps an overview for whoever asks next, until something changes.
    pub(super) fn keep_overview(
        &mut self,
        what: Overview,
        record: &Arc<BroadcastRecord>,
        text: String,
    ) -> Arc<Rendered> {
        let version = self.log.version();
        let rendered = Arc::new(Rendered { plain: text.into(), ..Rendered::default() });
        self.overviews.retain(|(of, at, ..)| *of != what && *at == version);
        if self.overviews.len() >= OVERVIEWS {
            self.overviews.remove(0);
        }
        self.overviews.push((what, version, Arc::clone(record), Arc::clone(&rendered)));
        rendered
    }
}
