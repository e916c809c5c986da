//! `broadcast.json`, as ingest reads and writes it.

use bytes::Bytes;
use packager_core::log::{
    BroadcastName, BroadcastRecord, BroadcastSettings, Generation, TrackDescription, TrackName, key, record,
};
use packager_core::order::SortedMap;

use super::Shared;
use crate::observer::Observer;
use crate::runtime::Runtime;
use crate::store::{ETag, Store, StoreError, Swapped};

impl<S: Store, O: Observer, R: Runtime> Shared<S, O, R> {
    /// The broadcast's record; the first push creates it.
    pub(super) async fn record_or_new(&self, name: &BroadcastName) -> Result<BroadcastRecord, StoreError> {
        loop {
            if let Some((record, _)) = self.record(name).await? {
                return Ok(record);
            }
            let record = BroadcastRecord::new(Generation::mint(R::now(), (self.random)()));
            if self.put_record(name, None, &record).await? {
                return Ok(record);
            }
        }
    }

    pub(super) async fn configure(
        &self,
        name: &BroadcastName,
        settings: &BroadcastSettings,
    ) -> Result<(), StoreError> {
        loop {
            let there = self.record(name).await?;
            let expected = there.as_ref().map(|(_, etag)| etag);
            let record = match &there {
                Some((record, _)) if record.settings == *settings => return Ok(()),
                Some((record, _)) => record.clone(),
                None => BroadcastRecord::new(Generation::mint(R::now(), (self.random)())),
            };
            let record = BroadcastRecord { settings: settings.clone(), ..record };
            if self.put_record(name, expected, &record).await? {
                return Ok(());
            }
        }
    }

    /// Keeps what an encoder's manifest says of the tracks.
    pub(super) async fn describe(
        &self,
        name: &BroadcastName,
        generation: &Generation,
        described: &SortedMap<TrackName, TrackDescription>,
    ) -> Result<(), StoreError> {
        while let Some((there, etag)) = self
            .record(name)
            .await?
            .filter(|(there, _)| there.generation == *generation && !there.event.deleted)
        {
            let mut record = there.clone();
            record.learn(described);
            if record == there || self.put_record(name, Some(&etag), &record).await? {
                break;
            }
        }
        Ok(())
    }

    /// The record that is stored, be it of a broadcast that is being deleted.
    pub(super) async fn record(
        &self,
        name: &BroadcastName,
    ) -> Result<Option<(BroadcastRecord, ETag)>, StoreError> {
        let key = key::broadcast(name);
        let Some(object) = self.store.get(&key).await? else { return Ok(None) };
        match record::from_json(&object.body) {
            Ok(record) => Ok(Some((record, object.etag))),
            Err(why) => Err(StoreError::Damaged { key, why }),
        }
    }

    /// Writes a record in place of the one expected, if it still is the one there.
    async fn put_record(
        &self,
        name: &BroadcastName,
        expected: Option<&ETag>,
        record: &BroadcastRecord,
    ) -> Result<bool, StoreError> {
        let json = Bytes::from(record::to_json(record));
        if self.store.swap(&key::broadcast(name), expected, "", &[json]).await? == Swapped::Conflict {
            return Ok(false);
        }
        match expected {
            None => tracing::info!(broadcast = %name, generation = %record.generation, "broadcast created"),
            Some(_) => tracing::info!(broadcast = %name, "the broadcast's settings changed"),
        }
        self.observer.recorded(name, record);
        Ok(true)
    }
}
