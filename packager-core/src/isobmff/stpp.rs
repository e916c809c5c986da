//! `stpp`: TTML, above all IMSC 1 (ISO/IEC 14496-12 §12.6.3, 14496-30 §5; W3C TTML profile registry).

use super::stsd::{Media, SampleEntry, write_base};
use super::{BoxRef, Fields, Malformed, Writer, boxes};

const TTML_NAMESPACE: &str = "http://www.w3.org/ns/ttml";
const IMSC1_IMAGE: &str = "http://www.w3.org/ns/ttml/profile/imsc1/image";

/// Reads the sample entry. The codec of TTML names a profile of the registry: the one that the
/// `mime` box names, else what the schemas or pictures beside the text imply, else IMSC 1 Text,
/// which is what HLS and CMAF players take.
///
/// # Errors
///
/// The entry is cut short, or has no namespace.
pub fn parse(entry: &BoxRef<'_>) -> Result<SampleEntry, Malformed> {
    let mut fields = entry.fields();
    fields.skip(8)?;
    let namespaces = string(&mut fields)?;
    if namespaces.is_empty() {
        return Err(entry.malformed("has no namespace, so nothing says what its XML is"));
    }
    let schemas = string(&mut fields)?;
    let mime_types = string(&mut fields)?;
    let codec = match profile_in_mime(fields) {
        Some(profile) => format!("stpp.ttml.{profile}"),
        None if !has_prefix(namespaces, TTML_NAMESPACE) => "stpp".to_owned(),
        None => {
            let says = |what: &str| namespaces.contains(what) || schemas.contains(what);
            let version = if says("imsc1.1") { "im2" } else { "im1" };
            let is_image = says("/image") || has_prefix(mime_types, "image/");
            format!("stpp.ttml.{version}{}", if is_image { 'i' } else { 't' })
        }
    };
    Ok(SampleEntry::clear(codec, Media::Text))
}

/// Whether one of the words begins so.
fn has_prefix(words: &str, prefix: &str) -> bool {
    words.split_ascii_whitespace().any(|word| word.starts_with(prefix))
}

/// A string that a zero byte ends; empty when it is not UTF-8, or left out at the entry's end, as
/// shaka-packager does.
pub(super) fn string<'a>(fields: &mut Fields<'a>) -> Result<&'a str, Malformed> {
    if fields.rest().is_empty() {
        return Ok("");
    }
    let bytes = fields.rest().iter().take_while(|byte| **byte != 0).count();
    let text = fields.take(bytes)?;
    fields.skip(1)?;
    Ok(std::str::from_utf8(text).unwrap_or(""))
}

/// The profile in `application/ttml+xml;codecs=im1t` (MIMEBox, §12.6.3.3); only one of four
/// characters, for it ends up in playlists.
fn profile_in_mime(behind: Fields<'_>) -> Option<&str> {
    let mime = boxes::find(behind.children(), b"mime").ok()??;
    let mut fields = mime.fields();
    fields.version_and_flags().ok()?;
    let text = string(&mut fields).ok()?;
    let (_, codecs) = text.split_once("codecs=")?;
    let profile =
        codecs.trim_start_matches('"').split(|found: char| !found.is_ascii_alphanumeric()).next()?;
    (profile.len() == 4).then_some(profile)
}

/// Writes an entry of IMSC 1: Text, or Image.
pub fn write(writer: &mut Writer, is_image: bool) {
    writer.boxed(b"stpp", |w| {
        write_base(w);
        let (schema, mime_types) = if is_image { (IMSC1_IMAGE, "image/png") } else { ("", "") };
        for text in [TTML_NAMESPACE, schema, mime_types] {
            w.put(text.as_bytes());
            w.u8(0);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::testing::entry;

    fn with(strings: [&str; 3], mime: Option<&str>) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.boxed(b"stpp", |w| {
            write_base(w);
            for text in strings {
                w.put(text.as_bytes());
                w.u8(0);
            }
            if let Some(mime) = mime {
                w.full_boxed(b"mime", 0, 0, |w| {
                    w.put(mime.as_bytes());
                    w.u8(0);
                });
            }
        });
        writer.finish()
    }

    fn check(strings: [&str; 3], mime: Option<&str>, codec: &str) {
        let found = parse(&entry(&with(strings, mime))).unwrap();
        assert_eq!(found, SampleEntry::clear(codec.into(), Media::Text));
    }

    #[test]
    fn the_profile_is_what_the_header_says_or_implies() {
        check([TTML_NAMESPACE, "", ""], None, "stpp.ttml.im1t");
        check([TTML_NAMESPACE, "http://www.w3.org/ns/ttml/profile/imsc1/text", ""], None, "stpp.ttml.im1t");
        check([TTML_NAMESPACE, IMSC1_IMAGE, "image/png"], None, "stpp.ttml.im1i");
        check([TTML_NAMESPACE, "", "text/plain image/png"], None, "stpp.ttml.im1i");
        check([TTML_NAMESPACE, "http://www.w3.org/ns/ttml/profile/imsc1.1/text", ""], None, "stpp.ttml.im2t");
        check([TTML_NAMESPACE, "", ""], Some("application/ttml+xml;codecs=etd1"), "stpp.ttml.etd1");
        check([TTML_NAMESPACE, "", ""], Some("application/ttml+xml; codecs=\"im2i\""), "stpp.ttml.im2i");
        check([TTML_NAMESPACE, "", ""], Some("application/ttml+xml;codecs=a\",b"), "stpp.ttml.im1t");
        check(["urn:other", "", ""], None, "stpp");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (is_image, codec) in [(false, "stpp.ttml.im1t"), (true, "stpp.ttml.im1i")] {
            let mut writer = Writer::default();
            write(&mut writer, is_image);
            assert_eq!(parse(&entry(&writer.finish())).unwrap().codec, codec);
        }
    }

    #[test]
    fn an_entry_cut_within_a_string_is_refused() {
        let whole = with([TTML_NAMESPACE, "", "image/png"], None);
        for kept in 8..whole.len() {
            let mut bytes = whole[..kept].to_vec();
            bytes[..4].copy_from_slice(&u32::try_from(kept).unwrap().to_be_bytes());
            // Behind a whole string the others may be left out.
            let is_whole = bytes.ends_with(&[0]) && kept > 16;
            assert_eq!(parse(&entry(&bytes)).is_ok(), is_whole, "{kept}");
        }
    }
}
