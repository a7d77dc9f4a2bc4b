//! The server's reading and writing of cookies for any input. Its file is taken in as it stands, so that the target
//! needs no server.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../wisdom-server/src/cookies/text.rs"]
mod text;

fuzz_target!(|data: &[u8]| {
    let _ = text::holds(data);
});
