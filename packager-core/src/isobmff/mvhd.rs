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
    write_with_duration(writer, timescale, 0, next_track_id);
}

/// Writes an `mvhd` with this timescale, in which the duration is.
pub fn write_with_duration(writer: &mut Writer, timescale: u32, duration: u64, next_track_id: u32) {
    let version = u8::from(u32::try_from(duration).is_err());
    writer.full_boxed(b"mvhd", version, 0, |w| {
        w.zeros(if version == 0 { 8 } else { 16 });
        w.u32(timescale);
        match u32::try_from(duration) {
            Ok(duration) => w.u32(duration),
            Err(_) => w.u64(duration),
        }
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
