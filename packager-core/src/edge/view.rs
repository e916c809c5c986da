//! Which part of a broadcast a viewer asks for: live, live by some time later, or from one moment on.

use std::fmt;

use super::place::VIEW;
use super::response::Response;
use crate::log::{BroadcastLog, TimeRange};
use crate::time::WallMs;

/// Longest delay: a week, in seconds.
const LONGEST_DELAY_S: u64 = 7 * 86_400;

/// What is asked for, in the query of a multivariant playlist or a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Live,
    Range {
        start: Option<Moment>,
        end: Option<Moment>,
    },
    Delay {
        seconds: u64,
    },
    /// What a clip of the broadcast shows.
    Clip(TimeRange),
}

/// A time, or so many seconds ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    At(WallMs),
    AgoS(u64),
}

/// What of a broadcast is shown. It is in the URLs of media playlists, the same for all who ask for about the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum View {
    /// The newest.
    Live,
    /// What was live so many seconds ago.
    Delayed { seconds: u64 },
    /// What was broadcast in a range.
    Range(TimeRange),
}

const WHICH_MOMENT: &str =
    "start and end are seconds ago, such as 3600, or a time, such as 2027-01-15T08:00:00Z";

impl Wish {
    /// Reads a query. What means nothing here is ignored.
    ///
    /// # Errors
    ///
    /// Says what a value must be.
    pub(super) fn parse(query: &str) -> Result<Self, &'static str> {
        let mut given: [Option<&str>; 3] = [None; 3];
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slots = VIEW.iter().zip(&mut given);
            if let Some((_, slot)) = slots.into_iter().find(|(parameter, _)| **parameter == name)
                && slot.replace(value).is_some()
            {
                return Err("start, end and delay may each be given once");
            }
        }
        let [start, end, delay] = given;
        if let Some(delay) = delay {
            if start.is_some() || end.is_some() {
                return Err("delay shifts live, start and end name a range: give the one or the other");
            }
            let seconds = number(delay).filter(|seconds| *seconds <= LONGEST_DELAY_S);
            let seconds = seconds.ok_or("delay is a number of seconds, a week at most")?;
            return Ok(if seconds == 0 { Self::Live } else { Self::Delay { seconds } });
        }
        if start.is_none() && end.is_none() {
            return Ok(Self::Live);
        }
        let moment =
            |text: Option<&str>| text.map(|text| Moment::parse(text).ok_or(WHICH_MOMENT)).transpose();
        Ok(Self::Range { start: moment(start)?, end: moment(end)? })
    }

    /// What that is now, in a broadcast of which the record 0 is known.
    pub(super) fn resolve(self, log: &BroadcastLog, now: WallMs) -> Result<View, &'static str> {
        let begins = log.periods().first().map_or(now, |first| first.anchor.wall);
        let (start, end) = match self {
            Self::Live => return Ok(View::Live),
            Self::Delay { seconds } => return Ok(View::Delayed { seconds }),
            Self::Range { start, end } => (start, end),
            Self::Clip(range) => (Some(Moment::At(range.start)), range.end.map(Moment::At)),
        };
        let start = start.map_or(begins, |start| start.at(now)).max(begins);
        let end = end.map(|end| end.at(now));
        if start > now {
            return Err("start lies in the future");
        }
        if end.is_some_and(|end| end <= start) {
            return Err("end must be later than start, and than the broadcast's beginning");
        }
        let Some(shape) = log.shape() else { return Err("nothing was broadcast yet") };
        Ok(View::Range(TimeRange { start, end }.snapped(begins, shape)))
    }
}

impl Moment {
    fn parse(text: &str) -> Option<Self> {
        if let Some(seconds) = number(text) {
            return Some(Self::AgoS(seconds));
        }
        // As forms write what separates hours from minutes.
        let text = text.replace("%3A", ":").replace("%3a", ":").replace("%2B", "+").replace("%2b", "+");
        date(&text).map(Self::At)
    }

    fn at(self, now: WallMs) -> WallMs {
        match self {
            Self::At(wall) => wall,
            Self::AgoS(seconds) => {
                now.plus_ms(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX).saturating_neg())
            }
        }
    }
}

/// A number in one spelling, of at most ten digits.
fn number(digits: &str) -> Option<u64> {
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit()) && (!digits.starts_with('0') || digits == "0");
    digits.parse().ok().filter(|_| is_plain && digits.len() <= 10)
}

/// A date and time of ISO 8601, to the minute or finer, with its offset from UTC.
fn date(text: &str) -> Option<WallMs> {
    let (date, rest) = text.split_once('T')?;
    let (time, offset_minutes) = match rest.strip_suffix('Z') {
        Some(time) => (time, 0),
        None => {
            let at = rest.rfind(['+', '-'])?;
            let (time, offset) = (rest.get(..at)?, rest.get(at..)?);
            let (hours, minutes) = offset.get(1..)?.split_once(':')?;
            let minutes = i64::from(two(hours)?).checked_mul(60)?.checked_add(i64::from(two(minutes)?))?;
            (time, if offset.starts_with('-') { minutes.checked_neg()? } else { minutes })
        }
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, two(parts.next()?)?, two(parts.next()?)?);
    let is_year = year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()) && parts.next().is_none();
    let year: i32 = year.parse().ok().filter(|_| is_year)?;
    let day = time::Date::from_calendar_date(year, time::Month::try_from(month).ok()?, day).ok()?;
    let mut parts = time.split(':');
    let (hour, minute) = (two(parts.next()?)?, two(parts.next()?)?);
    let (second, fraction) = match parts.next() {
        None => (0, ""),
        Some(second) => match second.split_once('.') {
            None => (two(second)?, ""),
            Some((second, fraction)) => (two(second)?, Some(fraction).filter(|digits| !digits.is_empty())?),
        },
    };
    if parts.next().is_some() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let ms: u16 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let moment = day.with_hms_milli(hour, minute, second, ms).ok()?.assume_utc();
    let ms = i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()?;
    Some(WallMs(ms).plus_ms(offset_minutes.checked_mul(-60_000)?))
}

fn two(digits: &str) -> Option<u8> {
    let is_plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| is_plain)
}

/// What the URL of a media playlist ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlaylistFile {
    pub(super) view: View,
    /// It lists the frames that can be shown by themselves, and nothing else (EXT-X-I-FRAMES-ONLY, HLS §4.4.3.6).
    pub(super) of_frames: bool,
}

impl PlaylistFile {
    /// Reads one in its one spelling.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let name = file.strip_suffix(".m3u8")?;
        let (of_frames, view) = match name {
            "index" => (false, None),
            "frames" => (true, None),
            _ => match name.strip_prefix("frames-") {
                Some(view) => (true, Some(view)),
                None => (false, Some(name)),
            },
        };
        let wall = |digits: &str| {
            let ms: i64 = digits.parse().ok()?;
            (digits.bytes().all(|b| b.is_ascii_digit()) && ms.to_string() == digits).then_some(WallMs(ms))
        };
        let view = match view.map(|view| view.split_once('-')) {
            None => View::Live,
            Some(None) => return None,
            Some(Some(("delay", seconds))) => {
                let seconds = number(seconds).filter(|seconds| (1..=LONGEST_DELAY_S).contains(seconds));
                View::Delayed { seconds: seconds? }
            }
            Some(Some(("from", start))) => View::Range(TimeRange { start: wall(start)?, end: None }),
            Some(Some((start, end))) => {
                let (start, end) = (wall(start)?, wall(end)?);
                View::Range(TimeRange { start, end: Some(end).filter(|end| *end > start).map(Some)? })
            }
        };
        Some(Self { view, of_frames })
    }
}

impl fmt::Display for PlaylistFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = if self.of_frames { "frames-" } else { "" };
        match self.view {
            View::Live => f.write_str(if self.of_frames { "frames.m3u8" } else { "index.m3u8" }),
            View::Delayed { seconds } => write!(f, "{frames}delay-{seconds}.m3u8"),
            View::Range(TimeRange { start, end: None }) => write!(f, "{frames}from-{}.m3u8", start.0),
            View::Range(TimeRange { start, end: Some(end) }) => {
                write!(f, "{frames}{}-{}.m3u8", start.0, end.0)
            }
        }
    }
}

/// What is said when nothing of the broadcast is in a range, or not yet.
pub(super) fn nothing_there(view: View) -> Response {
    match view {
        View::Delayed { .. } => {
            Response::error(503, "delayed by that, the broadcast has not begun; ask again")
        }
        View::Live | View::Range(_) => {
            Response::error(404, "nothing of the broadcast is kept from that time")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_seconds_ago_or_times() {
        let at = |text| match Moment::parse(text) {
            Some(Moment::At(wall)) => wall.0,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(Moment::parse("3600"), Some(Moment::AgoS(3600)));
        for text in [
            "2027-01-15T08:00:00Z",
            "2027-01-15T08:00Z",
            "2027-01-15T08:00:00.000Z",
            "2027-01-15T09:30:00+01:30",
            "2027-01-15T09%3A30%3A00%2B01%3a30",
            "2027-01-15T03:00:00-05:00",
        ] {
            assert_eq!(at(text), 1_800_000_000_000, "{text}");
        }
        assert_eq!(at("2027-01-15T08:00:00.25Z"), 1_800_000_000_250);
        for bad in [
            "",
            "-5",
            "+5",
            "1.5",
            "007",
            "99999999999",
            "yesterday",
            "2027-01-15",
            "2027-01-15T08:00:00",
            "2027-02-30T08:00:00Z",
            "2027-01-15T25:00:00Z",
            "2027-01-15T08:00:00.Z0",
            "27-01-15T08:00:00Z",
            "2027-01-15T08:00:00+1:00",
            "2027-1-15T08:00:00Z",
            "2027-01-15T08:00:0Z",
            "2027-01-15T08:00:00:00Z",
        ] {
            assert_eq!(Moment::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn wishes_are_read_from_queries() {
        let range = |start, end| Ok(Wish::Range { start, end });
        let ago = |seconds| Some(Moment::AgoS(seconds));
        for (query, wish) in [
            ("", Ok(Wish::Live)),
            ("utm=x", Ok(Wish::Live)),
            ("delay=0", Ok(Wish::Live)),
            ("delay=30", Ok(Wish::Delay { seconds: 30 })),
            ("start=60", range(ago(60), None)),
            ("end=5&start=60", range(ago(60), ago(5))),
            ("end=5", range(None, ago(5))),
        ] {
            assert_eq!(Wish::parse(query), wish, "{query}");
        }
        for bad in ["start=", "start=x", "start=1&start=2", "delay=-1", "delay=604801", "delay=5&start=6"] {
            assert!(Wish::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn files_have_one_spelling() {
        for file in [
            "index.m3u8",
            "frames.m3u8",
            "delay-30.m3u8",
            "frames-delay-30.m3u8",
            "from-1800000000000.m3u8",
            "frames-from-0.m3u8",
            "1800000000000-1800000002000.m3u8",
            "frames-1-2.m3u8",
        ] {
            assert_eq!(PlaylistFile::parse(file).map(|read| read.to_string()).as_deref(), Some(file));
        }
        for bad in [
            "index",
            ".m3u8",
            "from-.m3u8",
            "from-01.m3u8",
            "from--1.m3u8",
            "2-1.m3u8",
            "1-1.m3u8",
            "1.m3u8",
            "delay-0.m3u8",
            "delay-604801.m3u8",
            "frames-index.m3u8",
            "frames-.m3u8",
            "1-2-3.m3u8",
            "+1-2.m3u8",
        ] {
            assert_eq!(PlaylistFile::parse(bad), None, "{bad}");
        }
    }
}
