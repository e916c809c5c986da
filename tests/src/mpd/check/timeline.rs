//! How segments are addressed, and when they are.

use std::collections::{BTreeMap, BTreeSet};

use super::super::model::{AdaptationSet, Mpd, Period, Representation, Template};
use super::super::segments::{Segment, identifiers};
use super::super::time::Seconds;
use super::Found;

pub(super) fn check(mpd: &Mpd, found: &mut Found) {
    let mut urls: BTreeMap<String, String> = BTreeMap::new();
    let mut longest = None;
    let mut ends = None;
    for (at, period) in mpd.periods.iter().enumerate() {
        for set in &period.adaptation_sets {
            let mut timelines = Vec::new();
            for representation in &set.representations {
                let Some(template) = &representation.template else {
                    found
                        .require(false, "D2", || format!("{}: it has no SegmentTemplate", representation.id));
                    continue;
                };
                if !addressing(representation, template, found) {
                    continue;
                }
                if let Some(duration) = template.duration {
                    longest = longest.max(Some(ticks(duration, template)));
                    continue;
                }
                entries(representation, template, found);
                // Only S@r = -1 asks for the time, and that has been found to be wrong.
                match mpd.segments_in(at, representation, Seconds::ZERO) {
                    Err(why) => found.require(false, "D2", || why),
                    Ok(segments) => {
                        listed(mpd, period, template, &segments, found);
                        for segment in &segments {
                            longest = longest.max(Some(segment.ends - segment.starts));
                            ends = ends.max(Some(segment.ends));
                            named_once(segment, &mut urls, found);
                        }
                        timelines.push((representation, segments));
                    }
                }
            }
            alignment(set, &timelines, found);
        }
    }
    // maxSegmentDuration is that of any segment (5.3.1.2).
    if let (Some(longest), Some(max)) = (longest, mpd.max_segment_duration) {
        found.require(longest <= max, "D2", || {
            format!("a segment is {longest}, and maxSegmentDuration {max} long")
        });
    }
    if let (Some(ends), Some(duration), Some(longest), false) = (ends, mpd.duration, longest, mpd.dynamic) {
        let said = mpd.availability_start.unwrap_or(Seconds::ZERO) + duration;
        let (least, most) = (ends - longest, ends + longest);
        found.require(least < said && said < most, "D12", || {
            format!("mediaPresentationDuration is {duration}, which is not where the last segment ends")
        });
    }
}

fn ticks(ticks: u64, template: &Template) -> Seconds {
    Seconds::ticks(i128::from(ticks), template.ticks_per_second())
}

/// One of @duration and SegmentTimeline, and one of $Number$ and $Time$ (ISO/IEC 23009-1, 5.3.9.2 and 5.3.9.4.4).
fn addressing(representation: &Representation, template: &Template, found: &mut Found) -> bool {
    let id = &representation.id;
    let one = template.duration.is_some() != template.timeline.is_some();
    found.require(one, "D2", || format!("{id}: it has not one of @duration and SegmentTimeline"));
    found.require(template.timescale.is_some(), "D11", || format!("{id}: it has no timescale"));
    found.require(template.duration != Some(0), "D2", || format!("{id}: @duration is 0"));
    let media = template.media.as_deref().unwrap_or_default();
    let init = template.initialization.as_deref().unwrap_or_default();
    let (media, init) = match (identifiers(media), identifiers(init)) {
        (Ok(media), Ok(init)) => (media, init),
        (Err(why), _) | (_, Err(why)) => {
            found.require(false, "D2", || format!("{id}: {why}"));
            return false;
        }
    };
    let has = |name: &str| media.iter().filter(|(identifier, _)| *identifier == name).count();
    found.require(has("Number") + has("Time") == 1, "D2", || {
        format!("{id}: @media has not one of $Number$ and $Time$")
    });
    found.require(has("SubNumber") == 0 || has("Number") == 1, "D4", || {
        format!("{id}: @media has $SubNumber$ without $Number$")
    });
    found.require(has("Time") == 0 || template.timeline.is_some(), "D2", || {
        format!("{id}: $Time$ without a SegmentTimeline is a guess")
    });
    found.require(template.initialization.is_some(), "D2", || format!("{id}: it has no header"));
    let fixed = init.iter().all(|(name, _)| ["RepresentationID", "Bandwidth", ""].contains(name));
    found.require(fixed, "D2", || format!("{id}: @initialization names a segment"));
    one && fixed
}

/// S elements, as they are written.
fn entries(representation: &Representation, template: &Template, found: &mut Found) {
    let id = &representation.id;
    let entries = template.timeline.as_deref().unwrap_or_default();
    let mut next = None;
    let mut before = None;
    for (at, s) in entries.iter().enumerate() {
        let what = |what: &str| format!("{id}: S {}: {what}", at + 1);
        found.require(s.d > 0, "D2", || what("@d is 0"));
        // What is listed can be fetched, so how many there are is known.
        found.require(s.r >= 0, "D2", || what("@r is negative"));
        found
            .require((1..=s.d.max(1)).contains(&s.k), "D4", || what("@k is 0, or more than there are ticks"));
        found.require(s.t.is_some() || at > 0, "D2", || what("the first one has no @t"));
        let start = s.t.or(next).unwrap_or(0);
        if let Some(next) = next {
            found.require(start >= next, "D2", || what("it starts before the one before it ends"));
            let could_repeat = before == Some((s.d, s.k)) && start == next;
            found.require(!could_repeat, "D2", || what("it only repeats the one before, as @r would"));
        }
        let length = u64::try_from(s.r).unwrap_or(0).saturating_add(1).saturating_mul(s.d);
        next = Some(start.saturating_add(length));
        before = Some((s.d, s.k));
    }
}

/// Segments of a SegmentTimeline, in their Period.
fn listed(mpd: &Mpd, period: &Period, template: &Template, segments: &[Segment], found: &mut Found) {
    let (Some(start), Some(last)) = (period.start, segments.last()) else { return };
    let origin = mpd.availability_start.unwrap_or(Seconds::ZERO);
    found.require(template.end_number.is_none_or(|end| end == last.number), "D2", || {
        format!(
            "{}: @endNumber is {:?}, the last is {}",
            last.representation, template.end_number, last.number
        )
    });
    for segment in segments {
        let outside =
            segment.ends <= origin + start || period.end.is_some_and(|end| segment.starts >= origin + end);
        found.require(!outside, "D12", || {
            format!("{}: segment {} is outside of its Period", segment.representation, segment.number)
        });
    }
}

/// A URL names one segment, which may lie in two Periods.
fn named_once(segment: &Segment, urls: &mut BTreeMap<String, String>, found: &mut Found) {
    let own: BTreeSet<&String> = segment.urls.iter().collect();
    found.require(own.len() == segment.urls.len(), "D4", || {
        format!("{}: S@k for segment {}, and no $SubNumber$", segment.representation, segment.number)
    });
    let name = format!("segment {} of {}", segment.number, segment.representation);
    for url in own {
        if let Some(other) = urls.insert(url.clone(), name.clone()) {
            found.require(other == name, "D2", || format!("{url} is {other}, and {name}"));
        }
    }
}

/// With @segmentAlignment, no segment of a Representation overlaps two of another (ISO/IEC 23009-1, 5.3.3.2). Here they must
/// be equal where both have them; the last of each may still grow.
fn alignment(set: &AdaptationSet, timelines: &[(&Representation, Vec<Segment>)], found: &mut Found) {
    let durations: BTreeSet<Option<Seconds>> = set
        .representations
        .iter()
        .filter_map(|representation| representation.template.as_ref())
        .map(|template| template.duration.map(|duration| ticks(duration, template)))
        .collect();
    found.require(!set.segment_alignment || durations.len() <= 1, "D11", || {
        format!("AdaptationSet {:?}: segmentAlignment, and durations that are not the same", set.id)
    });
    for pair in timelines.windows(2) {
        let [(x, ours), (y, theirs)] = pair else { continue };
        let (Some(our_first), Some(our_last)) = (ours.first(), ours.last()) else { continue };
        let (Some(their_first), Some(their_last)) = (theirs.first(), theirs.last()) else { continue };
        let from = our_first.starts.max(their_first.starts);
        let until = our_last.starts.min(their_last.starts);
        let shared = |segments: &[Segment]| -> Vec<(Seconds, Seconds)> {
            segments
                .iter()
                .filter(|segment| segment.ends > from && segment.starts < until)
                .map(|segment| (segment.starts, segment.ends))
                .collect()
        };
        let aligned = shared(ours) == shared(theirs);
        found.require(!set.segment_alignment || aligned, "D11", || {
            format!("AdaptationSet {:?}: segmentAlignment, but {} and {} are not aligned", set.id, x.id, y.id)
        });
    }
}
