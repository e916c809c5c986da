//! The MPEG schema as a judge: what xmllint (Debian's libxml2-utils) says of a document by it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Most documents that are named in one call.
const MOST_NAMED: usize = 1000;

/// Validates an MPD.
pub fn validate(text: &str) -> Result<(), String> {
    validate_all(&[text])
}

/// Validates an MPD patch.
pub fn validate_patch(text: &str) -> Result<(), String> {
    by("DASH-MPD-PATCH.xsd", &[text])
}

/// Validates many MPDs at once. The error says of each that is not valid, by its place among them, why not.
pub fn validate_all(texts: &[&str]) -> Result<(), String> {
    by("DASH-MPD.xsd", texts)
}

/// Validates many MPD patches at once, likewise.
pub fn validate_all_patches(texts: &[&str]) -> Result<(), String> {
    by("DASH-MPD-PATCH.xsd", texts)
}

fn by(schema: &str, texts: &[&str]) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|why| format!("no folder to validate in: {why}"))?;
    let mut complaints = String::new();
    for (chunk, texts) in texts.chunks(MOST_NAMED).enumerate() {
        complaints.push_str(&call(folder.path(), schema, chunk * MOST_NAMED, texts)?);
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints) }
}

/// What one call of xmllint complains of.
fn call(folder: &Path, schema: &str, first: usize, texts: &[&str]) -> Result<String, String> {
    let schemas = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema");
    let mut names = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let name = format!("{}.xml", first + at);
        std::fs::write(folder.join(&name), text).map_err(|why| format!("{name} cannot be written: {why}"))?;
        names.push(name);
    }
    let output = Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema"])
        .arg(schemas.join(schema))
        .args(&names)
        .env("XML_CATALOG_FILES", schemas.join("catalog.xml"))
        .current_dir(folder)
        .output()
        .map_err(|why| format!("xmllint cannot be started ({why}); install libxml2-utils"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let mut complaints: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let mut valid = 0;
    for line in said.lines() {
        if line.ends_with(".xml validates") {
            valid += 1;
        } else if let Some((name, rest)) = line.split_once(".xml:")
            && let Ok(at) = name.parse()
        {
            complaints.entry(at).or_default().push(rest);
        }
    }
    match (output.status.success() && valid == texts.len(), complaints.is_empty()) {
        (true, true) => Ok(String::new()),
        (false, false) => {
            let mut report = String::new();
            for (at, lines) in complaints {
                let _ = writeln!(report, "document {at}: {}", lines.join("\n    "));
            }
            Ok(report)
        }
        // The schema could not be read, or the like: that must never look like an answer.
        _ => Err(format!("xmllint: {}: {said}", output.status)),
    }
}
