//! `rimcast push`, as a user runs it, and an encoder that speaks RTMP to it, as OBS does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::server::program;
use super::wait_for;

/// The last line of `rimcast push --json`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Progress {
    /// Parts stored.
    pub parts: u64,
    /// Their size.
    pub bytes: u64,
    /// From when the newest part was whole until it was stored.
    pub delay_ms: Option<u64>,
    /// What waits to be stored.
    pub backlog_bytes: u64,
    /// For how long the ingest has not been reached, and why.
    pub away: Option<(u64, String)>,
}

/// A running `rimcast push`. Killed when dropped.
pub struct Pusher {
    child: Child,
    last: Arc<Mutex<Progress>>,
}

/// `rimcast push`, run to its end.
pub struct Pushed {
    /// It exited with 0.
    pub succeeded: bool,
    /// The last line that it said.
    pub last_line: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("push").args(arguments);
    command
}

impl Pusher {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, Stdio::null())
    }

    /// The same, with this on its standard input.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    pub fn start_with(arguments: &[&str], input: Stdio) -> Self {
        let mut child = command(arguments)
            .arg("--json")
            .stdin(input)
            .stdout(Stdio::piped())
            .spawn()
            .expect("rimcast can be started");
        let last = Arc::new(Mutex::new(Progress::default()));
        let lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        let shared = Arc::clone(&last);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Ok(progress) = serde_json::from_str(&line) {
                    *shared.lock().unwrap_or_else(PoisonError::into_inner) = progress;
                }
            }
        });
        Self { child, last }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How things stand, by what it said last.
    pub fn progress(&self) -> Progress {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until that is so.
    pub fn until(&self, what: &str, is_so: impl Fn(&Progress) -> bool) {
        wait_for(what, Duration::from_secs(40), || Some(self.progress()).filter(|it| is_so(it)));
    }
}

impl Drop for Pusher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `rimcast push` to its end, with this on its standard input.
///
/// # Panics
///
/// It cannot be started.
pub fn push_to_end(arguments: &[&str], input: Stdio, bytes: &[u8]) -> Pushed {
    push_to_end_with(&[], arguments, input, bytes)
}

/// The same, with this in its environment.
///
/// # Panics
///
/// It cannot be started.
pub fn push_to_end_with(
    environment: &[(&str, &Path)],
    arguments: &[&str],
    input: Stdio,
    bytes: &[u8],
) -> Pushed {
    let mut child = command(arguments)
        .envs(environment.iter().copied())
        .stdin(if bytes.is_empty() { input } else { Stdio::piped() })
        .stderr(Stdio::piped())
        .spawn()
        .expect("rimcast can be started");
    if let Some(mut to) = child.stdin.take() {
        // It may have seen enough before the end.
        let _ = to.write_all(bytes);
    }
    let done = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&done.stderr);
    Pushed {
        succeeded: done.status.success(),
        last_line: said.trim().lines().last().unwrap_or_default().to_owned(),
    }
}

/// ffmpeg, pushing test pictures and a tone by RTMP, in real time.
pub struct RtmpEncoder(Child);

impl RtmpEncoder {
    /// Starts one, which connects to a port of this machine.
    ///
    /// # Panics
    ///
    /// ffmpeg cannot be started.
    pub fn start(port: u16) -> Self {
        let child = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-re"])
            .args(["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"])
            .args(["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"])
            .args(["-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-c:a", "aac", "-f", "flv"])
            .arg(format!("rtmp://127.0.0.1:{port}/live"))
            .stdin(Stdio::null())
            .spawn()
            .expect("ffmpeg is installed");
        Self(child)
    }

    /// It has gone, by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for RtmpEncoder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
