#![doc = include_str!("../README.md")]

pub mod audit;
pub mod bus;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod kit;
pub mod mail;
pub mod outbox;
pub mod permission;
pub mod relay;
pub mod store;
pub mod webhook;
mod worker;
