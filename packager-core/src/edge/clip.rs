//! Clips: what of another broadcast is shown under a name of its own. Playlists and manifests lead to that broadcast's
//! media, so that caches hold it once.

use std::sync::Arc;

use super::broadcast::Broadcast;
use super::response::Response;
use super::view::Wish;
use super::{Edge, Fetch, Step};
use crate::log::{BroadcastName, BroadcastRecord, Clip, record};
use crate::status::Status;
use crate::time::WallMs;

/// Why nothing of a clip can be watched any more.
const ORIGINAL_GONE: &str = "the broadcast that this is a clip of was deleted, and its media with it";

impl Edge {
    /// Answers with what of its original a clip shows.
    pub(super) fn clipped(
        &mut self,
        clip: &Clip,
        wish: Wish,
        now: WallMs,
        answer: impl FnOnce(&mut Broadcast, &Arc<BroadcastRecord>, Wish) -> Step,
    ) -> Step {
        if wish != Wish::Live {
            let why = "this is a clip, which is a range already; ask its original for start, end or delay";
            return Step::Respond(Response::bad_request(why));
        }
        match self.original(clip, now) {
            Ok(Some(record)) => {
                let of = self.broadcast(&clip.of, &clip.generation);
                answer(of, &record, Wish::Clip(clip.range()))
            }
            Ok(None) => Step::Respond(Response::gone(ORIGINAL_GONE)),
            Err(fetches) => Step::Fetch(fetches),
        }
    }

    /// What is said of a clip's original; `None`: it is not there any more.
    fn original(&self, clip: &Clip, now: WallMs) -> Result<Option<Arc<BroadcastRecord>>, Vec<Fetch>> {
        let there = self.record(&clip.of, now)?;
        Ok(there.filter(|record| record.generation == clip.generation))
    }

    /// How a clip is doing, for operators.
    pub(super) fn clip_status(
        &self,
        name: &BroadcastName,
        clip: &Clip,
        record: &BroadcastRecord,
        now: WallMs,
    ) -> Step {
        let warnings = match self.original(clip, now) {
            Ok(Some(_)) => Vec::new(),
            Ok(None) => vec![format!("{ORIGINAL_GONE}; delete the clip too")],
            Err(fetches) => return Step::Fetch(fetches),
        };
        let status = Status::of_clip(name, clip, record, warnings, now);
        Step::Respond(Response::for_operators(record::to_json(&status)))
    }
}

impl Broadcast {
    /// What the URLs of media begin with, where they are told.
    pub(super) fn root(&self, wish: Wish) -> String {
        match wish {
            Wish::Clip(_) => format!("../{}/{}", self.name, self.generation),
            _ => self.generation.to_string(),
        }
    }
}
