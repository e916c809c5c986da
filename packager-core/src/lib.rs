//! Rimcast's packager: what is stored, what a playlist says, who waits for what.
//!
//! It decides and never acts. There is no I/O here, no clock, no randomness, no async and no type
//! of any vendor: time, bytes and randomness are arguments, and what should happen is a return
//! value. A panic would kill the Wasm isolate and strand every viewer who waits in it, so the
//! lints below refuse everything that can panic on input.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap
    )
)]

pub mod cmaf;
pub mod dash;
pub mod edge;
pub mod hls;
pub mod ingest;
pub mod isobmff;
pub mod limits;
pub mod log;
pub mod operator;
pub mod order;
pub mod slate;
pub mod status;
pub mod time;
