//! Upload, core, store: what every native host of Rimcast's ingest is made of.

mod receive;
pub mod store;

pub use receive::{Ingest, Observer, Settings, Upload, wall_clock};
