//! Manifests that encoders push: read for the languages and names of tracks, which ffmpeg's DASH muxer
//! writes there and nowhere else, and for nothing more.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::cmaf::language_tag;
use crate::limits;
use crate::log::settings::TrackDescription;
use crate::log::{DisplayName, LanguageTag};

/// What an MPD says of a representation (ISO/IEC 23009-1 §5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    /// Where its header is, relative to the MPD (`SegmentTemplate@initialization`).
    pub(super) initialization: String,
    pub(super) description: TrackDescription,
}

/// The representations of an MPD that say where their header is, as far as the text can be read.
pub(super) fn representations(mpd: &str) -> Vec<Described> {
    let mut reader = Reader::from_str(mpd);
    let mut found = Vec::new();
    let mut of_set = TrackDescription::default();
    let mut template = None;
    let mut representation: Option<String> = None;
    let mut in_label = false;
    while found.len() < limits::TRACKS_PER_BROADCAST {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => match tag.local_name().as_ref() {
                "AdaptationSet" => {
                    (template, representation) = (None, None);
                    of_set = TrackDescription { language: language(&tag), ..TrackDescription::default() };
                }
                "Representation" => representation = attribute(&tag, "id"),
                "SegmentTemplate" => {
                    let here = attribute(&tag, "initialization");
                    match &representation {
                        Some(id) => found.extend(here.map(|here| described(&here, id, &of_set))),
                        // For all representations of the set.
                        None => template = here,
                    }
                }
                "Label" => in_label = true,
                _ => {}
            },
            Ok(Event::Text(text)) if in_label => {
                in_label = false;
                of_set.name = DisplayName::parse(text.trim()).ok();
            }
            Ok(Event::End(tag)) if tag.local_name().as_ref() == "Representation" => {
                if let (Some(id), Some(template)) = (representation.take(), &template) {
                    found.push(described(template, &id, &of_set));
                }
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    found
}

fn described(template: &str, id: &str, description: &TrackDescription) -> Described {
    let initialization = template.replace("$RepresentationID$", id);
    Described { initialization, description: description.clone() }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    // Looking for one that comes twice takes the square of their number.
    let mut attributes = tag.attributes();
    let mut attributes = attributes.with_checks(false).flatten();
    let found = attributes.find(|attribute| attribute.key.local_name().as_ref() == name)?;
    (found.value.len() <= limits::PUSHED_NAME_BYTES).then(|| found.value.into_owned())
}

/// `@lang`: a tag, or a code of three letters, which is what ffmpeg writes.
fn language(tag: &BytesStart<'_>) -> Option<LanguageTag> {
    let text = attribute(tag, "lang")?;
    let short = <[u8; 3]>::try_from(text.as_bytes()).map_or(Some(text.clone()), language_tag);
    LanguageTag::parse(&short?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MPD: &str = r#"<?xml version="1.0"?>
<MPD><Period>
  <AdaptationSet contentType="video"><Representation id="0">
    <SegmentTemplate initialization="init-stream$RepresentationID$.m4s"/></Representation></AdaptationSet>
  <AdaptationSet contentType="audio" lang="fre"><Label>Direct</Label><Representation id="1">
    <SegmentTemplate initialization="init-stream$RepresentationID$.m4s"></SegmentTemplate></Representation></AdaptationSet>
  <AdaptationSet contentType="audio" lang="pt-BR"><SegmentTemplate initialization="a/$RepresentationID$/init.mp4"/>
    <Representation id="x"></Representation></AdaptationSet>
  <AdaptationSet lang="und"><Representation id="3"><SegmentTemplate initialization="3.mp4"/></Representation>
  </AdaptationSet>
</Period></MPD>"#;

    #[test]
    fn languages_and_labels_are_read() {
        let read: Vec<_> = representations(MPD)
            .into_iter()
            .map(|found| {
                let TrackDescription { language, name, .. } = found.description;
                let text = |text: &str| text.to_owned();
                (found.initialization, language.map(|it| text(it.as_str())), name.map(|it| text(it.as_str())))
            })
            .collect();
        let said = |file: &str, language: Option<&str>, name: Option<&str>| {
            (file.to_owned(), language.map(str::to_owned), name.map(str::to_owned))
        };
        assert_eq!(
            read,
            [
                said("init-stream0.m4s", None, None),
                said("init-stream1.m4s", Some("fr"), Some("Direct")),
                said("a/x/init.mp4", Some("pt-BR"), None),
                said("3.mp4", None, None),
            ]
        );
    }

    #[test]
    fn what_is_no_mpd_says_nothing() {
        for cut in 0..MPD.len() {
            assert!(representations(MPD.get(..cut).unwrap_or("")).len() <= 4);
        }
        assert_eq!(representations("<MPD><AdaptationSet lang='"), []);
        assert_eq!(representations("#EXTM3U"), []);
    }

    #[test]
    fn no_name_is_long_however_it_is_put_together() {
        let mpd = |id: &str, template: &str| {
            format!(
                "<AdaptationSet><Representation id='{id}'><SegmentTemplate initialization='{template}'/></Representation>"
            )
        };
        let (many, long) = (limits::PUSHED_NAME_BYTES / 18, limits::PUSHED_NAME_BYTES + 1);
        let found = representations(&mpd("0", &"$RepresentationID$".repeat(many)));
        assert_eq!(found.first().map(|found| found.initialization.len()), Some(many));
        assert_eq!(representations(&mpd("0", &"$RepresentationID$".repeat(many + 1))), []);
        assert_eq!(representations(&mpd(&"x".repeat(long), "$RepresentationID$")), []);
    }
}
