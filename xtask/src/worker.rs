//! `cargo xtask worker`: the Worker as wrangler takes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::{output, root, run};
use super::tools;

/// Builds the Worker's Wasm and glue, and collects the player page for its static assets.
pub(crate) fn build() -> Result<(), String> {
    tools::wasm_target()?;
    tools::worker_tools()?;
    // Left to itself, worker-build would fetch these from elsewhere.
    let bin = root().join("node_modules/.bin");
    let mut command = Command::new("worker-build");
    command
        .args(["--profile", "worker", "edge-worker"])
        .env("WASM_BINDGEN_BIN", "wasm-bindgen")
        .env("WASM_OPT_BIN", bin.join("wasm-opt"))
        .env("ESBUILD_BIN", bin.join("esbuild"))
        .current_dir(root());
    run(&mut command)?;
    assets()
}

/// The player's files, where their URLs say.
fn assets() -> Result<(), String> {
    tools::npm_packages(&["player"])?;
    let player = root().join("player");
    let to = root().join("edge-worker/assets/-/player");
    fs::create_dir_all(&to).map_err(|why| format!("{}: {why}", to.display()))?;
    let files = ["index.html", "player.js", "tracks.js", "player.css", "node_modules/hls.js/dist/hls.min.js"];
    for file in files {
        let from = player.join(file);
        let name = Path::new(file).file_name().map(PathBuf::from).unwrap_or_default();
        fs::copy(&from, to.join(name)).map_err(|why| format!("{}: {why}", from.display()))?;
    }
    Ok(())
}
