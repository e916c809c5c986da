//! Times that start over: a new run of the encoder, and with it a new period.

use super::Refusal;
use super::notice::Notice;
use super::offer::{Fit, Offered};
use super::receiver::Receiver;
use super::track::Track;
use super::upload::{Gate, Upload, UploadId, Waiting};
use crate::cmaf::Chunk;
use crate::log::{Marker, Run, SessionId};
use crate::time::WallMs;

impl Receiver {
    /// Whether a chunk is of the run that an earlier body of its track waits to start over with: how its
    /// times relate to the chain's end says nothing then. Bodies of the run before may come a little
    /// later and still go on with it, and what is sent again is known for what it is.
    pub(super) fn follows_start_over(&self, offered: &Offered<'_>, fit: Fit) -> bool {
        let goes_on = matches!(fit, Fit::Contiguous | Fit::Hole);
        let is_again = fit == Fit::Known
            && self.tracks.get(offered.name).is_some_and(|track| track.is_remembered(offered.chunk));
        let gap_ms = i64::from(self.settings.gap_ms);
        !is_again
            && self.starting_over(offered).any(|(id, waiting)| {
                *id < offered.id && !(goes_on && offered.now.since_ms(waiting.since) <= gap_ms)
            })
    }

    /// Bodies overtake each other: the run starts over with the earliest of its chunks.
    pub(super) fn starts_earliest(&self, offered: &Offered<'_>) -> bool {
        let start = offered.chunk.start_ticks();
        self.starting_over(offered).all(|(_, waiting)| waiting.chunk.start_ticks() >= start)
    }

    /// Since when the first of a run's chunks has waited to start over.
    pub(super) fn starting_since(&self, offered: &Offered<'_>, own: Option<WallMs>) -> Option<WallMs> {
        self.starting_over(offered).map(|(_, waiting)| waiting.since).chain(own).min()
    }

    /// What waits to start over in the session of this chunk, and has not waited since before the
    /// encoder's last start.
    fn starting_over(&self, offered: &Offered<'_>) -> impl Iterator<Item = (&UploadId, &Waiting)> {
        let header_from = self.tracks.get(offered.name).and_then(|track| track.header_from);
        let of_run = move |id: &UploadId, upload: &Upload| {
            upload.track.as_ref() == Some(offered.name)
                && upload.bound.as_ref() == Some(offered.session)
                && header_from <= Some(*id)
        };
        let uploads = self.uploads.iter().filter(move |(id, upload)| of_run(id, upload));
        let waiting = uploads.filter_map(|(id, upload)| Some((id, upload.waiting.as_ref()?)));
        waiting.filter(|(_, waiting)| waiting.gate == Gate::StartOver)
    }

    /// What has waited to start over with a chunk that did is of the same session now.
    fn follow(&mut self, offered: &Offered<'_>, session: &SessionId) {
        let ids: Vec<_> = self.starting_over(offered).map(|(id, _)| *id).collect();
        for id in ids {
            let Some(upload) = self.uploads.get_mut(&id) else { continue };
            let Some(waiting) = upload.waiting.take() else { continue };
            upload.ready.push_front(waiting.chunk);
            upload.bound = Some(session.clone());
        }
    }

    /// Begins a period with this chunk, or joins the one that the other tracks have begun.
    pub(super) fn start_over(&mut self, offered: &Offered<'_>) -> Result<(), Refusal> {
        let Some(mut chunk) = self.keyframe_on(offered) else { return Ok(()) };
        let name = offered.name;
        let run = self.tracks.get(name).and_then(|track| track.chain.as_ref()).map(|chain| chain.run.clone());
        let session = self.session_to_start(offered, run.as_ref());
        self.copy_header(name, &session, offered.id)?;
        let before = offered;
        let offered = Offered { session: &session, ..*before };
        let period = match self.period_of(&session) {
            Some(period) => {
                match self.joining(&Offered { chunk: &chunk, ..offered }, period) {
                    Some(joins) => chunk = joins,
                    None => return Ok(()),
                }
                period
            }
            None => self.begin_period(&offered, &chunk),
        };
        self.follow(before, &session);
        if let Some(upload) = self.uploads.get_mut(&offered.id) {
            upload.bound = Some(session.clone());
        }
        if run.is_none() {
            return self.begin(&offered, Some(period));
        }
        self.notices.push(Notice::PeriodBegan { period, session: session.clone(), track: name.clone() });
        if let Some(track) = self.tracks.get_mut(name) {
            track.leave_run(offered.timescale, offered.now);
        }
        self.leave_for_period(name, period, offered.now);
        let marker = Marker::Continues {
            session: session.clone(),
            start_ticks: chunk.start_ticks(),
            timescale: offered.timescale,
            period,
        };
        self.changing(name, offered.now, |track| track.plan_marker(marker));
        self.begin_run(&offered, chunk)
    }

    /// The session of a run that starts over: the one that others have started with, or one that no
    /// track has media of yet. A key that it was used for must not come up again.
    fn session_to_start(&mut self, offered: &Offered<'_>, run: Option<&Run>) -> SessionId {
        let own = self.tracks.get(offered.name).and_then(Track::period);
        let is_later = |period: &u32| own.is_none_or(|own| *period > own);
        let runs = self.tracks.values().filter_map(|track| Some(&track.chain.as_ref()?.run.session));
        let last_used = runs.chain(self.periods.last().map(|record| &record.session)).max();
        let may_begin = |session: &SessionId| match self.period_of(session) {
            Some(period) => is_later(&period),
            None => last_used.is_none_or(|last| session > last),
        };
        let has_header = |session: &SessionId| {
            self.tracks.get(offered.name).is_some_and(|track| track.headers.contains_key(session))
        };
        let is_new = |session: &&SessionId| run.is_none_or(|run| **session > run.session);
        let newest = self.newest_session.as_ref().filter(|newest| !has_header(newest));
        let current = self.periods.last().map(|record| &record.session);
        let pushed = Some(offered.session).filter(is_new);
        // A header may have been pushed for a session that another track changed its header in.
        let others = if pushed.is_some() { current } else { newest };
        let later = [pushed, others].into_iter().flatten().filter(is_new);
        let session = later.into_iter().find(|session| may_begin(session)).cloned();
        session.unwrap_or_else(|| self.mint_session(offered.now))
    }

    /// The chunk from where it may join a period that others have begun.
    fn joining(&mut self, offered: &Offered<'_>, period: u32) -> Option<Chunk> {
        let anchor = self.periods.get(usize::try_from(period).ok()?)?.anchor;
        let from = self.dated_until(offered.name);
        let later = self.dated_from(offered, &anchor, from);
        if later.as_ref().map(Chunk::start_ticks) == Some(offered.chunk.start_ticks()) {
            return later;
        }
        if let Some(upload) = self.uploads.get_mut(&offered.id) {
            upload.refused.get_or_insert(Refusal::TooLate);
        }
        self.keyframe_on(&Offered { chunk: &later?, ..*offered })
    }
}
