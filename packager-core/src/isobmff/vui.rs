//! Video usability information, as far as its colours (ISO/IEC 14496-10 §E.1.1, 23008-2 §E.2.1).

use super::bits::Bits;
use super::colr::Colour;

/// Aspect ratio given as two numbers.
const EXTENDED_SAR: u32 = 255;

/// Reads from `vui_parameters_present_flag` on; `None` when nothing is said of colour.
pub(super) fn colour(bits: &mut Bits<'_>) -> Option<Colour> {
    let has_vui = bits.flag()?;
    if !has_vui {
        return None;
    }
    if bits.flag()? && bits.read(8)? == EXTENDED_SAR {
        bits.skip(16 + 16)?;
    }
    if bits.flag()? {
        bits.skip(1)?; // overscan_appropriate_flag
    }
    if !bits.flag()? {
        return None;
    }
    bits.skip(3)?; // video_format
    let full_range = bits.flag()?;
    let has_description = bits.flag()?;
    if !has_description {
        return None;
    }
    code_points(bits, full_range)
}

/// Three code points of eight bits, as in AV1 too; `None` when they leave everything open.
pub(super) fn code_points(bits: &mut Bits<'_>, full_range: bool) -> Option<Colour> {
    let mut code_point = || bits.read(8).and_then(|code| u16::try_from(code).ok());
    let (primaries, transfer, matrix) = (code_point()?, code_point()?, code_point()?);
    let colour = Colour { primaries, transfer, matrix, full_range };
    (colour != Colour::UNSPECIFIED).then_some(colour)
}
