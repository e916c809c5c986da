//! What was answered, for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::What;
use super::dates::Zone;

/// Prints an answer to a command.
pub(super) fn answer(told: &Value, what: &What, place: &str, zone: &Zone) -> String {
    match what {
        What::List { .. } => list(told, place, zone),
        What::Delete { name: None, dry_run, .. } => expired(told, place, *dry_run, zone),
        What::Delete { name: Some(name), .. } => {
            let objects = told["deleted_objects"].as_u64().unwrap_or(0);
            format!("{name} is deleted, with {objects} stored objects\n")
        }
        What::End { .. } => {
            format!("{}\nEvery track ends where it was; pushes are refused.\n", broadcast(told, zone))
        }
        _ => shown(told, zone),
    }
}

/// Prints a broadcast, and where it is.
pub(super) fn shown(told: &Value, zone: &Zone) -> String {
    broadcast(told, zone) + &how_to(told)
}

fn list(told: &Value, place: &str, zone: &Zone) -> String {
    let broadcasts: Vec<_> = told["broadcasts"].as_array().into_iter().flatten().collect();
    if broadcasts.is_empty() {
        return format!("there are no broadcasts in {place}; `rimcast broadcast create NAME` makes one\n");
    }
    let width = broadcasts.iter().filter_map(|one| one["name"].as_str()).map(str::len).max().unwrap_or(0);
    let mut text = String::new();
    for one in broadcasts {
        let name = one["name"].as_str().unwrap_or_default();
        let start = one["start"].as_str().map(|start| zone.show(start)).unwrap_or_default();
        let start = one["clip"]["of"].as_str().map_or(start, |of| format!("of {of}"));
        let title = one["title"].as_str().unwrap_or_default();
        let line = format!("{name:width$}  {:7}  {start}  {title}", state(one));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn expired(told: &Value, place: &str, dry_run: bool, zone: &Zone) -> String {
    let broadcasts: Vec<_> = told["broadcasts"].as_array().into_iter().flatten().collect();
    if broadcasts.is_empty() {
        return format!("no broadcast in {place} has expired\n");
    }
    let mut text = String::new();
    for one in broadcasts {
        let name = one["name"].as_str().unwrap_or_default();
        let expires = zone.show(one["expires"].as_str().unwrap_or_default());
        let objects = one["deleted_objects"].as_u64().unwrap_or(0);
        let _ = if dry_run {
            writeln!(text, "{name} was to be kept until {expires}")
        } else {
            writeln!(text, "{name}, to be kept until {expires}, is deleted, with {objects} stored objects")
        };
    }
    if dry_run {
        text.push_str("Nothing was changed. The same with --yes deletes them.\n");
    }
    text
}

fn state(told: &Value) -> &str {
    told["state"].as_str().unwrap_or_default()
}

/// A line for each thing that is said.
fn broadcast(told: &Value, zone: &Zone) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:12} {value}");
    };
    line("name", told["name"].as_str().unwrap_or_default());
    for (field, name) in [("title", "title"), ("generation", "generation")] {
        told[field].as_str().into_iter().for_each(|value| line(name, value));
    }
    let means = match state(told) {
        "early" => "early: pushes are not taken yet",
        "open" => "open: pushes are taken",
        "over" => "over: pushes are not taken any more",
        "ended" => "ended",
        "clip" => "clip: it is a range of another, and pushes are never taken",
        other => other,
    };
    line("state", means);
    for field in ["start", "end"] {
        told[field].as_str().into_iter().for_each(|date| line(field, &zone.show(date)));
    }
    if let Some(of) = told["clip"]["of"].as_str() {
        line("of", of);
        for (field, name) in [("from", "from"), ("until", "to")] {
            line(name, &zone.show(told["clip"][field].as_str().unwrap_or_default()));
        }
        return text;
    }
    let margin = |field: &str| format!("{} s", told[field].as_u64().unwrap_or(0));
    line(
        "pushed to",
        &format!("from {} before start until {} after end", margin("early_s"), margin("late_s")),
    );
    for (field, name, unit) in [
        ("segment_ms", "segments", " ms"),
        ("part_ms", "parts", " ms"),
        ("window_s", "window", " s"),
        ("retention_days", "kept for", " days"),
    ] {
        match &told[field] {
            Value::Null => {}
            Value::String(all) => line(name, all),
            number => line(name, &format!("{number}{unit}")),
        }
    }
    line("recording", if told["recording"] == Value::Bool(false) { "no" } else { "yes" });
    for key in told["keys"].as_array().into_iter().flatten() {
        let created = zone.show(key["created"].as_str().unwrap_or_default());
        let until = key["until"].as_str().map(|until| format!(", valid until {}", zone.show(until)));
        let id = key["id"].as_str().unwrap_or_default();
        line("push key", &format!("{id}, made {created}{}", until.unwrap_or_default()));
    }
    if let Some(at) = told["ended"]["at"].as_str() {
        let because = told["ended"]["reason"].as_str().map(|reason| format!(": {reason}"));
        line("ended", &format!("{}{}", zone.show(at), because.unwrap_or_default()));
    }
    text
}

/// Where it is watched, and with a new key how it is pushed to.
fn how_to(told: &Value) -> String {
    let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut text = String::from("\nWatch:\n");
    for (name, field) in [("page", "page"), ("HLS", "hls"), ("DASH", "dash")] {
        let _ = writeln!(text, "  {name:5} {}", said(&told["watch"][field]));
    }
    if let Some(secret) = told["key"]["secret"].as_str() {
        let push = &told["push"];
        let _ = write!(
            text,
            "\nPush key, which is told only now: {secret}\n\nPush to {url}\n\nWith ffmpeg:\n  {ffmpeg}\n\nWith rimcast push (INPUT: a \
             file, a URL, rtmp://0.0.0.0:1935/live to listen):\n  {rimcast}\n\nWith OBS, run beside it:\n  {run}\n  and set in OBS: \
             {settings}\n",
            url = said(&push["url"]),
            ffmpeg = said(&push["ffmpeg"]),
            rimcast = said(&push["rimcast"]),
            run = said(&push["obs"]["run"]),
            settings = said(&push["obs"]["settings"]),
        );
    }
    text
}
