//! `avc1`, `avc3`, `avcC`: H.264 (ISO/IEC 14496-15 §5.3.3, §5.4.2).

use std::fmt::Write as _;

use super::stsd::{SampleEntry, configuration, visual};
use super::{BoxRef, Malformed, Writer};

/// Reads the sample entry; the codec is the entry's type and the profile, the constraints and the
/// level of its `avcC` in hexadecimal (RFC 6381 §3.3).
///
/// # Errors
///
/// The entry or its `avcC` is cut short, or there is no `avcC`.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let (media, fields) = visual(entry)?;
    let avcc = configuration(entry, fields, b"avcC", "has no avcC, so nothing can decode it")?;
    let mut fields = avcc.fields();
    fields.skip(1)?; // configurationVersion
    let mut codec = format!("{}.", entry.kind);
    for byte in fields.array::<3>()? {
        // Writing to a String cannot fail.
        let _ = write!(codec, "{byte:02x}");
    }
    Ok(SampleEntry { codec, media })
}

/// Writes an `avc1` entry with this profile, constraints and level and no parameter sets, which is
/// enough to name a track by but not to decode it.
pub fn write(writer: &mut Writer, width: u16, height: u16, profile: [u8; 3]) {
    writer.boxed(b"avc1", |w| {
        w.zeros(6);
        w.u16(1);
        w.zeros(16);
        w.u16(width);
        w.u16(height);
        w.u32(0x0048_0000); // 72 dots per inch
        w.u32(0x0048_0000);
        w.u32(0);
        w.u16(1);
        w.zeros(32);
        w.u16(0x0018);
        w.u16(0xffff);
        w.boxed(b"avcC", |w| {
            w.u8(1);
            w.put(&profile);
            w.put(&[0xff, 0xe0, 0]);
        });
    });
}
