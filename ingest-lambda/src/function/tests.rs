//! Events as Lambda writes them.

use serde_json::{Value, json};

use super::*;
use crate::store::FolderStore;

const KEY: &str = "sesame-12";

/// As a Function URL sends it, with what it says of itself.
fn event(method: &str, path: &str, headers: &Value, body: &Value, is_base64_encoded: bool) -> Event {
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.lambda-url.eu-central-1.on.aws",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"},
            "requestId": "d5c3",
            "stage": "$default",
            "timeEpoch": 1_800_000_000_000_u64,
        },
        "body": body,
        "isBase64Encoded": is_base64_encoded,
    });
    serde_json::from_value(event).unwrap()
}

async fn answer(event: Event) -> Reply {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    store.create("show/broadcast.json", "", &[r#"{"generation":"g"}"#.into()]).await.unwrap();
    let function = Function::new(store, KEY.to_owned());
    function.answer(event).await
}

const INIT: &str = "/ingest/show/-/g/video/s/init.mp4";

#[tokio::test]
async fn only_who_shows_the_key_is_answered() {
    for (headers, status) in [
        (json!({}), 401),
        (json!({"rimcast-key": "sesame"}), 403),
        (json!({"authorization": "Bearer sesame-1"}), 403),
        (json!({"rimcast-key": KEY}), 404),
        (json!({"Rimcast-Key": KEY}), 404),
        (json!({"authorization": format!("Bearer {KEY}")}), 404),
        // What a CDN signs with is not the encoder's.
        (json!({"authorization": "AWS4-HMAC-SHA256 Credential=x", "rimcast-key": KEY}), 404),
    ] {
        assert_eq!(
            answer(event("GET", INIT, &headers, &Value::Null, false)).await.status(),
            status,
            "{headers}"
        );
    }
    let other = INIT.replace("/show/", "/other/");
    let reply = answer(event("GET", &other, &json!({"rimcast-key": "sesame"}), &Value::Null, false)).await;
    assert_eq!(
        (reply.status(), reply.header("rimcast-denied")),
        (404, Some("1")),
        "it is no broadcast's own"
    );
    let in_path = INIT.replace("/ingest/", &format!("/ingest/key={KEY}/"));
    assert_eq!(answer(event("GET", &in_path, &json!({}), &Value::Null, false)).await.status(), 404);
}

#[tokio::test]
async fn what_does_not_come_from_push_is_told_to() {
    let shown = json!({"rimcast-key": KEY, "content-type": "video/mp4"});
    for path in ["/ingest/show/init-stream0.m4s", "/ingest/show/video.cmfv"] {
        let reply = answer(event("PUT", path, &shown, &json!("AAAA"), true)).await;
        assert_eq!(reply.status(), 400);
        assert!(reply.text().contains("/ingest/show --key KEY"), "{}", reply.text());
    }
    for path in ["/", "/show/index.m3u8"] {
        let reply = answer(event("GET", path, &shown, &Value::Null, false)).await;
        assert!(reply.status() == 400 && reply.text().contains("/ingest/NAME"), "{}", reply.text());
    }
}

#[tokio::test]
async fn media_comes_as_base64_and_is_not_too_long() {
    let shown = json!({"rimcast-key": KEY, "rimcast-if": "none"});
    for (body, is_base64) in [(json!("moov"), false), (json!("?"), true)] {
        let reply = answer(event("PUT", INIT, &shown, &body, is_base64)).await;
        assert!(reply.status() == 400 && reply.text().contains("send Content-Type: video/mp4"));
    }
    let coded =
        |bytes: usize| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, vec![0; bytes]);
    for (length, status) in [(4_400_000, 400), (4_400_001, 413)] {
        let body = json!(coded(length));
        let reply = answer(event("PUT", INIT, &shown, &body, true)).await;
        assert_eq!(reply.status(), status, "{}", reply.text());
    }
    let record =
        event("PUT", "/ingest/other/-/broadcast.json", &shown, &json!("{\"generation\":\"g\"}"), false);
    let reply = answer(record).await;
    assert_eq!(reply.status(), 201);
    assert!(reply.header("rimcast-tag").is_some() && reply.header("cache-control") == Some("no-store"));
}

#[test]
fn without_its_key_it_does_not_start() {
    let start = |key: Option<&str>| {
        Function::from_env(|name| key.filter(|_| name == "RIMCAST_PUSH_KEY").map(str::to_owned))
            .err()
            .unwrap()
    };
    assert!(start(None).to_string().starts_with("RIMCAST_PUSH_KEY is not set; "));
    assert!(start(Some("abc")).to_string().starts_with("RIMCAST_PUSH_KEY cannot be used: "));
    assert!(start(Some(KEY)).to_string().starts_with("RIMCAST_BUCKET is not set; "));
}
