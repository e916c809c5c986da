//! `rimcast repair`: what is computed from a log is made anew from it. Parts are never touched, nor anything that could not
//! be made again.

use bytes::Bytes;
use ingest_lambda::store::{Created, Store as _, Swapped};
use packager_core::log::{Chain, Entry, Marker, Target, TrackName, rebuild};
use serde::Serialize;
use serde_json::json;

use super::verify::finding::What;
use super::verify::look_at;
use super::verify::track::Looked;
use super::{Broadcast, BroadcastArgs, Failure, track_named};

/// Arguments of `rimcast repair`.
#[derive(clap::Args)]
pub(crate) struct RepairArgs {
    #[command(flatten)]
    broadcast: BroadcastArgs,

    /// Do it. Without it, only what would be done is told
    #[arg(long)]
    yes: bool,

    /// Only tell what would be done, as without --yes
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,

    /// Also close the tracks that have not ended, where they stop: nothing can be added to them any more
    #[arg(long)]
    end: bool,

    /// Only these tracks
    #[arg(long = "track", value_name = "TRACK", value_parser = track_named)]
    tracks: Vec<TrackName>,

    /// Tell what is done as JSON
    #[arg(long)]
    json: bool,
}

/// Something to be done.
#[derive(Debug, Serialize)]
struct Mend {
    key: String,
    what: &'static str,
    #[serde(skip)]
    how: How,
    /// What came of it; `None`: it was not tried.
    outcome: Option<String>,
}

#[derive(Debug)]
enum How {
    /// Written where nothing is.
    Create { meta: String, body: String },
    /// Put in place of what is there, if nobody else does so first.
    Swap { body: String },
    /// What is there would have to be deleted first.
    ByHand,
}

/// Mends what can be.
pub(crate) async fn run(args: RepairArgs) -> Result<(), Failure> {
    let broadcast = Broadcast::open(&args.broadcast).await?;
    let looked = look_at(&broadcast, &args.tracks, false, args.json).await?;
    let mut mends = Vec::new();
    let mut left = 0;
    for looked in &looked {
        left += looked.findings.iter().filter(|finding| !is_mendable(finding.what)).count();
        mends.extend(plan(&broadcast, looked, args.end)?);
    }
    if args.yes {
        for mend in &mut mends {
            mend.carry_out(&broadcast).await?;
        }
    }
    let failed =
        mends.iter().filter(|mend| mend.outcome.as_deref().is_some_and(|outcome| outcome != DONE)).count();
    if args.json {
        say!("{}", json!({ "mends": mends, "done": args.yes, "not_mendable": left }));
    } else {
        for Mend { key, what, outcome, .. } in &mends {
            say!(
                "{key}: {what}{}",
                outcome.as_ref().map_or_else(String::new, |outcome| format!(": {outcome}"))
            );
        }
        match (mends.is_empty(), args.yes) {
            (true, _) => say!("there is nothing to mend"),
            (false, false) => say!("Nothing was changed. The same with --yes does this."),
            (false, true) => {}
        }
        if left > 0 {
            say!(
                "{left} faults cannot be mended from what is stored: see `rimcast verify {}`",
                broadcast.name
            );
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(format!("{failed} objects were not mended; see above").into()),
    }
}

const DONE: &str = "done";

fn is_mendable(what: What) -> bool {
    matches!(what, What::Checkpoint | What::Page) || what.is_harmless()
}

/// What is to be done to a track.
fn plan(broadcast: &Broadcast, looked: &Looked, end: bool) -> Result<Vec<Mend>, Failure> {
    let Some(chain) = looked.chain() else { return Ok(Vec::new()) };
    let track = &looked.track;
    let key_of = |target: &Target| target.key(&broadcast.keys);
    let mut chain: Chain = chain.clone();
    let mut mends = Vec::new();
    let is_damaged = looked.findings.iter().any(|finding| finding.what == What::Entry);
    let ends = end && !chain.ended && !is_damaged;
    if ends {
        let next = Target::Part(track.clone(), chain.run.session.clone(), chain.next_ticks);
        let ended = Entry::Marker(Marker::Ended);
        chain.absorb(&ended, 0)?;
        let how = How::Create { meta: ended.to_meta(), body: String::new() };
        mends.push(Mend { key: key_of(&next), what: "the track is closed here", how, outcome: None });
    }
    let is_found = |key: &String| looked.findings.iter().any(|finding| finding.key == *key);
    for rebuild::Indexed { target, json, .. } in rebuild::index(track, &chain) {
        let key = key_of(&target);
        let Some(finding) = looked.findings.iter().find(|finding| finding.key == key) else { continue };
        // A page is never replaced: caches keep it for ever.
        let (how, what) = if finding.why == super::verify::track::NOT_THERE {
            (How::Create { meta: String::new(), body: json }, "the page is written")
        } else {
            (How::ByHand, "the page is wrong; delete it, purge CDNs of it, and repair again")
        };
        mends.push(Mend { key, what, how, outcome: None });
    }
    let head = key_of(&Target::Head(track.clone()));
    if ends || is_found(&head) {
        let how = How::Swap { body: rebuild::checkpoint(&chain).to_json() };
        mends.push(Mend { key: head, what: "the checkpoint is written anew", how, outcome: None });
    }
    Ok(mends)
}

impl Mend {
    async fn carry_out(&mut self, broadcast: &Broadcast) -> Result<(), Failure> {
        const SOMEBODY: &str = "somebody else wrote there just now; verify again";
        let place = &broadcast.place;
        let body = |text: &String| if text.is_empty() { Vec::new() } else { vec![Bytes::from(text.clone())] };
        let outcome = match &self.how {
            How::ByHand => "left as it is",
            How::Create { meta, body: text } => match place.create(&self.key, meta, &body(text)).await? {
                Created::New => DONE,
                Created::Exists => SOMEBODY,
            },
            How::Swap { body: text } => {
                let there = place.stat(&self.key).await?.map(|stat| stat.etag);
                match place.swap(&self.key, there.as_ref(), "", &body(text)).await? {
                    Swapped::Done(_) => DONE,
                    Swapped::Conflict => SOMEBODY,
                }
            }
        };
        self.outcome = Some(outcome.to_owned());
        Ok(())
    }
}
