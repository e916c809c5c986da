//! `hdlr`: what kind of media a track holds (ISO/IEC 14496-12 §8.4.3).

use super::{BoxRef, FourCc, Malformed, Writer};

/// The handler type: `vide`, `soun`, `text`, `subt`, …
///
/// # Errors
///
/// The box is cut short.
pub fn handler_type(found: &BoxRef<'_>) -> Result<FourCc, Malformed> {
    let mut fields = found.fields();
    fields.version_and_flags()?;
    fields.skip(4)?;
    fields.four_cc()
}

/// Writes a handler of this type, without a name.
pub fn write(writer: &mut Writer, handler_type: &[u8; 4]) {
    writer.full_boxed(b"hdlr", 0, 0, |w| {
        w.u32(0);
        w.put(handler_type);
        w.zeros(13);
    });
}
