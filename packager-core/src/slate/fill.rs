//! The slate of a broadcast that has begun: what goes on where the chains end.

use super::before::anchor;
use super::{Due, Headers, LAG_MS, Object, Slate, UNWATCHED_MS, head_start_ms};
use crate::cmaf::TrackKind;
use crate::log::reader::Target;
use crate::log::{BroadcastLog, Chain, Entry, Marker, PeriodRecord, Segment, SessionId, TrackName, record};
use crate::time::WallMs;

/// Segments that are there at once when the encoder has gone: viewers stand still by then.
const HEAD_START: i64 = 2;

/// What a slate needs written at the time `now`. Its headers are written before what leads to them; `stored`: those
/// that are.
pub fn due(slate: &Slate<'_>, log: &BroadcastLog, stored: &Headers, now: WallMs) -> Due {
    let Some(newest) = log.periods().last() else { return Due::Nothing };
    let chains = chains(log).filter(|(_, chain)| slate.clip.of(chain.begin.kind).is_some());
    let chains: Vec<_> = chains.collect();
    if chains.is_empty() {
        return Due::Nothing;
    }
    if !newest.session.is_slate() {
        let away = last_media(log).plus_ms(slate.settings.away_ms());
        return if now < away { Due::At(away) } else { next_period(slate, log, now) };
    }
    let of_run = chains.iter().filter(|(_, chain)| chain.run.session == newest.session);
    let reached = of_run.filter_map(|(_, chain)| end(log, chain)).max();
    if reached.is_some_and(|reached| now.since_ms(reached) > LAG_MS.saturating_add(UNWATCHED_MS)) {
        return next_period(slate, log, now);
    }
    let mut first: Option<(WallMs, Object)> = None;
    for (track, chain) in chains {
        let (at, object) = match next(slate, log, stored, track, chain) {
            Some(next) => next,
            // What was written is of another clip.
            None if chain.run.session == newest.session => return next_period(slate, log, now),
            None => continue,
        };
        if first.as_ref().is_none_or(|(earliest, _)| at < *earliest) {
            first = Some((at, object));
        }
    }
    match first {
        Some((at, _)) if now < at => Due::At(at),
        Some((_, object)) => Due::Now(object),
        None => Due::Nothing,
    }
}

/// The tracks that a slate goes on with: text is sparse by nature, and what has ended has ended.
fn chains(log: &BroadcastLog) -> impl Iterator<Item = (&TrackName, &Chain)> {
    let chains = log.tracks().filter_map(|(track, of)| Some((track, of.chain()?)));
    chains.filter(|(_, chain)| !chain.ended && chain.begin.kind != TrackKind::Text)
}

/// When media last came of any of its tracks.
pub fn last_media(log: &BroadcastLog) -> WallMs {
    let newest = |chain: &Chain| chain.open.as_ref().or(chain.closed.back()).map(Segment::newest);
    let began = log.periods().last().map(|record| record.anchor.wall);
    let media = log.tracks().filter_map(|(_, of)| newest(of.chain()?));
    media.chain(began).max().unwrap_or_default()
}

/// What a track's chain goes on with, and when.
fn next(
    slate: &Slate<'_>,
    log: &BroadcastLog,
    stored: &Headers,
    track: &TrackName,
    chain: &Chain,
) -> Option<(WallMs, Object)> {
    let of = slate.clip.of(chain.begin.kind)?;
    let newest = log.periods().last()?;
    let here = Target::Part(track.clone(), chain.run.session.clone(), chain.next_ticks);
    let marker =
        |marker| Object { target: here.clone(), meta: Entry::Marker(marker).to_meta(), body: Vec::new() };
    if chain.run.session == newest.session {
        let part = of.part(chain.next_ticks, chain.part_target_ticks())?;
        let end = chain.next_ticks.saturating_add(part.duration_ticks);
        let at = newest.anchor.wall_at(end, 0, chain.run.timescale).plus_ms(LAG_MS);
        let meta = part.meta(chain.begin.kind, of.header.presentation_shift_ticks, at);
        return Some((at, Object { target: here, meta: Entry::Part(meta).to_meta(), body: part.body }));
    }
    let following = chain.run.period.checked_add(1)?;
    let record = log.periods().get(usize::try_from(following).ok()?)?;
    if record.session != newest.session {
        // A period that it has nothing in is one GAP segment, as in ingest.
        let enters = Marker::Continues {
            session: record.session.clone(),
            start_ticks: record.anchor.time_at(record.anchor.wall, chain.run.timescale),
            timescale: chain.run.timescale,
            period: following,
        };
        return Some((newest.anchor.wall, marker(enters)));
    }
    let is_empty = chain.next_ticks == chain.run.start_ticks && chain.run.period > chain.begin.period;
    if is_empty {
        let until = chain.next_ticks.saturating_add(chain.target_ticks());
        return Some((newest.anchor.wall, marker(Marker::GapUntil(until))));
    }
    if !stored.contains_key(&(track.clone(), newest.session.clone())) {
        return Some((newest.anchor.wall, Object::header(track, &newest.session, of)));
    }
    let enters = Marker::Continues {
        session: newest.session.clone(),
        start_ticks: 0,
        timescale: of.header.timescale,
        period: following,
    };
    Some((newest.anchor.wall, marker(enters)))
}

/// The record of a period that the slate begins now, dated after all that there is.
fn next_period(slate: &Slate<'_>, log: &BroadcastLog, now: WallMs) -> Due {
    let before_ms = LAG_MS.saturating_add(head_start_ms(slate.cut, HEAD_START));
    let begins = now.plus_ms(before_ms.saturating_neg());
    let newest = log.periods().last();
    let ends = chains(log).filter_map(|(_, chain)| end(log, chain));
    let begins = ends.chain(newest.map(|record| record.anchor.wall)).fold(begins, WallMs::max);
    let Some(last) = newest.and_then(|record| record.session.minted_at()) else {
        // Its sessions are not in the order of time.
        return Due::Nothing;
    };
    let session = SessionId::of_slate(begins.max(last.plus_ms(1)));
    let number = u32::try_from(log.periods().len()).unwrap_or(u32::MAX);
    match anchor(begins) {
        Some(anchor) => {
            let record = PeriodRecord { session, anchor, shape: None };
            Due::Now(Object::json(Target::Period(number), record::to_json(&record)))
        }
        None => Due::Nothing,
    }
}

/// When what a chain ends with has been shown.
fn end(log: &BroadcastLog, chain: &Chain) -> Option<WallMs> {
    let record = log.periods().get(usize::try_from(chain.run.period).ok()?)?;
    let newest = chain.open.as_ref().or(chain.closed.back()).filter(|segment| segment.run == chain.run);
    let offset_ticks = newest.map_or(0, Segment::offset_ticks);
    Some(record.anchor.wall_at(chain.next_ticks, offset_ticks.max(0), chain.run.timescale))
}
