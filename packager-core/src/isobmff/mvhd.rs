//! `mvhd`: the movie's own clock (ISO/IEC 14496-12 §8.2.2).

use super::{BoxRef, Malformed, Writer};

/// Ticks per second of the movie, in which edit lists give their lengths; 0 when it is left out.
///
/// # Errors
///
/// The box is cut short.
pub fn timescale(found: &BoxRef<'_>) -> Result<u32, Malformed> {
    let mut fields = found.fields();
    let (version, _) = fields.version_and_flags()?;
    fields.skip(if version == 0 { 8 } else { 16 })?;
    fields.u32()
}

/// Writes an `mvhd` with this timescale and no duration, as a fragmented movie has.
pub fn write(writer: &mut Writer, timescale: u32, next_track_id: u32) {
    writer.full_boxed(b"mvhd", 0, 0, |w| {
        w.zeros(8);
        w.u32(timescale);
        w.u32(0);
        w.u32(0x0001_0000); // rate 1.0
        w.u16(0x0100); // volume 1.0
        w.zeros(10);
        write_unity_matrix(w);
        w.zeros(24);
        w.u32(next_track_id);
    });
}

/// The matrix that changes nothing (§6.2.2).
pub(super) fn write_unity_matrix(writer: &mut Writer) {
    for value in [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000] {
        writer.u32(value);
    }
}
