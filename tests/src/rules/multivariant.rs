//! What a multivariant playlist must be.

use std::collections::BTreeMap;

use super::playlist::{Line, Lines, Tag};
use super::{Context, Violations};

pub(super) fn check(lines: &Lines, context: &Context<'_>, found: &mut Violations) {
    for once in ["EXTM3U", "EXT-X-VERSION", "EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-START"] {
        let times = lines.named(once).count();
        found.require(times <= 1, "H21", || format!("{once} stands {times} times"));
    }
    for tag in lines.tags() {
        // "A Playlist … MUST be either a Media Playlist or a Multivariant Playlist" (§4)
        let of_media = ["EXTINF", "EXT-X-TARGETDURATION", "EXT-X-PART", "EXT-X-MEDIA-SEQUENCE", "EXT-X-MAP"];
        found.require(!of_media.contains(&tag.name.as_str()), "H21", || {
            format!("{} is of media playlists", tag.name)
        });
    }
    let groups = groups(lines, found);
    let mut variants = Vec::new();
    for pair in lines.0.windows(2) {
        let Line::Tag(tag) = &pair[0] else { continue };
        if tag.name != "EXT-X-STREAM-INF" {
            continue;
        }
        match &pair[1] {
            Line::Uri(uri) => variants.push((tag, uri.as_str())),
            Line::Tag(next) => found.add("H24", format!("EXT-X-STREAM-INF is followed by {}", next.name)),
        }
    }
    let streams = lines.named("EXT-X-STREAM-INF").count();
    found.require(variants.len() == streams, "H24", || "a variant has no URI".into());
    let any_other_range =
        lines.named("EXT-X-STREAM-INF").any(|tag| tag.get("VIDEO-RANGE").is_some_and(|r| r != "SDR"));
    for (tag, uri) in &variants {
        variant(tag, uri, any_other_range, &groups, found);
        if let Some(rates) = context.rates {
            bandwidth(tag, uri, rates, &groups, found);
        }
    }
    // "CLOSED-CAPTIONS … If the value is NONE, all EXT-X-STREAM-INF tags MUST have this attribute with
    // a value of NONE" (§4.4.6.2)
    let none = variants.iter().filter(|(tag, _)| tag.get("CLOSED-CAPTIONS") == Some("NONE")).count();
    found.require(none == 0 || none == variants.len(), "H26", || {
        "CLOSED-CAPTIONS=NONE is not on all variants".into()
    });
}

/// Renditions by group. H26: §4.4.6.1.1.
fn groups<'a>(lines: &'a Lines, found: &mut Violations) -> BTreeMap<&'a str, Vec<&'a Tag>> {
    let mut groups: BTreeMap<&str, Vec<&Tag>> = BTreeMap::new();
    for tag in lines.named("EXT-X-MEDIA") {
        let name = tag.quoted("NAME").unwrap_or("");
        found.require(tag.get("TYPE").is_some() && !name.is_empty(), "H26", || {
            "EXT-X-MEDIA has no TYPE or NAME".into()
        });
        // "If the value is YES, … AUTOSELECT … if present, its value MUST be YES"
        let odd = tag.get("DEFAULT") == Some("YES") && tag.get("AUTOSELECT") != Some("YES");
        found.require(!odd, "H26", || format!("{name} is DEFAULT, but not AUTOSELECT"));
        let members = groups.entry(tag.quoted("GROUP-ID").unwrap_or("")).or_default();
        // "All EXT-X-MEDIA tags in the same Group MUST have different NAME attributes"
        let taken = members.iter().any(|other| other.quoted("NAME") == Some(name));
        found.require(!taken, "H26", || format!("two of a group are called {name}"));
        members.push(tag);
    }
    for (group, members) in &groups {
        // "A Group MUST NOT have more than one member with a DEFAULT attribute of YES"
        let defaults = members.iter().filter(|tag| tag.get("DEFAULT") == Some("YES")).count();
        found.require(defaults <= 1, "H26", || format!("{defaults} of group {group} are DEFAULT"));
    }
    groups
}

/// H24: §4.4.6.2; AAS 9.
fn variant(
    tag: &Tag,
    uri: &str,
    needs_range: bool,
    groups: &BTreeMap<&str, Vec<&Tag>>,
    found: &mut Violations,
) {
    for name in ["BANDWIDTH", "AVERAGE-BANDWIDTH"] {
        found.require(tag.integer(name).is_some_and(|bps| bps > 0), "H24", || format!("{uri} has no {name}"));
    }
    found.require(tag.integer("BANDWIDTH") >= tag.integer("AVERAGE-BANDWIDTH"), "H25", || {
        format!("{uri} has less at its peak than on average")
    });
    let codecs: Vec<&str> = tag.quoted("CODECS").unwrap_or("").split(',').collect();
    found.require(codecs.iter().all(|codec| !codec.is_empty()), "H24", || format!("{uri} has no CODECS"));
    let is_audio =
        |codec: &&str| ["mp4a", "ac-3", "ec-3", "opus", "fLaC"].iter().any(|kind| codec.starts_with(kind));
    if codecs.iter().any(|codec| !is_audio(codec)) {
        let size = tag.get("RESOLUTION").and_then(|size| size.split_once('x'));
        let proper = size.is_some_and(|(w, h)| {
            w.parse::<u32>().is_ok_and(|w| w > 0) && h.parse::<u32>().is_ok_and(|h| h > 0)
        });
        found.require(proper, "H24", || format!("{uri} has no RESOLUTION"));
        let rate = tag.get("FRAME-RATE").and_then(|rate| rate.split_once('.'));
        found.require(rate.is_some_and(|(_, decimals)| decimals.len() == 3), "H24", || {
            format!("{uri} has no FRAME-RATE with three decimals")
        });
        found.require(!needs_range || tag.get("VIDEO-RANGE").is_some(), "H24", || {
            format!("{uri} has no VIDEO-RANGE")
        });
    }
    if let Some(group) = tag.quoted("AUDIO") {
        // "The value … MUST match the value of the GROUP-ID attribute of an EXT-X-MEDIA tag elsewhere"
        found
            .require(groups.contains_key(group), "H26", || format!("{uri} names {group}, which is no group"));
        // "CODECS … every media format … in any Rendition specified by the Variant Stream"
        found.require(codecs.iter().any(is_audio), "H24", || format!("{uri} has sound, but CODECS has none"));
    }
}

/// H25: "the largest sum of peak segment bit rates that is produced by any playable combination of
/// Renditions" (§4.4.6.2).
fn bandwidth(
    tag: &Tag,
    uri: &str,
    rates: &BTreeMap<String, super::Rate>,
    groups: &BTreeMap<&str, Vec<&Tag>>,
    found: &mut Violations,
) {
    let Some(own) = rates.get(uri) else {
        found.add("H25", format!("{uri} has no media"));
        return;
    };
    let members = tag.quoted("AUDIO").and_then(|group| groups.get(group)).into_iter().flatten();
    let sound: Vec<_> = members.filter_map(|member| rates.get(member.quoted("URI")?)).collect();
    let peak = own.peak_bps + sound.iter().map(|rate| rate.peak_bps).max().unwrap_or(0);
    let average = own.average_bps + sound.iter().map(|rate| rate.average_bps).max().unwrap_or(0);
    for (name, expected) in [("BANDWIDTH", peak.max(average)), ("AVERAGE-BANDWIDTH", average)] {
        let said = tag.integer(name).unwrap_or(0);
        // Each summand was rounded.
        found.require(said.abs_diff(expected) <= 2, "H25", || {
            format!("{name} of {uri} is {said}, measured {expected}")
        });
    }
}
