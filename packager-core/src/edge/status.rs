//! How a broadcast is doing. It is none of the viewers' URLs: a host asks for it once it knows that who wants it is an
//! operator.

use super::broadcast::Broadcast;
use super::response::Response;
use super::{Asked, Edge, Step};
use crate::log::{BroadcastName, record};
use crate::status::Status;
use crate::time::WallMs;

/// The broadcast whose status a path names: `/{broadcast}/status`.
pub fn status_of(path: &str) -> Option<BroadcastName> {
    let (broadcast, file) = path.strip_prefix('/')?.split_once('/')?;
    BroadcastName::parse(broadcast).ok().filter(|_| file == "status")
}

impl Edge {
    /// What to do about an operator's request for a broadcast's status at the time `now`.
    pub fn status(&mut self, name: &BroadcastName, asked: Asked, now: WallMs) -> Step {
        self.overview(name, now, |broadcast, _| broadcast.status(asked, now))
    }
}

impl Broadcast {
    fn status(&self, asked: Asked, now: WallMs) -> Step {
        if let Some(step) = self.unread(None, asked, now) {
            return step;
        }
        let status = Status::of(&self.name, &self.generation, &self.log, now);
        Step::Respond(Response::for_operators(record::to_json(&status)))
    }
}
