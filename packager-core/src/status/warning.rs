//! What is wrong with a broadcast, in words: what it means to viewers, and what to do about it.

use super::{State, Track};
use crate::cmaf::TrackKind;
use crate::log::BroadcastLog;

/// Parts may come so much later, or earlier, than a minute ago.
const DRIFT_MS: i64 = 500;

/// Tracks may be so far apart.
const APART_MS: i64 = 1_000;

/// All there is to say.
pub(super) fn all(state: State, log: &BroadcastLog, tracks: &[Track]) -> Vec<String> {
    let mut all = Vec::new();
    match state {
        State::Waiting if tracks.is_empty() => all.push("no encoder has pushed yet".to_owned()),
        State::Away => {
            let last_ms = tracks.iter().filter_map(|track| track.last_part_ms).min();
            let since = last_ms.map_or(String::new(), |ms| format!(" for {} s", ms / 1_000));
            all.push(format!("nothing has come from the encoder{since}; is it running, and its network up?"));
        }
        State::Live if log.shape().is_some_and(|shape| shape.whole_segments) => all.push(
            "the encoder sends whole segments, so viewers are 6 to 8 s behind; with ffmpeg -f dash, -ldash 1 \
             -streaming 1 sends them as they grow"
                .to_owned(),
        ),
        _ => {}
    }
    let segment_ms = log.shape().map(|shape| u64::from(shape.segment_ms));
    for track in tracks.iter().filter(|track| !track.ended && state != State::Ended) {
        of_track(track, segment_ms, state == State::Live, &mut all);
    }
    for (name, of) in log.tracks() {
        if let Some(why) = of.damage() {
            all.push(format!(
                "the log of {name} cannot be read past some object: {why}; see `rimcast verify`"
            ));
        }
    }
    all
}

fn of_track(track: &Track, segment_ms: Option<u64>, is_live: bool, all: &mut Vec<String>) {
    let name = &track.name;
    let (interval, asked) = (track.keyframe_interval_ms, segment_ms);
    if let (Some(interval), Some(asked)) = (interval, asked)
        && interval > asked.saturating_mul(3) / 2
    {
        all.push(format!(
            "keyframes of {name} are {interval} ms apart, so viewers take longer to start; set the encoder's keyframe \
             interval to {asked} ms"
        ));
    }
    if track.gaps > 0 {
        all.push(format!(
            "{} of the newest segments of {name} are gaps: media did not arrive, or came too late; look at the network \
             between the encoder and its ingest",
            track.gaps
        ));
    }
    if let (Some(drift), Some(over)) = (track.drift_ms, track.drift_over_ms)
        && drift.abs() > DRIFT_MS
    {
        let (how, why) = if drift > 0 {
            ("later", "its network is too slow for its bit rate, or its clock too slow")
        } else {
            ("earlier", "it sends faster than in real time, or its clock is too fast")
        };
        let (drift, seconds) = (drift.abs(), over / 1_000);
        all.push(format!("media of {name} arrives {drift} ms {how} than {seconds} s ago; {why}"));
    }
    // Nobody need speak for a while.
    if is_live && track.kind != TrackKind::Text && track.behind_ms > APART_MS {
        all.push(format!(
            "{name} is {} ms behind the other tracks; has the encoder lost that input?",
            track.behind_ms
        ));
    }
}
