//! An ordinary movie file (ISO/IEC 14496-12) of tracks that were recorded in parts: one `moov` that says where each
//! sample is, and media without fragments.
//!
//! Nothing of the media changes, and no picture or sound is moved: what was shown at a time of the presentation is shown
//! at that time. Where a track has nothing, its last sample lasts longer; where it begins late, it has an empty edit.

use bytes::Bytes;

use super::chunk::{Chunk, Sample};
use super::header::{Header, HeaderError, TrackKind};
use crate::isobmff::stbl::{BYTES_PER_CHUNK, BYTES_PER_SAMPLE, Listed, SampleTables};
use crate::isobmff::{BoxRef, FourCc, Malformed, Writer, boxes, ftyp, mvhd, stsd};
use crate::time::{Timescale, scale};

/// Why media cannot go into one track of a movie.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MovieError {
    /// Its header cannot be used.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A box of its header is not what it says.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It is encrypted.
    #[error("it is encrypted, which a movie of samples cannot say of parts")]
    Encrypted,
    /// It goes on in another codec.
    #[error("its codec changes from {before} to {after}, and a track of a movie has one")]
    OtherCodec {
        /// The sample entry's code at first.
        before: FourCc,
        /// And then.
        after: FourCc,
    },
}

/// A track of a movie, as it grows.
#[derive(Debug, Clone)]
pub struct MovieTrack {
    /// The header of its first session, of which all but the tables is taken over.
    header: Bytes,
    kind: TrackKind,
    timescale: Timescale,
    format: FourCc,
    /// Sample entries, each once.
    entries: Vec<Bytes>,
    tables: SampleTables,
    /// When its first sample is decoded, on the movie's clock.
    origin: Option<i64>,
    /// When its first picture is shown, and when its last is over, on its own clock.
    shown: Option<(i64, i64)>,
}

/// Where a run of a track lies on the movie's clock.
#[derive(Debug, Clone, Copy)]
pub struct Placing {
    /// Ticks per second of the run.
    pub timescale: Timescale,
    /// What is added to a decode time of the run to get the movie's, in the run's ticks.
    pub offset_ticks: i128,
    /// Its sample entry, as [`MovieTrack::entry`] numbered it.
    pub entry: u32,
}

impl MovieTrack {
    /// An empty track that is described as this header, `ftyp` and `moov`, does.
    ///
    /// # Errors
    ///
    /// The header cannot be used.
    pub fn new(header: &Bytes) -> Result<Self, MovieError> {
        let parsed = Header::parse(header)?;
        let entry = sample_entry(header)?;
        let mut track = Self {
            header: header.clone(),
            kind: parsed.kind,
            timescale: parsed.timescale,
            format: entry.kind,
            entries: Vec::new(),
            tables: SampleTables::default(),
            origin: None,
            shown: None,
        };
        track.entry(header)?;
        Ok(track)
    }

    /// The number, counted from 1, of the sample entry of another session's header.
    ///
    /// # Errors
    ///
    /// The header cannot be used, or not in the same track.
    pub fn entry(&mut self, header: &Bytes) -> Result<u32, MovieError> {
        if Header::parse(header)?.protection.is_some() {
            return Err(MovieError::Encrypted);
        }
        let entry = sample_entry(header)?;
        if entry.kind != self.format {
            return Err(MovieError::OtherCodec { before: self.format, after: entry.kind });
        }
        let known = self.entries.iter().position(|known| known.as_ref() == entry.bytes);
        let index = known.unwrap_or_else(|| {
            self.entries.push(Bytes::copy_from_slice(entry.bytes));
            self.entries.len().saturating_sub(1)
        });
        Ok(u32::try_from(index.saturating_add(1)).unwrap_or(u32::MAX))
    }

    /// Ticks per second of the track.
    pub fn timescale(&self) -> Timescale {
        self.timescale
    }

    /// How many samples it has.
    pub fn samples(&self) -> usize {
        self.tables.samples()
    }

    /// Appends the chunks of a part, whose media lie in a row at `file_offset`.
    pub fn append(&mut self, chunks: &[Chunk], placing: Placing, file_offset: u64) {
        let Some(first) = chunks.first() else { return };
        let start = i128::from(first.start_ticks()).saturating_add(placing.offset_ticks);
        let (its, own) = (placing.timescale, self.timescale);
        let at = |after: u64| ticks_of(start.saturating_add(i128::from(after)), its, own);
        let decoded = at(0);
        let origin = *self.origin.get_or_insert(decoded);
        let reached = i64::try_from(self.tables.ticks()).unwrap_or(i64::MAX);
        let due = decoded.saturating_sub(origin);
        self.tables.stretch(u64::try_from(due.saturating_sub(reached)).unwrap_or(0));
        let reached = reached.max(due);
        // What is decoded later than it would be, because frames are reordered further than before, is shown no later.
        // Sound has no such times, and is not moved by more than rounding.
        let late = if self.kind == TrackKind::Video { reached.saturating_sub(due) } else { 0 };
        let mut after = 0_u64;
        let mut dts = reached;
        let mut samples = Vec::with_capacity(chunks.iter().map(|chunk| chunk.samples().len()).sum());
        for Sample { duration_ticks, bytes, sync, composition_ticks } in
            chunks.iter().flat_map(Chunk::samples)
        {
            let begins = at(after);
            after = after.saturating_add(u64::from(*duration_ticks));
            let duration = at(after).saturating_sub(begins).max(0);
            let shift = ticks_of(i128::from(*composition_ticks), its, own).saturating_sub(late);
            let (begin, end) =
                (dts.saturating_add(shift), dts.saturating_add(shift).saturating_add(duration));
            let (first, last) = self.shown.get_or_insert((begin, end));
            (*first, *last) = ((*first).min(begin), (*last).max(end));
            dts = dts.saturating_add(duration);
            samples.push(Listed {
                duration_ticks: u32::try_from(duration).unwrap_or(u32::MAX),
                bytes: *bytes,
                sync: *sync,
                composition_ticks: i32::try_from(shift).unwrap_or(0),
            });
        }
        self.tables.chunk(samples, file_offset, placing.entry);
    }

    /// From when until when it shows something, on the movie's clock in its own ticks.
    fn shows(&self) -> Option<(i64, i64)> {
        let (first, last) = self.shown?;
        let origin = self.origin?;
        Some((first.saturating_add(origin), last.saturating_add(origin)))
    }

    /// Its edit list, which hides what lies before the movie begins or after it ends: how long nothing is shown, in
    /// ticks of the movie, then for how long, and from which time of its own.
    fn edit(&self, movie: Timescale, until: Option<i64>) -> (u64, u64, i64) {
        let Some((begins, ends)) = self.shows() else { return (0, 0, 0) };
        let in_movie = |ticks: i64| self.timescale.convert_ticks(u64::try_from(ticks).unwrap_or(0), movie);
        let ends = until.map_or(ends, |until| ends.min(until));
        let media_time = begins.max(0).saturating_sub(self.origin.unwrap_or(0));
        (in_movie(begins), in_movie(ends).saturating_sub(in_movie(begins)), media_time)
    }

    fn write(
        &self,
        w: &mut Writer,
        id: u32,
        is_first: bool,
        movie: Timescale,
        until: Option<i64>,
    ) -> Result<(), MovieError> {
        let trak = trak(&self.header)?;
        let mdia = trak.require(b"mdia", "has no mdia")?;
        let minf = mdia.require(b"minf", "has no minf")?;
        let (empty, duration, media_time) = self.edit(movie, until);
        let tkhd = trak.require(b"tkhd", "has no tkhd")?;
        let mdhd = mdia.require(b"mdhd", "has no mdhd")?;
        w.boxed(b"trak", |w| {
            // One track of a kind is played, and the others are there to be chosen.
            w.full_boxed(b"tkhd", 1, if is_first { 3 } else { 2 }, |w| {
                w.zeros(16);
                w.u32(id);
                w.zeros(4);
                w.u64(empty.saturating_add(duration));
                w.zeros(8 + 2);
                w.u16(match self.kind {
                    TrackKind::Video => 1,
                    TrackKind::Audio => 2,
                    TrackKind::Text => 3,
                });
                w.u16(if self.kind == TrackKind::Audio { 0x0100 } else { 0 });
                w.zeros(2);
                // Matrix and size.
                w.put(tail(&tkhd, 44));
            });
            w.boxed(b"edts", |w| {
                w.full_boxed(b"elst", 1, 0, |w| {
                    w.u32(if empty > 0 { 2 } else { 1 });
                    if empty > 0 {
                        w.u64(empty);
                        w.i64(-1);
                        w.u32(0x0001_0000);
                    }
                    w.u64(duration);
                    w.i64(media_time);
                    w.u32(0x0001_0000);
                });
            });
            w.boxed(b"mdia", |w| {
                w.full_boxed(b"mdhd", 1, 0, |w| {
                    w.zeros(16);
                    w.u32(self.timescale.ticks_per_second());
                    w.u64(self.tables.ticks());
                    // Language.
                    w.put(tail(&mdhd, 4));
                });
                for child in
                    mdia.children().flatten().filter(|child| !matches!(&child.kind.0, b"mdhd" | b"minf"))
                {
                    w.put(child.bytes);
                }
                w.boxed(b"minf", |w| {
                    for child in minf.children().flatten().filter(|child| child.kind.0 != *b"stbl") {
                        w.put(child.bytes);
                    }
                    self.tables.write(w, &self.entries);
                });
            });
        });
        Ok(())
    }
}

/// Ticks of one timescale in those of another, to nearest.
fn ticks_of(ticks: i128, timescale: Timescale, own: Timescale) -> i64 {
    let (own, its) = (i128::from(own.ticks_per_second()), i128::from(timescale.ticks_per_second()));
    let doubled = ticks.saturating_mul(own).saturating_mul(2).saturating_add(its);
    let ticks = if own == its { Some(ticks) } else { doubled.checked_div_euclid(its.saturating_mul(2)) };
    ticks.and_then(|ticks| i64::try_from(ticks).ok()).unwrap_or(i64::MAX)
}

/// The last bytes of a box.
fn tail<'a>(of: &BoxRef<'a>, bytes: usize) -> &'a [u8] {
    of.body.get(of.body.len().saturating_sub(bytes)..).unwrap_or_default()
}

fn trak(header: &[u8]) -> Result<BoxRef<'_>, MovieError> {
    for found in boxes(header) {
        let found = found?;
        if found.kind.0 == *b"moov" {
            return Ok(found.require(b"trak", "has no trak")?);
        }
    }
    Err(HeaderError::Incomplete(FourCc(*b"moov")).into())
}

fn sample_entry(header: &[u8]) -> Result<BoxRef<'_>, MovieError> {
    let mdia = trak(header)?.require(b"mdia", "has no mdia")?;
    let stbl = mdia.require(b"minf", "has no minf")?.require(b"stbl", "has no stbl")?;
    Ok(stsd::first_entry(&stbl.require(b"stsd", "has no stsd")?)?)
}

/// The `ftyp` of such a file.
pub fn file_type() -> Vec<u8> {
    let mut writer = Writer::default();
    ftyp::write(&mut writer, b"isom", &[b"isom", b"iso4", b"mp41", b"mp42"]);
    writer.finish()
}

/// The `moov` of these tracks. What lies after `until_us`, microseconds of the movie, is not shown.
///
/// # Errors
///
/// A header is not what it was when its track began.
pub fn moov(tracks: &[MovieTrack], until_us: Option<u64>) -> Result<Vec<u8>, MovieError> {
    let tracks = || tracks.iter().filter(|track| track.samples() > 0);
    let Some(movie) = tracks().next().map(MovieTrack::timescale) else { return Ok(Vec::new()) };
    let until = |track: &MovieTrack| {
        let ticks = until_us.map(|us| scale(us, u64::from(track.timescale.ticks_per_second()), 1_000_000))?;
        i64::try_from(ticks).ok()
    };
    let lasts = |track: &MovieTrack| {
        let (empty, duration, _) = track.edit(movie, until(track));
        empty.saturating_add(duration)
    };
    let mut writer = Writer::default();
    let mut written = Ok(());
    writer.boxed(b"moov", |w| {
        let next_id = u32::try_from(tracks().count().saturating_add(1)).unwrap_or(u32::MAX);
        mvhd::write_with_duration(
            w,
            movie.ticks_per_second(),
            tracks().map(lasts).max().unwrap_or(0),
            next_id,
        );
        let mut kinds: Vec<TrackKind> = Vec::new();
        for (id, track) in (1..).zip(tracks()) {
            let is_first = !kinds.contains(&track.kind);
            kinds.push(track.kind);
            if written.is_ok() {
                written = track.write(w, id, is_first, movie, until(track));
            }
        }
    });
    written.map(|()| writer.finish())
}

/// The most bytes that the `moov` of tracks takes: of their headers, and of as many samples and parts as they will have.
pub fn moov_bytes(headers: u64, samples: u64, parts: u64) -> u64 {
    const FIXED_BYTES: u64 = 4096;
    let tables =
        samples.saturating_mul(BYTES_PER_SAMPLE).saturating_add(parts.saturating_mul(BYTES_PER_CHUNK));
    headers.saturating_mul(2).saturating_add(tables).saturating_add(FIXED_BYTES)
}
