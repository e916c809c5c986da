//! Operators and encoders at one broadcast: what the one does, and what becomes of the other, on a clock that stands
//! still until it is set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};

use bytes::Bytes;
use ingest_lambda::store::{FolderStore, Store};
use ingest_lambda::{Asked, Gate, Ingest, Operator, Runtime, Upload};
use packager_core::edge::{Asked as AskedBy, Body, Edge, Method, Request as Viewer, Step};
use packager_core::ingest::{KeyHash, Pusher, Settings, gate};
use packager_core::log::{FetchKind, Found};
use packager_core::operator::{Answer, Deployment, Request};
use packager_core::time::WallMs;
use rimcast_tests::media::{Source, Synthetic};
use serde_json::Value;

/// Each test has a clock of its own: tests run at once, and a runtime has no state.
macro_rules! clock {
    () => {
        static NOW: AtomicI64 = AtomicI64::new(1_800_000_000_000);

        struct Clock;

        impl Runtime for Clock {
            fn now() -> WallMs {
                WallMs(NOW.load(Ordering::SeqCst))
            }

            fn sleep(ms: u64) -> impl Future<Output = ()> + Send {
                tokio::time::sleep(std::time::Duration::from_millis(ms))
            }

            fn spawn(task: impl Future<Output = ()> + Send + 'static) {
                tokio::spawn(task);
            }
        }

        #[allow(dead_code, reason = "not every test lets time pass")]
        fn pass(ms: i64) {
            NOW.fetch_add(ms, Ordering::SeqCst);
        }
    };
}

#[path = "operator/clips.rs"]
mod clips;
#[path = "operator/expired.rs"]
mod expired;

struct World<R> {
    store: FolderStore,
    operator: Operator<FolderStore, (), R>,
    ingest: Ingest<FolderStore, (), R>,
    gate: Gate<FolderStore>,
    random: AtomicU8,
    _folder: tempfile::TempDir,
}

impl<R: Runtime> World<R> {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        let random = Arc::new(AtomicU64::new(1));
        Self {
            operator: Operator::new(store.clone(), (), Settings::default(), 2),
            ingest: Ingest::new(store.clone(), (), Settings::default(), move || {
                random.fetch_add(1, Ordering::Relaxed)
            }),
            gate: Gate::new(store.clone()),
            random: AtomicU8::new(1),
            store,
            _folder: folder,
        }
    }

    async fn ask(&self, method: &str, path: &str, body: &str, if_match: Option<&str>) -> Answer {
        let asked = Asked {
            request: Request::parse(method, path, "").unwrap(),
            if_match,
            body: body.as_bytes(),
            random: [self.random.fetch_add(1, Ordering::Relaxed); 32],
            deployment: Deployment::new("http://127.0.0.1:8080", &Settings::default()),
        };
        self.operator.answer(&asked).await
    }

    /// Asks for what is done, and gives what was told.
    async fn done(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.ask(method, path, body, None).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Creates the broadcast, and gives its key.
    async fn create(&self, fields: &str) -> Pusher {
        let told = self.done("POST", "broadcasts", &format!(r#"{{"name":"show"{fields}}}"#)).await;
        pusher(&told)
    }

    async fn push(&self, path: &str, body: &[u8], pusher: &Pusher) -> Result<(), (u16, String)> {
        let refused = |refusal: packager_core::ingest::Refusal| (refusal.status(), refusal.to_string());
        let mut upload = self.ingest.open(path, pusher).await.map_err(refused)?;
        upload.push(Bytes::copy_from_slice(body)).await.map_err(refused)?;
        upload.finish(true).await.map_err(refused)
    }

    /// The keys of all that is stored of media.
    async fn media(&self) -> Vec<String> {
        let mut keys = self.store.keys("show/").await.unwrap();
        keys.retain(|key| key.ends_with(".m4s"));
        keys.sort_unstable();
        keys
    }

    /// What a viewer who comes now is answered.
    async fn viewer(&self, path: &str) -> (u16, String) {
        let mut edge = Edge::new(false);
        let request = Viewer { method: Method::Get, path, query: "" };
        loop {
            let now = R::now();
            match edge.handle(&request, AskedBy::at(now), now) {
                Step::Respond(response) => {
                    let Body::Text(text) = &response.body else { return (response.status, String::new()) };
                    return (response.status, String::from_utf8_lossy(&text.plain).into_owned());
                }
                Step::Wait(_) => return (0, "held".to_owned()),
                Step::Write(due) => {
                    let written = ingest_lambda::store::write(&self.store, &due).await;
                    edge.wrote(&due, &written, now);
                }
                Step::Fetch(fetches) => {
                    for fetch in fetches {
                        let found = match fetch.kind {
                            FetchKind::List => Found::Names(self.store.list(&fetch.key).await.unwrap()),
                            kind => ingest_lambda::store::find(&self.store, &fetch.key, kind).await.unwrap(),
                        };
                        edge.absorb(&fetch, &found, now);
                    }
                }
            }
        }
    }
}

fn pusher(told: &Value) -> Pusher {
    Pusher::Own(KeyHash::of(told["key"]["secret"].as_str().unwrap().as_bytes()))
}

/// A body that is coming in: header first, then chunk by chunk.
struct Push<'a> {
    upload: Upload,
    source: &'a Source,
    sent: usize,
}

impl<'a> Push<'a> {
    async fn open<R: Runtime>(world: &World<R>, file: &str, source: &'a Source, pusher: &Pusher) -> Self {
        let mut upload = world.ingest.open(&format!("show/{file}"), pusher).await.unwrap();
        upload.push(source.header.clone()).await.unwrap();
        Self { upload, source, sent: 0 }
    }

    async fn send(&mut self, chunks: usize) -> Result<(), (u16, String)> {
        for chunk in &self.source.chunks[self.sent..][..chunks] {
            let pushed = self.upload.push(chunk.body().concat().into()).await;
            pushed.map_err(|refusal| (refusal.status(), refusal.to_string()))?;
            self.sent += 1;
        }
        Ok(())
    }
}

fn source(audio: bool) -> Source {
    Source::synthetic(&Synthetic { audio, seconds: 40, frame_bytes: 20, ..Synthetic::default() })
}

/// Waits until a viewer is answered so.
async fn until<R: Runtime>(world: &World<R>, path: &str, is_so: impl Fn(u16, &str) -> bool) -> String {
    for _ in 0..500 {
        let (status, text) = world.viewer(path).await;
        if is_so(status, &text) {
            return text;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{path} is answered {:?}", world.viewer(path).await)
}

/// Paths of all media playlists.
async fn playlists<R: Runtime>(world: &World<R>) -> Vec<String> {
    let main =
        until(world, "/show/index.m3u8", |status, text| status == 200 && text.contains("TYPE=AUDIO")).await;
    let lines = main.lines().filter_map(|line| match line.split_once("URI=\"") {
        Some((_, rest)) => rest.split('"').next(),
        None => Some(line).filter(|line| !line.starts_with('#') && !line.is_empty()),
    });
    lines.map(|uri| format!("/show/{uri}")).collect()
}

#[tokio::test]
async fn an_end_reaches_viewers_at_once_and_encoders_too() {
    clock!();
    let world: World<Clock> = World::new();
    let own = world.create(r#","title":"Cup""#).await;
    let (video, audio) = (source(false), source(true));
    let mut pictures = Push::open(&world, "video.cmfv", &video, &own).await;
    let mut sound = Push::open(&world, "audio.cmfa", &audio, &own).await;
    pictures.send(30).await.unwrap();
    sound.send(30).await.unwrap();
    for playlist in playlists(&world).await {
        let live = until(&world, &playlist, |status, _| status == 200).await;
        assert!(!live.contains("#EXT-X-ENDLIST"), "{live}");
    }
    assert!(world.viewer("/show/manifest.mpd").await.1.contains(r#"type="dynamic""#));

    let ended = world.done("POST", "broadcasts/show/end", r#"{"reason":"rain"}"#).await;
    assert_eq!((&ended["state"], &ended["ended"]["reason"]), (&"ended".into(), &"rain".into()));
    for playlist in playlists(&world).await {
        let (status, text) = world.viewer(&playlist).await;
        assert!(status == 200 && text.contains("#EXT-X-ENDLIST"), "{playlist}: {text}");
    }
    assert!(world.viewer("/show/manifest.mpd").await.1.contains(r#"type="static""#));

    // Its encoder goes on; the marker is in its way.
    let before = world.media().await;
    for body in [&mut pictures, &mut sound] {
        body.send(8).await.ok();
    }
    let refusal = pictures.upload.finish(true).await.unwrap_err();
    assert_eq!(refusal.status(), 409, "{refusal}");
    // And within five seconds it is told why.
    pass(5_000);
    let (status, why) = sound.send(1).await.unwrap_err();
    assert!(status == 409 && why.contains("(rain)"), "{status} {why}");
    let (status, why) = world.push("show/video.cmfv", &video.header, &own).await.unwrap_err();
    assert!(status == 409 && why.contains("(rain)"), "{status} {why}");
    assert_eq!(world.push("show/video.cmfv", &video.header, &Pusher::Any).await.unwrap_err().0, 409);
    assert_eq!(world.media().await, before);
    // To end it again changes nothing.
    assert_eq!(world.done("POST", "broadcasts/show/end", "").await["ended"], ended["ended"]);
}

#[tokio::test]
async fn a_track_that_begins_while_a_broadcast_ends_is_closed_too() {
    clock!();
    let world: World<Clock> = World::new();
    let own = world.create("").await;
    let (video, audio) = (source(false), source(true));
    let mut pictures = Push::open(&world, "video.cmfv", &video, &own).await;
    pictures.send(30).await.unwrap();
    until(&world, "/show/index.m3u8", |status, _| status == 200).await;
    world.done("POST", "broadcasts/show/end", "").await;
    // Who receives has not read it yet.
    let mut sound = Push::open(&world, "audio.cmfa", &audio, &own).await;
    sound.send(30).await.unwrap();
    pass(5_000);
    assert_eq!(sound.send(1).await.unwrap_err().0, 409);
    for playlist in playlists(&world).await {
        until(&world, &playlist, |status, text| status == 200 && text.contains("#EXT-X-ENDLIST")).await;
    }
}

#[tokio::test]
async fn a_key_is_changed_while_a_push_goes_on() {
    clock!();
    let world: World<Clock> = World::new();
    let first = world.create("").await;
    let (video, audio) = (source(false), source(true));
    let mut old = Push::open(&world, "video.cmfv", &video, &first).await;
    old.send(8).await.unwrap();
    let second = pusher(&world.done("POST", "broadcasts/show/keys", r#"{"grace_s":60}"#).await);
    // The new key works at once, beside the old one.
    let mut new = Push::open(&world, "audio.cmfa", &audio, &second).await;
    for _ in 0..3 {
        pass(5_000);
        old.send(2).await.unwrap();
        new.send(2).await.unwrap();
    }
    // Then the old one's time is over, and the push that was begun with it is, too.
    pass(50_000);
    let (status, why) = old.send(1).await.unwrap_err();
    assert!(status == 403 && why.contains("wrong"), "{status} {why}");
    new.send(2).await.unwrap();
    assert_eq!(world.push("show/video.cmfv", &video.header, &first).await.unwrap_err().0, 403);
    // A key that others know is taken back at once.
    let third = pusher(&world.done("POST", "broadcasts/show/keys", r#"{"grace_s":0}"#).await);
    pass(5_000);
    assert_eq!(new.send(1).await.unwrap_err().0, 403);
    world.push("show/video.cmfv", &video.header, &third).await.unwrap();
    // A broadcast's key is for that broadcast.
    assert_eq!(world.push("other/video.cmfv", &video.header, &third).await.unwrap_err().0, 404);
    assert_eq!(world.store.get("other/broadcast.json").await.unwrap(), None);
    world.push("other/video.cmfv", &video.header, &Pusher::Any).await.unwrap();
}

#[tokio::test]
async fn pushes_are_taken_from_a_while_before_until_a_while_after() {
    clock!();
    let world: World<Clock> = World::new();
    // Now is 2027-01-15T08:00:00Z.
    let times = r#","start":"2027-01-15T09:00:00Z","end":"2027-01-15T10:00:00Z","early_s":1800,"late_s":60"#;
    let own = world.create(times).await;
    let video = source(false);
    let (status, why) = world.push("show/video.cmfv", &video.header, &own).await.unwrap_err();
    assert!(status == 409 && why.contains("from 2027-01-15T08:30:00Z on"), "{why}");
    pass(1_800_000);
    let mut body = Push::open(&world, "video.cmfv", &video, &own).await;
    body.send(8).await.unwrap();
    pass(5_459_000);
    body.send(1).await.unwrap();
    pass(5_000);
    let (status, why) = body.send(1).await.unwrap_err();
    assert!(status == 409 && why.contains("until 2027-01-15T10:01:00Z"), "{why}");
    assert_eq!(world.done("GET", "broadcasts/show", "").await["state"], "over");
    // The operator may change their mind.
    world.done("PATCH", "broadcasts/show", r#"{"late_s":3600}"#).await;
    world.push("show/video.cmfv", &video.header, &own).await.unwrap();
}

#[tokio::test]
async fn of_two_operators_at_once_one_wins_and_the_other_is_told() {
    clock!();
    let world: World<Clock> = World::new();
    world.create("").await;
    let etag = world.ask("GET", "broadcasts/show", "", None).await.etag.unwrap();
    let patch = |title: &'static str| {
        let (etag, world) = (etag.clone(), &world);
        async move {
            world.ask("PATCH", "broadcasts/show", &format!(r#"{{"title":"{title}"}}"#), Some(&etag)).await
        }
    };
    let (one, other) = tokio::join!(patch("one"), patch("other"));
    let (won, lost) = if one.status == 200 { (one, other) } else { (other, one) };
    let (told, problem): (Value, Value) =
        (serde_json::from_str(&won.body).unwrap(), serde_json::from_str(&lost.body).unwrap());
    assert_eq!((won.status, lost.status, lost.content_type), (200, 412, "application/problem+json"));
    assert_eq!(problem["current"]["title"], told["title"]);
    assert_eq!(problem["status"], 412);
    for (method, path) in [("DELETE", "broadcasts/show"), ("PATCH", "broadcasts/show")] {
        assert_eq!(world.ask(method, path, "{}", Some(&etag)).await.status, 412);
    }
    assert_eq!(
        world.ask("PATCH", "broadcasts/show", r#"{"title":null}"#, won.etag.as_deref()).await.status,
        200
    );
    // Without a condition both are done, one after the other.
    let free = |body: &'static str| world.ask("PATCH", "broadcasts/show", body, None);
    let both = tokio::join!(free(r#"{"title":"a"}"#), free(r#"{"retention_days":3}"#));
    assert_eq!((both.0.status, both.1.status), (200, 200));
    let told = world.done("GET", "broadcasts/show", "").await;
    assert_eq!((&told["title"], &told["retention_days"]), (&"a".into(), &3.into()));
}

#[tokio::test]
async fn how_media_is_cut_is_the_documents_and_then_fixed() {
    clock!();
    let world: World<Clock> = World::new();
    let own = world.create(r#","segment_ms":4000,"part_ms":1000,"window_s":"all""#).await;
    world.done("PATCH", "broadcasts/show", r#"{"part_ms":250}"#).await;
    let video = source(false);
    let mut body = Push::open(&world, "video.cmfv", &video, &own).await;
    body.send(30).await.unwrap();
    until(&world, "/show/index.m3u8", |status, _| status == 200).await;
    let generation =
        world.done("GET", "broadcasts/show", "").await["generation"].as_str().unwrap().to_owned();
    let record = world.store.get(&format!("show/{generation}/periods/000000.json")).await.unwrap().unwrap();
    let record: Value = serde_json::from_slice(&record.body).unwrap();
    let shape = &record["shape"];
    assert_eq!(
        (&shape["segment_ms"], &shape["part_ms"], &shape["window_ms"]),
        (&4000.into(), &250.into(), &u32::MAX.into())
    );
    let answer = world.ask("PATCH", "broadcasts/show", r#"{"segment_ms":2000}"#, None).await;
    assert!(answer.status == 409 && answer.body.contains("segment_ms was fixed"), "{}", answer.body);
}

#[tokio::test]
async fn what_is_deleted_and_created_again_is_another() {
    clock!();
    let world: World<Clock> = World::new();
    let old = world.create("").await;
    let video = source(false);
    let mut body = Push::open(&world, "video.cmfv", &video, &old).await;
    body.send(30).await.unwrap();
    let main = until(&world, "/show/index.m3u8", |status, _| status == 200).await;
    let playlist = format!("/show/{}", main.lines().find(|line| !line.starts_with('#')).unwrap());
    assert_eq!(world.viewer(&playlist).await.0, 200);

    // More than is deleted with one request.
    let generation =
        world.done("GET", "broadcasts/show", "").await["generation"].as_str().unwrap().to_owned();
    for number in 0..2100 {
        let key = format!("show/{generation}/more/s/{number:020}.m4s");
        world.store.create(&key, "", &[]).await.unwrap();
    }
    let answer = world.ask("DELETE", "broadcasts/show", "", None).await;
    let left: Value = serde_json::from_str(&answer.body).unwrap();
    assert!(answer.status == 202 && left["left_objects"].as_u64().unwrap() > 0, "{}", answer.body);
    // From now on nobody finds it, and nobody gets in between.
    assert_eq!(world.viewer("/show/index.m3u8").await.0, 404);
    assert_eq!(world.ask("POST", "broadcasts", r#"{"name":"show"}"#, None).await.status, 409);
    assert_eq!(world.ask("GET", "broadcasts/show", "", None).await.status, 409);
    assert_eq!(world.ask("DELETE", "broadcasts/show", "", None).await.status, 202);
    // Its encoder has not been told yet. What it sends goes, too, before the name is free.
    body.send(8).await.unwrap();
    while world.media().await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    pass(5_000);
    assert_eq!(body.send(1).await.unwrap_err().0, 409);
    assert_eq!(world.push("show/x.cmfv", &video.header, &old).await.unwrap_err().0, 403);
    assert_eq!(world.done("DELETE", "broadcasts/show", "").await["left_objects"], 0);
    assert_eq!(world.store.list("").await.unwrap(), [""; 0]);
    assert_eq!(world.ask("DELETE", "broadcasts/show", "", None).await.status, 404);

    let new = world.create("").await;
    assert_ne!(world.done("GET", "broadcasts/show", "").await["generation"], generation.as_str());
    assert_eq!(world.push("show/video.cmfv", &video.header, &old).await.unwrap_err().0, 403);
    let mut body = Push::open(&world, "video.cmfv", &video, &new).await;
    body.send(30).await.unwrap();
    let again = until(&world, "/show/index.m3u8", |status, _| status == 200).await;
    assert!(!again.contains(&generation), "{again}");
    assert_eq!(world.viewer(&playlist).await.0, 404);
}

#[tokio::test]
async fn who_pushes_objects_is_held_to_the_document() {
    clock!();
    let world: World<Clock> = World::new();
    let ask = async |method: &str, path: &str, body: &str, pusher: &Pusher| {
        let headers = gate::Headers { condition: Some("none"), meta: None };
        let request = gate::Request::parse(method, path, &headers).unwrap();
        match world.gate.admit(&request, pusher, Clock::now()).await {
            Ok(()) => world.gate.answer(request, Bytes::copy_from_slice(body.as_bytes())).await,
            Err(answer) => answer,
        }
    };
    let stranger = Pusher::Own(KeyHash::of(b"x"));
    const RECORD: &str = "show/-/broadcast.json";
    let own = {
        let answer = ask("PUT", RECORD, r#"{"generation":"g"}"#, &stranger).await;
        assert_eq!((answer.status, answer.is_denied), (404, true));
        world.create(r#","title":"Cup""#).await
    };
    assert_eq!(ask("GET", RECORD, "", &stranger).await.status, 403);
    let read = ask("GET", RECORD, "", &own).await;
    let shown = String::from_utf8(read.content.bytes().to_vec()).unwrap();
    assert!(shown.contains("Cup") && !shown.contains("sha256"), "{shown}");
    // Of another generation.
    let answer = ask("PUT", "show/-/g/video/index/head.json", "{}", &own).await;
    assert_eq!((answer.status, answer.is_denied), (409, true));
    world.done("POST", "broadcasts/show/end", r#"{"reason":"rain"}"#).await;
    assert_eq!(ask("GET", RECORD, "", &own).await.status, 200, "what was read is trusted for a while");
    pass(5_000);
    let answer = ask("GET", RECORD, "", &own).await;
    assert_eq!((answer.status, answer.is_denied), (409, true));
}

#[tokio::test]
async fn broadcasts_are_listed_a_page_at_a_time() {
    clock!();
    let world: World<Clock> = World::new();
    for number in 0..103 {
        world.done("POST", "broadcasts", &format!(r#"{{"name":"b{number:03}"}}"#)).await;
    }
    let first = world.done("GET", "broadcasts", "").await;
    assert_eq!((first["broadcasts"].as_array().unwrap().len(), &first["next"]), (100, &"b099".into()));
    let asked = Asked {
        request: Request::parse("GET", "broadcasts", "after=b099").unwrap(),
        if_match: None,
        body: b"",
        random: [0; 32],
        deployment: Deployment::new("http://127.0.0.1", &Settings::default()),
    };
    let rest: Value = serde_json::from_str(&world.operator.answer(&asked).await.body).unwrap();
    assert_eq!((rest["broadcasts"].as_array().unwrap().len(), rest.get("next")), (3, None));
    assert!(!rest.to_string().contains("sha256"));
}
