//! The judges judged: each rule has an MPD that breaks it, and none finds fault with those that break none.

mod documents;
mod over_time;
mod patching;
mod reading;
mod rules;
mod third_party;

use super::*;
use documents::{CHUNKS, ENDED, SEQUENCES};

/// Where the documents are said to be.
const AT: &str = "/show/manifest.mpd";

fn read(text: &str) -> Mpd {
    Mpd::parse(text, AT).unwrap_or_else(|why| panic!("{why}: {text}"))
}

/// A document with one thing about it changed.
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in it");
    text.replacen(from, to, 1)
}

/// A file of the schema's repository.
fn example(name: &str) -> String {
    let file = format!("{}/schema/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{file}: {why}"))
}
