//! ffmpeg, pushing a test picture.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Server, wait_for};

/// A running ffmpeg. Killed (SIGKILL) when dropped.
pub struct Encoder {
    child: Child,
}

/// What ffmpeg is asked for.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// Frames a second.
    pub rate: u32,
    /// Frames from one keyframe to the next.
    pub gop: u32,
    /// Fragments of this length, sent as they are made; without, whole segments.
    pub fragment_s: Option<f64>,
    /// Credentials in the URL, `user:key@`.
    pub credentials: String,
}

impl Default for Ladder {
    fn default() -> Self {
        Self { rate: 30, gop: 60, fragment_s: Some(0.5), credentials: String::new() }
    }
}

impl Encoder {
    /// `ffmpeg -f dash -method PUT` of two video renditions and one audio, in real time.
    pub fn push(server: &Server, broadcast: &str, ladder: &Ladder) -> Self {
        let picture = format!("testsrc2=size=640x360:rate={}", ladder.rate);
        let gop = ladder.gop.to_string();
        let mut args: Vec<String> =
            ["-hide_banner", "-loglevel", "error", "-nostdin", "-re"].map(String::from).into();
        args.extend(["-f", "lavfi", "-i", &picture].map(String::from));
        args.extend(["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000"].map(String::from));
        args.extend(["-map", "0:v", "-map", "0:v", "-map", "1:a"].map(String::from));
        args.extend(
            ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"]
                .map(String::from),
        );
        args.extend(["-g", &gop, "-keyint_min", &gop, "-sc_threshold", "0"].map(String::from));
        args.extend(
            ["-b:v:0", "500k", "-b:v:1", "200k", "-s:v:1", "320x180", "-c:a", "aac", "-b:a", "64k"]
                .map(String::from),
        );
        args.extend(
            ["-f", "dash", "-seg_duration", "2", "-use_template", "1", "-use_timeline", "0"]
                .map(String::from),
        );
        args.extend(["-adaptation_sets", "id=0,streams=v id=1,streams=a"].map(String::from));
        if let Some(fragment_s) = ladder.fragment_s {
            let fragment = fragment_s.to_string();
            args.extend(
                ["-ldash", "1", "-streaming", "1", "-frag_type", "duration", "-frag_duration", &fragment]
                    .map(String::from),
            );
        }
        args.extend(["-method", "PUT", "-http_persistent", "1", "-ignore_io_errors", "1"].map(String::from));
        let auth = if ladder.credentials.is_empty() { "" } else { "@" };
        args.push(format!(
            "http://{}{auth}127.0.0.1:{}/ingest/{broadcast}/manifest.mpd",
            ladder.credentials,
            server.port()
        ));
        let child =
            Command::new("ffmpeg").args(&args).stdin(Stdio::null()).spawn().expect("ffmpeg is installed");
        Self { child }
    }

    /// SIGKILL, as a crash.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// It is still pushing.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it gives up by itself.
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        wait_for("ffmpeg ends", limit, || self.child.try_wait().ok().flatten()).code()
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
