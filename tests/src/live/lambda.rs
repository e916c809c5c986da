//! Lambda, as cargo-lambda plays it: functions behind their URLs, as many instances of each as are wanted.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::server::built;
use super::{Host, free_port, root, wait_for};

/// Where `cargo xtask test` puts the package.
const PROGRAM: &str = "target/cargo-lambda/bin/cargo-lambda";

/// A function and what plays Lambda to it. Killed when dropped.
pub struct Lambda {
    emulator: Child,
    instances: Vec<Child>,
    port: u16,
    function: String,
    folder: tempfile::TempDir,
}

/// A function of this workspace, built for this machine.
pub fn function(name: &str) -> &'static Path {
    built(name)
}

impl Lambda {
    /// Starts so many instances of a program, with this environment.
    ///
    /// # Panics
    ///
    /// cargo-lambda is not installed, or does not start.
    pub fn start(program: &Path, environment: &[(&str, String)], instances: usize) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let port = free_port();
        let emulator = Command::new(root().join(PROGRAM))
            .args(["lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1"])
            .args(["--invoke-port", &port.to_string()])
            .arg("--manifest-path")
            .arg(root().join("Cargo.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log(folder.path(), "emulator"))
            .spawn()
            .expect("cargo-lambda is installed by `cargo xtask test`");
        // It answers for none but the programs of this workspace.
        let function = program.file_stem().expect("a program has a name").to_string_lossy().into_owned();
        let mut started = Self { emulator, instances: Vec::new(), port, function, folder };
        wait_for("cargo-lambda listens", Duration::from_secs(30), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        for nth in 0..instances {
            let instance = Command::new(program)
                .env_clear()
                .envs(environment.iter().map(|(name, value)| (*name, value)))
                .env("AWS_LAMBDA_RUNTIME_API", format!("http://127.0.0.1:{port}/.rt/{}", started.function))
                .env("AWS_LAMBDA_FUNCTION_NAME", &started.function)
                .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
                .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
                .stdin(Stdio::null())
                .stdout(log(started.folder.path(), &format!("instance-{nth}")))
                .stderr(Stdio::inherit())
                .spawn()
                .expect("the function can be started");
            started.instances.push(instance);
        }
        started
    }

    /// Where the emulator listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the instances have logged.
    ///
    /// # Panics
    ///
    /// It cannot be read.
    pub fn logs(&self) -> Vec<String> {
        (0..self.instances.len())
            .map(|nth| {
                let log = self.folder.path().join(format!("instance-{nth}"));
                std::fs::read_to_string(log).expect("it has a log")
            })
            .collect()
    }

    /// The instances' process ids.
    pub fn pids(&self) -> Vec<u32> {
        self.instances.iter().map(Child::id).collect()
    }
}

fn log(folder: &Path, name: &str) -> File {
    File::create(folder.join(name)).expect("there is room for a file")
}

impl Host for Lambda {
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/lambda-url/{}{path}", self.port, self.function)
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        for child in self.instances.iter_mut().chain([&mut self.emulator]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
