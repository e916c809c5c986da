//! What ffmpeg is asked to do: which input, what to copy, what to encode.

use std::path::Path;

use serde::Deserialize;

/// Bit rates of the rungs that people watch on, by height, as AVC at 30 frames a second.
const RUNGS: [(u32, u32); 9] = [
    (2160, 16_000),
    (1440, 9_000),
    (1080, 5_000),
    (720, 2_800),
    (540, 1_800),
    (480, 1_200),
    (360, 800),
    (240, 400),
    (144, 200),
];

/// A rung of a ladder: its height in lines, and its bit rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rung {
    height: u32,
    kbps: u32,
}

impl std::str::FromStr for Rung {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no rung of a ladder; write 1080p, or 1080p:6000k to name its bit rate");
        let (height, rate) = text.split_once(':').map_or((text, None), |(height, rate)| (height, Some(rate)));
        let height: u32 = height.strip_suffix('p').unwrap_or(height).parse().map_err(|_| wrong())?;
        if !(64..=4320).contains(&height) || !height.is_multiple_of(2) {
            return Err(wrong());
        }
        let usual =
            || RUNGS.iter().min_by_key(|(of, _)| of.abs_diff(height)).map_or(2_000, |(_, kbps)| *kbps);
        let kbps = match rate {
            None => usual(),
            Some(rate) => rate.strip_suffix('k').unwrap_or(rate).parse().map_err(|_| wrong())?,
        };
        Ok(Self { height, kbps })
    }
}

/// ffmpeg keeps what it reads to learn what comes, and sends it on as a burst, which is dated when it comes. What the
/// frame rate is need not be learned.
const AT_ONCE: [&str; 4] = ["-fpsprobesize", "0", "-analyzeduration", "1000000"];

/// Where ffmpeg gets it from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// As the user says it.
    pub(super) name: String,
    /// Options and `-i`.
    arguments: Vec<String>,
    /// It waits for an encoder, and for the next one after that.
    pub(super) listens: bool,
}

impl Input {
    /// `format` is ffmpeg's name for a device's or generator's format (`v4l2`, `avfoundation`, `lavfi`); files are
    /// read as fast as they play, and over and over with `repeats`.
    pub(super) fn new(name: &str, format: Option<&str>, repeats: bool) -> Result<Self, String> {
        let plain = |arguments: &[&str], listens| Self {
            name: name.to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            listens,
        };
        if let Some(format) = format {
            let pace: &[&str] = if format == "lavfi" { &["-re"] } else { &[] };
            return Ok(plain(&[pace, &["-f", format, "-i", name]].concat(), false));
        }
        let Some((scheme, rest)) = name.split_once("://") else {
            if name.starts_with("/dev/video") {
                return Ok(plain(&["-f", "v4l2", "-i", name], false));
            }
            if !Path::new(name).exists() {
                return Err(format!(
                    "there is no file {name:?}; --input takes a file, rtmp://0.0.0.0:1935/live or srt://:9000 to \
                     listen on, any URL that ffmpeg reads, or a device with --input-format"
                ));
            }
            let again: &[&str] = if repeats { &["-stream_loop", "-1"] } else { &[] };
            return Ok(plain(&[&["-re"], again, &["-i", name]].concat(), false));
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let is_here = matches!(host, "" | "0.0.0.0" | "[::]" | "*");
        let after = rest.strip_prefix(host).unwrap_or(rest);
        match scheme {
            "rtmp" if is_here => {
                let url = format!("rtmp://0.0.0.0{after}");
                // Without an application's name ffmpeg refuses whatever is pushed.
                let url = if after.contains('/') { url } else { format!("{url}/live") };
                Ok(plain(&[&AT_ONCE, &["-f", "flv", "-listen", "1", "-i", &url][..]].concat(), true))
            }
            "srt" if is_here || rest.contains("mode=listener") => {
                let url = format!("srt://{}{after}", if is_here { "0.0.0.0" } else { host });
                let mode = if url.contains("mode=") {
                    ""
                } else if url.contains('?') {
                    "&mode=listener"
                } else {
                    "?mode=listener"
                };
                Ok(plain(&[&AT_ONCE, &["-i", &format!("{url}{mode}")][..]].concat(), true))
            }
            "rtsp" => Ok(plain(&["-rtsp_transport", "tcp", "-i", name], false)),
            _ => Ok(plain(&["-i", name], false)),
        }
    }

    /// What to ask ffprobe; `None` where asking would take the encoder's only connection.
    pub(super) fn probe(&self) -> Option<Vec<String>> {
        if self.listens {
            return None;
        }
        let mut words: Vec<String> =
            ["-v", "error", "-of", "json", "-show_entries", "stream=codec_type,codec_name"]
                .map(str::to_owned)
                .to_vec();
        let paced = |word: &&String| !matches!(word.as_str(), "-re" | "-stream_loop" | "-1");
        words.extend(self.arguments.iter().filter(paced).cloned());
        Some(words)
    }
}

/// What ffprobe says of an input.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Probed {
    #[serde(default)]
    streams: Vec<Stream>,
}

#[derive(Debug, Clone, Deserialize)]
struct Stream {
    codec_type: Option<String>,
    codec_name: Option<String>,
}

/// What fMP4 can hold and players can play: these are copied.
const COPIED: [(&str, &[&str]); 2] =
    [("video", &["h264", "hevc", "av1", "vp9"]), ("audio", &["aac", "opus", "ac3", "eac3", "flac", "mp3"])];

impl Probed {
    fn codec(&self, kind: &str) -> Option<&str> {
        let of_kind = |stream: &&Stream| stream.codec_type.as_deref() == Some(kind);
        self.streams.iter().find(of_kind)?.codec_name.as_deref()
    }

    /// There is something to see or hear.
    pub(super) fn has_media(&self) -> bool {
        self.codec("video").is_some() || self.codec("audio").is_some()
    }
}

/// What is to come out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Output {
    /// What to encode; empty: what comes in.
    pub(super) ladder: Vec<Rung>,
    /// How far apart keyframes are to be, of what is encoded.
    pub(super) keyframes_ms: u32,
}

/// What ffmpeg is started with: fMP4 on standard output, in fragments so short that each part can go as soon as
/// its last frame is there.
pub(super) fn ffmpeg(input: &Input, probed: Option<&Probed>, output: &Output) -> Vec<String> {
    // Of what listens nothing is known: encoders that push send what players play.
    let is_copied = |kind: &str| {
        let codec = probed.and_then(|probed| probed.codec(kind));
        let known = COPIED.iter().find(|(of, _)| *of == kind).map_or(&[] as &[&str], |(_, known)| known);
        codec.is_none_or(|codec| known.contains(&codec))
    };
    let mut words: Vec<String> = Vec::new();
    let mut say = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    say(&["-hide_banner", "-nostats", "-loglevel", "warning"]);
    say(&input.arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let seconds = f64::from(output.keyframes_ms) / 1000.0;
    let keyframes = format!("expr:gte(t,n_forced*{seconds})");
    let encoder = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-tune",
        "zerolatency",
        "-pix_fmt",
        "yuv420p",
        "-sc_threshold",
        "0",
        "-force_key_frames",
        &keyframes,
    ];
    if !output.ladder.is_empty() {
        let count = output.ladder.len();
        let split: String = (0..count).map(|n| format!("[s{n}]")).collect();
        let scaled: Vec<String> = output
            .ladder
            .iter()
            .enumerate()
            .map(|(n, rung)| format!("[s{n}]scale=-2:{}[v{n}]", rung.height))
            .collect();
        say(&["-filter_complex", &format!("[0:v]split={count}{split};{}", scaled.join(";"))]);
        for (n, rung) in output.ladder.iter().enumerate() {
            let rate = |share: u32| format!("{}k", rung.kbps * share / 100);
            say(&["-map", &format!("[v{n}]")]);
            say(&[&format!("-b:v:{n}"), &rate(100), &format!("-maxrate:v:{n}"), &rate(107)]);
            say(&[&format!("-bufsize:v:{n}"), &rate(150)]);
        }
        say(&encoder);
    } else {
        say(&["-map", "0:v:0?"]);
        if is_copied("video") {
            say(&["-c:v", "copy"]);
        } else {
            say(&encoder);
        }
    }
    say(&["-map", "0:a?"]);
    if is_copied("audio") {
        say(&["-c:a", "copy"]);
    } else {
        say(&["-c:a", "aac", "-b:a", "160k", "-ac", "2"]);
    }
    // A fragment a frame. `frag_every_frame` would be that too, but guesses how long frames of sound are.
    say(&[
        "-f",
        "mp4",
        "-movflags",
        "+frag_keyframe+delay_moov+default_base_moof+separate_moof+skip_trailer",
    ]);
    say(&["-frag_duration", "20000", "-flush_packets", "1", "pipe:1"]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, format: Option<&str>) -> String {
        let input = Input::new(name, format, false).unwrap();
        format!("{}{}", if input.listens { "listens: " } else { "" }, input.arguments.join(" "))
    }

    #[test]
    fn inputs_are_told_apart() {
        assert_eq!(
            line("rtmp://0.0.0.0:1935/live", None),
            "listens: -fpsprobesize 0 -analyzeduration 1000000 -f flv -listen 1 -i rtmp://0.0.0.0:1935/live"
        );
        assert_eq!(line("rtmp://:1935", None), line("rtmp://0.0.0.0:1935/live", None));
        assert_eq!(line("rtmp://example.com/live/x", None), "-i rtmp://example.com/live/x");
        assert!(line("srt://:9000", None).ends_with(" -i srt://0.0.0.0:9000?mode=listener"));
        let with_latency = line("srt://:9000?latency=200000", None);
        assert!(with_latency.ends_with(" -i srt://0.0.0.0:9000?latency=200000&mode=listener"));
        assert_eq!(line("srt://example.com:9000", None), "-i srt://example.com:9000");
        assert_eq!(line("rtsp://camera/1", None), "-rtsp_transport tcp -i rtsp://camera/1");
        assert_eq!(line("testsrc2", Some("lavfi")), "-re -f lavfi -i testsrc2");
        assert_eq!(line("0", Some("avfoundation")), "-f avfoundation -i 0");
        assert!(Input::new("no-such-file.mp4", None, false).unwrap_err().contains("there is no file"));
    }

    #[test]
    fn what_players_play_is_copied() {
        let input = Input::new("testsrc2", Some("lavfi"), false).unwrap();
        let output = Output { ladder: Vec::new(), keyframes_ms: 2000 };
        let probed = |video: &str, audio: &str| -> Probed {
            let json = format!(
                r#"{{"streams": [{{"codec_type": "video", "codec_name": "{video}"}}, {{"codec_type": "audio", "codec_name": "{audio}"}}]}}"#
            );
            serde_json::from_str(&json).unwrap()
        };
        let line = |probed: Option<&Probed>| ffmpeg(&input, probed, &output).join(" ");
        let copied = line(Some(&probed("h264", "aac")));
        assert!(copied.contains("-c:v copy -map 0:a? -c:a copy"), "{copied}");
        assert_eq!(line(None), copied);
        let encoded = line(Some(&probed("mpeg2video", "mp2")));
        assert!(encoded.contains("-c:v libx264") && encoded.contains("-c:a aac"), "{encoded}");
        assert!(!Probed::default().has_media() && probed("h264", "aac").has_media());
    }

    #[test]
    fn a_ladder_is_encoded_rung_by_rung() {
        let input = Input::new("testsrc2", Some("lavfi"), false).unwrap();
        let ladder = ["1080p", "480p:900k"].map(|rung| rung.parse().unwrap()).to_vec();
        let line = ffmpeg(&input, None, &Output { ladder, keyframes_ms: 2000 }).join(" ");
        for expected in [
            "[0:v]split=2[s0][s1];[s0]scale=-2:1080[v0];[s1]scale=-2:480[v1]",
            "-map [v0] -b:v:0 5000k -maxrate:v:0 5350k -bufsize:v:0 7500k",
            "-map [v1] -b:v:1 900k -maxrate:v:1 963k -bufsize:v:1 1350k",
            "-force_key_frames expr:gte(t,n_forced*2)",
        ] {
            assert!(line.contains(expected), "{line}");
        }
        for wrong in ["", "p", "1081p", "10p", "720p:fast", "9000p"] {
            assert!(wrong.parse::<Rung>().is_err(), "{wrong}");
        }
    }
}
