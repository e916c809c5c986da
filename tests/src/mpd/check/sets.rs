//! What a Period's AdaptationSets say of themselves.

use std::collections::BTreeSet;

use super::super::model::{AdaptationSet, Descriptor, EventStream, Period, Representation};
use super::Found;

/// The scheme of Role (5.8.5.5).
const ROLE: &str = "urn:mpeg:dash:role:2011";

/// Its values.
const ROLES: [&str; 15] = [
    "alternate",
    "caption",
    "commentary",
    "description",
    "dub",
    "easyreader",
    "emergency",
    "enhanced-audio-intelligibility",
    "forced-subtitle",
    "karaoke",
    "main",
    "metadata",
    "sign",
    "subtitle",
    "supplementary",
];

/// Event streams in segments that carry SCTE-35, and in the MPD.
const SCTE_35_INBAND: &str = "urn:scte:scte35:2013:bin";
const SCTE_35_IN_MPD: &str = "urn:scte:scte35:2014:xml+bin";

pub(super) fn check(period: &Period, found: &mut Found) {
    let name = period.id.as_deref().unwrap_or("without id");
    let (mut sets, mut representations) = (BTreeSet::new(), BTreeSet::new());
    for set in &period.adaptation_sets {
        if let Some(id) = &set.id {
            found.require(id.parse::<u32>().is_ok(), "D11", || {
                format!("AdaptationSet@id is {id:?}, no number")
            });
            found.require(sets.insert(id), "D11", || format!("Period {name}: two AdaptationSets are {id}"));
        }
        // An id is of one Representation in a Period (5.3.5.2).
        for representation in &set.representations {
            let id = &representation.id;
            found.require(representations.insert(id), "D11", || {
                format!("Period {name}: two Representations are {id}")
            });
            found.require(!id.is_empty() && !id.contains(char::is_whitespace), "D11", || {
                format!("Representation@id is {id:?}")
            });
        }
        of_set(set, found);
    }
    for stream in &period.event_streams {
        events(stream, found);
    }
}

fn of_set(set: &AdaptationSet, found: &mut Found) {
    let name = set.id.as_deref().unwrap_or("without id");
    let what = |what: &str| format!("AdaptationSet {name}: {what}");
    found.require(!set.representations.is_empty(), "D11", || what("it has no Representation"));
    match set.content_type.as_deref() {
        None => found.require(false, "D11", || what("it has no contentType")),
        Some(kind) => {
            found.require(["video", "audio", "text"].contains(&kind), "D11", || {
                what(&format!("contentType {kind}"))
            });
        }
    }
    for representation in &set.representations {
        coded(set, representation, found);
    }
    // RFC 5646, 2.1: that it is well formed, not that it is registered.
    let languages = set.lang.iter().chain(set.labels.iter().filter_map(|(lang, _)| lang.as_ref()));
    for lang in languages {
        found.require(well_formed(lang), "D11", || what(&format!("{lang:?} is no language")));
    }
    for (_, label) in &set.labels {
        found.require(!label.is_empty(), "D11", || what("Label says nothing"));
    }
    let mut seen = Vec::new();
    for (lang, _) in &set.labels {
        found.require(!seen.contains(&lang), "D11", || what("two Labels are for the same language"));
        seen.push(lang);
    }
    for Descriptor { scheme, value, .. } in &set.roles {
        let value = value.as_deref().unwrap_or_default();
        found.require(scheme == ROLE && ROLES.contains(&value), "D11", || {
            what(&format!("there is no Role {value:?} in {scheme}"))
        });
    }
    for Descriptor { scheme, .. } in set.accessibility.iter().chain(&set.properties) {
        found.require(is_uri(scheme), "D11", || what(&format!("{scheme:?} is no scheme")));
    }
    let mut streams: Vec<&Descriptor> = Vec::new();
    for stream in &set.inband_event_streams {
        let scheme = &stream.scheme;
        found.require(is_uri(scheme), "D10", || what(&format!("{scheme:?} is no scheme of events")));
        found.require(scheme != SCTE_35_IN_MPD, "D10", || {
            what(&format!("SCTE-35 inband is {SCTE_35_INBAND}"))
        });
        let again = streams.iter().any(|old| (&old.scheme, &old.value) == (scheme, &stream.value));
        found.require(!again, "D10", || what(&format!("two InbandEventStreams are of {scheme}")));
        streams.push(stream);
    }
}

/// What a player must know before it fetches a header (ISO/IEC 23009-1, 5.3.7.2).
fn coded(set: &AdaptationSet, representation: &Representation, found: &mut Found) {
    let id = &representation.id;
    let codecs = representation.codecs.as_deref().unwrap_or_default();
    let one_each = !codecs.is_empty() && codecs.split(',').all(|one| !one.is_empty() && one == one.trim());
    found.require(one_each, "D11", || format!("Representation {id}: codecs is {codecs:?}"));
    let expected = match set.content_type.as_deref() {
        Some("video") => "video/mp4",
        Some("audio") => "audio/mp4",
        _ => "application/mp4",
    };
    let mime_type = representation.mime_type.as_deref().unwrap_or_default();
    found.require(mime_type == expected, "D11", || {
        format!("Representation {id}: mimeType is {mime_type:?}, not {expected}")
    });
    found.require(representation.bandwidth > 0, "D11", || format!("Representation {id}: bandwidth is 0"));
}

fn well_formed(lang: &str) -> bool {
    let mut subtags = lang.split('-');
    let first = subtags.next().unwrap_or_default();
    let letters = first.bytes().all(|b| b.is_ascii_alphabetic());
    let private = first.eq_ignore_ascii_case("x") && lang.len() > 2;
    ((letters && (2..=8).contains(&first.len())) || private)
        && subtags.all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn is_uri(scheme: &str) -> bool {
    url::Url::parse(scheme).is_ok()
}

/// EventStream (ISO/IEC 23009-1, 5.10.2): its events go by their time.
fn events(stream: &EventStream, found: &mut Found) {
    let scheme = &stream.descriptor.scheme;
    found.require(is_uri(scheme), "D10", || format!("{scheme:?} is no scheme of events"));
    found.require(stream.timescale > 0, "D10", || format!("EventStream {scheme}: timescale is 0"));
    found.require(scheme != SCTE_35_INBAND, "D10", || format!("SCTE-35 in an MPD is {SCTE_35_IN_MPD}"));
    let ordered = stream.events.is_sorted_by_key(|(time, ..)| time);
    found.require(ordered, "D10", || format!("EventStream {scheme}: its events are in no order"));
    let mut ids = BTreeSet::new();
    for id in stream.events.iter().filter_map(|(.., id)| *id) {
        found.require(ids.insert(id), "D10", || format!("EventStream {scheme}: two events are {id}"));
    }
}
