//! A viewer without a screen: follows playlists, fetches all they name, and remembers every URL.

use std::collections::BTreeMap;
use std::time::Duration;

use m3u8_rs::Playlist;

/// An answer.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Fetched {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request.
///
/// # Errors
///
/// No answer came.
pub fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Fetched, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into();
    let mut call = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        call = call.header(*name, *value);
    }
    let call = call.body(body.to_vec()).map_err(|why| why.to_string())?;
    let mut answer = agent.run(call).map_err(|why| why.to_string())?;
    let headers = answer.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(Fetched {
        status: answer.status().as_u16(),
        headers: headers.collect(),
        body: answer
            .body_mut()
            .with_config()
            .limit(256 << 20)
            .read_to_vec()
            .map_err(|why| why.to_string())?,
    })
}

/// GET.
///
/// # Errors
///
/// No answer came.
pub fn get(url: &str) -> Result<Fetched, String> {
    request("GET", url, &[], &[])
}

/// PUT.
///
/// # Errors
///
/// No answer came.
pub fn put(url: &str, body: &[u8]) -> Result<Fetched, String> {
    request("PUT", url, &[], body)
}

/// Follows one media playlist and holds it to what must never change.
#[derive(Debug, Default)]
pub struct Follower {
    /// What each URL's bytes were.
    media: BTreeMap<String, Vec<u8>>,
    /// URI of each media sequence number.
    numbers: BTreeMap<u64, String>,
    last_sequence: u64,
    last_discontinuity: u64,
    /// Discontinuity sequence number of the newest segment.
    pub newest_discontinuity: u64,
    /// Media sequence number of the newest segment.
    pub newest: u64,
    target_duration: Option<u64>,
}

impl Follower {
    /// Fetches the playlist and every segment in it that was not fetched yet.
    ///
    /// # Panics
    ///
    /// Something a player relies on does not hold.
    pub fn look(&mut self, url: &str) {
        let answer = get(url).expect("the playlist answers");
        assert_eq!(answer.status, 200, "{url}: {}", answer.text());
        let playlist = match m3u8_rs::parse_playlist_res(&answer.body) {
            Ok(Playlist::MediaPlaylist(playlist)) => playlist,
            other => panic!("{url}: m3u8-rs reads no media playlist: {other:?}\n{}", answer.text()),
        };
        let target = *self.target_duration.get_or_insert(playlist.target_duration);
        assert_eq!(target, playlist.target_duration, "TARGETDURATION changed");
        assert!(playlist.media_sequence >= self.last_sequence.max(1), "EXT-X-MEDIA-SEQUENCE fell");
        assert!(
            playlist.discontinuity_sequence >= self.last_discontinuity,
            "EXT-X-DISCONTINUITY-SEQUENCE fell"
        );
        self.last_sequence = playlist.media_sequence;
        self.last_discontinuity = playlist.discontinuity_sequence;
        let mut discontinuity = playlist.discontinuity_sequence;
        let base = url.rsplit_once('/').expect("a URL has a slash").0;
        for (number, segment) in (playlist.media_sequence..).zip(&playlist.segments) {
            discontinuity += u64::from(segment.discontinuity);
            assert!(
                segment.duration.round() <= target as f32,
                "EXTINF {} exceeds {target}",
                segment.duration
            );
            let uri = self.numbers.entry(number).or_insert_with(|| segment.uri.clone());
            assert_eq!(*uri, segment.uri, "segment {number} changed its URI");
            let is_gap = segment.unknown_tags.iter().any(|tag| tag.tag == "X-GAP");
            if !is_gap {
                self.fetch(&format!("{base}/{}", segment.uri));
            }
            self.newest = self.newest.max(number);
        }
        self.newest_discontinuity = discontinuity;
        let text = answer.text();
        for line in text.lines().filter(|line| line.starts_with("#EXT-X-PART:")) {
            let uri = line
                .split("URI=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .expect("a part has a URI");
            self.fetch(&format!("{base}/{uri}"));
        }
    }

    /// Everything listed can be fetched at once, and is the same each time.
    fn fetch(&mut self, url: &str) {
        if self.media.contains_key(url) {
            return;
        }
        let answer = get(url).expect("media answers");
        assert_eq!(answer.status, 200, "{url} is listed but cannot be fetched");
        assert!(!answer.body.is_empty(), "{url} is empty");
        self.media.insert(url.to_owned(), answer.body);
    }

    /// Fetches everything once more: no URL may have other bytes than before.
    ///
    /// # Panics
    ///
    /// One has.
    pub fn nothing_changed(&self) {
        for (url, before) in &self.media {
            let again = get(url).expect("media answers");
            assert_eq!(again.status, 200, "{url} is gone");
            assert!(again.body == *before, "{url} has other bytes than before");
        }
        assert!(!self.media.is_empty(), "nothing was fetched");
    }
}

/// All media playlists that the multivariant playlist of a broadcast names; `base` ends in a slash.
///
/// # Panics
///
/// One of them cannot be had, or there are none.
pub fn media_playlists(base: &str) -> Vec<String> {
    let text = get(&format!("{base}index.m3u8")).expect("it answers").text();
    let quoted = text.lines().filter_map(|line| line.split("URI=\"").nth(1)?.split('"').next());
    let plain = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let uris: Vec<&str> = quoted.chain(plain).collect();
    assert!(!uris.is_empty(), "{text}");
    uris.iter().map(|uri| get(&format!("{base}{uri}")).expect("it answers").text()).collect()
}
