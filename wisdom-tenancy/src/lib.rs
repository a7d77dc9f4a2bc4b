#![doc = include_str!("../README.md")]

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod impersonation;
pub mod invitation;
pub mod kit;
pub mod membership;
pub mod permission;
pub mod provider_sign_in;
pub mod sign_up;
pub mod store;
pub mod support_access;
pub mod tenant;
