//! The operator's side of a broadcast: what may be done with its document, and how that is asked for and answered over
//! HTTP.
//!
//! Nothing is read or written here. A host finds out [who asks](AdminAccess) for [what](Request), reads the document,
//! has it changed ([`command`]), writes it in place of the one that was read, and [answers](Answer).

mod access;
mod answer;
pub mod command;
mod ending;
mod problem;
mod request;
mod view;

pub use access::AdminAccess;
pub use answer::{Answer, is_version};
pub use command::{Changed, NewKey};
pub use ending::Ending;
pub use problem::Problem;
pub use request::{BODY_BYTES, Request};
pub use view::{Deployment, shown};

/// Random bytes that a command may need: for a generation, a key and the key's id.
pub const RANDOM_BYTES: usize = 32;

/// What the API is, for programs: OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Most broadcasts in one answer.
pub const LISTED: usize = 100;
