//! What an operator wants to know of a push: how fast, how far behind, and whether anything is wrong.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ingest_lambda::Observer;
use packager_core::log::{BroadcastName, BroadcastRecord, Entry, Generation, Independence, Target};
use packager_core::time::WallMs;
use serde::Serialize;

/// How much of the past counts in rates.
const RATE_OVER: Duration = Duration::from_secs(5);

/// A keyframe must come at least this often.
const KEYFRAMES_WITHIN: Duration = Duration::from_secs(20);

/// What has happened so far.
pub(super) struct Figures {
    began: Instant,
    now: fn() -> WallMs,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    parts: u64,
    bytes: u64,
    last_stored: Option<Instant>,
    /// Bytes that came lately, and when.
    lately: Vec<(Instant, usize)>,
    round_trip: Option<Duration>,
    backlog_bytes: usize,
    delay_ms: Option<i64>,
    /// The ingest has not been reached since then, for this reason.
    away: Option<(Instant, String)>,
    failed: Option<String>,
    /// When pictures were first heard of, and when one that a viewer can begin with was last stored.
    pictures: Option<(Instant, Option<Instant>)>,
}

/// A line of progress.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub(super) struct Progress {
    /// Since the beginning.
    seconds: u64,
    /// What comes from the encoder.
    bits_per_second: u64,
    /// Stored so far.
    parts: u64,
    bytes: u64,
    /// Of the requests of late.
    round_trip_ms: Option<u64>,
    /// What is not stored yet.
    backlog_bytes: usize,
    /// From when a part was whole here until it was stored.
    delay_ms: Option<i64>,
    /// The ingest cannot be reached, for so long and for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    away: Option<(u64, String)>,
}

impl Figures {
    pub(super) fn new(now: fn() -> WallMs) -> Self {
        Self { began: Instant::now(), now, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came from the encoder.
    pub(super) fn came(&self, bytes: usize) {
        let now = Instant::now();
        let mut state = self.state();
        state.lately.retain(|(at, _)| now.duration_since(*at) < RATE_OVER);
        state.lately.push((now, bytes));
    }

    /// A request was answered.
    pub(super) fn answered(&self, took: Duration) {
        let mut state = self.state();
        if let Some((since, _)) = state.away.take() {
            tracing::info!("the ingest can be reached again, after {:.1} s", since.elapsed().as_secs_f64());
        }
        // As TCP smooths its own.
        state.round_trip = Some(state.round_trip.map_or(took, |so_far| so_far.mul_f64(0.875) + took / 8));
    }

    /// The ingest has not been reached since then.
    pub(super) fn unreached(&self, since: Instant, why: &str) {
        let mut state = self.state();
        let first = match &state.away {
            Some((first, _)) => since.min(*first),
            None => {
                tracing::warn!(
                    "the ingest cannot be reached ({why}); what comes is kept, and sent when it can be"
                );
                since
            }
        };
        state.away = Some((first, why.to_owned()));
    }

    /// Nothing can be pushed any more, for this reason.
    pub(super) fn failed(&self, why: &str) {
        self.state().failed.get_or_insert_with(|| why.to_owned());
    }

    /// Why nothing can be pushed any more.
    pub(super) fn failure(&self) -> Option<String> {
        self.state().failed.clone()
    }

    /// There are pictures, and for too long none that a viewer could begin with. While nothing can be stored, nobody
    /// can tell.
    pub(super) fn lacks_keyframes(&self) -> bool {
        let state = self.state();
        let waited = state.pictures.map(|(first, last)| last.unwrap_or(first).elapsed());
        let is_recent = |at: Instant| at.elapsed() < Duration::from_secs(2);
        let is_reading = state.lately.last().is_some_and(|(at, _)| is_recent(*at));
        let is_storing = state.backlog_bytes == 0 || state.last_stored.is_some_and(is_recent);
        is_reading && is_storing && waited.is_some_and(|waited| waited > KEYFRAMES_WITHIN)
    }

    /// The encoder has gone: nobody waits for keyframes.
    pub(super) fn encoder_left(&self) {
        self.state().pictures = None;
    }

    /// How things stand.
    pub(super) fn progress(&self) -> Progress {
        let state = self.state();
        let recent = state.lately.iter().filter(|(at, _)| at.elapsed() < RATE_OVER);
        let bits: usize = recent.map(|(_, bytes)| bytes * 8).sum();
        let over = self.began.elapsed().min(RATE_OVER).as_secs_f64().max(0.1);
        Progress {
            seconds: self.began.elapsed().as_secs(),
            bits_per_second: (bits as f64 / over) as u64,
            parts: state.parts,
            bytes: state.bytes,
            round_trip_ms: state.round_trip.and_then(|took| u64::try_from(took.as_millis()).ok()),
            backlog_bytes: state.backlog_bytes,
            delay_ms: state.delay_ms,
            away: state.away.as_ref().map(|(since, why)| (since.elapsed().as_secs(), why.clone())),
        }
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seconds, parts, .. } = self;
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        write!(f, "  {:.1} Mbit/s  {parts} parts", self.bits_per_second as f64 / 1e6)?;
        if let Some(ms) = self.round_trip_ms {
            write!(f, "  round trip {ms} ms")?;
        }
        write!(f, "  backlog {:.1} MB", self.backlog_bytes as f64 / 1e6)?;
        match (&self.away, self.delay_ms) {
            (Some((since, _)), _) => write!(f, "  not reached for {since} s"),
            (None, Some(ms)) => write!(f, "  delay {:.2} s", ms as f64 / 1e3),
            (None, None) => Ok(()),
        }
    }
}

/// The figures as they learn what was stored.
pub(super) struct Counting(pub(super) std::sync::Arc<Figures>);

impl Observer for Counting {
    fn recorded(&self, _: &BroadcastName, _: &BroadcastRecord) {}

    fn stored(
        &self,
        _: &BroadcastName,
        _: &Generation,
        target: &Target,
        _: &str,
        meta: &str,
        body: &[Bytes],
    ) {
        let mut state = self.0.state();
        let is_video = |track: &packager_core::log::TrackName| track.as_str().starts_with("video");
        match target {
            Target::Init(track, _) if is_video(track) => {
                state.pictures.get_or_insert((Instant::now(), None));
            }
            Target::Part(track, ..) => {
                let Ok(Entry::Part(meta)) = Entry::from_meta(meta) else { return };
                state.parts += 1;
                state.last_stored = Some(Instant::now());
                state.bytes += body.iter().map(|piece| piece.len() as u64).sum::<u64>();
                state.delay_ms = Some((self.0.now)().since_ms(meta.wall).max(0));
                if is_video(track) && meta.independence != Independence::No {
                    let first = state.pictures.map_or_else(Instant::now, |(first, _)| first);
                    state.pictures = Some((first, Some(Instant::now())));
                }
            }
            _ => {}
        }
    }

    fn unstored(&self, _: &BroadcastName, bytes: usize) {
        self.0.state().backlog_bytes = bytes;
    }
}
