//! `wvtt`, `vttC`: WebVTT (ISO/IEC 14496-30 §7).

use super::stsd::{Media, SampleEntry, configuration, write_base};
use super::{BoxRef, Malformed, Writer};

/// Reads the sample entry.
///
/// # Errors
///
/// The entry is cut short, or there is no `vttC`, which must be there.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let mut fields = entry.fields();
    fields.skip(8)?;
    configuration(entry, fields, b"vttC", "has no vttC, so the text's own header is missing")?;
    Ok(SampleEntry::clear("wvtt".to_owned(), Media::Text))
}

/// Writes an entry without styles or regions.
pub fn write(writer: &mut Writer) {
    writer.boxed(b"wvtt", |w| {
        write_base(w);
        w.boxed(b"vttC", |w| w.put(b"WEBVTT"));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::testing::entry;

    #[test]
    fn what_is_written_is_read_back_and_needs_its_header() {
        let mut writer = Writer::default();
        write(&mut writer);
        let mut bytes = writer.finish();
        let expected = SampleEntry::clear("wvtt".into(), Media::Text);
        assert_eq!(parse(&entry(&bytes)), Ok(expected));
        bytes[20..24].copy_from_slice(b"free");
        assert!(parse(&entry(&bytes)).is_err());
        assert!(parse(&entry(b"\0\0\0\x0cwvtt\0\0\0\0")).is_err());
    }
}
