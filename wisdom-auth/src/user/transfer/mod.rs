//! Moving users in from other services, and out: one JSON object a line (NDJSON).
//!
//! Hashes of passwords come along: those of the kinds that can be verified let their users in as before, and become our
//! own at the first sign-in.

pub mod export;
pub mod import;
pub mod line;
