//! `wisdom_auth::fuzzing::passkey` for any input.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = wisdom_auth::fuzzing::passkey(data);
});
