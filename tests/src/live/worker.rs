//! The Worker in workerd, as it was built, with a bucket and a clock that are under the test's control
//! (`tests/worker`); and the handler of Lambda@Edge in Node.js, likewise (`tests/cloudfront`).

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use super::{Fetched, Host, Lambda, SeaweedFs, get, request, root};

/// A running Worker. Ended when dropped.
pub struct Worker {
    child: Child,
    url: String,
    /// Storage itself sends parts and headers, and others send segments.
    pub leaves_media: bool,
}

/// What goes on in the Worker.
#[derive(Debug, Clone, Deserialize)]
pub struct Inside {
    /// Requests inside waiting objects.
    pub held: usize,
    /// Keys and prefixes whose reads have begun and not ended.
    pub reading: Vec<String>,
    /// How many reads have ended.
    pub read: usize,
    /// What was read since the time that was asked for: keys and prefixes, in the order in which reads ended.
    pub reads: Vec<String>,
    /// How often each key's body was asked for.
    pub got: BTreeMap<String, usize>,
    /// When the Worker tried to write each key, in milliseconds since the epoch.
    pub writes: BTreeMap<String, Vec<u64>>,
    /// When each key was first there to be read, in milliseconds since the epoch.
    pub stored: BTreeMap<String, u64>,
    /// Writes that R2 would refuse, and why.
    pub refused: Vec<String>,
}

/// A stored object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its metadata.
    pub meta: String,
}

impl Worker {
    /// Starts the Worker that was built last (`cargo xtask worker`), on a port of its own, with an empty bucket.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn start() -> Self {
        Self::host("tests/worker", false, &[])
    }

    /// Starts the handler of Lambda@Edge that was built last (`cargo xtask package`), over a bucket, with another
    /// origin for segments.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn cloudfront(bucket: &SeaweedFs, segments: Option<&Lambda>) -> Self {
        let mut environment = bucket.environment();
        environment.extend(segments.map(|of| ("RIMCAST_SEGMENTS_URL", of.url(""))));
        Self::host("tests/cloudfront", true, &environment)
    }

    fn host(folder: &str, leaves_media: bool, environment: &[(&str, String)]) -> Self {
        let mut child = Command::new(root().join("node_modules/.bin/node"))
            .arg("host.mjs")
            .current_dir(root().join(folder))
            .env("WRANGLER_SEND_METRICS", "false")
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the repository's npm packages are there: npm ci");
        let mut line = String::new();
        let output = child.stdout.take().expect("it was asked for");
        BufReader::new(output).read_line(&mut line).expect("it speaks UTF-8");
        #[derive(Deserialize)]
        struct Started {
            url: String,
        }
        let started: Started = serde_json::from_str(&line).unwrap_or_else(|why| {
            panic!("{folder} does not start ({why}); is what it runs built? It said {line:?}")
        });
        Self { child, url: started.url, leaves_media }
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Its host and port.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Its port.
    ///
    /// # Panics
    ///
    /// Its URL has none.
    pub fn port(&self) -> u16 {
        let port = self.url.rsplit(':').next().and_then(|port| port.parse().ok());
        port.expect("Miniflare's URL has a port")
    }

    /// Stores objects (key, metadata, body) as if all at once, and sets the Worker's clock, if one is given.
    pub fn store<'a>(
        &self,
        clock_ms: Option<i64>,
        objects: impl IntoIterator<Item = (String, &'a str, &'a [u8])>,
    ) {
        let objects: Vec<_> = objects
            .into_iter()
            .map(|(key, meta, body)| serde_json::json!({"key": key, "meta": meta, "body": BASE64.encode(body)}))
            .collect();
        let batch = serde_json::json!({"clock_ms": clock_ms, "objects": objects}).to_string();
        self.control("store", batch.as_bytes());
    }

    /// What goes on in it, with the reads after the first `read`.
    pub fn inside(&self, read: usize) -> Inside {
        let answer = self.control(&format!("state?since={read}"), b"");
        serde_json::from_slice(&answer.body).expect("the test's entry tells what Inside is")
    }

    /// What is stored under a prefix.
    pub fn listed(&self, prefix: &str) -> Vec<Listed> {
        let answer = self.control(&format!("list?prefix={prefix}"), b"");
        serde_json::from_slice(&answer.body).expect("the test's entry tells what Listed is")
    }

    /// The body of a stored object.
    pub fn stored(&self, key: &str) -> Vec<u8> {
        self.control(&format!("object?key={key}"), b"").body
    }

    /// Restarts an object: what it has in memory is lost, and whoever it was answering sees it fail.
    pub fn restart(&self, binding: &str, name: &str) {
        self.control(&format!("restart?binding={binding}&name={name}"), b"");
    }

    /// Makes the Worker's Rust panic when next it looks for a key with this in it.
    pub fn panic_at(&self, key: &str) {
        self.control(&format!("poison?key={key}"), b"");
    }

    fn control(&self, what: &str, body: &[u8]) -> Fetched {
        let url = self.url(&format!("/-test/{what}"));
        let answer = if body.is_empty() { get(&url) } else { request("POST", &url, &[], body) };
        let answer = answer.expect("the Worker answers its test");
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        answer
    }
}

impl Host for Worker {
    fn url(&self, path: &str) -> String {
        Self::url(self, path)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The host ends workerd, and itself, when its input ends.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
