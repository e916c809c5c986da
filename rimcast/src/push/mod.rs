//! `rimcast push`: stands beside the encoder, cuts its media into parts, and sends each as one request to an
//! ingest that keeps no state. It is the cutter: all that serve and the Worker decide of a push is decided here.

mod figures;
mod input;
mod remote;
mod source;

use std::hash::{BuildHasher as _, RandomState};
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use ingest_lambda::{Ingest, Native, Runtime as _, Settings};
use packager_core::log::BroadcastName;

use crate::serve::told_to_stop;
use crate::settings::Window;
use figures::{Counting, Figures};
use input::{Input, Output, Rung};
use remote::Remote;
use source::Source;

/// The objects of one track that may be on their way at once.
const PARTS_IN_FLIGHT: usize = 4;

/// How often progress is told: to a terminal, and elsewhere.
const PROGRESS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// After the encoder's end, so long is waited for what is still on its way.
const ENDING: Duration = Duration::from_secs(30);

/// Arguments of `rimcast push`.
#[derive(clap::Args)]
pub(crate) struct PushArgs {
    /// The deployment's ingest URL and the broadcast's name: https://HOST/ingest/NAME
    #[arg(long, value_name = "URL")]
    to: String,

    /// The push key
    #[arg(long, env = "RIMCAST_PUSH_KEY", value_name = "KEY", hide_env_values = true)]
    key: Option<String>,

    /// What to push: `-` (fMP4 on standard input), a file, rtmp://0.0.0.0:1935/live or srt://:9000 to listen on, any
    /// URL or device that ffmpeg reads
    #[arg(long, value_name = "INPUT", default_value = "-")]
    input: String,

    /// ffmpeg's name of the input's format, for devices and generators: v4l2, avfoundation, dshow, lavfi
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<String>,

    /// Play a file over and over
    #[arg(long = "loop")]
    repeats: bool,

    /// Encode these heights instead of sending what comes: 1080p,720p,480p, or 1080p:6000k with a bit rate
    #[arg(long, value_name = "RUNGS", value_delimiter = ',')]
    ladder: Vec<Rung>,

    /// Shortest segment, 500 to 10000; a segment ends at the next keyframe
    #[arg(long, env = "RIMCAST_SEGMENT_MS", value_name = "MS", default_value_t = 2000,
          value_parser = clap::value_parser!(u32).range(500..=10_000))]
    segment_ms: u32,

    /// Length of a part
    #[arg(long, env = "RIMCAST_PART_MS", value_name = "MS", default_value_t = 500,
          value_parser = clap::value_parser!(u32).range(100..=2_000))]
    part_ms: u32,

    /// How much of the past a playlist lists; or all, from the beginning
    #[arg(long, env = "RIMCAST_WINDOW_S", value_name = "S", default_value_t = Window::Seconds(60),
          value_parser = window)]
    window_s: Window,

    /// Memory for what cannot be sent yet, in MiB; when it is full no more is read from the encoder
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    buffer_mib: u32,

    /// Progress as a JSON object each second, on standard output
    #[arg(long)]
    json: bool,
}

/// Why pushing ended: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PushError(String);

impl From<String> for PushError {
    fn from(why: String) -> Self {
        Self(why)
    }
}

fn window(text: &str) -> Result<Window, String> {
    let window: Window = text.parse()?;
    // Segments may be of any length that can be set.
    match window.wrong_with(2000) {
        Some(must) => Err(format!("must be {must}")),
        None => Ok(window),
    }
}

/// The broadcast that a URL to push to names: what follows `/ingest/`.
fn broadcast_of(to: &str) -> Result<BroadcastName, String> {
    let wrong = |why: &str| format!("--to is {to:?}, {why}; it must be like https://HOST/ingest/NAME");
    let uri: http::Uri = to.parse().map_err(|_| wrong("which is no URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.authority().is_none() {
        return Err(wrong("which is no http URL"));
    }
    let name = uri.path().trim_end_matches('/').rsplit_once("/ingest/").map(|(_, name)| name);
    let name = name.ok_or_else(|| wrong("which has no /ingest/NAME in it"))?;
    BroadcastName::parse(name).map_err(|why| wrong(&format!("and {name:?} is no broadcast's name ({why})")))
}

/// Pushes until the input ends, or until told to stop.
pub(crate) async fn run(args: PushArgs) -> Result<(), PushError> {
    let broadcast = broadcast_of(&args.to)?;
    let source = if args.input == "-" {
        if !args.ladder.is_empty() {
            return Err("--ladder needs an --input for ffmpeg to read".to_owned().into());
        }
        Source::stdin()?
    } else {
        let input = Input::new(&args.input, args.input_format.as_deref(), args.repeats)?;
        let output = Output { ladder: args.ladder, keyframes_ms: args.segment_ms };
        Source::ffmpeg(input, output).await?
    };
    let figures = Arc::new(Figures::new(Native::now));
    let remote = Remote::new(&args.to, broadcast.as_str(), args.key, Arc::clone(&figures))
        .map_err(|why| format!("the system's certificates cannot be read: {why}"))?;
    remote.check().await?;
    let settings = Settings {
        segment_ms: args.segment_ms,
        part_ms: args.part_ms.min(args.segment_ms / 2),
        window_ms: args.window_s.ms(),
        parts_in_flight: PARTS_IN_FLIGHT,
        unstored_bytes: usize::try_from(args.buffer_mib).unwrap_or(1).saturating_mul(1 << 20),
        ..Settings::default()
    };
    let random = || RandomState::new().hash_one(0);
    let ingest: Ingest<Remote, Counting, Native> =
        Ingest::new(remote, Counting(Arc::clone(&figures)), settings, random);
    eprintln!("pushing {} to {}; Ctrl-C ends it", source.name(), args.to);
    let path = format!("{broadcast}/push.mp4");
    let pushed = tokio::select! {
        pushed = source.run(&ingest, &path, &figures, told_to_stop()) => pushed,
        never = tell(&figures, args.json) => match never {},
    };
    let progress = figures.progress();
    if args.json {
        println!("{}", serde_json::to_string(&progress).unwrap_or_default());
    } else {
        eprintln!("{progress}");
    }
    // What the ingest said is why all else failed.
    match figures.failure() {
        Some(why) => Err(format!("nothing more can be pushed: {why}").into()),
        None => Ok(pushed?),
    }
}

/// Tells how things stand, without end.
async fn tell(figures: &Figures, as_json: bool) -> std::convert::Infallible {
    let is_terminal = std::io::stderr().is_terminal();
    let every = match (as_json, is_terminal) {
        (true, _) => Duration::from_secs(1),
        (false, true) => PROGRESS.0,
        (false, false) => PROGRESS.1,
    };
    let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let line = if is_terminal && !as_json { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    line.set_style(style);
    loop {
        tokio::time::sleep(every).await;
        let progress = figures.progress();
        if as_json {
            println!("{}", serde_json::to_string(&progress).unwrap_or_default());
        } else if is_terminal {
            line.set_message(progress.to_string());
            line.tick();
        } else {
            tracing::info!("{progress}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_to_push_to_names_its_broadcast() {
        for (to, name) in [
            ("https://cdn.example/ingest/cup", "cup"),
            ("http://127.0.0.1:8080/ingest/cup-1/", "cup-1"),
            ("http://localhost:9000/lambda-url/ingest/ingest/cup", "cup"),
        ] {
            assert_eq!(broadcast_of(to).unwrap().as_str(), name);
        }
        for wrong in [
            "cup",
            "https://cdn.example/cup",
            "ftp://x/ingest/cup",
            "https://x/ingest/",
            "https://x/ingest/A",
        ] {
            let why = broadcast_of(wrong).unwrap_err();
            assert!(why.contains("https://HOST/ingest/NAME"), "{why}");
        }
    }
}
