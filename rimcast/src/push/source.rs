//! Where the media comes from: standard input, or ffmpeg.

use std::collections::VecDeque;
use std::io::IsTerminal as _;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use ingest_lambda::{Ingest, Native, Upload};
use packager_core::ingest::Pusher;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::ENDING;
use super::figures::{Counting, Figures};
use super::input::{Input, Output, Probed, ffmpeg};
use super::remote::Remote;

type Pushing = Ingest<Remote, Counting, Native>;

/// Most that is read at once.
const READ_BYTES: usize = 256 << 10;

/// Lines of ffmpeg's that are kept to tell why it ended.
const LAST_LINES: usize = 12;

/// Pause before a listener is opened again that ended without having had an encoder.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Where the media comes from.
pub(super) enum Source {
    /// fMP4, as it is.
    Stdin,
    /// What ffmpeg reads.
    Ffmpeg {
        /// From where.
        input: Input,
        /// The whole command line.
        arguments: Vec<String>,
    },
}

/// How a body came to its end.
#[derive(PartialEq)]
enum Ended {
    /// There is no more of it.
    Whole,
    /// Nothing came at all.
    Empty,
    /// The user wants no more.
    Stopped,
}

impl Source {
    /// fMP4 on standard input.
    pub(super) fn stdin() -> Result<Self, String> {
        if std::io::stdin().is_terminal() {
            return Err("nothing is piped in: pipe fMP4 (ffmpeg … -f mp4 -movflags \
                        +frag_keyframe+delay_moov+default_base_moof -frag_duration 20000 - | rimcast push …), or name an --input"
                .to_owned());
        }
        Ok(Self::Stdin)
    }

    /// What ffmpeg reads, once it is clear that it can.
    pub(super) async fn ffmpeg(input: Input, output: Output) -> Result<Self, String> {
        let probed = match input.probe() {
            Some(words) => Some(probe(&input, &words).await?),
            None => None,
        };
        let arguments = ffmpeg(&input, probed.as_ref(), &output);
        Ok(Self::Ffmpeg { input, arguments })
    }

    /// As the user knows it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Stdin => "standard input",
            Self::Ffmpeg { input, .. } => &input.name,
        }
    }

    /// Pushes all that comes, until it ends or `stop` does. Where encoders are listened for there is always another.
    pub(super) async fn run(
        &self,
        ingest: &Pushing,
        path: &str,
        figures: &Figures,
        stop: impl Future<Output = ()>,
    ) -> Result<(), String> {
        let mut stop = std::pin::pin!(stop);
        match self {
            Self::Stdin => match pump(tokio::io::stdin(), ingest, path, figures, stop.as_mut()).await? {
                Ended::Empty => {
                    return Err("nothing came: standard input ended before there was any media".to_owned());
                }
                Ended::Whole | Ended::Stopped => {}
            },
            Self::Ffmpeg { input, arguments } => loop {
                let mut started = Started::new(arguments)?;
                let out = started.child.stdout.take().ok_or("ffmpeg has no output")?;
                let ended = pump(out, ingest, path, figures, stop.as_mut()).await;
                figures.encoder_left();
                let has_gone = match ended? {
                    Ended::Stopped => {
                        started.end().await;
                        return Ok(());
                    }
                    Ended::Whole => true,
                    Ended::Empty => false,
                };
                let status = started.child.wait().await.map_err(|why| format!("ffmpeg is gone: {why}"))?;
                if !input.listens {
                    return started.judge(status, has_gone, &input.name);
                }
                if has_gone {
                    tracing::info!("the encoder has gone; listening on {} for the next", input.name);
                    continue;
                }
                tracing::warn!("ffmpeg ended ({status}): {}; starting it again", started.why());
                tokio::select! {
                    () = tokio::time::sleep(LISTEN_AGAIN) => {}
                    () = stop.as_mut() => return Ok(()),
                }
            },
        }
        Ok(())
    }
}

/// Asks ffprobe what an input is.
async fn probe(input: &Input, words: &[String]) -> Result<Probed, String> {
    let probing = Command::new("ffprobe").args(words).stdin(Stdio::null()).kill_on_drop(true).output();
    let done = tokio::time::timeout(Duration::from_secs(20), probing)
        .await
        .map_err(|_| format!("{} sends nothing that could be pushed (20 s were waited)", input.name))?
        .map_err(|why| not_there("ffprobe", &why))?;
    let said = String::from_utf8_lossy(&done.stderr);
    let why = said.trim().lines().last().unwrap_or("it has no media").to_owned();
    let probed: Probed = serde_json::from_slice(&done.stdout).unwrap_or_default();
    if done.status.success() && probed.has_media() {
        return Ok(probed);
    }
    Err(format!("{} is nothing that ffmpeg can read as video or sound: {why}", input.name))
}

fn not_there(program: &str, why: &std::io::Error) -> String {
    format!(
        "{program} cannot be started ({why}): install ffmpeg, which brings it, or pipe fMP4 into rimcast push without \
         --input"
    )
}

/// ffmpeg, at work.
struct Started {
    child: Child,
    /// What it said last.
    last: Arc<Mutex<VecDeque<String>>>,
}

impl Started {
    fn new(arguments: &[String]) -> Result<Self, String> {
        tracing::debug!("ffmpeg {}", arguments.join(" "));
        let mut child = Command::new("ffmpeg")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|why| not_there("ffmpeg", &why))?;
        let last = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(said) = child.stderr.take() {
            let last = Arc::clone(&last);
            tokio::spawn(async move {
                let mut lines = BufReader::new(said).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    tracing::debug!("ffmpeg: {line}");
                    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                    if last.len() == LAST_LINES {
                        last.pop_front();
                    }
                    last.push_back(line);
                }
            });
        }
        Ok(Self { child, last })
    }

    /// Ends it, if it has not ended.
    async fn end(&mut self) {
        let _ = self.child.kill().await;
    }

    /// What it said last.
    fn why(&self) -> String {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().rev().take(2).rev().cloned().collect::<Vec<_>>().join("; ")
    }

    fn judge(&self, status: ExitStatus, had_media: bool, name: &str) -> Result<(), String> {
        if status.success() && had_media {
            return Ok(());
        }
        Err(format!("ffmpeg could not go on with {name} ({status}): {}", self.why()))
    }
}

/// Pushes what comes out of `from` as one body.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    ingest: &Pushing,
    path: &str,
    figures: &Figures,
    mut stop: std::pin::Pin<&mut impl Future<Output = ()>>,
) -> Result<Ended, String> {
    let mut upload: Option<Upload> = None;
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    let mut watch = tokio::time::interval(Duration::from_secs(1));
    let ended = loop {
        tokio::select! {
            read = from.read_buf(&mut buffer) => {
                let bytes = read.map_err(|why| format!("what was pushed cannot be read: {why}"))?;
                if bytes == 0 {
                    break Ended::Whole;
                }
                figures.came(bytes);
                let open = match upload.take() {
                    Some(open) => open,
                    None => ingest.open(path, &Pusher::Any).await.map_err(|why| why.to_string())?,
                };
                let open = upload.insert(open);
                open.push(buffer.split().freeze()).await.map_err(|why| not_media(&why.to_string()))?;
                buffer.reserve(READ_BYTES);
            }
            _ = watch.tick() => {
                if figures.failure().is_some() {
                    break Ended::Stopped;
                }
                if figures.lacks_keyframes() {
                    return Err("no keyframe came for 20 s, and viewers can begin at nothing else: set the encoder's \
                                keyframe interval to 2 s (in OBS: Settings, Output, Advanced, Keyframe Interval), or \
                                let rimcast push encode with --ladder".to_owned());
                }
            }
            () = stop.as_mut() => break Ended::Stopped,
        }
    };
    let Some(upload) = upload else {
        return Ok(if ended == Ended::Whole { Ended::Empty } else { ended });
    };
    // One that breaks off in the middle of a fragment has nothing more to say.
    let finished = tokio::time::timeout(ENDING, upload.finish(ended == Ended::Whole)).await;
    match finished {
        Ok(Err(why)) if ended == Ended::Whole => Err(why.to_string()),
        Ok(_) => Ok(ended),
        Err(_) => Err(format!("what came last could not be sent within {} s", ENDING.as_secs())),
    }
}

fn not_media(why: &str) -> String {
    format!("this cannot be pushed: {why}")
}
