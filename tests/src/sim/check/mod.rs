//! What must hold, whatever happens. Each check names the rule it is of.

mod ledger;
mod log;
mod media;
mod playlists;
mod timeline;

use std::fmt;

use packager_core::ingest::Notice;

pub(crate) use ledger::Ledger;

/// A rule: an invariant of the design, or one of HLS (section in brackets).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Acknowledged means stored.
    Inv1,
    /// Media once published never changes and its URL is never reused.
    Inv2,
    /// One write per part; nothing rewritten more than once a second.
    Inv3,
    /// Every reader computes the same.
    Inv4,
    /// What is sent twice or out of order is stored once and in order.
    Inv5,
    /// A playlist never lists what cannot be fetched; a hinted part is never sent before it is whole.
    Inv7,
    /// Joining the parts gives the samples that were sent.
    Inv10,
    /// TARGETDURATION is constant and no EXTINF rounds above it [4.4.3.1].
    H3,
    /// Parts are at most PART-TARGET, and at least 85 % of it [4.4.4.9].
    H4,
    /// SERVER-CONTROL is the same everywhere [4.4.3.8].
    H5,
    /// Parts add up to their segment.
    H6,
    /// A live playlist hints at the next part [4.4.5.3].
    H9,
    /// What was never published is not found [6.2.6].
    H10,
    /// A part comes within a part target of the last, while the encoder delivers [6.2.1].
    H11,
    /// Blocking reload [6.2.5.2].
    H12,
    /// A delta update gives the full playlist [6.2.5.1].
    H13,
    /// One map from wall clock to media time [4.4.4.6].
    H15,
    /// MEDIA-SEQUENCE never falls [6.2.2].
    H16,
    /// All tracks have the same discontinuity sequence for the same moment [4.4.4.3].
    H17,
    /// What was listed stays fetchable, and enough is listed [6.2.2].
    H18,
    /// ENDLIST.
    H20,
    /// The multivariant playlist lists what there is.
    H24,
    /// A playlist that cannot be read.
    Syntax,
    /// A hold ends at its deadline.
    Hold,
    /// Every request gets an answer.
    Progress,
}

/// A rule that was broken.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// How.
    pub what: String,
}

/// What a simulation came to: a scenario in which nothing happens proves nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Parts of all chains.
    pub parts: u64,
    /// Samples in them.
    pub samples: u64,
    /// Segments that are gaps.
    pub gaps: u64,
    /// The last period.
    pub periods: u64,
    /// Media playlists that viewers got.
    pub playlists: u64,
    /// All answers to viewers.
    pub replies: u64,
    /// Errors among them.
    pub errors: u64,
    /// Writes that met another writer's.
    pub conflicts: u64,
    /// Chunks or bodies refused.
    pub refusals: u64,
    /// Broadcasts created.
    pub generations: u64,
    /// XXH3 of the event log: the same seed gives the same.
    pub fingerprint: u64,
}

impl Summary {
    pub(crate) fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Conflict { .. } => self.conflicts += 1,
            Notice::Refused { .. } => self.refusals += 1,
            _ => {}
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}
