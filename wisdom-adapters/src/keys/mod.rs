//! Keys of the service: what it signs and seals with, in a file of its own, made at the first start.

mod file;
mod sealer;

pub use file::{KeyError, KeyFile, Keys};
pub use sealer::{AesSealer, KEY_LEN};
