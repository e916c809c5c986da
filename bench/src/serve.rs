//! The running server.
pub(crate) fn latency() {}
pub(crate) fn fan_out() {}
