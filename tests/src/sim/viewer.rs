//! Viewers: they follow a track with blocking reloads, ask for hinted parts and for old segments.

use super::check::Rule;
use super::edge::{Purpose, Reply};
use super::playlist::{self, MediaPlaylist};
use super::queue::{Event, TaskId};
use super::world::World;

/// Playlists after which a viewer looks at the multivariant playlist again.
const RELOADS: u32 = 60;

/// A hold may last this long (hls.js gives a playlist 10 s), and the reads before it a little.
const LONGEST_ANSWER_MS: u64 = 9_000 + 2_000;

/// Someone who watches one track at one edge.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) edge: usize,
    nth: usize,
    /// The media playlist's URL.
    url: Option<String>,
    reloads: u32,
    busy_since: Option<u64>,
    /// What `_HLS_msn` and `_HLS_part` ask for next.
    next: Option<(u64, u64)>,
    ended: bool,
}

impl Viewer {
    pub(crate) fn new(edge: usize, nth: usize) -> Self {
        Self { edge, nth, url: None, reloads: 0, busy_since: None, next: None, ended: false }
    }
}

impl World {
    /// A viewer asks for a playlist, unless it waits for one.
    pub(crate) fn view(&mut self, id: usize) {
        let viewer = &mut self.viewers[id];
        if viewer.busy_since.is_some() || (viewer.ended && self.now > self.scenario.duration_ms) {
            return;
        }
        viewer.busy_since = Some(self.now);
        viewer.reloads += 1;
        if viewer.reloads > RELOADS {
            (viewer.reloads, viewer.url, viewer.next) = (0, None, None);
        }
        let (url, next) = (viewer.url.clone(), viewer.next);
        let Some(url) = url else {
            let path = format!("/{}/index.m3u8", self.name);
            return self.request(id, Purpose::Multivariant, path, String::new());
        };
        let query = match next {
            // Safari asks for a segment alone.
            Some((msn, _)) if self.rng.chance(100) => format!("_HLS_msn={msn}"),
            Some((msn, part)) => format!("_HLS_msn={msn}&_HLS_part={part}"),
            None => String::new(),
        };
        self.request(id, Purpose::Playlist, url, query);
    }

    /// A request is answered.
    pub(crate) fn reply(&mut self, task: TaskId, reply: Reply) {
        let Some(task) = self.tasks.remove(&task) else { return };
        self.summary.replies += 1;
        match (&task.purpose, reply) {
            (Purpose::Multivariant | Purpose::Playlist, reply) => {
                let viewer = &mut self.viewers[task.viewer];
                let since = viewer.busy_since.take().unwrap_or(self.now);
                if self.now - since > LONGEST_ANSWER_MS {
                    let what = format!("{}?{} took {} ms", task.path, task.query, self.now - since);
                    self.ledger.report(Rule::Hold, what);
                }
                let again_ms = match reply {
                    Reply::Text(200, text) if task.purpose == Purpose::Multivariant => {
                        self.choose(task.viewer, &text)
                    }
                    Reply::Text(200, text) => self.watch(task.viewer, &task.path, &task.query, &text),
                    Reply::Text(status, why) => {
                        self.turned_away(task.viewer, &task.path, &task.query, status, why.trim())
                    }
                    _ => 300,
                };
                self.queue.at(self.now + again_ms, Event::View { viewer: task.viewer });
            }
            (_, Reply::Media(bytes)) => {
                if task.purpose == Purpose::Junk {
                    self.ledger.report(Rule::H10, format!("{} was answered", task.path));
                }
                self.ledger.served(&task.path, &bytes);
            }
            (Purpose::Published, Reply::Text(..) | Reply::Missing) => {
                let gone = self.ledger.is_deleted(task.path.trim_start_matches('/'));
                if !gone {
                    let what = format!("{} was published and is not found at edge {}", task.path, task.edge);
                    self.ledger.report(Rule::H18, what);
                }
            }
            _ => {}
        }
    }

    fn choose(&mut self, id: usize, text: &str) -> u64 {
        let uris = playlist::media_uris(text);
        if uris.is_empty() {
            self.ledger.report(Rule::H24, format!("a multivariant playlist lists nothing:\n{text}"));
            return 1_000;
        }
        let viewer = &mut self.viewers[id];
        let uri = &uris[viewer.nth % uris.len()];
        viewer.url = Some(format!("/{}/{uri}", self.name));
        viewer.next = None;
        viewer.ended = false;
        1
    }

    /// An error: the viewer starts again, a little later.
    fn turned_away(&mut self, id: usize, path: &str, query: &str, status: u16, why: &str) -> u64 {
        self.log(&format!("viewer {id}: {path}?{query}: {status} {why}"));
        self.summary.errors += 1;
        if status == 400 && !self.ledger.is_deleted(path.trim_start_matches('/')) {
            // An edge that was thrown away may have known more than the one that took its place: not
            // so when everything that was published is in the log.
            self.ledger
                .report(Rule::H12, format!("{path}?{query} at edge {}: 400 {why}", self.viewers[id].edge));
        }
        let viewer = &mut self.viewers[id];
        if status != 503 {
            (viewer.url, viewer.next) = (None, None);
        }
        1_000
    }

    /// A media playlist: everything in it is checked, and the next one is asked for.
    fn watch(&mut self, id: usize, url: &str, query: &str, text: &str) -> u64 {
        self.summary.playlists += 1;
        let edge = self.viewers[id].edge;
        let list = match MediaPlaylist::parse(text) {
            Ok(list) => list,
            Err(why) => {
                self.ledger.report(Rule::Syntax, format!("{url}: {why}\n{text}"));
                return 1_000;
            }
        };
        self.check_playlist(edge, url, query, text, &list);
        let folder = url.trim_end_matches("index.m3u8").to_owned();
        if let Some(hint) = list.hint.as_ref().filter(|_| self.rng.chance(300)) {
            self.request(id, Purpose::Hint, format!("{folder}{hint}"), String::new());
        }
        if self.rng.chance(100) {
            // The segment that is growing.
            let msn = list.open().map_or(list.end_msn(), |open| open.msn);
            let session = list.session();
            self.request(id, Purpose::Segment, format!("{folder}{session}-{msn}.m4s"), String::new());
        }
        if let Some(published) = self.ledger.some_url(&mut self.rng).filter(|_| self.rng.chance(150)) {
            self.request(id, Purpose::Published, published, String::new());
        }
        if self.rng.chance(30) {
            let junk = format!("{folder}0000000000000/{:020}.m4s", 77);
            self.request(id, Purpose::Junk, junk, String::new());
        }
        let viewer = &mut self.viewers[id];
        viewer.next = Some(list.next());
        viewer.ended = list.ended;
        if list.ended { 5_000 } else { self.rng.between((1, 60)) }
    }
}
