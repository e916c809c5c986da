//! `Opus`, `dOps`: Opus (Encapsulation of Opus in ISO Base Media File Format §4.3).

use super::stsd::{Media, SampleEntry, audio, configuration, write_audio};
use super::{BoxRef, Malformed, Writer};

/// What every Opus decoder puts out, whatever went into the encoder.
const SAMPLE_RATE: u32 = 48_000;

/// Reads the sample entry.
///
/// # Errors
///
/// The entry or its `dOps` is cut short, or there is no `dOps`, or one of another version or
/// without channels.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let audio = audio(entry)?;
    let dops = configuration(entry, audio.fields, b"dOps", "has no dOps, so nothing can decode it")?;
    let mut fields = dops.fields();
    if fields.u8()? != 0 {
        return Err(dops.malformed("is not of version 0"));
    }
    let channels = fields.u8()?;
    if channels == 0 {
        return Err(dops.malformed("has no channels"));
    }
    fields.skip(2 + 4 + 2)?; // PreSkip, InputSampleRate, OutputGain
    if fields.u8()? != 0 {
        // The mapping of channels to streams: two counts, and a byte for each channel.
        fields.skip(usize::from(channels).saturating_add(2))?;
    }
    let media =
        Media::Audio { sample_rate: SAMPLE_RATE, channels: u32::from(channels), joc_complexity: None };
    Ok(SampleEntry::clear("opus".to_owned(), media))
}

/// Writes an entry with one stream, so for at most two channels.
pub fn write(writer: &mut Writer, channels: u8) {
    write_audio(writer, b"Opus", SAMPLE_RATE, u16::from(channels), |w| {
        w.boxed(b"dOps", |w| {
            w.put(&[0, channels]);
            w.u16(312); // what libopus needs to begin
            w.u32(SAMPLE_RATE);
            w.u16(0);
            w.u8(0);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::testing::{cut_anywhere, entry};

    fn with(dops: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        write_audio(&mut writer, b"Opus", SAMPLE_RATE, 2, |w| w.boxed(b"dOps", |w| w.put(dops)));
        writer.finish()
    }

    /// What ffmpeg writes for six channels.
    const SIX_CHANNELS: [u8; 19] = [0, 6, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 1, 4, 2, 0, 4, 1, 2, 3, 5];

    #[test]
    fn channels_are_those_of_the_configuration() {
        let media = |channels| Media::Audio { sample_rate: 48_000, channels, joc_complexity: None };
        assert_eq!(parse(&entry(&with(&SIX_CHANNELS))).unwrap(), SampleEntry::clear("opus".into(), media(6)));
        let mut writer = Writer::default();
        write(&mut writer, 2);
        assert_eq!(parse(&entry(&writer.finish())).unwrap().media, media(2));
    }

    #[test]
    fn a_configuration_cut_short_or_wrong_is_refused() {
        for (kept, bytes) in cut_anywhere(&with(&SIX_CHANNELS), b"dOps") {
            assert!(parse(&entry(&bytes)).is_err(), "{kept}");
        }
        assert!(parse(&entry(&with(&[1, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]))).is_err(), "version");
        assert!(parse(&entry(&with(&[0, 0, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]))).is_err(), "channels");
    }
}
