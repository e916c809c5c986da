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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::{Asked, Method, Request};
    use crate::limits;
    use crate::log::Found;

    /// What is answered at a moment, over these two documents.
    fn ask(edge: &mut Edge, path: &str, now: WallMs) -> Response {
        let request = Request { method: Method::Get, path, query: "" };
        for _ in 0..8 {
            let fetches = match edge.handle(&request, Asked::at(now), now) {
                Step::Fetch(fetches) => fetches,
                Step::Respond(response) => return response,
                step @ (Step::Wait(_) | Step::Write(_)) => panic!("{step:?}"),
            };
            for fetch in fetches {
                let json = match fetch.key.as_str() {
                    "a/broadcast.json" => r#"{"generation":"new"}"#,
                    "b/broadcast.json" => {
                        r#"{"generation":"g","clip":{"of":"a","generation":"old","from":"2026-11-22T20:00:00Z","until":"2026-11-22T20:01:00Z"}}"#
                    }
                    _ => "",
                };
                let found = if json.is_empty() {
                    Found::Missing
                } else {
                    Found::Object { meta: String::new(), size_bytes: 1, body: json.into() }
                };
                edge.absorb(&fetch, &found, now);
            }
        }
        panic!("{path} is read for again and again")
    }

    #[test]
    fn an_edge_that_knows_all_it_may_knows_both_documents_at_once() {
        let mut edge = Edge::new(false);
        for (number, ms) in (0..limits::BROADCASTS_KNOWN).zip(0..) {
            assert_eq!(ask(&mut edge, &format!("/c{number}/index.m3u8"), WallMs(ms)).status, 404);
        }
        assert_eq!(ask(&mut edge, "/b/index.m3u8", WallMs(1_000)).status, 410);
    }
}
