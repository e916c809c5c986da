//! What every store must do, as one test that takes the store.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::{Created, KEYS_AT_ONCE, Store, StoreError, Swapped};

const META: &str = r#"{"part":{"d":15000,"w":1790000000000}}"#;

fn pieces(parts: &[&str]) -> Vec<Bytes> {
    parts.iter().map(|part| Bytes::copy_from_slice(part.as_bytes())).collect()
}

/// Asserts everything [`Store`] promises, under keys that begin with `conformance/`. The store has
/// none of them yet.
pub async fn conformance<S: Store + Clone>(store: S) {
    what_is_written_is_read(&store).await;
    names_are_listed(&store).await;
    what_is_deleted_is_gone(&store).await;
    more_is_deleted_than_at_once(&store).await;
    versions_are_swapped(&store).await;
    bad_keys_are_refused(&store).await;
    one_of_eight_creates_wins(&store).await;
    no_update_is_lost(&store).await;
}

async fn what_is_written_is_read<S: Store + Clone>(store: &S) {
    assert_eq!(store.get("conformance/none").await.unwrap(), None);
    assert_eq!(store.stat("conformance/none").await.unwrap(), None);
    let large = "x".repeat(3_000_000);
    let long_meta = "m".repeat(1_500);
    let cases: [(&str, &[&str]); 5] =
        [(META, &["moof", "", "mdat"]), ("", &["{}"]), (META, &[]), ("", &[]), (&long_meta, &["a", &large])];
    for (n, (meta, parts)) in cases.into_iter().enumerate() {
        let key = format!("conformance/read/{n}.m4s");
        let whole = parts.concat();
        assert_eq!(store.create(&key, meta, &pieces(parts)).await.unwrap(), Created::New);
        assert_eq!(store.create(&key, "other", &pieces(&["other"])).await.unwrap(), Created::Exists);
        let object = store.get(&key).await.unwrap().unwrap();
        let stat = store.stat(&key).await.unwrap().unwrap();
        assert_eq!(object.meta, meta);
        assert!(object.body == whole.as_bytes(), "{key}");
        assert_eq!(stat.meta, meta);
        assert_eq!(stat.size_bytes, whole.len() as u64);
        assert_eq!(stat.etag, object.etag);
    }
}

async fn names_are_listed<S: Store + Clone>(store: &S) {
    assert_eq!(store.list("conformance/list/").await.unwrap(), [""; 0]);
    for key in ["b", "a/1", "a/2", "a/deep/3", "c.json"] {
        store.create(&format!("conformance/list/{key}"), "", &[]).await.unwrap();
    }
    assert_eq!(store.list("conformance/list/").await.unwrap(), ["a", "b", "c.json"]);
    assert_eq!(store.list("conformance/list/a/").await.unwrap(), ["1", "2", "deep"]);
    assert!(store.list("").await.unwrap().contains(&"conformance".to_owned()));
}

async fn what_is_deleted_is_gone<S: Store + Clone>(store: &S) {
    let key = |name: &str| format!("conformance/delete/{name}");
    let all = ["a/1", "a/deep/2", "a/deep/3", "ab/4", "b"].map(key);
    for key in &all {
        assert_eq!(store.create(key, META, &pieces(&["x"])).await.unwrap(), Created::New);
    }
    let sorted = async |prefix: &str| {
        let mut keys = store.keys(prefix).await.unwrap();
        keys.sort_unstable();
        keys
    };
    assert_eq!(sorted("conformance/delete/").await, all);
    assert_eq!(sorted("conformance/delete/a/").await, all[..3]);
    assert_eq!(sorted("conformance/delete/none/").await, [""; 0]);
    let some = [key("a/deep/2"), key("b"), key("none"), key("a/deep/none/5")];
    store.delete(&some).await.unwrap();
    store.delete(&some).await.unwrap();
    store.delete(&[]).await.unwrap();
    assert_eq!(sorted("conformance/delete/").await, [key("a/1"), key("a/deep/3"), key("ab/4")]);
    assert_eq!((store.get(&some[0]).await.unwrap(), store.stat(&some[1]).await.unwrap()), (None, None));
    assert_eq!(store.list("conformance/delete/a/deep/").await.unwrap(), ["3"]);
    // Where something was deleted, something else may be created.
    assert_eq!(store.create(&some[0], "", &pieces(&["new"])).await.unwrap(), Created::New);
    assert_eq!(store.get(&some[0]).await.unwrap().unwrap().body, "new");
    store.delete(&sorted("conformance/delete/").await).await.unwrap();
    assert_eq!(sorted("conformance/delete/").await, [""; 0]);
    for bad in ["", "conformance/../x", "/etc/passwd"] {
        assert!(matches!(store.delete(&[bad.to_owned()]).await, Err(StoreError::BadKey { .. })), "{bad:?}");
    }
    assert!(matches!(store.keys("conformance").await, Err(StoreError::BadKey { .. })));
}

async fn more_is_deleted_than_at_once<S: Store + Clone>(store: &S) {
    let prefix = "conformance/many/";
    let creates = (0..KEYS_AT_ONCE + 5).map(|number| {
        let store = store.clone();
        async move { store.create(&format!("{prefix}{}/{number}", number % 3), "", &[]).await.unwrap() }
    });
    let created: Vec<_> = futures_util::StreamExt::collect(futures_util::StreamExt::buffer_unordered(
        futures_util::stream::iter(creates),
        16,
    ))
    .await;
    assert_eq!(created.len(), KEYS_AT_ONCE + 5);
    let first = store.keys(prefix).await.unwrap();
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), KEYS_AT_ONCE);
    store.delete(&first).await.unwrap();
    let rest = store.keys(prefix).await.unwrap();
    assert_eq!(rest.len(), 5);
    store.delete(&rest).await.unwrap();
    assert_eq!(store.keys(prefix).await.unwrap(), [""; 0]);
}

async fn versions_are_swapped<S: Store + Clone>(store: &S) {
    let key = "conformance/swap/head.json";
    let swap = |expected, text: &'static str| async move {
        store.swap(key, expected, text, &pieces(&[text])).await.unwrap()
    };
    let Swapped::Done(first) = swap(None, "1").await else { panic!("there was none") };
    assert_eq!(swap(None, "2").await, Swapped::Conflict);
    let Swapped::Done(second) = swap(Some(&first), "2").await else { panic!("it was the first") };
    assert_ne!(first, second);
    assert_eq!(swap(Some(&first), "3").await, Swapped::Conflict);
    let object = store.get(key).await.unwrap().unwrap();
    assert_eq!((object.meta.as_str(), &object.body[..], &object.etag), ("2", &b"2"[..], &second));
    assert_eq!(store.create(key, "", &[]).await.unwrap(), Created::Exists);
    let none = "conformance/swap/none.json";
    assert_eq!(store.swap(none, Some(&first), "", &[]).await.unwrap(), Swapped::Conflict);
    assert_eq!(store.get(none).await.unwrap(), None);
}

async fn bad_keys_are_refused<S: Store + Clone>(store: &S) {
    for key in ["", "/etc/passwd", "conformance/../../x", "conformance//x", "conformance/", "a\0b"] {
        assert!(matches!(store.get(key).await, Err(StoreError::BadKey { .. })), "{key:?}");
        assert!(matches!(store.stat(key).await, Err(StoreError::BadKey { .. })), "{key:?}");
        assert!(matches!(store.create(key, "", &[]).await, Err(StoreError::BadKey { .. })), "{key:?}");
        assert!(matches!(store.swap(key, None, "", &[]).await, Err(StoreError::BadKey { .. })), "{key:?}");
    }
    for prefix in ["/", "../", "conformance", "conformance/../"] {
        assert!(matches!(store.list(prefix).await, Err(StoreError::BadKey { .. })), "{prefix:?}");
    }
}

/// Many races at once: a store that lets one writer wait for another may take seconds over each.
async fn one_of_eight_creates_wins<S: Store + Clone>(store: &S) {
    let races: Vec<_> = (0..20).map(|round| tokio::spawn(race(store.clone(), round))).collect();
    for race in races {
        race.await.unwrap();
    }
}

async fn race<S: Store + Clone>(store: S, round: usize) {
    let key = format!("conformance/race/{round}.m4s");
    let start = Arc::new(tokio::sync::Barrier::new(8));
    let racers: Vec<_> = (0..8)
        .map(|racer| {
            let (store, key, start) = (store.clone(), key.clone(), Arc::clone(&start));
            tokio::spawn(async move {
                let text = racer.to_string();
                start.wait().await;
                let created = store.create(&key, &text, &pieces(&[&text])).await.unwrap();
                // Whoever won, everyone reads the winner, whole.
                let seen = store.get(&key).await.unwrap().unwrap();
                assert_eq!(seen.meta.as_bytes(), &seen.body[..]);
                (created == Created::New, text, seen.meta)
            })
        })
        .collect();
    let mut winners = Vec::new();
    let mut seen = BTreeSet::new();
    for racer in racers {
        let (won, own, saw) = racer.await.unwrap();
        seen.insert(saw);
        winners.extend(won.then_some(own));
    }
    assert_eq!(winners.len(), 1, "{key}");
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), winners);
}

async fn no_update_is_lost<S: Store + Clone>(store: &S) {
    let key = "conformance/count.json";
    let counters: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    loop {
                        let now = store.get(key).await.unwrap();
                        let count = now
                            .as_ref()
                            .map_or(0, |now| std::str::from_utf8(&now.body).unwrap().parse::<u32>().unwrap());
                        let next = (count + 1).to_string();
                        let expected = now.map(|now| now.etag);
                        let swapped = store.swap(key, expected.as_ref(), "", &pieces(&[&next])).await;
                        if matches!(swapped.unwrap(), Swapped::Done(_)) {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    for counter in counters {
        counter.await.unwrap();
    }
    assert_eq!(store.get(key).await.unwrap().unwrap().body, "200");
}
