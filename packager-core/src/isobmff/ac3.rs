//! `ac-3`, `dac3`: AC-3 (ETSI TS 102 366 §F.2, §F.4).

use super::bits::Bits;
use super::stsd::{Media, SampleEntry, audio, configuration, write_audio};
use super::{BoxRef, Malformed, Writer};

/// Reads the sample entry.
///
/// # Errors
///
/// The entry or its `dac3` is cut short, or there is no `dac3`, or its sample rate is reserved.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let audio = audio(entry)?;
    let dac3 = configuration(entry, audio.fields, b"dac3", "has no dac3, so nothing can decode it")?;
    let fixed = dac3.fields().array::<3>()?;
    let media = stream(&fixed).ok_or_else(|| dac3.malformed("has a sample rate that is reserved"))?;
    Ok(SampleEntry::clear("ac-3".to_owned(), media))
}

fn stream(fixed: &[u8; 3]) -> Option<Media> {
    let mut bits = Bits::new(fixed);
    let sample_rate = sample_rate(bits.read(2)?)?;
    bits.skip(5 + 3)?; // bsid, bsmod
    let channels = coded_channels(bits.read(3)?).saturating_add(u32::from(bits.flag()?));
    Some(Media::Audio { sample_rate, channels, joc_complexity: None })
}

/// `fscod` (§4.4.1.3); `None` for the value that is reserved, or in E-AC-3 means half a rate.
pub(super) fn sample_rate(fscod: u32) -> Option<u32> {
    [48_000, 44_100, 32_000].get(usize::try_from(fscod).ok()?).copied()
}

/// Channels of an `acmod` but for the LFE (§4.4.2.3); 0 is two mono programmes.
pub(super) fn coded_channels(acmod: u32) -> u32 {
    match acmod {
        1 => 1,
        0 | 2 => 2,
        3 | 4 => 3,
        5 | 6 => 4,
        _ => 5,
    }
}

/// Writes an entry at 48 kHz with five channels and LFE.
pub fn write(writer: &mut Writer) {
    write_audio(writer, b"ac-3", 48_000, 6, |w| w.boxed(b"dac3", |w| w.put(&[0x10, 0x3d, 0xc0])));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::testing::{cut_anywhere, entry};

    fn with(dac3: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        write_audio(&mut writer, b"ac-3", 48_000, 2, |w| w.boxed(b"dac3", |w| w.put(dac3)));
        writer.finish()
    }

    #[test]
    fn rate_and_channels_are_those_of_the_configuration() {
        for (dac3, sample_rate, channels) in [
            ([0x10, 0x08, 0xc0], 48_000, 1),
            ([0x10, 0x3d, 0x40], 48_000, 6),
            ([0x50, 0x10, 0x00], 44_100, 2),
            ([0x90, 0x24, 0x00], 32_000, 4 - 1 + 1),
        ] {
            let found = parse(&entry(&with(&dac3))).unwrap();
            assert_eq!(found.codec, "ac-3");
            assert_eq!(
                found.media,
                Media::Audio { sample_rate, channels, joc_complexity: None },
                "{dac3:02x?}"
            );
        }
    }

    #[test]
    fn a_configuration_cut_short_or_reserved_is_refused() {
        let mut writer = Writer::default();
        write(&mut writer);
        for (kept, bytes) in cut_anywhere(&writer.finish(), b"dac3") {
            assert!(parse(&entry(&bytes)).is_err(), "{kept}");
        }
        assert!(parse(&entry(&with(&[0xd0, 0x3d, 0x40]))).is_err());
    }
}
