//! `cargo xtask worker`: the Worker as wrangler takes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::{cargo, root, run};
use super::tools;

/// Builds the Worker's Wasm and glue, and collects the player page for its static assets.
pub(crate) fn build() -> Result<(), String> {
    tools::wasm_target()?;
    tools::worker_tools()?;
    let flags = ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", remapped());
    let package = ["build", "--package", "edge-worker", "--profile", PROFILE, "--target", tools::WASM];
    run(cargo(&package).env(flags.0, &flags.1))?;
    if !is_built()? {
        // Left to itself, worker-build would fetch these from elsewhere.
        let bin = root().join("node_modules/.bin");
        let mut command = Command::new("worker-build");
        command
            .args(["--profile", PROFILE, "edge-worker"])
            .env("WASM_BINDGEN_BIN", "wasm-bindgen")
            .env("ESBUILD_BIN", bin.join("esbuild"))
            .env(flags.0, &flags.1)
            .current_dir(root());
        run(&mut command)?;
        optimise(&bin.join("wasm-opt"))?;
    }
    assets()
}

/// Of Cargo.toml.
const PROFILE: &str = "worker";

/// What wrangler takes is newer than what it is made of.
fn is_built() -> Result<bool, String> {
    let changed = |path: PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let compiled = target.join(tools::WASM).join(PROFILE).join("edge_worker.wasm");
    let compiled_at = changed(compiled.clone()).ok_or(format!("{} is not there", compiled.display()))?;
    let built = root().join("edge-worker/build");
    Ok([WASM, "index.js"].iter().all(|file| changed(built.join(file)) > Some(compiled_at)))
}

const WASM: &str = "index_bg.wasm";

/// Places in sources are in the Wasm, for panics: without the folders of whose machine built it.
fn remapped() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registries = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    let folders = registries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let all: Vec<String> =
        folders.map(|folder| format!("--remap-path-prefix={}/=", folder.display())).collect();
    all.join(" ")
}

/// Wasm features that Rust's target and wasm-bindgen use, and every workerd knows.
const FEATURES: [&str; 7] = [
    "mutable-globals",
    "sign-ext",
    "nontrapping-float-to-int",
    "bulk-memory",
    "multivalue",
    "reference-types",
    "exception-handling",
];

/// For size, without the functions' names: the Wasm travels to every data centre.
fn optimise(wasm_opt: &Path) -> Result<(), String> {
    let wasm = root().join("edge-worker/build").join(WASM);
    let mut command = Command::new(wasm_opt);
    command.args(["-Oz", "--strip-debug", "--strip-producers"]);
    command.args(FEATURES.map(|feature| format!("--enable-{feature}")));
    run(command.arg(&wasm).arg("-o").arg(&wasm))
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
