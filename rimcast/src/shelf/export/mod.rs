//! `rimcast export`: a recording as files: a movie for each rendition, or a folder of plain HLS.

mod folder;
mod moment;
mod movie;
mod part;
mod recording;
mod room;

use std::path::PathBuf;

use clap::ValueEnum;
use packager_core::log::TrackName;
use serde::Serialize;
use serde_json::json;

use self::moment::Moment;
use self::recording::Recording;
use super::{Broadcast, BroadcastArgs, Failure, track_named};

/// Arguments of `rimcast export`.
#[derive(clap::Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    broadcast: BroadcastArgs,

    /// Folder to write to; it is made if there is none
    #[arg(long, value_name = "DIR")]
    to: PathBuf,

    /// mp4: a movie for each video track, with the sound that players choose. hls: playlists and segments for any server
    #[arg(long, value_enum, default_value = "mp4")]
    format: Format,

    /// Only these tracks; of mp4, all of them in one movie
    #[arg(long = "track", value_name = "TRACK", value_parser = track_named)]
    tracks: Vec<TrackName>,

    /// Begin here: seconds or HH:MM:SS of the recording, or a time of day like 2026-11-25T18:00:00Z. What is written
    /// begins at the keyframe before
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,

    /// End here, with the segment in which it is
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,

    /// Leave out what is missing or damaged, as a gap, instead of stopping at it
    #[arg(long)]
    skip_damaged: bool,

    /// Tell progress and what was written as JSON, an object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Mp4,
    Hls,
}

/// A file, or the playlist of a track, that is there now.
#[derive(Debug, Serialize)]
struct Written {
    path: PathBuf,
    tracks: Vec<String>,
    bytes: u64,
    duration_ms: u64,
    /// It was there before.
    was_there: bool,
    /// Parts that could not be used, and why.
    left_out: Vec<String>,
}

/// Exports what the arguments name.
pub(crate) async fn run(args: ExportArgs) -> Result<(), Failure> {
    let broadcast = Broadcast::open(&args.broadcast).await?;
    let recording = Recording::read(&broadcast, &args.tracks, args.json).await?;
    let range = recording.range(args.from.as_ref(), args.until.as_ref())?;
    std::fs::create_dir_all(&args.to)
        .map_err(|why| format!("cannot make the folder {}: {why}", args.to.display()))?;
    let written = match args.format {
        Format::Mp4 => movie::export(&recording, range, !args.tracks.is_empty(), &args).await?,
        Format::Hls => folder::export(&recording, range, &args).await?,
    };
    let lost: usize = written.iter().map(|file| file.left_out.len()).sum();
    if args.json {
        let reads = broadcast.place.reads().json();
        say!("{}", json!({ "written": written, "ended": recording.has_ended(), "reads": reads }));
    } else {
        tell(&written, &recording);
    }
    if lost > 0 {
        return Err(format!(
            "{lost} parts were left out, as gaps; `rimcast verify {}` says what is wrong",
            broadcast.name
        )
        .into());
    }
    Ok(())
}

fn tell(written: &[Written], recording: &Recording<'_>) {
    for Written { path, tracks, bytes, duration_ms, was_there, left_out } in written {
        let seconds = duration_ms / 1000;
        say!(
            "{}  {}  {:02}:{:02}:{:02}.{:03}  {:.1} MB{}",
            path.display(),
            tracks.join(" + "),
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            duration_ms % 1000,
            *bytes as f64 / 1e6,
            if *was_there { "  (was there already)" } else { "" },
        );
        left_out.iter().for_each(|what| say!("  left out: {what}"));
    }
    if !recording.has_ended() {
        say!(
            "The broadcast has not ended: this is what there is so far. The same command brings it up to date."
        );
    }
}
