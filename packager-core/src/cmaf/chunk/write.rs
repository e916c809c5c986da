//! Writing a `moof`.

use bytes::Bytes;

use super::{Chunk, Form, Sample, bytes_of};
use crate::isobmff::trun::WrittenEntry;
use crate::isobmff::{BoxRef, Writer, boxes, mfhd, tfdt, tfhd, trun};

/// The bytes of a chunk with these samples, whose data is `payload`, one after the other.
pub fn write(
    sequence: u32,
    track_id: u32,
    start_ticks: u64,
    samples: &[Sample],
    payload: Bytes,
) -> Vec<Bytes> {
    let head = write_head(&Head {
        sequence,
        track_id,
        sample_description_index: None,
        start_ticks,
        samples,
        kept: &[],
    });
    vec![head, payload]
}

/// What goes in front of the samples' data.
pub(super) struct Head<'a> {
    pub(super) sequence: u32,
    pub(super) track_id: u32,
    pub(super) sample_description_index: Option<u32>,
    pub(super) start_ticks: u64,
    pub(super) samples: &'a [Sample],
    /// Other boxes of the `traf`, as they are.
    pub(super) kept: &'a [BoxRef<'a>],
}

/// A `moof` and the header of the `mdat` that follows it.
pub(super) fn write_head(head: &Head<'_>) -> Bytes {
    let kept_bytes = head.kept.iter().map(|kept| kept.bytes.len());
    let capacity =
        kept_bytes.fold(head.samples.len().saturating_mul(16).saturating_add(128), usize::saturating_add);
    let mut writer = Writer::with_capacity(capacity);
    let mut data_offset_at = 0;
    writer.boxed(b"moof", |w| {
        mfhd::write(w, head.sequence);
        w.boxed(b"traf", |w| {
            tfhd::write(w, head.track_id, head.sample_description_index);
            tfdt::write(w, head.start_ticks);
            let entries = head.samples.iter().map(|sample| WrittenEntry {
                duration_ticks: sample.duration_ticks,
                bytes: sample.bytes,
                sync: sample.sync,
                composition_ticks: sample.composition_ticks,
            });
            data_offset_at = trun::write(w, entries);
            head.kept.iter().for_each(|kept| w.put(kept.bytes));
        });
    });
    let payload_bytes = bytes_of(head.samples);
    match u32::try_from(payload_bytes.saturating_add(8)) {
        Ok(size) => {
            writer.u32(size);
            writer.put(b"mdat");
        }
        Err(_) => {
            writer.u32(1);
            writer.put(b"mdat");
            writer.u64(payload_bytes.saturating_add(16));
        }
    }
    let data_offset = u32::try_from(writer.position()).unwrap_or(u32::MAX);
    writer.overwrite_u32(data_offset_at, data_offset);
    writer.finish().into()
}

impl Chunk {
    /// Gives the chunk a new `moof` for its start and samples. What else its `traf` holds stays,
    /// for it goes with the samples, which are the same; but `saiz` and `saio` point to places
    /// that move.
    pub(super) fn rewrite(&mut self) {
        let sent = match &self.form {
            Form::Sent(bytes) | Form::Written(bytes) => bytes.clone(),
        };
        let kept = kept_boxes(&sent);
        let head = write_head(&Head {
            sequence: self.sequence,
            track_id: self.track_id,
            sample_description_index: self.sample_description_index,
            start_ticks: self.start_ticks,
            samples: &self.samples,
            kept: &kept,
        });
        self.form = Form::Written(head);
    }
}

/// The boxes of the `traf` that a new `moof` does not write itself.
fn kept_boxes(moof_and_more: &[u8]) -> Vec<BoxRef<'_>> {
    boxes(moof_and_more)
        .next()
        .into_iter()
        .flatten()
        .filter_map(|moof| moof.child(b"traf").ok().flatten())
        .flat_map(|traf| traf.children().flatten())
        .filter(|child| !matches!(&child.kind.0, b"tfhd" | b"tfdt" | b"trun" | b"saiz" | b"saio"))
        .collect()
}
