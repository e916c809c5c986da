//! `cargo xtask package`: all that Terraform uploads, in target/package.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::cloudfront;
use super::command::root;

/// CloudFront sends it to every regional cache, and each of them starts it for the first viewer.
const LAMBDA_EDGE_BYTES: u64 = 1_000_000;

/// Where it is put.
fn folder() -> PathBuf {
    root().join("target/package")
}

/// Everything.
pub(crate) fn all() -> Result<(), String> {
    let made = [lambda_edge()?];
    for file in made {
        let bytes = fs::metadata(&file).map_err(|why| format!("{}: {why}", file.display()))?.len();
        println!("{} ({:.1} kB)", file.display(), bytes as f64 / 1000.0);
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
