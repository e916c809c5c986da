//! The S3 store before a real server: `cargo xtask test` runs these, which need SeaweedFS.

mod common {
    pub(crate) mod faults;
}

use bytes::Bytes;
use common::faults::{Fault, Faults};
use futures_util::StreamExt as _;
use ingest_lambda::store::{Created, S3Settings, S3Store, Store, StoreError, Swapped, conformance};
use rimcast_tests::live::SeaweedFs;

fn settings(server: &SeaweedFs, other: &[(&str, &str)]) -> S3Settings {
    let environment = server.environment();
    let all = environment.iter().map(|(name, value)| (*name, value.as_str()));
    let all: Vec<_> = other.iter().copied().chain(all).collect();
    S3Settings::from_env(|name| {
        all.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
    })
    .unwrap()
}

fn body(text: &'static str) -> [Bytes; 1] {
    [Bytes::from_static(text.as_bytes())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs SeaweedFS"]
async fn it_does_what_every_store_must() {
    let server = SeaweedFs::start();
    // It lets writers of one key wait for each other, for a second each. Who is asked again after a timeout does not
    // learn that it was the first.
    let patient = ("RIMCAST_S3_TIMEOUT_S", "60");
    conformance(S3Store::new(&settings(&server, &[patient]))).await;
    // And within a folder of a bucket, which then is all there is.
    let inner = S3Store::new(&settings(&server, &[patient, ("RIMCAST_PREFIX", "tv/live")]));
    conformance(inner.clone()).await;
    assert_eq!(inner.list("").await.unwrap(), ["conformance"]);
    let outer = S3Store::new(&settings(&server, &[]));
    assert_eq!(outer.list("").await.unwrap(), ["conformance", "tv"]);

    longer_listings_than_a_page(&outer).await;
    media_says_what_it_is(&server, &outer).await;
    who_may_not_is_told_so(&server).await;
}

async fn longer_listings_than_a_page(store: &S3Store) {
    let names: Vec<String> = (0..1_205).map(|n| format!("{:020}.m4s", n * 37)).collect();
    let writes =
        names.iter().map(|name| async move { store.create(&format!("long/{name}"), "x", &[]).await });
    let written: Vec<_> = futures_util::stream::iter(writes).buffer_unordered(16).collect().await;
    assert!(written.iter().all(|created| matches!(created, Ok(Created::New))));
    assert_eq!(store.list("long/").await.unwrap(), names);
}

async fn media_says_what_it_is(server: &SeaweedFs, store: &S3Store) {
    let raw =
        aws_sdk_s3::Client::from_conf(store_config(&settings(server, &[])).force_path_style(true).build());
    for (key, text, content_type, cache_control) in [
        ("show/g/v/s/00000000000000000000.m4s", "media", "video/mp4", "max-age=31536000, immutable"),
        ("show/g/v/s/init.mp4", "header", "video/mp4", "max-age=31536000, immutable"),
        ("show/g/v/s/00000000000000000001.m4s", "", "application/octet-stream", "max-age=1"),
        ("show/g/v/begin.json", "{}", "application/json", "no-store"),
    ] {
        assert!(matches!(store.swap(key, None, "said", &body(text)).await, Ok(Swapped::Done(_))));
        let head = raw.head_object().bucket("media").key(key).send().await.unwrap();
        assert_eq!(head.content_type(), Some(content_type), "{key}");
        assert_eq!(head.cache_control(), Some(cache_control), "{key}");
        assert_eq!(head.metadata().unwrap().get("rimcast").map(String::as_str), Some("said"));
    }
}

fn store_config(settings: &S3Settings) -> aws_sdk_s3::config::Builder {
    let id = settings.access_key_id.clone();
    let credentials =
        aws_sdk_s3::config::Credentials::new(id, settings.secret_access_key.clone(), None, None, "test");
    aws_sdk_s3::Config::builder()
        .credentials_provider(credentials)
        .region(aws_sdk_s3::config::Region::new("auto"))
        .endpoint_url(settings.endpoint.clone().unwrap())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
}

async fn who_may_not_is_told_so(server: &SeaweedFs) {
    for wrong in [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "nobody")] {
        let store = S3Store::new(&settings(server, &[wrong]));
        for refused in [
            store.get("a/b.json").await.map(drop),
            store.stat("a/b.json").await.map(drop),
            store.list("a/").await.map(drop),
            store.create("a/b.json", "", &body("{}")).await.map(drop),
        ] {
            assert!(matches!(refused, Err(StoreError::Forbidden { .. })), "{wrong:?}: {refused:?}");
        }
    }
    let nowhere = S3Store::new(&settings(server, &[("RIMCAST_BUCKET", "nowhere")]));
    for unavailable in [nowhere.get("a/b.json").await.map(drop), nowhere.create("a", "", &[]).await.map(drop)]
    {
        let why = unavailable.unwrap_err().to_string();
        assert!(why.contains("NoSuchBucket"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs SeaweedFS"]
async fn what_goes_wrong_for_a_moment_is_tried_again() {
    let server = SeaweedFs::start();
    let faults = Faults::before(server.port()).await;
    for (nth, fault) in [Fault::SlowDown, Fault::Internal, Fault::Closed, Fault::AnswerLost, Fault::Silent]
        .into_iter()
        .enumerate()
    {
        // No connection is left over from before.
        let store = S3Store::new(&settings(&server, &[("RIMCAST_S3_ENDPOINT", &faults.endpoint())]));
        let key = format!("faults/{nth}.m4s");
        faults.plan(&[fault]);
        let created = store.create(&key, "said", &body("media")).await.unwrap();
        // Whose answer was lost finds what it wrote.
        let expected = if fault == Fault::AnswerLost { Created::Exists } else { Created::New };
        assert_eq!((created, faults.left()), (expected, 0), "{fault:?}");
        let there = store.get(&key).await.unwrap().unwrap();
        assert_eq!((there.meta.as_str(), &there.body[..]), ("said", &b"media"[..]));
    }
    // More than it is tried: it is said what was wrong, and nothing is there.
    let store = S3Store::new(&settings(&server, &[("RIMCAST_S3_ENDPOINT", &faults.endpoint())]));
    faults.plan(&[Fault::Internal; 5]);
    let why = store.create("faults/never.m4s", "", &body("media")).await.unwrap_err();
    assert!(why.is_transient() && why.to_string().contains("it answered 500"), "{why}");
    assert_eq!((faults.left(), store.stat("faults/never.m4s").await.unwrap()), (0, None));
    let gone = S3Store::new(&settings(&server, &[("RIMCAST_S3_ENDPOINT", "http://127.0.0.1:1")]));
    let why = gone.get("a/b").await.unwrap_err();
    assert!(why.is_transient() && why.to_string().contains("refused"), "{why}");
    assert!(!why.to_string().contains("sesame"), "{why}");
}
