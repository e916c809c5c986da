//! Media files: the tree of boxes, and what the samples are.

use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use ingest_lambda::store::read_file;
use packager_core::cmaf::{Chunk, Header, Item, Scanner};
use packager_core::isobmff::{
    BoxRef, Malformed, boxes, ftyp, hdlr, mdhd, mfhd, mvhd, prft, stsd, tfdt, tfhd, tkhd, trun,
};
use packager_core::time::Timescale;
use serde_json::{Map, Value, json};

use super::Shown;

/// Boxes that hold nothing but boxes.
const CONTAINERS: [&[u8; 4]; 10] =
    [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf", b"edts", b"dinf"];

/// Boxes nested deeper are not looked into: real ones are within eight levels.
const BOX_DEPTH: usize = 12;

/// The header that chunks are read with: the last one seen.
#[derive(Default)]
pub(super) struct LastHeader(Option<Header>);

impl LastHeader {
    /// A part lies beside the header of its session.
    pub(super) fn look_beside(&mut self, path: &Path) {
        if let Ok(object) = read_file(&path.with_file_name("init.mp4"))
            && let Ok(header) = Header::parse(&object.body)
        {
            self.0 = Some(header);
        }
    }
}

/// A media file.
pub(super) fn file(bytes: &Bytes, header: &mut LastHeader) -> Result<Shown, String> {
    let mut text = String::new();
    let tree = level(bytes, 1, &mut text).map_err(|why| why.to_string())?;
    let mut units = Vec::new();
    let mut scanner = Scanner::new();
    scanner.push(bytes.clone());
    while let Some(item) = scanner.next().map_err(|why| why.to_string())? {
        let (line, json) = match item {
            Item::Header(bytes) => match Header::parse(&bytes) {
                Ok(parsed) => {
                    let shown = header_line(&parsed);
                    header.0 = Some(parsed);
                    shown
                }
                Err(why) => {
                    (format!("header that cannot be used: {why}"), json!({ "error": why.to_string() }))
                }
            },
            Item::Chunk(bytes) => match &header.0 {
                Some(header) => chunk_line(&bytes, header),
                None => {
                    let why = "no header was given before it";
                    (format!("chunk of {} bytes; {why}", bytes.len()), json!({ "error": why }))
                }
            },
        };
        let _ = writeln!(text, "  {line}");
        units.push(json);
    }
    Ok(Shown { text, json: json!({ "boxes": tree, "units": units }) })
}

fn header_line(header: &Header) -> (String, Value) {
    let ticks = header.timescale.ticks_per_second();
    let mut text =
        format!("header: {} track {}, {}, {ticks} ticks/s", header.kind, header.track_id, header.codec);
    if header.width > 0 {
        let _ = write!(text, ", {}x{}", header.width, header.height);
    }
    if header.sample_rate > 0 {
        let _ = write!(text, ", {} Hz, {} channels", header.sample_rate, header.channels);
    }
    if header.presentation_shift_ticks != 0 {
        let _ = write!(text, ", shown {} ticks earlier", header.presentation_shift_ticks);
    }
    let json = json!({
        "kind": header.kind.as_str(), "track_id": header.track_id, "codec": header.codec, "timescale": ticks,
        "width": header.width, "height": header.height, "sample_rate": header.sample_rate,
        "channels": header.channels, "language": header.language,
        "presentation_shift_ticks": header.presentation_shift_ticks,
    });
    (text, json)
}

fn chunk_line(bytes: &Bytes, header: &Header) -> (String, Value) {
    let chunk = match Chunk::parse(bytes, header) {
        Ok(chunk) => chunk,
        Err(why) => {
            return (format!("chunk that cannot be used: {why}"), json!({ "error": why.to_string() }));
        }
    };
    let sync: Vec<usize> =
        chunk.samples().iter().enumerate().filter(|(_, sample)| sample.sync).map(|(n, _)| n).collect();
    let independence = match sync.first() {
        Some(0) => "independent".to_owned(),
        Some(first) => format!("first sync sample is number {}", first + 1),
        None => "no sync sample".to_owned(),
    };
    let text = format!(
        "chunk: at {} ({} s), {} ticks ({} s), {} samples, {independence}, {} bytes of media",
        chunk.start_ticks(),
        seconds(chunk.start_ticks(), header.timescale),
        chunk.duration_ticks(),
        seconds(chunk.duration_ticks(), header.timescale),
        chunk.samples().len(),
        chunk.payload().len(),
    );
    let json = json!({
        "sequence": chunk.sequence(), "start_ticks": chunk.start_ticks(),
        "duration_ticks": chunk.duration_ticks(), "samples": chunk.samples().len(),
        "sync_samples": sync, "media_bytes": chunk.payload().len(),
    });
    (text, json)
}

/// A time in seconds, exact to the millisecond.
pub(super) fn seconds(ticks: u64, timescale: Timescale) -> String {
    let ms = timescale.ms_from_ticks(ticks);
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// One level of the tree.
fn level(bytes: &[u8], depth: usize, text: &mut String) -> Result<Vec<Value>, Malformed> {
    let mut shown = Vec::new();
    for found in boxes(bytes) {
        shown.push(show_box(&found?, depth, text)?);
    }
    Ok(shown)
}

fn show_box(found: &BoxRef<'_>, depth: usize, text: &mut String) -> Result<Value, Malformed> {
    let fields = fields(found)?;
    let _ = write!(text, "{:indent$}{} {} bytes", "", found.kind, found.bytes.len(), indent = depth * 2);
    for (name, value) in &fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(text, ", {name} {value}");
    }
    text.push('\n');
    let mut json = json!({ "type": found.kind.to_string(), "bytes": found.bytes.len(), "fields": fields });
    if CONTAINERS.contains(&&found.kind.0) && depth < BOX_DEPTH {
        let mut children = Vec::new();
        for child in found.children() {
            children.push(show_box(&child?, depth + 1, text)?);
        }
        json["boxes"] = Value::from(children);
    }
    Ok(json)
}

/// The fields worth seeing.
fn fields(found: &BoxRef<'_>) -> Result<Map<String, Value>, Malformed> {
    let value = match &found.kind.0 {
        b"ftyp" | b"styp" => {
            json!({ "brands": ftyp::brands(found)?.map(|brand| brand.to_string()).collect::<Vec<_>>().join(" ") })
        }
        b"mvhd" => json!({ "timescale": mvhd::timescale(found)? }),
        b"tkhd" => {
            let header = tkhd::parse(found)?;
            json!({ "track_id": header.track_id, "width": header.width, "height": header.height })
        }
        b"mdhd" => {
            let header = mdhd::parse(found)?;
            let language = header.language.map(|code| String::from_utf8_lossy(&code).into_owned());
            json!({ "timescale": header.timescale.ticks_per_second(), "language": language })
        }
        b"hdlr" => json!({ "handler": hdlr::handler_type(found)?.to_string() }),
        b"stsd" => {
            let entry = stsd::first_entry(found)?;
            let codec = stsd::parse_entry(&entry)?.map(|entry| entry.codec);
            json!({ "entry": entry.kind.to_string(), "codec": codec })
        }
        b"mfhd" => json!({ "sequence": mfhd::sequence_number(found)? }),
        b"tfhd" => {
            let header = tfhd::parse(found)?;
            json!({ "track_id": header.track_id, "duration": header.duration_ticks, "flags": header.flags })
        }
        b"tfdt" => json!({ "time": tfdt::parse(found)?.ticks }),
        b"trun" => {
            let run = trun::parse(found)?;
            json!({ "samples": run.sample_count, "data_offset": run.data_offset })
        }
        b"prft" => {
            let time = prft::parse(found)?;
            json!({ "wall_ms": time.wall.0, "media_ticks": time.media_ticks })
        }
        _ => json!({}),
    };
    let Value::Object(fields) = value else { return Ok(Map::new()) };
    Ok(fields.into_iter().filter(|(_, value)| !value.is_null()).collect())
}
