//! Viewers of a store that tells nobody of writes, while an ingest writes to it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use ingest_lambda::store::{FolderStore, Store};
use ingest_lambda::{BrokenOff, Ingest, Native, Settings, Viewers};
use packager_core::edge::{Body, Method, Request, Response};
use packager_core::ingest::Pusher;

fn media(file: &str) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/media/live_dash_push").join(file);
    Bytes::from(std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display())))
}

struct World {
    store: FolderStore,
    ingest: Ingest<FolderStore, (), Native>,
    viewers: Viewers<FolderStore, Native>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        let random = AtomicU64::new(1);
        let random = move || random.fetch_add(1, Ordering::Relaxed);
        let ingest = Ingest::new(store.clone(), (), Settings::default(), random);
        Self { viewers: Viewers::new(store.clone()), store, ingest, _folder: folder }
    }

    async fn push(&self, file: &str) {
        let mut upload = self.ingest.open(&format!("show/{file}"), &Pusher::Any).await.unwrap();
        upload.push(media(file)).await.unwrap();
        upload.finish(true).await.unwrap();
    }

    async fn ask(&self, path: &str) -> Response {
        self.viewers.answer(&Request { method: Method::Get, path, query: "" }).await.unwrap()
    }

    /// The URL of a segment, by the playlist of the track.
    async fn segment(&self, number: u64) -> String {
        let names = self.store.list("show/").await.unwrap();
        let generation = names.iter().find(|name| *name != "broadcast.json").unwrap();
        let playlist = format!("/show/{generation}/video-0/index.m3u8");
        let Body::Text(text) = self.ask(&playlist).await.body else { panic!("no playlist") };
        let text = String::from_utf8(text.plain.to_vec()).unwrap();
        let session =
            text.lines().find_map(|line| line.split("-1.m4s").next().filter(|_| line.ends_with("-1.m4s")));
        format!("/show/{generation}/video-0/{}-{number}.m4s", session.unwrap_or_else(|| panic!("{text}")))
    }

    /// The samples of all that was pushed in a file, which a segment has in other boxes.
    async fn whole(&self, response: Response) -> Vec<u8> {
        let Body::Segment { parts, more } = response.body else { panic!("{response:?}") };
        let pieces: Result<Vec<Bytes>, BrokenOff> = self.viewers.segment(parts, more).try_collect().await;
        pieces.unwrap().concat()
    }
}

/// What `mdat` boxes hold.
fn samples(mut body: &[u8]) -> Vec<u8> {
    let mut samples = Vec::new();
    while let Some((head, _)) = body.split_first_chunk::<8>() {
        let size = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
        if head[4..] == *b"mdat" {
            samples.extend_from_slice(&body[8..size]);
        }
        body = &body[size..];
    }
    samples
}

#[tokio::test]
async fn a_segment_is_sent_whole_and_a_growing_one_until_it_is_closed() {
    let world = World::new();
    for file in ["init-stream0.m4s", "init-stream1.m4s", "chunk-stream0-00001.m4s", "chunk-stream1-00001.m4s"]
    {
        world.push(file).await;
    }
    world.push("chunk-stream0-00002.m4s").await;
    let first = world.segment(1).await;
    assert_eq!(
        samples(&world.whole(world.ask(&first).await).await),
        samples(&media("chunk-stream0-00001.m4s"))
    );
    // The second is all there, but nothing says yet that it is closed.
    let second = world.ask(&world.segment(2).await).await;
    let Body::Segment { parts, more: Some(more) } = second.body else { panic!("{second:?}") };
    let mut growing = std::pin::pin!(world.viewers.segment(parts, Some(more)));
    let mut sent = Vec::new();
    let expected = samples(&media("chunk-stream0-00002.m4s"));
    while samples(&sent).len() < expected.len() {
        sent.extend_from_slice(&growing.next().await.unwrap().unwrap());
    }
    let (rest, ()) = tokio::join!(growing.next(), world.push("chunk-stream0-00003.m4s"));
    assert!(rest.is_none(), "the segment has ended");
    assert!(samples(&sent) == expected);
    assert_eq!(world.ask("/other/index.m3u8").await.status, 404);
}

#[tokio::test]
async fn a_segment_whose_part_is_not_what_the_log_says_is_broken_off() {
    let world = World::new();
    for file in ["init-stream0.m4s", "chunk-stream0-00001.m4s", "chunk-stream0-00002.m4s"] {
        world.push(file).await;
    }
    let Body::Segment { mut parts, .. } = world.ask(&world.segment(1).await).await.body else { panic!() };
    parts[1].bytes += 1;
    let mut sent = std::pin::pin!(world.viewers.segment(parts, None));
    assert!(sent.next().await.unwrap().is_ok());
    assert!(matches!(sent.next().await, Some(Err(BrokenOff::Damaged(_)))));
}
