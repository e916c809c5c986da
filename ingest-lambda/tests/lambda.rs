//! The function as it runs in Lambda, before a bucket: `cargo xtask test` runs these, which need cargo-lambda and
//! SeaweedFS.

mod common;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::{Objects, everything, written};
use ingest_lambda::store::{S3Settings, S3Store};
use packager_core::ingest::{Put, PutMode};
use rimcast_tests::live::{Fetched, Host as _, Lambda, SeaweedFs, request, wait_for};
use rimcast_tests::puts::{BROADCAST, PutRequest, Tags, puts};

const KEY: &str = "sesame-of-push";

struct World {
    lambda: Lambda,
    bucket: SeaweedFs,
}

impl World {
    fn new(instances: usize) -> Self {
        let bucket = SeaweedFs::start();
        let lambda = start(&bucket.environment(), instances);
        let world = Self { lambda, bucket };
        assert_eq!(world.put(&record()).status, 201);
        world
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Fetched {
        request(method, &self.lambda.url(path), headers, body).expect("it answers")
    }

    fn put(&self, put: &PutRequest) -> Fetched {
        let mut headers =
            vec![("rimcast-key", KEY), ("rimcast-if", &put.condition), ("content-type", put.content_type)];
        if !put.meta.is_empty() {
            headers.push(("rimcast-meta", &put.meta));
        }
        self.ask("PUT", &put.path, &headers, &put.body)
    }

    /// Sends what is swapped, one after the other.
    fn swap_all(&self, puts: &[Put]) {
        let mut tags = Tags::default();
        for put in puts {
            let answer = self.put(&tags.request(put));
            assert_eq!(answer.status, 201, "{}: {}", put.key, answer.text());
            tags.learn(put, answer.headers.get("rimcast-tag").map(String::as_str));
        }
    }

    /// Sends the puts, eight at a time, each so many times at once; what comes before its header is sent again.
    fn create_all(&self, mut puts: Vec<Put>, copies: usize) {
        while !puts.is_empty() {
            let (next, early) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
            std::thread::scope(|scope| {
                for _ in 0..8 / copies {
                    scope.spawn(|| {
                        while let Some(put) = puts.get(next.fetch_add(1, Ordering::Relaxed)) {
                            if !self.create(put, copies) {
                                early.lock().unwrap().push(put.clone());
                            }
                        }
                    });
                }
            });
            let early = early.into_inner().unwrap();
            assert!(early.len() < puts.len(), "headers wait for nothing");
            puts = early;
        }
    }

    /// Whether it is stored now; its header is not there yet otherwise.
    fn create(&self, put: &Put, copies: usize) -> bool {
        let request = Tags::default().request(put);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let sent: Vec<_> = (0..copies).map(|_| scope.spawn(|| self.put(&request).status)).collect();
            sent.into_iter().map(|sent| sent.join().unwrap()).collect()
        });
        let count = |of: u16| statuses.iter().filter(|status| **status == of).count();
        assert_eq!(count(201) + count(200) + count(412), copies, "{}: {statuses:?}", put.key);
        assert!(count(201) <= 1, "{}: {statuses:?}", put.key);
        count(412) == 0
    }

    fn stored(&self) -> Objects {
        let environment = self.bucket.environment();
        let settings = S3Settings::from_env(|name| {
            environment.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone())
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(everything(&S3Store::new(&settings.unwrap())))
    }
}

fn start(environment: &[(&str, String)], instances: usize) -> Lambda {
    let mut all = environment.to_vec();
    all.push(("RIMCAST_PUSH_KEY", KEY.to_owned()));
    Lambda::start(Path::new(env!("CARGO_BIN_EXE_ingest")), &all, instances)
}

fn record() -> PutRequest {
    PutRequest {
        path: "/ingest/show/-/broadcast.json".to_owned(),
        condition: "none".to_owned(),
        meta: String::new(),
        content_type: "application/json",
        body: Bytes::from_static(BROADCAST.1.as_bytes()),
    }
}

fn folder_of(puts: &[Put]) -> Objects {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(written(puts))
}

#[test]
#[ignore = "needs cargo-lambda and SeaweedFS"]
fn a_broadcast_ends_in_the_objects_that_serve_makes() {
    let puts = puts(30);
    let expected = folder_of(&puts);
    let world = World::new(2);
    world.swap_all(&puts);
    assert_eq!(world.stored(), expected);

    // All of it delivered again changes nothing: but for checkpoints, which have gone on.
    let (checkpoints, creates): (Vec<_>, Vec<_>) =
        puts.iter().cloned().partition(|put| matches!(put.mode, PutMode::Swap(_)));
    world.create_all(creates, 1);
    let stale = world
        .put(&PutRequest { condition: "\"stale\"".to_owned(), ..Tags::default().request(&checkpoints[0]) });
    assert_eq!(stale.status, 412);
    assert!(stale.headers.contains_key("rimcast-tag"));
    assert_eq!(world.stored(), expected);
    what_is_stored_can_be_read(&world, &puts);
    what_does_not_fit_is_refused(&world, &puts);
    assert_eq!(world.stored(), expected);
    for log in world.lambda.logs() {
        assert!(!log.contains(KEY) && !log.contains("sesame"), "{log}");
        assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
    }
}

/// In no order, each twice at the same moment, eight at a time, to four instances.
#[test]
#[ignore = "needs cargo-lambda and SeaweedFS"]
fn no_order_and_no_number_of_instances_makes_a_difference() {
    let puts = puts(12);
    let (checkpoints, mut creates): (Vec<_>, Vec<_>) =
        puts.iter().cloned().partition(|put| matches!(put.mode, PutMode::Swap(_)));
    let world = World::new(4);
    creates.reverse();
    world.create_all(creates, 2);
    world.swap_all(&checkpoints);
    assert_eq!(world.stored(), folder_of(&puts));
}

fn part(puts: &[Put]) -> PutRequest {
    let part = puts.iter().find(|put| put.key.ends_with(".m4s") && !put.body.is_empty()).unwrap();
    Tags::default().request(part)
}

fn what_is_stored_can_be_read(world: &World, puts: &[Put]) {
    let part = part(puts);
    let key = [("rimcast-key", KEY)];
    let got = world.ask("GET", &part.path, &key, &[]);
    assert_eq!((got.status, &got.body[..]), (200, &part.body[..]));
    assert_eq!(
        (&got.headers["rimcast-meta"], got.headers["content-type"].as_str()),
        (&part.meta, "video/mp4")
    );
    let head = world.ask("HEAD", &part.path, &key, &[]);
    assert_eq!((head.status, &head.headers["rimcast-tag"]), (200, &got.headers["rimcast-tag"]));
    assert_eq!(head.headers["rimcast-size"], part.body.len().to_string());
    let listed = world.ask("GET", "/ingest/show/-/g/", &key, &[]);
    assert_eq!((listed.status, listed.text().as_str()), (200, r#"["audio","periods","video"]"#));
    assert_eq!(world.ask("GET", "/ingest/show/-/g/video/s/init.mp4", &key, &[]).status, 404);
}

fn what_does_not_fit_is_refused(world: &World, puts: &[Put]) {
    let part = part(puts);
    let marker = PutRequest { meta: r#"{"marker":"ended"}"#.to_owned(), body: Bytes::new(), ..part.clone() };
    let answer = world.put(&marker);
    assert_eq!((answer.status, &answer.headers["rimcast-meta"]), (409, &part.meta));
    assert!(
        answer.headers.contains_key("rimcast-tag") && answer.text().contains("another part"),
        "{answer:?}"
    );

    let mut segments: Vec<&str> = part.path.split('/').collect();
    segments[6] = "othersession";
    let answer = world.put(&PutRequest { path: segments.join("/"), ..part.clone() });
    assert_eq!(answer.status, 412, "{}", answer.text());
    let answer = world.put(&PutRequest { body: part.body.slice(1..), ..part.clone() });
    assert_eq!(answer.status, 400, "{}", answer.text());

    for (length, status) in [(4_400_000, 400), (4_400_001, 413)] {
        let answer = world.put(&PutRequest { body: vec![0; length].into(), ..part.clone() });
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    // Lambda takes what it does not know for text.
    let answer = world.put(&PutRequest { content_type: "text/plain", body: "moof".into(), ..part.clone() });
    assert!(answer.status == 400 && answer.text().contains("send Content-Type: video/mp4"), "{answer:?}");

    for (key, status) in [("sesame", 403), ("sesame-of-pusH", 403)] {
        assert_eq!(world.ask("GET", &part.path, &[("rimcast-key", key)], &[]).status, status);
    }
    assert_eq!(world.ask("GET", &part.path, &[], &[]).status, 401);
    let bearer = format!("Bearer {KEY}");
    assert_eq!(world.ask("GET", &part.path, &[("authorization", &bearer)], &[]).status, 200);
}

/// ffmpeg as people run it, which is told what to run instead.
#[test]
#[ignore = "needs cargo-lambda, SeaweedFS and ffmpeg"]
fn an_ordinary_encoder_is_told_to_use_push() {
    let world = World::new(2);
    let url = world.lambda.url(&format!("/ingest/key={KEY}/show/manifest.mpd"));
    let ffmpeg = std::process::Command::new("ffmpeg")
        .args(["-loglevel", "warning", "-f", "lavfi", "-i", "testsrc=d=1:r=25:s=160x90", "-c:v", "libx264"])
        // cargo-lambda, unlike Lambda, passes on nothing of who has gone, nor bytes that may be text.
        .args(["-f", "dash", "-method", "PUT", "-http_persistent", "1"])
        .args(["-http_opts", "content_type=video/mp4", &url])
        .stdin(std::process::Stdio::null())
        .output()
        .expect("ffmpeg is installed");
    // Its DASH muxer reads no answers: that it is refused is in the log.
    assert!(ffmpeg.status.success(), "{}", String::from_utf8_lossy(&ffmpeg.stderr));
    wait_for("it is logged", Duration::from_secs(10), || {
        let logs = world.lambda.logs().concat();
        assert!(!logs.contains(KEY), "{logs}");
        logs.contains("takes parts from `rimcast push`").then_some(())
    });
    let answer = world.ask("PUT", "/ingest/show/init-stream0.m4s", &[("rimcast-key", KEY)], b"x");
    assert!(answer.status == 400 && answer.text().contains("/ingest/show --key KEY"), "{answer:?}");
}

/// What is wrong with its setup is said when it starts, or is asked.
#[test]
#[ignore = "needs cargo-lambda and SeaweedFS"]
fn a_wrong_setup_is_said() {
    let bucket = SeaweedFs::start();
    let mut environment = bucket.environment();
    let missing: Vec<_> = environment.iter().filter(|(name, _)| *name != "RIMCAST_BUCKET").cloned().collect();
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_ingest"))
        .env_clear()
        .envs(missing)
        .env("RIMCAST_PUSH_KEY", KEY)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(!ended.status.success() && said.contains("RIMCAST_BUCKET is not set; set it to"), "{said}");

    environment.retain(|(name, _)| *name != "AWS_SECRET_ACCESS_KEY");
    environment.push(("AWS_SECRET_ACCESS_KEY", "not-the-one".to_owned()));
    let world = World { lambda: start(&environment, 1), bucket };
    let answer = world.put(&record());
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, "1"));
    assert!(answer.text().contains("has no access to its storage"), "{}", answer.text());
    assert!(!world.lambda.logs().concat().contains("not-the-one"));
}
