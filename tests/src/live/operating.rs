//! The API for operators, as a client meets it; every answer is held to the API's own description.

use serde_json::Value;

use super::{Fetched, Host, request};

/// A client of a host's API.
pub struct Operating<'a> {
    host: &'a dyn Host,
    described: Value,
    /// Sent with every request.
    pub headers: Vec<(&'static str, String)>,
}

impl<'a> Operating<'a> {
    /// Reads what the API says of itself.
    ///
    /// # Panics
    ///
    /// It says nothing.
    pub fn new(host: &'a dyn Host) -> Self {
        let answer = request("GET", &host.url("/api/openapi.json"), &[], &[]).expect("the API answers");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let described = serde_json::from_slice(&answer.body).expect("the API is described in JSON");
        Self { host, described, headers: Vec::new() }
    }

    /// Asks, with more headers.
    ///
    /// # Panics
    ///
    /// There is no answer, or one that is not described.
    pub fn ask_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Fetched {
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<_> = own.chain(headers.iter().copied()).collect();
        let answer =
            request(method, &self.host.url(path), &headers, body.as_bytes()).expect("the API answers");
        self.is_described(method, path, &answer);
        answer
    }

    /// Asks.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Fetched {
        self.ask_with(method, path, &[], body)
    }

    /// Asks for what is answered with this status, and gives what is told.
    ///
    /// # Panics
    ///
    /// It is another.
    pub fn told(&self, method: &str, path: &str, body: &str, status: u16) -> Value {
        let answer = self.ask(method, path, body);
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
        serde_json::from_slice(&answer.body).expect("answers are JSON")
    }

    fn is_described(&self, method: &str, path: &str, answer: &Fetched) {
        let what = format!("{method} {path}: {} {}", answer.status, answer.text());
        let header = |name: &str| answer.headers.get(name).map(String::as_str);
        assert_eq!(header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(header("access-control-allow-origin"), None, "{what}");
        let kind = if answer.status < 400 { "application/json" } else { "application/problem+json" };
        assert_eq!(header("content-type"), Some(kind), "{what}");
        let told: Value = serde_json::from_slice(&answer.body).expect("answers are JSON");
        if answer.status >= 400 {
            assert_eq!(told["status"], answer.status, "{what}");
            assert!(told["detail"].is_string() && told["title"].is_string(), "{what}");
        }
        assert!(!answer.text().contains("sha256"), "{what}");
        let path = path.split('?').next().unwrap_or(path);
        let names: Vec<&str> = path.split('/').collect();
        let described =
            self.described["paths"].as_object().expect("it has paths").iter().find(|(described, _)| {
                let mut theirs = described.split('/');
                names
                    .iter()
                    .all(|name| theirs.next().is_some_and(|other| other == *name || other == "{name}"))
                    && theirs.next().is_none()
            });
        let Some((_, item)) = described else {
            assert_eq!(answer.status, 404, "{what}: not described");
            return;
        };
        let operation = &item[method.to_lowercase()];
        if operation.is_null() {
            assert!(answer.status == 405 && header("allow").is_some(), "{what}: not described");
            return;
        }
        let status = answer.status.to_string();
        assert!(!operation["responses"][&status].is_null(), "{what}: the status is not described");
    }
}
