//! What a reader knows of one track.

use std::sync::Arc;

use super::chain::Chain;
use super::checkpoint::{PAGE_SEGMENTS, Page};
use super::history::History;
use super::index::Listing;
use super::name::SessionId;
use crate::cmaf::Header;
use crate::limits;
use crate::time::WallMs;

/// How far a track's chain is known.
#[derive(Debug, Clone)]
pub(super) enum Progress {
    /// Its checkpoint was not asked for yet.
    Unread,
    /// It has no checkpoint; the chain is read from `begin`.
    NoCheckpoint,
    /// Listed, but without a `begin` so far.
    NotBegun,
    /// Followed up to the chain's next key.
    Following(Box<Chain>),
}

/// What is known of one track.
#[derive(Debug, Clone)]
pub struct TrackLog {
    pub(super) progress: Progress,
    /// When the next key was last asked for, and not there.
    pub(super) checked: WallMs,
    /// An entry did not fit; the chain ends before it.
    pub(super) damage: Option<String>,
    /// The newest header read; `None` inside when it is missing or does not parse.
    pub(super) header: Option<(SessionId, Option<Arc<Header>>)>,
    pub(super) pages: Vec<(u64, Arc<Page>)>,
    pub(super) older: Older,
}

/// What is known of the segments before those that the chain keeps whole.
#[derive(Debug, Clone)]
pub(super) struct Older {
    /// Read, but not next to what is known yet.
    pending: Vec<History>,
    /// Objects that were not there when they were last asked for, by their span and number, and when that was.
    missing: Vec<((u64, u64), WallMs)>,
    /// From which number on segments were asked for.
    pub(super) asked_from: u64,
}

impl Older {
    pub(super) fn lacks(&self, object: (u64, u64), since: WallMs) -> bool {
        self.missing.iter().any(|(missing, asked)| *missing == object && *asked >= since)
    }

    pub(super) fn lack(&mut self, object: (u64, u64), asked: WallMs) {
        self.missing.retain(|(missing, _)| *missing != object);
        if self.missing.len() >= limits::LISTINGS_AT_ONCE {
            self.missing.remove(0);
        }
        self.missing.push((object, asked));
    }
}

impl TrackLog {
    pub(super) fn unread() -> Self {
        Self {
            progress: Progress::Unread,
            checked: WallMs(i64::MIN),
            damage: None,
            header: None,
            pages: Vec::new(),
            older: Older { pending: Vec::new(), missing: Vec::new(), asked_from: u64::MAX },
        }
    }

    /// The chain, once it was begun and read.
    pub fn chain(&self) -> Option<&Chain> {
        match &self.progress {
            Progress::Following(chain) => Some(chain),
            _ => None,
        }
    }

    /// The CMAF header of the chain's current session, if it was read.
    pub fn header(&self) -> Option<&Arc<Header>> {
        let session = &self.chain()?.run.session;
        self.header.as_ref().filter(|(of, _)| of == session).and_then(|(_, header)| header.as_ref())
    }

    pub(super) fn header_was_read(&self) -> bool {
        let current = self.chain().map(|chain| &chain.run.session);
        self.header.as_ref().map(|(of, _)| of) == current
    }

    /// A page of closed segments, if it was read.
    pub fn page(&self, page: u64) -> Option<&Arc<Page>> {
        self.pages.iter().find(|(of, _)| *of == page).map(|(_, page)| page)
    }

    /// Whether a page was looked for since then, and was not there.
    pub fn lacks_page(&self, page: u64, since: WallMs) -> bool {
        self.older.lacks((PAGE_SEGMENTS, page), since)
    }

    /// Takes in older segments, in whatever order they are read, and forgets what nobody asks for.
    pub(super) fn learn(&mut self, (span, number): (u64, u64), history: History, asked: WallMs) {
        let Progress::Following(chain) = &mut self.progress else { return };
        let range = Listing::range(chain.begin.first_msn, span, number);
        if history.first_msn() != range.map(|(first, _)| first) {
            return self.older.lack((span, number), asked);
        }
        self.older.pending.push(history);
        let mut before = u64::MAX;
        while chain.known_from() < before {
            before = chain.known_from();
            self.older.pending.iter().for_each(|older| chain.prepend(older));
        }
        self.older.pending.retain(|older| older.first_msn().is_some_and(|first| first < before));
        self.older.pending.truncate(limits::LISTINGS_AT_ONCE);
    }

    /// Forgets parts that are not recent, but for those of so many segments, and segments that nobody asks for.
    pub(super) fn trim(&mut self, kept: usize) {
        let Progress::Following(chain) = &mut self.progress else { return };
        chain.trim(kept);
        let listed = chain.window.left_from().unwrap_or(chain.listed_from());
        chain.forget_before(listed.min(self.older.asked_from));
    }

    /// Why the chain ends where it does, when an entry did not fit.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }
}
