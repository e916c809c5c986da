//! Broadcasts as the real ingest stores them, in a folder or in a bucket.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use ingest_lambda::store::{Created, FolderStore, S3Settings, S3Store, Store, StoreError, Swapped, find};
use packager_core::cmaf::Chunk;
use packager_core::ingest::Settings;
use packager_core::log::{FetchKind, Found};
use rimcast_tests::live::SeaweedFs;
use rimcast_tests::media::{Origin, Source};
use rimcast_tests::store::Store as Objects;
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
}

fn bytes(chunk: &Chunk) -> Bytes {
    chunk.body().concat().into()
}

/// Makes a test of each case over a folder, and one over a bucket. What stands before a case is said of the first.
macro_rules! over_folder_and_bucket {
    ($($(#[$said:meta])* $case:ident)*) => {
        mod in_a_folder {
            $(
                #[test]
                $(#[$said])*
                fn $case() {
                    super::$case($crate::shelf::recorded::Recorded::in_folder);
                }
            )*
        }

        mod in_a_bucket {
            $(
                #[test]
                #[ignore = "needs SeaweedFS: cargo xtask test"]
                fn $case() {
                    super::$case($crate::shelf::recorded::Recorded::in_bucket);
                }
            )*
        }
    };
}
pub(crate) use over_folder_and_bucket;

/// How a broadcast comes to where it is kept.
pub(crate) type Keep = fn(&Pushing) -> Recorded;

/// A recording.
pub(crate) struct Recorded {
    folder: tempfile::TempDir,
    kept: Kept,
    runtime: tokio::runtime::Runtime,
}

/// Where it is.
enum Kept {
    /// In a folder, as `rimcast serve` keeps it.
    Folder(FolderStore),
    /// In a bucket, in a folder of its own.
    Bucket { store: S3Store, server: Arc<SeaweedFs>, prefix: String },
}

/// The server that all tests share that run at once.
fn server() -> Arc<SeaweedFs> {
    static SERVER: Mutex<Weak<SeaweedFs>> = Mutex::new(Weak::new());
    let mut running = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let server = Arc::new(SeaweedFs::start());
        *running = Arc::downgrade(&server);
        server
    })
}

/// Asks the store that it is, and waits for it.
macro_rules! ask {
    ($recorded:expr, $store:ident => $asked:expr) => {
        match &$recorded.kept {
            Kept::Folder($store) => $recorded.runtime.block_on($asked),
            Kept::Bucket { store: $store, .. } => $recorded.runtime.block_on($asked),
        }
    };
}

/// Stores all of a broadcast.
async fn fill(store: &impl Store, objects: &Objects) -> Result<(), StoreError> {
    let writes = objects.objects().map(|(key, object)| async move {
        store.create(key, &object.meta, std::slice::from_ref(&object.body)).await
    });
    let written: Vec<_> = stream::iter(writes).buffer_unordered(16).collect().await;
    written.into_iter().try_for_each(|created| created.map(|created| assert_eq!(created, Created::New)))
}

/// Puts something else in an object's place.
async fn change(
    store: &impl Store,
    key: &str,
    change: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> Result<(), StoreError> {
    let there = store.get(key).await?.expect("it is there");
    let changed = change(there.body.to_vec());
    assert_ne!(changed, there.body);
    let swapped = store.swap(key, Some(&there.etag), &there.meta, &[changed.into()]).await?;
    assert!(matches!(swapped, Swapped::Done(_)), "{key}");
    Ok(())
}

impl Recorded {
    /// A broadcast in a folder.
    pub(crate) fn in_folder(pushing: &Pushing) -> Self {
        Self::of(&pushing.world.store)
    }

    /// A folder with these objects.
    pub(crate) fn of(objects: &Objects) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let store = FolderStore::open(folder.path().join("data")).expect("there is room for a folder");
        Self::filled(folder, Kept::Folder(store), objects)
    }

    /// A broadcast in a bucket of SeaweedFS.
    pub(crate) fn in_bucket(pushing: &Pushing) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let server = server();
        let prefix = format!("recorded-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let environment = server.environment();
        let settings = S3Settings::from_env(|name| match name {
            "RIMCAST_PREFIX" => Some(prefix.clone()),
            // What is written is not to be tried twice, which would not be the first time.
            "RIMCAST_S3_TIMEOUT_S" => Some("60".to_owned()),
            _ => environment.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone()),
        });
        let store = S3Store::new(&settings.expect("SeaweedFS says how it is used"));
        let folder = tempfile::tempdir().expect("there is room for a folder");
        Self::filled(folder, Kept::Bucket { store, server, prefix }, &pushing.world.store)
    }

    fn filled(folder: tempfile::TempDir, kept: Kept, objects: &Objects) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
        let recorded = Self { folder, kept, runtime };
        ask!(recorded, store => fill(store, objects)).expect("there is room");
        recorded
    }
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
        let mut rimcast = Command::new(env!("CARGO_BIN_EXE_rimcast"));
        rimcast.args([command, "show"]).args(args).env_clear().current_dir(self.folder.path());
        match &self.kept {
            Kept::Folder(_) => rimcast.env("RIMCAST_DATA", self.beside("data")),
            Kept::Bucket { server, prefix, .. } => {
                let environment = server.environment();
                let bucket = environment.iter().find(|(name, _)| *name == "RIMCAST_BUCKET");
                let (_, bucket) = bucket.expect("it has a bucket");
                rimcast.env("RIMCAST_DATA", format!("s3://{bucket}/{prefix}")).envs(environment)
            }
        };
        let output = rimcast.output().expect("the program starts");
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
    fn list(&self, prefix: &str) -> Vec<String> {
        ask!(self, store => store.list(prefix)).expect("it can be listed")
    }

    /// Keys of what is stored of a track's parts, in order.
    pub(crate) fn parts(&self, track: &str) -> Vec<String> {
        let sessions = self.list(&format!("show/g/{track}/"));
        let sessions = sessions.iter().filter(|name| !matches!(name.as_str(), "begin.json" | "index"));
        let parts = |session: &String| {
            let prefix = format!("show/g/{track}/{session}/");
            let names = self.list(&prefix).into_iter().filter(|name| name.ends_with(".m4s"));
            names.map(|name| format!("{prefix}{name}")).collect::<Vec<_>>()
        };
        sessions.flat_map(parts).collect()
    }

    /// What a reader finds.
    pub(crate) fn find(&self, key: &str, kind: FetchKind) -> Found {
        ask!(self, store => find(store, key, kind)).expect("it can be read")
    }

    /// An object's body.
    pub(crate) fn body(&self, key: &str) -> Bytes {
        match self.find(key, FetchKind::Get) {
            Found::Object { body, .. } => body,
            other => panic!("{key}: {other:?}"),
        }
    }

    /// Puts something else in an object's place. Gives its key.
    pub(crate) fn change(&self, key: &str, to: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
        ask!(self, store => change(store, key, to)).expect("there is room");
        key.to_owned()
    }

    /// Takes an object away. Gives its key.
    pub(crate) fn remove(&self, key: &str) -> String {
        assert_ne!(self.find(key, FetchKind::Stat), Found::Missing, "{key}");
        ask!(self, store => store.delete(&[key.to_owned()])).expect("it can be deleted");
        key.to_owned()
    }

    /// Stores an empty object. Gives its key.
    pub(crate) fn create(&self, key: &str, meta: &str) -> String {
        let created = ask!(self, store => store.create(key, meta, &[])).expect("there is room");
        assert_eq!(created, Created::New, "{key}");
        key.to_owned()
    }

    /// Turns a bit in the middle of a part. Gives its key.
    pub(crate) fn damage_a_part(&self, track: &str) -> String {
        self.change(&self.parts(track)[5], |mut bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        })
    }
}
