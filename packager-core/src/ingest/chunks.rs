//! From a body's bytes to chunks that can be offered.

use bytes::Bytes;

use super::Refusal;
use super::receiver::Receiver;
use super::route::Place;
use super::upload::{Gate, UploadId};
use crate::cmaf::{Chunk, Item, TrackKind};
use crate::time::WallMs;

impl Receiver {
    /// The next chunk of an upload; headers on the way are taken, and what is of several tracks is
    /// handed to those that stand for each.
    pub(super) fn next_chunk(&mut self, id: UploadId, now: WallMs) -> Result<Option<Chunk>, Refusal> {
        loop {
            let Some(upload) = self.uploads.get_mut(&id) else { return Ok(None) };
            if let Some(chunk) = upload.ready.pop_front() {
                if upload.bound.is_none() {
                    self.bind(id, now)?;
                }
                return Ok(Some(chunk));
            }
            let (item, since) = match upload.unplaced.take() {
                Some((bytes, since)) => (Some(Item::Chunk(bytes)), since),
                None => (upload.scanner.next()?, now),
            };
            match item {
                None => {
                    if upload.ended.is_some_and(|(_, whole)| whole) {
                        upload.scanner.finish()?;
                        if upload.incomplete_header.take().is_some() {
                            return Err(Refusal::NoParameterSets);
                        }
                    }
                    return Ok(None);
                }
                Some(Item::Header(bytes)) => self.headers(id, &bytes, now)?,
                Some(Item::Chunk(bytes)) => match self.place(id, &bytes, now)? {
                    Place::Track => {
                        let chunk = self.parse_chunk(id, &bytes, now)?;
                        self.split_long_samples(id, chunk);
                    }
                    Place::Children => {}
                    Place::Unknown if now.since_ms(since) >= self.patience_ms(Gate::Header) => {
                        return Err(Refusal::HeaderMissing);
                    }
                    Place::Unknown => {
                        if let Some(upload) = self.uploads.get_mut(&id) {
                            upload.unplaced = Some((bytes, since));
                        }
                        return Ok(None);
                    }
                },
            }
        }
    }

    pub(super) fn parse_chunk(&mut self, id: UploadId, bytes: &Bytes, now: WallMs) -> Result<Chunk, Refusal> {
        let (name, session) = self.bind(id, now)?;
        let track = self.tracks.get(&name).ok_or(Refusal::HeaderMissing)?;
        let header = &track.headers.get(&session).ok_or(Refusal::HeaderMissing)?.header;
        let mut chunk = Chunk::parse(bytes, header)?;
        if !chunk.is_empty() && chunk.duration_ticks() == 0 {
            return Err(Refusal::NoDuration);
        }
        chunk.unwrap_start(self.expected_ticks(track, header.timescale));
        Ok(chunk)
    }

    /// A sample longer than PART-TARGET cannot be in any part: it is shown for as long as a part
    /// may be, and what follows comes after a gap.
    pub(super) fn split_long_samples(&mut self, id: UploadId, chunk: Chunk) {
        let Some(upload) = self.uploads.get_mut(&id) else { return };
        let track = upload.track.as_ref().and_then(|track| self.tracks.get(track));
        // A cue that lasts longer is said again in the next segment: the cutter sees to that.
        let track = track.filter(|track| track.kind != TrackKind::Text);
        let longest = track.and_then(|track| track.chain.as_ref()).map(|chain| {
            let session = upload.bound.as_ref();
            let header = track.and_then(|track| track.headers.get(session?));
            let timescale = header.map_or(chain.run.timescale, |pushed| pushed.header.timescale);
            chain.run.timescale.convert_ticks(chain.part_target_ticks(), timescale)
        });
        let mut rest = Some(chunk).filter(|chunk| !chunk.is_empty());
        while let Some(chunk) = rest.take() {
            let is_long = |duration: u32| longest.is_some_and(|longest| u64::from(duration) > longest);
            let Some(long) = chunk.samples().iter().position(|sample| is_long(sample.duration_ticks)) else {
                upload.ready.push_back(chunk);
                return;
            };
            let after = long.saturating_add(1);
            if let Some(mut head) = chunk.slice(0..after) {
                head.shorten_last(u32::try_from(longest.unwrap_or(0)).unwrap_or(u32::MAX));
                upload.ready.push_back(head);
            }
            rest = chunk.slice(after..chunk.samples().len());
        }
    }
}
