//! A sequence parameter set of H.265, as far as its colours (ISO/IEC 23008-2 §7.3.2.2).

use super::bits::Bits;
use super::colr::Colour;
use super::vui;

/// Bits of a profile in `profile_tier_level()`, without its level (§7.3.3).
const PROFILE_BITS: u32 = 88;

/// `num_short_term_ref_pic_sets` is at most this.
const SHORT_TERM_SETS: u32 = 64;

/// The colour that the set tells in its VUI; `None` when it tells none, or is not one.
pub(super) fn colour(nal_unit: &[u8]) -> Option<Colour> {
    let mut bits = Bits::in_nal_unit(nal_unit);
    bits.skip(16 + 4)?; // NAL unit header, sps_video_parameter_set_id
    let sub_layers = bits.read(3)?;
    bits.skip(1)?;
    skip_profile_tier_level(&mut bits, sub_layers)?;
    bits.exp_golomb()?; // sps_seq_parameter_set_id
    if bits.exp_golomb()? == 3 {
        bits.skip(1)?; // separate_colour_plane_flag
    }
    skip_codes(&mut bits, 2)?; // size
    if bits.flag()? {
        skip_codes(&mut bits, 4)?; // conformance window
    }
    skip_codes(&mut bits, 2)?; // bit depths
    let order_count_bits = bits.exp_golomb()?.checked_add(4)?;
    let ordered_sub_layers = if bits.flag()? { sub_layers.saturating_add(1) } else { 1 };
    skip_codes(&mut bits, ordered_sub_layers.saturating_mul(3))?;
    skip_codes(&mut bits, 6)?; // sizes and depths of blocks
    if bits.flag()? && bits.flag()? {
        skip_scaling_lists(&mut bits)?;
    }
    bits.skip(2)?;
    if bits.flag()? {
        bits.skip(4 + 4)?; // pulse code modulation
        skip_codes(&mut bits, 2)?;
        bits.skip(1)?;
    }
    skip_short_term_sets(&mut bits)?;
    if bits.flag()? {
        for _ in 0..bits.exp_golomb()? {
            bits.skip(order_count_bits.checked_add(1)?)?;
        }
    }
    bits.skip(2)?;
    vui::colour(&mut bits)
}

fn skip_codes(bits: &mut Bits<'_>, count: u32) -> Option<()> {
    for _ in 0..count {
        bits.exp_golomb()?;
    }
    Some(())
}

/// `profile_tier_level(1, sub_layers)` (§7.3.3).
fn skip_profile_tier_level(bits: &mut Bits<'_>, sub_layers: u32) -> Option<()> {
    bits.skip(PROFILE_BITS.saturating_add(8))?;
    let mut sub_layer_bits = 0_u32;
    for _ in 0..sub_layers {
        let profile = if bits.flag()? { PROFILE_BITS } else { 0 };
        let level = if bits.flag()? { 8 } else { 0 };
        sub_layer_bits = sub_layer_bits.saturating_add(profile).saturating_add(level);
    }
    if sub_layers > 0 {
        bits.skip(8_u32.saturating_sub(sub_layers).saturating_mul(2))?;
    }
    bits.skip(sub_layer_bits)
}

/// `scaling_list_data()` (§7.3.4).
fn skip_scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
    // The larger ones begin with their DC coefficient.
    for (codes, matrices) in [(16, 6), (64, 6), (65, 6), (65, 2)] {
        for _ in 0..matrices {
            let coded = bits.flag()?;
            // A list that is predicted says by what alone.
            skip_codes(bits, if coded { codes } else { 1 })?;
        }
    }
    Some(())
}

/// The `st_ref_pic_set()`s (§7.3.7); one may be predicted from the one before.
fn skip_short_term_sets(bits: &mut Bits<'_>) -> Option<()> {
    let sets = bits.exp_golomb()?;
    if sets > SHORT_TERM_SETS {
        return None;
    }
    let mut pictures = 0_u32;
    for set in 0..sets {
        if set > 0 && bits.flag()? {
            bits.skip(1)?; // delta_rps_sign
            bits.exp_golomb()?;
            let mut kept = 0_u32;
            for _ in 0..=pictures {
                let used = bits.flag()?;
                if used || bits.flag()? {
                    kept = kept.saturating_add(1);
                }
            }
            pictures = kept;
        } else {
            let (before, after) = (bits.exp_golomb()?, bits.exp_golomb()?);
            pictures = before.checked_add(after)?;
            for _ in 0..pictures {
                bits.exp_golomb()?;
                bits.skip(1)?;
            }
        }
    }
    Some(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::isobmff::colr::VideoRange;

    /// What x265 writes for video in PQ.
    pub(in crate::isobmff) const PQ_SPS: [u8; 46] = [
        0x42, 0x01, 0x01, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,
        0x1e, 0xa0, 0x14, 0x20, 0x61, 0xf2, 0x36, 0x59, 0x59, 0xa4, 0x93, 0x2b, 0xc0, 0x5a, 0x84, 0x88, 0x04,
        0x82, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x10,
    ];

    #[test]
    fn the_colour_is_found() {
        assert_eq!(colour(&PQ_SPS), Some(Colour::usual(VideoRange::Pq)));
    }

    #[test]
    fn a_set_cut_anywhere_tells_nothing_or_the_same() {
        for kept in 0..PQ_SPS.len() {
            let found = colour(&PQ_SPS[..kept]);
            assert!(found.is_none() || found == colour(&PQ_SPS), "{kept}");
        }
    }

    /// Writes bits from text: digits are bits, other characters are left out.
    fn packed(text: &str) -> Vec<u8> {
        let bits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        bits.chunks(8)
            .map(|eight| eight.iter().enumerate().fold(0, |byte, (n, bit)| byte | bit << (7 - n)))
            .collect()
    }

    #[test]
    fn sub_layers_lists_and_predicted_sets_are_passed_over() {
        // Two sub-layers: the first says its profile and level, the second nothing.
        let mut bits = [0xff_u8; 24];
        bits[12] = 0b1100_0000;
        bits[13] = 0;
        let mut bits = Bits::new(&bits);
        // 96 bits, 2 × 2 flags, 6 × 2 for alignment, 96 of the sub-layer: more than 24 bytes.
        assert_eq!(skip_profile_tier_level(&mut bits, 2), None);
        let mut bytes = [0xff_u8; 27];
        bytes[12] = 0b1100_0000;
        bytes[13] = 0;
        let mut bits = Bits::new(&bytes);
        assert_eq!(skip_profile_tier_level(&mut bits, 2), Some(()));
        assert_eq!(bits.read(8), Some(0xff));
        assert_eq!(bits.read(1), None);

        // Every list is predicted: 20 times a flag 0 and a code of one bit.
        let lists = packed(&"01".repeat(20));
        assert_eq!(skip_scaling_lists(&mut Bits::new(&lists)), Some(()));
        assert_eq!(skip_scaling_lists(&mut Bits::new(&lists[..4])), None);

        // Two sets: one picture before and one after; predicted from it, with two of three kept.
        let sets = packed("011 010 010 1 1 1 1  1 0 1  1 00 01  101");
        let mut bits = Bits::new(&sets);
        assert_eq!(skip_short_term_sets(&mut bits), Some(()));
        assert_eq!(bits.read(3), Some(0b101));
        assert_eq!(skip_short_term_sets(&mut Bits::new(&[0, 0, 0xff])), None, "too many");
    }
}
