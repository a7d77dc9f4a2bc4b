//! Event streams.

mod in_process;

pub use self::in_process::InProcessStream;
