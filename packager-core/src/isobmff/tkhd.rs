//! `tkhd`: a track's id and the size it is shown at (ISO/IEC 14496-12 §8.3.2).

use super::mvhd::write_unity_matrix;
use super::{BoxRef, Malformed, Writer};

/// What a track header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackHeader {
    /// `track_ID`, never 0.
    pub track_id: u32,
    /// Width to show the track at, in pixels; 0 unless it is seen.
    pub width: u32,
    /// Height to show the track at, in pixels; 0 unless it is seen.
    pub height: u32,
}

/// Reads a track header.
///
/// # Errors
///
/// The box is cut short, or the track's id is 0.
pub fn parse(found: &BoxRef<'_>) -> Result<TrackHeader, Malformed> {
    let mut fields = found.fields();
    let (version, _) = fields.version_and_flags()?;
    fields.skip(if version == 0 { 8 } else { 16 })?;
    let track_id = fields.u32()?;
    if track_id == 0 {
        return Err(found.malformed("has track_ID 0, which no track may have"));
    }
    fields.skip(if version == 0 { 8 } else { 12 })?;
    fields.skip(8 + 2 + 2 + 2 + 2 + 36)?;
    let pixels = |fixed_16_16: u32| fixed_16_16.saturating_add(0x8000) >> 16;
    Ok(TrackHeader { track_id, width: pixels(fields.u32()?), height: pixels(fields.u32()?) })
}

/// Writes the header of an enabled track.
pub fn write(writer: &mut Writer, header: &TrackHeader) {
    writer.full_boxed(b"tkhd", 0, 3, |w| {
        w.zeros(8);
        w.u32(header.track_id);
        w.zeros(8);
        w.zeros(8 + 2 + 2);
        w.u16(if header.width == 0 { 0x0100 } else { 0 }); // volume 1.0 when it is heard
        w.zeros(2);
        write_unity_matrix(w);
        w.u32(header.width.min(0xffff) << 16);
        w.u32(header.height.min(0xffff) << 16);
    });
}
