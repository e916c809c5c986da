//! Several tracks in one file, taken apart: what `-f hls` and `-f ismv` of ffmpeg push.
//!
//! CMAF has one track in a file (ISO/IEC 23000-19 §7.3.1), and so does everything behind ingest. A
//! muxed header becomes one header for each track; of a muxed fragment, [`Chunk::parse`] takes the
//! part that is the header's.
//!
//! [`Chunk::parse`]: super::Chunk::parse

use bytes::Bytes;

use super::header::HeaderError;
use crate::isobmff::{BoxRef, FourCc, Malformed, Writer, boxes, ftyp, hdlr, stsd, tfhd, tkhd};
use crate::limits;

/// Brands of ISO/IEC 14496-12 that HLS and CMAF players know (HLS §3.1.2: "iso6" or later).
const KNOWN_BRANDS: [&[u8; 4]; 9] =
    [b"iso6", b"iso7", b"iso8", b"iso9", b"isoa", b"isob", b"isoc", b"cmfc", b"cmf2"];

/// The header of each track of media that can be packaged, in the order of the file. A header that
/// is a CMAF header already is given as it came.
///
/// # Errors
///
/// The bytes are no header, or hold more tracks than are looked at.
pub fn split_header(bytes: &Bytes) -> Result<Vec<Bytes>, HeaderError> {
    let mut moov = None;
    let mut knows_brand = false;
    for found in boxes(bytes) {
        let found = found?;
        match &found.kind.0 {
            b"ftyp" => {
                knows_brand = ftyp::brands(&found)?.any(|brand| KNOWN_BRANDS.contains(&&brand.0));
            }
            b"moov" => moov = Some(found),
            _ => {}
        }
    }
    let moov = moov.ok_or(HeaderError::Incomplete(FourCc(*b"moov")))?;
    let mut tracks = Vec::new();
    let mut count = 0_usize;
    for child in moov.children() {
        let child = child?;
        if child.kind.0 == *b"trak" {
            count = count.saturating_add(1);
            if count > limits::TRACKS_PER_HEADER {
                return Err(child.malformed("is one of more tracks than a header may have").into());
            }
            if is_media(&child)? {
                tracks.push(child);
            }
        }
    }
    if count <= 1 && knows_brand {
        return Ok(vec![bytes.clone()]);
    }
    if tracks.is_empty() {
        return Err(HeaderError::NoTrack);
    }
    tracks.iter().map(|trak| header_of(&moov, trak)).collect()
}

/// Pictures, sound or text; not timecodes, chapters or an encoder's private data.
fn is_media(trak: &BoxRef<'_>) -> Result<bool, Malformed> {
    let Some(mdia) = trak.child(b"mdia")? else { return Ok(false) };
    let Some(hdlr) = mdia.child(b"hdlr")? else { return Ok(false) };
    Ok(matches!(&hdlr::handler_type(&hdlr)?.0, b"vide" | b"soun" | b"text" | b"subt" | b"sbtl"))
}

fn header_of(moov: &BoxRef<'_>, trak: &BoxRef<'_>) -> Result<Bytes, HeaderError> {
    let track_id = tkhd::parse(&trak.require(b"tkhd", "has no tkhd")?)?.track_id;
    let mut writer = Writer::with_capacity(moov.bytes.len().saturating_add(32));
    ftyp::write(&mut writer, b"iso6", &[b"iso6", b"cmfc", b"mp41"]);
    let mut failed = None;
    writer.boxed(b"moov", |w| {
        for child in moov.children().flatten() {
            match &child.kind.0 {
                b"trak" if child.offset != trak.offset => {}
                // What is said of the file as a whole is not true of one track.
                b"udta" | b"uuid" | b"iods" | b"meta" => {}
                b"mvex" => w.boxed(b"mvex", |w| {
                    for defaults in child.children().flatten() {
                        match track_of(&defaults) {
                            Ok(of) if of.is_none_or(|of| of == track_id) => w.put(defaults.bytes),
                            Ok(_) => {}
                            Err(why) => failed = Some(why),
                        }
                    }
                }),
                _ => w.put(child.bytes),
            }
        }
    });
    match failed {
        Some(why) => Err(why.into()),
        None => Ok(writer.finish().into()),
    }
}

/// The track that a child of `mvex` is about; `None` when it is about all.
fn track_of(found: &BoxRef<'_>) -> Result<Option<u32>, Malformed> {
    if found.kind.0 != *b"trex" {
        return Ok(None);
    }
    let mut fields = found.fields();
    fields.version_and_flags()?;
    fields.u32().map(Some)
}

/// The tracks a chunk holds fragments of (`tfhd.track_ID`), in the order of the file.
///
/// # Errors
///
/// The chunk has no `moof`, or a box in it is malformed.
pub fn track_ids(chunk: &[u8]) -> Result<Vec<u32>, Malformed> {
    let mut ids = Vec::new();
    for found in boxes(chunk) {
        let found = found?;
        if found.kind.0 != *b"moof" {
            continue;
        }
        for child in found.children() {
            let child = child?;
            if child.kind.0 == *b"traf" && ids.len() < limits::TRACKS_PER_HEADER {
                ids.push(tfhd::parse(&child.require(b"tfhd", "has no tfhd")?)?.track_id);
            }
        }
        break;
    }
    Ok(ids)
}

/// Whether two headers describe their samples alike, to the byte (`stsd`): an encoder that runs
/// beside another one, or starts again, may write other dates around them.
pub fn same_sample_entries(one: &[u8], other: &[u8]) -> bool {
    let of = |bytes| sample_entries(bytes).ok().flatten();
    of(one).zip(of(other)).is_some_and(|(one, other)| one == other)
}

fn sample_entries(header: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut at = None;
    for found in boxes(header) {
        let found = found?;
        if found.kind.0 == *b"moov" {
            at = Some(found);
        }
    }
    for kind in [b"trak", b"mdia", b"minf", b"stbl", b"stsd"] {
        at = match at {
            Some(parent) => parent.child(kind)?,
            None => None,
        };
    }
    Ok(at.filter(|stsd| stsd::first_entry(stsd).is_ok()).map(|stsd| stsd.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
    use crate::cmaf::{Chunk, Header, TrackKind};
    use crate::time::Timescale;

    fn single(track_id: u32, media: SyntheticMedia) -> Bytes {
        SyntheticHeader::new(track_id, Timescale::new(48_000).unwrap(), media).write()
    }

    fn child<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> BoxRef<'a> {
        let mut at = boxes(bytes).flatten().find(|found| found.kind.0 == *path[0]).unwrap();
        for kind in &path[1..] {
            at = at.child(kind).unwrap().unwrap();
        }
        at
    }

    /// Both tracks in one header, as a muxer writes them.
    fn muxed(brand: &[u8; 4]) -> Bytes {
        let video = single(1, SyntheticMedia::Avc { width: 640, height: 360 });
        let audio = single(2, SyntheticMedia::Aac { sample_rate: 48_000, channels: 2 });
        let mut writer = Writer::default();
        ftyp::write(&mut writer, brand, &[brand]);
        writer.boxed(b"moov", |w| {
            w.put(child(&video, &[b"moov", b"mvhd"]).bytes);
            for header in [&video, &audio] {
                w.put(child(header, &[b"moov", b"trak"]).bytes);
            }
            w.boxed(b"mvex", |w| {
                for header in [&video, &audio] {
                    w.put(child(header, &[b"moov", b"mvex", b"trex"]).bytes);
                }
            });
            w.boxed(b"udta", |w| w.zeros(4));
        });
        writer.finish().into()
    }

    #[test]
    fn a_muxed_header_becomes_one_for_each_track() {
        for brand in [b"iso6", b"isml"] {
            let headers = split_header(&muxed(brand)).unwrap();
            let parsed: Vec<_> = headers.iter().map(|bytes| Header::parse(bytes).unwrap()).collect();
            let kinds: Vec<_> = parsed.iter().map(|header| (header.kind, header.track_id)).collect();
            assert_eq!(kinds, [(TrackKind::Video, 1), (TrackKind::Audio, 2)]);
            for bytes in &headers {
                assert_eq!(split_header(bytes).unwrap(), std::slice::from_ref(bytes));
            }
        }
    }

    #[test]
    fn a_cmaf_header_stays_as_it_is() {
        let header = single(1, SyntheticMedia::Avc { width: 640, height: 360 });
        assert_eq!(split_header(&header).unwrap(), [header]);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let muxed = muxed(b"iso6");
        for cut in 0..muxed.len() {
            let split = split_header(&muxed.slice(..cut));
            assert!(split.is_err(), "{cut}: {split:?}");
        }
    }

    #[test]
    fn sample_entries_are_compared_and_nothing_else() {
        let avc = |width| single(1, SyntheticMedia::Avc { width, height: 360 });
        let mut dated = avc(640).to_vec();
        let mvhd = dated.windows(4).position(|at| at == b"mvhd").unwrap();
        dated[mvhd + 10] ^= 1;
        assert!(same_sample_entries(&avc(640), &dated));
        assert!(!same_sample_entries(&avc(640), &avc(320)));
        assert!(!same_sample_entries(&avc(640), b""));
    }

    /// One fragment of both tracks: ten bytes of pictures, then two of sound.
    fn fragment() -> Bytes {
        let mut writer = Writer::default();
        let mut offsets = Vec::new();
        writer.boxed(b"moof", |w| {
            crate::isobmff::mfhd::write(w, 1);
            for (track_id, start, sizes) in [(1, 0, &[4, 6][..]), (2, 48_000, &[1, 1])] {
                w.boxed(b"traf", |w| {
                    tfhd::write(w, track_id, None);
                    crate::isobmff::tfdt::write(w, start);
                    let entries = sizes.iter().map(|bytes| crate::isobmff::trun::WrittenEntry {
                        duration_ticks: 24_000,
                        bytes: *bytes,
                        sync: true,
                        composition_ticks: 0,
                    });
                    offsets.push(crate::isobmff::trun::write(w, entries));
                });
            }
        });
        let data = u32::try_from(writer.position() + 8).unwrap();
        writer.overwrite_u32(offsets[0], data);
        writer.overwrite_u32(offsets[1], data + 10);
        writer.boxed(b"mdat", |w| w.put(b"0123456789ab"));
        writer.finish().into()
    }

    #[test]
    fn a_muxed_fragment_becomes_one_chunk_for_each_track() {
        let bytes = fragment();
        assert_eq!(track_ids(&bytes), Ok(vec![1, 2]));
        for (header, start, payload) in split_header(&muxed(b"iso6"))
            .unwrap()
            .iter()
            .zip([(0, "0123456789"), (48_000, "ab")])
            .map(|(header, (start, payload))| (Header::parse(header).unwrap(), start, payload))
        {
            let chunk = Chunk::parse(&bytes, &header).unwrap();
            assert_eq!((chunk.start_ticks(), chunk.samples().len()), (start, 2));
            assert_eq!(chunk.payload(), payload);
            // What is stored has one track, and is read back alike.
            let alone: Bytes = chunk.body().concat().into();
            assert_eq!(track_ids(&alone), Ok(vec![header.track_id]));
            let again = Chunk::parse(&alone, &header).unwrap();
            assert_eq!(again.samples(), chunk.samples());
            assert_eq!((again.start_ticks(), again.payload()), (start, chunk.payload()));
        }
    }

    #[test]
    fn a_fragment_of_another_track_says_so() {
        let header = Header::parse(&single(3, SyntheticMedia::Avc { width: 640, height: 360 })).unwrap();
        let error = Chunk::parse(&fragment(), &header).unwrap_err();
        assert!(error.to_string().contains("track 3"), "{error}");
    }
}
