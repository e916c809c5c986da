//! Names that appear in keys and URLs. All are `[a-z0-9][a-z0-9-]{0,62}`, so none can climb out of
//! its folder, need escaping in a URL, or differ only in case on a file system that folds it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::time::WallMs;

/// Longest name, in bytes.
pub const NAME_BYTES: usize = 63;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{must}; got {shown:?}")]
pub struct NameError {
    /// What a name is.
    must: &'static str,
    /// The refused text, cut to its first 80 characters.
    pub shown: String,
}

impl NameError {
    fn new(must: &'static str, text: &str) -> Self {
        Self { must, shown: text.chars().take(80).collect() }
    }
}

/// What a host's own URLs begin with is no broadcast.
const RESERVED: [&str; 3] = ["api", "healthz", "ingest"];

fn check(text: &str) -> Result<(), NameError> {
    let starts_well = text.bytes().next().is_some_and(|b| b != b'-');
    let all_allowed = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if starts_well && all_allowed && text.len() <= NAME_BYTES {
        Ok(())
    } else {
        Err(NameError::new(
            "a name is 1 to 63 characters of a-z, 0-9 and '-', and starts with a letter or digit",
            text,
        ))
    }
}

fn check_broadcast(text: &str) -> Result<(), NameError> {
    check(text)?;
    if RESERVED.contains(&text) {
        return Err(NameError::new(
            "no broadcast can have this name, since the server has pages of its own there",
            text,
        ));
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text against the rule for names.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                $check(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The name as it stands in keys and URLs.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// What a viewer's URL names: one scheduled event.
    BroadcastName, check_broadcast
}
name! {
    /// Minted when a broadcast is created, so that a name used again never meets old bytes.
    Generation, check
}
name! {
    /// One CMAF track of a broadcast: `video-0`, `audio-en`.
    TrackName, check
}
name! {
    /// One run of one encoder, all its tracks. Ids sort by the time they were minted.
    SessionId, check
}

impl Generation {
    /// A new id out of the host's clock and randomness.
    pub fn mint(now: WallMs, random: u64) -> Self {
        Self(Arc::from(minted(now, random)))
    }
}

impl SessionId {
    /// A new id out of the host's clock and randomness.
    pub fn mint(now: WallMs, random: u64) -> Self {
        Self(Arc::from(minted(now, random)))
    }

    /// The id of a run of the [slate](crate::slate), which is no encoder's. Whoever begins one at the same time names it
    /// alike.
    pub fn of_slate(begins: WallMs) -> Self {
        Self(Arc::from(base36(begins.0.unsigned_abs(), 9) + SLATE))
    }

    /// Whether this is a run of the slate.
    pub fn is_slate(&self) -> bool {
        self.0.len() == MINTED_BYTES && self.0.ends_with(SLATE)
    }

    /// When it was minted; `None` where its name was made otherwise.
    pub fn minted_at(&self) -> Option<WallMs> {
        let digits = self.0.get(..9).filter(|_| self.0.len() == MINTED_BYTES)?;
        i64::from_str_radix(digits, 36).ok().map(WallMs)
    }

    /// The id that sorts right after `self` would, were it minted at the same moment: keeps ids in
    /// order when a clock stands still or goes back between two sessions.
    #[must_use]
    pub fn mint_after(&self, now: WallMs, random: u64) -> Self {
        let fresh = Self::mint(now, random);
        if fresh > *self {
            return fresh;
        }
        Self::mint(self.minted_at().unwrap_or(now).plus_ms(1), random)
    }
}

/// Length of what is minted.
const MINTED_BYTES: usize = 14;

/// What stands in place of the random digits where the slate runs.
const SLATE: &str = "slate";

/// Nine base-36 digits of milliseconds (good until the year 5188), then five of randomness.
fn minted(now: WallMs, random: u64) -> String {
    let mut id = base36(now.0.unsigned_abs(), 9);
    id.push_str(&base36(random, 5));
    id
}

fn base36(mut value: u64, digits: usize) -> String {
    let mut reversed = String::with_capacity(digits);
    for _ in 0..digits {
        let digit = u32::try_from(value % 36).unwrap_or(0);
        reversed.push(char::from_digit(digit, 36).unwrap_or('0'));
        value /= 36;
    }
    reversed.chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_folder() {
        for bad in ["", "-a", "A", "..", "a/b", "a.b", "%2f", "é", &"a".repeat(64)] {
            assert!(BroadcastName::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "0", "a-b", &"a".repeat(63)] {
            assert!(BroadcastName::parse(good).is_ok(), "{good:?}");
        }
        for reserved in RESERVED {
            assert!(BroadcastName::parse(reserved).is_err() && TrackName::parse(reserved).is_ok());
        }
    }

    #[test]
    fn minted_ids_sort_by_time_even_when_the_clock_goes_back() {
        let first = SessionId::mint(WallMs(1_790_000_000_000), 7);
        let later = SessionId::mint(WallMs(1_790_000_000_001), 3);
        assert!(later > first);
        assert!(first.mint_after(WallMs(5), 0) > first);
        assert!(SessionId::parse(first.as_str()).is_ok());
        let slate = SessionId::of_slate(WallMs(1_790_000_000_005));
        assert!(
            slate.is_slate() && !later.is_slate() && slate > later && later.mint_after(WallMs(0), 7) < slate
        );
        assert!(slate.mint_after(WallMs(5), 0) > slate);
        assert_eq!(slate.minted_at(), Some(WallMs(1_790_000_000_005)));
    }
}
