//! Watches the manifests of DASH as a broadcast goes on.

use std::collections::{BTreeMap, VecDeque};

use packager_core::dash::{Form, Manifest, PatchRequest, Stretch};
use packager_core::log::{
    BroadcastLog, BroadcastSettings, Generation, PeriodRecord, Rendition, listed_and_behind,
};
use packager_core::time::WallMs;

use crate::mpd::{self, History, Mpd, Seconds};

/// How many manifests back one is brought up to date from.
const LOOKS_BACK: usize = 4;

/// What was seen so far.
#[derive(Default)]
pub struct Manifests {
    seen: BTreeMap<Form, (History, VecDeque<String>)>,
    settings: BroadcastSettings,
    /// Patches that were applied.
    pub patched: usize,
}

impl Manifests {
    /// Renders both manifests, and gives what is wrong with them.
    pub fn look(&mut self, log: &BroadcastLog, settings: &BroadcastSettings, now: WallMs) -> Vec<String> {
        let (renditions, behind) = listed_and_behind(log, settings);
        let (Some(shape), false) = (log.shape(), renditions.is_empty()) else { return Vec::new() };
        if *settings != self.settings {
            // The operator's word has no time: it may change all but the media, at any time.
            self.settings = settings.clone();
            self.seen.clear();
        }
        let generation = Generation::parse("g").unwrap();
        let mut wrong = Vec::new();
        for form in [Form::Chunked, Form::Sequence] {
            let manifest = Manifest {
                generation: &generation,
                root: generation.as_str(),
                shape,
                periods: log.periods(),
                renditions: &renditions,
                behind: &behind,
                form,
                stretch: Stretch::Window,
            };
            let found = self.manifest(&manifest, form, now);
            wrong.extend(found.into_iter().map(|what| format!("{}: {what}", form.file())));
        }
        wrong
    }

    fn manifest(&mut self, manifest: &Manifest<'_>, form: Form, now: WallMs) -> Vec<String> {
        let text = manifest.render();
        let (history, before) = self.seen.entry(form).or_default();
        if before.back() == Some(&text) {
            return Vec::new();
        }
        let read = match Mpd::parse(&text, &format!("/show/{}", form.file())) {
            Ok(read) => read,
            Err(why) => return vec![format!("{why}\n{text}")],
        };
        let mut wrong = mpd::check(&read);
        if !read.dynamic {
            // What is complete is told on a clock of its own. Golden cases and players hold it.
            return wrong;
        }
        // What goes by the clock is told as of when it was published: nothing says for how long it is right.
        wrong.extend(history.add(&text, &read, read.publish_time.unwrap_or(Seconds::ms(now.0))));
        for rendition in manifest.renditions {
            wrong.extend(disagreements(&read, rendition, manifest.periods, Seconds::ms(now.0)));
        }
        for old in before.iter() {
            match patched(manifest, old) {
                None => {}
                Some(Ok(new)) => {
                    self.patched += 1;
                    wrong.extend(
                        mpd::same(&new, &text).err().map(|what| format!("the patch of {old}: {what}")),
                    );
                }
                Some(Err(why)) => wrong.push(format!("the patch of {old}: {why}")),
            }
        }
        if !wrong.is_empty() {
            wrong.push(text.clone());
        }
        before.push_back(text);
        if before.len() > LOOKS_BACK {
            before.pop_front();
        }
        wrong
    }
}

/// An earlier manifest, brought up to date; `None` where there is no patch for it.
fn patched(manifest: &Manifest<'_>, old: &str) -> Option<Result<String, String>> {
    let read = Mpd::parse(old, "/show/manifest.mpd").expect("it was read before");
    let location = read.patch_locations.first()?;
    let (_, query) = location.written.split_once('?').expect("a patch's URL has a query");
    let request = PatchRequest::parse(query).expect("it is one of ours");
    if !manifest.is_newer(&request) {
        return None;
    }
    let patch = manifest.patch(&request).ok()?;
    Some(mpd::apply(&patch, old))
}

/// Where the manifest says otherwise of a track's segments than its playlist does.
fn disagreements(
    read: &Mpd,
    rendition: &Rendition<'_>,
    periods: &[PeriodRecord],
    now: Seconds,
) -> Vec<String> {
    let Rendition { track, chain, .. } = rendition;
    let told = match read.segments(track.as_str(), now) {
        Ok(told) => told,
        Err(why) => return vec![format!("{track}: {why}")],
    };
    let is_listed = |period: &mpd::model::Period| {
        let mut of_track = period.adaptation_sets.iter().flat_map(|set| &set.representations);
        of_track
            .any(|of| of.id == track.as_str() && of.template.as_ref().is_some_and(|t| t.duration.is_none()))
    };
    let with_timeline: Vec<&str> = read
        .periods
        .iter()
        .filter(|period| is_listed(period))
        .filter_map(|period| period.id.as_deref())
        .collect();
    let mut wrong = Vec::new();
    for of in told.iter().filter(|of| with_timeline.contains(&of.period.as_str())) {
        let Some(segment) = chain.segment(of.number) else {
            wrong.push(format!("{track}: there is no segment {}", of.number));
            continue;
        };
        let shown = |segment: &packager_core::log::Segment| {
            segment.start_ticks.saturating_add_signed(segment.offset_ticks())
        };
        let anchor = &periods[usize::try_from(segment.run.period).unwrap()].anchor;
        let wall = anchor.wall_at(segment.start_ticks, segment.offset_ticks(), segment.run.timescale);
        let is_early = segment.start_ticks.checked_add_signed(segment.offset_ticks()).is_none();
        let off_ms = of.starts.floor_ms() - i128::from(wall.0);
        if of.start_ticks != shown(segment) || (!is_early && !(-1..=1).contains(&off_ms)) {
            wrong.push(format!("{track}: segment {} begins elsewhere: {of:?}, {segment:?}", of.number));
        }
        let is_open = chain.open.as_ref().is_some_and(|open| open.msn == of.number);
        let next = chain.segment(of.number + 1).filter(|next| next.run == segment.run);
        let length = next.map_or(segment.duration_ticks, |next| shown(next) - shown(segment));
        // What follows a gap is not known when the gap is listed.
        let length = if segment.is_gap() { length.min(segment.duration_ticks) } else { length };
        if !is_open && of.duration_ticks != length {
            wrong.push(format!("{track}: segment {} lasts {length}: {of:?}", of.number));
        }
    }
    wrong
}
