//! A viewer of one media playlist: blocking reloads, and whatever they bring.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rimcast_tests::rules::playlist::{Media, Segment, UNITS_PER_SECOND};
use tokio::sync::mpsc;
use url::Url;

use crate::client::{Client, MEDIA_PATIENCE, PLAYLIST_PATIENCE};
use crate::judge::Known;
use crate::tally::{Kind, Tally};
use crate::viewer::{RETRY, Shared};

/// How far a viewer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    msn: u64,
    parts: usize,
}

/// Something to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    uri: String,
    /// EXT-X-MAP.
    header: Option<String>,
    /// When its last frame was shown to the encoder, by PROGRAM-DATE-TIME: milliseconds since 1970. `None`
    /// where that says nothing of latency, since it was there before the viewer came.
    ended_ms: Option<i64>,
}

/// Follows a track until it ends.
pub(crate) async fn follow(url: Url, client: Arc<Client>, shared: Arc<Shared>) {
    let (pieces, to_fetch) = mpsc::unbounded_channel();
    // As players do: the next reload is under way while media loads.
    tokio::join!(
        reload(url.clone(), pieces, &client, &shared),
        fetch(&url, to_fetch, &client, &shared.tally)
    );
}

async fn reload(url: Url, pieces: mpsc::UnboundedSender<Piece>, client: &Client, shared: &Shared) {
    let tally = &shared.tally;
    let mut known: Option<Arc<Known>> = None;
    let mut position = None;
    loop {
        let wanted = known.as_ref().map(|known| next(&known.media));
        let mut asked_url = url.clone();
        if let (Some(wanted), Some(known)) = (wanted, &known) {
            asked_url.set_query(Some(&directives(&known.media, wanted)));
        }
        let asked = Instant::now();
        let answer = client.get(&asked_url, PLAYLIST_PATIENCE).await;
        tally.answered(Kind::Playlist, &answer);
        let Some(text) = answer.ok().filter(|answer| answer.status == 200) else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        let text = String::from_utf8_lossy(&text.body);
        let (new, violations) = shared.judge.media(url.path(), known.as_ref(), &text);
        tally.broken(url.path(), &violations);
        let Some(new) = new else {
            // A player starts anew.
            known = None;
            tokio::time::sleep(RETRY).await;
            continue;
        };
        if let (Some(wanted), Some(before)) = (wanted, &known) {
            if asked.elapsed() > patience(&before.media) {
                tally.stalled();
            }
            // "MUST NOT respond until the playlist contains" what is asked for (§6.2.5.2)
            if !contains(&new.media, wanted) {
                let what = format!("{} is answered without what it asks for", query(&asked_url));
                tally.broken_as("H12", url.path(), &what);
            }
        }
        let from = position.unwrap_or_else(|| start(&new.media));
        for piece in pieces_since(&new.media, from, position.is_some()) {
            let _ = pieces.send(piece);
        }
        position = Some(end(&new.media));
        if new.media.ended {
            return;
        }
        known = Some(new);
    }
}

async fn fetch(playlist: &Url, mut to_fetch: mpsc::UnboundedReceiver<Piece>, client: &Client, tally: &Tally) {
    let mut header = None;
    while let Some(piece) = to_fetch.recv().await {
        if piece.header.is_some() && piece.header != header {
            header.clone_from(&piece.header);
            get(playlist, header.as_deref().unwrap_or_default(), client, tally).await;
        }
        let came = get(playlist, &piece.uri, client, tally).await;
        if let (true, Some(ended_ms)) = (came, piece.ended_ms) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            tally.late_by(i64::try_from(now.as_millis()).unwrap_or(i64::MAX) - ended_ms);
        }
    }
}

async fn get(playlist: &Url, uri: &str, client: &Client, tally: &Tally) -> bool {
    let Ok(url) = playlist.join(uri) else {
        tally.broken_as("H1", playlist.path(), &format!("{uri} is no URI"));
        return false;
    };
    let answer = client.get(&url, MEDIA_PATIENCE).await;
    tally.answered(Kind::Media, &answer);
    answer.is_ok_and(|answer| answer.status == 200)
}

/// What comes next: `_HLS_msn`, and `_HLS_part` where there are parts.
fn next(media: &Media) -> Position {
    match media.segments.last() {
        Some(open) if !open.is_closed() => Position { msn: open.msn, parts: open.parts.len() },
        Some(last) => Position { msn: last.msn + 1, parts: 0 },
        None => Position { msn: media.media_sequence, parts: 0 },
    }
}

fn directives(media: &Media, wanted: Position) -> String {
    let mut query = format!("_HLS_msn={}", wanted.msn);
    if media.part_target.is_some() {
        query.push_str(&format!("&_HLS_part={}", wanted.parts));
    }
    if media.server_control.as_ref().is_some_and(|control| control.contains("CAN-SKIP-UNTIL")) {
        query.push_str("&_HLS_skip=YES");
    }
    query
}

fn query(url: &Url) -> &str {
    url.query().unwrap_or_default()
}

fn contains(media: &Media, wanted: Position) -> bool {
    media.ended || end(media) > wanted
}

/// The end of what is listed.
fn end(media: &Media) -> Position {
    next(media)
}

/// A playlist is late when it takes twice as long as it may: "a new part within one part target" and, without
/// parts, "a new segment within 1.5 target durations" (§6.2.1).
fn patience(media: &Media) -> Duration {
    let may_take = media.part_target.unwrap_or(media.target() * 3 / 2);
    Duration::from_micros(2 * may_take * (1_000_000 / UNITS_PER_SECOND))
}

/// Where to start: (PART-)HOLD-BACK before the end, three part targets or target durations.
fn start(media: &Media) -> Position {
    let hold_back = 3 * media.part_target.unwrap_or(media.target());
    let mut left = 0;
    for segment in media.segments.iter().rev() {
        if segment.parts.is_empty() {
            left += segment.length();
            if left >= hold_back {
                return Position { msn: segment.msn, parts: 0 };
            }
        }
        for (index, part) in segment.parts.iter().enumerate().rev() {
            left += part.duration;
            if left >= hold_back {
                return Position { msn: segment.msn, parts: index };
            }
        }
    }
    Position { msn: media.segments.first().map_or(0, |segment| segment.msn), parts: 0 }
}

/// What is listed from `from` on: parts, or a segment whose parts are not.
fn pieces_since(media: &Media, from: Position, is_new: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut date_ms = None;
    for segment in &media.segments {
        date_ms = segment.date_ms.or(date_ms);
        let begun_ms = date_ms;
        date_ms = date_ms.map(|date_ms| date_ms + units_to_ms(segment.length()));
        let first = match segment.msn.cmp(&from.msn) {
            std::cmp::Ordering::Less => continue,
            std::cmp::Ordering::Equal => from.parts,
            std::cmp::Ordering::Greater => 0,
        };
        pieces_of(segment, first, begun_ms.filter(|_| is_new), &mut pieces);
    }
    pieces
}

fn pieces_of(segment: &Segment, first: usize, begun_ms: Option<i64>, pieces: &mut Vec<Piece>) {
    let piece = |uri: &str, end: u64| Piece {
        uri: uri.to_owned(),
        header: segment.map.clone(),
        ended_ms: begun_ms.map(|begun_ms| begun_ms + units_to_ms(end)),
    };
    let mut at = 0;
    for (index, part) in segment.parts.iter().enumerate() {
        at += part.duration;
        if index >= first && !part.gap {
            pieces.push(piece(&part.uri, at));
        }
    }
    let is_whole = segment.parts.is_empty() && first == 0 && !segment.gap;
    if let Some(uri) = segment.uri.as_ref().filter(|_| is_whole) {
        pieces.push(piece(uri, segment.length()));
    }
}

fn units_to_ms(units: u64) -> i64 {
    i64::try_from(units * 1000 / UNITS_PER_SECOND).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(tail: &str) -> Media {
        let head = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n\
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,PART-HOLD-BACK=1.5\n\
            #EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"init.mp4\"\n\
            #EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:10.000Z\n#EXTINF:2.00000,\n7.m4s\n";
        Media::parse(&format!("{head}{tail}")).unwrap()
    }

    fn parts(range: std::ops::Range<u32>) -> String {
        range.map(|n| format!("#EXT-X-PART:DURATION=0.50000,URI=\"s/{n}.m4s\"\n")).collect()
    }

    #[test]
    fn an_open_segment_is_waited_for_part_by_part() {
        let media = media(&parts(0..2));
        assert_eq!(directives(&media, next(&media)), "_HLS_msn=8&_HLS_part=2&_HLS_skip=YES");
        let closed = format!("{}#EXTINF:2.00000,\n8.m4s\n", parts(0..4));
        let closed = self::media(&closed);
        assert_eq!(directives(&closed, next(&closed)), "_HLS_msn=9&_HLS_part=0&_HLS_skip=YES");
        assert!(contains(&closed, next(&media)) && !contains(&media, next(&media)));
    }

    #[test]
    fn what_is_new_is_fetched_once_and_dated_by_its_end() {
        let old = media(&parts(0..1));
        let new = format!("{}#EXTINF:2.00000,\n8.m4s\n{}", parts(0..4), parts(4..5));
        let new = media(&new);
        let pieces = pieces_since(&new, end(&old), true);
        let of: Vec<_> = pieces.iter().map(|piece| (piece.uri.as_str(), piece.ended_ms)).collect();
        let expected = [
            ("s/1.m4s", Some(13_000)),
            ("s/2.m4s", Some(13_500)),
            ("s/3.m4s", Some(14_000)),
            ("s/4.m4s", Some(14_500)),
        ];
        assert_eq!(of, expected);
        assert!(pieces.iter().all(|piece| piece.header.as_deref() == Some("init.mp4")));
        assert!(pieces_since(&new, end(&new), true).is_empty());
    }

    #[test]
    fn a_viewer_starts_a_hold_back_behind() {
        let media = media(&format!("{}#EXTINF:2.00000,\n8.m4s\n{}", parts(0..4), parts(4..5)));
        assert_eq!(start(&media), Position { msn: 8, parts: 2 });
        let pieces = pieces_since(&media, start(&media), false);
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.ended_ms.is_none()));
    }

    #[test]
    fn a_segment_that_closes_is_not_fetched_again() {
        let whole = media("#EXTINF:2.00000,\n8.m4s\n");
        let open = media(&parts(0..2));
        // Its parts are not listed any more, and the viewer has two of them: there is nothing to be had.
        assert!(pieces_since(&whole, end(&open), true).is_empty());
        let pieces = pieces_since(&whole, Position { msn: 8, parts: 0 }, true);
        assert_eq!(pieces.len(), 1);
        assert_eq!((pieces[0].uri.as_str(), pieces[0].ended_ms), ("8.m4s", Some(14_000)));
    }
}
