//! A broadcast that comes object by object, and what becomes of it.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use common::{everything, written};
use ingest_lambda::Gate;
use ingest_lambda::store::{Created, ETag, FolderStore, Object, Stat, Store, StoreError, Swapped};
use packager_core::ingest::gate::{Answer, Content, Headers, Request};
use packager_core::ingest::{Put, PutMode};
use rimcast_tests::puts::{BROADCAST, PutRequest, Tags, path, puts};

/// A folder that counts what is asked of it.
#[derive(Clone)]
struct Counting {
    store: FolderStore,
    reads: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl Counting {
    fn reads_and_writes(&self) -> (usize, usize) {
        (self.reads.load(Ordering::Relaxed), self.writes.load(Ordering::Relaxed))
    }
}

impl Store for Counting {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.get(key).await
    }

    async fn stat(&self, key: &str) -> Result<Option<Stat>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.stat(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.list(prefix).await
    }

    async fn create(&self, key: &str, meta: &str, body: &[Bytes]) -> Result<Created, StoreError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.store.create(key, meta, body).await
    }

    async fn swap(
        &self,
        key: &str,
        expected: Option<&ETag>,
        meta: &str,
        body: &[Bytes],
    ) -> Result<Swapped, StoreError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.store.swap(key, expected, meta, body).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.keys(prefix).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StoreError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.store.delete(keys).await
    }
}

/// A bucket, and a new gate before it whenever one is asked for.
struct Bucket {
    _folder: tempfile::TempDir,
    store: Counting,
}

impl Bucket {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        let store = Counting { store, reads: Arc::default(), writes: Arc::default() };
        Self { _folder: folder, store }
    }

    fn gate(&self) -> Gate<Counting> {
        Gate::new(self.store.clone())
    }
}

async fn ask(gate: &Gate<Counting>, method: &str, path: &str, request: &PutRequest) -> Answer {
    let given = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let headers = Headers { condition: given(&request.condition), meta: given(&request.meta) };
    match Request::parse(method, path.strip_prefix("/ingest/").unwrap(), &headers) {
        Ok(parsed) => gate.answer(parsed, request.body.clone()).await,
        Err(wrong) => wrong.into(),
    }
}

async fn send(gate: &Gate<Counting>, request: &PutRequest) -> Answer {
    ask(gate, "PUT", &request.path, request).await
}

async fn read(gate: &Gate<Counting>, method: &str, path: &str) -> Answer {
    let nothing = record("", "");
    ask(gate, method, path, &nothing).await
}

fn record(condition: &str, json: &str) -> PutRequest {
    PutRequest {
        path: "/ingest/show/-/broadcast.json".to_owned(),
        condition: condition.to_owned(),
        meta: String::new(),
        content_type: "application/json",
        body: Bytes::copy_from_slice(json.as_bytes()),
    }
}

/// Sends every put, each to a gate of this one's choice.
async fn play(puts: &[Put], mut choose: impl FnMut(usize) -> Gate<Counting>) {
    let mut tags = Tags::default();
    for (nth, put) in puts.iter().enumerate() {
        let answer = send(&choose(nth), &tags.request(put)).await;
        assert_eq!(answer.status, 201, "{}: {:?}", put.key, answer.content);
        tags.learn(put, answer.tag.as_deref());
    }
}

fn is_part(put: &Put) -> bool {
    put.key.ends_with(".m4s")
}

#[tokio::test]
async fn what_push_sends_is_stored_as_serve_stores_it() {
    let puts = puts(12);
    assert!(puts.iter().any(|put| is_part(put) && put.body.is_empty()), "there are markers");
    assert!(puts.iter().any(|put| matches!(&put.mode, PutMode::Swap(Some(_)))), "and checkpoints");
    assert!(puts.iter().any(|put| put.key.ends_with("periods/000001.json")), "of two periods");
    let bucket = Bucket::new();
    assert_eq!(send(&bucket.gate(), &record("none", BROADCAST.1)).await.status, 201);
    // Each to a gate that knows nothing.
    play(&puts, |_| bucket.gate()).await;
    assert_eq!(everything(&bucket.store).await, written(&puts).await);
}

#[tokio::test]
async fn a_gate_that_is_warm_reads_nothing_and_writes_once() {
    let puts = puts(12);
    let bucket = Bucket::new();
    let gate = bucket.gate();
    let mut tags = Tags::default();
    for (nth, put) in puts.iter().enumerate() {
        let answer = send(&gate, &tags.request(put)).await;
        assert_eq!(answer.status, 201);
        tags.learn(put, answer.tag.as_deref());
        assert_eq!(bucket.store.reads_and_writes(), (0, nth + 1), "{}", put.key);
    }
    // One that is not reads each session's header once.
    let cold = bucket.gate();
    for _ in 0..3 {
        let part = puts.iter().find(|put| is_part(put)).unwrap();
        assert_eq!(send(&cold, &tags.request(part)).await.status, 200);
    }
    let reads_of_the_part = 3;
    assert_eq!(bucket.store.reads_and_writes().0, 1 + reads_of_the_part);
}

#[tokio::test]
async fn twice_in_any_order_and_through_two_gates_changes_nothing() {
    let puts = puts(12);
    let (checkpoints, mut creates): (Vec<_>, Vec<_>) =
        puts.iter().cloned().partition(|put| matches!(put.mode, PutMode::Swap(_)));
    let bucket = Bucket::new();
    let gates = [bucket.gate(), bucket.gate()];
    assert_eq!(send(&gates[0], &record("none", BROADCAST.1)).await.status, 201);
    // The last first, each twice at the same time; what comes before its header is sent again later.
    creates.reverse();
    let tags = Tags::default();
    let mut rounds = 0;
    while !creates.is_empty() {
        let mut left = Vec::new();
        for put in creates {
            let request = tags.request(&put);
            let (a, b) = tokio::join!(send(&gates[0], &request), send(&gates[1], &request));
            match (a.status, b.status) {
                (201, 200) | (200, 201) => {}
                (412, 412) => left.push(put),
                other => panic!("{}: {other:?} {:?}", put.key, a.content),
            }
        }
        creates = left;
        rounds += 1;
    }
    assert_eq!(rounds, 2, "parts wait for headers, and for nothing else");
    play(&checkpoints, |_| bucket.gate()).await;
    assert_eq!(everything(&bucket.store).await, written(&puts).await);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_changes_nothing() {
    let puts = puts(6);
    let bucket = Bucket::new();
    let gate = bucket.gate();
    let tags = Tags::default();
    let part = tags.request(puts.iter().find(|put| is_part(put)).unwrap());
    assert_eq!(send(&gate, &part).await.status, 412, "its header is not there");
    play(&puts, |_| bucket.gate()).await;
    let before = everything(&bucket.store).await;

    let marker = PutRequest { meta: r#"{"marker":"ended"}"#.to_owned(), body: Bytes::new(), ..part.clone() };
    let answer = send(&gate, &marker).await;
    assert_eq!((answer.status, answer.meta.as_deref()), (409, Some(part.meta.as_str())));
    assert!(answer.tag.is_some());
    let gap = puts.iter().find(|put| is_part(put) && put.body.is_empty()).unwrap();
    let in_its_place = PutRequest { path: path(&gap.key), ..part.clone() };
    assert_eq!(send(&gate, &in_its_place).await.status, 400, "it does not start there");
    let begin = puts.iter().find(|put| put.key.ends_with("begin.json")).unwrap();
    let other = String::from_utf8(begin.body.concat()).unwrap().replace("\"period\":0", "\"period\":7");
    let answer = send(&gate, &PutRequest { body: other.into(), ..tags.request(begin) }).await;
    assert_eq!(answer.status, 409);
    let head = puts.iter().find(|put| put.key.ends_with("head.json")).unwrap();
    let stale = PutRequest { condition: "\"stale\"".to_owned(), ..tags.request(head) };
    let answer = send(&gate, &stale).await;
    let current = bucket.store.store.stat(&head.key).await.unwrap().unwrap().etag.0;
    assert_eq!((answer.status, answer.tag), (412, Some(current)));
    assert_eq!(everything(&bucket.store).await, before);
}

#[tokio::test]
async fn what_is_stored_can_be_read() {
    let puts = puts(6);
    let bucket = Bucket::new();
    let gate = bucket.gate();
    play(&puts, |_| bucket.gate()).await;
    for put in puts.iter().filter(|put| put.mode == PutMode::Create) {
        let answer = read(&gate, "GET", &path(&put.key)).await;
        assert_eq!((answer.status, answer.meta.clone().unwrap_or_default()), (200, put.meta.clone()));
        assert_eq!(answer.content.clone().bytes(), put.body.concat(), "{}", put.key);
        let head = read(&gate, "HEAD", &path(&put.key)).await;
        assert_eq!((head.status, &head.meta, &head.tag), (200, &answer.meta, &answer.tag));
        assert_eq!(head.size_bytes, Some(put.body.concat().len() as u64));
    }
    let names = async |path: &str| match read(&gate, "GET", path).await.content {
        Content::Json(json) => serde_json::from_slice::<Vec<String>>(&json).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(names("/ingest/show/-/").await, ["g"]);
    assert_eq!(names("/ingest/show/-/g/").await, bucket.store.store.list("show/g/").await.unwrap());
    assert_eq!(names("/ingest/none/-/").await, [""; 0]);
    assert_eq!(read(&gate, "GET", "/ingest/show/-/broadcast.json").await.status, 404);
    assert_eq!(read(&gate, "HEAD", "/ingest/show/-/broadcast.json").await.status, 404);
}

#[tokio::test]
async fn encoders_add_to_the_record_and_operators_change_it() {
    let bucket = Bucket::new();
    let gate = bucket.gate();
    let created = send(&gate, &record("none", BROADCAST.1)).await;
    let tag = created.tag.clone().unwrap();
    let again = send(&gate, &record("none", BROADCAST.1)).await;
    assert_eq!((created.status, again.status, again.tag.as_ref()), (201, 200, Some(&tag)));
    assert_eq!(send(&gate, &record("none", r#"{"generation":"h"}"#)).await.status, 409);

    // The operator says how it is shown, meanwhile.
    let set = Bytes::from_static(br#"{"generation":"g","captions":"none"}"#);
    let expected = ETag(tag.clone());
    let Swapped::Done(set) =
        bucket.store.swap("show/broadcast.json", Some(&expected), "", &[set]).await.unwrap()
    else {
        panic!("it is as it was")
    };
    let english = r#"{"generation":"g","described":{"audio-1":{"language":"en"}}}"#;
    let late = send(&gate, &record(&tag, english)).await;
    assert_eq!((late.status, late.tag.as_ref()), (412, Some(&set.0)));
    let learned = send(&gate, &record(&set.0, english)).await;
    assert_eq!(learned.status, 201);
    let stored = bucket.store.get("show/broadcast.json").await.unwrap().unwrap();
    assert_eq!(
        stored.body,
        r#"{"generation":"g","captions":"none","described":{"audio-1":{"language":"en"}}}"#
    );
    assert_eq!(learned.tag, Some(stored.etag.0.clone()));
    let known = send(&gate, &record(&stored.etag.0, english)).await;
    assert_eq!((known.status, known.tag), (200, Some(stored.etag.0.clone())));
    let other = english.replace("\"g\"", "\"h\"");
    assert_eq!(send(&gate, &record(&stored.etag.0, &other)).await.status, 400);
    assert_eq!(send(&gate, &record("\"1\"", "{}")).await.status, 400);
}
