//! `[broadcasts.NAME]` in the settings file: how the tracks of a broadcast are shown.

use std::collections::BTreeMap;
use std::fmt;

use packager_core::log::{
    BroadcastName, BroadcastSettings, Captions, DisplayName, LanguageTag, TrackName, TrackRole, TrackSettings,
};
use packager_core::order::SortedMap;
use serde::Deserialize;

use super::SettingsError;

/// A section, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Given {
    captions: Option<String>,
    tracks: BTreeMap<String, GivenTrack>,
    #[serde(flatten)]
    unknown: BTreeMap<String, toml::Value>,
}

/// `[broadcasts.NAME.tracks.TRACK]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct GivenTrack {
    name: Option<String>,
    language: Option<String>,
    order: Option<u32>,
    hidden: bool,
    default: bool,
    role: Option<String>,
    #[serde(flatten)]
    unknown: BTreeMap<String, toml::Value>,
}

/// Checks all sections.
pub(super) fn resolve(
    given: BTreeMap<String, Given>,
) -> Result<BTreeMap<BroadcastName, BroadcastSettings>, SettingsError> {
    let mut broadcasts = BTreeMap::new();
    for (name, section) in given {
        let at = format!("broadcasts.{name}");
        let name =
            BroadcastName::parse(&name).map_err(|why| SettingsError::BadName { at: at.clone(), why })?;
        broadcasts.insert(name, broadcast(&at, section)?);
    }
    Ok(broadcasts)
}

fn broadcast(at: &str, given: Given) -> Result<BroadcastSettings, SettingsError> {
    known(at, &given.unknown, "a broadcast has captions and tracks")?;
    let captions = match given.captions.as_deref() {
        None => None,
        Some("none") => Some(Captions::None),
        Some(other) => return Err(not(at, "captions", other, "\"none\", or left out")),
    };
    let mut tracks = SortedMap::new();
    for (name, given) in given.tracks {
        let at = format!("{at}.tracks.{name}");
        let name = TrackName::parse(&name).map_err(|why| SettingsError::BadName { at: at.clone(), why })?;
        tracks.insert(name, track(&at, given)?);
    }
    Ok(BroadcastSettings { captions, tracks })
}

fn track(at: &str, given: GivenTrack) -> Result<TrackSettings, SettingsError> {
    known(at, &given.unknown, "a track has name, language, order, hidden, default and role")?;
    let name = given.name.map(|text| DisplayName::parse(&text).map_err(|must| not(at, "name", &text, must)));
    let language =
        given.language.map(|text| LanguageTag::parse(&text).map_err(|must| not(at, "language", &text, must)));
    let role = given.role.map(|text| {
        let found = TrackRole::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| {
            let all = TrackRole::ALL.map(TrackRole::as_str).join(", ");
            not(at, "role", &text, format_args!("one of {all}"))
        })
    });
    Ok(TrackSettings {
        name: name.transpose()?,
        language: language.transpose()?,
        order: given.order,
        hidden: given.hidden,
        default: given.default,
        role: role.transpose()?,
        events: Vec::new(),
    })
}

fn known(
    at: &str,
    unknown: &BTreeMap<String, toml::Value>,
    there_is: &'static str,
) -> Result<(), SettingsError> {
    let Some(key) = unknown.keys().next() else { return Ok(()) };
    Err(SettingsError::UnknownIn { key: format!("{at}.{key}"), there_is })
}

fn not(at: &str, setting: &str, value: &str, must: impl fmt::Display) -> SettingsError {
    SettingsError::OutOfBounds {
        name: format!("{at}.{setting}"),
        value: format!("{value:?}"),
        must: must.to_string(),
    }
}

/// Writes the sections, as a settings file would have them.
pub(super) fn write(
    f: &mut fmt::Formatter<'_>,
    broadcasts: &BTreeMap<BroadcastName, BroadcastSettings>,
) -> fmt::Result {
    for (name, BroadcastSettings { captions, tracks }) in broadcasts {
        writeln!(f, "\n[broadcasts.{name}]")?;
        if *captions == Some(Captions::None) {
            writeln!(f, "captions = \"none\"")?;
        }
        for (track, settings) in tracks.iter() {
            writeln!(f, "\n[broadcasts.{name}.tracks.{track}]")?;
            write_track(f, settings)?;
        }
    }
    Ok(())
}

fn write_track(f: &mut fmt::Formatter<'_>, settings: &TrackSettings) -> fmt::Result {
    let TrackSettings { name, language, order, hidden, default, role, events: _ } = settings;
    if let Some(name) = name {
        // Quotation marks and control characters are in no name.
        writeln!(f, "name = \"{}\"", name.as_str().replace('\\', "\\\\"))?;
    }
    if let Some(language) = language {
        writeln!(f, "language = \"{language}\"")?;
    }
    if let Some(order) = order {
        writeln!(f, "order = {order}")?;
    }
    for (setting, value) in [("hidden", hidden), ("default", default)] {
        if *value {
            writeln!(f, "{setting} = true")?;
        }
    }
    if let Some(role) = role {
        writeln!(f, "role = \"{role}\"")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Options, Settings, tests::resolve};
    use super::*;

    const SHOW: &str = "\
[broadcasts.show]
captions = \"none\"

[broadcasts.show.tracks.audio-1]
name = \"English \\\\ Ångström\"
language = \"en-GB\"
order = 1
default = true

[broadcasts.show.tracks.audio-2]
hidden = true
role = \"commentary\"
";

    #[test]
    fn tracks_are_named_in_the_file_and_printed_again() {
        let settings = resolve(Options::default(), SHOW).unwrap();
        let show = &settings.broadcasts[&BroadcastName::parse("show").unwrap()];
        assert_eq!(show.captions, Some(Captions::None));
        let track = |name: &str| show.track(&TrackName::parse(name).unwrap());
        assert_eq!(track("audio-1").name.as_ref().map(DisplayName::as_str), Some("English \\ Ångström"));
        assert_eq!(track("audio-1").language.as_ref().map(LanguageTag::as_str), Some("en-GB"));
        assert_eq!((track("audio-1").order, track("audio-1").default), (Some(1), true));
        assert_eq!((track("audio-2").hidden, track("audio-2").role), (true, Some(TrackRole::Commentary)));
        let printed = settings.to_string();
        assert!(printed.ends_with(SHOW), "{printed}");
        assert_eq!(resolve(Options::default(), &printed).unwrap(), settings);
        // An empty section is one too: it takes back what was said before.
        let empty = resolve(Options::default(), "[broadcasts.show]").unwrap();
        assert_eq!(empty.broadcasts.values().collect::<Vec<_>>(), [&BroadcastSettings::default()]);
        assert!(Settings::resolve(Options::default(), None).unwrap().broadcasts.is_empty());
    }

    #[test]
    fn what_is_not_right_is_said_with_what_would_be() {
        let refused = |line: &str| {
            resolve(Options::default(), &format!("[broadcasts.show.tracks.audio-1]\n{line}\n")).unwrap_err()
        };
        assert_eq!(
            refused("nmae = \"English\""),
            "broadcasts.show.tracks.audio-1.nmae is set, but there is no such setting; a track has name, language, order, hidden, default and role"
        );
        assert_eq!(
            refused("language = \"English!\""),
            "broadcasts.show.tracks.audio-1.language is \"English!\", but must be a language tag such as \"en\", \"pt-BR\" or \"zh-Hant\" (BCP 47)"
        );
        assert_eq!(
            refused("name = \"\""),
            "broadcasts.show.tracks.audio-1.name is \"\", but must be 1 to 64 characters, without quotation marks and line breaks"
        );
        assert_eq!(
            refused("role = \"dub\""),
            "broadcasts.show.tracks.audio-1.role is \"dub\", but must be one of commentary, description, caption, forced-subtitle"
        );
        assert!(refused("order = \"first\"").contains("order"), "{}", refused("order = \"first\""));
        assert!(refused("hidden = 1").contains("hidden"), "{}", refused("hidden = 1"));
        let refused = |text: &str| resolve(Options::default(), text).unwrap_err();
        assert_eq!(
            refused("[broadcasts.show]\ntrakcs = 1"),
            "broadcasts.show.trakcs is set, but there is no such setting; a broadcast has captions and tracks"
        );
        assert_eq!(
            refused("[broadcasts.show]\ncaptions = \"cea-608\""),
            "broadcasts.show.captions is \"cea-608\", but must be \"none\", or left out"
        );
        assert_eq!(
            refused("[broadcasts.Show]"),
            "broadcasts.Show cannot be called that: a name is 1 to 63 characters of a-z, 0-9 and '-', and starts with a letter or digit; got \"Show\""
        );
        assert!(
            refused("[broadcasts.show.tracks.\"Audio 1\"]")
                .starts_with("broadcasts.show.tracks.Audio 1 cannot be called that: ")
        );
    }
}
