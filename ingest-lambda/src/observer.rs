//! Who is told of what was stored.

use bytes::Bytes;
use packager_core::log::{BroadcastName, BroadcastRecord, Generation, Target};

/// Told of everything that was stored, before any encoder is.
pub trait Observer: Send + Sync + 'static {
    /// A broadcast was created, or its settings changed.
    fn recorded(&self, broadcast: &BroadcastName, record: &BroadcastRecord);

    /// An object of a broadcast was stored: what it is, where, its metadata, its bytes in pieces.
    fn stored(
        &self,
        broadcast: &BroadcastName,
        generation: &Generation,
        target: &Target,
        key: &str,
        meta: &str,
        body: &[Bytes],
    );

    /// Somebody else wrote to a broadcast, and this process was not told of what.
    fn interfered(&self, _broadcast: &BroadcastName, _generation: &Generation) {}

    /// So much of a broadcast is not stored yet.
    fn unstored(&self, _broadcast: &BroadcastName, _bytes: usize) {}
}

/// Takes nothing in.
impl Observer for () {
    fn recorded(&self, _: &BroadcastName, _: &BroadcastRecord) {}

    fn stored(&self, _: &BroadcastName, _: &Generation, _: &Target, _: &str, _: &str, _: &[Bytes]) {}
}
