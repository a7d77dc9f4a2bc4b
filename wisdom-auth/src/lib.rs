#![doc = include_str!("../README.md")]

pub mod api_key;
pub mod attempts;
pub mod authenticate;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod federation;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod impersonation;
mod jws;
pub mod kit;
pub mod mailed_proof;
pub mod oauth;
pub mod one_time_token;
mod opaque_token;
pub mod operation;
pub mod passkey;
pub mod password;
pub mod second_factor;
pub mod session;
pub mod store;
pub mod throttle;
pub mod token;
pub mod user;
