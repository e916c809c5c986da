//! Object storage in memory: create-only and compare-and-swap writes, reads that see every write.

use std::collections::BTreeMap;

use bytes::Bytes;
use packager_core::edge::FetchKind;
use packager_core::ingest::{Outcome, PutMode};
use packager_core::log::Found;

/// A stored object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// Metadata.
    pub(crate) meta: String,
    /// Body.
    pub(crate) body: Bytes,
    /// For the next swap.
    pub(crate) tag: String,
}

/// The objects, and what was done to them.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<String, Object>,
    /// When each key was written, successfully, in milliseconds.
    pub(crate) writes: BTreeMap<String, Vec<u64>>,
    /// Earlier versions of what was swapped.
    pub(crate) replaced: BTreeMap<String, Vec<Object>>,
    tags: u64,
}

impl Store {
    /// Carries out a write.
    pub(crate) fn put(&mut self, now: u64, key: &str, meta: &str, body: Bytes, mode: &PutMode) -> Outcome {
        let there = self.objects.get(key);
        match (mode, there) {
            (PutMode::Create, Some(there)) => {
                return Outcome::Exists { meta: there.meta.clone(), body: there.body.clone() };
            }
            (PutMode::Swap(expected), there) if there.map(|there| &there.tag) != expected.as_ref() => {
                return Outcome::Changed(there.map(|there| there.tag.clone()));
            }
            _ => {}
        }
        self.tags += 1;
        let tag = format!("\"{}\"", self.tags);
        let object = Object { meta: meta.to_owned(), body, tag: tag.clone() };
        if let Some(before) = self.objects.insert(key.to_owned(), object) {
            self.replaced.entry(key.to_owned()).or_default().push(before);
        }
        self.writes.entry(key.to_owned()).or_default().push(now);
        Outcome::Stored(Some(tag))
    }

    /// Changes the last byte of an object.
    pub(crate) fn spoil(&mut self, key: &str) {
        if let Some(object) = self.objects.get_mut(key) {
            let mut bytes = object.body.to_vec();
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            object.body = bytes.into();
        }
    }

    /// Writes as an operator does: whatever is there.
    pub(crate) fn put_anyway(&mut self, key: &str, body: Bytes) {
        self.tags += 1;
        let tag = format!("\"{}\"", self.tags);
        self.objects.insert(key.to_owned(), Object { meta: String::new(), body, tag });
    }

    /// What is at a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    /// Removes what is under a prefix.
    pub(crate) fn remove_under(&mut self, prefix: &str) {
        self.objects.retain(|key, _| !key.starts_with(prefix));
    }

    /// Carries out a read.
    pub(crate) fn read(&self, key: &str, kind: FetchKind) -> Found {
        if kind == FetchKind::List {
            return Found::Names(self.names(key));
        }
        match self.objects.get(key) {
            None => Found::Missing,
            Some(object) => found(object, kind),
        }
    }

    /// Names directly under a prefix.
    fn names(&self, prefix: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut from = prefix.to_owned();
        loop {
            let mut rest = self.objects.range(from..);
            let Some((key, _)) = rest.next().filter(|(key, _)| key.starts_with(prefix)) else { return names };
            let name = key[prefix.len()..].split('/').next().unwrap_or("").to_owned();
            // '0' is what follows '/' in ASCII: the next name's keys, whatever is in this one.
            let is_folder = key.len() > prefix.len() + name.len();
            from = if is_folder { format!("{prefix}{name}0") } else { format!("{key}\0") };
            names.push(name);
        }
    }
}

/// An object as a read finds it.
pub(crate) fn found(object: &Object, kind: FetchKind) -> Found {
    let body = if kind == FetchKind::Get { object.body.clone() } else { Bytes::new() };
    Found::Object { meta: object.meta.clone(), size_bytes: object.body.len() as u64, body }
}
