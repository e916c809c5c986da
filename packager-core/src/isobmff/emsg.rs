//! `emsg`: a DASH event in the media (ISO/IEC 23009-1 §5.10.3.3).

use super::{BoxRef, Malformed};

/// Which events a box is of; what it says of them is for players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventMessage<'a> {
    /// `scheme_id_uri`.
    pub scheme: &'a str,
    /// `value`: which of the scheme's event streams.
    pub value: &'a str,
}

/// Reads the box.
///
/// # Errors
///
/// It is cut short, or of a version that is not known, or its strings are no text.
pub fn parse<'a>(found: &BoxRef<'a>) -> Result<EventMessage<'a>, Malformed> {
    let mut fields = found.fields();
    match fields.version_and_flags()?.0 {
        0 => {}
        // Timescale, presentation time, duration and id stand before the strings.
        1 => fields.skip(20)?,
        _ => return Err(found.malformed("is of a version that is not known")),
    }
    let mut string = || {
        let rest = fields.rest();
        let end = rest.iter().position(|byte| *byte == 0);
        let text = fields.take(end.ok_or_else(|| found.malformed("has a string without an end"))?)?;
        fields.skip(1)?;
        std::str::from_utf8(text).map_err(|_| found.malformed("has a string that is no text"))
    };
    Ok(EventMessage { scheme: string()?, value: string()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::{Writer, boxes};

    fn read(bytes: &[u8]) -> Result<EventMessage<'_>, Malformed> {
        parse(&boxes(bytes).next().unwrap().unwrap())
    }

    fn written(version: u8, fields: &[u8]) -> Vec<u8> {
        let mut writer = Writer::with_capacity(64);
        writer.full_boxed(b"emsg", version, 0, |w| w.put(fields));
        writer.finish()
    }

    #[test]
    fn both_versions_say_their_scheme() {
        let scte35 = EventMessage { scheme: "urn:scte:scte35:2013:bin", value: "1001" };
        let strings = b"urn:scte:scte35:2013:bin\x001001\0";
        assert_eq!(read(&written(0, &[strings.as_slice(), &[0; 16], b"data"].concat())), Ok(scte35));
        assert_eq!(read(&written(1, &[&[0; 20], strings.as_slice(), b"data"].concat())), Ok(scte35));
        let id3 = EventMessage { scheme: "https://aomedia.org/emsg/ID3", value: "" };
        assert_eq!(
            read(&written(1, &[&[0; 20], b"https://aomedia.org/emsg/ID3\0\0".as_slice()].concat())),
            Ok(id3)
        );
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for (version, fields) in
            [(0, b"urn:x\x001".as_slice()), (0, b"\xff\0\0"), (1, b"urn:x\0\0"), (2, b"urn:x\0\0")]
        {
            assert!(read(&written(version, fields)).is_err(), "{version} {fields:?}");
        }
    }
}
