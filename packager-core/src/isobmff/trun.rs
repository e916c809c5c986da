//! `trun`: a run of samples (ISO/IEC 14496-12 §8.8.8).

use super::{BoxRef, Fields, Malformed, Writer};

const DATA_OFFSET: u32 = 0x1;
const FIRST_SAMPLE_FLAGS: u32 = 0x4;
const DURATION: u32 = 0x100;
const SIZE: u32 = 0x200;
const FLAGS: u32 = 0x400;
const COMPOSITION_OFFSET: u32 = 0x800;

/// The bit of sample flags that says a sample cannot be decoded without others (§8.8.3.1).
pub const SAMPLE_IS_NON_SYNC: u32 = 0x1_0000;

/// Flags written for a sync sample: it depends on no other.
const SYNC_FLAGS: u32 = 0x0200_0000;

/// Flags written for any other sample: it depends on others.
const NON_SYNC_FLAGS: u32 = 0x0100_0000 | SAMPLE_IS_NON_SYNC;

/// A run of samples whose entries are known to fit the box.
#[derive(Debug, Clone)]
pub struct TrackRun<'a> {
    /// `sample_count`. Not bounded by the box's size: entries without fields have no bytes.
    pub sample_count: u32,
    /// `data_offset`, in bytes from the fragment's base.
    pub data_offset: Option<i32>,
    first_sample_flags: Option<u32>,
    present: u32,
    entries: Fields<'a>,
}

/// What a run says of one sample; what it leaves out, `tfhd` or `trex` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// `sample_duration`, in ticks of the track.
    pub duration_ticks: Option<u32>,
    /// `sample_size`.
    pub bytes: Option<u32>,
    /// `first_sample_flags` for the first sample, else `sample_flags`.
    pub flags: Option<u32>,
    /// `sample_composition_time_offset`, in ticks of the track.
    pub composition_ticks: i32,
}

/// Reads the box.
///
/// # Errors
///
/// It is cut short, or holds fewer entries than it says.
pub fn parse<'a>(found: &BoxRef<'a>) -> Result<TrackRun<'a>, Malformed> {
    let mut fields = found.fields();
    let (_, present) = fields.version_and_flags()?;
    let sample_count = fields.u32()?;
    let data_offset = (present & DATA_OFFSET != 0).then(|| fields.i32()).transpose()?;
    let first_sample_flags = (present & FIRST_SAMPLE_FLAGS != 0).then(|| fields.u32()).transpose()?;
    let per_sample = present & (DURATION | SIZE | FLAGS | COMPOSITION_OFFSET);
    let entry_bytes = u64::from(per_sample.count_ones()).saturating_mul(4);
    if u64::from(sample_count).saturating_mul(entry_bytes) > fields.rest().len() as u64 {
        return Err(found.malformed("has fewer entries than it says"));
    }
    Ok(TrackRun { sample_count, data_offset, first_sample_flags, present, entries: fields })
}

impl TrackRun<'_> {
    /// The samples, in decode order. The caller bounds `sample_count` first.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry, Malformed>> {
        let mut fields = self.entries.clone();
        (0..self.sample_count).map(move |index| self.entry(&mut fields, index))
    }

    fn entry(&self, fields: &mut Fields<'_>, index: u32) -> Result<Entry, Malformed> {
        let mut field = |bit| -> Result<Option<u32>, Malformed> {
            (self.present & bit != 0).then(|| fields.u32()).transpose()
        };
        let duration_ticks = field(DURATION)?;
        let bytes = field(SIZE)?;
        let mut flags = field(FLAGS)?;
        // In version 0 the offset is unsigned, but none is as long as 2^31 ticks, and encoders
        // that write QuickTime's signed offsets there are common.
        let composition = field(COMPOSITION_OFFSET)?.unwrap_or(0);
        if index == 0 {
            flags = self.first_sample_flags.or(flags);
        }
        Ok(Entry {
            duration_ticks,
            bytes,
            flags,
            composition_ticks: i32::from_be_bytes(composition.to_be_bytes()),
        })
    }
}

/// One sample to be written.
#[derive(Debug, Clone, Copy)]
pub struct WrittenEntry {
    /// `sample_duration`, in ticks of the track.
    pub duration_ticks: u32,
    /// `sample_size`.
    pub bytes: u32,
    /// Whether decoding can begin here.
    pub sync: bool,
    /// `sample_composition_time_offset`, in ticks of the track.
    pub composition_ticks: i32,
}

/// Writes a version 1 box that says everything of every sample. Returns where in the buffer its
/// `data_offset` is, to be filled in when the length of the `moof` is known.
pub fn write(writer: &mut Writer, entries: impl ExactSizeIterator<Item = WrittenEntry>) -> usize {
    let present = DATA_OFFSET | DURATION | SIZE | FLAGS | COMPOSITION_OFFSET;
    let mut data_offset_at = 0;
    writer.full_boxed(b"trun", 1, present, |w| {
        w.u32(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        data_offset_at = w.position();
        w.u32(0);
        for entry in entries {
            w.u32(entry.duration_ticks);
            w.u32(entry.bytes);
            w.u32(if entry.sync { SYNC_FLAGS } else { NON_SYNC_FLAGS });
            w.i32(entry.composition_ticks);
        }
    });
    data_offset_at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::boxes;

    fn read(bytes: &[u8]) -> Result<Vec<Entry>, Malformed> {
        let found = boxes(bytes).next().unwrap()?;
        let run = parse(&found)?;
        run.entries().collect()
    }

    #[test]
    fn first_sample_flags_come_before_all_others() {
        let mut writer = Writer::default();
        writer.full_boxed(b"trun", 0, FIRST_SAMPLE_FLAGS | FLAGS, |w| {
            [2, 7, 8, 9].into_iter().for_each(|value| w.u32(value));
        });
        let flags: Vec<_> = read(&writer.finish()).unwrap().iter().map(|entry| entry.flags).collect();
        assert_eq!(flags, [Some(7), Some(9)]);
    }

    #[test]
    fn a_count_larger_than_the_box_is_refused() {
        let mut writer = Writer::default();
        writer.full_boxed(b"trun", 0, SIZE, |w| {
            w.u32(u32::MAX);
            w.u32(1);
        });
        assert!(read(&writer.finish()).is_err());
    }

    #[test]
    fn a_negative_offset_in_version_0_is_negative() {
        let mut writer = Writer::default();
        writer.full_boxed(b"trun", 0, COMPOSITION_OFFSET, |w| {
            w.u32(1);
            w.i32(-512);
        });
        assert_eq!(read(&writer.finish()).unwrap()[0].composition_ticks, -512);
    }
}
