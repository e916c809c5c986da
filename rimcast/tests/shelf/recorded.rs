//! Broadcasts as the real ingest stores them, in a folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use ingest_lambda::store::{FolderStore, Store as _};
use packager_core::cmaf::Chunk;
use packager_core::ingest::Settings;
use rimcast_tests::media::{Origin, Source};
use rimcast_tests::world::World;

/// Tracks to push, and where in `tests/media` they are.
pub(crate) const VIDEO: (&str, &str) = ("video", "h264_bframes_aac/video");
pub(crate) const AUDIO: (&str, &str) = ("audio", "h264_bframes_aac/audio");

/// A broadcast that is being pushed.
pub(crate) struct Pushing {
    pub(crate) world: World,
    at_ms: i64,
}

impl Pushing {
    pub(crate) fn new() -> Self {
        Self { world: World::new(Settings::default(), 1), at_ms: 0 }
    }

    /// An encoder sends these tracks side by side, but for the chunks that are `lost`; of an encoder that starts anew,
    /// times start over.
    pub(crate) fn run(&mut self, tracks: &[(&str, &str)], lost: impl Fn(&str, usize) -> bool) {
        let tracks: Vec<_> = tracks
            .iter()
            .map(|(name, folder)| {
                let source = Source::new(&Origin::Recorded((*folder).to_owned()));
                let upload = self.world.open(&format!("show/{name}.cmf")).expect("there is room");
                (*name, source, upload)
            })
            .collect();
        for (_, source, upload) in &tracks {
            self.world.push(*upload, source.header.clone()).expect("the header is sound");
        }
        let mut due: Vec<(i64, usize, usize)> = Vec::new();
        for (track, (_, source, _)) in tracks.iter().enumerate() {
            due.extend((0..source.chunks.len()).map(|chunk| (source.arrival_ms(0, chunk), track, chunk)));
        }
        due.sort_unstable();
        let begun = self.at_ms;
        for (after_ms, track, chunk) in due {
            let (name, source, upload) = &tracks[track];
            self.at_ms = begun + after_ms;
            self.world.advance_to(self.at_ms);
            if !lost(name, chunk) {
                self.world.push(*upload, bytes(&source.chunks[chunk])).expect("the media is sound");
            }
        }
        for (.., upload) in tracks {
            self.world.finish(upload, true);
        }
        // Longer than anything is waited for.
        self.at_ms += 10_000;
        self.world.advance_to(self.at_ms);
    }

    /// The same in a folder, as `rimcast serve` keeps it.
    pub(crate) fn in_folder(&self) -> Recorded {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let store = FolderStore::open(folder.path().join("data")).expect("there is room for a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
        for (key, object) in self.world.store.objects() {
            let created =
                runtime.block_on(store.create(key, &object.meta, std::slice::from_ref(&object.body)));
            created.expect("there is room");
        }
        Recorded { folder, store, runtime }
    }
}

fn bytes(chunk: &Chunk) -> Bytes {
    chunk.body().concat().into()
}

/// A recording in a folder.
pub(crate) struct Recorded {
    folder: tempfile::TempDir,
    pub(crate) store: FolderStore,
    pub(crate) runtime: tokio::runtime::Runtime,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) succeeded: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Recorded {
    /// A folder beside the recording.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `rimcast COMMAND show ARGS…` over it.
    pub(crate) fn rimcast(&self, command: &str, args: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_rimcast"))
            .args([command, "show"])
            .args(args)
            .env_clear()
            .env("RIMCAST_DATA", self.beside("data"))
            .current_dir(self.folder.path())
            .output()
            .expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { succeeded: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// What a command printed.
pub(crate) fn printed(program: &str, args: &[&str], path: &Path) -> (String, String) {
    let output = Command::new(program).args(args).arg(path).output().expect("ffmpeg is installed");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (text(&output.stdout), text(&output.stderr))
}

impl Recorded {
    /// Keys of what is stored of a track's parts, in order.
    pub(crate) fn parts(&self, track: &str) -> Vec<String> {
        let list = |prefix: &str| self.runtime.block_on(self.store.list(prefix)).expect("it can be listed");
        let sessions = list(&format!("show/g/{track}/"));
        let sessions = sessions.iter().filter(|name| !matches!(name.as_str(), "begin.json" | "index"));
        let parts = |session: &String| {
            let prefix = format!("show/g/{track}/{session}/");
            let names = list(&prefix).into_iter().filter(|name| name.ends_with(".m4s"));
            names.map(|name| format!("{prefix}{name}")).collect::<Vec<_>>()
        };
        sessions.flat_map(parts).collect()
    }

    /// Turns a bit in the middle of a part. Gives its key.
    pub(crate) fn damage_a_part(&self, track: &str) -> String {
        let key = self.parts(track).swap_remove(5);
        let path = self.store.path_of(&key).expect("a key");
        let mut bytes = std::fs::read(&path).expect("it is there");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).expect("there is room");
        key
    }
}

impl Recorded {
    /// Stores an empty object.
    pub(crate) async fn create(&self, key: &str, meta: &str) {
        let created = self.store.create(key, meta, &[]).await.expect("there is room");
        assert_eq!(created, ingest_lambda::store::Created::New, "{key}");
    }
}
