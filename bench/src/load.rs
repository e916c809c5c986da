//! Viewers by the hundred.
