//! What a playlist must keep of the one before it, and share with the other tracks'.

use super::playlist::{Media, Segment};
use super::{Context, Violations};

pub(super) fn check(text: &str, playlist: &Media, context: &Context<'_>, found: &mut Violations) {
    if let Some(previous) = context.previous {
        match Media::parse(previous) {
            Ok(media) => {
                after(playlist, &media, found);
                // "the server … MUST NOT change the Playlist file" once it has ended (§6.2.1), but for
                // what is said of others.
                let kept = |text: &str| -> Vec<String> {
                    text.lines()
                        .filter(|line| !line.starts_with("#EXT-X-RENDITION"))
                        .map(str::to_owned)
                        .collect()
                };
                let changed = media.ended && kept(previous) != kept(text);
                found.require(!changed, "H20", || "it had ended, and has changed".into());
            }
            Err(what) => found.add("H1", format!("the playlist before: {what}")),
        }
    }
    let mut others = Vec::new();
    for (track, text) in context.renditions {
        match Media::parse(text) {
            Ok(media) => others.push((track.as_str(), media)),
            Err(what) => found.add("H1", format!("the playlist of {track}: {what}")),
        }
    }
    for (track, other) in &others {
        beside(playlist, track, other, found);
    }
    reports(playlist, &others, found);
}

/// Against the playlist before.
pub(super) fn after(playlist: &Media, before: &Media, found: &mut Violations) {
    // "The EXT-X-TARGETDURATION … MUST NOT change" (§6.2.1); so with all a player computes holds from.
    found.require(playlist.target_duration_s == before.target_duration_s, "H3", || {
        "TARGETDURATION has changed".into()
    });
    found.require(playlist.part_target == before.part_target, "H4", || "PART-TARGET has changed".into());
    found.require(playlist.server_control == before.server_control, "H5", || {
        "SERVER-CONTROL has changed".into()
    });
    // A sliding playlist cannot become one that keeps its segments, nor that one another (§4.4.3.5); but an event is
    // complete when it has ended.
    let types = (before.playlist_type.as_deref(), playlist.playlist_type.as_deref());
    found.require(types.0 == types.1 || types == (Some("EVENT"), Some("VOD")), "H20", || {
        format!("EXT-X-PLAYLIST-TYPE was {:?}, and is {:?}", types.0, types.1)
    });
    // "Media Segments can only be added to the end" of an EVENT (§4.4.3.5)
    let keeps = types.1.is_none() || playlist.media_sequence == before.media_sequence;
    found.require(keeps, "H20", || "it keeps its segments, but MEDIA-SEQUENCE has changed".into());
    // "the Media Sequence Number … MUST be incremented by 1 for every Media Segment removed" (§6.2.2)
    found.require(playlist.media_sequence >= before.media_sequence, "H16", || {
        format!("MEDIA-SEQUENCE falls from {} to {}", before.media_sequence, playlist.media_sequence)
    });
    let last = |media: &Media| media.segments.last().map_or(0, |segment| segment.msn);
    found.require(last(playlist) >= last(before), "H16", || {
        format!("the last segment was {}, and is {}", last(before), last(playlist))
    });
    found.require(playlist.discontinuity_sequence >= before.discontinuity_sequence, "H17", || {
        "DISCONTINUITY-SEQUENCE falls".into()
    });
    for old in &before.segments {
        if let Some(new) = playlist.segment(old.msn) {
            same_segment(old, new, found);
        }
    }
    hint_came_true(playlist, before, found);
}

/// "A server MUST NOT modify or remove" what it has listed, but for whole segments from the start
/// (§6.2.1).
fn same_segment(old: &Segment, new: &Segment, found: &mut Violations) {
    let msn = old.msn;
    let changed = |what: &str| format!("{what} of segment {msn} has changed");
    found.require(old.uri.is_none() || old.uri == new.uri, "H16", || changed("the URI"));
    found.require(old.duration.is_none() || old.duration == new.duration, "H16", || changed("the duration"));
    found.require(old.gap == new.gap || old.uri.is_none(), "H16", || changed("EXT-X-GAP"));
    // A gap has no bytes that a header could apply to.
    found.require(old.gap || old.map.is_none() || old.map == new.map, "H16", || changed("the header"));
    found.require(old.date_ms == new.date_ms, "H15", || changed("the date"));
    found.require(old.discontinuity == new.discontinuity, "H17", || changed("EXT-X-DISCONTINUITY"));
    // "a segment's discontinuity sequence number MUST NOT change" (§6.2.2)
    found.require(old.period == new.period, "H17", || changed("the discontinuity sequence number"));
    let kept = new.parts.is_empty() || new.parts.starts_with(&old.parts);
    found.require(kept || old.parts.is_empty(), "H16", || changed("a part"));
}

/// H9: the hint is the URI of the part that follows.
fn hint_came_true(playlist: &Media, before: &Media, found: &mut Violations) {
    let (Some(hint), Some(last)) = (&before.hint, before.segments.last()) else { return };
    let follows = if last.is_closed() {
        None
    } else {
        playlist.segment(last.msn).and_then(|s| s.parts.get(last.parts.len()))
    };
    let next_segment = || {
        playlist.segment(last.msn + 1).filter(|next| !next.discontinuity && !next.gap && next.map == last.map)
    };
    let still_listed = playlist
        .segment(last.msn)
        .is_some_and(|now| last.is_closed() || (now.is_closed() && !now.parts.is_empty()));
    let follows = match follows {
        Some(part) => Some(part),
        None if still_listed => next_segment().and_then(|next| next.parts.first()),
        None => None,
    };
    if let Some(part) = follows {
        found.require(part.uri == *hint, "H9", || format!("{hint} was hinted, {} came", part.uri));
    }
}

/// Against another track at the same moment.
fn beside(playlist: &Media, track: &str, other: &Media, found: &mut Violations) {
    // "the target duration … MUST be the same in all renditions" (§6.2.4)
    found.require(playlist.target_duration_s == other.target_duration_s, "H3", || {
        format!("TARGETDURATION is not that of {track}")
    });
    // "The EXT-X-SERVER-CONTROL … attributes … MUST be the same in all" (AAS)
    found.require(playlist.server_control == other.server_control, "H5", || {
        format!("SERVER-CONTROL is not that of {track}")
    });
    // "if one rendition has a discontinuity, all have it at the same time, with the same number" (§6.2.4)
    for ours in &playlist.segments {
        for theirs in &other.segments {
            let (Some(a), Some(b)) = (span(ours), span(theirs)) else { continue };
            // Where one period ends and the next begins, tracks end a fraction of a segment apart.
            let shared_ms = a.1.min(b.1) - a.0.max(b.0);
            let most = (a.1 - a.0).min(b.1 - b.0);
            if shared_ms * 2 > most && shared_ms > 500 {
                found.require(ours.period == theirs.period, "H17", || {
                    format!(
                        "segment {} is of period {}, but segment {} of {track}, at the same time, of {}",
                        ours.msn, ours.period, theirs.msn, theirs.period
                    )
                });
            }
        }
    }
}

fn span(segment: &Segment) -> Option<(i64, i64)> {
    let begins = segment.date_ms?;
    Some((begins, begins + i64::try_from(segment.length() / 100).ok()?))
}

/// H14: "A server … SHOULD … one for each" other rendition; "URI … MUST be relative" (§4.4.5.4).
fn reports(playlist: &Media, others: &[(&str, Media)], found: &mut Violations) {
    for (uri, last_msn, _) in &playlist.reports {
        found.require(!uri.contains("://") && !uri.starts_with('/'), "H14", || {
            format!("{uri} is not relative")
        });
        found.require(last_msn.is_some(), "H14", || format!("the report of {uri} has no LAST-MSN"));
    }
    for (track, other) in others {
        let uri = format!("../{track}/index.m3u8");
        let mut reports = playlist.reports.iter().filter(|(of, ..)| *of == uri);
        let Some((_, msn, part)) = reports.next() else {
            found.require(other.segments.is_empty(), "H14", || format!("there is no report of {track}"));
            continue;
        };
        found.require(reports.next().is_none(), "H14", || format!("there are two reports of {track}"));
        let last = other.segments.last();
        let expected_part = last.and_then(|last| (last.parts.len() as u64).checked_sub(1));
        found.require(*msn == last.map(|last| last.msn) && *part == expected_part, "H14", || {
            format!(
                "the report of {track} says {msn:?} and part {part:?}, it is at {:?} and {expected_part:?}",
                last.map(|l| l.msn)
            )
        });
    }
}
