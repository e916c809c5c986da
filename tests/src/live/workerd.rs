//! The Cloudflare Worker in workerd, as `wrangler dev` runs it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::{get, root, wait_for};

/// A running workerd, in memory: what was stored is gone with it.
pub struct Workerd {
    child: Child,
    started: Started,
}

/// What `serve.mjs` prints.
#[derive(Deserialize)]
struct Started {
    url: String,
    urls: BTreeMap<String, String>,
    pid: u32,
}

/// How often a URL was asked for at the Worker.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Count {
    /// So often, answered or not.
    pub asked: u64,
    /// And the answers by status.
    pub statuses: BTreeMap<String, u64>,
}

impl Workerd {
    /// Starts it with the options of `serve.mjs`.
    ///
    /// # Panics
    ///
    /// It does not start: `npm ci` and `cargo xtask worker` come first.
    pub fn start(options: &serde_json::Value) -> Self {
        let mut child = Command::new(root().join("node_modules/.bin/node"))
            .arg("serve.mjs")
            .arg(options.to_string())
            .current_dir(root().join("tests/workerd"))
            .env("WRANGLER_SEND_METRICS", "false")
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("npm packages are installed: npm ci");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let started = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| serde_json::from_str(&line).ok())
            .expect("the Worker starts, once it is built: cargo xtask worker");
        // The Worker's log.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| println!("workerd: {line}")));
        Self { child, started }
    }

    /// A URL of the Worker.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.started.url)
    }

    /// The port of a Worker or entry point, without anything before it: `rimcast.Packager`.
    ///
    /// # Panics
    ///
    /// There is none of that name.
    pub fn direct_port(&self, name: &str) -> u16 {
        port_of(self.started.urls.get(name).unwrap_or_else(|| panic!("no Worker is called {name}")))
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        port_of(&self.started.url)
    }

    /// workerd's process.
    ///
    /// # Panics
    ///
    /// It has ended.
    pub fn pid(&self) -> u32 {
        let parent = self.started.pid;
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        let children = children.expect("it is running");
        children
            .split_whitespace()
            .find(|child| {
                let name = std::fs::read_to_string(format!("/proc/{child}/comm"));
                name.is_ok_and(|name| name.starts_with("workerd"))
            })
            .and_then(|child| child.parse().ok())
            .expect("Miniflare runs workerd")
    }

    /// With `count`: what was asked for, by path and query.
    ///
    /// # Panics
    ///
    /// It does not answer.
    pub fn counts(&self) -> BTreeMap<String, Count> {
        let answer = get(&self.url("/-/counts")).expect("the counts answer");
        serde_json::from_slice(&answer.body).expect("counts are JSON")
    }
}

fn port_of(url: &str) -> u16 {
    url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("the URL has a port")
}

impl Drop for Workerd {
    fn drop(&mut self) {
        // It takes workerd with it when its input ends, which it would not when killed.
        drop(self.child.stdin.take());
        wait_for("workerd ends", Duration::from_secs(10), || self.child.try_wait().ok().flatten());
    }
}
