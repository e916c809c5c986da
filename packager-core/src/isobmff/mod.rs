//! Boxes of ISO/IEC 14496-12: bounded readers and writers. Knows nothing above it.
