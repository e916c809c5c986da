//! `colr`: what the numbers in the pictures mean as light (ISO/IEC 14496-12 §12.1.5, H.273).

use super::{BoxRef, Malformed, Writer};

/// Code points of H.273; 2 is "unspecified" in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// `colour_primaries`.
    pub primaries: u16,
    /// `transfer_characteristics`.
    pub transfer: u16,
    /// `matrix_coefficients`.
    pub matrix: u16,
    /// `full_range_flag`.
    pub full_range: bool,
}

/// How bright video can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VideoRange {
    /// Standard dynamic range.
    Sdr,
    /// Hybrid Log-Gamma.
    Hlg,
    /// Perceptual Quantizer: HDR10 and most of Dolby Vision.
    Pq,
}

impl Colour {
    /// What is meant where nothing is said.
    pub const UNSPECIFIED: Colour = Colour { primaries: 2, transfer: 2, matrix: 2, full_range: false };

    /// BT.709, the colours of SDR video.
    pub const BT_709: Colour = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false };

    /// The colours that video of this range usually has.
    pub fn usual(range: VideoRange) -> Colour {
        match range {
            VideoRange::Sdr => Colour::BT_709,
            VideoRange::Hlg => Colour { primaries: 9, transfer: 18, matrix: 9, full_range: false },
            VideoRange::Pq => Colour { primaries: 9, transfer: 16, matrix: 9, full_range: false },
        }
    }

    /// The range that the transfer characteristics stand for, as HLS groups them (RFC 8216bis
    /// §4.4.6.2); `None` when it names no group for them.
    pub fn video_range(self) -> Option<VideoRange> {
        match self.transfer {
            1 | 6 | 13 | 14 | 15 => Some(VideoRange::Sdr),
            16 => Some(VideoRange::Pq),
            18 => Some(VideoRange::Hlg),
            _ => None,
        }
    }
}

/// Reads the box; `None` when it holds an ICC profile.
///
/// # Errors
///
/// The box is cut short.
pub fn parse(found: &BoxRef<'_>) -> Result<Option<Colour>, Malformed> {
    let mut fields = found.fields();
    let kind = fields.four_cc()?;
    let has_range = kind.0 == *b"nclx";
    // nclc is QuickTime's, without the range.
    if !has_range && kind.0 != *b"nclc" {
        return Ok(None);
    }
    let (primaries, transfer, matrix) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let full_range = has_range && fields.u8()? & 0x80 != 0;
    Ok(Some(Colour { primaries, transfer, matrix, full_range }))
}

/// Writes the box.
pub fn write(writer: &mut Writer, colour: Colour) {
    writer.boxed(b"colr", |w| {
        w.put(b"nclx");
        w.u16(colour.primaries);
        w.u16(colour.transfer);
        w.u16(colour.matrix);
        w.u8(if colour.full_range { 0x80 } else { 0 });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::boxes;

    fn read(bytes: &[u8]) -> Result<Option<Colour>, Malformed> {
        parse(&boxes(bytes).next().unwrap()?)
    }

    #[test]
    fn code_points_are_read_back() {
        for range in [VideoRange::Sdr, VideoRange::Hlg, VideoRange::Pq] {
            let colour = Colour { full_range: true, ..Colour::usual(range) };
            let mut writer = Writer::default();
            write(&mut writer, colour);
            assert_eq!(read(&writer.finish()), Ok(Some(colour)));
            assert_eq!(colour.video_range(), Some(range));
        }
        let quicktime = read(b"\0\0\0\x12colrnclc\0\x09\0\x10\0\x09").unwrap().unwrap();
        assert_eq!(quicktime.video_range(), Some(VideoRange::Pq));
        assert_eq!(Colour::UNSPECIFIED.video_range(), None);
    }

    #[test]
    fn other_kinds_say_nothing_and_a_cut_box_is_refused() {
        assert_eq!(read(b"\0\0\0\x10colrprof\0\0\0\0"), Ok(None));
        assert!(read(b"\0\0\0\x12colrnclx\0\x09\0\x10\0\x09").is_err());
        assert!(read(b"\0\0\0\x0acolrnc").is_err());
    }
}
