//! `rimcast inspect`: what is in a media file, a stored track, or a stored record.

mod media;
mod stored;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ingest_lambda::store::read_file;
use serde_json::{Value, json};

/// Arguments of `rimcast inspect`.
#[derive(clap::Args)]
pub(crate) struct InspectArgs {
    /// Media files (headers first), folders of stored tracks, or stored JSON
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Print JSON, one value a path and line
    #[arg(long)]
    json: bool,
}

/// Why something cannot be shown.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", .path.display())]
pub(crate) struct InspectError {
    path: PathBuf,
    why: String,
}

/// What is shown of a path: for people, and for programs.
struct Shown {
    text: String,
    json: Value,
}

/// Prints what is in each path.
pub(crate) fn run(args: &InspectArgs) -> Result<(), InspectError> {
    let mut header = media::LastHeader::default();
    for path in &args.paths {
        let shown = show(path, &mut header).map_err(|why| InspectError { path: path.clone(), why })?;
        let mut out = io::stdout().lock();
        let printed = if args.json {
            writeln!(out, "{}", json!({ "path": path.display().to_string(), "is": shown.json }))
        } else {
            writeln!(out, "{}\n{}", path.display(), shown.text)
        };
        match printed {
            // `rimcast inspect … | head`
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(why) => return Err(InspectError { path: path.clone(), why: why.to_string() }),
            Ok(()) => {}
        }
    }
    Ok(())
}

fn show(path: &Path, header: &mut media::LastHeader) -> Result<Shown, String> {
    if path.is_dir() {
        return stored::track(path);
    }
    let object = read_file(path).map_err(|why| why.to_string())?;
    if path.extension().is_some_and(|extension| extension == "json") {
        return stored::json(path, &object.body);
    }
    header.look_beside(path);
    let mut shown = media::file(&object.body, header)?;
    if !object.meta.is_empty() {
        let (text, json) = stored::entry(&object.meta);
        let _ = writeln!(shown.text, "  stored as {text}");
        shown.json["stored"] = json;
    }
    Ok(shown)
}
