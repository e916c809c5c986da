//! The multivariant playlist (HLS §4.4.6).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cmaf::{Header, TrackKind};
use crate::log::{Chain, Generation, TrackName};

/// A track as the multivariant playlist shows it.
#[derive(Debug, Clone, Copy)]
pub struct Rendition<'a> {
    /// Its name.
    pub track: &'a TrackName,
    /// Codec, size, language.
    pub header: &'a Header,
    /// Bit rates, frame rate.
    pub chain: &'a Chain,
}

/// Everything a multivariant playlist says.
#[derive(Debug, Clone, Copy)]
pub struct Multivariant<'a> {
    /// In every URI.
    pub generation: &'a Generation,
    /// The tracks to list, by name.
    pub renditions: &'a [Rendition<'a>],
}

/// Renditions of one kind and codec: those a player may choose between without changing decoders.
struct Group<'a> {
    id: String,
    codec: &'a str,
    members: Vec<Rendition<'a>>,
}

impl Group<'_> {
    fn peak_bps(&self) -> u64 {
        self.members.iter().map(|member| member.chain.rate.peak_bps()).max().unwrap_or(0)
    }

    fn average_bps(&self) -> u64 {
        self.members.iter().map(|member| member.chain.rate.average_bps()).max().unwrap_or(0)
    }
}

impl<'a> Multivariant<'a> {
    /// Writes the playlist. No tag here needs EXT-X-VERSION (HLS §8).
    pub fn render(&self) -> String {
        let mut text = String::from("#EXTM3U\n");
        let independent = self.renditions.iter().all(|rendition| {
            let listed = rendition.chain.closed.iter().rev().take(rendition.chain.listed());
            listed.into_iter().all(|segment| segment.is_gap() || segment.is_independent())
        });
        if independent {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        let audio = self.groups(TrackKind::Audio);
        let mut video: Vec<_> = self.of_kind(TrackKind::Video).collect();
        if video.is_empty() {
            // Sound alone: each track is a variant of its own.
            for group in &audio {
                for member in &group.members {
                    self.variant(&mut text, *member, None);
                }
            }
            return text;
        }
        for group in &audio {
            for (index, member) in group.members.iter().enumerate() {
                self.media(&mut text, group, *member, index == 0);
            }
        }
        // Best first, as AVPlayer starts with the first; ties by name, so that readers agree.
        video.sort_by_key(|rendition| std::cmp::Reverse(rendition.chain.rate.peak_bps()));
        for rendition in video {
            if audio.is_empty() {
                self.variant(&mut text, rendition, None);
            }
            for group in &audio {
                self.variant(&mut text, rendition, Some(group));
            }
        }
        text
    }

    fn of_kind(&self, kind: TrackKind) -> impl Iterator<Item = Rendition<'a>> {
        self.renditions.iter().filter(move |rendition| rendition.header.kind == kind).copied()
    }

    fn groups(&self, kind: TrackKind) -> Vec<Group<'a>> {
        let mut by_codec: BTreeMap<&str, Vec<Rendition<'a>>> = BTreeMap::new();
        for rendition in self.of_kind(kind) {
            by_codec.entry(&rendition.header.codec).or_default().push(rendition);
        }
        let group = |(codec, members)| Group { id: format!("{kind}-{codec}"), codec, members };
        by_codec.into_iter().map(group).collect()
    }

    /// EXT-X-MEDIA (HLS §4.4.6.1).
    fn media(&self, text: &mut String, group: &Group<'_>, member: Rendition<'_>, is_default: bool) {
        let Rendition { track, header, .. } = member;
        let default = if is_default { "YES" } else { "NO" };
        let _ = write!(text, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{}\",NAME=\"{track}\"", group.id);
        if let Some(language) = &header.language {
            let _ = write!(text, ",LANGUAGE=\"{language}\"");
        }
        let _ = write!(text, ",DEFAULT={default},AUTOSELECT=YES");
        if header.channels > 0 {
            let _ = write!(text, ",CHANNELS=\"{}\"", header.channels);
        }
        let _ = writeln!(text, ",URI=\"{}/{track}/index.m3u8\"", self.generation);
    }

    /// EXT-X-STREAM-INF (HLS §4.4.6.2): bit rates are those of the worst playable combination.
    fn variant(&self, text: &mut String, rendition: Rendition<'_>, audio: Option<&Group<'_>>) {
        let Rendition { track, header, chain } = rendition;
        let peak = chain.rate.peak_bps().saturating_add(audio.map_or(0, Group::peak_bps));
        let average = chain.rate.average_bps().saturating_add(audio.map_or(0, Group::average_bps));
        let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={average}", peak.max(average));
        let _ = write!(text, ",CODECS=\"{}", header.codec);
        if let Some(group) = audio {
            let _ = write!(text, ",{}", group.codec);
        }
        text.push('"');
        if header.width > 0 && header.height > 0 {
            let _ = write!(text, ",RESOLUTION={}x{}", header.width, header.height);
        }
        if header.kind == TrackKind::Video && chain.rate.millihertz() > 0 {
            let (hertz, rest) = (chain.rate.millihertz() / 1000, chain.rate.millihertz() % 1000);
            let _ = write!(text, ",FRAME-RATE={hertz}.{rest:03}");
        }
        if let Some(group) = audio {
            let _ = write!(text, ",AUDIO=\"{}\"", group.id);
        }
        let _ = write!(text, "\n{}/{track}/index.m3u8\n", self.generation);
    }
}
