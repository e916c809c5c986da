//! `stbl`: the tables of an ordinary movie, which say of each sample how long it lasts, when it is shown and where it is
//! (ISO/IEC 14496-12 §8.5, §8.6, §8.7).

use super::Writer;

/// A sample to be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Time to the next sample's decode time, in ticks of the track.
    pub duration_ticks: u32,
    /// Length of its data.
    pub bytes: u32,
    /// Whether decoding can begin here.
    pub sync: bool,
    /// Composition time less decode time, in ticks of the track.
    pub composition_ticks: i32,
}

/// Longest that a sample may last: readers take the field for a signed one.
const LONGEST_TICKS: u64 = i32::MAX as u64;

/// The most bytes that the tables take for a sample: its share of `stts`, `ctts`, `stss` and `stsz`.
pub const BYTES_PER_SAMPLE: u64 = 8 + 8 + 4 + 4;

/// The most bytes that the tables take for a chunk: its share of `stsc` and `co64`.
pub const BYTES_PER_CHUNK: u64 = 12 + 8;

/// The tables of one track, as they grow. Runs of equal values are kept as such.
#[derive(Debug, Clone, Default)]
pub struct SampleTables {
    /// How many samples in a row last how long.
    durations: Vec<(u32, u32)>,
    /// How many samples in a row are shown how much after they are decoded.
    compositions: Vec<(u32, i32)>,
    sizes: Vec<u32>,
    /// Numbers of the samples that decoding can begin with, counted from 1.
    syncs: Vec<u32>,
    /// Where each chunk is in the file.
    offsets: Vec<u64>,
    /// From which chunk on, counted from 1, chunks have so many samples of which entry.
    chunks: Vec<(u32, u32, u32)>,
    ticks: u64,
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// Adds one to a run of equal values, or begins one.
fn push_run<T: PartialEq>(runs: &mut Vec<(u32, T)>, value: T) {
    match runs.last_mut() {
        Some((length, last)) if *last == value => *length = length.saturating_add(1),
        _ => runs.push((1, value)),
    }
}

impl SampleTables {
    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.sizes.len()
    }

    /// What all samples last together.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Appends samples whose data lie in a row at this offset in the file, and that the sample entry of this number,
    /// counted from 1, describes.
    pub fn chunk(&mut self, samples: impl IntoIterator<Item = Listed>, offset: u64, entry: u32) {
        let before = self.samples();
        for sample in samples {
            push_run(&mut self.durations, sample.duration_ticks);
            push_run(&mut self.compositions, sample.composition_ticks);
            self.ticks = self.ticks.saturating_add(u64::from(sample.duration_ticks));
            self.sizes.push(sample.bytes);
            if sample.sync {
                self.syncs.push(count(self.samples()));
            }
        }
        let samples = count(self.samples().saturating_sub(before));
        if samples == 0 {
            return;
        }
        self.offsets.push(offset);
        if !matches!(self.chunks.last(), Some((_, of, by)) if (*of, *by) == (samples, entry)) {
            self.chunks.push((count(self.offsets.len()), samples, entry));
        }
    }

    /// Lets the last sample last longer, until what follows it begins. Where it would last longer than a sample can,
    /// those before it do as well.
    pub fn stretch(&mut self, by_ticks: u64) {
        let mut rest = by_ticks;
        let mut longer = Vec::new();
        while rest > 0 {
            let Some((length, duration)) = self.durations.last_mut() else { break };
            let own = u64::from(*duration);
            *length = length.saturating_sub(1);
            if *length == 0 {
                self.durations.pop();
            }
            let stretched = own.saturating_add(rest).min(LONGEST_TICKS.max(own));
            let added = stretched.saturating_sub(own);
            rest = rest.saturating_sub(added);
            self.ticks = self.ticks.saturating_add(added);
            longer.push(u32::try_from(stretched).unwrap_or(u32::MAX));
        }
        longer.into_iter().rev().for_each(|duration| push_run(&mut self.durations, duration));
    }

    /// Writes the `stbl` with these sample entries, as they stand in headers.
    pub fn write(&self, writer: &mut Writer, entries: &[impl AsRef<[u8]>]) {
        writer.boxed(b"stbl", |w| {
            w.full_boxed(b"stsd", 0, 0, |w| {
                w.u32(count(entries.len()));
                entries.iter().for_each(|entry| w.put(entry.as_ref()));
            });
            w.full_boxed(b"stts", 0, 0, |w| {
                w.u32(count(self.durations.len()));
                for (length, duration) in &self.durations {
                    w.u32(*length);
                    w.u32(*duration);
                }
            });
            self.write_compositions(w);
            // Without the table, all samples are ones to begin with.
            if self.syncs.len() < self.samples() {
                w.full_boxed(b"stss", 0, 0, |w| {
                    w.u32(count(self.syncs.len()));
                    self.syncs.iter().for_each(|number| w.u32(*number));
                });
            }
            w.full_boxed(b"stsc", 0, 0, |w| {
                w.u32(count(self.chunks.len()));
                for (first, samples, entry) in &self.chunks {
                    w.u32(*first);
                    w.u32(*samples);
                    w.u32(*entry);
                }
            });
            w.full_boxed(b"stsz", 0, 0, |w| {
                w.u32(0);
                w.u32(count(self.samples()));
                self.sizes.iter().for_each(|bytes| w.u32(*bytes));
            });
            w.full_boxed(b"co64", 0, 0, |w| {
                w.u32(count(self.offsets.len()));
                self.offsets.iter().for_each(|offset| w.u64(*offset));
            });
        });
    }

    fn write_compositions(&self, writer: &mut Writer) {
        if self.compositions.iter().all(|(_, composition)| *composition == 0) {
            return;
        }
        // Only version 1 has negative ones.
        let version = u8::from(self.compositions.iter().any(|(_, composition)| *composition < 0));
        writer.full_boxed(b"ctts", version, 0, |w| {
            w.u32(count(self.compositions.len()));
            for (length, composition) in &self.compositions {
                w.u32(*length);
                w.i32(*composition);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(duration_ticks: u32) -> Listed {
        Listed { duration_ticks, bytes: 1, sync: true, composition_ticks: 0 }
    }

    #[test]
    fn the_last_sample_is_stretched_and_those_before_it_where_it_cannot_be() {
        let mut tables = SampleTables::default();
        tables.chunk([sample(10), sample(10), sample(10)], 0, 1);
        tables.stretch(5);
        assert_eq!(tables.durations, [(2, 10), (1, 15)]);
        assert_eq!(tables.ticks(), 35);
        let longest = u32::try_from(LONGEST_TICKS).unwrap();
        tables.stretch(LONGEST_TICKS);
        assert_eq!(tables.durations, [(1, 10), (1, 25), (1, longest)]);
        assert_eq!(tables.ticks(), LONGEST_TICKS + 35);
        // Nothing can be stretched where there is nothing.
        SampleTables::default().stretch(1);
    }

    #[test]
    fn chunks_alike_are_listed_once() {
        let mut tables = SampleTables::default();
        for (offset, entry, samples) in [(0, 1, 2), (9, 1, 2), (20, 1, 3), (30, 2, 3), (40, 2, 0)] {
            tables.chunk((0..samples).map(|_| sample(1)), offset, entry);
        }
        assert_eq!(tables.chunks, [(1, 2, 1), (3, 3, 1), (4, 3, 2)]);
        assert_eq!(tables.offsets, [0, 9, 20, 30]);
    }
}
