//! Encoders that are tried for real, and what must come of each: the table in `docs/ENCODERS.md`, and the
//! cases of `tests/encoders.rs`.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use packager_core::cmaf::TrackKind;

use crate::live::{Push, Way, shaka};
use crate::recordings::recordings;

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

/// H.264 and AAC, as cheap as they come.
pub const PLAIN: Push = Push { way: Way::Dash, video: X264, audio: AAC };

const X264: &str = "-c:v libx264 -preset ultrafast -tune zerolatency -sc_threshold 0 -b:v 300k";
const AAC: &str = "-c:a aac -b:a 64k";

const fn avc(ffmpeg: Ffmpeg, way: Way) -> Case {
    let push = Push { way, ..PLAIN };
    Case { ffmpeg, push, codecs: "avc1.42c00d,mp4a.40.2", proof: Proof::Plays }
}

const fn coded(video: &'static str, audio: &'static str, codecs: &'static str, proof: Proof) -> Case {
    Case { ffmpeg: Ffmpeg::V8, push: Push { way: Way::Dash, video, audio }, codecs, proof }
}

/// All of them.
pub const CASES: [Case; 18] = [
    avc(Ffmpeg::V5, Way::Dash),
    avc(Ffmpeg::V8, Way::Dash),
    avc(Ffmpeg::V5, Way::DashSegments),
    avc(Ffmpeg::V8, Way::DashSegments),
    avc(Ffmpeg::V5, Way::Hls),
    avc(Ffmpeg::V8, Way::Hls),
    avc(Ffmpeg::V5, Way::HlsVariants),
    avc(Ffmpeg::V8, Way::HlsVariants),
    avc(Ffmpeg::V5, Way::Post),
    avc(Ffmpeg::V8, Way::Post),
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

/// How many are tried at once: each waits most of the time for what comes in real time.
const LANES: usize = 3;

/// Tries each, with its number.
pub fn try_all(cases: &[(usize, Case)], tried: impl Fn(usize, &Case) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some((number, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    println!("{number}: {} {:?} {}", case.ffmpeg.name(), case.push.way, case.codecs);
                    tried(*number, case);
                }
            });
        }
    });
}

/// `docs/ENCODERS.md`.
pub fn document() -> String {
    let mut text = String::from(
        "# Encoders\n\n\
         What is tried in every run of the tests. This page is written by them (`UPDATE_DOCS=1 cargo test -p rimcast-tests --test\n\
         encoders`), and a line that is not true fails.\n\n\
         ## Pushed live\n\n\
         Real encoders push into the real server, and players take what comes out. *Plays*: hls.js plays it in Chromium for ten seconds,\n\
         without a stall or an error. *Decodes*: ffprobe decodes pictures and sound from the multivariant playlist.\n\n\
         | encoder | muxer | codecs | result |\n|---|---|---|---|\n",
    );
    for case in &CASES {
        let result = match case.proof {
            Proof::Plays => "plays, decodes",
            Proof::Decodes => "decodes; Chromium has no decoder",
        };
        let (name, codecs) = (case.push.way.name(), case.codecs.replace(',', ", "));
        let _ = writeln!(text, "| {} | {name} | {codecs} | {result} |", case.ffmpeg.name());
    }
    text.push_str(
        "\nAlso tried so: two ffmpeg that send the same media, of which first the one dies and comes back, then the other (plays without a\n\
         stall, and without a gap); an encoder that starts over after 3 s and after 30 s; a server that is killed; sound alone at 44.1 kHz;\n\
         pictures alone at 29.97 and 23.976 frames a second; several languages, named and hidden in the settings file; TTML beside the\n\
         pictures (its cues show in hls.js, which has no parser for WebVTT in MP4).\n\n\
         The muxers' options, `|` being a space within one:\n\n",
    );
    let mut ways: Vec<Way> = Vec::new();
    for case in &CASES {
        if !ways.contains(&case.push.way) {
            ways.push(case.push.way);
            let _ = writeln!(text, "* {}: `{}`", case.push.way.name(), case.push.way.options());
        }
    }
    recorded(&mut text);
    text
}

/// The table of recordings.
fn recorded(text: &mut String) {
    text.push_str(
        "\nFor each track `-f tee` has an mp4 muxer with `movflags=+cmaf+empty_moov+default_base_moof+frag_keyframe+frag_discont`. With `-http_persistent 1`\n\
         and `-var_stream_map` the first segment is lost: it cannot be told which header it goes with before the playlist behind it comes.\n\n\
         ## Recorded\n\n\
         Each is pushed with parts of 500 ms and of 200 ms. *Unchanged*: its samples come out as they went in (a cue that lasts longer than a\n\
         segment is said again in the next), and its parts are as long as HLS allows (§4.4.4.9). *Codec*: shaka-packager reads the same codec\n\
         string. *Decodes*: ffmpeg, given the multivariant URL, decodes the very frames that it decodes of the recording; of encrypted ones,\n\
         given the key and what is stored.\n\n\
         | recording | codec | rate | result |\n|---|---|---|---|\n",
    );
    for recording in recordings() {
        let header = &recording.header;
        let rate = match header.kind {
            TrackKind::Audio => format!("{} Hz, {} channels", header.sample_rate, header.channels),
            TrackKind::Video => format!("{}x{}", header.width, header.height),
            TrackKind::Text => header.language.clone().unwrap_or_default(),
        };
        let mut results = vec!["unchanged"];
        if recording.is_read_by_shaka_packager() || header.kind == TrackKind::Text {
            results.push("codec");
        }
        if header.protection.is_some() || (recording.is_decodable() && recording.makes_a_broadcast()) {
            results.push("decodes");
        }
        let _ = writeln!(text, "| {} | {} | {rate} | {} |", recording.name, header.codec, results.join(", "));
    }
    text.push_str(
        "\nRecorded pushes of `-f dash`, `-f hls` (muxed, and with a playlist for each track), `-f ismv` and of one long POST for each track go in\n\
         as well, byte for byte, and come out sample by sample.\n",
    );
}
