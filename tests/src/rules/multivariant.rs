//! What a multivariant playlist must be.

use std::collections::{BTreeMap, BTreeSet};

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
    let groups = Groups::read(lines, found);
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
        variant(tag, uri, any_other_range, found);
        let named = groups.named_by(tag, uri, found);
        if let Some(codecs) = context.codecs {
            formats(tag, uri, codecs, &named, found);
        }
        if let Some(rates) = context.rates {
            bandwidth(tag, uri, rates, &named, found);
        }
    }
    groups.each_is_named(&variants, found);
    frames(lines, found);
    // "CLOSED-CAPTIONS … If the value is NONE, all EXT-X-STREAM-INF tags MUST have this attribute with
    // a value of NONE" (§4.4.6.2)
    let none = variants.iter().filter(|(tag, _)| tag.get("CLOSED-CAPTIONS") == Some("NONE")).count();
    found.require(none == 0 || none == variants.len(), "H26", || {
        "CLOSED-CAPTIONS=NONE is not on all variants".into()
    });
}

/// Renditions by TYPE and GROUP-ID. H26: §4.4.6.1, §4.4.6.1.1.
struct Groups<'a>(BTreeMap<(&'a str, &'a str), Vec<&'a Tag>>);

/// H27: §4.4.6.3; AAS 6.1.
fn frames(lines: &Lines, found: &mut Violations) {
    for tag in lines.named("EXT-X-I-FRAME-STREAM-INF") {
        let uri = tag.quoted("URI");
        found.require(uri.is_some(), "H27", || "a list of I-frames has no URI".into());
        found.require(tag.integer("BANDWIDTH").is_some_and(|bps| bps > 0), "H27", || {
            format!("{uri:?} has no BANDWIDTH")
        });
        let codecs = tag.quoted("CODECS");
        let variants = || lines.named("EXT-X-STREAM-INF").filter_map(|tag| tag.quoted("CODECS"));
        found.require(
            codecs.is_some_and(|codec| variants().any(|all| all.split(',').any(|one| one == codec))),
            "H27",
            || format!("{uri:?} is coded in {codecs:?}, which no variant is"),
        );
        // "EXT-X-I-FRAME-STREAM-INF … attributes … are the same … except for FRAME-RATE, AUDIO, SUBTITLES, and
        // CLOSED-CAPTIONS"
        for name in ["FRAME-RATE", "AUDIO", "SUBTITLES", "CLOSED-CAPTIONS"] {
            found.require(tag.get(name).is_none(), "H27", || format!("{uri:?} has {name}"));
        }
    }
}

/// Attributes of EXT-X-STREAM-INF that name a group, and the TYPE of its members.
const GROUP_ATTRIBUTES: [&str; 3] = ["AUDIO", "VIDEO", "SUBTITLES"];

impl<'a> Groups<'a> {
    fn read(lines: &'a Lines, found: &mut Violations) -> Self {
        let mut groups: BTreeMap<(&str, &str), Vec<&Tag>> = BTreeMap::new();
        for tag in lines.named("EXT-X-MEDIA") {
            let name = tag.quoted("NAME").unwrap_or("");
            let (kind, id) = (tag.get("TYPE").unwrap_or(""), tag.quoted("GROUP-ID").unwrap_or(""));
            found.require(
                GROUP_ATTRIBUTES.contains(&kind) && !id.is_empty() && !name.is_empty(),
                "H26",
                || format!("EXT-X-MEDIA of TYPE {kind:?}, GROUP-ID {id:?} and NAME {name:?}"),
            );
            rendition(tag, kind, name, found);
            groups.entry((kind, id)).or_default().push(tag);
        }
        for ((_, group), members) in &groups {
            one_group(group, members, found);
        }
        for ((kind, group), members) in &groups {
            // "each Group of the same TYPE MUST have the same set of members, and each corresponding
            // member MUST have identical attributes with the exception of the URI and CHANNELS"
            let others = groups.iter().filter(|((other, _), _)| other == kind);
            for ((_, other), theirs) in others {
                found.require(attributes(members) == attributes(theirs), "H26", || {
                    format!("groups {group} and {other} have other members")
                });
            }
        }
        Self(groups)
    }

    /// The groups that a variant names.
    fn named_by<'s>(&'s self, tag: &Tag, uri: &str, found: &mut Violations) -> Vec<&'s [&'a Tag]> {
        let mut named = Vec::new();
        for kind in GROUP_ATTRIBUTES {
            let Some(group) = tag.quoted(kind) else { continue };
            match self.0.iter().find(|(id, _)| **id == (kind, group)) {
                Some((_, members)) => named.push(members.as_slice()),
                // "The value … MUST match the value of the GROUP-ID attribute of an EXT-X-MEDIA tag
                // elsewhere in the Playlist whose TYPE attribute is …" (§4.4.6.2)
                None => found.add("H26", format!("{uri} names {group}, which is no group of {kind}")),
            }
        }
        named
    }

    /// No player would ever choose from a group that no variant names.
    fn each_is_named(&self, variants: &[(&Tag, &str)], found: &mut Violations) {
        for (kind, group) in self.0.keys() {
            found.require(variants.iter().any(|(tag, _)| tag.quoted(kind) == Some(group)), "H26", || {
                format!("no variant names group {group}")
            });
        }
    }
}

fn rendition(tag: &Tag, kind: &str, name: &str, found: &mut Violations) {
    // "If the value is YES, … AUTOSELECT … if present, its value MUST be YES"
    let odd = tag.get("DEFAULT") == Some("YES") && tag.get("AUTOSELECT") != Some("YES");
    found.require(!odd, "H26", || format!("{name} is DEFAULT, but not AUTOSELECT"));
    // "[FORCED] MUST NOT be present unless the TYPE is SUBTITLES" (§4.4.6.1)
    let odd = kind != "SUBTITLES" && tag.get("FORCED").is_some();
    found.require(!odd, "H26", || format!("{name} is FORCED, but no subtitles"));
    // Subtitles need one; sound without one would be in the variant's own segments, as ours never is.
    found.require(tag.quoted("URI").is_some(), "H26", || format!("{name} has no URI"));
    // "The value is a quoted-string containing one of the standard Tags for Identifying Languages"
    if tag.get("LANGUAGE").is_some() {
        let language = tag.quoted("LANGUAGE").unwrap_or("");
        let is_tag = (2..=35).contains(&language.len())
            && language.split('-').all(|subtag| {
                (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
            });
        found.require(is_tag, "H24", || format!("{language:?} of {name} is no language"));
    }
}

fn one_group(group: &str, members: &[&Tag], found: &mut Violations) {
    let mut names = BTreeSet::new();
    let mut combinations = BTreeSet::new();
    for tag in members {
        // "All EXT-X-MEDIA tags in the same Group MUST have different NAME attributes"
        let name = tag.quoted("NAME");
        found.require(names.insert(name), "H26", || format!("two of group {group} are called {name:?}"));
        // What players choose between by themselves differs in one of these (§4.4.6.1.1).
        let combination =
            ["LANGUAGE", "ASSOC-LANGUAGE", "FORCED", "CHARACTERISTICS"].map(|attribute| tag.get(attribute));
        let is_same = tag.get("AUTOSELECT") == Some("YES") && !combinations.insert(combination);
        found.require(!is_same, "H26", || format!("nothing tells {name:?} of group {group} from another"));
    }
    // "A Group MUST NOT have more than one member with a DEFAULT attribute of YES"
    let defaults = members.iter().filter(|tag| tag.get("DEFAULT") == Some("YES")).count();
    found.require(defaults <= 1, "H26", || format!("{defaults} of group {group} are DEFAULT"));
}

/// What corresponding members of groups have in common, by NAME.
fn attributes<'a>(members: &[&'a Tag]) -> BTreeMap<Option<&'a str>, BTreeSet<(&'a str, &'a str)>> {
    let own = ["GROUP-ID", "URI", "CHANNELS"];
    let common = |tag: &&'a Tag| {
        let attributes = tag.attributes().filter(|(name, _)| !own.contains(name));
        (tag.quoted("NAME"), attributes.collect())
    };
    members.iter().map(common).collect()
}

/// H24: §4.4.6.2; AAS 9.
fn variant(tag: &Tag, uri: &str, needs_range: bool, found: &mut Violations) {
    for name in ["BANDWIDTH", "AVERAGE-BANDWIDTH"] {
        found.require(tag.integer(name).is_some_and(|bps| bps > 0), "H24", || format!("{uri} has no {name}"));
    }
    found.require(tag.integer("BANDWIDTH") >= tag.integer("AVERAGE-BANDWIDTH"), "H25", || {
        format!("{uri} has less at its peak than on average")
    });
    let codecs = codecs(tag);
    found.require(codecs.iter().all(|codec| !codec.is_empty()), "H24", || format!("{uri} has no CODECS"));
    let is_one_of = |codec: &str, kinds: &[&str]| kinds.iter().any(|kind| codec.starts_with(kind));
    let is_audio = |codec: &str| is_one_of(codec, &["mp4a", "ac-3", "ec-3", "opus", "fLaC"]);
    let is_text = |codec: &str| is_one_of(codec, &["wvtt", "stpp"]);
    if codecs.iter().any(|codec| !is_audio(codec) && !is_text(codec)) {
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
    for (group, is_kind) in [("AUDIO", &is_audio as &dyn Fn(&str) -> bool), ("SUBTITLES", &is_text)] {
        let is_named = tag.get(group).is_none() || codecs.iter().any(|codec| is_kind(codec));
        found.require(is_named, "H24", || format!("{uri} has {group}, but CODECS has none"));
    }
}

fn codecs(tag: &Tag) -> Vec<&str> {
    tag.quoted("CODECS").unwrap_or("").split(',').collect()
}

/// H24: "each format specifies a media sample type that is present in one or more Renditions specified
/// by the Variant Stream", and a variant that names a group "MUST have a CODECS attribute that lists
/// every sample format present in any Rendition in the Group" (§4.4.6.2, §4.4.6.1.1).
fn formats(
    tag: &Tag,
    uri: &str,
    codecs_of: &BTreeMap<String, String>,
    groups: &[&[&Tag]],
    found: &mut Violations,
) {
    let members = groups.iter().flat_map(|group| group.iter()).filter_map(|member| member.quoted("URI"));
    let tracks = members.chain([uri]);
    let present: BTreeSet<&str> = tracks.filter_map(|uri| codecs_of.get(uri)).map(String::as_str).collect();
    let said: BTreeSet<&str> = codecs(tag).into_iter().collect();
    found.require(said == present, "H24", || format!("CODECS of {uri} has {said:?}, it is {present:?}"));
}

/// H25: "the largest sum of peak segment bit rates that is produced by any playable combination of
/// Renditions" (§4.4.6.2).
fn bandwidth(
    tag: &Tag,
    uri: &str,
    rates: &BTreeMap<String, super::Rate>,
    groups: &[&[&Tag]],
    found: &mut Violations,
) {
    let Some(own) = rates.get(uri) else {
        found.add("H25", format!("{uri} has no media"));
        return;
    };
    let mut sums = super::Rate { peak_bps: 0, average_bps: 0 };
    let mut add = |rates: &[&super::Rate]| {
        sums.peak_bps += rates.iter().map(|rate| rate.peak_bps).max().unwrap_or(0);
        sums.average_bps += rates.iter().map(|rate| rate.average_bps).max().unwrap_or(0);
    };
    let mut is_member = false;
    for group in groups {
        let uris = group.iter().filter_map(|member| member.quoted("URI"));
        is_member |= uris.clone().any(|member| member == uri);
        add(&uris.filter_map(|uri| rates.get(uri)).collect::<Vec<_>>());
    }
    // One that is in a group itself is played, or another of them is.
    if !is_member {
        add(&[own]);
    }
    let super::Rate { peak_bps, average_bps } = sums;
    for (name, expected) in [("BANDWIDTH", peak_bps.max(average_bps)), ("AVERAGE-BANDWIDTH", average_bps)] {
        let said = tag.integer(name).unwrap_or(0);
        // Each summand was rounded.
        found.require(said.abs_diff(expected) <= 3, "H25", || {
            format!("{name} of {uri} is {said}, measured {expected}")
        });
    }
}
