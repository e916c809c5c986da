//! The rules of ISO/IEC 23009-1, and of DASH-IF's low-latency mode, that one MPD shows to be kept or broken.

mod latency;
mod sets;
mod timeline;

use std::collections::BTreeSet;

use super::model::{Descriptor, Mpd, Period};
use super::time::Seconds;

/// Ways to get the time that all players know.
const CLOCKS: [&str; 2] = ["urn:mpeg:dash:utc:http-iso:2014", "urn:mpeg:dash:utc:http-xsdate:2014"];

/// Everything that is wrong with an MPD, each with its number in the project's list of rules.
pub fn check(mpd: &Mpd) -> Vec<String> {
    let mut found = Found::default();
    presentation(mpd, &mut found);
    periods(mpd, &mut found);
    for period in &mpd.periods {
        sets::check(period, &mut found);
    }
    timeline::check(mpd, &mut found);
    latency::check(mpd, &mut found);
    found.0
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Found(pub(super) Vec<String>);

impl Found {
    pub(super) fn require(&mut self, holds: bool, rule: &str, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(format!("{rule}: {}", what()));
        }
    }
}

/// Which attributes an MPD has by its type (ISO/IEC 23009-1, 5.3.1.2).
fn presentation(mpd: &Mpd, found: &mut Found) {
    let has = |rule, is_there: bool, name: &str, found: &mut Found| {
        found.require(is_there, rule, || format!("there is no {name}"));
    };
    has("D1", mpd.min_buffer_time.is_some(), "minBufferTime", found);
    has("D1", !mpd.periods.is_empty(), "Period", found);
    if mpd.dynamic {
        has("D1", mpd.availability_start.is_some(), "availabilityStartTime", found);
        has("D1", mpd.publish_time.is_some(), "publishTime", found);
        // Without it a player never comes back: the MPD would be the last.
        has("D1", mpd.minimum_update_period.is_some(), "minimumUpdatePeriod", found);
        // Without it all that ever was is there, back to the beginning.
        let begins = mpd.periods.first().is_some_and(|first| first.start == Some(Seconds::ZERO));
        has("D1", mpd.time_shift_buffer_depth.is_some() || begins, "timeShiftBufferDepth", found);
        has("D1", mpd.suggested_presentation_delay.is_some(), "suggestedPresentationDelay", found);
        has("D7", !mpd.utc_timings.is_empty(), "UTCTiming", found);
        found.require(mpd.duration.is_none(), "D1", || {
            "it is dynamic, with a mediaPresentationDuration".into()
        });
        found.require(mpd.availability_end.is_none(), "D1", || {
            "it is dynamic, and ends at a known time".into()
        });
        for (name, value) in [
            ("timeShiftBufferDepth", mpd.time_shift_buffer_depth),
            ("suggestedPresentationDelay", mpd.suggested_presentation_delay),
        ] {
            found.require(value != Some(Seconds::ZERO), "D1", || format!("{name} is 0"));
        }
        let held = mpd.suggested_presentation_delay <= mpd.time_shift_buffer_depth;
        found.require(held || mpd.time_shift_buffer_depth.is_none(), "D1", || {
            "suggestedPresentationDelay is longer than timeShiftBufferDepth".into()
        });
    } else {
        has("D12", mpd.duration.is_some(), "mediaPresentationDuration", found);
        let updates = mpd.minimum_update_period.is_some() || !mpd.patch_locations.is_empty();
        found.require(!updates, "D12", || "it is static, with minimumUpdatePeriod or PatchLocation".into());
    }
    // A patch names the MPD that it is for by MPD@id (ISO/IEC 23009-1, 5.15).
    let named = mpd.id.as_ref().is_some_and(|id| !id.trim().is_empty());
    found.require(named || mpd.patch_locations.is_empty(), "D9", || "PatchLocation, and no MPD@id".into());
    for location in &mpd.patch_locations {
        found.require(!location.written.is_empty(), "D9", || "PatchLocation names nothing".into());
        found.require(location.ttl != Some(Seconds::ZERO), "D9", || "PatchLocation@ttl is 0".into());
    }
    for Descriptor { scheme, value, .. } in &mpd.utc_timings {
        found.require(CLOCKS.contains(&scheme.as_str()), "D7", || format!("UTCTiming by {scheme}"));
        let names_a_clock = value.as_ref().is_some_and(|value| !value.trim().is_empty());
        found.require(names_a_clock, "D7", || "UTCTiming names no clock".into());
    }
}

/// Periods have ids, which dynamic MPDs need, and follow each other (ISO/IEC 23009-1, 5.3.2).
fn periods(mpd: &Mpd, found: &mut Found) {
    let mut ids = BTreeSet::new();
    let mut before: Option<&Period> = None;
    for (at, period) in mpd.periods.iter().enumerate() {
        match &period.id {
            None => found.require(false, "D12", || format!("Period {at} has no id")),
            Some(id) => found.require(ids.insert(id), "D12", || format!("two Periods are {id}")),
        }
        found.require(period.start.is_some(), "D12", || format!("Period {at} has no start"));
        if let Some((before, earlier)) = before.and_then(|before| Some((before, before.start?)))
            && let Some(start) = period.start
        {
            found.require(earlier < start, "D12", || {
                format!("Period {at} starts at {start}, and the one before at {earlier}")
            });
            let overlaps = before.duration.is_some_and(|duration| earlier + duration > start);
            found.require(!overlaps, "D12", || format!("Period {at} starts before the one before it ends"));
        }
        if let (Some(start), Some(end)) = (period.start, mpd.duration) {
            found.require(start < end, "D12", || format!("Period {at} starts after the presentation's end"));
        }
        before = Some(period);
    }
}
