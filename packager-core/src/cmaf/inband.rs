//! Headers without parameter sets, completed from the media itself.
//!
//! The `tee` muxer of ffmpeg does not ask its encoder for a global header: `avcC` is empty then, and
//! the parameter sets stand in front of each keyframe. No player begins with such a header.

use bytes::Bytes;

use super::{Chunk, Header, HeaderError};
use crate::isobmff::{BoxRef, Fields, FourCc, Malformed, Writer, avc, boxes};

/// What stands in front of the boxes in a sample entry of video (ISO/IEC 14496-12 §12.1.3).
const VISUAL_ENTRY_BYTES: usize = 78;

/// What stands in front of the sample entries in `stsd`.
const STSD_BYTES: usize = 8;

/// Enough to read a header by, though not to decode by.
const PLACEHOLDER: [u8; 7] = [1, 0x42, 0, 0x1e, 0xff, 0xe0, 0];

/// Whether a header lacks the parameter sets of its H.264 track.
///
/// # Errors
///
/// A box in it is malformed.
pub fn lacks_parameter_sets(header: &[u8]) -> Result<bool, Malformed> {
    let mut lacks = false;
    rewrite(header, &mut |avcc| {
        lacks |= avcc.body.is_empty();
        None
    })?;
    Ok(lacks)
}

/// The header with the parameter sets of the first keyframe in a chunk; `None` when the chunk has
/// none.
///
/// # Errors
///
/// The header or the chunk cannot be used.
pub fn complete(header: &[u8], chunk: &Bytes) -> Result<Option<Bytes>, HeaderError> {
    let readable = rewrite(header, &mut |_| Some(PLACEHOLDER.to_vec()))?;
    let described = Header::parse(&readable)?;
    let Ok(chunk) = Chunk::parse(chunk, &described) else { return Ok(None) };
    let Some(configuration) = configuration(&chunk) else { return Ok(None) };
    Ok(Some(rewrite(header, &mut |_| Some(configuration.clone()))?.into()))
}

/// `avcC` from what is in front of the first keyframe that has it, with lengths of 4 bytes, as
/// encoders write where they have no configuration to say otherwise in.
fn configuration(chunk: &Chunk) -> Option<Vec<u8>> {
    let mut data = Fields::new(FourCc(*b"mdat"), chunk.payload(), 0);
    let (mut sequence, mut picture) = (None, None);
    while sequence.is_none() || picture.is_none() {
        let length = usize::try_from(data.u32().ok()?).ok()?;
        let unit = data.take(length).ok()?;
        match unit.first()? & 0x1f {
            7 => sequence = sequence.or(Some(unit)),
            8 => picture = picture.or(Some(unit)),
            _ => {}
        }
    }
    avc::configuration_record(sequence?, picture?)
}

/// The header with the body of each `avcC` replaced by what `replacement` says, if it says so.
fn rewrite(
    header: &[u8],
    replacement: &mut impl FnMut(&BoxRef<'_>) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, Malformed> {
    let mut writer = Writer::with_capacity(header.len().saturating_add(256));
    for found in boxes(header) {
        copy(&mut writer, &found?, replacement)?;
    }
    Ok(writer.finish())
}

fn copy(
    writer: &mut Writer,
    found: &BoxRef<'_>,
    replacement: &mut impl FnMut(&BoxRef<'_>) -> Option<Vec<u8>>,
) -> Result<(), Malformed> {
    let in_front = match &found.kind.0 {
        b"avcC" => {
            match replacement(found) {
                Some(body) => writer.boxed(b"avcC", |w| w.put(&body)),
                None => writer.put(found.bytes),
            }
            return Ok(());
        }
        b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" => 0,
        b"stsd" => STSD_BYTES,
        b"avc1" | b"avc3" => VISUAL_ENTRY_BYTES,
        _ => {
            writer.put(found.bytes);
            return Ok(());
        }
    };
    let mut fields = found.fields();
    let fixed = fields.take(in_front)?;
    let mut copied = Ok(());
    writer.boxed(&found.kind.0, |w| {
        w.put(fixed);
        for child in fields.children() {
            copied = child.and_then(|child| copy(w, &child, replacement));
            if copied.is_err() {
                break;
            }
        }
    });
    copied
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
    use crate::cmaf::{Sample, chunk};
    use crate::time::Timescale;

    fn empty() -> Vec<u8> {
        let media = SyntheticMedia::Avc { width: 640, height: 360 };
        let header = SyntheticHeader::new(1, Timescale::new(90_000).unwrap(), media).write();
        assert_eq!(lacks_parameter_sets(&header), Ok(false));
        rewrite(&header, &mut |_| Some(Vec::new())).unwrap()
    }

    fn chunk_of(payload: &[u8]) -> Bytes {
        let bytes = u32::try_from(payload.len()).unwrap();
        let sample = Sample { duration_ticks: 3000, bytes, sync: true, composition_ticks: 0 };
        chunk::write(1, 1, 0, &[sample], Bytes::copy_from_slice(payload)).concat().into()
    }

    #[test]
    fn parameter_sets_are_taken_from_the_first_keyframe() {
        let header = empty();
        assert_eq!(lacks_parameter_sets(&header), Ok(true));
        assert!(Header::parse(&header).is_err());
        let chunk = chunk_of(b"\0\0\0\x05\x67\x64\0\x1f\x01\0\0\0\x02\x68\x02\0\0\0\x01\x65");
        let completed = complete(&header, &chunk).unwrap().unwrap();
        assert_eq!(Header::parse(&completed).unwrap().codec, "avc1.64001f");
        assert_eq!(lacks_parameter_sets(&completed), Ok(false));
        let avcc = completed.windows(4).position(|at| at == b"avcC").unwrap() + 4;
        let expected = b"\x01\x64\0\x1f\xff\xe1\0\x05\x67\x64\0\x1f\x01\x01\0\x02\x68\x02\xfd\xf8\xf8\0";
        assert_eq!(&completed[avcc..avcc + expected.len()], expected);
    }

    #[test]
    fn a_chunk_without_them_completes_nothing() {
        for payload in
            [&b"\0\0\0\x01\x65"[..], b"\0\0\0\xff\x67", b"", b"\0\0\0\0\0\0\0\0", b"\0\0\0\x01\x67"]
        {
            assert_eq!(complete(&empty(), &chunk_of(payload)), Ok(None));
        }
    }
}
