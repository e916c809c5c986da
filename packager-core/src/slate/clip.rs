//! The clip that a slate plays in a loop: fragmented MP4 with a track of pictures, one of sound, or both.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::cmaf::cutter::{CutPart, Cutter, SegmentBounds, part_target_ticks};
use crate::cmaf::header::HeaderError;
use crate::cmaf::{Chunk, ChunkError, Header, Item, Scanner, TrackKind, mux};
use crate::isobmff::Malformed;
use crate::limits;

/// Three dots that light up one after the other, and silence: 48 pictures of 1280x720 and 90 frames of AAC, which last
/// 1.92 s both.
const BUILT_IN: &[u8] = include_bytes!("builtin.mp4");

/// Why a clip cannot be a slate.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// It is too large.
    #[error(
        "it has {bytes} bytes; every edge keeps it in memory, so it may have {} at most",
        limits::SLATE_CLIP_BYTES
    )]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// A box of it is malformed, or it is cut off.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its header cannot be used.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A chunk of it cannot be used.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// It has nothing to show.
    #[error("it has no media")]
    Empty,
    /// Two tracks of it are of one kind.
    #[error("it has more than one track of {0}")]
    Several(TrackKind),
    /// Its pictures do not begin with a keyframe.
    #[error("its pictures do not begin with a keyframe")]
    NoKeyframe,
    /// Its pictures are reordered, so that its end would not go on at its beginning.
    #[error("its pictures are reordered; encode it without B-frames (ffmpeg -bf 0)")]
    Reordered,
    /// Its tracks do not last as long as each other.
    #[error(
        "its sound and its pictures differ in length by {differ_ms} ms, and would drift apart as it loops"
    )]
    Uneven {
        /// By how much.
        differ_ms: u64,
    },
}

/// A track of a clip.
#[derive(Debug, Clone)]
pub struct Loop {
    /// What it is.
    pub header: Header,
    /// As it is stored.
    pub header_bytes: Bytes,
    /// From the time 0 on, without gaps.
    chunks: Vec<Chunk>,
    lasts_ticks: u64,
}

/// A clip.
#[derive(Debug)]
pub struct Clip {
    loops: Vec<Loop>,
}

impl Clip {
    /// The one that is built in.
    pub fn built_in() -> Option<Arc<Self>> {
        static CLIP: OnceLock<Option<Arc<Clip>>> = OnceLock::new();
        CLIP.get_or_init(|| Self::parse(Bytes::from_static(BUILT_IN)).ok().map(Arc::new)).clone()
    }

    /// Reads a clip.
    ///
    /// # Errors
    ///
    /// It is not one that can be played in a loop.
    pub fn parse(bytes: Bytes) -> Result<Self, ClipError> {
        if bytes.len() > limits::SLATE_CLIP_BYTES {
            return Err(ClipError::TooLarge { bytes: bytes.len() });
        }
        let mut scanner = Scanner::new();
        scanner.push(bytes);
        let mut loops: Vec<Loop> = Vec::new();
        while let Some(item) = scanner.next()? {
            match item {
                Item::Header(bytes) => {
                    for header_bytes in mux::split_header(&bytes)? {
                        let header = Header::parse(&header_bytes)?;
                        if loops.iter().any(|known| known.header.kind == header.kind) {
                            return Err(ClipError::Several(header.kind));
                        }
                        if header.kind != TrackKind::Text {
                            loops.push(Loop { header, header_bytes, chunks: Vec::new(), lasts_ticks: 0 });
                        }
                    }
                }
                Item::Chunk(bytes) => {
                    let ids = mux::track_ids(&bytes)?;
                    for of in loops.iter_mut().filter(|of| ids.contains(&of.header.track_id)) {
                        of.append(Chunk::parse(&bytes, &of.header)?);
                    }
                }
            }
        }
        scanner.finish()?;
        loops.retain(|of| of.lasts_ticks > 0);
        loops.iter().try_for_each(Loop::check)?;
        let lasts_ms = || loops.iter().map(Loop::lasts_ms);
        let differ_ms =
            lasts_ms().max().zip(lasts_ms().min()).map(|(most, least)| most.saturating_sub(least));
        match differ_ms {
            None => Err(ClipError::Empty),
            Some(differ_ms @ 2..) => Err(ClipError::Uneven { differ_ms }),
            Some(_) => Ok(Self { loops }),
        }
    }

    /// The same, with what is built in where it has no pictures, or no sound.
    #[must_use]
    pub fn completed(mut self) -> Self {
        let built_in = Self::built_in();
        let lacks = |of: &&Loop| self.of(of.header.kind).is_none();
        let others: Vec<_> = built_in.iter().flat_map(|clip| &clip.loops).filter(lacks).cloned().collect();
        self.loops.extend(others);
        self
    }

    /// Its track of this kind.
    pub fn of(&self, kind: TrackKind) -> Option<&Loop> {
        self.loops.iter().find(|of| of.header.kind == kind)
    }

    /// How far its keyframes are apart at the most, in milliseconds; 0 without pictures.
    pub fn keyframe_interval_ms(&self) -> u64 {
        let Some(video) = self.of(TrackKind::Video) else { return 0 };
        let mut starts = vec![video.lasts_ticks];
        let mut time = 0_u64;
        for sample in video.chunks.iter().flat_map(Chunk::samples) {
            if sample.sync {
                starts.push(time);
            }
            time = time.saturating_add(u64::from(sample.duration_ticks));
        }
        starts.sort_unstable();
        let apart = starts.windows(2).map(|pair| match pair {
            [one, other] => other.saturating_sub(*one),
            _ => 0,
        });
        video.header.timescale.ms_from_ticks(apart.max().unwrap_or(0))
    }
}

impl Loop {
    fn append(&mut self, mut chunk: Chunk) {
        chunk.move_to(self.lasts_ticks);
        self.lasts_ticks = chunk.end_ticks();
        if !chunk.is_empty() {
            self.chunks.push(chunk);
        }
    }

    fn check(&self) -> Result<(), ClipError> {
        if self.header.kind != TrackKind::Video {
            return Ok(());
        }
        if !self.chunks.first().is_some_and(Chunk::starts_with_sync) {
            return Err(ClipError::NoKeyframe);
        }
        let mut samples = self.chunks.iter().flat_map(Chunk::samples);
        let first = samples.next().map(|sample| sample.composition_ticks);
        if samples.any(|sample| Some(sample.composition_ticks) != first) {
            return Err(ClipError::Reordered);
        }
        Ok(())
    }

    fn lasts_ms(&self) -> u64 {
        self.header.timescale.ms_from_ticks(self.lasts_ticks)
    }

    /// PART-TARGET of a track that begins with it, for parts of nominally so many milliseconds.
    pub fn part_target_ticks(&self, part_ms: u32) -> u64 {
        let first = self.chunks.first();
        first.map_or(1, |first| part_target_ticks(first, self.header.timescale, part_ms))
    }

    /// The part that begins so many ticks after the slate began, in a track whose parts last at most `target_ticks`.
    /// `None` where none begins there: what was written before was of another clip.
    pub fn part(&self, at_ticks: u64, target_ticks: u64) -> Option<CutPart> {
        let round = at_ticks.checked_div(self.lasts_ticks)?;
        let begins = round.checked_mul(self.lasts_ticks)?;
        let mut cutter = Cutter::new(self.header.kind, target_ticks);
        for chunk in &self.chunks {
            let mut chunk = chunk.clone();
            chunk.move_to(begins.saturating_add(chunk.start_ticks()));
            cutter.push(chunk);
        }
        // With each keyframe a segment may begin, whatever the broadcast's segments last. Each frame of sound is one.
        let shortest_ticks = if self.header.kind == TrackKind::Video { 1 } else { u64::MAX };
        let bounds = SegmentBounds { start_ticks: begins, shortest_ticks, limit_ticks: u64::MAX };
        loop {
            let part = cutter.next_part(bounds).or_else(|| cutter.flush())?;
            if part.start_ticks >= at_ticks {
                return Some(part).filter(|part| part.start_ticks == at_ticks);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_goes_round_without_a_seam() {
        let clip = Clip::parse(Bytes::from_static(BUILT_IN)).unwrap();
        assert_eq!(clip.keyframe_interval_ms(), 1920);
        for (kind, target_ms) in [(TrackKind::Video, 500), (TrackKind::Audio, 500), (TrackKind::Video, 200)] {
            let of = clip.of(kind).unwrap();
            let target = of.part_target_ticks(target_ms);
            let timescale = of.header.timescale;
            let mut at = 0;
            let mut keyframes = Vec::new();
            while timescale.ms_from_ticks(at) < 7 * 1920 {
                let part = of.part(at, target).unwrap();
                assert!((1..=target).contains(&part.duration_ticks));
                if part.independence == crate::log::Independence::Start {
                    keyframes.push(timescale.ms_from_ticks(at));
                }
                let body = Bytes::from(part.body.concat());
                let read = Chunk::parse(&body, &of.header);
                // Of several pieces, it is several chunks.
                assert_eq!(read.map_or(at, |chunk| chunk.start_ticks()), at);
                at += part.duration_ticks;
            }
            assert_eq!(timescale.ms_from_ticks(at), 7 * 1920);
            if kind == TrackKind::Video {
                assert_eq!(keyframes, (0..7).map(|round| round * 1920).collect::<Vec<_>>());
            }
            assert!(of.part(at + 1, target).is_none());
        }
    }

    #[test]
    fn what_cannot_loop_is_refused_with_the_reason() {
        let refused = |bytes: &[u8]| Clip::parse(Bytes::copy_from_slice(bytes)).unwrap_err().to_string();
        assert!(refused(&vec![0; limits::SLATE_CLIP_BYTES + 1]).contains("at most"));
        assert_eq!(refused(b""), "it has no media");
        assert!(
            refused(&BUILT_IN[..BUILT_IN.len() - 7]).contains("cut off"),
            "{}",
            refused(&BUILT_IN[..9_000])
        );
        assert!(!refused(b"no MP4 at all, but text").is_empty());
    }
}
