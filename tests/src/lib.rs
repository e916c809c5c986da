//! Cases.

pub mod sim;
