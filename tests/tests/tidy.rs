//! What the sources must be: small files that say what they are, and a packager that cannot act.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates that packager-core may depend on: data structures and formats, nothing that acts.
const CORE_MAY_USE: [&str; 11] = [
    "base64",
    "bytes",
    "itoa",
    "quick-xml",
    "serde",
    "serde_json",
    "sha2",
    "subtle",
    "thiserror",
    "time",
    "xxhash-rust",
];

/// What the packager is handed as arguments, or must leave to its hosts.
const CORE_MUST_NOT_SAY: [&str; 14] = [
    "std::fs",
    "std::net",
    "std::thread",
    "std::env",
    "std::process",
    "SystemTime",
    "Instant::",
    "now_utc",
    "tokio",
    "async fn",
    "println!",
    "dbg!",
    "thread_local!",
    "unsafe ",
];

/// Lints that keep panics out of core; to allow one there is to let a viewer kill a worker.
const PANIC_LINTS: [&str; 11] = [
    "unwrap_used",
    "expect_used",
    "panic",
    "unreachable",
    "todo",
    "indexing_slicing",
    "string_slice",
    "arithmetic_side_effects",
    "cast_possible_truncation",
    "cast_sign_loss",
    "cast_possible_wrap",
];

const MOST_LINES: usize = 500;

/// Marks of somebody's machine, in pieces so that this file does not have them.
const MACHINE_MARKS: [(&str, &str); 5] =
    [("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/"), ("registry.npm", "js"), ("crates.io-", "index")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Tracked files, and new ones that are not ignored.
fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git can be started");
    assert!(listed.status.success(), "these are the sources of a git repository");
    let names = String::from_utf8(listed.stdout).unwrap();
    let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
    names.retain(|name| root().join(name).is_file());
    assert!(names.len() > 100);
    names
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn sources() -> Vec<String> {
    files().into_iter().filter(|name| name.ends_with(".rs")).collect()
}

/// A source without its test module, which is last.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

#[test]
fn every_source_says_what_it_is_and_is_short() {
    for name in sources() {
        let text = read(&name);
        assert!(text.starts_with("//! "), "{name} does not begin with what it is for (//! …)");
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{name} has {lines} lines; take it apart");
    }
}

#[test]
fn the_packager_cannot_act() {
    let manifest = read("packager-core/Cargo.toml");
    let dependencies = manifest.split("[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    for line in dependencies.lines().filter(|line| !line.is_empty()) {
        let name = line.split(['.', ' ', '=']).next().unwrap();
        assert!(CORE_MAY_USE.contains(&name), "packager-core must not depend on {name}");
    }
    for name in sources().iter().filter(|name| name.starts_with("packager-core/src/")) {
        let text = read(name);
        for word in CORE_MUST_NOT_SAY {
            assert!(!without_tests(&text).contains(word), "{name} says {word}");
        }
    }
}

#[test]
fn nothing_in_the_packager_may_panic() {
    for name in sources().iter().filter(|name| name.starts_with("packager-core/src/")) {
        for lint in PANIC_LINTS {
            for attribute in ["allow", "expect"] {
                let allowed = read(name).contains(&format!("{attribute}(clippy::{lint}"));
                assert!(!allowed, "{name} excuses itself from clippy::{lint}");
            }
        }
    }
    let lib = read("packager-core/src/lib.rs");
    for lint in PANIC_LINTS {
        assert!(
            lib.contains(&format!("clippy::{lint},")) || lib.contains(&format!("clippy::{lint}\n")),
            "{lint} is not denied"
        );
    }
}

/// A Wasm module that imports `env` asks for a C library that no worker has.
#[test]
fn what_the_packager_uses_brings_no_c_library_and_no_clock() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let tree = Command::new(cargo)
        .args(["tree", "--package", "packager-core", "--edges", "normal", "--prefix", "none"])
        .args(["--target", "wasm32-unknown-unknown", "--locked", "--format", "{p} {f}"])
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap();
        let refused =
            ["libc", "getrandom", "rand", "js-sys", "wasm-bindgen", "web-sys", "tokio", "mio", "futures"];
        assert!(!refused.contains(&name) && !name.ends_with("-sys"), "packager-core brings {name}");
    }
    assert!(tree.lines().count() > 5, "{tree}");
}

#[test]
fn no_file_tells_of_somebody_s_machine() {
    for name in files() {
        // Lock files name where each package is from; that is what they are for.
        let is_lock = name.ends_with("Cargo.lock") || name.ends_with("package-lock.json");
        let Ok(text) = fs::read_to_string(root().join(&name)) else { continue };
        for (before, after) in MACHINE_MARKS {
            let mark = format!("{before}{after}");
            let found = text.lines().find(|line| {
                let is_source = is_lock
                    && (line.starts_with("source = ") || line.trim_start().starts_with("\"resolved\": "));
                line.contains(&mark) && !is_source
            });
            assert!(found.is_none(), "{name}: {}", found.unwrap_or_default());
        }
    }
}
