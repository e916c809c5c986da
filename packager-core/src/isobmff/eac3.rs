//! `ec-3`, `dec3`: Enhanced AC-3, and with Joint Object Coding Dolby Atmos (ETSI TS 102 366 §F.5,
//! §F.6; TS 103 420 §C.3.2).

use super::ac3::{coded_channels, sample_rate};
use super::bits::Bits;
use super::stsd::{Media, SampleEntry, audio, configuration, write_audio};
use super::{BoxRef, Malformed, Writer};

/// Channels of each location of `chan_loc`, from the lowest bit: Lc/Rc, Lrs/Rrs, Cs, Ts, Lsd/Rsd,
/// Lw/Rw, Lvh/Rvh, Cvh, LFE2 (§F.6.2.13).
const LOCATION_CHANNELS: [u32; 9] = [2, 2, 1, 1, 2, 2, 2, 1, 1];

/// Reads the sample entry. Channels are those of the first programme: its independent substream and
/// what the dependent ones add.
///
/// # Errors
///
/// The entry or its `dec3` is cut short, or there is no `dec3`.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let audio = audio(entry)?;
    let dec3 = configuration(entry, audio.fields, b"dec3", "has no dec3, so nothing can decode it")?;
    let media = streams(dec3.body, audio.sample_rate)
        .ok_or_else(|| dec3.malformed("ends before the substreams that it announces"))?;
    Ok(SampleEntry::clear("ec-3".to_owned(), media))
}

fn streams(body: &[u8], entry_sample_rate: u32) -> Option<Media> {
    let mut bits = Bits::new(body);
    bits.skip(13)?; // data_rate
    let more_programmes = bits.read(3)?;
    let first = substream(&mut bits)?;
    for _ in 0..more_programmes {
        substream(&mut bits)?;
    }
    Some(Media::Audio {
        // Half rates are not told apart here, only in the entry and in the stream.
        sample_rate: first.sample_rate.unwrap_or(entry_sample_rate),
        channels: first.channels,
        joc_complexity: joc_complexity(&mut bits),
    })
}

struct Substream {
    sample_rate: Option<u32>,
    channels: u32,
}

fn substream(bits: &mut Bits<'_>) -> Option<Substream> {
    let sample_rate = sample_rate(bits.read(2)?);
    bits.skip(5 + 1 + 1 + 3)?; // bsid, reserved, asvc, bsmod
    let mut channels = coded_channels(bits.read(3)?).saturating_add(u32::from(bits.flag()?));
    bits.skip(3)?;
    if bits.read(4)? == 0 {
        bits.skip(1)?;
    } else {
        let locations = bits.read(9)?;
        for (bit, count) in LOCATION_CHANNELS.iter().enumerate() {
            if locations >> bit & 1 == 1 {
                channels = channels.saturating_add(*count);
            }
        }
    }
    Some(Substream { sample_rate, channels })
}

/// The extension behind the substreams, which older encoders do not write.
fn joc_complexity(bits: &mut Bits<'_>) -> Option<u8> {
    bits.skip(7)?;
    let has_objects = bits.flag()?;
    if has_objects { u8::try_from(bits.read(8)?).ok() } else { None }
}

/// Writes an entry at 48 kHz with five channels and LFE, and with objects of this complexity.
pub fn write(writer: &mut Writer, joc_complexity: Option<u8>) {
    write_audio(writer, b"ec-3", 48_000, 6, |w| {
        w.boxed(b"dec3", |w| {
            w.put(&[0x14, 0x00, 0x20, 0x0f, 0x00]); // 640 kbit/s
            if let Some(complexity) = joc_complexity {
                w.put(&[1, complexity]);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::testing::{cut_anywhere, entry};

    fn with(dec3: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        write_audio(&mut writer, b"ec-3", 24_000, 2, |w| w.boxed(b"dec3", |w| w.put(dec3)));
        writer.finish()
    }

    fn check(dec3: &[u8], sample_rate: u32, channels: u32, joc_complexity: Option<u8>) {
        let found = parse(&entry(&with(dec3))).unwrap();
        assert_eq!(found.codec, "ec-3");
        assert_eq!(found.media, Media::Audio { sample_rate, channels, joc_complexity }, "{dec3:02x?}");
    }

    #[test]
    fn channels_of_all_substreams_and_objects_count() {
        check(&[0x03, 0x00, 0x20, 0x02, 0x00], 48_000, 1, None);
        check(&[0x06, 0x00, 0x20, 0x0f, 0x00], 48_000, 6, None);
        // 7.1: a dependent substream adds Lrs/Rrs.
        check(&[0x06, 0x00, 0x20, 0x0f, 0x02, 0x02], 48_000, 8, None);
        // Atmos in 5.1.
        check(&[0x14, 0x00, 0x20, 0x0f, 0x00, 0x01, 0x10], 48_000, 6, Some(16));
        check(&[0x14, 0x00, 0x20, 0x0f, 0x00, 0x00, 0x00], 48_000, 6, None);
        // Two programmes; half a rate.
        check(&[0x06, 0x01, 0xe0, 0x04, 0x00, 0x20, 0x02, 0x00], 24_000, 2, None);
    }

    #[test]
    fn what_is_written_is_read_back() {
        for joc_complexity in [None, Some(16)] {
            let mut writer = Writer::default();
            write(&mut writer, joc_complexity);
            let media = Media::Audio { sample_rate: 48_000, channels: 6, joc_complexity };
            assert_eq!(parse(&entry(&writer.finish())).unwrap().media, media);
        }
    }

    #[test]
    fn a_configuration_cut_anywhere_is_refused() {
        for dec3 in [&[0x06, 0x00, 0x20, 0x0f, 0x02, 0x02][..], &[6, 1, 0x20, 4, 0, 0x20, 2, 0]] {
            for (kept, bytes) in cut_anywhere(&with(dec3), b"dec3") {
                assert!(parse(&entry(&bytes)).is_err(), "{kept}");
            }
        }
    }
}
