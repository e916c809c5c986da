//! `avc1`, `avc3`, `avcC`: H.264 (ISO/IEC 14496-15 §5.3.3, §5.4.2).

use std::fmt::Write as _;

use super::bits::Bits;
use super::colr::Colour;
use super::stsd::{SampleEntry, configuration, visual, write_visual};
use super::{BoxRef, Malformed, Writer, vui};

/// Profiles whose sequence parameter sets tell the chroma format (ISO/IEC 14496-10 §7.3.2.1.1).
const WITH_CHROMA_FORMAT: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Reads the sample entry; the codec is the entry's type and the profile, the constraints and the
/// level of its `avcC` in hexadecimal (RFC 6381 §3.3).
///
/// # Errors
///
/// The entry or its `avcC` is cut short, or there is no `avcC` or nothing in it.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let visual = visual(entry)?;
    let missing = "has no avcC, so nothing can decode it";
    let avcc = configuration(entry, visual.fields.clone(), b"avcC", missing)?;
    if avcc.body.is_empty() {
        // ffmpeg's tee muxer does not ask the encoder for them, and no browser plays the result.
        return Err(avcc.malformed(
            "is empty, so players have no parameter sets to begin with (with ffmpeg -f tee add \
             -flags +global_header, or delay_moov to -movflags)",
        ));
    }
    let mut fields = avcc.fields();
    if fields.u8()? != 1 {
        return Err(avcc.malformed("has a configurationVersion other than 1"));
    }
    let mut codec = format!("{}.", entry.kind);
    for byte in fields.array::<3>()? {
        // Writing to a String cannot fail.
        let _ = write!(codec, "{byte:02x}");
    }
    fields.skip(1)?; // lengthSizeMinusOne
    // Several sets are different pictures of one track, whose colours do not differ.
    let colour = match fields.u8()? & 0x1f {
        0 => None,
        _ => {
            let bytes = usize::from(fields.u16()?);
            colour_of_sps(fields.take(bytes)?)
        }
    };
    Ok(SampleEntry::clear(codec, visual.media(colour)))
}

/// The colour that a sequence parameter set tells in its VUI; `None` when it tells none, or is not
/// one (§7.3.2.1.1).
fn colour_of_sps(nal_unit: &[u8]) -> Option<Colour> {
    let mut bits = Bits::in_nal_unit(nal_unit);
    bits.skip(8)?; // NAL unit header
    let profile = bits.read(8)?;
    bits.skip(8 + 8)?;
    bits.exp_golomb()?; // seq_parameter_set_id
    if WITH_CHROMA_FORMAT.contains(&profile) {
        let chroma_format = bits.exp_golomb()?;
        if chroma_format == 3 {
            bits.skip(1)?; // separate_colour_plane_flag
        }
        bits.exp_golomb()?;
        bits.exp_golomb()?; // bit depths
        bits.skip(1)?; // qpprime_y_zero_transform_bypass_flag
        if bits.flag()? {
            for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                if bits.flag()? {
                    skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.exp_golomb()?; // log2_max_frame_num_minus4
    match bits.exp_golomb()? {
        0 => {
            bits.exp_golomb()?;
        }
        1 => {
            bits.skip(1)?;
            bits.signed_exp_golomb()?;
            bits.signed_exp_golomb()?;
            for _ in 0..bits.exp_golomb()? {
                bits.signed_exp_golomb()?;
            }
        }
        _ => {}
    }
    bits.exp_golomb()?; // max_num_ref_frames
    bits.skip(1)?;
    bits.exp_golomb()?;
    bits.exp_golomb()?; // size
    let frames_only = bits.flag()?;
    if !frames_only {
        bits.skip(1)?; // mb_adaptive_frame_field_flag
    }
    bits.skip(1)?; // direct_8x8_inference_flag
    if bits.flag()? {
        for _ in 0..4 {
            bits.exp_golomb()?; // cropping
        }
    }
    vui::colour(&mut bits)
}

/// `scaling_list()` (§7.3.2.1.1.1).
fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) -> Option<()> {
    let mut last = 8_i32;
    for _ in 0..size {
        let next = last.checked_add(bits.signed_exp_golomb()?)?.checked_add(256)?.rem_euclid(256);
        if next == 0 {
            return Some(());
        }
        last = next;
    }
    Some(())
}

/// The body of an `avcC` with one sequence and one picture parameter set, for samples whose lengths
/// have 4 bytes; `None` when they are no parameter sets.
pub fn configuration_record(sequence: &[u8], picture: &[u8]) -> Option<Vec<u8>> {
    let [_, profile @ .., _] = sequence.first_chunk::<5>()?;
    let mut writer = Writer::with_capacity(sequence.len().saturating_add(picture.len()).saturating_add(16));
    writer.u8(1);
    writer.put(profile);
    writer.put(&[0xff, 0xe1]);
    writer.u16(u16::try_from(sequence.len()).ok()?);
    writer.put(sequence);
    writer.u8(1);
    writer.u16(u16::try_from(picture.len()).ok()?);
    writer.put(picture);
    if profile.first() == Some(&100) {
        // High profile: 4:2:0, 8 bits, no extensions (ISO/IEC 14496-15 §5.3.3.1.2).
        writer.put(&[0xfd, 0xf8, 0xf8, 0]);
    }
    Some(writer.finish())
}

/// Writes an `avc1` entry with this profile, constraints and level and no parameter sets, which is
/// enough to name a track by but not to decode it.
pub fn write(writer: &mut Writer, size: (u16, u16), profile: [u8; 3]) {
    write_visual(writer, b"avc1", size, |w| {
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
    use crate::isobmff::colr::VideoRange;
    use crate::isobmff::stsd::Media;
    use crate::isobmff::testing::{cut_anywhere, entry};

    #[test]
    fn profile_constraints_and_level_are_hexadecimal() {
        let mut writer = Writer::default();
        write(&mut writer, (16, 16), [0x4d, 0x40, 0x0a]);
        let bytes = writer.finish();
        let found = parse(&entry(&bytes)).unwrap();
        assert_eq!(found.codec, "avc1.4d400a");
        assert_eq!(found.media, Media::Video { width: 16, height: 16, colour: None });
    }

    #[test]
    fn an_empty_configuration_says_what_to_change() {
        let mut writer = Writer::default();
        write_visual(&mut writer, b"avc1", (16, 16), |w| w.boxed(b"avcC", |_| {}));
        let error = parse(&entry(&writer.finish())).unwrap_err().to_string();
        assert!(error.contains("+global_header"), "{error}");
    }

    /// What x264 writes for 10-bit video in HLG.
    const SPS: [u8; 28] = [
        0x67, 0x6e, 0x00, 0x0b, 0xa6, 0xcd, 0x94, 0x28, 0xdf, 0x93, 0x01, 0x6a, 0x12, 0x24, 0x12, 0x80, 0x00,
        0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8a, 0x14, 0xcb,
    ];

    fn with_sps(sps: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        write_visual(&mut writer, b"avc3", (16, 16), |w| {
            w.boxed(b"avcC", |w| {
                w.put(&[1, 0x64, 0, 0x0d, 0xff, 0xe1]);
                w.u16(u16::try_from(sps.len()).unwrap());
                w.put(sps);
            });
        });
        writer.finish()
    }

    #[test]
    fn the_parameter_set_tells_the_colour() {
        let found = parse(&entry(&with_sps(&SPS))).unwrap();
        let colour = Some(Colour::usual(VideoRange::Hlg));
        assert_eq!(found.media, Media::Video { width: 16, height: 16, colour });
    }

    #[test]
    fn a_scaling_list_ends_where_it_says() {
        // A difference of -8 makes the next scale 0, and nothing follows.
        assert_eq!(skip_scaling_list(&mut Bits::new(&[0b0000_1000, 0b1000_0000]), 16), Some(()));
        // Sixteen differences of 0, of a bit each.
        assert_eq!(skip_scaling_list(&mut Bits::new(&[0xff, 0xff]), 16), Some(()));
        assert_eq!(skip_scaling_list(&mut Bits::new(&[0xff]), 16), None, "cut short");
    }

    #[test]
    fn a_configuration_cut_anywhere_is_refused() {
        for (kept, bytes) in cut_anywhere(&with_sps(&SPS), b"avcC") {
            assert!(parse(&entry(&bytes)).is_err(), "{kept}");
        }
    }

    #[test]
    fn a_parameter_set_cut_anywhere_says_nothing() {
        for kept in 0..SPS.len() {
            let found = parse(&entry(&with_sps(&SPS[..kept]))).unwrap();
            assert_eq!(found.codec, "avc3.64000d");
        }
    }
}
