//! S3 as the log's store, and whatever else speaks its protocol: R2, SeaweedFS.
//!
//! An object's metadata is one piece of its user metadata, so that a HEAD tells it. Viewers are sent parts and headers
//! straight from the bucket by their CDN, so those say what they are and for how long they may be kept.

mod failure;
mod settings;

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use bytes::Bytes;
use packager_core::edge::CacheFor;

use self::failure::{AsBusy, Failure, failed};
use super::{Created, ETag, OBJECT_BYTES, Object, Stat, Store, StoreError, Swapped, check_key, check_prefix};

pub use self::settings::{S3Settings, SettingError};

/// An entry's metadata is this one piece of an object's (`x-amz-meta-rimcast`).
const META: &str = "rimcast";

/// How often a request is tried, with pauses that double and vary.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A server that is there takes a connection at once.
const CONNECT: Duration = Duration::from_secs(1);

/// All tries together, in timeouts of one: sooner than whoever waits for them gives up.
const ALL_TRIES: u32 = 4;

/// A bucket. Clones share its connections.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    bucket: String,
    prefix: String,
}

impl S3Store {
    /// The bucket of these settings. Nothing is asked of it yet.
    pub fn new(settings: &S3Settings) -> Self {
        let credentials = Credentials::new(
            &settings.access_key_id,
            &settings.secret_access_key,
            settings.session_token.clone(),
            None,
            "environment",
        );
        let retries = RetryConfig::standard()
            .with_max_attempts(TRIES)
            .with_initial_backoff(FIRST_PAUSE)
            .with_max_backoff(LONGEST_PAUSE);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .read_timeout(settings.timeout)
            .operation_timeout(settings.timeout * ALL_TRIES)
            .build();
        let mut config = aws_sdk_s3::Config::builder()
            .credentials_provider(credentials)
            .region(Region::new(settings.region.clone()))
            .force_path_style(settings.path_style)
            .http_client(http_client())
            .retry_config(retries)
            .retry_classifier(AsBusy)
            .timeout_config(timeouts)
            // Bodies are signed, and a part's metadata has its hash: other services do not all know these.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        config.set_endpoint_url(settings.endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            bucket: settings.bucket.clone(),
            prefix: settings.prefix.clone(),
        }
    }

    fn object_key(&self, key: &str) -> Result<String, StoreError> {
        check_key(key)?;
        Ok(format!("{}{key}", self.prefix))
    }

    /// Writes an object if what is there is the version expected; `None`: if nothing is there.
    async fn put(
        &self,
        key: &str,
        expected: Option<&ETag>,
        meta: &str,
        body: &[Bytes],
    ) -> Result<Swapped, StoreError> {
        let body = match body {
            [whole] => whole.clone(),
            pieces => pieces.concat().into(),
        };
        let (content_type, cache_control) = described(key, body.is_empty());
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.object_key(key)?)
            .set_if_none_match(expected.is_none().then(|| "*".to_owned()))
            .set_if_match(expected.map(|etag| etag.0.clone()))
            .content_type(content_type)
            .cache_control(cache_control)
            .set_metadata((!meta.is_empty()).then(|| [(META.to_owned(), meta.to_owned())].into()))
            .body(ByteStream::from(body));
        match put.send().await {
            Ok(written) => Ok(Swapped::Done(ETag(written.e_tag.unwrap_or_default()))),
            Err(why) => match failed(key, &why) {
                // With a version expected, and nothing there.
                Failure::NotAsExpected | Failure::Missing => Ok(Swapped::Conflict),
                Failure::Error(why) => Err(why),
            },
        }
    }
}

impl Store for S3Store {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let get = self.client.get_object().bucket(&self.bucket).key(self.object_key(key)?);
        let found = match get.send().await {
            Ok(found) => found,
            Err(why) => return failed(key, &why).none_or_error(key),
        };
        let mut metadata = found.metadata.unwrap_or_default();
        let size = found.content_length.and_then(|bytes| u64::try_from(bytes).ok());
        if size.is_none_or(|bytes| bytes > OBJECT_BYTES) {
            let why = "it is larger than anything Rimcast writes, or does not say how large it is".to_owned();
            return Err(StoreError::Damaged { key: key.to_owned(), why });
        }
        let body = found.body.collect().await;
        let body =
            body.map_err(|why| StoreError::Unavailable { key: key.to_owned(), why: why.to_string() })?;
        Ok(Some(Object {
            meta: metadata.remove(META).unwrap_or_default(),
            body: body.into_bytes(),
            etag: ETag(found.e_tag.unwrap_or_default()),
        }))
    }

    async fn stat(&self, key: &str) -> Result<Option<Stat>, StoreError> {
        let head = self.client.head_object().bucket(&self.bucket).key(self.object_key(key)?);
        match head.send().await {
            Ok(found) => Ok(Some(Stat {
                meta: found.metadata.unwrap_or_default().remove(META).unwrap_or_default(),
                size_bytes: found.content_length.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
                etag: ETag(found.e_tag.unwrap_or_default()),
            })),
            Err(why) => failed(key, &why).none_or_error(key),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        check_prefix(prefix)?;
        let under = format!("{}{prefix}", self.prefix);
        let mut names: Vec<String> = Vec::new();
        let mut after = None;
        loop {
            let list = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(&under)
                .delimiter("/")
                .set_continuation_token(after.take());
            let page = match list.send().await {
                Ok(page) => page,
                Err(why) => return failed(prefix, &why).none_or_error(prefix).map(Option::unwrap_or_default),
            };
            let objects = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
            let folders =
                page.common_prefixes.unwrap_or_default().into_iter().filter_map(|folder| folder.prefix);
            names.extend(objects.chain(folders).filter_map(|key| {
                let name = key.strip_prefix(&under)?;
                let name = name.strip_suffix('/').unwrap_or(name);
                // What another tool made to stand for the folder itself has no name in it.
                (!name.is_empty()).then(|| name.to_owned())
            }));
            after = page.next_continuation_token.filter(|_| page.is_truncated == Some(true));
            if after.is_none() {
                names.sort_unstable();
                names.dedup();
                return Ok(names);
            }
        }
    }

    async fn create(&self, key: &str, meta: &str, body: &[Bytes]) -> Result<Created, StoreError> {
        Ok(match self.put(key, None, meta, body).await? {
            Swapped::Done(_) => Created::New,
            Swapped::Conflict => Created::Exists,
        })
    }

    async fn swap(
        &self,
        key: &str,
        expected: Option<&ETag>,
        meta: &str,
        body: &[Bytes],
    ) -> Result<Swapped, StoreError> {
        self.put(key, expected, meta, body).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        check_prefix(prefix)?;
        let under = format!("{}{prefix}", self.prefix);
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(&under);
        match list.send().await {
            Ok(page) => {
                let keys = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
                Ok(keys.filter_map(|key| Some(key.strip_prefix(&self.prefix)?.to_owned())).collect())
            }
            Err(why) => failed(prefix, &why).none_or_error(prefix).map(Option::unwrap_or_default),
        }
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StoreError> {
        let Some(first) = keys.first() else { return Ok(()) };
        let broken = |key: &str, why: String| StoreError::Unavailable { key: key.to_owned(), why };
        let mut objects = Vec::with_capacity(keys.len());
        for key in keys {
            let object = ObjectIdentifier::builder().key(self.object_key(key)?).build();
            objects.push(object.map_err(|why| broken(key, why.to_string()))?);
        }
        let batch = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let batch = batch.map_err(|why| broken(first, why.to_string()))?;
        let deleted = self.client.delete_objects().bucket(&self.bucket).delete(batch).send().await;
        let deleted = match deleted {
            Ok(deleted) => deleted,
            Err(why) => return failed(first, &why).none_or_error(first).map(|_: Option<()>| ()),
        };
        match deleted.errors.unwrap_or_default().into_iter().next() {
            None => Ok(()),
            Some(why) => {
                let said =
                    format!("{} {}", why.code().unwrap_or_default(), why.message().unwrap_or_default());
                Err(broken(
                    why.key().unwrap_or(first),
                    format!("it was not deleted: {said}").trim_end().to_owned(),
                ))
            }
        }
    }
}

/// HTTP/1.1 over TLS by rustls and ring, with the system's certificates.
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// Content-Type and Cache-Control of an object: of media as viewers are sent it, which a CDN may take from the bucket.
fn described(key: &str, is_empty: bool) -> (&'static str, String) {
    match key.rsplit_once('.').map(|(_, extension)| extension) {
        // A marker is nothing to viewers.
        Some("m4s") if is_empty => ("application/octet-stream", CacheFor::Seconds(1).to_string()),
        Some("m4s" | "mp4") => ("video/mp4", CacheFor::Ever.to_string()),
        _ => ("application/json", CacheFor::Never.to_string()),
    }
}
