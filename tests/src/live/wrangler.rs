//! `npx wrangler dev`, as a user starts it: the Worker in workerd, with local object storage.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Host, free_port, get, root, wait_for};

/// A running `wrangler dev`. Killed (SIGKILL), with all it started, when dropped.
pub struct Wrangler {
    child: Child,
    port: u16,
}

impl Wrangler {
    /// Keeps its storage in `data`. Builds the Worker first, if that is not done yet.
    ///
    /// # Panics
    ///
    /// It cannot be started, or does not answer.
    pub fn dev(data: &Path) -> Self {
        Self::dev_with(data, &[])
    }

    /// The same, with variables beside those of `wrangler.toml`.
    ///
    /// # Panics
    ///
    /// It cannot be started, or does not answer.
    pub fn dev_with(data: &Path, variables: &[(&str, String)]) -> Self {
        let port = free_port();
        let bin = root().join("node_modules/.bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let with_bin = std::iter::once(bin.clone()).chain(std::env::split_paths(&path));
        let child = Command::new(bin.join("wrangler"))
            .args(["dev", "--port", &port.to_string(), "--inspector-port", &free_port().to_string()])
            .args(["--show-interactive-dev-session=false", "--log-level", "warn", "--persist-to"])
            .arg(data)
            .args(variables.iter().flat_map(|(name, value)| ["--var".to_owned(), format!("{name}:{value}")]))
            .env("PATH", std::env::join_paths(with_bin).expect("a path without colons"))
            .env("WRANGLER_SEND_METRICS", "false")
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .current_dir(root())
            .stdin(Stdio::null())
            // So that workerd, which it starts, is ended with it.
            .process_group(0)
            .spawn()
            .expect("wrangler is installed (npm ci)");
        let wrangler = Self { child, port };
        wait_for("/healthz answers", Duration::from_secs(300), || {
            get(&wrangler.url("/healthz")).ok().filter(|answer| answer.status == 200)
        });
        wrangler
    }
}

impl Host for Wrangler {
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Wrangler {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}
