//! Times as people write and read them: in their own zone, beside UTC.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use packager_core::time::{Date, WallMs, parse_date};
use serde_json::Value;

/// A zone that times are shown in.
pub(super) struct Zone(TimeZone);

impl Zone {
    /// This machine's.
    pub(super) fn here() -> Self {
        Self(TimeZone::system())
    }

    #[cfg(test)]
    pub(super) fn berlin() -> Self {
        Self(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
    }

    fn read(&self, text: &str) -> Result<Date, String> {
        if let Some(date) = parse_date(text) {
            return Ok(Date(date));
        }
        let wrong = || {
            format!(
                "{text:?} is no time; write 2026-11-25T20:00:00+01:00, or `2026-11-25 20:00` in local time"
            )
        };
        let local: civil::DateTime = text.parse().map_err(|_| wrong())?;
        // A date alone would be midnight, which nobody means.
        if !text.contains(':') {
            return Err(wrong());
        }
        // A local time that there is twice, or not at all, must not be guessed.
        let zoned = self.0.to_ambiguous_zoned(local).unambiguous().map_err(|_| {
            format!("{text:?} is a time that clocks skip, or show twice, in this zone; write it with its offset, as in {text}+01:00")
        })?;
        Ok(Date(WallMs(zoned.timestamp().as_millisecond())))
    }

    /// A stored time, in this zone and in UTC.
    pub(super) fn show(&self, stored: &str) -> String {
        let shown =
            parse_date(stored).and_then(|wall| Timestamp::from_millisecond(wall.0).ok()).map(|moment| {
                let local = moment.to_zoned(self.0.clone());
                format!("{} ({stored})", local.strftime("%a %Y-%m-%d %H:%M:%S %Z"))
            });
        shown.unwrap_or_else(|| stored.to_owned())
    }
}

/// Reads a time with its offset, or a local one.
pub(super) fn parse(text: &str) -> Result<Date, String> {
    Zone::here().read(text)
}

/// Reads a moment of a recording as the API has it: `90`, `1:30` and `1:02:03` are seconds since it began; or a time.
pub(super) fn moment(text: &str) -> Result<Value, String> {
    let fields: Vec<&str> = text.split(':').collect();
    let is_number = |field: &&str| !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
    if fields.len() > 3 || !fields.iter().all(is_number) {
        let why = |why| format!("{why}; or how long after the recording begins: 90, 1:30 or 1:02:03");
        return parse(text).map(|date| date.to_string().into()).map_err(why);
    }
    let add = |sum: u32, field: &&str| sum.checked_mul(60)?.checked_add(field.parse().ok()?);
    let seconds = fields.iter().try_fold(0, add);
    seconds.map(Value::from).ok_or_else(|| format!("{text:?} is longer than any recording"))
}

/// Reads how long something lasts, in whole seconds: `90`, `90s`, `30m`, `2h`, `7d`.
pub(super) fn seconds(text: &str) -> Result<u32, String> {
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1), ("", 1)];
    let read = units.iter().find_map(|(unit, seconds)| {
        let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    });
    read.ok_or_else(|| format!("{text:?} is no time that passes; write 90s, 30m, 2h or 7d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_read_and_shown_beside_utc() {
        let berlin = Zone::berlin();
        let read = |text: &str| berlin.read(text).map(|date| date.to_string());
        for (text, utc) in [
            ("2026-11-25 20:00", "2026-11-25T19:00:00Z"),
            ("2026-11-25T20:00:30", "2026-11-25T19:00:30Z"),
            ("2026-07-25 20:00", "2026-07-25T18:00:00Z"),
            ("2026-11-25T20:00:00Z", "2026-11-25T20:00:00Z"),
            ("2026-11-25T20:00:00-05:00", "2026-11-26T01:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(utc), "{text}");
        }
        // Clocks go forward, and back.
        assert!(read("2026-03-29 02:30").unwrap_err().contains("clocks skip"));
        assert!(read("2026-10-25 02:30").unwrap_err().contains("show twice"));
        for bad in ["tomorrow", "2026-11-25", "20:00", ""] {
            assert!(read(bad).unwrap_err().contains("is no time"), "{bad}");
        }
        assert_eq!(berlin.show("2026-11-25T19:00:00Z"), "Wed 2026-11-25 20:00:00 CET (2026-11-25T19:00:00Z)");
        assert_eq!(berlin.show("never"), "never");
    }

    #[test]
    fn moments_are_times_or_since_the_beginning() {
        for (text, s) in
            [("0", 0), ("90", 90), ("1:30", 90), ("20:00", 1200), ("01:02:03", 3723), ("90:00", 5400)]
        {
            assert_eq!(moment(text), Ok(s.into()), "{text}");
        }
        assert_eq!(moment("2026-11-25T20:00:00+01:00"), Ok("2026-11-25T19:00:00Z".into()));
        for bad in ["", "-1", "1:", "1:2:3:4", "1.5", "noon", "99999999999"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn how_long_something_lasts() {
        for (text, s) in [("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800)] {
            assert_eq!(seconds(text), Ok(s), "{text}");
        }
        for bad in ["", "h", "-1", "1.5h", "2 h", "99999999999", "99999999d"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
