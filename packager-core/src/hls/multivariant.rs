//! The multivariant playlist (HLS §4.4.6).

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::groups::{Group, Groups, Member};
use crate::cmaf::{Header, TrackKind, VideoRange};
use crate::log::{BroadcastSettings, Captions, Chain, Rendition};
use crate::order::in_order;

/// Everything a multivariant playlist says.
#[derive(Debug, Clone, Copy)]
pub struct Multivariant<'a> {
    /// What every URI begins with, without the slash after it: the generation, or from elsewhere the way there.
    pub root: &'a str,
    /// What the operator says of the broadcast.
    pub settings: &'a BroadcastSettings,
    /// The tracks to list, by name.
    pub renditions: &'a [Rendition<'a>],
    /// What the URLs of media playlists end with,
    pub file: &'a str,
    /// and those of the frames of each, where there are any.
    pub frames_file: Option<&'a str>,
    /// It is of what live playlists list.
    pub is_live: bool,
}

impl<'a> Multivariant<'a> {
    /// Writes the playlist. No tag here needs EXT-X-VERSION (HLS §8).
    pub fn render(&self) -> String {
        let mut text = String::from("#EXTM3U\n");
        // Of a part of the past it is not known before it is read, if it is not so of all there was.
        let is_so =
            |chain: &Chain| !chain.rate.is_dependent || (self.is_live && chain.is_listed_independent());
        if self.renditions.iter().all(|rendition| is_so(rendition.chain)) {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        let audio = Groups::audio(self.renditions);
        let subtitles = Groups::text(self.renditions);
        for Rendition { track, header, .. } in &audio.left_out {
            let codec = &header.codec;
            let _ = writeln!(
                text,
                "# {track} is left out: what it says is not there in a commoner codec than {codec}"
            );
        }
        let video = self.best_first(TrackKind::Video);
        let is_choice = audio.members.len() > 1;
        if !video.is_empty() || is_choice {
            self.media(&mut text, "AUDIO", &audio);
        }
        self.media(&mut text, "SUBTITLES", &subtitles);
        let subtitles = subtitles.groups.first();
        if !video.is_empty() {
            for rendition in video {
                if audio.groups.is_empty() {
                    self.variant(&mut text, rendition, None, subtitles);
                }
                for group in &audio.groups {
                    self.variant(&mut text, rendition, Some(group), subtitles);
                }
            }
        } else if is_choice {
            // Sound alone, to be chosen from: a variant for each encoding, whose own playlist is that
            // of the default member (as in HLS §9.6).
            let default = audio.members.iter().position(|member| member.is_default).unwrap_or(0);
            for group in &audio.groups {
                if let Some(rendition) = group.renditions.get(default) {
                    self.variant(&mut text, *rendition, Some(group), subtitles);
                }
            }
        } else {
            // Sound alone, and all of it the same: each track is a variant of its own.
            for rendition in self.best_first(TrackKind::Audio) {
                if audio.left_out.iter().all(|left_out| left_out.track != rendition.track) {
                    self.variant(&mut text, rendition, None, subtitles);
                }
            }
        }
        self.frames(&mut text);
        text
    }

    /// EXT-X-I-FRAME-STREAM-INF (HLS §4.4.6.3) of every track of pictures of which frames can be shown by themselves.
    fn frames(&self, text: &mut String) {
        let Some(file) = self.frames_file else { return };
        for Rendition { track, header, chain, .. } in self.best_first(TrackKind::Video) {
            if chain.rate.frame_peak_bps == 0 {
                continue;
            }
            let (bandwidth, codec) = (chain.rate.frame_peak_bps, &header.codec);
            let _ = write!(text, "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={bandwidth},CODECS=\"{codec}\"");
            if header.width > 0 && header.height > 0 {
                let _ = write!(text, ",RESOLUTION={}x{}", header.width, header.height);
            }
            if self.has_high_range() {
                let _ = write!(text, ",VIDEO-RANGE={}", range_of(header));
            }
            let _ = writeln!(text, ",URI=\"{}/{track}/{}\"", self.root, file);
        }
    }

    /// The tracks of a kind in the order of variants: the one to start with first, as AVPlayer starts
    /// with the first, then the best; ties by name, so that readers agree.
    fn best_first(&self, kind: TrackKind) -> Vec<Rendition<'a>> {
        let of_kind = self.renditions.iter().filter(|rendition| rendition.header.kind == kind);
        in_order(of_kind.copied(), |rendition| {
            let (order, track) = rendition.place();
            (!rendition.settings.default, order, Reverse(rendition.chain.rate.peak_bps()), track)
        })
    }

    /// EXT-X-MEDIA (HLS §4.4.6.1) of all members of all groups.
    fn media(&self, text: &mut String, kind: &str, groups: &Groups<'_>) {
        for group in &groups.groups {
            for (member, rendition) in groups.members.iter().zip(&group.renditions) {
                self.member(text, kind, group, member, rendition);
            }
        }
    }

    /// Whether players must be told which variants they can show (VIDEO-RANGE, HLS §4.4.6.2).
    fn has_high_range(&self) -> bool {
        let mut video = self.renditions.iter().filter(|rendition| rendition.header.kind == TrackKind::Video);
        video.any(|rendition| range_of(rendition.header) != "SDR")
    }

    fn member(
        &self,
        text: &mut String,
        kind: &str,
        group: &Group<'_>,
        member: &Member<'_>,
        rendition: &Rendition<'_>,
    ) {
        let Rendition { track, header, .. } = rendition;
        let yes = |is: bool| if is { "YES" } else { "NO" };
        let _ = write!(text, "#EXT-X-MEDIA:TYPE={kind},GROUP-ID=\"{}\",NAME=\"{}\"", group.id, member.name);
        if let Some(language) = member.language {
            let _ = write!(text, ",LANGUAGE=\"{language}\"");
        }
        let (default, selectable) = (yes(member.is_default), yes(member.is_selectable));
        let _ = write!(text, ",DEFAULT={default},AUTOSELECT={selectable}");
        // FORCED is of subtitles alone.
        if header.kind == TrackKind::Text && member.is_forced() {
            text.push_str(",FORCED=YES");
        }
        if let Some(characteristics) = member.characteristics() {
            let _ = write!(text, ",CHARACTERISTICS=\"{characteristics}\"");
        }
        if let Some(complexity) = header.joc_complexity {
            let _ = write!(text, ",CHANNELS=\"{complexity}/JOC\"");
        } else if header.channels > 0 {
            let _ = write!(text, ",CHANNELS=\"{}\"", header.channels);
        }
        let _ = writeln!(text, ",URI=\"{}/{track}/{}\"", self.root, self.file);
    }

    /// EXT-X-STREAM-INF (HLS §4.4.6.2): bit rates are those of the worst playable combination.
    fn variant(
        &self,
        text: &mut String,
        rendition: Rendition<'_>,
        audio: Option<&Group<'_>>,
        subtitles: Option<&Group<'_>>,
    ) {
        let Rendition { track, header, chain, .. } = rendition;
        // A variant that is itself in its group of sound is played instead of the others.
        let is_own = header.kind == TrackKind::Video || audio.is_none();
        let own = Some(chain.rate).filter(|_| is_own).unwrap_or_default();
        let groups = || audio.into_iter().chain(subtitles);
        let peak = groups().map(Group::peak_bps).fold(own.peak_bps(), u64::saturating_add);
        let average = groups().map(Group::average_bps).fold(own.average_bps(), u64::saturating_add);
        let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={average}", peak.max(average));
        let mut codecs = vec![header.codec.as_str()];
        for codec in groups().flat_map(Group::codecs) {
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
        }
        let _ = write!(text, ",CODECS=\"{}\"", codecs.join(","));
        if header.width > 0 && header.height > 0 {
            let _ = write!(text, ",RESOLUTION={}x{}", header.width, header.height);
        }
        if header.kind == TrackKind::Video && self.has_high_range() {
            let _ = write!(text, ",VIDEO-RANGE={}", range_of(header));
        }
        if header.kind == TrackKind::Video && chain.rate.millihertz() > 0 {
            let (hertz, rest) = (chain.rate.millihertz() / 1000, chain.rate.millihertz() % 1000);
            let _ = write!(text, ",FRAME-RATE={hertz}.{rest:03}");
        }
        if let Some(group) = audio {
            let _ = write!(text, ",AUDIO=\"{}\"", group.id);
        }
        if let Some(group) = subtitles {
            let _ = write!(text, ",SUBTITLES=\"{}\"", group.id);
        }
        // On all variants or on none (HLS §4.4.6.2); without it players look into the video.
        if self.settings.captions == Some(Captions::None) {
            text.push_str(",CLOSED-CAPTIONS=NONE");
        }
        let _ = write!(text, "\n{}/{track}/{}\n", self.root, self.file);
    }
}

/// VIDEO-RANGE; where nothing says, what its absence means.
fn range_of(header: &Header) -> &'static str {
    match header.video_range {
        None | Some(VideoRange::Sdr) => "SDR",
        Some(VideoRange::Hlg) => "HLG",
        Some(VideoRange::Pq) => "PQ",
    }
}

#[cfg(test)]
mod tests;
