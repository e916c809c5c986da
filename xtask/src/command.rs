//! Running other programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the repository: where Cargo runs this from, whichever checkout it was built in.
pub(crate) fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    package.as_deref().map_or(Path::new(env!("CARGO_MANIFEST_DIR")), Path::new).join("..")
}

/// Cargo, the one that runs this.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    // What Cargo says of this program is nothing to builds, some of which begin anew when it changes.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to the end; what it prints is seen.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let name = shown(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{name}` failed ({status})")),
        Err(why) => Err(format!("`{name}` cannot be started: {why}")),
    }
}

/// What a program prints; `None` when it fails or is not there.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let done = Command::new(program).args(args).stderr(Stdio::null()).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
