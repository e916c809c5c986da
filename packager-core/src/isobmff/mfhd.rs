//! `mfhd`: a fragment's number (ISO/IEC 14496-12 §8.8.5).

use super::{BoxRef, Malformed, Writer};

/// `sequence_number`.
///
/// # Errors
///
/// The box is cut short.
pub fn sequence_number(found: &BoxRef<'_>) -> Result<u32, Malformed> {
    let mut fields = found.fields();
    fields.version_and_flags()?;
    fields.u32()
}

/// Writes the box.
pub fn write(writer: &mut Writer, sequence_number: u32) {
    writer.full_boxed(b"mfhd", 0, 0, |w| w.u32(sequence_number));
}
