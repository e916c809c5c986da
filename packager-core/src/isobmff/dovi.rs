//! `dvh1`, `dvhe`, `dvcC`, `dvvC`: Dolby Vision in H.265 that no other decoder plays (Dolby Vision
//! Streams within the ISO Base Media File Format §3).

use super::colr::{Colour, VideoRange};
use super::stsd::{SampleEntry, configuration, visual};
use super::{BoxRef, Fields, Malformed, Writer, boxes, hevc, hevc_sps};

/// Profile 5: PQ in a colour space of its own, of which the bitstream says nothing.
const SINGLE_LAYER: u8 = 5;

/// Reads the sample entry; the codec is the entry's type, the profile and the level in two digits.
///
/// # Errors
///
/// The entry or one of its configurations is cut short or not there.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let visual = visual(entry)?;
    let missing = "has no hvcC, so nothing can decode it";
    let hvcc = configuration(entry, visual.fields.clone(), b"hvcC", missing)?;
    let (profile, level) = profile_and_level(entry, &visual.fields)?;
    let in_stream = hevc::sequence_parameter_set(&hvcc)?.and_then(hevc_sps::colour);
    let colour = match profile {
        SINGLE_LAYER => {
            Some(Colour { transfer: Colour::usual(VideoRange::Pq).transfer, ..Colour::UNSPECIFIED })
        }
        _ => in_stream,
    };
    Ok(SampleEntry::clear(format!("{}.{profile:02}.{level:02}", entry.kind), visual.media(colour)))
}

/// What the DOVIDecoderConfigurationRecord says (§3.2); profiles to 7 have it in `dvcC`.
fn profile_and_level(entry: &BoxRef<'_>, fields: &Fields<'_>) -> Result<(u8, u8), Malformed> {
    let record = match boxes::find(fields.clone().children(), b"dvcC")? {
        Some(record) => record,
        None => configuration(entry, fields.clone(), b"dvvC", "has neither dvcC nor dvvC")?,
    };
    let mut fields = record.fields();
    fields.skip(2)?; // version
    // Seven bits of profile, six of level.
    let [high, low] = fields.array::<2>()?;
    Ok((high >> 1, (high & 1) << 5 | low >> 3))
}

/// Writes a `dvh1` entry of profile 5, level 6.
pub fn write(writer: &mut Writer, size: (u16, u16)) {
    hevc::write(writer, b"dvh1", size, Colour::UNSPECIFIED, |w| {
        w.boxed(b"dvcC", |w| {
            w.put(&[1, 0, SINGLE_LAYER << 1, 6 << 3 | 0b101, 0]);
            w.zeros(19);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::stsd::Media;
    use crate::isobmff::testing::{cut_anywhere, entry};

    #[test]
    fn profile_5_is_pq() {
        let mut writer = Writer::default();
        write(&mut writer, (1920, 1080));
        let bytes = writer.finish();
        let found = parse(&entry(&bytes)).unwrap();
        assert_eq!(found.codec, "dvh1.05.06");
        let Media::Video { colour, .. } = found.media else { panic!("{found:?}") };
        assert_eq!(colour.and_then(Colour::video_range), Some(VideoRange::Pq));
        for (kept, bytes) in cut_anywhere(&bytes, b"dvcC").into_iter().take(4) {
            assert!(parse(&entry(&bytes)).is_err(), "{kept}");
        }
        for (kept, bytes) in cut_anywhere(&bytes, b"hvcC") {
            assert!(parse(&entry(&bytes)).is_err(), "{kept}");
        }
    }
}
