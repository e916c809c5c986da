//! XML as it is written here: elements one under the other, by quick-xml.

use quick_xml::Writer;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::name::QName;

/// An attribute's value.
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(u64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

/// What most tags fit into.
const TAG_BYTES: usize = 96;

/// A start tag that is being put together.
pub(super) struct Tag(BytesStart<'static>);

impl Tag {
    pub(super) fn new(name: &'static str) -> Self {
        let mut content = String::with_capacity(TAG_BYTES);
        content.push_str(name);
        Self(BytesStart::from_content(content, name.len()))
    }

    /// With an attribute.
    pub(super) fn with<'v>(mut self, name: &str, value: impl Into<Value<'v>>) -> Self {
        match value.into() {
            Value::Text(text) => self.0.push_attribute((name, text)),
            Value::Number(number) => {
                let mut digits = itoa::Buffer::new();
                let value = digits.format(number).into();
                self.0.push_attribute(Attribute { key: QName(name), value });
            }
        }
        self
    }

    /// With an attribute, if there is something to say.
    pub(super) fn with_some<'v>(self, name: &str, value: Option<impl Into<Value<'v>>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// A document that is being written. Writing into memory cannot fail.
pub(super) struct Document {
    writer: Writer<Vec<u8>>,
    open: Vec<BytesEnd<'static>>,
    /// The tag that was opened last, while nothing is in it.
    pending: Option<BytesStart<'static>>,
}

impl Document {
    /// One for people to read too.
    pub(super) fn new(capacity: usize) -> Self {
        Self::begin(Writer::new_with_indent(Vec::with_capacity(capacity), b' ', 1))
    }

    /// One without white space.
    pub(super) fn dense(capacity: usize) -> Self {
        Self::begin(Writer::new(Vec::with_capacity(capacity)))
    }

    fn begin(mut writer: Writer<Vec<u8>>) -> Self {
        let _ = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        Self { writer, open: Vec::new(), pending: None }
    }

    /// An element without content.
    pub(super) fn empty(&mut self, tag: Tag) {
        self.settle();
        let _ = self.writer.write_event(Event::Empty(tag.0));
    }

    /// Elements of one name without content, one for each of what there may be thousands of.
    pub(super) fn empties<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        with: impl Fn(Tag, T) -> Tag,
    ) {
        self.settle();
        let mut tag = Tag::new(name);
        for item in items {
            tag = with(tag, item);
            let _ = self.writer.write_event(Event::Empty(tag.0.borrow()));
            tag.0.clear_attributes();
        }
    }

    /// An element with text.
    pub(super) fn text(&mut self, tag: Tag, text: &str) {
        self.settle();
        let end = tag.0.to_end().into_owned();
        let _ = self.writer.write_event(Event::Start(tag.0));
        let _ = self.writer.write_event(Event::Text(BytesText::new(text)));
        let _ = self.writer.write_event(Event::End(end));
    }

    /// Begins an element; what follows is in it, up to its [`close`](Self::close).
    pub(super) fn open(&mut self, tag: Tag) {
        self.settle();
        self.open.push(tag.0.to_end().into_owned());
        self.pending = Some(tag.0);
    }

    fn settle(&mut self) {
        if let Some(tag) = self.pending.take() {
            let _ = self.writer.write_event(Event::Start(tag));
        }
    }

    /// Ends the element that was opened last.
    pub(super) fn close(&mut self) {
        let Some(end) = self.open.pop() else { return };
        let _ = match self.pending.take() {
            Some(tag) => self.writer.write_event(Event::Empty(tag)),
            None => self.writer.write_event(Event::End(end)),
        };
    }

    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        let mut text = self.writer.into_inner();
        text.push(b'\n');
        String::from_utf8(text).unwrap_or_default()
    }
}
