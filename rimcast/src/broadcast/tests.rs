//! What is said on the command line, as the API has it, and answers as people read them.

use clap::Parser;
use serde_json::json;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: BroadcastArgs,
}

fn parse(line: &[&str]) -> What {
    let line = [&["rimcast"], line].concat();
    Cli::try_parse_from(line).unwrap_or_else(|why| panic!("{why}")).args.what
}

#[test]
fn options_say_what_the_api_takes() {
    let What::Create { said, .. } = parse(&[
        "create",
        "cup",
        "--title",
        "Cup final",
        "--start",
        "2026-11-25T20:00:00+01:00",
        "--window-s",
        "all",
        "--segment-ms",
        "4000",
        "--recording",
        "false",
        "--early",
        "30m",
    ]) else {
        panic!("it creates")
    };
    let expected = json!({
        "title": "Cup final", "start": "2026-11-25T19:00:00Z", "window_s": "all", "segment_ms": 4000, "recording": false,
        "early_s": 1800,
    });
    assert_eq!(Value::Object(said.json().unwrap()), expected);
    let What::Update { said, .. } =
        parse(&["update", "cup", "--title", "", "--late", "0", "--window-s", "60"])
    else {
        panic!("it updates")
    };
    assert_eq!(Value::Object(said.json().unwrap()), json!({"title": null, "late_s": 0, "window_s": 60}));
}

#[test]
fn what_cannot_be_read_is_told_of_by_its_option() {
    for (option, value, begins) in [
        ("--start", "tomorrow", "--start: \"tomorrow\" is no time"),
        ("--segment-ms", "2s", "--segment-ms: \"2s\" is no number"),
        ("--window-s", "some", "--window-s: \"some\" is no number"),
        ("--recording", "yes", "--recording: \"yes\" is neither true nor false"),
        ("--late", "an hour", "--late: \"an hour\" is no time that passes"),
    ] {
        let What::Create { said, .. } = parse(&["create", "cup", option, value]) else {
            panic!("it creates")
        };
        let why = said.json().unwrap_err();
        assert!(why.starts_with(begins), "{why}");
    }
}

#[test]
fn answers_are_shown_in_local_time_beside_utc() {
    let told = json!({
        "name": "cup", "title": "Cup final", "generation": "g", "state": "early", "start": "2026-11-25T19:00:00Z",
        "early_s": 3600, "late_s": 60, "window_s": "all", "segment_ms": 4000, "recording": true,
        "keys": [{"id": "1a", "created": "2026-11-20T12:00:00Z", "until": "2026-11-21T12:00:00Z"}],
        "watch": {"page": "https://h/cup/", "hls": "https://h/cup/index.m3u8", "dash": "https://h/cup/manifest.mpd"},
        "key": {"id": "1a", "secret": "sesame"},
        "push": {"url": "https://h/ingest/cup", "ffmpeg": "ffmpeg -i x", "rimcast": "rimcast push", "obs": {"run": "r", "settings": "s"}},
    });
    let text = print::answer(&told, &parse(&["show", "cup"]), "here", &dates::Zone::berlin());
    for line in [
        "start        Wed 2026-11-25 20:00:00 CET (2026-11-25T19:00:00Z)",
        "window       all",
        "segments     4000 ms",
        "push key     1a, made Fri 2026-11-20 13:00:00 CET (2026-11-20T12:00:00Z), valid until Sat 2026-11-21 13:00:00 CET (2026-11-21T12:00:00Z)",
        "  HLS   https://h/cup/index.m3u8",
        "Push key, which is told only now: sesame",
        "  ffmpeg -i x",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    let listed =
        print::answer(&json!({"broadcasts": [told]}), &parse(&["list"]), "here", &dates::Zone::berlin());
    assert_eq!(listed, "cup  early    Wed 2026-11-25 20:00:00 CET (2026-11-25T19:00:00Z)  Cup final\n");
    let none = print::answer(&json!({"broadcasts": []}), &parse(&["list"]), "here", &dates::Zone::berlin());
    assert!(none.contains("rimcast broadcast create"), "{none}");
}

#[test]
fn clips_are_shown_as_what_they_are() {
    let told = json!({
        "name": "goal", "title": "The goal", "generation": "c", "state": "clip", "keys": [],
        "clip": {"of": "cup", "generation": "g", "from": "2026-11-25T19:00:00Z", "until": "2026-11-25T19:01:00Z"},
        "watch": {"page": "https://h/goal/", "hls": "https://h/goal/index.m3u8", "dash": "https://h/goal/manifest.mpd"},
    });
    let text = print::shown(&told, &dates::Zone::berlin());
    for line in [
        "of           cup",
        "from         Wed 2026-11-25 20:00:00 CET (2026-11-25T19:00:00Z)",
        "to           Wed 2026-11-25 20:01:00 CET (2026-11-25T19:01:00Z)",
        "  HLS   https://h/goal/index.m3u8",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    assert!(!text.contains("push key") && !text.contains("Push"), "{text}");
    let listed =
        print::answer(&json!({"broadcasts": [told]}), &parse(&["list"]), "here", &dates::Zone::berlin());
    assert_eq!(listed, "goal  clip     of cup  The goal\n");
}

#[test]
fn a_broadcast_in_a_folder_from_beginning_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let run = |line: &[&str]| {
        let line = [&["rimcast", "--data", place], line].concat();
        let args = Cli::try_parse_from(line).unwrap().args;
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(super::run(args))
    };
    run(&["create", "cup"]).unwrap();
    let again = run(&["create", "cup"]).unwrap_err().to_string();
    assert!(again.starts_with("there is a broadcast called cup already"), "{again}");
    run(&["update", "cup", "--title", "Cup"]).unwrap();
    assert!(run(&["update", "cup"]).is_err());
    run(&["rotate-key", "cup"]).unwrap();
    run(&["end", "cup", "--reason", "rain"]).unwrap();
    run(&["show", "cup"]).unwrap();
    // What has ended a while ago is gone at once.
    let document = folder.path().join("cup/broadcast.json");
    let ended = std::fs::read_to_string(&document).unwrap();
    let at = ended.find("\"ended\":{\"at\":\"").unwrap() + 15;
    std::fs::write(&document, format!("{}2020{}", &ended[..at], &ended[at + 4..])).unwrap();
    run(&["delete", "cup", "--yes"]).unwrap();
    let gone = run(&["show", "cup"]).unwrap_err().to_string();
    assert!(gone.starts_with("there is no broadcast of this name"), "{gone}");
    assert!(run(&["create", "Cup"]).unwrap_err().to_string().starts_with("name: a name is"));
    let nowhere = Cli::try_parse_from(["rimcast", "--data", "/none/there", "list"]).unwrap().args;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let why = runtime.block_on(super::run(nowhere)).unwrap_err().to_string();
    assert!(why.starts_with("there is no folder /none/there"), "{why}");
}

#[test]
fn what_has_expired_is_listed_and_then_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let run = |line: &[&str]| {
        let line = [&["rimcast", "--data", place], line].concat();
        let args = Cli::try_parse_from(line).unwrap().args;
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(super::run(args))
    };
    let long_ago = ["--start", "2020-01-01T18:00:00Z", "--end", "2020-01-01T20:00:00Z"];
    run(&[&["create", "old", "--retention-days", "30"], &long_ago[..]].concat()).unwrap();
    run(&[&["create", "kept"], &long_ago[..]].concat()).unwrap();
    run(&["create", "live", "--retention-days", "1"]).unwrap();
    let there = |name: &str| folder.path().join(name).join("broadcast.json").exists();
    run(&["delete", "--expired", "--dry-run"]).unwrap();
    let unsure = run(&["delete", "--expired"]).unwrap_err().to_string();
    assert!(unsure.contains("--yes") && unsure.contains("--dry-run"), "{unsure}");
    assert!(there("old"));
    run(&["delete", "--expired", "--yes"]).unwrap();
    assert!(!there("old") && there("kept") && there("live"));
    for wrong in [&["delete"][..], &["delete", "old", "--expired"], &["delete", "old", "--dry-run"]] {
        assert!(Cli::try_parse_from([&["rimcast"], wrong].concat()).is_err(), "{wrong:?}");
    }
    let told = json!({"broadcasts": [
        {"name": "old", "expires": "2020-01-31T21:00:00Z", "deleted_objects": 12},
    ]});
    let text = |line: &[&str]| print::answer(&told, &parse(line), "here", &dates::Zone::berlin());
    assert_eq!(
        text(&["delete", "--expired", "--yes"]),
        "old, to be kept until Fri 2020-01-31 22:00:00 CET (2020-01-31T21:00:00Z), is deleted, with 12 stored objects\n"
    );
    let dry = text(&["delete", "--expired", "--dry-run"]);
    assert!(dry.starts_with("old was to be kept until Fri") && dry.contains("Nothing was changed"), "{dry}");
}
