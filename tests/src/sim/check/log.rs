//! Readers of the log: one that folds each chain from its beginning, and ones that come in later.

use bytes::Bytes;
use packager_core::log::index::SPANS;
use packager_core::log::reader::Target;
use packager_core::log::{
    BroadcastLog, Chain, Checkpoint, Entry, Found, Freshness, Generation, History, Keys, Listing, Page,
    Shape, TrackName, checkpoint, record,
};

use super::Rule;
use crate::sim::scenario::Fault;
use crate::sim::store::{Store, found};
use crate::sim::world::World;

/// Reads a chain from `begin` on, and forgets nothing. Every other reader is held against it.
#[derive(Debug, Clone)]
pub(crate) struct Follower {
    keys: Keys,
    track: TrackName,
    pub(crate) chain: Chain,
}

impl Follower {
    fn new(store: &Store, keys: &Keys, track: &TrackName) -> Option<Self> {
        let first: record::PeriodRecord = record::from_json(&store.get(&keys.period(0))?.body).ok()?;
        let shape: Shape = first.shape?;
        let begin = record::from_json(&store.get(&keys.begin(track))?.body).ok()?;
        Some(Self { keys: keys.clone(), track: track.clone(), chain: Chain::new(begin, shape) })
    }

    /// Goes on until a place in the chain, or to its end; says whether it got there.
    fn follow(
        &mut self,
        store: &Store,
        keys: &Keys,
        track: &TrackName,
        until: Option<&Chain>,
    ) -> Result<bool, String> {
        loop {
            let here = |chain: &Chain| (chain.run.clone(), chain.next_ticks, chain.ended);
            if until.is_some_and(|until| here(until) == here(&self.chain)) {
                return Ok(true);
            }
            let key = keys.part(track, &self.chain.run.session, self.chain.next_ticks);
            let Some(object) = store.get(&key).filter(|_| !self.chain.ended) else {
                return Ok(until.is_none());
            };
            let entry = Entry::from_meta(&object.meta)?;
            let absorbed = self.chain.absorb(&entry, object.body.len() as u64);
            absorbed.map_err(|why| format!("{key}: {why}"))?;
        }
    }
}

/// Which checkpoints a new reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heads {
    None,
    Newest,
    Older(u64),
}

/// What a reader knows that reads everything at once.
fn read_all(store: &Store, world: &World, generation: &Generation, heads: Heads) -> BroadcastLog {
    let mut log = BroadcastLog::new(&world.name, generation, 4);
    let now = world.clock();
    let fresh = Freshness { chains_since: now, tracks_since: now };
    loop {
        let reads = log.wants(fresh);
        if reads.is_empty() {
            return log;
        }
        for read in reads {
            let key = read.target().key(&log.keys);
            let kind = read.kind();
            let result = match (read.target(), heads) {
                (Target::Head(_), Heads::None) => Found::Missing,
                (Target::Head(_), Heads::Older(nth)) => {
                    let older = store.replaced.get(&key);
                    let older = older.and_then(|older| older.get(usize::try_from(nth).ok()? % older.len()));
                    older.map_or(Found::Missing, |older| found(older, kind))
                }
                _ => store.read(&key, kind),
            };
            log.absorb(&read, &result, now);
        }
    }
}

/// How two readers of one chain differ, where the first has forgotten nothing.
fn difference(all: &Chain, other: &Chain) -> Option<String> {
    let same = |chain: &Chain| {
        let mut chain = chain.clone();
        chain.closed.clear();
        chain.history = History::default();
        chain
    };
    if same(all) != same(other) {
        return Some(format!("{:?}\n is not\n{:?}", same(all), same(other)));
    }
    let from = all.closed.len().checked_sub(other.closed.len());
    let Some(from) = from else { return Some("one has more closed segments".to_owned()) };
    let differing = all.closed.iter().skip(from).zip(&other.closed).find(|(a, b)| a != b);
    if let Some((a, b)) = differing {
        return Some(format!("{a:?}\n is not\n{b:?}"));
    }
    let listed = if all.shape.is_long() { 0 } else { all.listed() };
    if other.closed.len() < listed || other.recent_from() < other.known_from() {
        return Some("one has forgotten segments that are listed".to_owned());
    }
    // What it knows without parts is the same too.
    let (from, until) = (other.known_from(), all.next_msn);
    let differing = all.references(from, until).zip(other.references(from, until)).find(|(a, b)| a != b);
    differing.map(|(a, b)| format!("{a:?}\n is not\n{b:?}"))
}

impl World {
    fn keys(&self) -> Keys {
        Keys::new(&self.name, &self.generation)
    }

    fn track_names(&self) -> Vec<TrackName> {
        self.scenario.tracks.iter().map(super::super::media::TrackSpec::name).collect()
    }

    /// New readers, with and without checkpoints, agree with the one that has read on from the start
    /// (invariant 4), and the stored checkpoints say what it says.
    pub(crate) fn cold_check(&mut self) {
        let nth = self.rng.next();
        let keys = self.keys();
        for track in self.track_names() {
            self.check_followed(&keys, &track);
        }
        for heads in [Heads::None, Heads::Newest, Heads::Older(nth)] {
            let generation = self.generation.clone();
            let log = read_all(&self.store, self, &generation, heads);
            for track in self.track_names() {
                let own = self.ledger.followers.get(&keys.track(&track)).map(|follower| &follower.chain);
                let theirs = log.track(&track).and_then(|log| log.chain());
                let damage = log.track(&track).and_then(|log| log.damage().map(str::to_owned));
                let different = match (own, theirs) {
                    (Some(own), Some(theirs)) => difference(own, theirs),
                    (None, None) => None,
                    (own, _) => Some(format!("read by {}", if own.is_some() { "one" } else { "the other" })),
                };
                if let Some(different) = damage.or(different) {
                    let what = format!("readers of {track} differ ({heads:?}): {different}");
                    self.ledger.report(Rule::Inv4, what);
                }
            }
        }
    }

    /// Reads on to the end of a chain; on the way, each stored checkpoint must be what is read.
    pub(super) fn check_followed(&mut self, keys: &Keys, track: &TrackName) {
        let name = keys.track(track);
        let known = self.ledger.followers.remove(&name);
        let Some(mut follower) = known.or_else(|| Follower::new(&self.store, keys, track)) else { return };
        let head = self.store.get(&keys.head(track)).map(|object| object.body.clone());
        if let Some(head) = head
            && let Err(why) = self.check_head(&follower, keys, track, &head)
        {
            self.ledger.report(Rule::Inv4, format!("the checkpoint of {track}: {why}"));
        }
        if let Err(why) = follower.follow(&self.store, keys, track, None) {
            self.ledger.report(Rule::Inv4, why);
        }
        self.ledger.followers.insert(name, follower);
    }

    fn check_head(
        &self,
        follower: &Follower,
        keys: &Keys,
        track: &TrackName,
        head: &Bytes,
    ) -> Result<(), String> {
        let head = Checkpoint::from_json(head)?;
        // It may be older than where the follower is.
        let mut reader = follower.clone();
        if !reader.follow(&self.store, keys, track, Some(&head.chain))? {
            reader = Follower::new(&self.store, keys, track).ok_or("there is no chain")?;
            if !reader.follow(&self.store, keys, track, Some(&head.chain))? {
                return Err(format!("it covers {}, which is not stored", head.chain.next_ticks));
            }
        }
        difference(&reader.chain, &head.chain).map_or(Ok(()), Err)
    }

    /// After the end: the chains, their pages and all that viewers saw of them are one.
    pub(crate) fn check_end(&mut self) {
        self.cold_check();
        let prefixes: Vec<_> = self.ledger.followers.keys().cloned().collect();
        for prefix in prefixes {
            let Some(follower) = self.ledger.followers.get(&prefix).cloned() else { continue };
            // A broadcast that was created again may have been written to a little longer.
            self.check_followed(&follower.keys, &follower.track);
            let Some(follower) = self.ledger.followers.get(&prefix).cloned() else { continue };
            self.check_pages(&prefix, &follower.chain);
            self.check_listed(&prefix, &follower.chain);
            self.check_media(&prefix, &follower.chain);
        }
        self.check_timelines();
        let only_die =
            |(_, fault): &(u64, Fault)| matches!(fault, Fault::KillTwin { .. } | Fault::KillIngest { .. });
        let goes_on = self.scenario.twin.is_some() && self.scenario.faults.iter().all(only_die);
        if goes_on && self.summary.periods > 0 {
            self.ledger.report(Rule::H17, "one of two encoders began a period".to_owned());
        }
        self.summary.generations = u64::from(self.ledger.generation);
    }

    fn check_pages(&mut self, prefix: &str, chain: &Chain) {
        let Some(last) = chain.last_closed_msn() else { return };
        for page in 0..=checkpoint::page_of(last) {
            let key = format!("{prefix}index/{page:08}.json");
            let Some(object) = self.store.get(&key) else { continue };
            let stored = Page::from_json(&object.body);
            let own = Page::complete(chain, page);
            if stored.as_ref().ok() != own.as_ref() {
                self.ledger.report(Rule::Inv4, format!("{key} is not what its chain says"));
            }
        }
        for span in SPANS {
            for number in 0..=last / span {
                let key = format!("{prefix}index/{number:08}-{span}.json");
                let Some(object) = self.store.get(&key) else { continue };
                let stored = Listing::from_json(&object.body);
                if stored.ok() != Listing::complete(chain, span, number) {
                    self.ledger.report(Rule::Inv4, format!("{key} is not what its chain says"));
                }
            }
        }
    }

    /// What viewers were shown is what the log says.
    fn check_listed(&mut self, prefix: &str, chain: &Chain) {
        let url = format!("/{prefix}index.m3u8");
        let Some(segments) = self.ledger.segments.get(&url) else { return };
        let mut wrong = None;
        for (msn, shown) in segments {
            let Some(own) = chain.segment(*msn) else {
                wrong = Some(format!("{url} listed segment {msn}, which is not in the log"));
                break;
            };
            let parts = shown.parts.iter().zip(&own.parts);
            let mut same = parts.map(|(shown, own)| {
                shown.uri
                    == format!("{}/{:020}.m4s", super::playlists::session_of(&shown.uri), own.start_ticks)
            });
            let agrees = shown.gap == own.is_gap()
                && shown.discontinuities == u64::from(own.run.period)
                && shown.discontinuity == own.discontinuity
                && shown.parts.len() <= own.parts.len()
                && same.all(|same| same)
                && shown.duration_us.is_none_or(|shown| shown.abs_diff(own.duration_us()) <= 10);
            if !agrees {
                wrong = Some(format!("{url} listed {shown:?}\nthe log has {own:?}"));
                break;
            }
        }
        if let Some(wrong) = wrong {
            self.ledger.report(Rule::Inv4, wrong);
        }
    }
}
