//! `av01`, `av1C`: AV1 (AV1 Codec ISO Media File Format Binding §2.2, §2.3, §5).

use std::fmt::Write as _;

use super::bits::Bits;
use super::colr::{self, Colour};
use super::stsd::{SampleEntry, configuration, visual, write_visual};
use super::{BoxRef, Malformed, Writer, av1_sequence};

/// What the codec says of colours and chroma when it leaves them out: 4:2:0.
const USUAL_CHROMA: [u32; 3] = [1, 1, 0];

/// Reads the sample entry; the codec has its optional part where that is not what its absence
/// means (§5).
///
/// # Errors
///
/// The entry or its `av1C` is cut short, or there is no `av1C`.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let visual = visual(entry)?;
    let missing = "has no av1C, so nothing can decode it";
    let av1c = configuration(entry, visual.fields.clone(), b"av1C", missing)?;
    let mut fields = av1c.fields();
    let fixed = fields.array::<4>()?;
    let record = Record::parse(&fixed).ok_or_else(|| av1c.malformed("is not of version 1"))?;
    let in_stream = av1_sequence::colour(fields.rest());
    let said = in_stream.or_else(|| visual.colour());
    Ok(SampleEntry::clear(record.codec(said), visual.media(in_stream)))
}

/// The fixed part of an AV1CodecConfigurationRecord (§2.3.3).
struct Record {
    profile: u32,
    level: u32,
    high_tier: bool,
    high_bit_depth: bool,
    twelve_bit: bool,
    monochrome: bool,
    /// Subsampling in x and y, and where the samples lie.
    chroma: [u32; 3],
}

impl Record {
    fn parse(fixed: &[u8; 4]) -> Option<Self> {
        let mut bits = Bits::new(fixed);
        let marker_and_version = bits.read(8)?;
        if marker_and_version != 0x81 {
            return None;
        }
        Some(Self {
            profile: bits.read(3)?,
            level: bits.read(5)?,
            high_tier: bits.flag()?,
            high_bit_depth: bits.flag()?,
            twelve_bit: bits.flag()?,
            monochrome: bits.flag()?,
            chroma: [bits.read(1)?, bits.read(1)?, bits.read(2)?],
        })
    }

    fn codec(&self, colour: Option<Colour>) -> String {
        let tier = if self.high_tier { 'H' } else { 'M' };
        let depth = match (self.high_bit_depth, self.twelve_bit) {
            (true, true) => 12,
            (true, false) => 10,
            (false, _) => 8,
        };
        let mut codec = format!("av01.{}.{:02}{tier}.{depth:02}", self.profile, self.level);
        // What leaves its colours open is played as if it had the usual ones.
        let colour = colour.unwrap_or(Colour::BT_709);
        if self.monochrome || self.chroma != USUAL_CHROMA || colour != Colour::BT_709 {
            let [x, y, position] = self.chroma;
            let Colour { primaries, transfer, matrix, full_range } = colour;
            // Writing to a String cannot fail.
            let _ = write!(
                codec,
                ".{}.{x}{y}{position}.{primaries:02}.{transfer:02}.{matrix:02}.{}",
                u8::from(self.monochrome),
                u8::from(full_range)
            );
        }
        codec
    }
}

/// Writes an entry of the Main profile at level 3.1, without a sequence header: 8 bits, or 10 for
/// colours other than those of SDR.
pub fn write(writer: &mut Writer, size: (u16, u16), colour: Colour) {
    const HIGH_BIT_DEPTH: u8 = 0x40;
    const CHROMA_420: u8 = 0x0c;
    let depth = if colour == Colour::BT_709 { 0 } else { HIGH_BIT_DEPTH };
    write_visual(writer, b"av01", size, |w| {
        w.boxed(b"av1C", |w| w.put(&[0x81, 5, depth | CHROMA_420, 0]));
        colr::write(w, colour);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::av1_sequence::tests::PQ_OBUS;
    use crate::isobmff::colr::VideoRange;
    use crate::isobmff::stsd::Media;
    use crate::isobmff::testing::{cut_anywhere, entry};

    fn with(configuration: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        write_visual(&mut writer, b"av01", (160, 90), |w| w.boxed(b"av1C", |w| w.put(configuration)));
        writer.finish()
    }

    fn check(configuration: &[u8], codec: &str) {
        let bytes = with(configuration);
        assert_eq!(parse(&entry(&bytes)).unwrap().codec, codec, "{configuration:02x?}");
    }

    #[test]
    fn the_optional_part_is_all_there_or_not_at_all() {
        check(&[0x81, 0x00, 0x0c, 0x00], "av01.0.00M.08");
        check(&[0x81, 0x0d, 0xcc, 0x00], "av01.0.13H.10");
        check(&[0x81, 0x48, 0x68, 0x10], "av01.2.08M.12.0.100.01.01.01.0");
        check(&[0x81, 0x28, 0x00, 0x00], "av01.1.08M.08.0.000.01.01.01.0");
        check(&[0x81, 0x08, 0x1e, 0x00], "av01.0.08M.08.1.112.01.01.01.0");
        check(&[&[0x81, 0x00, 0x4c, 0x00], &PQ_OBUS[..]].concat(), "av01.0.00M.10.0.110.09.16.09.0");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (range, codec) in [
            (VideoRange::Sdr, "av01.0.05M.08"),
            (VideoRange::Hlg, "av01.0.05M.10.0.110.09.18.09.0"),
            (VideoRange::Pq, "av01.0.05M.10.0.110.09.16.09.0"),
        ] {
            let mut writer = Writer::default();
            write(&mut writer, (1280, 720), Colour::usual(range));
            let found = parse(&entry(&writer.finish())).unwrap();
            assert_eq!(found.codec, codec);
            let colour = Some(Colour::usual(range));
            assert_eq!(found.media, Media::Video { width: 1280, height: 720, colour });
        }
    }

    #[test]
    fn a_configuration_cut_short_or_of_another_version_is_refused() {
        for (kept, bytes) in cut_anywhere(&with(&[0x81, 0, 0x0c, 0]), b"av1C") {
            assert!(parse(&entry(&bytes)).is_err(), "{kept}");
        }
        assert!(parse(&entry(&with(&[0x82, 0, 0x0c, 0]))).is_err());
        assert!(parse(&entry(&with(&[0x01, 0, 0x0c, 0]))).is_err());
    }
}
