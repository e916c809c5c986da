//! `rimcast serve`, as a user starts it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::{Host, get, root, wait_for};

/// A running server. Killed (SIGKILL) when dropped.
pub struct Server {
    child: Child,
    args: Vec<String>,
    port: u16,
}

/// The program.
pub fn program() -> &'static Path {
    built("rimcast")
}

/// A program of this workspace. All that tests run are built in one go: each by itself would bring another set of features,
/// for which what they share is built again.
pub(super) fn built(program: &str) -> &'static Path {
    static PROGRAMS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let built =
        PROGRAMS.get_or_init(build).iter().find(|path| path.file_stem().is_some_and(|it| it == program));
    built.unwrap_or_else(|| panic!("{program} is among the programs that are built for tests"))
}

fn build() -> Vec<PathBuf> {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo
        .args(["build", "--release", "--message-format=json-render-diagnostics", "--bins"])
        .args(["--package", "rimcast", "--package", "rimcast-probe", "--package", "ingest-lambda"])
        .args(["--features", "ingest-lambda/lambda"])
        .current_dir(root())
        .stderr(Stdio::inherit());
    // What Cargo says of the test that runs is nothing to builds, some of which begin anew when it changes.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            cargo.env_remove(name);
        }
    }
    let built = cargo.output().expect("cargo can be started");
    assert!(built.status.success(), "the programs do not build");
    let messages = String::from_utf8(built.stdout).expect("cargo speaks UTF-8");
    let executable = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    executable.collect()
}

/// A port nobody listens on right now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

impl Server {
    /// `rimcast serve --data DATA ARGS…`, answering.
    pub fn serve(data: &Path, args: &[&str]) -> Self {
        let mut all = vec!["serve".to_owned(), "--data".to_owned(), data.display().to_string()];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        Self::start(all)
    }

    /// `rimcast demo ARGS…`, answering.
    pub fn demo(args: &[&str]) -> Self {
        let mut all = vec!["demo".to_owned()];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        Self::start(all)
    }

    fn start(args: Vec<String>) -> Self {
        let port = free_port();
        let child = spawn(&args, port);
        let server = Self { child, args, port };
        server.wait_until_it_answers();
        server
    }

    fn wait_until_it_answers(&self) {
        if self.is_tls() {
            wait_for("the port opens", Duration::from_secs(20), || {
                std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()
            });
            return;
        }
        wait_for("/healthz answers", Duration::from_secs(20), || {
            get(&self.url("/healthz")).ok().filter(|answer| answer.status == 200)
        });
    }

    fn is_tls(&self) -> bool {
        self.args.iter().any(|arg| arg == "--tls")
    }

    /// Dies as if the power had gone, and starts again over the same data.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.child = spawn(&self.args, self.port);
        self.wait_until_it_answers();
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop (SIGINT) and gives its exit code.
    pub fn interrupt(mut self) -> Option<i32> {
        let asked = Command::new("kill").args(["-INT", &self.pid().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "kill -INT");
        wait_for("it stops", Duration::from_secs(15), || self.child.try_wait().ok().flatten()).code()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.is_tls() { "https" } else { "http" }
    }
}

impl Host for Server {
    fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", self.scheme(), self.port)
    }
}

fn spawn(args: &[String], port: u16) -> Child {
    Command::new(program())
        .args(args)
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .spawn()
        .expect("rimcast can be started")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
