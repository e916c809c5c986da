//! See `rimcast_tests::fuzz_targets::manifest`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rimcast_tests::fuzz_targets::manifest(data));
