//! Object storage as the log needs it: whole objects, created once or swapped, never half there.
//!
//! The trait has the shape of S3 with conditional writes (`If-None-Match: *`, `If-Match`), because
//! that is the least that S3, R2 and a folder have in common.

use std::future::Future;

use bytes::Bytes;
use packager_core::edge::{Write, Written};
use packager_core::log::{FetchKind, Found};

#[cfg(any(test, feature = "conformance"))]
mod conformance;
#[cfg(feature = "native")]
mod folder;
#[cfg(feature = "s3")]
mod s3;

#[cfg(any(test, feature = "conformance"))]
pub use conformance::conformance;
#[cfg(feature = "native")]
pub use folder::{FolderStore, read_file};
#[cfg(feature = "s3")]
pub use s3::{S3Settings, S3Store, SettingError};

/// Most bytes of one object that a store reads into memory. The largest part is a chunk of
/// `packager_core::limits::MDAT_BYTES` with its boxes.
pub const OBJECT_BYTES: u64 = 72 << 20;

/// Most keys listed, or deleted, by one call: what S3 and R2 do with one request.
pub const KEYS_AT_ONCE: usize = 1000;

/// Longest key, in bytes: S3's limit.
pub const KEY_BYTES: usize = 1024;

/// Names one version of an object, for [`Store::swap`]. Opaque.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(pub String);

/// An object: what describes it, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Metadata, as it was given; empty where there is none.
    pub meta: String,
    /// The body.
    pub body: Bytes,
    /// This version.
    pub etag: ETag,
}

/// An object without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Metadata, as it was given; empty where there is none.
    pub meta: String,
    /// Size of the body.
    pub size_bytes: u64,
    /// This version.
    pub etag: ETag,
}

/// What became of a [`Store::create`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The object is there, and it is the one that was given.
    New,
    /// There was one already. It is untouched.
    Exists,
}

/// What became of a [`Store::swap`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swapped {
    /// The object is now the one that was given.
    Done(ETag),
    /// It was not as expected. It is untouched.
    Conflict,
}

/// Where objects are kept.
///
/// Readers see an object whole or not at all, and what was written is read by everyone at once.
/// When a write returns an error, it may have happened nevertheless: try again, and look.
pub trait Store: Send + Sync + 'static {
    /// Reads an object.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Object>, StoreError>> + Send;

    /// Reads what describes an object, without its body.
    fn stat(&self, key: &str) -> impl Future<Output = Result<Option<Stat>, StoreError>> + Send;

    /// The names directly under a prefix, which is empty or ends in `/`: objects, and folders
    /// without a trailing slash. Sorted, each once. A folder may still be named when all in it was deleted.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Writes an object that must not be there yet. The pieces of `body` are joined.
    fn create(
        &self,
        key: &str,
        meta: &str,
        body: &[Bytes],
    ) -> impl Future<Output = Result<Created, StoreError>> + Send;

    /// Replaces an object if it still is the version `expected`; `None`: if there is none.
    fn swap(
        &self,
        key: &str,
        expected: Option<&ETag>,
        meta: &str,
        body: &[Bytes],
    ) -> impl Future<Output = Result<Swapped, StoreError>> + Send;

    /// Keys that begin with a prefix, which ends in `/`: up to [`KEYS_AT_ONCE`] of them, in no order. Fewer than that
    /// are all there are.
    fn keys(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Deletes objects, up to [`KEYS_AT_ONCE`]; one that is not there is deleted already. When an error is returned,
    /// some may be.
    fn delete(&self, keys: &[String]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Creates what an edge finds due, and says how that went.
pub async fn write(store: &impl Store, due: &Write) -> Written {
    let there = async {
        match store.create(&due.key, &due.meta, &due.body).await {
            Ok(Created::New) => return Ok(Written::New),
            // Others write it at the same moment: R2 takes one write a second to a key.
            Ok(Created::Exists) | Err(StoreError::Busy { .. }) => {}
            Err(why) => return Err(why),
        }
        find(store, &due.key, FetchKind::Get).await.map(Written::Exists)
    };
    there.await.unwrap_or_else(|why: StoreError| {
        tracing::warn!("what is due cannot be written: {why}");
        Written::Failed
    })
}

/// Reads what core wants to know of a key.
///
/// # Errors
///
/// The store could not be asked, or holds what cannot be read.
pub async fn find(store: &impl Store, key: &str, kind: FetchKind) -> Result<Found, StoreError> {
    Ok(match kind {
        FetchKind::Get => store.get(key).await?.map_or(Found::Missing, |object| Found::Object {
            size_bytes: object.body.len() as u64,
            meta: object.meta,
            body: object.body,
        }),
        FetchKind::Stat => store.stat(key).await?.map_or(Found::Missing, |stat| Found::Object {
            meta: stat.meta,
            size_bytes: stat.size_bytes,
            body: Bytes::new(),
        }),
        FetchKind::List => Found::Names(store.list(key).await?),
    })
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The caller's fault: no object can have this key.
    #[error("{key:?} cannot be a key in storage: {why}")]
    BadKey {
        /// The key.
        key: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Too many writes, for this key or altogether. Worth another try in a moment.
    #[error("storage is too busy for {key}; try again in a moment")]
    Busy {
        /// The key.
        key: String,
    },
    /// There is no room left.
    #[error("storage has no room left for {key}; make room, or point Rimcast at a larger store")]
    Full {
        /// The key.
        key: String,
    },
    /// The store does not let us.
    #[error("storage does not allow access to {key}; give Rimcast the right to read and write there")]
    Forbidden {
        /// The key.
        key: String,
    },
    /// What is stored there was not written by us, or was damaged since.
    #[error("what is stored at {key} cannot be read: {why}")]
    Damaged {
        /// The key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// What keeps the objects does not take this one.
    #[error("{key} was refused: {why}")]
    Refused {
        /// The key.
        key: String,
        /// Its reason.
        why: String,
    },
    /// Anything else between us and the store.
    #[error("storage cannot be reached for {key}: {why}")]
    Unavailable {
        /// The key.
        key: String,
        /// What the system, or the service, said.
        why: String,
    },
}

impl StoreError {
    /// Whether the same call may well succeed in a moment.
    pub fn is_transient(&self) -> bool {
        matches!(self, StoreError::Busy { .. } | StoreError::Unavailable { .. })
    }
}

/// Checks a key: segments between single slashes, none empty, none starting with a dot (so that
/// none can climb out of its folder or meet a store's own files), and no character that means
/// something to a file system.
pub fn check_key(key: &str) -> Result<(), StoreError> {
    let why = if key.is_empty() {
        "it is empty"
    } else if key.len() > KEY_BYTES {
        "it is longer than 1024 bytes"
    } else if key.split('/').any(str::is_empty) {
        "it begins or ends with a slash, or has two in a row"
    } else if key.split('/').any(|segment| segment.starts_with('.')) {
        "a segment begins with a dot"
    } else if key.contains(|c: char| c.is_control() || matches!(c, '\\' | ':')) {
        "it has a control character, a backslash or a colon"
    } else {
        return Ok(());
    };
    Err(StoreError::BadKey { key: key.chars().take(200).collect(), why })
}

/// Checks a prefix to list: empty, or a key and a slash.
pub fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    match prefix.strip_suffix('/') {
        Some(folder) => check_key(folder),
        None if prefix.is_empty() => Ok(()),
        None => Err(StoreError::BadKey {
            key: prefix.chars().take(200).collect(),
            why: "a prefix to list ends with a slash",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_in_their_folder() {
        let long = "a/".repeat(600) + "a";
        for bad in [
            "", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/./b", ".lock", "a/.tmp/b", "a\0b",
            "a\\..\\b", "c:a", "a\nb", &long,
        ] {
            assert!(matches!(check_key(bad), Err(StoreError::BadKey { .. })), "{bad:?}");
        }
        for good in ["a", "a/b", "cup/0mb1/video-0/s1/00000000000000000000.m4s", "a..b/c.json"] {
            assert!(check_key(good).is_ok(), "{good:?}");
        }
        assert!(check_prefix("").is_ok());
        assert!(check_prefix("a/b/").is_ok());
        for bad in ["/", "a", "../", "a//"] {
            assert!(check_prefix(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn errors_name_the_key() {
        let text = StoreError::Full { key: "cup/x".to_owned() }.to_string();
        assert_eq!(text, "storage has no room left for cup/x; make room, or point Rimcast at a larger store");
    }
}
