//! A clip: a range of a broadcast that has a name of its own. Nothing is stored of it but its document; what is shown is
//! its original's media, under its original's URLs.

use serde::{Deserialize, Serialize};

use super::name::{BroadcastName, Generation};
use super::range::TimeRange;
use crate::time::Date;

/// Of what a broadcast is a clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clip {
    /// The original,
    pub of: BroadcastName,
    /// and which of all that had its name: a clip does not begin to show another.
    pub generation: Generation,
    /// It begins then,
    pub from: Date,
    /// and ends then.
    pub until: Date,
}

impl Clip {
    /// What of its original it shows, on no grid yet.
    pub fn range(&self) -> TimeRange {
        TimeRange { start: self.from.0, end: Some(self.until.0) }
    }

    /// Checks what the types of the values do not.
    ///
    /// # Errors
    ///
    /// The range is empty, or backwards.
    pub fn check(&self) -> Result<(), String> {
        if self.until > self.from {
            return Ok(());
        }
        Err(format!("until is {}, but must be after from, which is {}", self.until, self.from))
    }
}
