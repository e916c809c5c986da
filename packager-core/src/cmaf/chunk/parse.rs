//! Reading a chunk.

use bytes::Bytes;

use super::{Chunk, ChunkError, Form, ProducerTime, Sample, share};
use crate::cmaf::header::{Header, TrackKind};
use crate::isobmff::tfhd::TrackFragmentHeader;
use crate::isobmff::{BoxRef, FourCc, boxes, mfhd, prft, tfdt, tfhd, trun};
use crate::limits;

impl Chunk {
    /// Reads the bytes of one chunk: any of `styp`, `sidx`, `prft`, `emsg` and other boxes, then
    /// `moof`, then `mdat`, and nothing behind it. Of the boxes in front only `prft` and `emsg`
    /// are kept; the others speak of segments, which are made anew here.
    ///
    /// # Errors
    ///
    /// The bytes are not one complete chunk of the header's track.
    pub fn parse(bytes: &Bytes, header: &Header) -> Result<Chunk, ChunkError> {
        let found = find_boxes(bytes)?;
        let (mut chunk, samples_at) = parse_moof(&found.moof, header)?;
        let mdat_start = found.mdat.body_offset();
        let mdat_end = found.mdat.end_offset();
        let payload_bytes = super::bytes_of(&chunk.samples);
        if payload_bytes > 0 {
            let start = samples_at;
            let end = start.saturating_add_unsigned(payload_bytes);
            chunk.payload = u64::try_from(start)
                .ok()
                .zip(u64::try_from(end).ok())
                .filter(|(start, end)| *start >= mdat_start && *end <= mdat_end)
                .and_then(|(start, end)| share(bytes, start, end))
                .ok_or(ChunkError::OutsideMdat { start, end, mdat_start, mdat_end })?;
        }
        chunk.producer = found.producer;
        chunk.side = found.side;
        chunk.form = Form::Sent(
            share(bytes, found.moof.offset, mdat_end).ok_or(ChunkError::Incomplete(FourCc(*b"mdat")))?,
        );
        Ok(chunk)
    }
}

struct Found<'a> {
    producer: Option<ProducerTime>,
    side: Vec<Bytes>,
    moof: BoxRef<'a>,
    mdat: BoxRef<'a>,
}

fn find_boxes(bytes: &Bytes) -> Result<Found<'_>, ChunkError> {
    let mut producer = None;
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
                if found.kind.0 == *b"prft" && producer.is_none() {
                    producer = Some(prft::parse(&found)?);
                }
                if side.len() >= limits::SIDE_BOXES_PER_CHUNK {
                    let what = "is one of more side boxes than a chunk may have";
                    return Err(found.malformed(what).into());
                }
                side.push(bytes.slice_ref(found.bytes));
            }
            // Between moof and mdat whatever it is stays: offsets count across it.
            _ => {}
        }
    }
    Ok(Found {
        producer,
        side,
        moof: moof.ok_or(ChunkError::Incomplete(FourCc(*b"moof")))?,
        mdat: mdat.ok_or(ChunkError::Incomplete(FourCc(*b"mdat")))?,
    })
}

/// The chunk without its bytes, and where its samples begin, counted like `moof.offset`.
fn parse_moof(moof: &BoxRef<'_>, header: &Header) -> Result<(Chunk, i64), ChunkError> {
    let mut sequence = 0;
    let mut traf = None;
    let mut trafs = 0usize;
    for child in moof.children() {
        let child = child?;
        match &child.kind.0 {
            b"mfhd" => sequence = mfhd::sequence_number(&child)?,
            b"traf" => {
                trafs = trafs.saturating_add(1);
                traf = Some(child);
            }
            _ => {}
        }
    }
    if trafs > 1 {
        return Err(ChunkError::Muxed { trafs });
    }
    let traf = traf.ok_or_else(|| moof.malformed("has no traf"))?;
    let tfhd = tfhd::parse(&traf.require(b"tfhd", "has no tfhd")?)?;
    if tfhd.track_id != header.track_id {
        return Err(ChunkError::OtherTrack { expected: header.track_id, found: tfhd.track_id });
    }
    if tfhd.base_data_offset.is_some() {
        return Err(ChunkError::FileOffset);
    }
    let tfdt = traf.child(b"tfdt")?.ok_or(ChunkError::NoDecodeTime)?;
    let start_ticks = tfdt::base_media_decode_ticks(&tfdt)?;
    // With default-base-is-moof offsets count from the moof; without it too, for the first traf of
    // a moof (§8.8.7.1), and there is only one.
    let base = i64::try_from(moof.offset).unwrap_or(i64::MAX);
    let (samples, samples_at) = parse_runs(&traf, &tfhd, header, base)?;
    let chunk = Chunk {
        start_ticks,
        samples,
        producer: None,
        sequence,
        track_id: tfhd.track_id,
        sample_description_index: tfhd.sample_description_index,
        side: Vec::new(),
        form: Form::Sent(Bytes::new()),
        payload: Bytes::new(),
    };
    Ok((chunk, samples_at))
}

fn parse_runs(
    traf: &BoxRef<'_>,
    tfhd: &TrackFragmentHeader,
    header: &Header,
    base: i64,
) -> Result<(Vec<Sample>, i64), ChunkError> {
    let defaults = &header.defaults;
    let default_duration = tfhd.duration_ticks.unwrap_or(defaults.duration_ticks);
    let default_bytes = tfhd.bytes.unwrap_or(defaults.bytes);
    let default_flags = tfhd.flags.unwrap_or(defaults.flags);
    let mut samples: Vec<Sample> = Vec::new();
    let mut samples_at = None;
    // Where the last run ended, and so the next begins unless it says (§8.8.8.1).
    let mut reached = base;
    for child in traf.children() {
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
        let run_at = run.data_offset.map_or(reached, |offset| base.saturating_add(i64::from(offset)));
        if samples_at.is_some() && run_at != reached {
            return Err(ChunkError::NotContiguous);
        }
        samples_at.get_or_insert(run_at);
        reached = run_at;
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
    }
    Ok((samples, samples_at.unwrap_or(base)))
}
