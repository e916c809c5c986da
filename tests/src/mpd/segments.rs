//! The segments that an MPD describes, one by one.

use std::fmt::Write as _;

use url::Url;

use super::model::{Mpd, Period, Representation, Template, resolved};
use super::time::Seconds;

/// Most segments of a Representation in a Period: a day of seconds, and some.
const MOST: usize = 100_000;

/// A segment, or a sequence of segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Period@id, or its place.
    pub period: String,
    /// Representation@id.
    pub representation: String,
    /// $Number$.
    pub number: u64,
    /// Its URL, or those of the sequence by $SubNumber$, which counts from 0.
    pub urls: Vec<String>,
    /// Where its header is.
    pub init_url: Option<String>,
    /// Where it starts, in the media's time.
    pub start_ticks: u64,
    /// How long it is; of @duration, how long it should be.
    pub duration_ticks: u64,
    /// Ticks in a second.
    pub timescale: u64,
    /// The moment of its start; without an availabilityStartTime, since the start of the presentation.
    pub starts: Seconds,
    /// The moment of its end.
    pub ends: Seconds,
}

/// Identifiers of a template, in what they are replaced with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) representation: &'a Representation,
    /// $Number$, $Time$ and $SubNumber$; not in an initialization.
    pub(super) of_segment: Option<(u64, u64, u64)>,
}

impl Mpd {
    /// The segments of a Representation in all Periods, in order: what a SegmentTimeline lists, or, where there is a
    /// @duration, what can be asked for at the moment `now`.
    pub fn segments(&self, representation: &str, now: Seconds) -> Result<Vec<Segment>, String> {
        let mut all = Vec::new();
        for (at, period) in self.periods.iter().enumerate() {
            let sets = &period.adaptation_sets;
            if let Some(found) =
                sets.iter().flat_map(|set| &set.representations).find(|r| r.id == representation)
            {
                all.extend(self.segments_in(at, found, now)?);
            }
        }
        Ok(all)
    }

    /// The ids of all Representations, in the order of their first appearance.
    pub fn representation_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = Vec::new();
        let sets = self.periods.iter().flat_map(|period| &period.adaptation_sets);
        for representation in sets.flat_map(|set| &set.representations) {
            if !ids.contains(&representation.id.as_str()) {
                ids.push(&representation.id);
            }
        }
        ids
    }

    /// The segments of a Representation in the Period at a place.
    pub fn segments_in(&self, at: usize, of: &Representation, now: Seconds) -> Result<Vec<Segment>, String> {
        let wrong = |why: String| format!("Representation {}: {why}", of.id);
        let period = self.periods.get(at).ok_or_else(|| wrong(format!("there is no Period {at}")))?;
        let Some(template) = &of.template else { return Err(wrong("it has no SegmentTemplate".into())) };
        let start = period.start.ok_or_else(|| wrong("its Period has no start".into()))?;
        let origin = self.availability_start.unwrap_or(Seconds::ZERO) + start;
        let spans = match (&template.timeline, template.duration) {
            (Some(_), None) => timeline(self, period, template, origin, now),
            (None, Some(duration)) => by_duration(self, period, template, duration, origin, now),
            _ => Err("it has not one of @duration and SegmentTimeline".into()),
        }
        .map_err(wrong)?;
        let base = base(of).map_err(wrong)?;
        let media = template.media.as_deref().ok_or_else(|| wrong("it has no @media".into()))?;
        let init_url = of.init_url().map_err(wrong)?;
        let timescale = template.ticks_per_second();
        let moment = |ticks: u64| {
            let into_period = i128::from(ticks) - i128::from(template.presentation_time_offset);
            origin + Seconds::ticks(into_period, timescale)
        };
        let mut segments = Vec::with_capacity(spans.len());
        for Span { number, start, duration, k } in spans {
            let values = |sub| Values { representation: of, of_segment: Some((number, start, sub)) };
            let urls =
                (0..k).map(|sub| url(&base, media, values(sub))).collect::<Result<_, _>>().map_err(wrong)?;
            segments.push(Segment {
                period: period.id.clone().unwrap_or_else(|| at.to_string()),
                representation: of.id.clone(),
                number,
                urls,
                init_url: init_url.clone(),
                start_ticks: start,
                duration_ticks: duration,
                timescale,
                starts: moment(start),
                ends: moment(start + duration),
            });
        }
        Ok(segments)
    }
}

impl Representation {
    /// Where its header is.
    pub fn init_url(&self) -> Result<Option<String>, String> {
        let template = self.template.as_ref().and_then(|template| template.initialization.as_deref());
        let fill = |template| url(&base(self)?, template, Values { representation: self, of_segment: None });
        template.map(fill).transpose()
    }
}

struct Span {
    number: u64,
    start: u64,
    duration: u64,
    k: u64,
}

fn timeline(
    mpd: &Mpd,
    period: &Period,
    template: &Template,
    origin: Seconds,
    now: Seconds,
) -> Result<Vec<Span>, String> {
    let entries = template.timeline.as_deref().unwrap_or_default();
    let timescale = template.ticks_per_second();
    let ticks_of = |into_period: Seconds| {
        u64::try_from(into_period.ceil_ticks(timescale) + i128::from(template.presentation_time_offset)).ok()
    };
    let mut number = template.start_number.unwrap_or(1);
    let mut spans = Vec::new();
    let mut next = 0;
    for (at, s) in entries.iter().enumerate() {
        let mut start = s.t.unwrap_or(next);
        let repeats = match u64::try_from(s.r) {
            Ok(repeats) => repeats,
            // Negative: until the next S, the end of the Period, or the next update (5.3.9.6).
            Err(_) => {
                let until = match entries.get(at + 1) {
                    Some(after) => after.t,
                    None => match (period.end, period.start) {
                        (Some(end), Some(start)) => ticks_of(end - start),
                        _ if mpd.dynamic => ticks_of(now - origin),
                        _ => None,
                    },
                };
                let until = until.ok_or("S@r is negative, and what ends it is unknown")?;
                until.saturating_sub(start).div_ceil(s.d.max(1)).saturating_sub(1)
            }
        };
        if spans.len() + usize::try_from(repeats).unwrap_or(MOST) >= MOST {
            return Err(format!("it has more than {MOST} segments"));
        }
        for _ in 0..=repeats {
            spans.push(Span { number, start, duration: s.d, k: s.k });
            start = start.checked_add(s.d).ok_or("a time is too large")?;
            number += 1;
        }
        next = start;
    }
    Ok(spans)
}

/// Segment availability start and end times (ISO/IEC 23009-1, 5.3.9.5.3) bound what can be
/// asked for at a moment.
fn by_duration(
    mpd: &Mpd,
    period: &Period,
    template: &Template,
    duration: u64,
    origin: Seconds,
    now: Seconds,
) -> Result<Vec<Span>, String> {
    let timescale = template.ticks_per_second();
    let d = i128::from(duration);
    if d == 0 {
        return Err("its @duration is 0".into());
    }
    let index = |into_period: Seconds| into_period.floor_ticks(timescale).div_euclid(d);
    let start_number = template.start_number.unwrap_or(1);
    let (mut first, mut last) = (0, i128::MAX);
    if let (Some(start), Some(end)) = (period.start, period.end) {
        last = (end - start).ceil_ticks(timescale).div_euclid(d);
        if (end - start) <= Seconds::ticks(last * d, timescale) {
            last -= 1;
        }
    }
    if let Some(end_number) = template.end_number {
        last = last.min(i128::from(end_number) - i128::from(start_number));
    }
    if mpd.dynamic {
        let elapsed = now - origin;
        let early = template.availability_time_offset.unwrap_or(Seconds::ZERO);
        last = last.min(index(elapsed + early) - 1);
        if let Some(depth) = mpd.time_shift_buffer_depth {
            first = (index(elapsed - depth) - 1).max(0);
        }
    }
    if last == i128::MAX {
        return Err("nothing says how many segments it has".into());
    }
    if last - first >= MOST as i128 {
        return Err(format!("it has more than {MOST} segments"));
    }
    let mut spans = Vec::new();
    for at in first..=last {
        let at = u64::try_from(at).map_err(|_| "a number is too large")?;
        let start = template.presentation_time_offset + at * duration;
        spans.push(Span { number: start_number + at, start, duration, k: 1 });
    }
    Ok(spans)
}

fn base(representation: &Representation) -> Result<Url, String> {
    Url::parse(&representation.base_url).map_err(|why| format!("{}: {why}", representation.base_url))
}

fn url(base: &Url, template: &str, values: Values<'_>) -> Result<String, String> {
    resolved(base, &filled(template, values)?)
}

/// The identifiers in a template, with the width that their numbers have at least; `$$` as "".
pub(super) fn identifiers(template: &str) -> Result<Vec<(&str, Option<usize>)>, String> {
    let pieces: Vec<&str> = template.split('$').collect();
    if pieces.len().is_multiple_of(2) {
        return Err(format!("{template:?} has a $ that begins nothing"));
    }
    pieces
        .iter()
        .skip(1)
        .step_by(2)
        .map(|piece| match piece.split_once('%') {
            None => Ok((*piece, None)),
            Some((name, format)) => {
                let width = format.strip_prefix('0').and_then(|format| format.strip_suffix('d'));
                let width =
                    width.and_then(|width| width.parse().ok()).filter(|width| (1..=20).contains(width));
                Ok((name, Some(width.ok_or_else(|| format!("{piece:?} is no format"))?)))
            }
        })
        .collect()
}

/// A template with its identifiers replaced (ISO/IEC 23009-1, 5.3.9.4.4).
pub(super) fn filled(template: &str, values: Values<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut identifiers = identifiers(template)?.into_iter();
    for (at, piece) in template.split('$').enumerate() {
        if at % 2 == 0 {
            out.push_str(piece);
            continue;
        }
        let (name, width) = identifiers.next().ok_or("an identifier is lost")?;
        let number = match (name, values.of_segment) {
            ("", _) => {
                out.push('$');
                continue;
            }
            ("RepresentationID", _) => {
                out.push_str(&values.representation.id);
                continue;
            }
            ("Bandwidth", _) => values.representation.bandwidth,
            ("Number", Some((number, ..))) => number,
            ("Time", Some((_, time, _))) => time,
            ("SubNumber", Some((.., sub))) => sub,
            _ => return Err(format!("{template:?} has ${name}$, which is nothing here")),
        };
        let width = width.unwrap_or(1);
        let _ = write!(out, "{number:0width$}");
    }
    Ok(out)
}
