//! What the operator says of a broadcast as an event: when it is, how its media is cut and kept, who may push to it,
//! and that it is over. Part of `broadcast.json`, and checked when it is read.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::clip::Clip;
use super::record::Shape;
use super::settings::Title;
use super::slate::SlateSettings;
use crate::limits;
use crate::time::{Date, WallMs};

/// Shortest segment that ends at a keyframe, in milliseconds.
pub const SEGMENT_MS: RangeInclusive<u32> = 500..=10_000;

/// Nominal length of a part, in milliseconds; never more than half a segment.
pub const PART_MS: RangeInclusive<u32> = 100..=2000;

/// How much of the past a playlist may list, in seconds, where it is not all of it.
pub const WINDOW_S: RangeInclusive<u32> = 2..=604_800;

/// How long before its start and after its end a broadcast may be pushed to, in seconds.
pub const MARGIN_S: RangeInclusive<u32> = 0..=2_592_000;

/// The margins where nothing is said of them.
pub const USUAL_MARGIN_S: u32 = 3600;

/// How long a recording may be kept, in days.
pub const RETENTION_DAYS: RangeInclusive<u32> = 1..=36_500;

/// An event, as far as the operator says anything of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// What it is called.
    pub title: Option<Title>,
    /// When it starts.
    pub start: Option<Date>,
    /// When it ends.
    pub end: Option<Date>,
    /// How media is cut.
    pub cut: Cut,
    /// Whether what was sent stays to be watched once it has ended; it does where nothing is said.
    pub recording: Option<bool>,
    /// For how many days after its end what is stored is to be kept.
    pub retention_days: Option<u32>,
    /// How long before `start` pushes are taken, in seconds.
    pub early_s: Option<u32>,
    /// How long after `end` pushes are taken, in seconds.
    pub late_s: Option<u32>,
    /// What is shown before the encoder comes, and while it is away; nothing where nothing is said.
    pub slate: Option<SlateSettings>,
    /// Who may push to it, beside who may push to every broadcast. The newest is the last.
    pub keys: Vec<PushKey>,
    /// It has ended.
    pub ended: Option<Ended>,
    /// It is being deleted: to everyone but who deletes it, it is not there any more.
    pub deleted: bool,
    /// It is a range of another, and has no media of its own.
    pub clip: Option<Clip>,
}

/// How media is cut, where that is not as the host does it. Fixed in period record 0 once media began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// Shortest segment.
    pub segment_ms: Option<u32>,
    /// Nominal part.
    pub part_ms: Option<u32>,
    /// How much a live playlist lists.
    pub window: Option<Window>,
}

/// How much a live playlist lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// So many seconds.
    Seconds(u32),
    /// All there is.
    All,
}

impl Window {
    /// As it stands in [`Shape::window_ms`](super::Shape::window_ms).
    pub fn ms(self) -> u32 {
        match self {
            Self::Seconds(seconds) => seconds.saturating_mul(1000),
            Self::All => Shape::WHOLE_WINDOW_MS,
        }
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seconds(seconds) => serializer.serialize_u32(*seconds),
            Self::All => serializer.serialize_str("all"),
        }
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Window;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds, or \"all\"")
            }

            fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<Window, E> {
                // What is too large is refused with what else is out of bounds.
                Ok(Window::Seconds(u32::try_from(seconds).unwrap_or(u32::MAX)))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Window, E> {
                if text == "all" {
                    Ok(Window::All)
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A key that opens one broadcast. The key itself is nowhere: it was shown once, when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushKey {
    /// What it is called when it is spoken of.
    pub id: String,
    /// SHA-256 of the key, in hexadecimal digits. Keys are made of 128 random bits, so nothing slower is needed.
    pub sha256: String,
    /// When it was made.
    pub created: Date,
    /// Until when it opens the broadcast; without it, for as long as there is no newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// That a broadcast has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Date,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Title>,
}

/// What may be done with a broadcast at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Pushes are not taken yet.
    Early,
    /// Pushes are taken.
    Open,
    /// Pushes are not taken any more, though nobody ended it.
    Over,
    /// It was ended.
    Ended,
    /// It is a [clip](Event::clip): pushes are never taken.
    Clip,
}

impl Phase {
    /// As it is called in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Open => "open",
            Self::Over => "over",
            Self::Ended => "ended",
            Self::Clip => "clip",
        }
    }
}

impl Event {
    /// Where it is in its course.
    pub fn phase(&self, now: WallMs) -> Phase {
        if self.clip.is_some() {
            Phase::Clip
        } else if self.ended.is_some() {
            Phase::Ended
        } else if self.opens().is_some_and(|opens| now < opens.0) {
            Phase::Early
        } else if self.closes().is_some_and(|closes| now >= closes.0) {
            Phase::Over
        } else {
            Phase::Open
        }
    }

    /// From when on it may be pushed to, if not from ever.
    pub fn opens(&self) -> Option<Date> {
        let early_ms = i64::from(self.early_s.unwrap_or(USUAL_MARGIN_S)).saturating_mul(1000);
        self.start.map(|start| Date(start.0.plus_ms(early_ms.saturating_neg())))
    }

    /// From when on it may not be pushed to any more, if ever.
    pub fn closes(&self) -> Option<Date> {
        let late_ms = i64::from(self.late_s.unwrap_or(USUAL_MARGIN_S)).saturating_mul(1000);
        self.end.map(|end| Date(end.0.plus_ms(late_ms)))
    }

    /// From when on nothing of it is to be kept, if ever: so many days after it ended, or after pushes were not taken any
    /// more. What nobody ended, and what has no scheduled end, is kept.
    pub fn expires(&self) -> Option<Date> {
        const DAY_MS: i64 = 86_400_000;
        let kept_ms = i64::from(self.retention_days?).saturating_mul(DAY_MS);
        let ended = self.ended.as_ref().map(|ended| ended.at);
        // What is being deleted is said to have ended when that began.
        let over = if self.deleted { self.closes().or(ended) } else { ended.or(self.closes()) };
        let over = over?;
        Some(Date(over.0.plus_ms(kept_ms)))
    }

    /// Whether nothing of it is to be kept any more.
    pub fn has_expired(&self, now: WallMs) -> bool {
        self.expires().is_some_and(|expires| now >= expires.0)
    }

    /// Checks what the types of the values do not.
    ///
    /// # Errors
    ///
    /// Which value must be what.
    pub fn check(&self) -> Result<(), String> {
        let Cut { segment_ms, part_ms, window } = self.cut;
        let window_s = window.and_then(|window| match window {
            Window::Seconds(seconds) => Some(seconds),
            Window::All => None,
        });
        for (name, value, bounds) in [
            ("segment_ms", segment_ms, SEGMENT_MS),
            ("part_ms", part_ms, PART_MS),
            ("window_s", window_s, WINDOW_S),
            ("retention_days", self.retention_days, RETENTION_DAYS),
            ("early_s", self.early_s, MARGIN_S),
            ("late_s", self.late_s, MARGIN_S),
        ] {
            if let Some(value) = value.filter(|value| !bounds.contains(value)) {
                let (least, most) = (bounds.start(), bounds.end());
                return Err(format!("{name} is {value}, but must be between {least} and {most}"));
            }
        }
        if let (Some(segment_ms), Some(part_ms)) = (segment_ms, part_ms)
            && part_ms > segment_ms / 2
        {
            return Err(format!(
                "part_ms is {part_ms}, but must be at most half of segment_ms, which is {segment_ms}"
            ));
        }
        // HLS §6.2.2: a live playlist is never shorter than three target durations.
        if let (Some(segment_ms), Some(window_s)) = (segment_ms, window_s)
            && window_s < segment_ms.saturating_mul(3).div_ceil(1000)
        {
            let least_s = segment_ms.saturating_mul(3).div_ceil(1000);
            return Err(format!(
                "window_s is {window_s}, but must be at least three segments, which is {least_s}"
            ));
        }
        if let (Some(start), Some(end)) = (self.start, self.end)
            && end <= start
        {
            return Err(format!("end is {end}, but must be after start, which is {start}"));
        }
        self.clip.as_ref().map_or(Ok(()), Clip::check)?;
        if self.keys.len() > limits::PUSH_KEYS_PER_BROADCAST {
            return Err("there are more push keys than a broadcast may have".to_owned());
        }
        self.slate.as_ref().map_or(Ok(()), SlateSettings::check)?;
        for key in &self.keys {
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if key.sha256.len() != 64
                || !key.sha256.bytes().all(is_hex)
                || key.id.is_empty()
                || key.id.len() > 32
            {
                return Err(
                    "a push key has an id, and the SHA-256 of the key in 64 hexadecimal digits".to_owned()
                );
            }
        }
        Ok(())
    }
}
