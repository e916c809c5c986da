//! The Lambda functions as they are uploaded.

use std::path::PathBuf;

use super::command::{root, run};
use super::{tools, worker};

/// Of Cargo.toml.
pub(crate) const PROFILE: &str = "function";

/// Lambda's arm64, which costs a fifth less than the other.
const TARGET: &str = "aarch64-unknown-linux-gnu";

/// The functions: package, its features, and program.
const FUNCTIONS: [(&str, &str, &str); 2] =
    [("ingest-lambda", "lambda", "ingest"), ("ingest-lambda", "lambda", "segments")];

/// Megabytes that a function's zip may have: it is read when an instance starts.
const MOST_MB: f64 = 5.0;

/// The functions' names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.into_iter().map(|(_, _, program)| program)
}

/// Builds the zip of each function.
pub(crate) fn build() -> Result<(), String> {
    tools::lambda_tools()?;
    tools::rust_target(TARGET)?;
    for (package, features, program) in FUNCTIONS {
        let mut command = tools::cargo_lambda();
        command
            .args(["build", "--profile", PROFILE, "--arm64", "--output-format", "zip"])
            .args(["--package", package, "--features", features, "--bin", program])
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS", worker::remapped());
        run(&mut command)?;
    }
    Ok(())
}

/// Says how big the zips are, as they were built, and fails when one is too big.
pub(crate) fn check_size() -> Result<(), String> {
    for (_, _, program) in FUNCTIONS {
        let zip = zip(program);
        let file = std::fs::metadata(&zip).map_err(|why| format!("{}: {why}", zip.display()))?;
        let mb = file.len() as f64 / 1_000_000.0;
        println!("the function {program} has {mb:.2} MB, zipped; it may have {MOST_MB:.0}");
        if mb > MOST_MB {
            return Err(format!("the function {program} has {mb:.2} MB, zipped"));
        }
    }
    Ok(())
}

/// Where the zip of a function is.
pub(crate) fn zip(program: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("lambda").join(program).join("bootstrap.zip")
}
