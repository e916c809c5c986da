//! Where encoders push: `/ingest/{broadcast}/{anything}`.

use super::Refusal;
use crate::cmaf::TrackKind;
use crate::log::{BroadcastName, TrackName};

/// What a push URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushPath {
    /// The broadcast.
    pub broadcast: BroadcastName,
    /// What of it.
    pub resource: Resource,
}

/// What of a broadcast is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// A manifest that the encoder writes for itself.
    Manifest,
    /// A playlist, which says which header a media file goes with.
    Playlist,
    /// Media or a header of the stream with this id: `0` of `chunk-stream0-00012.m4s`.
    Stream(String),
}

/// The push key in a path, and the path without it: `key=SECRET/show/…`, for encoders that can show
/// a key in no other way. `path` is what follows `/ingest/`.
pub fn split_key(path: &str) -> (Option<&str>, &str) {
    match path.strip_prefix("key=").map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
        Some((key, rest)) => (Some(key), rest),
        None => (None, path),
    }
}

const TOO_ODD: &str =
    "the file's name cannot be used for a track; use letters, digits and '-', at most 40 of them";

impl PushPath {
    /// Reads the path of a push, after `/ingest/`.
    pub fn parse(path: &str) -> Result<Self, Refusal> {
        let (broadcast, rest) = path.split_once('/').unwrap_or((path, ""));
        let broadcast = BroadcastName::parse(broadcast)?;
        if rest.split('/').any(|segment| segment == ".." || segment == ".")
            || rest.contains(['%', '\\', '\0'])
        {
            return Err(Refusal::BadPath(TOO_ODD));
        }
        let (folder, file) = rest.rsplit_once('/').unwrap_or(("", rest));
        let resource = match file.rsplit_once('.') {
            Some((_, "m3u8")) => Resource::Playlist,
            Some((_, "mpd")) => Resource::Manifest,
            _ => Resource::Stream(stream_id(folder, file)?),
        };
        Ok(Self { broadcast, resource })
    }
}

/// What stands before the number of a file that is named after nothing else: `seg12.m4s`.
const GENERIC: [&str; 8] = ["seg", "segment", "chunk", "frag", "fragment", "part", "media", "s"];

/// The part of a file's name that stays the same from one file of a stream to the next.
fn stream_id(folder: &str, file: &str) -> Result<String, Refusal> {
    // `Streams(name.cmfv)` (DASH-IF Live Media Ingest §6.2).
    let file = file.strip_prefix("Streams(").and_then(|file| file.strip_suffix(')')).unwrap_or(file);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let mut id = stem;
    for prefix in ["init-", "init_", "chunk-", "segment-", "seg-"] {
        id = id.strip_prefix(prefix).unwrap_or(id);
    }
    let numbered = id.len() < stem.len();
    let without_number = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = id.len().saturating_sub(without_number.len());
    // `stream0-00012` and `video00012` are numbered files, `stream0` and `video-1` are names.
    let separated = without_number.ends_with(['-', '_']);
    let all_digits = without_number.is_empty() && !numbered;
    if digits > 0 && !stem.starts_with("init") && ((separated && numbered) || digits >= 3 || all_digits) {
        id = without_number.trim_end_matches(['-', '_']);
    }
    if digits > 0 && GENERIC.contains(&without_number) {
        id = "";
    }
    for suffix in ["-init", "_init", "init"] {
        id = id.strip_suffix(suffix).unwrap_or(id);
    }
    id = id.strip_prefix("stream").filter(|rest| !rest.is_empty()).unwrap_or(id);
    if id.is_empty() || (folder.is_empty() && id == "stream") {
        // `/{track}/{n}.cmfv`, `/{track}/init.cmfv`
        let parent = folder.rsplit('/').next().unwrap_or("");
        id = if parent.is_empty() { "main" } else { parent };
    }
    let id: String =
        id.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let id = id.trim_matches('-');
    if id.is_empty() || id.len() > 40 { Err(Refusal::BadPath(TOO_ODD)) } else { Ok(id.to_owned()) }
}

/// A track's name is made of where it is pushed and what its header says it is, never of the order
/// in which tracks arrive: the same push makes the same name again.
pub(super) fn track_name(stream: &str, kind: TrackKind) -> Result<TrackName, Refusal> {
    let name = if stream.starts_with(kind.as_str()) { stream.to_owned() } else { format!("{kind}-{stream}") };
    Ok(TrackName::parse(&name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(path: &str) -> String {
        match PushPath::parse(path).unwrap().resource {
            Resource::Stream(id) => id,
            Resource::Manifest => "manifest".to_owned(),
            Resource::Playlist => "playlist".to_owned(),
        }
    }

    #[test]
    fn a_header_and_its_media_name_the_same_stream() {
        for (header, media, id) in [
            ("b/init-stream0.m4s", "b/chunk-stream0-00012.m4s", "0"),
            ("b/init-stream11.m4s", "b/chunk-stream11-00001.m4s", "11"),
            ("b/video/init.cmfv", "b/video/17.cmfv", "video"),
            ("b/video-hi.cmfv", "b/video-hi.cmfv", "video-hi"),
            ("b/x.isml/Streams(audio-en.cmfa)", "b/Streams(audio-en.cmfa)", "audio-en"),
            ("b/out_init.mp4", "b/out00012.m4s", "out"),
            ("b/init.mp4", "b/0001.m4s", "main"),
            ("b/init-1.mp4", "b/chunk-1-00042.m4s", "1"),
            ("b/text-fr/init.mp4", "b/text-fr/seg003.m4s", "text-fr"),
            ("b/init.mp4", "b/segment7.m4s", "main"),
        ] {
            assert_eq!((stream(header).as_str(), stream(media).as_str()), (id, id), "{header} {media}");
        }
        assert_eq!(stream("b/manifest.mpd"), "manifest");
    }

    #[test]
    fn bad_names_are_refused() {
        let long = format!("b/{}.mp4", "x".repeat(300));
        for bad in ["", "..", "B/x.mp4", "b/../x.mp4", "b/%2f.mp4", "b/a\\b.mp4", "b/---.mp4", &long] {
            let refusal = PushPath::parse(bad).unwrap_err();
            assert_eq!(refusal.status(), 403, "{bad}: {refusal}");
        }
    }

    #[test]
    fn a_key_may_be_in_the_path() {
        assert_eq!(split_key("key=a-b/show/x.mp4"), (Some("a-b"), "show/x.mp4"));
        assert_eq!(split_key("key=a"), (Some("a"), ""));
        assert_eq!(split_key("show/key=a/x.mp4"), (None, "show/key=a/x.mp4"));
    }

    #[test]
    fn tracks_are_named_by_kind_and_stream() {
        assert_eq!(track_name("0", TrackKind::Video).unwrap().as_str(), "video-0");
        assert_eq!(track_name("audio-en", TrackKind::Audio).unwrap().as_str(), "audio-en");
    }
}
