//! Upload, core, store: what every native host of Rimcast's ingest is made of.

pub mod store;
