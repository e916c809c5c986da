//! Writing a `moof`.

use bytes::Bytes;

use super::{Chunk, Form, Sample, bytes_of};
use crate::isobmff::senc::SampleEncryption;
use crate::isobmff::trun::WrittenEntry;
use crate::isobmff::{BoxRef, Writer, boxes, mfhd, tfdt, tfhd, tfxd, trun};

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
        encryption: None,
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
    /// What decrypts the samples.
    pub(super) encryption: Option<SampleEncryption<'a>>,
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
            if let Some(encryption) = &head.encryption {
                encryption.write(w);
            }
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
    /// for it goes with the samples, which are the same.
    pub(super) fn rewrite(&mut self) {
        let sent = self.head_bytes().clone();
        let head = write_head(&Head {
            sequence: self.sequence,
            track_id: self.track_id,
            sample_description_index: self.sample_description_index,
            start_ticks: self.start_ticks,
            samples: &self.samples,
            kept: &kept_boxes(&sent, self.track_id),
            encryption: encryption(&sent, self.track_id, self.samples.len()),
        });
        self.form = Form::Written(head);
    }

    /// Bytes that begin with the chunk's `moof`.
    pub(super) fn head_bytes(&self) -> &Bytes {
        match &self.form {
            Form::Sent(bytes) | Form::Written(bytes) => bytes,
        }
    }
}

/// The track's `traf` of bytes that begin with a `moof`.
fn traf(moof_and_more: &[u8], track_id: u32) -> Option<BoxRef<'_>> {
    let is_ours = |traf: &BoxRef<'_>| {
        let tfhd = traf.child(b"tfhd").ok().flatten();
        tfhd.and_then(|found| tfhd::parse(&found).ok()).is_some_and(|tfhd| tfhd.track_id == track_id)
    };
    let moof = boxes(moof_and_more).next()?.ok()?;
    moof.children().flatten().find(|child| child.kind.0 == *b"traf" && is_ours(child))
}

/// What decrypts the samples of bytes that begin with a `moof`.
pub(super) fn encryption(
    moof_and_more: &[u8],
    track_id: u32,
    samples: usize,
) -> Option<SampleEncryption<'_>> {
    SampleEncryption::find(&traf(moof_and_more, track_id)?, samples).ok()?
}

/// The boxes of the track's `traf` that a new `moof` does not write itself.
fn kept_boxes(moof_and_more: &[u8], track_id: u32) -> Vec<BoxRef<'_>> {
    traf(moof_and_more, track_id)
        .into_iter()
        .flat_map(|traf| traf.children().flatten())
        .filter(|child| !matches!(&child.kind.0, b"tfhd" | b"tfdt" | b"trun" | b"senc" | b"saiz" | b"saio"))
        .filter(|child| !tfxd::is_smooth(child))
        .collect()
}
