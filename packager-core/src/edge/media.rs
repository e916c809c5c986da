//! Parts and segments.

use super::broadcast::Broadcast;
use super::response::{Body, Response};
use super::route::SegmentId;
use super::{Asked, HOLD_MS, Step, Wait};
use crate::dash::EMPTY_SEGMENT;
use crate::limits;
use crate::log::checkpoint::page_of;
use crate::log::reader::Target;
use crate::log::{BroadcastName, Chain, Generation, Read, Run, Segment, SessionId, TrackName};
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

/// Segments that a player asks for after a run's end before it has read the manifest again.
const UNTIL_TOLD: u64 = 4;

/// A segment that was asked for.
enum Found {
    /// Complete, or a gap.
    Closed(Segment),
    /// None, where the track ended before its Period did.
    Missing,
    /// Still growing.
    Open(Segment),
    /// Not begun, but the next to begin.
    Next,
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
            Step::Respond(Response::object(key, true))
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
        if !is_older {
            return Step::Respond(Response::not_found("no such part"));
        }
        Step::Respond(Response::object(self.log.keys.part(track, session, start_ticks), false))
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

    pub(super) fn segment(&mut self, track: &TrackName, id: &SegmentId, asked: Asked, now: WallMs) -> Step {
        match self.find(track, id, asked, now) {
            Ok(Found::Closed(segment)) => self.whole(track, &segment),
            Ok(Found::Missing) => Step::Respond(Response::missing_segment()),
            Ok(Found::Open(open)) => {
                let parts = self.objects(track, &open, 0);
                let more = Cursor {
                    broadcast: self.name.clone(),
                    generation: self.generation.clone(),
                    track: track.clone(),
                    msn: id.msn,
                    sent: parts.len(),
                    asked,
                };
                Step::Respond(Response::media(Body::Segment { parts, more: Some(more) }))
            }
            Ok(Found::Next) => self.hold_for_more(track, asked, now),
            Err(step) => *step,
        }
    }

    /// A part by its place in its segment (segment sequences, ISO/IEC 23009-1 §5.3.9.4.4).
    pub(super) fn sub_segment(
        &mut self,
        track: &TrackName,
        id: &SegmentId,
        number: usize,
        asked: Asked,
        now: WallMs,
    ) -> Step {
        let (segment, is_open) = match self.find(track, id, asked, now) {
            Ok(Found::Closed(segment)) => (segment, false),
            Ok(Found::Missing) if number == 0 => return Step::Respond(Response::missing_segment()),
            Ok(Found::Missing) => return Step::Respond(Response::not_found("its segment has no such part")),
            Ok(Found::Open(segment)) => (segment, true),
            Ok(Found::Next) if number == 0 => return self.hold_for_more(track, asked, now),
            Ok(Found::Next) if number < limits::PARTS_PER_SEGMENT => {
                return Step::Respond(Response::too_early());
            }
            Ok(Found::Next) => return Step::Respond(Response::not_found("no segment has such a part")),
            Err(step) => return *step,
        };
        if let Some(part) = segment.parts.get(number) {
            let key = self.log.keys.part(track, &segment.run.session, part.start_ticks);
            return Step::Respond(Response::object(key, true));
        }
        match number.checked_sub(segment.parts.len()) {
            Some(0) if segment.is_gap() => Step::Respond(Response::media(Body::Bytes(EMPTY_SEGMENT))),
            Some(0) if is_open => self.hold_for_more(track, asked, now),
            _ if is_open && number < limits::PARTS_PER_SEGMENT => Step::Respond(Response::too_early()),
            _ => Step::Respond(Response::not_found("its segment has no such part")),
        }
    }

    /// Holds until a chain goes on.
    fn hold_for_more(&self, track: &TrackName, asked: Asked, now: WallMs) -> Step {
        match self.log.track(track).and_then(|log| log.chain()) {
            Some(chain) => self.hold_for_next(track, chain, asked, now),
            None => Step::Respond(Response::not_found("no such track")),
        }
    }

    /// Looks for a segment: what is closed is never looked for again. A player whose clock is a little ahead
    /// of the encoder's asks for the next one before it has begun.
    fn find(
        &mut self,
        track: &TrackName,
        id: &SegmentId,
        asked: Asked,
        now: WallMs,
    ) -> Result<Found, Box<Step>> {
        let SegmentId { session, msn } = id;
        let msn = *msn;
        let closed = |this: &Self| {
            let chain = this.log.track(track)?.chain()?;
            let is_open = chain.open.as_ref().is_some_and(|open| open.msn == msn);
            chain.segment(msn).filter(|segment| !is_open && segment.run.session == *session).cloned()
        };
        if let Some(segment) = closed(self) {
            return Ok(Found::Closed(segment));
        }
        if let Some(step) = self.unread(Some(track), asked, now) {
            return Err(Box::new(step));
        }
        if let Some(segment) = closed(self) {
            return Ok(Found::Closed(segment));
        }
        let not_found = |why| Err(Box::new(Step::Respond(Response::not_found(why))));
        let Some(log) = self.log.track(track) else { return not_found("no such track") };
        let Some(chain) = log.chain() else { return not_found("no such track") };
        let is_current = chain.run.session == *session;
        if let Some(open) = chain.open.as_ref().filter(|open| open.msn == msn && is_current) {
            return Ok(Found::Open(open.clone()));
        }
        if msn == chain.next_msn && !chain.ended && is_current {
            return Ok(Found::Next);
        }
        if self.is_missing(chain, id) {
            return Ok(Found::Missing);
        }
        if msn >= chain.next_msn || msn < chain.begin.first_msn || chain.segment(msn).is_some() {
            return not_found("no such segment");
        }
        // Older than what is kept: it is in a page.
        let page = page_of(msn);
        let Some(read) = log.page(page) else {
            let is_missing = log.lacks_page(page, asked.since) || now.since_ms(asked.at) >= HOLD_MS;
            let target = Target::Page(track.clone(), page);
            return match self.fetch(vec![Read::Get(target)]) {
                Some(step) if !is_missing => Err(Box::new(step)),
                _ => Err(Box::new(Step::Respond(Response::gone("this segment is not kept any more")))),
            };
        };
        match read.segments.iter().find(|segment| segment.msn == msn && segment.run.session == *session) {
            Some(segment) => Ok(Found::Closed(segment.clone())),
            None => not_found("no such segment"),
        }
    }

    /// Whether a number follows the last of a run, and would be of a time before its Period ends, or before players
    /// learn that it has. Those that go by a number and a duration ask for it, and do not get past an error
    /// (ISO/IEC 23009-1 §5.3.9.5.3).
    fn is_missing(&self, chain: &Chain, id: &SegmentId) -> bool {
        let end_of = |run: &Run, end_ticks: u64| {
            let record = usize::try_from(run.period).ok().and_then(|number| self.log.periods().get(number));
            record.map(|record| record.anchor.wall_at(end_ticks, 0, run.timescale))
        };
        let later = chain.past.iter().skip(1).map(|past| &past.run).chain([&chain.run]);
        let mut past = chain.past.iter().zip(later);
        let (ended, until) = match past.find(|(past, _)| past.run.session == id.session) {
            Some((past, next)) => (past.clone(), end_of(next, next.start_ticks)),
            None if chain.ended && chain.run.session == id.session => {
                let chains = self.log.tracks().filter_map(|(_, log)| log.chain());
                let ends = chains.filter_map(|chain| end_of(&chain.run, chain.next_ticks));
                (chain.ending(), ends.max())
            }
            None => return false,
        };
        let (Some(end), Some(until)) = (end_of(&ended.run, ended.end_ticks), until) else { return false };
        let missing_ms = u64::try_from(until.since_ms(end)).unwrap_or(0);
        let expected_ms = ended.run.timescale.ms_from_ticks(ended.pace.expected_ticks()).max(1);
        let most = missing_ms.div_ceil(expected_ms).saturating_add(UNTIL_TOLD);
        id.msn.checked_sub(ended.next_msn).is_some_and(|after| after < most)
    }

    fn whole(&self, track: &TrackName, segment: &Segment) -> Step {
        if segment.is_gap() {
            return Step::Respond(Response::media(Body::Bytes(EMPTY_SEGMENT)));
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
