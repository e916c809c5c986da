//! Which track the media of a body is of: by the file's name, by what a playlist says of it, and, in
//! a body with several tracks, by `track_ID`.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Refusal;
use super::manifest;
use super::path::{PushPath, Resource};
use super::receiver::Receiver;
use super::track::Track;
use super::upload::{Content, Upload, UploadId};
use crate::cmaf::{Header, TrackKind, inband, mux};
use crate::limits;
use crate::log::settings::TrackDescription;
use crate::log::{Marker, TrackName};
use crate::order::SortedMap;
use crate::order::in_order;
use crate::time::WallMs;

/// What a header that is called `init` and nothing more is of.
pub(super) const NAMELESS: &str = "main";

const KINDS: [TrackKind; 3] = [TrackKind::Video, TrackKind::Audio, TrackKind::Text];

/// Where a chunk goes.
pub(super) enum Place {
    /// To the body's one track.
    Track,
    /// To those that stand for its tracks; it has been handed to them.
    Children,
    /// No header of its stream is known.
    Unknown,
}

/// What playlists said: media files, and the id of the stream that their header has.
///
/// `-f hls` of ffmpeg names headers and segments so that neither tells which belongs to which
/// (`init_2.mp4` and `out_snd0.m4s`), but pushes a playlist right after each segment.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    streams: SortedMap<String, String>,
    order: VecDeque<String>,
    /// By what the files that follow begin with: the playlist's own name, as ffmpeg names them.
    families: SortedMap<String, String>,
}

impl Aliases {
    /// The stream that a playlist said this file is of: one that was listed, or one of those that follow.
    pub(super) fn stream(&self, path: &str) -> Option<&String> {
        self.streams.get(path).or_else(|| {
            let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
            let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
            let of_family = |family: &String| stem.strip_prefix(family.as_str()).is_some_and(is_number);
            // The longest: `out_1` has `out_10`, not `out_`.
            self.families.iter().rev().find(|(family, _)| of_family(family)).map(|(_, stream)| stream)
        })
    }

    fn insert(&mut self, file: String, stream: String) {
        if file.len() > limits::PUSHED_NAME_BYTES {
            return;
        }
        if self.streams.insert(file.clone(), stream).is_none() {
            self.order.push_back(file);
        }
        while self.order.len() > limits::ALIASES {
            self.order.pop_front().map(|oldest| self.streams.remove(&oldest));
        }
    }

    /// Takes in a playlist that was pushed to `path`: each file it lists goes with its EXT-X-MAP.
    fn read(&mut self, path: &str, playlist: &str) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut stream = None;
        for line in playlist.lines().map(str::trim) {
            if let Some(map) = line.strip_prefix("#EXT-X-MAP:") {
                let uri = map.split_once("URI=\"").and_then(|(_, rest)| rest.split_once('"'));
                stream = uri.and_then(|(uri, _)| stream_of(&format!("{folder}/{uri}")));
            } else if !line.is_empty()
                && !line.starts_with('#')
                && let Some(stream) = &stream
            {
                self.insert(format!("{folder}/{line}"), stream.clone());
            }
        }
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        if let Some(stream) = stream
            && (self.families.len() < limits::TRACKS_PER_BROADCAST || self.families.contains_key(stem))
        {
            self.families.insert(stem.to_owned(), stream);
        }
    }
}

fn stream_of(path: &str) -> Option<String> {
    match PushPath::parse(path).ok()?.resource {
        Resource::Stream(stream) => Some(stream),
        _ => None,
    }
}

impl Receiver {
    /// A body has ended: if it was a playlist or a manifest, takes in what it says.
    pub(super) fn read_text(&mut self, id: UploadId) {
        let Some(upload) = self.uploads.get_mut(&id) else { return };
        let path = upload.path.clone();
        match &mut upload.content {
            Content::Playlist(text) => {
                let text = std::mem::take(text);
                self.aliases.read(&path, &String::from_utf8_lossy(&text));
                for upload in self.uploads.values_mut().filter(|upload| upload.unplaced.is_some()) {
                    if let Some(stream) = self.aliases.stream(&upload.path) {
                        upload.content = Content::Stream(stream.clone());
                    }
                }
            }
            Content::Manifest(text) => {
                let text = std::mem::take(text);
                self.read_manifest(&path, &String::from_utf8_lossy(&text));
            }
            Content::Stream(_) => {}
        }
    }

    fn read_manifest(&mut self, path: &str, mpd: &str) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for found in manifest::representations(mpd) {
            let Some(stream) = stream_of(&format!("{folder}/{}", found.initialization)) else { continue };
            if found.description == TrackDescription::default() {
                continue;
            }
            let tracks =
                self.tracks_of(&stream).into_iter().filter(|(header, _)| header.kind != TrackKind::Video);
            let tracks: Vec<_> = tracks.map(|(_, name)| name.clone()).collect();
            for track in tracks {
                self.describe(&track, &found.description);
            }
        }
    }

    /// Takes in a header, or one for each track of a body that has several.
    pub(super) fn headers(&mut self, id: UploadId, bytes: &Bytes, now: WallMs) -> Result<(), Refusal> {
        if inband::lacks_parameter_sets(bytes)?
            && let Some(upload) = self.uploads.get_mut(&id)
        {
            upload.incomplete_header = Some(bytes.clone());
            return Ok(());
        }
        let mut headers = mux::split_header(bytes)?;
        if headers.len() <= 1 {
            return headers.pop().map_or(Ok(()), |bytes| self.header(id, bytes, now));
        }
        let parsed: Result<Vec<_>, _> = headers.iter().map(|bytes| Header::parse(bytes)).collect();
        let parsed = parsed?;
        for (header, bytes) in parsed.iter().zip(headers) {
            let is_only = parsed.iter().filter(|other| other.kind == header.kind).count() == 1;
            let stream = self.uploads.get(&id).and_then(Upload::stream).unwrap_or(NAMELESS);
            // The same push makes the same names: the order of tracks in a file is the encoder's own.
            let stream = if is_only { stream.to_owned() } else { format!("{stream}-{}", header.track_id) };
            let child = self.child(id, header.track_id, stream);
            self.header(child, bytes, now)?;
        }
        Ok(())
    }

    /// What stands for one track of a body.
    fn child(&mut self, id: UploadId, track_id: u32, stream: String) -> UploadId {
        let Some(parent) = self.uploads.get(&id) else { return id };
        if let Some(child) = parent.child(track_id) {
            return child;
        }
        let mut child = Upload::new(&parent.path, Content::Stream(stream));
        child.ended = parent.ended;
        let child = self.insert(child);
        if let Some(parent) = self.uploads.get_mut(&id) {
            parent.children.push((track_id, child));
        }
        child
    }

    /// Finds out where a chunk goes, and takes it there if it is of several tracks.
    pub(super) fn place(&mut self, id: UploadId, bytes: &Bytes, now: WallMs) -> Result<Place, Refusal> {
        if let Some(header) = self.uploads.get_mut(&id).and_then(|upload| upload.incomplete_header.take()) {
            let completed = inband::complete(&header, bytes)?;
            self.headers(id, &completed.ok_or(Refusal::NoParameterSets)?, now)?;
        }
        let Some(upload) = self.uploads.get(&id) else { return Ok(Place::Unknown) };
        if upload.track.is_some() {
            return Ok(Place::Track);
        }
        let ids = mux::track_ids(bytes)?;
        let stream = upload.stream().unwrap_or(NAMELESS);
        let is_unknown = self.tracks_of(stream).is_empty();
        let stream = if is_unknown && self.is_nameless() { NAMELESS } else { stream };
        let stream = stream.to_owned();
        if upload.children.is_empty() && ids.len() <= 1 {
            let Some(name) = self.track_of(&stream, ids.first().copied()) else { return Ok(Place::Unknown) };
            if let Some(upload) = self.uploads.get_mut(&id) {
                upload.track = Some(name);
            }
            return Ok(Place::Track);
        }
        let mut is_known = false;
        for track_id in ids {
            let known = self.uploads.get(&id).and_then(|upload| upload.child(track_id));
            let child = match known {
                Some(child) => child,
                None => {
                    // A track that nothing is made of (timecodes, say) has no header here.
                    let tracks = self.tracks_of(&stream);
                    let of_id = tracks.into_iter().filter(|(header, _)| header.track_id == track_id);
                    let Some(name) = of_id.map(|(_, name)| name.clone()).next_back() else { continue };
                    let child = self.child(id, track_id, stream.clone());
                    if let Some(child) = self.uploads.get_mut(&child) {
                        child.track = Some(name);
                    }
                    child
                }
            };
            is_known = true;
            if self.uploads.get(&child).is_none_or(|child| child.failed.is_some()) {
                continue;
            }
            match self.parse_chunk(child, bytes, now) {
                Ok(chunk) => self.split_long_samples(child, chunk),
                Err(refusal) => self.refuse(child, refusal),
            }
        }
        let has_children = self.uploads.get(&id).is_some_and(|upload| !upload.children.is_empty());
        Ok(if is_known || has_children { Place::Children } else { Place::Unknown })
    }

    /// Whether the headers that came have no name but `init`: their segments may be called anything.
    fn is_nameless(&self) -> bool {
        let of_main = self.tracks_of(NAMELESS).len();
        of_main > 0 && of_main == self.tracks.len()
    }

    /// The track that a stream's media belongs to: with this `track_ID`, and of those the one whose
    /// header came last. Where none has the id, the newest of all, for its error to be told.
    fn track_of(&self, stream: &str, track_id: Option<u32>) -> Option<TrackName> {
        let tracks = self.tracks_of(stream);
        let of_id = tracks.iter().rfind(|(header, _)| Some(header.track_id) == track_id);
        of_id.or(tracks.last()).map(|(_, name)| (*name).clone())
    }

    /// The tracks of a stream, those whose headers came last at the end.
    fn tracks_of(&self, stream: &str) -> Vec<(&Header, &TrackName)> {
        let tracks = self.tracks.values().filter_map(|track| {
            let (session, pushed) = track.newest_header()?;
            let is_named = |stream: &str| {
                KINDS
                    .into_iter()
                    .any(|kind| self.track_name(stream, kind).is_ok_and(|name| name == track.name))
            };
            let of_several = format!("{stream}-{}", pushed.header.track_id);
            (is_named(stream) || is_named(&of_several)).then_some((session, &pushed.header, &track.name))
        });
        let tracks = in_order(tracks, |(session, ..)| *session);
        tracks.into_iter().map(|(_, header, name)| (header, name)).collect()
    }

    /// Ends the tracks of bodies that came whole and say that they are the last (`lmsg`).
    pub(super) fn end_tracks(&mut self, now: WallMs) {
        let is_last = |upload: &Upload| {
            upload.ended.is_some_and(|(_, whole)| whole)
                && upload.failed.is_none()
                && upload.scanner.last_seen_lmsg()
                && !upload.has_ended_track
                && upload.is_taken()
        };
        let mut ended = Vec::new();
        for (id, upload) in self.uploads.iter().filter(|(_, upload)| is_last(upload)) {
            let children: Vec<_> =
                upload.children.iter().filter_map(|(_, child)| self.uploads.get(child)).collect();
            if children.iter().all(|child| child.is_taken()) {
                let tracks = children.iter().chain([&upload]).filter_map(|upload| upload.track.clone());
                ended.push((*id, tracks.collect::<Vec<_>>()));
            }
        }
        for (id, tracks) in ended {
            if let Some(upload) = self.uploads.get_mut(&id) {
                upload.has_ended_track = true;
            }
            for name in tracks {
                self.end_track(&name, now);
            }
        }
    }

    /// Nothing follows on this track, if anything was there.
    pub(super) fn end_track(&mut self, name: &TrackName, now: WallMs) {
        let is_over = |track: &Track| track.chain.as_ref().is_none_or(|chain| chain.ended);
        if self.tracks.get(name).is_none_or(is_over) {
            return;
        }
        self.notices.push(super::Notice::TrackEnded { track: name.clone() });
        self.changing(name, now, |track| {
            track.flush(now)?;
            track.plan_marker(Marker::Ended)
        });
    }
}
