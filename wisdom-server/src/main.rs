//! Wisdom server.
fn main() {}
