//! A viewer: the multivariant playlist, then one variant's pictures and sound, as hls.js in low-latency mode.

use std::sync::Arc;
use std::time::Duration;

use rimcast_tests::rules::playlist::{Line, Lines};
use tokio::task::JoinSet;
use url::Url;

use crate::client::{Client, Connector, PLAYLIST_PATIENCE};
use crate::judge::Judge;
use crate::tally::{Kind, Tally};
use crate::track;

/// Before what failed is asked for again.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// What all viewers share.
pub(crate) struct Shared {
    pub(crate) connector: Connector,
    pub(crate) judge: Judge,
    pub(crate) tally: Tally,
}

/// Watches until the broadcast ends, or whoever called has seen enough.
pub(crate) async fn watch(viewer: usize, url: Url, shared: Arc<Shared>) {
    let client = Arc::new(Client::new(&shared.connector));
    let tracks = loop {
        let answer = client.get(&url, PLAYLIST_PATIENCE).await;
        shared.tally.answered(Kind::Playlist, &answer);
        if let Some(answer) = answer.ok().filter(|answer| answer.status == 200) {
            let text = String::from_utf8_lossy(&answer.body);
            shared.tally.broken(url.path(), &shared.judge.multivariant(&text));
            break tracks(&text, viewer);
        }
        tokio::time::sleep(RETRY).await;
    };
    let mut following = JoinSet::new();
    for uri in tracks {
        match url.join(&uri) {
            Ok(playlist) => {
                following.spawn(track::follow(playlist, Arc::clone(&client), Arc::clone(&shared)));
            }
            Err(_) => shared.tally.broken_as("H1", url.path(), &format!("{uri} is no URI")),
        }
    }
    while following.join_next().await.is_some() {}
}

/// The media playlists of the variant that this viewer plays: they take turns, so that all are played.
fn tracks(multivariant: &str, viewer: usize) -> Vec<String> {
    let Ok(Lines(lines)) = Lines::parse(multivariant) else { return Vec::new() };
    let variants: Vec<_> = lines
        .windows(2)
        .filter_map(|pair| match pair {
            [Line::Tag(tag), Line::Uri(uri)] if tag.name == "EXT-X-STREAM-INF" => Some((tag, uri)),
            _ => None,
        })
        .collect();
    let Some((variant, uri)) = variants.get(viewer % variants.len().max(1)) else { return Vec::new() };
    let mut tracks = vec![(*uri).clone()];
    let mut sounds: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Tag(tag) if tag.name == "EXT-X-MEDIA" && tag.get("TYPE") == Some("AUDIO") => Some(tag),
            _ => None,
        })
        .filter(|tag| tag.get("GROUP-ID") == variant.get("AUDIO"))
        .collect();
    sounds.sort_by_key(|tag| tag.get("DEFAULT") != Some("YES"));
    let sound = sounds.first().and_then(|tag| tag.quoted("URI"));
    // Sound alone is a variant of its own.
    tracks.extend(sound.filter(|sound| sound != uri).map(str::to_owned));
    tracks
}

#[cfg(test)]
mod tests {
    use super::tracks;

    const TEXT: &str = "#EXTM3U\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"1\",AUTOSELECT=YES,URI=\"g/audio-1/index.m3u8\"\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"2\",DEFAULT=YES,AUTOSELECT=YES,URI=\"g/audio-2/index.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2,CODECS=\"avc1.42c00d,mp4a.40.2\",AUDIO=\"a\"\n\
        g/video-0/index.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.42c00d\"\n\
        g/video-1/index.m3u8\n";

    #[test]
    fn viewers_take_turns_with_variants_and_get_the_default_sound() {
        assert_eq!(tracks(TEXT, 0), ["g/video-0/index.m3u8", "g/audio-2/index.m3u8"]);
        assert_eq!(tracks(TEXT, 1), ["g/video-1/index.m3u8"]);
        assert_eq!(tracks(TEXT, 2), tracks(TEXT, 0));
        assert!(tracks("#EXTM3U\n", 0).is_empty() && tracks("<html>", 3).is_empty());
    }
}
