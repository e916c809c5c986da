//! Viewer URLs.

use super::response::Response;
use super::view::PlaylistFile;
use crate::dash::Form;
use crate::log::{BroadcastName, Generation, SessionId, TrackName, key};

/// A segment of a track. Its number goes on when the encoder starts over; who still counts by the timeline of the
/// session before is not given another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentId {
    pub(super) session: SessionId,
    pub(super) msn: u64,
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/{broadcast}/`
    Page(BroadcastName),
    /// `/{broadcast}/index.m3u8`
    Multivariant(BroadcastName),
    /// `/{broadcast}/manifest.mpd` or `/{broadcast}/sequence.mpd`
    Manifest(BroadcastName, Form),
    /// `/{broadcast}/manifest.mpp` or `/{broadcast}/sequence.mpp`
    Patch(BroadcastName, Form),
    /// `/{broadcast}/time`
    Time(BroadcastName),
    /// `/{broadcast}/event.json`
    Event(BroadcastName),
    /// `/{broadcast}/{generation}/{track}/index.m3u8`, or another that lists something else of the track
    Media { broadcast: BroadcastName, generation: Generation, track: TrackName, file: PlaylistFile },
    /// `/{broadcast}/{generation}/{track}/{session}-{msn}.m4s`, or with `_{part}` after its number: a part, by
    /// its place in its segment
    Segment {
        broadcast: BroadcastName,
        generation: Generation,
        track: TrackName,
        segment: SegmentId,
        part: Option<usize>,
    },
    /// `/{broadcast}/{generation}/{track}/{session}/init.mp4`
    Init { broadcast: BroadcastName, generation: Generation, track: TrackName, session: SessionId },
    /// `/{broadcast}/{generation}/{track}/{session}/{start}.m4s`
    Part {
        broadcast: BroadcastName,
        generation: Generation,
        track: TrackName,
        session: SessionId,
        start_ticks: u64,
    },
}

impl Route {
    pub(super) fn broadcast(&self) -> &BroadcastName {
        match self {
            Self::Page(broadcast)
            | Self::Multivariant(broadcast)
            | Self::Manifest(broadcast, _)
            | Self::Patch(broadcast, _)
            | Self::Time(broadcast)
            | Self::Event(broadcast)
            | Self::Media { broadcast, .. }
            | Self::Segment { broadcast, .. }
            | Self::Init { broadcast, .. }
            | Self::Part { broadcast, .. } => broadcast,
        }
    }

    /// Whether it tells what there is of a broadcast, or of a track in this generation of it.
    pub(super) fn tells(&self) -> Option<Option<&Generation>> {
        match self {
            Self::Multivariant(_) | Self::Manifest(..) | Self::Patch(..) => Some(None),
            Self::Media { generation, .. } => Some(Some(generation)),
            Self::Page(_)
            | Self::Event(_)
            | Self::Time(_)
            | Self::Segment { .. }
            | Self::Init { .. }
            | Self::Part { .. } => None,
        }
    }

    /// Reads a path; what names nothing is a 404, and a page without its slash is sent there.
    pub(super) fn parse(path: &str) -> Result<Self, Box<Response>> {
        let known = |route: Option<Self>| route.ok_or_else(|| Box::new(Response::not_found("no such page")));
        let mut names = path.strip_prefix('/').unwrap_or(path).split('/');
        let broadcast = names.next().and_then(|name| BroadcastName::parse(name).ok());
        let Some(broadcast) = broadcast else { return known(None) };
        let rest = [names.next(), names.next(), names.next(), names.next(), names.next()];
        match rest {
            [None, ..] => Err(Box::new(Response::redirect(format!("/{broadcast}/")))),
            [Some(""), None, ..] => Ok(Self::Page(broadcast)),
            [Some("index.m3u8"), None, ..] => Ok(Self::Multivariant(broadcast)),
            [Some("time"), None, ..] => Ok(Self::Time(broadcast)),
            [Some("event.json"), None, ..] => Ok(Self::Event(broadcast)),
            [Some(file), None, ..] => known(Self::in_broadcast(&broadcast, file)),
            [Some(generation), Some(track), Some(file), None, _] => {
                known(Self::in_track(broadcast, generation, track, file))
            }
            [Some(generation), Some(track), Some(session), Some(file), None] => {
                known(Self::in_session(broadcast, generation, track, session, file))
            }
            _ => known(None),
        }
    }

    fn in_broadcast(broadcast: &BroadcastName, file: &str) -> Option<Self> {
        [Form::Chunked, Form::Sequence].into_iter().find_map(|form| match file {
            _ if file == form.file() => Some(Self::Manifest(broadcast.clone(), form)),
            _ if file == form.patch_file() => Some(Self::Patch(broadcast.clone(), form)),
            _ => None,
        })
    }

    fn in_track(broadcast: BroadcastName, generation: &str, track: &str, file: &str) -> Option<Self> {
        let generation = Generation::parse(generation).ok()?;
        let track = TrackName::parse(track).ok()?;
        if let Some(file) = PlaylistFile::parse(file) {
            return Some(Self::Media { broadcast, generation, track, file });
        }
        let (session, number) = file.strip_suffix(".m4s")?.rsplit_once('-')?;
        let (msn, part) = number.split_once('_').map_or((number, None), |(msn, part)| (msn, Some(part)));
        let segment =
            SegmentId { session: SessionId::parse(session).ok()?, msn: plain(msn).filter(|msn| *msn > 0)? };
        let part = match part {
            Some(part) => Some(usize::try_from(plain(part)?).ok()?),
            None => None,
        };
        Some(Self::Segment { broadcast, generation, track, segment, part })
    }

    fn in_session(
        broadcast: BroadcastName,
        generation: &str,
        track: &str,
        session: &str,
        file: &str,
    ) -> Option<Self> {
        let generation = Generation::parse(generation).ok()?;
        let track = TrackName::parse(track).ok()?;
        let session = SessionId::parse(session).ok()?;
        if file == "init.mp4" {
            return Some(Self::Init { broadcast, generation, track, session });
        }
        let start_ticks = key::parse_start(file)?;
        Some(Self::Part { broadcast, generation, track, session, start_ticks })
    }
}

/// Reads a number in its one spelling, so that a cache holds one copy.
fn plain(digits: &str) -> Option<u64> {
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit()) && (!digits.starts_with('0') || digits == "0");
    digits.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_write_is_read() {
        assert!(matches!(Route::parse("/a/"), Ok(Route::Page(_))));
        assert!(matches!(Route::parse("/a/index.m3u8"), Ok(Route::Multivariant(_))));
        assert!(matches!(Route::parse("/a/g/t/index.m3u8"), Ok(Route::Media { .. })));
        let segment = |path: &str| match Route::parse(path) {
            Ok(Route::Segment { segment, part, .. }) => (segment.session.to_string(), segment.msn, part),
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(segment("/a/g/t/s-12.m4s"), ("s".to_owned(), 12, None));
        assert_eq!(segment("/a/g/t/epoch-s-12_0.m4s"), ("epoch-s".to_owned(), 12, Some(0)));
        assert!(matches!(Route::parse("/a/manifest.mpd"), Ok(Route::Manifest(_, Form::Chunked))));
        assert!(matches!(Route::parse("/a/sequence.mpd"), Ok(Route::Manifest(_, Form::Sequence))));
        assert!(matches!(Route::parse("/a/sequence.mpp"), Ok(Route::Patch(_, Form::Sequence))));
        assert!(matches!(Route::parse("/a/time"), Ok(Route::Time(_))));
        assert!(matches!(Route::parse("/a/event.json"), Ok(Route::Event(_))));
        assert!(matches!(Route::parse("/a/g/t/s/init.mp4"), Ok(Route::Init { .. })));
        assert!(matches!(
            Route::parse("/a/g/t/s/00000000000000000090.m4s"),
            Ok(Route::Part { start_ticks: 90, .. })
        ));
        assert_eq!(Route::parse("/a").unwrap_err().status, 308);
        for bad in [
            "",
            "/",
            "//",
            "/../index.m3u8",
            "/a%2f/",
            "/a/g/t/12.m4s",
            "/a/g/t/-12.m4s",
            "/a/g/t/s-012.m4s",
            "/a/g/t/s-+1.m4s",
            "/a/g/t/s-0.m4s",
            "/a/g/t/s-1_.m4s",
            "/a/g/t/s-1_01.m4s",
            "/a/g/t/s-1_2_3.m4s",
            "/a/other.mpd",
            "/a/g/t/s/90.m4s",
            "/a/g/t/s/u/00000000000000000090.m4s",
            "/A/",
        ] {
            assert_eq!(Route::parse(bad).unwrap_err().status, 404, "{bad}");
        }
    }
}
