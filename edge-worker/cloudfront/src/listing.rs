//! S3's listings (`ListObjectsV2`), which are XML.

use quick_xml::Reader;
use quick_xml::events::Event;
use wasm_bindgen::prelude::wasm_bindgen;

/// A page of a listing.
#[wasm_bindgen]
pub struct Listing {
    names: Vec<String>,
    continues: Option<String>,
}

#[wasm_bindgen]
impl Listing {
    /// Reads the answer to a listing of what is under `prefix`, with `/` for a delimiter.
    pub fn parse(xml: &str, prefix: &str) -> Option<Listing> {
        let mut reader = Reader::from_str(xml);
        let mut listing = Listing { names: Vec::new(), continues: None };
        let mut text = String::new();
        loop {
            match reader.read_event().ok()? {
                Event::Start(_) => text.clear(),
                Event::Text(piece) => text.push_str(&piece.xml10_content()),
                Event::GeneralRef(entity) => match entity.resolve_char_ref().ok()? {
                    Some(letter) => text.push(letter),
                    None => text.push_str(quick_xml::escape::resolve_predefined_entity(&entity)?),
                },
                Event::End(tag) => {
                    match tag.local_name().as_ref() {
                        // Of an object, or of what objects have in common; the listing's own prefix is neither.
                        "Key" | "Prefix" if text != prefix => listing.name(text.strip_prefix(prefix)),
                        "NextContinuationToken" => listing.continues = Some(std::mem::take(&mut text)),
                        _ => {}
                    }
                    text.clear();
                }
                Event::Eof => return Some(listing),
                _ => {}
            }
        }
    }

    /// The names directly under the prefix.
    #[wasm_bindgen(getter)]
    pub fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    /// Asks for the next page.
    #[wasm_bindgen(getter)]
    pub fn continues(&self) -> Option<String> {
        self.continues.clone()
    }
}

impl Listing {
    fn name(&mut self, under: Option<&str>) {
        let name = under.map(|under| under.strip_suffix('/').unwrap_or(under));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            self.names.push(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_has_objects_and_folders() {
        let xml = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                   <Name>media</Name><Prefix>cup/</Prefix><Delimiter>/</Delimiter><IsTruncated>true</IsTruncated>\
                   <NextContinuationToken>a&amp;b&#43;</NextContinuationToken>\
                   <Contents><Key>cup/broadcast.json</Key><Size>12</Size></Contents><Contents><Key>cup/</Key></Contents>\
                   <CommonPrefixes><Prefix>cup/0mw/</Prefix></CommonPrefixes></ListBucketResult>";
        let listing = Listing::parse(xml, "cup/").unwrap();
        assert_eq!(listing.names, ["broadcast.json", "0mw"]);
        assert_eq!(listing.continues.as_deref(), Some("a&b+"));
        assert!(Listing::parse("<html", "cup/").is_none());
    }
}
