//! An MPD as plain values, with what its elements inherit put where it applies.

mod read;

pub(super) use read::{NAMESPACE, resolved};

use super::time::Seconds;

/// An MPD.
#[derive(Debug, Clone, PartialEq)]
pub struct Mpd {
    /// MPD@id.
    pub id: Option<String>,
    /// MPD@profiles, one by one.
    pub profiles: Vec<String>,
    /// MPD@type is "dynamic".
    pub dynamic: bool,
    /// MPD@availabilityStartTime.
    pub availability_start: Option<Seconds>,
    /// MPD@availabilityEndTime.
    pub availability_end: Option<Seconds>,
    /// MPD@publishTime.
    pub publish_time: Option<Seconds>,
    /// MPD@mediaPresentationDuration.
    pub duration: Option<Seconds>,
    /// MPD@minimumUpdatePeriod.
    pub minimum_update_period: Option<Seconds>,
    /// MPD@minBufferTime.
    pub min_buffer_time: Option<Seconds>,
    /// MPD@timeShiftBufferDepth.
    pub time_shift_buffer_depth: Option<Seconds>,
    /// MPD@suggestedPresentationDelay.
    pub suggested_presentation_delay: Option<Seconds>,
    /// MPD@maxSegmentDuration.
    pub max_segment_duration: Option<Seconds>,
    /// PatchLocation elements.
    pub patch_locations: Vec<PatchLocation>,
    /// ServiceDescription elements of the MPD.
    pub service_descriptions: Vec<ServiceDescription>,
    /// UTCTiming elements.
    pub utc_timings: Vec<Descriptor>,
    /// Period elements.
    pub periods: Vec<Period>,
}

/// PatchLocation.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchLocation {
    /// As written.
    pub written: String,
    /// Resolved.
    pub url: String,
    /// @ttl.
    pub ttl: Option<Seconds>,
}

/// A descriptor: Role, UTCTiming, EssentialProperty, InbandEventStream and their like.
#[derive(Debug, Clone, PartialEq)]
pub struct Descriptor {
    /// @schemeIdUri.
    pub scheme: String,
    /// @value.
    pub value: Option<String>,
    /// @id.
    pub id: Option<String>,
}

/// ServiceDescription.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceDescription {
    /// Latency@target, @min, @max, in milliseconds.
    pub latency_ms: [Option<u64>; 3],
    /// Latency@referenceId.
    pub reference_id: Option<u64>,
    /// PlaybackRate@min and @max.
    pub playback_rate: Option<(Option<Seconds>, Option<Seconds>)>,
}

/// Period.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// @id.
    pub id: Option<String>,
    /// @start, or what follows from the Period before; none if this follows from nothing.
    pub start: Option<Seconds>,
    /// @duration.
    pub duration: Option<Seconds>,
    /// Where it ends, by @duration, the start of the next, or the end of the presentation; none if that is open.
    pub end: Option<Seconds>,
    /// EventStream elements.
    pub event_streams: Vec<EventStream>,
    /// AdaptationSet elements.
    pub adaptation_sets: Vec<AdaptationSet>,
}

/// EventStream.
#[derive(Debug, Clone, PartialEq)]
pub struct EventStream {
    /// @schemeIdUri and @value.
    pub descriptor: Descriptor,
    /// @timescale.
    pub timescale: u64,
    /// @presentationTime, @duration and @id of its events.
    pub events: Vec<(u64, Option<u64>, Option<u64>)>,
}

/// AdaptationSet.
#[derive(Debug, Clone, PartialEq)]
pub struct AdaptationSet {
    /// @id.
    pub id: Option<String>,
    /// @contentType.
    pub content_type: Option<String>,
    /// @lang.
    pub lang: Option<String>,
    /// @segmentAlignment.
    pub segment_alignment: bool,
    /// Label elements: @lang and text.
    pub labels: Vec<(Option<String>, String)>,
    /// Role elements.
    pub roles: Vec<Descriptor>,
    /// Accessibility elements.
    pub accessibility: Vec<Descriptor>,
    /// EssentialProperty and SupplementalProperty elements.
    pub properties: Vec<Descriptor>,
    /// InbandEventStream elements.
    pub inband_event_streams: Vec<Descriptor>,
    /// ProducerReferenceTime elements, of its Representations too.
    pub producer_reference_times: Vec<ProducerReferenceTime>,
    /// Resync elements, of its Representations too.
    pub resyncs: Vec<Resync>,
    /// Representation elements.
    pub representations: Vec<Representation>,
}

/// ProducerReferenceTime.
#[derive(Debug, Clone, PartialEq)]
pub struct ProducerReferenceTime {
    /// @id.
    pub id: Option<u64>,
    /// @type.
    pub kind: String,
    /// @inband.
    pub inband: bool,
    /// @wallClockTime, as a date.
    pub wall_clock: Option<Seconds>,
    /// @presentationTime.
    pub presentation_time: Option<u64>,
}

/// Resync.
#[derive(Debug, Clone, PartialEq)]
pub struct Resync {
    /// @type.
    pub kind: u64,
    /// @dT, in ticks.
    pub most_ticks: Option<u64>,
}

/// Representation, with what its AdaptationSet says for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Representation {
    /// @id.
    pub id: String,
    /// @bandwidth.
    pub bandwidth: u64,
    /// @mimeType.
    pub mime_type: Option<String>,
    /// @codecs.
    pub codecs: Option<String>,
    /// @width and @height.
    pub size: Option<(u64, u64)>,
    /// What its URLs are relative to.
    pub base_url: String,
    /// SegmentTemplate.
    pub template: Option<Template>,
}

/// SegmentTemplate, as it stands after inheritance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Template {
    /// @timescale; 1 if there is none.
    pub timescale: Option<u64>,
    /// @presentationTimeOffset.
    pub presentation_time_offset: u64,
    /// @startNumber; 1 if there is none.
    pub start_number: Option<u64>,
    /// @endNumber.
    pub end_number: Option<u64>,
    /// @duration.
    pub duration: Option<u64>,
    /// @media.
    pub media: Option<String>,
    /// @initialization.
    pub initialization: Option<String>,
    /// @availabilityTimeOffset.
    pub availability_time_offset: Option<Seconds>,
    /// @availabilityTimeComplete.
    pub availability_time_complete: Option<bool>,
    /// SegmentTimeline.
    pub timeline: Option<Vec<S>>,
}

/// S of a SegmentTimeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct S {
    /// @t.
    pub t: Option<u64>,
    /// @d.
    pub d: u64,
    /// @r.
    pub r: i64,
    /// @k.
    pub k: u64,
}

impl Template {
    /// Ticks in a second.
    pub fn ticks_per_second(&self) -> u64 {
        self.timescale.unwrap_or(1)
    }
}
