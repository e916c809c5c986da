//! See `rimcast_tests::fuzz_targets::chunk`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rimcast_tests::fuzz_targets::chunk(data));
