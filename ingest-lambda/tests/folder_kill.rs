//! Whatever moment a writer is killed at, every object that can be seen is whole.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use ingest_lambda::store::{FolderStore, Store, Swapped};

const WRITER: &str = "RIMCAST_TEST_WRITER_IN";
const ROUNDS: u64 = 60;

/// Every object says in its metadata what its body must be: a length and a byte.
fn object(n: usize) -> (String, Vec<Bytes>) {
    let length = 1 + n * 7919 % 400_000;
    let byte = u8::try_from(n % 251).unwrap();
    let (a, b) = (length / 2, length - length / 2);
    (format!("{length} {byte}"), vec![Bytes::from(vec![byte; a]), Bytes::from(vec![byte; b])])
}

async fn write_until_killed(dir: &Path) {
    let store = FolderStore::open(dir).unwrap();
    let first = store.list("parts/").await.unwrap().len();
    let mut expected = store.get("head.json").await.unwrap().map(|head| head.etag);
    for n in first.. {
        let (meta, body) = object(n);
        store.create(&format!("parts/{n:08}.m4s"), &meta, &body).await.unwrap();
        match store.swap("head.json", expected.as_ref(), &meta, &body).await.unwrap() {
            Swapped::Done(etag) => expected = Some(etag),
            Swapped::Conflict => panic!("nobody else writes"),
        }
    }
}

async fn check(store: &FolderStore, key: &str) {
    let object = store.get(key).await.unwrap().unwrap();
    let (length, byte) = object.meta.split_once(' ').unwrap_or_else(|| panic!("{key} has lost its metadata"));
    let (length, byte) = (length.parse::<usize>().unwrap(), byte.parse::<u8>().unwrap());
    assert_eq!(object.body.len(), length, "{key}");
    assert!(object.body.iter().all(|seen| *seen == byte), "{key}");
}

#[test]
fn killed_at_any_moment() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    if let Some(dir) = std::env::var_os(WRITER) {
        return runtime.block_on(write_until_killed(Path::new(&dir)));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut checked = 0;
    for round in 0..ROUNDS {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed_at_any_moment"])
            .env(WRITER, dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Long enough to have begun writing, and another moment each time.
        std::thread::sleep(Duration::from_micros(15_000 + round * 337));
        writer.kill().unwrap();
        writer.wait().unwrap();
        runtime.block_on(async {
            let store = FolderStore::open(dir.path()).unwrap();
            let names = store.list("parts/").await.unwrap();
            for name in &names[checked..] {
                check(&store, &format!("parts/{name}")).await;
            }
            checked = names.len();
            if checked > 0 && store.stat("head.json").await.unwrap().is_some() {
                check(&store, "head.json").await;
            }
            let leftovers = std::fs::read_dir(dir.path().join(".tmp")).unwrap().count();
            assert_eq!(leftovers, 1, "only the open store's own");
        });
    }
    assert!(checked > 50, "the writers wrote {checked} objects, too few to tell anything");
}
