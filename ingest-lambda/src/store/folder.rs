//! A folder as object storage: one file per object, for local work and for origins with one disk.
//!
//! An object that has metadata ends in a [trailer], so that body and metadata appear in one step.
//! An object without metadata is its body and nothing more, so JSON can be read and edited by hand.
//!
//! Files appear whole: they are written under `.tmp/` and then linked (create-only) or renamed
//! (swap) to where they belong. Whatever moment the process is killed at, each file is an old or a
//! new one, never half of one. What was written is *not* forced to the disk (no `fsync`): it
//! survives the death of every process, but the last seconds may be lost with the power.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

mod buffers;
#[cfg(test)]
mod tests;
mod trailer;

use self::buffers::Buffers;
use self::trailer::{
    BOX_HEADER_BYTES, MAGIC, META_BYTES, TRAILER_END_BYTES, damaged, meta_length, split, trailer,
};
use super::{
    Created, ETag, KEYS_AT_ONCE, OBJECT_BYTES, Object, Stat, Store, StoreError, Swapped, check_key,
    check_prefix,
};

/// Read from the end of a file in the hope that the whole trailer is in it.
const TAIL_BYTES: u64 = 512;

/// Bodies up to this are copied to be written in one call with their trailer.
const JOINED_BYTES: usize = 64 << 10;

/// Objects in a folder. Clones share it.
#[derive(Debug, Clone)]
pub struct FolderStore {
    folder: Arc<Folder>,
    buffers: Arc<Buffers>,
}

#[derive(Debug)]
struct Folder {
    root: PathBuf,
    /// Where this store's unfinished files are, `root/.tmp/{own}`.
    tmp: PathBuf,
    /// Held while the store is open, so that others do not take `tmp` for leftovers.
    _tmp_lock: File,
    tmp_count: AtomicU64,
    /// `root/.lock`. The mutex is for this process (a lock on a file is the open file's), the lock
    /// for the others.
    swap_lock: Mutex<File>,
}

impl FolderStore {
    /// Opens a folder, which is made if there is none, and clears away what killed writers left.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        let all_tmp = root.join(".tmp");
        fs::create_dir_all(&all_tmp)?;
        let swap_lock = OpenOptions::new().create(true).append(true).open(root.join(".lock"))?;
        swap_lock.lock()?;
        clear_leftovers(&all_tmp)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let tmp = all_tmp.join(format!("{}-{}", std::process::id(), now.as_nanos()));
        fs::create_dir(&tmp)?;
        let tmp_lock = File::create(tmp.join("lock"))?;
        tmp_lock.lock()?;
        swap_lock.unlock()?;
        Ok(Self {
            folder: Arc::new(Folder {
                root,
                tmp,
                _tmp_lock: tmp_lock,
                tmp_count: AtomicU64::new(0),
                swap_lock: Mutex::new(swap_lock),
            }),
            buffers: Arc::default(),
        })
    }

    /// The same, for who reads many large objects one after the other: up to `bytes` of the memory that they were read
    /// into is kept, for as long as the store is, to read the next ones into.
    #[must_use]
    pub fn keeping_memory(self, bytes: usize) -> Self {
        Self { buffers: Arc::new(Buffers::keeping(bytes)), ..self }
    }

    /// The file of an object.
    pub fn path_of(&self, key: &str) -> Result<PathBuf, StoreError> {
        self.folder.path_of(key)
    }

    /// File work does not belong on the threads that serve viewers: a disk may stall for seconds.
    async fn blocking<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Folder, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let folder = Arc::clone(&self.folder);
        let owned = key.to_owned();
        match tokio::task::spawn_blocking(move || work(&folder, &owned)).await {
            Ok(result) => result,
            Err(stopped) => Err(StoreError::Unavailable { key: key.to_owned(), why: stopped.to_string() }),
        }
    }
}

impl Store for FolderStore {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let buffers = Arc::clone(&self.buffers);
        self.blocking(key, move |folder, key| folder.get(key, &buffers)).await
    }

    async fn stat(&self, key: &str) -> Result<Option<Stat>, StoreError> {
        self.blocking(key, Folder::stat).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.blocking(prefix, Folder::list).await
    }

    async fn create(&self, key: &str, meta: &str, body: &[Bytes]) -> Result<Created, StoreError> {
        let (meta, body) = (meta.to_owned(), body.to_vec());
        self.blocking(key, move |folder, key| folder.create(key, &meta, &body)).await
    }

    async fn swap(
        &self,
        key: &str,
        expected: Option<&ETag>,
        meta: &str,
        body: &[Bytes],
    ) -> Result<Swapped, StoreError> {
        let (expected, meta, body) = (expected.cloned(), meta.to_owned(), body.to_vec());
        self.blocking(key, move |folder, key| folder.swap(key, expected.as_ref(), &meta, &body)).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.blocking(prefix, Folder::keys).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StoreError> {
        let keys = keys.to_vec();
        self.blocking("", move |folder, _| keys.iter().try_for_each(|key| folder.delete(key))).await
    }
}

impl Folder {
    fn path_of(&self, key: &str) -> Result<PathBuf, StoreError> {
        check_key(key)?;
        Ok(self.root.join(key))
    }

    fn get(&self, key: &str, buffers: &Arc<Buffers>) -> Result<Option<Object>, StoreError> {
        let path = self.path_of(key)?;
        let Some(mut file) = open(&path).map_err(|why| failed(key, &why))? else {
            return Ok(None);
        };
        read_object(&mut file, buffers).map(Some).map_err(|why| failed(key, &why))
    }

    fn stat(&self, key: &str) -> Result<Option<Stat>, StoreError> {
        let path = self.path_of(key)?;
        let Some(mut file) = open(&path).map_err(|why| failed(key, &why))? else {
            return Ok(None);
        };
        stat_file(&mut file).map(Some).map_err(|why| failed(key, &why))
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        check_prefix(prefix)?;
        let entries = match fs::read_dir(self.root.join(prefix)) {
            Ok(entries) => entries,
            Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(why) => return Err(failed(prefix, &why)),
        };
        let mut names = BTreeSet::new();
        for entry in entries {
            let name = entry.map_err(|why| failed(prefix, &why))?.file_name();
            // What has no name of ours was put there by others: a desktop's hidden file, perhaps.
            if let Some(name) = name.to_str().filter(|name| check_key(name).is_ok()) {
                names.insert(name.to_owned());
            }
        }
        Ok(names.into_iter().collect())
    }

    fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut keys = Vec::new();
        let mut folders = vec![prefix.to_owned()];
        while let Some(folder) = folders.pop() {
            for name in self.list(&folder)? {
                if keys.len() >= KEYS_AT_ONCE {
                    return Ok(keys);
                }
                let key = format!("{folder}{name}");
                match fs::symlink_metadata(self.path_of(&key)?) {
                    Ok(about) if about.is_dir() => folders.push(format!("{key}/")),
                    Ok(_) => keys.push(key),
                    Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                    Err(why) => return Err(failed(&key, &why)),
                }
            }
        }
        Ok(keys)
    }

    /// Removes a file, and the folders that nothing else is in.
    fn delete(&self, key: &str) -> Result<(), StoreError> {
        let path = self.path_of(key)?;
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(why) => return Err(failed(key, &why)),
        }
        let folders = path.ancestors().skip(1).take_while(|folder| *folder != self.root);
        for folder in folders {
            // Not empty, most likely. Whoever is just about to write there makes it again.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn create(&self, key: &str, meta: &str, body: &[Bytes]) -> Result<Created, StoreError> {
        let path = self.path_of(key)?;
        let written = self.write(meta, body).map_err(|why| failed(key, &why))?;
        link(&written.path, &path).map_err(|why| failed(key, &why))
    }

    fn swap(
        &self,
        key: &str,
        expected: Option<&ETag>,
        meta: &str,
        body: &[Bytes],
    ) -> Result<Swapped, StoreError> {
        let path = self.path_of(key)?;
        let written = self.write(meta, body).map_err(|why| failed(key, &why))?;
        let swapped = match expected {
            None => link(&written.path, &path).and_then(|created| match created {
                Created::New => Ok(Swapped::Done(etag(&written.file.metadata()?)?)),
                Created::Exists => Ok(Swapped::Conflict),
            }),
            Some(expected) => self.replace(&written, &path, expected),
        };
        swapped.map_err(|why| failed(key, &why))
    }

    fn replace(&self, written: &Written, path: &Path, expected: &ETag) -> io::Result<Swapped> {
        let lock = self.swap_lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.lock()?;
        let swapped = (|| {
            let current = match fs::metadata(path) {
                Ok(current) => current,
                Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Swapped::Conflict),
                Err(why) => return Err(why),
            };
            if etag(&current)? != *expected {
                return Ok(Swapped::Conflict);
            }
            // The time of change is what tells versions apart, so it must go up, even where two
            // fall into one tick of the file system's clock or the clock was set back.
            let after = current.modified()? + Duration::from_nanos(1);
            if written.file.metadata()?.modified()? < after {
                written.file.set_modified(after)?;
            }
            fs::rename(&written.path, path)?;
            Ok(Swapped::Done(etag(&written.file.metadata()?)?))
        })();
        lock.unlock()?;
        swapped
    }

    /// Writes a whole file under `.tmp/`, to be linked or renamed.
    fn write(&self, meta: &str, body: &[Bytes]) -> io::Result<Written> {
        let count = self.tmp_count.fetch_add(1, Ordering::Relaxed);
        let path = self.tmp.join(count.to_string());
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        // From here on the file goes away with the value, whatever fails.
        let mut written = Written { path, file };
        let ends_like_trailer = || {
            let last = body.iter().rev().flat_map(|piece| piece.iter().rev()).take(MAGIC.len());
            last.eq(MAGIC.iter().rev())
        };
        if meta.is_empty() && !ends_like_trailer() {
            for piece in body {
                written.file.write_all(piece)?;
            }
            return Ok(written);
        }
        let trailer = trailer(meta)?;
        if let [piece] = body
            && piece.len() <= JOINED_BYTES
        {
            // Small parts in one call.
            let mut joined = Vec::with_capacity(piece.len() + trailer.len());
            joined.extend_from_slice(piece);
            joined.extend_from_slice(&trailer);
            written.file.write_all(&joined)?;
        } else {
            for piece in body {
                written.file.write_all(piece)?;
            }
            written.file.write_all(&trailer)?;
        }
        Ok(written)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is cleared at the next start.
        let _ = fs::remove_dir_all(&self.tmp);
    }
}

/// A finished file that is not where it belongs yet; it is removed with this value.
struct Written {
    path: PathBuf,
    file: File,
}

impl Drop for Written {
    fn drop(&mut self) {
        // Gone already when it was renamed; cleared at the next start when this fails.
        let _ = fs::remove_file(&self.path);
    }
}

/// Gives a finished file its name, unless the name is taken.
fn link(from: &Path, to: &Path) -> io::Result<Created> {
    let linked = match fs::hard_link(from, to) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            // The first object in a folder.
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::hard_link(from, to)
        }
        other => other,
    };
    match linked {
        Ok(()) => Ok(Created::New),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(Created::Exists),
        Err(why) => Err(why),
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) if file.metadata()?.is_dir() => Ok(None),
        Ok(file) => Ok(Some(file)),
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(why) => Err(why),
    }
}

/// Reads one file of a [`FolderStore`] as the object it is, without opening the store.
///
/// # Errors
///
/// The file cannot be read, or its metadata is damaged.
pub fn read_file(path: &Path) -> io::Result<Object> {
    read_object(&mut File::open(path)?, &Arc::default())
}

fn read_object(file: &mut File, buffers: &Arc<Buffers>) -> io::Result<Object> {
    let about = file.metadata()?;
    if about.len() > OBJECT_BYTES + META_BYTES {
        return Err(damaged("it is larger than any object that Rimcast writes"));
    }
    let mut buffer = buffers.take(usize::try_from(about.len()).unwrap_or(0));
    file.read_to_end(&mut buffer.bytes)?;
    let (size, meta) = split(&buffer.bytes)?;
    buffer.bytes.truncate(size);
    Ok(Object { meta, body: Bytes::from(buffer), etag: etag(&about)? })
}

fn etag(about: &fs::Metadata) -> io::Result<ETag> {
    let changed = about.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(ETag(format!("{:x}-{:x}", changed.as_nanos(), about.len())))
}

fn stat_file(file: &mut File) -> io::Result<Stat> {
    let about = file.metadata()?;
    let size = about.len();
    let mut tail = read_tail(file, size, TAIL_BYTES)?;
    if let Some(meta_bytes) = meta_length(&tail)? {
        let whole = meta_bytes + BOX_HEADER_BYTES + TRAILER_END_BYTES;
        if whole > TAIL_BYTES {
            tail = read_tail(file, size, whole)?;
        }
    }
    let (body_in_tail, meta) = split(&tail)?;
    let trailer_bytes = tail.len() - body_in_tail;
    Ok(Stat { meta, size_bytes: size - trailer_bytes as u64, etag: etag(&about)? })
}

fn read_tail(file: &mut File, size: u64, bytes: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(size.saturating_sub(bytes)))?;
    let mut tail = Vec::new();
    file.take(bytes).read_to_end(&mut tail)?;
    Ok(tail)
}

fn failed(key: &str, why: &io::Error) -> StoreError {
    let key = key.to_owned();
    match why.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { key },
        io::ErrorKind::PermissionDenied => StoreError::Forbidden { key },
        io::ErrorKind::InvalidData => StoreError::Damaged { key, why: why.to_string() },
        io::ErrorKind::InvalidFilename => {
            StoreError::BadKey { key, why: "a segment is too long for the file system" }
        }
        io::ErrorKind::InvalidInput => {
            StoreError::BadKey { key, why: "its name or metadata is more than a file takes" }
        }
        io::ErrorKind::Unsupported => StoreError::Unavailable {
            key,
            why: "this file system has no hard links; keep the data on another one".to_owned(),
        },
        _ => StoreError::Unavailable { key, why: why.to_string() },
    }
}

/// Removes what is no longer anyone's. Called under the folder's lock.
fn clear_leftovers(all_tmp: &Path) -> io::Result<()> {
    for entry in fs::read_dir(all_tmp)? {
        let path = entry?.path();
        let in_use = match File::open(path.join("lock")) {
            Ok(lock) => matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock)),
            Err(_) => false,
        };
        if !in_use {
            fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path))?;
        }
    }
    Ok(())
}
