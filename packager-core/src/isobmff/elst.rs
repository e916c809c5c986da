//! `elst`: how a track's composition times map to presentation (ISO/IEC 14496-12 §8.6.6).

use super::{BoxRef, Malformed, Writer};
use crate::time::scale;

/// What to subtract from a composition time to get its presentation time, in ticks of the track:
/// `media_time` of the first edit that shows something, less the length of the empty edits before
/// it. Later edits have no place in a live stream and are not looked at.
///
/// # Errors
///
/// The box is cut short or has a `media_time` below −1; or it has an empty edit and
/// `movie_timescale`, in which that is measured, is 0.
pub fn presentation_shift_ticks(
    found: &BoxRef<'_>,
    movie_timescale: u32,
    track_timescale: u32,
) -> Result<i64, Malformed> {
    let mut fields = found.fields();
    let (version, _) = fields.version_and_flags()?;
    let count = fields.u32()?;
    let mut empty_movie_ticks = 0u64;
    let mut first_media_ticks = 0;
    for _ in 0..count {
        let (length, media_time) = if version == 0 {
            (u64::from(fields.u32()?), i64::from(fields.i32()?))
        } else {
            (fields.u64()?, fields.i64()?)
        };
        fields.skip(4)?; // media_rate
        match media_time {
            -1 => empty_movie_ticks = empty_movie_ticks.saturating_add(length),
            0.. => {
                first_media_ticks = media_time;
                break;
            }
            _ => return Err(fields.malformed("has an edit that begins before the media does")),
        }
    }
    if empty_movie_ticks > 0 && movie_timescale == 0 {
        return Err(found.malformed("has an empty edit, but the mvhd gives it no timescale"));
    }
    let empty_ticks = scale(empty_movie_ticks, u64::from(track_timescale), u64::from(movie_timescale));
    Ok(first_media_ticks.saturating_sub_unsigned(empty_ticks))
}

/// Writes one edit that begins at `media_time_ticks`, after an empty one of `empty_movie_ticks`
/// unless that is 0.
pub fn write(writer: &mut Writer, empty_movie_ticks: u64, media_time_ticks: i64) {
    writer.full_boxed(b"elst", 1, 0, |w| {
        w.u32(if empty_movie_ticks > 0 { 2 } else { 1 });
        if empty_movie_ticks > 0 {
            w.u64(empty_movie_ticks);
            w.i64(-1);
            w.u32(0x0001_0000);
        }
        w.u64(0);
        w.i64(media_time_ticks);
        w.u32(0x0001_0000);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::boxes;

    fn shift(empty: u64, media_time: i64, movie_timescale: u32) -> Result<i64, Malformed> {
        let mut writer = Writer::default();
        write(&mut writer, empty, media_time);
        let bytes = writer.finish();
        let found = boxes(&bytes).next().unwrap().unwrap();
        presentation_shift_ticks(&found, movie_timescale, 48_000)
    }

    #[test]
    fn an_edit_shifts_by_its_media_time_less_the_empty_ones_before() {
        assert_eq!(shift(0, 1024, 0), Ok(1024));
        assert_eq!(shift(500, 1024, 1000), Ok(1024 - 24_000));
        assert_eq!(shift(u64::MAX, 0, 1), Ok(i64::MIN));
        assert!(shift(500, 0, 0).is_err());
        assert!(shift(0, -2, 1000).is_err());
    }

    #[test]
    fn more_edits_than_the_box_holds_are_refused() {
        let bytes = b"\0\0\0\x10elst\0\0\0\0\xff\xff\xff\xff";
        let found = boxes(bytes).next().unwrap().unwrap();
        assert!(presentation_shift_ticks(&found, 1000, 1000).is_err());
    }
}
