//! The golden cases, asked of a host over HTTP too: each request when the case has it asked, over what the case
//! has stored by then.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use packager_core::edge::{Body, Response};

use super::Audience;
use crate::live::{Asking, Progress, Worker};
use crate::world::{Asked, BEGINS, Sent, World};

/// The broadcast's name in the cases.
const NAME: &str = "show";

/// More than the host lets a deadline pass, so that those that are near go together.
const PAST_A_DEADLINE_MS: i64 = 250;

/// Longest that the host may take to have read what it needs.
const LIMIT: Duration = Duration::from_secs(20);

/// How often is looked whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What a server adds to any response.
const SERVERS_OWN: [&str; 4] = ["connection", "content-length", "date", "transfer-encoding"];

/// What storage, which knows no broadcasts, does not say of media that it sends itself.
const NOT_OF_STORAGE: [&str; 2] = ["cache-tag", "priority"];

/// A case's viewers at a host.
pub struct Hosted<'a> {
    worker: &'a Worker,
    /// What the case's broadcast is called there: each case has one of its own.
    name: String,
    /// How many of the world's writes were made there.
    mirrored: u64,
    clock_ms: i64,
    waiting: Vec<Viewer>,
    /// How many requests were answered at once.
    pub answered: usize,
    /// How many were held, or grew, before.
    pub held: usize,
    /// How many others answer.
    pub elsewhere: usize,
    /// What was answered otherwise than natively.
    pub differences: Vec<String>,
}

struct Viewer {
    asked: Asked,
    line: String,
    asking: Asking,
}

impl<'a> Hosted<'a> {
    /// Viewers of a case, whose broadcast has this name.
    pub fn new(worker: &'a Worker, name: &str) -> Self {
        Self {
            worker,
            name: name.to_owned(),
            mirrored: 0,
            clock_ms: 0,
            waiting: Vec::new(),
            answered: 0,
            held: 0,
            elsewhere: 0,
            differences: Vec::new(),
        }
    }

    /// Stores at the host what the world has stored by now, and sets its clock.
    pub fn mirror(&mut self, world: &World, ahead_ms: i64) {
        self.clock_ms = self.clock_ms.max(BEGINS.0 + world.now_ms() + ahead_ms);
        let objects: Vec<_> = world
            .store
            .written_since(self.mirrored)
            .map(|(key, object)| {
                let key = key.strip_prefix(NAME).expect("all is of one broadcast, and of its clips");
                let body = if key.ends_with("/broadcast.json") {
                    self.renamed(&object.body)
                } else {
                    object.body.to_vec()
                };
                (format!("{}{key}", self.name), object.meta.as_str(), body)
            })
            .collect();
        let objects = objects.iter().map(|(key, meta, body)| (key.clone(), *meta, &body[..]));
        self.worker.store(Some(self.clock_ms), objects);
        self.mirrored = world.store.writes();
    }

    /// A text in which clips name the case's broadcast, as it is at the host.
    fn renamed(&self, text: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(text) else { return text.to_vec() };
        let of = |name: &str| [format!("\"of\":\"{name}\""), format!("../{name}/")];
        let renamed = of(NAME)
            .iter()
            .zip(of(&self.name))
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, &to));
        renamed.into_bytes()
    }

    /// Waits until the host waits for the same as the world, for everyone: all its reads but polls have ended,
    /// and each key that is waited for was polled twice since.
    fn settle(&mut self, world: &World, since: usize) {
        let pending: Vec<_> =
            self.waiting.iter().map(|viewer| (viewer, world.pending(viewer.asked))).collect();
        let polls: BTreeSet<String> = pending
            .iter()
            .map(|(viewer, pending)| {
                let pending = pending.unwrap_or_else(|| panic!("{} waits for nothing", viewer.line));
                pending.poll.replacen(NAME, &self.name, 1)
            })
            .collect();
        let held = pending.iter().filter(|(_, pending)| pending.is_some_and(|it| it.begun.is_none())).count();
        for (viewer, pending) in &pending {
            if let Some(begun) = pending.and_then(|pending| pending.begun) {
                drop(viewer.asking.until(|it| it.body.len() >= begun.sent.body.len() || it.end.is_some()));
            }
        }
        let begun = Instant::now();
        loop {
            let inside = self.worker.inside(since);
            let polled: Vec<&String> =
                inside.reads.iter().rev().take_while(|key| polls.contains(*key)).collect();
            let each_twice = polls.iter().all(|key| polled.iter().filter(|it| **it == key).count() >= 2);
            let only_polls = inside.reading.iter().all(|key| polls.contains(key));
            let has_ended = self.waiting.iter().any(|viewer| viewer.asking.progress().end.is_some());
            if has_ended || (inside.held == held && each_twice && only_polls) {
                break;
            }
            let is_late = begun.elapsed() >= LIMIT;
            assert!(
                !is_late,
                "the host does not wait for {polls:?} for {held}, as the world does: {inside:?}"
            );
            std::thread::sleep(LOOK_AGAIN);
        }
        let (ended, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|viewer: &Viewer| viewer.asking.progress().end.is_some());
        self.waiting = waiting;
        for viewer in ended {
            self.held += 1;
            let progress = viewer.asking.ended();
            self.differences.push(format!("{} was answered too early: {}", viewer.line, shown(&progress)));
        }
    }

    /// Compares an answer with the world's.
    fn judge(&mut self, viewer: &Viewer, status: u16, sent: &Sent) {
        let progress = viewer.asking.ended();
        let mut differs = |what: String| self.differences.push(format!("{}: {what}", viewer.line));
        let Some((got_status, got_headers)) = &progress.head else {
            return differs(shown(&progress));
        };
        if *got_status != status {
            return differs(format!("{} where it should be {status}", shown(&progress)));
        }
        let by_storage = self.worker.leaves_media && status == 200 && is_media(&viewer.line);
        for (name, value) in &sent.headers {
            if by_storage && NOT_OF_STORAGE.contains(name) {
                continue;
            }
            let value = value.replace(NAME, &self.name);
            if got_headers.get(*name) != Some(&value) {
                differs(format!("{name} is {:?}, not {value:?}", got_headers.get(*name)));
            }
        }
        for (name, value) in got_headers {
            if !SERVERS_OWN.contains(&name.as_str()) && !sent.headers.iter().any(|(known, _)| known == name) {
                differs(format!("{name}: {value} is nothing that was decided"));
            }
        }
        let body = self.renamed(&sent.body);
        let mut differs = |what: String| self.differences.push(format!("{}: {what}", viewer.line));
        if progress.body != body {
            let expected = Progress { body, ..progress.clone() };
            differs(format!("{}\nwhere it should be\n{}", shown(&progress), shown(&expected)));
        }
        if matches!(progress.end, Some(Err(_))) != sent.is_broken_off {
            differs(format!("ended with {:?}, broken off: {}", progress.end, sent.is_broken_off));
        }
    }
}

impl Audience for Hosted<'_> {
    fn asked(&mut self, world: &mut World, asked: Asked, method: &str, target: &str) {
        // All of this moment is stored: viewers ask last. Who waits may see it.
        world.wake();
        self.moment_is_over(world);
        self.mirror(world, 0);
        // Nor is there anything at the root of a distribution.
        if self.worker.leaves_media && (is_segment(target) || target == "/") {
            self.elsewhere += 1;
            return;
        }
        let since = self.worker.inside(usize::MAX).read;
        let at_host = match target.strip_prefix("/show") {
            Some(rest) => format!("/{}{rest}", self.name),
            None => target.to_owned(),
        };
        let asking = Asking::start(method, &self.worker.url(&at_host));
        let viewer = Viewer { asked, line: format!("{method} {target} at {} ms", world.now_ms()), asking };
        match world.answer(asked) {
            // A host says there what it is.
            Some(_) if target == "/" => {
                let welcome = Response::welcome(&self.worker.url(""));
                let headers = welcome.headers().into_iter().map(|(name, value)| (name, value.into_owned()));
                let body = match &welcome.body {
                    Body::Text(text) => text.plain.to_vec(),
                    _ => Vec::new(),
                };
                let sent = Sent { headers: headers.collect(), body, is_broken_off: false };
                self.judge(&viewer, welcome.status, &sent);
                self.answered += 1;
            }
            Some(Ok(answer)) => {
                let answer = answer.clone();
                self.judge(&viewer, answer.status, &answer.sent);
                self.answered += 1;
            }
            Some(Err(why)) => self.differences.push(why),
            None => {
                self.waiting.push(viewer);
                self.settle(world, since);
            }
        }
    }

    fn moment_is_over(&mut self, world: &mut World) {
        let (answered, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|viewer| world.answer(viewer.asked).is_some());
        self.waiting = waiting;
        let is_anything_new = world.store.writes() != self.mirrored && !self.waiting.is_empty();
        if answered.is_empty() && !is_anything_new {
            return;
        }
        let since = self.worker.inside(usize::MAX).read;
        let answers: Vec<_> = answered
            .into_iter()
            .filter_map(|viewer| {
                let answer = world.answer(viewer.asked)?.ok()?.clone();
                Some((viewer, answer))
            })
            .collect();
        let is_deadline = answers.iter().any(|(_, answer)| answer.status == 503 || answer.sent.is_broken_off);
        self.mirror(world, if is_deadline { PAST_A_DEADLINE_MS } else { 0 });
        for (viewer, answer) in answers {
            self.judge(&viewer, answer.status, &answer.sent);
            self.held += 1;
        }
        if !self.waiting.is_empty() {
            self.settle(world, since);
        }
    }
}

/// Whether a request is for a part or a header, by the file that its line names.
fn is_media(line: &str) -> bool {
    line.split(' ').nth(1).is_some_and(|target| target.ends_with(".m4s") || target.ends_with(".mp4"))
}

/// Whether a target is a segment, whose number follows its session.
fn is_segment(target: &str) -> bool {
    let file = target.rsplit('/').next().unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    path.ends_with(".m4s") && path.split('/').count() == 5 && file.contains('-')
}

/// A response for a person.
fn shown(progress: &Progress) -> String {
    let status = progress.status().map_or("no answer".to_owned(), |status| status.to_string());
    let mut body = String::from_utf8_lossy(&progress.body).into_owned();
    if body.contains('\u{fffd}') {
        body = format!("{} bytes of media", progress.body.len());
    }
    format!("{status}, {:?}: {body}", progress.end)
}
