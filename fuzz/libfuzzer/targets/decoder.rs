//! The target that `FUZZ_TARGET` names when this is compiled. Nothing else is in the program: after each
//! input libFuzzer looks at a counter for every branch that is there.
#![no_main]

use hub_fuzz::Target;

const TARGET: Target = hub_fuzz::named(env!("FUZZ_TARGET"));

libfuzzer_sys::fuzz_target!(|input: &[u8]| hub_libfuzzer::run(&TARGET, input));
