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

/// Most `prft` and `emsg` boxes kept with one chunk: an event for every frame of a long chunk.
pub const SIDE_BOXES_PER_CHUNK: usize = 1024;
