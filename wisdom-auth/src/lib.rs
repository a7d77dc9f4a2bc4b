#![doc = include_str!("../README.md")]

pub mod authenticate;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod kit;
pub mod one_time_token;
pub mod operation;
pub mod password;
pub mod session;
pub mod store;
pub mod token;
pub mod user;
