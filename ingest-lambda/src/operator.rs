//! What operators ask for, carried out over a store: the API of every host, and the command line.
//!
//! What is asked, and what becomes of a broadcast's document, is decided in `packager_core::operator`; here documents
//! are read and written, tracks closed and objects deleted.

mod clip;

use std::marker::PhantomData;

use bytes::Bytes;
use packager_core::ingest::Settings;
use packager_core::log::{BroadcastName, BroadcastRecord, Read, key, record};
use packager_core::operator::{
    Answer, Changed, Deployment, Ending, Expired, LISTED, Problem, RANDOM_BYTES, Request, clip as clips,
    command, is_version, shown,
};

use crate::observer::Observer;
use crate::runtime::Runtime;
use crate::store::{self, Created, ETag, KEYS_AT_ONCE, Store, StoreError, Swapped};

/// How often a document is read and changed when somebody else changes it in between, or storage is busy: R2 takes one
/// write a second to a key.
const TRIES: u32 = 6;
const PAUSE_MS: u64 = 300;

/// Most rounds in which a track's end is looked for while somebody pushes: they would have to be quicker each time.
const ENDING_ROUNDS: usize = 50;

/// What operators ask.
pub struct Operator<S, O, R> {
    store: S,
    observer: O,
    settings: Settings,
    /// How many batches of objects are deleted for one request.
    batches: usize,
    runtime: PhantomData<fn() -> R>,
}

/// One request.
#[derive(Debug)]
pub struct Asked<'a> {
    /// What for.
    pub request: Request,
    /// `If-Match`
    pub if_match: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
    /// Random bytes that nobody can guess: a key may be made of them.
    pub random: [u8; RANDOM_BYTES],
    /// Where the deployment is, for what is told of it.
    pub deployment: Deployment,
}

/// How far a broadcast is deleted.
struct Removed {
    /// So many objects went.
    deleted: u64,
    /// So many are left, or may still come; `None`: it is gone.
    left: Option<u64>,
}

/// A document as it is stored.
struct There {
    record: BroadcastRecord,
    etag: ETag,
}

impl<S: Store, O: Observer, R: Runtime> Operator<S, O, R> {
    /// Over a store. `observer` is told of what is written; `settings` are those that broadcasts are cut with of which
    /// nothing else is said; with one request up to `batches` times [`KEYS_AT_ONCE`] objects are deleted.
    pub fn new(store: S, observer: O, settings: Settings, batches: usize) -> Self {
        Self { store, observer, settings, batches, runtime: PhantomData }
    }

    /// Does what is asked.
    pub async fn answer(&self, asked: &Asked<'_>) -> Answer {
        let answered = match &asked.request {
            Request::Document => Ok(Answer::document()),
            Request::List { after } => self.list(after.as_ref(), asked).await,
            Request::Create => self.create(asked).await,
            Request::DeleteExpired { after, dry_run } => {
                self.delete_expired(after.as_ref(), *dry_run, asked).await
            }
            Request::Show(name) => self.show(name, asked).await,
            Request::Update(name) | Request::RotateKey(name) => {
                let changed = self.change(name, asked).await;
                changed.map(|(changed, there)| self.told_with_key(name, &changed, &there.etag, asked))
            }
            Request::End(name) => self.end(name, asked).await,
            Request::Delete { name, force } => self.delete(name, *force, asked).await,
        };
        answered.unwrap_or_else(|failure| failure.problem().into())
    }

    async fn list(&self, after: Option<&BroadcastName>, asked: &Asked<'_>) -> Result<Answer, Failure> {
        let names = self.store.list("").await?;
        let after = after.map_or("", BroadcastName::as_str);
        let mut names = names
            .iter()
            .filter(|name| name.as_str() > after)
            .filter_map(|name| BroadcastName::parse(name).ok());
        let mut listed = Vec::new();
        let mut last = None;
        // So many are looked at, whether they are broadcasts or only folders.
        for name in names.by_ref().take(LISTED) {
            match self.there(&name).await {
                Ok(Some(there)) if !there.record.event.deleted => {
                    let mut view = shown(&name, &there.record, R::now());
                    if let Some(view) = view.as_object_mut() {
                        view.insert("watch".to_owned(), asked.deployment.watch(&name));
                    }
                    listed.push(view);
                }
                Ok(_) => {}
                // One that cannot be read is no reason not to show the others.
                Err(why @ StoreError::Damaged { .. }) => tracing::error!(broadcast = %name, "{why}"),
                Err(why) => return Err(why.into()),
            }
            last = Some(name);
        }
        let next = last.filter(|_| names.next().is_some());
        Ok(Answer::list(&listed, next.as_ref().map(BroadcastName::as_str)))
    }

    async fn create(&self, asked: &Asked<'_>) -> Result<Answer, Failure> {
        let (name, changed) = match clips::wanted(asked.body)? {
            Some(wanted) => {
                let changed = self.clip(&wanted, asked).await?;
                (wanted.name, changed)
            }
            None => command::create(asked.body, R::now(), &asked.random)?,
        };
        let mut pause_ms = PAUSE_MS;
        for _ in 0..TRIES {
            match self.write(&name, None, &changed.record).await {
                Ok(Swapped::Done(etag)) => {
                    tracing::info!(broadcast = %name, generation = %changed.record.generation, "broadcast created");
                    return Ok(self.told_with_key(&name, &changed, &etag, asked));
                }
                // R2 is busy with a key that was just written, before it looks whether it is there.
                Ok(Swapped::Conflict) | Err(StoreError::Busy { .. }) => {}
                Err(why) => return Err(why.into()),
            }
            // It may go away in between.
            if let Some(there) = self.there(&name).await? {
                if there.record.event.deleted {
                    return Err(Problem::being_deleted().into());
                }
                let detail = format!(
                    "there is a broadcast called {name} already; choose another name, or change that one"
                );
                let current = Some(Box::new(shown(&name, &there.record, R::now())));
                return Err(Problem { current, ..Problem::new(409, detail) }.into());
            }
            R::sleep(pause_ms).await;
            pause_ms *= 2;
        }
        Err(StoreError::Busy { key: key::broadcast(&name) }.into())
    }

    async fn show(&self, name: &BroadcastName, asked: &Asked<'_>) -> Result<Answer, Failure> {
        let there = self.existing(name).await?;
        Ok(self.told(name, &there, asked))
    }

    async fn end(&self, name: &BroadcastName, asked: &Asked<'_>) -> Result<Answer, Failure> {
        let (_, there) = self.change(name, asked).await?;
        self.close(name, &there.record).await?;
        Ok(self.told(name, &there, asked))
    }

    /// Writes a marker at every track's next key.
    async fn close(&self, name: &BroadcastName, record: &BroadcastRecord) -> Result<(), Failure> {
        let generation = &record.generation;
        let settings = self.settings.of(&record.event.cut);
        let mut ending = Ending::new(name, generation, &settings, R::now());
        let meta = Ending::marker();
        for _ in 0..ENDING_ROUNDS {
            loop {
                let reads = ending.wants();
                if reads.is_empty() {
                    break;
                }
                for read in reads {
                    self.read(&mut ending, &read).await?;
                }
            }
            let open = ending.open();
            if open.is_empty() {
                let damaged = ending.damaged();
                if let Some(track) = damaged.first() {
                    return Err(Problem::new(
                        503,
                        format!(
                            "the broadcast has ended, but track {track} cannot be followed to its end: what is stored of it is \
                             damaged"
                        ),
                    )
                    .into());
                }
                return Ok(());
            }
            for target in open {
                let key = ending.key(&target);
                match self.store.create(&key, &meta, &[]).await? {
                    Created::New => {
                        self.observer.stored(name, generation, &target, &key, &meta, &[]);
                        ending.written(&target);
                    }
                    // A part, or another's marker.
                    Created::Exists => self.read(&mut ending, &Read::Stat(target)).await?,
                }
            }
        }
        Err(Problem::storage("the broadcast has ended, but not all of its tracks are closed yet; ask again")
            .into())
    }

    async fn read(&self, ending: &mut Ending, read: &Read) -> Result<(), StoreError> {
        let asked = R::now();
        let found = store::find(&self.store, &ending.key(read.target()), read.kind()).await?;
        ending.absorb(read, &found, asked);
        Ok(())
    }

    async fn delete(&self, name: &BroadcastName, force: bool, asked: &Asked<'_>) -> Result<Answer, Failure> {
        let removed = self.remove(name, force, asked).await?;
        Ok(match removed.left {
            Some(left) => Answer::deleting(removed.deleted, left),
            None => Answer::deleted(removed.deleted),
        })
    }

    /// Deletes what has expired, one broadcast with a request.
    async fn delete_expired(
        &self,
        after: Option<&BroadcastName>,
        dry_run: bool,
        asked: &Asked<'_>,
    ) -> Result<Answer, Failure> {
        let names = self.store.list("").await?;
        let behind = after.map_or("", BroadcastName::as_str);
        let mut names = names
            .iter()
            .filter(|name| name.as_str() > behind)
            .filter_map(|name| BroadcastName::parse(name).ok());
        let mut expired = Vec::new();
        let mut last = None;
        for name in names.by_ref().take(LISTED) {
            let there = match self.there(&name).await {
                Ok(there) => there.filter(|there| there.record.event.has_expired(R::now())),
                // Of one that cannot be read nobody knows whether it is to be kept.
                Err(why @ StoreError::Damaged { .. }) => {
                    tracing::error!(broadcast = %name, "{why}");
                    None
                }
                Err(why) => return Err(why.into()),
            };
            last = Some(name.clone());
            let Some((etag, expires)) =
                there.and_then(|there| Some((there.etag, there.record.event.expires()?)))
            else {
                continue;
            };
            if dry_run {
                expired.push(Expired { name, expires, deleted_objects: 0 });
                continue;
            }
            let one = Asked {
                request: Request::Delete { name: name.clone(), force: false },
                // Only as it was read: somebody may just have said that it is to be kept for longer.
                if_match: Some(&etag.0),
                body: b"",
                random: asked.random,
                deployment: asked.deployment.clone(),
            };
            match self.remove(&name, false, &one).await {
                Ok(removed) => {
                    expired.push(Expired { name, expires, deleted_objects: removed.deleted });
                    if removed.left.is_some() {
                        return Ok(Answer::expired(&expired, after, true));
                    }
                    break;
                }
                Err(Failure::Problem(problem)) if matches!(problem.status, 404 | 409 | 412) => {}
                Err(why) => return Err(why),
            }
        }
        let next = last.filter(|_| names.next().is_some());
        Ok(Answer::expired(&expired, next.as_ref(), false))
    }

    /// First nobody finds the broadcast any more; then its objects go; then what stood in its place.
    async fn remove(&self, name: &BroadcastName, force: bool, asked: &Asked<'_>) -> Result<Removed, Failure> {
        let record_key = key::broadcast(name);
        let prefix = format!("{name}/");
        let there = match self.there(name).await? {
            Some(there) if !there.record.event.deleted => {
                let clips = if force { Vec::new() } else { self.clips_of(name).await? };
                if !clips.is_empty() {
                    return Err(clips::is_shown_by(&clips).into());
                }
                let (_, there) = self.change(name, asked).await?;
                tracing::info!(broadcast = %name, "broadcast deleted");
                Some(there)
            }
            there => there,
        };
        let mut deleted = 0;
        let mut batches = 0;
        loop {
            let mut keys = self.store.keys(&prefix).await?;
            let is_last = keys.len() < KEYS_AT_ONCE;
            keys.retain(|key| *key != record_key);
            if keys.is_empty() && is_last {
                break;
            }
            if batches >= self.batches {
                return Ok(Removed { deleted, left: Some(keys.len() as u64) });
            }
            self.store.delete(&keys).await?;
            batches += 1;
            deleted += keys.len() as u64;
        }
        match there {
            None if deleted == 0 => return Err(Problem::no_broadcast().into()),
            None => {}
            Some(there) if command::may_be_written_to(&there.record, R::now()) => {
                return Ok(Removed { deleted, left: Some(0) });
            }
            // Nobody else writes there: to create, and to change, is refused while it is being deleted.
            Some(_) => self.store.delete(&[record_key]).await?,
        }
        Ok(Removed { deleted, left: None })
    }

    /// Changes a document, again if somebody else was faster, unless it was asked for only what was read.
    async fn change(&self, name: &BroadcastName, asked: &Asked<'_>) -> Result<(Changed, There), Failure> {
        let mut pause_ms = PAUSE_MS;
        for _ in 0..TRIES {
            let there = self.existing(name).await?;
            if asked.if_match.is_some_and(|if_match| !is_version(if_match, &there.etag.0)) {
                return Err(Problem::changed(shown(name, &there.record, R::now())).into());
            }
            let changed = self.changed(name, &there.record, asked).await?;
            if changed.record == there.record {
                return Ok((changed, there));
            }
            match self.write(name, Some(&there.etag), &changed.record).await {
                Ok(Swapped::Done(etag)) => {
                    let there = There { record: changed.record.clone(), etag };
                    return Ok((changed, there));
                }
                Ok(Swapped::Conflict) => {}
                Err(StoreError::Busy { .. }) => {
                    R::sleep(pause_ms).await;
                    pause_ms *= 2;
                }
                Err(why) => return Err(why.into()),
            }
        }
        Err(StoreError::Busy { key: key::broadcast(name) }.into())
    }

    /// What becomes of a document.
    async fn changed(
        &self,
        name: &BroadcastName,
        there: &BroadcastRecord,
        asked: &Asked<'_>,
    ) -> Result<Changed, Failure> {
        Ok(match &asked.request {
            Request::RotateKey(_) => command::rotate_key(there, asked.body, R::now(), &asked.random)?,
            Request::End(_) => command::end(there, asked.body, R::now())?,
            Request::Delete { .. } => Changed { record: command::delete(there, R::now()), key: None },
            _ => {
                let begun = key::Keys::new(name, &there.generation).period(0);
                let has_begun = self.store.stat(&begun).await?.is_some();
                command::update(there, asked.body, has_begun)?
            }
        })
    }

    async fn write(
        &self,
        name: &BroadcastName,
        expected: Option<&ETag>,
        record: &BroadcastRecord,
    ) -> Result<Swapped, StoreError> {
        let json = Bytes::from(record::to_json(record));
        let swapped = self.store.swap(&key::broadcast(name), expected, "", &[json]).await?;
        if let Swapped::Done(_) = swapped {
            self.observer.recorded(name, record);
        }
        Ok(swapped)
    }

    async fn existing(&self, name: &BroadcastName) -> Result<There, Failure> {
        match self.there(name).await? {
            None => Err(Problem::no_broadcast().into()),
            Some(there) if there.record.event.deleted => Err(Problem::being_deleted().into()),
            Some(there) => Ok(there),
        }
    }

    async fn there(&self, name: &BroadcastName) -> Result<Option<There>, StoreError> {
        let key = key::broadcast(name);
        let Some(object) = self.store.get(&key).await? else { return Ok(None) };
        match record::from_json(&object.body) {
            Ok(record) => Ok(Some(There { record, etag: object.etag })),
            Err(why) => Err(StoreError::Damaged { key, why }),
        }
    }

    fn told(&self, name: &BroadcastName, there: &There, asked: &Asked<'_>) -> Answer {
        Answer::broadcast(name, &there.record, &there.etag.0, &asked.deployment, R::now())
    }

    fn told_with_key(
        &self,
        name: &BroadcastName,
        changed: &Changed,
        etag: &ETag,
        asked: &Asked<'_>,
    ) -> Answer {
        let now = R::now();
        match &changed.key {
            Some(key) => Answer::with_key(name, &changed.record, key, &etag.0, &asked.deployment, now),
            None if asked.request == Request::Create => {
                Answer::created(name, &changed.record, &etag.0, &asked.deployment, now)
            }
            None => Answer::broadcast(name, &changed.record, &etag.0, &asked.deployment, now),
        }
    }
}

/// Why something was not done.
enum Failure {
    /// As core says.
    Problem(Problem),
    /// Storage.
    Store(StoreError),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for Failure {
    fn from(why: StoreError) -> Self {
        Self::Store(why)
    }
}

impl Failure {
    fn problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            // Who operates the broadcasts is who can do something about it.
            Self::Store(why) => {
                tracing::error!("{why}");
                Problem::storage(&why.to_string())
            }
        }
    }
}
