//! `cargo xtask package`: all that Terraform uploads, in target/package.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::cloudfront;
use super::command::{root, run};
use super::{lambda, tools, worker};

/// CloudFront sends it to every regional cache, and each of them starts it for the first viewer.
const LAMBDA_EDGE_BYTES: u64 = 1_000_000;

/// Where it is put.
fn folder() -> PathBuf {
    root().join("target/package")
}

/// Everything.
pub(crate) fn all() -> Result<(), String> {
    worker()?;
    lambda::build()?;
    let mut made = vec![folder().join("worker/entry.js"), lambda_edge()?];
    for name in lambda::names() {
        let to = folder().join(name).with_extension("zip");
        fs::copy(lambda::zip(name), &to).map_err(|why| format!("{}: {why}", to.display()))?;
        made.push(to);
    }
    for file in made {
        let bytes = fs::metadata(&file).map_err(|why| format!("{}: {why}", file.display()))?.len();
        println!("{} ({:.1} kB)", file.display(), bytes as f64 / 1000.0);
    }
    Ok(())
}

/// The Worker, as wrangler bundles it, and the player page beside it.
fn worker() -> Result<(), String> {
    tools::npm_packages(&["."])?;
    worker::build()?;
    let to = folder().join("worker");
    if to.exists() {
        fs::remove_dir_all(&to).map_err(|why| format!("{}: {why}", to.display()))?;
    }
    let bin = root().join("node_modules/.bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Its own Node.js, which wrangler wants to be newer than many are.
    let path = std::env::join_paths(std::iter::once(bin.clone()).chain(std::env::split_paths(&path)));
    let mut bundle = Command::new(bin.join("wrangler"));
    bundle.args(["deploy", "--dry-run", "--outdir"]).arg(&to).env("WRANGLER_SEND_METRICS", "false");
    run(bundle.env("PATH", path.map_err(|why| why.to_string())?).current_dir(root()))?;
    let page = to.join("assets/-/player");
    copy_all(&root().join("edge-worker/assets/-/player"), &page)
}

fn copy_all(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |path: &Path, why: io::Error| format!("{}: {why}", path.display());
    fs::create_dir_all(to).map_err(|why| failed(to, why))?;
    for entry in fs::read_dir(from).map_err(|why| failed(from, why))? {
        let path = entry.map_err(|why| failed(from, why))?.path();
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_all(&path, &to)?;
        } else {
            fs::copy(&path, &to).map_err(|why| failed(&path, why))?;
        }
    }
    Ok(())
}

/// Lambda@Edge's function, zipped.
pub(crate) fn lambda_edge() -> Result<PathBuf, String> {
    let built = cloudfront::build()?;
    let to = folder().join("lambda-edge.zip");
    zip(&to, &cloudfront::FILES.map(|file| (file, built.join(file), 0o644)))?;
    let bytes = fs::metadata(&to).map_err(|why| format!("{}: {why}", to.display()))?.len();
    if bytes > LAMBDA_EDGE_BYTES {
        return Err(format!("{} has {bytes} bytes; it may have {LAMBDA_EDGE_BYTES}", to.display()));
    }
    Ok(to)
}

/// Packs files, each under a name of its own. The same files make the same archive, so that Terraform sees no change
/// where there is none.
fn zip(to: &Path, files: &[(&str, PathBuf, u32)]) -> Result<(), String> {
    let failed = |why: io::Error| format!("{}: {why}", to.display());
    fs::create_dir_all(to.parent().unwrap_or(to)).map_err(failed)?;
    let mut archive = ZipWriter::new(File::create(to).map_err(failed)?);
    for (name, file, mode) in files {
        let options = SimpleFileOptions::default().unix_permissions(*mode).compression_level(Some(9));
        archive.start_file(*name, options).map_err(|why| failed(why.into()))?;
        let mut file = File::open(file).map_err(|why| format!("{}: {why}", file.display()))?;
        io::copy(&mut file, &mut archive).map_err(failed)?;
    }
    archive.finish().map_err(|why| failed(why.into()))?;
    Ok(())
}
