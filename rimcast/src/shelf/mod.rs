//! The shelf: what is done with recordings where they are kept. `rimcast export`, `rimcast verify`, `rimcast repair`.

/// Prints a line. Whoever reads it may have gone, as in `rimcast verify … | head`.
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}

pub(crate) mod export;
mod progress;
pub(crate) mod repair;
pub(crate) mod verify;
mod walk;

use ingest_lambda::store::Store as _;
use packager_core::log::{BroadcastName, BroadcastRecord, Keys, NameError, TrackName, key, record};

use crate::store::{Place, PlaceArgs};

/// Why something cannot be done, in a sentence that says what to change.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Which broadcast, and where it is.
#[derive(Debug, clap::Args)]
pub(crate) struct BroadcastArgs {
    /// The broadcast's name
    #[arg(value_name = "BROADCAST", value_parser = named)]
    broadcast: BroadcastName,

    #[command(flatten)]
    place: PlaceArgs,
}

fn named(text: &str) -> Result<BroadcastName, NameError> {
    BroadcastName::parse(text)
}

fn track_named(text: &str) -> Result<TrackName, NameError> {
    TrackName::parse(text)
}

/// A broadcast as it is stored.
struct Broadcast {
    place: Place,
    name: BroadcastName,
    record: BroadcastRecord,
    keys: Keys,
    /// Its tracks, by name.
    tracks: Vec<TrackName>,
}

impl Broadcast {
    async fn open(args: &BroadcastArgs) -> Result<Self, Failure> {
        let place = args.place.open()?;
        let name = args.broadcast.clone();
        let at = key::broadcast(&name);
        let Some(object) = place.get(&at).await? else {
            let known = place.list("").await?;
            let known: Vec<_> = known.iter().filter(|name| BroadcastName::parse(name).is_ok()).collect();
            let known = match &known[..] {
                [] => "there is none at all".to_owned(),
                known => format!(
                    "there are {}",
                    known.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
                ),
            };
            return Err(format!("there is no broadcast {name} ({at} is not there); {known}").into());
        };
        let record: BroadcastRecord = record::from_json(&object.body).map_err(|why| {
            format!("{at} cannot be read: {why}. It names the generation that media is kept under: put it back from a copy")
        })?;
        if let Some(clip) = &record.event.clip {
            return Err(format!(
                "{name} is a clip of {of}, whose media it shows, from {} to {}; name {of} instead",
                clip.from,
                clip.until,
                of = clip.of
            )
            .into());
        }
        let keys = Keys::new(&name, &record.generation);
        let names = place.list(&keys.root()).await?;
        let tracks = names.iter().filter(|name| name.as_str() != "periods");
        let tracks = tracks.filter_map(|name| TrackName::parse(name).ok()).collect();
        Ok(Self { place, name, record: record.shown(), keys, tracks })
    }
}
