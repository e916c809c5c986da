//! What an MPD must keep of those before it in a broadcast.

use std::collections::BTreeMap;

use super::check::Found;
use super::model::{Mpd, Template};
use super::segments::Segment;
use super::time::Seconds;

/// The MPDs of one URL so far.
#[derive(Debug, Default)]
pub struct History {
    before: Option<(String, Mpd)>,
    /// Period@start by Period@id.
    periods: BTreeMap<String, Option<Seconds>>,
    /// What is said of a Representation in a Period.
    representations: BTreeMap<InPeriod, Kept>,
    /// The segments that the SegmentTimeline of a Representation listed last in a Period.
    ranges: BTreeMap<InPeriod, Range>,
    /// What is said of a Representation's segment, by its Period and number.
    segments: BTreeMap<(InPeriod, u64), Listed>,
    /// Which segment a URL is, and in which Period it was first.
    urls: BTreeMap<String, ((String, u64), String)>,
}

/// Period@id and Representation@id.
type InPeriod = (String, String);

/// First and last number.
type Range = (u64, u64);

/// What stays as it is for a Representation in a Period.
#[derive(Debug, Clone)]
struct Kept {
    adaptation_set: Option<String>,
    /// What the set is told apart by; the operator may say otherwise at any time, and it is another then.
    described: String,
    timescale: u64,
    presentation_time_offset: u64,
    init_url: Option<String>,
}

impl Kept {
    fn is_kept(&self, new: &Self) -> bool {
        let of_media = |kept: &Self| (kept.timescale, kept.presentation_time_offset, kept.init_url.clone());
        let same_set = self.adaptation_set == new.adaptation_set || self.described != new.described;
        of_media(self) == of_media(new) && same_set
    }
}

#[derive(Debug)]
struct Listed {
    segment: Segment,
    /// When that was said.
    told: Seconds,
    /// Its Period goes on where the one before it ended, so that a segment may be in both.
    continues: bool,
    /// By @duration: where it starts is about what is said.
    nominal: bool,
    /// It does not grow.
    closed: bool,
}

impl History {
    /// Says what is wrong with an MPD that was given at the moment `now`, after all that were added before it.
    pub fn add(&mut self, text: &str, mpd: &Mpd, now: Seconds) -> Vec<String> {
        let mut found = Found::default();
        if let Some((before_text, before)) = &self.before {
            follows(before_text, before, text, mpd, &mut found);
            let depths = (before.time_shift_buffer_depth, mpd.time_shift_buffer_depth);
            found.require(depths.0 == depths.1 || !mpd.dynamic, "D1", || {
                format!("timeShiftBufferDepth was {:?}, and is {:?}", depths.0, depths.1)
            });
        }
        for period in &mpd.periods {
            let id = period.id.clone().unwrap_or_default();
            let known = self.periods.insert(id.clone(), period.start);
            found.require(known.is_none_or(|known| known == period.start), "D12", || {
                format!("Period {id} started at {known:?}, and now at {:?}", period.start)
            });
        }
        for at in 0..mpd.periods.len() {
            self.period(mpd, at, now, &mut found);
        }
        self.before = Some((text.to_owned(), mpd.clone()));
        found.0
    }

    fn period(&mut self, mpd: &Mpd, at: usize, now: Seconds, found: &mut Found) {
        let Some(period) = mpd.periods.get(at) else { return };
        for set in &period.adaptation_sets {
            let connected = "urn:mpeg:dash:period-connectivity:2015";
            let continues = set.properties.iter().any(|property| property.scheme == connected);
            for representation in &set.representations {
                let later = mpd.periods.iter().skip(at + 1).flat_map(|period| &period.adaptation_sets);
                let mut later = later.flat_map(|set| &set.representations);
                let grows = mpd.dynamic && !later.any(|later| later.id == representation.id);
                let Some(template) = &representation.template else { continue };
                let (segments, init_url) =
                    match (mpd.segments_in(at, representation, now), representation.init_url()) {
                        (Ok(segments), Ok(init_url)) => (segments, init_url),
                        (Err(why), _) | (_, Err(why)) => {
                            found.require(false, "D2", || why);
                            continue;
                        }
                    };
                let key = (period.id.clone().unwrap_or_default(), representation.id.clone());
                let new = Kept {
                    adaptation_set: set.id.clone(),
                    described: format!("{:?} {:?} {:?}", set.lang, set.roles, set.labels),
                    timescale: template.ticks_per_second(),
                    presentation_time_offset: template.presentation_time_offset,
                    init_url,
                };
                self.kept(&key, new, found);
                let slides = mpd.time_shift_buffer_depth.is_some();
                self.forward(&key, template, &segments, (mpd.dynamic, slides), found);
                let nominal = template.duration.is_some();
                let count = segments.len();
                for (place, segment) in segments.into_iter().enumerate() {
                    let closed = !grows || place + 1 < count;
                    self.segment(Listed { segment, told: now, continues, nominal, closed }, found);
                }
            }
        }
    }

    /// What players keep of a Representation when they read the MPD again.
    fn kept(&mut self, key: &InPeriod, new: Kept, found: &mut Found) {
        let old = self.representations.entry(key.clone()).or_insert_with(|| new.clone());
        found.require(old.is_kept(&new), "D12", || {
            format!("{} in Period {} was {old:?}, and is {new:?}", key.1, key.0)
        });
        *old = new;
    }

    /// A list grows at its end, and loses segments at its start; the last MPD may have all that is kept.
    fn forward(
        &mut self,
        key: &InPeriod,
        template: &Template,
        segments: &[Segment],
        (dynamic, slides): (bool, bool),
        found: &mut Found,
    ) {
        let ends = segments.first().zip(segments.last());
        let Some((first, last)) = ends.filter(|_| template.timeline.is_some()) else { return };
        let new = (first.number, last.number);
        if let Some(old) = self.ranges.insert(key.clone(), new) {
            found.require((old.0 <= new.0 || !dynamic) && old.1 <= new.1, "D2", || {
                format!("{} in Period {} was {old:?}, and is {new:?}", key.1, key.0)
            });
            // "If not present, the value is infinite" (ISO/IEC 23009-1, 5.3.1.2)
            found.require(slides || !dynamic || old.0 == new.0, "D1", || {
                format!("{} in Period {} loses segments without timeShiftBufferDepth", key.1, key.0)
            });
        }
    }

    /// A URL is always the same segment. Its number may be another's in the next Period: what goes by the clock
    /// counts on until a Period ends.
    fn segment(&mut self, new: Listed, found: &mut Found) {
        let key = (new.segment.representation.clone(), new.segment.number);
        let name = format!("segment {} of {}", key.1, key.0);
        for url in &new.segment.urls {
            let home = new.segment.period.clone();
            let (old, old_home) = self.urls.entry(url.clone()).or_insert((key.clone(), home.clone()));
            found.require(*old == key, "D2", || {
                format!("{url} was segment {} of {}, and is {name}", old.1, old.0)
            });
            found.require(*old_home == home || new.continues, "D12", || {
                format!("{name} was in Period {old_home}, and is in {home}")
            });
        }
        let key = ((new.segment.period.clone(), key.0), key.1);
        let Some(old) = self.segments.get_mut(&key) else {
            self.segments.insert(key, new);
            return;
        };
        old.same(&new, &name, found);
        // What @duration says of a segment is less than what a SegmentTimeline said.
        if old.nominal || !new.nominal {
            *old = new;
        }
    }
}

impl Listed {
    fn same(&self, new: &Self, name: &str, found: &mut Found) {
        let (was, is) = (&self.segment, &new.segment);
        let duration = |segment: &Segment| segment.ends - segment.starts;
        let said = duration(if self.nominal { was } else { is });
        // What goes by the clock is told of an encoder too that has gone, until that is known.
        let sure = was.ends + said + said + said + said + said;
        let foretold = self.nominal && self.told < sure;
        let exact = !self.nominal && !new.nominal;
        let urls_kept = was.urls.iter().zip(&is.urls).all(|(was, is)| was == is)
            && (!exact || !self.closed || was.urls.len() == is.urls.len());
        found.require(urls_kept, "D2", || format!("{name} was {:?}, and is {:?}", was.urls, is.urls));
        if !self.nominal && !new.nominal {
            found.require(was.starts == is.starts, "D2", || {
                format!("{name} started at {}, and now at {}", was.starts, is.starts)
            });
            let kept = duration(was) == duration(is) || (exact && !self.closed);
            found.require(kept, "D2", || {
                format!("{name} was {}, and is now {} long", duration(was), duration(is))
            });
        } else {
            // The tolerance of @duration (ISO/IEC 23009-1, 5.3.9.2).
            // A little more or less of each may be nearer to most of them.
            let (before, after) = (duration(was).floor_ms(), duration(is).floor_ms());
            let is_near = (after - before).abs() * 10 <= before;
            let is_other = was.period != is.period || self.nominal != new.nominal;
            found.require(is_near || is_other, "D2", || {
                format!("{name} was {}, and is now {} long", duration(was), duration(is))
            });
            if foretold {
                return;
            }
            let apart = was.starts.max(is.starts) - was.starts.min(is.starts);
            found.require(apart + apart <= said, "D2", || {
                format!("{name} is {apart} from where @duration has it")
            });
        }
    }
}

/// What the MPDs say of themselves.
fn follows(before_text: &str, before: &Mpd, text: &str, mpd: &Mpd, found: &mut Found) {
    let later = before.publish_time < mpd.publish_time;
    found.require(later || before_text == text, "D1", || {
        format!(
            "it has changed, but publishTime was {:?}, and is {:?}",
            before.publish_time, mpd.publish_time
        )
    });
    found.require(before.availability_start == mpd.availability_start, "D1", || {
        "availabilityStartTime has changed".into()
    });
    found.require(before.id == mpd.id, "D9", || format!("MPD@id was {:?}, and is {:?}", before.id, mpd.id));
    found.require(before.dynamic || !mpd.dynamic, "D12", || "it had ended, and goes on".into());
    if !mpd.dynamic {
        return;
    }
    // Periods go at the front and come at the end.
    let ids = |mpd: &Mpd| -> Vec<String> {
        mpd.periods.iter().map(|period| period.id.clone().unwrap_or_default()).collect()
    };
    let (old, new) = (ids(before), ids(mpd));
    let gone = old.iter().position(|id| Some(id) == new.first()).unwrap_or(old.len());
    let left = old.get(gone..).unwrap_or_default();
    found.require(!left.is_empty() && new.starts_with(left), "D12", || {
        format!("the Periods were {old:?}, and are {new:?}")
    });
}
