//! No policy file panics, well formed or not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policies::Policy;

fuzz_target!(|text: &str| {
    drop(Policy::parse(text));
});
