//! ffmpeg, pushing a test picture.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Host, wait_for};

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

/// A way in which ffmpeg pushes fragmented MP4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "muxers of ffmpeg")]
pub enum Way {
    /// Low latency.
    Dash,
    DashSegments,
    Hls,
    HlsVariants,
    Post,
    Tee,
    Ismv,
}

impl Way {
    /// The options as arguments.
    fn arguments(self) -> impl Iterator<Item = String> {
        // Streams of a map are told apart by a space, which would divide it.
        self.options().split_whitespace().map(|word| word.replace('|', " "))
    }

    /// What it is, in a few words.
    pub fn name(self) -> &'static str {
        match self {
            Way::Dash => "dash, low latency",
            Way::DashSegments => "dash, whole segments",
            Way::Hls => "hls, muxed",
            Way::HlsVariants => "hls, a playlist for each track",
            Way::Post => "one long POST, muxed",
            Way::Tee => "one long POST for each track",
            Way::Ismv => "ismv",
        }
    }

    /// ffmpeg's options, all but the URL; `|` stands for a space within one.
    pub fn options(self) -> &'static str {
        match self {
            Way::Dash => {
                "-f dash -ldash 1 -streaming 1 -seg_duration 2 -frag_type duration -frag_duration 0.5 \
                 -use_template 1 -use_timeline 0 -dash_segment_type mp4 -method PUT -http_persistent 1"
            }
            Way::DashSegments => {
                "-f dash -seg_duration 2 -dash_segment_type mp4 -method PUT -http_persistent 1"
            }
            Way::Hls => "-f hls -hls_time 2 -hls_segment_type fmp4 -method PUT -http_persistent 1",
            Way::HlsVariants => {
                "-f hls -hls_time 2 -hls_segment_type fmp4 -method PUT -master_pl_name master.m3u8 \
                 -var_stream_map v:0,agroup:a|a:0,agroup:a"
            }
            Way::Post => {
                "-f mp4 -movflags +empty_moov+default_base_moof+frag_keyframe -frag_duration 500000 -method POST"
            }
            Way::Tee => "-f tee",
            Way::Ismv => "-f ismv -movflags isml+frag_keyframe -method POST",
        }
    }

    fn url(self, base: &str) -> String {
        match self {
            Way::Dash | Way::DashSegments => format!("{base}/manifest.mpd"),
            Way::Hls => format!("{base}/index.m3u8"),
            Way::HlsVariants => format!("{base}/out_%v.m3u8"),
            Way::Post => format!("{base}/Streams(live.cmfv)"),
            Way::Ismv => format!("{base}/push.isml/Streams(encoder)"),
            Way::Tee => {
                // One long POST for each track, as of CMAF ingest (DASH-IF Live Media Ingest, interface 1).
                let base = base.replace(':', "\\:");
                let one = |track: &str, file: &str| {
                    format!(
                        "[select={track}:f=mp4:movflags={FRAGMENTED}:frag_duration=500000:method=POST]{base}/{file}"
                    )
                };
                format!("{}|{}", one("v", "video.cmfv"), one("a", "audio.cmfa"))
            }
        }
    }
}

/// Flags of ffmpeg's mp4 muxer: times stay what they are, and are not written into an edit list.
const FRAGMENTED: &str = "+cmaf+empty_moov+default_base_moof+frag_keyframe+frag_discont";

/// What ffmpeg codes, and how it pushes that.
#[derive(Debug, Clone, Copy)]
pub struct Push {
    /// How.
    pub way: Way,
    /// Options for pictures.
    pub video: &'static str,
    /// Options for sound.
    pub audio: &'static str,
}

impl Encoder {
    /// A test picture and a tone, pushed in real time by this ffmpeg.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    pub fn start(mut ffmpeg: Command, host: &impl Host, broadcast: &str, push: &Push) -> Self {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let base = host.url(&format!("/ingest/{broadcast}"));
        let child = ffmpeg
            .args(words(
                "-hide_banner -loglevel error -nostdin -re -f lavfi -i testsrc2=size=320x180:rate=30",
            ))
            .args(words("-f lavfi -i sine=frequency=330:sample_rate=48000 -map 0:v -map 1:a"))
            .args(words(push.video))
            .args(words("-pix_fmt yuv420p -g 60 -keyint_min 60"))
            .args(words(push.audio))
            .args(push.way.arguments())
            .arg(push.way.url(&base))
            .stdin(Stdio::null())
            .spawn()
            .expect("ffmpeg can be started");
        Self { child }
    }

    /// ffmpeg with these options, pushing to a URL; `|` stands for a space within one.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    pub fn run(options: &str, url: &str) -> Self {
        let child = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-nostdin"])
            .args(options.split_whitespace().map(|word| word.replace('|', " ")))
            .arg(url)
            .stdin(Stdio::null())
            .spawn()
            .expect("ffmpeg can be started");
        Self { child }
    }

    /// A test picture and a tone as a file, to be [sent](Self::replay) by several encoders.
    ///
    /// # Panics
    ///
    /// It cannot be written.
    pub fn record(clip: &Path, seconds: u32, push: &Push) {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let done = Command::new("ffmpeg")
            .args(words("-v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=30"))
            .args(words("-f lavfi -i sine=frequency=330:sample_rate=48000 -map 0:v -map 1:a"))
            .args(words(push.video))
            .args(words("-pix_fmt yuv420p -g 60 -keyint_min 60"))
            .args(words(push.audio))
            .args(["-t", &seconds.to_string()])
            .arg(clip)
            .status();
        assert!(done.is_ok_and(|status| status.success()), "ffmpeg does not write {}", clip.display());
    }

    /// Sends a file in real time from a moment of it on, with the times it has: any number of encoders
    /// that do so have one clock.
    ///
    /// # Panics
    ///
    /// ffmpeg cannot be started.
    pub fn replay(host: &impl Host, broadcast: &str, clip: &Path, from_s: u64) -> Self {
        let child = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-re", "-copyts", "-ss", &from_s.to_string(), "-i"])
            .arg(clip)
            .args(["-map", "0:v", "-map", "0:a", "-c", "copy"])
            .args(Way::Tee.arguments())
            .arg(Way::Tee.url(&host.url(&format!("/ingest/{broadcast}"))))
            .stdin(Stdio::null())
            .spawn()
            .expect("ffmpeg can be started");
        Self { child }
    }

    /// `ffmpeg -f dash -method PUT` of two video renditions and one audio, in real time.
    pub fn push(host: &impl Host, broadcast: &str, ladder: &Ladder) -> Self {
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
        let url = host.url(&format!("/ingest/{broadcast}/manifest.mpd"));
        let auth = if ladder.credentials.is_empty() { "" } else { "@" };
        args.push(url.replacen("://", &format!("://{}{auth}", ladder.credentials), 1));
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
