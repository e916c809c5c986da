//! What is stored beside a chain, made anew from it: for who mends a log, or wants to know whether it is whole.
//!
//! All of it is of a chain that was read from its beginning and [never trimmed](super::Chain::trim).

use super::chain::Chain;
use super::checkpoint::{Checkpoint, PAGE_SEGMENTS, Page, page_of};
use super::index::{Listing, SPANS};
use super::name::TrackName;
use super::reader::Target;

/// What is stored once of segments that are all closed: pages, and listings beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// What it is.
    pub target: Target,
    /// As stored.
    pub json: String,
    /// Number of its last segment.
    pub last_msn: u64,
}

/// All there should be of a track's chain.
pub fn index(track: &TrackName, chain: &Chain) -> Vec<Indexed> {
    let begin_msn = chain.begin.first_msn.max(1);
    let end_msn = chain.last_closed_msn().map_or(0, |last| last.saturating_add(1));
    let numbers = |span: u64| {
        let of = move |msn: u64| msn.checked_div(span).unwrap_or(0);
        (of(begin_msn)..of(end_msn))
            .map(move |number| (number, number.saturating_add(1).saturating_mul(span).saturating_sub(1)))
    };
    let pages = numbers(PAGE_SEGMENTS).filter_map(|(page, last_msn)| {
        let json = Page::complete(chain, page)?.to_json();
        Some(Indexed { target: Target::Page(track.clone(), page), json, last_msn })
    });
    let listings = SPANS.into_iter().flat_map(|span| {
        numbers(span).filter_map(move |(number, last_msn)| {
            let json = Listing::complete(chain, span, number)?.to_json();
            Some(Indexed { target: Target::Listing(track.clone(), span, number), json, last_msn })
        })
    });
    pages.chain(listings).collect()
}

/// The checkpoint of a chain, as an ingest that goes on with it would write it.
pub fn checkpoint(chain: &Chain) -> Checkpoint {
    let paged = page_of(chain.last_closed_msn().map_or(0, |last| last.saturating_add(1)));
    Checkpoint::of(chain, paged.saturating_mul(PAGE_SEGMENTS))
}

/// Whether a stored checkpoint says of its own time what this chain, which ends where the checkpoint does, says. It
/// may have forgotten more or fewer of the old segments.
pub fn agrees(stored: &Checkpoint, chain: &Chain) -> bool {
    let kept_from = stored.chain.closed.front().or(stored.chain.open.as_ref()).map(|segment| segment.msn);
    let mut expected = chain.clone();
    expected.closed.retain(|segment| kept_from.is_some_and(|from| segment.msn >= from));
    // What is stored is compared, and not what a reader remembers beside it.
    Checkpoint { chain: expected }.to_json() == stored.to_json()
}

/// Whether a stored checkpoint ends where the chain does.
pub fn ends_with(stored: &Checkpoint, chain: &Chain) -> bool {
    let of = |chain: &Chain| (chain.run.clone(), chain.next_ticks, chain.ended);
    of(&stored.chain) == of(chain)
}
