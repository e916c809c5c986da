//! Object storage in memory: create-only puts, compare-and-swap, listings.

use std::collections::BTreeMap;

use bytes::Bytes;
use packager_core::edge::{FetchKind, Write, Written};
use packager_core::ingest::{Outcome, Put, PutMode};
use packager_core::log::Found;

/// One stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its metadata.
    pub meta: String,
    /// Its bytes.
    pub body: Bytes,
    tag: u64,
}

/// A bucket.
#[derive(Debug, Clone, Default)]
pub struct Store {
    objects: BTreeMap<String, Object>,
    writes: u64,
}

impl Store {
    /// Carries out what a receiver asked for.
    pub fn carry_out(&mut self, put: &Put) -> Outcome {
        let body: Bytes = put.body.concat().into();
        match &put.mode {
            PutMode::Create => match self.objects.get(&put.key) {
                Some(there) => Outcome::Exists { meta: there.meta.clone(), body: there.body.clone() },
                None => Outcome::Stored(Some(self.put(&put.key, &put.meta, body))),
            },
            PutMode::Swap(expected) => {
                let there = self.objects.get(&put.key).map(|object| object.tag.to_string());
                if there == *expected {
                    Outcome::Stored(Some(self.put(&put.key, &put.meta, body)))
                } else {
                    Outcome::Changed(there)
                }
            }
        }
    }

    /// Creates what an edge finds due.
    pub fn write(&mut self, due: &Write) -> Written {
        match self.objects.get(&due.key) {
            Some(_) => Written::Exists(self.find(&due.key, FetchKind::Get)),
            None => {
                self.put(&due.key, &due.meta, due.body.concat().into());
                Written::New
            }
        }
    }

    /// Writes an object, whatever was there. Gives its tag.
    pub fn put(&mut self, key: &str, meta: &str, body: Bytes) -> String {
        self.writes += 1;
        let object = Object { meta: meta.to_owned(), body, tag: self.writes };
        self.objects.insert(key.to_owned(), object);
        self.writes.to_string()
    }

    /// Deletes objects, as a rule of the bucket does when they are old enough. Gives how many.
    pub fn expire(&mut self, is_old: impl Fn(&str) -> bool) -> usize {
        let before = self.objects.len();
        self.objects.retain(|key, _| !is_old(key));
        before - self.objects.len()
    }

    /// An object.
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    /// How often anything was written.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// Objects written since so many [writes](Self::writes), by key.
    pub fn written_since(&self, writes: u64) -> impl Iterator<Item = (&str, &Object)> {
        self.objects().filter(move |(_, object)| object.tag > writes)
    }

    /// All objects, by key.
    pub fn objects(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.objects.iter().map(|(key, object)| (key.as_str(), object))
    }

    /// Carries out a read.
    pub fn find(&self, key: &str, kind: FetchKind) -> Found {
        match (kind, self.objects.get(key)) {
            (FetchKind::List, _) => {
                // From one folder to the next: there may be a day of parts in each.
                let mut names: Vec<String> = Vec::new();
                let mut from = key.to_owned();
                while let Some((next, _)) = self.objects.range(from..).next()
                    && let Some(rest) = next.strip_prefix(key)
                {
                    from = match rest.split_once('/') {
                        // What comes after a slash.
                        Some((name, _)) => {
                            names.push(name.to_owned());
                            format!("{key}{name}0")
                        }
                        None => format!("{next}\0"),
                    };
                }
                Found::Names(names)
            }
            (_, None) => Found::Missing,
            (kind, Some(object)) => Found::Object {
                meta: object.meta.clone(),
                size_bytes: object.body.len() as u64,
                body: if kind == FetchKind::Get { object.body.clone() } else { Bytes::new() },
            },
        }
    }
}
