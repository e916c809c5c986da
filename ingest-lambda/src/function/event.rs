//! A request as Lambda has it, and the answer as Lambda wants it: payload format 2.0, of Function URLs and HTTP APIs.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use packager_core::ingest::gate::{Answer, Content};
use serde::{Deserialize, Serialize};

/// A request. The body is text, or base64 of what is none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    raw_path: String,
    /// cargo-lambda says `null` where Lambda says nothing.
    raw_query_string: Option<String>,
    #[serde(default)]
    headers: HashMap<String, String>,
    request_context: RequestContext,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Deserialize)]
struct RequestContext {
    http: Http,
}

#[derive(Debug, Deserialize)]
struct Http {
    method: String,
}

/// A body that says it is base64, and is none.
#[derive(Debug)]
pub(super) struct NotBase64;

impl Event {
    /// The HTTP method.
    pub fn method(&self) -> &str {
        &self.request_context.http.method
    }

    /// What follows `?`, without it.
    pub fn query(&self) -> &str {
        self.raw_query_string.as_deref().unwrap_or_default()
    }

    /// The path, from its first slash.
    pub fn path(&self) -> &str {
        &self.raw_path
    }

    /// A header by its name in lower case, as Function URLs write all of them.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        if let Some(value) = self.headers.get(name) {
            return Some(value);
        }
        let other = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        other.map(|(_, value)| value.as_str())
    }

    /// There is a body, and it came as text.
    pub(super) fn has_text(&self) -> bool {
        !self.is_base64_encoded && self.body.as_ref().is_some_and(|body| !body.is_empty())
    }

    /// How long the body is.
    pub(super) fn body_bytes(&self) -> usize {
        let coded = self.body.as_deref().unwrap_or_default();
        if self.is_base64_encoded {
            let padding = coded.bytes().rev().take(2).filter(|byte| *byte == b'=').count();
            (coded.len() / 4 * 3).saturating_sub(padding)
        } else {
            coded.len()
        }
    }

    pub(super) fn into_body(self) -> Result<Bytes, NotBase64> {
        match self.body {
            None => Ok(Bytes::new()),
            Some(text) if self.is_base64_encoded => match STANDARD.decode(text) {
                Ok(bytes) => Ok(bytes.into()),
                Err(_) => Err(NotBase64),
            },
            Some(text) => Ok(text.into()),
        }
    }
}

/// An answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    status_code: u16,
    headers: HashMap<&'static str, String>,
    /// Always empty, like the next; cargo-lambda takes no answer without them.
    multi_value_headers: HashMap<&'static str, String>,
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        let headers = answer.headers().into_iter().map(|(name, value)| (name, value.into_owned())).collect();
        let is_media = matches!(answer.content, Content::Media(_));
        let bytes = answer.content.bytes();
        let (body, is_base64_encoded) = match std::str::from_utf8(&bytes) {
            Ok(text) if !is_media || bytes.is_empty() => (text.to_owned(), false),
            _ => (STANDARD.encode(&bytes), true),
        };
        Self {
            status_code: answer.status,
            headers,
            multi_value_headers: HashMap::new(),
            cookies: Vec::new(),
            body,
            is_base64_encoded,
        }
    }
}

#[cfg(test)]
impl Reply {
    pub(super) fn status(&self) -> u16 {
        self.status_code
    }

    pub(super) fn text(&self) -> &str {
        assert!(!self.is_base64_encoded);
        &self.body
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}
