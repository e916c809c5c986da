//! Every bound on what may be allocated or counted because some input said so, with its reason.

/// Largest `moov`, and so largest header, accepted: real ones are under 10 kB, but sample entries
/// may carry ICC profiles and DRM signalling.
pub const HEADER_BYTES: u64 = 1 << 20;

/// Largest `moof` accepted: 16 bytes a sample at [`SAMPLES_PER_CHUNK`], and room for other boxes.
pub const MOOF_BYTES: u64 = 2 << 20;

/// Largest `mdat` accepted: 10 s at 50 Mbit/s. What an upload may hold in memory at once is this
/// and a little more.
pub const MDAT_BYTES: u64 = 64 << 20;

/// Largest box that is kept beside a chunk (`prft`, `emsg`, `styp`, `sidx` and the like).
pub const SIDE_BOX_BYTES: u64 = 256 << 10;

/// Most samples in one chunk: a 250-frame GOP and an hour of text cues fit with room to spare.
pub const SAMPLES_PER_CHUNK: usize = 65_536;

/// Most bytes of side boxes collected before one chunk's `mdat`: a burst of timed metadata, but not
/// a sender that never gets to its media.
pub const SIDE_BYTES_PER_CHUNK: u64 = 1 << 20;

/// Most tracks (`trak`) looked at in one header.
pub const TRACKS_PER_HEADER: usize = 16;

/// Largest stored JSON read: a checkpoint of two pages is under 100 kB, a listing of 4,096 segments 150 kB.
pub const STORED_JSON_BYTES: usize = 4 << 20;

/// Most GAP segments one marker may stand for. A cutter starts a new period rather than bridge
/// more than a minute; a bucket that says otherwise is corrupt.
pub const GAP_SEGMENTS_PER_MARKER: u64 = 1_000;

/// Most parts in one segment: TARGETDURATION over the shortest part, with room to spare.
pub const PARTS_PER_SEGMENT: usize = 4_096;

/// Most tracks of one broadcast: a ladder of ten, a dozen languages of sound and text each.
pub const TRACKS_PER_BROADCAST: usize = 64;

/// Pages of old segments a reader keeps of each track; others are read again when asked for.
pub const PAGES_PER_TRACK: usize = 4;

/// Most closed segments of a track that a reader keeps without their parts, and so most that a playlist lists: three days
/// of two seconds each, in 6 MB.
pub const REFERENCES_PER_TRACK: usize = 131_072;

/// Most listings and pages asked for at once, to know what a track's playlist lists: a week of two-second segments.
pub const LISTINGS_AT_ONCE: usize = 96;

/// Most broadcasts an edge remembers: names come from viewers, and viewers are hostile.
pub const BROADCASTS_KNOWN: usize = 256;

/// Most bodies of one broadcast received at once: every track's, with some pipelined or retried.
pub const UPLOADS_PER_BROADCAST: usize = 256;

/// Most bytes one body may hold back while its next chunk waits for what should come before it.
pub const UPLOAD_HELD_BYTES: usize = 64 << 20;

/// Headers kept of each track: the current session's, and those about to follow it.
pub const HEADERS_PER_TRACK: usize = 4;

/// Chunks of each track that a retry is recognised by: half a minute, frame by frame.
pub const CHUNKS_REMEMBERED: usize = 2_048;

/// Most `prft` and `emsg` boxes kept with one chunk: an event for every frame of a long chunk.
pub const SIDE_BOXES_PER_CHUNK: usize = 1024;

/// Runs before the current one that are remembered of each track: encoders that start over more often within a window
/// have other troubles.
pub const PAST_RUNS_PER_TRACK: usize = 64;

/// Most kinds of events announced of a track: a broadcast has one or two.
pub const EVENT_STREAMS_PER_TRACK: usize = 16;

/// Longest scheme and value of an event stream, in bytes.
pub const EVENT_STREAM_BYTES: usize = 256;

/// Most bytes looked at of a playlist that an encoder pushes: a day of segments.
pub const PLAYLIST_BYTES: usize = 1 << 20;

/// Longest name, with its folders, of a file that a pushed playlist or manifest speaks of; and of what
/// such a name is put together from. A manifest of [`PLAYLIST_BYTES`] may otherwise make one of gigabytes.
pub const PUSHED_NAME_BYTES: usize = 1024;

/// Most files remembered by what stream a playlist said they are of.
pub const ALIASES: usize = 4096;

/// Longest metadata of an object: S3 keeps 2 kB, names of fields included; a part's is under 150 bytes.
pub const META_BYTES: usize = 1_500;

/// Most push keys kept of a broadcast: two that are valid while one takes the other's place, and those that were valid
/// lately.
pub const PUSH_KEYS_PER_BROADCAST: usize = 4;

/// Longest clip of a slate, in bytes: every edge that shows it keeps it in memory.
pub const SLATE_CLIP_BYTES: usize = 8 << 20;
