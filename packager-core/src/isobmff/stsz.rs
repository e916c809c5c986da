//! `stsz`, `stz2`: the samples that a `moov` itself describes (ISO/IEC 14496-12 §8.7.3).

use super::{BoxRef, Malformed, Writer};

/// How many samples the box lists; a CMAF header has none.
///
/// # Errors
///
/// The box is cut short.
pub fn sample_count(found: &BoxRef<'_>) -> Result<u32, Malformed> {
    let mut fields = found.fields();
    fields.version_and_flags()?;
    fields.skip(4)?; // sample_size, or in stz2 the width of the sizes
    fields.u32()
}

/// Writes the four tables of samples that an `stbl` must hold, all empty.
pub fn write_empty_tables(writer: &mut Writer) {
    for kind in [b"stts", b"stsc", b"stco"] {
        writer.full_boxed(kind, 0, 0, |w| w.u32(0));
    }
    writer.full_boxed(b"stsz", 0, 0, |w| w.zeros(8));
}
