//! How much a playlist lists: `window_s`.

use std::fmt;
use std::str::FromStr;

use packager_core::log::Shape;
use serde::{Deserialize, Deserializer};

/// The longest window that slides: a day. What is longer is `all`.
const LONGEST_S: u32 = 86_400;

/// How much a playlist lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    /// So many seconds.
    Seconds(u32),
    /// The whole broadcast, for as long as it lasts.
    All,
}

impl Window {
    /// As it is fixed for a broadcast.
    pub(crate) fn ms(self) -> u32 {
        match self {
            Self::Seconds(seconds) => seconds.saturating_mul(1000),
            Self::All => Shape::WHOLE_WINDOW_MS,
        }
    }

    /// What it must be beside segments of this length, if it is not.
    pub(crate) fn wrong_with(self, segment_ms: u32) -> Option<String> {
        // HLS §6.2.2: a live playlist is never shorter than three target durations.
        let least_s = (3 * segment_ms).div_ceil(1000);
        let fits = match self {
            Self::Seconds(seconds) => (least_s..=LONGEST_S).contains(&seconds),
            Self::All => true,
        };
        (!fits).then(|| format!("between {least_s} and {LONGEST_S}, or \"all\""))
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            seconds => seconds.parse().map(Self::Seconds).map_err(|_| "seconds, or all".to_owned()),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => seconds.fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) if text == "all" => Ok(Self::All),
            toml::Value::Integer(seconds) => {
                u32::try_from(seconds).map(Self::Seconds).map_err(serde::de::Error::custom)
            }
            _ => Err(serde::de::Error::custom("a window is a number of seconds, or \"all\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_seconds_or_all() {
        assert_eq!("90".parse(), Ok(Window::Seconds(90)));
        assert_eq!("all".parse(), Ok(Window::All));
        assert!("-1".parse::<Window>().is_err() && "".parse::<Window>().is_err());
        assert_eq!((Window::Seconds(90).ms(), Window::All.ms()), (90_000, u32::MAX));
        for (window, fits) in [("5", false), ("6", true), ("86400", true), ("86401", false), ("all", true)] {
            assert_eq!(window.parse::<Window>().unwrap().wrong_with(2000).is_none(), fits, "{window}");
        }
    }
}
