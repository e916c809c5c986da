//! How values are written in playlists: integers, decimal seconds, dates. Written by hand, since a
//! playlist is mostly these, and is rendered for every part.

use crate::time::{Timescale, WallMs};

/// Appends a decimal integer.
pub(super) fn push_integer(to: &mut String, value: u64) {
    push_digits(to, value, 1);
}

/// Appends at least `width` digits.
fn push_digits(to: &mut String, mut value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut used = 0_usize;
    for digit in digits.iter_mut().rev() {
        if value == 0 && used >= width {
            break;
        }
        *digit = b'0'.saturating_add(u8::try_from(value % 10).unwrap_or(0));
        value /= 10;
        used = used.saturating_add(1);
    }
    let start = digits.len().saturating_sub(used);
    if let Some(text) = digits.get(start..).and_then(|text| std::str::from_utf8(text).ok()) {
        to.push_str(text);
    }
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

/// Appends an ISO 8601 date in UTC with milliseconds (HLS §4.4.4.6).
pub(super) fn push_date(to: &mut String, wall: WallMs) {
    let ms = wall.0.rem_euclid(1000).unsigned_abs();
    let date = time::OffsetDateTime::from_unix_timestamp(wall.0.div_euclid(1000))
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    push_digits(to, u64::from(date.year().unsigned_abs()), 4);
    for (mark, value) in [('-', u8::from(date.month())), ('-', date.day()), ('T', date.hour())] {
        to.push(mark);
        push_digits(to, u64::from(value), 2);
    }
    for value in [date.minute(), date.second()] {
        to.push(':');
        push_digits(to, u64::from(value), 2);
    }
    to.push('.');
    push_digits(to, ms, 3);
    to.push('Z');
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
        assert_eq!(written(|t| push_date(t, WallMs(1_795_386_196_007))), "2026-11-22T22:23:16.007Z");
        assert_eq!(written(|t| push_date(t, WallMs(-1))), "1969-12-31T23:59:59.999Z");
    }
}
