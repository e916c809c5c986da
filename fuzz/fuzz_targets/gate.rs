//! See `rimcast_tests::fuzz_targets::gate`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rimcast_tests::fuzz_targets::gate(data));
