//! Time as MPDs have it: exactly, as fractions of a second.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Sub};

/// Seconds, as a fraction in lowest terms; a moment is one since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seconds {
    numerator: i128,
    denominator: i128,
}

impl Seconds {
    /// None.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// So many ticks.
    ///
    /// # Panics
    ///
    /// The timescale is 0.
    pub fn ticks(ticks: i128, timescale: u64) -> Self {
        Self::reduced(ticks, i128::from(timescale))
    }

    /// So many milliseconds.
    pub fn ms(ms: i64) -> Self {
        Self::reduced(i128::from(ms), 1000)
    }

    fn reduced(numerator: i128, denominator: i128) -> Self {
        assert!(denominator > 0, "{denominator} ticks in a second");
        let (mut a, mut b) = (numerator.unsigned_abs(), denominator.unsigned_abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let divisor = a.cast_signed();
        Self { numerator: numerator / divisor, denominator: denominator / divisor }
    }

    /// In ticks of a timescale, rounded down.
    pub fn floor_ticks(self, timescale: u64) -> i128 {
        (self.numerator * i128::from(timescale)).div_euclid(self.denominator)
    }

    /// In ticks of a timescale, rounded up.
    pub fn ceil_ticks(self, timescale: u64) -> i128 {
        -(-self.numerator * i128::from(timescale)).div_euclid(self.denominator)
    }

    /// In milliseconds, rounded down.
    pub fn floor_ms(self) -> i128 {
        self.floor_ticks(1000)
    }

    /// A number without a unit or a sign, like `1.25`.
    pub fn decimal(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let denominator = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        let (whole, fraction): (i128, i128) = (whole.parse().ok()?, fraction.parse().ok()?);
        Some(Self::reduced(whole * denominator + fraction, denominator))
    }

    /// An `xs:duration` of days, hours, minutes and seconds. Years and months are of no certain length.
    pub fn duration(text: &str) -> Option<Self> {
        let (days, time) = match text.strip_prefix('P')?.split_once('T') {
            Some((days, time)) if !time.is_empty() => (days, time),
            Some(_) => return None,
            None => (text.strip_prefix('P')?, ""),
        };
        if days.is_empty() && time.is_empty() {
            return None;
        }
        let mut total = Self::ZERO;
        for (mut rest, units) in [(days, &[('D', 86_400)][..]), (time, &[('H', 3600), ('M', 60), ('S', 1)])] {
            for &(unit, seconds) in units {
                if let Some((number, after)) = rest.split_once(unit) {
                    let number = Self::decimal(number)?;
                    if unit != 'S' && number.denominator != 1 {
                        return None;
                    }
                    total = total + Self::reduced(number.numerator * seconds, number.denominator);
                    rest = after;
                }
            }
            if !rest.is_empty() {
                return None;
            }
        }
        Some(total)
    }

    /// An `xs:dateTime` with its time zone.
    pub fn date(text: &str) -> Option<Self> {
        let (local, offset_minutes) = match text.strip_suffix('Z') {
            Some(local) => (local, 0),
            None => {
                let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
                let (hours, minutes) = offset.get(1..)?.split_once(':')?;
                let minutes = number(hours, 2)? * 60 + number(minutes, 2)?;
                match offset.get(..1)? {
                    "+" => (local, minutes),
                    "-" => (local, -minutes),
                    _ => return None,
                }
            }
        };
        let (date, time) = local.split_once('T')?;
        let [year, month, day] = split(date, '-')?;
        let [hour, minute, second] = split(time, ':')?;
        let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
        let (hour, minute) = (number(hour, 2)?, number(minute, 2)?);
        let seconds = Self::decimal(second).filter(|_| second.split('.').next().map(str::len) == Some(2))?;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let length = *lengths.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
        if !(1..=length).contains(&day) || hour > 23 || minute > 59 || seconds >= Self::ticks(60, 1) {
            return None;
        }
        let before: i128 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
        let years = year - 1;
        let days = 365 * years + years / 4 - years / 100 + years / 400 - 719_162 + before + day - 1;
        Some(Self::ticks(((days * 24 + hour) * 60 + minute - offset_minutes) * 60, 1) + seconds)
    }
}

fn number(text: &str, digits: usize) -> Option<i128> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn split(text: &str, by: char) -> Option<[&str; 3]> {
    text.split(by).collect::<Vec<_>>().try_into().ok()
}

impl Add for Seconds {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let numerator = self.numerator * other.denominator + other.numerator * self.denominator;
        Self::reduced(numerator, self.denominator * other.denominator)
    }
}

impl Sub for Seconds {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + Self { numerator: -other.numerator, denominator: other.denominator }
    }
}

impl Ord for Seconds {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.numerator * other.denominator).cmp(&(other.numerator * self.denominator))
    }
}

impl PartialOrd for Seconds {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Rounded to a microsecond: for reading.
impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.floor_ticks(1_000_000);
        write!(f, "{}{}.{:06} s", if us < 0 { "-" } else { "" }, us.abs() / 1_000_000, us.abs() % 1_000_000)
    }
}
