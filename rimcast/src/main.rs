//! The command line: `rimcast serve`, `rimcast demo`, `rimcast push`, `rimcast broadcast`, `rimcast clip`, `rimcast inspect`,
//! `rimcast export`, `rimcast verify`, `rimcast repair`.

mod api;
mod auth;
mod body;
mod broadcast;
mod demo;
mod host;
mod hub;
mod ingest;
mod inspect;
mod listener;
mod page;
mod push;
mod respond;
mod serve;
mod settings;
mod shelf;
mod store;
mod tls;
mod viewer;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use settings::{LogFormat, Options, Settings};
use tracing_subscriber::EnvFilter;

/// Live streaming with no streaming server.
///
/// An encoder pushes fragmented MP4 over HTTP; viewers get low-latency HLS.
#[derive(Parser)]
#[command(
    name = "rimcast",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take in what encoders push, and serve it to viewers
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Box<ServeArgs>),
    /// Serve a built-in clip as if it were live, to see it work
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(demo::DemoArgs),
    /// Cut what an encoder sends into parts, and push them to a deployment
    #[command(after_help = PUSH_EXAMPLES)]
    Push(Box<push::PushArgs>),
    /// Create, schedule, end and delete broadcasts, in a folder, S3 or R2
    #[command(after_help = BROADCAST_EXAMPLES)]
    Broadcast(Box<broadcast::BroadcastArgs>),
    /// Name a range of a broadcast as one of its own, copying nothing
    #[command(after_help = CLIP_EXAMPLES)]
    Clip(Box<broadcast::clip::ClipArgs>),
    /// Show what is in a media file, a stored track, or a stored record
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(inspect::InspectArgs),
    /// Write a recording to files: a movie for each rendition, or a folder of plain HLS
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(Box<shelf::export::ExportArgs>),
    /// See whether a recording is what its log says
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(Box<shelf::verify::VerifyArgs>),
    /// Make anew what is computed from a recording's log
    #[command(after_help = REPAIR_EXAMPLES)]
    Repair(Box<shelf::repair::RepairArgs>),
}

/// Arguments of `rimcast serve`.
#[derive(clap::Args)]
struct ServeArgs {
    #[command(flatten)]
    options: Options,

    /// File with settings, TOML: `part_ms = 250`. Flags and environment count more
    #[arg(long, env = "RIMCAST_SETTINGS", value_name = "FILE")]
    settings: Option<PathBuf>,

    /// Print the settings that would be used, and exit
    #[arg(long)]
    check: bool,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  rimcast serve
      For this machine. Push to http://127.0.0.1:8080/ingest/NAME/, watch at http://127.0.0.1:8080/NAME/

  RIMCAST_PUSH_KEY=$(openssl rand -hex 16) rimcast serve --listen 0.0.0.0:8080
      For others too. Encoders show the key: http://any:KEY@host:8080/ingest/NAME/manifest.mpd

  rimcast serve --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem
      With HTTPS, which browsers need for HTTP/2

  rimcast serve --settings /etc/rimcast.toml --check
      Which settings are in force, wherever they come from

Pushing from ffmpeg:
  ffmpeg -re -i INPUT -c:v libx264 -g 60 -keyint_min 60 -sc_threshold 0 -c:a aac -f dash -ldash 1 -streaming 1 \\
    -seg_duration 2 -frag_type duration -frag_duration 0.5 -use_template 1 \\
    -method PUT http://127.0.0.1:8080/ingest/NAME/manifest.mpd";

const DEMO_EXAMPLES: &str = "\
Examples:
  rimcast demo
      Prints the address to open in a browser. Ctrl-C ends it, and nothing is left behind

  rimcast demo --data ./demo-data
      Keeps what was stored, to look at with `rimcast inspect`";

const PUSH_EXAMPLES: &str = "\
Examples:
  rimcast push --to https://HOST/ingest/NAME --key KEY --input rtmp://0.0.0.0:1935/live
      Listens for OBS (Settings, Stream, Custom: rtmp://THIS-MACHINE:1935/live), and for the next time it starts

  rimcast push --to https://HOST/ingest/NAME --key KEY --input srt://:9000
      The same, over SRT

  rimcast push --to https://HOST/ingest/NAME --input talk.mp4 --loop --ladder 1080p,720p,480p
      A file, over and over, encoded anew in three sizes; the key is in RIMCAST_PUSH_KEY

  ffmpeg … -f mp4 -movflags +frag_keyframe+delay_moov+default_base_moof -frag_duration 20000 - | rimcast push --to …
      What an encoder makes, as it is";

const BROADCAST_EXAMPLES: &str = "\
Examples:
  rimcast broadcast create cup --title 'Cup final' --start '2026-11-25 20:00' --end '2026-11-25 22:30' \\
    --window-s all --url https://live.example.com
      Prints the push key, how to push with it, and where to watch. Encoders may push from an hour before until an
      hour after

  rimcast broadcast list --data s3://media/live
      Of a bucket of S3; for R2, with --endpoint https://ACCOUNT.r2.cloudflarestorage.com

  rimcast broadcast update cup --end '2026-11-25 23:00' --title ''
      Later, and without a title

  rimcast broadcast rotate-key cup --grace 10m
      A new key; the one before works for ten more minutes

  rimcast broadcast end cup --reason 'the match was abandoned'
      Players are told that nothing follows, encoders are refused; what was sent can be watched

  rimcast broadcast delete cup --yes
      Everything of it goes

A running `rimcast serve`, Worker or Lambda sees what is changed here within five seconds. The same by HTTP: /api/broadcasts,
described by /api/openapi.json.";

const CLIP_EXAMPLES: &str = "\
Examples:
  rimcast clip cup-goal --of cup --from 1:02:03 --to 1:03:00 --title 'The goal'
      /cup-goal/ plays that minute of /cup/, in HLS and DASH, from the same stored media

  rimcast clip cup-first-half --of cup --from '2026-11-25 20:00' --to '2026-11-25 20:47' --data s3://media/live
      By the clock; while it lasts the clip grows, and is complete when it is over

The range is widened to whole segments. A clip is in `rimcast broadcast list`, its title can be changed with `update`, and
`rimcast broadcast delete` deletes it and nothing of its broadcast. A broadcast that clips show is deleted with --force only.";

const INSPECT_EXAMPLES: &str = "\
Examples:
  rimcast inspect init.mp4 00000000000000000000.m4s
      The boxes of media files, and their samples in short

  rimcast inspect rimcast-data/NAME/GENERATION/video-0
      A stored track: its segments, parts and gaps

  rimcast inspect --json rimcast-data/NAME/GENERATION/periods/000000.json
      A stored record, for other programs to read";

const EXPORT_EXAMPLES: &str = "\
Examples:
  rimcast export show --to ./recordings
      An MP4 for each video track of the broadcast `show`, with its sound. The same command again does what is missing

  rimcast export show --to ./clip --from 00:12:30 --until 00:14:00 --track video-0 --track audio-1
      A minute and a half of these two tracks

  rimcast export show --store s3://BUCKET/live --endpoint https://ACCOUNT.r2.cloudflarestorage.com --to ./site --format hls
      Playlists and segments out of a bucket, for any web server; keys are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

const VERIFY_EXAMPLES: &str = "\
Examples:
  rimcast verify show
      Reads all of `show`: whether the log holds together and each part is what it says. Exits with 1 where it is not

  rimcast verify show --quick --json --store s3://BUCKET/live
      Whether everything is there, in a bucket, for other programs to read";

const REPAIR_EXAMPLES: &str = "\
Examples:
  rimcast repair show
      Tells what it would do, and does nothing

  rimcast repair show --yes
      Writes checkpoints that are missing or wrong, and pages that are missing

  rimcast repair show --end --yes
      Closes its tracks where they stop, when no encoder is going to come back";

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("rimcast: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn std::error::Error>> {
    match command {
        Command::Serve(args) => {
            let settings = Settings::resolve(args.options, args.settings.as_deref())?;
            if args.check {
                print!("{settings}");
                return Ok(());
            }
            start_log(&settings.log, settings.log_format)?;
            Ok(runtime()?.block_on(serve::run(&settings))?)
        }
        Command::Demo(args) => {
            start_log("warn", LogFormat::Text)?;
            Ok(runtime()?.block_on(demo::run(args))?)
        }
        Command::Push(args) => {
            let filter = std::env::var("RIMCAST_LOG").unwrap_or_else(|_| "info".to_owned());
            start_log(&filter, LogFormat::Text)?;
            Ok(runtime()?.block_on(push::run(*args))?)
        }
        Command::Broadcast(args) => {
            start_log("error", LogFormat::Text)?;
            Ok(runtime()?.block_on(broadcast::run(*args))?)
        }
        Command::Clip(args) => {
            start_log("error", LogFormat::Text)?;
            Ok(runtime()?.block_on(broadcast::clip::run(*args))?)
        }
        Command::Inspect(args) => Ok(inspect::run(&args)?),
        Command::Repair(args) => runtime()?
            .block_on(shelf::repair::run(*args))
            .map_err(|why| -> Box<dyn std::error::Error> { why }),
        Command::Verify(args) => runtime()?
            .block_on(shelf::verify::run(*args))
            .map_err(|why| -> Box<dyn std::error::Error> { why }),
        Command::Export(args) => runtime()?
            .block_on(shelf::export::run(*args))
            .map_err(|why| -> Box<dyn std::error::Error> { why }),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Only file work blocks; a disk has no use for more at once.
        .max_blocking_threads(32)
        .build()
}

fn start_log(filter: &str, format: LogFormat) -> Result<(), Box<dyn std::error::Error>> {
    let filter = EnvFilter::try_new(filter).map_err(|why| {
        format!("log is {filter:?}, which is no filter ({why}); try info, or rimcast=debug,warn")
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}
