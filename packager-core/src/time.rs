//! Clocks: media time in ticks of a track, wall-clock time in milliseconds, and how they convert.
//!
//! Media time is an integer everywhere. Conversions are done in 128 bits and saturate, so that no
//! time an encoder can write makes them overflow.

mod date;

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

pub use date::{Date, iso_date, parse_date};

/// Ticks per second of a track (`mdhd.timescale`, ISO/IEC 14496-12 §8.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timescale(pub NonZeroU32);

/// Milliseconds since 1970-01-01T00:00:00Z. The host's clock gives it; core never asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallMs(pub i64);

impl Timescale {
    /// A timescale, or `None` when the header says zero.
    pub fn new(ticks_per_second: u32) -> Option<Self> {
        NonZeroU32::new(ticks_per_second).map(Self)
    }

    /// Ticks in one second.
    pub fn ticks_per_second(self) -> u32 {
        self.0.get()
    }

    /// Milliseconds to ticks, rounded to the nearest tick.
    pub fn ticks_from_ms(self, ms: u64) -> u64 {
        scale(ms, u64::from(self.0.get()), 1000)
    }

    /// Ticks to milliseconds, rounded to the nearest millisecond.
    pub fn ms_from_ticks(self, ticks: u64) -> u64 {
        scale(ticks, 1000, u64::from(self.0.get()))
    }

    /// The same moment in ticks of `other`, rounded to the nearest tick.
    pub fn convert_ticks(self, ticks: u64, other: Timescale) -> u64 {
        scale(ticks, u64::from(other.0.get()), u64::from(self.0.get()))
    }
}

/// `value * numerator / denominator`, rounded to nearest, saturating. Zero when `denominator` is.
pub fn scale(value: u64, numerator: u64, denominator: u64) -> u64 {
    // Nearly always 64 bits are enough, and dividing 128 takes ten times as long.
    if let Some(rounded) =
        value.checked_mul(numerator).and_then(|product| product.checked_add(denominator / 2))
    {
        return rounded.checked_div(denominator).unwrap_or(0);
    }
    let product = u128::from(value).saturating_mul(u128::from(numerator));
    let rounded = product.saturating_add(u128::from(denominator / 2));
    u64::try_from(rounded.checked_div(u128::from(denominator)).unwrap_or(0)).unwrap_or(u64::MAX)
}

impl WallMs {
    /// This moment, `ms` later (earlier when negative), saturating.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; negative when `earlier` is later.
    pub fn since_ms(self, earlier: WallMs) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_round_to_nearest_and_saturate() {
        let ntsc = Timescale::new(30_000).unwrap();
        assert_eq!(ntsc.ticks_from_ms(500), 15_000);
        assert_eq!(ntsc.ms_from_ticks(1001), 33);
        assert_eq!(
            Timescale::new(44_100).unwrap().ms_from_ticks(u64::MAX / 2),
            scale(u64::MAX / 2, 1000, 44_100)
        );
        assert_eq!(
            Timescale::new(1).unwrap().convert_ticks(u64::MAX, Timescale::new(90_000).unwrap()),
            u64::MAX
        );
        assert_eq!(Timescale::new(0), None);
    }
}
