//! `hvc1`, `hev1`, `hvcC`: H.265 (ISO/IEC 14496-15 §8.3.3, §8.4.1).

use std::fmt::Write as _;

use super::colr::{self, Colour};
use super::stsd::{SampleEntry, configuration, visual, write_visual};
use super::{BoxRef, Malformed, Writer, hevc_sps};

/// Reads the sample entry; its codec is as ISO/IEC 14496-15 §E.3 says.
///
/// # Errors
///
/// The entry or its `hvcC` is cut short, or there is no `hvcC`.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let visual = visual(entry)?;
    let missing = "has no hvcC, so nothing can decode it";
    let hvcc = configuration(entry, visual.fields.clone(), b"hvcC", missing)?;
    let codec = format!("{}.{}", entry.kind, profile_tier_level(&hvcc)?);
    let colour = sequence_parameter_set(&hvcc)?.and_then(hevc_sps::colour);
    Ok(SampleEntry::clear(codec, visual.media(colour)))
}

/// The part of the codec behind the entry's type.
fn profile_tier_level(hvcc: &BoxRef<'_>) -> Result<String, Malformed> {
    let mut fields = hvcc.fields();
    if fields.u8()? != 1 {
        return Err(hvcc.malformed("has a configurationVersion other than 1"));
    }
    let profile = fields.u8()?;
    let space = ["", "A", "B", "C"].get(usize::from(profile >> 6)).copied().unwrap_or("");
    let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
    let compatibility = fields.u32()?.reverse_bits();
    let constraints = fields.array::<6>()?;
    let level = fields.u8()?;
    let mut text = format!("{space}{}.{compatibility:X}.{tier}{level}", profile & 0x1f);
    let said = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    for byte in constraints.iter().take(said) {
        // Writing to a String cannot fail.
        let _ = write!(text, ".{byte:X}");
    }
    Ok(text)
}

/// The first sequence parameter set (§8.3.3.1.2).
pub(super) fn sequence_parameter_set<'a>(hvcc: &BoxRef<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    const SPS_NUT: u8 = 33;
    let mut fields = hvcc.fields();
    fields.skip(22)?;
    let mut first = None;
    for _ in 0..fields.u8()? {
        let kind = fields.u8()? & 0x3f;
        for _ in 0..fields.u16()? {
            let bytes = usize::from(fields.u16()?);
            let nal_unit = fields.take(bytes)?;
            if kind == SPS_NUT {
                first = first.or(Some(nal_unit));
            }
        }
    }
    Ok(first)
}

/// Writes an entry of this type (`hvc1`, `hev1`, `dvh1`, `dvhe`), Main 10 at level 3.1 and without
/// parameter sets, and behind its `hvcC` what `more` writes.
pub fn write(
    writer: &mut Writer,
    kind: &[u8; 4],
    size: (u16, u16),
    colour: Colour,
    more: impl FnOnce(&mut Writer),
) {
    write_visual(writer, kind, size, |w| {
        w.boxed(b"hvcC", |w| {
            w.put(&[1, 2]);
            w.u32(0x2000_0000);
            w.put(&[0x90, 0, 0, 0, 0, 0, 93]);
            // No segmentation, any parallelism, 4:2:0, 10 bits, no rate, 4-byte lengths, no arrays.
            w.put(&[0xf0, 0, 0xfc, 0xfd, 0xfa, 0xfa, 0, 0, 0x0f, 0]);
        });
        more(w);
        colr::write(w, colour);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::colr::VideoRange;
    use crate::isobmff::hevc_sps::tests::PQ_SPS;
    use crate::isobmff::stsd::Media;
    use crate::isobmff::testing::{cut_anywhere, entry};

    fn with(profile: &[u8; 12], sps: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        write_visual(&mut writer, b"hev1", (160, 90), |w| {
            w.boxed(b"hvcC", |w| {
                w.u8(1);
                w.put(profile);
                w.put(&[0xf0, 0, 0xfc, 0xfd, 0xfa, 0xfa, 0, 0, 0x0f, 2]);
                w.put(&[32, 0, 1, 0, 2, 0x40, 1]);
                w.put(&[33, 0, 1, 0]);
                w.u8(u8::try_from(sps.len()).unwrap());
                w.put(sps);
            });
        });
        writer.finish()
    }

    fn check(profile: &[u8; 12], codec: &str) {
        assert_eq!(parse(&entry(&with(profile, &[]))).unwrap().codec, codec, "{profile:02x?}");
    }

    #[test]
    fn profile_tier_level_and_constraints() {
        check(&[1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 60], "hev1.1.6.L60.90");
        check(&[2, 0x20, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 153], "hev1.2.4.L153.B0");
        check(&[0x61, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 93], "hev1.A1.80000001.H93");
        check(&[0xc4, 8, 0, 0, 0, 0x9d, 0, 8, 0, 0, 0, 120], "hev1.C4.10.L120.9D.0.8");
    }

    #[test]
    fn the_parameter_set_tells_the_colour() {
        let found = parse(&entry(&with(&[2, 0x20, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 30], &PQ_SPS))).unwrap();
        let colour = Some(Colour::usual(VideoRange::Pq));
        assert_eq!(found.media, Media::Video { width: 160, height: 90, colour });
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut writer = Writer::default();
        write(&mut writer, b"hvc1", (16, 16), Colour::BT_709, |_| {});
        assert_eq!(parse(&entry(&writer.finish())).unwrap().codec, "hvc1.2.4.L93.90");
    }

    #[test]
    fn a_configuration_cut_anywhere_is_refused() {
        let whole = with(&[2, 0x20, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 30], &PQ_SPS);
        for (kept, bytes) in cut_anywhere(&whole, b"hvcC") {
            assert!(parse(&entry(&bytes)).is_err(), "{kept}");
        }
    }
}
