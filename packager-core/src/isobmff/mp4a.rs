//! `mp4a` and `esds`: AAC and the other audio of MPEG-4 (ISO/IEC 14496-14 §6.7, 14496-1 §7.2.6).

use super::stsd::{Media, SampleEntry, audio, configuration, write_audio};
use super::{BoxRef, Fields, FourCc, Malformed, Writer, aac};

const ES_DESCRIPTOR: u8 = 3;
const DECODER_CONFIG: u8 = 4;
const DECODER_SPECIFIC_INFO: u8 = 5;

/// `objectTypeIndication` of MPEG-4 audio, whose kind an AudioSpecificConfig tells.
const MPEG_4_AUDIO: u8 = 0x40;

/// Reads the sample entry; the codec is `mp4a`, the object type indication in hexadecimal and for
/// MPEG-4 audio the audio object type in decimal (RFC 6381 §3.3). `None` when the indication is
/// neither AAC nor MP3.
///
/// # Errors
///
/// The entry, its `esds` or the AudioSpecificConfig in that is cut short or not there.
pub fn parse(entry: &BoxRef<'_>) -> Result<Option<SampleEntry>, Malformed> {
    let entry_says = audio(entry)?;
    let esds = configuration(entry, entry_says.fields, b"esds", "has no esds, so nothing can decode it")?;
    let (object_type, specific) = decoder_config(&esds)?;
    let mut sample_rate = entry_says.sample_rate;
    let mut channels = entry_says.channels;
    let codec = match object_type {
        MPEG_4_AUDIO => {
            let config = specific
                .and_then(aac::parse)
                .ok_or_else(|| esds.malformed("has no complete AudioSpecificConfig"))?;
            sample_rate = config.sample_rate;
            channels = config.channels.unwrap_or(channels);
            format!("mp4a.40.{}", config.object_type)
        }
        // MPEG-2 AAC (main, LC, SSR), MPEG-2 and MPEG-1 layer 3.
        0x66..=0x69 | 0x6b => format!("mp4a.{object_type:02x}"),
        _ => return Ok(None),
    };
    let media = Media::Audio { sample_rate, channels, joc_complexity: None };
    Ok(Some(SampleEntry::clear(codec, media)))
}

/// The object type indication, and what the decoder alone understands.
fn decoder_config<'a>(esds: &BoxRef<'a>) -> Result<(u8, Option<&'a [u8]>), Malformed> {
    let mut fields = esds.fields();
    fields.version_and_flags()?;
    let mut es =
        descriptor(&mut fields, ES_DESCRIPTOR)?.ok_or_else(|| esds.malformed("has no ES_Descriptor"))?;
    es.skip(2)?; // ES_ID
    let flags = es.u8()?;
    if flags & 0x80 != 0 {
        es.skip(2)?; // dependsOn_ES_ID
    }
    if flags & 0x40 != 0 {
        let url_bytes = usize::from(es.u8()?);
        es.skip(url_bytes)?;
    }
    if flags & 0x20 != 0 {
        es.skip(2)?; // OCR_ES_Id
    }
    let mut config = descriptor(&mut es, DECODER_CONFIG)?
        .ok_or_else(|| esds.malformed("has no DecoderConfigDescriptor"))?;
    let object_type = config.u8()?;
    config.skip(1 + 3 + 4 + 4)?; // stream type, buffer size, bit rates
    let specific = descriptor(&mut config, DECODER_SPECIFIC_INFO)?;
    Ok((object_type, specific.map(|found| found.rest())))
}

/// The body of the next descriptor with this tag (14496-1 §7.2.2, §8.3.3); others are passed over.
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Result<Option<Fields<'a>>, Malformed> {
    while !fields.rest().is_empty() {
        let found = fields.u8()?;
        let mut body_bytes = 0usize;
        // A length has seven bits a byte, and at most four bytes.
        for _ in 0..4 {
            let byte = fields.u8()?;
            body_bytes = body_bytes << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = fields.take(body_bytes)?;
        if found == tag {
            // Offsets in errors are those of the esds itself: descriptors are tiny.
            return Ok(Some(Fields::new(FourCc(*b"esds"), body, 0)));
        }
    }
    Ok(None)
}

/// `objectTypeIndication` of MPEG-1 audio, whose layer 3 is MP3.
const MPEG_1_AUDIO: u8 = 0x6b;

/// Writes an `mp4a` entry for AAC with this AudioSpecificConfig, which has at most 100 bytes, or for
/// MP3 when there is none.
pub fn write(writer: &mut Writer, sample_rate: u32, channels: u16, config: Option<&[u8]>) {
    let object_type = if config.is_some() { MPEG_4_AUDIO } else { MPEG_1_AUDIO };
    let config = config.map(|config| config.get(..100).unwrap_or(config));
    let specific_bytes = config.and_then(|config| u8::try_from(config.len()).ok());
    let behind = specific_bytes.map_or(0, |bytes| bytes.saturating_add(2));
    write_audio(writer, b"mp4a", sample_rate, channels, |w| {
        w.full_boxed(b"esds", 0, 0, |w| {
            w.put(&[ES_DESCRIPTOR, behind.saturating_add(21), 0, 0, 0]);
            w.put(&[DECODER_CONFIG, behind.saturating_add(13), object_type, 0x15]);
            w.zeros(3 + 4 + 4);
            if let (Some(bytes), Some(config)) = (specific_bytes, config) {
                w.put(&[DECODER_SPECIFIC_INFO, bytes]);
                w.put(config);
            }
            w.put(&[6, 1, 2]); // SLConfigDescriptor: as MP4 has it
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::testing::{cut_anywhere, entry};

    fn written(config: Option<&[u8]>) -> Vec<u8> {
        let mut writer = Writer::default();
        write(&mut writer, 44_100, 2, config);
        writer.finish()
    }

    fn check(config: Option<&[u8]>, codec: &str, sample_rate: u32, channels: u32) {
        let found = parse(&entry(&written(config))).unwrap().unwrap();
        assert_eq!(found.codec, codec);
        assert_eq!(found.media, Media::Audio { sample_rate, channels, joc_complexity: None });
    }

    #[test]
    fn what_is_written_is_read_back() {
        check(Some(&[0x12, 0x10]), "mp4a.40.2", 44_100, 2);
        check(Some(&[0x2b, 0x11, 0x88, 0x00]), "mp4a.40.5", 48_000, 2);
        check(Some(&[0xeb, 0x09, 0x88, 0x00]), "mp4a.40.29", 48_000, 2);
        check(None, "mp4a.6b", 44_100, 2);
    }

    #[test]
    fn an_empty_configuration_is_refused() {
        assert!(parse(&entry(&written(Some(&[])))).is_err());
    }

    #[test]
    fn a_configuration_cut_anywhere_before_the_last_descriptor_is_refused() {
        let whole = written(Some(&[0x12, 0x10]));
        for (kept, bytes) in cut_anywhere(&whole, b"esds") {
            assert!(parse(&entry(&bytes)).is_err(), "{kept}");
        }
    }
}
