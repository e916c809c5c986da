//! Upload, core, store.
