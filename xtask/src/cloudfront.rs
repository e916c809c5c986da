//! The handler of Lambda@Edge: the packager's Wasm, and the JavaScript that drives it, in one folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::command::{root, run};
use super::worker::{compile, is_newer, optimise};

const FOLDER: &str = "edge-worker/cloudfront";

/// What is uploaded.
pub(crate) const FILES: [&str; 2] = ["index.js", "edge_bg.wasm"];

/// What `index.js` is made of, beside the packager.
const SOURCES: [&str; 3] = ["handler.mjs", "bucket.mjs", "../s3.mjs"];

/// Builds it, where it is older than what it is made of; where it is.
pub(crate) fn build() -> Result<PathBuf, String> {
    let compiled = compile("edge-cloudfront")?;
    let folder = root().join(FOLDER);
    let built = folder.join("build");
    let sources: Vec<PathBuf> =
        SOURCES.iter().map(|file| folder.join(file)).chain([compiled.clone()]).collect();
    if is_newer(&FILES.map(|file| built.join(file)), &sources)? {
        return Ok(built);
    }
    fs::create_dir_all(&built).map_err(|why| format!("{}: {why}", built.display()))?;
    // As Lambda takes files that nothing is said of, whatever the repository's own package says.
    let package = built.join("package.json");
    fs::write(&package, "{ \"type\": \"commonjs\" }\n")
        .map_err(|why| format!("{}: {why}", package.display()))?;
    let mut bindgen = Command::new("wasm-bindgen");
    bindgen.args(["--target", "nodejs", "--no-typescript", "--out-name", "edge", "--out-dir"]);
    run(bindgen.arg(&built).arg(&compiled))?;
    optimise("-O2", &built.join("edge_bg.wasm"))?;
    let mut bundle = Command::new(root().join("node_modules/.bin/esbuild"));
    bundle.args([
        "handler.mjs",
        "--bundle",
        "--platform=node",
        "--target=node22",
        "--format=cjs",
        "--log-level=warning",
    ]);
    run(bundle.arg("--outfile=build/index.js").current_dir(&folder))?;
    Ok(built)
}
