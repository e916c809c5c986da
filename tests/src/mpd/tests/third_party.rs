//! mpd-parser and the model find the same.

use super::*;
use crate::live::mpd_parser;

#[test]
fn mpd_parser_finds_the_same_segments() {
    let now_ms = 1_800_000_060_500;
    let read_by_it = mpd_parser(&[(CHUNKS, now_ms), (ENDED, now_ms)]);
    for (text, theirs) in [CHUNKS, ENDED].iter().zip(&read_by_it) {
        let mpd = Mpd::parse(text, "/manifest.mpd").unwrap();
        let start = mpd.availability_start.unwrap();
        let mut ids: Vec<&str> = theirs.playlists.iter().map(|playlist| playlist.id.as_str()).collect();
        ids.sort_unstable();
        let mut ours = mpd.representation_ids();
        ours.sort_unstable();
        assert_eq!(ids, ours);
        for playlist in &theirs.playlists {
            let segments = mpd.segments(&playlist.id, Seconds::ms(now_ms)).unwrap();
            // Of @duration, mpd-parser gives what lies in the window, and the model what can be asked for.
            let shown: Vec<_> = segments
                .iter()
                .filter(|segment| playlist.segments.iter().any(|s| s.url == segment.urls[0]))
                .collect();
            assert_eq!(shown.len(), playlist.segments.len(), "{playlist:#?}");
            assert!(segments.len() - shown.len() <= 2, "{playlist:#?}");
            for (ours, theirs) in shown.iter().zip(&playlist.segments) {
                assert_eq!((&ours.urls[0], &ours.init_url), (&theirs.url, &theirs.init));
                let us = |seconds: f64| (seconds * 1e6).round() as i128;
                // It takes presentationTimeOffset off the times that follow from @duration, which are without it.
                let start_us = (ours.starts - start).floor_ticks(1_000_000);
                let exact = (us(theirs.start) - start_us).abs() <= 1;
                assert!(exact || (ours.period == "0" && ours.timescale == 90_000), "{ours:?} {theirs:?}");
                let duration_us = (ours.ends - ours.starts).floor_ticks(1_000_000);
                assert!((us(theirs.duration) - duration_us).abs() <= 1, "{ours:?} {theirs:?}");
            }
        }
    }
    assert_eq!(read_by_it[1].duration, 49.5);
    let audio = read_by_it[0].playlists.iter().find(|playlist| playlist.id == "audio-en").unwrap();
    assert_eq!((audio.kind.as_str(), audio.language.as_deref()), ("audio", Some("en")));
}

#[test]
#[should_panic(expected = "document 1: no segment is found in it")]
fn mpd_parser_wants_segments() {
    let empty = changed(ENDED, "<S t=\"0\" d=\"180000\" r=\"3\"/>\n          <S d=\"90000\"/>", "");
    mpd_parser(&[(ENDED, 0), (&empty, 0)]);
}
