//! A strict reader of playlists: what it does not know is an error, so that a misspelt tag is not
//! passed over.

use std::collections::BTreeSet;

/// Durations in playlists have five decimals: hundred-thousandths of a second, exactly.
pub const UNITS_PER_SECOND: u64 = 100_000;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Without the `#`.
    pub name: String,
    /// What follows the colon.
    pub value: String,
    attributes: Vec<(String, String)>,
}

/// A line that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `#EXT…`
    Tag(Tag),
    /// A URI.
    Uri(String),
}

/// The lines of a playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines(pub Vec<Line>);

/// Tags whose value is an attribute list.
const WITH_ATTRIBUTES: [&str; 13] = [
    "EXT-X-SERVER-CONTROL",
    "EXT-X-PART-INF",
    "EXT-X-SKIP",
    "EXT-X-MAP",
    "EXT-X-KEY",
    "EXT-X-PART",
    "EXT-X-PRELOAD-HINT",
    "EXT-X-RENDITION-REPORT",
    "EXT-X-DATERANGE",
    "EXT-X-MEDIA",
    "EXT-X-STREAM-INF",
    "EXT-X-I-FRAME-STREAM-INF",
    "EXT-X-START",
];

/// Tags with another value, or with none.
const WITHOUT_ATTRIBUTES: [&str; 15] = [
    "EXTM3U",
    "EXT-X-VERSION",
    "EXT-X-INDEPENDENT-SEGMENTS",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-ENDLIST",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-BYTERANGE",
    "EXT-X-DISCONTINUITY",
    "EXT-X-PROGRAM-DATE-TIME",
    "EXT-X-GAP",
    "EXT-X-BITRATE",
    "EXTINF",
];

impl Lines {
    /// Reads the lines.
    ///
    /// # Errors
    ///
    /// A tag is not known, or an attribute list is not one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.trim_start_matches('\u{feff}').lines().filter(|line| !line.is_empty());
        // "Lines that begin with the character '#' are either comments or tags. Tags begin with #EXT"
        // (§4.1). Ours begin with a space, so that no misspelt tag passes for one.
        let lines = lines.filter(|line| !line.starts_with("# "));
        let read = lines.map(|line| match line.strip_prefix('#') {
            None => Ok(Line::Uri(line.to_owned())),
            Some(tag) => Tag::parse(tag).map(Line::Tag),
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    /// All tags.
    pub fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter().filter_map(|line| match line {
            Line::Tag(tag) => Some(tag),
            Line::Uri(_) => None,
        })
    }

    /// The tags of a name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Tag> {
        self.tags().filter(move |tag| tag.name == name)
    }

    /// Whether there is one.
    pub fn has(&self, name: &str) -> bool {
        self.named(name).next().is_some()
    }
}

impl Tag {
    fn parse(line: &str) -> Result<Self, String> {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let attributes = if WITH_ATTRIBUTES.contains(&name) {
            parse_attributes(value).ok_or_else(|| format!("#{line} has no proper attribute list"))?
        } else if WITHOUT_ATTRIBUTES.contains(&name) {
            Vec::new()
        } else {
            return Err(format!("#{name} is no tag"));
        };
        Ok(Self { name: name.to_owned(), value: value.to_owned(), attributes })
    }

    /// An attribute, without quotes.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.trim_matches('"'))
    }

    /// An attribute that is written in quotes.
    pub fn quoted(&self, name: &str) -> Option<&str> {
        let value = self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value)?;
        value.strip_prefix('"')?.strip_suffix('"')
    }

    /// An attribute that is a decimal integer.
    pub fn integer(&self, name: &str) -> Option<u64> {
        integer(self.get(name)?)
    }

    /// An attribute that is a decimal number of seconds, in hundred-thousandths.
    pub fn seconds(&self, name: &str) -> Option<u64> {
        seconds(self.get(name)?)
    }

    /// All attributes as `NAME=value`.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn repeated_attribute(&self) -> Option<&str> {
        let mut seen = BTreeSet::new();
        self.attributes.iter().map(|(name, _)| name.as_str()).find(|name| !seen.insert(*name))
    }
}

/// `NAME=value,NAME="quoted, value"`
fn parse_attributes(list: &str) -> Option<Vec<(String, String)>> {
    let mut attributes = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let named = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
        let end = match after.strip_prefix('"') {
            Some(quoted) => quoted.find('"')? + 2,
            None => after.find(',').unwrap_or(after.len()),
        };
        let (value, after) = after.split_at(end);
        if !named
            || name.is_empty()
            || value.is_empty()
            || (value.contains(['"', ' ']) && !value.starts_with('"'))
        {
            return None;
        }
        attributes.push((name.to_owned(), value.to_owned()));
        rest = match after.strip_prefix(',') {
            Some("") => return None,
            Some(more) => more,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    (!attributes.is_empty()).then_some(attributes)
}

fn integer(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Seconds with at most five decimals, exactly.
pub fn seconds(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if decimals.is_empty() || decimals.len() > 5 {
        return None;
    }
    let units = integer(&format!("{decimals:0<5}"))?;
    integer(whole)?.checked_mul(UNITS_PER_SECOND)?.checked_add(units)
}

/// A date with milliseconds in UTC, as milliseconds since 1970.
pub fn date_ms(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let number = |text: &str| integer(text).and_then(|value| i64::try_from(value).ok());
    let mut date = date.split('-').map(number);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, ms) = time.split_once('.')?;
    let mut time = time.split(':').map(number);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    // Days since 1970-01-01 of a civil date, years beginning in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let fits =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let ms = number(ms).filter(|_| fits && ms.len() == 3)?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms)
}

/// EXT-X-PART.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// URI.
    pub uri: String,
    /// DURATION, in hundred-thousandths of a second.
    pub duration: u64,
    /// INDEPENDENT=YES.
    pub independent: bool,
    /// GAP=YES.
    pub gap: bool,
}

/// A segment, with what applies to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segment {
    /// Media sequence number.
    pub msn: u64,
    /// EXT-X-DISCONTINUITY stands before it.
    pub discontinuity: bool,
    /// Its discontinuity sequence number.
    pub period: u64,
    /// The EXT-X-MAP that applies.
    pub map: Option<String>,
    /// EXT-X-PROGRAM-DATE-TIME before it, in milliseconds since 1970.
    pub date_ms: Option<i64>,
    /// EXT-X-GAP.
    pub gap: bool,
    /// EXT-X-BYTERANGE: length and offset.
    pub range: Option<(u64, u64)>,
    /// Its parts, as far as listed.
    pub parts: Vec<Part>,
    /// EXTINF in hundred-thousandths of a second; `None` while it is open.
    pub duration: Option<u64>,
    /// Its URI; `None` while it is open.
    pub uri: Option<String>,
    /// A tag that must come before the parts came after one.
    pub late_tag: Option<String>,
}

impl Segment {
    /// EXTINF, or the parts so far.
    pub fn length(&self) -> u64 {
        self.duration.unwrap_or_else(|| self.parts.iter().map(|part| part.duration).sum())
    }

    /// It is closed: its URI is listed.
    pub fn is_closed(&self) -> bool {
        self.uri.is_some()
    }
}

/// A media playlist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Media {
    /// EXT-X-VERSION; 1 where there is none.
    pub version: u64,
    /// EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: bool,
    /// EXT-X-TARGETDURATION, in seconds.
    pub target_duration_s: u64,
    /// EXT-X-SERVER-CONTROL, as written.
    pub server_control: Option<String>,
    /// PART-TARGET, in hundred-thousandths of a second.
    pub part_target: Option<u64>,
    /// EXT-X-MEDIA-SEQUENCE.
    pub media_sequence: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: Option<u64>,
    /// SKIPPED-SEGMENTS.
    pub skipped: u64,
    /// The segments listed; only the last may be open.
    pub segments: Vec<Segment>,
    /// The hinted part.
    pub hint: Option<String>,
    /// EXT-X-RENDITION-REPORT: URI, LAST-MSN, LAST-PART.
    pub reports: Vec<(String, Option<u64>, Option<u64>)>,
    /// EXT-X-I-FRAMES-ONLY.
    pub frames_only: bool,
    /// EXT-X-PLAYLIST-TYPE.
    pub playlist_type: Option<String>,
    /// EXT-X-ENDLIST.
    pub ended: bool,
}

impl Media {
    /// Reads a media playlist.
    ///
    /// # Errors
    ///
    /// A value is not of its type.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::read(&Lines::parse(text)?)
    }

    /// Reads a media playlist.
    ///
    /// # Errors
    ///
    /// A value is not of its type.
    pub fn read(lines: &Lines) -> Result<Self, String> {
        let mut media = Self { version: 1, ..Self::default() };
        let number =
            |tag: &Tag| integer(&tag.value).ok_or(format!("{} is no integer: {}", tag.name, tag.value));
        for tag in lines.tags() {
            match tag.name.as_str() {
                "EXT-X-VERSION" => media.version = number(tag)?,
                "EXT-X-INDEPENDENT-SEGMENTS" => media.independent_segments = true,
                "EXT-X-TARGETDURATION" => media.target_duration_s = number(tag)?,
                "EXT-X-SERVER-CONTROL" => media.server_control = Some(tag.value.clone()),
                "EXT-X-PART-INF" => {
                    let target = tag.seconds("PART-TARGET");
                    media.part_target = Some(target.ok_or("EXT-X-PART-INF has no PART-TARGET")?);
                }
                "EXT-X-MEDIA-SEQUENCE" => media.media_sequence = number(tag)?,
                "EXT-X-DISCONTINUITY-SEQUENCE" => media.discontinuity_sequence = Some(number(tag)?),
                "EXT-X-SKIP" => {
                    let skipped = tag.integer("SKIPPED-SEGMENTS");
                    media.skipped = skipped.ok_or("EXT-X-SKIP has no SKIPPED-SEGMENTS")?;
                }
                "EXT-X-ENDLIST" => media.ended = true,
                "EXT-X-I-FRAMES-ONLY" => media.frames_only = true,
                "EXT-X-PLAYLIST-TYPE" => media.playlist_type = Some(tag.value.clone()),
                "EXT-X-PRELOAD-HINT" if tag.get("TYPE") == Some("PART") => {
                    media.hint = tag.quoted("URI").map(str::to_owned);
                }
                "EXT-X-RENDITION-REPORT" => {
                    let uri = tag.quoted("URI").ok_or("EXT-X-RENDITION-REPORT has no URI")?;
                    media.reports.push((uri.to_owned(), tag.integer("LAST-MSN"), tag.integer("LAST-PART")));
                }
                _ => {}
            }
        }
        media.read_segments(lines)?;
        Ok(media)
    }

    fn read_segments(&mut self, lines: &Lines) -> Result<(), String> {
        let mut period = self.discontinuity_sequence.unwrap_or(0);
        let mut msn = self.media_sequence + self.skipped;
        let mut map = None;
        let mut next = Segment::default();
        for line in &lines.0 {
            let tag = match line {
                Line::Uri(uri) => {
                    let segment = Segment {
                        uri: Some(uri.clone()),
                        msn,
                        period,
                        map: map.clone(),
                        ..std::mem::take(&mut next)
                    };
                    self.segments.push(segment);
                    msn += 1;
                    continue;
                }
                Line::Tag(tag) => tag,
            };
            let comes_first = matches!(
                tag.name.as_str(),
                "EXT-X-DISCONTINUITY" | "EXT-X-KEY" | "EXT-X-MAP" | "EXT-X-PROGRAM-DATE-TIME"
            );
            if comes_first && !next.parts.is_empty() {
                next.late_tag = Some(tag.name.clone());
            }
            match tag.name.as_str() {
                "EXT-X-DISCONTINUITY" => {
                    next.discontinuity = true;
                    period += 1;
                }
                "EXT-X-MAP" => map = Some(tag.quoted("URI").ok_or("EXT-X-MAP has no URI")?.to_owned()),
                "EXT-X-PROGRAM-DATE-TIME" => {
                    next.date_ms = Some(date_ms(&tag.value).ok_or(format!("{} is no date", tag.value))?);
                }
                "EXT-X-GAP" => next.gap = true,
                "EXT-X-BYTERANGE" => {
                    let range = tag.value.split_once('@').and_then(|(n, o)| integer(n).zip(integer(o)));
                    next.range = Some(range.ok_or(format!("{} is no range with its offset", tag.value))?);
                }
                "EXTINF" => {
                    let duration = tag.value.strip_suffix(',').and_then(seconds);
                    next.duration = Some(duration.ok_or(format!("EXTINF:{} is no duration", tag.value))?);
                }
                "EXT-X-PART" => next.parts.push(Part {
                    uri: tag.quoted("URI").ok_or("EXT-X-PART has no URI")?.to_owned(),
                    duration: tag.seconds("DURATION").ok_or("EXT-X-PART has no DURATION")?,
                    independent: tag.get("INDEPENDENT") == Some("YES"),
                    gap: tag.get("GAP") == Some("YES"),
                }),
                _ => {}
            }
        }
        if next != Segment::default() {
            self.segments.push(Segment { msn, period, map, ..next });
        }
        Ok(())
    }

    /// The segment with a number.
    pub fn segment(&self, msn: u64) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.msn == msn)
    }

    /// TARGETDURATION in hundred-thousandths of a second.
    pub fn target(&self) -> u64 {
        self.target_duration_s.saturating_mul(UNITS_PER_SECOND)
    }
}
