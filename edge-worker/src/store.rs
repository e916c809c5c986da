//! R2 as the log's store.

use bytes::Bytes;
use ingest_lambda::store::{
    Created, ETag, Object, Stat, Store, StoreError, Swapped, check_key, check_prefix,
};
use worker::send::{SendFuture, SendWrapper};
use worker::{Bucket, Conditional, Env};

/// The bucket's binding.
const BINDING: &str = "MEDIA";

/// An entry's metadata is this one piece of an object's.
const META: &str = "rimcast";

/// A bucket.
pub(crate) struct R2Store {
    bucket: SendWrapper<Bucket>,
}

impl Clone for R2Store {
    fn clone(&self) -> Self {
        Self { bucket: SendWrapper::new(self.bucket.0.clone()) }
    }
}

/// What became of a conditional put; `None`: what is there is not as expected.
type Written = Result<Option<worker::Object>, worker::Error>;

impl R2Store {
    /// The bucket that is bound to the Worker.
    pub(crate) fn of(env: &Env) -> worker::Result<Self> {
        Ok(Self { bucket: SendWrapper::new(env.bucket(BINDING)?) })
    }

    /// An object's body or a range of it, to be handed on without a copy, and the object's size; `None`
    /// where there is nothing, or a marker, which has no bytes.
    pub(crate) async fn stream(
        &self,
        key: &str,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<Option<(web_sys::ReadableStream, u64)>, StoreError> {
        let mut get = self.bucket.get(key);
        if let Some(range) = range {
            let length = range.end.saturating_sub(range.start);
            get = get.range(worker::Range::OffsetWithLength { offset: range.start, length });
        }
        let found = get.execute().await.map_err(|why| failed(key, &why))?;
        let Some(object) = found.filter(|object| object.size() > 0) else { return Ok(None) };
        match object.body().map(worker::ObjectBody::response_body) {
            Some(Ok(worker::ResponseBody::Stream(stream))) => Ok(Some((stream, object.size()))),
            Some(Err(why)) => Err(failed(key, &why)),
            _ => Ok(None),
        }
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        check_key(key)?;
        let found = self.bucket.get(key).execute().await.map_err(|why| failed(key, &why))?;
        let Some(object) = found else { return Ok(None) };
        let Some(body) = object.body() else { return Ok(None) };
        let body = body.bytes().await.map_err(|why| failed(key, &why))?;
        Ok(Some(Object { meta: meta(&object), body: Bytes::from(body), etag: ETag(object.etag()) }))
    }

    async fn names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        check_prefix(prefix)?;
        let mut names: Vec<String> = Vec::new();
        let mut cursor = None;
        loop {
            let mut list = self.bucket.list().prefix(prefix).delimiter("/");
            if let Some(cursor) = cursor {
                list = list.cursor(cursor);
            }
            let page = list.execute().await.map_err(|why| failed(prefix, &why))?;
            let keys = page.objects().into_iter().map(|object| object.key());
            let keys = keys.chain(page.delimited_prefixes());
            for key in keys {
                let Some(name) = key.strip_prefix(prefix) else { continue };
                let name = name.strip_suffix('/').unwrap_or(name);
                // Objects and folders come one after the other, each sorted.
                if let Err(at) = names.binary_search_by(|other| other.as_str().cmp(name)) {
                    names.insert(at, name.to_owned());
                }
            }
            cursor = page.cursor().filter(|_| page.truncated());
            if cursor.is_none() {
                return Ok(names);
            }
        }
    }

    /// One put. R2 takes no body of unknown length, so a part is whole in memory when it is written.
    async fn put(
        &self,
        key: &str,
        meta: &str,
        body: &[Bytes],
        only_if: Conditional,
    ) -> Result<Option<ETag>, StoreError> {
        check_key(key)?;
        let mut put = self.bucket.put(key, body.concat()).only_if(only_if);
        if !meta.is_empty() {
            put = put.custom_metadata([(META.to_owned(), meta.to_owned())]);
        }
        let written: Written = put.execute().await;
        match written {
            Ok(object) => Ok(object.map(|object| ETag(object.etag()))),
            // The condition failed while the write was under way.
            Err(why) if why.to_string().contains("(10031)") => Ok(None),
            Err(why) => Err(failed(key, &why)),
        }
    }
}

impl Store for R2Store {
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Object>, StoreError>> + Send {
        SendFuture::new(self.read(key))
    }

    fn stat(&self, key: &str) -> impl Future<Output = Result<Option<Stat>, StoreError>> + Send {
        SendFuture::new(async move {
            check_key(key)?;
            let found = self.bucket.head(key).await.map_err(|why| failed(key, &why))?;
            Ok(found.map(|object| Stat {
                meta: meta(&object),
                size_bytes: object.size(),
                etag: ETag(object.etag()),
            }))
        })
    }

    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send {
        SendFuture::new(self.names(prefix))
    }

    fn create(
        &self,
        key: &str,
        meta: &str,
        body: &[Bytes],
    ) -> impl Future<Output = Result<Created, StoreError>> + Send {
        SendFuture::new(async move {
            Ok(match self.put(key, meta, body, nothing_there()).await? {
                Some(_) => Created::New,
                None => Created::Exists,
            })
        })
    }

    fn swap(
        &self,
        key: &str,
        expected: Option<&ETag>,
        meta: &str,
        body: &[Bytes],
    ) -> impl Future<Output = Result<Swapped, StoreError>> + Send {
        let only_if = match expected {
            Some(etag) => Conditional { etag_matches: Some(etag.0.clone()), ..Conditional::default() },
            None => nothing_there(),
        };
        SendFuture::new(async move {
            Ok(match self.put(key, meta, body, only_if).await? {
                Some(etag) => Swapped::Done(etag),
                None => Swapped::Conflict,
            })
        })
    }

    fn keys(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send {
        SendFuture::new(async move {
            check_prefix(prefix)?;
            let page = self.bucket.list().prefix(prefix).execute().await;
            let page = page.map_err(|why| failed(prefix, &why))?;
            Ok(page.objects().into_iter().map(|object| object.key()).collect())
        })
    }

    fn delete(&self, keys: &[String]) -> impl Future<Output = Result<(), StoreError>> + Send {
        SendFuture::new(async move {
            let Some(first) = keys.first() else { return Ok(()) };
            keys.iter().try_for_each(|key| check_key(key))?;
            let all = keys.iter().map(String::as_str).collect();
            self.bucket.delete_multiple(all).await.map_err(|why| failed(first, &why))
        })
    }
}

/// `If-None-Match: *`
fn nothing_there() -> Conditional {
    Conditional { etag_does_not_match: Some("*".to_owned()), ..Conditional::default() }
}

fn meta(object: &worker::Object) -> String {
    object.custom_metadata().ok().and_then(|mut all| all.remove(META)).unwrap_or_default()
}

/// R2's errors are sentences with a number.
fn failed(key: &str, why: &worker::Error) -> StoreError {
    let (key, why) = (key.to_owned(), why.to_string());
    // One write a second to a key; so many requests altogether.
    let is_busy = ["(10058)", "(10043)", "429"].iter().any(|mark| why.contains(mark));
    if is_busy { StoreError::Busy { key } } else { StoreError::Unavailable { key, why } }
}
