//! What viewers are told of a broadcast as an event, whether or not there is anything to be watched: for pages that
//! announce it.

use serde::Serialize;

use super::response::Response;
use crate::log::{BroadcastRecord, Title, record};
use crate::time::{Date, WallMs};

/// `/{broadcast}/event.json`: nothing that only operators are to see.
#[derive(Serialize)]
struct Announced<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a Title>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Date>,
    phase: &'static str,
}

/// What is told of a broadcast at `now`.
pub(super) fn announced(record: &BroadcastRecord, now: WallMs) -> Response {
    let event = &record.event;
    let phase = event.phase(now).as_str();
    let told = Announced { title: event.title.as_ref(), start: event.start, end: event.end, phase };
    Response::event(record::to_json(&told))
}
