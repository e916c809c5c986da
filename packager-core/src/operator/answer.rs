//! What is answered.

use serde_json::{Value, json};

use super::OPENAPI;
use super::access::AdminAccess;
use super::command::NewKey;
use super::problem::Problem;
use super::view::{Deployment, shown};
use crate::log::{BroadcastName, BroadcastRecord, record};
use crate::time::{Date, WallMs};

/// A broadcast that has expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// Which.
    pub name: BroadcastName,
    /// When it did.
    pub expires: Date,
    /// So many of its objects went with this request.
    pub deleted_objects: u64,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`; nothing is in the body where there is none.
    pub content_type: &'static str,
    /// `ETag`, quoted.
    pub etag: Option<String>,
    /// `Location`.
    pub location: Option<String>,
    /// `Allow`.
    pub allow: Option<&'static str>,
    /// The body.
    pub body: String,
}

const JSON: &str = "application/json";

/// A document's version as HTTP has it.
fn quoted(etag: &str) -> String {
    if etag.starts_with('"') { etag.to_owned() } else { format!("\"{etag}\"") }
}

/// Whether `If-Match` (RFC 9110 §13.1.1) names this version. Proxies that compress make tags weak; the document is the same.
pub fn is_version(if_match: &str, etag: &str) -> bool {
    let plain = |tag: &str| {
        let tag = tag.trim();
        tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"').to_owned()
    };
    if_match.split(',').any(|tag| tag.trim() == "*" || plain(tag) == plain(etag))
}

/// An object with more in it.
fn with<const N: usize>(mut object: Value, more: [(&str, Value); N]) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    object
}

impl Answer {
    fn json(status: u16, body: &Value) -> Self {
        let body = record::to_json(body);
        Self { status, content_type: JSON, etag: None, location: None, allow: None, body }
    }

    /// The API's own description.
    pub fn document() -> Self {
        Self { body: OPENAPI.to_owned(), ..Self::json(200, &Value::Null) }
    }

    /// A broadcast, as it is.
    pub fn broadcast(
        name: &BroadcastName,
        record: &BroadcastRecord,
        etag: &str,
        deployment: &Deployment,
        now: WallMs,
    ) -> Self {
        let more = [("watch", deployment.watch(name))];
        Self { etag: Some(quoted(etag)), ..Self::json(200, &with(shown(name, record, now), more)) }
    }

    /// A broadcast that was created without a key: a clip.
    pub fn created(
        name: &BroadcastName,
        record: &BroadcastRecord,
        etag: &str,
        deployment: &Deployment,
        now: WallMs,
    ) -> Self {
        let location = Some(format!("/api/broadcasts/{name}"));
        Self { status: 201, location, ..Self::broadcast(name, record, etag, deployment, now) }
    }

    /// A broadcast for which a key was made, with the key, and how to push with it.
    pub fn with_key(
        name: &BroadcastName,
        record: &BroadcastRecord,
        key: &NewKey,
        etag: &str,
        deployment: &Deployment,
        now: WallMs,
    ) -> Self {
        let more = [
            ("watch", deployment.watch(name)),
            ("key", json!({"id": key.id, "secret": key.secret})),
            ("push", deployment.push(name, record, key)),
        ];
        let location = Some(format!("/api/broadcasts/{name}"));
        let body = with(shown(name, record, now), more);
        Self { etag: Some(quoted(etag)), location, ..Self::json(201, &body) }
    }

    /// Broadcasts, and the name to ask on from where there are more.
    pub fn list(broadcasts: &[Value], next: Option<&str>) -> Self {
        let mut body = json!({"broadcasts": broadcasts});
        if let (Some(next), Some(body)) = (next, body.as_object_mut()) {
            body.insert("next".to_owned(), next.into());
        }
        Self::json(200, &body)
    }

    /// Nothing is left of a broadcast; so many objects went with this request.
    pub fn deleted(objects: u64) -> Self {
        Self::json(200, &json!({"deleted_objects": objects, "left_objects": 0}))
    }

    /// A broadcast is not there any more, but some of its objects are, or may still come: ask again. `left`: how many
    /// there are, or as many as were counted.
    pub fn deleting(objects: u64, left: u64) -> Self {
        Self::json(202, &json!({"deleted_objects": objects, "left_objects": left}))
    }

    /// Broadcasts that have expired, and what became of each; and the name to ask on from where there may be more. `is_left`:
    /// not all of the last of them is gone, ask the same again.
    pub fn expired(broadcasts: &[Expired], next: Option<&BroadcastName>, is_left: bool) -> Self {
        let broadcasts = broadcasts.iter().map(|Expired { name, expires, deleted_objects }| {
            json!({"name": name, "expires": expires.to_string(), "deleted_objects": deleted_objects})
        });
        let mut body = json!({"broadcasts": broadcasts.collect::<Vec<_>>()});
        if let (Some(next), Some(body)) = (next, body.as_object_mut()) {
            body.insert("next".to_owned(), next.as_str().into());
        }
        Self::json(if is_left { 202 } else { 200 }, &body)
    }

    /// All headers, in lower case, each once; but for the length.
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        let mut headers = vec![
            ("cache-control", "no-store"),
            ("content-type", self.content_type),
            ("x-content-type-options", "nosniff"),
        ];
        for (name, value) in [("etag", &self.etag), ("location", &self.location)] {
            // Whatever a bucket calls its versions must not become a header of its own.
            let is_plain = |value: &&str| value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            headers.extend(value.as_deref().filter(is_plain).map(|value| (name, value)));
        }
        headers.extend(self.allow.map(|methods| ("allow", methods)));
        match self.status {
            401 => headers.push(("www-authenticate", AdminAccess::CHALLENGE)),
            202 | 503 => headers.push(("retry-after", "1")),
            _ => {}
        }
        headers
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let mut body = json!({"title": problem.title(), "status": problem.status, "detail": problem.detail});
        if let (Some(current), Some(body)) = (problem.current, body.as_object_mut()) {
            body.insert("current".to_owned(), *current);
        }
        let content_type = "application/problem+json";
        Self { content_type, allow: problem.allow, ..Self::json(problem.status, &body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_known_however_they_are_quoted() {
        for (if_match, etag, is_it) in [
            ("\"a\"", "a", true),
            ("\"a\"", "\"a\"", true),
            ("W/\"a\"", "a", true),
            ("\"b\", \"a\"", "a", true),
            ("*", "a", true),
            ("\"b\"", "a", false),
            ("", "a", false),
        ] {
            assert_eq!(is_version(if_match, etag), is_it, "{if_match} {etag}");
        }
    }

    #[test]
    fn problems_say_what_they_are_and_no_answer_is_kept() {
        let mut problem = Problem::new(412, "changed");
        problem.current = Some(Box::new(json!({"name": "cup"})));
        let answer = Answer::from(problem);
        assert_eq!((answer.status, answer.content_type), (412, "application/problem+json"));
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (&body["status"], &body["detail"], &body["current"]["name"]),
            (&json!(412), &json!("changed"), &json!("cup"))
        );
        let has = |answer: &Answer, name: &str| answer.headers().iter().any(|(header, _)| *header == name);
        assert!(answer.headers().contains(&("cache-control", "no-store")));
        assert!(!has(&answer, "access-control-allow-origin") && !has(&answer, "www-authenticate"));
        assert!(has(&Problem::new(401, "").into(), "www-authenticate"));
        let hostile = Answer { etag: Some("\"a\nset-cookie: x\"".to_owned()), ..Answer::document() };
        assert!(!has(&hostile, "etag"));
    }
}
