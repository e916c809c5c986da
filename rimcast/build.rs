//! Fetches hls.js, which is built into the binary, from npm.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

fn main() {
    let player = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("Cargo sets it")).join("../player");
    let lockfile = player.join("package-lock.json");
    let script = player.join("node_modules/hls.js/dist/hls.min.js");
    println!("cargo::rerun-if-changed={}", lockfile.display());
    println!("cargo::rerun-if-changed={}", script.display());
    // npm writes this one last, so that an installation that broke off is not taken for a whole one.
    let installed = player.join("node_modules/.package-lock.json");
    let is_fresh = script.exists() && changed(&installed).is_some_and(|at| Some(at) >= changed(&lockfile));
    if !is_fresh && let Err(why) = install(&player) {
        println!("cargo::error={why}");
        return;
    }
    let copy = Path::new(&env::var("OUT_DIR").expect("Cargo sets it")).join("hls.min.js");
    if let Err(why) = fs::copy(&script, &copy) {
        println!("cargo::error=cannot copy {}: {why}", script.display());
    }
}

fn changed(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok()?.modified().ok()
}

fn install(player: &Path) -> Result<(), String> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(npm)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(player)
        .output()
        .map_err(|why| {
            format!("the player page needs hls.js from npm, but npm does not run ({why}); install Node.js 20 or later")
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
    Err(format!("`npm ci` in player/ failed ({}): {said}", output.status))
}
