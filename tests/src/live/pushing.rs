//! Made-up media pushed to the Worker, as `ffmpeg -f dash` pushes: a request for each header and each segment.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{Fetched, Listed, Worker, get, put};
use crate::media::{Origin, Source, Synthetic};

/// Longest that an answer is waited for.
const LIMIT: Duration = Duration::from_secs(60);

/// Chunks in a segment.
const CHUNKS: usize = 4;

/// One of an encoder's tracks.
pub struct Track {
    /// Its number among the encoder's.
    stream: usize,
    /// Its media.
    pub source: Source,
}

/// Video, which becomes `video-0`, and audio, `audio-1`.
pub fn tracks(seconds: u32) -> [Track; 2] {
    [false, true].map(|audio| Track { stream: usize::from(audio), source: synthetic(audio, seconds) })
}

/// Media in chunks that are parts, four to a segment.
pub fn synthetic(audio: bool, seconds: u32) -> Source {
    let chunk_frames = if audio { 24 } else { 15 };
    Source::new(&Origin::Synthetic(Synthetic { audio, seconds, chunk_frames, ..Synthetic::default() }))
}

impl Track {
    /// Where a segment, counted from 1, is pushed to.
    pub fn segment_path(&self, broadcast: &str, number: usize) -> String {
        format!("/ingest/{broadcast}/chunk-stream{}-{number:05}.m4s", self.stream)
    }

    /// A segment's chunks.
    pub fn chunks(&self, number: usize) -> impl Iterator<Item = Vec<u8>> {
        let chunks = self.source.chunks[CHUNKS * (number - 1)..].iter().take(CHUNKS);
        chunks.map(|chunk| chunk.body().concat())
    }

    /// Pushes the header.
    ///
    /// # Panics
    ///
    /// It is not acknowledged.
    pub fn push_header(&self, worker: &Worker, broadcast: &str) {
        let path = format!("/ingest/{broadcast}/init-stream{}.m4s", self.stream);
        acknowledged(&put(&worker.url(&path), &self.source.header));
    }

    /// Pushes a segment.
    ///
    /// # Panics
    ///
    /// It is not acknowledged.
    pub fn push(&self, worker: &Worker, broadcast: &str, number: usize) {
        let body = self.chunks(number).collect::<Vec<_>>().concat();
        acknowledged(&put(&worker.url(&self.segment_path(broadcast, number)), &body));
    }
}

fn acknowledged(answer: &Result<Fetched, String>) {
    let status = answer.as_ref().map(|answer| answer.status);
    assert_eq!(status, Ok(200), "{answer:?}");
}

/// An encoder's request whose body is sent piece by piece.
pub struct SlowPush {
    stream: TcpStream,
}

impl SlowPush {
    /// Begins it.
    ///
    /// # Panics
    ///
    /// The Worker cannot be reached.
    pub fn start(worker: &Worker, path: &str) -> Self {
        let address = worker.address();
        let mut stream = TcpStream::connect(address).expect("the Worker listens");
        stream.set_read_timeout(Some(LIMIT)).expect("that is no zero");
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("the Worker reads");
        Self { stream }
    }

    /// Sends a piece of the body.
    ///
    /// # Panics
    ///
    /// The connection is cut.
    pub fn send(&mut self, piece: &[u8]) {
        let size = format!("{:x}\r\n", piece.len());
        let chunk = [size.as_bytes(), piece, b"\r\n"].concat();
        self.stream.write_all(&chunk).expect("the Worker reads");
    }

    /// What is answered although the body has not ended; nothing where the connection is cut.
    ///
    /// # Panics
    ///
    /// Neither happens.
    pub fn answer(mut self) -> String {
        let mut answer = Vec::new();
        let mut piece = [0; 1024];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => break,
                Ok(bytes) => answer.extend_from_slice(&piece[..bytes]),
                Err(why) if why.kind() == std::io::ErrorKind::WouldBlock => panic!("no answer, no end"),
                Err(_) => break,
            }
            if answer.windows(4).any(|end| end == b"\r\n\r\n") {
                break;
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// A track's parts as they are stored, in order.
pub fn parts(worker: &Worker, broadcast: &str, track: &str) -> Vec<(Listed, Vec<u8>)> {
    let middle = format!("/{track}/");
    let is_part = |object: &Listed| object.key.contains(&middle) && object.key.ends_with(".m4s");
    let listed = worker.listed(&format!("{broadcast}/")).into_iter().filter(is_part);
    listed.map(|object| (object.clone(), worker.stored(&object.key))).collect()
}

/// URL of a segment, listed or growing, of the session that a playlist ends with.
///
/// # Panics
///
/// There is no playlist, or nothing in it.
pub fn segment_url(playlist: &str, msn: u64) -> String {
    let text = get(playlist).expect("it answers").text();
    let map = text.lines().rev().find_map(|line| line.strip_prefix("#EXT-X-MAP:URI=\""));
    let session = map.and_then(|uri| uri.split('/').next()).unwrap_or_else(|| panic!("{text}"));
    playlist.replace("index.m3u8", &format!("{session}-{msn}.m4s"))
}

/// URL of the video's playlist.
///
/// # Panics
///
/// The broadcast cannot be watched.
pub fn video_playlist(worker: &Worker, broadcast: &str) -> String {
    let base = worker.url(&format!("/{broadcast}/"));
    let answer = get(&format!("{base}index.m3u8")).expect("the Worker answers");
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    let uri = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
    format!("{base}{}", uri.expect("a multivariant playlist has variants"))
}
