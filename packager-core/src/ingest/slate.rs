//! An encoder that comes while viewers are shown the [slate](crate::slate): its first media begins a period, whatever its
//! times are, and however often whoever shows the slate was faster by a part.

use super::plan::{Plan, Planned};
use super::receiver::Receiver;
use super::route::NAMELESS;
use super::track::Track;
use super::upload::{Upload, UploadId};
use super::{Refusal, path};
use crate::cmaf::{Chunk, TrackKind};
use crate::log::reader::Target;
use crate::log::slate::kind_of;
use crate::log::{Entry, Marker, SessionId, TrackName};
use crate::order::SortedMap;
use crate::time::WallMs;

impl Receiver {
    /// The name of a stream's track. One that is not named by its encoder is the one of its kind that viewers were shown
    /// a slate of.
    pub(super) fn track_name(&self, stream: &str, kind: TrackKind) -> Result<TrackName, Refusal> {
        let expected = self.expected.iter().find(|track| stream == NAMELESS && kind_of(track) == Some(kind));
        expected.map_or_else(|| path::track_name(stream, kind), |expected| Ok(expected.clone()))
    }

    /// The session of an encoder that goes on after the slate without a new header: the one that other tracks of it have
    /// begun, or a new one.
    pub(super) fn session_after_slate(&mut self, slate: &SessionId, now: WallMs) -> SessionId {
        let newest = self.newest_session.clone().filter(|newest| newest > slate);
        newest.unwrap_or_else(|| self.mint_session(now))
    }

    /// Keeps what was taken until it is sure to be stored behind the slate's end.
    pub(super) fn keep_crossing(&mut self, id: UploadId, chunk: Chunk) {
        let track = self.uploads.get(&id).and_then(|upload| upload.track.as_ref());
        let Some(track) = track.and_then(|track| self.tracks.get_mut(track)) else { return };
        if is_crossing(&track.plan) {
            track.crossing.push((id, chunk));
        }
    }
}

/// Whether the marker that leads out of the slate is not stored yet.
fn is_crossing(plan: &Plan) -> bool {
    let in_flight = plan.in_flight.iter().map(|(_, planned)| planned);
    plan.queue.iter().chain(in_flight).any(leads_out)
}

/// Whether this is the marker with which an encoder goes on after the slate.
pub(super) fn leads_out(planned: &Planned) -> bool {
    let is_of_slate = matches!(&planned.target, Target::Part(_, session, _) if session.is_slate());
    let goes_on = || matches!(Entry::from_meta(&planned.meta), Ok(Entry::Marker(Marker::Continues { .. })));
    is_of_slate && planned.body.is_empty() && goes_on()
}

/// What was taken behind the marker is as if it had just come.
pub(super) fn offer_again(track: &mut Track, uploads: &mut SortedMap<UploadId, Upload>) {
    for (id, chunk) in std::mem::take(&mut track.crossing).into_iter().rev() {
        if let Some(upload) = uploads.get_mut(&id) {
            upload.ready.push_front(chunk);
        }
    }
}
