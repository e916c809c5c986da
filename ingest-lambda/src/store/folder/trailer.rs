//! Metadata at the end of a file, so that body and metadata appear in one step:
//!
//! ```text
//! body | size u32 | "free" | metadata | length of metadata u32 | "rimcast1"
//! ```
//!
//! which, read as MP4, is a `free` box (ISO/IEC 14496-12 §8.1.2): `cat init.mp4 *.m4s` still plays.
//! Numbers are big-endian.

use std::io;

/// Ends the trailer.
pub(super) const MAGIC: &[u8; 8] = b"rimcast1";

/// `free` box header before the metadata.
pub(super) const BOX_HEADER_BYTES: u64 = 8;

/// Length and magic after the metadata.
pub(super) const TRAILER_END_BYTES: u64 = 12;

/// Most metadata read: it is a few hundred bytes, and S3 allows 2 kB.
pub(super) const META_BYTES: u64 = 64 << 10;

/// The trailer that carries this metadata.
pub(super) fn trailer(meta: &str) -> io::Result<Vec<u8>> {
    let meta_bytes = u64::try_from(meta.len()).unwrap_or(u64::MAX);
    if meta_bytes > META_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "its metadata is longer than 64 kB"));
    }
    let be32 = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes();
    let mut trailer = Vec::with_capacity(meta.len() + 20);
    trailer.extend_from_slice(&be32(BOX_HEADER_BYTES + meta_bytes + TRAILER_END_BYTES));
    trailer.extend_from_slice(b"free");
    trailer.extend_from_slice(meta.as_bytes());
    trailer.extend_from_slice(&be32(meta_bytes));
    trailer.extend_from_slice(MAGIC);
    Ok(trailer)
}

/// Length of the metadata, when the bytes end like a trailer.
pub(super) fn meta_length(bytes: &[u8]) -> io::Result<Option<u64>> {
    let Some(rest) = bytes.strip_suffix(MAGIC) else {
        return Ok(None);
    };
    let Some(length) = rest.last_chunk::<4>() else {
        return Ok(None);
    };
    let length = u64::from(u32::from_be_bytes(*length));
    if length > META_BYTES {
        Err(damaged("its metadata is longer than Rimcast writes"))
    } else {
        Ok(Some(length))
    }
}

/// Where the body ends, and the metadata.
pub(super) fn split(bytes: &[u8]) -> io::Result<(usize, String)> {
    let Some(length) = meta_length(bytes)? else {
        return Ok((bytes.len(), String::new()));
    };
    let meta_end = bytes.len() - MAGIC.len() - 4;
    let cut_short = || damaged("its metadata is cut short");
    let meta_start =
        usize::try_from(length).ok().and_then(|length| meta_end.checked_sub(length)).ok_or_else(cut_short)?;
    let body_end = meta_start.checked_sub(8).ok_or_else(cut_short)?;
    let meta =
        std::str::from_utf8(&bytes[meta_start..meta_end]).map_err(|_| damaged("its metadata is not text"))?;
    Ok((body_end, meta.to_owned()))
}

/// An error that says what is wrong with a file.
pub(super) fn damaged(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
