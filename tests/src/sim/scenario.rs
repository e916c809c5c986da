//! What a simulated broadcast is like, and what goes wrong with it.

use packager_core::ingest::Settings;

use super::media::TrackSpec;
use super::sabotage::Sabotage;

/// From the least to the most, in milliseconds.
pub type RangeMs = (u64, u64);

/// How an encoder cuts what it sends into requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushStyle {
    /// One request for each track, chunk after chunk.
    LongPost,
    /// One for each segment, opened at once, chunk after chunk; the header in one of its own.
    Segments,
    /// One for each chunk.
    Chunks,
}

/// Something that happens at a time of the scenario's.
#[expect(missing_docs, reason = "the fields say what they are, in milliseconds or places in a list")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The encoder stops, and starts again this much later with times from 0. `racing`: its tracks
    /// start in any order, up to two seconds apart.
    RestartEncoder { pause_ms: u64, racing: bool },
    /// As above, but it is killed in the middle of a chunk.
    KillEncoder { pause_ms: u64 },
    /// One of two [encoders of the same media](Scenario::twin) is killed in the middle of a chunk; it
    /// starts again this much later, where the clock then is.
    KillTwin { encoder: usize, pause_ms: u64 },
    /// One track starts over with times from 0 while the others go on.
    RestartTrack { track: usize },
    /// One track sends nothing for a while, then goes on at what is then the time.
    StallTrack { track: usize, for_ms: u64 },
    /// One track sends no more.
    LeaveTrack { track: usize },
    /// One track begins to send.
    JoinTrack { track: usize },
    /// A new header for one track while its times go on.
    ChangeHeader { track: usize },
    /// The process of an ingest is killed, and started again this much later.
    KillIngest { ingest: usize, pause_ms: u64 },
    /// From now on the encoder's requests go to that ingest, each track at its own moment within
    /// `overlap_ms`.
    FailOver { ingest: usize, overlap_ms: u64 },
    /// An edge is thrown away; a new one, which knows nothing, takes its place.
    ReplaceEdge { edge: usize },
    /// No checkpoint is stored for this long.
    LoseCheckpoints { for_ms: u64 },
    /// The broadcast is deleted and created again, and the encoder started again.
    Recreate,
}

/// A second encoder that sends the same media, on the same clock and with the same boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twin {
    /// How much later it sends the same.
    pub lag_ms: u64,
    /// The ingest that it sends to.
    pub ingest: usize,
    /// The same frames come out as other bytes.
    pub codes_otherwise: bool,
}

/// A simulated broadcast.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// For messages.
    pub name: String,
    /// Of all chance in it.
    pub seed: u64,
    /// When the encoder stops for good.
    pub duration_ms: u64,
    /// What the operator set.
    pub settings: Settings,
    /// What the encoder sends.
    pub tracks: Vec<TrackSpec>,
    /// Tracks that do not send until they [join](Fault::JoinTrack).
    pub late_tracks: Vec<usize>,
    /// How it sends it.
    pub style: PushStyle,
    /// A second encoder beside the first.
    pub twin: Option<Twin>,
    /// Decode time of the first run's first sample, in milliseconds.
    pub origin_ms: u64,
    /// From the encoder to ingest.
    pub network_ms: RangeMs,
    /// Whole bodies may be late by this much more, so that they overtake each other.
    pub reorder_ms: u64,
    /// Of a thousand bodies, those lost on the way,
    pub lost_permille: u64,
    /// sent twice,
    pub doubled_permille: u64,
    /// and whether what failed is sent again.
    pub retries: bool,
    /// After a broken connection the encoder sends the header again.
    pub resends_header: bool,
    /// A write, until it is stored; then the same again until that is known.
    pub put_ms: RangeMs,
    /// A read.
    pub get_ms: RangeMs,
    /// Of a thousand writes, those that take a second more,
    pub slow_permille: u64,
    /// and those that fail, or seem to.
    pub failed_permille: u64,
    /// Of a thousand reads of a checkpoint, those that find an older one, or none.
    pub stale_heads_permille: u64,
    /// How many ingests there are.
    pub ingests: usize,
    /// How many edges see no writes.
    pub edges: usize,
    /// Whether there is an edge in the process of the first ingest.
    pub local_edge: bool,
    /// Viewers of each edge, on every track in turn.
    pub viewers: usize,
    /// How often a new reader reads everything, and is held against the others.
    pub cold_every_ms: u64,
    /// What goes wrong, and when.
    pub faults: Vec<(u64, Fault)>,
    /// Nothing goes wrong: media must come out in time, and all of it.
    pub is_calm: bool,
    /// A planted break.
    pub sabotage: Sabotage,
}

impl Scenario {
    /// Half a minute in which nothing goes wrong.
    pub fn calm(name: &str, seed: u64) -> Self {
        Self {
            name: name.to_owned(),
            seed,
            duration_ms: 30_000,
            settings: Settings::default(),
            tracks: vec![TrackSpec::video("v0", 12_800, 512, 50), TrackSpec::audio("a1", 48_000)],
            late_tracks: Vec::new(),
            style: PushStyle::Segments,
            twin: None,
            origin_ms: 0,
            network_ms: (5, 30),
            reorder_ms: 0,
            lost_permille: 0,
            doubled_permille: 0,
            retries: true,
            resends_header: true,
            put_ms: (10, 40),
            get_ms: (5, 25),
            slow_permille: 0,
            failed_permille: 0,
            stale_heads_permille: 0,
            ingests: 1,
            edges: 2,
            local_edge: true,
            viewers: 3,
            cold_every_ms: 1_700,
            faults: Vec::new(),
            is_calm: true,
            sabotage: Sabotage::None,
        }
    }

    /// The same, with things that go wrong.
    #[must_use]
    pub fn with(mut self, faults: &[(u64, Fault)]) -> Self {
        self.is_calm = false;
        self.faults = faults.to_vec();
        self
    }
}
