//! How a broadcast is doing: for operators.

use super::broadcast::Broadcast;
use super::response::Response;
use super::{Asked, Edge, Step};
use crate::log::{BroadcastName, BroadcastRecord, record};
use crate::status::Status;
use crate::time::WallMs;

/// The broadcast whose status a path names: `/{broadcast}/status`. Hosts let only [operators](super::Method::Operator)
/// see it.
pub fn status_of(path: &str) -> Option<BroadcastName> {
    let (broadcast, file) = path.strip_prefix('/')?.split_once('/')?;
    BroadcastName::parse(broadcast).ok().filter(|_| file == "status")
}

impl Edge {
    /// What to do about an operator's request at the time `now`.
    pub(super) fn status(&mut self, path: &str, asked: Asked, now: WallMs) -> Step {
        let Some(name) = status_of(path) else {
            return Step::Respond(Response::not_found("no such page"));
        };
        match self.known(&name, now) {
            Ok(record) => match &record.event.clip {
                Some(clip) => self.clip_status(&name, clip, &record, now),
                None => self.broadcast(&name, &record.generation).status(&record, asked, now),
            },
            Err(step) => *step,
        }
    }
}

impl Broadcast {
    fn status(&self, record: &BroadcastRecord, asked: Asked, now: WallMs) -> Step {
        if let Some(step) = self.unread(None, asked, now) {
            return step;
        }
        if let Some(step) = self.fetch(self.log.wanted_headers()) {
            return step;
        }
        let status = Status::of(&self.name, record, &self.log, now);
        Step::Respond(Response::for_operators(record::to_json(&status)))
    }
}
