//! Where a chunk belongs: next in its chain, after a gap, nowhere (it is there already), or in a
//! new period.

use super::absent::Others;
use super::notice::Notice;
use super::period::TimedSession;
use super::receiver::Receiver;
use super::track::{Track, from_sync};
use super::upload::{Gate, Upload, UploadId, Waiting};
use super::{LONGEST_GAP_MS, Refusal};
use crate::cmaf::cutter::{part_target_ticks, text_target_ticks};
use crate::cmaf::{Chunk, TrackKind};
use crate::log::reader::Target;
use crate::log::{Begin, Chain, ChainError, Marker, SessionId, TrackName, record};
use crate::time::{Timescale, WallMs};

/// Times of text that are this far apart differ by rounding.
const TEXT_ROUNDING_MS: u64 = 20;

/// How a chunk's times relate to the chain's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// The track has no chain yet.
    Begin,
    /// It starts where the chain ends, by less than half a frame.
    Contiguous,
    /// It starts later, by what may be a gap.
    Hole,
    /// It starts before the chain's end, within the open segment or as a chunk taken lately did.
    Known,
    /// Its times have nothing to do with the chain's end.
    StartOver,
}

/// A chunk being offered, with what is known of where it comes from.
pub(super) struct Offered<'a> {
    pub(super) id: UploadId,
    pub(super) name: &'a TrackName,
    pub(super) session: &'a SessionId,
    pub(super) timescale: Timescale,
    pub(super) chunk: &'a Chunk,
    pub(super) now: WallMs,
}

impl Offered<'_> {
    /// Bodies overtake headers, by as much as they overtake each other: what is in the open segment
    /// came before the header that this is sent again under.
    fn overtook_header(&self, chain: &Chain) -> bool {
        *self.session > chain.run.session
            && self.timescale == chain.run.timescale
            && self.chunk.start_ticks() >= chain.boundary_ticks()
    }
}

impl TimedSession for Offered<'_> {
    fn session(&self) -> &SessionId {
        self.session
    }

    fn timescale(&self) -> Timescale {
        self.timescale
    }

    fn start_ticks(&self) -> u64 {
        self.chunk.start_ticks()
    }
}

fn fit(track: &Track, offered: &Offered<'_>, reach_ms: u64, gap_ms: u64, has_twin: bool) -> Fit {
    let Some(chain) = &track.chain else { return Fit::Begin };
    let start = offered.chunk.start_ticks();
    let end = track.end_in(offered.timescale);
    let (ahead, behind) = (start.saturating_sub(end), end.saturating_sub(start));
    let same_run = *offered.session == chain.run.session;
    let reach = offered.timescale.ticks_from_ms(reach_ms);
    let overlap = 1..=offered.timescale.ticks_from_ms(gap_ms);
    let half_frame = half_frame(offered.chunk);
    // A cue lasts for seconds, and is not shown that much earlier because one before it is missing.
    let longest_ahead = match track.kind {
        TrackKind::Text => half_frame.min(offered.timescale.ticks_from_ms(TEXT_ROUNDING_MS)),
        _ => half_frame,
    };
    if behind <= half_frame && ahead <= longest_ahead {
        Fit::Contiguous
    } else if (1..=offered.timescale.ticks_from_ms(LONGEST_GAP_MS)).contains(&ahead) {
        Fit::Hole
    } else if behind > 0
        && same_run
        && (track.is_retry(offered.chunk, behind, reach, offered.now)
            || has_twin && behind <= reach && track.is_within_run(offered.chunk))
        || overlap.contains(&behind) && offered.overtook_header(chain)
    {
        Fit::Known
    } else {
        Fit::StartOver
    }
}

fn same_run(track: &Track, session: &SessionId) -> bool {
    track.chain.as_ref().is_some_and(|chain| chain.run.session == *session)
}

/// Just under half of the first sample's duration: two moments further apart are two moments.
fn half_frame(chunk: &Chunk) -> u64 {
    chunk.samples().first().map_or(0, |sample| u64::from(sample.duration_ticks.saturating_sub(1)) / 2)
}

impl Receiver {
    /// Places a chunk: `Ok(None)` when it was taken (or was known already), `Ok(Some(gate))` when it
    /// must wait.
    pub(super) fn offer(
        &mut self,
        id: UploadId,
        chunk: &Chunk,
        waited: Option<(Gate, WallMs)>,
        now: WallMs,
    ) -> Result<Option<Gate>, Refusal> {
        let upload = self.uploads.get(&id).ok_or(Refusal::HeaderMissing)?;
        let (name, session) = match (&upload.track, &upload.bound) {
            (Some(name), Some(session)) => (name.clone(), session.clone()),
            _ => return Err(Refusal::HeaderMissing),
        };
        let body_end = upload.end_ticks;
        let track = self.tracks.get(&name).ok_or(Refusal::HeaderMissing)?;
        let timescale = track.headers.get(&session).ok_or(Refusal::HeaderMissing)?.header.timescale;
        let offered = Offered { id, name: &name, session: &session, timescale, chunk, now };

        if let Some(chain) = track.chain.as_ref().filter(|chain| chain.run.session > session) {
            return Err(Refusal::Superseded(chain.run.session.clone()));
        }
        if track.chain.as_ref().is_some_and(|chain| chain.ended) {
            return Err(Refusal::Ended(name.to_string()));
        }
        let gap_ms = u64::from(self.settings.gap_ms);
        let reach_ms = u64::from(self.target_duration_s()).saturating_mul(2_000).saturating_add(gap_ms);
        let mut fit = fit(track, &offered, reach_ms, gap_ms, self.has_twin(&offered));
        let same_run = same_run(track, &session);
        if self.is_left_behind(track) && matches!(fit, Fit::Contiguous | Fit::Hole | Fit::Known) {
            if same_run {
                // The others have started over: an old timeline is not gone on with.
                let newest = self.periods.last().map_or(session.clone(), |period| period.session.clone());
                return Err(Refusal::Superseded(newest));
            }
            fit = Fit::StartOver;
        }
        if fit == Fit::Begin && !self.fits_timeline(&offered) {
            fit = Fit::StartOver;
        }
        // The slate's times mean nothing to an encoder.
        let is_after_slate = !same_run && track.is_in_slate();
        if is_after_slate || self.follows_start_over(&offered, fit) {
            fit = Fit::StartOver;
        }
        let waited_out = waited.is_some_and(|(gate, since)| {
            gate == Gate::Hole && self.has_waited_out(&offered, since) && self.is_earliest(&offered)
        });
        let within_ms = i64::from(self.settings.gap_ms).saturating_mul(2);
        let goes_on = same_run && matches!(fit, Fit::Contiguous | Fit::Hole);
        if goes_on && track.is_of_run_before(id, waited.map_or(now, |(_, since)| since), within_ms, now) {
            return Err(Refusal::Superseded(session));
        }
        match fit {
            // What the track begins with may be in a body that comes a little later.
            Fit::Begin if !chunk.holds_sync() && !waited_out && !track.needs_sync => {
                return Ok(Some(Gate::Hole));
            }
            Fit::Begin => self.begin(&offered, None)?,
            Fit::Contiguous => self.go_on(&offered, chunk.clone(), same_run)?,
            Fit::Known => self.take_unknown_rest(&offered)?,
            Fit::Hole
                if same_run
                    && track.is_overtaken(chunk.start_ticks(), track.end_in(timescale), within_ms, now) =>
            {
                return Err(Refusal::Superseded(session));
            }
            Fit::Hole => {
                let in_body = body_end == Some(track.end_in(timescale)) && same_run;
                if !(in_body || waited_out || (track.hole_decided && self.is_earliest(&offered))) {
                    return Ok(Some(Gate::Hole));
                }
                self.bridge_hole(&offered, in_body, same_run)?;
            }
            Fit::StartOver if track.header_came && track.header_from > Some(id) => {
                // It has waited since before the encoder's last start.
                return Err(Refusal::Superseded(session));
            }
            Fit::StartOver
                if same_run
                    && track.goes_on_with_run_before(chunk.start_ticks(), timescale, within_ms, now) =>
            {
                return Err(Refusal::Superseded(session));
            }
            Fit::StartOver => {
                let since = waited.filter(|(gate, _)| *gate == Gate::StartOver).map(|(_, since)| since);
                let since = self.starting_since(&offered, since);
                match self.others(&name, since, now) {
                    _ if !self.starts_earliest(&offered) => return Ok(Some(Gate::StartOver)),
                    _ if is_after_slate => self.start_over(&offered)?,
                    Others::StartOverToo => self.start_over(&offered)?,
                    Others::Unknown => return Ok(Some(Gate::StartOver)),
                    Others::GoOn => return Err(Refusal::StartsOverAlone(name.to_string())),
                }
            }
        }
        self.describe_events(&name, chunk);
        self.maybe_fix_target(&name, now);
        Ok(None)
    }

    /// The track's first media.
    pub(super) fn begin(&mut self, offered: &Offered<'_>, period: Option<u32>) -> Result<(), Refusal> {
        let Some(chunk) = self.keyframe_on(offered) else { return Ok(()) };
        let period = period.unwrap_or_else(|| self.current_period());
        // Its header may have come before the others started over: it is of their session now.
        let current = self.periods.last().map(|record| record.session.clone());
        let session = current.filter(|current| offered.session < current);
        let session = session.unwrap_or_else(|| offered.session.clone());
        self.copy_header(offered.name, &session, offered.id)?;
        if let Some(upload) = self.uploads.get_mut(&offered.id) {
            upload.bound = Some(session.clone());
        }
        let offered = &Offered { session: &session, ..*offered };
        let first_msn = self.aligned_msn(chunk.start_ticks(), offered.timescale, period);
        let (shape, is_fixed) = (self.shape(), !self.periods.is_empty());
        let anchor = self.anchor_of(offered, &chunk);
        let Some(track) = self.tracks.get_mut(offered.name) else { return Ok(()) };
        let begin = Begin {
            kind: track.kind,
            session: offered.session.clone(),
            start_ticks: chunk.start_ticks(),
            timescale: offered.timescale,
            period,
            part_target_ticks: match track.kind {
                TrackKind::Text => text_target_ticks(offered.timescale, shape.segment_ms),
                _ => part_target_ticks(&chunk, offered.timescale, shape.part_ms),
            },
            first_msn,
        };
        let mut planned =
            super::plan::Planned::json(Target::Begin(offered.name.clone()), record::to_json(&begin));
        planned.uploads.push(offered.id);
        planned.after_period = (period > 0).then_some(period);
        track.plan.push(planned);
        let codec =
            track.headers.get(offered.session).map_or(String::new(), |pushed| pushed.header.codec.clone());
        let part_target_ms = offered.timescale.ms_from_ticks(begin.part_target_ticks);
        track.chain = Some(if is_fixed { Chain::new(begin, shape) } else { Chain::assuming(begin, shape) });
        track.anchor = Some(anchor);
        self.notices.push(Notice::TrackBegan { track: offered.name.clone(), codec, part_target_ms });
        self.begin_run(offered, chunk)
    }

    /// Media that goes on where the chain ends, perhaps under a new header.
    fn go_on(&mut self, offered: &Offered<'_>, mut chunk: Chunk, same_run: bool) -> Result<(), Refusal> {
        if same_run {
            let Some(track) = self.tracks.get(offered.name) else { return Ok(()) };
            let end = track.end_ticks();
            // Half a segment may be missing before it: what cannot be decoded is not begun with.
            if track.needs_sync && chunk.start_ticks() != end {
                return match self.keyframe_on(offered) {
                    Some(_) => self.bridge_hole(offered, false, true),
                    None => Ok(()),
                };
            }
            chunk.retime(end);
            return self.take(offered, chunk);
        }
        let Some(chunk) = self.keyframe_on(offered) else { return Ok(()) };
        if chunk.start_ticks() != offered.chunk.start_ticks() {
            return self.bridge_hole(offered, false, false);
        }
        self.change_header(offered, chunk)
    }

    fn change_header(&mut self, offered: &Offered<'_>, chunk: Chunk) -> Result<(), Refusal> {
        let marker = |period| Marker::Continues {
            session: offered.session.clone(),
            start_ticks: chunk.start_ticks(),
            timescale: offered.timescale,
            period,
        };
        self.changing(offered.name, offered.now, |track| {
            track.flush(offered.now)?;
            track.plan_marker(marker(track.period().unwrap_or(0)))
        });
        self.notices
            .push(Notice::HeaderChanged { track: offered.name.clone(), session: offered.session.clone() });
        self.begin_run(offered, chunk)
    }

    /// A chunk some of which, or all, is there already: takes what is new.
    ///
    /// # Errors
    ///
    /// Something else is, or will be, where it belongs.
    fn take_unknown_rest(&mut self, offered: &Offered<'_>) -> Result<(), Refusal> {
        let Some(track) = self.tracks.get_mut(offered.name) else { return Ok(()) };
        let end = track.end_ticks();
        let chunk = offered.chunk;
        let is_of_run = track.chain.as_ref().is_none_or(|chain| chain.run.session == *offered.session);
        let until = track.chain.as_ref().map_or(0, |chain| chunk.end_ticks().min(chain.next_ticks));
        // Times alone do not tell what is sent again from a run of which another ingest knows.
        let is_there = track.may_have_taken(chunk, offered.now)
            && track.chain.as_ref().is_some_and(|chain| chain.holds_media(chunk.start_ticks(), until));
        // What is on its way to storage counts as stored once it is.
        track.awaits_too(offered.id);
        let samples = chunk.samples();
        let mut time = chunk.start_ticks();
        let known = samples.iter().take_while(|sample| {
            let begins = time;
            time = time.saturating_add(u64::from(sample.duration_ticks));
            begins.saturating_add(u64::from(sample.duration_ticks.saturating_sub(1)) / 2) < end
        });
        let known = known.count();
        if let Some(mut rest) = chunk.slice(known..samples.len())
            && rest.start_ticks().abs_diff(end) <= half_frame(&rest)
        {
            rest.retime(end);
            if !is_of_run {
                // Under another header it begins with a keyframe.
                return self.go_on(&Offered { chunk: &rest, ..*offered }, rest.clone(), false);
            }
            self.take(offered, rest)?;
            if let Some(track) = self.tracks.get_mut(offered.name) {
                track.remember(chunk);
            }
        }
        if is_there { Ok(()) } else { Err(Refusal::TooLate) }
    }

    /// Declares what is missing a gap, and goes on after it.
    fn bridge_hole(&mut self, offered: &Offered<'_>, in_body: bool, same_run: bool) -> Result<(), Refusal> {
        // Nothing is lost within one body: its frames can be decoded all the same.
        let chunk = if in_body { Some(offered.chunk.clone()) } else { self.keyframe_on(offered) };
        let Some(chunk) = chunk else {
            if let Some(track) = self.tracks.get_mut(offered.name) {
                track.hole_decided = true;
            }
            return Ok(());
        };
        let Some(track) = self.tracks.get(offered.name) else { return Ok(()) };
        let end = track.end_in(offered.timescale);
        let missing_ms = offered.timescale.ms_from_ticks(chunk.start_ticks().saturating_sub(end));
        self.notices.push(Notice::Gap { track: offered.name.clone(), missing_ms });
        let until = track
            .chain
            .as_ref()
            .map_or(0, |chain| offered.timescale.convert_ticks(chunk.start_ticks(), chain.run.timescale));
        self.changing(offered.name, offered.now, |track| {
            // The next keyframe is as far from the last as media is missing, not as the encoder means.
            track.last_sync = None;
            track.flush(offered.now)?;
            if track.end_ticks() < until { track.plan_marker(Marker::GapUntil(until)) } else { Ok(()) }
        });
        if same_run { self.take(offered, chunk) } else { self.change_header(offered, chunk) }
    }

    pub(super) fn begin_run(&mut self, offered: &Offered<'_>, chunk: Chunk) -> Result<(), Refusal> {
        if let Some(track) = self.tracks.get_mut(offered.name) {
            track.begin_run();
        }
        self.take(offered, chunk)
    }

    /// Hands the chunk to the cutter and plans the parts that come out.
    fn take(&mut self, offered: &Offered<'_>, chunk: Chunk) -> Result<(), Refusal> {
        let end = chunk.end_ticks();
        self.watch_keyframes(offered.name, &chunk);
        if let Some(upload) = self.uploads.get_mut(&offered.id) {
            upload.end_ticks = Some(end);
        }
        self.changing(offered.name, offered.now, |track| {
            track.cut(chunk, offered.id, offered.now);
            Ok(())
        });
        // One part at a time: each may close a segment, and that moves the next cut.
        loop {
            let mut more = false;
            self.changing(offered.name, offered.now, |track| {
                let Some(part) = track.next_part() else { return Ok(()) };
                more = true;
                // What is left of this upload stays pending; of the others nothing is.
                let uploads = std::mem::replace(&mut track.pending_from, vec![offered.id]);
                track.plan_part(part, uploads, offered.now)
            });
            if !more {
                break;
            }
        }
        if let Some(track) = self.tracks.get_mut(offered.name)
            && track.cutter.as_ref().is_none_or(|cutter| cutter.pending_ticks() == 0)
        {
            track.pending_from.clear();
        }
        Ok(())
    }

    /// The chunk from its first keyframe on. What is left out is not stored, so its upload is not
    /// acknowledged.
    pub(super) fn keyframe_on(&mut self, offered: &Offered<'_>) -> Option<Chunk> {
        let chunk = from_sync(offered.chunk);
        if chunk.as_ref().is_none_or(|chunk| chunk.start_ticks() != offered.chunk.start_ticks())
            && let Some(upload) = self.uploads.get_mut(&offered.id)
        {
            upload.refused.get_or_insert(Refusal::NoKeyframe);
        }
        if chunk.is_none()
            && let Some(track) = self.tracks.get_mut(offered.name)
            && !track.needs_sync
        {
            track.needs_sync = true;
            self.notices.push(Notice::WaitingForKeyframe { track: offered.name.clone() });
        }
        chunk
    }

    /// Applies a change to a track and looks after what follows from it: closed segments, and a
    /// chain that could not take it.
    pub(super) fn changing(
        &mut self,
        name: &TrackName,
        now: WallMs,
        change: impl FnOnce(&mut Track) -> Result<(), ChainError>,
    ) {
        let Some(track) = self.tracks.get_mut(name) else { return };
        let closed_before = track.chain.as_ref().and_then(Chain::last_closed_msn);
        if let Err(why) = change(track) {
            // The cutter and the chain disagree: read the chain again rather than guess.
            track.poisoned = true;
            self.notices.push(Notice::Refused { track: name.clone(), why: why.to_string() });
            return;
        }
        let closed = track.chain.as_ref().and_then(Chain::last_closed_msn);
        if closed > closed_before {
            self.segment_closed(name, closed_before, now);
        }
    }

    /// Whether another body of the same run is open: a second encoder sends the same media.
    fn has_twin(&self, offered: &Offered<'_>) -> bool {
        self.uploads.iter().any(|(id, upload)| {
            *id != offered.id
                && upload.ended.is_none()
                && upload.track.as_ref() == Some(offered.name)
                && upload.bound.as_ref() == Some(offered.session)
        })
    }

    /// Of all chunks of the run that wait behind a hole, this is the earliest: bodies may have
    /// overtaken each other.
    fn is_earliest(&self, offered: &Offered<'_>) -> bool {
        let of_run = |upload: &&Upload| upload.bound.as_ref() == Some(offered.session);
        let mut waiting = self.behind_hole(offered.name).filter(|(upload, _)| of_run(upload));
        waiting.all(|(_, waiting)| waiting.chunk.start_ticks() >= offered.chunk.start_ticks())
    }

    /// A chunk has waited long enough behind a hole: this one, since then, or another.
    fn has_waited_out(&self, offered: &Offered<'_>, since: WallMs) -> bool {
        let oldest =
            self.behind_hole(offered.name).map(|(_, waiting)| waiting.since).fold(since, WallMs::min);
        offered.now.since_ms(oldest) >= self.patience_ms(Gate::Hole)
    }

    fn behind_hole(&self, name: &TrackName) -> impl Iterator<Item = (&Upload, &Waiting)> {
        let uploads = self.uploads.values().filter(move |upload| upload.track.as_ref() == Some(name));
        let waiting = uploads.filter_map(|upload| Some((upload, upload.waiting.as_ref()?)));
        waiting.filter(|(_, waiting)| waiting.gate == Gate::Hole)
    }
}
