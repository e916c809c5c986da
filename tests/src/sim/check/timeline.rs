//! What all tracks share: dates, periods.

use std::collections::BTreeMap;

use packager_core::cmaf::Header;

use super::Rule;
use super::playlists::session_of;
use crate::sim::media::{SampleId, TrackSpec};
use crate::sim::playlist::Segment;
use crate::sim::world::World;
use crate::watch::chunks;

/// Dates are of milliseconds: rounding may move each of two by half of one.
const ROUNDING_MS: i64 = 2;

impl World {
    /// Compares the tracks of each generation with each other.
    pub(crate) fn check_timelines(&mut self) {
        let mut generations: BTreeMap<String, Vec<(String, Vec<Segment>)>> = BTreeMap::new();
        for (url, segments) in &self.ledger.segments {
            let generation = url.split('/').nth(2).unwrap_or("").to_owned();
            let of = generations.entry(generation).or_default();
            of.push((url.clone(), segments.values().cloned().collect()));
        }
        for tracks in generations.values() {
            for (url, segments) in tracks {
                for (other_url, others) in tracks.iter().filter(|(other, _)| other != url) {
                    self.check_discontinuities(url, segments, other_url, others);
                }
            }
            self.check_dates_of_media(tracks);
        }
    }

    /// At the same moment all tracks have the same discontinuity sequence, give or take a segment
    /// where it changes (H17, invariant 4).
    fn check_discontinuities(
        &mut self,
        url: &str,
        segments: &[Segment],
        other_url: &str,
        others: &[Segment],
    ) {
        for segment in segments {
            let (Some(date), Some(us)) = (segment.date_ms, segment.duration_us) else { continue };
            let middle = date + i64::try_from(us / 2_000).unwrap_or(0);
            let at = others.iter().position(|other| {
                other.date_ms.is_some_and(|from| from <= middle)
                    && other.duration_us.is_some_and(|us| {
                        other.date_ms.unwrap_or(0) + i64::try_from(us / 1_000).unwrap_or(0) > middle
                    })
            });
            let Some(at) = at else { continue };
            let own = segment.discontinuities;
            if others[at].discontinuities == own {
                continue;
            }
            let near = |all: &[Segment], at: usize, sequence: u64| {
                let around = at.saturating_sub(1)..(at + 2).min(all.len());
                all[around].iter().any(|segment| segment.discontinuities == sequence)
            };
            let own_at = segments.iter().position(|other| other.msn == segment.msn).unwrap_or(0);
            if !near(others, at, own) && !near(segments, own_at, others[at].discontinuities) {
                let what = format!(
                    "at {middle} {url} is at {own} (segment {}), {other_url} at {} (segment {})",
                    segment.msn, others[at].discontinuities, others[at].msn
                );
                return self.ledger.report(Rule::H17, what);
            }
        }
    }

    /// In each period, dates less presentation times are one constant for all tracks (H15).
    fn check_dates_of_media(&mut self, tracks: &[(String, Vec<Segment>)]) {
        let mut maps: BTreeMap<u64, (i64, String)> = BTreeMap::new();
        for (url, segments) in tracks {
            let name = url.rsplit('/').nth(1).unwrap_or("");
            let spec = self.scenario.tracks.iter().find(|spec| spec.name().as_str() == name);
            let Some(spec) = spec.cloned() else { continue };
            // A time may be moved by less than half a frame.
            let moved_ms = i64::from(spec.frame_ticks) * 500 / i64::from(spec.timescale) + ROUNDING_MS;
            for segment in segments {
                let (Some(date), Some(first)) = (segment.date_ms, segment.parts.first()) else { continue };
                let Some(ticks) = self.presented_ticks(url, &spec, &first.uri) else { continue };
                let presented_ms = ticks * 1000 / i128::from(spec.timescale);
                let Ok(presented_ms) = i64::try_from(presented_ms) else { continue };
                let map = date - presented_ms;
                let (known, by) = maps.entry(segment.discontinuities).or_insert((map, url.clone())).clone();
                if (map - known).abs() > moved_ms {
                    let what = format!(
                        "{url}: segment {} of period {} is dated {} ms later than {by} says",
                        segment.msn,
                        segment.discontinuities,
                        map - known
                    );
                    return self.ledger.report(Rule::H15, what);
                }
            }
        }
    }

    /// When the first picture of a part is shown, from what the encoder meant by its samples.
    fn presented_ticks(&self, url: &str, spec: &TrackSpec, uri: &str) -> Option<i128> {
        let folder = url.trim_start_matches('/').trim_end_matches("index.m3u8");
        let object = self.store.get(&format!("{folder}{uri}"))?;
        let init = self.store.get(&format!("{folder}{}/init.mp4", session_of(uri)))?;
        let header = Header::parse(&init.body).ok()?;
        let mut shown = Vec::new();
        for chunk in chunks(&object.body, &header) {
            for (id, _) in SampleId::read_all(chunk.payload())? {
                let origin = self.encoder.origins.get(&(id.track, id.run))?;
                let decoded = i128::from(*origin) + i128::from(spec.time_ticks(id.number));
                shown.push(decoded + i128::from(spec.composition_of(id.number)));
            }
        }
        Some(shown.into_iter().min()? - i128::from(spec.edit_ticks))
    }
}
