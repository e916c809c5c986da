//! Why something cannot be done (RFC 9457).

use serde_json::Value;

use crate::ingest::Denied;

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// What is wrong, and what to do about it.
    pub detail: String,
    /// The broadcast as it is, where somebody expected another.
    pub current: Option<Box<Value>>,
    /// Methods that there are (`Allow`).
    pub allow: Option<&'static str>,
}

impl Problem {
    /// A problem.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), current: None, allow: None }
    }

    /// There is no such broadcast.
    pub fn no_broadcast() -> Self {
        Self::new(404, "there is no broadcast of this name; GET /api/broadcasts lists them")
    }

    /// A deletion has begun.
    pub fn being_deleted() -> Self {
        Self::new(409, "the broadcast is being deleted; DELETE it again until nothing of it is left")
    }

    /// The document is not the one that the request was made for.
    pub fn changed(current: Value) -> Self {
        let detail = "the broadcast has changed since you read it; look at what it is now (`current`), and ask again with \
                      its ETag";
        Self { current: Some(Box::new(current)), ..Self::new(412, detail) }
    }

    /// Storage does not do what it should.
    pub fn storage(why: &str) -> Self {
        Self::new(503, why)
    }

    pub(super) fn title(&self) -> &'static str {
        match self.status {
            400 => "Not understood",
            401 => "Token needed",
            403 => "Not allowed",
            404 => "Not found",
            405 => "No such method here",
            409 => "Not possible now",
            412 => "Changed by someone else",
            413 => "Too long",
            422 => "A value cannot be used",
            _ => "Storage is not available",
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Self::new(denied.status(), denied.to_string())
    }
}
