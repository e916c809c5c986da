//! A moment of a recording, as it is said on the command line.

use std::str::FromStr;

use packager_core::time::WallMs;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// So many milliseconds after the recording begins.
    Recorded(u64),
    /// A time of day.
    Wall(WallMs),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is no moment; say 90.5, 01:30:00 or 2026-11-25T18:00:00Z");
        if text.contains('T') {
            let date = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?;
            let ms = i64::try_from(date.unix_timestamp_nanos().div_euclid(1_000_000)).map_err(|_| wrong())?;
            return Ok(Self::Wall(WallMs(ms)));
        }
        let fields: Vec<&str> = text.split(':').collect();
        let (last, higher) = fields.split_last().filter(|(_, higher)| higher.len() < 3).ok_or_else(wrong)?;
        let whole = |field: &str| -> Result<u64, String> {
            if field.is_empty() || field.len() > 9 || !field.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong());
            }
            field.parse().map_err(|_| wrong())
        };
        let (seconds, thousandths) = last.split_once('.').unwrap_or((last, "0"));
        let padded = format!("{thousandths:0<3}");
        let ms = whole(padded.get(..3).ok_or_else(wrong)?)?;
        whole(thousandths)?;
        let mut total = 0;
        for field in higher.iter().chain([&seconds]) {
            total = total * 60 + whole(field)?;
        }
        Ok(Self::Recorded(total * 1000 + ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (text, ms) in
            [("0", 0), ("90.5", 90_500), ("1:30", 90_000), ("01:02:03.045", 3_723_045), ("7.12345", 7123)]
        {
            assert_eq!(text.parse(), Ok(Moment::Recorded(ms)), "{text}");
        }
        assert_eq!("1970-01-01T01:00:00.25+01:00".parse(), Ok(Moment::Wall(WallMs(250))));
        for wrong in ["", "-1", "1:2:3:4", "1.", "1:", "noon", "2026-11-25T18:00", "9999999999"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }
}
