//! Real captures, received into a real folder, and read back.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ingest_lambda::store::{FolderStore, Store};
use ingest_lambda::{Ingest, Native, Observer, Settings};
use packager_core::ingest::Pusher;
use packager_core::log::{BroadcastName, BroadcastRecord, BroadcastSettings, Generation, Target, record};

fn media(file: &str) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/media/live_dash_push").join(file);
    Bytes::from(std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display())))
}

fn ingest(store: &FolderStore) -> Ingest<FolderStore, (), Native> {
    let random = AtomicU64::new(1);
    Ingest::new(store.clone(), (), Settings::default(), move || random.fetch_add(1, Ordering::Relaxed))
}

async fn push(ingest: &Ingest<FolderStore, (), Native>, path: &str, body: Bytes) -> Result<(), u16> {
    let mut upload = ingest.open(path, &Pusher::Any).await.map_err(|refusal| refusal.status())?;
    for piece in body.chunks(1500) {
        upload.push(Bytes::copy_from_slice(piece)).await.map_err(|refusal| refusal.status())?;
    }
    upload.finish(true).await.map_err(|refusal| refusal.status())
}

async fn parts(store: &FolderStore, track: &str) -> Vec<String> {
    let generation =
        store.list("show/").await.unwrap().into_iter().find(|name| name != "broadcast.json").unwrap();
    let track = format!("show/{generation}/{track}/");
    let mut parts = Vec::new();
    for session in store.list(&track).await.unwrap() {
        if session != "begin.json" && session != "index" {
            parts.extend(store.list(&format!("{track}{session}/")).await.unwrap());
        }
    }
    parts
}

#[tokio::test]
async fn a_push_is_stored_part_by_part_and_taken_up_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let before = ingest(&store);
    assert_eq!(
        push(&before, "show/chunk-stream0-00001.m4s", media("chunk-stream0-00001.m4s")).await,
        Err(412)
    );
    for stream in 0..2 {
        let file = format!("init-stream{stream}.m4s");
        assert_eq!(push(&before, &format!("show/{file}"), media(&file)).await, Ok(()));
        let file = format!("chunk-stream{stream}-00001.m4s");
        assert_eq!(push(&before, &format!("show/{file}"), media(&file)).await, Ok(()));
    }
    // A 2 s segment of video is four parts and a header.
    assert_eq!(parts(&store, "video-0").await.len(), 5);
    drop(before);

    // The encoder goes on where it was, and does not send its header again.
    let after = ingest(&store);
    for stream in 0..2 {
        for n in 2..4 {
            let file = format!("chunk-stream{stream}-{n:05}.m4s");
            assert_eq!(push(&after, &format!("show/{file}"), media(&file)).await, Ok(()));
            // And a retry of it stores nothing twice.
            assert_eq!(push(&after, &format!("show/{file}"), media(&file)).await, Ok(()));
        }
    }
    assert_eq!(parts(&store, "video-0").await.len(), 11);
    assert!(parts(&store, "audio-1").await.len() >= 10);
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let ingest = ingest(&store);
    assert_eq!(
        push(&ingest, "show/init-stream0.m4s", Bytes::from_static(b"<html>not media</html>")).await,
        Err(400)
    );
    assert_eq!(push(&ingest, "../etc/passwd", Bytes::new()).await, Err(403));
    let whole = media("init-stream0.m4s");
    assert_eq!(push(&ingest, "show/init-stream0.m4s", whole.slice(..whole.len() - 1)).await, Err(400));
}

/// What an observer is told of broadcasts.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<BroadcastRecord>>>);

impl Observer for Records {
    fn recorded(&self, _: &BroadcastName, record: &BroadcastRecord) {
        self.0.lock().unwrap().push(record.clone());
    }

    fn stored(&self, _: &BroadcastName, _: &Generation, _: &Target, _: &str, _: &str, _: &[Bytes]) {}
}

#[tokio::test]
async fn settings_create_a_broadcast_and_change_nothing_else_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let records = Records::default();
    let random = AtomicU64::new(1);
    let ingest: Ingest<_, _, Native> =
        Ingest::new(store.clone(), records.clone(), Settings::default(), move || {
            random.fetch_add(1, Ordering::Relaxed)
        });
    let name = BroadcastName::parse("show").unwrap();
    let stored = async || -> BroadcastRecord {
        let object = store.get("show/broadcast.json").await.unwrap().unwrap();
        record::from_json(&object.body).unwrap()
    };
    let settings =
        |json: &str| -> BroadcastSettings { record::from_json(json.as_bytes()).expect("they are settings") };

    let english = settings(r#"{"tracks": {"audio-1": {"name": "English"}}}"#);
    ingest.configure(&name, &english).await.unwrap();
    let created = stored().await;
    assert_eq!(created.settings, english);
    // What is pushed goes where viewers were told that it will.
    let mut upload = ingest.open("show/init-stream0.m4s", &Pusher::Any).await.unwrap();
    upload.push(media("init-stream0.m4s")).await.unwrap();
    upload.finish(true).await.unwrap();
    assert!(store.list("show/").await.unwrap().contains(&created.generation.to_string()));

    ingest.configure(&name, &english).await.unwrap();
    assert_eq!(records.0.lock().unwrap().len(), 1, "nothing changed, so nothing is written");
    let french = settings(r#"{"captions": "none", "tracks": {"audio-1": {"name": "Français"}}}"#);
    ingest.configure(&name, &french).await.unwrap();
    let changed = BroadcastRecord { settings: french, ..created.clone() };
    assert_eq!(stored().await, changed);
    assert_eq!(*records.0.lock().unwrap(), [created, changed]);

    store.swap("cup/broadcast.json", None, "", &[Bytes::from_static(b"{}")]).await.unwrap();
    let why = ingest.configure(&BroadcastName::parse("cup").unwrap(), &english).await.unwrap_err();
    assert!(why.to_string().starts_with("what is stored at cup/broadcast.json cannot be read"), "{why}");
}
