#![doc = include_str!("../README.md")]

pub mod bare;
pub mod client;
pub mod exchange;
pub mod program;
#[cfg(feature = "stage")]
pub mod stage;
#[cfg(feature = "tokens")]
pub mod tokens;

/// What went wrong, for whoever runs a measurement.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;
