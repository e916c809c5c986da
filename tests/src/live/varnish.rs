//! Varnish, as a cache that does what Workers Cache does.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{free_port, wait_for};

/// Joins requests for one path and query, and streams to all who wait; keeps what may be kept for as long as its
/// `Cache-Control` says and no longer, errors too; keeps no 206, and cuts ranges out of whole responses itself.
const CONFIGURATION: &str = r#"
vcl 4.1;
import std;

backend worker {
    .host = "127.0.0.1";
    .port = "PORT";
}

sub vcl_recv {
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    return (hash);
}

sub vcl_hash {
    hash_data(req.url);
    return (lookup);
}

sub vcl_backend_response {
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    set beresp.ttl = std.duration(regsub(beresp.http.Cache-Control, "^.*max-age=([0-9]+).*$", "\1s"), 0s);
    if (beresp.status == 206 || beresp.ttl == 0s) {
        set beresp.uncacheable = true;
    }
    return (deliver);
}
"#;

/// A running varnishd.
pub struct Varnish {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Varnish {
    /// Starts one before a server on this machine.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn before(port: u16) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let configuration = folder.path().join("cache.vcl");
        std::fs::write(&configuration, CONFIGURATION.replace("PORT", &port.to_string()))
            .expect("there is room for a file");
        let port = free_port();
        let child = Command::new("/usr/sbin/varnishd")
            .args(["-F", "-j", "none", "-s", "malloc,256m", "-T", "none"])
            .args(["-p", "http_gzip_support=off", "-p", "thread_pool_min=100"])
            .args(["-a", &format!("127.0.0.1:{port}")])
            .arg("-n")
            .arg(folder.path().join("state"))
            .arg("-f")
            .arg(configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("varnish is installed");
        let varnish = Self { child, port, _folder: folder };
        wait_for("varnish listens", Duration::from_secs(20), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        varnish
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Varnish {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
