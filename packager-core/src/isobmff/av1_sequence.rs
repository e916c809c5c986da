//! The sequence header of AV1, as far as its colours (AV1 Bitstream & Decoding Process §5.5).

use super::bits::Bits;
use super::colr::Colour;
use super::vui;

/// `OBU_SEQUENCE_HEADER`.
const SEQUENCE_HEADER: u32 = 1;

/// The colour that the first sequence header among these OBUs tells; `None` when there is none or
/// it tells nothing.
pub(super) fn colour(obus: &[u8]) -> Option<Colour> {
    let mut rest = obus;
    while !rest.is_empty() {
        let mut bits = Bits::new(rest);
        bits.skip(1)?;
        let kind = bits.read(4)?;
        let has_extension = bits.flag()?;
        let has_size = bits.flag()?;
        let header_bytes = if has_extension { 2 } else { 1 };
        let behind = rest.get(header_bytes..)?;
        // The last one may go to the end (§5.3.1).
        let (payload, next) = if has_size { split_sized(behind)? } else { (behind, &[][..]) };
        if kind == SEQUENCE_HEADER {
            return colour_of_sequence(payload);
        }
        rest = next;
    }
    None
}

/// A length as `leb128()` (§4.10.5), so many bytes, and what follows them.
fn split_sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(4) {
        let shift = u32::try_from(index).ok()?.checked_mul(7)?;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return bytes.get(index.checked_add(1)?..)?.split_at_checked(length);
        }
    }
    None
}

fn colour_of_sequence(payload: &[u8]) -> Option<Colour> {
    let mut bits = Bits::new(payload);
    let profile = bits.read(3)?;
    bits.skip(1)?;
    let reduced = bits.flag()?; // reduced_still_picture_header
    if reduced {
        bits.skip(5)?;
    } else {
        skip_operating_points(&mut bits)?;
    }
    let size_bits = bits.read(4)?.saturating_add(bits.read(4)?).saturating_add(2);
    bits.skip(size_bits)?;
    if !reduced && bits.flag()? {
        bits.skip(4 + 3)?; // lengths of frame ids
    }
    bits.skip(3)?;
    if !reduced {
        skip_tools(&mut bits)?;
    }
    bits.skip(3)?;
    colour_config(&mut bits, profile)
}

fn skip_operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.skip(32 + 32)?; // timing_info()
        if bits.flag()? {
            bits.exp_golomb()?;
        }
        if bits.flag()? {
            // decoder_model_info()
            delay_bits = Some(bits.read(5)?.saturating_add(1));
            bits.skip(32 + 5 + 5)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let points = bits.read(5)?;
    for _ in 0..=points {
        bits.skip(12)?; // operating_point_idc
        let level = bits.read(5)?;
        if level > 7 {
            bits.skip(1)?; // seq_tier
        }
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(delay_bits.saturating_mul(2).saturating_add(1))?;
        }
        if has_display_delay && bits.flag()? {
            bits.skip(4)?;
        }
    }
    Some(())
}

/// From `enable_interintra_compound` to `order_hint_bits_minus_1`.
fn skip_tools(bits: &mut Bits<'_>) -> Option<()> {
    bits.skip(4)?;
    let has_order_hint = bits.flag()?;
    if has_order_hint {
        bits.skip(2)?;
    }
    let chooses_screen_content_tools = bits.flag()?;
    if (chooses_screen_content_tools || bits.flag()?) && !bits.flag()? {
        bits.skip(1)?; // seq_force_integer_mv
    }
    if has_order_hint {
        bits.skip(3)?;
    }
    Some(())
}

/// `color_config()` (§5.5.2).
fn colour_config(bits: &mut Bits<'_>, profile: u32) -> Option<Colour> {
    const SRGB: Colour = Colour { primaries: 1, transfer: 13, matrix: 0, full_range: true };
    let high_bit_depth = bits.flag()?;
    if profile == 2 && high_bit_depth {
        bits.skip(1)?; // twelve_bit
    }
    let monochrome = profile != 1 && bits.flag()?;
    let colour = if bits.flag()? { vui::code_points(bits, true) } else { None };
    if !monochrome && colour == Some(SRGB) {
        return colour;
    }
    let full_range = bits.flag()?;
    let colour = Colour { full_range, ..colour.unwrap_or(Colour::UNSPECIFIED) };
    (colour != Colour::UNSPECIFIED).then_some(colour)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::isobmff::colr::VideoRange;

    /// What SVT-AV1 writes for video in PQ.
    pub(in crate::isobmff) const PQ_OBUS: [u8; 15] =
        [0x0a, 0x0d, 0, 0, 0, 3, 0xb4, 0xfd, 0x90, 0x0b, 0xe1, 0x42, 0x44, 0x02, 0x41];

    #[test]
    fn the_colour_is_found_behind_other_obus() {
        let pq = Some(Colour::usual(VideoRange::Pq));
        assert_eq!(colour(&PQ_OBUS), pq);
        // A temporal delimiter, and padding of two bytes with an extension.
        let behind = [&[0x12, 0x00, 0x7e, 0x00, 0x02, 0xff, 0xff], &PQ_OBUS[..]].concat();
        assert_eq!(colour(&behind), pq);
        // Without its size it goes to the end.
        let unsized_obu = [&[0x08], &PQ_OBUS[2..]].concat();
        assert_eq!(colour(&unsized_obu), pq);
    }

    #[test]
    fn a_header_that_leaves_colours_open_tells_none() {
        let svt = [0x0a, 0x0b, 0, 0, 0, 4, 0x3c, 0xfe, 0xcc, 0x02, 0xf8, 0, 0x40];
        assert_eq!(colour(&svt), None);
    }

    #[test]
    fn obus_cut_anywhere_tell_nothing() {
        for kept in 0..PQ_OBUS.len() {
            assert_eq!(colour(&PQ_OBUS[..kept]), None, "{kept}");
        }
        assert_eq!(colour(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
