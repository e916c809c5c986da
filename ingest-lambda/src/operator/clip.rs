//! Making clips, and finding them.

use futures_util::future::try_join_all;
use packager_core::edge::{Asked as AskedBy, Edge, Method, Request as Viewer, Step, Written};
use packager_core::log::{BroadcastName, Keys, PeriodRecord, record};
use packager_core::operator::clip::Wanted;
use packager_core::operator::{Changed, Problem};
use packager_core::time::WallMs;

use super::{Asked, Failure, Operator};
use crate::observer::Observer;
use crate::runtime::Runtime;
use crate::store::{self, Store, StoreError};

/// Documents read at once.
const AT_ONCE: usize = 32;

impl<S: Store, O: Observer, R: Runtime> Operator<S, O, R> {
    /// What is to be written of a clip.
    pub(super) async fn clip(&self, wanted: &Wanted, asked: &Asked<'_>) -> Result<Changed, Failure> {
        let original = self.there(&wanted.of).await?.map(|there| there.record);
        let begins = match &original {
            Some(original) => self.begins(&Keys::new(&wanted.of, &original.generation)).await?,
            None => None,
        };
        let changed = wanted.create(original.as_ref(), begins, R::now(), &asked.random)?;
        self.can_be_watched(wanted, &changed).await?;
        Ok(changed)
    }

    /// When a recording begins, if it has.
    async fn begins(&self, keys: &Keys) -> Result<Option<WallMs>, StoreError> {
        let key = keys.period(0);
        let Some(object) = self.store.get(&key).await? else { return Ok(None) };
        match record::from_json::<PeriodRecord>(&object.body) {
            Ok(first) => Ok(Some(first.anchor.wall)),
            Err(why) => Err(StoreError::Damaged { key, why }),
        }
    }

    /// Asks for it as a viewer will.
    async fn can_be_watched(&self, wanted: &Wanted, changed: &Changed) -> Result<(), Failure> {
        let mut edge = Edge::new(false);
        let asked = AskedBy::at(R::now());
        edge.observe_broadcast(&wanted.name, &changed.record, asked.at);
        let path = format!("/{}/manifest.mpd", wanted.name);
        let viewer = Viewer { method: Method::Get, path: &path, query: "" };
        loop {
            match edge.handle(&viewer, asked, R::now()) {
                Step::Fetch(fetches) => {
                    let begun = R::now();
                    let reads = fetches.iter().map(|fetch| store::find(&self.store, &fetch.key, fetch.kind));
                    let found = try_join_all(reads).await?;
                    for (fetch, found) in fetches.iter().zip(&found) {
                        edge.absorb(fetch, found, begun);
                    }
                }
                // Who only asks begins no slate.
                Step::Write(due) => edge.wrote(&due, &Written::Failed, R::now()),
                Step::Wait(_) => return Err(wanted.too_early().into()),
                Step::Respond(response) => {
                    return match response.status {
                        200 => Ok(()),
                        503 => {
                            Err(Problem::storage("what is there could not be read in time; ask again").into())
                        }
                        _ => Err(wanted.nothing_there().into()),
                    };
                }
            }
        }
    }

    /// The clips of a broadcast. All documents are read: who makes clips need not write to their originals.
    pub(super) async fn clips_of(&self, of: &BroadcastName) -> Result<Vec<BroadcastName>, StoreError> {
        let names = self.store.list("").await?;
        let names: Vec<_> = names.iter().filter_map(|name| BroadcastName::parse(name).ok()).collect();
        let mut clips = Vec::new();
        for names in names.chunks(AT_ONCE) {
            let is_clip = async |name: &BroadcastName| match self.there(name).await {
                Ok(there) => {
                    Ok(there.and_then(|there| there.record.event.clip).is_some_and(|clip| clip.of == *of))
                }
                // Nobody can watch it either.
                Err(StoreError::Damaged { .. }) => Ok(false),
                Err(why) => Err(why),
            };
            let found = try_join_all(names.iter().map(is_clip)).await?;
            clips.extend(
                names.iter().zip(found).filter(|(_, is_clip)| *is_clip).map(|(name, _)| name.clone()),
            );
        }
        Ok(clips)
    }
}
