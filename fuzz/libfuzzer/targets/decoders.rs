//! All targets in one program, which links once; `FUZZ_TARGET` names the one to run.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hub_libfuzzer::run(input));
