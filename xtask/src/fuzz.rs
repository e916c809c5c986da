//! `cargo xtask fuzz`.

use std::fs;
use std::process::Command;

use super::command::{output, root, run};

/// Runs each target for its share of the time. Stops at the first that finds something.
pub(crate) fn run_targets(minutes: u64, only: &[String]) -> Result<(), String> {
    if output("cargo", &["fuzz", "--version"]).is_none() {
        return Err("cargo-fuzz is not installed; cargo install cargo-fuzz --locked".to_owned());
    }
    if output("cargo", &["+nightly", "--version"]).is_none() {
        return Err("there is no nightly toolchain; rustup toolchain install nightly".to_owned());
    }
    let all = targets()?;
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        return Err(format!("there is no fuzz target {unknown}; there are {}", all.join(", ")));
    }
    let chosen: Vec<&String> = all.iter().filter(|name| only.is_empty() || only.contains(name)).collect();
    let seconds = (minutes * 60 / chosen.len().max(1) as u64).max(1);
    for target in chosen {
        println!("\n==> {target}, {seconds} s");
        let time = format!("-max_total_time={seconds}");
        // Not with the toolchain of this repository, which is stable.
        let mut fuzz = Command::new("cargo");
        fuzz.args(["+nightly", "fuzz", "run", target, "--", &time, "-max_len=262144", "-rss_limit_mb=1024"]);
        run(fuzz.current_dir(root()))?;
    }
    Ok(())
}

/// The targets there are.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}
