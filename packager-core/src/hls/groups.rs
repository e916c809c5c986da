//! Groups of renditions (HLS §4.4.6.1.1).
//!
//! A member of a group is something a viewer chooses: a language, the commentary. Groups are encodings
//! of the same members, something a player chooses. "Each Group of the same TYPE MUST have the same
//! set of members, and each corresponding member MUST have identical attributes with the exception of
//! the URI and CHANNELS", so members are worked out first, over all groups.

use crate::cmaf::TrackKind;
use crate::log::{Rendition, TrackRole};
use crate::order::in_order;

/// What a viewer chooses: the attributes that it has in every group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member<'a> {
    /// NAME.
    pub(super) name: String,
    /// LANGUAGE.
    pub(super) language: Option<&'a str>,
    /// CHARACTERISTICS and FORCED follow from it.
    pub(super) role: Option<TrackRole>,
    /// DEFAULT.
    pub(super) is_default: bool,
    /// AUTOSELECT.
    pub(super) is_selectable: bool,
}

impl Member<'_> {
    /// CHARACTERISTICS (HLS §4.4.6.1).
    pub(super) fn characteristics(&self) -> Option<&'static str> {
        match self.role? {
            TrackRole::Description => Some("public.accessibility.describes-video"),
            TrackRole::Caption => Some(
                "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound",
            ),
            TrackRole::Commentary | TrackRole::ForcedSubtitle => None,
        }
    }

    /// FORCED (HLS §4.4.6.1).
    pub(super) fn is_forced(&self) -> bool {
        self.role == Some(TrackRole::ForcedSubtitle)
    }
}

/// An encoding of all members.
#[derive(Debug, Clone)]
pub(super) struct Group<'a> {
    /// GROUP-ID.
    pub(super) id: String,
    /// One for each member, in the order of the members.
    pub(super) renditions: Vec<Rendition<'a>>,
}

impl<'a> Group<'a> {
    /// The highest peak of any member.
    pub(super) fn peak_bps(&self) -> u64 {
        self.renditions.iter().map(|rendition| rendition.chain.rate.peak_bps()).max().unwrap_or(0)
    }

    /// The highest average of any member.
    pub(super) fn average_bps(&self) -> u64 {
        self.renditions.iter().map(|rendition| rendition.chain.rate.average_bps()).max().unwrap_or(0)
    }

    /// What its members are coded in.
    pub(super) fn codecs(&self) -> impl Iterator<Item = &'a str> {
        self.renditions.iter().map(|rendition| rendition.header.codec.as_str())
    }
}

/// The groups of one kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups<'a> {
    /// In the order in which viewers see them.
    pub(super) members: Vec<Member<'a>>,
    /// The one that most players can play is first.
    pub(super) groups: Vec<Group<'a>>,
    /// Tracks of members that the first group's codec does not offer.
    pub(super) left_out: Vec<Rendition<'a>>,
}

/// A member to be, with its tracks in the order of the listing.
struct Slot<'a> {
    language: Option<String>,
    role: Option<TrackRole>,
    /// The operator's.
    name: Option<&'a str>,
    tracks: Vec<Rendition<'a>>,
}

/// What tells encodings apart, other than their bit rate.
type Format<'a> = (u8, &'a str, u32);

fn format<'a>(rendition: &Rendition<'a>) -> Format<'a> {
    let header = rendition.header;
    (rarity(&header.codec), &header.codec, header.channels)
}

/// How few players decode a codec: every one AAC, browsers Opus and FLAC too, some devices the rest.
fn rarity(codec: &str) -> u8 {
    match codec.split('.').next().unwrap_or(codec) {
        "mp4a" => 0,
        "opus" | "fLaC" => 1,
        _ => 2,
    }
}

impl<'a> Groups<'a> {
    /// Groups of audio: one for each codec and channel layout, and for each bit rate of these.
    pub(super) fn audio(renditions: &[Rendition<'a>]) -> Self {
        let tracks = sorted(renditions, TrackKind::Audio);
        let mut slots = audio_slots(&tracks);
        // A member that has no track in a group's format is filled in from another, "each member in
        // a Group MAY have a different sample format", and CODECS then names both. Were the first
        // group filled in so, players without the rarer codec could play nothing at all: a member
        // that it cannot have is in none.
        let common = tracks.iter().map(|track| rarity(&track.header.codec)).min().unwrap_or(0);
        let is_common =
            |slot: &Slot<'_>| slot.tracks.iter().any(|track| rarity(&track.header.codec) == common);
        let left_out = slots.extract_if(.., |slot| !is_common(slot)).flat_map(|slot| slot.tracks).collect();
        Self { members: members(&slots, TrackKind::Audio), groups: audio_groups(&slots), left_out }
    }

    /// The one group of text, whatever it is coded in: each track is a member.
    pub(super) fn text(renditions: &[Rendition<'a>]) -> Self {
        let renditions = sorted(renditions, TrackKind::Text);
        let slots: Vec<_> = renditions.iter().map(|track| Slot::of(*track)).collect();
        let members = members(&slots, TrackKind::Text);
        let group = Group { id: TrackKind::Text.to_string(), renditions };
        let groups = if members.is_empty() { Vec::new() } else { vec![group] };
        Self { members, groups, left_out: Vec::new() }
    }
}

/// The tracks of a kind, in the order of the listing.
fn sorted<'a>(renditions: &[Rendition<'a>], kind: TrackKind) -> Vec<Rendition<'a>> {
    in_order(renditions.iter().filter(|track| track.header.kind == kind).copied(), Rendition::place)
}

impl<'a> Slot<'a> {
    fn of(track: Rendition<'a>) -> Self {
        Self {
            // Tags are the same whatever their case (BCP 47).
            language: track.language().map(str::to_ascii_lowercase),
            role: track.settings.role,
            name: track.settings.name.as_ref().map(crate::log::DisplayName::as_str),
            tracks: vec![track],
        }
    }

    /// Whether both may be the same content.
    fn is_like(&self, other: &Self) -> bool {
        self.language == other.language && self.role == other.role
    }
}

/// Which tracks are encodings of the same thing? Those to which the operator gave the same name. Of
/// others, those in the same language: their bit rates differ, or their format does. Where no language
/// is known, two tracks of one format are two things, for to take a commentary for a bit rate would be
/// worse than the other way about.
fn audio_slots<'a>(tracks: &[Rendition<'a>]) -> Vec<Slot<'a>> {
    let mut slots: Vec<Slot<'a>> = Vec::new();
    let (named, nameless): (Vec<_>, Vec<_>) =
        tracks.iter().copied().partition(|track| track.settings.name.is_some());
    for track in named.into_iter().chain(nameless) {
        let new = Slot::of(track);
        let is_same = |slot: &&mut Slot<'a>| {
            slot.is_like(&new)
                && match (new.name, &new.language) {
                    (Some(_), _) => slot.name == new.name,
                    (None, Some(_)) => true,
                    (None, None) => !slot.tracks.iter().any(|other| format(other) == format(&track)),
                }
        };
        match slots.iter_mut().find(is_same) {
            Some(slot) => slot.tracks.push(track),
            None => slots.push(new),
        }
    }
    for slot in &mut slots {
        slot.tracks = in_order(std::mem::take(&mut slot.tracks), Rendition::place);
    }
    in_order(slots, |slot| slot.tracks.first().map(Rendition::place))
}

fn members<'a>(slots: &[Slot<'a>], kind: TrackKind) -> Vec<Member<'a>> {
    let chosen = slots.iter().position(|slot| slot.tracks.iter().any(|track| track.settings.default));
    // Text is shown to those who ask for it, or whose system does; sound there has to be.
    let programme = || slots.iter().position(|slot| slot.role.is_none()).or(Some(0));
    let default = if kind == TrackKind::Audio { chosen.or_else(programme) } else { chosen };
    let mut names = Vec::new();
    let mut members: Vec<Member<'a>> = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        // The one that most players play.
        let Some(first) = slot.tracks.iter().min_by_key(|track| rarity(&track.header.codec)) else {
            continue;
        };
        members.push(Member {
            name: unique_name(slot, first, &mut names),
            language: first.language(),
            role: slot.role,
            is_default: default == Some(index),
            is_selectable: true,
        });
    }
    // What players choose between by themselves has to differ in LANGUAGE, FORCED or CHARACTERISTICS
    // (HLS §4.4.6.1.1). Of those that do not, the default is it, or the first.
    let mut taken = Vec::new();
    let (first, rest): (Vec<_>, Vec<_>) = members.iter_mut().partition(|member| member.is_default);
    for member in first.into_iter().chain(rest) {
        let language = member.language.map(str::to_ascii_lowercase);
        let shown = (language, member.is_forced(), member.characteristics());
        member.is_selectable = !taken.contains(&shown);
        taken.push(shown);
    }
    members
}

/// The operator's name, or the language and the role, or the track's name; where that is taken, the
/// track's.
fn unique_name(slot: &Slot<'_>, first: &Rendition<'_>, taken: &mut Vec<String>) -> String {
    let track = first.track.as_str();
    let name = match (slot.name, first.language(), slot.role) {
        (Some(name), ..) => name.to_owned(),
        (None, Some(language), None) => language.to_owned(),
        (None, Some(language), Some(role)) => format!("{language} ({role})"),
        (None, None, _) => track.to_owned(),
    };
    let numbered = (2_u32..).map(|n| format!("{track} ({n})"));
    let names = [name, track.to_owned()].into_iter().chain(numbered);
    let name = names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
    taken.push(name.clone());
    name
}

fn audio_groups<'a>(slots: &[Slot<'a>]) -> Vec<Group<'a>> {
    // How many bit rates there are in each format: as many as the member with most has.
    let formats = slots.iter().flat_map(|slot| slot.tracks.iter().map(move |track| (slot, format(track))));
    let counted = formats.map(|(slot, of)| (of, in_format(slot, of).len()));
    let mut rates: Vec<(Format<'a>, usize)> = Vec::new();
    for (of, count) in in_order(counted, |counted| *counted) {
        match rates.last_mut() {
            Some((last, most)) if *last == of => *most = count,
            _ => rates.push((of, count)),
        }
    }
    let mut groups = Vec::new();
    for (of, count) in &rates {
        let (_, codec, channels) = of;
        let layouts = rates.iter().filter(|((_, other, _), _)| other == codec).count();
        for rate in 0..*count {
            let mut id = format!("{}-{codec}", TrackKind::Audio);
            if layouts > 1 {
                id.push_str(&format!("-{channels}ch"));
            }
            if rate > 0 {
                id.push_str(&format!("-{}", rate.saturating_add(1)));
            }
            let renditions = slots.iter().filter_map(|slot| encoding(slot, *of, rate)).collect();
            groups.push(Group { id, renditions });
        }
    }
    groups
}

/// A member's tracks of one format, the highest bit rate first.
fn in_format<'a>(slot: &Slot<'a>, of: Format<'a>) -> Vec<Rendition<'a>> {
    let of_format = slot.tracks.iter().filter(|track| format(track) == of).copied();
    in_order(of_format, |track| std::cmp::Reverse(track.chain.rate.average_bps()))
}

/// A member's track in the group of this format and bit rate, or what comes nearest to it.
fn encoding<'a>(slot: &Slot<'a>, of: Format<'a>, rate: usize) -> Option<Rendition<'a>> {
    let own = in_format(slot, of);
    if let Some(track) = own.get(rate).or(own.last()) {
        return Some(*track);
    }
    let (_, codec, _) = of;
    slot.tracks.iter().min_by_key(|track| (track.header.codec != codec, rarity(&track.header.codec))).copied()
}
