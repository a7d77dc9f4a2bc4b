#![doc = include_str!("../README.md")]

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod authenticate;
pub mod error;
pub mod kit;
pub mod one_time_token;
pub mod operation;
pub mod password;
pub mod session;
pub mod store;
pub mod token;
pub mod user;
