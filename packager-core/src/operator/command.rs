//! What the operator may do with a broadcast's document: each a function of the document that is there, of what is
//! asked, of the time, and of random bytes where something is made up.

use serde_json::{Map, Value};

use super::RANDOM_BYTES;
use super::clip;
use super::problem::Problem;
use crate::ingest::{KeyHash, RECORD_TRUST_MS, hex};
use crate::limits;
use crate::log::{BroadcastName, BroadcastRecord, Cut, Ended, Generation, Phase, PushKey, Title, record};
use crate::time::{Date, WallMs};

/// What may be said of a broadcast when it is created, and later.
pub const FIELDS: [&str; 13] = [
    "title",
    "start",
    "end",
    "segment_ms",
    "part_ms",
    "window_s",
    "recording",
    "retention_days",
    "early_s",
    "late_s",
    "slate",
    "captions",
    "tracks",
];

/// What may be said of a track.
pub const TRACK_FIELDS: [&str; 6] = ["name", "language", "order", "hidden", "default", "role"];

/// How long the key before goes on to work when a new one is made, where nothing is said of it: a day, in seconds.
pub const GRACE_S: i64 = 86_400;

/// Longest such time, in seconds.
const LONGEST_GRACE_S: i64 = 30 * 86_400;

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The document, to be written in place of the one before.
    pub record: BroadcastRecord,
    /// The key that was made: to be told once.
    pub key: Option<NewKey>,
}

/// A push key, as its owner is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What it is called when it is spoken of.
    pub id: String,
    /// The key.
    pub secret: String,
}

/// Creates a broadcast: `name`, and any of [`FIELDS`].
///
/// # Errors
///
/// There is no name, or a value cannot be used.
pub fn create(
    body: &[u8],
    now: WallMs,
    random: &[u8; RANDOM_BYTES],
) -> Result<(BroadcastName, Changed), Problem> {
    let mut said = object(body)?;
    let name = named(&mut said)?;
    let mut record = merged(&bare(now, random), &said)?;
    let key = new_key(&mut record, now, random);
    Ok((name, Changed { record, key: Some(key) }))
}

/// The name that a broadcast is to have.
pub(super) fn named(said: &mut Map<String, Value>) -> Result<BroadcastName, Problem> {
    let Some(Value::String(name)) = said.remove("name") else {
        return Err(Problem::new(
            422,
            "name: a broadcast needs one, as it stands in its URLs: \"cup-final\"",
        ));
    };
    BroadcastName::parse(&name).map_err(|why| Problem::new(422, format!("name: {why}")))
}

/// A new broadcast of which nothing is said.
pub(super) fn bare(now: WallMs, random: &[u8; RANDOM_BYTES]) -> BroadcastRecord {
    let seed = random.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    BroadcastRecord::new(Generation::mint(now, seed))
}

/// Changes what is said of a broadcast: any of [`FIELDS`], `null` to take one back (RFC 7396). `has_begun`: there was
/// media, so how it is cut is fixed.
///
/// # Errors
///
/// A value cannot be used, or would have no effect any more.
pub fn update(there: &BroadcastRecord, body: &[u8], has_begun: bool) -> Result<Changed, Problem> {
    let said = object(body)?;
    clip::refuse_fields(there, &said)?;
    let record = merged(there, &said)?;
    let Cut { segment_ms, part_ms, window } = record.event.cut;
    let fixed = [
        ("segment_ms", segment_ms == there.event.cut.segment_ms),
        ("part_ms", part_ms == there.event.cut.part_ms),
        ("window_s", window == there.event.cut.window),
    ];
    if let Some((name, _)) = fixed.iter().find(|(_, is_same)| has_begun && !is_same) {
        return Err(Problem::new(
            409,
            format!(
                "{name} was fixed when the first media came in, so that all viewers are told the same, and to change it \
                 now would do nothing; create another broadcast with it"
            ),
        ));
    }
    Ok(Changed { record, key: None })
}

/// Ends a broadcast: perhaps with a `reason`. One that has ended stays as it is.
///
/// # Errors
///
/// The reason cannot be used, or it is a clip.
pub fn end(there: &BroadcastRecord, body: &[u8], now: WallMs) -> Result<Changed, Problem> {
    let mut said = object(body)?;
    let reason = match said.remove("reason") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(
            Title::parse(&text).map_err(|must| Problem::new(422, format!("reason: it must be {must}")))?,
        ),
        Some(_) => return Err(Problem::new(422, "reason: it must be a text")),
    };
    nothing_else(&said, "reason")?;
    clip::refuse(there, "and ends where its range does")?;
    let mut record = there.clone();
    record.event.ended.get_or_insert(Ended { at: Date(now), reason });
    Ok(Changed { record, key: None })
}

/// Makes a new push key. The one before opens the broadcast for `grace_s` more seconds, any other not at all.
///
/// # Errors
///
/// The broadcast has ended or is a clip, or `grace_s` cannot be used.
pub fn rotate_key(
    there: &BroadcastRecord,
    body: &[u8],
    now: WallMs,
    random: &[u8; RANDOM_BYTES],
) -> Result<Changed, Problem> {
    let mut said = object(body)?;
    let grace_s = match said.remove("grace_s") {
        None | Some(Value::Null) => GRACE_S,
        Some(value) => value.as_i64().filter(|s| (0..=LONGEST_GRACE_S).contains(s)).ok_or_else(|| {
            let must = format!("grace_s: it must be a number of seconds between 0 and {LONGEST_GRACE_S}");
            Problem::new(422, must)
        })?,
    };
    nothing_else(&said, "grace_s")?;
    clip::refuse(there, "which takes no pushes, so that it has no keys")?;
    if there.event.phase(now) == Phase::Ended {
        return Err(Problem::new(409, "the broadcast has ended, and no key opens it again"));
    }
    let mut record = there.clone();
    let until = Date(now.plus_ms(grace_s.saturating_mul(1000)));
    let before = record.event.keys.pop().filter(|key| key.until.is_none_or(|until| now < until.0));
    record.event.keys.clear();
    if let Some(before) = before.filter(|_| grace_s > 0) {
        let until = before.until.map_or(until, |earlier| earlier.min(until));
        record.event.keys.push(PushKey { until: Some(until), ..before });
    }
    let key = new_key(&mut record, now, random);
    Ok(Changed { record, key: Some(key) })
}

/// What stands in a broadcast's place while it is deleted. Of one that had expired it says so, for who goes on with it.
pub fn delete(there: &BroadcastRecord, now: WallMs) -> BroadcastRecord {
    let mut record = BroadcastRecord::new(there.generation.clone());
    if there.event.has_expired(now) {
        record.event.retention_days = there.event.retention_days;
        if there.event.ended.is_none() {
            (record.event.end, record.event.late_s) = (there.event.end, there.event.late_s);
        }
    }
    record.event.deleted = true;
    // Nobody has ever pushed to a clip.
    let ended = Some(Ended { at: Date(now), reason: None }).filter(|_| there.event.clip.is_none());
    record.event.ended = there.event.ended.clone().or(ended);
    record
}

/// Whether somebody may still be pushing to a broadcast that is being deleted, since they have not read yet that it is:
/// what they write would be left behind.
pub fn may_be_written_to(deleted: &BroadcastRecord, now: WallMs) -> bool {
    deleted.event.ended.as_ref().is_some_and(|ended| (0..RECORD_TRUST_MS).contains(&now.since_ms(ended.at.0)))
}

fn new_key(record: &mut BroadcastRecord, now: WallMs, random: &[u8; RANDOM_BYTES]) -> NewKey {
    let [_, _, _, _, _, _, _, _, id @ .., _, _, _, _] = random;
    let (secret, id) = id.split_at(16);
    let key = NewKey { id: hex(id), secret: hex(secret) };
    record.event.keys.push(PushKey {
        id: key.id.clone(),
        sha256: KeyHash::of(key.secret.as_bytes()).hex(),
        created: Date(now),
        until: None,
    });
    key
}

/// A body, which is an object or nothing at all.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match record::from_json(body) {
        Ok(Value::Object(said)) => Ok(said),
        Ok(_) => Err(Problem::new(400, "the body is no JSON object")),
        Err(why) => Err(Problem::new(400, format!("the body is no JSON: {why}"))),
    }
}

fn nothing_else(said: &Map<String, Value>, there_is: &str) -> Result<(), Problem> {
    said.keys().next().map_or(Ok(()), |other| Err(unknown(other, there_is)))
}

pub(super) fn unknown(field: &str, there_is: &str) -> Problem {
    let shown: String = field.chars().take(80).collect();
    Problem::new(422, format!("{shown}: there is nothing of that name to be said; there is {there_is}"))
}

/// The document with these fields in place of its own.
pub(super) fn merged(there: &BroadcastRecord, said: &Map<String, Value>) -> Result<BroadcastRecord, Problem> {
    let stored = |record: &BroadcastRecord| -> Map<String, Value> {
        record::from_json(record::to_json(record).as_bytes()).unwrap_or_default()
    };
    let bare = stored(&BroadcastRecord::new(there.generation.clone()));
    let mut merged = stored(there);
    for (field, value) in said {
        if !FIELDS.contains(&field.as_str()) {
            return Err(unknown(field, &FIELDS.join(", ")));
        }
        if value.is_null() {
            merged.remove(field);
            continue;
        }
        // Alone first, so that what is wrong is told of the right one.
        let mut alone = bare.clone();
        alone.insert(field.clone(), value.clone());
        read(&alone).map_err(|why| Problem::new(422, format!("{field}: {why}")))?;
        if field == "tracks" {
            known_of_tracks(value)?;
        }
        merged.insert(field.clone(), value.clone());
    }
    let record = read(&merged).map_err(|why| Problem::new(422, why))?;
    if record.settings.tracks.len() > limits::TRACKS_PER_BROADCAST {
        return Err(Problem::new(422, "tracks: there are more than a broadcast may have"));
    }
    Ok(record)
}

fn read(stored: &Map<String, Value>) -> Result<BroadcastRecord, String> {
    let read = record::from_json(record::to_json(stored).as_bytes());
    // Where it stands in the document is nothing to who did not write it.
    read.map_err(|why: String| why.rsplit_once(" at line ").map_or(why.clone(), |(why, _)| why.to_owned()))
}

fn known_of_tracks(tracks: &Value) -> Result<(), Problem> {
    let tracks = tracks.as_object().into_iter().flatten();
    let fields = tracks.flat_map(|(track, said)| {
        said.as_object().into_iter().flat_map(Map::keys).map(move |field| (track, field))
    });
    for (track, field) in fields {
        if !TRACK_FIELDS.contains(&field.as_str()) {
            return Err(unknown(&format!("tracks.{track}.{field}"), &TRACK_FIELDS.join(", ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
