//! Looking at a track: its chain from the beginning, each part, and what is computed from the chain.

use std::collections::BTreeSet;

use ingest_lambda::store::{Store as _, StoreError};
use packager_core::ingest::gate::check_object;
use packager_core::log::{Chain, Checkpoint, Entry, Found, Marker, SessionId, Target, TrackName, rebuild};

use super::finding::{Finding, What};
use crate::shelf::Broadcast;
use crate::shelf::progress::Progress;
use crate::shelf::walk::{Listed, Seen, Walked, walk};

/// Why something is found that is missing.
pub(crate) const NOT_THERE: &str = "it is not there";

/// A track that was looked at.
pub(crate) struct Looked {
    pub(crate) track: TrackName,
    pub(crate) findings: Vec<Finding>,
    pub(crate) walked: Walked,
    pub(crate) parts: u64,
}

impl Looked {
    pub(crate) fn chain(&self) -> Option<&Chain> {
        self.walked.chain(&self.track)
    }
}

/// What is gathered on the way.
struct Look<'a> {
    broadcast: &'a Broadcast,
    track: &'a TrackName,
    listed: &'a Listed,
    findings: Vec<Finding>,
    reached: BTreeSet<(SessionId, u64)>,
    parts: u64,
    checkpoint: Option<Checkpoint>,
    /// Whether the checkpoint was compared, and agreed.
    agrees: Option<bool>,
}

/// Looks at a track. `with_bodies`: at the media too.
pub(crate) async fn look(
    broadcast: &Broadcast,
    track: &TrackName,
    listed: &Listed,
    with_bodies: bool,
    progress: &mut Progress,
) -> Result<Looked, StoreError> {
    let mut look = Look {
        broadcast,
        track,
        listed,
        findings: Vec::new(),
        reached: BTreeSet::new(),
        parts: 0,
        checkpoint: None,
        agrees: None,
    };
    look.read_checkpoint().await?;
    let walked = walk(broadcast, track, listed, with_bodies, |seen| {
        if matches!(seen.target, Target::Part(..)) {
            progress.add(1);
        }
        look.see(seen, with_bodies);
    })
    .await?;
    look.end(&walked);
    if let Some(chain) = walked.chain(track) {
        look.compare(chain);
        look.pages(chain).await?;
    }
    Ok(Looked { track: track.clone(), findings: look.findings, walked, parts: look.parts })
}

impl Look<'_> {
    fn find(&mut self, what: What, target: &Target, why: impl Into<String>) {
        let key = target.key(&self.broadcast.keys);
        self.findings.push(Finding { track: Some(self.track.clone()), what, key, why: why.into() });
    }

    async fn read_checkpoint(&mut self) -> Result<(), StoreError> {
        let target = Target::Head(self.track.clone());
        let found = self.broadcast.place.get(&target.key(&self.broadcast.keys)).await;
        match found {
            Ok(Some(object)) => match Checkpoint::from_json(&object.body) {
                Ok(checkpoint) => self.checkpoint = Some(checkpoint),
                Err(why) => self.find(What::Checkpoint, &target, format!("it cannot be read: {why}")),
            },
            Ok(None) => {}
            Err(StoreError::Damaged { why, .. }) => self.find(What::Checkpoint, &target, why),
            Err(why) => return Err(why),
        }
        Ok(())
    }

    fn see(&mut self, seen: &Seen<'_>, with_bodies: bool) {
        let chain = seen.log.track(self.track).and_then(|log| log.chain());
        if let Some(chain) = chain {
            self.compare(chain);
        }
        let (Target::Part(_, session, start), Found::Object { meta, body, .. }) = (seen.target, seen.found)
        else {
            return;
        };
        self.reached.insert((session.clone(), *start));
        let Ok(entry) = Entry::from_meta(meta) else { return };
        if let Entry::Part(_) = entry {
            self.parts += 1;
            let header = self.listed.header(session);
            // A header that is missing is told once, below.
            if with_bodies
                && header.is_some()
                && let Err(why) = check_object(seen.target, Some(&entry), body, header)
            {
                self.find(What::Part, seen.target, why.to_string());
            }
        }
        if let Entry::Marker(Marker::Continues { period, .. }) = entry
            && usize::try_from(period).is_ok_and(|period| period > seen.log.periods().len())
        {
            let target = Target::Period(period);
            self.find(What::Period, &target, "a marker leads to a period that has no record");
        }
    }

    /// Compares the checkpoint with the chain, when that is as far as the checkpoint.
    fn compare(&mut self, chain: &Chain) {
        if let Some(checkpoint) = &self.checkpoint
            && self.agrees.is_none()
            && rebuild::ends_with(checkpoint, chain)
        {
            self.agrees = Some(rebuild::agrees(checkpoint, chain));
        }
    }

    /// What is told once the chain is known.
    fn end(&mut self, walked: &Walked) {
        let log = walked.log.track(self.track);
        let Some(chain) = walked.chain(self.track) else {
            let why = log.and_then(|log| log.damage()).map(str::to_owned);
            let why = why.unwrap_or_else(|| "it is not there, or record 0 of the periods is not".to_owned());
            return self.find(What::Begin, &Target::Begin(self.track.clone()), why);
        };
        let next = Target::Part(self.track.clone(), chain.run.session.clone(), chain.next_ticks);
        let damage = log.and_then(|log| log.damage()).map(str::to_owned);
        let damage = damage.or_else(|| walked.unreadable.as_ref().map(|(_, why)| why.clone()));
        let is_damaged = damage.is_some();
        if let Some(why) = damage {
            self.find(What::Entry, &next, why);
        }
        let current = chain.run.session.clone();
        let (mut behind, mut first_behind) = (0_usize, None);
        for (session, of) in &self.listed.sessions {
            let uses = self.reached.iter().any(|(reached, _)| reached == session);
            if of.header.is_none() && uses {
                let why = if of.bytes.is_some() { "it cannot be used" } else { NOT_THERE };
                self.find(What::Header, &Target::Init(self.track.clone(), session.clone()), why);
            }
            let is_reached = |start: &&u64| self.reached.contains(&(session.clone(), **start));
            let rest: Vec<u64> = of.starts.iter().filter(|start| !is_reached(start)).copied().collect();
            // Sessions sort by when they began.
            let is_behind = |start: u64| {
                !chain.ended && (*session > current || *session == current && start >= chain.next_ticks)
            };
            for start in rest {
                let target = Target::Part(self.track.clone(), session.clone(), start);
                if is_behind(start) {
                    behind += 1;
                    first_behind.get_or_insert(target);
                } else {
                    self.find(What::Unreached, &target, "the log leads past it");
                }
            }
        }
        // Behind what is damaged nothing can be reached.
        if let Some(first) = first_behind.filter(|_| !is_damaged) {
            let first = first.key(&self.broadcast.keys);
            self.find(
                What::Hole,
                &next,
                format!("nothing is stored here, but {behind} objects behind it, from {first} on"),
            );
        }
        if is_damaged {
            return;
        }
        let target = Target::Head(self.track.clone());
        let is_told = self.findings.iter().any(|finding| finding.what == What::Checkpoint);
        let is_compared = self.agrees.is_some()
            || self.checkpoint.as_ref().is_some_and(|checkpoint| rebuild::ends_with(checkpoint, chain));
        match &self.checkpoint {
            None if !is_told && !chain.closed.is_empty() => {
                self.find(What::Checkpoint, &target, NOT_THERE);
            }
            Some(_) if !is_compared => {
                self.find(What::Checkpoint, &target, "it ends where the log never was");
            }
            _ => {}
        }
    }

    /// Compares the pages that should be there.
    async fn pages(&mut self, chain: &Chain) -> Result<(), StoreError> {
        if self.agrees == Some(false) {
            let target = Target::Head(self.track.clone());
            self.find(What::Checkpoint, &target, "it says something else than the log up to where it ends");
        }
        // The newest may be written with the next checkpoint.
        let due = self.checkpoint.as_ref().and_then(|checkpoint| checkpoint.chain.last_closed_msn());
        for rebuild::Indexed { target, json, last_msn } in rebuild::index(self.track, chain) {
            match self.broadcast.place.get(&target.key(&self.broadcast.keys)).await {
                Ok(Some(object)) if object.body == json => {}
                Ok(Some(_)) => self.find(What::Page, &target, "it says something else than the log"),
                Ok(None) if due.is_none_or(|due| last_msn < due) => self.find(What::Page, &target, NOT_THERE),
                Ok(None) => {}
                Err(StoreError::Damaged { why, .. }) => self.find(What::Page, &target, why),
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }
}
