//! What low latency takes: that an MPD which promises it says all of it, and one that does not says none.

use std::collections::BTreeSet;

use super::super::model::{AdaptationSet, Mpd, Period, Template};
use super::super::segments::identifiers;
use super::super::time::Seconds;
use super::Found;

/// The profile of low-latency services (DASH-IF IOP, part 5: low latency modes for DASH).
const PROFILE: &str = "http://www.dashif.org/guidelines/low-latency-live-v5";

/// Segment sequences: the scheme of an AdaptationSet's property, and a profile.
const SEQUENCES: &str = "urn:mpeg:dash:ssr:2023";

/// How a set's segments can be had before they are whole.
#[derive(Debug, Default, Clone, Copy)]
struct Early {
    in_chunks: bool,
    in_sequences: bool,
}

pub(super) fn check(mpd: &Mpd, found: &mut Found) {
    let mut early = Early::default();
    for set in mpd.periods.iter().flat_map(|period| &period.adaptation_sets) {
        let own = of_set(mpd, set, found);
        early.in_chunks |= own.in_chunks;
        early.in_sequences |= own.in_sequences;
    }
    for period in &mpd.periods {
        reference_times(period, found);
    }
    services(mpd, found);
    if mpd.dynamic {
        let promised = mpd.profiles.iter().any(|profile| profile == PROFILE);
        let kept = early.in_chunks || early.in_sequences;
        found.require(promised == kept, "D1", || {
            format!(
                "the low-latency profile is {}",
                if promised { "claimed, and not kept" } else { "not claimed" }
            )
        });
        if promised || kept {
            found.require(!mpd.service_descriptions.is_empty(), "D5", || {
                "low latency without a ServiceDescription".into()
            });
        }
    }
}

/// One AdaptationSet.
fn of_set(mpd: &Mpd, set: &AdaptationSet, found: &mut Found) -> Early {
    let name = set.id.as_deref().unwrap_or("without id");
    let announced = set.properties.iter().any(|property| property.scheme == SEQUENCES)
        || mpd.profiles.iter().any(|profile| profile == SEQUENCES);
    let mut early = Early::default();
    for representation in &set.representations {
        let id = &representation.id;
        let Some(template) = &representation.template else { continue };
        early.in_chunks |= offset(mpd, id, template, found);
        let media = template.media.as_deref().unwrap_or_default();
        let numbered = identifiers(media).is_ok_and(|all| all.iter().any(|(name, _)| *name == "SubNumber"));
        let counted = template.timeline.iter().flatten().any(|s| s.k > 1);
        found.require(numbered || !counted, "D4", || format!("{id}: S@k, and no $SubNumber$"));
        found.require(announced || !numbered, "D4", || format!("{id}: $SubNumber$ without {SEQUENCES}"));
        found.require(!numbered || template.timeline.is_some(), "D4", || {
            format!("{id}: $SubNumber$, and no SegmentTimeline says how many there are")
        });
        early.in_sequences |= numbered;
    }
    let property = set.properties.iter().any(|property| property.scheme == SEQUENCES);
    found.require(early.in_sequences || !property, "D4", || {
        format!("AdaptationSet {name}: {SEQUENCES} without $SubNumber$")
    });
    for resync in &set.resyncs {
        found
            .require(resync.kind <= 3, "D8", || format!("AdaptationSet {name}: Resync@type {}", resync.kind));
        found.require(resync.most_ticks.is_none_or(|ticks| ticks > 0), "D8", || {
            format!("AdaptationSet {name}: Resync@dT is 0")
        });
    }
    early
}

/// Whether segments can be asked for before they are whole (ISO/IEC 23009-1, 5.3.9.5.3).
fn offset(mpd: &Mpd, id: &str, template: &Template, found: &mut Found) -> bool {
    let incomplete = template.availability_time_complete == Some(false);
    let Some(offset) = template.availability_time_offset else {
        found.require(!incomplete, "D3", || format!("{id}: availabilityTimeComplete without an offset"));
        return incomplete;
    };
    found.require(mpd.dynamic, "D12", || format!("{id}: it is static, with an availabilityTimeOffset"));
    found.require(incomplete, "D3", || {
        format!("{id}: an availabilityTimeOffset promises whole segments before they can be there")
    });
    let longest = template.duration.into_iter().chain(template.timeline.iter().flatten().map(|s| s.d)).max();
    let longest = longest.map(|longest| Seconds::ticks(i128::from(longest), template.ticks_per_second()));
    // It is of the segments to come, too: all that a timeline lists may have been cut short.
    let to_come = mpd.max_segment_duration.filter(|_| template.timeline.is_some());
    let longest = longest.max(to_come);
    found.require(offset > Seconds::ZERO && longest.is_none_or(|longest| offset < longest), "D3", || {
        format!("{id}: availabilityTimeOffset is {offset}, which is no segment less a part")
    });
    incomplete
}

/// ServiceDescription (ISO/IEC 23009-1, Annex K).
fn services(mpd: &Mpd, found: &mut Found) {
    for service in &mpd.service_descriptions {
        let [target, min, max] = service.latency_ms;
        let ordered = target.is_some_and(|target| {
            target > 0 && min.is_none_or(|min| min <= target) && max.is_none_or(|max| target <= max)
        });
        found.require(ordered, "D5", || format!("Latency is {target:?} of {min:?} to {max:?}"));
        if let (Some(target), Some(depth)) = (target, mpd.time_shift_buffer_depth) {
            found.require(i128::from(target) <= depth.floor_ms(), "D5", || {
                "Latency@target is longer ago than timeShiftBufferDepth".into()
            });
        }
        let one = Seconds::ticks(1, 1);
        let around = service.playback_rate.is_some_and(|(min, max)| {
            min.is_none_or(|min| Seconds::ZERO < min && min <= one) && max.is_none_or(|max| one <= max)
        });
        found.require(around, "D5", || format!("PlaybackRate is {:?}", service.playback_rate));
        if let Some(reference) = service.reference_id {
            let sets = mpd.periods.last().into_iter().flat_map(|period| &period.adaptation_sets);
            let mut times = sets.flat_map(|set| &set.producer_reference_times);
            found.require(times.any(|time| time.id == Some(reference)), "D6", || {
                format!("Latency@referenceId is {reference}, and no ProducerReferenceTime has it")
            });
        }
    }
}

/// ProducerReferenceTime (ISO/IEC 23009-1, 5.12).
fn reference_times(period: &Period, found: &mut Found) {
    let mut ids = BTreeSet::new();
    for time in period.adaptation_sets.iter().flat_map(|set| &set.producer_reference_times) {
        match time.id {
            None => found.require(false, "D6", || "ProducerReferenceTime has no id".into()),
            Some(id) => {
                found.require(ids.insert(id), "D6", || format!("two ProducerReferenceTimes are {id}"));
            }
        }
        found.require(["encoder", "captured", "application"].contains(&time.kind.as_str()), "D6", || {
            format!("ProducerReferenceTime@type is {}", time.kind)
        });
        found.require(time.wall_clock.is_some() && time.presentation_time.is_some(), "D6", || {
            "ProducerReferenceTime says no time".into()
        });
    }
}
