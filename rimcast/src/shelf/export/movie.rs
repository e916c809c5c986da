//! Movies: ordinary MP4 files whose `moov` comes first, so that they play while they are still downloaded.
//!
//! Each is written in one go, under another name, and gets its own when it is whole. Where its `moov` will be is left free
//! for as much as it can take, which the log tells beforehand.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use packager_core::cmaf::TrackKind;
use packager_core::cmaf::movie::{MovieTrack, Placing, file_type, moov, moov_bytes};
use packager_core::isobmff::Writer;
use packager_core::log::{Part, Run, Segment, Timeline};
use sha2::{Digest as _, Sha256};
use tokio::task::block_in_place;

use super::part::{self, Unusable, Wanted};
use super::recording::{Range, Recording, Track};
use super::room::{READS_AT_ONCE, Room};
use super::{ExportArgs, Written};
use crate::shelf::Failure;
use crate::shelf::progress::{Progress, Unit};

/// Size and type of a box, and of one with a size of 64 bits.
const BOX_BYTES: u64 = 8;
const LARGE_BOX_BYTES: u64 = 16;

/// One part of a movie, in the order of the file.
struct Piece<'a> {
    /// Which of the movie's tracks.
    track: usize,
    run: &'a Run,
    part: Part,
    at_us: i64,
}

/// A movie to be written.
struct Movie<'a> {
    path: PathBuf,
    tracks: Vec<&'a Track>,
    pieces: Vec<Piece<'a>>,
    timeline: Timeline,
    /// What lies behind this is hidden, in microseconds.
    until_us: Option<u64>,
    fingerprint: Vec<u8>,
}

pub(super) async fn export(
    recording: &Recording<'_>,
    range: Range,
    together: bool,
    args: &ExportArgs,
) -> Result<Vec<Written>, Failure> {
    let sets = if together { vec![recording.tracks.iter().collect()] } else { sets(recording) };
    let mut movies = Vec::new();
    for tracks in sets {
        movies.extend(Movie::plan(recording, tracks, range, &args.to)?);
    }
    let total = movies.iter().flat_map(|movie| &movie.pieces).map(|piece| piece.part.bytes).sum();
    let mut progress = Progress::new("exporting", Unit::Bytes, total, args.json);
    let mut written = Vec::new();
    for movie in &movies {
        written.push(match movie.already_there() {
            Some(there) => {
                progress.add(movie.pieces.iter().map(|piece| piece.part.bytes).sum());
                there
            }
            None => movie.write(recording, args.skip_damaged, &mut progress).await?,
        });
    }
    progress.finish();
    Ok(written)
}

/// What goes into which movie: each video track with the sound that players choose; without video, each track.
fn sets<'a>(recording: &'a Recording<'_>) -> Vec<Vec<&'a Track>> {
    let of = |kind| {
        let is = move |track: &&Track| track.chain().is_some_and(|chain| chain.begin.kind == kind);
        recording.tracks.iter().filter(is).collect::<Vec<_>>()
    };
    let sound = of(TrackKind::Audio).into_iter().min_by_key(|track| {
        let rendition = recording.rendition(track);
        // The programme, as its operator says; then what all players can play.
        rendition.map(|rendition| {
            let is_rare = !rendition.header.codec.starts_with("mp4a");
            let settings = rendition.settings;
            (
                !settings.default,
                settings.role.is_some(),
                is_rare,
                settings.order.unwrap_or(u32::MAX),
                &track.name,
            )
        })
    });
    let video = of(TrackKind::Video);
    if video.is_empty() {
        return recording.tracks.iter().map(|track| vec![track]).collect();
    }
    video.into_iter().map(|track| [track].into_iter().chain(sound).collect()).collect()
}

impl<'a> Movie<'a> {
    /// `None` where these tracks have nothing in the range.
    fn plan(
        recording: &'a Recording<'_>,
        tracks: Vec<&'a Track>,
        range: Range,
        folder: &Path,
    ) -> Result<Option<Self>, Failure> {
        let Some(leading) = recording.leading(&tracks) else { return Ok(None) };
        // Video first: it is what players open a file by.
        let mut tracks = tracks;
        tracks.sort_by_key(|track| track.chain().map(|chain| chain.begin.kind));
        // On a clock of their own: what other tracks have before or between does not count.
        let own = Timeline::of(tracks.iter().flat_map(|track| track.segments()));
        let segments = leading.segments();
        let chosen = recording.timeline.selected(&segments, range.from_us, range.until_us);
        let chosen = segments.get(chosen).unwrap_or_default();
        let is_all = range == Range::ALL;
        let (Some(first), Some(last)) = (chosen.first(), chosen.last()) else {
            return Ok(None);
        };
        let (from_us, until_us) =
            if is_all { (i64::MIN, i64::MAX) } else { (own.shows(first).0, own.shows(last).1) };
        let mut pieces = Vec::new();
        for (index, track) in tracks.iter().enumerate() {
            for segment in track.segments() {
                let parts = segment.parts.iter().map(|part| (part, own.shows_part(&segment.run, part)));
                let is_led = std::ptr::eq(*track, leading);
                let is_in = |(begins, ends): (i64, i64)| {
                    if is_led { is_chosen(chosen, segment) } else { ends > from_us && begins < until_us }
                };
                let parts = parts.filter(|(_, shows)| is_all || is_in(*shows));
                pieces.extend(parts.map(|(part, (at_us, _))| Piece {
                    track: index,
                    run: &segment.run,
                    part: *part,
                    at_us,
                }));
            }
        }
        pieces.sort_by_key(|piece| piece.at_us);
        let names: Vec<_> = tracks.iter().map(|track| track.name.as_str()).collect();
        let mut hash = Sha256::new();
        hash.update(format!("2 {} {range:?} {names:?}", recording.broadcast.record.generation));
        for Piece { part, .. } in &pieces {
            hash.update(part.start_ticks.to_be_bytes());
            hash.update(part.meta.hash.to_be_bytes());
        }
        let fingerprint = format!("rimcast export {}", hex(&hash.finalize()));
        let name = format!("{}-{}.mp4", recording.broadcast.name, leading.name);
        Ok(Some(Self {
            path: folder.join(name),
            tracks,
            pieces,
            timeline: if is_all { own } else { own.beginning_at(from_us) },
            until_us: (!is_all).then(|| u64::try_from(until_us.saturating_sub(from_us)).unwrap_or(0)),
            fingerprint: fingerprint.into_bytes(),
        }))
    }

    fn names(&self) -> Vec<String> {
        self.tracks.iter().map(|track| track.name.to_string()).collect()
    }

    fn duration_ms(&self) -> u64 {
        let ends = self.pieces.iter().map(|piece| self.timeline.shows_part(piece.run, &piece.part).1);
        let end_us = u64::try_from(ends.max().unwrap_or(0)).unwrap_or(0);
        self.until_us.map_or(end_us, |until| end_us.min(until)) / 1000
    }

    /// What the file begins with: its type, and of what it is.
    fn beginning(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.put(&file_type());
        writer.boxed(b"free", |w| w.put(&self.fingerprint));
        writer.finish()
    }

    /// The same movie, if it was written before.
    fn already_there(&self) -> Option<Written> {
        let beginning = self.beginning();
        let mut found = vec![0; beginning.len()];
        let mut file = File::open(&self.path).ok()?;
        file.read_exact(&mut found).ok()?;
        let bytes = file.metadata().ok()?.len();
        (found == beginning).then(|| self.written(bytes, true, Vec::new()))
    }

    fn written(&self, bytes: u64, was_there: bool, left_out: Vec<String>) -> Written {
        let (path, tracks) = (self.path.clone(), self.names());
        Written { path, tracks, bytes, duration_ms: self.duration_ms(), was_there, left_out }
    }

    async fn write(
        &self,
        recording: &Recording<'_>,
        skip_damaged: bool,
        progress: &mut Progress,
    ) -> Result<Written, Failure> {
        let mut tracks = self.movie_tracks()?;
        let samples = self.pieces.iter().map(|piece| u64::from(piece.part.meta.samples)).sum();
        let beginning = self.beginning();
        let headers: usize = tracks.iter().map(|(_, _, bytes)| *bytes).sum();
        let room = moov_bytes(headers as u64, samples, self.pieces.len() as u64);
        let media_at = beginning.len() as u64 + room + BOX_BYTES + LARGE_BOX_BYTES;
        let mut file = Unfinished::create(&self.path)?;
        file.seek(media_at)?;
        let broadcast = recording.broadcast;
        let in_memory = Room::new();
        // One after the other, so that what is written next always has room.
        let wanted = stream::iter(&self.pieces).then(|piece| {
            let held = in_memory.take(piece.part.bytes);
            async move { (piece, held.await) }
        });
        let wanted = wanted.map(|(piece, held)| {
            let track = self.tracks[piece.track];
            let header = track.header(&piece.run.session).map(|(_, header)| Arc::clone(header));
            let key = broadcast.keys.part(&track.name, &piece.run.session, piece.part.start_ticks);
            let place = broadcast.place.clone();
            async move {
                let wanted = Wanted { key, part: piece.part, header: header? };
                // Each in a task of its own, so that several are checked at the same time.
                let read = tokio::spawn(async move { part::read(&place, wanted).await });
                Ok::<_, Failure>((piece, read.await?, held))
            }
        });
        let mut parts = pin!(wanted.buffered(READS_AT_ONCE));
        let mut at = media_at;
        let mut left_out = Vec::new();
        while let Some(read) = parts.next().await {
            let (piece, read, _held) = read?;
            let chunks = match read {
                Ok((_, chunks)) => chunks,
                Err(why @ Unusable::Damaged { .. }) if skip_damaged => {
                    left_out.push(why.to_string());
                    continue;
                }
                Err(why) => {
                    return Err(format!("{why}; --skip-damaged leaves out what cannot be used").into());
                }
            };
            let (track, placings, _) = &mut tracks[piece.track];
            let placing = placings.iter().find(|(run, _)| *run == piece.run);
            let placing = placing.map(|(_, placing)| *placing).ok_or("a run of the log is not placed")?;
            track.append(&chunks, placing, at);
            block_in_place(|| chunks.iter().try_for_each(|chunk| file.put(chunk.payload())))?;
            at += chunks.iter().map(|chunk| chunk.payload().len() as u64).sum::<u64>();
            progress.add(piece.part.bytes);
        }
        let tracks: Vec<_> = tracks.into_iter().map(|(track, ..)| track).collect();
        let moov = moov(&tracks, self.until_us)?;
        let rest = (room + BOX_BYTES)
            .checked_sub(moov.len() as u64)
            .filter(|rest| *rest >= BOX_BYTES)
            .and_then(|rest| u32::try_from(rest).ok());
        let rest = rest.ok_or(
            "the movie has more samples than can be described in front of them; export it in ranges",
        )?;
        let mut head = Writer::default();
        head.put(&beginning);
        head.put(&moov);
        head.u32(rest);
        head.put(b"free");
        file.seek(0)?;
        file.put(&head.finish())?;
        let mut mdat = Writer::default();
        mdat.u32(1);
        mdat.put(b"mdat");
        mdat.u64(at - media_at + LARGE_BOX_BYTES);
        file.seek(media_at - LARGE_BOX_BYTES)?;
        file.put(&mdat.finish())?;
        file.finish()?;
        Ok(self.written(at, false, left_out))
    }

    /// The tracks, where their runs lie, and how many bytes their headers have.
    #[expect(clippy::type_complexity, reason = "it is taken apart at once")]
    fn movie_tracks(&self) -> Result<Vec<(MovieTrack, Vec<(&'a Run, Placing)>, usize)>, Failure> {
        let mut tracks = Vec::new();
        for (index, of) in self.tracks.iter().enumerate() {
            let mut made: Option<MovieTrack> = None;
            let mut placings: Vec<(&Run, Placing)> = Vec::new();
            let mut header_bytes = 0;
            for Piece { run, .. } in self.pieces.iter().filter(|piece| piece.track == index) {
                if placings.iter().any(|(known, _)| known == run) {
                    continue;
                }
                let (bytes, header) = of.header(&run.session)?;
                header_bytes += bytes.len();
                let refused = |why| {
                    format!("{} cannot be exported as a movie: {why}; try --format hls, or a range", of.name)
                };
                let track = match &mut made {
                    Some(track) => track,
                    None => made.insert(MovieTrack::new(bytes).map_err(refused)?),
                };
                let entry = track.entry(bytes).map_err(refused)?;
                let shift = i128::from(header.presentation_shift_ticks);
                let offset_ticks = self.timeline.offset_ticks(run) - shift;
                placings.push((run, Placing { timescale: run.timescale, offset_ticks, entry }));
            }
            // One that has nothing in the range is left out by `moov`.
            let track = match made {
                Some(track) => track,
                None => {
                    let chain = of.chain().ok_or("a track without a chain")?;
                    MovieTrack::new(of.header(&chain.run.session)?.0)?
                }
            };
            tracks.push((track, placings, header_bytes));
        }
        Ok(tracks)
    }
}

/// Whether a segment is among those chosen of its track.
fn is_chosen(chosen: &[&Segment], segment: &Segment) -> bool {
    let (first, last) = (chosen.first().map(|first| first.msn), chosen.last().map(|last| last.msn));
    first.is_some_and(|first| segment.msn >= first) && last.is_some_and(|last| segment.msn <= last)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that is not whole yet. It goes away unless it is finished.
pub(super) struct Unfinished {
    path: PathBuf,
    unfinished: PathBuf,
    file: File,
}

impl Unfinished {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = path.with_file_name(format!(".{name}.unfinished"));
        // What an export left that was killed is written anew.
        let file = File::create(&unfinished);
        let file = file.map_err(|why| format!("cannot write {}: {why}", unfinished.display()))?;
        Ok(Self { path: path.to_owned(), unfinished, file })
    }

    fn seek(&mut self, to: u64) -> Result<(), Failure> {
        self.told(|file| file.seek(SeekFrom::Start(to)).map(drop))
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.told(|file| file.write_all(bytes))
    }

    fn told(&mut self, work: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Failure> {
        work(&mut self.file)
            .map_err(|why| format!("cannot write {}: {why}", self.unfinished.display()).into())
    }

    /// Gives it its name, in place of what has it.
    pub(super) fn finish(self) -> Result<(), Failure> {
        std::fs::rename(&self.unfinished, &self.path)
            .map_err(|why| format!("cannot write {}: {why}", self.path.display()).into())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone already when it was finished.
        let _ = std::fs::remove_file(&self.unfinished);
    }
}
