//! A second encoder of the same media, on the same clock: either may die, and viewers must not notice.
//!
//! Its tracks are sources of their own, behind those of the first encoder.

use bytes::Bytes;
use packager_core::cmaf::TrackKind;

use super::media::{TrackSpec, again_by_another};
use super::queue::Event;
use super::scenario::Twin;
use super::world::World;

impl World {
    /// Sources: the tracks of each encoder.
    pub(crate) fn sources(&self) -> usize {
        self.scenario.tracks.len() * if self.scenario.twin.is_some() { 2 } else { 1 }
    }

    /// What a source sends.
    pub(crate) fn spec(&self, source: usize) -> &TrackSpec {
        &self.scenario.tracks[source % self.scenario.tracks.len()]
    }

    /// `track_ID` of what it sends.
    pub(crate) fn track_id(&self, source: usize) -> u32 {
        u32::try_from(source % self.scenario.tracks.len() + 1).expect("few tracks")
    }

    /// The twin, if it is the twin's.
    fn twin_of(&self, source: usize) -> Option<Twin> {
        self.scenario.twin.filter(|_| source >= self.scenario.tracks.len())
    }

    /// How much later than the first encoder it sends the same.
    pub(crate) fn lag_ms(&self, source: usize) -> u64 {
        self.twin_of(source).map_or(0, |twin| twin.lag_ms)
    }

    /// The ingest it sends to at first.
    pub(crate) fn first_route(&self, source: usize) -> usize {
        self.twin_of(source).map_or(0, |twin| twin.ingest)
    }

    /// Samples from one place where a source may begin to the next: segments of redundant encoders
    /// have the same boundaries.
    pub(crate) fn first_of(&self, spec: &TrackSpec) -> u64 {
        match self.scenario.twin {
            Some(_) if spec.kind != TrackKind::Video => spec.chunk_frames * spec.segment_chunks,
            _ => spec.gop_frames,
        }
    }

    /// A chunk, as this encoder codes it.
    pub(crate) fn coded(&self, source: usize, chunk: Bytes) -> Bytes {
        match self.twin_of(source) {
            Some(twin) if twin.codes_otherwise => again_by_another(&chunk),
            _ => chunk,
        }
    }

    /// A header, as this encoder writes it: with the date of its own start.
    pub(crate) fn dated(&self, source: usize, header: Bytes) -> Bytes {
        if self.twin_of(source).is_none() {
            return header;
        }
        let mut dated = header.to_vec();
        let mvhd = dated.windows(4).position(|window| window == b"mvhd").expect("a header has one");
        // Creation time, behind version and flags (ISO/IEC 14496-12 §8.2.2).
        dated[mvhd + 11] ^= 1;
        dated.into()
    }

    /// One of two encoders dies in the middle of a chunk.
    pub(crate) fn kill_twin(&mut self, encoder: usize, pause_ms: u64) {
        self.log(&format!("encoder {encoder} of two dies"));
        for source in self.sources_of(encoder) {
            self.kill_source(source);
        }
        self.queue.at(self.now + pause_ms, Event::TwinStarts { encoder });
    }

    /// It is started again: it goes on where the clock is.
    pub(crate) fn start_twin(&mut self, encoder: usize) {
        let Some((run, from)) = self.clock_of_run() else { return };
        self.log(&format!("encoder {encoder} of two starts again"));
        for source in self.sources_of(encoder) {
            let origin_ms = self.origin_ms(run);
            self.start_source(source, run, from, origin_ms, self.now - from);
        }
    }

    fn sources_of(&self, encoder: usize) -> std::ops::Range<usize> {
        let tracks = self.scenario.tracks.len();
        encoder * tracks..(encoder + 1) * tracks
    }
}
