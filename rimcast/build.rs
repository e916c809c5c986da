//! Fetches the players that are built into the binary from npm.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

/// Where their scripts lie among the npm packages.
const SCRIPTS: [&str; 3] = [
    "hls.js/dist/hls.min.js",
    "dashjs/dist/modern/umd/dash.mediaplayer.min.js",
    "shaka-player/dist/shaka-player.dash-es2021.js",
];

fn main() {
    let player = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("Cargo sets it")).join("../player");
    let lockfile = player.join("package-lock.json");
    let scripts = SCRIPTS.map(|script| player.join("node_modules").join(script));
    println!("cargo::rerun-if-changed={}", lockfile.display());
    for script in &scripts {
        println!("cargo::rerun-if-changed={}", script.display());
    }
    // npm writes this one last, so that an installation that broke off is not taken for a whole one.
    let installed = player.join("node_modules/.package-lock.json");
    let is_fresh = scripts.iter().all(|script| script.exists())
        && changed(&installed).is_some_and(|at| Some(at) >= changed(&lockfile));
    if !is_fresh && let Err(why) = install(&player) {
        println!("cargo::error={why}");
        return;
    }
    let copies = env::var("OUT_DIR").expect("Cargo sets it");
    for script in &scripts {
        let copied = script.file_name().map(|name| fs::copy(script, Path::new(&copies).join(name)));
        if let Some(Err(why)) = copied {
            println!("cargo::error=cannot copy {}: {why}", script.display());
        }
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
            format!("the player page needs players from npm, but npm does not run ({why}); install Node.js 20 or later")
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
    Err(format!("`npm ci` in player/ failed ({}): {said}", output.status))
}
