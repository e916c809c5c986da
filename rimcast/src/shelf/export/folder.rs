//! A folder of plain HLS: playlists and whole segments, for any web server. What is there already is not written again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use packager_core::cmaf::Header;
use packager_core::hls::{Multivariant, recording as playlist};
use packager_core::log::{Segment, key};

use super::movie::Unfinished;
use super::part::{self, Unusable, Wanted};
use super::recording::{Range, Recording, Track};
use super::room::{READS_AT_ONCE, Room};
use super::{ExportArgs, Written};
use crate::shelf::Failure;
use crate::shelf::progress::{Progress, Unit};
use crate::store::Place;

pub(super) async fn export(
    recording: &Recording<'_>,
    range: Range,
    args: &ExportArgs,
) -> Result<Vec<Written>, Failure> {
    let generation = &recording.broadcast.record.generation;
    let root = args.to.join(generation.as_str());
    let chosen: Vec<_> =
        recording.tracks.iter().map(|track| (track, chosen(recording, track, range))).collect();
    let total = chosen.iter().flat_map(|(_, segments)| segments).map(|segment| segment.bytes()).sum();
    let mut progress = Progress::new("exporting", Unit::Bytes, total, args.json);
    let mut written = Vec::new();
    for (track, segments) in &chosen {
        let folder = root.join(track.name.as_str());
        written
            .push(write_track(recording, track, segments, &folder, args.skip_damaged, &mut progress).await?);
    }
    progress.finish();
    let renditions: Vec<_> = recording.tracks.iter().filter_map(|track| recording.rendition(track)).collect();
    let settings = &recording.broadcast.record.settings;
    let multivariant = Multivariant {
        root: generation.as_str(),
        settings,
        renditions: &renditions,
        file: "index.m3u8",
        frames_file: None,
        is_live: false,
    };
    let multivariant = multivariant.render();
    put(&args.to.join("index.m3u8"), multivariant.as_bytes())?;
    Ok(written)
}

/// A track's segments in the range, gaps included; from the first with media on.
fn chosen<'a>(recording: &Recording<'_>, track: &'a Track, range: Range) -> Vec<&'a Segment> {
    let all = track.segments();
    if range == Range::ALL {
        return all;
    }
    let selected = recording.timeline.selected(&all, range.from_us, range.until_us);
    all.get(selected).unwrap_or_default().to_vec()
}

async fn write_track(
    recording: &Recording<'_>,
    track: &Track,
    segments: &[&Segment],
    folder: &Path,
    skip_damaged: bool,
    progress: &mut Progress,
) -> Result<Written, Failure> {
    make(folder)?;
    let mut was_there = true;
    let media = || segments.iter().filter(|segment| !segment.is_gap());
    for segment in media() {
        let session = folder.join(segment.run.session.as_str());
        let (header, _) = track.header(&segment.run.session)?;
        if std::fs::read(session.join("init.mp4")).ok().as_deref() != Some(header.as_ref()) {
            make(&session)?;
            put(&session.join("init.mp4"), header)?;
            was_there = false;
        }
    }
    let broadcast = recording.broadcast;
    let room = Room::new();
    let copies = media().map(|segment| {
        let mut name = String::new();
        key::push_segment_path(&mut name, &segment.run.session, segment.msn);
        let header = track.header(&segment.run.session).map(|(_, header)| Arc::clone(header));
        let key_of = |start| broadcast.keys.part(&track.name, &segment.run.session, start);
        let keys: Vec<String> = segment.parts.iter().map(|part| key_of(part.start_ticks)).collect();
        let copy = Copy {
            path: folder.join(name),
            keys,
            segment: (*segment).clone(),
            place: broadcast.place.clone(),
            room: room.clone(),
        };
        async move {
            let header = header?;
            Ok::<_, Failure>((*segment, tokio::spawn(async move { copy.run(&header).await }).await?))
        }
    });
    let mut copies = stream::iter(copies).buffered(READS_AT_ONCE);
    let mut left_out = Vec::new();
    let mut gaps = Vec::new();
    let mut bytes = 0;
    while let Some(copied) = copies.next().await {
        let (segment, copied) = copied?;
        match copied {
            Ok(copied) => {
                was_there &= !copied;
                bytes += segment.bytes();
            }
            Err(Failed::Part(why @ Unusable::Damaged { .. })) if skip_damaged => {
                left_out.push(why.to_string());
                gaps.push(segment.msn);
            }
            Err(Failed::Part(why)) => {
                return Err(format!("{why}; --skip-damaged leaves out what cannot be used").into());
            }
            Err(Failed::Write(why)) => return Err(why),
        }
        progress.add(segment.bytes());
    }
    // What could not be used is said to be missing.
    let listed: Vec<Segment> = segments
        .iter()
        .map(|segment| {
            let mut listed = (*segment).clone();
            if gaps.contains(&segment.msn) {
                listed.parts.clear();
            }
            listed
        })
        .collect();
    let shape = track.chain().map(|chain| chain.shape).ok_or("a track without a chain")?;
    let text = playlist(&listed.iter().collect::<Vec<_>>(), recording.periods(), &shape);
    let path = folder.join("index.m3u8");
    was_there &= std::fs::read(&path).is_ok_and(|there| there == text.as_bytes());
    put(&path, text.as_bytes())?;
    let duration_us: u64 = segments.iter().map(|segment| segment.duration_us()).sum();
    let tracks = vec![track.name.to_string()];
    Ok(Written { path, tracks, bytes, duration_ms: duration_us / 1000, was_there, left_out })
}

/// A segment to be put together.
struct Copy {
    path: PathBuf,
    /// Of its parts.
    keys: Vec<String>,
    segment: Segment,
    place: Place,
    /// For one part of it at a time.
    room: Room,
}

/// Why it could not be.
enum Failed {
    Part(Unusable),
    Write(Failure),
}

impl Copy {
    /// Writes it, unless it is there. Whether it was written.
    async fn run(self, header: &Arc<Header>) -> Result<bool, Failed> {
        // Files appear whole, and what a segment is never changes.
        if std::fs::metadata(&self.path).is_ok_and(|there| there.len() == self.segment.bytes()) {
            return Ok(false);
        }
        let mut file = Unfinished::create(&self.path).map_err(Failed::Write)?;
        for (key, part) in self.keys.into_iter().zip(&self.segment.parts) {
            let wanted = Wanted { key, part: *part, header: Arc::clone(header) };
            let _held = self.room.take(part.bytes).await;
            let (bytes, _) = part::read(&self.place, wanted).await.map_err(Failed::Part)?;
            tokio::task::block_in_place(|| file.put(&bytes)).map_err(Failed::Write)?;
        }
        file.finish().map_err(Failed::Write)?;
        Ok(true)
    }
}

fn make(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|why| format!("cannot make {}: {why}", folder.display()).into())
}

/// Writes a small file, whole.
fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = Unfinished::create(path)?;
    file.put(bytes)?;
    file.finish()
}
