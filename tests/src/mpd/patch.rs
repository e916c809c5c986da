//! MPD patches (ISO/IEC 23009-1, 5.15) by the letter of RFC 5261.
//!
//! Selectors are of the part of XPath that players know: `/MPD/Period[@id='1']/AdaptationSet[2]`, and `/@name` or `/text()` at
//! the end. A step without a prefix means the namespace of MPDs; content in the namespace of patches, which is the default
//! there, as in the standard's own example, becomes an MPD's.

use super::model::NAMESPACE;
use super::time::Seconds;
use super::tree::{Element, Name, Node};

const PATCH_NAMESPACE: &str = "urn:mpeg:dash:schema:mpd-patch:2020";

/// Applies a patch to the MPD that it is for.
pub fn apply(patch: &str, old: &str) -> Result<String, String> {
    let patch = Element::parse(patch).map_err(|why| format!("the patch: {why}"))?;
    let mut mpd = Element::parse(old).map_err(|why| format!("the MPD: {why}"))?;
    if patch.name.local != "Patch" || patch.name.namespace != PATCH_NAMESPACE {
        return Err(format!("{} of {:?} is no patch", patch.name.local, patch.name.namespace));
    }
    let of_patch = |name: &str| patch.attribute(name).ok_or_else(|| format!("the patch has no {name}"));
    let (id, from, to) = (of_patch("mpdId")?, of_patch("originalPublishTime")?, of_patch("publishTime")?);
    let fits = |mpd: &Element, name: &str, expected: &str| match mpd.attribute(name) {
        Some(value) if value == expected => Ok(()),
        value => Err(format!("MPD@{name} is {value:?}, the patch is for {expected:?}")),
    };
    fits(&mpd, "id", id)?;
    fits(&mpd, "publishTime", from)?;
    let date = |text: &str| Seconds::date(text).ok_or_else(|| format!("{text:?} is no date"));
    if date(to)? <= date(from)? {
        return Err(format!("the patch leads from {from} back to {to}"));
    }
    if patch.children.is_empty() {
        return Err("the patch changes nothing".to_owned());
    }
    for child in &patch.children {
        let Node::Element(operation) = child else {
            return Err("there is text between operations".to_owned());
        };
        let sel = operation.attribute("sel").unwrap_or_default();
        perform(operation, &mut mpd).map_err(|why| format!("{} {sel}: {why}", operation.name.local))?;
    }
    fits(&mpd, "id", id)?;
    fits(&mpd, "publishTime", to)?;
    Ok(mpd.write())
}

fn perform(operation: &Element, mpd: &mut Element) -> Result<(), String> {
    if operation.name.namespace != PATCH_NAMESPACE {
        return Err(format!("it is of {:?}", operation.name.namespace));
    }
    let known: &[&str] = match operation.name.local.as_str() {
        "add" => &["sel", "pos", "type"],
        "replace" => &["sel"],
        "remove" => &["sel", "ws"],
        _ => return Err("there is no such operation".to_owned()),
    };
    for name in operation.attributes.keys() {
        if !name.namespace.is_empty() || !known.contains(&name.local.as_str()) {
            return Err(format!("it has @{}", name.local));
        }
    }
    let selector = Selector::parse(operation.attribute("sel").ok_or("it has no @sel")?)?;
    let place = selector.find(mpd)?;
    match operation.name.local.as_str() {
        "add" => add(operation, mpd, &place, &selector.target),
        "replace" => replace(operation, mpd, &place, selector.target),
        _ if !operation.children.is_empty() => Err("it has content".to_owned()),
        _ => remove(mpd, &place, selector.target),
    }
}

/// RFC 5261, 4.3.
fn add(operation: &Element, mpd: &mut Element, place: &[usize], target: &Target) -> Result<(), String> {
    if *target != Target::Element {
        return Err("something can be added to an element only".to_owned());
    }
    let pos = operation.attribute("pos");
    if let Some(kind) = operation.attribute("type") {
        let name = kind.strip_prefix('@').filter(|name| is_name(name)).ok_or("@type names no attribute")?;
        if pos.is_some() {
            return Err("attributes have no @pos".to_owned());
        }
        let value = text_of(operation)?;
        return match element_at(mpd, place)?.attributes.insert(Name::plain(name), value) {
            None => Ok(()),
            Some(_) => Err(format!("@{name} is there already")),
        };
    }
    let content = content_of(operation);
    if content.is_empty() {
        return Err("it adds nothing".to_owned());
    }
    let (parent, at) = match pos {
        None => (place, element_at(mpd, place)?.children.len()),
        Some("prepend") => (place, 0),
        Some(side @ ("before" | "after")) => {
            let (own, parent) = place.split_last().ok_or("nothing can be beside the root")?;
            (parent, own + usize::from(side == "after"))
        }
        Some(other) => return Err(format!("@pos is {other:?}")),
    };
    let parent = element_at(mpd, parent)?;
    parent.children.splice(at..at, content);
    parent.normalize();
    Ok(())
}

/// RFC 5261, 4.4.
fn replace(operation: &Element, mpd: &mut Element, place: &[usize], target: Target) -> Result<(), String> {
    match target {
        Target::Element => {
            let content = content_of(operation);
            let [Node::Element(new)] = &content[..] else {
                return Err("an element is replaced with one element".to_owned());
            };
            if place.is_empty() {
                return Err("the root is not for a patch to replace".to_owned());
            }
            *element_at(mpd, place)? = new.clone();
        }
        Target::Attribute(name) => {
            let value = text_of(operation)?;
            element_at(mpd, place)?.attributes.insert(name, value);
        }
        Target::Text => {
            let value = text_of(operation)?;
            let element = element_at(mpd, place)?;
            let old = element.children.iter_mut().find(|child| matches!(child, Node::Text(_)));
            *old.ok_or("there is no text")? = Node::Text(value);
            element.normalize();
        }
    }
    Ok(())
}

/// RFC 5261, 4.5.
fn remove(mpd: &mut Element, place: &[usize], target: Target) -> Result<(), String> {
    match target {
        Target::Element => {
            let (own, parent) = place.split_last().ok_or("the root is not for a patch to remove")?;
            let parent = element_at(mpd, parent)?;
            parent.children.remove(*own);
            parent.normalize();
        }
        Target::Attribute(name) => {
            element_at(mpd, place)?.attributes.remove(&name);
        }
        Target::Text => element_at(mpd, place)?.children.retain(|child| matches!(child, Node::Element(_))),
    }
    Ok(())
}

/// What an operation brings, as it is in an MPD.
fn content_of(operation: &Element) -> Vec<Node> {
    fn adopt(node: &mut Node) {
        if let Node::Element(element) = node {
            if element.name.namespace == PATCH_NAMESPACE {
                NAMESPACE.clone_into(&mut element.name.namespace);
            }
            element.children.iter_mut().for_each(adopt);
        }
    }
    let mut content = operation.children.clone();
    content.iter_mut().for_each(adopt);
    content
}

fn text_of(operation: &Element) -> Result<String, String> {
    match &operation.children[..] {
        [] => Ok(String::new()),
        [Node::Text(text)] => Ok(text.clone()),
        _ => Err("it has more than text".to_owned()),
    }
}

/// The element at a place: which child of the root, which child of that, and so on.
fn element_at<'a>(root: &'a mut Element, place: &[usize]) -> Result<&'a mut Element, String> {
    let mut element = root;
    for &at in place {
        element = match element.children.get_mut(at) {
            Some(Node::Element(child)) => child,
            _ => return Err("its place is lost".to_owned()),
        };
    }
    Ok(element)
}

#[derive(Debug, PartialEq)]
enum Target {
    Element,
    Attribute(Name),
    Text,
}

#[derive(Debug, PartialEq)]
struct Selector {
    steps: Vec<Step>,
    target: Target,
}

#[derive(Debug, PartialEq)]
struct Step {
    name: String,
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq)]
enum Condition {
    /// `[@name='value']`
    Attribute(String, String),
    /// `[3]`
    Position(usize),
}

impl Selector {
    fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let mut steps: Vec<Step> = Vec::new();
        while let Some(after) = rest.strip_prefix('/') {
            if let (Some(name), false) = (after.strip_prefix('@'), steps.is_empty()) {
                let target =
                    Target::Attribute(Name::plain(is_name(name).then_some(name).ok_or("no attribute")?));
                return Ok(Self { steps, target });
            }
            if after == "text()" && !steps.is_empty() {
                return Ok(Self { steps, target: Target::Text });
            }
            let length = after.find(['/', '[']).unwrap_or(after.len());
            let (name, conditions) = after.split_at(length);
            if !is_name(name) {
                return Err(format!("{name:?} is no name"));
            }
            let mut step = Step { name: name.to_owned(), conditions: Vec::new() };
            rest = conditions;
            while rest.starts_with('[') {
                let (condition, after) = Condition::parse(rest)?;
                step.conditions.push(condition);
                rest = after;
            }
            steps.push(step);
        }
        if !rest.is_empty() || steps.is_empty() {
            return Err(format!("{text:?} is no path from the root"));
        }
        Ok(Self { steps, target: Target::Element })
    }

    /// What it selects, which must be exactly one node (RFC 5261, 4.1): its place, or that of the element that has it.
    fn find(&self, root: &Element) -> Result<Vec<usize>, String> {
        let mut steps = self.steps.iter();
        let is_root = |step: &Step| step.matches(root) && step.keep(vec![(0, root)]).len() == 1;
        let mut matches: Vec<(Vec<usize>, &Element)> = match steps.next() {
            Some(step) if is_root(step) => vec![(Vec::new(), root)],
            _ => Vec::new(),
        };
        for step in steps {
            let mut next = Vec::new();
            for (place, element) in matches {
                let named = element.children.iter().enumerate().filter_map(|(at, child)| match child {
                    Node::Element(child) if step.matches(child) => Some((at, child)),
                    _ => None,
                });
                for (at, child) in step.keep(named.collect()) {
                    let mut place = place.clone();
                    place.push(at);
                    next.push((place, child));
                }
            }
            matches = next;
        }
        matches.retain(|(_, element)| match &self.target {
            Target::Element => true,
            Target::Attribute(name) => element.attributes.contains_key(name),
            Target::Text => element.children.iter().any(|child| matches!(child, Node::Text(_))),
        });
        // Text around elements is several nodes.
        let texts = matches.iter().flat_map(|(_, element)| &element.children);
        let texts = texts.filter(|child| matches!(child, Node::Text(_))).count();
        match (&matches[..], &self.target) {
            ([(place, _)], target) if *target != Target::Text || texts == 1 => Ok(place.clone()),
            (_, Target::Text) => Err(format!("it selects {texts} nodes, not one")),
            _ => Err(format!("it selects {} nodes, not one", matches.len())),
        }
    }
}

impl Step {
    fn matches(&self, element: &Element) -> bool {
        element.name.local == self.name && element.name.namespace == NAMESPACE
    }

    /// Those of the elements that meet the conditions, each of which counts what the ones before it left.
    fn keep<'a>(&self, mut elements: Vec<(usize, &'a Element)>) -> Vec<(usize, &'a Element)> {
        for condition in &self.conditions {
            match condition {
                Condition::Attribute(name, value) => {
                    elements.retain(|(_, element)| element.attribute(name) == Some(value));
                }
                Condition::Position(position) => {
                    let chosen = position.checked_sub(1).and_then(|at| elements.get(at)).copied();
                    elements = chosen.into_iter().collect();
                }
            }
        }
        elements
    }
}

impl Condition {
    /// The condition that a text begins with, and what follows it.
    fn parse(text: &str) -> Result<(Self, &str), String> {
        let wrong = || format!("{text:?} begins with no condition");
        let inside = text.strip_prefix('[').ok_or_else(wrong)?;
        let Some(comparison) = inside.strip_prefix('@') else {
            let (position, after) = inside.split_once(']').ok_or_else(wrong)?;
            let digits = !position.is_empty() && position.bytes().all(|b| b.is_ascii_digit());
            let position = position.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
            return Ok((Self::Position(position), after));
        };
        let (name, quoted) = comparison.split_once('=').ok_or_else(wrong)?;
        let quote = quoted.chars().next().filter(|c| matches!(c, '\'' | '"')).ok_or_else(wrong)?;
        let (value, after) = quoted.get(1..).and_then(|rest| rest.split_once(quote)).ok_or_else(wrong)?;
        let after = after.strip_prefix(']').filter(|_| is_name(name)).ok_or_else(wrong)?;
        Ok((Self::Attribute(name.to_owned(), value.to_owned()), after))
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
