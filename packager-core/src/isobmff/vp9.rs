//! `vp09`, `vpcC`: VP9 (VP Codec ISO Media File Format Binding).

use std::fmt::Write as _;

use super::colr::Colour;
use super::stsd::{SampleEntry, configuration, visual, write_visual};
use super::{BoxRef, Malformed, Writer};

/// 4:2:0 with chroma where luma is, which the codec may leave out.
const CHROMA_COLLOCATED: u8 = 1;

/// Reads the sample entry; the codec has its optional part where that is not what its absence
/// means (§ Codecs Parameter String).
///
/// # Errors
///
/// The entry or its `vpcC` is cut short, or there is no `vpcC` or one of another version.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let visual = visual(entry)?;
    let missing = "has no vpcC, so nothing can decode it";
    let vpcc = configuration(entry, visual.fields.clone(), b"vpcC", missing)?;
    let mut fields = vpcc.fields();
    let (version, _) = fields.version_and_flags()?;
    if version != 1 {
        return Err(vpcc.malformed("is not of version 1"));
    }
    let [profile, level, packed, primaries, transfer, matrix] = fields.array::<6>()?;
    let (depth, chroma) = (packed >> 4, packed >> 1 & 7);
    let colour = Colour {
        primaries: u16::from(primaries),
        transfer: u16::from(transfer),
        matrix: u16::from(matrix),
        full_range: packed & 1 == 1,
    };
    let mut codec = format!("vp09.{profile:02}.{level:02}.{depth:02}");
    if chroma != CHROMA_COLLOCATED || colour != Colour::BT_709 {
        let range = packed & 1;
        // Writing to a String cannot fail.
        let _ = write!(codec, ".{chroma:02}.{primaries:02}.{transfer:02}.{matrix:02}.{range:02}");
    }
    let in_stream = (colour != Colour::UNSPECIFIED).then_some(colour);
    Ok(SampleEntry::clear(codec, visual.media(in_stream)))
}

/// Writes an entry at level 3.1: profile 0 with 8 bits, or profile 2 with 10 for colours other than
/// those of SDR.
pub fn write(writer: &mut Writer, size: (u16, u16), colour: Colour) {
    let (profile, depth) = if colour == Colour::BT_709 { (0, 8) } else { (2, 10) };
    let code_point = |code: u16| u8::try_from(code).unwrap_or(2);
    write_visual(writer, b"vp09", size, |w| {
        w.full_boxed(b"vpcC", 1, 0, |w| {
            w.put(&[profile, 31, depth << 4 | CHROMA_COLLOCATED << 1 | u8::from(colour.full_range)]);
            w.put(&[code_point(colour.primaries), code_point(colour.transfer), code_point(colour.matrix)]);
            w.u16(0); // codecInitializationDataSize, which VP9 has none of
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::colr::VideoRange;
    use crate::isobmff::stsd::Media;
    use crate::isobmff::testing::{cut_anywhere, entry};

    fn with(version: u8, record: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        write_visual(&mut writer, b"vp09", (160, 90), |w| {
            w.full_boxed(b"vpcC", version, 0, |w| w.put(record));
        });
        writer.finish()
    }

    #[test]
    fn the_optional_part_is_all_there_or_not_at_all() {
        for (record, codec) in [
            ([0, 10, 0x82, 1, 1, 1], "vp09.00.10.08"),
            ([0, 11, 0x82, 2, 2, 2], "vp09.00.11.08.01.02.02.02.00"),
            ([0, 11, 0x83, 1, 1, 1], "vp09.00.11.08.01.01.01.01.01"),
            ([1, 10, 0x86, 1, 1, 1], "vp09.01.10.08.03.01.01.01.00"),
            ([2, 10, 0xa2, 9, 18, 9], "vp09.02.10.10.01.09.18.09.00"),
        ] {
            assert_eq!(parse(&entry(&with(1, &record))).unwrap().codec, codec);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for range in [VideoRange::Sdr, VideoRange::Hlg, VideoRange::Pq] {
            let mut writer = Writer::default();
            write(&mut writer, (1280, 720), Colour::usual(range));
            let found = parse(&entry(&writer.finish())).unwrap();
            let colour = Some(Colour::usual(range));
            assert_eq!(found.media, Media::Video { width: 1280, height: 720, colour });
        }
    }

    #[test]
    fn a_configuration_cut_short_or_of_another_version_is_refused() {
        for (kept, bytes) in cut_anywhere(&with(1, &[0, 10, 0x82, 1, 1, 1]), b"vpcC") {
            assert!(parse(&entry(&bytes)).is_err(), "{kept}");
        }
        assert!(parse(&entry(&with(0, &[0, 10, 0x82, 1, 1, 1]))).is_err());
    }
}
