//! The part cutter: chunks in, parts out.
//!
//! Where it cuts depends on sample times, on the encoder's own chunks and on where the open segment
//! began, never on requests or buffers, so that two cutters fed alike cut alike. Media is never
//! copied: a part is a list of slices of what was uploaded.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Chunk, TrackKind};
use crate::log::{Independence, PartMeta};
use crate::time::{Timescale, WallMs};

/// A part, ready to be stored.
#[derive(Debug, Clone)]
pub struct CutPart {
    /// Decode time of its first sample.
    pub start_ticks: u64,
    /// Sum of its samples' durations.
    pub duration_ticks: u64,
    /// When its first picture is shown, less when its first sample is decoded. Where it does not start
    /// with a sync sample that need not be the same one.
    pub composition_ticks: i64,
    /// How many samples it has.
    pub samples: u32,
    /// Independent frames in it.
    pub independence: Independence,
    /// Where the sample that it starts with ends, in bytes.
    pub first_sample_end_bytes: u64,
    /// Its bytes.
    pub body: Vec<Bytes>,
}

impl CutPart {
    /// The part that these chunks are, each of which starts where the one before it ends. `None` when there are
    /// none, or the first is empty.
    pub fn of(pieces: &[Chunk]) -> Option<Self> {
        let first = pieces.first()?;
        let first_sample = first.samples().first()?;
        let samples = pieces.iter().map(|piece| piece.samples().len()).fold(0, usize::saturating_add);
        let independence = if first_sample.sync {
            Independence::Start
        } else if pieces.iter().any(Chunk::holds_sync) {
            Independence::Inside
        } else {
            Independence::No
        };
        let mut body = Vec::with_capacity(pieces.len().saturating_mul(2));
        for piece in pieces {
            piece.push_body(&mut body);
        }
        Some(Self {
            start_ticks: first.start_ticks(),
            duration_ticks: pieces.iter().map(Chunk::duration_ticks).fold(0, u64::saturating_add),
            composition_ticks: first_shown(pieces),
            samples: u32::try_from(samples).unwrap_or(u32::MAX),
            independence,
            first_sample_end_bytes: first.head_length().saturating_add(u64::from(first_sample.bytes)),
            body,
        })
    }

    /// What is said of it in its object's metadata, with what its track is and how much its header's edit list takes
    /// off composition times.
    pub fn meta(&self, kind: TrackKind, presentation_shift_ticks: i64, wall: WallMs) -> PartMeta {
        let starts_with_picture = kind == TrackKind::Video && self.independence == Independence::Start;
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for piece in &self.body {
            hash.update(piece);
        }
        PartMeta {
            duration_ticks: self.duration_ticks,
            offset_ticks: self.composition_ticks.saturating_sub(presentation_shift_ticks),
            samples: self.samples,
            independence: self.independence,
            frame_bytes: if starts_with_picture {
                u32::try_from(self.first_sample_end_bytes).unwrap_or(0)
            } else {
                0
            },
            wall,
            hash: hash.digest(),
        }
    }
}

/// Where the open segment began, and from when on it may end.
#[derive(Debug, Clone, Copy)]
pub struct SegmentBounds {
    /// Decode time of its first sample.
    pub start_ticks: u64,
    /// A sync sample this long after the start begins the next one.
    pub shortest_ticks: u64,
    /// A part that would make it this long begins the next one, whatever it starts with.
    pub limit_ticks: u64,
}

impl SegmentBounds {
    /// Whether a keyframe at `time` begins a segment, when the part before it lasts `part_ticks` and
    /// starts with a keyframe or not.
    fn begins_at(&self, time: u64, part_ticks: u64, part_is_independent: bool) -> bool {
        let open_ticks = time.saturating_sub(self.start_ticks);
        if open_ticks < self.limit_ticks {
            return open_ticks >= self.shortest_ticks;
        }
        // The part begins a segment, which is too long with it otherwise.
        !part_is_independent || part_ticks >= self.shortest_ticks
    }
}

/// PART-TARGET of a track, from its first chunk (HLS §4.4.3.7): `part_ms` in whole frames, or the
/// encoder's own chunks when they are near, at most 7/6 of `part_ms` (so that PART-HOLD-BACK, 3.5
/// times `part_ms`, is at least three parts), but never shorter than a frame.
pub fn part_target_ticks(first: &Chunk, timescale: Timescale, part_ms: u32) -> u64 {
    let nominal = timescale.ticks_from_ms(u64::from(part_ms)).max(1);
    let longest = nominal.saturating_mul(7) / 6;
    let frame =
        first.samples().iter().map(|sample| u64::from(sample.duration_ticks)).max().unwrap_or(0).max(1);
    let frames_up = nominal.div_ceil(frame).saturating_mul(frame);
    let frames_down = nominal.checked_div(frame).unwrap_or(1).max(1).saturating_mul(frame);
    let whole = if frames_up <= longest { frames_up } else { frames_down };
    let chunk = first.duration_ticks();
    if (whole..=longest).contains(&chunk) { chunk } else { whole }
}

/// The longest that one stored piece of text may be: it is a segment of its own, and its EXTINF must not
/// round above TARGETDURATION, which is at least `segment_ms` to the nearest second (HLS §4.4.3.1).
pub fn text_target_ticks(timescale: Timescale, segment_ms: u32) -> u64 {
    let rounded_ms = u64::from(segment_ms).saturating_add(500) / 1000;
    timescale.ticks_from_ms(rounded_ms.saturating_mul(1000).saturating_add(499)).max(1)
}

/// Cuts the chunks of one run of one track. What it is given must be contiguous.
#[derive(Debug)]
pub struct Cutter {
    kind: TrackKind,
    target_ticks: u64,
    /// What came in, and whether it is what a longer chunk left when it was cut.
    incoming: VecDeque<(Chunk, bool)>,
    /// Contiguous pieces of the part that is not full yet.
    pending: Vec<Chunk>,
    pending_ticks: u64,
    rhythm: Rhythm,
}

/// How far apart keyframes are.
#[derive(Debug, Clone, Copy, Default)]
struct Rhythm {
    after_sync: bool,
    /// Decode time of the newest keyframe among frames that are none, and its distance from the one
    /// before.
    keyframe: Option<u64>,
    distance: Option<u64>,
}

impl Rhythm {
    /// With what follows.
    fn after(mut self, chunk: &Chunk) -> Self {
        let mut time = chunk.start_ticks();
        for sample in chunk.samples() {
            if sample.sync && !self.after_sync {
                let before = self.keyframe.replace(time);
                self.distance = before.map(|before| time.saturating_sub(before));
            }
            self.after_sync = sample.sync;
            time = time.saturating_add(u64::from(sample.duration_ticks));
        }
        self
    }

    /// Whether the sample at `time` should be a keyframe.
    fn is_due(self, time: u64) -> bool {
        self.keyframe.zip(self.distance).is_some_and(|(last, distance)| time.saturating_sub(last) == distance)
    }
}

impl Cutter {
    /// A cutter of parts of at most `target_ticks`.
    pub fn new(kind: TrackKind, target_ticks: u64) -> Self {
        Self {
            kind,
            target_ticks: target_ticks.max(1),
            incoming: VecDeque::new(),
            pending: Vec::new(),
            pending_ticks: 0,
            rhythm: Rhythm::default(),
        }
    }

    /// Takes a chunk that starts where the last one ended.
    pub fn push(&mut self, chunk: Chunk) {
        if !chunk.is_empty() {
            self.incoming.push_back((chunk, false));
        }
    }

    /// Media taken in but not yet part of a part, in ticks.
    pub fn pending_ticks(&self) -> u64 {
        self.pending_ticks
    }

    /// Whether what is pending may be a part however short it is: a segment should end there, or
    /// every sample is a sync sample (HLS §4.4.4.9).
    pub fn may_end(&self, bounds: SegmentBounds) -> bool {
        let end = self.pending.last().map_or(0, Chunk::end_ticks);
        let starts_with_sync = self.pending.first().is_some_and(Chunk::starts_with_sync);
        self.kind != TrackKind::Video
            || (bounds.begins_at(end, self.pending_ticks, starts_with_sync) && self.rhythm.is_due(end))
    }

    /// The next whole part. Ask again after telling the chain, whose open segment may have changed.
    pub fn next_part(&mut self, bounds: SegmentBounds) -> Option<CutPart> {
        while let Some((chunk, is_rest)) = self.incoming.pop_front() {
            if self.kind == TrackKind::Text {
                return self.text_part(chunk);
            }
            match self.cut_at(&chunk, is_rest, bounds) {
                Cut::After(count) if count >= chunk.samples().len() => {
                    self.keep(chunk);
                    return self.flush();
                }
                Cut::After(0) => {
                    self.incoming.push_front((chunk, is_rest));
                    return self.flush();
                }
                Cut::After(count) => {
                    let rest = chunk.slice(count..chunk.samples().len());
                    let head = chunk.slice(0..count)?;
                    if let Some(rest) = rest {
                        self.incoming.push_front((rest, true));
                    }
                    self.keep(head);
                    return self.flush();
                }
                Cut::Nowhere => self.keep(chunk),
            }
        }
        None
    }

    /// The media that is pending, as a part of its own: the segment ends here, or nothing follows.
    pub fn flush(&mut self) -> Option<CutPart> {
        let pieces = std::mem::take(&mut self.pending);
        self.pending_ticks = 0;
        CutPart::of(&pieces)
    }

    /// Text is stored as it comes, but what is too long for a segment is taken apart evenly.
    fn text_part(&mut self, chunk: Chunk) -> Option<CutPart> {
        let pieces = chunk.duration_ticks().div_ceil(self.target_ticks).max(1);
        let piece_ticks = chunk.duration_ticks().checked_div(pieces).unwrap_or(0);
        let at = chunk.start_ticks().saturating_add(piece_ticks);
        match chunk.divide(at).filter(|_| pieces > 1) {
            Some((head, rest)) => {
                self.incoming.push_front((rest, true));
                self.keep(head);
            }
            None => self.keep(chunk),
        }
        self.flush()
    }

    fn keep(&mut self, chunk: Chunk) {
        self.rhythm = self.rhythm.after(&chunk);
        self.pending_ticks = self.pending_ticks.saturating_add(chunk.duration_ticks());
        self.pending.push(chunk);
    }

    /// 85 to 100 % of PART-TARGET (HLS §4.4.4.9).
    fn is_part_sized(&self, ticks: u64) -> bool {
        ticks <= self.target_ticks && ticks.saturating_mul(100) >= self.target_ticks.saturating_mul(85)
    }

    /// After how many of the chunk's samples the pending part ends.
    fn cut_at(&self, chunk: &Chunk, is_rest: bool, bounds: SegmentBounds) -> Cut {
        let mut part_ticks = self.pending_ticks;
        let mut time = chunk.start_ticks();
        let mut after_sync = self.rhythm.after_sync;
        let starts_with_sync = self.pending.first().unwrap_or(chunk).starts_with_sync();
        let begins_at = |time, part_ticks| bounds.begins_at(time, part_ticks, starts_with_sync);
        for (index, sample) in chunk.samples().iter().enumerate() {
            let duration = u64::from(sample.duration_ticks);
            // A keyframe among others that are none is where the encoder means a segment to begin;
            // where every sample is one, segments begin at parts.
            let begins_segment = sample.sync && !after_sync && begins_at(time, part_ticks);
            let is_full = part_ticks.saturating_add(duration) > self.target_ticks;
            if part_ticks > 0 && (begins_segment || is_full) {
                return Cut::After(index);
            }
            part_ticks = part_ticks.saturating_add(duration);
            time = time.saturating_add(duration);
            after_sync = sample.sync;
            if part_ticks == self.target_ticks {
                return Cut::After(index.saturating_add(1));
            }
        }
        let is_own_part = self.pending.is_empty() && self.is_part_sized(chunk.duration_ticks());
        // The end of a segment would otherwise be published only when the next one begins. Where
        // every sample is a sync sample a short part is as good as any (HLS §4.4.4.9).
        let is_tail = match self.kind {
            TrackKind::Video => begins_at(time, part_ticks) && self.rhythm.after(chunk).is_due(time),
            _ => is_rest && self.pending.is_empty() && begins_at(time, part_ticks),
        };
        if is_own_part || is_tail { Cut::After(chunk.samples().len()) } else { Cut::Nowhere }
    }
}

/// Least composition time, less the first decode time.
fn first_shown(pieces: &[Chunk]) -> i64 {
    let mut decoded = 0_i64;
    let mut first: Option<i64> = None;
    for sample in pieces.iter().flat_map(Chunk::samples) {
        let shown = decoded.saturating_add(i64::from(sample.composition_ticks));
        first = Some(first.map_or(shown, |first| first.min(shown)));
        decoded = decoded.saturating_add(i64::from(sample.duration_ticks));
    }
    first.unwrap_or(0)
}

enum Cut {
    After(usize),
    Nowhere,
}
