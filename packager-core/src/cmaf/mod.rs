//! CMAF (ISO/IEC 23000-19): tracks, headers, chunks.
