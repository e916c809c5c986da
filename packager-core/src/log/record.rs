//! The records that are not on a chain: what a broadcast is, what a period shares, where a track begins.

use serde::{Deserialize, Serialize};

use super::clip::Clip;
use super::event::{Cut, Ended, Event, PushKey, Window};
use super::name::{Generation, SessionId, TrackName};
use super::segment::Segment;
use super::settings::{BroadcastSettings, Captions, Title, TrackDescription, TrackSettings};
use super::slate::SlateSettings;
use crate::cmaf::TrackKind;
use crate::order::SortedMap;
use crate::time::{Date, Timescale, WallMs};

/// `broadcast.json`: the operator's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Flat", into = "Flat")]
pub struct BroadcastRecord {
    /// Names the tree of keys that viewers are sent to.
    pub generation: Generation,
    /// How its tracks are shown.
    pub settings: BroadcastSettings,
    /// What encoders say of the tracks; the settings count for more.
    pub described: SortedMap<TrackName, TrackDescription>,
    /// When it is, how it is cut and kept, and who may push to it.
    pub event: Event,
}

/// The record as it is stored: all of it side by side. What serde does by itself to that end weighs 4 kB in Wasm.
#[derive(Serialize, Deserialize)]
struct Flat {
    generation: Generation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<Title>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segment_ms: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part_ms: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window_s: Option<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recording: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retention_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    early_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slate: Option<SlateSettings>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<PushKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clip: Option<Clip>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    captions: Option<Captions>,
    #[serde(default, skip_serializing_if = "SortedMap::is_empty")]
    tracks: SortedMap<TrackName, TrackSettings>,
    #[serde(default, skip_serializing_if = "SortedMap::is_empty")]
    described: SortedMap<TrackName, TrackDescription>,
}

impl TryFrom<Flat> for BroadcastRecord {
    type Error = String;

    fn try_from(flat: Flat) -> Result<Self, String> {
        let event = Event {
            title: flat.title,
            start: flat.start,
            end: flat.end,
            cut: Cut { segment_ms: flat.segment_ms, part_ms: flat.part_ms, window: flat.window_s },
            recording: flat.recording,
            retention_days: flat.retention_days,
            early_s: flat.early_s,
            late_s: flat.late_s,
            slate: flat.slate,
            keys: flat.keys,
            ended: flat.ended,
            deleted: flat.deleted,
            clip: flat.clip,
        };
        event.check()?;
        let settings = BroadcastSettings { captions: flat.captions, tracks: flat.tracks };
        Ok(Self { generation: flat.generation, settings, described: flat.described, event })
    }
}

impl From<BroadcastRecord> for Flat {
    fn from(BroadcastRecord { generation, settings, described, event }: BroadcastRecord) -> Self {
        let BroadcastSettings { captions, tracks } = settings;
        let Cut { segment_ms, part_ms, window } = event.cut;
        Self {
            generation,
            title: event.title,
            start: event.start,
            end: event.end,
            segment_ms,
            part_ms,
            window_s: window,
            recording: event.recording,
            retention_days: event.retention_days,
            early_s: event.early_s,
            late_s: event.late_s,
            slate: event.slate,
            keys: event.keys,
            ended: event.ended,
            deleted: event.deleted,
            clip: event.clip,
            captions,
            tracks,
            described,
        }
    }
}

impl BroadcastRecord {
    /// A broadcast of which the operator says nothing.
    pub fn new(generation: Generation) -> Self {
        Self {
            generation,
            settings: BroadcastSettings::default(),
            described: SortedMap::new(),
            event: Event::default(),
        }
    }

    /// Reads what is stored. `None`: it is being deleted, and is not there for anyone but who deletes it.
    ///
    /// # Errors
    ///
    /// It is no record, or a value in it is none of that name.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, String> {
        from_json::<Self>(bytes).map(|record| Some(record).filter(|record| !record.event.deleted))
    }

    /// Without what only its operator is to see: who pushes to a broadcast may read of it how it is cut and when it is.
    #[must_use]
    pub fn without_keys(mut self) -> Self {
        self.event.keys.clear();
        self
    }

    /// Takes over what encoders say.
    pub fn learn(&mut self, described: &SortedMap<TrackName, TrackDescription>) {
        for (track, said) in described.iter() {
            self.described.get_or_insert_with(track.clone(), TrackDescription::default).learn(said);
        }
    }

    /// As viewers are shown the broadcast: by the settings, and by what encoders say where those say
    /// nothing.
    #[must_use]
    pub fn shown(mut self) -> Self {
        self.settings.complete(&self.described);
        self
    }
}

/// `periods/{n}.json`: what all tracks of period n share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodRecord {
    /// The session whose start made this period.
    pub session: SessionId,
    /// The one map between wall clock and media time, for every rendition (HLS §4.4.4.6).
    pub anchor: Anchor,
    /// In record 0 only: what is fixed once for the whole broadcast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}

/// At `wall`, the media presented is that at `time_ticks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Wall-clock time.
    pub wall: WallMs,
    /// Presentation time on the period's timeline, in `timescale`.
    pub time_ticks: u64,
    /// Timescale of `time_ticks`; tracks with others convert.
    pub timescale: Timescale,
    /// By the encoder's own clock (`prft`); otherwise by when media arrived.
    #[serde(rename = "produced", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_produced: bool,
}

impl Anchor {
    /// Wall-clock time at which the media at `start_ticks + offset_ticks` (in `timescale`) is presented.
    pub fn wall_at(&self, start_ticks: u64, offset_ticks: i64, timescale: Timescale) -> WallMs {
        // Differences are taken in ticks where the timescales are equal, so that nothing is rounded
        // before it must be.
        let media = i128::from(start_ticks).saturating_add(i128::from(offset_ticks));
        let own = i128::from(timescale.ticks_per_second());
        let (difference, unit) = if timescale == self.timescale {
            (media.saturating_sub(i128::from(self.time_ticks)), own)
        } else {
            let its = i128::from(self.timescale.ticks_per_second());
            let there = i128::from(self.time_ticks).saturating_mul(own);
            (media.saturating_mul(its).saturating_sub(there), own.saturating_mul(its))
        };
        let after_ms = rounded_div(difference.saturating_mul(1000), unit);
        self.wall.plus_ms(i64::try_from(after_ms).unwrap_or(i64::MAX))
    }

    /// The first media time in ticks of `timescale` that is presented at `wall` or later; the anchor's
    /// own, where that is before it.
    pub fn time_at(&self, wall: WallMs, timescale: Timescale) -> u64 {
        let after_ms = u64::try_from(wall.since_ms(self.wall)).unwrap_or(0);
        let ticks = self.time_in(timescale).saturating_add(timescale.ticks_from_ms(after_ms));
        ticks.saturating_add(u64::from(self.wall_at(ticks, 0, timescale) < wall))
    }

    /// The anchor's media time in ticks of `timescale`.
    pub fn time_in(&self, timescale: Timescale) -> u64 {
        self.timescale.convert_ticks(self.time_ticks, timescale)
    }
}

/// To nearest, halves up, the same for every reader.
fn rounded_div(value: i128, unit: i128) -> i128 {
    let (value, unit) = (value.saturating_mul(2).saturating_add(unit), unit.saturating_mul(2));
    // Nearly always 64 bits are enough, and dividing 128 takes ten times as long.
    match (i64::try_from(value), i64::try_from(unit)) {
        (Ok(value), Ok(unit)) => value.checked_div_euclid(unit).map_or(0, i128::from),
        _ => value.checked_div_euclid(unit).unwrap_or(0),
    }
}

/// What is fixed once, in period record 0, so that every reader renders alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// EXT-X-TARGETDURATION, in seconds (HLS §4.4.3.1). Never changes.
    pub target_duration_s: u32,
    /// A segment ends at the first independent part this long after it began, less half a part.
    pub segment_ms: u32,
    /// Nominal part length.
    pub part_ms: u32,
    /// The encoder sends whole segments: playlists list no parts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole_segments: bool,
    /// How much a live playlist lists.
    pub window_ms: u32,
}

impl Shape {
    /// How many segments, counted from the newest closed one, are listed live: as many as fit into the
    /// window, at least six and at least three target durations (HLS §6.2.2, Apple's authoring rules).
    /// It never grows by more than what is added, so MEDIA-SEQUENCE never falls.
    pub fn listed<'s>(&self, newest_first: impl Iterator<Item = &'s Segment>) -> usize {
        let target_us = u64::from(self.target_duration_s).saturating_mul(1_000_000);
        let window_us = u64::from(self.window_ms).saturating_mul(1000);
        let least_us = target_us.saturating_mul(3);
        let mut total_us = 0_u64;
        let mut count = 0_usize;
        for segment in newest_first {
            let longer_us = total_us.saturating_add(segment.duration_us());
            if longer_us > window_us && count >= 6 && total_us >= least_us {
                break;
            }
            total_us = longer_us;
            count = count.saturating_add(1);
        }
        count
    }

    /// PART-HOLD-BACK (HLS §4.4.3.8): 3.5 nominal parts. PART-TARGET is at most 7/6 of one, so it is at
    /// least three of those. `None` where playlists list no parts.
    pub fn part_hold_back_ms(&self) -> Option<u64> {
        (!self.whole_segments).then(|| u64::from(self.part_ms).saturating_mul(7).div_ceil(2))
    }
}

/// `{track}/begin.json`: where a track's chain begins, and what is its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// What the track carries.
    pub kind: TrackKind,
    /// Session of its first part.
    pub session: SessionId,
    /// Decode time of its first sample, in `timescale`.
    pub start_ticks: u64,
    /// Timescale of the first session.
    pub timescale: Timescale,
    /// The period it joins in.
    pub period: u32,
    /// PART-TARGET, in ticks of `timescale`; no part is longer (HLS §4.4.3.7).
    pub part_target_ticks: u64,
    /// Media sequence number of its first segment, 1 or later.
    pub first_msn: u64,
}

/// Reads stored JSON; what a hostile bucket may have put there is an error, never a panic.
pub fn from_json<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, String> {
    if bytes.len() > crate::limits::STORED_JSON_BYTES {
        return Err(format!("stored JSON of {} bytes is larger than anything Rimcast writes", bytes.len()));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// Writes stored JSON.
pub fn to_json<T: Serialize>(value: &T) -> String {
    // Serialising these plain structs cannot fail; an empty text would be refused by every reader.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_clock_for_all_timescales() {
        let anchor = Anchor {
            wall: WallMs(1_000_000),
            time_ticks: 90_000,
            timescale: Timescale::new(90_000).unwrap(),
            is_produced: false,
        };
        let audio = Timescale::new(48_000).unwrap();
        assert_eq!(anchor.wall_at(90_000, 0, anchor.timescale), WallMs(1_000_000));
        assert_eq!(anchor.wall_at(96_000, 0, audio), WallMs(1_001_000));
        assert_eq!(anchor.wall_at(0, -1024, audio), WallMs(1_000_000 - 1000 - 21));
        assert!(anchor.wall_at(u64::MAX, i64::MAX, audio).0 > 0);
        assert_eq!(anchor.time_at(WallMs(1_001_000), audio), 96_000);
        assert_eq!(anchor.time_at(WallMs(0), audio), 48_000);
        assert_eq!(anchor.time_at(WallMs(1_000_400), Timescale::new(1).unwrap()), 2);
    }
}
