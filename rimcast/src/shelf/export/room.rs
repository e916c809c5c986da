//! How much of a recording is in memory at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::MEMORY_BYTES;

/// Parts read at once, however small they are.
pub(super) const READS_AT_ONCE: usize = 32;

/// Room for parts.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

/// What a part takes of it, for as long as this is held.
pub(super) type Held = Option<OwnedSemaphorePermit>;

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MEMORY_BYTES as usize)))
    }

    /// Waits until there is room for so many bytes, in the order in which it is asked for. More than there is room for
    /// gets all of it.
    pub(super) async fn take(&self, bytes: u64) -> Held {
        let bytes = u32::try_from(bytes).unwrap_or(MEMORY_BYTES).min(MEMORY_BYTES);
        // It is never closed.
        Arc::clone(&self.0).acquire_many_owned(bytes).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use ingest_lambda::store::OBJECT_BYTES;

    use super::*;

    #[tokio::test]
    async fn there_is_room_for_so_many_bytes_and_for_one_part_of_any_size() {
        let room = Room::new();
        let all = room.take(u64::MAX).await;
        assert!(room.take(1).now_or_never().is_none());
        drop(all);
        let (first, _second) = (room.take(OBJECT_BYTES).await, room.take(OBJECT_BYTES).await);
        assert!(room.take(1).now_or_never().is_none());
        drop(first);
        assert!(room.take(OBJECT_BYTES).now_or_never().is_some());
    }
}
