//! `tfdt`: the decode time of a fragment's first sample (ISO/IEC 14496-12 §8.8.12).

use super::{BoxRef, Malformed, Writer};

/// `baseMediaDecodeTime`, in ticks of the track.
///
/// # Errors
///
/// The box is cut short.
pub fn base_media_decode_ticks(found: &BoxRef<'_>) -> Result<u64, Malformed> {
    let mut fields = found.fields();
    match fields.version_and_flags()? {
        (0, _) => fields.u32().map(u64::from),
        _ => fields.u64(),
    }
}

/// Writes the box with a 64-bit time.
pub fn write(writer: &mut Writer, base_media_decode_ticks: u64) {
    writer.full_boxed(b"tfdt", 1, 0, |w| w.u64(base_media_decode_ticks));
}
