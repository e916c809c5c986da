//! XML as a tree that can be changed and compared: what an MPD says, without how it is laid out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The namespace of `xml:lang` and its like, bound to its prefix everywhere.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// A name with the namespace it is in, none being "".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The namespace's URI.
    pub namespace: String,
    /// The name without a prefix.
    pub local: String,
}

impl Name {
    /// A name in no namespace, as attributes are.
    pub fn plain(local: &str) -> Self {
        Self { namespace: String::new(), local: local.to_owned() }
    }
}

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: Name,
    /// Its attributes, in no order.
    pub attributes: BTreeMap<Name, String>,
    /// What is in it, without comments, and without text that is only white space.
    pub children: Vec<Node>,
}

/// What can be in an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text; never two in a row.
    Text(String),
}

impl Element {
    /// Reads a document's root.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document = roxmltree::Document::parse(text).map_err(|why| format!("it is not XML: {why}"))?;
        Ok(Self::of(document.root_element()))
    }

    fn of(node: roxmltree::Node<'_, '_>) -> Self {
        let name = |namespace: Option<&str>, local: &str| Name {
            namespace: namespace.unwrap_or_default().to_owned(),
            local: local.to_owned(),
        };
        let mut element = Self {
            name: name(node.tag_name().namespace(), node.tag_name().name()),
            attributes: node
                .attributes()
                .map(|attribute| {
                    (name(attribute.namespace(), attribute.name()), attribute.value().to_owned())
                })
                .collect(),
            children: Vec::new(),
        };
        for child in node.children() {
            if child.is_element() {
                element.children.push(Node::Element(Self::of(child)));
            } else if child.is_text() {
                element.children.push(Node::Text(child.text().unwrap_or_default().to_owned()));
            }
        }
        element.normalize();
        element
    }

    /// Joins neighbouring texts and drops those that are only white space.
    pub fn normalize(&mut self) {
        let mut kept: Vec<Node> = Vec::with_capacity(self.children.len());
        for child in self.children.drain(..) {
            match (kept.last_mut(), child) {
                (Some(Node::Text(before)), Node::Text(text)) => before.push_str(&text),
                (_, child) => kept.push(child),
            }
        }
        kept.retain(|child| !matches!(child, Node::Text(text) if text.trim().is_empty()));
        self.children = kept;
    }

    /// An attribute that is in no namespace.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(&Name::plain(name)).map(String::as_str)
    }

    /// The elements in it.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The elements in it of this name, in its own namespace.
    pub fn named<'a>(&'a self, local: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |element| {
            element.name.local == local && element.name.namespace == self.name.namespace
        })
    }

    /// The text in it, without the white space around it.
    pub fn text(&self) -> &str {
        self.children
            .iter()
            .find_map(|child| match child {
                Node::Text(text) => Some(text.trim()),
                Node::Element(_) => None,
            })
            .unwrap_or_default()
    }

    /// As a document.
    pub fn write(&self) -> String {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.write_into(&mut text, "");
        text.push('\n');
        text
    }

    /// Elements have no prefix here: where the namespace changes, it is declared to be the default.
    fn write_into(&self, text: &mut String, default_namespace: &str) {
        let local = &self.name.local;
        text.push('<');
        text.push_str(local);
        if self.name.namespace != default_namespace {
            let _ = write!(text, " xmlns=\"{}\"", escaped(&self.name.namespace));
        }
        for (count, (name, value)) in self.attributes.iter().enumerate() {
            let prefix = match name.namespace.as_str() {
                "" => String::new(),
                XML => "xml:".to_owned(),
                namespace => {
                    let _ = write!(text, " xmlns:n{count}=\"{}\"", escaped(namespace));
                    format!("n{count}:")
                }
            };
            let _ = write!(text, " {prefix}{}=\"{}\"", name.local, escaped(value));
        }
        if self.children.is_empty() {
            text.push_str("/>");
            return;
        }
        text.push('>');
        for child in &self.children {
            match child {
                Node::Element(element) => element.write_into(text, &self.name.namespace),
                Node::Text(said) => text.push_str(&escaped(said)),
            }
        }
        let _ = write!(text, "</{local}>");
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A reader would make spaces or line feeds of these.
            '\t' | '\r' | '\n' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Whether two documents say the same, whatever the order of attributes, the prefixes, and the white space between
/// elements. The error is the first difference.
pub fn same(a: &str, b: &str) -> Result<(), String> {
    let read = |which: &str, text: &str| Element::parse(text).map_err(|why| format!("the {which}: {why}"));
    let (a, b) = (read("first", a)?, read("second", b)?);
    same_elements(&a, &b, &format!("/{}", a.name.local))
}

fn same_elements(a: &Element, b: &Element, path: &str) -> Result<(), String> {
    if a.name != b.name {
        return Err(format!("{path}: {} and {}", spelled(&a.name), spelled(&b.name)));
    }
    for name in a.attributes.keys().chain(b.attributes.keys()) {
        let (ours, theirs) = (a.attributes.get(name), b.attributes.get(name));
        if ours != theirs {
            let show =
                |value: Option<&String>| value.map_or("absent".to_owned(), |value| format!("{value:?}"));
            return Err(format!("{path}/@{}: {} and {}", name.local, show(ours), show(theirs)));
        }
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for at in 0..a.children.len().max(b.children.len()) {
        match (a.children.get(at), b.children.get(at)) {
            (Some(Node::Element(ours)), Some(Node::Element(theirs))) => {
                let count = counts.entry(&ours.name.local).or_default();
                *count += 1;
                same_elements(ours, theirs, &format!("{path}/{}[{count}]", ours.name.local))?;
            }
            (Some(Node::Text(ours)), Some(Node::Text(theirs))) if ours.trim() == theirs.trim() => {}
            (ours, theirs) => {
                return Err(format!("{path}, child {}: {} and {}", at + 1, shown(ours), shown(theirs)));
            }
        }
    }
    Ok(())
}

fn spelled(name: &Name) -> String {
    format!("{} of {:?}", name.local, name.namespace)
}

fn shown(node: Option<&Node>) -> String {
    match node {
        None => "nothing".to_owned(),
        Some(Node::Text(text)) => format!("the text {:?}", text.trim()),
        Some(Node::Element(element)) => {
            let attributes: Vec<String> =
                element.attributes.iter().map(|(name, value)| format!(" {}={value:?}", name.local)).collect();
            format!("<{}{}>", element.name.local, attributes.concat())
        }
    }
}
