//! The `uuid` boxes of Smooth Streaming fragments (MS-SSTR §2.2.4.4, §2.2.4.5), which ffmpeg's
//! `-f ismv` writes in place of `tfdt`.

use super::{BoxRef, Malformed};

/// `TfxdBox`: a fragment's absolute time.
const TFXD: [u8; 16] =
    [0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6, 0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2];

/// `TfrfBox`: the times of the fragments that follow.
const TFRF: [u8; 16] =
    [0xd4, 0x80, 0x7e, 0xf2, 0xca, 0x39, 0x46, 0x95, 0x8e, 0x54, 0x26, 0xcb, 0x9e, 0x46, 0xa7, 0x9f];

/// Whether this is one of the two: what they say is in `tfdt`, or of no use, once a fragment is cut.
pub fn is_smooth(found: &BoxRef<'_>) -> bool {
    found.kind.0 == *b"uuid" && (found.body.starts_with(&TFXD) || found.body.starts_with(&TFRF))
}

/// The decode time of the fragment's first sample, in ticks of the track; `None` when this is
/// another box.
///
/// # Errors
///
/// It is cut short.
pub fn fragment_absolute_ticks(found: &BoxRef<'_>) -> Result<Option<u64>, Malformed> {
    if found.kind.0 != *b"uuid" || !found.body.starts_with(&TFXD) {
        return Ok(None);
    }
    let mut fields = found.fields();
    fields.skip(TFXD.len())?;
    let (version, _) = fields.version_and_flags()?;
    match version {
        0 => fields.u32().map(u64::from).map(Some),
        _ => fields.u64().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::{Writer, boxes};

    #[test]
    fn the_time_of_a_smooth_fragment_is_read() {
        for (version, time) in [(0, 7), (1, 70_000_000_000)] {
            let mut writer = Writer::default();
            writer.boxed(b"uuid", |w| {
                w.put(&TFXD);
                w.u32(version << 24);
                if version == 0 { w.u32(7) } else { w.u64(time) }
            });
            let bytes = writer.finish();
            let found = boxes(&bytes).next().unwrap().unwrap();
            assert!(is_smooth(&found));
            assert_eq!(fragment_absolute_ticks(&found), Ok(Some(time)));
            let cut = BoxRef { body: &found.body[..18], ..found };
            assert!(fragment_absolute_ticks(&cut).is_err());
        }
        let free = BoxRef { kind: crate::isobmff::FourCc(*b"free"), offset: 0, bytes: &TFXD, body: &TFXD };
        assert_eq!(fragment_absolute_ticks(&free), Ok(None));
    }
}
