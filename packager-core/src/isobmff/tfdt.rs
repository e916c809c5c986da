//! `tfdt`: the decode time of a fragment's first sample (ISO/IEC 14496-12 §8.8.12).

use super::{BoxRef, Malformed, Writer};

/// What the box says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeTime {
    /// `baseMediaDecodeTime`, in ticks of the track.
    pub ticks: u64,
    /// It has 32 bits, and begins again at 0 when they are used up.
    pub wraps: bool,
}

/// Reads the box.
///
/// # Errors
///
/// It is cut short.
pub fn parse(found: &BoxRef<'_>) -> Result<DecodeTime, Malformed> {
    let mut fields = found.fields();
    match fields.version_and_flags()? {
        (0, _) => Ok(DecodeTime { ticks: fields.u32()?.into(), wraps: true }),
        _ => Ok(DecodeTime { ticks: fields.u64()?, wraps: false }),
    }
}

/// Writes the box with a 64-bit time.
pub fn write(writer: &mut Writer, base_media_decode_ticks: u64) {
    writer.full_boxed(b"tfdt", 1, 0, |w| w.u64(base_media_decode_ticks));
}
