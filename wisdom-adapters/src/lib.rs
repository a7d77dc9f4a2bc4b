#![doc = include_str!("../README.md")]

#[cfg(feature = "assembly")]
pub mod assembly;
pub mod blob;
pub mod cache;
pub mod config;
pub mod crm;
pub mod email;
pub mod event_stream;
pub mod http;
pub mod keys;
pub mod payments;
pub mod rate_limit;
pub mod sms;
pub mod storage;
#[cfg(feature = "testkit")]
pub mod testkit;

#[cfg(feature = "assembly")]
pub use assembly::{Call, OpenError, Ports, Wisdom, WisdomBuilder, Workers};
