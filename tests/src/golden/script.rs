//! What `case.json` holds, and the events it stands for.

use std::collections::BTreeMap;

use bytes::Bytes;
use packager_core::ingest::Settings;
use packager_core::log::{BroadcastName, BroadcastRecord, BroadcastSettings, SlateSettings};
use serde::Deserialize;

use crate::media::{Origin, Source};

/// `case.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows.
    pub about: String,
    /// How media is cut.
    #[serde(default)]
    pub settings: CaseSettings,
    /// The tracks, by the name they are pushed under.
    pub tracks: BTreeMap<String, Origin>,
    /// What encoders and operators do.
    pub script: Vec<Line>,
    /// What viewers ask for.
    pub requests: Vec<Query>,
}

/// [`Settings`], as far as they differ from the defaults.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaseSettings {
    /// Shortest segment that ends at a keyframe.
    pub segment_ms: Option<u32>,
    /// Nominal length of a part.
    pub part_ms: Option<u32>,
    /// How much a playlist lists.
    pub window_ms: Option<u32>,
    /// How late media may come.
    pub gap_ms: Option<u32>,
}

impl From<CaseSettings> for Settings {
    fn from(case: CaseSettings) -> Self {
        let usual = Self::default();
        Self {
            segment_ms: case.segment_ms.unwrap_or(usual.segment_ms),
            part_ms: case.part_ms.unwrap_or(usual.part_ms),
            window_ms: case.window_ms.unwrap_or(usual.window_ms),
            gap_ms: case.gap_ms.unwrap_or(usual.gap_ms),
            ..usual
        }
    }
}

/// One thing that is done.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// When; a push begins to capture its first chunk then.
    pub at_ms: i64,
    /// This track's media is pushed, each chunk when it is over.
    pub push: Option<String>,
    /// It is pushed under another track's name: what follows in that track.
    #[serde(rename = "as")]
    pub under: Option<String>,
    /// Which chunks: from the first, up to but without the second.
    pub chunks: Option<(usize, usize)>,
    /// How many chunks go into one request; all, where not given.
    pub chunks_per_request: Option<usize>,
    /// A request's chunks arrive together, when its last is over.
    #[serde(default)]
    pub whole_requests: bool,
    /// Push media alone.
    #[serde(default)]
    pub without_header: bool,
    /// These chunks are lost on the way.
    #[serde(default)]
    pub lost: Vec<usize>,
    /// Added to all decode times.
    #[serde(default)]
    pub shift_ms: i64,
    /// The connection breaks so many bytes before the last body is whole.
    #[serde(default)]
    pub broken_off_bytes: usize,
    /// This track is declared complete.
    pub end: Option<String>,
    /// Ingest is restarted.
    #[serde(default)]
    pub restart_ingest: bool,
    /// The operator says how the tracks are shown.
    pub broadcast: Option<BroadcastSettings>,
    /// The operator writes whole documents, by the names of broadcasts, all of which begin with `show`.
    #[serde(default)]
    pub documents: BTreeMap<BroadcastName, BroadcastRecord>,
    /// The operator says what the broadcast is called, and when it is.
    pub event: Option<BroadcastRecord>,
    /// The operator says what is shown while no encoder is there.
    pub slate: Option<SlateSettings>,
}

/// One request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// When.
    pub at_ms: i64,
    /// Names the file of the answer.
    pub name: String,
    /// GET, where not given.
    #[serde(default = "get")]
    pub method: String,
    /// Path and query; `{hint TRACK}`, `{init TRACK}` and `{part TRACK MSN N}` stand for paths
    /// that have a session's id in them.
    pub path: String,
}

fn get() -> String {
    "GET".to_owned()
}

/// Something that happens.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) at_ms: i64,
    pub(super) action: Action,
}

/// What happens.
#[derive(Debug)]
pub(super) enum Action {
    Open(String),
    Bytes(usize, Bytes),
    Finish(usize, bool),
    End(String),
    RestartIngest,
    Configure(BroadcastSettings),
    Document(BroadcastName, Box<BroadcastRecord>),
    Schedule(Box<BroadcastRecord>),
    Announce(SlateSettings),
    Ask(usize),
}

impl Case {
    /// Everything that happens, in order.
    pub(super) fn events(&self) -> Vec<Event> {
        let sources: BTreeMap<&str, Source> =
            self.tracks.iter().map(|(name, origin)| (name.as_str(), Source::new(origin))).collect();
        let mut plans: Vec<Vec<Event>> = Vec::new();
        for line in &self.script {
            let at_ms = line.at_ms;
            if let Some(track) = &line.push {
                let source = sources.get(track.as_str()).unwrap_or_else(|| panic!("no track {track}"));
                plans.extend(line.bodies(line.under.as_ref().unwrap_or(track), source));
            }
            if let Some(track) = &line.end {
                plans.push(vec![Event { at_ms, action: Action::End(track.clone()) }]);
            }
            if let Some(settings) = &line.broadcast {
                plans.push(vec![Event { at_ms, action: Action::Configure(settings.clone()) }]);
            }
            for (name, record) in &line.documents {
                let action = Action::Document(name.clone(), Box::new(record.clone()));
                plans.push(vec![Event { at_ms, action }]);
            }
            if let Some(record) = &line.event {
                plans.push(vec![Event { at_ms, action: Action::Schedule(Box::new(record.clone())) }]);
            }
            if let Some(slate) = &line.slate {
                plans.push(vec![Event { at_ms, action: Action::Announce(slate.clone()) }]);
            }
            if line.restart_ingest {
                plans.push(vec![Event { at_ms, action: Action::RestartIngest }]);
            }
        }
        // Uploads are numbered in the order they begin, whatever line they are of.
        let mut order: Vec<usize> = (0..plans.len()).collect();
        order.sort_by_key(|plan| plans[*plan][0].at_ms);
        let mut numbers = vec![0; plans.len()];
        let mut opened = 0;
        for plan in order {
            numbers[plan] = opened;
            opened += usize::from(matches!(plans[plan][0].action, Action::Open(_)));
        }
        let mut events: Vec<Event> = Vec::new();
        for (plan, number) in plans.into_iter().zip(numbers) {
            events.extend(plan.into_iter().map(|Event { at_ms, action }| {
                let action = match action {
                    Action::Bytes(_, bytes) => Action::Bytes(number, bytes),
                    Action::Finish(_, whole) => Action::Finish(number, whole),
                    other => other,
                };
                Event { at_ms, action }
            }));
        }
        let asked = self.requests.iter().enumerate();
        events.extend(asked.map(|(index, query)| Event { at_ms: query.at_ms, action: Action::Ask(index) }));
        events.sort_by_key(|event| event.at_ms);
        events
    }
}

impl Line {
    /// The requests of a push, each as its events.
    fn bodies(&self, track: &str, source: &Source) -> Vec<Vec<Event>> {
        let (first, end) = self.chunks.unwrap_or((0, source.chunks.len()));
        let arrival = |chunk: usize| self.at_ms + source.arrival_ms(first, chunk);
        let piece = |index: usize| -> Bytes {
            let mut chunk = source.chunks[index].clone();
            if self.shift_ms != 0 {
                let ticks = source.described.timescale.ticks_from_ms(self.shift_ms.unsigned_abs());
                let start = chunk.start_ticks();
                chunk.retime(if self.shift_ms < 0 { start.saturating_sub(ticks) } else { start + ticks });
            }
            chunk.body().concat().into()
        };
        let mut bodies = Vec::new();
        let per_request = self.chunks_per_request.unwrap_or(usize::MAX);
        let separate = self.chunks_per_request.is_some();
        let (header_path, media_path) = if separate {
            (format!("show/{track}/init.cmfv"), format!("show/{track}/{first}.cmfv"))
        } else {
            (format!("show/{track}.cmfv"), format!("show/{track}.cmfv"))
        };
        let open = |at_ms: i64, path: &str| Event { at_ms, action: Action::Open(path.to_owned()) };
        let bytes = |at_ms: i64, bytes: Bytes| Event { at_ms, action: Action::Bytes(0, bytes) };
        let finish = |at_ms: i64, whole: bool| Event { at_ms, action: Action::Finish(0, whole) };
        let mut body = Vec::new();
        if !self.without_header {
            body.extend([open(self.at_ms, &header_path), bytes(self.at_ms, source.header.clone())]);
            if separate {
                body.push(finish(self.at_ms, true));
                bodies.push(std::mem::take(&mut body));
            }
        }
        let sent: Vec<usize> = (first..end).collect();
        for group in sent.chunks(per_request.min(sent.len().max(1))) {
            let kept: Vec<usize> = group.iter().copied().filter(|index| !self.lost.contains(index)).collect();
            let Some(last) = kept.last().copied() else { continue };
            let begins = arrival(group[0]) - (source.arrival_ms(group[0], group[0]));
            let together = self.whole_requests.then(|| arrival(last));
            if body.is_empty() {
                body.push(open(together.unwrap_or(begins), &media_path));
            }
            let is_last = group.last() == sent.last();
            let broken_off_bytes = if is_last { self.broken_off_bytes } else { 0 };
            for index in kept {
                let mut piece = piece(index);
                let broken = index == last && broken_off_bytes > 0;
                if broken {
                    piece.truncate(piece.len().saturating_sub(broken_off_bytes));
                }
                body.push(bytes(together.unwrap_or_else(|| arrival(index)), piece));
            }
            body.push(finish(arrival(last), broken_off_bytes == 0));
            bodies.push(std::mem::take(&mut body));
        }
        if !body.is_empty() {
            bodies.push(body);
        }
        bodies
    }
}
