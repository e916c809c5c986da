//! The end of a broadcast, which ffmpeg does not announce.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use packager_core::cmaf::{Header, chunk};

use super::{Host, get, put, wait_for};
use crate::rules::playlist::Media;
use crate::watch::chunks;

/// A segment type box whose brands say that the segment is its track's last (ISO/IEC 23009-1 §7.3.1).
const LAST: &[u8] = b"\0\0\0\x18styplmsg\0\0\0\0msdhlmsg";

/// Sends each of a dead ffmpeg's streams, by its number, a last segment: media that was sent before, once more, where
/// its track ends.
///
/// # Panics
///
/// It is not taken, or the broadcast does not end.
pub fn end(host: &impl Host, broadcast: &str, streams: &BTreeMap<usize, String>) {
    for (stream, playlist) in streams {
        let text = get(playlist).expect("the playlist answers").text();
        let media = Media::parse(&text).expect("a playlist");
        let fetched = |uri: &str| -> Bytes {
            let answer = get(&playlist.replace("index.m3u8", uri)).expect("it answers");
            assert_eq!(answer.status, 200, "{uri}");
            answer.body.into()
        };
        let parts: Vec<_> = media.segments.iter().flat_map(|segment| &segment.parts).collect();
        let newest = parts.last().unwrap_or_else(|| panic!("{text}"));
        let (session, _) = newest.uri.split_once('/').expect("a session and a start");
        let header = Header::parse(&fetched(&format!("{session}/init.mp4"))).expect("a header");
        let mut start_ticks = chunks(&fetched(&newest.uri), &header).last().expect("a chunk").end_ticks();
        let mut body = LAST.to_vec();
        let of_session = parts.iter().rev().filter(|part| part.uri.starts_with(session));
        let begins = of_session.clone().find(|part| part.independent).expect("a keyframe").uri.clone();
        for again in chunks(&fetched(&begins), &header) {
            let samples = again.samples();
            let pieces = chunk::write(1, header.track_id, start_ticks, samples, again.payload().clone());
            body.extend(pieces.concat());
            start_ticks += again.duration_ticks();
        }
        let file = format!("/ingest/{broadcast}/chunk-stream{stream}-99999.m4s");
        let answer = put(&host.url(&file), &body).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for playlist in streams.values() {
        wait_for("the broadcast has ended", Duration::from_secs(10), || {
            get(playlist).ok().filter(|answer| answer.text().contains("#EXT-X-ENDLIST")).map(|_| ())
        });
    }
}
