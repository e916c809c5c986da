//! Samples: what is in the chain is what was sent, once and in order, and nothing that was
//! acknowledged is missing.

use std::collections::BTreeSet;

use packager_core::cmaf::{Chunk, Header, Item, Scanner, TrackKind};
use packager_core::log::{Chain, Independence, Part, Segment};

use super::{Ledger, Rule};
use crate::sim::media::{SampleId, TrackSpec};
use crate::sim::world::World;

impl World {
    /// Holds the parts of a chain against what the encoder sent (invariants 1, 5 and 10, H11).
    pub(crate) fn check_media(&mut self, prefix: &str, chain: &Chain) {
        let name = prefix.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_owned();
        let place = self.scenario.tracks.iter().position(|spec| spec.name().as_str() == name);
        let Some(place) = place else {
            return self.ledger.report(Rule::Inv5, format!("{prefix} is no track of the scenario"));
        };
        let spec = self.scenario.tracks[place].clone();
        let track = u32::try_from(place + 1).expect("few tracks");
        let mut stored = Vec::new();
        let segments: Vec<_> = chain.closed.iter().chain(&chain.open).cloned().collect();
        for segment in &segments {
            self.summary.gaps += u64::from(segment.is_gap());
            self.summary.periods = self.summary.periods.max(u64::from(segment.run.period));
            for part in &segment.parts {
                self.summary.parts += 1;
                let from = stored.len();
                let checked = self.check_part(prefix, &spec, segment, part, &mut stored);
                self.ledger.check_order(prefix, &stored[from.saturating_sub(1)..]);
                if let Err(why) = checked {
                    return self.ledger.report(Rule::Inv10, format!("{prefix}{}: {why}", part.start_ticks));
                }
            }
        }
        self.summary.samples += stored.len() as u64;
        let is_current = prefix == format!("{}/{}/{name}/", self.name, self.generation);
        if is_current {
            self.check_acknowledged(track, &spec, &stored);
        }
        if self.scenario.is_calm {
            self.check_cadence(prefix, &spec, chain, &segments);
        }
    }

    /// Reads a part; its samples go to `stored`.
    fn check_part(
        &self,
        prefix: &str,
        spec: &TrackSpec,
        segment: &Segment,
        part: &Part,
        stored: &mut Vec<SampleId>,
    ) -> Result<(), String> {
        let session = &segment.run.session;
        let init =
            self.store.get(&format!("{prefix}{session}/init.mp4")).ok_or("its header is not stored")?;
        let header = Header::parse(&init.body).map_err(|why| why.to_string())?;
        let key = format!("{prefix}{session}/{:020}.m4s", part.start_ticks);
        let object = self.store.get(&key).ok_or("it is not stored")?;
        let mut scanner = Scanner::new();
        scanner.push(object.body.clone());
        let mut time = part.start_ticks;
        let (mut samples, mut first_sync, mut holds_sync) = (0_u32, None, false);
        while let Some(item) = scanner.next().map_err(|why| why.to_string())? {
            let Item::Chunk(bytes) = item else { return Err("a header is in it".to_owned()) };
            let chunk = Chunk::parse(&bytes, &header).map_err(|why| why.to_string())?;
            if chunk.start_ticks() != time {
                return Err(format!("a chunk starts at {}, not {time}", chunk.start_ticks()));
            }
            let ids = SampleId::read_all(chunk.payload()).ok_or("its payload is not what was sent")?;
            if ids.len() != chunk.samples().len() {
                return Err(format!("{} samples in {} bytes", chunk.samples().len(), chunk.payload().len()));
            }
            for ((id, sync), sample) in ids.into_iter().zip(chunk.samples()) {
                let origin = self.encoder.origins.get(&(id.track, id.run)).ok_or("nobody sent it")?;
                let was_sent_at = origin + spec.time_ticks(id.number);
                // A cue that is shown across the end of a segment is said again in the next.
                let is_said_again = spec.kind == TrackKind::Text && stored.last() == Some(&id);
                let lasts_until = was_sent_at + u64::from(spec.duration_ticks(id.number));
                if is_said_again {
                    if !(was_sent_at < time && time < lasts_until) {
                        return Err(format!("{id:?} of {was_sent_at} is said again at {time}"));
                    }
                } else {
                    stored.push(id);
                }
                // "A time moves by less than half a frame": its own, where they differ.
                let frame_ticks = u64::from(spec.duration_ticks(id.number));
                if !is_said_again && was_sent_at.abs_diff(time) * 2 >= frame_ticks {
                    return Err(format!("{id:?} of {was_sent_at} is stored at {time}"));
                }
                if sync != sample.sync || spec.composition_of(id.number) != sample.composition_ticks {
                    return Err(format!("{id:?} has other flags or another composition time"));
                }
                first_sync.get_or_insert(sync);
                holds_sync |= sync;
                samples += 1;
                time += u64::from(sample.duration_ticks);
            }
        }
        scanner.finish().map_err(|why| why.to_string())?;
        let independence = match (first_sync, holds_sync) {
            (Some(true), _) => Independence::Start,
            (_, true) => Independence::Inside,
            _ => Independence::No,
        };
        let meta = &part.meta;
        let told = (meta.samples, meta.duration_ticks, meta.independence);
        let is = (samples, time - part.start_ticks, independence);
        if told == is { Ok(()) } else { Err(format!("its metadata says {told:?}, it is {is:?}")) }
    }

    /// What was acknowledged is in the chain (invariants 1 and 5), but for the start of a run whose
    /// times the chain has already: an encoder that sends again what it was just sending looks the
    /// same. Of a run that ended before its times were new nothing is stored at all.
    fn check_acknowledged(&mut self, track: u32, spec: &TrackSpec, stored: &[SampleId]) {
        let time_of = |id: &SampleId| {
            let origin = self.encoder.origins.get(&(id.track, id.run))?;
            Some(origin + spec.time_ticks(id.number))
        };
        let half_frame = u64::from(spec.frame_ticks / 2);
        let is_stored: BTreeSet<_> = stored.iter().copied().collect();
        let mut missing = Vec::new();
        for ((_, run), sent) in self.ledger.sent.iter().filter(|((of, _), _)| *of == track) {
            let first = SampleId { track, run: *run, number: 0 };
            let has_earlier_runs = is_stored.range(..first).next().is_some();
            let taken_from = stored.iter().find(|id| id.run == *run).map(|id| id.number);
            let earlier = stored.iter().filter(|id| taken_from.is_none() && id.run < *run);
            let known_times: BTreeSet<_> = earlier.filter_map(time_of).collect();
            let is_known = |id: &SampleId| {
                let time = time_of(id).unwrap_or(u64::MAX);
                known_times
                    .range(time.saturating_sub(half_frame)..=time.saturating_add(half_frame))
                    .next()
                    .is_some()
            };
            for (number, state) in sent.samples.iter().enumerate() {
                let id = SampleId { number: number as u64, ..first };
                let is_excused =
                    taken_from.map_or_else(|| is_known(&id), |from| has_earlier_runs && id.number < from);
                if is_stored.contains(&id) || is_excused {
                    continue;
                }
                if *state == self.ledger.generation + 1 {
                    missing.push((id, "was acknowledged"));
                } else if self.scenario.is_calm && *state > 0 {
                    missing.push((id, "was sent, in a calm broadcast,"));
                }
            }
        }
        if let Some((id, how)) = missing.first() {
            let (last, more) = (missing.last().map_or(0, |(last, _)| last.number), missing.len() - 1);
            let what = format!("{id:?} {how} and is not in the log (nor are {more} more, up to {last})");
            self.ledger.report(Rule::Inv5, what);
        }
    }

    /// Parts come as the encoder delivers, and all that it sent is there (H11).
    fn check_cadence(&mut self, prefix: &str, spec: &TrackSpec, chain: &Chain, segments: &[Segment]) {
        // Text comes in whole segments.
        let parts_ms = match spec.kind {
            TrackKind::Text => spec.captured_ms(spec.chunk_frames),
            _ => spec.timescale().ms_from_ticks(chain.begin.part_target_ticks) * 3 / 2,
        };
        // Whether what is missing comes late is waited for.
        let late_ms = if spec.times.jump.is_some() { u64::from(self.scenario.settings.gap_ms) } else { 0 };
        // The other of two encoders is so much later.
        let lag_ms = self.scenario.twin.map_or(0, |twin| twin.lag_ms);
        let limit_ms = parts_ms + late_ms + lag_ms + 200;
        let mut last = None;
        let mut late = None;
        let mut parts: Vec<_> = segments
            .iter()
            .flat_map(|segment| segment.parts.iter().map(move |part| (segment, part)))
            .collect();
        // The encoder's last media waits for more before it is a part.
        parts.pop();
        for (segment, part) in parts {
            let key = format!("{prefix}{}/{:020}.m4s", segment.run.session, part.start_ticks);
            let at = self.store.writes.get(&key).and_then(|times| times.first()).copied().unwrap_or(0);
            if last.is_some_and(|last| at - last > limit_ms) {
                late = late.or(Some((key, at - last.unwrap_or(0))));
            }
            last = Some(at);
        }
        if let Some((key, ms)) = late {
            self.ledger.report(Rule::H11, format!("{key} was stored {ms} ms after the one before it"));
        }
    }
}

impl Ledger {
    /// Once, and in order (invariant 5).
    fn check_order(&mut self, prefix: &str, stored: &[SampleId]) {
        let order = |id: &SampleId| (id.run, id.number);
        if let Some(pair) = stored.windows(2).find(|pair| order(&pair[0]) >= order(&pair[1])) {
            self.report(Rule::Inv5, format!("{prefix}: {:?} comes before {:?}", pair[0], pair[1]));
        }
    }
}
