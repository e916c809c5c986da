//! `cargo xtask worker`: the Worker as wrangler takes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::{cargo, root, run};
use super::tools;

/// Of Cargo.toml.
const PROFILE: &str = "worker";

const WASM: &str = "index_bg.wasm";

/// Builds the Worker's Wasm and glue, and collects the player page for its static assets.
pub(crate) fn build() -> Result<(), String> {
    package("edge-worker", "edge-worker")?;
    bundle(&root().join("edge-worker"))?;
    assets()
}

/// Builds the Worker that benchmarks compare it with, in the same way.
pub(crate) fn build_hello() -> Result<(), String> {
    package("hello-worker", "bench/hello-worker")
}

/// Builds a crate's Wasm and glue, into its folder `build`, where that is older than what it is made of.
fn package(name: &str, folder: &str) -> Result<(), String> {
    let compiled = compile(name)?;
    let built = root().join(folder).join("build");
    if is_newer(&[WASM, "index.js"].map(|file| built.join(file)), &[compiled])? {
        return Ok(());
    }
    let flags = (RUSTFLAGS, remapped());
    // Left to itself, worker-build would fetch these from elsewhere, and keep the names of all functions.
    let bin = root().join("node_modules/.bin");
    let mut command = Command::new("worker-build");
    command
        .args(["--profile", PROFILE, "--no-opt", folder])
        .env("WASM_BINDGEN_BIN", "wasm-bindgen")
        .env("ESBUILD_BIN", bin.join("esbuild"))
        .env(flags.0, &flags.1)
        .current_dir(root());
    run(&mut command)?;
    // For size: it travels to every data centre.
    optimise("-Oz", &built.join(WASM))
}

/// Bundles what reads S3 with the npm packages that it is made of.
fn bundle(folder: &Path) -> Result<(), String> {
    let mut bundle = Command::new(root().join("node_modules/.bin/esbuild"));
    bundle.args([
        "bucket.mjs",
        "--bundle",
        "--format=esm",
        "--minify-whitespace",
        "--minify-syntax",
        "--log-level=warning",
    ]);
    run(bundle.arg("--outfile=build/bucket.js").current_dir(folder))
}

const RUSTFLAGS: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";

/// Compiles a crate to Wasm, and says where it is.
pub(crate) fn compile(name: &str) -> Result<PathBuf, String> {
    tools::wasm_target()?;
    tools::worker_tools()?;
    let compile = ["build", "--package", name, "--profile", PROFILE, "--target", tools::WASM];
    run(cargo(&compile).env(RUSTFLAGS, remapped()))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join(tools::WASM).join(PROFILE).join(name.replace('-', "_")).with_extension("wasm"))
}

/// Whether files are newer than all that they are made of.
pub(crate) fn is_newer(files: &[PathBuf], sources: &[PathBuf]) -> Result<bool, String> {
    let changed = |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    let mut newest = None;
    for source in sources {
        let at = changed(source).ok_or(format!("{} is not there", source.display()))?;
        newest = newest.max(Some(at));
    }
    Ok(files.iter().all(|file| changed(file) > newest))
}

/// Places in sources are in what is built, for panics: without the folders of whose machine built it.
pub(crate) fn remapped() -> String {
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

/// Without the functions' names, which are large.
pub(crate) fn optimise(level: &str, wasm: &Path) -> Result<(), String> {
    let mut command = Command::new(root().join("node_modules/.bin/wasm-opt"));
    command.args([level, "--strip-debug", "--strip-producers"]);
    command.args(FEATURES.map(|feature| format!("--enable-{feature}")));
    run(command.arg(wasm).arg("-o").arg(wasm))
}

/// Kilobytes that the Worker's Wasm may have, gzipped: it travels to every data centre.
const MOST_KB: f64 = 450.0;

/// Says how big the Worker is, as it was built, and fails when that is too much.
pub(crate) fn check_size() -> Result<(), String> {
    let wasm = root().join("edge-worker/build").join(WASM);
    let packed = Command::new("gzip").args(["-9", "-c"]).arg(&wasm).output();
    let packed = packed.map_err(|why| format!("gzip cannot be started: {why}"))?;
    if !packed.status.success() {
        return Err(format!("{} is not there", wasm.display()));
    }
    let kb = packed.stdout.len() as f64 / 1000.0;
    println!("the Worker's Wasm has {kb:.1} kB, gzipped; it may have {MOST_KB:.0}");
    if kb <= MOST_KB { Ok(()) } else { Err(format!("the Worker's Wasm has {kb:.1} kB, gzipped")) }
}

/// The player page and the modules it is made of.
const PAGE: [&str; 12] = [
    "event.js",
    "index.html",
    "player.css",
    "player.js",
    "status.css",
    "status.html",
    "status.js",
    "tracks.js",
    "engines/dash.js",
    "engines/hls.js",
    "engines/native.js",
    "engines/shaka.js",
];

/// The players, where they lie among the npm packages.
const PLAYERS: [&str; 3] = [
    "hls.js/dist/hls.min.js",
    "dashjs/dist/modern/umd/dash.mediaplayer.min.js",
    "shaka-player/dist/shaka-player.dash-es2021.js",
];

/// The player's files, where their URLs say.
fn assets() -> Result<(), String> {
    tools::npm_packages(&["player"])?;
    let player = root().join("player");
    let to = root().join("edge-worker/assets/-/player");
    let page = PAGE.iter().map(|file| (player.join(file), to.join(file)));
    let players = PLAYERS.iter().map(|file| {
        let name = Path::new(file).file_name().unwrap_or_default();
        (player.join("node_modules").join(file), to.join(name))
    });
    for (from, to) in page.chain(players) {
        fs::create_dir_all(to.parent().unwrap_or(&to)).map_err(|why| format!("{}: {why}", to.display()))?;
        fs::copy(&from, &to).map_err(|why| format!("{}: {why}", from.display()))?;
    }
    Ok(())
}
