//! Viewer URLs.

use super::response::Response;
use crate::log::{BroadcastName, Generation, SessionId, TrackName, key};

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/{broadcast}/`
    Page(BroadcastName),
    /// `/{broadcast}/index.m3u8`
    Multivariant(BroadcastName),
    /// `/{broadcast}/{generation}/{track}/index.m3u8`
    Media { broadcast: BroadcastName, generation: Generation, track: TrackName },
    /// `/{broadcast}/{generation}/{track}/{msn}.m4s`
    Segment { broadcast: BroadcastName, generation: Generation, track: TrackName, msn: u64 },
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
            | Self::Media { broadcast, .. }
            | Self::Segment { broadcast, .. }
            | Self::Init { broadcast, .. }
            | Self::Part { broadcast, .. } => broadcast,
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
            [Some(generation), Some(track), Some(file), None, _] => {
                known(Self::in_track(broadcast, generation, track, file))
            }
            [Some(generation), Some(track), Some(session), Some(file), None] => {
                known(Self::in_session(broadcast, generation, track, session, file))
            }
            _ => known(None),
        }
    }

    fn in_track(broadcast: BroadcastName, generation: &str, track: &str, file: &str) -> Option<Self> {
        let generation = Generation::parse(generation).ok()?;
        let track = TrackName::parse(track).ok()?;
        if file == "index.m3u8" {
            return Some(Self::Media { broadcast, generation, track });
        }
        let digits = file.strip_suffix(".m4s")?;
        // One spelling only, so that a cache holds one copy.
        let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        let msn = digits.parse().ok().filter(|_| plain)?;
        Some(Self::Segment { broadcast, generation, track, msn })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_write_is_read() {
        assert!(matches!(Route::parse("/a/"), Ok(Route::Page(_))));
        assert!(matches!(Route::parse("/a/index.m3u8"), Ok(Route::Multivariant(_))));
        assert!(matches!(Route::parse("/a/g/t/index.m3u8"), Ok(Route::Media { .. })));
        assert!(matches!(Route::parse("/a/g/t/12.m4s"), Ok(Route::Segment { msn: 12, .. })));
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
            "/a/g/t/012.m4s",
            "/a/g/t/+1.m4s",
            "/a/g/t/s/90.m4s",
            "/a/g/t/s/u/00000000000000000090.m4s",
            "/A/",
        ] {
            assert_eq!(Route::parse(bad).unwrap_err().status, 404, "{bad}");
        }
    }
}
