//! Folding a chain again once TARGETDURATION is known: ingest cuts media before it is.

use super::chain::{Chain, ChainError};
use super::entry::{Entry, Marker};
use super::record::Shape;

impl Chain {
    /// The chain as a reader folds it who knows of `shape` from the beginning. It must not have been
    /// [trimmed](Chain::trim).
    ///
    /// # Errors
    ///
    /// Something in it cannot stand under that shape.
    pub fn reshaped(&self, shape: Shape) -> Result<Self, ChainError> {
        let mut chain = Self::new(self.begin.clone(), shape);
        let mut segments = self.closed.iter().chain(&self.open).peekable();
        while let Some(segment) = segments.next() {
            if chain.run != segment.run || chain.next_ticks != segment.start_ticks {
                chain.absorb(&continues(&segment.run, segment.start_ticks), 0)?;
            }
            for part in &segment.parts {
                chain.absorb(&Entry::Part(part.meta), part.bytes)?;
            }
            if segment.is_gap() {
                // One marker may have come to several segments, all but the last as long as can be.
                let mut last = segment;
                while last.duration_ticks == self.target_ticks()
                    && let Some(next) = segments.next_if(|next| next.is_gap() && next.run == last.run)
                {
                    last = next;
                }
                chain.absorb(&Entry::Marker(Marker::GapUntil(last.end_ticks())), 0)?;
            }
        }
        if chain.run != self.run || chain.next_ticks != self.next_ticks {
            chain.absorb(&continues(&self.run, self.next_ticks), 0)?;
        }
        if self.ended {
            chain.absorb(&Entry::Marker(Marker::Ended), 0)?;
        }
        Ok(chain)
    }
}

fn continues(run: &super::chain::Run, start_ticks: u64) -> Entry {
    Entry::Marker(Marker::Continues {
        session: run.session.clone(),
        start_ticks,
        timescale: run.timescale,
        period: run.period,
    })
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Independence, PartMeta};
    use super::super::name::SessionId;
    use super::super::record::Begin;
    use super::*;
    use crate::cmaf::TrackKind;
    use crate::time::{Timescale, WallMs};

    #[test]
    fn it_is_as_if_the_shape_had_been_known_from_the_beginning() {
        let timescale = Timescale::new(1000).unwrap();
        let begin = Begin {
            kind: TrackKind::Video,
            session: SessionId::parse("s1").unwrap(),
            start_ticks: 0,
            timescale,
            period: 0,
            part_target_ticks: 500,
            first_msn: 7,
        };
        let session = SessionId::parse("s2").unwrap();
        let part = |independence| {
            let wall = WallMs(0);
            Entry::Part(PartMeta {
                duration_ticks: 500,
                offset_ticks: 0,
                samples: 1,
                independence,
                wall,
                hash: 0,
            })
        };
        let mut entries = vec![part(Independence::Start)];
        entries.extend((0..8).map(|_| part(Independence::No)));
        entries.push(Entry::Marker(Marker::GapUntil(20_500)));
        entries.extend((0..3).map(|_| part(Independence::Start)));
        entries.push(Entry::Marker(Marker::Continues { session, start_ticks: 22_000, timescale, period: 0 }));
        entries.push(part(Independence::Start));
        let fold = |target_duration_s| {
            let shape = Shape { target_duration_s, segment_ms: 2000, part_ms: 500, window_ms: 60_000 };
            let mut chain = Chain::new(begin.clone(), shape);
            entries.iter().for_each(|entry| chain.absorb(entry, 100).unwrap());
            chain
        };
        for target_duration_s in [2, 3, 5, 11] {
            let expected = fold(target_duration_s);
            assert_eq!(fold(12).reshaped(expected.shape).unwrap(), expected);
        }
    }
}
