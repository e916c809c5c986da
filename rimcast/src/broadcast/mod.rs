//! `rimcast broadcast`: broadcasts, managed where they are stored.
//!
//! The same commands as over HTTP, carried out on the bucket itself: nothing has to run for it.

pub(crate) mod clip;
mod dates;
mod print;
mod store;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use clap::{Args, Subcommand};
use ingest_lambda::Asked;
use packager_core::log::{BroadcastName, NameError};
use packager_core::operator::{Answer, Deployment, Request};
use serde_json::{Map, Value, json};

use self::store::Bucket;
use crate::store::PlaceArgs;

/// Why it was not done, in a sentence.
#[derive(Debug)]
pub(crate) struct BroadcastError(String);

impl std::fmt::Display for BroadcastError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BroadcastError {}

impl From<String> for BroadcastError {
    fn from(why: String) -> Self {
        Self(why)
    }
}

impl From<NameError> for BroadcastError {
    fn from(why: NameError) -> Self {
        Self(why.to_string())
    }
}

/// Arguments of `rimcast broadcast`.
#[derive(Args)]
pub(crate) struct BroadcastArgs {
    #[command(flatten)]
    place: PlaceArgs,

    /// Print JSON, as the HTTP API answers it
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Create a broadcast, and print its push key: it is told here and never again
    Create {
        /// What it is called in its URLs: a-z, 0-9 and '-'
        name: String,
        #[command(flatten)]
        said: Said,
        #[command(flatten)]
        at: At,
    },
    /// List all broadcasts
    List {
        #[command(flatten)]
        at: At,
    },
    /// Show a broadcast
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        at: At,
    },
    /// Change what is said of a broadcast
    Update {
        /// Its name
        name: String,
        #[command(flatten)]
        said: Said,
        #[command(flatten)]
        at: At,
    },
    /// End a broadcast: players are told at once, and pushes are refused
    End {
        /// Its name
        name: String,
        /// Why, in words: encoders are told
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        at: At,
    },
    /// Delete a broadcast, or all that have expired, and everything that is stored of it
    Delete {
        /// Its name
        #[arg(required_unless_present = "expired", conflicts_with_all = ["expired", "dry_run"])]
        name: Option<String>,
        /// Delete all broadcasts whose --retention-days after their end are over. Without an end, or without
        /// --retention-days, none has expired
        #[arg(long)]
        expired: bool,
        /// Only list what has expired
        #[arg(long, requires = "expired", conflicts_with = "yes")]
        dry_run: bool,
        /// Do not ask whether that is meant
        #[arg(long)]
        yes: bool,
        /// Also where clips show it: nothing of them can be watched then
        #[arg(long)]
        force: bool,
    },
    /// Make a new push key; the one before works for a while longer
    RotateKey {
        /// Its name
        name: String,
        /// How long the key before goes on to work: 30m, 24h, 7d; 0 to take it back at once
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = dates::seconds)]
        grace: u32,
        #[command(flatten)]
        at: At,
    },
}

/// Where the deployment is.
#[derive(Args, Default)]
struct At {
    /// Where viewers find the deployment, for the URLs that are printed
    #[arg(long, env = "RIMCAST_URL", value_name = "URL")]
    url: Option<String>,

    /// Where encoders push to, if that is elsewhere: https://HOST before /ingest/
    #[arg(long, env = "RIMCAST_INGEST_URL", value_name = "URL")]
    ingest_url: Option<String>,
}

/// What is said of a broadcast. An empty value takes back what was said.
#[derive(Args, Default)]
struct Said {
    /// What it is called
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// When it starts: 2026-11-25T20:00:00+01:00, or `2026-11-25 20:00` in local time
    #[arg(long, value_name = "TIME")]
    start: Option<String>,

    /// When it ends
    #[arg(long, value_name = "TIME")]
    end: Option<String>,

    /// Shortest segment, 500 to 10000
    #[arg(long, value_name = "MS")]
    segment_ms: Option<String>,

    /// Length of a part, 100 to 2000 and at most half a segment
    #[arg(long, value_name = "MS")]
    part_ms: Option<String>,

    /// How much of the past viewers may go back to, in seconds; `all` for the whole event
    #[arg(long, value_name = "S")]
    window_s: Option<String>,

    /// Whether it can be watched once it has ended: true or false
    #[arg(long, value_name = "BOOL")]
    recording: Option<String>,

    /// For how many days after its end it is to be kept: `rimcast broadcast delete --expired` deletes it then
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<String>,

    /// How long before its start encoders may push: 30m, 2h
    #[arg(long, value_name = "TIME")]
    early: Option<String>,

    /// How long after its end encoders may push
    #[arg(long, value_name = "TIME")]
    late: Option<String>,

    /// Show a slate before the encoder comes and while it is away: `true`, where it pushes as `create` says; else the
    /// tracks that it will push, as in video-0,video-1,audio-2
    #[arg(long, value_name = "true|false|TRACKS")]
    slate: Option<String>,
}

impl Said {
    /// As the API has it.
    fn json(&self) -> Result<Map<String, Value>, String> {
        let text = |text: &str| Ok(Value::from(text));
        let number = |text: &str| {
            text.parse::<u32>()
                .map(Value::from)
                .map_err(|_| format!("{text:?} is no number without a fraction"))
        };
        let window = |text: &str| if text == "all" { Ok(Value::from(text)) } else { number(text) };
        let yes_or_no = |text: &str| {
            text.parse::<bool>().map(Value::from).map_err(|_| format!("{text:?} is neither true nor false"))
        };
        let date = |text: &str| dates::parse(text).map(|date| Value::from(date.to_string()));
        let time = |text: &str| dates::seconds(text).map(Value::from);
        type Read<'a> = &'a dyn Fn(&str) -> Result<Value, String>;
        let slate = |text: &str| match text {
            "true" => Ok(Value::Object(Map::new())),
            "false" => Ok(Value::Null),
            tracks => Ok(json!({"tracks": tracks.split(',').map(str::trim).collect::<Vec<_>>()})),
        };
        let all: [(&str, &Option<String>, Read<'_>); 11] = [
            ("title", &self.title, &text),
            ("start", &self.start, &date),
            ("end", &self.end, &date),
            ("segment_ms", &self.segment_ms, &number),
            ("part_ms", &self.part_ms, &number),
            ("window_s", &self.window_s, &window),
            ("recording", &self.recording, &yes_or_no),
            ("retention_days", &self.retention_days, &number),
            ("early_s", &self.early, &time),
            ("late_s", &self.late, &time),
            ("slate", &self.slate, &slate),
        ];
        let mut said = Map::new();
        for (field, given, read) in all {
            let Some(given) = given else { continue };
            let value = if given.is_empty() {
                Value::Null
            } else {
                let option = match field {
                    "early_s" => "early",
                    "late_s" => "late",
                    field => &field.replace('_', "-"),
                };
                read(given).map_err(|why| format!("--{option}: {why}"))?
            };
            said.insert(field.to_owned(), value);
        }
        Ok(said)
    }
}

/// Carries out a command.
pub(crate) async fn run(args: BroadcastArgs) -> Result<(), BroadcastError> {
    let nowhere = At::default();
    let (request, body, at) = match &args.what {
        What::Create { name, said, at } => {
            let mut said = said.json()?;
            said.insert("name".to_owned(), name.as_str().into());
            (Request::Create, said, at)
        }
        What::List { at } => (Request::List { after: None }, Map::new(), at),
        What::Show { name, at } => (Request::Show(BroadcastName::parse(name)?), Map::new(), at),
        What::Update { name, said, at } => {
            let said = said.json()?;
            if said.is_empty() {
                return Err("nothing is to be changed; see `rimcast broadcast update --help`"
                    .to_owned()
                    .into());
            }
            (Request::Update(BroadcastName::parse(name)?), said, at)
        }
        What::End { name, reason, at } => {
            let reason = reason.iter().map(|text| ("reason".to_owned(), text.as_str().into()));
            (Request::End(BroadcastName::parse(name)?), reason.collect(), at)
        }
        What::Delete { name: Some(name), force, .. } => {
            let name = BroadcastName::parse(name)?;
            (Request::Delete { name, force: *force }, Map::new(), &nowhere)
        }
        What::Delete { name: None, dry_run: false, yes: false, .. } => {
            return Err(
                "to delete every broadcast that has expired, say so with --yes; --dry-run lists them"
                    .to_owned()
                    .into(),
            );
        }
        What::Delete { name: None, dry_run, .. } => {
            (Request::DeleteExpired { after: None, dry_run: *dry_run }, Map::new(), &nowhere)
        }
        What::RotateKey { name, grace, at } => {
            let grace = Map::from_iter([("grace_s".to_owned(), (*grace).into())]);
            (Request::RotateKey(BroadcastName::parse(name)?), grace, at)
        }
    };
    let bucket = Bucket::open(&args.place)?;
    if let What::Delete { name: Some(name), yes: false, .. } = &args.what {
        confirm(name, &bucket)?;
    }
    let answer = ask(&bucket, request, body, at).await?;
    tell(&answer, args.json, |told, zone| print::answer(told, &args.what, bucket.place(), zone))
}

/// Prints what was told, for programs or for people.
fn tell(
    answer: &Answer,
    json: bool,
    text: impl FnOnce(&Value, &dates::Zone) -> String,
) -> Result<(), BroadcastError> {
    let told: Value = serde_json::from_str(&answer.body).map_err(|why| why.to_string())?;
    if json {
        println!("{told:#}");
    } else {
        print!("{}", text(&told, &dates::Zone::here()));
    }
    Ok(())
}

/// The answer to a request that is to be repeated, and how soon it is.
const ACCEPTED: u16 = 202;
const PAUSE: Duration = Duration::from_millis(500);

/// Asks, and again while there is more.
async fn ask(
    bucket: &Bucket,
    mut request: Request,
    body: Map<String, Value>,
    at: &At,
) -> Result<Answer, String> {
    let mut deployment = Deployment::new(at.url.as_deref().unwrap_or("https://HOST"), bucket.settings());
    if let Some(ingest) = &at.ingest_url {
        deployment = deployment.with_ingest(ingest);
    }
    let body = Value::Object(body).to_string();
    let mut listed = Vec::new();
    let mut deleted = 0;
    loop {
        let asked = Asked {
            request: request.clone(),
            if_match: None,
            body: body.as_bytes(),
            random: rand::random(),
            deployment: deployment.clone(),
        };
        let answer = bucket.answer(&asked).await;
        let told: Value = serde_json::from_str(&answer.body).map_err(|why| why.to_string())?;
        if answer.status >= 400 {
            return Err(told.get("detail").and_then(Value::as_str).unwrap_or("it was not done").to_owned());
        }
        let broadcasts = told.get("broadcasts").and_then(Value::as_array).into_iter().flatten();
        if matches!(request, Request::DeleteExpired { .. }) {
            broadcasts.for_each(|one| join(&mut listed, one));
        } else {
            listed.extend(broadcasts.cloned());
        }
        if answer.status == ACCEPTED {
            // What is being pushed is refused by now, or will be in a moment.
            deleted += told["deleted_objects"].as_u64().unwrap_or(0);
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let next = told.get("next").and_then(Value::as_str).and_then(|next| BroadcastName::parse(next).ok());
        request = match (request, next) {
            (Request::Delete { .. }, _) => {
                return Ok(Answer::deleted(deleted + told["deleted_objects"].as_u64().unwrap_or(0)));
            }
            (Request::List { .. }, Some(next)) => Request::List { after: Some(next) },
            (Request::DeleteExpired { dry_run, .. }, Some(next)) => {
                Request::DeleteExpired { after: Some(next), dry_run }
            }
            (Request::List { .. } | Request::DeleteExpired { .. }, None) => {
                return Ok(Answer::list(&listed, None));
            }
            _ => return Ok(answer),
        };
    }
}

/// Adds what was told of one broadcast that has expired, perhaps not for the first time.
fn join(listed: &mut Vec<Value>, one: &Value) {
    match listed.iter_mut().find(|known| known["name"] == one["name"]) {
        Some(known) => {
            let deleted = |told: &Value| told["deleted_objects"].as_u64().unwrap_or(0);
            known["deleted_objects"] = (deleted(known) + deleted(one)).into();
        }
        None => listed.push(one.clone()),
    }
}

/// Asks whether a broadcast is to be deleted.
fn confirm(name: &str, bucket: &Bucket) -> Result<(), String> {
    if !std::io::stdin().is_terminal() {
        return Err(format!("to delete {name} and everything stored of it, say so with --yes"));
    }
    eprint!("Delete {name} and everything stored of it in {}? Type its name: ", bucket.place());
    let _ = std::io::stderr().flush();
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed).map_err(|why| why.to_string())?;
    if typed.trim() == name { Ok(()) } else { Err("nothing was deleted".to_owned()) }
}
