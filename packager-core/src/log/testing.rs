//! A log to try what reads one with: times are milliseconds.

use bytes::Bytes;

use super::reader::Target;
use super::{
    Anchor, Begin, BroadcastLog, BroadcastName, Entry, Generation, Independence, Marker, PartMeta,
    PeriodRecord, SessionId, Shape, TrackName, record,
};
use crate::cmaf::TrackKind;
use crate::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use crate::time::{Timescale, WallMs};

const MILLISECONDS: u32 = 1000;

/// When the period of a made up log begins.
pub(crate) const BEGINS: WallMs = WallMs(1_800_000_000_000);

/// A log that is made up.
pub(crate) struct World {
    pub(crate) log: BroadcastLog,
    timescale: Timescale,
    session: SessionId,
}

impl World {
    pub(crate) fn new() -> Self {
        let (name, generation) = (BroadcastName::parse("show").unwrap(), Generation::parse("g").unwrap());
        let mut world = Self {
            log: BroadcastLog::new(&name, &generation, 16),
            timescale: Timescale::new(MILLISECONDS).unwrap(),
            session: SessionId::mint(BEGINS, 0),
        };
        let shape = Shape {
            target_duration_s: 2,
            segment_ms: 2000,
            part_ms: 500,
            whole_segments: false,
            window_ms: 20_000,
        };
        let anchor = Anchor { wall: BEGINS, time_ticks: 0, timescale: world.timescale, is_produced: false };
        let period = PeriodRecord { session: world.session.clone(), anchor, shape: Some(shape) };
        world.store(&Target::Period(0), "", record::to_json(&period));
        world
    }

    pub(crate) fn store(&mut self, target: &Target, meta: &str, body: impl Into<Bytes>) {
        let body = body.into();
        self.log.observe(target, meta, body.len() as u64, &body);
    }

    /// A track with two segments.
    pub(crate) fn begin(&mut self, track: &str, kind: TrackKind) {
        self.begin_empty(track, kind);
        self.media(track, 4000);
    }

    pub(crate) fn begin_empty(&mut self, track: &str, kind: TrackKind) {
        let name = TrackName::parse(track).unwrap();
        let begin = Begin {
            kind,
            session: self.session.clone(),
            start_ticks: 0,
            timescale: self.timescale,
            period: 0,
            part_target_ticks: 2000,
            first_msn: 1,
        };
        self.store(&Target::Begin(name.clone()), "", record::to_json(&begin));
        let media = SyntheticMedia::Aac { sample_rate: 48_000, channels: 2 };
        let header = SyntheticHeader::new(1, self.timescale, media).write();
        self.store(&Target::Init(name, self.session.clone()), "", header);
    }

    pub(crate) fn append(&mut self, track: &str, entry: &Entry) {
        let name = TrackName::parse(track).unwrap();
        let next = self.log.track(&name).unwrap().chain().unwrap().next_ticks;
        let body = if matches!(entry, Entry::Part(_)) { &[0; 1000][..] } else { &[] };
        self.store(&Target::Part(name, self.session.clone(), next), &entry.to_meta(), body);
    }

    pub(crate) fn media(&mut self, track: &str, until_ms: u64) {
        self.media_as(track, until_ms, 2000, |_| (Independence::Start, 0));
    }

    /// Parts of `part_ms`, each of which says what it holds and how late it arrives, by when it begins.
    pub(crate) fn media_as(
        &mut self,
        track: &str,
        until_ms: u64,
        part_ms: u64,
        said: impl Fn(u64) -> (Independence, i64),
    ) {
        let name = TrackName::parse(track).unwrap();
        loop {
            let start_ms = self.log.track(&name).unwrap().chain().unwrap().next_ticks;
            if start_ms >= until_ms {
                return;
            }
            let (independence, late_ms) = said(start_ms);
            let end_ms = i64::try_from(start_ms + part_ms).unwrap();
            self.append(
                track,
                &Entry::Part(PartMeta {
                    duration_ticks: part_ms,
                    samples: 1,
                    independence,
                    offset_ticks: 0,
                    frame_bytes: 0,
                    wall: BEGINS.plus_ms(end_ms + late_ms),
                    hash: 0,
                }),
            );
        }
    }

    pub(crate) fn gap(&mut self, track: &str, until_ms: u64) {
        self.append(track, &Entry::Marker(Marker::GapUntil(until_ms)));
    }
}
