//! Clips: made, watched and deleted, and what becomes of them when their original goes.

use super::*;

/// A broadcast of twenty seconds of pictures, of which the first half second has just come: it began that long ago.
async fn pushed<R: Runtime>(world: &World<R>, source: &Source) -> String {
    let own = world.create("").await;
    let mut body = Push::open(world, "video.cmfv", source, &own).await;
    body.send(40).await.unwrap();
    body.upload.finish(true).await.unwrap();
    until(world, "/show/index.m3u8", |status, _| status == 200).await;
    let told = world.done("GET", "broadcasts/show", "").await;
    told["generation"].as_str().unwrap().to_owned()
}

/// The problem with a request.
async fn problem<R: Runtime>(world: &World<R>, method: &str, path: &str, body: &str) -> (u16, String) {
    let answer = world.ask(method, path, body, None).await;
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, told["detail"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned())
}

fn asking(clip: &str) -> String {
    format!(r#"{{"name":"goal","clip":{clip}}}"#)
}

#[tokio::test]
async fn a_clip_leads_to_its_originals_media() {
    clock!();
    let world: World<Clock> = World::new();
    let video = source(false);
    let generation = pushed(&world, &video).await;
    pass(60_000);
    let body = r#"{"name":"goal","title":"The goal","clip":{"of":"show","from":4,"until":"2027-01-15T08:00:07.500Z"}}"#;
    let before = world.media().await;
    let answer = world.ask("POST", "broadcasts", body, None).await;
    assert_eq!((answer.status, answer.location.as_deref()), (201, Some("/api/broadcasts/goal")));
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&told["state"], &told["title"]), (&"clip".into(), &"The goal".into()));
    assert_eq!(told["clip"]["of"], "show");
    assert_eq!(
        (&told["clip"]["generation"], &told["clip"]["until"]),
        (&generation.as_str().into(), &"2027-01-15T08:00:07.500Z".into())
    );
    assert_eq!(told["clip"]["from"], "2027-01-15T08:00:03.500Z");
    assert_eq!(told["watch"]["hls"], "http://127.0.0.1:8080/goal/index.m3u8");
    assert_eq!((told.get("key"), told.get("push"), &told["keys"]), (None, None, &Value::Array(Vec::new())));
    // Nothing is stored of it but that.
    assert_eq!(world.store.keys("goal/").await.unwrap(), ["goal/broadcast.json"]);
    assert_eq!(world.media().await, before);

    let (status, main) = world.viewer("/goal/index.m3u8").await;
    let of_media: Vec<_> = main.lines().filter(|line| line.contains(".m3u8")).collect();
    let root = format!("../show/{generation}/video/");
    assert!(
        status == 200 && !of_media.is_empty() && of_media.iter().all(|line| line.contains(&root)),
        "{main}"
    );
    let uri = of_media.iter().find(|line| !line.starts_with('#')).unwrap();
    let (status, media) = world.viewer(uri.strip_prefix("..").unwrap()).await;
    assert!(
        status == 200 && media.contains("#EXT-X-PLAYLIST-TYPE:VOD") && media.contains("#EXT-X-ENDLIST"),
        "{media}"
    );
    assert_eq!(media.matches("#EXTINF:2.0").count(), 2, "{media}");
    for file in ["manifest.mpd", "sequence.mpd"] {
        let (status, mpd) = world.viewer(&format!("/goal/{file}")).await;
        assert!(status == 200 && mpd.contains(r#"type="static" "#) && mpd.contains(r#""PT4S""#), "{mpd}");
        assert!(mpd.contains(&format!("media=\"../show/{generation}/")), "{mpd}");
    }
    // What else is asked of it.
    for (path, status) in [("/goal/manifest.mpp", 404), ("/goal/g/video/index.m3u8", 404)] {
        assert_eq!(world.viewer(path).await.0, status, "{path}");
    }
    // It is listed, and called something else.
    let listed = world.done("GET", "broadcasts", "").await;
    assert_eq!(listed["broadcasts"][0]["clip"]["of"], "show");
    assert_eq!(world.done("PATCH", "broadcasts/goal", r#"{"title":"1:0"}"#).await["title"], "1:0");
    for (method, path, body, why) in [
        ("PATCH", "broadcasts/goal", r#"{"window_s":60}"#, "this is a clip of show, which says"),
        ("POST", "broadcasts/goal/end", "", "this is a clip of show, and ends where its range does"),
        ("POST", "broadcasts/goal/keys", "", "this is a clip of show, which takes no pushes"),
    ] {
        let (status, detail) = problem(&world, method, path, body).await;
        assert!(status == 409 && detail.starts_with(why), "{method} {path}: {status} {detail}");
    }
}

#[tokio::test]
async fn no_push_reaches_a_clip() {
    clock!();
    let world: World<Clock> = World::new();
    let video = source(false);
    pushed(&world, &video).await;
    world.done("POST", "broadcasts", &asking(r#"{"of":"show","from":0,"until":4}"#)).await;
    for pusher in [Pusher::Any, Pusher::Own(KeyHash::of(b"any-key"))] {
        let (status, why) = world.push("goal/video.cmfv", &video.header, &pusher).await.unwrap_err();
        assert!(status == 409 && why.starts_with("this is a clip of show, "), "{status} {why}");
        let headers = gate::Headers { condition: Some("none"), meta: None };
        let request = gate::Request::parse("GET", "goal/-/broadcast.json", &headers).unwrap();
        let answer = world.gate.admit(&request, &pusher, Clock::now()).await.unwrap_err();
        assert_eq!((answer.status, answer.is_denied), (409, true));
    }
    assert_eq!(world.store.keys("goal/").await.unwrap(), ["goal/broadcast.json"]);
}

#[tokio::test]
async fn what_cannot_be_a_clip_is_refused() {
    clock!();
    let world: World<Clock> = World::new();
    world.create("").await;
    let refused = async |clip: &str| problem(&world, "POST", "broadcasts", &asking(clip)).await;
    let (status, why) = refused(r#"{"of":"show","from":0,"until":4}"#).await;
    assert!(status == 409 && why.starts_with("nothing of show can be watched yet"), "{status} {why}");
    world.done("DELETE", "broadcasts/show", "").await;
    pass(5_000);
    world.done("DELETE", "broadcasts/show", "").await;

    let video = source(false);
    pushed(&world, &video).await;
    pass(60_000);
    world.done("POST", "broadcasts", r#"{"name":"first","clip":{"of":"show","from":0,"until":4}}"#).await;
    for (clip, status, begins) in [
        ("7", 422, "clip: it must be an object"),
        (r#"{"from":0,"until":4}"#, 422, "clip.of: a name is"),
        (r#"{"of":"show","until":4}"#, 422, "clip.from: it must be a time"),
        (r#"{"of":"show","from":-1,"until":4}"#, 422, "clip.from: it must be a time"),
        (r#"{"of":"show","from":0,"until":"noon"}"#, 422, "clip.until: it must be a time"),
        (r#"{"of":"show","from":0,"until":4,"to":5}"#, 422, "clip.to: there is nothing of that name"),
        (r#"{"of":"none","from":0,"until":4}"#, 404, "clip.of: there is no broadcast called none"),
        (r#"{"of":"first","from":0,"until":4}"#, 409, "clip.of: first is a clip of show itself"),
        (
            r#"{"of":"show","from":4,"until":4}"#,
            422,
            "clip: until is 2027-01-15T08:00:08.500Z, but must be after",
        ),
        (
            r#"{"of":"show","from":8,"until":4}"#,
            422,
            "clip: until is 2027-01-15T08:00:08.500Z, but must be after",
        ),
        (
            r#"{"of":"show","from":600,"until":700}"#,
            422,
            "clip.from: 2027-01-15T08:10:04.500Z lies in the future",
        ),
        (r#"{"of":"show","from":30,"until":34}"#, 422, "clip: nothing of show is kept from that time"),
        (
            r#"{"of":"show","from":"2026-01-15T08:00:00Z","until":"2026-01-15T09:00:00Z"}"#,
            422,
            "clip: nothing of show is kept",
        ),
    ] {
        let (got, detail) = refused(clip).await;
        assert!(got == status && detail.starts_with(begins), "{clip}: {got} {detail}");
    }
    let both = r#"{"name":"goal","window_s":60,"clip":{"of":"show","from":0,"until":4}}"#;
    assert_eq!(problem(&world, "POST", "broadcasts", both).await.0, 422);
    let taken = r#"{"name":"first","clip":{"of":"show","from":0,"until":4}}"#;
    assert_eq!(problem(&world, "POST", "broadcasts", taken).await.0, 409);
    assert_eq!(world.store.keys("goal/").await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn an_original_goes_before_its_clips_only_by_force() {
    clock!();
    let world: World<Clock> = World::new();
    let video = source(false);
    pushed(&world, &video).await;
    pass(60_000);
    for name in ["b", "a", "c"] {
        let body = format!(r#"{{"name":"{name}","clip":{{"of":"show","from":0,"until":4}}}}"#);
        world.done("POST", "broadcasts", &body).await;
    }
    // A clip goes at once, and nothing with it.
    let media = world.media().await;
    assert_eq!(world.done("DELETE", "broadcasts/c", "").await["left_objects"], 0);
    assert_eq!(world.media().await, media);
    let (status, why) = problem(&world, "DELETE", "broadcasts/show", "").await;
    assert!(status == 409 && why.starts_with("clips show media of this broadcast: a, b; "), "{why}");
    assert_eq!(world.viewer("/a/index.m3u8").await.0, 200);

    let asked = Asked {
        request: Request::parse("DELETE", "broadcasts/show", "force=true").unwrap(),
        if_match: None,
        body: b"",
        random: [0; 32],
        deployment: Deployment::new("http://127.0.0.1", &Settings::default()),
    };
    assert_eq!(world.operator.answer(&asked).await.status, 202);
    pass(5_000);
    assert_eq!(world.operator.answer(&asked).await.status, 200);
    // Nor does it show the next of that name.
    for again in [false, true] {
        if again {
            pushed(&world, &video).await;
        }
        for file in ["index.m3u8", "manifest.mpd", "sequence.mpd"] {
            let (status, why) = world.viewer(&format!("/a/{file}")).await;
            assert!(
                status == 410 && why.starts_with("the broadcast that this is a clip of was deleted"),
                "{status} {why}"
            );
        }
    }
}
