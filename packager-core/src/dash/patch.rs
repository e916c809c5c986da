//! The patch of a manifest (ISO/IEC 23009-1 §5.15): what was added to it, and what has left it, since an
//! earlier one.
//!
//! A patch's URL says how far each chain was known when the earlier manifest was written. From that any edge,
//! cold or warm, tells what was listed then: it need not have written it itself.

use super::adaptation::AdaptationSet;
use super::manifest::{Known, Manifest, patch_location_tag};
use super::period::{Listed, progress_before, progress_in};
use super::template::{Addressing, Template};
use super::timeline::Entry;
use super::xml::{Document, Tag};
use crate::cmaf::TrackKind;
use crate::limits;
use crate::log::{Chain, Rendition, Segment};
use crate::time::WallMs;

/// What the URL of a patch says of the manifest that is to be brought up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchRequest {
    /// Its `@publishTime`.
    from: String,
    /// Decode time of each rendition's next entry: of those that are listed, then of those left behind.
    at: Vec<u64>,
    /// Hash of what a patch cannot change.
    of: u64,
}

/// Why there is no patch: the whole manifest has to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outdated;

impl PatchRequest {
    /// Reads the query of a patch's URL.
    ///
    /// # Errors
    ///
    /// It is none that a manifest of ours has.
    pub fn parse(query: &str) -> Result<Self, &'static str> {
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
        };
        let why = "a patch's URL is taken from the manifest's PatchLocation";
        let from = value("from").filter(|from| from.len() <= 40).ok_or(why)?.to_owned();
        let at = value("at").ok_or(why)?.split('.').take(limits::TRACKS_PER_BROADCAST.saturating_add(1));
        let at: Vec<u64> = at.map(str::parse).collect::<Result<_, _>>().map_err(|_| why)?;
        let of = value("of").and_then(|of| u64::from_str_radix(of, 16).ok()).ok_or(why)?;
        Ok(Self { from, at, of })
    }
}

impl<'a> Manifest<'a> {
    /// Whether something was added since. Where it was not, a patch would say nothing.
    pub fn is_newer(&self, request: &PatchRequest) -> bool {
        self.published(&self.known()) != request.from
    }

    /// Writes a patch that is for no earlier manifest, but for this one, and changes nothing. Players find that
    /// it is not for theirs and read the whole manifest at once; at an error they would wait, and ask for the
    /// same patch again.
    pub fn patch_for_none(&self) -> String {
        let now = self.published(&self.known());
        let mut to = Operations::begin(&self.id(), &now, &now);
        to.replace_text("/MPD/@publishTime", &now);
        to.document.finish()
    }

    /// Writes the patch that makes an earlier manifest this one.
    ///
    /// # Errors
    ///
    /// There was no such manifest, or more has changed than a patch of ours says: a Period or a track came or
    /// went, or a bit rate, or it is too long ago to be known.
    pub fn patch(&self, request: &PatchRequest) -> Result<String, Outdated> {
        let known = self.known();
        let layout = self.layout(&known);
        if self.has_ended() || request.at.len() != self.all().count() || self.outline(&layout) != request.of {
            return Err(Outdated);
        }
        let earlier = self.all().zip(&request.at).map(|(rendition, at)| as_of(rendition, *at));
        let mut earlier: Vec<Listed<'a>> = earlier.collect::<Option<_>>().ok_or(Outdated)?;
        let behind = earlier.split_off(self.renditions.len());
        let earlier = Known { listed: earlier, behind };
        if self.published(&earlier) != request.from {
            return Err(Outdated);
        }
        let before = self.layout(&earlier);
        if before.periods.len() != layout.periods.len() {
            return Err(Outdated);
        }
        let now = self.published(&known);
        let mut to = Operations::begin(&self.id(), &request.from, &now);
        to.replace_text("/MPD/@publishTime", &now);
        let location = self.patch_location(request.of, &now);
        to.with_child("replace", "/MPD/PatchLocation[1]", |to| to.text(patch_location_tag(), &location));
        for ((old_period, old_sets), (period, sets)) in before.periods.iter().zip(&layout.periods) {
            if (old_period.id(), old_period.wall, old_sets.len()) != (period.id(), period.wall, sets.len()) {
                return Err(Outdated);
            }
            let path = format!("/MPD/Period[@id='{}']", period.id());
            for (old, new) in old_sets.iter().zip(sets) {
                to.set(&format!("{path}/AdaptationSet[@id='{}']", new.id), old, new)?;
            }
        }
        Ok(to.document.finish())
    }
}

/// What was listed of a chain when its next entry was at some decode time of the current run. `None` where
/// that cannot be told any more, or never was so.
fn as_of<'a>(rendition: &'a Rendition<'a>, at_ticks: u64) -> Option<Listed<'a>> {
    let chain = rendition.chain;
    if at_ticks == chain.next_ticks {
        return Some(Listed::now(rendition));
    }
    let was_known = |segment: &&Segment| segment.run != chain.run || segment.start_ticks < at_ticks;
    let newest = chain.open.iter().chain(chain.closed.iter().rev()).find(was_known)?;
    let is_boundary =
        newest.end_ticks() == at_ticks || newest.parts.iter().any(|part| part.start_ticks == at_ticks);
    // How long the first segment of a run will be is known only when it is closed.
    if newest.run != chain.run || !is_boundary || newest.msn == chain.run.first_msn {
        return None;
    }
    let was_open = !newest.is_gap() && chain.begin.kind != TrackKind::Text;
    let after = newest.msn.saturating_add(1);
    let (closed_until, progress) = if was_open {
        let parts = newest.parts.iter().filter(|part| part.start_ticks < at_ticks).count();
        (newest.msn, progress_in(&chain.run, newest.msn, parts))
    } else {
        (after, progress_before(&chain.run, after))
    };
    let from = chain.listed_from_when(closed_until)?;
    let shows_open = was_open && chain.has_parts();
    let until = if shows_open { after } else { closed_until };
    let mut segments: Vec<_> = chain.references(from, until).collect();
    if shows_open && chain.open.as_ref().is_some_and(|open| open.msn == newest.msn) {
        segments.push(newest.reference());
    }
    Some(Listed {
        rendition,
        segments,
        open_until: shows_open.then_some(at_ticks),
        next_ticks: at_ticks,
        progress,
        newest: Some(if shows_open {
            newest.newest_until(at_ticks)
        } else {
            newest_closed(chain, closed_until)
        }),
    })
}

/// When the newest part of the closed segments before a number was stored.
fn newest_closed(chain: &Chain, until: u64) -> WallMs {
    chain.reference(until.saturating_sub(1)).map_or(WallMs(0), |last| last.newest)
}

/// A patch that is being written.
struct Operations {
    document: Document,
}

const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd-patch:2020";

impl Operations {
    fn begin(mpd_id: &str, from: &str, now: &str) -> Self {
        let mut document = Document::dense(2048);
        let tag = Tag::new("Patch").with("xmlns", NAMESPACE).with("mpdId", mpd_id);
        document.open(tag.with("originalPublishTime", from).with("publishTime", now));
        Self { document }
    }

    fn replace_text(&mut self, selector: &str, text: &str) {
        self.document.text(Tag::new("replace").with("sel", selector), text);
    }

    fn with_child(&mut self, operation: &'static str, selector: &str, child: impl FnOnce(&mut Document)) {
        self.document.open(Tag::new(operation).with("sel", selector));
        child(&mut self.document);
        self.document.close();
    }

    /// What has changed in an adaptation set.
    fn set(&mut self, path: &str, old: &AdaptationSet<'_>, new: &AdaptationSet<'_>) -> Result<(), Outdated> {
        match (old.template(), new.template()) {
            (Some(old), Some(new)) => return self.template(path, old, new),
            (None, None) if old.representations.len() == new.representations.len() => {}
            _ => return Err(Outdated),
        }
        for ((_, old), (stretch, new)) in old.representations.iter().zip(&new.representations) {
            let track = stretch.rendition.track;
            self.template(&format!("{path}/Representation[@id='{track}']"), old, new)?;
        }
        Ok(())
    }

    fn template(&mut self, path: &str, old: &Template<'_>, new: &Template<'_>) -> Result<(), Outdated> {
        let path = format!("{path}/SegmentTemplate");
        match (&old.addressing, &new.addressing) {
            (Addressing::Timeline(old_entries), Addressing::Timeline(entries)) => {
                if old.start_number != new.start_number {
                    self.replace_text(&format!("{path}/@startNumber"), &new.start_number.to_string());
                }
                self.timeline(&format!("{path}/SegmentTimeline"), old_entries, entries)
            }
            (old, new) if old == new => Ok(()),
            _ => Err(Outdated),
        }
    }

    /// Entries leave at the front, and come at the end; where they change, it is one of the two.
    fn timeline(&mut self, path: &str, old: &[Entry], new: &[Entry]) -> Result<(), Outdated> {
        let first = new.first().ok_or(Outdated)?;
        let gone =
            old.iter().position(|entry| entry.index_of(first.start_ticks).is_some()).ok_or(Outdated)?;
        for _ in 0..gone {
            self.document.empty(Tag::new("remove").with("sel", &format!("{path}/S[1]")));
        }
        let kept = old.get(gone..).unwrap_or_default();
        for (place, (old, new)) in (1_u64..).zip(kept.iter().zip(new)) {
            if old != new {
                self.with_child("replace", &format!("{path}/S[{place}]"), |to| {
                    Entry::write_all(std::slice::from_ref(new), to);
                });
            }
        }
        // What is merged with the one before it is no entry of its own any more.
        for _ in new.len()..kept.len() {
            let place = new.len().saturating_add(1);
            self.document.empty(Tag::new("remove").with("sel", &format!("{path}/S[{place}]")));
        }
        let added = new.get(kept.len()..).unwrap_or_default();
        if !added.is_empty() {
            self.with_child("add", path, |to| Entry::write_all(added, to));
        }
        Ok(())
    }
}
