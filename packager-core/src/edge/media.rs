//! Parts and segments.

use super::broadcast::Broadcast;
use super::response::{Body, Response};
use super::{Asked, HOLD_MS, Step, Wait};
use crate::log::checkpoint::page_of;
use crate::log::reader::Target;
use crate::log::{BroadcastName, Generation, Read, Segment, SessionId, TrackName};
use crate::time::WallMs;

/// A stored part to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartObject {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
}

/// Where the reader of a growing segment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) broadcast: BroadcastName,
    pub(super) generation: Generation,
    track: TrackName,
    msn: u64,
    sent: usize,
    /// When the last part was handed out.
    asked: Asked,
}

impl Cursor {
    /// The same place, after a [wait](Grow::Wait) that ended at `now`.
    #[must_use]
    pub fn woken(&self, now: WallMs) -> Self {
        Self { asked: self.asked.woken(now), ..self.clone() }
    }
}

/// What follows in a growing segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grow {
    /// These.
    Parts(Vec<PartObject>, Cursor),
    /// Nothing yet.
    Wait(Wait),
    /// Read these, absorb what was found, and ask again.
    Fetch(Vec<super::Fetch>),
    /// The segment is closed and was sent whole.
    End,
    /// It will not be whole: break the response off, so that no cache keeps half a segment.
    Abort,
}

impl Broadcast {
    pub(super) fn part(
        &mut self,
        track: &TrackName,
        session: &SessionId,
        start_ticks: u64,
        asked: Asked,
        now: WallMs,
    ) -> Step {
        let found = |this: &Self| {
            let key = this.log.keys.part(track, session, start_ticks);
            Step::Respond(Response::object(key))
        };
        // What is already known to be on the chain never changes: no need to look again.
        if self.is_published(track, session, start_ticks) {
            return found(self);
        }
        if let Some(step) = self.unread(Some(track), asked, now) {
            return step;
        }
        if self.is_published(track, session, start_ticks) {
            return found(self);
        }
        let Some(chain) = self.log.track(track).and_then(|log| log.chain()) else {
            return Step::Respond(Response::not_found("no such track"));
        };
        let is_next = chain.next_ticks == start_ticks && chain.run.session == *session && !chain.ended;
        if is_next {
            return self.hold_for_next(track, chain, asked, now);
        }
        // Older than what is kept: whatever is stored there was published, and still is.
        let kept_from = chain.closed.front().or(chain.open.as_ref());
        let is_older = kept_from.is_some_and(|first| {
            if first.run.session == *session {
                start_ticks < first.start_ticks
            } else {
                *session < first.run.session
            }
        });
        if is_older { found(self) } else { Step::Respond(Response::not_found("no such part")) }
    }

    fn is_published(&self, track: &TrackName, session: &SessionId, start_ticks: u64) -> bool {
        let Some(chain) = self.log.track(track).and_then(|log| log.chain()) else { return false };
        let segments = chain.open.iter().chain(chain.closed.iter().rev());
        segments.filter(|segment| segment.run.session == *session).any(|segment| {
            segment.start_ticks <= start_ticks
                && start_ticks < segment.end_ticks()
                && segment.parts.iter().any(|part| part.start_ticks == start_ticks)
        })
    }

    pub(super) fn segment(&mut self, track: &TrackName, msn: u64, asked: Asked, now: WallMs) -> Step {
        let closed = |this: &Self| {
            let chain = this.log.track(track)?.chain()?;
            let segment = chain.segment(msn).filter(|segment| segment.msn < chain.next_msn)?;
            let is_open = chain.open.as_ref().is_some_and(|open| open.msn == msn);
            (!is_open).then(|| this.whole(track, segment))
        };
        if let Some(step) = closed(self) {
            return step;
        }
        if let Some(step) = self.unread(Some(track), asked, now) {
            return step;
        }
        if let Some(step) = closed(self) {
            return step;
        }
        let Some(chain) = self.log.track(track).and_then(|log| log.chain()) else {
            return Step::Respond(Response::not_found("no such track"));
        };
        if let Some(open) = chain.open.as_ref().filter(|open| open.msn == msn) {
            let parts = self.objects(track, open, 0);
            let more = Cursor {
                broadcast: self.name.clone(),
                generation: self.generation.clone(),
                track: track.clone(),
                msn,
                sent: parts.len(),
                asked,
            };
            return Step::Respond(Response::media(Body::Segment { parts, more: Some(more) }));
        }
        if msn >= chain.next_msn || msn < chain.begin.first_msn {
            return Step::Respond(Response::not_found("no such segment"));
        }
        // Older than what is kept: it is in a page.
        let page = page_of(msn);
        let Some(log) = self.log.track(track) else {
            return Step::Respond(Response::not_found("no such track"));
        };
        let Some(read) = log.page(page) else {
            let is_missing = log.lacks_page(page, asked.since) || now.since_ms(asked.at) >= HOLD_MS;
            let target = Target::Page(track.clone(), page);
            return match self.fetch(vec![Read::Get(target)]) {
                Some(step) if !is_missing => step,
                _ => Step::Respond(Response::not_found("no such segment")),
            };
        };
        match read.segments.iter().find(|segment| segment.msn == msn) {
            Some(segment) => self.whole(track, segment),
            None => Step::Respond(Response::not_found("no such segment")),
        }
    }

    fn whole(&self, track: &TrackName, segment: &Segment) -> Step {
        if segment.is_gap() {
            return Step::Respond(Response::not_found("this segment is a gap: its media was never received"));
        }
        let parts = self.objects(track, segment, 0);
        Step::Respond(Response::media(Body::Segment { parts, more: None }))
    }

    fn objects(&self, track: &TrackName, segment: &Segment, from: usize) -> Vec<PartObject> {
        let object = |part: &crate::log::Part| PartObject {
            key: self.log.keys.part(track, &segment.run.session, part.start_ticks),
            bytes: part.bytes,
        };
        segment.parts.iter().skip(from).map(object).collect()
    }

    pub(super) fn grow(&mut self, cursor: &Cursor, now: WallMs) -> Grow {
        if let Some(Step::Fetch(fetches)) = self.unread(Some(&cursor.track), cursor.asked, now) {
            return Grow::Fetch(fetches);
        }
        let Some(chain) = self.log.track(&cursor.track).and_then(|log| log.chain()) else {
            return Grow::Abort;
        };
        let Some(segment) = chain.segment(cursor.msn) else { return Grow::Abort };
        let parts = self.objects(&cursor.track, segment, cursor.sent);
        if !parts.is_empty() {
            let sent = cursor.sent.saturating_add(parts.len());
            return Grow::Parts(parts, Cursor { sent, asked: Asked::at(now), ..cursor.clone() });
        }
        let is_open = chain.open.as_ref().is_some_and(|open| open.msn == cursor.msn);
        if !is_open {
            return Grow::End;
        }
        match self.hold_for_next(&cursor.track, chain, cursor.asked, now) {
            Step::Wait(wait) => Grow::Wait(wait),
            _ => Grow::Abort,
        }
    }
}
