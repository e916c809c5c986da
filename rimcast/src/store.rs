//! Where broadcasts are kept, as it is said on the command line: in a folder, or in a bucket that speaks S3's protocol.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ingest_lambda::store::{
    Created, ETag, FolderStore, OBJECT_BYTES, Object, Stat, Store, StoreError, Swapped,
};
#[cfg(feature = "s3")]
use ingest_lambda::store::{S3Settings, S3Store};
use serde_json::{Value, json};

/// The folder of `rimcast serve`, when nothing else is said.
const DEFAULT_FOLDER: &str = "./rimcast-data";

/// Bytes of media that a command has in memory at once: of the largest parts, one is read while another is written.
pub(crate) const MEMORY_BYTES: u32 = 2 * OBJECT_BYTES as u32;

/// How a place is named. Whoever may use a bucket is said in the environment, as to a Lambda function.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PlaceArgs {
    /// Where the broadcasts are: a folder, as of `rimcast serve`, or s3://BUCKET/PREFIX [default: ./rimcast-data]
    ///
    /// Of S3 the credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the region is AWS_REGION.
    #[arg(long, env = "RIMCAST_DATA", value_name = "PLACE", global = true)]
    data: Option<String>,

    /// Where the bucket is, if it is not in AWS: https://ACCOUNT.r2.cloudflarestorage.com for R2
    #[arg(long, env = "RIMCAST_S3_ENDPOINT", value_name = "URL", global = true)]
    endpoint: Option<String>,
}

/// Where broadcasts are kept.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    kept: Kept,
    reads: Arc<Reads>,
}

/// How often a place was read.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    get: AtomicU64,
    head: AtomicU64,
    list: AtomicU64,
}

impl Reads {
    /// So far, by kind: whole objects, what describes them, and folders.
    pub(crate) fn json(&self) -> Value {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        json!({ "get": of(&self.get), "head": of(&self.head), "list": of(&self.list) })
    }
}

/// What the place is.
#[derive(Debug, Clone)]
enum Kept {
    /// A folder, as `rimcast serve` keeps them.
    Folder(FolderStore),
    /// A bucket of S3, R2, or whatever else speaks S3's protocol.
    #[cfg(feature = "s3")]
    S3(S3Store),
}

impl PlaceArgs {
    /// As it was said.
    pub(crate) fn shown(&self) -> &str {
        self.data.as_deref().unwrap_or(DEFAULT_FOLDER)
    }

    /// Opens the place. A folder has to be there already: a mistyped one would look like an empty place.
    pub(crate) fn open(&self) -> Result<Place, String> {
        let data = self.shown();
        match data.split_once("://") {
            Some(("s3", bucket)) => return self.bucket(bucket),
            Some((scheme, _)) => {
                return Err(format!(
                    "--data is {scheme}://…, which is no place that Rimcast knows; say a folder, or s3://BUCKET/PREFIX"
                ));
            }
            None if self.endpoint.is_some() => {
                return Err(format!(
                    "--endpoint is for buckets, and {data} is a folder; say --data s3://BUCKET"
                ));
            }
            None => {}
        }
        let folder = Path::new(data);
        if !folder.is_dir() {
            return Err(format!(
                "there is no folder {data}; say with --data where the broadcasts are (mkdir it, if it is to be a new place)"
            ));
        }
        let opened = FolderStore::open(folder).map(|store| store.keeping_memory(MEMORY_BYTES as usize));
        opened.map(|store| Kept::Folder(store).into()).map_err(|why| format!("{data} cannot be used: {why}"))
    }

    #[cfg(feature = "s3")]
    fn bucket(&self, place: &str) -> Result<Place, String> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let settings = S3Settings::from_env(|name| match name {
            "RIMCAST_BUCKET" => Some(bucket.to_owned()),
            "RIMCAST_PREFIX" => Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()),
            "RIMCAST_S3_ENDPOINT" => self.endpoint.clone(),
            _ => std::env::var(name).ok(),
        });
        settings.map(|settings| Kept::S3(S3Store::new(&settings)).into()).map_err(|why| why.to_string())
    }

    #[cfg(not(feature = "s3"))]
    fn bucket(&self, _: &str) -> Result<Place, String> {
        Err("this rimcast was built without S3; build it with its default features".to_owned())
    }
}

/// Asks the store that it is.
macro_rules! ask {
    ($place:expr, $method:ident($($argument:expr),*)) => {
        match &$place.kept {
            Kept::Folder(store) => store.$method($($argument),*).await,
            #[cfg(feature = "s3")]
            Kept::S3(store) => store.$method($($argument),*).await,
        }
    };
}

impl From<Kept> for Place {
    fn from(kept: Kept) -> Self {
        Self { kept, reads: Arc::default() }
    }
}

impl Place {
    /// How often it was read, by whoever has it.
    pub(crate) fn reads(&self) -> &Reads {
        &self.reads
    }
}

fn count(reads: &AtomicU64) {
    reads.fetch_add(1, Ordering::Relaxed);
}

impl Store for Place {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        count(&self.reads.get);
        ask!(self, get(key))
    }

    async fn stat(&self, key: &str) -> Result<Option<Stat>, StoreError> {
        count(&self.reads.head);
        ask!(self, stat(key))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        count(&self.reads.list);
        ask!(self, list(prefix))
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        count(&self.reads.list);
        ask!(self, keys(prefix))
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StoreError> {
        ask!(self, delete(keys))
    }

    async fn create(&self, key: &str, meta: &str, body: &[Bytes]) -> Result<Created, StoreError> {
        ask!(self, create(key, meta, body))
    }

    async fn swap(
        &self,
        key: &str,
        expected: Option<&ETag>,
        meta: &str,
        body: &[Bytes],
    ) -> Result<Swapped, StoreError> {
        ask!(self, swap(key, expected, meta, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(place: &str) -> Result<Place, String> {
        PlaceArgs { data: Some(place.to_owned()), ..PlaceArgs::default() }.open()
    }

    #[test]
    fn a_folder_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let place = opened(folder.path().to_str().unwrap()).unwrap();
        assert!(matches!(place.kept, Kept::Folder(_)));
        let missing = folder.path().join("missing");
        let why = opened(missing.to_str().unwrap()).unwrap_err();
        assert!(why.starts_with("there is no folder") && !missing.exists(), "{why}");
    }

    #[test]
    fn other_schemes_are_refused() {
        let why = opened("gs://bucket/prefix").unwrap_err();
        assert!(why.contains("s3://BUCKET/PREFIX"), "{why}");
    }
}
