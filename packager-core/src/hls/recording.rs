//! The media playlist of a recording that is files on a disk: whole segments, from the first to the last.

use super::attribute::{Dates, push_integer, push_seconds};
use crate::log::{PeriodRecord, Segment, SessionId, Shape, key};

/// Writes the playlist (HLS §4.4.3.5, VOD) of these segments, in order. Beside it are `{session}/init.mp4` and
/// `{session}-{msn}.m4s`, as viewers of the broadcast know them.
pub fn recording(segments: &[&Segment], periods: &[PeriodRecord], shape: &Shape) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n");
    if segments.iter().all(|segment| segment.is_gap() || segment.is_independent()) {
        text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    text.push_str("#EXT-X-TARGETDURATION:");
    push_integer(&mut text, u64::from(shape.target_duration_s));
    let first = segments.first();
    text.push_str("\n#EXT-X-MEDIA-SEQUENCE:");
    push_integer(&mut text, first.map_or(1, |segment| segment.msn));
    // As in the live playlist: it is the period (HLS §4.4.3.3), so that all renditions agree on it.
    let period = first.map_or(0, |segment| segment.run.period);
    let tagged = u32::from(first.is_some_and(|segment| segment.discontinuity));
    text.push_str("\n#EXT-X-DISCONTINUITY-SEQUENCE:");
    push_integer(&mut text, u64::from(period.saturating_sub(tagged)));
    text.push('\n');
    let mut last_session: Option<&SessionId> = None;
    let mut dates = Dates::default();
    for segment in segments {
        let timescale = segment.run.timescale;
        if segment.discontinuity {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if !segment.is_gap() && last_session != Some(&segment.run.session) {
            last_session = Some(&segment.run.session);
            text.push_str("#EXT-X-MAP:URI=\"");
            text.push_str(segment.run.session.as_str());
            text.push_str("/init.mp4\"\n");
        }
        if let Some(record) = usize::try_from(segment.run.period).ok().and_then(|n| periods.get(n)) {
            text.push_str("#EXT-X-PROGRAM-DATE-TIME:");
            dates.push(
                &mut text,
                record.anchor.wall_at(segment.start_ticks, segment.offset_ticks(), timescale),
            );
            text.push('\n');
        }
        if segment.is_gap() {
            text.push_str("#EXT-X-GAP\n");
        }
        text.push_str("#EXTINF:");
        push_seconds(&mut text, segment.duration_ticks, timescale);
        text.push_str(",\n");
        key::push_segment_path(&mut text, &segment.run.session, segment.msn);
        text.push('\n');
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}
