//! `trex`: what a track's samples are when its fragments do not say (ISO/IEC 14496-12 §8.8.3).

use super::{BoxRef, Malformed, Writer};

/// A track's defaults for samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SampleDefaults {
    /// The track these are for.
    pub track_id: u32,
    /// `default_sample_duration`, in ticks of the track.
    pub duration_ticks: u32,
    /// `default_sample_size`.
    pub bytes: u32,
    /// `default_sample_flags` (§8.8.3.1).
    pub flags: u32,
}

/// The defaults for `track_id` in an `mvex`; `None` when it has no `trex` for that track.
///
/// # Errors
///
/// A box in the `mvex` is cut short.
pub fn find(mvex: &BoxRef<'_>, track_id: u32) -> Result<Option<SampleDefaults>, Malformed> {
    for child in mvex.children() {
        let child = child?;
        if child.kind.0 == *b"trex" {
            let defaults = parse(&child)?;
            if defaults.track_id == track_id {
                return Ok(Some(defaults));
            }
        }
    }
    Ok(None)
}

fn parse(found: &BoxRef<'_>) -> Result<SampleDefaults, Malformed> {
    let mut fields = found.fields();
    fields.version_and_flags()?;
    let track_id = fields.u32()?;
    fields.skip(4)?; // default_sample_description_index
    Ok(SampleDefaults { track_id, duration_ticks: fields.u32()?, bytes: fields.u32()?, flags: fields.u32()? })
}

/// Writes an `mvex` with these defaults.
pub fn write_mvex(writer: &mut Writer, defaults: &SampleDefaults) {
    writer.boxed(b"mvex", |w| {
        w.full_boxed(b"trex", 0, 0, |w| {
            w.u32(defaults.track_id);
            w.u32(1);
            w.u32(defaults.duration_ticks);
            w.u32(defaults.bytes);
            w.u32(defaults.flags);
        });
    });
}
