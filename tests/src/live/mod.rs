//! A live broadcast for the end-to-end tests: the real program, a real encoder, a real browser.

mod asking;
mod browser;
mod encoder;
mod ending;
mod feed;
mod lambda;
mod mpd_parser;
mod network;
mod operating;
mod probe;
mod push;
mod pushing;
mod seaweed;
mod server;
mod shaka;
mod subtitles;
mod varnish;
mod viewer;
mod wire;
mod worker;
mod workerd;
mod wrangler;

pub use asking::{Asking, Progress};
pub use browser::{
    Said, Watched, decodes, over_http_2, read_page, strict, watch, watch_in_background, watch_in_webkit,
};
pub use encoder::{Encoder, Ladder, Push, Way};
pub use ending::end;
pub use feed::Feed;
pub use lambda::{Lambda, function};
pub use mpd_parser::{ReadMpd, ReadPlaylist, ReadSegment, mpd_parser};
pub use network::Network;
pub use operating::Operating;
pub use probe::{Answers, Latency, Probe, Probed};
pub use push::{Progress as PushProgress, Pushed, Pusher, RtmpEncoder, push_to_end, push_to_end_with};
pub use pushing::{SlowPush, Track, parts, segment_url, synthetic, tracks, video_playlist};
pub use seaweed::SeaweedFs;
pub use server::{Server, free_port, program};
pub use shaka::shaka;
pub use subtitles::Subtitles;
pub use varnish::Varnish;
pub use viewer::{Fetched, Follower, get, media_playlists, put, request};
pub use wire::{Received, Wire};
pub use worker::{Inside, Listed, Worker};
pub use workerd::{Count, Workerd};
pub use wrangler::Wrangler;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What encoders push to, and viewers watch.
pub trait Host {
    /// A URL of it.
    fn url(&self, path: &str) -> String;
}

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Asks until there is an answer.
///
/// # Panics
///
/// There is none within `limit`.
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
