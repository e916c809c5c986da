//! How values are written in playlists: integers, decimal seconds, dates. Written by hand, since a
//! playlist is mostly these, and is rendered for every part.

use crate::time::{Timescale, WallMs};

/// Appends a decimal integer.
pub(super) fn push_integer(to: &mut String, value: u64) {
    to.push_str(itoa::Buffer::new().format(value));
}

/// Appends `width` digits, with leading zeros.
fn push_digits(to: &mut String, value: u64, width: usize) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(value);
    let zeros = width.saturating_sub(digits.len());
    to.push_str("00000000".get(..zeros).unwrap_or_default());
    to.push_str(digits);
}

/// Hundred-thousandths of a second: the precision of every duration in a playlist.
const UNITS_PER_SECOND: u64 = 100_000;

/// Appends seconds with five decimals, rounded to nearest.
pub(super) fn push_seconds(to: &mut String, ticks: u64, timescale: Timescale) {
    push_units(to, crate::time::scale(ticks, UNITS_PER_SECOND, u64::from(timescale.ticks_per_second())));
}

/// Appends seconds with five decimals, rounded up: for a value that others must not exceed.
pub(super) fn push_seconds_up(to: &mut String, ticks: u64, timescale: Timescale) {
    let product = u128::from(ticks).saturating_mul(u128::from(UNITS_PER_SECOND));
    let units = product.div_ceil(u128::from(timescale.ticks_per_second()));
    push_units(to, u64::try_from(units).unwrap_or(u64::MAX));
}

/// Appends milliseconds as seconds with three decimals.
pub(super) fn push_ms(to: &mut String, ms: u64) {
    push_integer(to, ms / 1000);
    to.push('.');
    push_digits(to, ms % 1000, 3);
}

fn push_units(to: &mut String, units: u64) {
    push_integer(to, units / UNITS_PER_SECOND);
    to.push('.');
    push_digits(to, units % UNITS_PER_SECOND, 5);
}

/// Writes dates; most of a playlist's fall on one day.
#[derive(Debug, Default)]
pub(super) struct Dates {
    day: Option<(i64, String)>,
}

const DAY_MS: i64 = 86_400_000;

impl Dates {
    /// Appends an ISO 8601 date in UTC with milliseconds (HLS §4.4.4.6).
    pub(super) fn push(&mut self, to: &mut String, wall: WallMs) {
        let day = wall.0.div_euclid(DAY_MS);
        let ms = wall.0.rem_euclid(DAY_MS).unsigned_abs();
        if self.day.as_ref().is_none_or(|(of, _)| *of != day) {
            self.day = Some((day, date_of(day)));
        }
        if let Some((_, date)) = &self.day {
            to.push_str(date);
        }
        push_digits(to, ms / 3_600_000, 2);
        to.push(':');
        push_digits(to, ms / 60_000 % 60, 2);
        to.push(':');
        push_digits(to, ms / 1000 % 60, 2);
        to.push('.');
        push_digits(to, ms % 1000, 3);
        to.push('Z');
    }
}

/// `2026-11-22T` of a day counted from 1970.
fn date_of(day: i64) -> String {
    let seconds = day.saturating_mul(DAY_MS / 1000);
    let date = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    format!("{:04}-{:02}-{:02}T", date.year(), u8::from(date.month()), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut text = String::new();
        write(&mut text);
        text
    }

    #[test]
    fn values_are_written_exactly() {
        let ntsc = Timescale::new(30_000).unwrap();
        assert_eq!(written(|t| push_integer(t, 0)), "0");
        assert_eq!(written(|t| push_integer(t, u64::MAX)), u64::MAX.to_string());
        assert_eq!(written(|t| push_seconds(t, 15_015, ntsc)), "0.50050");
        assert_eq!(written(|t| push_seconds(t, 1001, ntsc)), "0.03337");
        assert_eq!(written(|t| push_seconds_up(t, 1001, ntsc)), "0.03337");
        assert_eq!(written(|t| push_seconds_up(t, 1, ntsc)), "0.00004");
        assert_eq!(written(|t| push_ms(t, 1750)), "1.750");
        assert_eq!(
            written(|t| Dates::default().push(t, WallMs(1_795_386_196_007))),
            "2026-11-22T22:23:16.007Z"
        );
        assert_eq!(written(|t| Dates::default().push(t, WallMs(-1))), "1969-12-31T23:59:59.999Z");
    }
}
