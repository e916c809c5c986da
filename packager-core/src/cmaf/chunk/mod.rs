//! A CMAF chunk: one `moof` and its `mdat` (§7.3.2.3), with what stands in front of them.

mod edit;
mod parse;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;

use crate::isobmff::emsg::{self, EventMessage};
pub use crate::isobmff::prft::ProducerTime;
use crate::isobmff::{FourCc, Malformed, boxes};
use crate::time::WallMs;
pub use write::write;

/// One sample: a frame of video, an access unit of audio, a cue of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Time to the next sample's decode time, in ticks of the track.
    pub duration_ticks: u32,
    /// Length of the sample's data.
    pub bytes: u32,
    /// Whether decoding can begin here.
    pub sync: bool,
    /// Composition time less decode time, in ticks of the track.
    pub composition_ticks: i32,
}

/// A chunk of one track. Cheap to clone: media is shared, not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    start_ticks: u64,
    /// The start was written with 32 bits.
    wraps: bool,
    samples: Vec<Sample>,
    producer: Option<ProducerTime>,
    sequence: u32,
    track_id: u32,
    /// Which of the header's sample entries, when the chunk says.
    sample_description_index: Option<u32>,
    /// `prft` and `emsg` boxes, in the order they came.
    side: Vec<Bytes>,
    form: Form,
    /// The samples' data, which is contiguous.
    payload: Bytes,
    /// Where it was in what came, in bytes from the `moof`.
    payload_at: u64,
}

/// Where a chunk's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// As they came: `moof` to the end of `mdat`.
    Sent(Bytes),
    /// A `moof` and the header of an `mdat`, written here; the payload follows.
    Written(Bytes),
}

/// Why bytes are not a chunk that can be packaged. All of it is the encoder's to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// A box is not what it says.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A box that every chunk has is not there.
    #[error("The chunk has no {0} box; a chunk is one moof and the mdat behind it.")]
    Incomplete(FourCc),
    /// A fragment of another track than the header's.
    #[error(
        "The chunk is of track {found}, but the header that was pushed is of track {expected}; \
         push each track under a name of its own."
    )]
    OtherTrack {
        /// The header's `track_ID`.
        expected: u32,
        /// The chunk's.
        found: u32,
    },
    /// No `tfdt`, and no `TfxdBox` of Smooth Streaming in its place.
    #[error(
        "The fragment has no decode time (tfdt); push CMAF or DASH fragments (with ffmpeg -f dash \
         or -f mp4 -movflags +cmaf)."
    )]
    NoDecodeTime,
    /// `tfhd` has an explicit `base_data_offset`, or implies one.
    #[error(
        "The fragment says where its samples are from the start of a file (base_data_offset), \
         which a stream does not have; with ffmpeg add default_base_moof to -movflags."
    )]
    FileOffset,
    /// More samples than [`crate::limits::SAMPLES_PER_CHUNK`].
    #[error("The chunk holds {samples} samples, more than are accepted; send shorter fragments.")]
    TooManySamples {
        /// How many it says it has.
        samples: u64,
    },
    /// The samples are not where the mdat is.
    #[error(
        "The samples take bytes {start} to {end}, which do not lie in the mdat at bytes \
         {mdat_start} to {mdat_end}."
    )]
    OutsideMdat {
        /// Where the samples begin, in bytes from the start of the chunk.
        start: i64,
        /// Where they end.
        end: i64,
        /// Where the body of the `mdat` begins.
        mdat_start: u64,
        /// Where it ends.
        mdat_end: u64,
    },
    /// Runs of samples that lie over each other.
    #[error("The runs of samples (trun) lie over each other in the mdat.")]
    NotContiguous,
}

impl Chunk {
    /// Decode time of the first sample (`tfdt`), in ticks of the track.
    pub fn start_ticks(&self) -> u64 {
        self.start_ticks
    }

    /// The samples in decode order.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Whether the chunk has no samples, as the last one of some encoders has not. Such a chunk
    /// takes no time and need not be stored.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// `mfhd.sequence_number`, as the encoder counted.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// `tfhd.track_ID`.
    pub fn track_id(&self) -> u32 {
        self.track_id
    }

    /// The wall-clock time that the encoder's `prft` gives, and the media time it belongs to.
    pub fn producer(&self) -> Option<ProducerTime> {
        self.producer
    }

    /// The wall-clock time that the encoder's `prft` gives.
    pub fn producer_wall(&self) -> Option<WallMs> {
        self.producer.map(|producer| producer.wall)
    }

    /// The events that go with it, those that can be read.
    pub fn events(&self) -> impl Iterator<Item = EventMessage<'_>> {
        let found = self.side.iter().filter_map(|side| boxes(side).next()?.ok());
        found.filter(|found| found.kind.0 == *b"emsg").filter_map(|found| emsg::parse(&found).ok())
    }

    /// The samples' durations together, in ticks of the track.
    pub fn duration_ticks(&self) -> u64 {
        ticks_of(&self.samples)
    }

    /// Decode time at which the next chunk is due, in ticks of the track; saturates.
    pub fn end_ticks(&self) -> u64 {
        self.start_ticks.saturating_add(self.duration_ticks())
    }

    /// Whether decoding can begin with this chunk.
    pub fn starts_with_sync(&self) -> bool {
        self.samples.first().is_some_and(|sample| sample.sync)
    }

    /// Whether decoding can begin somewhere in this chunk.
    pub fn holds_sync(&self) -> bool {
        self.samples.iter().any(|sample| sample.sync)
    }

    /// Whether nothing of it was changed since it came in, not even to be read.
    pub fn is_as_sent(&self) -> bool {
        matches!(self.form, Form::Sent(_))
    }

    /// The samples' data, one after the other.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The chunk's bytes to send or store: what came in when nothing was changed, without `styp`,
    /// `sidx` and padding. Nothing is copied.
    pub fn body(&self) -> Vec<Bytes> {
        let mut pieces = Vec::with_capacity(self.side.len().saturating_add(2));
        self.push_body(&mut pieces);
        pieces
    }

    /// Appends [`Chunk::body`] to `pieces`: a part of several chunks is their bodies in a row.
    pub fn push_body(&self, pieces: &mut Vec<Bytes>) {
        pieces.extend(self.side.iter().cloned());
        match &self.form {
            Form::Sent(bytes) => pieces.push(bytes.clone()),
            Form::Written(head) => pieces.extend([head.clone(), self.payload.clone()]),
        }
    }

    /// Length of what comes before the samples' data in [`Chunk::body`].
    pub fn head_length(&self) -> u64 {
        let head = match &self.form {
            Form::Sent(_) => self.payload_at,
            Form::Written(head) => head.len() as u64,
        };
        self.side.iter().fold(head, |sum, side| sum.saturating_add(side.len() as u64))
    }

    /// Length of [`Chunk::body`].
    pub fn body_bytes(&self) -> u64 {
        let media = match &self.form {
            Form::Sent(bytes) => bytes.len() as u64,
            Form::Written(head) => (head.len() as u64).saturating_add(self.payload.len() as u64),
        };
        self.side.iter().fold(media, |sum, side| sum.saturating_add(side.len() as u64))
    }
}

/// Durations together; at most 2^32 each, so that no number of samples in memory overflows.
fn ticks_of(samples: &[Sample]) -> u64 {
    samples.iter().map(|sample| u64::from(sample.duration_ticks)).fold(0, u64::saturating_add)
}

/// Data sizes together.
fn bytes_of(samples: &[Sample]) -> u64 {
    samples.iter().map(|sample| u64::from(sample.bytes)).fold(0, u64::saturating_add)
}

/// Bytes `start..end` of `bytes`, shared; `None` when they are not all there.
fn share(bytes: &Bytes, start: u64, end: u64) -> Option<Bytes> {
    let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
    bytes.get(range).map(|part| bytes.slice_ref(part))
}
