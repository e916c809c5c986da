//! `rimcast clip`: a range of a broadcast, named as one of its own.

use clap::Args;
use packager_core::operator::Request;
use serde_json::{Map, Value, json};

use super::store::Bucket;
use super::{At, BroadcastError, ask, dates, print, tell};
use crate::store::PlaceArgs;

/// Arguments of `rimcast clip`.
#[derive(Args)]
pub(crate) struct ClipArgs {
    /// What the clip is called in its URLs: a-z, 0-9 and '-'
    name: String,

    /// Of which broadcast, live or over
    #[arg(long, value_name = "BROADCAST")]
    of: String,

    /// From when: 90, 1:30 or 1:02:03 after the recording begins; 2026-11-25T20:00:00+01:00; or `2026-11-25 20:00` in
    /// local time
    #[arg(long, value_name = "WHEN", value_parser = dates::moment)]
    from: Value,

    /// Until when, likewise; while the broadcast is live, this may be still to come
    #[arg(long, value_name = "WHEN", value_parser = dates::moment)]
    to: Value,

    /// What it is called
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    #[command(flatten)]
    place: PlaceArgs,

    /// Print JSON, as the HTTP API answers it
    #[arg(long)]
    json: bool,

    /// Where viewers find the deployment, for the URLs that are printed
    #[arg(long, env = "RIMCAST_URL", value_name = "URL")]
    url: Option<String>,
}

impl ClipArgs {
    /// As the API has it.
    fn body(&self) -> Map<String, Value> {
        let clip = json!({"of": self.of, "from": self.from, "until": self.to});
        let title = self.title.as_ref().map(|title| ("title".to_owned(), title.as_str().into()));
        let name = self.name.as_str().into();
        title.into_iter().chain([("name".to_owned(), name), ("clip".to_owned(), clip)]).collect()
    }
}

/// Makes a clip.
pub(crate) async fn run(args: ClipArgs) -> Result<(), BroadcastError> {
    let bucket = Bucket::open(&args.place)?;
    let (body, at) = (args.body(), At { url: args.url, ingest_url: None });
    let answer = ask(&bucket, Request::Create, body, &at).await?;
    tell(&answer, args.json, print::shown)
}
