//! Media playlists as a player reads them: nothing is taken that a player would not.

use std::collections::BTreeMap;

/// A media playlist.
#[derive(Debug, Clone, Default)]
pub(crate) struct MediaPlaylist {
    pub(crate) version: u64,
    /// EXT-X-TARGETDURATION.
    pub(crate) target_s: u64,
    /// EXT-X-SERVER-CONTROL, as it stands.
    pub(crate) server_control: String,
    /// EXT-X-PART-INF, PART-TARGET.
    pub(crate) part_target_us: u64,
    pub(crate) media_sequence: u64,
    pub(crate) discontinuity_sequence: u64,
    /// EXT-X-SKIP.
    pub(crate) skipped: u64,
    pub(crate) independent: bool,
    /// The last one may be open.
    pub(crate) segments: Vec<Segment>,
    /// EXT-X-PRELOAD-HINT.
    pub(crate) hint: Option<String>,
    pub(crate) reports: Vec<(String, u64, Option<u64>)>,
    /// EXT-X-PLAYLIST-TYPE:EVENT.
    pub(crate) is_event: bool,
    /// EXT-X-ENDLIST.
    pub(crate) ended: bool,
}

/// A segment in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) msn: u64,
    /// `None`: it is open.
    pub(crate) duration_us: Option<u64>,
    pub(crate) uri: String,
    /// EXT-X-MAP that applies.
    pub(crate) map: Option<String>,
    /// EXT-X-PROGRAM-DATE-TIME, in milliseconds.
    pub(crate) date_ms: Option<i64>,
    /// EXT-X-DISCONTINUITY stands before it.
    pub(crate) discontinuity: bool,
    /// Its discontinuity sequence number.
    pub(crate) discontinuities: u64,
    pub(crate) gap: bool,
    pub(crate) parts: Vec<Part>,
}

/// A part in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) uri: String,
    pub(crate) duration_us: u64,
    pub(crate) independent: bool,
}

impl MediaPlaylist {
    /// The session of its newest media.
    pub(crate) fn session(&self) -> &str {
        let newest = self.segments.last();
        let map = newest.and_then(|newest| newest.map.as_deref()).unwrap_or_default();
        map.split('/').next().unwrap_or_default()
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        if lines.next() != Some("#EXTM3U") || !text.ends_with('\n') {
            return Err("it does not start with EXTM3U, or its last line has no end".to_owned());
        }
        let mut list = Self::default();
        let mut next = Segment::default();
        let mut map = None;
        let mut once = BTreeMap::new();
        for line in lines {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            let is_header = matches!(
                tag,
                "#EXT-X-VERSION"
                    | "#EXT-X-TARGETDURATION"
                    | "#EXT-X-PLAYLIST-TYPE"
                    | "#EXT-X-SERVER-CONTROL"
                    | "#EXT-X-PART-INF"
                    | "#EXT-X-MEDIA-SEQUENCE"
                    | "#EXT-X-DISCONTINUITY-SEQUENCE"
                    | "#EXT-X-SKIP"
                    | "#EXT-X-INDEPENDENT-SEGMENTS"
                    | "#EXT-X-ENDLIST"
                    | "#EXT-X-PRELOAD-HINT"
            );
            if is_header && once.insert(tag.to_owned(), ()).is_some() {
                return Err(format!("{tag} stands twice"));
            }
            match tag {
                "#EXT-X-VERSION" => list.version = integer(value)?,
                "#EXT-X-TARGETDURATION" => list.target_s = integer(value)?,
                "#EXT-X-PLAYLIST-TYPE" if value == "EVENT" => list.is_event = true,
                "#EXT-X-SERVER-CONTROL" => list.server_control = value.to_owned(),
                "#EXT-X-PART-INF" => list.part_target_us = micros(attribute(value, "PART-TARGET")?)?,
                "#EXT-X-MEDIA-SEQUENCE" => list.media_sequence = integer(value)?,
                "#EXT-X-DISCONTINUITY-SEQUENCE" => list.discontinuity_sequence = integer(value)?,
                "#EXT-X-SKIP" => list.skipped = integer(attribute(value, "SKIPPED-SEGMENTS")?)?,
                "#EXT-X-INDEPENDENT-SEGMENTS" => list.independent = true,
                "#EXT-X-ENDLIST" => list.ended = true,
                "#EXT-X-PRELOAD-HINT" => list.hint = Some(attribute(value, "URI")?.to_owned()),
                "#EXT-X-RENDITION-REPORT" => {
                    let part = attribute(value, "LAST-PART").ok().map(integer).transpose()?;
                    let msn = integer(attribute(value, "LAST-MSN")?)?;
                    list.reports.push((attribute(value, "URI")?.to_owned(), msn, part));
                }
                "#EXT-X-DISCONTINUITY" => {
                    before_parts(&next, tag)?;
                    next.discontinuity = true;
                }
                "#EXT-X-MAP" => {
                    before_parts(&next, tag)?;
                    map = Some(attribute(value, "URI")?.to_owned());
                }
                "#EXT-X-PROGRAM-DATE-TIME" => {
                    before_parts(&next, tag)?;
                    next.date_ms = Some(date_ms(value).ok_or_else(|| format!("no date: {value}"))?);
                }
                "#EXT-X-GAP" => next.gap = true,
                "#EXT-X-PART" => next.parts.push(Part {
                    uri: attribute(value, "URI")?.to_owned(),
                    duration_us: micros(attribute(value, "DURATION")?)?,
                    independent: attribute(value, "INDEPENDENT").is_ok_and(|yes| yes == "YES"),
                }),
                "#EXTINF" => next.duration_us = Some(micros(value.trim_end_matches(','))?),
                _ if line.starts_with('#') => return Err(format!("unknown tag {line}")),
                _ => {
                    if next.duration_us.is_none() {
                        return Err(format!("{line} has no EXTINF"));
                    }
                    next.uri = line.to_owned();
                    list.take(&mut next, map.clone());
                }
            }
        }
        if !next.parts.is_empty() {
            list.take(&mut next, map);
        } else if next.date_ms.is_some() || next.discontinuity || next.gap {
            return Err("tags of a segment stand at the end without it".to_owned());
        }
        Ok(list)
    }

    fn take(&mut self, next: &mut Segment, map: Option<String>) {
        let count = self.segments.len() as u64;
        let before = self.segments.last().map_or(self.discontinuity_sequence, |last| last.discontinuities);
        let mut segment = std::mem::take(next);
        segment.msn = self.media_sequence + self.skipped + count;
        segment.discontinuities = before + u64::from(segment.discontinuity);
        segment.map = map.filter(|_| !segment.gap);
        self.segments.push(segment);
    }

    /// The open segment, when it has a part.
    pub(crate) fn open(&self) -> Option<&Segment> {
        self.segments.last().filter(|segment| segment.duration_us.is_none())
    }

    /// The first number after the closed segments.
    pub(crate) fn end_msn(&self) -> u64 {
        let closed = self.segments.iter().filter(|segment| segment.duration_us.is_some()).count();
        self.media_sequence + self.skipped + closed as u64
    }

    /// What a player asks for next.
    pub(crate) fn next(&self) -> (u64, u64) {
        (self.end_msn(), self.open().map_or(0, |open| open.parts.len() as u64))
    }
}

fn before_parts(next: &Segment, tag: &str) -> Result<(), String> {
    if next.parts.is_empty() { Ok(()) } else { Err(format!("{tag} comes after a part of its segment")) }
}

/// URIs of the media playlists in a multivariant playlist.
pub(crate) fn media_uris(text: &str) -> Vec<String> {
    let mut uris = Vec::new();
    for line in text.lines() {
        if let Some(value) = line.strip_prefix("#EXT-X-MEDIA:") {
            uris.extend(attribute(value, "URI").ok().map(str::to_owned));
        } else if !line.starts_with('#') && !line.is_empty() {
            uris.push(line.to_owned());
        }
    }
    uris
}

fn attribute<'a>(list: &'a str, name: &str) -> Result<&'a str, String> {
    let mut rest = list;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, more) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| format!("unfinished quotes: {list}"))?,
            None => after.split_once(',').map_or((after, ""), |(value, _)| (value, &after[value.len()..])),
        };
        if key == name {
            return Ok(value);
        }
        rest = more.trim_start_matches(',');
    }
    Err(format!("no {name} in {list}"))
}

fn integer(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("no integer: {value}"))
}

fn micros(value: &str) -> Result<u64, String> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let padded = format!("{fraction:0<6}");
    Ok(integer(whole)? * 1_000_000 + integer(&padded[..6])?)
}

fn date_ms(value: &str) -> Option<i64> {
    let number = |from: usize, to: usize| value.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, ms) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    if value.get(23..) != Some("Z") {
        return None;
    }
    // Days from the civil date, March first.
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let of_year = (153 * m + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_back() {
        assert_eq!(date_ms("2026-11-22T22:23:16.007Z"), Some(1_795_386_196_007));
        assert_eq!(date_ms("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(date_ms("2026-11-22T22:23:16Z"), None);
    }
}
