//! What a viewer's URL tells before anything is read: its one spelling, and where its kind is held.

use std::borrow::Cow;

use super::Request;
use super::route::Route;
use crate::log::{BroadcastName, TrackName};

/// Delivery directives (HLS §6.2.5), in the order in which a canonical URL has them.
const DIRECTIVES: &[&str] = &["_HLS_msn", "_HLS_part", "_HLS_skip"];

/// Which part of a broadcast is to be shown, likewise.
pub(super) const VIEW: &[&str] = &["start", "end", "delay"];

/// What the URL of a patch says of the manifest it is for, likewise.
const PATCH: &[&str] = &["from", "at", "of"];

/// Requests of one place are held together: they wait for the same keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The broadcast,
    pub broadcast: BroadcastName,
    /// and the track, but for what is of all of them.
    pub track: Option<TrackName>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.track {
            Some(track) => write!(f, "{}/{track}", self.broadcast),
            None => self.broadcast.fmt(f),
        }
    }
}

impl Request<'_> {
    /// Where a request is held, should it have to be; `None` where it names nothing.
    pub fn place(&self) -> Option<Place> {
        let route = Route::parse(self.path).ok()?;
        let broadcast = route.broadcast().clone();
        let track = match route {
            Route::Page(_)
            | Route::Multivariant(_)
            | Route::Manifest(..)
            | Route::Patch(..)
            | Route::Time(_)
            | Route::Event(_) => None,
            Route::Media { track, .. }
            | Route::Segment { track, .. }
            | Route::Init { track, .. }
            | Route::Part { track, .. } => Some(track),
        };
        Some(Place { broadcast, track })
    }

    /// Asks for what may not be there yet, so that it is as likely held as not: a blocking playlist
    /// request, or one for a part.
    pub fn may_block(&self) -> bool {
        match Route::parse(self.path) {
            Ok(Route::Media { .. }) => self.query.contains("_HLS_msn="),
            Ok(Route::Part { .. } | Route::Segment { part: Some(_), .. } | Route::Patch(..)) => true,
            _ => false,
        }
    }
}

/// The one spelling of a path and query: parameters that mean something here, in one order, and
/// nothing else. Caches keep one copy of what has many spellings (`CMCD` differs for each viewer, and
/// "the order of the query parameters" means nothing, HLS §6.2.5).
///
/// Borrowed where it was canonical already, as players' requests mostly are.
pub fn canonical(target: &str) -> Cow<'_, str> {
    let Some((path, query)) = target.split_once('?') else { return Cow::Borrowed(target) };
    // What is of all tracks stands right under the broadcast's name.
    let is_overview = path.bytes().filter(|byte| *byte == b'/').count() == 2;
    let names = match path.rsplit_once('.') {
        Some((_, "m3u8")) if !is_overview => DIRECTIVES,
        Some((_, "m3u8" | "mpd")) => VIEW,
        Some((_, "mpp")) => PATCH,
        _ => return Cow::Borrowed(path),
    };
    // What stands twice stays twice, in its order, and is refused as what it is.
    let of_name =
        |name: &'static str| query.split('&').filter(move |pair| pair.split('=').next() == Some(name));
    let kept: Vec<&str> = names.iter().flat_map(|name| of_name(name)).collect();
    if kept.is_empty() {
        return Cow::Borrowed(path);
    }
    let sorted = kept.join("&");
    if sorted == query { Cow::Borrowed(target) } else { Cow::Owned(format!("{path}?{sorted}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Method;

    #[test]
    fn one_spelling_for_what_means_the_same() {
        for (target, one) in [
            ("/a/", "/a/"),
            ("/a/?utm=x", "/a/"),
            ("/a/index.m3u8?CMCD=br%3D1", "/a/index.m3u8"),
            ("/a/g/t/index.m3u8?_HLS_msn=1&_HLS_part=2", "/a/g/t/index.m3u8?_HLS_msn=1&_HLS_part=2"),
            ("/a/g/t/index.m3u8?_HLS_part=2&_HLS_msn=1&x", "/a/g/t/index.m3u8?_HLS_msn=1&_HLS_part=2"),
            ("/a/g/t/index.m3u8?_HLS_skip=YES&_HLS_msn=1", "/a/g/t/index.m3u8?_HLS_msn=1&_HLS_skip=YES"),
            ("/a/g/t/index.m3u8?_HLS_msn=2&_HLS_msn=1", "/a/g/t/index.m3u8?_HLS_msn=2&_HLS_msn=1"),
            ("/a/g/t/index.m3u8?", "/a/g/t/index.m3u8"),
            ("/a/g/t/s-7.m4s?_HLS_msn=1", "/a/g/t/s-7.m4s"),
            ("/a/manifest.mpp?CMCD=x&of=1&at=2.3&from=4", "/a/manifest.mpp?from=4&at=2.3&of=1"),
            ("/a/manifest.mpd?from=4", "/a/manifest.mpd"),
            ("/a/index.m3u8?_HLS_msn=1", "/a/index.m3u8"),
            ("/a/event.json?start=60&x=y", "/a/event.json"),
            ("/a/index.m3u8?end=5&x=y&start=60", "/a/index.m3u8?start=60&end=5"),
            ("/a/manifest.mpd?delay=30&CMCD=x", "/a/manifest.mpd?delay=30"),
            ("/a/g/t/from-60.m3u8?start=60&_HLS_msn=4", "/a/g/t/from-60.m3u8?_HLS_msn=4"),
            ("/a/g/t/index.m3u8?start=60", "/a/g/t/index.m3u8"),
            ("/a/g/t/index.m3u8?_hls_msn=1", "/a/g/t/index.m3u8"),
        ] {
            assert_eq!(canonical(target), one, "{target}");
        }
        let unchanged = "/a/g/t/index.m3u8?_HLS_msn=1&_HLS_part=2&_HLS_skip=v2";
        assert!(matches!(canonical(unchanged), Cow::Borrowed(_)));
    }

    #[test]
    fn requests_that_wait_for_the_same_are_of_one_place() {
        fn request(path: &str) -> Request<'_> {
            Request { method: Method::Get, path, query: "_HLS_msn=3" }
        }
        let place = |path: &str| request(path).place().map(|place| place.to_string());
        assert_eq!(place("/cup/index.m3u8").as_deref(), Some("cup"));
        for path in ["index.m3u8", "s-3.m4s", "s-3_1.m4s", "s/00000000000000000090.m4s", "s/init.mp4"] {
            assert_eq!(place(&format!("/cup/g/video/{path}")).as_deref(), Some("cup/video"), "{path}");
        }
        assert_eq!(place("/cup/g/video/x"), None);
        assert!(request("/cup/g/video/index.m3u8").may_block());
        assert!(request("/cup/g/video/s/00000000000000000090.m4s").may_block());
        assert!(!request("/cup/g/video/s-3.m4s").may_block() && !request("/cup/index.m3u8").may_block());
    }
}
