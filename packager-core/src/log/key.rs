//! Keys of the log in object storage.

use std::fmt::Write as _;

use super::name::{BroadcastName, Generation, SessionId, TrackName};
use super::reader::Target;

/// Decimal digits of a start in a part's key: enough for any `u64`, so that keys sort by time.
pub const START_DIGITS: usize = 20;

/// `{broadcast}/broadcast.json`: the operator's record, which names the generation.
pub fn broadcast(broadcast: &BroadcastName) -> String {
    format!("{broadcast}/broadcast.json")
}

/// `{broadcast}/slate-{hash}.mp4`: a clip of the broadcaster's own.
pub fn slate_clip(broadcast: &BroadcastName, hash: &str) -> String {
    format!("{broadcast}/slate-{hash}.mp4")
}

/// A key, by what it is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// Of the operator's record.
    Record(BroadcastName),
    /// Of an object of a generation.
    Object(BroadcastName, Generation, Target),
}

impl Key {
    /// Reads a key as it is spelled here; any other spelling is no key of ours.
    pub fn parse(key: &str) -> Option<Self> {
        let (broadcast, rest) = key.split_once('/')?;
        let broadcast = BroadcastName::parse(broadcast).ok()?;
        let (generation, rest) = match rest.split_once('/') {
            None => return (rest == "broadcast.json").then_some(Self::Record(broadcast)),
            Some((generation, rest)) => (Generation::parse(generation).ok()?, rest),
        };
        let (folder, file) = rest.split_once('/')?;
        let target = if folder == "periods" {
            Target::Period(file.strip_suffix(".json")?.parse().ok()?)
        } else {
            parse_of_track(TrackName::parse(folder).ok()?, file)?
        };
        // Numbers can be written in more than one way.
        let spelled = target.key(&Keys::new(&broadcast, &generation));
        (spelled == key).then_some(Self::Object(broadcast, generation, target))
    }

    /// As it is spelled.
    pub fn spell(&self) -> String {
        match self {
            Self::Record(name) => broadcast(name),
            Self::Object(broadcast, generation, target) => target.key(&Keys::new(broadcast, generation)),
        }
    }
}

/// What is meant by what follows a track's name in a key.
fn parse_of_track(track: TrackName, rest: &str) -> Option<Target> {
    match rest.split_once('/') {
        None => (rest == "begin.json").then_some(Target::Begin(track)),
        Some(("index", "head.json")) => Some(Target::Head(track)),
        Some(("index", file)) => match file.strip_suffix(".json")?.split_once('-') {
            None => Some(Target::Page(track, file.strip_suffix(".json")?.parse().ok()?)),
            Some((number, span)) => {
                let span = span.parse().ok().filter(|span| super::index::SPANS.contains(span))?;
                Some(Target::Listing(track, span, number.parse().ok()?))
            }
        },
        Some((session, "init.mp4")) => Some(Target::Init(track, SessionId::parse(session).ok()?)),
        Some((session, part)) => {
            Some(Target::Part(track, SessionId::parse(session).ok()?, parse_start(part)?))
        }
    }
}

/// Keys of one generation of one broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    root: String,
}

impl Keys {
    /// Keys under `{broadcast}/{generation}/`.
    pub fn new(broadcast: &BroadcastName, generation: &Generation) -> Self {
        Self { root: format!("{broadcast}/{generation}") }
    }

    /// What is listed to find the tracks: the children of `{broadcast}/{generation}/`.
    pub fn root(&self) -> String {
        format!("{}/", self.root)
    }

    /// `periods/{n}.json`.
    pub fn period(&self, n: u32) -> String {
        format!("{}/periods/{n:06}.json", self.root)
    }

    /// What is listed to find the sessions a track has headers for.
    pub fn track(&self, track: &TrackName) -> String {
        format!("{}/{track}/", self.root)
    }

    /// `{track}/begin.json`.
    pub fn begin(&self, track: &TrackName) -> String {
        format!("{}/{track}/begin.json", self.root)
    }

    /// `{track}/{session}/init.mp4`, a CMAF header.
    pub fn init(&self, track: &TrackName, session: &SessionId) -> String {
        format!("{}/{track}/{session}/init.mp4", self.root)
    }

    /// What is listed to find the parts and markers of a session: names that [`parse_start`] reads, and the header's.
    pub fn session(&self, track: &TrackName, session: &SessionId) -> String {
        format!("{}/{track}/{session}/", self.root)
    }

    /// `{track}/{session}/{start}.m4s`, a part or a marker.
    pub fn part(&self, track: &TrackName, session: &SessionId, start_ticks: u64) -> String {
        let mut key = format!("{}/{track}/", self.root);
        push_part_path(&mut key, session, start_ticks);
        key
    }

    /// `{track}/index/head.json`, the checkpoint.
    pub fn head(&self, track: &TrackName) -> String {
        format!("{}/{track}/index/head.json", self.root)
    }

    /// `{track}/index/{page}.json`, an immutable page of closed segments.
    pub fn page(&self, track: &TrackName, page: u64) -> String {
        format!("{}/{track}/index/{page:08}.json", self.root)
    }

    /// `{track}/index/{number}-{span}.json`, an immutable listing of closed segments.
    pub fn listing(&self, track: &TrackName, span: u64, number: u64) -> String {
        format!("{}/{track}/index/{number:08}-{span}.json", self.root)
    }
}

/// Appends `{session}/{start}.m4s`: the end of a part's key, and its URL relative to its playlist.
pub fn push_part_path(to: &mut String, session: &SessionId, start_ticks: u64) {
    to.push_str(session.as_str());
    let _ = write!(to, "/{start_ticks:020}.m4s");
}

/// Appends `{session}-{msn}.m4s`: a segment's URL relative to its playlist. It is not stored, and its number goes on
/// when the encoder starts over: with the session, who still counts by the old timeline is not given the new one.
pub fn push_segment_path(to: &mut String, session: &SessionId, msn: u64) {
    to.push_str(session.as_str());
    to.push('-');
    to.push_str(itoa::Buffer::new().format(msn));
    to.push_str(".m4s");
}

/// Reads a start as [`push_part_path`] spells it; any other spelling is no key of ours.
pub fn parse_start(file: &str) -> Option<u64> {
    let digits = file.strip_suffix(".m4s")?;
    let plain = digits.len() == START_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_spelled() {
        for key in [
            "show/broadcast.json",
            "show/g1/periods/000000.json",
            "show/g1/periods/4294967295.json",
            "show/g1/video-0/begin.json",
            "show/g1/video-0/index/head.json",
            "show/g1/video-0/index/00000012.json",
            "show/g1/video-0/index/00000012-512.json",
            "show/g1/video-0/index/00000000-4096.json",
            "show/g1/video-0/index/18446744073709551615.json",
            "show/g1/video-0/s1/init.mp4",
            "show/g1/video-0/s1/00000000000000000000.m4s",
            "show/g1/video-0/s1/18446744073709551615.m4s",
        ] {
            assert_eq!(Key::parse(key).expect(key).spell(), key);
        }
        let (show, g1) = (BroadcastName::parse("show").unwrap(), Generation::parse("g1").unwrap());
        let track = TrackName::parse("video-0").unwrap();
        let part = Target::Part(track, SessionId::parse("s1").unwrap(), 15);
        let key = part.key(&Keys::new(&show, &g1));
        assert_eq!(Key::parse(&key), Some(Key::Object(show, g1, part)));
    }

    #[test]
    fn any_other_spelling_is_no_key() {
        for key in [
            "",
            "show",
            "show/",
            "show/g1",
            "show/g1/",
            "Show/broadcast.json",
            "show/broadcast.json/",
            "show/other.json",
            "show/g1/broadcast.json",
            "show/g1/periods/0.json",
            "show/g1/periods/+00000.json",
            "show/g1/periods/4294967296.json",
            "show/g1/periods/begin.json",
            "show/g1/periods/s1/init.mp4",
            "show/g1/../begin.json",
            "show/g1/video-0/index/1.json",
            "show/g1/video-0/index/00000001-64.json",
            "show/g1/video-0/index/00000001-0512.json",
            "show/g1/video-0/index/-512.json",
            "show/g1/video-0/index/init.mp4",
            "show/g1/video-0/index/00000000000000000000.m4s",
            "show/g1/video-0/s1/0.m4s",
            "show/g1/video-0/s1/00000000000000000000.m4s/",
            "show/g1/video-0/s1/18446744073709551616.m4s",
            "show/g1/video-0/s1/x/init.mp4",
            "show/g1//begin.json",
            "/show/broadcast.json",
        ] {
            assert_eq!(Key::parse(key), None, "{key}");
        }
    }
}
