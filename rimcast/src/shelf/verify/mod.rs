//! `rimcast verify`: whether a recording is what its log says, and what it means for viewers where it is not.

pub(super) mod finding;
pub(super) mod track;

use packager_core::log::{PeriodRecord, Target, TrackName};
use serde_json::json;

use self::finding::{Finding, What};
use self::track::{Looked, look};
use super::progress::{Progress, Unit};
use super::walk::Listed;
use super::{Broadcast, BroadcastArgs, Failure, track_named};

/// Arguments of `rimcast verify`.
#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    broadcast: BroadcastArgs,

    /// Do not read the media: only whether everything is there
    #[arg(long)]
    quick: bool,

    /// Only these tracks
    #[arg(long = "track", value_name = "TRACK", value_parser = track_named)]
    tracks: Vec<TrackName>,

    /// Tell progress and findings as JSON, an object a line
    #[arg(long)]
    json: bool,
}

/// Looks at a broadcast; an error when something is wrong.
pub(crate) async fn run(args: VerifyArgs) -> Result<(), Failure> {
    let broadcast = Broadcast::open(&args.broadcast).await?;
    let looked = look_at(&broadcast, &args.tracks, !args.quick, args.json).await?;
    let periods =
        looked.first().map(|looked| periods(&broadcast, looked.walked.log.periods())).unwrap_or_default();
    let findings: Vec<&Finding> =
        periods.iter().chain(looked.iter().flat_map(|looked| &looked.findings)).collect();
    let wrong = findings.iter().filter(|finding| !finding.what.is_harmless()).count();
    if args.json {
        let tracks = looked.iter().map(shown).collect::<Vec<_>>();
        let findings: Vec<_> = findings.iter().map(|finding| json!({
            "track": finding.track, "what": finding.what, "key": finding.key, "why": finding.why,
            "means": finding.what.means(), "remedy": finding.what.remedy(), "harmless": finding.what.is_harmless(),
        })).collect();
        say!(
            "{}",
            json!({
                "broadcast": broadcast.name, "tracks": tracks, "findings": findings, "ok": wrong == 0,
                "reads": broadcast.place.reads().json(),
            })
        );
    } else {
        for looked in &looked {
            let state = match looked.chain() {
                Some(chain) if chain.ended => "ended",
                Some(_) => "not ended",
                None => "not begun",
            };
            say!("{}: {} parts, {state}", looked.track, looked.parts);
        }
        for Finding { what, key, why, .. } in &findings {
            say!("\n{key}: {why}\n  for viewers: {}\n  what to do: {}", what.means(), what.remedy());
        }
    }
    match wrong {
        0 if args.json => Ok(()),
        0 => {
            say!(
                "{}",
                if findings.is_empty() { "all is well" } else { "\nall that viewers are shown is well" }
            );
            Ok(())
        }
        wrong => Err(format!("{} has {wrong} faults", broadcast.name).into()),
    }
}

fn shown(looked: &Looked) -> serde_json::Value {
    let chain = looked.chain();
    json!({
        "track": looked.track, "parts": looked.parts, "begun": chain.is_some(),
        "ended": chain.is_some_and(|chain| chain.ended),
        "segments": chain.map_or(0, |chain| chain.closed.len()),
    })
}

/// Looks at these tracks, or all.
pub(super) async fn look_at(
    broadcast: &Broadcast,
    only: &[TrackName],
    with_bodies: bool,
    as_json: bool,
) -> Result<Vec<Looked>, Failure> {
    if let Some(unknown) = only.iter().find(|name| !broadcast.tracks.contains(name)) {
        let names: Vec<_> = broadcast.tracks.iter().map(TrackName::as_str).collect();
        return Err(format!("there is no track {unknown}; there are {}", names.join(", ")).into());
    }
    let mut all = Vec::new();
    for track in broadcast.tracks.iter().filter(|track| only.is_empty() || only.contains(track)) {
        let listed = Listed::read(broadcast, track).await?;
        let what = format!("verifying {track}");
        let mut progress = Progress::new(&what, Unit::Objects, listed.entries(), as_json);
        all.push(look(broadcast, track, &listed, with_bodies, &mut progress).await?);
        progress.finish();
    }
    Ok(all)
}

/// Whether the period records are in order.
fn periods(broadcast: &Broadcast, records: &[PeriodRecord]) -> Vec<Finding> {
    let found = |n: usize, why: &str| {
        let key = Target::Period(u32::try_from(n).unwrap_or(u32::MAX)).key(&broadcast.keys);
        Finding { track: None, what: What::Period, key, why: why.to_owned() }
    };
    if records.is_empty() {
        return vec![found(0, "it is not there, or cannot be used: it fixes TARGETDURATION")];
    }
    let pairs = records.iter().zip(records.iter().skip(1)).enumerate();
    let back = pairs.filter(|(_, (a, b))| b.anchor.wall < a.anchor.wall);
    back.map(|(n, _)| found(n + 1, "its time of day lies before that of the period before it")).collect()
}
