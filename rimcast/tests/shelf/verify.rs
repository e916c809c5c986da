//! `rimcast verify`: a log is broken in every way it knows, and it tells exactly that.

use packager_core::log::{Checkpoint, Entry, Marker};
use serde_json::Value;

use super::recorded::{AUDIO, Keep, Pushing, Recorded, VIDEO, over_folder_and_bucket};

over_folder_and_bucket! {
    what_ingest_stores_is_well
    a_part_that_is_not_what_it_says_is_found_by_reading_it
    a_hole_is_found_with_what_is_behind_it
    what_cannot_be_read_is_found
    what_nobody_is_shown_is_harmless
}

pub(crate) fn recorded(keep: Keep) -> Recorded {
    let mut pushing = Pushing::new();
    pushing.run(&[VIDEO, AUDIO], |track, chunk| track == "video" && chunk == 6);
    pushing.run(&[VIDEO, AUDIO], |_, _| false);
    keep(&pushing)
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
fn found(
    keep: Keep,
    args: &[&str],
    broken: impl FnOnce(&Recorded) -> String,
) -> (Vec<(String, String)>, String) {
    let recorded = recorded(keep);
    let key = broken(&recorded);
    (verify(&recorded, args), key)
}

/// What is found is this, at the key.
fn assert_found(keep: Keep, what: &str, broken: impl Fn(&Recorded) -> String) {
    for args in [&["--quick"][..], &[]] {
        let (findings, key) = found(keep, args, &broken);
        assert_eq!(findings, [(what.to_owned(), key)], "{args:?}");
    }
}

/// Puts another text in an object's place.
fn replaced(recorded: &Recorded, key: &str, change: impl FnOnce(&str) -> String) -> String {
    recorded.change(key, |bytes| change(std::str::from_utf8(&bytes).expect("a text")).into())
}

fn what_ingest_stores_is_well(keep: Keep) {
    let recorded = recorded(keep);
    for args in [&[][..], &["--quick"]] {
        assert_eq!(verify(&recorded, args), []);
    }
    let said = recorded.rimcast("verify", &[]);
    assert!(
        said.succeeded && said.out.ends_with("all is well\n") && said.out.contains("video: "),
        "{said:?}"
    );
}

fn a_part_that_is_not_what_it_says_is_found_by_reading_it(keep: Keep) {
    let broken = |recorded: &Recorded| recorded.damage_a_part("video");
    assert_eq!(found(keep, &["--quick"], broken).0, []);
    let (findings, key) = found(keep, &[], broken);
    assert_eq!(findings, [("part".to_owned(), key)]);
}

fn a_hole_is_found_with_what_is_behind_it(keep: Keep) {
    assert_found(keep, "hole", |recorded| {
        let key = recorded.parts("audio").swap_remove(3);
        // What is computed from the log knows it still, and viewers with it: it is not what is looked for here.
        recorded.remove("show/g/audio/index/head.json");
        recorded.remove(&key)
    });
}

fn what_cannot_be_read_is_found(keep: Keep) {
    assert_found(keep, "entry", |recorded| {
        let key = recorded.parts("video").swap_remove(4);
        recorded.remove(&key);
        recorded.create(&key, &Entry::Marker(Marker::GapUntil(1)).to_meta())
    });
    assert_found(keep, "begin", |recorded| recorded.remove("show/g/video/begin.json"));
    assert_found(keep, "checkpoint", |recorded| recorded.remove("show/g/video/index/head.json"));
    assert_found(keep, "checkpoint", |recorded| {
        replaced(recorded, "show/g/video/index/head.json", |text| text[..text.len() / 2].to_owned())
    });
    assert_found(keep, "checkpoint", |recorded| {
        replaced(recorded, "show/g/video/index/head.json", |text| {
            let mut checkpoint = Checkpoint::from_json(text.as_bytes()).expect("a checkpoint");
            checkpoint.chain.closed[0].duration_ticks += 1;
            checkpoint.to_json()
        })
    });
    assert_found(keep, "header", |recorded| {
        let session = recorded.parts("video")[0].rsplit_once('/').expect("a key").0.to_owned();
        recorded.remove(&format!("{session}/init.mp4"))
    });
}

fn what_nobody_is_shown_is_harmless(keep: Keep) {
    assert_found(keep, "unreached", |recorded| {
        let key = recorded.parts("video")[0].replace("00000000000000000000.m4s", "00000000000000000001.m4s");
        recorded.create(&key, &Entry::Marker(Marker::Ended).to_meta())
    });
}
