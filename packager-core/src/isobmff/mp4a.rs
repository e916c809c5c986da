//! `mp4a` and `esds`: AAC and the other audio of MPEG-4 (ISO/IEC 14496-14 §6.7, 14496-1 §7.2.6).

use super::stsd::{Media, SampleEntry, audio, configuration};
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
    Ok(Some(SampleEntry { codec, media: Media::Audio { sample_rate, channels } }))
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

/// Writes an `mp4a` entry for AAC with this AudioSpecificConfig, which has at most 100 bytes.
pub fn write(writer: &mut Writer, sample_rate: u32, channels: u16, config: &[u8]) {
    let config = config.get(..100).unwrap_or(config);
    let bytes = u8::try_from(config.len()).unwrap_or(0);
    writer.boxed(b"mp4a", |w| {
        w.zeros(6);
        w.u16(1);
        w.zeros(8);
        w.u16(channels);
        w.u16(16);
        w.zeros(4);
        w.u32(if sample_rate < 1 << 16 { sample_rate << 16 } else { 0 });
        w.full_boxed(b"esds", 0, 0, |w| {
            w.put(&[ES_DESCRIPTOR, bytes.saturating_add(23), 0, 0, 0]);
            w.put(&[DECODER_CONFIG, bytes.saturating_add(15), MPEG_4_AUDIO, 0x15]);
            w.zeros(3 + 4 + 4);
            w.put(&[DECODER_SPECIFIC_INFO, bytes]);
            w.put(config);
            w.put(&[6, 1, 2]); // SLConfigDescriptor: as MP4 has it
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::boxes;

    fn entry(config: &[u8]) -> Result<Option<SampleEntry>, Malformed> {
        let mut writer = Writer::default();
        write(&mut writer, 44_100, 2, config);
        let bytes = writer.finish();
        let found = boxes(&bytes).next().unwrap().unwrap();
        parse(&found)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let found = entry(&[0x12, 0x10]).unwrap().unwrap();
        assert_eq!(found.codec, "mp4a.40.2");
        assert_eq!(found.media, Media::Audio { sample_rate: 44_100, channels: 2 });
    }

    #[test]
    fn an_empty_configuration_is_refused() {
        assert!(entry(&[]).is_err());
    }
}
