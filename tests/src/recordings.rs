//! The tracks in `tests/media`: what is tried with each of them.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use packager_core::cmaf::{Header, TrackKind};

use crate::media::media_folder;

/// A recorded track: a header, and a file for each chunk.
#[derive(Debug)]
pub struct Recording {
    /// Its folder in `tests/media`.
    pub name: String,
    /// What its header says.
    pub header: Header,
    files: Vec<PathBuf>,
}

/// All of them, by name.
///
/// # Panics
///
/// They cannot be read.
pub fn recordings() -> Vec<Recording> {
    let folders = |folder: &PathBuf| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
    };
    let tracks = folders(&media_folder()).iter().flat_map(folders).collect::<Vec<_>>();
    let mut found: Vec<_> = tracks.iter().filter_map(|folder| Recording::read(folder)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 25, "{found:?}");
    found
}

impl Recording {
    fn read(folder: &Path) -> Option<Self> {
        let header = fs::read(folder.join("init.mp4")).ok()?;
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        // init.mp4 comes before seg….m4s.
        files.sort();
        Some(Self {
            name: folder.strip_prefix(media_folder()).unwrap().to_string_lossy().into_owned(),
            header: Header::parse(&header).unwrap(),
            files,
        })
    }

    /// The header, then each chunk.
    ///
    /// # Panics
    ///
    /// They cannot be read.
    pub fn bodies(&self) -> Vec<Bytes> {
        self.files.iter().map(|path| fs::read(path).unwrap().into()).collect()
    }

    /// The track as one file.
    pub fn joined(&self) -> Vec<u8> {
        self.bodies().concat()
    }

    /// Whether shaka-packager can read it, so that there is something to compare. It writes MP3 into MPEG
    /// transport streams only, and reads text from files of text only.
    pub fn is_read_by_shaka_packager(&self) -> bool {
        self.header.kind != TrackKind::Text && self.header.codec != "mp4a.6b"
    }

    /// Whether it can be decoded without a key, to pictures or sound.
    pub fn is_decodable(&self) -> bool {
        self.header.kind != TrackKind::Text && self.header.protection.is_none()
    }

    /// Whether it is long enough for a broadcast of its own: of what is shorter no segment is closed.
    pub fn makes_a_broadcast(&self) -> bool {
        self.files.len() >= 8
    }
}
