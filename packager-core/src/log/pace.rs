//! How regular the segments of a run are: whether they can be told by a number and a duration alone.

use serde::{Deserialize, Serialize};

/// How the segments of a run lie to two grids: one as long as its first segment, one as long as segments
/// are meant to be. DASH tells segments by such a grid while they lie near it (`SegmentTemplate@duration`,
/// ISO/IEC 23009-1 §5.3.9.5.3), so all of a run counts, and what was once far off stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// As long as the run's first segment; until that is closed, as the run before it. An encoder that
    /// counts frames keeps to it.
    own: Option<Grid>,
    /// As long as segments are asked to be. One that cuts sound where the pictures are cut keeps to it.
    nominal: Grid,
    /// The run's first segment was expected to be of quite another length.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_told_otherwise: bool,
}

/// Places at equal distances from a run's start, and how far from theirs its segments began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Distance, in ticks; never zero.
    #[serde(rename = "d")]
    pub duration_ticks: u64,
    /// Most that a segment began before its place.
    #[serde(rename = "e")]
    pub early_ticks: u64,
    /// Most that a segment began after its place.
    #[serde(rename = "l")]
    pub late_ticks: u64,
}

impl Grid {
    fn of(duration_ticks: u64) -> Self {
        Self { duration_ticks: duration_ticks.max(1), early_ticks: 0, late_ticks: 0 }
    }

    /// Whether its places are as far apart as another's, to within a twelfth: nobody sees a difference.
    fn is_near(&self, other: &Self) -> bool {
        let (one, another) = (self.duration_ticks, other.duration_ticks);
        one.abs_diff(another).saturating_mul(12) <= one.min(another)
    }

    fn count(&mut self, index: u64, after_ticks: u64) {
        let place = index.saturating_mul(self.duration_ticks);
        self.early_ticks = self.early_ticks.max(place.saturating_sub(after_ticks));
        self.late_ticks = self.late_ticks.max(after_ticks.saturating_sub(place));
    }
}

impl Pace {
    /// Of a run that begins: how long its segments are asked to be, and how long the first one of the run
    /// before it was.
    pub(super) fn begin(nominal_ticks: u64, as_before: Option<u64>) -> Self {
        Self { own: as_before.map(Grid::of), nominal: Grid::of(nominal_ticks), is_told_otherwise: false }
    }

    /// Counts a segment, `index` after the run's first, that begins so long after the run.
    pub(super) fn count(&mut self, index: u64, after_ticks: u64) {
        self.nominal.count(index, after_ticks);
        if let Some(own) = &mut self.own {
            own.count(index, after_ticks);
        }
    }

    /// The run's first segment was closed. One that was cut short says nothing of those to come.
    pub(super) fn adopt(&mut self, duration_ticks: u64) {
        let is_short = duration_ticks.saturating_mul(2) < self.nominal.duration_ticks;
        let own = Grid::of(duration_ticks);
        self.is_told_otherwise = self.own.is_some_and(|before| !before.is_near(&own));
        self.own = (!is_short).then_some(own);
    }

    /// How long segments are of which all so far began near their places.
    pub(super) fn kept_ticks(&self) -> Option<u64> {
        let own = self.grids().next()?;
        let off = own.early_ticks.max(own.late_ticks);
        (off.saturating_mul(2) <= own.duration_ticks).then_some(own.duration_ticks)
    }

    /// How long a segment is expected to be.
    pub fn expected_ticks(&self) -> u64 {
        self.own.unwrap_or(self.nominal).duration_ticks
    }

    /// The grids that segments may be told by, the better one first. None while not a single segment says
    /// how long they are.
    ///
    /// What players were told of a run is never contradicted: they count from its start. Either grid will do
    /// only where both are about the same.
    pub fn grids(&self) -> impl Iterator<Item = Grid> {
        let own = self.own.filter(|_| !self.is_told_otherwise);
        let nominal = own.filter(|own| own.is_near(&self.nominal)).map(|_| self.nominal);
        own.into_iter().chain(nominal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The grids of a run whose segments begin then, after another whose first was so long.
    fn told(as_before: Option<u64>, begins: &[u64]) -> Vec<u64> {
        let mut pace = Pace::begin(2_000, as_before);
        for (index, after) in (0..).zip(begins) {
            if index == 1 {
                pace.adopt(*after);
            }
            pace.count(index, *after);
        }
        pace.grids().map(|grid| grid.duration_ticks).collect()
    }

    #[test]
    fn a_run_is_told_by_one_length_or_by_none() {
        assert_eq!(told(None, &[0]), [0; 0]);
        assert_eq!(told(None, &[0, 2_100, 4_000]), [2_100, 2_000]);
        assert_eq!(told(None, &[0, 3_000, 6_000]), [3_000]);
        // While its first segment is open it is told as the run before.
        assert_eq!(told(Some(3_000), &[0]), [3_000]);
        assert_eq!(told(Some(3_000), &[0, 3_100, 6_200]), [3_100]);
        assert_eq!(told(Some(3_000), &[0, 2_000, 4_000]), [0; 0]);
    }

    #[test]
    fn the_next_run_is_expected_as_this_one_only_if_it_kept_to_it() {
        let kept = |begins: &[u64]| {
            let mut pace = Pace::begin(2_000, None);
            pace.adopt(1_200);
            (0..).zip(begins).for_each(|(index, after)| pace.count(index, *after));
            pace.kept_ticks()
        };
        assert_eq!(kept(&[0, 1_200, 2_500]), Some(1_200));
        assert_eq!(kept(&[0, 1_200, 3_200]), None);
    }
}
