//! H13: a delta update and the playlist before it say what the full playlist says (§6.2.5.1).

use super::playlist::{Lines, Media, Segment};

/// The playlist that a player has after it got `delta`, having had `previous` (§6.3.7).
///
/// # Errors
///
/// A skipped segment is not in the one before.
pub fn merge(previous: &Media, delta: &Media) -> Result<Media, String> {
    let mut merged = delta.clone();
    let mut kept = Vec::new();
    for msn in delta.media_sequence..delta.media_sequence + delta.skipped {
        let segment =
            previous.segment(msn).ok_or(format!("segment {msn} is skipped, but was not there before"))?;
        // Its parts are long gone from the full playlist.
        kept.push(Segment { parts: Vec::new(), ..segment.clone() });
    }
    // What a player counts: the discontinuities that were skipped come before those listed.
    let skipped_discontinuities = kept.iter().filter(|segment| segment.discontinuity).count() as u64;
    for segment in &mut merged.segments {
        segment.period += skipped_discontinuities;
    }
    // And a header that was skipped still applies.
    let mut map = kept.last().and_then(|segment| segment.map.clone());
    for segment in &mut merged.segments {
        segment.map = segment.map.take().or(map.take());
        map.clone_from(&segment.map);
    }
    kept.append(&mut merged.segments);
    merged.segments = kept;
    Ok(merged)
}

/// A gap has no bytes that a header could apply to: which one stands before it says nothing.
fn plain(mut media: Media) -> Media {
    for gap in media.segments.iter_mut().filter(|segment| segment.gap) {
        gap.map = None;
    }
    media
}

/// What is wrong with a delta update, given the full playlist of the same moment, and the full
/// one that the player had.
pub fn check(previous: &str, delta: &str, full: &str) -> Result<(), String> {
    let (lines, before) = (Lines::parse(delta)?, Media::parse(previous)?);
    let (delta, full) = (Media::parse(delta)?, Media::parse(full)?);
    if delta.skipped == 0 {
        // "If nothing would be skipped": it is the full playlist.
        return if delta == full {
            Ok(())
        } else {
            Err("nothing is skipped, but it is not the full playlist".into())
        };
    }
    let merged = merge(&before, &delta)?;
    let same = plain(Media { version: full.version, skipped: 0, ..merged });
    let full = plain(full);
    if same != full {
        let differs = same.segments.iter().zip(&full.segments).find(|(a, b)| a != b);
        return Err(format!("merged with the one before it is not the full playlist: {differs:?}"));
    }
    // "A Media Playlist … MUST NOT … skip segments that are closer to the end than the Skip Boundary"
    let control = lines.named("EXT-X-SERVER-CONTROL").next().ok_or("there is no EXT-X-SERVER-CONTROL")?;
    let boundary = control.seconds("CAN-SKIP-UNTIL").ok_or("there is no CAN-SKIP-UNTIL")?;
    let after: u64 = delta.segments.iter().filter_map(|segment| segment.duration).sum();
    let skipped = usize::try_from(delta.skipped).unwrap_or(usize::MAX);
    if after < boundary {
        return Err(format!("only {after} are left, the boundary is at {boundary}"));
    }
    let first_kept = full.segments.get(skipped).and_then(|segment| segment.duration).unwrap_or(0);
    if after.saturating_sub(first_kept) >= boundary {
        return Err("a segment past the boundary is not skipped".into());
    }
    // "EXT-X-MAP … MUST be repeated" before the first segment that needs it, and so with dates.
    let first = delta.segments.iter().find(|segment| !segment.gap);
    if first.is_some_and(|segment| segment.map.is_none() || segment.date_ms.is_none()) {
        return Err("the first segment kept has no EXT-X-MAP or no date of its own".into());
    }
    Ok(())
}
