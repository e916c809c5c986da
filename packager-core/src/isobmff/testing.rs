//! What the tests of sample entries have in common.

use super::{BoxRef, boxes};

/// The box that the bytes are.
pub(super) fn entry(bytes: &[u8]) -> BoxRef<'_> {
    boxes(bytes).next().unwrap().unwrap()
}

/// The sample entry with one of its boxes cut off after each number of bytes of its body, and
/// nothing behind it, so that all sizes are right.
pub(super) fn cut_anywhere(bytes: &[u8], kind: &[u8; 4]) -> Vec<(usize, Vec<u8>)> {
    let body = bytes.windows(4).position(|found| found == kind).unwrap() + 4;
    let size = u32::from_be_bytes(bytes[body - 8..body - 4].try_into().unwrap()) as usize;
    let cut = |kept: usize| {
        let mut cut = bytes[..body + kept].to_vec();
        let entry_bytes = u32::try_from(cut.len()).unwrap();
        cut[..4].copy_from_slice(&entry_bytes.to_be_bytes());
        cut[body - 8..body - 4].copy_from_slice(&u32::try_from(kept + 8).unwrap().to_be_bytes());
        (kept, cut)
    };
    (0..size - 8).map(cut).collect()
}
