//! Dates as documents have them: RFC 3339, which is what XML Schema's `xs:dateTime` and HLS have too.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::WallMs;

/// A moment in UTC, to the millisecond: `2026-11-22T22:23:16.007Z`.
pub fn iso_date(wall: WallMs) -> String {
    let ms = i128::from(wall.0).saturating_mul(1_000_000);
    let date =
        time::OffsetDateTime::from_unix_timestamp_nanos(ms).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = date.to_calendar_date();
    let (hour, minute, second, ms) = date.to_hms_milli();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Reads a date and time with its distance from UTC (RFC 3339 §5.6). A fraction is cut to milliseconds. `None`: it is
/// none, or lies outside of the years 0 to 9999.
pub fn parse_date(text: &str) -> Option<WallMs> {
    let bytes = text.as_bytes();
    let number = |at: usize, digits: usize| -> Option<u32> {
        let digits = bytes.get(at..at.checked_add(digits)?)?;
        let value = |sum: u32, byte: &u8| {
            byte.is_ascii_digit().then(|| sum.wrapping_mul(10).wrapping_add(u32::from(byte & 0x0f)))
        };
        digits.iter().try_fold(0, value)
    };
    let is = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    let small = |at: usize| u8::try_from(number(at, 2)?).ok();
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let month = time::Month::try_from(small(5)?).ok()?;
    let date = time::Date::from_calendar_date(i32::try_from(number(0, 4)?).ok()?, month, small(8)?).ok()?;
    // A leap second is the last moment before the next minute: no clock of ours has one.
    let second = small(17)?;
    let second = if second == 60 { 59 } else { second };
    let at = date.with_hms(small(11)?, small(14)?, second).ok()?.assume_utc();
    let rest = bytes.get(19..)?;
    let (ms, rest) = match rest.strip_prefix(b".") {
        None => (0, rest),
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let tenths = fraction.iter().take(digits).chain(b"00").take(3);
            let ms =
                tenths.fold(0_i64, |sum, byte| sum.saturating_mul(10).saturating_add(i64::from(byte & 0x0f)));
            let ms = if digits == 0 { return None } else { ms };
            (ms, fraction.get(digits..)?)
        }
    };
    let from = bytes.len().checked_sub(rest.len())?;
    let east_minutes = match rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (small(from.checked_add(1)?)?, small(from.checked_add(4)?)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = i64::from(hours).saturating_mul(60).saturating_add(i64::from(minutes));
            if *sign == b'-' { minutes.saturating_neg() } else { minutes }
        }
        _ => return None,
    };
    let s = at.unix_timestamp().saturating_sub(east_minutes.saturating_mul(60));
    Some(WallMs(s.saturating_mul(1000).saturating_add(ms)))
}

/// A moment, as documents have it: written in UTC, without a fraction where there is none; read with any distance
/// from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub WallMs);

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = iso_date(self.0);
        match text.strip_suffix(".000Z") {
            Some(whole) => write!(f, "{whole}Z"),
            None => f.write_str(&text),
        }
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let wrong = || {
            serde::de::Error::custom(format_args!(
                "{text:?} is no date with time and zone, such as 2026-11-22T20:00:00Z or 2026-11-22T21:00:00+01:00"
            ))
        };
        parse_date(&text).map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_in_utc_and_read_with_any_zone() {
        let wall = WallMs(1_795_386_196_007);
        assert_eq!(iso_date(wall), "2026-11-22T22:23:16.007Z");
        for same in [
            "2026-11-22T22:23:16.007Z",
            "2026-11-22t22:23:16.0079z",
            "2026-11-22 23:23:16.007+01:00",
            "2026-11-22T16:53:16.007-05:30",
        ] {
            assert_eq!(parse_date(same), Some(wall), "{same}");
        }
        assert_eq!(parse_date("1970-01-01T00:00:00Z"), Some(WallMs(0)));
        assert_eq!(parse_date("1969-12-31T23:59:59.5Z"), Some(WallMs(-500)));
        assert_eq!(parse_date("2026-12-31T23:59:60Z"), parse_date("2026-12-31T23:59:59Z"));
        assert_eq!(
            parse_date("2028-02-29T00:00:00-00:00").map(iso_date).as_deref(),
            Some("2028-02-29T00:00:00.000Z")
        );
        assert_eq!(Date(WallMs(1_795_386_196_000)).to_string(), "2026-11-22T22:23:16Z");
        assert_eq!(Date(wall).to_string(), "2026-11-22T22:23:16.007Z");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for bad in [
            "",
            "2026-11-22",
            "2026-11-22T22:23",
            "2026-11-22T22:23:16",
            "2026-11-22T22:23:16.Z",
            "2026-11-22T22:23:16ZZ",
            "2026-11-22T22:23:16+1:00",
            "2026-11-22T22:23:16+24:00",
            "2026-11-22T22:23:16+0100",
            "2026-11-22T22:23:16é",
            "2026-13-22T22:23:16Z",
            "2027-02-29T22:23:16Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T22:23:61Z",
            "+026-11-22T22:23:16Z",
            "2026-11-22T22:23:16.5",
        ] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }
}
