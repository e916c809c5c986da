//! CMAF (ISO/IEC 23000-19): what an encoder sends, taken apart.
//!
//! An upload body goes through [`scan::Scanner`], which gives headers and chunks as whole byte
//! strings. [`Header::parse`] and [`Chunk::parse`] say what they hold. A chunk nobody changes goes
//! out as the bytes that came in; one that is cut or moved gets a new `moof`, and its media is
//! never copied.

pub mod chunk;
pub mod cutter;
pub mod header;
pub mod inband;
mod language;
pub mod movie;
pub mod mux;
pub mod scan;
pub mod synthetic;

pub use crate::isobmff::colr::VideoRange;
pub use crate::isobmff::sinf::{Protection, Scheme};
pub use chunk::{Chunk, ChunkError, Sample};
pub use header::{Header, HeaderError, TrackKind};
pub(crate) use language::tag as language_tag;
pub use scan::{Item, Scanner};
