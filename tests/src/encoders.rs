//! Encoders that are tried for real, and what must come of each: the table in `docs/ENCODERS.md`, and the
//! cases of `tests/encoders.rs`.

use std::fmt::Write as _;
use std::process::Command;

use crate::live::{Push, Way, shaka};

/// Which ffmpeg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ffmpeg {
    /// Debian 12's.
    V5,
    /// The one that Shaka Streamer brings.
    V8,
}

impl Ffmpeg {
    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Ffmpeg::V5 => "ffmpeg 5.1",
            Ffmpeg::V8 => "ffmpeg 8.1",
        }
    }

    /// To start it.
    pub fn command(self) -> Command {
        match self {
            Ffmpeg::V5 => Command::new("ffmpeg"),
            Ffmpeg::V8 => shaka("ffmpeg"),
        }
    }
}

/// How it is seen to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// hls.js plays it in Chromium, without a stall or an error; ffprobe decodes it as well.
    Plays,
    /// ffprobe decodes it from the multivariant playlist: Chromium has no decoder.
    Decodes,
}

/// One thing that is tried.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// By whom.
    pub ffmpeg: Ffmpeg,
    /// What is pushed, and how.
    pub push: Push,
    /// Codec strings that the multivariant playlist must have.
    pub codecs: &'static str,
    /// What must come of it.
    pub proof: Proof,
}

const X264: &str = "-c:v libx264 -preset ultrafast -tune zerolatency -sc_threshold 0 -b:v 300k";
const AAC: &str = "-c:a aac -b:a 64k";

const fn avc(ffmpeg: Ffmpeg, way: Way) -> Case {
    let push = Push { way, video: X264, audio: AAC };
    Case { ffmpeg, push, codecs: "avc1.42c00d,mp4a.40.2", proof: Proof::Plays }
}

const fn coded(video: &'static str, audio: &'static str, codecs: &'static str, proof: Proof) -> Case {
    Case { ffmpeg: Ffmpeg::V8, push: Push { way: Way::Dash, video, audio }, codecs, proof }
}

/// All of them.
pub const CASES: [Case; 14] = [
    avc(Ffmpeg::V5, Way::Dash),
    avc(Ffmpeg::V8, Way::Dash),
    avc(Ffmpeg::V5, Way::DashSegments),
    avc(Ffmpeg::V8, Way::DashSegments),
    avc(Ffmpeg::V5, Way::Hls),
    avc(Ffmpeg::V8, Way::Hls),
    avc(Ffmpeg::V5, Way::Tee),
    avc(Ffmpeg::V8, Way::Tee),
    avc(Ffmpeg::V5, Way::Ismv),
    avc(Ffmpeg::V8, Way::Ismv),
    coded("-c:v libsvtav1 -preset 12 -b:v 300k", "-c:a libopus -b:a 64k", "av01.0.00M.08,opus", Proof::Plays),
    coded(
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k",
        "-c:a flac -strict -2",
        "vp09.00.11.08,fLaC",
        Proof::Plays,
    ),
    coded(
        "-c:v libx265 -preset ultrafast -tag:v hvc1 -b:v 300k -x265-params log-level=error:keyint=60:min-keyint=60:scenecut=0",
        "-c:a ac3 -b:a 96k",
        "hvc1.1.6.L60.90,ac-3",
        Proof::Decodes,
    ),
    coded(X264, "-c:a eac3 -b:a 96k", "avc1.42c00d,ec-3", Proof::Decodes),
];

/// `docs/ENCODERS.md`.
pub fn document() -> String {
    let mut text = String::from(
        "# Encoders\n\n\
         What is tried in every run of the tests, with real encoders, for real. This page is written by them\n\
         (`UPDATE_DOCS=1 cargo test -p rimcast-tests --test encoders`), and a case that does not do what it says here fails.\n\n\
         | encoder | pushes with | codecs | seen to |\n|---|---|---|---|\n",
    );
    for case in &CASES {
        let proof = match case.proof {
            Proof::Plays => "play in hls.js (Chromium) with no stall; decoded by ffprobe",
            Proof::Decodes => "be decoded by ffprobe (Chromium has no decoder)",
        };
        let options = case.push.way.options();
        let _ = writeln!(text, "| {} | `{options}` | {} | {proof} |", case.ffmpeg.name(), case.codecs);
    }
    text.push_str(
        "\nRecordings in every codec (H.264, HEVC, AV1, VP9, AAC, HE-AAC, MP3, Opus, AC-3, E-AC-3, FLAC, WebVTT, TTML, encrypted ones) go\n\
         through ingest in the unit tests as well, with 500 ms and 200 ms parts, and come out sample by sample as they went in.\n\n\
         TTML (`stpp`) pushed beside ffmpeg shows in hls.js, which has no parser for WebVTT in MP4 (`wvtt`).\n",
    );
    text
}
