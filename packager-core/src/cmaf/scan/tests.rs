//! The scanner gives the same items however an upload is cut, and refuses early.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn sized(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes()[..], kind, body].concat()
}

/// A header, then chunks with everything an encoder puts around them, then `mfra`.
fn upload() -> (Vec<u8>, Vec<Item>) {
    let header = [sized(b"ftyp", b"iso6\0\0\0\0"), sized(b"moov", b"track")].concat();
    let first = [
        sized(b"prft", b"time"),
        sized(b"emsg", b"event"),
        sized(b"moof", b"first"),
        sized(b"free", b""),
        sized(b"mdat", &[7; 3000]),
    ]
    .concat();
    let mut second = sized(b"moof", b"second");
    second.extend_from_slice(b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x13abc");
    let styp = sized(b"styp", b"msdh\0\0\0\0msixlmsg");
    let bytes = [
        header.clone(),
        sized(b"styp", b"msdh\0\0\0\0msix"),
        sized(b"sidx", b"index"),
        first.clone(),
        sized(b"uuid", &[3; 40]),
        styp,
        second.clone(),
        sized(b"mfra", &[9; 100]),
    ]
    .concat();
    let items = vec![Item::Header(header.into()), Item::Chunk(first.into()), Item::Chunk(second.into())];
    (bytes, items)
}

fn drain(scanner: &mut Scanner, items: &mut Vec<Item>) -> Result<(), Malformed> {
    while let Some(item) = scanner.next()? {
        items.push(item);
    }
    Ok(())
}

/// Scans `bytes` cut into pieces of these lengths, over and over.
fn scan(bytes: &[u8], lengths: &[usize]) -> Result<(Vec<Item>, Scanner), Malformed> {
    let mut scanner = Scanner::new();
    let mut items = Vec::new();
    let mut rest = bytes;
    for length in lengths.iter().cycle() {
        let (piece, behind) = rest.split_at((*length).min(rest.len()));
        scanner.push(Bytes::copy_from_slice(piece));
        drain(&mut scanner, &mut items)?;
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    Ok((items, scanner))
}

proptest! {
    #[test]
    fn the_items_are_the_same_however_the_upload_is_cut(lengths in vec(1..400usize, 1..20)) {
        let (bytes, expected) = upload();
        let (items, scanner) = scan(&bytes, &lengths).unwrap();
        prop_assert_eq!(items, expected);
        prop_assert!(scanner.finish().is_ok());
        prop_assert!(scanner.last_seen_lmsg());
    }

    #[test]
    fn no_bytes_panic(
        noise in vec(any::<u8>(), 0..64),
        at: prop::sample::Index,
        lengths in vec(1..64usize, 1..5),
    ) {
        let _ = scan(&noise, &lengths).map(|(_, scanner)| scanner.finish());
        let (mut bytes, _) = upload();
        let at = at.index(bytes.len());
        bytes.splice(at..at, noise);
        let _ = scan(&bytes, &lengths).map(|(_, scanner)| scanner.finish());
    }
}

#[test]
fn one_byte_at_a_time_and_all_at_once() {
    let (bytes, expected) = upload();
    assert_eq!(scan(&bytes, &[1]).unwrap().0, expected);
    assert_eq!(scan(&bytes, &[bytes.len()]).unwrap().0, expected);
    // Several buffers pushed before the first look.
    let mut scanner = Scanner::new();
    for piece in bytes.chunks(100) {
        scanner.push(Bytes::copy_from_slice(piece));
    }
    let mut items = Vec::new();
    drain(&mut scanner, &mut items).unwrap();
    assert_eq!(items, expected);
}

#[test]
fn a_chunk_that_came_whole_is_not_copied() {
    let (bytes, _) = upload();
    let bytes = Bytes::from(bytes);
    let mut scanner = Scanner::new();
    scanner.push(bytes.clone());
    while let Some(Item::Header(found) | Item::Chunk(found)) = scanner.next().unwrap() {
        assert!(bytes.as_ptr_range().contains(&found.as_ptr()));
    }
}

#[test]
fn an_upload_cut_off_is_noticed() {
    let (bytes, _) = upload();
    let mut whole = 0;
    for cut in 0..=bytes.len() {
        let (_, scanner) = scan(&bytes[..cut], &[50]).unwrap();
        if scanner.finish().is_ok() {
            whole += 1;
        }
    }
    // The boxes behind which an upload may end: nothing, moov, styp, sidx, prft, emsg, mdat,
    // uuid, styp, mdat, mfra.
    assert_eq!(whole, 11);
}

fn refusal(start: &[u8]) -> String {
    let mut scanner = Scanner::new();
    scanner.push(Bytes::copy_from_slice(start));
    let mut items = Vec::new();
    let error = drain(&mut scanner, &mut items).unwrap_err();
    assert_eq!(scanner.next(), Err(error), "it stays so");
    assert_eq!(scanner.finish(), Err(error));
    error.to_string()
}

#[test]
fn what_is_too_large_is_refused_at_its_first_bytes() {
    let ftyp = sized(b"ftyp", b"iso6\0\0\0\0");
    let moof = sized(b"moof", b"");
    let claim = |before: &[u8], kind: &[u8; 4], bytes: u64| {
        let size = u32::try_from(bytes).unwrap().to_be_bytes();
        refusal(&[before, &size, kind].concat())
    };
    for refused in [
        claim(&[], b"moof", limits::MOOF_BYTES + 1),
        claim(&moof, b"mdat", limits::MDAT_BYTES + 9),
        claim(&ftyp, b"moov", limits::HEADER_BYTES),
        claim(&[], b"emsg", limits::SIDE_BOX_BYTES + 1),
    ] {
        assert!(refused.contains("larger than is accepted"), "{refused}");
    }
    let largest = [&moof[..], b"\0\0\0\x01mdat\x7f\xff\xff\xff\xff\xff\xff\xff"].concat();
    assert!(refusal(&largest).contains("larger than is accepted"));
    // Side boxes without end.
    let event = sized(b"emsg", &[0; 200 << 10]);
    assert!(refusal(&event.repeat(6)).contains("more side boxes"));
}

#[test]
fn what_is_not_fragmented_mp4_is_named() {
    for (start, named) in [
        (&b"<?xml version=\"1.0\"?>"[..], "is text"),
        (b"<!DOCTYPE html>", "is text"),
        (b"#EXTM3U\n#EXT-X-VERSION:6", "is text"),
        (b"FLV\x01\x05\0\0\0\x09", "is FLV"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81", "is Matroska"),
        (b"\x47\x40\x11\x10\0\x42\xf0\x25", "is an MPEG transport stream"),
        (b"\0\0\0\x20\x67\x42\xc0\x1e", "no text"),
        (b"\0\0\0\x10mdat", "not fragmented"),
        (b"\0\0\0\x08ftyp\0\0\0\x10mdat", "not fragmented"),
        (b"\0\0\0\x08ftyp\0\0\0\x10moof", "before the moov"),
        (b"\0\0\0\x08moov", "without an ftyp"),
        (b"\0\0\0\x08moof\0\0\0\x08moof", "no mdat"),
        (b"\0\0\0\x08moof\0\0\0\x08ftyp", "interrupts"),
        (b"\0\0\0\0mdat", "size 0"),
    ] {
        let refused = refusal(start);
        assert!(refused.contains(named), "{refused}");
    }
}

#[test]
fn an_mfra_may_be_as_large_as_a_long_stream_makes_it() {
    let mut scanner = Scanner::new();
    scanner.push(Bytes::from_static(b"\x10\0\0\0mfra"));
    assert_eq!(scanner.next(), Ok(None));
    assert!(scanner.finish().is_err());
    let piece = Bytes::from(vec![0; 1 << 20]);
    for _ in 0..255 {
        scanner.push(piece.clone());
        assert_eq!(scanner.next(), Ok(None));
    }
    assert!(scanner.finish().is_err());
    scanner.push(piece.slice(8..));
    assert_eq!(scanner.next(), Ok(None));
    assert_eq!(scanner.finish(), Ok(()));
    // And what follows is looked at again.
    scanner.push(sized(b"moof", b"").into());
    scanner.push(sized(b"mdat", b"").into());
    assert!(matches!(scanner.next(), Ok(Some(Item::Chunk(_)))));
}
