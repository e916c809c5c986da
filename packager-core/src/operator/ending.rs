//! Ending a broadcast: a marker at every track's next key, so that players are told at once that nothing follows.

use crate::ingest::Settings;
use crate::log::{
    BroadcastLog, BroadcastName, Entry, Found, Freshness, Generation, Marker, Read, Target, TrackName,
};
use crate::time::WallMs;

/// Follows every track to its end. Whoever pushes may be faster than the marker: what came first is then read (a
/// [`Read::Stat`] of that key), and the marker tried behind it.
#[derive(Debug)]
pub struct Ending {
    log: BroadcastLog,
    since: WallMs,
}

impl Ending {
    /// Begins to end this broadcast.
    pub fn new(name: &BroadcastName, generation: &Generation, settings: &Settings, now: WallMs) -> Self {
        let mut log = BroadcastLog::new(name, generation, 0);
        // A track may have begun before anything was fixed.
        log.assume_shape(settings.assumed_shape());
        Self { log, since: now }
    }

    /// What to read next; empty when [`markers`](Self::markers) are known.
    pub fn wants(&self) -> Vec<Read> {
        self.log.wants(Freshness { chains_since: self.since, tracks_since: self.since })
    }

    /// The key of what is to be read or written.
    pub fn key(&self, target: &Target) -> String {
        target.key(&self.log.keys)
    }

    /// Takes in what a read, begun at `asked`, found.
    pub fn absorb(&mut self, read: &Read, found: &Found, asked: WallMs) {
        self.log.absorb(read, found, asked);
    }

    /// The next keys of the tracks that have not ended: where a [marker](Self::marker) is to be created if there is
    /// nothing. What is there already is to be [read](Self::wants) first.
    pub fn open(&self) -> Vec<Target> {
        let open = self.log.tracks().filter_map(|(name, track)| {
            let chain = track.chain().filter(|chain| !chain.ended && track.damage().is_none())?;
            Some(Target::Part(name.clone(), chain.run.session.clone(), chain.next_ticks))
        });
        open.collect()
    }

    /// The marker, as an object's metadata.
    pub fn marker() -> String {
        Entry::Marker(Marker::Ended).to_meta()
    }

    /// The marker of a track is there now.
    pub fn written(&mut self, target: &Target) {
        self.log.observe(target, &Self::marker(), 0, &bytes::Bytes::new());
    }

    /// Tracks that cannot be followed to their end, since what is stored there is damaged.
    pub fn damaged(&self) -> Vec<&TrackName> {
        self.log.tracks().filter(|(_, track)| track.damage().is_some()).map(|(name, _)| name).collect()
    }
}
