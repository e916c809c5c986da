//! `rimcast verify`: a log is broken in every way it knows, and it tells exactly that.

use std::fs;

use packager_core::log::{Checkpoint, Entry, Marker};
use serde_json::Value;

use super::recorded::{AUDIO, Pushing, Recorded, VIDEO};

pub(crate) fn recorded() -> Recorded {
    let mut pushing = Pushing::new();
    pushing.run(&[VIDEO, AUDIO], |track, chunk| track == "video" && chunk == 6);
    pushing.run(&[VIDEO, AUDIO], |_, _| false);
    pushing.in_folder()
}

/// The kinds and keys of what is found.
pub(crate) fn verify(recorded: &Recorded, args: &[&str]) -> Vec<(String, String)> {
    let said = recorded.rimcast("verify", &[&["--json"], args].concat());
    let last = said.out.lines().last().unwrap_or_else(|| panic!("{said:?}"));
    let json: Value = serde_json::from_str(last).unwrap_or_else(|why| panic!("{why}: {said:?}"));
    let findings = json["findings"].as_array().expect("findings");
    assert_eq!(json["ok"].as_bool(), Some(said.succeeded), "{said:?}");
    assert_eq!(said.succeeded, findings.iter().all(|finding| finding["harmless"] == true), "{said:?}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    findings.iter().map(|finding| (text(&finding["what"]), text(&finding["key"]))).collect()
}

/// Breaks a recording, and says what of it is found.
fn found(args: &[&str], broken: impl FnOnce(&Recorded) -> String) -> (Vec<(String, String)>, String) {
    let recorded = recorded();
    let key = broken(&recorded);
    (verify(&recorded, args), key)
}

/// What is found is this, at the key.
fn assert_found(what: &str, broken: impl Fn(&Recorded) -> String) {
    for args in [&["--quick"][..], &[]] {
        let (findings, key) = found(args, &broken);
        assert_eq!(findings, [(what.to_owned(), key)], "{args:?}");
    }
}

fn path(recorded: &Recorded, key: &str) -> std::path::PathBuf {
    recorded.store.path_of(key).expect("a key")
}

/// Takes an object away.
fn removed(recorded: &Recorded, key: String) -> String {
    fs::remove_file(path(recorded, &key)).expect("it was there");
    key
}

fn replaced(recorded: &Recorded, key: &str, change: impl FnOnce(&str) -> String) -> String {
    let path = path(recorded, key);
    let text = fs::read_to_string(&path).expect("it is there");
    let changed = change(&text);
    assert_ne!(changed, text);
    fs::write(&path, changed).expect("there is room");
    key.to_owned()
}

#[test]
fn what_ingest_stores_is_well() {
    let recorded = recorded();
    for args in [&[][..], &["--quick"]] {
        assert_eq!(verify(&recorded, args), []);
    }
    let said = recorded.rimcast("verify", &[]);
    assert!(
        said.succeeded && said.out.ends_with("all is well\n") && said.out.contains("video: "),
        "{said:?}"
    );
}

#[test]
fn a_part_that_is_not_what_it_says_is_found_by_reading_it() {
    let broken = |recorded: &Recorded| recorded.damage_a_part("video");
    assert_eq!(found(&["--quick"], broken).0, []);
    let (findings, key) = found(&[], broken);
    assert_eq!(findings, [("part".to_owned(), key)]);
}

#[test]
fn a_hole_is_found_with_what_is_behind_it() {
    assert_found("hole", |recorded| {
        let key = recorded.parts("audio").swap_remove(3);
        // What is computed from the log knows it still, and viewers with it: it is not what is looked for here.
        removed(recorded, key.clone());
        removed(recorded, "show/g/audio/index/head.json".to_owned());
        key
    });
}

#[test]
fn what_cannot_be_read_is_found() {
    assert_found("entry", |recorded| {
        let key = recorded.parts("video").swap_remove(4);
        removed(recorded, key.clone());
        let entry = Entry::Marker(Marker::GapUntil(1)).to_meta();
        recorded.runtime.block_on(recorded.create(&key, &entry));
        key
    });
    assert_found("begin", |recorded| removed(recorded, "show/g/video/begin.json".to_owned()));
    assert_found("checkpoint", |recorded| removed(recorded, "show/g/video/index/head.json".to_owned()));
    assert_found("checkpoint", |recorded| {
        replaced(recorded, "show/g/video/index/head.json", |text| text[..text.len() / 2].to_owned())
    });
    assert_found("checkpoint", |recorded| {
        replaced(recorded, "show/g/video/index/head.json", |text| {
            let mut checkpoint = Checkpoint::from_json(text.as_bytes()).expect("a checkpoint");
            checkpoint.chain.closed[0].duration_ticks += 1;
            checkpoint.to_json()
        })
    });
    assert_found("header", |recorded| {
        let session = recorded.parts("video")[0].rsplit_once('/').expect("a key").0.to_owned();
        removed(recorded, format!("{session}/init.mp4"))
    });
}

#[test]
fn what_nobody_is_shown_is_harmless() {
    assert_found("unreached", |recorded| {
        let key = recorded.parts("video")[0].replace("00000000000000000000.m4s", "00000000000000000001.m4s");
        let entry = Entry::Marker(Marker::Ended).to_meta();
        recorded.runtime.block_on(recorded.create(&key, &entry));
        key
    });
}
