//! Golden cases: `tests/golden/<case>/case.json` says what an encoder pushes and what viewers ask
//! for, and when; the files beside it hold every answer, exactly.
//!
//! `UPDATE_GOLDEN=1 cargo test -p rimcast-tests --test golden` (or `cargo xtask golden`) writes the
//! files anew; what changed in them is then for a person to judge.

pub mod hosted;
mod script;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use packager_core::edge::Method;

use crate::world::{Answer, Asked, World};
use script::{Action, Event};
pub use script::{Case, CaseSettings, Line, Query};

/// Ids are minted from this.
const SEED: u64 = 1;

/// `tests/golden`.
pub fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The cases, by name.
pub fn cases() -> Vec<PathBuf> {
    let folder = fs::read_dir(golden_folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = folder.filter(|path| path.join("case.json").is_file()).collect();
    cases.sort();
    cases
}

/// A request and its answer, as it came out.
#[derive(Debug)]
pub struct Exchange {
    /// When it was asked, in milliseconds since the case began.
    pub at_ms: i64,
    /// Its name in the case.
    pub name: String,
    /// The method, the path and the query.
    pub line: String,
    /// What was answered.
    pub answer: Answer,
}

/// What came of a case.
pub struct Outcome {
    /// The answers, in the order of the requests.
    pub exchanges: Vec<Exchange>,
    /// How it was left, a minute after the last thing that happened.
    pub world: World,
}

/// Reads a case.
///
/// # Panics
///
/// It is not there, or is not as [`Case`] says.
pub fn read(folder: &Path) -> Case {
    let path = folder.join("case.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Looks on while a case is played.
pub trait Audience {
    /// Something has happened.
    fn look(&mut self, _: &mut World) {}

    /// A viewer has asked for `target`.
    fn asked(&mut self, _: &mut World, _: Asked, _method: &str, _target: &str) {}

    /// A moment is over: everyone who waits has looked again.
    fn moment_is_over(&mut self, _: &mut World) {}
}

impl<F: FnMut(&mut World)> Audience for F {
    fn look(&mut self, world: &mut World) {
        self(world);
    }
}

/// Plays a case.
///
/// # Errors
///
/// Edges answered differently, or a request was never answered.
///
/// # Panics
///
/// The case asks for what is not there.
pub fn play(case: &Case, audience: &mut impl Audience) -> Result<Outcome, String> {
    let mut world = World::new(case.settings.into(), SEED);
    let mut uploads = Vec::new();
    let mut asked: Vec<(usize, String, i64, Asked)> = Vec::new();
    for Event { at_ms, action } in case.events() {
        world.advance(at_ms, |world| audience.moment_is_over(world));
        match action {
            Action::Open(path) => {
                uploads.push(world.open(&path).unwrap_or_else(|refusal| panic!("{path}: {refusal}")));
            }
            Action::Bytes(upload, bytes) => {
                if let Err(refusal) = world.push(uploads[upload], bytes) {
                    world.journal.push((at_ms, format!("upload {upload} is refused: {refusal}")));
                }
            }
            Action::Finish(upload, whole) => world.finish(uploads[upload], whole),
            Action::End(track) => world.end_track(&track),
            Action::RestartIngest => world.restart_ingest(),
            Action::Configure(settings) => world.configure(&settings),
            Action::Document(name, record) => world.put_document(&name, &record),
            Action::Schedule(record) => world.schedule(&record),
            Action::Announce(slate) => world.announce(&slate),
            Action::Ask(index) => {
                let query = &case.requests[index];
                let target = expand(&world, &query.path);
                let id = world.ask(query.method(), &target);
                audience.asked(&mut world, id, &query.method, &target);
                asked.push((index, target, at_ms, id));
            }
        }
        audience.look(&mut world);
    }
    // Whoever still waits is let wait to the end.
    world.advance(world.now_ms() + 60_000, |world| audience.moment_is_over(world));
    audience.look(&mut world);
    let mut exchanges = Vec::new();
    asked.sort_by_key(|(index, ..)| *index);
    for (index, target, at_ms, asked) in asked {
        let query = &case.requests[index];
        let answer = world.answer(asked).ok_or(format!("{} was never answered", query.name))?;
        let answer = answer.map_err(|why| format!("{}: {why}", query.name))?.clone();
        let line = format!("{} {target}", query.method);
        exchanges.push(Exchange { at_ms, name: query.name.clone(), line, answer });
    }
    Ok(Outcome { exchanges, world })
}

/// Fills in `{hint TRACK}`, `{part TRACK MSN N}` and `{init TRACK}`: paths that have a session's id.
fn expand(world: &World, path: &str) -> String {
    let Some((before, rest)) = path.split_once('{') else { return path.to_owned() };
    let (placeholder, after) = rest.split_once('}').expect("a placeholder ends with }");
    let words: Vec<&str> = placeholder.split(' ').collect();
    let log = world.read_log();
    let track = packager_core::log::TrackName::parse(words[1]).unwrap();
    let Some(chain) = log.track(&track).and_then(|log| log.chain()) else {
        return format!("{before}no-such-track{after}");
    };
    let filled = match words[0] {
        "hint" => log.keys.part(&track, &chain.run.session, chain.next_ticks),
        "init" => log.keys.init(&track, &chain.run.session),
        "part" => {
            let segment = chain.segment(words[2].parse().unwrap()).expect("the segment is there");
            let part = &segment.parts[words[3].parse::<usize>().unwrap()];
            log.keys.part(&track, &segment.run.session, part.start_ticks)
        }
        other => panic!("{other} is no placeholder"),
    };
    format!("{before}{filled}{after}")
}

impl Query {
    /// Its method.
    pub fn method(&self) -> Method {
        match self.method.as_str() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "OPTIONS" => Method::Options,
            _ => Method::Other,
        }
    }
}

/// The files of a case, as they should be.
pub fn files(outcome: &Outcome) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut journal = String::from("What ingest decided and told, in milliseconds since the beginning.\n\n");
    for (at_ms, what) in &outcome.world.journal {
        let _ = writeln!(journal, "{at_ms:>7}  {what}");
    }
    files.push(("ingest.txt".to_owned(), journal));
    for (index, exchange) in outcome.exchanges.iter().enumerate() {
        let Exchange { at_ms, name, line, answer } = exchange;
        let extension = match answer {
            _ if answer.playlist().is_some() => "m3u8",
            _ if answer.manifest().is_some() => "mpd",
            _ => "txt",
        };
        let text = format!("{line}\nasked at {at_ms} ms, {answer}");
        files.push((format!("{index:02}-{name}.{extension}"), text));
    }
    files
}

/// Compares the files of a case with those that should be there, or, when asked to, writes them.
///
/// # Errors
///
/// Says which file differs, and where.
///
/// # Panics
///
/// The folder cannot be read or written.
pub fn compare(folder: &Path, files: &[(String, String)], update: bool) -> Result<(), String> {
    let mut problems = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name != "case.json" && !files.iter().any(|(expected, _)| *expected == name) {
            if update {
                fs::remove_file(folder.join(&name)).unwrap();
            } else {
                let _ = writeln!(problems, "{name}: no request gives this file");
            }
        }
    }
    for (name, text) in files {
        let path = folder.join(name);
        if update {
            if fs::read_to_string(&path).ok().as_deref() != Some(text) {
                fs::write(&path, text).unwrap();
            }
            continue;
        }
        match fs::read_to_string(&path) {
            Err(error) => {
                let _ = writeln!(problems, "{name}: {error}");
            }
            Ok(expected) if expected != *text => {
                let same = expected.lines().zip(text.lines()).take_while(|(a, b)| a == b).count();
                let (a, b) = (expected.lines().nth(same), text.lines().nth(same));
                let _ = writeln!(
                    problems,
                    "{name}, line {}:\n  expected {:?}\n  got      {:?}",
                    same + 1,
                    a.unwrap_or("the end"),
                    b.unwrap_or("the end")
                );
            }
            Ok(_) => {}
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
