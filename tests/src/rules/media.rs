//! What one media playlist must be by itself.

use std::collections::BTreeSet;

use super::playlist::{Line, Lines, Media, Part, UNITS_PER_SECOND};
use super::{Context, Violations};

pub(super) fn check(lines: &Lines, playlist: &Media, context: &Context<'_>, found: &mut Violations) {
    header(lines, playlist, found);
    if context.is_plain {
        plain(lines, found);
    } else {
        server_control(lines, playlist, found);
    }
    frames(lines, playlist, found);
    segments(playlist, found);
    parts(playlist, found);
    hint(lines, playlist, found);
    dates(playlist, found);
    window(playlist, context, found);
    fetchable(playlist, context, found);
}

/// H2, H3, H17, H20, H21.
fn header(lines: &Lines, playlist: &Media, found: &mut Violations) {
    // "There MUST NOT be more than one of these tags in a playlist" (§4.4.1.2, §4.4.2, §4.4.3)
    for once in [
        "EXTM3U",
        "EXT-X-VERSION",
        "EXT-X-INDEPENDENT-SEGMENTS",
        "EXT-X-TARGETDURATION",
        "EXT-X-SERVER-CONTROL",
        "EXT-X-PART-INF",
        "EXT-X-MEDIA-SEQUENCE",
        "EXT-X-DISCONTINUITY-SEQUENCE",
        "EXT-X-PLAYLIST-TYPE",
        "EXT-X-SKIP",
        "EXT-X-ENDLIST",
        "EXT-X-START",
    ] {
        let times = lines.named(once).count();
        found.require(times <= 1, "H21", || format!("{once} stands {times} times"));
    }
    // The media playlist tags come before the first segment (§4.4.3.2, §4.4.3.3).
    let first_uri = lines.0.iter().position(|line| matches!(line, Line::Uri(_))).unwrap_or(usize::MAX);
    for (at, line) in lines.0.iter().enumerate() {
        if let Line::Tag(tag) = line
            && matches!(
                tag.name.as_str(),
                "EXT-X-MEDIA-SEQUENCE" | "EXT-X-DISCONTINUITY-SEQUENCE" | "EXT-X-SKIP"
            )
        {
            found.require(at < first_uri, "H21", || format!("{} comes after a segment", tag.name));
        }
    }
    // §8: what a version is needed for. Low-latency tags force none.
    let needed = if lines.has("EXT-X-SKIP") {
        let ranges = lines.named("EXT-X-SKIP").any(|tag| tag.get("RECENTLY-REMOVED-DATERANGES").is_some());
        if ranges { 10 } else { 9 }
    } else if lines.has("EXT-X-MAP") {
        6
    } else {
        3
    };
    // A gap alone has no map, but its playlist will have: six is no higher than the tags of this
    // kind of playlist need.
    let fits = playlist.version == needed || (needed == 3 && playlist.version == 6);
    found.require(fits, "H2", || format!("EXT-X-VERSION is {}, its tags need {needed}", playlist.version));
    // "The EXT-X-TARGETDURATION tag … is REQUIRED"; "The EXTINF duration of each Media Segment in the
    // Playlist file, when rounded to the nearest integer, MUST be less than or equal to the target
    // duration" (§4.4.3.1)
    found.require(playlist.target_duration_s >= 1, "H3", || {
        "there is no EXT-X-TARGETDURATION of 1 or more".into()
    });
    for segment in &playlist.segments {
        let rounded = (segment.length() + UNITS_PER_SECOND / 2) / UNITS_PER_SECOND;
        found.require(rounded <= playlist.target_duration_s, "H3", || {
            format!("segment {} lasts {}, more than the target duration", segment.msn, segment.length())
        });
    }
    found.require(playlist.discontinuity_sequence.is_some(), "H17", || {
        "there is no EXT-X-DISCONTINUITY-SEQUENCE".into()
    });
    // "EVENT or VOD"; "If … VOD (Video On Demand), the Media Playlist cannot change" (§4.4.3.5)
    match playlist.playlist_type.as_deref() {
        None | Some("EVENT") => {}
        Some("VOD") => found.require(playlist.ended, "H20", || "it is VOD, and has no end".into()),
        Some(other) => found.add("H20", format!("there is no EXT-X-PLAYLIST-TYPE {other}")),
    }
    // hls.js takes a first number of 0 for a playlist that cannot be held.
    found.require(playlist.media_sequence >= 1, "H16", || "EXT-X-MEDIA-SEQUENCE is 0".into());
}

/// A playlist that is not followed live has none of the tags for that (§4.4.3.7, §4.4.3.8, §4.4.5.3).
fn plain(lines: &Lines, found: &mut Violations) {
    for tag in ["EXT-X-SERVER-CONTROL", "EXT-X-PART-INF", "EXT-X-PART", "EXT-X-PRELOAD-HINT", "EXT-X-SKIP"] {
        found.require(!lines.has(tag), "H5", || format!("{tag} stands in a plain playlist"));
    }
}

/// H27: §4.4.3.6.
fn frames(lines: &Lines, playlist: &Media, found: &mut Violations) {
    if !playlist.frames_only {
        let ranges = playlist.segments.iter().any(|segment| segment.range.is_some());
        found.require(!ranges, "H27", || "there are ranges, but not of I-frames".into());
        return;
    }
    // "A Playlist … MUST NOT contain any EXT-X-PART" of what are no whole segments; it lists frames alone.
    for tag in ["EXT-X-PART", "EXT-X-PART-INF", "EXT-X-PRELOAD-HINT"] {
        found.require(!lines.has(tag), "H27", || format!("{tag} stands in a list of I-frames"));
    }
    for segment in playlist.segments.iter().filter(|segment| !segment.gap) {
        found.require(segment.range.is_some_and(|(length, _)| length > 0), "H27", || {
            format!("frame {} has no range", segment.msn)
        });
        found.require(segment.is_closed(), "H27", || format!("frame {} has no URI", segment.msn));
    }
}

/// H5: §4.4.3.8.
fn server_control(lines: &Lines, playlist: &Media, found: &mut Violations) {
    let Some(tag) = lines.named("EXT-X-SERVER-CONTROL").next() else {
        found.add("H5", "there is no EXT-X-SERVER-CONTROL".to_owned());
        return;
    };
    found.require(tag.get("CAN-BLOCK-RELOAD") == Some("YES"), "H5", || "CAN-BLOCK-RELOAD is not YES".into());
    for (name, value) in tag.attributes() {
        found.require(value != "NO", "H5", || {
            format!("{name}=NO is written, which some players take for YES")
        });
    }
    let least = |name: &str, least: u64, found: &mut Violations| {
        let value = tag.seconds(name);
        found.require(value.is_some_and(|value| value >= least), "H5", || {
            format!("{name} is {value:?}, not at least {least}")
        });
    };
    // "its value … MUST be at least three times the Target Duration"
    least("HOLD-BACK", playlist.target() * 3, found);
    // "PART-HOLD-BACK … MUST be at least twice the Part Target Duration … SHOULD be at least three times"
    // "… REQUIRED if the Playlist contains the EXT-X-PART-INF tag" (§4.4.3.8)
    if let Some(target) = playlist.part_target {
        least("PART-HOLD-BACK", target * 3, found);
    }
    // "The Skip Boundary MUST be at least six times the Target Duration"
    if tag.get("CAN-SKIP-UNTIL").is_some() {
        least("CAN-SKIP-UNTIL", playlist.target() * 6, found);
    }
    // "A server … MUST NOT offer CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL"
    let alone = tag.get("CAN-SKIP-DATERANGES").is_some() && tag.get("CAN-SKIP-UNTIL").is_none();
    found.require(!alone, "H5", || "CAN-SKIP-DATERANGES stands without CAN-SKIP-UNTIL".into());
    found.require(playlist.skipped == 0 || tag.get("CAN-SKIP-UNTIL").is_some(), "H13", || {
        "EXT-X-SKIP stands without CAN-SKIP-UNTIL".into()
    });
}

/// H7, H16, H19, H21 of segments.
fn segments(playlist: &Media, found: &mut Violations) {
    let mut uris = BTreeSet::new();
    for (index, segment) in playlist.segments.iter().enumerate() {
        let msn = segment.msn;
        // "Media Segments and Partial Segments are subject to the tags that apply" and come after
        // them: a player reads parts before it sees their segment's end (§4.4.4.9)
        if let Some(tag) = &segment.late_tag {
            found.add("H7", format!("{tag} of segment {msn} comes after its first part"));
        }
        let is_last = index + 1 == playlist.segments.len();
        found.require(segment.is_closed() || is_last, "H21", || format!("segment {msn} has no URI"));
        found.require(segment.is_closed() == segment.duration.is_some(), "H21", || {
            format!("segment {msn} has no EXTINF")
        });
        found.require(segment.duration != Some(0), "H21", || format!("segment {msn} lasts no time"));
        found.require(
            !segment.gap || segment.parts.is_empty() || segment.parts.iter().all(|p| p.gap),
            "H6",
            || format!("segment {msn} is a gap, but lists parts that are not"),
        );
        // "The EXT-X-MAP … is REQUIRED" for fMP4 segments (§3.1.2, §4.4.4.5)
        found.require(segment.gap || segment.map.is_some(), "H19", || {
            format!("segment {msn} has no EXT-X-MAP")
        });
        for uri in segment.uri.iter().chain(segment.parts.iter().map(|part| &part.uri)) {
            found.require(uris.insert(uri.clone()), "H16", || format!("{uri} is listed twice"));
        }
    }
    if playlist.independent_segments {
        // "all media samples in a Media Segment can be decoded without information from other
        // segments" (§4.4.2.1): a segment whose first part is not independent says otherwise.
        for segment in &playlist.segments {
            let independent = segment.parts.first().is_none_or(|part| part.independent);
            found.require(independent, "H24", || {
                format!("segment {} does not start independent, though all are said to", segment.msn)
            });
        }
    }
}

/// H4, H6, H8.
fn parts(playlist: &Media, found: &mut Violations) {
    let total: u64 = playlist.segments.iter().map(super::playlist::Segment::length).sum();
    let mut time = 0;
    for segment in &playlist.segments {
        if segment.parts.is_empty() {
            time += segment.length();
            continue;
        }
        // "The EXT-X-PART-INF tag … is REQUIRED if a Playlist contains one or more EXT-X-PART tags" (§4.4.3.7)
        let Some(target) = playlist.part_target else {
            found.add("H4", "there are parts, but no EXT-X-PART-INF".to_owned());
            return;
        };
        for (index, part) in segment.parts.iter().enumerate() {
            part_length(segment.msn, index, part, &segment.parts, segment.is_closed(), target, found);
        }
        let sum: u64 = segment.parts.iter().map(|part| part.duration).sum();
        let rounding = segment.parts.len() as u64 + 1;
        let adds_up = segment.duration.is_none_or(|duration| duration.abs_diff(sum) <= rounding);
        found.require(adds_up, "H6", || {
            format!("the parts of segment {} last {sum}, it lasts {:?}", segment.msn, segment.duration)
        });
        // "EXT-X-PART tags SHOULD be removed from the Playlist after they are greater than three Target
        // Durations from the end of the Playlist" (§6.2.2). They go with their segment, so the test
        // is of its end.
        let from_end = total - time - segment.length();
        found.require(from_end <= playlist.target() * 3, "H8", || {
            format!("segment {} lists its parts, {from_end} before the end", segment.msn)
        });
        time += segment.length();
    }
    // And they stay until then: "at least three target durations" of parts (AAS, §6.2.2). What has no
    // PART-INF has no parts, and nobody is close to the end of what is complete.
    if playlist.part_target.is_none() || playlist.playlist_type.as_deref() == Some("VOD") {
        return;
    }
    let mut from_end = 0;
    // Each length is rounded.
    for (rounding, segment) in (1..).zip(playlist.segments.iter().rev()) {
        let due = from_end + segment.length() + rounding < playlist.target() * 3;
        if due && !segment.gap && segment.parts.is_empty() {
            found.add(
                "H8",
                format!("segment {} does not list its parts, {from_end} before the end", segment.msn),
            );
        }
        from_end += segment.length();
    }
}

fn part_length(
    msn: u64,
    index: usize,
    part: &Part,
    parts: &[Part],
    is_closed: bool,
    target: u64,
    found: &mut Violations,
) {
    let name = || format!("part {index} of segment {msn} lasts {}, the target is {target}", part.duration);
    // "the duration … MUST be less than or equal to the Part Target Duration" (§4.4.4.9)
    found.require(part.duration <= target && part.duration > 0, "H4", name);
    // "Each Partial Segment duration … MUST be at least 85% of the Part Target Duration, with the
    // exception of Partial Segments with the INDEPENDENT=YES attribute, Partial Segments with the
    // GAP=YES attribute …, and the final Partial Segment of any Parent Segment" (§4.4.4.9)
    let is_final = index + 1 == parts.len();
    let excused =
        part.independent || part.gap || is_final || parts.get(index + 1).is_some_and(|next| next.gap);
    let _ = is_closed;
    found.require(excused || part.duration * 100 >= target * 85, "H4", name);
}

/// H9.
fn hint(lines: &Lines, playlist: &Media, found: &mut Violations) {
    let parts = playlist.segments.iter().any(|segment| !segment.parts.is_empty());
    // "A Playlist … SHOULD have … an EXT-X-PRELOAD-HINT tag" for the next part (§4.4.5.3, §B.1)
    found.require(playlist.ended || !parts || playlist.hint.is_some(), "H9", || {
        "it has parts, but no hint of the next".into()
    });
    // "A Playlist … with an EXT-X-ENDLIST tag MUST NOT contain" one (§4.4.5.3)
    found.require(!playlist.ended || !lines.has("EXT-X-PRELOAD-HINT"), "H9", || {
        "it has ended, but hints at more".into()
    });
    // "no more than one … with the same TYPE" (§4.4.5.3)
    let mut types = BTreeSet::new();
    for tag in lines.named("EXT-X-PRELOAD-HINT") {
        found.require(types.insert(tag.get("TYPE")), "H9", || {
            format!("two hints are of type {:?}", tag.get("TYPE"))
        });
        found.require(tag.quoted("URI").is_some(), "H9", || "a hint has no URI".into());
    }
    let listed = playlist.segments.iter().flat_map(|segment| &segment.parts);
    for part in listed {
        found.require(playlist.hint.as_ref() != Some(&part.uri), "H9", || {
            format!("{} is hinted and listed", part.uri)
        });
    }
}

/// H15: §4.4.4.6.
fn dates(playlist: &Media, found: &mut Violations) {
    let Some(first) = playlist.segments.first() else { return };
    found.require(first.date_ms.is_some(), "H15", || "the first segment has no date".into());
    for segment in playlist.segments.iter().filter(|segment| segment.discontinuity) {
        found.require(segment.date_ms.is_some(), "H15", || {
            format!("segment {} has no date after a discontinuity", segment.msn)
        });
    }
    for pair in playlist.segments.windows(2) {
        let (Some(this), Some(next)) = (pair[0].date_ms, pair[1].date_ms) else { continue };
        found.require(next > this, "H15", || format!("the date of segment {} goes back", pair[1].msn));
        if pair[1].discontinuity || pair[1].map != pair[0].map || pair[0].gap || pair[1].gap {
            // Another timeline, or other composition offsets.
            continue;
        }
        // One map from media to dates: what lasts so long moves the date so far. First pictures
        // are shown later than decoded by the same reordering in each segment.
        let lasted_ms = i64::try_from(pair[0].length() / 100).unwrap_or(i64::MAX);
        // A segment that does not start with a keyframe may not start with what is shown first.
        let reordered_ms = if playlist.independent_segments { 2 } else { 250 };
        found.require((next - this - lasted_ms).abs() <= reordered_ms, "H15", || {
            format!("segment {} lasts {lasted_ms} ms, but the date moves by {}", pair[0].msn, next - this)
        });
    }
}

/// H18: "the duration of the Playlist … MUST NOT be less than three times the target duration" when
/// segments are removed (§6.2.2); AAS asks for at least six segments, so that fewer are all there were.
fn window(playlist: &Media, context: &Context<'_>, found: &mut Violations) {
    let closed = playlist.segments.iter().filter(|segment| segment.is_closed());
    let lengths: Vec<u64> = closed.map(super::playlist::Segment::length).collect();
    let total: u64 = lengths.iter().sum();
    // A track that joined late begins with a higher number, and lists all it has.
    let first_msn = context.first_msn.unwrap_or(if lengths.len() < 6 { playlist.media_sequence } else { 1 });
    if playlist.media_sequence > first_msn && playlist.skipped == 0 {
        found.require(total >= playlist.target() * 3, "H18", || format!("it lists only {total}"));
    }
}

/// H8: "all Media Segments and Partial Segments listed … MUST be available" (§6.2.1).
fn fetchable(playlist: &Media, context: &Context<'_>, found: &mut Violations) {
    let Some(fetchable) = context.fetchable else { return };
    for segment in playlist.segments.iter().filter(|segment| !segment.gap) {
        let uris = segment.uri.iter().chain(&segment.map).chain(segment.parts.iter().map(|part| &part.uri));
        for uri in uris {
            found.require(fetchable(uri), "H8", || format!("{uri} is listed, but cannot be fetched"));
        }
    }
}
