//! What is stored: tracks as folders, and records as JSON.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use ingest_lambda::store::{Object, read_file};
use packager_core::log::{
    Begin, BroadcastRecord, Chain, Checkpoint, Entry, Listing, Marker, Page, PeriodRecord, Segment, key,
    record,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::Shown;
use super::media::seconds;

/// A track's folder: its chain, followed from where it begins.
pub(super) fn track(folder: &Path) -> Result<Shown, String> {
    let begin = read(&folder.join("begin.json"))?.ok_or(
        "this folder holds no begin.json, so it is not that of a track; tracks are at BROADCAST/GENERATION/TRACK",
    )?;
    let begin: Begin = record::from_json(&begin.body)?;
    let first = folder.join("../periods/000000.json");
    let first = read(&first)?.ok_or("period record 0 is not stored yet, so there are no segments")?;
    let first: PeriodRecord = record::from_json(&first.body)?;
    let mut chain = Chain::new(begin, first.shape.ok_or("period record 0 has no shape")?);
    let mut end = None;
    while !chain.ended {
        let mut path = String::new();
        key::push_part_path(&mut path, &chain.run.session, chain.next_ticks);
        let Some(object) = read(&folder.join(&path))? else {
            end = Some(format!("next is {path}"));
            break;
        };
        let size = u64::try_from(object.body.len()).unwrap_or(u64::MAX);
        let absorbed = Entry::from_meta(&object.meta)
            .and_then(|entry| chain.absorb(&entry, size).map_err(|why| why.to_string()));
        if let Err(why) = absorbed {
            end = Some(format!("damaged at {path}: {why}"));
            break;
        }
    }
    let mut shown = shown_chain(&chain);
    let _ = writeln!(shown.text, "  {}", end.unwrap_or_else(|| "ended".to_owned()));
    Ok(shown)
}

fn read(path: &Path) -> Result<Option<Object>, String> {
    match read_file(path) {
        Ok(object) => Ok(Some(object)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(format!("{}: {why}", path.display())),
    }
}

/// Stored JSON: what it is, is told by its name, or else by what it reads as.
pub(super) fn json(path: &Path, bytes: &[u8]) -> Result<Shown, String> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    match name {
        "head.json" => return Checkpoint::from_json(bytes).map(|checkpoint| shown_chain(&checkpoint.chain)),
        "begin.json" => return record::from_json(bytes).map(|begin: Begin| shown_record("begin", &begin)),
        "broadcast.json" => {
            return record::from_json(bytes).map(|of: BroadcastRecord| shown_record("broadcast", &of));
        }
        _ => {}
    }
    if let Ok(listing) = Listing::from_json(bytes) {
        let numbers = listing.numbers();
        let text = format!(
            "  listing of {} closed segments, {} to {}\n",
            numbers.end - numbers.start,
            numbers.start,
            numbers.end.saturating_sub(1)
        );
        return Ok(Shown { text, json: to_value(&listing) });
    }
    if let Ok(page) = Page::from_json(bytes) {
        let mut text = String::from("  page of closed segments\n");
        table(page.segments.iter(), &mut text);
        return Ok(Shown { text, json: to_value(&page) });
    }
    record::from_json(bytes).map(|period: PeriodRecord| shown_record("period", &period))
}

fn shown_record<T: Serialize>(what: &str, value: &T) -> Shown {
    let json = to_value(value);
    let mut text = format!("  {what}\n");
    for line in serde_json::to_string_pretty(&json).unwrap_or_default().lines() {
        let _ = writeln!(text, "  {line}");
    }
    Shown { text, json }
}

fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn shown_chain(chain: &Chain) -> Shown {
    let mut text = format!(
        "  {} track, {} s target duration, parts of up to {} s\n",
        chain.begin.kind,
        chain.shape.target_duration_s,
        seconds(chain.begin.part_target_ticks, chain.begin.timescale),
    );
    table(chain.closed.iter().chain(&chain.open), &mut text);
    Shown { text, json: to_value(chain) }
}

fn table<'a>(segments: impl Iterator<Item = &'a Segment>, text: &mut String) {
    let _ = writeln!(
        text,
        "  {:>8} {:>14} {:>9} {:>5} {:>10}  session",
        "number", "start s", "length s", "parts", "bytes"
    );
    for segment in segments {
        let timescale = segment.run.timescale;
        let _ = write!(
            text,
            "  {:>8} {:>14} {:>9} {:>5} {:>10}  {} period {}",
            segment.msn,
            seconds(segment.start_ticks, timescale),
            seconds(segment.duration_ticks, timescale),
            segment.parts.len(),
            segment.bytes(),
            segment.run.session,
            segment.run.period,
        );
        let marks = [
            (segment.discontinuity, "discontinuity"),
            (segment.is_gap(), "gap"),
            (!segment.is_gap() && !segment.is_independent(), "not independent"),
        ];
        for (_, mark) in marks.iter().filter(|(is, _)| *is) {
            let _ = write!(text, ", {mark}");
        }
        text.push('\n');
    }
}

/// The metadata of a part or marker.
pub(super) fn entry(meta: &str) -> (String, Value) {
    let text = match Entry::from_meta(meta) {
        Ok(Entry::Part(part)) => format!(
            "part: {} ticks, independence {:?}, received at {} ms, hash {:016x}",
            part.duration_ticks, part.independence, part.wall.0, part.hash
        ),
        Ok(Entry::Marker(Marker::GapUntil(until))) => format!("marker: gap until {until}"),
        Ok(Entry::Marker(Marker::Continues { session, start_ticks, period, .. })) => {
            format!("marker: continues in session {session} at {start_ticks}, period {period}")
        }
        Ok(Entry::Marker(Marker::Ended)) => "marker: ended".to_owned(),
        Err(why) => format!("something else ({why}): {meta}"),
    };
    (text, serde_json::from_str(meta).unwrap_or_else(|_| json!(meta)))
}
