//! `avc1`, `avc3`, `avcC`: H.264 (ISO/IEC 14496-15 §5.3.3, §5.4.2).

use std::fmt::Write as _;

use super::stsd::{SampleEntry, configuration, visual};
use super::{BoxRef, Malformed, Writer};

/// Reads the sample entry; the codec is the entry's type and the profile, the constraints and the
/// level of its `avcC` in hexadecimal (RFC 6381 §3.3).
///
/// # Errors
///
/// The entry or its `avcC` is cut short, or there is no `avcC` or nothing in it.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let (media, fields) = visual(entry)?;
    let avcc = configuration(entry, fields, b"avcC", "has no avcC, so nothing can decode it")?;
    if avcc.body.is_empty() {
        // ffmpeg's tee muxer does not ask the encoder for them, and no browser plays the result.
        return Err(avcc.malformed(
            "is empty, so players have no parameter sets to begin with (with ffmpeg -f tee add \
             -flags +global_header, or delay_moov to -movflags)",
        ));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::boxes;

    fn parse_bytes(bytes: &[u8]) -> Result<SampleEntry, Malformed> {
        parse(&boxes(bytes).next().unwrap()?)
    }

    #[test]
    fn profile_constraints_and_level_are_hexadecimal() {
        let mut writer = Writer::default();
        write(&mut writer, 16, 16, [0x4d, 0x40, 0x0a]);
        let bytes = writer.finish();
        assert_eq!(parse_bytes(&bytes).unwrap().codec, "avc1.4d400a");
    }

    #[test]
    fn an_empty_configuration_says_what_to_change() {
        let mut writer = Writer::default();
        writer.boxed(b"avc1", |w| {
            w.zeros(78);
            w.boxed(b"avcC", |_| {});
        });
        let error = parse_bytes(&writer.finish()).unwrap_err().to_string();
        assert!(error.contains("+global_header"), "{error}");
    }
}
