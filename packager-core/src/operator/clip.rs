//! Making clips, and what cannot be done with them.

use serde_json::{Map, Value};

use super::RANDOM_BYTES;
use super::command::{Changed, bare, merged, named, object, unknown};
use super::problem::Problem;
use crate::log::{BroadcastName, BroadcastRecord, Clip};
use crate::time::{Date, WallMs, parse_date};

/// What may be said of a clip's range.
pub const CLIP_FIELDS: [&str; 3] = ["of", "from", "until"];

/// What may be said of a clip beside that.
const OWN: &str = "title";

/// A clip that is to be made.
#[derive(Debug)]
pub struct Wanted {
    /// What it is to be called in URLs.
    pub name: BroadcastName,
    /// Of which broadcast.
    pub of: BroadcastName,
    from: Moment,
    until: Moment,
    said: Map<String, Value>,
}

#[derive(Debug)]
enum Moment {
    At(WallMs),
    /// So many seconds after the recording begins.
    Recorded(u32),
}

impl Moment {
    fn read(clip: &mut Map<String, Value>, field: &str) -> Result<Self, Problem> {
        let moment = match clip.remove(field) {
            Some(Value::String(text)) => parse_date(&text).map(Self::At),
            Some(number) => number.as_u64().and_then(|s| u32::try_from(s).ok()).map(Self::Recorded),
            None => None,
        };
        moment.ok_or_else(|| {
            let must = "it must be a time, such as \"2026-11-22T20:00:00Z\", or a number of seconds since the recording began";
            Problem::new(422, format!("clip.{field}: {must}"))
        })
    }

    fn date(&self, begins: WallMs) -> Date {
        Date(match self {
            Self::At(wall) => *wall,
            Self::Recorded(s) => begins.plus_ms(i64::from(*s).saturating_mul(1000)),
        })
    }
}

/// Reads the clip that a broadcast is to be created as; `None`: it is to be no clip.
///
/// # Errors
///
/// The body is none, or a value cannot be used.
pub fn wanted(body: &[u8]) -> Result<Option<Wanted>, Problem> {
    let mut said = object(body)?;
    let Some(clip) = said.remove("clip").filter(|clip| !clip.is_null()) else { return Ok(None) };
    let name = named(&mut said)?;
    if let Some(other) = said.keys().find(|field| *field != OWN) {
        return Err(unknown(other, "of a clip name, clip and title"));
    }
    let Value::Object(mut clip) = clip else {
        return Err(Problem::new(422, "clip: it must be an object with of, from and until"));
    };
    let of = clip.remove("of");
    let of = of.as_ref().and_then(Value::as_str).unwrap_or_default();
    let of = BroadcastName::parse(of).map_err(|why| Problem::new(422, format!("clip.of: {why}")))?;
    let (from, until) = (Moment::read(&mut clip, "from")?, Moment::read(&mut clip, "until")?);
    if let Some(other) = clip.keys().next() {
        return Err(unknown(&format!("clip.{other}"), &CLIP_FIELDS.join(", ")));
    }
    Ok(Some(Wanted { name, of, from, until, said }))
}

impl Wanted {
    /// The clip's document. `original`: that of what it is to be of, if it is there; `begins`: when its recording begins,
    /// if it has. Whether anything is kept of the range is for the host to see.
    ///
    /// # Errors
    ///
    /// There is no original, it is a clip itself or has not begun, or the range is not one.
    pub fn create(
        &self,
        original: Option<&BroadcastRecord>,
        begins: Option<WallMs>,
        now: WallMs,
        random: &[u8; RANDOM_BYTES],
    ) -> Result<Changed, Problem> {
        let of = &self.of;
        let Some(original) = original.filter(|record| !record.event.deleted) else {
            let why = format!("clip.of: there is no broadcast called {of}; GET /api/broadcasts lists them");
            return Err(Problem::new(404, why));
        };
        if let Some(Clip { of: first, .. }) = &original.event.clip {
            let why = format!("clip.of: {of} is a clip of {first} itself; make this one of {first} too");
            return Err(Problem::new(409, why));
        }
        let Some(begins) = begins else { return Err(self.too_early()) };
        let (from, until) = (self.from.date(begins), self.until.date(begins));
        let clip = Clip { of: of.clone(), generation: original.generation.clone(), from, until };
        clip.check().map_err(|why| Problem::new(422, format!("clip: {why}")))?;
        if from.0 > now {
            return Err(Problem::new(422, format!("clip.from: {from} lies in the future")));
        }
        let mut record = merged(&bare(now, random), &self.said)?;
        record.event.clip = Some(clip);
        Ok(Changed { record, key: None })
    }

    /// Nothing of the original can be watched yet.
    pub fn too_early(&self) -> Problem {
        let of = &self.of;
        Problem::new(409, format!("nothing of {of} can be watched yet; make the clip when it has begun"))
    }

    /// Nothing of the original is in the range.
    pub fn nothing_there(&self) -> Problem {
        let of = &self.of;
        let why =
            format!("clip: nothing of {of} is kept from that time; see from when to when it was broadcast");
        Problem::new(422, why)
    }
}

/// Clips lead to what is to be deleted.
pub fn is_shown_by(clips: &[BroadcastName]) -> Problem {
    let clips: Vec<_> = clips.iter().map(BroadcastName::as_str).collect();
    let clips = clips.join(", ");
    Problem::new(
        409,
        format!(
            "clips show media of this broadcast: {clips}; delete them before, or delete it with force=true (`--force`), and nothing of them can be watched any more"
        ),
    )
}

/// Refuses what can be done with broadcasts that are no clips.
pub(super) fn refuse(there: &BroadcastRecord, why: &str) -> Result<(), Problem> {
    match &there.event.clip {
        Some(Clip { of, .. }) => Err(Problem::new(409, format!("this is a clip of {of}, {why}"))),
        None => Ok(()),
    }
}

/// Refuses to change anything of a clip but its title.
pub(super) fn refuse_fields(there: &BroadcastRecord, said: &Map<String, Value>) -> Result<(), Problem> {
    if said.keys().all(|field| field == OWN) {
        return Ok(());
    }
    refuse(there, "which says how it is cut and shown; a clip has nothing but a title of its own")
}
