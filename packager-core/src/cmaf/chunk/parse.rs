//! Reading a chunk.

use std::ops::Range;

use bytes::Bytes;

use super::{Chunk, ChunkError, Form, ProducerTime, Sample, share};
use crate::cmaf::header::{Header, TrackKind};
use crate::isobmff::senc::SampleEncryption;
use crate::isobmff::tfdt::DecodeTime;
use crate::isobmff::tfhd::TrackFragmentHeader;
use crate::isobmff::{BoxRef, FourCc, boxes, mfhd, prft, tfdt, tfhd, tfxd, trun};
use crate::limits;

impl Chunk {
    /// Reads the bytes of one chunk: any of `styp`, `sidx`, `prft`, `emsg` and other boxes, then
    /// `moof`, then `mdat`, and nothing behind it. Of the boxes in front only `prft` and `emsg`
    /// are kept; the others speak of segments, which are made anew here. Of a fragment of several
    /// tracks the chunk is the header's.
    ///
    /// # Errors
    ///
    /// The bytes are not one complete chunk of the header's track.
    pub fn parse(bytes: &Bytes, header: &Header) -> Result<Chunk, ChunkError> {
        let found = find_boxes(bytes)?;
        let fragment = Fragment::find(&found.moof, header)?;
        let DecodeTime { ticks, wraps } = fragment.decode_time()?;
        let (mut samples, ranges) = parse_runs(&fragment, header)?;
        // Priming may come before the time 0, which these fields cannot say; encoders write it as if
        // they could. Its samples are kept, and last next to no time.
        let early_ticks = Some(ticks.wrapping_neg()).filter(|early| *early <= super::ticks_of(&samples));
        let early_ticks = early_ticks.unwrap_or(0);
        super::edit::shorten(&mut samples, early_ticks);
        let start_ticks = if early_ticks > 0 { 0 } else { ticks };
        let mdat = found.mdat.body_offset()..found.mdat.end_offset();
        let payload = payload(bytes, &ranges, mdat)?;
        let payload_at = ranges.first().and_then(|range| u64::try_from(range.start).ok());
        if header.protection.is_some() {
            // What cannot be cut with its samples is refused here, where the encoder learns of it.
            SampleEncryption::find(&fragment.traf, samples.len())?;
        }
        let is_as_sent =
            early_ticks == 0 && fragment.is_alone && fragment.has_decode_time && ranges.len() <= 1;
        let side = found.side.into_iter().filter(|side| fragment.is_alone || fragment.owns(side));
        let (producers, side): (Vec<_>, Vec<_>) = side.map(|side| (side.producer, side.bytes)).unzip();
        let mut chunk = Chunk {
            start_ticks,
            wraps,
            samples,
            producer: producers.into_iter().flatten().next(),
            sequence: fragment.sequence,
            track_id: header.track_id,
            sample_description_index: fragment.tfhd.sample_description_index,
            side,
            form: Form::Sent(
                share(bytes, found.moof.offset, found.mdat.end_offset())
                    .ok_or(ChunkError::Incomplete(FourCc(*b"mdat")))?,
            ),
            payload,
            payload_at: payload_at.unwrap_or(0).saturating_sub(found.moof.offset),
        };
        if !is_as_sent {
            chunk.rewrite();
        }
        Ok(chunk)
    }
}

struct Found<'a> {
    side: Vec<Side>,
    moof: BoxRef<'a>,
    mdat: BoxRef<'a>,
}

/// A `prft` or `emsg` box.
struct Side {
    bytes: Bytes,
    producer: Option<ProducerTime>,
}

fn find_boxes(bytes: &Bytes) -> Result<Found<'_>, ChunkError> {
    let mut side = Vec::new();
    let mut moof: Option<BoxRef<'_>> = None;
    let mut mdat: Option<BoxRef<'_>> = None;
    for found in boxes(bytes) {
        let found = found?;
        match (&found.kind.0, &moof, &mdat) {
            (_, _, Some(_)) => {
                return Err(found.malformed("follows the mdat that ends the chunk").into());
            }
            (b"moof", None, _) => moof = Some(found),
            (b"moof", Some(_), _) => {
                return Err(found.malformed("is the second before an mdat").into());
            }
            (b"mdat", None, _) => return Err(ChunkError::Incomplete(FourCc(*b"moof"))),
            (b"mdat", Some(_), _) => mdat = Some(found),
            (b"prft" | b"emsg", None, _) => {
                if side.len() >= limits::SIDE_BOXES_PER_CHUNK {
                    let what = "is one of more side boxes than a chunk may have";
                    return Err(found.malformed(what).into());
                }
                let producer = if found.kind.0 == *b"prft" { Some(prft::parse(&found)?) } else { None };
                side.push(Side { bytes: bytes.slice_ref(found.bytes), producer });
            }
            // Between moof and mdat whatever it is stays: offsets count across it.
            _ => {}
        }
    }
    Ok(Found {
        side,
        moof: moof.ok_or(ChunkError::Incomplete(FourCc(*b"moof")))?,
        mdat: mdat.ok_or(ChunkError::Incomplete(FourCc(*b"mdat")))?,
    })
}

/// The header's track in a `moof`.
struct Fragment<'a> {
    sequence: u32,
    traf: BoxRef<'a>,
    tfhd: TrackFragmentHeader,
    has_decode_time: bool,
    /// There is no other track in the `moof`.
    is_alone: bool,
    is_first: bool,
    /// Where offsets count from, in bytes from the start of the chunk.
    base: i64,
}

impl<'a> Fragment<'a> {
    fn find(moof: &BoxRef<'a>, header: &Header) -> Result<Self, ChunkError> {
        let mut sequence = 0;
        let mut ours: Option<(usize, BoxRef<'a>, TrackFragmentHeader)> = None;
        let mut other = None;
        let mut trafs = 0_usize;
        for child in moof.children() {
            let child = child?;
            match &child.kind.0 {
                b"mfhd" => sequence = mfhd::sequence_number(&child)?,
                b"traf" => {
                    let tfhd = tfhd::parse(&child.require(b"tfhd", "has no tfhd")?)?;
                    if tfhd.track_id != header.track_id {
                        other = Some(tfhd.track_id);
                    } else if ours.is_some() {
                        return Err(child.malformed("is the second of one track in a moof").into());
                    } else {
                        ours = Some((trafs, child, tfhd));
                    }
                    trafs = trafs.saturating_add(1);
                }
                _ => {}
            }
        }
        let Some((index, traf, tfhd)) = ours else {
            let found = other.ok_or_else(|| moof.malformed("has no traf"))?;
            return Err(ChunkError::OtherTrack { expected: header.track_id, found });
        };
        // Without default-base-is-moof offsets count from the moof too, for its first traf; those of
        // the others count from where the data of the one before ends (§8.8.7.1).
        if tfhd.base_data_offset.is_some() || (index > 0 && !tfhd.base_is_moof) {
            return Err(ChunkError::FileOffset);
        }
        Ok(Self {
            sequence,
            has_decode_time: traf.child(b"tfdt")?.is_some(),
            traf,
            tfhd,
            is_alone: trafs == 1,
            is_first: index == 0,
            base: i64::try_from(moof.offset).unwrap_or(i64::MAX),
        })
    }

    /// `tfdt`, or what stands in its place in Smooth Streaming.
    fn decode_time(&self) -> Result<DecodeTime, ChunkError> {
        for child in self.traf.children() {
            let child = child?;
            if child.kind.0 == *b"tfdt" {
                return Ok(tfdt::parse(&child)?);
            }
            if let Some(ticks) = tfxd::fragment_absolute_ticks(&child)? {
                return Ok(DecodeTime { ticks, wraps: false });
            }
        }
        Err(ChunkError::NoDecodeTime)
    }

    /// Whether a box in front of a `moof` of several tracks goes with this one: a `prft` names its
    /// track, and events go with the first.
    fn owns(&self, side: &Side) -> bool {
        side.producer.map_or(self.is_first, |producer| producer.track_id == self.tfhd.track_id)
    }
}

/// Runs of samples' data, in bytes from the start of the chunk.
type Ranges = Vec<Range<i64>>;

/// The samples' data: shared where it lies in one piece, as it nearly always does.
fn payload(bytes: &Bytes, ranges: &[Range<i64>], mdat: Range<u64>) -> Result<Bytes, ChunkError> {
    let piece = |range: &Range<i64>| {
        u64::try_from(range.start)
            .ok()
            .zip(u64::try_from(range.end).ok())
            .filter(|(start, end)| *start >= mdat.start && *end <= mdat.end)
            .and_then(|(start, end)| share(bytes, start, end))
            .ok_or(ChunkError::OutsideMdat {
                start: range.start,
                end: range.end,
                mdat_start: mdat.start,
                mdat_end: mdat.end,
            })
    };
    match ranges {
        [] => Ok(Bytes::new()),
        [range] => piece(range),
        _ => {
            let mut joined = Vec::new();
            for range in ranges {
                let piece = piece(range)?;
                // Each byte of the mdat once: ranges that overlap would let a sender multiply it.
                let held = u64::try_from(joined.len().saturating_add(piece.len())).unwrap_or(u64::MAX);
                if held > mdat.end.saturating_sub(mdat.start) {
                    return Err(ChunkError::NotContiguous);
                }
                joined.extend_from_slice(&piece);
            }
            Ok(joined.into())
        }
    }
}

fn parse_runs(fragment: &Fragment<'_>, header: &Header) -> Result<(Vec<Sample>, Ranges), ChunkError> {
    let (tfhd, defaults) = (&fragment.tfhd, &header.defaults);
    let default_duration = tfhd.duration_ticks.unwrap_or(defaults.duration_ticks);
    let default_bytes = tfhd.bytes.unwrap_or(defaults.bytes);
    let default_flags = tfhd.flags.unwrap_or(defaults.flags);
    let mut samples: Vec<Sample> = Vec::new();
    let mut ranges = Ranges::new();
    // Where the last run ended, and so the next begins unless it says (§8.8.8.1).
    let mut reached = fragment.base;
    for child in fragment.traf.children() {
        let child = child?;
        if child.kind.0 != *b"trun" {
            continue;
        }
        let run = trun::parse(&child)?;
        if run.sample_count == 0 {
            continue;
        }
        let total = (samples.len() as u64).saturating_add(u64::from(run.sample_count));
        if total > limits::SAMPLES_PER_CHUNK as u64 {
            return Err(ChunkError::TooManySamples { samples: total });
        }
        let begins =
            run.data_offset.map_or(reached, |offset| fragment.base.saturating_add(i64::from(offset)));
        reached = begins;
        samples.reserve(usize::try_from(run.sample_count).unwrap_or(0));
        for entry in run.entries() {
            let entry = entry?;
            let bytes = entry.bytes.unwrap_or(default_bytes);
            let flags = entry.flags.unwrap_or(default_flags);
            reached = reached.saturating_add(i64::from(bytes));
            samples.push(Sample {
                duration_ticks: entry.duration_ticks.unwrap_or(default_duration),
                bytes,
                // Only video has samples that need others; encoders that forget the flags of
                // audio are common.
                sync: header.kind != TrackKind::Video || flags & trun::SAMPLE_IS_NON_SYNC == 0,
                composition_ticks: entry.composition_ticks,
            });
        }
        match ranges.last_mut() {
            Some(last) if last.end == begins => last.end = reached,
            _ if begins == reached => {}
            _ => ranges.push(begins..reached),
        }
    }
    Ok((samples, ranges))
}
