//! Adaptation sets and their Representations (ISO/IEC 23009-1 §5.3.3, §5.3.5).

use super::period::{Period, Stretch};
use super::template::{Extent, Template};
use super::xml::{Document, Tag};
use super::{Form, iso_date};
use crate::cmaf::{TrackKind, VideoRange};
use crate::log::{Rendition, TrackRole};
use crate::order::in_order;

/// What players choose one of, by itself, as the bandwidth allows: the same content, coded alike.
#[derive(Debug)]
pub(super) struct AdaptationSet<'a> {
    pub(super) id: u32,
    /// The best first.
    pub(super) representations: Vec<(Stretch<'a>, Template<'a>)>,
}

/// `AdaptationSet@id`: of what is in it, so that it stays whatever comes and goes beside it. Two tracks of one
/// id are two bit rates of the same thing.
fn set_id(rendition: &Rendition<'_>) -> u32 {
    let Rendition { track, header, settings, .. } = rendition;
    // Tags are the same whatever their case (BCP 47).
    let language = rendition.language().map(str::to_ascii_lowercase);
    let name = settings.name.as_ref().map(crate::log::DisplayName::as_str);
    // Two tracks of sound of which nothing is known are two things rather than two bit rates, and so are any
    // two of text.
    let is_alone = match header.kind {
        TrackKind::Video => false,
        TrackKind::Audio => language.is_none() && name.is_none(),
        TrackKind::Text => true,
    };
    let codec = header.codec.split('.').next().unwrap_or_default();
    let content = [
        header.kind.as_str(),
        language.as_deref().unwrap_or_default(),
        settings.role.map_or("", TrackRole::as_str),
        name.unwrap_or_default(),
        codec,
        itoa::Buffer::new().format(header.channels),
        if is_alone { track.as_str() } else { "" },
    ]
    .join("\n");
    u32::try_from(xxhash_rust::xxh3::xxh3_64(content.as_bytes()) >> 40).unwrap_or(0)
}

/// The adaptation sets of what is there in a Period: pictures first, then sound, then text.
pub(super) fn sets<'a>(stretches: Vec<(Stretch<'a>, Template<'a>)>) -> Vec<AdaptationSet<'a>> {
    let ordered = in_order(stretches, |(stretch, _)| {
        let rendition = stretch.rendition;
        let kind = match rendition.header.kind {
            TrackKind::Video => 0_u8,
            TrackKind::Audio => 1,
            TrackKind::Text => 2,
        };
        let (order, track) = rendition.place();
        let rate = std::cmp::Reverse(rendition.chain.rate.peak_bps());
        (kind, !rendition.settings.default, order, (kind == 0).then_some(rate), track.clone())
    });
    let mut sets: Vec<AdaptationSet<'a>> = Vec::new();
    for (stretch, template) in ordered {
        let id = set_id(stretch.rendition);
        match sets.iter_mut().find(|set| set.id == id) {
            Some(set) => set.representations.push((stretch, template)),
            None => sets.push(AdaptationSet { id, representations: vec![(stretch, template)] }),
        }
    }
    sets
}

impl<'a> AdaptationSet<'a> {
    /// The one template of all its representations, if it is one.
    pub(super) fn template(&self) -> Option<&Template<'a>> {
        let (_, first) = self.representations.first()?;
        self.representations.iter().all(|(_, template)| template == first).then_some(first)
    }

    /// How many entries its timelines have.
    pub(super) fn entries(&self) -> usize {
        let templates = self.representations.iter().map(|(_, template)| template);
        let written = templates.take(if self.template().is_some() { 1 } else { usize::MAX });
        written.map(Template::entries).fold(0, usize::saturating_add)
    }

    fn is_aligned(&self) -> bool {
        let mut templates = self.representations.iter().map(|(_, template)| template);
        let Some(first) = templates.next() else { return false };
        templates.all(|template| template.is_aligned(first))
    }

    /// Whether every segment begins with a picture, or sound, that needs nothing before it.
    fn is_independent(&self) -> bool {
        let mut segments = self.representations.iter().flat_map(|(stretch, _)| stretch.segments.iter());
        segments.all(|segment| segment.is_gap || segment.is_independent)
    }

    pub(super) fn write(&self, to: &mut Document, within: &Within<'_>) {
        let Some((first, _)) = self.representations.first() else { return };
        let rendition = first.rendition;
        let kind = rendition.header.kind;
        let mime_type = match kind {
            TrackKind::Video => "video/mp4",
            TrackKind::Audio => "audio/mp4",
            TrackKind::Text => "application/mp4",
        };
        let tag = Tag::new("AdaptationSet")
            .with("id", self.id)
            .with("contentType", kind.as_str())
            .with("mimeType", mime_type)
            .with_some("lang", rendition.language())
            .with_some("segmentAlignment", self.is_aligned().then_some("true"))
            .with_some("startWithSAP", self.is_independent().then_some("1"));
        to.open(tag);
        self.write_descriptors(to, first, within);
        let common = self.template();
        if let Some(template) = common {
            template.write(to, within.root, within.form, within.extent);
        }
        for (stretch, template) in &self.representations {
            write_representation(to, stretch.rendition, |to| {
                if common.is_none() {
                    template.write(to, within.root, within.form, within.extent);
                }
            });
        }
        to.close();
    }

    fn write_descriptors(&self, to: &mut Document, first: &Stretch<'_>, within: &Within<'_>) {
        let rendition = first.rendition;
        let timescale = first.run.timescale;
        let descriptor = |to: &mut Document, name: &'static str, scheme: &str, value: &str| {
            to.empty(Tag::new(name).with("schemeIdUri", scheme).with("value", value));
        };
        if let Some(protection) = rendition.header.protection {
            // What leads to the keys is in the header.
            let scheme = protection.scheme.four_cc().to_string();
            descriptor(to, "ContentProtection", "urn:mpeg:dash:mp4protection:2011", &scheme);
        }
        if within.form == Form::Sequence
            && self.representations.iter().any(|(stretch, _)| stretch.rendition.chain.has_parts())
        {
            descriptor(to, "SupplementalProperty", "urn:mpeg:dash:ssr:2023", &self.id.to_string());
        }
        if let (true, Some(previous)) = (within.period.is_continuous(), within.previous) {
            let scheme = "urn:mpeg:dash:period-connectivity:2015";
            descriptor(to, "SupplementalProperty", scheme, previous);
        }
        if let Some(VideoRange::Pq | VideoRange::Hlg) = rendition.header.video_range {
            let is_pq = rendition.header.video_range == Some(VideoRange::Pq);
            let scheme = "urn:mpeg:mpegB:cicp:TransferCharacteristics";
            descriptor(to, "SupplementalProperty", scheme, if is_pq { "16" } else { "18" });
        }
        if let Some(name) = &rendition.settings.name {
            to.text(Tag::new("Label"), name.as_str());
        }
        if let Some(anchor) = within.period.produced() {
            let tag = Tag::new("ProducerReferenceTime")
                .with("id", within.place)
                .with("inband", "true")
                .with("type", "encoder")
                .with("wallClockTime", &iso_date(anchor.wall))
                .with("presentationTime", anchor.time_in(timescale));
            to.empty(tag);
        }
        let purpose = match rendition.settings.role {
            Some(TrackRole::Description) => Some("1"),
            Some(TrackRole::Caption) => Some("2"),
            _ => None,
        };
        if let Some(purpose) = purpose {
            descriptor(to, "Accessibility", "urn:tva:metadata:cs:AudioPurposeCS:2007", purpose);
        }
        let role = match (rendition.settings.role, rendition.header.kind) {
            (Some(role), _) => role.as_str(),
            (None, TrackKind::Text) => "subtitle",
            (None, _) => "main",
        };
        descriptor(to, "Role", "urn:mpeg:dash:role:2011", role);
    }
}

/// Where an adaptation set stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Within<'a> {
    pub(super) root: &'a str,
    pub(super) form: Form,
    pub(super) extent: Extent,
    pub(super) period: &'a Period<'a>,
    /// The Period before.
    pub(super) previous: Option<&'a str>,
    /// Sets of the Period before it.
    pub(super) place: u32,
}

fn write_representation(to: &mut Document, rendition: &Rendition<'_>, inner: impl FnOnce(&mut Document)) {
    let Rendition { track, header, chain, settings } = rendition;
    let rate = chain.rate;
    let is_video = header.kind == TrackKind::Video;
    let has_size = header.width > 0 && header.height > 0;
    let frame_rate = Some(rate.millihertz()).filter(|rate| is_video && *rate > 0).map(frame_rate);
    let tag = Tag::new("Representation")
        .with("id", track.as_str())
        .with("bandwidth", rounded_up(rate.peak_bps().max(rate.average_bps())))
        .with("codecs", header.codec.as_str())
        .with_some("width", has_size.then_some(header.width))
        .with_some("height", has_size.then_some(header.height))
        .with_some("frameRate", frame_rate.as_ref())
        .with_some("audioSamplingRate", Some(header.sample_rate).filter(|rate| *rate > 0));
    to.open(tag);
    if let Some(configuration) = channel_configuration(header.channels) {
        let scheme = "urn:mpeg:mpegB:cicp:ChannelConfiguration";
        let tag = Tag::new("AudioChannelConfiguration").with("schemeIdUri", scheme);
        to.empty(tag.with("value", configuration));
    }
    if header.joc_complexity.is_some() {
        let scheme = "tag:dolby.com,2018:dash:EC3_ExtensionType:2018";
        to.empty(Tag::new("SupplementalProperty").with("schemeIdUri", scheme).with("value", "JOC"));
    }
    for events in &settings.events {
        let (scheme, value) = events.scheme_and_value();
        to.empty(Tag::new("InbandEventStream").with("schemeIdUri", scheme).with_some("value", value));
    }
    inner(to);
    to.close();
}

/// Two significant digits and no more: a bit rate that changed with every segment would change the manifest.
fn rounded_up(bps: u64) -> u64 {
    let digits = bps.checked_ilog10().unwrap_or(0).saturating_sub(1);
    let unit = 10_u64.saturating_pow(digits);
    bps.div_ceil(unit.max(1)).saturating_mul(unit).max(1)
}

/// `@frameRate`, whole where it is, over 1001 where television's is.
fn frame_rate(millihertz: u64) -> String {
    let thousands = millihertz.saturating_add(999) / 1000;
    // 24000/1001 is 23.976, 30000/1001 is 29.970.
    let television = crate::time::scale(thousands, 1_000_000, 1001);
    match millihertz {
        whole if whole.is_multiple_of(1000) => thousands.to_string(),
        slow if slow == television => format!("{}/1001", thousands.saturating_mul(1000)),
        other => format!("{other}/1000"),
    }
}

/// The configuration of so many channels (ISO/IEC 23091-3).
fn channel_configuration(channels: u32) -> Option<u32> {
    match channels {
        1..=6 => Some(channels),
        7 => Some(11),
        8 => Some(12),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_written_so_that_they_stay() {
        assert_eq!([0, 9, 99, 101, 1_234_567].map(rounded_up), [1, 9, 99, 110, 1_300_000]);
        let rates = [25_000, 29_970, 23_976, 59_940, 50_000, 12_500].map(frame_rate);
        assert_eq!(rates, ["25", "30000/1001", "24000/1001", "60000/1001", "50", "12500/1000"]);
    }
}
