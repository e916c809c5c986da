//! The manifest (ISO/IEC 23009-1 §5.3.1).

use std::fmt::Write as _;

use super::Form;
use super::adaptation::{AdaptationSet, Within, sets};
use super::date::{duration, iso_date};
use super::period::{Listed, Period, periods, stretch};
use super::template::{Addressing, Extent, Template};
use super::xml::{Document, Tag};
use crate::log::{Generation, PeriodRecord, Rendition, Shape, TimeRange};
use crate::time::WallMs;

/// Everything a manifest says.
#[derive(Debug, Clone, Copy)]
pub struct Manifest<'a> {
    /// Of which generation of the broadcast it is.
    pub generation: &'a Generation,
    /// What every URL begins with, without the slash after it: the generation, or from elsewhere the way there.
    pub root: &'a str,
    /// What is fixed for the whole broadcast.
    pub shape: &'a Shape,
    /// The period records.
    pub periods: &'a [PeriodRecord],
    /// The tracks to list, by name.
    pub renditions: &'a [Rendition<'a>],
    /// Those that have been listed, and may be again: time does not go back when they leave.
    pub behind: &'a [Rendition<'a>],
    /// How low latency is had.
    pub form: Form,
    /// What of them is listed.
    pub stretch: Stretch,
}

/// What a manifest lists of its tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    /// What live playlists list.
    Window,
    /// What was broadcast in a range, of which the presentation's time begins with the range.
    Range(TimeRange),
    /// What has been shown of a range that ends so many seconds ago. The presentation is live that much later.
    Delayed {
        /// By which all becomes available later (`@availabilityStartTime`).
        seconds: u64,
        /// From where a window began then.
        shown: TimeRange,
    },
}

/// What is known of all tracks.
pub(super) struct Known<'a> {
    pub(super) listed: Vec<Listed<'a>>,
    pub(super) behind: Vec<Listed<'a>>,
}

impl<'a> Known<'a> {
    fn all(&self) -> impl Iterator<Item = &Listed<'a>> {
        self.listed.iter().chain(&self.behind)
    }
}

/// What is written, worked out.
pub(super) struct Layout<'a> {
    pub(super) periods: Vec<(Period<'a>, Vec<AdaptationSet<'a>>)>,
    /// When the presentation's time is zero.
    start: WallMs,
    /// When the last listed segment has been shown.
    end: WallMs,
    /// How long the longest listed segment is, or may become, in tenths of a second: rounded up, so that it
    /// stays where segments of sound are a frame longer or shorter.
    longest_tenths: u64,
}

const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd:2011";

/// How long a patch is there to be had: a reader keeps more than that.
const PATCH_TTL_S: u64 = 60;

impl<'a> Manifest<'a> {
    /// Writes the manifest.
    pub fn render(&self) -> String {
        let known = self.known();
        let published = self.published(&known);
        let layout = self.layout(&known);
        // What is not live is not patched: whoever looks at it reads it anew.
        let is_patched = self.stretch == Stretch::Window && !self.has_ended();
        let location = is_patched.then(|| self.patch_location(self.outline(&layout), &published));
        self.write(&layout, Extent::Whole, &published, location.as_deref())
    }

    /// Its id, which patches name: it is of the generation, and of its form.
    pub(super) fn id(&self) -> String {
        format!("{}-{}", self.generation, self.form.file().trim_end_matches(".mpd"))
    }

    /// All tracks, in the order in which the URLs of patches have them.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a Rendition<'a>> {
        self.renditions.iter().chain(self.behind)
    }

    /// Nothing will be added: all its tracks have ended, or have passed the end of its range.
    pub(super) fn has_ended(&self) -> bool {
        self.renditions.iter().all(|Rendition { chain, .. }| match &self.stretch {
            Stretch::Window => chain.ended,
            Stretch::Range(range) => range.within(chain, self.periods).until.is_some(),
            Stretch::Delayed { shown, .. } => {
                let until = shown.shown(chain, self.periods).until;
                chain.ended && until > chain.last_closed_msn()
            }
        })
    }

    /// Whether there is anything to be listed.
    pub fn shows_something(&self) -> bool {
        self.known().listed.iter().any(|listed| listed.segments.iter().any(|segment| !segment.is_gap))
    }

    /// What is known now.
    pub(super) fn known(&self) -> Known<'a> {
        let listed = |rendition: &'a Rendition<'a>| match &self.stretch {
            Stretch::Window => Listed::now(rendition),
            Stretch::Range(range) => Listed::within(rendition, range.within(rendition.chain, self.periods)),
            Stretch::Delayed { shown, .. } => {
                Listed::within(rendition, shown.shown(rendition.chain, self.periods))
            }
        };
        let now = |renditions: &'a [Rendition<'a>]| renditions.iter().map(listed).collect();
        Known { listed: now(self.renditions), behind: now(self.behind) }
    }

    pub(super) fn layout(&self, known: &Known<'a>) -> Layout<'a> {
        let is_dynamic = !self.has_ended();
        let listed = &known.listed;
        let begins = match self.stretch {
            Stretch::Range(range) => range.start,
            Stretch::Window | Stretch::Delayed { .. } => WallMs(i64::MIN),
        };
        let mut periods = periods(self.periods, listed, begins);
        if is_dynamic && self.stretch == Stretch::Window {
            // A track that comes back has more behind it than the others still list.
            let oldest = self.newest(known).plus_ms(i64::from(self.shape.window_ms).saturating_neg());
            let is_over = |next: &Period<'_>| next.wall <= oldest;
            periods.drain(..periods.iter().skip(1).take_while(|next| is_over(next)).count());
        }
        let mut end = WallMs(i64::MIN);
        let mut longest_tenths = 0;
        let mut with_sets = Vec::new();
        for (index, period) in periods.iter().enumerate() {
            let stretches = listed.iter().filter_map(|listed| stretch(listed, &periods, index));
            let stretches: Vec<_> = stretches
                .map(|stretch| {
                    let template = Template::of(&stretch, period, self.form, is_dynamic);
                    (stretch, template)
                })
                .collect();
            let ends = stretches.iter().filter_map(|(stretch, _)| stretch.segments.last());
            end = ends.map(|last| period.end_of(last)).fold(end, WallMs::max);
            let longest = stretches.iter().map(|(stretch, template)| template.longest_tenths(stretch));
            longest_tenths = longest.fold(longest_tenths, u64::max);
            with_sets.push((period.clone(), sets(stretches)));
        }
        // The whole broadcast has one clock; a range has its own, which begins with the first that is in it.
        let first = self.periods.first().map_or(WallMs(0), |first| first.anchor.wall);
        let start = match self.stretch {
            Stretch::Range(range) => with_sets.first().map_or(range.start, |(period, _)| period.wall),
            Stretch::Window | Stretch::Delayed { .. } => first,
        };
        Layout { periods: with_sets, start, end, longest_tenths }
    }

    /// When the newest part that is listed was stored, or when a Period began of which no part is listed yet.
    fn newest(&self, known: &Known<'_>) -> WallMs {
        let parts = known.all().filter_map(|listed| listed.newest);
        let begun = known.all().map(|listed| listed.rendition.chain.run.period).max();
        let begun = begun.and_then(|period| self.periods.get(usize::try_from(period).ok()?));
        parts.chain(begun.map(|record| record.anchor.wall)).max().unwrap_or(WallMs(0))
    }

    /// `@publishTime`: of what is newest. Behind the milliseconds stands how far all tracks have come, so that it
    /// is later with every change, also where two came at once or one was seen late.
    pub(super) fn published(&self, known: &Known<'_>) -> String {
        let come = known.all().map(|listed| listed.progress).fold(0, u64::wrapping_add) % 1_000_000;
        let date = iso_date(self.newest(known));
        format!("{}{come:06}Z", date.trim_end_matches('Z'))
    }

    /// When what is at the presentation's time zero became available (`@availabilityStartTime`).
    fn available(&self, layout: &Layout<'_>) -> WallMs {
        let delay_s = match self.stretch {
            Stretch::Delayed { seconds, .. } => seconds,
            Stretch::Window | Stretch::Range(_) => 0,
        };
        layout.start.plus_ms(i64::try_from(delay_s.saturating_mul(1000)).unwrap_or(i64::MAX))
    }

    /// XXH3 of all that a patch cannot bring up to date.
    pub(super) fn outline(&self, layout: &Layout<'a>) -> u64 {
        let mut text = self.write(layout, Extent::Outline, "", None);
        // The end of one track alone is not seen in it.
        for rendition in self.renditions {
            text.push(if rendition.chain.ended { '1' } else { '0' });
        }
        xxhash_rust::xxh3::xxh3_64(text.as_bytes())
    }

    /// Where the patch of this manifest is to be had, relative to it: it says what was known, so that any
    /// edge can tell what has been added since.
    pub(super) fn patch_location(&self, outline: u64, published: &str) -> String {
        let mut at = String::new();
        for rendition in self.all() {
            let separator = if at.is_empty() { "" } else { "." };
            let _ = write!(at, "{separator}{}", rendition.chain.next_ticks);
        }
        format!("{}?from={published}&at={at}&of={outline:016x}", self.form.patch_file())
    }

    pub(super) fn write(
        &self,
        layout: &Layout<'a>,
        extent: Extent,
        published: &str,
        patch_location: Option<&str>,
    ) -> String {
        let is_dynamic = !self.has_ended();
        let sets = layout.periods.iter().flat_map(|(_, sets)| sets);
        let lengths = sets.clone().map(AdaptationSet::entries).fold(0, usize::saturating_add);
        let representations = sets.map(|set| set.representations.len()).fold(4, usize::saturating_add);
        let listed = if extent == Extent::Whole { lengths } else { 0 };
        let mut to =
            Document::new(listed.saturating_mul(48).saturating_add(representations.saturating_mul(1024)));
        to.open(self.root(layout, extent, published, is_dynamic));
        if let Some(location) = patch_location {
            to.text(patch_location_tag(), location);
        }
        if is_dynamic {
            self.write_service(layout, &mut to);
        }
        let mut previous: Option<String> = None;
        for (period, sets) in &layout.periods {
            let id = period.id();
            let start_ms = u64::try_from(period.wall.since_ms(layout.start)).unwrap_or(0);
            to.open(Tag::new("Period").with("id", &id).with("start", &duration(start_ms)));
            for (place, set) in (0..).zip(sets) {
                let within = Within {
                    root: self.root,
                    form: self.form,
                    extent,
                    period,
                    previous: previous.as_deref(),
                    place,
                };
                set.write(&mut to, &within);
            }
            to.close();
            previous = Some(id);
        }
        if is_dynamic {
            let scheme = "urn:mpeg:dash:utc:http-iso:2014";
            to.empty(Tag::new("UTCTiming").with("schemeIdUri", scheme).with("value", "time"));
        }
        to.finish()
    }

    fn root(&self, layout: &Layout<'a>, extent: Extent, published: &str, is_dynamic: bool) -> Tag {
        let target_ms = u64::from(self.shape.target_duration_s).saturating_mul(1000);
        let templates = || {
            let sets = layout.periods.iter().flat_map(|(_, sets)| sets);
            sets.flat_map(|set| set.representations.iter().map(|(_, template)| template))
        };
        let profiles = if is_dynamic && templates().any(|template| template.is_early(self.form)) {
            "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019,\
             http://www.dashif.org/guidelines/low-latency-live-v5"
        } else {
            "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019"
        };
        // The first ones may have been cut short.
        let to_come_ms = if is_dynamic { self.shape.segment_ms.into() } else { 0 };
        let tag = Tag::new("MPD")
            .with("xmlns", NAMESPACE)
            .with("id", &self.id())
            .with("profiles", profiles)
            .with("type", if is_dynamic { "dynamic" } else { "static" })
            // The bit rates are of stretches half a target long.
            .with("minBufferTime", &duration(target_ms / 2))
            // What is said too much here shaka-player stays behind live.
            .with("maxSegmentDuration", &duration(layout.longest_tenths.saturating_mul(100).max(to_come_ms)));
        if !is_dynamic {
            let length_ms = u64::try_from(layout.end.since_ms(layout.start)).unwrap_or(0);
            return tag.with("mediaPresentationDuration", &duration(length_ms));
        }
        let is_told_by_clock = layout.periods.last().is_some_and(|(_, sets)| {
            let mut templates = sets.iter().flat_map(|set| set.representations.iter());
            templates.all(|(_, template)| matches!(template.addressing, Addressing::Duration(_)))
        });
        // A list has to be read again for each segment; what goes by the clock only for a new Period.
        let update_ms = if is_told_by_clock { target_ms } else { target_ms / 2 };
        let depth_ms =
            u64::from(self.shape.window_ms).saturating_sub(target_ms).max(target_ms.saturating_mul(3));
        // Without it all there was can be had.
        let is_all = self.shape.is_whole() || matches!(self.stretch, Stretch::Range(_));
        let depth = (!is_all).then(|| duration(depth_ms));
        let tag = tag
            .with("availabilityStartTime", &iso_date(self.available(layout)))
            .with("minimumUpdatePeriod", &duration(update_ms))
            .with_some("timeShiftBufferDepth", depth.as_ref())
            .with("suggestedPresentationDelay", &duration(self.least_latency_ms()));
        if extent == Extent::Whole { tag.with("publishTime", published) } else { tag }
    }

    /// How close to live players may come: as in HLS. Those that go by `@suggestedPresentationDelay` count
    /// it from when a part is there, not from when it begins to be shown.
    fn least_latency_ms(&self) -> u64 {
        let target_ms = u64::from(self.shape.target_duration_s).saturating_mul(1000);
        self.shape.part_hold_back_ms().unwrap_or(target_ms.saturating_mul(3))
    }

    /// How far behind live players are meant to be: a part more, since here the clock says when a part should
    /// be there, and nobody that it is.
    fn latency_ms(&self) -> u64 {
        let part_ms = self.shape.part_hold_back_ms().map_or(0, |_| u64::from(self.shape.part_ms));
        self.least_latency_ms().saturating_add(part_ms)
    }

    fn write_service(&self, layout: &Layout<'_>, to: &mut Document) {
        let is_produced = layout.periods.last().is_some_and(|(period, _)| period.produced().is_some());
        let latency_ms = self.latency_ms();
        to.open(Tag::new("ServiceDescription").with("id", 0_u32));
        let latency = Tag::new("Latency")
            .with_some("referenceId", is_produced.then_some(0_u32))
            .with("target", latency_ms)
            .with("min", self.least_latency_ms())
            .with("max", latency_ms.saturating_mul(3));
        to.empty(latency);
        to.empty(Tag::new("PlaybackRate").with("min", "0.95").with("max", "1.05"));
        to.close();
    }
}

pub(super) fn patch_location_tag() -> Tag {
    Tag::new("PatchLocation").with("ttl", PATCH_TTL_S)
}
