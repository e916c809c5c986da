//! What the operator says of a broadcast and its tracks: part of `broadcast.json`.
//!
//! All of it ends up in playlists, so each value is checked when it is read.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::name::TrackName;
use crate::limits;
use crate::order::SortedMap;

/// Longest name of a track as viewers see it, in characters: it has to fit into a menu.
pub const DISPLAY_NAME_CHARACTERS: usize = 64;

/// Longest title of an event, in characters.
pub const TITLE_CHARACTERS: usize = 200;

/// Longest language tag: what RFC 5646 §4.4.1 tells readers to make room for.
pub const LANGUAGE_TAG_BYTES: usize = 35;

/// What the operator says of a broadcast.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastSettings {
    /// Whether the video may hold captions (CLOSED-CAPTIONS, HLS §4.4.6.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captions: Option<Captions>,
    /// By track; one that was not pushed yet may have settings already.
    #[serde(default, skip_serializing_if = "SortedMap::is_empty")]
    pub tracks: SortedMap<TrackName, TrackSettings>,
}

/// Whether the video may hold captions (CEA-608, CEA-708).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Captions {
    /// It does not: players need not look for any.
    None,
}

/// What the operator says of a track. What is not said is taken from its header, or derived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackSettings {
    /// NAME (HLS §4.4.6.1): what viewers choose it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// LANGUAGE (HLS §4.4.6.1), whatever its header says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<LanguageTag>,
    /// Tracks with a lower number are listed first, those without one last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
    /// It is not listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Players choose it when nobody has chosen (DEFAULT, HLS §4.4.6.1); of video, they start with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// What it is for, if it is not simply the programme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TrackRole>,
    /// Which events its media holds (InbandEventStream, ISO/IEC 23009-1 §5.10.3.3): nothing for the operator to
    /// say.
    #[serde(skip)]
    pub events: Vec<EventStream>,
}

impl TrackSettings {
    /// Nothing is said.
    pub const NONE: &'static Self = &Self {
        name: None,
        language: None,
        order: None,
        hidden: false,
        default: false,
        role: None,
        events: Vec::new(),
    };
}

/// What an encoder says of a track where nobody reads it later: in the manifest that it pushes, as not all
/// write it into the header, and in media.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackDescription {
    /// `AdaptationSet@lang`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<LanguageTag>,
    /// `Label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// The events that its media held so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventStream>,
}

impl TrackDescription {
    /// Takes over what is said since. A manifest says all it knows; events come one by one.
    pub fn learn(&mut self, newer: &Self) {
        if newer.language.is_some() || newer.name.is_some() {
            (self.language, self.name) = (newer.language.clone(), newer.name.clone());
        }
        for events in &newer.events {
            if self.events.len() < limits::EVENT_STREAMS_PER_TRACK && !self.events.contains(events) {
                self.events.push(events.clone());
            }
        }
    }
}

impl BroadcastSettings {
    /// Takes over what encoders say, where the operator says nothing.
    pub(super) fn complete(&mut self, described: &SortedMap<TrackName, TrackDescription>) {
        for (track, description) in described.iter() {
            let settings = self.tracks.get_or_insert_with(track.clone(), Default::default);
            settings.language = settings.language.take().or_else(|| description.language.clone());
            settings.name = settings.name.take().or_else(|| description.name.clone());
            settings.events.clone_from(&description.events);
        }
    }

    /// What is said of a track.
    pub fn track(&self, name: &TrackName) -> &TrackSettings {
        self.tracks.get(name).unwrap_or(TrackSettings::NONE)
    }
}

/// What a track is for. The names are those of DASH (ISO/IEC 23009-1 §5.8.5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrackRole {
    /// Sound with somebody commenting.
    Commentary,
    /// Sound that describes the pictures.
    Description,
    /// Text for those who do not hear the sound.
    Caption,
    /// Text that belongs to the pictures, and is shown to all who do not know the language in them.
    ForcedSubtitle,
}

impl TrackRole {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Commentary, Self::Description, Self::Caption, Self::ForcedSubtitle];

    /// As it is written in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            TrackRole::Commentary => "commentary",
            TrackRole::Description => "description",
            TrackRole::Caption => "caption",
            TrackRole::ForcedSubtitle => "forced-subtitle",
        }
    }
}

impl fmt::Display for TrackRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text cannot be used in settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// It is no [`DisplayName`].
    #[error("1 to {DISPLAY_NAME_CHARACTERS} characters, without quotation marks and line breaks")]
    DisplayName,
    /// It is no [`Title`].
    #[error("1 to {TITLE_CHARACTERS} characters in one line, without spaces at the ends")]
    Title,
    /// It is no [`LanguageTag`].
    #[error("a language tag such as \"en\", \"pt-BR\" or \"zh-Hant\" (BCP 47)")]
    LanguageTag,
    /// It is no [`EventStream`].
    #[error("an event scheme's URI, a space and its value, such as \"urn:scte:scte35:2013:bin 1001\"")]
    EventStream,
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $error:expr, $is_one:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            ///
            /// Says what it must be.
            pub fn parse(text: &str) -> Result<Self, SettingError> {
                let is_one: fn(&str) -> bool = $is_one;
                if is_one(text) { Ok(Self(text.to_owned())) } else { Err($error) }
            }

            /// The text.
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
                let wrong = |must| serde::de::Error::custom(format_args!("{text:?} is not {must}"));
                Self::parse(&text).map_err(wrong)
            }
        }
    };
}

text! {
    /// What viewers choose a track by. It can stand in a quoted string (HLS §4.2).
    DisplayName, SettingError::DisplayName, |text| {
        let fits = (1..=DISPLAY_NAME_CHARACTERS).contains(&text.chars().count());
        fits && text.trim() == text && !text.contains(|c: char| c == '"' || c.is_control())
    }
}

text! {
    /// What an event is called, or why it has ended: a line of words.
    Title, SettingError::Title, |text| {
        let fits = (1..=TITLE_CHARACTERS).contains(&text.chars().count());
        fits && text.trim() == text && !text.contains(char::is_control)
    }
}

text! {
    /// A language tag (BCP 47): letters, then subtags of letters and digits. Whether its subtags are
    /// registered is not checked.
    LanguageTag, SettingError::LanguageTag, |text| {
        let mut subtags = text.split('-');
        let language = subtags.next().unwrap_or_default();
        text.len() <= LANGUAGE_TAG_BYTES
            && (2..=8).contains(&language.len())
            && language.bytes().all(|byte| byte.is_ascii_alphabetic())
            && subtags.all(|subtag| {
                (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
            })
    }
}

text! {
    /// Events of one kind: their scheme's URI, and after a space its value, where it has one.
    EventStream, SettingError::EventStream, |text| {
        let scheme = text.split(' ').next().unwrap_or_default();
        !scheme.is_empty() && text.len() <= limits::EVENT_STREAM_BYTES && !text.contains(char::is_control)
    }
}

impl EventStream {
    /// `@schemeIdUri` and `@value`.
    pub fn scheme_and_value(&self) -> (&str, Option<&str>) {
        self.0.split_once(' ').map_or((&self.0, None), |(scheme, value)| (scheme, Some(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::record::{BroadcastRecord, from_json, to_json};

    #[test]
    fn language_tags_look_like_ones() {
        for good in ["en", "gsw", "pt-BR", "zh-Hant-TW", "es-419", "de-1996", "sl-rozaj-biske"] {
            assert_eq!(LanguageTag::parse(good).map(|tag| tag.to_string()).as_deref(), Ok(good));
        }
        for bad in
            ["", "e", "English!", "english language", "en_US", "en-", "-en", "4n", "en-\"", "x-whatever"]
        {
            assert_eq!(LanguageTag::parse(bad), Err(SettingError::LanguageTag), "{bad:?}");
        }
        assert!(LanguageTag::parse(&["en"; 12].join("-")).is_ok());
        assert!(LanguageTag::parse(&["en"; 13].join("-")).is_err());
    }

    #[test]
    fn names_can_stand_in_quotes() {
        for good in ["English", "Français (5.1)", "日本語", "a, b=c"] {
            assert!(DisplayName::parse(good).is_ok(), "{good:?}");
        }
        for bad in ["", " ", " a", "say \"hi\"", "a\nb", "a\u{85}b", &"a".repeat(65)] {
            assert_eq!(DisplayName::parse(bad), Err(SettingError::DisplayName), "{bad:?}");
        }
    }

    #[test]
    fn event_streams_are_a_scheme_and_perhaps_a_value() {
        let read = |text| {
            EventStream::parse(text).map(|events| {
                (events.scheme_and_value().0.to_owned(), events.scheme_and_value().1.map(str::to_owned))
            })
        };
        assert_eq!(read("urn:x"), Ok(("urn:x".into(), None)));
        assert_eq!(read("urn:x 1 2"), Ok(("urn:x".into(), Some("1 2".into()))));
        for bad in ["", " 1", "urn:x\u{1}", &"u".repeat(257)] {
            assert_eq!(EventStream::parse(bad), Err(SettingError::EventStream), "{bad:?}");
        }
    }

    #[test]
    fn what_encoders_say_adds_up() {
        let language = |tag| LanguageTag::parse(tag).ok();
        let events = |text: &str| vec![EventStream::parse(text).unwrap()];
        let mut known = TrackDescription { language: language("en"), name: None, events: events("urn:x") };
        known.learn(&TrackDescription { events: events("urn:y"), ..TrackDescription::default() });
        known.learn(&TrackDescription { events: events("urn:x"), ..TrackDescription::default() });
        assert_eq!(known.language, language("en"));
        assert_eq!(known.events, [events("urn:x"), events("urn:y")].concat());
        known
            .learn(&TrackDescription { name: DisplayName::parse("Ton").ok(), ..TrackDescription::default() });
        assert_eq!((known.language.as_ref(), known.events.len()), (None, 2));
        for number in 0..40 {
            let another = format!("urn:z {number}");
            known.learn(&TrackDescription { events: events(&another), ..TrackDescription::default() });
        }
        assert_eq!(known.events.len(), limits::EVENT_STREAMS_PER_TRACK);
    }

    #[test]
    fn records_from_before_there_were_settings_are_read_and_written_as_they_were() {
        let old = r#"{"generation":"g"}"#;
        let record: BroadcastRecord = from_json(old.as_bytes()).unwrap();
        assert_eq!(record.settings, BroadcastSettings::default());
        assert_eq!(to_json(&record), old);
    }

    #[test]
    fn settings_are_stored_as_they_are_said() {
        let json = r#"{"generation":"g","captions":"none","tracks":{"audio-1":{"name":"English","language":"en","order":1,"hidden":true,"default":true,"role":"forced-subtitle"}}}"#;
        let record: BroadcastRecord = from_json(json.as_bytes()).unwrap();
        let track = record.settings.track(&TrackName::parse("audio-1").unwrap());
        assert_eq!(track.name.as_ref().map(DisplayName::as_str), Some("English"));
        assert_eq!(track.role, Some(TrackRole::ForcedSubtitle));
        assert_eq!(to_json(&record), json);
        let other = record.settings.track(&TrackName::parse("audio-2").unwrap());
        assert_eq!(other, TrackSettings::NONE);
        let why = from_json::<BroadcastRecord>(json.replace("\"en\"", "\"e n\"").as_bytes()).unwrap_err();
        assert!(why.contains("\"e n\" is not a language tag"), "{why}");
    }

    #[test]
    fn roles_are_written_as_they_are_stored() {
        for role in TrackRole::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
    }
}
