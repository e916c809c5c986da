//! `tfhd`: which track a fragment is of, and its defaults (ISO/IEC 14496-12 §8.8.7).

use super::{BoxRef, Malformed, Writer};

const BASE_DATA_OFFSET: u32 = 0x1;
const SAMPLE_DESCRIPTION_INDEX: u32 = 0x2;
const DEFAULT_DURATION: u32 = 0x8;
const DEFAULT_SIZE: u32 = 0x10;
const DEFAULT_FLAGS: u32 = 0x20;
const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;

/// What a track fragment header says; what it leaves out, `trex` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrackFragmentHeader {
    /// `track_ID`.
    pub track_id: u32,
    /// `base_data_offset`: an offset from the start of a file, which a live stream does not have.
    pub base_data_offset: Option<u64>,
    /// `default-base-is-moof`: offsets count from the start of the `moof`.
    pub base_is_moof: bool,
    /// `sample_description_index`: which sample entry, counted from 1.
    pub sample_description_index: Option<u32>,
    /// `default_sample_duration`, in ticks of the track.
    pub duration_ticks: Option<u32>,
    /// `default_sample_size`.
    pub bytes: Option<u32>,
    /// `default_sample_flags`.
    pub flags: Option<u32>,
}

/// Reads the box.
///
/// # Errors
///
/// It is cut short.
pub fn parse(found: &BoxRef<'_>) -> Result<TrackFragmentHeader, Malformed> {
    let mut fields = found.fields();
    let (_, present) = fields.version_and_flags()?;
    let mut header = TrackFragmentHeader {
        track_id: fields.u32()?,
        base_is_moof: present & DEFAULT_BASE_IS_MOOF != 0,
        ..TrackFragmentHeader::default()
    };
    if present & BASE_DATA_OFFSET != 0 {
        header.base_data_offset = Some(fields.u64()?);
    }
    if present & SAMPLE_DESCRIPTION_INDEX != 0 {
        header.sample_description_index = Some(fields.u32()?);
    }
    if present & DEFAULT_DURATION != 0 {
        header.duration_ticks = Some(fields.u32()?);
    }
    if present & DEFAULT_SIZE != 0 {
        header.bytes = Some(fields.u32()?);
    }
    if present & DEFAULT_FLAGS != 0 {
        header.flags = Some(fields.u32()?);
    }
    Ok(header)
}

/// Writes the box without defaults; offsets count from the start of the `moof`, as CMAF requires
/// (ISO/IEC 23000-19 §7.5.16).
pub fn write(writer: &mut Writer, track_id: u32, sample_description_index: Option<u32>) {
    let present = match sample_description_index {
        Some(_) => DEFAULT_BASE_IS_MOOF | SAMPLE_DESCRIPTION_INDEX,
        None => DEFAULT_BASE_IS_MOOF,
    };
    writer.full_boxed(b"tfhd", 0, present, |w| {
        w.u32(track_id);
        if let Some(index) = sample_description_index {
            w.u32(index);
        }
    });
}
