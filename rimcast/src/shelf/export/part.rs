//! Reading a part, and seeing that it is what the log says.

use std::sync::Arc;

use bytes::Bytes;
use ingest_lambda::store::{Store as _, StoreError};
use packager_core::cmaf::{Chunk, Header};
use packager_core::ingest::gate::read_part;
use packager_core::log::Part;

use crate::store::Place;

/// A part to be read.
pub(super) struct Wanted {
    pub(super) key: String,
    pub(super) part: Part,
    pub(super) header: Arc<Header>,
}

/// Why a part cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// Storage does not answer.
    #[error(transparent)]
    Storage(StoreError),
    /// It is not there, or not what the log says.
    #[error("{key}: {why}")]
    Damaged { key: String, why: String },
}

/// Reads a part: its bytes, and the chunks in them.
pub(super) async fn read(place: &Place, wanted: Wanted) -> Result<(Bytes, Vec<Chunk>), Unusable> {
    let Wanted { key, part, header } = wanted;
    let damaged = |why: String| Unusable::Damaged { key: key.clone(), why };
    let object = match place.get(&key).await {
        Ok(Some(object)) => object,
        Ok(None) => return Err(damaged("it is not there any more".to_owned())),
        Err(StoreError::Damaged { why, .. }) => return Err(damaged(why)),
        Err(why) => return Err(Unusable::Storage(why)),
    };
    let chunks = read_part(&part.meta, part.start_ticks, &object.body, &header);
    Ok((object.body, chunks.map_err(|why| damaged(why.to_string()))?))
}
