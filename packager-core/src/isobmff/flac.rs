//! `fLaC`, `dfLa`: FLAC (Encapsulation of FLAC in ISO Base Media File Format §3.3; RFC 9639 §8.2).

use super::bits::Bits;
use super::stsd::{Media, SampleEntry, audio, configuration, write_audio};
use super::{BoxRef, Malformed, Writer};

/// Length of STREAMINFO, which is always the first metadata block.
const STREAMINFO_BYTES: u8 = 34;

/// Reads the sample entry; its rate may not fit the entry's field, so STREAMINFO says.
///
/// # Errors
///
/// The entry or its `dfLa` is cut short, or there is no `dfLa`, or it does not begin with
/// STREAMINFO.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let audio = audio(entry)?;
    let dfla = configuration(entry, audio.fields, b"dfLa", "has no dfLa, so nothing can decode it")?;
    let mut fields = dfla.fields();
    fields.version_and_flags()?;
    let [kind, length @ ..] = fields.array::<4>()?;
    if kind & 0x7f != 0 || length != [0, 0, STREAMINFO_BYTES] {
        return Err(dfla.malformed("does not begin with STREAMINFO"));
    }
    let media = stream(fields.take(usize::from(STREAMINFO_BYTES))?)
        .ok_or_else(|| dfla.malformed("has sample rate 0"))?;
    Ok(SampleEntry::clear("fLaC".to_owned(), media))
}

fn stream(info: &[u8]) -> Option<Media> {
    let mut bits = Bits::new(info);
    bits.skip(16 + 16 + 24 + 24)?; // sizes of blocks and frames
    let sample_rate = bits.read(20)?;
    let channels = bits.read(3)?.saturating_add(1);
    (sample_rate > 0).then_some(Media::Audio { sample_rate, channels, joc_complexity: None })
}

/// Writes an entry of 16 bits a sample in blocks of 4608, with at most 8 channels.
pub fn write(writer: &mut Writer, sample_rate: u32, channels: u8) {
    write_audio(writer, b"fLaC", sample_rate, u16::from(channels), |w| {
        w.full_boxed(b"dfLa", 0, 0, |w| {
            w.put(&[0x80, 0, 0, STREAMINFO_BYTES]);
            w.u16(4608);
            w.u16(4608);
            w.zeros(3 + 3);
            // 20 bits rate, 3 channels less one, 5 bits a sample less one, 36 samples in all.
            let channels = u32::from(channels.saturating_sub(1) & 7);
            w.u32((sample_rate & 0xf_ffff) << 12 | channels << 9 | 15 << 4);
            w.zeros(4 + 16);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::testing::{cut_anywhere, entry};

    #[test]
    fn rates_that_do_not_fit_the_entry_are_read_back() {
        for (sample_rate, channels) in [(44_100, 1), (48_000, 2), (96_000, 6), (192_000, 8)] {
            let mut writer = Writer::default();
            write(&mut writer, sample_rate, channels);
            let media = Media::Audio { sample_rate, channels: u32::from(channels), joc_complexity: None };
            let found = parse(&entry(&writer.finish())).unwrap();
            assert_eq!(found, SampleEntry::clear("fLaC".into(), media));
        }
    }

    #[test]
    fn a_configuration_cut_short_or_wrong_is_refused() {
        let mut writer = Writer::default();
        write(&mut writer, 48_000, 2);
        let whole = writer.finish();
        for (kept, bytes) in cut_anywhere(&whole, b"dfLa") {
            assert!(parse(&entry(&bytes)).is_err(), "{kept}");
        }
        let block = whole.windows(4).position(|found| found == b"dfLa").unwrap() + 8;
        let mut other_block = whole.clone();
        other_block[block] = 4;
        assert!(parse(&entry(&other_block)).is_err());
        let mut no_rate = whole;
        no_rate[block + 14..block + 17].fill(0);
        assert!(parse(&entry(&no_rate)).is_err());
    }
}
