//! What is special about a folder; what all stores do is in `conformance`.

use super::*;

fn body(text: &str) -> Vec<Bytes> {
    vec![Bytes::copy_from_slice(text.as_bytes())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_folder_conforms() {
    let dir = tempfile::tempdir().unwrap();
    super::super::conformance(FolderStore::open(dir.path()).unwrap()).await;
}

#[tokio::test]
async fn two_stores_on_one_folder_lose_no_update() {
    let dir = tempfile::tempdir().unwrap();
    let stores = [FolderStore::open(dir.path()).unwrap(), FolderStore::open(dir.path()).unwrap()];
    stores[0].swap("n.json", None, "", &body("0")).await.unwrap();
    let counters = stores.map(|store| {
        tokio::spawn(async move {
            for _ in 0..100 {
                loop {
                    let now = store.get("n.json").await.unwrap().unwrap();
                    let next = std::str::from_utf8(&now.body).unwrap().parse::<u32>().unwrap() + 1;
                    let swapped = store.swap("n.json", Some(&now.etag), "", &body(&next.to_string())).await;
                    if matches!(swapped.unwrap(), Swapped::Done(_)) {
                        break;
                    }
                }
            }
        })
    });
    for counter in counters {
        counter.await.unwrap();
    }
    assert_eq!(fs::read_to_string(dir.path().join("n.json")).unwrap(), "200");
}

#[tokio::test]
async fn plain_files_are_objects_without_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let store = FolderStore::open(dir.path()).unwrap();
    fs::create_dir(dir.path().join("cup")).unwrap();
    fs::write(dir.path().join("cup/broadcast.json"), "{}\n").unwrap();
    fs::write(dir.path().join("cup/.DS_Store"), "x").unwrap();
    let object = store.get("cup/broadcast.json").await.unwrap().unwrap();
    assert_eq!((object.meta.as_str(), &object.body[..]), ("", &b"{}\n"[..]));
    assert_eq!(store.list("cup/").await.unwrap(), ["broadcast.json"]);
    store.create("cup/plain.json", "", &body("{}")).await.unwrap();
    assert_eq!(fs::read(dir.path().join("cup/plain.json")).unwrap(), b"{}");
    assert_eq!(store.get("cup").await.unwrap(), None, "a folder is no object");
    assert_eq!(store.get("cup/plain.json/x").await.unwrap(), None);
}

#[tokio::test]
async fn metadata_is_a_free_box_and_bodies_may_look_like_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = FolderStore::open(dir.path()).unwrap();
    store.create("a", "meta", &body("body")).await.unwrap();
    assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"body\0\0\0\x18freemeta\0\0\0\x04rimcast1");
    for (n, text) in
        ["rimcast1", "\0\0\0\0rimcast1", "\0\0\0\x18freemeta\0\0\0\x04rimcast1"].iter().enumerate()
    {
        for meta in ["", "m"] {
            let key = format!("b{n}{meta}");
            store.create(&key, meta, &body(text)).await.unwrap();
            let object = store.get(&key).await.unwrap().unwrap();
            assert_eq!((object.meta.as_str(), &object.body[..]), (meta, text.as_bytes()));
            assert_eq!(store.stat(&key).await.unwrap().unwrap().size_bytes, text.len() as u64);
        }
    }
    // A file that ends like ours and is not is damaged, not a panic.
    for bad in [&b"\0\0\0\x05rimcast1"[..], b"\xff\xff\xff\xffrimcast1", b"12345678\xff\0\0\0\x01rimcast1"] {
        fs::write(dir.path().join("c"), bad).unwrap();
        assert!(matches!(store.get("c").await, Err(StoreError::Damaged { .. })), "{bad:?}");
        assert!(matches!(store.stat("c").await, Err(StoreError::Damaged { .. })), "{bad:?}");
    }
}

#[tokio::test]
async fn leftovers_are_cleared_but_not_those_of_the_living() {
    let dir = tempfile::tempdir().unwrap();
    let alive = FolderStore::open(dir.path()).unwrap();
    let dead = dir.path().join(".tmp/1-1");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("lock"), "").unwrap();
    fs::write(dead.join("0"), "half a pa").unwrap();
    let second = FolderStore::open(dir.path()).unwrap();
    assert!(!dead.exists());
    assert_eq!(alive.create("a", "", &body("a")).await.unwrap(), Created::New);
    drop(second);
    drop(alive);
    assert_eq!(fs::read_dir(dir.path().join(".tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn no_empty_folder_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let store = FolderStore::open(dir.path()).unwrap();
    for key in ["cup/g/video/s/1.m4s", "cup/g/audio/s/1.m4s"] {
        store.create(key, "", &[]).await.unwrap();
    }
    store.delete(&["cup/g/video/s/1.m4s".to_owned()]).await.unwrap();
    assert_eq!(store.list("cup/g/").await.unwrap(), ["audio"]);
    store.delete(&["cup/g/audio/s/1.m4s".to_owned()]).await.unwrap();
    assert_eq!(store.list("").await.unwrap(), [""; 0]);
}
