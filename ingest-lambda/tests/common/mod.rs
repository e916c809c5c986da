//! What several tests need.

use std::collections::BTreeMap;

use bytes::Bytes;
use ingest_lambda::store::{ETag, FolderStore, Store, Swapped};
use packager_core::ingest::{Put, PutMode};
use rimcast_tests::puts::BROADCAST;

/// Everything that is stored, by key: its metadata and its bytes.
pub(crate) type Objects = BTreeMap<String, (String, Bytes)>;

/// Reads everything under a prefix.
pub(crate) async fn everything(store: &impl Store) -> Objects {
    let mut objects = Objects::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for name in store.list(&folder).await.unwrap() {
            let key = format!("{folder}{name}");
            // No name of a broadcast, a generation, a track or a session has a dot.
            if name.contains('.') {
                let object = store.get(&key).await.unwrap().unwrap();
                objects.insert(key, (object.meta, object.body));
            } else {
                folders.push(format!("{key}/"));
            }
        }
    }
    objects
}

/// What a folder holds when these puts are carried out in it, as `rimcast serve` does.
pub(crate) async fn written(puts: &[Put]) -> Objects {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let record = Bytes::from_static(BROADCAST.1.as_bytes());
    store.create("show/broadcast.json", "", &[record]).await.unwrap();
    let mut tags: BTreeMap<&str, ETag> = BTreeMap::new();
    for put in puts {
        let expected = match &put.mode {
            PutMode::Swap(Some(_)) => tags.get(put.key.as_str()),
            _ => None,
        };
        let Swapped::Done(tag) = store.swap(&put.key, expected, &put.meta, &put.body).await.unwrap() else {
            panic!("{} is there", put.key);
        };
        tags.insert(&put.key, tag);
    }
    everything(&store).await
}
