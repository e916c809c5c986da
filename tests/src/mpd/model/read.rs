//! Reading an MPD.

use std::str::FromStr;

use url::Url;

use super::super::time::Seconds;
use super::super::tree::Element;
use super::{
    AdaptationSet, Descriptor, EventStream, Mpd, PatchLocation, Period, ProducerReferenceTime,
    Representation, Resync, S, ServiceDescription, Template,
};

/// The namespace of an MPD.
pub(in super::super) const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd:2011";

/// Where documents are that are said to be at a path only.
const NOWHERE: &str = "http://mpd.invalid/";

impl Template {
    /// Overrides what it has with what the template of an inner element says.
    fn refine(&mut self, element: &Element) -> Result<(), String> {
        fn set<T>(old: &mut Option<T>, new: Option<T>) {
            if new.is_some() {
                *old = new;
            }
        }
        set(&mut self.timescale, parsed(element, "timescale")?);
        self.presentation_time_offset =
            parsed(element, "presentationTimeOffset")?.unwrap_or(self.presentation_time_offset);
        set(&mut self.start_number, parsed(element, "startNumber")?);
        set(&mut self.end_number, parsed(element, "endNumber")?);
        set(&mut self.duration, parsed(element, "duration")?);
        set(&mut self.media, owned(element, "media"));
        set(&mut self.initialization, owned(element, "initialization"));
        set(
            &mut self.availability_time_offset,
            seconds(element, "availabilityTimeOffset", Seconds::decimal)?,
        );
        set(&mut self.availability_time_complete, boolean(element, "availabilityTimeComplete")?);
        if let Some(timeline) = element.named("SegmentTimeline").next() {
            self.timeline = Some(timeline.named("S").map(S::read).collect::<Result<_, _>>()?);
        }
        if self.timescale == Some(0) {
            return Err("SegmentTemplate@timescale is 0".to_owned());
        }
        Ok(())
    }
}

impl S {
    fn read(element: &Element) -> Result<Self, String> {
        Ok(Self {
            t: parsed(element, "t")?,
            d: parsed(element, "d")?.ok_or("S has no @d")?,
            r: parsed(element, "r")?.unwrap_or(0),
            k: parsed(element, "k")?.unwrap_or(1),
        })
    }
}

impl Mpd {
    /// Reads the MPD that is at `url`: an absolute URL, or a path, and then what it names are paths too.
    pub fn parse(text: &str, url: &str) -> Result<Self, String> {
        let root = Element::parse(text)?;
        if root.name.local != "MPD" || root.name.namespace != NAMESPACE {
            return Err(format!("it is {} of {:?}, no MPD", root.name.local, root.name.namespace));
        }
        let nowhere = Url::parse(NOWHERE).map_err(|why| why.to_string())?;
        let here = nowhere.join(url).map_err(|why| format!("{url}: {why}"))?;
        let base = rebased(&here, &root)?;
        let dynamic = match root.attribute("type") {
            None | Some("static") => false,
            Some("dynamic") => true,
            Some(other) => return Err(format!("MPD@type is {other:?}")),
        };
        let mut patch_locations = Vec::new();
        for element in root.named("PatchLocation") {
            patch_locations.push(PatchLocation {
                written: element.text().to_owned(),
                url: resolved(&here, element.text())?,
                ttl: seconds(element, "ttl", Seconds::decimal)?,
            });
        }
        let mut mpd = Self {
            id: owned(&root, "id"),
            profiles: root
                .attribute("profiles")
                .unwrap_or_default()
                .split(',')
                .map(|profile| profile.trim().to_owned())
                .filter(|profile| !profile.is_empty())
                .collect(),
            dynamic,
            availability_start: seconds(&root, "availabilityStartTime", Seconds::date)?,
            availability_end: seconds(&root, "availabilityEndTime", Seconds::date)?,
            publish_time: seconds(&root, "publishTime", Seconds::date)?,
            duration: seconds(&root, "mediaPresentationDuration", Seconds::duration)?,
            minimum_update_period: seconds(&root, "minimumUpdatePeriod", Seconds::duration)?,
            min_buffer_time: seconds(&root, "minBufferTime", Seconds::duration)?,
            time_shift_buffer_depth: seconds(&root, "timeShiftBufferDepth", Seconds::duration)?,
            suggested_presentation_delay: seconds(&root, "suggestedPresentationDelay", Seconds::duration)?,
            max_segment_duration: seconds(&root, "maxSegmentDuration", Seconds::duration)?,
            patch_locations,
            service_descriptions: root
                .named("ServiceDescription")
                .map(ServiceDescription::read)
                .collect::<Result<_, _>>()?,
            utc_timings: descriptors(&root, "UTCTiming")?,
            periods: Vec::new(),
        };
        for element in root.named("Period") {
            let (before, is_first) = (mpd.periods.last(), mpd.periods.is_empty());
            let period = Period::read(element, before, !dynamic && is_first, &base)
                .map_err(|why| format!("Period {:?}: {why}", element.attribute("id").unwrap_or_default()))?;
            mpd.periods.push(period);
        }
        mpd.close_periods();
        Ok(mpd)
    }

    fn close_periods(&mut self) {
        let mut next = self.duration;
        for period in self.periods.iter_mut().rev() {
            let own = period.start.zip(period.duration).map(|(start, duration)| start + duration);
            period.end = own.or(next);
            next = period.start;
        }
    }
}

impl ServiceDescription {
    fn read(element: &Element) -> Result<Self, String> {
        let latency = element.named("Latency").next();
        let of_latency = |name| latency.map_or(Ok(None), |latency| parsed(latency, name));
        let rate = |element: &Element| {
            let part = |name| seconds(element, name, Seconds::decimal);
            Ok::<_, String>((part("min")?, part("max")?))
        };
        Ok(Self {
            latency_ms: [of_latency("target")?, of_latency("min")?, of_latency("max")?],
            reference_id: of_latency("referenceId")?,
            playback_rate: element.named("PlaybackRate").next().map(rate).transpose()?,
        })
    }
}

impl Period {
    fn read(element: &Element, before: Option<&Self>, starts_at_0: bool, base: &Url) -> Result<Self, String> {
        if element.attribute("href").is_some() || element.attributes.keys().any(|name| name.local == "href") {
            return Err("it is elsewhere (xlink:href)".to_owned());
        }
        let follows = before.and_then(|before| Some(before.start? + before.duration?));
        let start = seconds(element, "start", Seconds::duration)?.or(follows);
        let base = rebased(base, element)?;
        let mut template = None;
        refine(&mut template, element)?;
        Ok(Self {
            id: owned(element, "id"),
            start: start.or(starts_at_0.then_some(Seconds::ZERO)),
            duration: seconds(element, "duration", Seconds::duration)?,
            end: None,
            event_streams: element.named("EventStream").map(EventStream::read).collect::<Result<_, _>>()?,
            adaptation_sets: element
                .named("AdaptationSet")
                .map(|set| AdaptationSet::read(set, &base, template.clone()))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl EventStream {
    fn read(element: &Element) -> Result<Self, String> {
        let event = |event: &Element| {
            let time = parsed(event, "presentationTime")?.unwrap_or(0);
            Ok::<_, String>((time, parsed(event, "duration")?, parsed(event, "id")?))
        };
        Ok(Self {
            descriptor: Descriptor::read(element)?,
            timescale: parsed(element, "timescale")?.unwrap_or(1),
            events: element.named("Event").map(event).collect::<Result<_, _>>()?,
        })
    }
}

impl AdaptationSet {
    fn read(element: &Element, base: &Url, mut template: Option<Template>) -> Result<Self, String> {
        let base = rebased(base, element)?;
        refine(&mut template, element)?;
        let levels = || std::iter::once(element).chain(element.named("Representation"));
        let mut properties = descriptors(element, "EssentialProperty")?;
        properties.extend(descriptors(element, "SupplementalProperty")?);
        let mut inband_event_streams = Vec::new();
        for level in levels() {
            inband_event_streams.extend(descriptors(level, "InbandEventStream")?);
        }
        Ok(Self {
            id: owned(element, "id"),
            content_type: owned(element, "contentType"),
            lang: owned(element, "lang"),
            segment_alignment: boolean(element, "segmentAlignment")?.unwrap_or(false),
            labels: element
                .named("Label")
                .map(|label| (owned(label, "lang"), label.text().to_owned()))
                .collect(),
            roles: descriptors(element, "Role")?,
            accessibility: descriptors(element, "Accessibility")?,
            properties,
            inband_event_streams,
            producer_reference_times: levels()
                .flat_map(|level| level.named("ProducerReferenceTime"))
                .map(ProducerReferenceTime::read)
                .collect::<Result<_, _>>()?,
            resyncs: levels()
                .flat_map(|level| level.named("Resync"))
                .map(|resync| {
                    let kind = parsed(resync, "type")?.unwrap_or(0);
                    Ok::<_, String>(Resync { kind, most_ticks: parsed(resync, "dT")? })
                })
                .collect::<Result<_, _>>()?,
            representations: element
                .named("Representation")
                .map(|inner| Representation::read(inner, element, &base, template.clone()))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl ProducerReferenceTime {
    fn read(element: &Element) -> Result<Self, String> {
        Ok(Self {
            id: parsed(element, "id")?,
            kind: element.attribute("type").unwrap_or("encoder").to_owned(),
            inband: boolean(element, "inband")?.unwrap_or(false),
            wall_clock: seconds(element, "wallClockTime", Seconds::date)?,
            presentation_time: parsed(element, "presentationTime")?,
        })
    }
}

impl Representation {
    fn read(inner: &Element, set: &Element, base: &Url, template: Option<Template>) -> Result<Self, String> {
        let mut template = template;
        refine(&mut template, inner)?;
        let either = |name: &str| owned(inner, name).or_else(|| owned(set, name));
        let number =
            |name: &str| parsed(inner, name).and_then(|own| own.map_or(parsed(set, name), |v| Ok(Some(v))));
        Ok(Self {
            id: owned(inner, "id").ok_or("a Representation has no @id")?,
            bandwidth: parsed(inner, "bandwidth")?.ok_or("a Representation has no @bandwidth")?,
            mime_type: either("mimeType"),
            codecs: either("codecs"),
            size: number("width")?.zip(number("height")?),
            base_url: rebased(base, inner)?.into(),
            template,
        })
    }
}

impl Descriptor {
    fn read(element: &Element) -> Result<Self, String> {
        Ok(Self {
            scheme: owned(element, "schemeIdUri")
                .ok_or_else(|| format!("{} has no @schemeIdUri", element.name.local))?,
            value: owned(element, "value"),
            id: owned(element, "id"),
        })
    }
}

fn refine(template: &mut Option<Template>, element: &Element) -> Result<(), String> {
    match element.named("SegmentTemplate").next() {
        Some(own) => template.get_or_insert_default().refine(own),
        None => Ok(()),
    }
}

fn descriptors(element: &Element, name: &str) -> Result<Vec<Descriptor>, String> {
    element.named(name).map(Descriptor::read).collect()
}

fn owned(element: &Element, name: &str) -> Option<String> {
    element.attribute(name).map(str::to_owned)
}

fn parsed<T: FromStr>(element: &Element, name: &str) -> Result<Option<T>, String> {
    let read = |text: &str| text.parse().map_err(|_| wrong(element, name, text));
    element.attribute(name).map(read).transpose()
}

fn boolean(element: &Element, name: &str) -> Result<Option<bool>, String> {
    match element.attribute(name) {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(text) => Err(wrong(element, name, text)),
    }
}

fn seconds(
    element: &Element,
    name: &str,
    read: fn(&str) -> Option<Seconds>,
) -> Result<Option<Seconds>, String> {
    let read = |text: &str| read(text).ok_or_else(|| wrong(element, name, text));
    element.attribute(name).map(read).transpose()
}

fn wrong(element: &Element, name: &str, text: &str) -> String {
    format!("{}@{name} is {text:?}", element.name.local)
}

/// What URLs in an element are relative to: its first BaseURL, others being alternatives.
fn rebased(base: &Url, element: &Element) -> Result<Url, String> {
    let Some(own) = element.named("BaseURL").next() else { return Ok(base.clone()) };
    if own.attribute("availabilityTimeOffset").is_some() {
        return Err("BaseURL@availabilityTimeOffset is not understood here".to_owned());
    }
    base.join(own.text()).map_err(|why| format!("BaseURL {:?}: {why}", own.text()))
}

/// A URL that is relative to `base`, absolute; a path if nobody said what host that is on.
pub(in super::super) fn resolved(base: &Url, relative: &str) -> Result<String, String> {
    let url: String = base.join(relative).map_err(|why| format!("{relative:?}: {why}"))?.into();
    Ok(match url.strip_prefix(NOWHERE) {
        Some(path) => format!("/{path}"),
        None => url,
    })
}
