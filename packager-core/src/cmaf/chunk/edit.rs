//! Cutting a chunk at sample boundaries, and moving where it starts.

use std::ops::Range;

use super::write::{Head, encryption, write_head};
use super::{Chunk, Form, Sample, bytes_of, share, ticks_of};

impl Chunk {
    /// The samples of `range` as a chunk of its own, with a `moof` of its own; the data is shared.
    /// The whole range gives the chunk as it is. `None` when the range is empty or not all there.
    ///
    /// `prft` and `emsg` go with the first sample; what decrypts a sample goes with it. What else the
    /// `traf` holds (sample groups, sub-samples) counts samples from its start and is left out.
    pub fn slice(&self, range: Range<usize>) -> Option<Chunk> {
        let samples = self.samples.get(range.clone())?;
        if samples.is_empty() {
            return None;
        }
        if samples.len() == self.samples.len() {
            return Some(self.clone());
        }
        let before = self.samples.get(..range.start)?;
        let payload_start = bytes_of(before);
        let payload_end = payload_start.checked_add(bytes_of(samples))?;
        let start_ticks = self.start_ticks.saturating_add(ticks_of(before));
        let head = write_head(&Head {
            sequence: self.sequence,
            track_id: self.track_id,
            sample_description_index: self.sample_description_index,
            start_ticks,
            samples,
            kept: &[],
            encryption: encryption(self.head_bytes(), self.track_id, self.samples.len())
                .and_then(|encryption| encryption.slice(range)),
        });
        let is_first = before.is_empty();
        Some(Chunk {
            start_ticks,
            wraps: false,
            samples: samples.to_vec(),
            producer: self.producer.filter(|_| is_first),
            sequence: self.sequence,
            track_id: self.track_id,
            sample_description_index: self.sample_description_index,
            side: if is_first { self.side.clone() } else { Vec::new() },
            form: Form::Written(head),
            payload: share(&self.payload, payload_start, payload_end)?,
            payload_at: 0,
        })
    }

    /// Moves the start and leaves the end where it is, by making the first sample longer or
    /// shorter; for encoders whose times differ a little from where their last chunk ended.
    ///
    /// No sample becomes shorter than one tick: what the first cannot give, the following do. A
    /// move too large even for that moves the end. A move by nothing leaves the bytes as they are.
    pub fn retime(&mut self, start_ticks: u64) {
        if start_ticks == self.start_ticks {
            return;
        }
        if start_ticks < self.start_ticks {
            lengthen(&mut self.samples, self.start_ticks.saturating_sub(start_ticks));
        } else {
            shorten(&mut self.samples, start_ticks.saturating_sub(self.start_ticks));
        }
        self.start_ticks = start_ticks;
        self.rewrite();
    }

    /// Moves all of it to another time.
    pub fn move_to(&mut self, start_ticks: u64) {
        if start_ticks != self.start_ticks {
            self.start_ticks = start_ticks;
            self.rewrite();
        }
    }

    /// What comes before a decode time and what comes after it. A sample that is shown across it is in
    /// both, which only text can be: its cues are said again. `None` when one of the two is empty.
    pub fn divide(&self, at_ticks: u64) -> Option<(Chunk, Chunk)> {
        let mut time = self.start_ticks;
        let index = self.samples.iter().position(|sample| {
            time = time.saturating_add(u64::from(sample.duration_ticks));
            time > at_ticks
        })?;
        let sample = self.samples.get(index)?;
        let begins = time.saturating_sub(u64::from(sample.duration_ticks));
        if begins == at_ticks {
            return Some((self.slice(0..index)?, self.slice(index..self.samples.len())?));
        }
        let mut head = self.slice(0..index.saturating_add(1))?;
        head.shorten_last(u32::try_from(at_ticks.checked_sub(begins)?).ok()?);
        let mut rest = self.slice(index..self.samples.len())?;
        rest.retime(at_ticks);
        Some((head, rest))
    }

    /// Gives a start that was written with 32 bits the upper bits that bring it nearest to where it
    /// is expected: such times begin again at 0 when the bits are used up.
    pub fn unwrap_start(&mut self, expected_ticks: u64) {
        const TURN: u64 = 1 << 32;
        if !std::mem::take(&mut self.wraps) || self.start_ticks.abs_diff(expected_ticks) < TURN / 2 {
            return;
        }
        let turns = expected_ticks.saturating_sub(self.start_ticks).saturating_add(TURN / 2) / TURN;
        self.start_ticks = self.start_ticks.saturating_add(turns.saturating_mul(TURN));
        self.rewrite();
    }

    /// Gives the last sample this duration, which moves the chunk's end.
    pub fn shorten_last(&mut self, duration_ticks: u32) {
        if let Some(last) = self.samples.last_mut() {
            last.duration_ticks = last.duration_ticks.min(duration_ticks);
            self.rewrite();
        }
    }
}

fn lengthen(samples: &mut [Sample], ticks: u64) {
    let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
    if let Some(first) = samples.first_mut() {
        first.duration_ticks = first.duration_ticks.saturating_add(ticks);
    }
}

/// Takes so many ticks from the first samples that have them; each keeps one.
pub(super) fn shorten(samples: &mut [Sample], mut ticks: u64) {
    for sample in samples {
        let spare = u64::from(sample.duration_ticks.saturating_sub(1));
        let taken = u32::try_from(spare.min(ticks)).unwrap_or(u32::MAX);
        sample.duration_ticks = sample.duration_ticks.saturating_sub(taken);
        ticks = ticks.saturating_sub(u64::from(taken));
        if ticks == 0 {
            return;
        }
    }
}
