//! Operators at `rimcast serve`, at the Worker and on the command line: the same cases, the same answers.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rimcast_tests::live::{
    Encoder, Host, Ladder, Operating, SeaweedFs, Server, Track, Worker, get, program, request, tracks,
    wait_for,
};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);

/// What an encoder shows that is elsewhere, as the host sees it.
fn push(host: &dyn Host, path: &str, key: &str, body: &[u8]) -> (u16, String) {
    let headers = [("rimcast-key", key), ("x-forwarded-for", "192.0.2.1")];
    let answer = request("PUT", &host.url(path), &headers, body).expect("ingest answers");
    (answer.status, answer.text())
}

fn push_segment(host: &dyn Host, broadcast: &str, key: &str, track: &Track, number: usize) -> (u16, String) {
    let body = track.chunks(number).collect::<Vec<_>>().concat();
    push(host, &track.segment_path(broadcast, number), key, &body)
}

fn push_header(host: &dyn Host, broadcast: &str, key: &str, stream: usize, track: &Track) -> (u16, String) {
    push(host, &format!("/ingest/{broadcast}/init-stream{stream}.m4s"), key, &track.source.header)
}

/// Headers and some segments of all tracks.
fn push_some(host: &dyn Host, broadcast: &str, key: &str, all: &[Track; 2], numbers: std::ops::Range<usize>) {
    for (stream, track) in all.iter().enumerate() {
        let (status, why) = push_header(host, broadcast, key, stream, track);
        assert_eq!(status, 200, "{why}");
    }
    for number in numbers {
        for track in all {
            let (status, why) = push_segment(host, broadcast, key, track, number);
            assert_eq!(status, 200, "{why}");
        }
    }
}

/// The multivariant playlist, once there is one.
fn main_playlist(host: &dyn Host, broadcast: &str) -> String {
    let url = host.url(&format!("/{broadcast}/index.m3u8"));
    wait_for("it can be watched", LIMIT, || {
        get(&url).ok().filter(|answer| answer.status == 200).map(|answer| answer.text())
    })
}

/// URLs of all media playlists.
fn playlists(host: &dyn Host, broadcast: &str) -> Vec<String> {
    let main = main_playlist(host, broadcast);
    let uris = main.lines().filter_map(|line| match line.split_once("URI=\"") {
        Some((_, rest)) => rest.split('"').next(),
        None => Some(line).filter(|line| !line.is_empty() && !line.starts_with('#')),
    });
    uris.map(|uri| host.url(&format!("/{broadcast}/{uri}"))).collect()
}

fn secret(told: &Value) -> String {
    told["key"]["secret"].as_str().expect("a new key is told").to_owned()
}

/// All that is said of a broadcast, and what cannot be.
fn documents(host: &dyn Host) {
    let api = Operating::new(host);
    let answer = api.ask(
        "POST",
        "/api/broadcasts",
        r#"{"name":"cup","title":"Cup final","start":"2026-11-25T20:00:00+01:00","recording":false}"#,
    );
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, answer.headers["location"].as_str()), (201, "/api/broadcasts/cup"), "{told}");
    assert_eq!((&told["start"], &told["name"]), (&"2026-11-25T19:00:00Z".into(), &"cup".into()));
    assert_eq!(secret(&told).len(), 32);
    let url = host.url("/ingest/cup");
    assert_eq!(told["push"]["url"], url.as_str());
    assert_eq!(told["watch"]["hls"], host.url("/cup/index.m3u8").as_str());
    for command in [&told["push"]["ffmpeg"], &told["push"]["rimcast"], &told["push"]["obs"]["run"]] {
        assert!(command.as_str().unwrap().contains(&secret(&told)), "{command}");
    }
    let again = api.told("POST", "/api/broadcasts", r#"{"name":"cup"}"#, 409);
    assert_eq!(again["current"]["title"], "Cup final");
    for (method, path, body, status) in [
        ("POST", "/api/broadcasts", "{", 400),
        ("POST", "/api/broadcasts", "[]", 400),
        ("POST", "/api/broadcasts", "{}", 422),
        ("POST", "/api/broadcasts", r#"{"name":"healthz"}"#, 422),
        ("POST", "/api/broadcasts", r#"{"name":"x","segment_ms":1}"#, 422),
        ("POST", "/api/broadcasts", r#"{"name":"x","secret":"mine"}"#, 422),
        ("POST", "/api/broadcasts", &format!(r#"{{"name":"x","title":"{}"}}"#, "a".repeat(70_000)), 413),
        ("PUT", "/api/broadcasts", "{}", 405),
        ("GET", "/api/broadcasts/none", "", 404),
        ("GET", "/api/broadcasts/Cup", "", 400),
        ("PATCH", "/api/broadcasts/none", "{}", 404),
        ("DELETE", "/api/broadcasts/none", "", 404),
        ("POST", "/api/broadcasts/none/end", "", 404),
        ("POST", "/api/broadcasts/cup/keys", r#"{"grace_s":-1}"#, 422),
        ("POST", "/api/broadcasts/cup/end", r#"{"because":"x"}"#, 422),
        ("GET", "/api/broadcasts/cup/keys", "", 405),
        ("GET", "/api/other", "", 404),
    ] {
        api.told(method, path, body, status);
    }
    assert_eq!(api.told("GET", "/api/broadcasts", "", 200)["broadcasts"].as_array().unwrap().len(), 1);

    // Two operators.
    let etag = api.ask("GET", "/api/broadcasts/cup", "").headers["etag"].clone();
    let patch =
        |body: &str, etag: &str| api.ask_with("PATCH", "/api/broadcasts/cup", &[("if-match", etag)], body);
    let won = patch(r#"{"title":"One"}"#, &etag);
    assert_eq!(won.status, 200, "{}", won.text());
    let lost = patch(r#"{"title":"Other"}"#, &etag);
    let problem: Value = serde_json::from_slice(&lost.body).unwrap();
    assert_eq!((lost.status, &problem["current"]["title"]), (412, &"One".into()));
    assert_eq!(api.ask_with("DELETE", "/api/broadcasts/cup", &[("if-match", &etag)], "").status, 412);
    assert_eq!(patch(r#"{"title":null}"#, &won.headers["etag"]).status, 200);

    // Not on behalf of others, nor from a page in a browser.
    for header in ["x-forwarded-for", "origin", "via"] {
        let answer = api.ask_with("GET", "/api/broadcasts", &[(header, "https://example.com")], "");
        assert_eq!(answer.status, 403, "{header}");
    }
}

/// From creation to the next of the same name.
fn life(host: &dyn Host) {
    let api = Operating::new(host);
    let all = tracks(40);
    let created = api.told("POST", "/api/broadcasts", r#"{"name":"show","part_ms":250}"#, 201);
    let first = secret(&created);
    assert_eq!(push_header(host, "show", "not-the-key", 0, &all[0]).0, 403);
    assert_eq!(push_header(host, "other", &first, 0, &all[0]).0, 404);
    api.told("PATCH", "/api/broadcasts/show", r#"{"part_ms":500}"#, 200);
    push_some(host, "show", &first, &all, 1..6);

    // A new key works beside the old one.
    let second = secret(&api.told("POST", "/api/broadcasts/show/keys", r#"{"grace_s":3600}"#, 201));
    assert_eq!(push_header(host, "show", &second, 0, &all[0]).0, 200);
    assert_eq!(push_segment(host, "show", &first, &all[0], 6).0, 200);
    assert_eq!(push_segment(host, "show", &second, &all[1], 6).0, 200);
    let third = secret(&api.told("POST", "/api/broadcasts/show/keys", r#"{"grace_s":0}"#, 201));
    wait_for("the old key is done with", LIMIT, || {
        Some(()).filter(|()| push_header(host, "show", &second, 0, &all[0]).0 == 403)
    });
    assert_eq!(push_segment(host, "show", &third, &all[0], 7).0, 200);
    assert_eq!(push_segment(host, "show", &third, &all[1], 7).0, 200);

    // How it is cut is fixed by now.
    let main = main_playlist(host, "show");
    api.told("PATCH", "/api/broadcasts/show", r#"{"part_ms":250}"#, 409);

    // The end reaches viewers with the next answer, and encoders.
    let mpd = |host: &dyn Host| get(&host.url("/show/manifest.mpd")).expect("an answer").text();
    assert!(mpd(host).contains(r#"type="dynamic""#));
    let ended = api.told("POST", "/api/broadcasts/show/end", r#"{"reason":"rain"}"#, 200);
    assert_eq!((&ended["state"], &ended["ended"]["reason"]), (&"ended".into(), &"rain".into()));
    for playlist in playlists(host, "show") {
        let text = get(&playlist).expect("an answer").text();
        assert!(text.contains("#EXT-X-ENDLIST"), "{playlist}: {text}");
    }
    assert!(mpd(host).contains(r#"type="static""#), "{}", mpd(host));
    assert_eq!(push_segment(host, "show", &third, &all[0], 8).0, 409);
    let why = wait_for("the reason is told", LIMIT, || {
        Some(push_header(host, "show", &third, 0, &all[0]))
            .filter(|(status, why)| *status == 409 && why.contains("rain"))
    });
    assert!(why.1.starts_with("the broadcast has ended at "), "{}", why.1);
    api.told("POST", "/api/broadcasts/show/keys", "", 409);
    let media = playlists(host, "show");

    // The recording stays at its URL, if it is to.
    let is_whole = |main: &String| main.contains("/from-") && !main.contains("/index.m3u8");
    wait_for("all of it is there", LIMIT, || Some(main_playlist(host, "show")).filter(is_whole));
    api.told("PATCH", "/api/broadcasts/show", r#"{"recording":false}"#, 200);
    wait_for("what was listed live is there", LIMIT, || {
        Some(main_playlist(host, "show")).filter(|main| main.contains("/index.m3u8") && !is_whole(main))
    });

    // Deleted, and created again.
    wait_for("nothing is left", LIMIT, || {
        let answer = api.ask("DELETE", "/api/broadcasts/show", "");
        assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
        Some(()).filter(|()| answer.status == 200)
    });
    api.told("GET", "/api/broadcasts/show", "", 404);
    let created = api.told("POST", "/api/broadcasts", r#"{"name":"show"}"#, 201);
    let generation = created["generation"].as_str().unwrap();
    assert!(!main.contains(generation));
    assert_eq!(push_header(host, "show", &third, 0, &all[0]).0, 403);
    push_some(host, "show", &secret(&created), &all, 1..4);
    let again = wait_for("the new one is what is watched", LIMIT, || {
        Some(main_playlist(host, "show")).filter(|main| main.contains(generation))
    });
    assert!(
        again.lines().filter(|line| line.contains(".m3u8")).all(|line| line.contains(generation)),
        "{again}"
    );
    for old in media {
        wait_for("the old one is gone", LIMIT, || get(&old).ok().filter(|answer| answer.status == 404));
    }
}

/// A clip, of which the range is still to come in part when it is made.
fn clips(host: &dyn Host) {
    let api = Operating::new(host);
    let all = tracks(40);
    let key = secret(&api.told("POST", "/api/broadcasts", r#"{"name":"match"}"#, 201));
    let clip = |name: &str, of: &str, from: u32, until: u32| {
        format!(r#"{{"name":"{name}","clip":{{"of":"{of}","from":{from},"until":{until}}}}}"#)
    };
    api.told("POST", "/api/broadcasts", &clip("goal", "match", 0, 8), 409);
    push_some(host, "match", &key, &all, 1..4);
    main_playlist(host, "match");
    let made = api.told("POST", "/api/broadcasts", &clip("goal", "match", 0, 8), 201);
    assert_eq!((&made["state"], &made["clip"]["of"]), (&"clip".into(), &"match".into()));
    assert_eq!(
        (made.get("key"), &made["watch"]["hls"]),
        (None, &host.url("/goal/index.m3u8").as_str().into())
    );
    for (of, from, until, status) in
        [("none", 0, 8, 404), ("goal", 0, 8, 409), ("match", 8, 8, 422), ("match", 8, 4, 422)]
    {
        api.told("POST", "/api/broadcasts", &clip("other", of, from, until), status);
    }

    // It leads to its original's media, live while that is.
    let mpd = || get(&host.url("/goal/manifest.mpd")).expect("an answer").text();
    assert!(mpd().contains(r#"type="dynamic""#) && mpd().contains("media=\"../match/"), "{}", mpd());
    let media = playlists(host, "goal");
    assert!(media.len() >= 2 && media.iter().all(|url| url.contains("/goal/../match/")), "{media:?}");
    let media: Vec<_> = media.iter().map(|url| url.replace("/goal/..", "")).collect();
    let is_over = |url: &String| {
        let answer = get(url).expect("an answer");
        assert_eq!(answer.status, 200, "{url}: {}", answer.text());
        answer.text().contains("#EXT-X-ENDLIST")
    };
    assert!(!media.iter().any(is_over));
    for number in 4..8 {
        for track in &all {
            assert_eq!(push_segment(host, "match", &key, track, number).0, 200);
        }
    }
    wait_for("it is complete", LIMIT, || {
        Some(()).filter(|()| media.iter().all(is_over) && mpd().contains(r#"type="static""#))
    });

    // Nothing is pushed to it, and nothing else is done with it.
    let (status, why) = push_header(host, "goal", &key, 0, &all[0]);
    assert!(status == 409 && why.starts_with("this is a clip of match, "), "{status} {why}");
    api.told("POST", "/api/broadcasts/goal/keys", "", 409);
    api.told("POST", "/api/broadcasts/goal/end", "", 409);
    api.told("PATCH", "/api/broadcasts/goal", r#"{"window_s":60}"#, 409);
    assert_eq!(api.told("PATCH", "/api/broadcasts/goal", r#"{"title":"1:0"}"#, 200)["title"], "1:0");
    let status = get(&host.url("/goal/status")).expect("an answer");
    let told: Value = serde_json::from_slice(&status.body).unwrap();
    assert_eq!((&told["state"], &told["clip"]["of"]), (&"clip".into(), &"match".into()), "{told}");

    // It goes by itself; its original goes with those that are left only by force.
    api.told("POST", "/api/broadcasts", &clip("other", "match", 0, 4), 201);
    api.told("DELETE", "/api/broadcasts/other", "", 200);
    let refused = api.told("DELETE", "/api/broadcasts/match", "", 409);
    assert!(refused["detail"].as_str().unwrap().contains(": goal; "), "{refused}");
    wait_for("nothing is left", LIMIT, || {
        Some(()).filter(|()| api.ask("DELETE", "/api/broadcasts/match?force=true", "").status == 200)
    });
    for file in ["index.m3u8", "manifest.mpd", "sequence.mpd"] {
        let url = host.url(&format!("/goal/{file}"));
        let gone = wait_for("it is gone", LIMIT, || get(&url).ok().filter(|answer| answer.status == 410));
        assert!(
            gone.text().starts_with("the broadcast that this is a clip of was deleted"),
            "{}",
            gone.text()
        );
    }
}

#[test]
#[ignore = "needs the release build: cargo xtask test"]
fn serve_does_what_operators_ask() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::serve(data.path(), &[]);
    documents(&server);
    life(&server);
    clips(&server);
}

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn the_worker_does_what_operators_ask() {
    let worker = Worker::start();
    documents(&worker);
    life(&worker);
    clips(&worker);
    let refused = worker.inside(0).refused;
    assert!(refused.iter().all(|why| why.contains("10058")), "{refused:?}");
}

#[test]
#[ignore = "needs the release build: cargo xtask test"]
fn with_a_token_only_who_shows_it_is_the_operator() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::serve(data.path(), &["--admin-token", "sesame-12"]);
    let mut api = Operating::new(&server);
    for (shown, status) in [("Bearer sesame-12", 200), ("Bearer sesame-1", 403), ("sesame-12", 401)] {
        api.headers = vec![("authorization", shown.to_owned())];
        api.told("GET", "/api/broadcasts", "", status);
    }
    api.headers = Vec::new();
    let answer = api.ask("GET", "/api/broadcasts", "");
    assert_eq!(
        (answer.status, answer.headers["www-authenticate"].as_str()),
        (401, "Bearer realm=\"rimcast\"")
    );
    // Whoever shows it may be anywhere.
    api.headers =
        vec![("authorization", "Bearer sesame-12".to_owned()), ("x-forwarded-for", "192.0.2.1".to_owned())];
    api.told("GET", "/api/broadcasts", "", 200);
}

/// `rimcast broadcast …` over a place.
struct CommandLine<'a> {
    place: String,
    environment: Vec<(&'a str, String)>,
}

impl CommandLine<'_> {
    fn run(&self, line: &[&str]) -> Output {
        Command::new(program())
            .args(["broadcast", "--data", &self.place])
            .args(line)
            .env("TZ", "UTC")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .expect("rimcast can be started")
    }

    fn done(&self, line: &[&str]) -> String {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, line: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[line, &["--json"]].concat())).unwrap()
    }

    fn refused(&self, line: &[&str]) -> String {
        let output = self.run(line);
        assert!(!output.status.success(), "{line:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn manages_a_broadcast(&self) {
        assert!(self.done(&["list"]).contains("there are no broadcasts"));
        let url = ["--url", "https://live.example.com"];
        let created = self.done(
            &[&["create", "cup", "--title", "Cup final", "--start", "2026-11-25 20:00"][..], &url].concat(),
        );
        for shown in [
            "title        Cup final",
            "start        Wed 2026-11-25 20:00:00 UTC (2026-11-25T20:00:00Z)",
            "https://live.example.com/cup/index.m3u8",
            "rimcast push --to https://live.example.com/ingest/cup --key ",
        ] {
            assert!(created.contains(shown), "{shown}\n{created}");
        }
        assert!(self.refused(&["create", "cup"]).contains("already"));
        assert!(self.refused(&["create", "Cup"]).contains("name: a name is"));
        let updated = self.json(&["update", "cup", "--window-s", "all", "--title", ""]);
        assert_eq!((&updated["window_s"], updated.get("title")), (&"all".into(), None));
        let rotated = self.json(&["rotate-key", "cup", "--grace", "0"]);
        assert_eq!(rotated["keys"].as_array().unwrap().len(), 1);
        assert!(!created.contains(rotated["key"]["secret"].as_str().unwrap()));
        assert_eq!(self.json(&["list"])["broadcasts"][0]["name"], "cup");
        assert_eq!(self.json(&["end", "cup", "--reason", "rain"])["ended"]["reason"], "rain");
        assert!(self.done(&["show", "cup"]).contains(": rain"));
        assert!(self.refused(&["delete", "cup"]).contains("--yes"));
        assert!(self.done(&["delete", "cup", "--yes"]).contains("cup is deleted"));
        assert!(self.refused(&["show", "cup"]).contains("there is no broadcast of this name"));
    }
}

fn folder(path: &Path) -> CommandLine<'static> {
    CommandLine { place: path.display().to_string(), environment: Vec::new() }
}

#[test]
#[ignore = "needs the release build and SeaweedFS: cargo xtask test"]
fn the_command_line_does_it_in_a_folder_and_in_a_bucket() {
    let data = tempfile::tempdir().unwrap();
    folder(data.path()).manages_a_broadcast();
    let bucket = SeaweedFs::start();
    let line = CommandLine { place: "s3://media/live".to_owned(), environment: bucket.environment() };
    line.manages_a_broadcast();
    let why = CommandLine { environment: Vec::new(), ..line }.refused(&["list"]);
    assert!(why.contains("is not set; "), "{why}");
}

#[test]
#[ignore = "needs ffmpeg and the release build: cargo xtask test"]
fn a_live_broadcast_is_ended_from_the_command_line() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::serve(data.path(), &["--push-key", "servers-own-key"]);
    let line = folder(data.path());
    let created = line.json(&["create", "show", "--url", &server.url("")]);
    let ladder = Ladder { credentials: format!("any:{}", secret(&created)), ..Ladder::default() };
    let encoder = Encoder::push(&server, "show", &ladder);
    let media = playlists(&server, "show");
    for playlist in &media {
        let live = wait_for("it is live", LIMIT, || get(playlist).ok().filter(|answer| answer.status == 200));
        assert!(!live.text().contains("#EXT-X-ENDLIST"));
    }
    line.done(&["end", "show", "--reason", "rain"]);
    for playlist in &media {
        wait_for("players are told that nothing follows", LIMIT, || {
            get(playlist)
                .ok()
                .filter(|answer| answer.status == 200 && answer.text().contains("#EXT-X-ENDLIST"))
        });
    }
    let manifest = server.url("/show/manifest.mpd");
    wait_for("the manifest is static", LIMIT, || {
        get(&manifest).ok().filter(|answer| answer.text().contains(r#"type="static""#))
    });
    let key = secret(&created);
    let (status, why) = wait_for("encoders are told why", LIMIT, || {
        Some(push(&server, "/ingest/show/video.cmfv", &key, b"")).filter(|(_, why)| why.contains("rain"))
    });
    assert_eq!(status, 409, "{why}");
    drop(encoder);
}
