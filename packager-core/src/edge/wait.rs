//! What a held request waits for, and how a host that is not told of writes finds out.

use super::Fetch;
use crate::log::{BroadcastName, Chain, TrackName};
use crate::time::WallMs;

/// Pace of polls while what is waited for is due any moment: finer than viewers notice, coarser than
/// a read takes.
const POLL_MS: i64 = 20;

/// Pace once it is late: the encoder's network falters.
const LATE_POLL_MS: i64 = 60;

/// Pace once it is so late that the encoder has probably gone, and of what has no time to be due at.
const IDLE_POLL_MS: i64 = 250;

/// Late by this, and by this much gone.
const LATE_MS: i64 = 500;
const GONE_MS: i64 = 3_000;

/// What a host waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Something about this broadcast,
    pub broadcast: BroadcastName,
    /// and this track of it, where only one matters.
    pub track: Option<TrackName>,
    /// What a host that is not told of writes reads again and again, at [`next_poll`](Self::next_poll).
    /// When something is found there, it absorbs that and asks again.
    pub poll: Fetch,
    /// When it should be there, if the encoder goes on as before.
    pub due: WallMs,
    /// Ask again then, whatever has happened.
    pub until: WallMs,
}

impl Wait {
    /// When to poll next, if it was not there yet at `now`.
    pub fn next_poll(&self, now: WallMs) -> WallMs {
        let late_ms = now.since_ms(self.due);
        let pace_ms = match late_ms {
            ..0 => late_ms.saturating_neg(),
            _ if self.track.is_none() => IDLE_POLL_MS,
            0..LATE_MS => POLL_MS,
            LATE_MS..GONE_MS => LATE_POLL_MS,
            _ => IDLE_POLL_MS,
        };
        now.plus_ms(pace_ms).min(self.until)
    }
}

/// When the next part of a chain should be stored: as long after the last one as parts last, or, of an
/// encoder that sends whole segments, as those last.
pub(super) fn next_due(chain: &Chain) -> Option<WallMs> {
    let last = chain.open.as_ref().or(chain.closed.back())?.parts.last()?;
    let cadence_ms = if chain.shape.whole_segments {
        u64::from(chain.shape.segment_ms)
    } else {
        chain.run.timescale.ms_from_ticks(chain.part_target_ticks())
    };
    Some(last.meta.wall.plus_ms(i64::try_from(cadence_ms).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::{Asked, Edge, Method, Request, Step};
    use crate::log::Found;

    #[test]
    fn polls_begin_when_due_and_slow_down() {
        let mut edge = Edge::new(false);
        let request = Request { method: Method::Get, path: "/cup/g/video/index.m3u8", query: "" };
        let asked = Asked::at(WallMs(0));
        let wait = loop {
            match edge.handle(&request, asked, WallMs(0)) {
                Step::Fetch(fetches) => fetches.iter().for_each(|fetch| {
                    let body = if fetch.key == "cup/broadcast.json" { "{\"generation\":\"g\"}" } else { "" };
                    let found = if body.is_empty() {
                        Found::Missing
                    } else {
                        Found::Object { meta: String::new(), size_bytes: 18, body: body.into() }
                    };
                    edge.absorb(fetch, &found, WallMs(0));
                }),
                Step::Wait(wait) => break wait,
                step => panic!("{step:?}"),
            }
        };
        assert_eq!((wait.poll.key.as_str(), wait.until), ("cup/g/periods/000000.json", WallMs(9_000)));
        let wait = Wait { due: WallMs(400), ..wait };
        for (now, next) in
            [(0, 400), (399, 400), (400, 420), (900, 960), (3_400, 3_650), (8_990, 9_000), (9_500, 9_000)]
        {
            assert_eq!(wait.next_poll(WallMs(now)), WallMs(next), "{now}");
        }
    }
}
